//! Tries a device before it is saved, from a process that polls: only those reach the devices, and
//! only those may read credentials.

use std::sync::Arc;
use std::time::Duration;

use connectors::{Credentials, Profiles};
use processors::WorkerKind;
use schemas::{Device, DeviceId, Probe, ProbeReport, ProbeStep};

use crate::clock::wall_ms;
use crate::run::outside::Work;
use crate::run::wiring::RunError;
use crate::system::profiles;
use crate::topology::Context;

/// Nobody waits for an older request any more.
const MAX_AGE_MS: i64 = 60_000;

/// One-shot polls with the vault's credentials.
pub struct Probing {
    profiles: Profiles,
    credentials: Arc<dyn Credentials>,
}

impl Probing {
    /// With the profiles of the configuration.
    ///
    /// # Errors
    /// [`RunError::Broken`] naming the profile, or when this process holds no credentials.
    pub fn new(context: &Context) -> Result<Self, RunError> {
        let broken = |error: String| RunError::Broken { component: Self::NAME.to_owned(), error };
        let credentials = context.credentials.clone();
        Ok(Self {
            profiles: profiles(&context.config).map_err(|error| broken(error.to_string()))?,
            credentials: credentials.ok_or_else(|| broken("there is no vault".to_owned()))?,
        })
    }
}

fn failed(request: &Probe, why: &str) -> ProbeReport {
    ProbeReport {
        tenant: request.tenant.clone(),
        id: request.id.clone(),
        at: wall_ms(),
        failure: Some(why.to_owned()),
        steps: Vec::new(),
        sys_name: None,
        sys_descr: None,
        profile: None,
        interfaces: None,
    }
}

impl WorkerKind for Probing {
    type Request = Probe;
    type Outcome = ProbeReport;
    type Key = String;
    const NAME: &'static str = "probe";

    fn key(request: &Probe) -> String {
        request.id.clone()
    }

    fn id(request: &Probe) -> &str {
        &request.id
    }

    fn refuse(&self, request: &Probe, why: &str) -> ProbeReport {
        failed(request, why)
    }
}

impl Work for Probing {
    const AT_ONCE: usize = 16;
    const REPEATABLE: bool = true;

    fn deadline(&self, _: &Probe) -> Duration {
        Duration::from_secs(15)
    }

    async fn attempt(&self, request: Probe) -> ProbeReport {
        if wall_ms() - request.requested_at > MAX_AGE_MS {
            return failed(&request, "the request is over a minute old");
        }
        let device = Device {
            tenant: request.tenant.clone(),
            id: DeviceId::random(),
            name: request.address.clone(),
            address: request.address.clone(),
            port: request.port,
            profile: request.profile.clone(),
            snmp: request.credential.is_some(),
            credential: request.credential.clone(),
            site: None,
            tags: Vec::new(),
            interval_ms: 60_000,
            icmp: true,
            enabled: true,
            source: "probe".to_owned(),
            updated_at: 0,
            any_source: request.any_source,
            icmp_echoes: None,
            icmp_spacing_ms: None,
            icmp_timeout_ms: None,
        };
        let found = connectors::probe(&device, self.credentials.as_ref(), &self.profiles).await;
        let step = |step: connectors::ProbeStep| ProbeStep {
            name: step.name.to_owned(),
            ok: step.ok,
            detail: step.detail,
            duration_ms: i64::try_from(step.duration_ms).unwrap_or(i64::MAX),
        };
        ProbeReport {
            tenant: request.tenant,
            id: request.id,
            at: wall_ms(),
            failure: None,
            steps: found.steps.into_iter().map(step).collect(),
            sys_name: found.sys_name,
            sys_descr: found.sys_descr,
            profile: found.profile,
            interfaces: found.interfaces,
        }
    }

    fn unknown(&self, request: &Probe, why: &str) -> ProbeReport {
        failed(request, why)
    }
}

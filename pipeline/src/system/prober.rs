//! Tries a device before it is saved, through the log: a process that polls tries it
//! ([`crate::workers::probe`]), for the API cannot open a secret. It is the same where both are one
//! process.

use std::sync::Arc;
use std::time::Duration;

use api::{PortError, PortFuture, ProbeReport, ProbeRequest, ProbeStep};
use connectors::Profiles;

use super::answers::Answers;
use super::commands::Commands;
use super::{Shared, StartError, profiles};
use crate::clock::wall_ms;
use crate::run::supervise::Group;
use crate::topology::{PROBE, PROBE_REPORT};

/// Longest wait for an outcome.
const ANSWERED_WITHIN: Duration = Duration::from_secs(19);
/// At most so many requests wait at once.
const MAX_WAITING: usize = 64;

/// Asks for probes.
pub(super) struct Prober {
    profiles: Arc<Profiles>,
    commands: Arc<Commands>,
    outcomes: Answers<schemas::ProbeReport>,
}

impl Prober {
    /// Starts a thread that reads outcomes.
    pub(super) fn start(
        group: &mut Group,
        shared: &Arc<Shared>,
        commands: Arc<Commands>,
    ) -> Result<Self, StartError> {
        let profiles = Arc::new(profiles(&shared.config)?);
        let outcomes = Answers::start(group, shared, &PROBE_REPORT, MAX_WAITING)?;
        Ok(Self { profiles, commands, outcomes })
    }

    async fn ask(&self, request: ProbeRequest) -> Result<ProbeReport, PortError> {
        let request = schemas::Probe {
            id: uuid::Uuid::new_v4().to_string(),
            tenant: schemas::DEFAULT_TENANT.to_owned(),
            address: request.address.to_string(),
            port: i32::from(request.port),
            profile: request.profile,
            credential: request.credential,
            any_source: request.any_source,
            requested_at: wall_ms(),
        };
        let ask = self.commands.publish(&PROBE, &request);
        let outcome = self.outcomes.ask(&request.id, ANSWERED_WITHIN, ask).await?;
        report(outcome.ok_or_else(|| {
            PortError::Unavailable(format!(
                "nobody tried the device within {} s: processes of role connect do it; see on the \
                 system page that one runs, and try again",
                ANSWERED_WITHIN.as_secs()
            ))
        })?)
    }
}

fn report(outcome: schemas::ProbeReport) -> Result<ProbeReport, PortError> {
    if let Some(failure) = outcome.failure {
        return Err(PortError::Unavailable(failure));
    }
    let step = |step: schemas::ProbeStep| ProbeStep {
        name: step.name,
        ok: step.ok,
        detail: step.detail,
        duration_ms: step.duration_ms,
    };
    Ok(ProbeReport {
        steps: outcome.steps.into_iter().map(step).collect(),
        sys_name: outcome.sys_name,
        sys_descr: outcome.sys_descr,
        profile: outcome.profile,
        interfaces: outcome.interfaces,
    })
}

impl api::Prober for Prober {
    fn probe(&self, request: ProbeRequest) -> PortFuture<'_, Result<ProbeReport, PortError>> {
        Box::pin(self.ask(request))
    }

    fn profiles(&self) -> Vec<String> {
        self.profiles.names().into_iter().map(|(name, _)| name).collect()
    }
}

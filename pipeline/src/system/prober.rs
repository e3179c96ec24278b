//! Tries a device before it is saved.

use std::sync::Arc;

use api::{PortError, PortFuture, ProbeReport, ProbeRequest, ProbeStep};
use connectors::Profiles;
use schemas::{Device, DeviceId};

use super::vault::Vault;
use super::{StartError, profiles};
use crate::config::Config;

/// One-shot polls with the vault's credentials.
pub(super) struct Prober {
    profiles: Arc<Profiles>,
    vault: Arc<Vault>,
}

impl Prober {
    pub(super) fn new(config: &Config, vault: Arc<Vault>) -> Result<Self, StartError> {
        Ok(Self { profiles: Arc::new(profiles(config)?), vault })
    }

    async fn try_once(&self, request: ProbeRequest) -> Result<ProbeReport, PortError> {
        let device = Device {
            tenant: "default".to_owned(),
            id: DeviceId::random(),
            name: request.address.to_string(),
            address: request.address.to_string(),
            port: i32::from(request.port),
            profile: request.profile,
            snmp: request.credential.is_some(),
            credential: request.credential,
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
        let report = connectors::probe(&device, self.vault.as_ref(), &self.profiles).await;
        Ok(ProbeReport {
            steps: (report.steps.into_iter())
                .map(|step| ProbeStep {
                    name: step.name.to_owned(),
                    ok: step.ok,
                    detail: step.detail,
                    duration_ms: i64::try_from(step.duration_ms).unwrap_or(i64::MAX),
                })
                .collect(),
            sys_name: report.sys_name,
            sys_descr: report.sys_descr,
            profile: report.profile,
            interfaces: report.interfaces,
        })
    }
}

impl api::Prober for Prober {
    fn probe(&self, request: ProbeRequest) -> PortFuture<'_, Result<ProbeReport, PortError>> {
        Box::pin(self.try_once(request))
    }

    fn profiles(&self) -> Vec<String> {
        self.profiles.names().into_iter().map(|(name, _)| name).collect()
    }
}

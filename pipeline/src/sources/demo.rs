//! The demo's devices in the inventory. Who has just started it wants to see something happen: they
//! are polled more often at first.

use std::sync::Arc;
use std::time::Duration;

use processors::SourceKind;
use schemas::{Device, DeviceId, Source};

use super::devices::{DeviceEntry, Existing, Maintained};
use crate::config::DemoConfig;
use crate::run::outside::{Batches, Follow, SourceError};
use crate::topology::Context;

/// Everything generic, the optics and the lab's serial.
const PROFILE: &str = "lab";
/// Polls are this frequent at first…
const LIVELY_INTERVAL_MS: i64 = 10_000;
/// …and for so long.
const LIVELY: Duration = Duration::from_secs(15 * 60);

/// Maintains the demo's devices.
pub struct Demo {
    config: DemoConfig,
    existing: Arc<Existing>,
}

impl Demo {
    /// As devices name it.
    pub const SOURCE: &'static str = "demo";

    /// The demo of the configuration.
    pub fn new(context: &Context) -> Self {
        Self {
            config: context.config.demo.clone(),
            existing: Arc::new(Existing::new(Arc::clone(&context.log), context.schemas.clone())),
        }
    }

    fn devices(&self, tenant: &str, interval_ms: i64) -> Vec<Device> {
        let device = |entry: lab::DeviceConfig| Device {
            tenant: tenant.to_owned(),
            id: DeviceId::from_source(Self::SOURCE, &entry.name),
            name: entry.name,
            address: entry.address.ip().to_string(),
            port: i32::from(self.config.port),
            profile: PROFILE.to_owned(),
            credential: Some(credential(&entry.community)),
            site: Some(entry.site).filter(|site| !site.is_empty()),
            tags: vec![Self::SOURCE.to_owned()],
            interval_ms,
            snmp: true,
            icmp: true,
            enabled: true,
            source: Self::SOURCE.to_owned(),
            updated_at: 0,
            any_source: false,
            icmp_echoes: None,
            icmp_spacing_ms: None,
            icmp_timeout_ms: None,
        };
        lab::demo().devices.into_iter().map(device).collect()
    }
}

/// The credential for the demo's devices with a community.
pub fn credential(community: &str) -> String {
    format!("demo-{community}")
}

impl SourceKind for Demo {
    type Output = DeviceEntry;
    const NAME: &'static str = "demo";
    const KIND: &'static str = "demo";

    fn withdraw(&self, cursor: &[u8]) -> Vec<DeviceEntry> {
        Maintained::read(cursor).unwrap_or_default().withdraw()
    }
}

impl Follow for Demo {
    async fn follow(
        &self,
        definition: &Source,
        out: &mut Batches<DeviceEntry>,
    ) -> Result<(), SourceError> {
        let mut known = match Maintained::read(out.cursor()) {
            Some(known) => known,
            None => {
                let existing = Arc::clone(&self.existing);
                let read = tokio::task::spawn_blocking(move || existing.of(Self::SOURCE));
                read.await.map_err(SourceError::new)?.map_err(SourceError::new)?
            }
        };
        let calm_ms = self.config.interval_ms;
        let lively = calm_ms.min(LIVELY_INTERVAL_MS);
        for (interval_ms, lasts) in [(lively, LIVELY), (calm_ms, Duration::MAX)] {
            let devices = self.devices(&definition.tenant, interval_ms);
            let entries = known.change_to(Self::SOURCE, devices);
            if !entries.is_empty() {
                let mut cursor = Vec::new();
                known.write(&mut cursor);
                out.commit(entries, cursor).await?;
            }
            tokio::time::sleep(lasts).await;
        }
        Ok(())
    }
}

//! The demo: a simulated network on loopback, its credential in the vault, its devices in the
//! inventory.

use std::path::Path;
use std::sync::Arc;

use lab::{Lab, LedgerConfig};
use schemas::{Device, DeviceId};

use super::commands::Commands;
use super::inventory;
use super::vault::Vault;
use super::{Shared, StartError};

/// Source name of the demo's devices.
pub(super) const SOURCE: &str = "demo";
/// The lab's own answers by serial: what the end-to-end tests compare with.
const LEDGER: &str = "lab-ledger";
/// Everything generic, the optics and the lab's serial.
const PROFILE: &str = "lab";
const MAX_LEDGER_BYTES: u64 = 256 * 1024 * 1024;

/// Starts the network and puts its devices on the log.
pub(super) fn start(shared: &Shared, vault: &Arc<Vault>) -> Result<Lab, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::machine("demo network", error);
    let state = &shared.config.state_dir;
    let mut config = lab::demo();
    for device in &mut config.devices {
        device.address.set_port(shared.config.demo.port);
    }
    config.state_path = Some(state.join("lab-state"));
    config.ledger = LedgerConfig::File { path: state.join(LEDGER), max_bytes: MAX_LEDGER_BYTES };
    let script = &shared.config.demo.script;
    if !script.is_empty() {
        config.script = lab::read_script(Path::new(script)).map_err(|error| failed(&error))?;
    }
    let lab = Lab::start(config).map_err(|error| failed(&error))?;
    let commands = Commands::new(shared.log.as_ref())?;
    let mut devices = Vec::new();
    for entry in lab.inventory() {
        let credential = format!("demo-{}", entry.community);
        let secret = api::NewSecret::SnmpV2c { community: entry.community.clone().into() };
        let put = api::Vault::put(vault.as_ref(), credential.clone(), secret);
        shared.runtime.block_on(put).map_err(|error| failed(&error))?;
        devices.push(Device {
            tenant: "default".to_owned(),
            id: DeviceId::from_source(SOURCE, &entry.name),
            name: entry.name.clone(),
            address: entry.address.to_string(),
            port: i32::from(entry.port),
            profile: PROFILE.to_owned(),
            credential: Some(credential),
            site: Some(entry.site.clone()).filter(|site| !site.is_empty()),
            tags: vec![SOURCE.to_owned()],
            interval_ms: shared.config.demo.interval_ms,
            snmp: true,
            icmp: true,
            enabled: true,
            source: SOURCE.to_owned(),
            updated_at: 0,
        });
    }
    inventory::sync(shared, &commands, SOURCE, devices)?;
    Ok(lab)
}

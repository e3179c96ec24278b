//! The demo's network: simulated, on loopback, its credentials in the vault. Its devices come by a
//! source (`crate::sources::demo`).

use std::path::Path;
use std::sync::Arc;

use lab::{Lab, LedgerConfig};

use super::vault::Vault;
use super::{Shared, StartError};
use crate::sources::demo::credential;

/// The lab's own answers by serial: what the end-to-end tests compare with.
const LEDGER: &str = "lab-ledger";
const MAX_LEDGER_BYTES: u64 = 256 * 1024 * 1024;

/// Starts the network and puts its credentials into the vault.
pub(super) fn start(shared: &Arc<Shared>, vault: &Arc<Vault>) -> Result<Lab, StartError> {
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
    let lab = Lab::start(config).map_err(|error| {
        let port = shared.config.demo.port;
        failed(&format!(
            "{error}: if UDP port {port} is taken, set demo.port (OPSC__DEMO__PORT) to another; \
             without the demo: OPSC_DEMO=0"
        ))
    })?;
    for entry in lab.inventory() {
        let credential = credential(&entry.community);
        let secret = api::NewSecret::SnmpV2c { community: entry.community.clone().into() };
        let put = api::Vault::put(vault.as_ref(), credential.clone(), secret);
        shared.runtime.block_on(put).map_err(|error| failed(&error))?;
    }
    Ok(lab)
}

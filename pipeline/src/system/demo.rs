//! The demo's network: simulated, on loopback, its credentials in the vault. Its devices come by a
//! source (`crate::sources::demo`).

use std::path::Path;
use std::sync::Arc;

use lab::{Lab, LedgerConfig};
use vault::{Kind, Secret};
use zeroize::Zeroizing;

use super::commands::Commands;
use super::{Shared, StartError, entities, vault as store};
use crate::sources::demo::{Demo, credential};
use crate::topology::ENTITY_COMMAND;

/// The lab's own answers by serial: what the end-to-end tests compare with.
const LEDGER: &str = "lab-ledger";
const MAX_LEDGER_BYTES: u64 = 256 * 1024 * 1024;

/// Starts the network and puts its credentials into the vault.
pub(super) fn start(shared: &Arc<Shared>) -> Result<Lab, StartError> {
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
    let commands = Commands::new(shared.log.as_ref())?;
    for entry in lab.inventory() {
        let (name, secret) = (credential(&entry.community), community(&entry.community)?);
        let put = async {
            if let Some(stored) = store::seal(&shared.pool, &name, secret, true).await? {
                // Not waited for: the processor that decides may start later. What is known stays
                // as it is.
                let request = stored.request(Some(0), Demo::SOURCE.to_owned());
                commands.publish(&ENTITY_COMMAND, &entities::command(request)).await?;
            }
            Ok::<_, api::PortError>(())
        };
        shared.runtime.block_on(put).map_err(|error| failed(&error))?;
    }
    Ok(lab)
}

fn community(text: &str) -> Result<Secret, StartError> {
    let failed = |error: String| StartError::machine("demo network's community", error);
    let kind = Kind::offered_as("snmp_v2c").map_err(failed)?;
    let given = [("community".to_owned(), Zeroizing::new(text.to_owned()))];
    Secret::new(kind, given.into()).map_err(|flaws| {
        failed(flaws.into_iter().map(|flaw| flaw.detail).collect::<Vec<_>>().join(", "))
    })
}

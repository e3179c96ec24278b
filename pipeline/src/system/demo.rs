//! The demo: a simulated network on loopback, its credential in the vault, its devices in the
//! inventory.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lab::{Lab, LedgerConfig};
use schemas::{Device, DeviceId};
use vault::{Kind, Secret};
use zeroize::Zeroizing;

use super::commands::Commands;
use super::inventory;
use super::vault::Store;
use super::{Shared, StartError};

/// Source name of the demo's devices.
pub(super) const SOURCE: &str = "demo";
/// The lab's own answers by serial: what the end-to-end tests compare with.
const LEDGER: &str = "lab-ledger";
/// Everything generic, the optics and the lab's serial.
const PROFILE: &str = "lab";
const MAX_LEDGER_BYTES: u64 = 256 * 1024 * 1024;

/// Who has just started it wants to see something happen: polls are this frequent at first…
const LIVELY_INTERVAL_MS: i64 = 10_000;
/// …and for so long.
const LIVELY: Duration = Duration::from_secs(15 * 60);
const LOOK: Duration = Duration::from_millis(500);

/// Starts the network and puts its devices on the log.
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
    let commands = Arc::new(Commands::new(shared.log.as_ref())?);
    let store = Store::new(shared.pool.clone(), Arc::clone(&commands));
    let mut devices = Vec::new();
    for entry in lab.inventory() {
        let credential = format!("demo-{}", entry.community);
        let put = api::Vault::put(&store, credential.clone(), community(&entry.community)?);
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
            interval_ms: shared.config.demo.interval_ms.min(LIVELY_INTERVAL_MS),
            snmp: true,
            icmp: true,
            enabled: true,
            source: SOURCE.to_owned(),
            updated_at: 0,
            any_source: false,
            icmp_echoes: None,
            icmp_spacing_ms: None,
            icmp_timeout_ms: None,
        });
    }
    inventory::sync(shared, &commands, SOURCE, devices.clone())?;
    if shared.config.demo.interval_ms > LIVELY_INTERVAL_MS {
        calm_down(Arc::clone(shared), commands, devices)?;
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

/// Lets the devices be polled at their own interval once the first look is over.
fn calm_down(
    shared: Arc<Shared>,
    commands: Arc<Commands>,
    mut devices: Vec<Device>,
) -> Result<(), StartError> {
    let begun = Instant::now();
    let wait = move || {
        while begun.elapsed() < LIVELY {
            if shared.stop.requested() {
                return;
            }
            std::thread::sleep(LOOK);
        }
        for device in &mut devices {
            device.interval_ms = shared.config.demo.interval_ms;
        }
        if let Err(error) = inventory::sync(&shared, &commands, SOURCE, devices) {
            tracing::error!(%error, "demo network: its devices are still polled every 10 s");
        }
    };
    std::thread::Builder::new()
        .name("demo network".to_owned())
        .spawn(wait)
        .map(drop)
        .map_err(|error| StartError::machine("starting a thread", error))
}

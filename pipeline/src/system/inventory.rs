//! Devices that a source maintains as a whole (the inventory file, the demo network): what the
//! source names is put on the log, what it no longer names is removed, devices of other sources
//! are left alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use api::Commands as _;
use schemas::{AvroRecord, Device, DeviceId};

use super::commands::Commands;
use super::{Shared, StartError};
use crate::clock::wall_ms;
use crate::config::Config;
use crate::log::{LogError, Start};
use crate::run::schema_topic::read_to_end;
use crate::topology::DEVICE;

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(5);
/// A larger file is refused: 100,000 devices take about 10 MB.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Source name of the inventory file's devices.
pub const FILE: &str = "file";

/// Reads the inventory file of the configuration.
///
/// # Errors
/// The words for the operator: file, line, mend.
pub fn read(config: &Config) -> Result<Vec<Device>, String> {
    let path = &config.inventory.file;
    let size = std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("{path}: {size} bytes, more than {MAX_FILE_BYTES}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    connectors::parse_inventory(&text, 0).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{path}: {error}")).collect();
        lines.join("\n")
    })
}

/// Takes the file over at start and whenever it changes.
///
/// # Errors
/// [`StartError`] when the file cannot be read at start.
pub(super) fn follow(shared: &Arc<Shared>) -> Result<(), StartError> {
    let commands = Commands::new(shared.log.as_ref())?;
    if !shared.config.demo.enabled {
        sync(shared, &commands, super::demo::SOURCE, Vec::new())?;
    }
    let path = shared.config.inventory.file.clone();
    if path.is_empty() {
        return Ok(());
    }
    let devices =
        read(&shared.config).map_err(|error| StartError::machine("inventory file", error))?;
    sync(shared, &commands, FILE, devices)?;
    let shared = Arc::clone(shared);
    let mut seen = modified(&path);
    std::thread::Builder::new()
        .name("inventory file".to_owned())
        .spawn(move || {
            while !shared.stop.requested() {
                std::thread::sleep(LOOK);
                let now = modified(&path);
                if now == seen {
                    continue;
                }
                seen = now;
                let done = read(&shared.config).and_then(|devices| {
                    sync(&shared, &commands, FILE, devices).map_err(|error| error.to_string())
                });
                if let Err(error) = done {
                    tracing::error!(error, "inventory file: the devices stay as they were");
                }
            }
        })
        .map(drop)
        .map_err(|error| StartError::machine("starting a thread", error))
}

fn modified(path: &str) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

/// Makes the devices of a source on the log equal to `devices`.
///
/// # Errors
/// [`StartError`] when the log cannot be read or written.
pub(super) fn sync(
    shared: &Shared,
    commands: &Commands,
    source: &str,
    devices: Vec<Device>,
) -> Result<(), StartError> {
    let mut known = current(shared)?;
    known.retain(|_, device| device.source == source);
    let (mut put, mut removed) = (0, 0);
    let failed = |error: api::PortError| StartError::machine("event log", error);
    for mut device in devices {
        source.clone_into(&mut device.source);
        let old = known.remove(&device.id);
        device.updated_at = old.as_ref().map_or(0, |old| old.updated_at);
        if old.as_ref() == Some(&device) {
            continue;
        }
        device.updated_at = wall_ms();
        shared.runtime.block_on(commands.put(&device)).map_err(failed)?;
        put += 1;
    }
    for id in known.into_keys() {
        shared.runtime.block_on(commands.delete_device(id)).map_err(failed)?;
        removed += 1;
    }
    if put + removed > 0 {
        tracing::info!(source, put, removed, "inventory");
    }
    Ok(())
}

/// All devices on the log.
fn current(shared: &Shared) -> Result<BTreeMap<DeviceId, Device>, LogError> {
    let mut devices = BTreeMap::new();
    for partition in 0..shared.config.log.partitions {
        let mut reader = shared.log.reader(DEVICE.name, &[partition], Start::Earliest)?;
        read_to_end(reader.as_mut(), partition, |key, value| {
            let id = std::str::from_utf8(key).ok().and_then(|key| key.parse().ok());
            match (id, value.map(|value| Device::decode(&shared.schemas, value))) {
                (Some(id), Some(Ok(device))) => {
                    devices.insert(id, device);
                }
                (Some(id), None) => {
                    devices.remove(&id);
                }
                // The pollers and sinks dead-letter what cannot be read.
                (None, _) | (Some(_), Some(Err(_))) => {}
            }
        })?;
    }
    Ok(devices)
}

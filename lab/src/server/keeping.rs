//! The state file: what faults changed for good, so that a lab that starts again goes on
//! where it was. A kill -9 can lose the changes of the last second.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::state::Kept as KeptDevice;

use super::{LabError, Shared};

/// A larger state file is refused.
const MAX_STATE_BYTES: u64 = 1 << 30;

/// The content of the file. Seed, day and epoch shape all values: with others the devices'
/// part does not fit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    pub(crate) epoch_unix_ms: u64,
    seed: u64,
    day_seconds: u32,
    devices: BTreeMap<String, KeptDevice>,
}

impl Kept {
    /// The devices that the file names and that are still there.
    pub(crate) fn fitting(mut self, shared: &Shared) -> Vec<(&Device, KeptDevice)> {
        let same = (self.epoch_unix_ms, self.seed, self.day_seconds)
            == (shared.epoch_unix_ms, shared.seed, shared.day_seconds);
        if !same {
            return Vec::new();
        }
        let devices = shared.devices.iter();
        devices.filter_map(|device| Some((device, self.devices.remove(&device.name)?))).collect()
    }
}

/// Reads the file; none where there is none.
pub(crate) fn load(path: &Path) -> Result<Option<Kept>, LabError> {
    let wrong = |problem: String| LabError::State { path: path.to_owned(), problem };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
        Ok(found) if found.len() > MAX_STATE_BYTES => {
            return Err(wrong("larger than 1 GiB".to_owned()));
        }
        Ok(_) => {}
    }
    let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| wrong(error.to_string()))
}

/// Writes the file anew and puts it in place at once.
pub(crate) fn keep(shared: &Shared, path: &Path) -> io::Result<()> {
    let devices = shared.devices.iter().filter_map(|device| {
        let state = device.lock();
        state.changed.then(|| (device.name.clone(), state.kept()))
    });
    let kept = Kept {
        epoch_unix_ms: shared.epoch_unix_ms,
        seed: shared.seed,
        day_seconds: shared.day_seconds,
        devices: devices.collect(),
    };
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    fs::write(&fresh, serde_json::to_vec(&kept)?)?;
    fs::rename(&fresh, path)
}

//! What a source of devices publishes, and what it remembers of what it did.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{AvroRecord, CodecError, Device, DeviceId, SchemaStore};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::clock::wall_ms;
use crate::log::{EventLog, LogError, NewRecord};
use crate::run::schema_topic::read_all;
use crate::topology::DEVICE;

/// Layout of the cursor.
const LAYOUT: u8 = 1;
/// Of a device in it: id and digest.
const ENTRY: usize = 24;

/// A device that a source maintains; none: no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceEntry {
    /// Which.
    pub id: DeviceId,
    /// As it is to be.
    pub device: Option<Box<Device>>,
}

impl DeviceEntry {
    /// The record.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn record(&self) -> Result<NewRecord, CodecError> {
        match &self.device {
            Some(device) => DEVICE.record(&self.id, device.as_ref()),
            None => Ok(DEVICE.tombstone(&self.id)),
        }
    }
}

/// The devices that a source maintains, with a digest of what it said of each. What somebody else
/// changes of a device stays until the source says something new of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    devices: BTreeMap<DeviceId, u64>,
}

impl Maintained {
    /// What makes these the source's devices, and all others no longer.
    pub fn change_to(&mut self, source: &str, devices: Vec<Device>) -> Vec<DeviceEntry> {
        let mut entries = Vec::new();
        let mut now = BTreeMap::new();
        for mut device in devices {
            source.clone_into(&mut device.source);
            let (id, digest) = (device.id, digest(&device));
            if self.devices.get(&id) != Some(&digest) {
                device.updated_at = wall_ms();
                entries.push(DeviceEntry { id, device: Some(Box::new(device)) });
            }
            now.insert(id, digest);
        }
        let gone = self.devices.keys().filter(|id| !now.contains_key(id));
        entries.extend(gone.map(|id| DeviceEntry { id: *id, device: None }));
        self.devices = now;
        entries
    }

    /// What takes all of them back.
    pub fn withdraw(&self) -> Vec<DeviceEntry> {
        self.devices.keys().map(|id| DeviceEntry { id: *id, device: None }).collect()
    }

    /// As bytes.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(LAYOUT);
        for (id, digest) in &self.devices {
            bytes.extend_from_slice(id.0.as_bytes());
            bytes.extend_from_slice(&digest.to_be_bytes());
        }
    }

    /// Reads what [`Self::write`] wrote; none for anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&LAYOUT, entries) = bytes.split_first()? else { return None };
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        let entry = |entry: &[u8; ENTRY]| {
            let (id, digest) = entry.split_first_chunk::<16>()?;
            let digest = u64::from_be_bytes(digest.try_into().ok()?);
            Some((DeviceId(Uuid::from_bytes(*id)), digest))
        };
        let devices = entries.iter().map(entry).collect::<Option<_>>()?;
        rest.is_empty().then_some(Self { devices })
    }
}

/// Of all that a source says of a device: not when.
fn digest(device: &Device) -> u64 {
    let device = Device { updated_at: 0, ..device.clone() };
    xxh3_64(&device.encode().unwrap_or_default())
}

/// The devices on the log: what a source without a cursor begins with, after an upgrade.
pub struct Existing {
    log: Arc<dyn EventLog>,
    schemas: SchemaStore,
}

impl Existing {
    /// Reads nothing yet.
    pub fn new(log: Arc<dyn EventLog>, schemas: SchemaStore) -> Self {
        Self { log, schemas }
    }

    /// Those that a source maintains. Waits for the log.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn of(&self, source: &str) -> Result<Maintained, LogError> {
        let mut devices = BTreeMap::new();
        read_all(self.log.as_ref(), DEVICE.name, |key, value| {
            let id = std::str::from_utf8(key).ok().and_then(|key| key.parse().ok());
            let Some(id) = id else { return };
            devices.remove(&id);
            // The pollers and sinks dead-letter what cannot be read.
            let device = value.and_then(|it| Device::decode(&self.schemas, it).ok());
            if let Some(device) = device.filter(|device| device.source == source) {
                devices.insert(id, digest(&device));
            }
        })?;
        Ok(Maintained { devices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, address: &str) -> Device {
        let line = format!("{address} name={name}");
        connectors::parse_inventory(&line, 0).unwrap().remove(0)
    }

    fn names(entries: &[DeviceEntry]) -> Vec<String> {
        let name = |entry: &DeviceEntry| entry.device.as_ref().map(|device| device.name.clone());
        entries.iter().map(|entry| name(entry).unwrap_or_else(|| "-".to_owned())).collect()
    }

    #[test]
    fn only_what_changed_is_published() {
        let mut known = Maintained::default();
        let both = || vec![device("a", "192.0.2.1"), device("b", "192.0.2.2")];
        assert_eq!(names(&known.change_to("file", both())), ["a", "b"]);
        assert_eq!(names(&known.change_to("file", both())), [""; 0]);
        let moved = vec![device("a", "192.0.2.9"), device("b", "192.0.2.2")];
        assert_eq!(names(&known.change_to("file", moved)), ["a"]);
        assert_eq!(names(&known.change_to("file", vec![device("b", "192.0.2.2")])), ["-"]);
        assert_eq!(names(&known.withdraw()), ["-"]);
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_and_nothing_else_does() {
        let mut known = Maintained::default();
        known.change_to("file", vec![device("a", "192.0.2.1"), device("b", "192.0.2.2")]);
        let mut bytes = Vec::new();
        known.write(&mut bytes);
        assert_eq!(Maintained::read(&bytes), Some(known));
        for strange in [&bytes[..bytes.len() - 1], &[2], b""] {
            assert_eq!(Maintained::read(strange), None);
        }
    }
}

//! A key's snapshot in the state topic: which logic wrote it, up to where it has read, and the
//! state itself, in parts where it is larger than a record may be.
//!
//! Layout of a part: version (u32), next offset (i64), part (u16), parts (u16), all big endian,
//! then the bytes. All parts of a snapshot are in one commit, so a reader finds all or none.

use std::collections::HashMap;

use bytes::Bytes;
use schemas::DeviceId;

const HEADER: usize = 16;

/// The largest part; leaves room for key and header below the log's limit.
const MAX_PART_BYTES: usize = 900_000;

/// A whole snapshot as read back.
pub(super) struct Snapshot {
    /// The logic that wrote it.
    pub version: u32,
    /// Records below this offset are in it.
    pub next: i64,
    /// How many records hold it.
    pub parts: u16,
    /// As the processor saved it.
    pub state: Vec<u8>,
}

/// Splits a state into the values of its parts.
pub(super) fn split(version: u32, next: i64, state: &[u8]) -> Vec<Bytes> {
    let parts = state.len().div_ceil(MAX_PART_BYTES).max(1);
    let part = |(i, bytes): (usize, &[u8])| {
        let mut value = Vec::with_capacity(HEADER + bytes.len());
        value.extend_from_slice(&version.to_be_bytes());
        value.extend_from_slice(&next.to_be_bytes());
        value.extend_from_slice(&(i as u16).to_be_bytes());
        value.extend_from_slice(&(parts as u16).to_be_bytes());
        value.extend_from_slice(bytes);
        Bytes::from(value)
    };
    if state.is_empty() {
        return vec![part((0, state))];
    }
    state.chunks(MAX_PART_BYTES).enumerate().map(part).collect()
}

/// The record key of a part.
pub(super) fn part_key(device: DeviceId, part: u16) -> Bytes {
    let mut key = device.key();
    if part > 0 {
        key.extend_from_slice(format!("/{part}").as_bytes());
    }
    key.into()
}

/// Puts snapshots together from the records of a state partition, the last of each key winning.
#[derive(Default)]
pub(super) struct Assembly {
    parts: HashMap<DeviceId, Vec<Option<Bytes>>>,
}

impl Assembly {
    /// Takes a record of the state topic.
    ///
    /// # Errors
    /// The words for the operator when the key is none of ours.
    pub(super) fn add(&mut self, key: &[u8], value: Option<Bytes>) -> Result<(), String> {
        let text = std::str::from_utf8(key).map_err(|error| format!("state key: {error}"))?;
        let (device, part) = text.split_once('/').unwrap_or((text, "0"));
        let bad = |error: String| format!("state key {text:?}: {error}");
        let device: DeviceId = device.parse().map_err(|e: uuid::Error| bad(e.to_string()))?;
        let part: usize = part.parse().map_err(|e: std::num::ParseIntError| bad(e.to_string()))?;
        let parts = self.parts.entry(device).or_default();
        if parts.len() <= part {
            parts.resize(part + 1, None);
        }
        parts[part] = value;
        Ok(())
    }

    /// The snapshots found, in the order of their keys.
    ///
    /// # Errors
    /// The words for the operator when a part is missing or cut off.
    pub(super) fn finish(self) -> Result<Vec<(DeviceId, Snapshot)>, String> {
        let mut found = Vec::with_capacity(self.parts.len());
        for (device, parts) in self.parts {
            // A tombstone on the first part removes the device, whatever later parts lie about.
            let Some(Some(first)) = parts.first() else { continue };
            let header = Header::read(first)
                .ok_or_else(|| format!("snapshot of {device} is cut off in its header"))?;
            let mut state = Vec::new();
            for i in 0..header.parts {
                let part = parts.get(usize::from(i)).and_then(Option::as_ref);
                let whole = part.filter(|part| {
                    Header::read(part).is_some_and(|h| (h.next, h.part) == (header.next, i))
                });
                let Some(part) = whole else {
                    return Err(format!(
                        "snapshot of {device}: part {i} of {} is missing",
                        header.parts
                    ));
                };
                state.extend_from_slice(&part[HEADER..]);
            }
            let Header { version, next, parts, .. } = header;
            found.push((device, Snapshot { version, next, parts, state }));
        }
        found.sort_unstable_by_key(|(device, _)| *device);
        Ok(found)
    }
}

struct Header {
    version: u32,
    next: i64,
    part: u16,
    parts: u16,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk()?;
        let (next, rest) = rest.split_first_chunk()?;
        let (part, rest) = rest.split_first_chunk()?;
        let (parts, _) = rest.split_first_chunk()?;
        Some(Self {
            version: u32::from_be_bytes(*version),
            next: i64::from_be_bytes(*next),
            part: u16::from_be_bytes(*part),
            parts: u16::from_be_bytes(*parts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(length: usize, expected_parts: usize) {
        let device = DeviceId::from_source("test", "d");
        let state: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let mut assembly = Assembly::default();
        // An older, longer snapshot leaves parts behind.
        for (i, value) in split(1, 5, &vec![9; 2_000_000]).into_iter().enumerate() {
            assembly.add(&part_key(device, i as u16), Some(value)).unwrap();
        }
        let parts = split(2, 7, &state);
        assert_eq!(parts.len(), expected_parts);
        for (i, value) in parts.into_iter().enumerate() {
            assembly.add(&part_key(device, i as u16), Some(value)).unwrap();
        }
        let found = assembly.finish().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].1.version, found[0].1.next), (2, 7));
        assert_eq!(found[0].1.state, state);
    }

    #[test]
    fn parts_come_together() {
        check(0, 1);
        check(1, 1);
        check(MAX_PART_BYTES, 1);
        check(MAX_PART_BYTES + 1, 2);
    }

    #[test]
    fn a_missing_part_is_named() {
        let device = DeviceId::from_source("test", "d");
        let mut assembly = Assembly::default();
        let parts = split(1, 7, &vec![0; MAX_PART_BYTES + 1]);
        assembly.add(&part_key(device, 0), Some(parts[0].clone())).unwrap();
        assert!(assembly.finish().err().unwrap().contains("part 1 of 2"));
    }
}

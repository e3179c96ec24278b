//! A key's snapshot in the state topic: its sections, each replaced when it changed. Section 0 is
//! in every snapshot and says up to where all of them have read.
//!
//! A section lies in parts where it is larger than a record may be. Layout of a part: version
//! (u32), next offset (i64), part (u16), parts (u16), all big endian, then the bytes. What belongs
//! together is written in one commit, so a reader finds all or none.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use processors::{Sections, StateKey};

const HEADER: usize = 16;

/// The largest part; leaves room for key and header below the log's limit.
const MAX_PART_BYTES: usize = 900_000;

/// A whole snapshot as read back.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The logic that wrote it.
    pub version: u32,
    /// Records below this offset are in it.
    pub next: i64,
    /// How many records hold each section.
    pub parts: BTreeMap<u16, u16>,
    /// As the processor saved it.
    pub sections: Sections,
}

/// Splits a section into the values of its parts.
pub(super) fn split(version: u32, next: i64, section: &[u8]) -> Vec<Bytes> {
    let parts = section.len().div_ceil(MAX_PART_BYTES).max(1);
    let part = |i: usize| {
        let from = i * MAX_PART_BYTES;
        let bytes = &section[from..section.len().min(from + MAX_PART_BYTES)];
        let mut value = Vec::with_capacity(HEADER + bytes.len());
        value.extend_from_slice(&version.to_be_bytes());
        value.extend_from_slice(&next.to_be_bytes());
        value.extend_from_slice(&(i as u16).to_be_bytes());
        value.extend_from_slice(&(parts as u16).to_be_bytes());
        value.extend_from_slice(bytes);
        Bytes::from(value)
    };
    (0..parts).map(part).collect()
}

/// The record key of a part.
pub(super) fn part_key<K: StateKey>(key: &K, section: u16, part: u16) -> Bytes {
    let mut key = key.bytes();
    key.extend_from_slice(format!("/{section}").as_bytes());
    if part > 0 {
        key.extend_from_slice(format!("/{part}").as_bytes());
    }
    key.into()
}

fn split_key<K: StateKey>(key: &[u8]) -> Result<(K, u16, u16), String> {
    let text = std::str::from_utf8(key).map_err(|error| format!("state key: {error}"))?;
    let end = text.match_indices('/').nth(K::WORDS - 1).map_or(text.len(), |(at, _)| at);
    let (key, rest) = text.split_at(end);
    let key = K::parse(key);
    let mut words = rest.strip_prefix('/').unwrap_or_default().split('/');
    let mut next = || words.next();
    let section = next().and_then(|word| word.parse().ok());
    let part = next().map_or(Some(0), |word| word.parse().ok());
    match (key, section, part, next()) {
        (Some(key), Some(section), Some(part), None) => Ok((key, section, part)),
        _ => Err(format!(
            "state key {text:?} is none of this program: another one wrote to the state topic"
        )),
    }
}

/// Puts snapshots together from the records of a state partition, the last of each key winning.
pub(super) struct Assembly<K> {
    parts: HashMap<K, BTreeMap<u16, Parts>>,
}

impl<K> Default for Assembly<K> {
    fn default() -> Self {
        Self { parts: HashMap::new() }
    }
}

/// A section's parts by number; none: removed. As many as there are records, whatever their keys
/// say.
type Parts = BTreeMap<u16, Option<Bytes>>;

impl<K: StateKey> Assembly<K> {
    /// Takes a record of the state topic.
    ///
    /// # Errors
    /// The words for the operator when the key is none of ours.
    pub(super) fn add(&mut self, key: &[u8], value: Option<Bytes>) -> Result<(), String> {
        let (key, section, part) = split_key(key)?;
        self.parts.entry(key).or_default().entry(section).or_default().insert(part, value);
        Ok(())
    }

    /// The snapshots found, in the order of their keys.
    ///
    /// # Errors
    /// The words for the operator when a part is missing or cut off.
    pub(super) fn finish(self) -> Result<Vec<(K, Snapshot)>, String> {
        let mut found = Vec::with_capacity(self.parts.len());
        for (key, sections) in self.parts {
            let named = |error: String| format!("snapshot of {key}: {error}");
            if let Some(snapshot) = whole(&sections).map_err(named)? {
                found.push((key, snapshot));
            }
        }
        found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }
}

/// Joins a key's parts; none when the key was removed.
fn whole(stored: &BTreeMap<u16, Parts>) -> Result<Option<Snapshot>, String> {
    // A tombstone on the first section removes the key, whatever else lies about.
    let Some(Some(first)) = stored.get(&0).and_then(|parts| parts.get(&0)) else {
        return Ok(None);
    };
    let Header { version, next, .. } = Header::read(first).ok_or("it is cut off in its header")?;
    let mut snapshot =
        Snapshot { version, next, parts: BTreeMap::new(), sections: Sections::new() };
    for (section, parts) in stored {
        let Some(Some(first)) = parts.get(&0) else { continue };
        let header = Header::read(first)
            .ok_or_else(|| format!("section {section} is cut off in its header"))?;
        if header.next > next {
            return Err(format!(
                "section {section} is of offset {}, the whole only of {next}",
                header.next
            ));
        }
        let mut bytes = Vec::new();
        for i in 0..header.parts {
            let part = parts.get(&i).and_then(Option::as_ref);
            let part = part.filter(|part| {
                Header::read(part).is_some_and(|h| (h.next, h.part) == (header.next, i))
            });
            let Some(part) = part else {
                return Err(format!(
                    "part {i} of {} of section {section} is missing",
                    header.parts
                ));
            };
            bytes.extend_from_slice(&part[HEADER..]);
        }
        let last = parts.last_key_value().map_or(0, |(part, _)| *part);
        snapshot.parts.insert(*section, last.saturating_add(1));
        snapshot.sections.insert(*section, bytes);
    }
    Ok(Some(snapshot))
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
    use schemas::DeviceId;

    use super::*;

    type Assembly = super::Assembly<DeviceId>;

    fn device() -> DeviceId {
        DeviceId::from_source("test", "d")
    }

    fn add(assembly: &mut Assembly, section: u16, next: i64, bytes: &[u8]) -> usize {
        let parts = split(2, next, bytes);
        let count = parts.len();
        for (i, value) in parts.into_iter().enumerate() {
            assembly.add(&part_key(&device(), section, i as u16), Some(value)).unwrap();
        }
        count
    }

    fn check(length: usize, expected_parts: usize) {
        let state: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let mut assembly = Assembly::default();
        // An older, longer snapshot leaves parts behind; section 7 did not change since.
        add(&mut assembly, 0, 5, &vec![9; 2_000_000]);
        add(&mut assembly, 7, 5, b"as it was");
        assert_eq!(add(&mut assembly, 0, 7, &state), expected_parts);
        let found = assembly.finish().unwrap();
        assert_eq!(found.len(), 1);
        let snapshot = &found[0].1;
        assert_eq!((snapshot.version, snapshot.next), (2, 7));
        assert_eq!(snapshot.sections[&0], state);
        assert_eq!(snapshot.sections[&7], b"as it was");
        assert_eq!(snapshot.parts, BTreeMap::from([(0, 3), (7, 1)]), "what to remove one day");
    }

    #[test]
    fn parts_come_together() {
        check(0, 1);
        check(1, 1);
        check(MAX_PART_BYTES, 1);
        check(MAX_PART_BYTES + 1, 2);
    }

    #[test]
    fn a_removed_key_is_gone_whatever_lies_about() {
        let mut assembly = Assembly::default();
        add(&mut assembly, 0, 7, b"now");
        add(&mut assembly, 7, 5, b"as it was");
        assembly.add(&part_key(&device(), 0, 0), None).unwrap();
        assert!(assembly.finish().unwrap().is_empty());
    }

    proptest::proptest! {
        #![proptest_config(hostile::cases(2_000))]

        /// Damaged keys and values of the state topic: an error in words, or snapshots; and never
        /// more memory than the records themselves take.
        #[test]
        fn any_records_are_snapshots_or_an_error(
            records in proptest::collection::vec(
                (
                    hostile::Corpus::new(
                        [part_key(&device(), 0, 0), part_key(&device(), 7, 3)].map(|it| it.to_vec()),
                    )
                    .with_words(&["/", "/65535", "/65536", "/4294967295", "18446744073709551615"])
                    .bytes(),
                    hostile::Corpus::new(
                        split(2, 5, b"section").into_iter().map(|part| part.to_vec()),
                    )
                    .bytes(),
                    proptest::bool::weighted(0.9),
                ),
                1..6,
            ),
        ) {
            let result = hostile::within(64 << 10, || {
                let mut assembly = Assembly::default();
                for (key, value, kept) in records {
                    assembly.add(&key, kept.then(|| value.into()))?;
                }
                assembly.finish()
            });
            if let Err(error) = result {
                assert!(error.contains("state key") || error.contains("snapshot of"), "{error}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let mut assembly = Assembly::default();
        let parts = split(1, 7, &vec![0; MAX_PART_BYTES + 1]);
        assembly.add(&part_key(&device(), 0, 0), Some(parts[0].clone())).unwrap();
        let error = assembly.finish().unwrap_err();
        assert!(error.contains("part 1 of 2 of section 0 is missing"), "{error}");

        let mut assembly = Assembly::default();
        add(&mut assembly, 0, 5, b"now");
        add(&mut assembly, 3, 6, b"later");
        let error = assembly.finish().unwrap_err();
        assert!(error.contains("section 3 is of offset 6, the whole only of 5"), "{error}");

        let error = Assembly::default().add(b"abc/x", None).unwrap_err();
        assert!(error.contains("\"abc/x\""), "{error}");
    }
}

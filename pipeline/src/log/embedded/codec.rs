//! How records and the log's own facts lie in the store.
//!
//! Record key: partition (u32) and offset (u64), big endian, so that a partition's records lie
//! in order. Record value: flags, append time, body; the body is key, headers, value, and lz4
//! when it is large and gains by it. Facts begin with a letter: `f` format, `n` next number,
//! `t` topic, `s` segment, `e` end of a partition, `c` what is compacted, `p` position.

use std::sync::Arc;

use bytes::Bytes;

use super::super::{Cleanup, NewRecord, Position, Record};
use super::store::Space;

const COMPRESSED: u8 = 1;
const KEY: u8 = 2;
const VALUE: u8 = 4;
const BODY: usize = 9;
/// Bodies above this are compressed.
const COMPRESS_ABOVE: usize = 512;
/// Largest body taken from disk: a record and its lengths.
const MAX_BODY: usize = 4 * super::super::MAX_RECORD_BYTES;

pub(super) fn record_key(partition: i32, offset: i64) -> Bytes {
    let mut key = Vec::with_capacity(12);
    key.extend_from_slice(&partition.cast_unsigned().to_be_bytes());
    key.extend_from_slice(&offset.cast_unsigned().to_be_bytes());
    key.into()
}

pub(super) fn offset_of(key: &[u8]) -> Option<i64> {
    Some(u64::from_be_bytes(key.get(4..12)?.try_into().ok()?).cast_signed())
}

#[expect(clippy::cast_possible_truncation, reason = "a record is below 1 MB")]
fn put_len(to: &mut Vec<u8>, len: usize) {
    to.extend_from_slice(&(len as u32).to_le_bytes());
}

/// The record's value, its time still to be stamped.
pub(super) fn encode(record: &NewRecord) -> Vec<u8> {
    let mut body = Vec::with_capacity(record.bytes() + 16 + BODY);
    body.resize(BODY, 0);
    if let Some(key) = &record.key {
        body[0] |= KEY;
        put_len(&mut body, key.len());
        body.extend_from_slice(key);
    }
    put_len(&mut body, record.headers.len());
    for (name, value) in &record.headers {
        put_len(&mut body, name.len());
        body.extend_from_slice(name.as_bytes());
        put_len(&mut body, value.len());
        body.extend_from_slice(value);
    }
    if let Some(value) = &record.value {
        body[0] |= VALUE;
        body.extend_from_slice(value);
    }
    if body.len() - BODY > COMPRESS_ABOVE {
        let packed = lz4_flex::block::compress_prepend_size(&body[BODY..]);
        if packed.len() + 32 < body.len() - BODY {
            body[0] |= COMPRESSED;
            body.truncate(BODY);
            body.extend_from_slice(&packed);
            body.shrink_to_fit();
        }
    }
    body
}

pub(super) fn stamp(encoded: &mut [u8], timestamp_ms: i64) {
    encoded[1..BODY].copy_from_slice(&timestamp_ms.to_be_bytes());
}

struct Cut(Bytes);

impl Cut {
    fn take(&mut self, len: usize) -> Result<Bytes, String> {
        if self.0.len() < len {
            return Err(format!("{len} bytes expected, {} there", self.0.len()));
        }
        Ok(self.0.split_to(len))
    }

    fn len(&mut self) -> Result<usize, String> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    }

    fn i64(&mut self) -> Result<i64, String> {
        let bytes = self.take(8)?;
        let mut array = [0; 8];
        array.copy_from_slice(&bytes);
        Ok(i64::from_be_bytes(array))
    }
}

/// A record as it was written.
pub(super) fn decode(
    topic: &Arc<str>,
    partition: i32,
    offset: i64,
    bytes: Bytes,
) -> Result<Record, String> {
    let mut cut = Cut(bytes);
    let flags = cut.take(1)?[0];
    let timestamp_ms = cut.i64()?;
    if flags & COMPRESSED != 0 {
        let (len, packed) =
            lz4_flex::block::uncompressed_size(&cut.0).map_err(|e| e.to_string())?;
        if len > MAX_BODY {
            return Err(format!("a body of {len} bytes"));
        }
        cut.0 = lz4_flex::block::decompress(packed, len).map_err(|e| e.to_string())?.into();
    }
    let key = if flags & KEY == 0 {
        None
    } else {
        let len = cut.len()?;
        Some(cut.take(len)?)
    };
    let mut headers = Vec::new();
    for _ in 0..cut.len()? {
        let len = cut.len()?;
        let name = String::from_utf8(cut.take(len)?.to_vec()).map_err(|e| e.to_string())?;
        let len = cut.len()?;
        headers.push((name, cut.take(len)?));
    }
    let value = (flags & VALUE != 0).then_some(cut.0);
    Ok(Record { topic: topic.clone(), partition, offset, timestamp_ms, key, value, headers })
}

/// A fact's key: its letter, then text parts each closed by a zero byte, then a number.
pub(super) fn fact_key(letter: u8, texts: &[&str], number: Option<u64>) -> Bytes {
    let mut key = vec![letter];
    for text in texts {
        key.extend_from_slice(text.as_bytes());
        key.push(0);
    }
    if let Some(number) = number {
        key.extend_from_slice(&number.to_be_bytes());
    }
    key.into()
}

/// Takes a fact's key apart again.
pub(super) fn split_fact_key(key: &[u8], texts: usize) -> Option<(Vec<String>, Option<u64>)> {
    let mut rest = key.get(1..)?;
    let mut found = Vec::with_capacity(texts);
    for _ in 0..texts {
        let end = rest.iter().position(|b| *b == 0)?;
        found.push(String::from_utf8(rest[..end].to_vec()).ok()?);
        rest = &rest[end + 1..];
    }
    let number = match rest.len() {
        0 => None,
        _ => Some(u64::from_be_bytes(rest.try_into().ok()?)),
    };
    Some((found, number))
}

pub(super) fn numbers(values: &[i64]) -> Bytes {
    values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<u8>>().into()
}

pub(super) fn split_numbers(bytes: &[u8]) -> Option<Vec<i64>> {
    let chunks = bytes.chunks_exact(8);
    if !chunks.remainder().is_empty() {
        return None;
    }
    Some(
        chunks
            .map(|c| i64::from_be_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]))
            .collect(),
    )
}

pub(super) fn position_value(position: &Position) -> Bytes {
    numbers(&[position.next, position.replay_from, i64::from(position.logic)])
}

pub(super) fn topic_value(partitions: i32, cleanup: Cleanup, space: Space) -> Bytes {
    let (kind, retention_ms) = match cleanup {
        Cleanup::Delete { retention_ms } => (0, retention_ms),
        Cleanup::Compact => (1, 0),
    };
    numbers(&[i64::from(partitions), kind, retention_ms, space.cast_signed()])
}

pub(super) fn split_topic_value(bytes: &[u8]) -> Option<(i32, Cleanup, Space)> {
    let [partitions, kind, retention_ms, space] =
        <[i64; 4]>::try_from(split_numbers(bytes)?).ok()?;
    let cleanup = match kind {
        0 => Cleanup::Delete { retention_ms },
        1 => Cleanup::Compact,
        _ => return None,
    };
    Some((i32::try_from(partitions).ok()?, cleanup, space.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(record: NewRecord) {
        let mut bytes = encode(&record);
        stamp(&mut bytes, 77);
        let read = decode(&record.topic, 3, 9, bytes.into()).unwrap();
        assert_eq!((read.partition, read.offset, read.timestamp_ms), (3, 9, 77));
        assert_eq!(
            (read.key, read.value, read.headers),
            (record.key, record.value, record.headers)
        );
    }

    fn bytes(max: usize) -> impl Strategy<Value = Bytes> {
        prop::collection::vec(prop_oneof![Just(7_u8), any::<u8>()], 0..max).prop_map(Bytes::from)
    }

    proptest! {
        #[test]
        fn records_come_back_as_written(
            key in prop::option::of(bytes(40)),
            value in prop::option::of(bytes(3_000)),
            headers in prop::collection::vec((".{0,8}", bytes(20)), 0..4),
        ) {
            check(NewRecord { topic: "t".into(), partition: None, key, value, headers });
        }

        #[test]
        fn damaged_records_are_errors_not_panics(raw in bytes(200)) {
            let _ = decode(&"t".into(), 0, 0, raw);
        }
    }

    /// A small and a compressed record, and facts of all kinds.
    fn corpus() -> hostile::Corpus {
        let record = |value: Vec<u8>| NewRecord {
            topic: "t".into(),
            partition: None,
            key: Some(Bytes::from_static(b"key")),
            value: Some(value.into()),
            headers: vec![("name".to_owned(), Bytes::from_static(b"value"))],
        };
        let position = Position { partition: 0, next: 5, replay_from: 3, logic: 1 };
        hostile::Corpus::new([
            encode(&record(b"small".to_vec())),
            encode(&record(vec![7; 3_000])),
            fact_key(b'p', &["group", "topic"], Some(5)).to_vec(),
            topic_value(8, Cleanup::Compact, 4).to_vec(),
            position_value(&position).to_vec(),
        ])
    }

    proptest! {
        #![proptest_config(hostile::cases(4_000))]

        /// What a disk gave back changed is reported and takes no more memory than a record.
        #[test]
        fn any_bytes_are_a_record_or_an_error(raw in corpus().bytes()) {
            let bytes = Bytes::from(raw.clone());
            let most = MAX_BODY + (64 << 10) + 64 * raw.len();
            let decoded = hostile::within(most, || decode(&"t".into(), 0, 0, bytes));
            assert!(!decoded.is_err_and(|error| error.is_empty()));
            for texts in 0..4 {
                let _ = split_fact_key(&raw, texts);
            }
            let _ = (split_numbers(&raw), split_topic_value(&raw), offset_of(&raw));
        }
    }

    #[test]
    fn facts_come_apart_again() {
        let key = fact_key(b'p', &["group", "topic"], Some(5));
        let parts = (vec!["group".to_owned(), "topic".to_owned()], Some(5));
        assert_eq!(split_fact_key(&key, 2), Some(parts));
        let day = Cleanup::Delete { retention_ms: 86_400_000 };
        for (n, cleanup, space) in [(8, day, 3), (1, Cleanup::Compact, 4)] {
            let value = topic_value(n, cleanup, space);
            assert_eq!(split_topic_value(&value), Some((n, cleanup, space)));
        }
    }
}

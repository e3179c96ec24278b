//! Whether a dead process left a transaction open: asked of the broker, not guessed.
//!
//! A partition of an output topic is written by the owner of the same partition of the input
//! topic alone. Where its end lies beyond the last stable offset, and still does when the markers
//! of any commit would long have been written, the dead owner's transaction is open with records.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

/// A commit that was decided is written to all partitions within this time.
const MARKERS: Duration = Duration::from_millis(250);
const ASK: Duration = Duration::from_secs(10);

pub(crate) struct Observer {
    open: BaseConsumer,
    stable: BaseConsumer,
    prefix: String,
}

impl Observer {
    pub(crate) fn new(bootstrap: &str, prefix: &str) -> Self {
        let consumer = |isolation: &str| {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", bootstrap).set("isolation.level", isolation);
            config.create().unwrap()
        };
        Self {
            open: consumer("read_uncommitted"),
            stable: consumer("read_committed"),
            prefix: prefix.to_owned(),
        }
    }

    /// The partitions that a group has given to the members of one process.
    pub(crate) fn owned(&self, group: &str, process: &str) -> Vec<i32> {
        let group = format!("{}{group}", self.prefix);
        let Ok(list) = self.open.fetch_group_list(Some(&group), ASK) else { return Vec::new() };
        let mut owned = Vec::new();
        for member in list.groups().iter().flat_map(|group| group.members()) {
            if member.client_id().contains(&format!("-{process}")) {
                owned.extend(member.assignment().and_then(partitions).unwrap_or_default());
            }
        }
        owned.sort_unstable();
        owned
    }

    fn ends(&self, topic: &str, partition: i32) -> Option<(i64, i64)> {
        let topic = format!("{}{topic}", self.prefix);
        let (_, stable) = self.stable.fetch_watermarks(&topic, partition, ASK).ok()?;
        let (_, end) = self.open.fetch_watermarks(&topic, partition, ASK).ok()?;
        Some((stable, end))
    }

    /// Partitions of a topic in which a dead (or frozen) owner's transaction is open.
    pub(crate) fn left_open(&self, topic: &str, partitions: &[i32]) -> Vec<i32> {
        std::thread::sleep(MARKERS);
        let open = |partition: &&i32| {
            self.ends(topic, **partition).is_some_and(|(stable, end)| stable < end)
        };
        partitions.iter().filter(open).copied().collect()
    }
}

/// Of a member's assignment in the consumer protocol: version, topics (name, partitions), user
/// data; all numbers big endian.
fn partitions(bytes: &[u8]) -> Option<Vec<i32>> {
    fn number(bytes: &mut &[u8]) -> Option<i32> {
        let (number, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(i32::from_be_bytes(*number))
    }
    let mut rest = bytes.get(2..)?;
    let mut found = Vec::new();
    for _ in 0..number(&mut rest)? {
        let (length, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
        for _ in 0..number(&mut rest)? {
            found.push(number(&mut rest)?);
        }
    }
    Some(found)
}

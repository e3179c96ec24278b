//! Reading records out of the store: by members and by readers alike.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::{LogError, MAX_POLL_RECORDS, Record, Start};
use super::codec;
use super::core::{Core, State};
use super::store::Space;

/// At most so many bytes come from one poll; a single larger record comes alone.
const MAX_POLL_BYTES: usize = 8 << 20;

/// What is to be read of one partition.
pub(super) struct Plan {
    partition: i32,
    from: i64,
    end: i64,
    space: Space,
}

/// Partitions that have something to read, beginning after `last` so that none starves.
pub(super) fn plan(
    state: &State,
    topic: &Arc<str>,
    places: &BTreeMap<i32, i64>,
    last: i32,
) -> Vec<Plan> {
    let Some(topic) = state.topics.get(topic) else { return Vec::new() };
    let after = places.range(last.saturating_add(1)..);
    after
        .chain(places.range(..=last))
        .filter(|(partition, from)| topic.end(**partition) != **from)
        .map(|(partition, from)| {
            let end = topic.end(*partition);
            Plan { partition: *partition, from: *from, end, space: topic.space }
        })
        .collect()
}

impl Core {
    /// The end of each of a topic's partitions.
    pub(super) fn ends(&self, topic: &str) -> Result<Vec<i64>, LogError> {
        let state = self.running()?;
        let found = state.topics.get(topic).ok_or_else(|| no_topic(topic, None))?;
        Ok(found.partitions.iter().map(|partition| partition.end).collect())
    }

    /// Reads what was planned and moves the places on. Sets `last` to the last partition read.
    pub(super) fn read(
        &self,
        topic: &Arc<str>,
        plans: Vec<Plan>,
        places: &mut BTreeMap<i32, i64>,
        last: &mut i32,
    ) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        for plan in plans {
            let (next, found) = self.read_partition(topic, &plan, &mut records, &mut bytes)?;
            // Segments may have been dropped while we read, or before: then records are missing.
            self.in_range(topic, plan.partition, plan.from)?;
            places.insert(plan.partition, next);
            *last = plan.partition;
            if !found || records.len() >= MAX_POLL_RECORDS || bytes >= MAX_POLL_BYTES {
                break;
            }
        }
        Ok(records)
    }

    /// The next offset to read, and whether all was read.
    fn read_partition(
        &self,
        topic: &Arc<str>,
        plan: &Plan,
        records: &mut Vec<Record>,
        bytes: &mut usize,
    ) -> Result<(i64, bool), LogError> {
        let mut next = plan.from;
        let mut bad = None;
        let mut full = false;
        let from = codec::record_key(plan.partition, plan.from);
        let to = codec::record_key(plan.partition, plan.end);
        let scanned = self.store.scan(plan.space, &from, &to, &mut |key, value| {
            let offset = codec::offset_of(key).unwrap_or(plan.from);
            let size = value.len();
            match codec::decode(topic, plan.partition, offset, value) {
                Ok(record) => records.push(record),
                Err(error) => {
                    bad = Some(format!("{topic}[{}]@{offset}: {error}", plan.partition));
                    return ControlFlow::Break(());
                }
            }
            next = offset + 1;
            *bytes += size;
            full = records.len() >= MAX_POLL_RECORDS || *bytes >= MAX_POLL_BYTES;
            if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        scanned.map_err(|e| self.damaged(&e.0))?;
        if let Some(bad) = bad {
            return Err(self.damaged(&bad));
        }
        if full {
            return Ok((next, false));
        }
        // Holes at the end were compacted away.
        Ok((plan.end, true))
    }

    fn in_range(&self, topic: &Arc<str>, partition: i32, at: i64) -> Result<(), LogError> {
        let state = self.running()?;
        place(&state, topic, partition, Start::At(at)).map(|_| ())
    }
}

/// The offset where reading begins.
pub(super) fn place(
    state: &State,
    topic: &Arc<str>,
    partition: i32,
    from: Start,
) -> Result<i64, LogError> {
    let Some(found) = state.topics.get(topic).filter(|t| t.partition(partition).is_some()) else {
        return Err(no_topic(topic, Some(partition)));
    };
    let (earliest, end) = (found.start(partition), found.end(partition));
    match from {
        Start::Earliest => Ok(earliest),
        Start::Latest => Ok(end),
        Start::At(wanted) if wanted < earliest || wanted > end => {
            let remedy = if wanted < earliest {
                "retention ran past this position while nothing read it: keep the topic longer, \
                 then move the position to the earliest offset, knowing that the records between \
                 are gone"
            } else {
                "this is not the log that the position came from (an older copy, or a new one): \
                 bring back the right folder, or forget the position"
            };
            Err(LogError::OutOfRange {
                topic: topic.to_string(),
                partition,
                wanted,
                earliest,
                end,
                remedy: remedy.to_owned(),
            })
        }
        Start::At(wanted) => Ok(wanted),
    }
}

pub(super) fn no_topic(topic: &str, partition: Option<i32>) -> LogError {
    LogError::Fatal {
        what: partition
            .map_or_else(|| format!("use topic {topic}"), |p| format!("use {topic}[{p}]")),
        error: "there is no such topic or partition: it must be created first".to_owned(),
    }
}

//! Retention and compaction.
//!
//! Retention drops whole segments: those that are old once every group that said where it is has
//! read them, and those older than their topic keeps in any case, with a warning.
//! Compaction removes a record only when a later record of its key lies before every end that a
//! reader was promised and has not reached (so a reader that reads up to the end it asked for has
//! each key's last value as of then), and a tombstone only when it is old and nothing earlier of
//! its key is left.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::super::{Cleanup, LogError};
use super::codec::{self, fact_key, record_key};
use super::core::{Core, DONE, State, next_number_value, segment_key};
use super::store::{META, Space, Write};
use super::topics::{Cleaned, Topic};
use crate::families;

/// Removals in one write.
const REMOVE_AT_ONCE: usize = 4_096;

/// The last record of a key so far.
struct Last {
    offset: i64,
    bytes: usize,
    /// When it was written, if it is a tombstone.
    dead_ms: Option<i64>,
}

/// What a pass over a partition found.
struct Found {
    /// Offsets to remove, rising: a tombstone never goes before what it covers.
    removes: Vec<i64>,
    live: i64,
    removed: i64,
}

/// Of each partition the first offset that each group still needs.
struct Needs(BTreeMap<(Arc<str>, i32), Vec<Need>>);

/// A group, and the first offset that it needs.
type Need = (String, i64);

impl Needs {
    fn of(state: &State) -> Self {
        let mut needs: BTreeMap<(Arc<str>, i32), Vec<Need>> = BTreeMap::new();
        let committed = state.positions.iter().map(|(key, position)| (key, position.replay_from));
        let done = state.done.iter().map(|(key, (next, _))| (key, *next));
        for ((group, topic, partition), next) in committed.chain(done) {
            let of_partition = needs.entry((Arc::clone(topic), *partition)).or_default();
            of_partition.push((group.clone(), next));
        }
        Self(needs)
    }

    /// Whether any group reads this topic.
    fn anybodys(&self, topic: &Arc<str>) -> bool {
        let first = (Arc::clone(topic), 0);
        self.0.range(first..).next().is_some_and(|((found, _), _)| found == topic)
    }

    /// How many of a topic's oldest segments may go: of the `old` ones those that everybody has
    /// read, and the `too_old` ones in any case. What goes unread is said.
    fn may_go(&self, topic: &Topic, old: usize, too_old: usize) -> usize {
        for number in 0..old {
            let unread = self.unread(topic, number);
            if number >= too_old && !unread.is_empty() {
                return number;
            }
            for (group, partition, records) in unread {
                let place = [group, &*topic.name];
                families::LOG_DROPPED_UNREAD.add(place, records.unsigned_abs());
                tracing::error!(
                    group, topic = %topic.name, partition, records,
                    "dropped before it was read: it is older than the topic keeps; see why that \
                     group stands still, it will need its position moved to the oldest record"
                );
            }
        }
        old
    }

    /// Group, partition and number of records in a segment that are still needed.
    fn unread(&self, topic: &Topic, number: usize) -> Vec<(&str, i32, i64)> {
        let mut unread = Vec::new();
        let Some(segment) = topic.segments.get(number) else { return unread };
        let next = topic.segments.get(number + 1);
        for ((partition, index), base) in (0..).zip(0..).zip(&segment.base) {
            let end = next.and_then(|next| next.base.get(index)).copied();
            let end = end.unwrap_or_else(|| topic.end(partition));
            for (group, needed) in
                self.0.get(&(Arc::clone(&topic.name), partition)).into_iter().flatten()
            {
                let records = end - (*needed).max(*base);
                if records > 0 {
                    unread.push((group.as_str(), partition, records));
                }
            }
        }
        unread
    }
}

/// Adds to the write what groups said since the last pass.
fn save_done(state: &mut State, write: &mut Write) {
    for ((group, topic, partition), (next, saved)) in &mut state.done {
        if *saved != Some(*next) {
            let number = u64::from(partition.cast_unsigned());
            write.put(
                META,
                fact_key(DONE, &[group, topic], Some(number)),
                codec::numbers(&[*next]),
            );
            *saved = Some(*next);
        }
    }
}

impl Core {
    /// One pass of retention and compaction, as of `now_ms`.
    pub(super) fn housekeep(&self, now_ms: i64) -> Result<(), LogError> {
        self.retain(now_ms)?;
        self.compact(now_ms)
    }

    /// Notes up to where a group is done; the store has it with the next pass.
    pub(super) fn done(&self, group: &str, topic: &Arc<str>, next: &BTreeMap<i32, i64>) {
        let mut state = self.state();
        for (partition, next) in next {
            let key = (group.to_owned(), Arc::clone(topic), *partition);
            state.done.entry(key).or_insert((*next, None)).0 = *next;
        }
    }

    /// Drops segments that are older than their topic keeps.
    fn retain(&self, now_ms: i64) -> Result<(), LogError> {
        let mut state = self.quiet(self.running()?, None);
        let mut write = Write::default();
        let mut next_number = state.next_number;
        let mut due: Vec<(Arc<str>, Space, Vec<i64>)> = Vec::new();
        let needs = Needs::of(&state);
        save_done(&mut state, &mut write);
        for topic in state.topics.values_mut() {
            let Cleanup::Delete { retention_ms } = topic.cleanup else { continue };
            let read_ms = self.options.max_retention_ms.unwrap_or(retention_ms).min(retention_ms);
            let (old, too_old) =
                (topic.expired(now_ms - read_ms), topic.expired(now_ms - retention_ms));
            // What no group reads is there for people.
            let old = if needs.anybodys(&topic.name) { old } else { too_old };
            let expired = needs.may_go(topic, old, too_old);
            if expired == topic.segments.len() {
                let segment = topic.next_segment(next_number, now_ms);
                next_number += 1;
                write.put(META, segment_key(&topic.name, &segment), segment.value());
                topic.segments.push_back(segment);
            }
            for segment in topic.segments.drain(..expired) {
                write.remove(META, segment_key(&topic.name, &segment));
            }
            if expired > 0 || !topic.swept {
                topic.swept = true;
                let base = topic.segments.front().map(|s| s.base.clone()).unwrap_or_default();
                due.push((topic.name.clone(), topic.space, base));
            }
        }
        state.next_number = next_number;
        if !write.removes.is_empty() || !write.puts.is_empty() {
            write.put(META, fact_key(b'n', &[], None), next_number_value(next_number));
            // Under the lock: nothing may be written that counts on a start the store lacks.
            self.store.write(write).map_err(|e| self.store_failed(&e))?;
        }
        drop(state);
        for (topic, space, starts) in due {
            self.sweep(&topic, space, &starts)?;
        }
        Ok(())
    }

    /// Removes what lies before each partition's start.
    fn sweep(&self, topic: &Arc<str>, space: Space, starts: &[i64]) -> Result<(), LogError> {
        let mut left = 0;
        for (start, partition) in starts.iter().zip(0..).filter(|(start, _)| **start > 0) {
            let (from, to) = (record_key(partition, 0), record_key(partition, *start));
            let dropped = self.store.drop_range(space, &from, &to);
            left += dropped.map_err(|e| self.store_failed(&e))?;
        }
        if let Some(topic) = self.state().topics.get_mut(topic) {
            topic.garbage += left;
        }
        self.reclaim(space, topic)
    }

    fn compact(&self, now_ms: i64) -> Result<(), LogError> {
        let due: Vec<(Arc<str>, i32, Space, i64)> = {
            let state = self.running()?;
            let mut due = Vec::new();
            for topic in state.topics.values().filter(|t| t.cleanup == Cleanup::Compact) {
                let space = topic.space;
                for (index, (partition, cleaned)) in
                    topic.partitions.iter().zip(&topic.cleaned).enumerate()
                {
                    let dirty = partition.bytes - cleaned.at_bytes;
                    if dirty > 0 && dirty >= cleaned.live.max(self.options.min_dirty_bytes) {
                        let number = i32::try_from(index).unwrap_or(i32::MAX);
                        due.push((topic.name.clone(), number, space, partition.bytes));
                    }
                }
            }
            due
        };
        let mut touched: BTreeMap<Space, Arc<str>> = BTreeMap::new();
        for (topic, partition, space, at_bytes) in due {
            let found = self.superseded(&topic, partition, space, now_ms)?;
            self.remove(&topic, partition, space, &found, at_bytes)?;
            touched.insert(space, topic);
        }
        for (space, topic) in touched {
            self.reclaim(space, &topic)?;
        }
        Ok(())
    }

    /// How far a partition may be compacted.
    fn horizon(&self, topic: &Arc<str>, partition: i32) -> Result<i64, LogError> {
        let state = self.running()?;
        let end = state.topics.get(topic).map_or(0, |t| t.end(partition));
        let promised = state
            .promised
            .range((topic.clone(), partition, 0)..=(topic.clone(), partition, u64::MAX))
            .map(|(_, end)| *end)
            .min();
        Ok(promised.map_or(end, |promised| promised.min(end)))
    }

    fn superseded(
        &self,
        topic: &Arc<str>,
        partition: i32,
        space: Space,
        now_ms: i64,
    ) -> Result<Found, LogError> {
        let horizon = self.horizon(topic, partition)?;
        let mut last: HashMap<Bytes, Last> = HashMap::new();
        let mut found = Found { removes: Vec::new(), live: 0, removed: 0 };
        let mut bad = None;
        let (from, to) = (record_key(partition, 0), record_key(partition, horizon));
        let scanned = self.store.scan(space, &from, &to, &mut |key, value| {
            let offset = codec::offset_of(key).unwrap_or(0);
            let bytes = value.len();
            let record = match codec::decode(topic, partition, offset, value) {
                Ok(record) => record,
                Err(error) => {
                    bad = Some(format!("{topic}[{partition}]@{offset}: {error}"));
                    return ControlFlow::Break(());
                }
            };
            found.live += size(bytes);
            // Copied: the bytes may hold a whole block of the store in memory.
            let key = record.key.map(|k| Bytes::copy_from_slice(&k)).unwrap_or_default();
            let dead_ms = record.value.is_none().then_some(record.timestamp_ms);
            if let Some(older) = last.insert(key, Last { offset, bytes, dead_ms }) {
                found.removes.push(older.offset);
                found.removed += size(older.bytes);
            }
            ControlFlow::Continue(())
        });
        scanned.map_err(|e| self.damaged(&e.0))?;
        if let Some(bad) = bad {
            return Err(self.damaged(&bad));
        }
        for dead in last.values() {
            if dead.dead_ms.is_some_and(|at| at < now_ms - self.options.tombstone_ms) {
                found.removes.push(dead.offset);
                found.removed += size(dead.bytes);
            }
        }
        found.removes.sort_unstable();
        found.live -= found.removed;
        Ok(found)
    }

    fn remove(
        &self,
        topic: &Arc<str>,
        partition: i32,
        space: Space,
        found: &Found,
        at_bytes: i64,
    ) -> Result<(), LogError> {
        for offsets in found.removes.chunks(REMOVE_AT_ONCE) {
            let mut write = Write::default();
            for offset in offsets {
                write.remove(space, record_key(partition, *offset));
            }
            self.store.write(write).map_err(|e| self.store_failed(&e))?;
        }
        let cleaned = Cleaned { at_bytes, live: found.live };
        let mut write = Write::default();
        let number = u64::from(partition.cast_unsigned());
        write.put(META, fact_key(b'c', &[topic], Some(number)), cleaned.value());
        self.store.write(write).map_err(|e| self.store_failed(&e))?;
        let mut state = self.state();
        if let Some(known) = state.topics.get_mut(topic) {
            known.garbage += found.removed;
            let index = usize::try_from(partition).unwrap_or(usize::MAX);
            if let Some(slot) = known.cleaned.get_mut(index) {
                *slot = cleaned;
            }
        }
        Ok(())
    }

    /// Gives space back once as much was removed as is alive: each byte is rewritten once for
    /// each byte removed, at most.
    fn reclaim(&self, space: Space, topic: &Arc<str>) -> Result<(), LogError> {
        {
            let mut state = self.state();
            let Some(topic) = state.topics.get_mut(topic) else { return Ok(()) };
            let live = topic.live();
            if topic.garbage < live.max(self.options.min_dirty_bytes) {
                return Ok(());
            }
            topic.garbage = 0;
        }
        self.store.reclaim(space).map_err(|e| self.store_failed(&e))
    }
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

//! One batch of each partition on its way at a time; what comes meanwhile is the next one.
//!
//! librdkafka has no more than five records of an idempotent producer on their way to a partition,
//! and while more wait whose `linger.ms` has passed, the broker's thread asks again and again
//! whether it may send them: it takes a whole core for as long as the broker is slow to answer. So
//! librdkafka is given a batch, and the next one when all of that is confirmed or has failed. Batches
//! grow with the broker's slowness, as with TCP's Nagle.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::super::{Done, NewRecord};

/// Most records of a batch, and most bytes: below librdkafka's own limits of a request, or some of
/// it would be left to wait.
const BATCH_RECORDS: usize = 5_000;
const BATCH_BYTES: usize = 500_000;

/// A partition of a topic.
pub(super) type Place = (Arc<str>, i32);

/// A record on its way, or waiting.
pub(super) struct Waiting {
    pub(super) record: NewRecord,
    pub(super) done: Option<Done>,
    pub(super) bytes: usize,
}

#[derive(Default)]
struct Lane {
    on_the_way: usize,
    waiting: VecDeque<Waiting>,
}

/// The partitions that a producer writes to.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<Place, Lane>,
    records: usize,
    bytes: usize,
}

impl Lanes {
    /// Records that are on their way or wait.
    pub(super) const fn records(&self) -> usize {
        self.records
    }

    /// Their bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a record; gives it back when it can be sent at once.
    pub(super) fn add(&mut self, place: &Place, new: Waiting) -> Option<Waiting> {
        self.records += 1;
        self.bytes += new.bytes;
        let lane = self.lanes.entry(place.clone()).or_default();
        if lane.on_the_way == 0 && lane.waiting.is_empty() {
            lane.on_the_way = 1;
            return Some(new);
        }
        lane.waiting.push_back(new);
        None
    }

    /// One that was on its way is confirmed, or has failed. Gives the next batch when it is time.
    pub(super) fn done(&mut self, place: &Place, bytes: usize) -> Vec<Waiting> {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        let Some(lane) = self.lanes.get_mut(place) else { return Vec::new() };
        lane.on_the_way = lane.on_the_way.saturating_sub(1);
        if lane.on_the_way > 0 {
            return Vec::new();
        }
        let mut size = 0;
        let fits = |it: &&Waiting| {
            size += it.bytes;
            size <= BATCH_BYTES
        };
        let count = lane.waiting.iter().take(BATCH_RECORDS).take_while(fits).count();
        let count = count.max(lane.waiting.len().min(1));
        lane.on_the_way = count;
        lane.waiting.drain(..count).collect()
    }

    /// All that waits, which is on its way to nowhere: its client ends.
    pub(super) fn give_up(&mut self) -> Vec<Waiting> {
        let lanes = std::mem::take(&mut self.lanes).into_values();
        let waiting: Vec<Waiting> = lanes.flat_map(|lane| lane.waiting).collect();
        self.records = self.records.saturating_sub(waiting.len());
        self.bytes = self.bytes.saturating_sub(waiting.iter().map(|it| it.bytes).sum());
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> Waiting {
        let record = NewRecord {
            topic: "t".into(),
            partition: Some(0),
            key: None,
            value: None,
            headers: Vec::new(),
        };
        Waiting { record, done: None, bytes }
    }

    #[test]
    fn what_comes_while_a_batch_is_on_its_way_is_the_next() {
        let (place, mut lanes) = (("t".into(), 0), Lanes::default());
        assert!(lanes.add(&place, record(1)).is_some());
        for _ in 0..3 {
            assert!(lanes.add(&place, record(1)).is_none());
        }
        assert!(lanes.add(&("t".into(), 1), record(1)).is_some(), "another partition");
        assert_eq!(lanes.done(&place, 1).len(), 3);
        assert!(lanes.add(&place, record(1)).is_none());
        assert!(lanes.done(&place, 1).is_empty() && lanes.done(&place, 1).is_empty());
        assert_eq!(lanes.done(&place, 1).len(), 1, "after the last of the three");
        assert!(lanes.done(&place, 1).is_empty());
        assert!(lanes.add(&place, record(1)).is_some());
        assert_eq!((lanes.records(), lanes.bytes()), (2, 2));
    }

    #[test]
    fn a_batch_has_its_limits() {
        let (place, mut lanes) = (("t".into(), 0), Lanes::default());
        for _ in 0..4 {
            lanes.add(&place, record(BATCH_BYTES / 2));
        }
        lanes.add(&place, record(2 * BATCH_BYTES));
        assert_eq!(lanes.done(&place, BATCH_BYTES / 2).len(), 2);
        assert_eq!(lanes.done(&place, BATCH_BYTES / 2).len(), 0);
        assert_eq!(lanes.done(&place, BATCH_BYTES / 2).len(), 1);
        assert_eq!(lanes.done(&place, BATCH_BYTES / 2).len(), 1, "one that is larger, alone");
        lanes.add(&place, record(1));
        assert_eq!(lanes.give_up().len(), 1);
        assert_eq!(lanes.records(), 1, "the large one is on its way");
    }
}

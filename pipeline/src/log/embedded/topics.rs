//! A topic in memory: its partitions' ends and its segments.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::super::Cleanup;
use super::codec::{numbers, split_numbers};
use super::options::Options;
use super::store::Space;

/// What is known of a partition; what is durable and visible, never more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Partition {
    /// One past the last record.
    pub(super) end: i64,
    /// Newest append time.
    pub(super) newest_ms: i64,
    /// All bytes ever appended.
    pub(super) bytes: i64,
}

impl Partition {
    pub(super) fn value(&self) -> Bytes {
        numbers(&[self.end, self.newest_ms, self.bytes])
    }

    pub(super) fn from_value(bytes: &[u8]) -> Option<Self> {
        match *split_numbers(bytes)? {
            [end, newest_ms, bytes] => Some(Self { end, newest_ms, bytes }),
            _ => None,
        }
    }
}

/// What compaction left of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cleaned {
    /// Bytes appended when it was compacted.
    pub(super) at_bytes: i64,
    /// Bytes that were left.
    pub(super) live: i64,
}

impl Cleaned {
    pub(super) fn value(&self) -> Bytes {
        numbers(&[self.at_bytes, self.live])
    }

    pub(super) fn from_value(bytes: &[u8]) -> Option<Self> {
        match *split_numbers(bytes)? {
            [at_bytes, live] => Some(Self { at_bytes, live }),
            _ => None,
        }
    }
}

/// A stretch of all partitions of a topic over some time: what retention drops at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) created_ms: i64,
    /// Newest append time in it; 0 when empty.
    pub(super) newest_ms: i64,
    /// The topic's bytes when it began.
    pub(super) base_bytes: i64,
    /// First offset of each partition that may be in it.
    pub(super) base: Vec<i64>,
}

impl Segment {
    pub(super) fn value(&self) -> Bytes {
        let mut all = vec![self.created_ms, self.newest_ms, self.base_bytes];
        all.extend(&self.base);
        numbers(&all)
    }

    pub(super) fn from_value(number: u64, bytes: &[u8]) -> Option<Self> {
        let all = split_numbers(bytes)?;
        let (head, base) = all.split_at_checked(3)?;
        let [created_ms, newest_ms, base_bytes] = *head else { return None };
        Some(Self { number, created_ms, newest_ms, base_bytes, base: base.to_vec() })
    }
}

pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) cleanup: Cleanup,
    /// Where its records lie.
    pub(super) space: Space,
    pub(super) partitions: Vec<Partition>,
    pub(super) cleaned: Vec<Cleaned>,
    /// Oldest first, never empty; the last one takes what is appended.
    pub(super) segments: VecDeque<Segment>,
    /// Bytes removed whose space was not given back yet.
    pub(super) garbage: i64,
    /// What lies before the start was removed from the store.
    pub(super) swept: bool,
}

impl Topic {
    pub(super) fn partition(&self, partition: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }

    /// One past the last visible record.
    pub(super) fn end(&self, partition: i32) -> i64 {
        self.partition(partition).map_or(0, |p| p.end)
    }

    /// The oldest offset kept. A compacted topic has holes, not a later start.
    pub(super) fn start(&self, partition: i32) -> i64 {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        self.segments.front().and_then(|s| s.base.get(index)).copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> i64 {
        self.partitions.iter().map(|p| p.bytes).sum()
    }

    /// Bytes that are kept, about.
    pub(super) fn live(&self) -> i64 {
        match self.cleanup {
            Cleanup::Compact => self.cleaned.iter().map(|c| c.live).sum(),
            Cleanup::Delete { .. } => {
                self.bytes() - self.segments.front().map_or(0, |s| s.base_bytes)
            }
        }
    }

    /// A new last segment is due: this one is large, or so old that whole segments would be
    /// kept much longer than they must.
    pub(super) fn must_roll(&self, now_ms: i64, options: &Options) -> bool {
        let Cleanup::Delete { retention_ms } = self.cleanup else { return false };
        let retention_ms = options.max_retention_ms.unwrap_or(retention_ms).min(retention_ms);
        let segment_bytes = options.segment_bytes;
        self.segments.back().is_some_and(|segment| {
            segment.newest_ms > 0
                && (self.bytes() - segment.base_bytes >= segment_bytes
                    || now_ms - segment.created_ms >= (retention_ms / 8).max(1_000))
        })
    }

    /// The segment that begins after all that is there.
    pub(super) fn next_segment(&self, number: u64, now_ms: i64) -> Segment {
        Segment {
            number,
            created_ms: now_ms,
            newest_ms: 0,
            base_bytes: self.bytes(),
            base: self.partitions.iter().map(|p| p.end).collect(),
        }
    }

    /// How many of the oldest segments hold nothing younger than `before_ms`.
    pub(super) fn expired(&self, before_ms: i64) -> usize {
        self.segments.iter().take_while(|s| s.newest_ms > 0 && s.newest_ms < before_ms).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> Topic {
        let segment = |number, base, newest_ms| Segment {
            number,
            created_ms: 0,
            newest_ms,
            base_bytes: 0,
            base: vec![base],
        };
        Topic {
            name: "t".into(),
            cleanup: Cleanup::Delete { retention_ms: 80_000 },
            space: 1,
            partitions: vec![Partition { end: 30, newest_ms: 300, bytes: 3_000 }],
            cleaned: vec![Cleaned::default()],
            segments: [segment(1, 5, 100), segment(2, 10, 200), segment(3, 20, 300)].into(),
            garbage: 0,
            swept: false,
        }
    }

    #[test]
    fn a_topic_begins_with_its_oldest_segment() {
        let topic = topic();
        assert_eq!((topic.start(0), topic.end(0)), (5, 30));
    }

    #[test]
    fn segments_expire_from_the_oldest_and_only_whole() {
        let topic = topic();
        assert_eq!(topic.expired(100), 0);
        assert_eq!(topic.expired(101), 1);
        assert_eq!(topic.expired(1_000), 3);
    }

    #[test]
    fn segments_roll_by_size_or_age() {
        let topic = topic();
        let roll = |now_ms, segment_bytes, max_retention_ms| {
            let options = Options { segment_bytes, max_retention_ms, ..Options::default() };
            topic.must_roll(now_ms, &options)
        };
        assert!(!roll(9_999, 3_001, None));
        assert!(roll(9_999, 3_000, None));
        assert!(roll(10_000, 3_001, None));
        assert!(roll(5_000, 3_001, Some(40_000)));
        assert!(!roll(9_999, 3_001, Some(100_000)));
    }

    #[test]
    fn values_come_back() {
        let topic = topic();
        let last = topic.segments[2].clone();
        assert_eq!(Segment::from_value(3, &last.value()), Some(last));
        let partition = topic.partitions[0];
        assert_eq!(Partition::from_value(&partition.value()), Some(partition));
    }
}

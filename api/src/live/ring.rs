//! Events that were announced lately, for viewers who come back: to this process, or from another one
//! that tails the same log.
//!
//! An event's id says where the event lies in the log, so that any process knows what came after.
//! Processes read the log's partitions in another order each: who comes from another one may be
//! given events of the last seconds twice, and misses none.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

/// Events remembered.
const MAX_REMEMBERED: usize = 4_096;
/// Bytes of events remembered.
const MAX_REMEMBERED_BYTES: usize = 4 * 1024 * 1024;
/// So much later than another process this one may see an event, ms by the log's clocks.
const OVERLAP_MS: i64 = 10_000;

/// Where an event lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// A letter for each topic.
    pub topic: char,
    /// Of the topic.
    pub partition: i32,
    /// In the partition.
    pub offset: i64,
    /// When the log took it, ms since the epoch.
    pub at_ms: i64,
}

/// An event's id: the process's run, the event's number there, and its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EventId {
    run: u32,
    sequence: u64,
    place: LogPlace,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogPlace { topic, partition, offset, at_ms } = self.place;
        write!(f, "{:08x}-{}-{at_ms}-{topic}{partition}-{offset}", self.run, self.sequence)
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(());
        let run = u32::from_str_radix(part()?, 16).map_err(drop)?;
        let sequence = part()?.parse().map_err(drop)?;
        let at_ms = part()?.parse().map_err(drop)?;
        let partition = part()?;
        let topic = partition.chars().next().ok_or(())?;
        let partition = partition.get(topic.len_utf8()..).ok_or(())?.parse().map_err(drop)?;
        let offset = part()?.parse().map_err(drop)?;
        Ok(Self { run, sequence, place: LogPlace { topic, partition, offset, at_ms } })
    }
}

/// The events of this process.
#[derive(Debug)]
pub(super) struct Ring {
    /// Sets the events of this process apart from those of others and of the one before.
    run: u32,
    /// The number of the newest event; 0 before the first.
    newest: u64,
    place: LogPlace,
    bytes: usize,
    frames: VecDeque<(LogPlace, Bytes)>,
    /// Everything that the log took from then on was seen and is remembered.
    complete_from_ms: i64,
}

impl Ring {
    /// `now_ms`: what came before is not known.
    pub(super) fn new(run: u32, now_ms: i64) -> Self {
        Self {
            run,
            newest: 0,
            place: LogPlace { topic: 'n', partition: 0, offset: 0, at_ms: now_ms },
            bytes: 0,
            frames: VecDeque::new(),
            complete_from_ms: now_ms,
        }
    }

    /// What came before may have been missed.
    pub(super) fn complete_from(&mut self, at_ms: i64) {
        self.complete_from_ms = self.complete_from_ms.max(at_ms);
    }

    pub(super) fn newest_id(&self) -> String {
        EventId { run: self.run, sequence: self.newest, place: self.place }.to_string()
    }

    /// Numbers an event and keeps it.
    pub(super) fn remember(
        &mut self,
        place: LogPlace,
        encode: impl FnOnce(&str) -> Bytes,
    ) -> Bytes {
        (self.newest, self.place) = (self.newest + 1, place);
        let frame = encode(&self.newest_id());
        self.bytes += frame.len();
        self.frames.push_back((place, frame.clone()));
        while self.frames.len() > MAX_REMEMBERED || self.bytes > MAX_REMEMBERED_BYTES {
            let Some((oldest, bytes)) = self.frames.pop_front() else { break };
            self.bytes -= bytes.len();
            self.complete_from(oldest.at_ms + 1);
        }
        frame
    }

    /// Everything after the event of this id, or none when some of it is forgotten, was never
    /// seen here, or the id is none.
    pub(super) fn since(&self, id: &str) -> Option<VecDeque<Bytes>> {
        let id: EventId = id.parse().ok()?;
        if id.run == self.run { self.since_own(id.sequence) } else { self.since_other(id.place) }
    }

    fn since_own(&self, last: u64) -> Option<VecDeque<Bytes>> {
        let before_oldest = self.newest - self.frames.len() as u64;
        let skip = usize::try_from(last.checked_sub(before_oldest)?).ok()?;
        if last > self.newest {
            return None;
        }
        Some(self.frames.iter().skip(skip).map(|(_, frame)| frame.clone()).collect())
    }

    /// After an event of another process.
    fn since_other(&self, last: LogPlace) -> Option<VecDeque<Bytes>> {
        let from_ms = last.at_ms.checked_sub(OVERLAP_MS)?;
        if from_ms < self.complete_from_ms {
            return None;
        }
        let missed = |(place, _): &&(LogPlace, Bytes)| {
            let same = (place.topic, place.partition) == (last.topic, last.partition);
            place.at_ms >= from_ms && !(same && place.offset <= last.offset)
        };
        Some(self.frames.iter().filter(missed).map(|(_, frame)| frame.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: i32, offset: i64, at_ms: i64) -> LogPlace {
        LogPlace { topic: 's', partition, offset, at_ms }
    }

    /// A process that has announced these, each as its own place.
    fn ring(run: u32, began_ms: i64, places: &[LogPlace]) -> Ring {
        let mut ring = Ring::new(run, began_ms);
        for it in places {
            ring.remember(*it, |_| Bytes::from(format!("{}/{}", it.partition, it.offset)));
        }
        ring
    }

    fn check(ring: &Ring, id: &str, expected: Option<&[&str]>) {
        let found = ring.since(id);
        let found = found.map(|it| {
            it.iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect::<Vec<_>>()
        });
        let expected =
            expected.map(|it| it.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expected, "{id}");
    }

    #[test]
    fn an_id_says_where_to_go_on_here_and_elsewhere() {
        let (a, b, c) = (place(0, 7, 50_000), place(1, 3, 50_010), place(0, 8, 70_000));
        // One of them reads the partitions in another order, and was started earlier.
        let (one, other) = (ring(1, 30_000, &[a, b]), ring(2, 1_000, &[b, a, c]));
        let id = one.newest_id();
        assert_eq!(id, "00000001-2-50010-s1-3");
        assert_eq!(id.parse::<EventId>().unwrap().to_string(), id);
        check(&one, &id, Some(&[]));
        check(&one, "00000001-1-50000-s0-7", Some(&["1/3"]));
        check(&one, "00000001-0-30000-n0-0", Some(&["0/7", "1/3"]));
        check(&one, "00000001-3-50010-s1-3", None);
        // The last seconds come again, but what is before the last event in its partition.
        check(&other, &id, Some(&["0/7", "0/8"]));
        check(&other, "00000001-1-50000-s0-7", Some(&["1/3", "0/8"]));
        check(&other, "00000001-0-30000-n0-0", Some(&["1/3", "0/7", "0/8"]));
        // The other way round it is not known what came before the start.
        check(&one, &other.newest_id(), Some(&[]));
        check(&one, "00000002-1-39999-s1-2", None);
        for nonsense in ["", "x", "1-2", "1-2-3-s-4", "1-2-3--4", "1-2-3-\u{e9}-4", "1-2-3-s1-"] {
            check(&one, nonsense, None);
        }
        check(&one, &format!("9-1-{}-s0-1", i64::MIN), None);
        check(&one, &format!("9-1-{}-s0-1", i64::MAX), Some(&[]));
    }

    #[test]
    fn what_is_forgotten_is_not_passed_over() {
        let all: Vec<LogPlace> = (0..5_000).map(|n| place(0, n, 100_000 + n)).collect();
        let ring = ring(1, 0, &all);
        assert_eq!(ring.frames.len(), MAX_REMEMBERED);
        check(&ring, "00000001-1-100000-s0-0", None);
        check(&ring, "00000002-1-100000-s0-0", None);
        let from = 100_000 + 5_000 - MAX_REMEMBERED as i64 + OVERLAP_MS;
        assert!(ring.since(&format!("00000002-1-{from}-s9-0")).is_some());
        assert!(ring.since(&format!("00000002-1-{}-s9-0", from - 1)).is_none());
    }
}

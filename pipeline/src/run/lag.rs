//! How far each reader of the log is behind its end.
//!
//! A reader's position is up to where it is *done* (committed, or in the database), not up to
//! where it has read. The log is asked for its ends on a timer of its own; each runner then says
//! in its next turn where it is, so that a runner at work pays one look at a number a turn, and
//! one that hangs is seen to stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::MemberSpec;

/// Up to where a reader is done with one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The next record to do.
    pub next: i64,
    /// Append time of the last record done, ms since the epoch; none before the first.
    pub newest_ms: Option<i64>,
}

/// Where a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its group.
    pub group: String,
    /// What it reads.
    pub topic: Arc<str>,
    /// It keeps its positions elsewhere than in the log.
    pub elsewhere: bool,
    /// Of each partition that it holds.
    pub places: BTreeMap<i32, Place>,
}

/// What a runner has done of the partitions that it holds.
#[derive(Debug, Default)]
pub struct Progress {
    done: BTreeMap<i32, Place>,
}

impl Progress {
    /// Reading of this partition begins here, everything before is done. What was done beyond, if
    /// anything, is lost.
    pub fn begin(&mut self, partition: i32, next: i64) {
        let known = self.done.get(&partition).filter(|place| place.next <= next);
        let newest_ms = known.and_then(|place| place.newest_ms);
        self.done.insert(partition, Place { next, newest_ms });
    }

    /// A record is done.
    pub fn done(&mut self, partition: i32, offset: i64, appended_ms: i64) {
        self.done.insert(partition, Place { next: offset + 1, newest_ms: Some(appended_ms) });
    }

    /// These partitions are another's.
    pub fn forget(&mut self, partitions: &[i32]) {
        self.done.retain(|partition, _| !partitions.contains(partition));
    }

    /// Where this reader is. `ahead` are positions of its member in partitions of which nothing
    /// waits to be done: they count, as they also move over the log's own markers.
    pub fn reading(&self, spec: &MemberSpec, ahead: &BTreeMap<i32, i64>) -> Reading {
        let place = |(partition, place): (&i32, &Place)| {
            let ahead = ahead.get(partition).copied().unwrap_or(place.next);
            (*partition, Place { next: place.next.max(ahead), ..*place })
        };
        Reading {
            group: spec.group.clone(),
            topic: Arc::clone(&spec.topic),
            elsewhere: false,
            places: self.done.iter().map(place).collect(),
        }
    }
}

/// How far a reader is behind the end of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Records (and markers) between its position and the end.
    pub records: i64,
    /// Age of the oldest record that it has not done, ms, at most; none when no time is known.
    pub ms: Option<i64>,
}

/// A component's readings, as last measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lagging {
    /// The component, as in the status.
    pub component: String,
    /// Its group.
    pub group: String,
    /// What it reads.
    pub topic: Arc<str>,
    /// Of each partition that it holds.
    pub partitions: BTreeMap<i32, Behind>,
}

impl Lagging {
    /// Of all partitions: the sum of the records, the greatest age.
    pub fn total(&self) -> Option<Behind> {
        self.partitions.values().copied().reduce(|a, b| Behind {
            records: a.records.saturating_add(b.records),
            ms: a.ms.max(b.ms),
        })
    }
}

#[derive(Default)]
struct Entry {
    reading: Option<Reading>,
    ends: Vec<i64>,
    /// When a partition's reader was last seen at the end, ms since the epoch.
    caught_up_ms: BTreeMap<i32, i64>,
    behind: BTreeMap<i32, Behind>,
}

/// The readers of this process. Clones are the same.
#[derive(Clone, Default)]
pub struct Lag {
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
    /// Counts the times that the ends were asked for.
    round: Arc<AtomicU64>,
}

impl Lag {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a component's thread tells with.
    pub(super) fn teller(&self, component: &str) -> Teller {
        Teller { lag: self.clone(), component: component.to_owned(), round: u64::MAX }
    }

    /// The topics whose ends matter.
    pub fn topics(&self) -> BTreeSet<Arc<str>> {
        let entries = self.entries();
        let topic = |entry: &Entry| entry.reading.as_ref().map(|it| Arc::clone(&it.topic));
        entries.values().filter_map(topic).collect()
    }

    /// Takes the ends of topics, and has every runner say where it is.
    pub fn ends(&self, ends: &BTreeMap<Arc<str>, Vec<i64>>) {
        for entry in self.entries().values_mut() {
            let topic = entry.reading.as_ref().and_then(|reading| ends.get(&reading.topic));
            if let Some(ends) = topic {
                entry.ends.clone_from(ends);
            }
        }
        self.round.fetch_add(1, Ordering::Release);
    }

    /// Compares where the runners are with the ends taken at `at_ms`, as of `now_ms` (both ms
    /// since the epoch).
    pub fn measure(&self, at_ms: i64, now_ms: i64) {
        for entry in self.entries().values_mut() {
            let Some(reading) = &entry.reading else { continue };
            entry.caught_up_ms.retain(|partition, _| reading.places.contains_key(partition));
            entry.behind.clear();
            for (&partition, place) in &reading.places {
                let index = usize::try_from(partition).unwrap_or(usize::MAX);
                let Some(end) = entry.ends.get(index) else { continue };
                let records = (end - place.next).max(0);
                let ms = if records == 0 {
                    entry.caught_up_ms.insert(partition, at_ms);
                    Some(0)
                } else {
                    // The oldest that is not done came after the last one that is, and after the
                    // reader was last seen at the end.
                    let caught_up = entry.caught_up_ms.get(&partition).copied();
                    place.newest_ms.max(caught_up).map(|since| (now_ms - since).max(0))
                };
                entry.behind.insert(partition, Behind { records, ms });
            }
        }
    }

    /// Where the readers are that keep their positions elsewhere.
    pub fn elsewhere(&self) -> Vec<Reading> {
        let entries = self.entries();
        let readings = entries.values().filter_map(|entry| entry.reading.as_ref());
        readings.filter(|reading| reading.elsewhere).cloned().collect()
    }

    /// All readers by component, as last measured.
    pub fn all(&self) -> Vec<Lagging> {
        let entries = self.entries();
        let lagging = |(component, entry): (&String, &Entry)| {
            let reading = entry.reading.as_ref()?;
            Some(Lagging {
                component: component.clone(),
                group: reading.group.clone(),
                topic: Arc::clone(&reading.topic),
                partitions: entry.behind.clone(),
            })
        };
        entries.iter().filter_map(lagging).collect()
    }
}

/// Tells where one component is, once after each time the ends were taken.
pub(super) struct Teller {
    lag: Lag,
    component: String,
    round: u64,
}

impl Teller {
    /// Between two turns of the runner.
    pub(super) fn tell(&mut self, reading: impl FnOnce() -> Option<Reading>) {
        let round = self.lag.round.load(Ordering::Acquire);
        if std::mem::replace(&mut self.round, round) == round {
            return;
        }
        let reading = reading();
        let mut entries = self.lag.entries();
        let entry = entries.entry(self.component.clone()).or_default();
        entry.reading = reading;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> MemberSpec {
        MemberSpec { group: "g".to_owned(), topic: "t".into(), slot: "0".to_owned() }
    }

    /// One round: the end is `end`, the reader is done up to `next`; what is measured 100 ms on.
    fn check(
        lag: &Lag,
        (at_ms, end): (i64, i64),
        (next, newest_ms): (i64, Option<i64>),
        expected: (i64, Option<i64>),
    ) {
        let place = Place { next, newest_ms };
        let reading = Reading {
            group: "g".to_owned(),
            topic: "t".into(),
            elsewhere: true,
            places: [(0, place)].into(),
        };
        lag.ends(&[("t".into(), vec![end])].into());
        lag.teller("c").tell(|| Some(reading));
        lag.ends(&[("t".into(), vec![end])].into());
        lag.measure(at_ms, at_ms + 100);
        let all = lag.all();
        assert_eq!((all[0].component.as_str(), all[0].group.as_str()), ("c", "g"));
        let total = all[0].total().unwrap();
        assert_eq!((total.records, total.ms), expected);
        assert_eq!(lag.elsewhere()[0].places[&0], place);
    }

    #[test]
    fn age_counts_from_the_last_record_done_or_the_last_time_at_the_end() {
        let lag = Lag::default();
        check(&lag, (1_000, 10), (4, None), (6, None));
        check(&lag, (2_000, 10), (5, Some(500)), (5, Some(1_600)));
        check(&lag, (3_000, 10), (10, Some(900)), (0, Some(0)));
        // Long quiet: the record that has just come is not as old as the one before it.
        check(&lag, (90_000, 10), (10, Some(900)), (0, Some(0)));
        check(&lag, (95_000, 11), (10, Some(900)), (1, Some(5_100)));
        check(&lag, (99_000, 12), (11, Some(94_000)), (1, Some(5_100)));
        // Done with more than there was when the end was asked for.
        check(&lag, (99_500, 12), (15, Some(99_400)), (0, Some(0)));
    }

    #[test]
    fn a_runner_is_asked_once_a_round() {
        let lag = Lag::default();
        let mut teller = lag.teller("c");
        let mut asked = 0;
        let mut turn = |teller: &mut Teller| {
            teller.tell(|| {
                asked += 1;
                None
            });
            asked
        };
        assert_eq!((turn(&mut teller), turn(&mut teller)), (1, 1));
        lag.ends(&BTreeMap::new());
        assert_eq!((turn(&mut teller), turn(&mut teller)), (2, 2));
        assert!(lag.all().is_empty());
    }

    #[test]
    fn what_waits_to_be_done_is_behind_and_markers_are_not() {
        let mut progress = Progress::default();
        progress.begin(0, 5);
        progress.begin(1, 7);
        progress.done(0, 9, 50);
        let reading = progress.reading(&spec(), &[(0, 12), (2, 3)].into());
        let places =
            [(0, Place { next: 12, newest_ms: Some(50) }), (1, Place { next: 7, newest_ms: None })];
        assert_eq!(reading.places, places.into());
        // Sent back.
        progress.begin(0, 6);
        progress.forget(&[1]);
        let places = [(0, Place { next: 6, newest_ms: None })];
        assert_eq!(progress.reading(&spec(), &BTreeMap::new()).places, places.into());
    }
}

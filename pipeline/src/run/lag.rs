//! How far each reader of the log is behind its end.
//!
//! A reader's position is up to where it is *done* (committed, or in the database), not up to
//! where it has read. The log is asked for its ends on a timer of its own; each runner then says
//! in its next turn where it is, so that a runner at work pays one look at a number a turn, and
//! one that hangs is seen to stand still.
//!
//! A partition that is held, has records to be done and has not moved for [`STALLED_MS`] although
//! the log answers is stalled: its runner is asked to end and is built again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So long nothing moves before a partition is called stalled.
pub const STALLED_MS: i64 = 30_000;
/// A runner that has been asked to end for so long does not look.
const IGNORED: Duration = Duration::from_secs(30);
/// A stalled partition that is not held any more is another's, or missing, after this time.
const FORGOTTEN_MS: i64 = 45_000;

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
    /// Of each partition that it holds and knows the place of.
    pub places: BTreeMap<i32, Place>,
    /// Of each partition that it is still restoring, a number that grows with the work done.
    pub restoring: BTreeMap<i32, u64>,
}

/// The next record, and the work of a restore.
type Mark = (Option<i64>, Option<u64>);

impl Reading {
    /// Every partition that it holds.
    pub fn held(&self) -> BTreeSet<i32> {
        self.places.keys().chain(self.restoring.keys()).copied().collect()
    }

    /// What changes when it gets on with a partition.
    fn mark(&self, partition: i32) -> Mark {
        let next = self.places.get(&partition).map(|place| place.next);
        (next, self.restoring.get(&partition).copied())
    }
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
            restoring: BTreeMap::new(),
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
    /// The partitions that it holds.
    pub held: BTreeSet<i32>,
    /// Of each of them of which that is known.
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
    /// What it reads, or read last.
    topic: Arc<str>,
    ends: Vec<i64>,
    /// When a partition's reader was last seen at the end, ms since the epoch.
    caught_up_ms: BTreeMap<i32, i64>,
    behind: BTreeMap<i32, Behind>,
    /// How each partition was when it moved last, and when that was seen (steady ms).
    moved: BTreeMap<i32, (Mark, i64)>,
    /// Partitions that are stalled, since when, and when that was seen last (steady ms).
    stalled: BTreeMap<i32, (i64, i64)>,
    /// The runner waits for something outside, and says so.
    waits: bool,
    renewal: Arc<Renewal>,
}

/// Asks a component's thread to end its runner and build another.
#[derive(Default)]
struct Renewal {
    asked: AtomicBool,
    why: Mutex<Option<(String, Instant)>>,
}

impl Renewal {
    fn ask(&self, why: String) {
        let mut asked = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get_or_insert_with(|| (why, Instant::now()));
        drop(asked);
        self.asked.store(true, Ordering::Release);
    }

    fn take(&self) -> Option<String> {
        if !self.asked.load(Ordering::Relaxed) || !self.asked.swap(false, Ordering::Acquire) {
            return None;
        }
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner).take();
        why.map(|(why, _)| why)
    }

    fn asked_for(&self) -> Option<Duration> {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.as_ref().map(|(_, since)| since.elapsed())
    }
}

/// A partition that does not move although it has records and the log answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The component that holds it.
    pub component: String,
    /// What it reads.
    pub topic: Arc<str>,
    /// Which partition.
    pub partition: i32,
    /// For how long, ms.
    pub ms: i64,
    /// Records that wait; none while it is restored.
    pub records: Option<i64>,
}

impl std::fmt::Display for Stall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { component, topic, partition, ms, records } = self;
        let seconds = ms / 1_000;
        match records {
            Some(records) => write!(
                f,
                "{component}: {topic}[{partition}] has not moved for {seconds} s, {records} records \
                 wait"
            ),
            None => write!(
                f,
                "{component}: {topic}[{partition}] is being restored, without progress for \
                 {seconds} s"
            ),
        }
    }
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

    /// What a component's thread reports with.
    pub(super) fn reporter(&self, component: &str) -> Reporter {
        let renewal = Arc::<Renewal>::default();
        // A component's next thread takes up what is known of its partitions.
        let mut entries = self.entries();
        let entry = entries.entry(component.to_owned()).or_default();
        (entry.renewal, entry.reading) = (Arc::clone(&renewal), None);
        drop(entries);
        Reporter { lag: self.clone(), component: component.to_owned(), round: u64::MAX, renewal }
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

    /// Looks for partitions that do not move, as of `now_ms` (steady); those of runners that wait
    /// for something and say so are not meant. The others' runners are asked to end.
    pub fn find_stalled(&self, now_ms: i64) -> Vec<Stall> {
        let mut found = Vec::new();
        for (component, entry) in self.entries().iter_mut() {
            entry.stalled.retain(|_, (_, seen)| now_ms - *seen < FORGOTTEN_MS);
            // A runner that is built anew takes up where the last one stood.
            let Some(reading) = &entry.reading else { continue };
            for partition in reading.held() {
                let restoring = reading.restoring.contains_key(&partition);
                let records = entry.behind.get(&partition).map(|behind| behind.records);
                let at_rest = !restoring && records == Some(0);
                let mark = reading.mark(partition);
                let (last, since) = entry.moved.entry(partition).or_insert((mark, now_ms));
                if *last != mark || at_rest || entry.waits {
                    (*last, *since) = (mark, now_ms);
                    entry.stalled.remove(&partition);
                }
                if let Some((_, seen)) = entry.stalled.get_mut(&partition) {
                    *seen = now_ms;
                }
                if now_ms - *since < STALLED_MS {
                    continue;
                }
                // The next one, too, has this time.
                let began = std::mem::replace(since, now_ms);
                let (began, _) = *entry.stalled.entry(partition).or_insert((began, now_ms));
                let records = records.filter(|_| !restoring);
                let (component, topic) = (component.clone(), Arc::clone(&reading.topic));
                let stall = Stall { component, topic, partition, ms: now_ms - began, records };
                entry.renewal.ask(stall.to_string());
                found.push(stall);
            }
        }
        found
    }

    /// The partitions that are stalled, as of `now_ms` (steady).
    pub fn stalled(&self, now_ms: i64) -> Vec<Stall> {
        let mut all = Vec::new();
        for (component, entry) in self.entries().iter() {
            all.extend(entry.stalled.iter().map(|(&partition, (since, _))| Stall {
                component: component.clone(),
                topic: Arc::clone(&entry.topic),
                partition,
                ms: now_ms - since,
                records: entry.behind.get(&partition).map(|behind| behind.records),
            }));
        }
        all
    }

    /// Time in which the log did not answer counts for no stall.
    pub fn forgive(&self, now_ms: i64) {
        for entry in self.entries().values_mut() {
            for (_, since) in entry.moved.values_mut() {
                *since = now_ms;
            }
        }
    }

    /// For how long a component's thread has not looked although it was asked to end its runner, if
    /// that is too long.
    pub(super) fn ignored(&self, component: &str) -> Option<Duration> {
        let entries = self.entries();
        let asked = entries.get(component)?.renewal.asked_for()?;
        (asked > IGNORED).then_some(asked)
    }

    /// What the readers of this process hold, and where they are.
    pub fn readings(&self) -> Vec<Reading> {
        self.entries().values().filter_map(|entry| entry.reading.clone()).collect()
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
                held: reading.held(),
                partitions: entry.behind.clone(),
            })
        };
        entries.iter().filter_map(lagging).collect()
    }
}

/// Reports where one component is, once after each time the ends were taken.
pub(super) struct Reporter {
    lag: Lag,
    component: String,
    round: u64,
    renewal: Arc<Renewal>,
}

impl Reporter {
    /// Why the runner is to end, if a partition of it is stalled.
    pub(super) fn stalled(&self) -> Option<String> {
        self.renewal.take()
    }

    /// The runner has ended; another may come.
    pub(super) fn clear(&self) {
        self.with(|entry| (entry.reading, entry.waits) = (None, false));
    }

    fn with(&self, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.lag.entries();
        // Another thread may speak for the component by now.
        let entry = entries.get_mut(&self.component);
        if let Some(entry) = entry.filter(|it| Arc::ptr_eq(&it.renewal, &self.renewal)) {
            change(entry);
        }
    }

    /// The component reads nothing any more.
    pub(super) fn end(&self) {
        self.lag.entries().remove(&self.component);
    }

    /// Between two turns of the runner.
    pub(super) fn report(&mut self, reading: impl FnOnce() -> Option<Reading>, waits: bool) {
        let round = self.lag.round.load(Ordering::Acquire);
        if std::mem::replace(&mut self.round, round) == round {
            return;
        }
        let reading = reading();
        self.with(|entry| {
            if let Some(reading) = &reading {
                entry.topic = Arc::clone(&reading.topic);
            }
            (entry.reading, entry.waits) = (reading, waits);
        });
    }
}

#[cfg(test)]
mod tests;

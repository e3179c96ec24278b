//! Every part of the system, as far as the log shows: which process holds which partition of which
//! group, how far it is, and which partitions nobody holds. Each process writes what it does to the
//! topic `process-status` ([`super::watch`]) and reads what all the others do, so the living
//! processes know which are dead.
//!
//! Time is the log's append time alone: it goes on with what this process itself writes, so with the
//! log away nothing changes, and no clock of another machine is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::{ProcessStatus, ReadStatus};

use super::processes::{GONE_MS, Process, Processes};
use crate::run::lag::Behind;
use crate::topology::{self, Part};

/// A partition as its holders reported it.
#[derive(Clone, Debug)]
struct Known {
    next: Option<i64>,
    newest_ms: Option<i64>,
    holder: String,
    /// When its holder said so last; none while nobody did since this process watches.
    observed_ms: i64,
    /// When it was seen at the end of the log.
    caught_up_ms: Option<i64>,
}

/// Partitions of a group that nobody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) part: Part,
    pub(super) partitions: Vec<i32>,
    /// Since when at least, ms since the epoch by the log's clock.
    pub(super) since_ms: i64,
    /// Who held them last.
    pub(super) last: Option<String>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Part { role, group, topic, .. } = &self.part;
        let partitions = self.partitions.iter().map(ToString::to_string);
        let partitions: Vec<String> = partitions.collect();
        write!(f, "no process of role {role} reads {topic}[{}]", partitions.join(", "))?;
        write!(f, " for group {group}")?;
        match &self.last {
            Some(last) => write!(f, ", the last was {last}: start it, or another `{role}`")?,
            None => write!(f, ": start `opsconductor {role}`")?,
        }
        write!(f, "; if none is to run, leave {role} out of system.expected_roles")
    }
}

/// How far a group is behind the end of a topic.
#[derive(Clone, Debug)]
pub(super) struct GroupLag {
    pub(super) group: String,
    pub(super) topic: String,
    pub(super) partitions: BTreeMap<i32, Behind>,
}

#[derive(Default)]
struct Inner {
    /// The log's time, by what was appended last.
    now_ms: i64,
    /// When this process was first observed by itself.
    began_ms: Option<i64>,
    processes: Processes,
    known: BTreeMap<(String, i32), Known>,
    ends: BTreeMap<String, Vec<i64>>,
}

/// The parts of the system. Clones are the same.
#[derive(Clone)]
pub(crate) struct Parts {
    parts: Arc<Vec<Part>>,
    inner: Arc<Mutex<Inner>>,
}

impl Parts {
    /// `keep_gone_ms`: how long a process that is gone is shown.
    pub(super) fn new(partitions: i32, keep_gone_ms: i64) -> Self {
        let inner = Inner { processes: Processes::new(keep_gone_ms), ..Inner::default() };
        Self { parts: Arc::new(topology::parts(partitions)), inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topics whose ends matter.
    pub(super) fn topics(&self) -> BTreeSet<&'static str> {
        self.parts.iter().map(|part| part.topic).collect()
    }

    /// What a process said, appended at `at_ms`.
    pub(super) fn observe(&self, status: ProcessStatus, at_ms: i64, own: bool) {
        let mut inner = self.lock();
        inner.now_ms = inner.now_ms.max(at_ms);
        if own {
            inner.began_ms.get_or_insert(at_ms);
        }
        for read in &status.reads {
            inner.read(&status.instance, read, at_ms);
        }
        inner.processes.put(status, at_ms);
    }

    /// A process's record has left the topic.
    pub(super) fn forget(&self, instance: &str) {
        self.lock().processes.remove(instance);
    }

    /// Takes the ends of topics.
    pub(super) fn ends(&self, ends: &BTreeMap<Arc<str>, Vec<i64>>) {
        let mut inner = self.lock();
        for (topic, ends) in ends {
            inner.ends.insert(topic.to_string(), ends.clone());
        }
        let at_ms = inner.now_ms;
        let Inner { known, ends, .. } = &mut *inner;
        for part in self.parts.iter() {
            for ((_, end), known) in of(part, ends, known) {
                if known.next.is_some_and(|next| next >= end) {
                    known.caught_up_ms = Some(at_ms);
                }
            }
        }
    }

    /// How far each group is behind, whoever holds its partitions, or nobody.
    pub(super) fn lag(&self) -> Vec<GroupLag> {
        let mut inner = self.lock();
        let Inner { known, ends, now_ms, .. } = &mut *inner;
        let lag = |part: &Part| {
            let behind = of(part, ends, known).filter_map(|((partition, end), known)| {
                let records = (end - known.next?).max(0);
                // The oldest that is not done came after the last one that is, and after the
                // reader was last seen at the end.
                let since = known.newest_ms.max(known.caught_up_ms);
                let ms = match records {
                    0 => Some(0),
                    _ => since.map(|since| (*now_ms - since).max(0)),
                };
                Some((partition, Behind { records, ms }))
            });
            let partitions = behind.collect();
            GroupLag { group: part.group.clone(), topic: part.topic.to_owned(), partitions }
        };
        self.parts.iter().map(lag).collect()
    }

    /// Groups of which nobody holds some partitions, for longer than a move takes.
    pub(super) fn missing(&self) -> Vec<Missing> {
        let inner = self.lock();
        let Some(began_ms) = inner.began_ms else { return Vec::new() };
        let missing = |part: &Part| {
            let known = |partition: i32| inner.known.get(&(part.group.clone(), partition));
            let observed = |partition| known(partition).map_or(began_ms, |it| it.observed_ms);
            // A start has as long as a move.
            let gone = |it: &i32| inner.now_ms - observed(*it).max(began_ms) >= GONE_MS;
            let partitions: Vec<i32> = (0..part.partitions).filter(gone).collect();
            let last =
                partitions.iter().filter_map(|it| known(*it)).max_by_key(|it| it.observed_ms);
            let since_ms = partitions.iter().map(|it| observed(*it)).min()?;
            let last = last.map(|it| it.holder.clone());
            Some(Missing { part: part.clone(), partitions, since_ms, last })
        };
        self.parts.iter().filter_map(missing).collect()
    }

    /// Since when nobody holds any partition of a group.
    pub(super) fn uncomputed_since(&self, group: &str) -> Option<i64> {
        let missing = self.missing().into_iter().find(|it| it.part.group == group)?;
        let all =
            i32::try_from(missing.partitions.len()).unwrap_or(i32::MAX) == missing.part.partitions;
        all.then_some(missing.since_ms)
    }

    /// The processes that run, have ended, or are gone for no longer than they are shown.
    pub(super) fn processes(&self) -> Vec<Process> {
        let inner = self.lock();
        inner.processes.shown(inner.now_ms)
    }

    /// Processes whose records may leave the topic; none before this process has read its own.
    pub(super) fn over(&self) -> Vec<String> {
        let inner = self.lock();
        inner.began_ms.map(|_| inner.processes.over(inner.now_ms)).unwrap_or_default()
    }
}

impl Inner {
    fn read(&mut self, holder: &str, read: &ReadStatus, at_ms: i64) {
        let key = (read.group.clone(), read.partition);
        let before = self.known.get(&key);
        if before.is_some_and(|before| before.observed_ms > at_ms) {
            return;
        }
        let known = Known {
            // Who is still restoring does not know yet.
            next: read.next.or_else(|| before?.next),
            newest_ms: read.newest_at.or_else(|| before?.newest_ms),
            holder: holder.to_owned(),
            observed_ms: at_ms,
            caught_up_ms: before.and_then(|before| before.caught_up_ms),
        };
        self.known.insert(key, known);
    }
}

/// The partitions of a part of which end and place are known, with both.
fn of<'a>(
    part: &'a Part,
    ends: &BTreeMap<String, Vec<i64>>,
    known: &'a mut BTreeMap<(String, i32), Known>,
) -> impl Iterator<Item = ((i32, i64), &'a mut Known)> {
    let ends = ends.get(part.topic).cloned().unwrap_or_default();
    let range = (part.group.clone(), i32::MIN)..=(part.group.clone(), i32::MAX);
    known.range_mut(range).filter_map(move |((_, partition), known)| {
        let end = ends.get(usize::try_from(*partition).ok()?)?;
        Some(((*partition, *end), known))
    })
}

#[cfg(test)]
mod tests {
    use super::super::processes::Life;
    use super::*;

    fn status(instance: &str, group: &str, partitions: &[i32], next: i64) -> ProcessStatus {
        let read = |partition: &i32| ReadStatus {
            group: group.to_owned(),
            topic: "poll".to_owned(),
            partition: *partition,
            next: Some(next),
            newest_at: Some(next * 100),
        };
        ProcessStatus {
            instance: instance.to_owned(),
            version: String::new(),
            started_at: 0,
            at: 0,
            components: Vec::new(),
            reads: partitions.iter().map(read).collect(),
            state: "running".to_owned(),
            roles: Vec::new(),
            host: String::new(),
            warnings: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// The missing partitions of the device chain.
    fn missing(parts: &Parts) -> Option<Missing> {
        parts.missing().into_iter().find(|it| it.part.group == "device")
    }

    #[test]
    fn whoever_lives_sees_who_died_and_how_the_lag_grows() {
        let parts = Parts::new(2, 86_400_000);
        let own = |at_ms| parts.observe(status("api@a", "none", &[], 0), at_ms, true);
        let ends = |end| parts.ends(&[("poll".into(), vec![end, end])].into());
        own(1_000);
        parts.observe(status("process@b", "device", &[0, 1], 10), 1_500, false);
        ends(10);
        let lag = |parts: &Parts| {
            let lag = parts.lag().into_iter().find(|it| it.group == "device").unwrap();
            lag.partitions.get(&0).map(|it| (it.records, it.ms))
        };
        assert_eq!((lag(&parts), missing(&parts)), (Some((0, Some(0))), None));
        // It dies; the log goes on.
        own(21_500);
        ends(25);
        assert_eq!((lag(&parts), missing(&parts)), (Some((15, Some(20_000))), None));
        own(41_500);
        assert_eq!(lag(&parts), Some((15, Some(40_000))));
        let found = missing(&parts).unwrap();
        assert_eq!((found.partitions.as_slice(), found.since_ms), (&[0, 1][..], 1_500));
        assert_eq!(parts.uncomputed_since("device"), Some(1_500));
        let words = found.to_string();
        assert!(words.contains("role process reads poll[0, 1]"), "{words}");
        assert!(words.contains("the last was process@b"), "{words}");
        assert!(words.contains("leave process out of system.expected_roles"), "{words}");
        let gone = parts.processes().into_iter().find(|it| it.status.instance == "process@b");
        assert_eq!(gone.map(|it| (it.life, it.seen_ms)), Some((Life::Gone, 1_500)));
        // Another takes one of them, and restores it.
        let mut heir = status("process@c", "device", &[1], 0);
        heir.reads[0].next = None;
        parts.observe(heir, 41_600, false);
        assert_eq!(missing(&parts).unwrap().partitions, [0]);
        assert_eq!(parts.uncomputed_since("device"), None, "of some they are");
        parts.observe(status("process@c", "device", &[0, 1], 25), 45_000, false);
        ends(25);
        assert_eq!((lag(&parts), missing(&parts)), (Some((0, Some(0))), None));
    }

    #[test]
    fn what_never_was_is_missing_after_as_long_as_a_start_may_take() {
        let parts = Parts::new(1, 86_400_000);
        // Of a run that ended long ago.
        parts.observe(status("process@b", "device", &[0], 10), 1_000, false);
        assert!(parts.missing().is_empty(), "before it has observed itself");
        for (at_ms, expected) in [(900_000, false), (929_999, false), (930_000, true)] {
            parts.observe(status("api@a", "none", &[], 0), at_ms, true);
            assert_eq!(missing(&parts).is_some(), expected, "at {at_ms}");
        }
        assert_eq!(missing(&parts).unwrap().since_ms, 1_000);
        let sinks = parts.missing().into_iter().filter(|it| it.part.role == "sink");
        assert!(sinks.count() > 5);
    }
}

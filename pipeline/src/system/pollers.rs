//! How polls of each device went, for the APIs to show: each process that polls writes the figures
//! of its devices to the topic `poller-status`, in parts, one after the other, so that all of them are
//! there within a minute and no record is large however many devices there are. Processes with
//! the API read them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connectors::{DeviceTiming, Poller};
use schemas::{DeviceId, Outcome, PollTiming, PollerStatus};
use xxhash_rust::xxh3::xxh3_64;

use super::Shared;
use crate::log::{LogError, NewRecord, Producer, Reader, Start};
use crate::run::lag::Reading;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::Runner;
use crate::run::wiring::RunError;
use crate::topology::POLLER_STATUS;

/// Entries of a part, on average, at most.
const PART_ENTRIES: usize = 250;
/// All parts are written within so many rounds of two seconds.
const ROUNDS: usize = 30;
/// Parts are kept for this long although nothing is known of the process that wrote them.
const UNKNOWN_MS: i64 = 120_000;
/// Between two looks for such parts.
const LOOK_MS: i64 = 10_000;
/// Most parts that are kept in memory.
const MAX_PARTS: usize = 4_096;

/// Names a record of the topic.
fn key(instance: &str, part: i32) -> String {
    format!("{instance}/{part}")
}

/// Writes the figures of this process's devices.
#[derive(Default)]
pub(super) struct Publisher {
    /// A hash of each part as it was written last.
    written: Vec<u64>,
    next: usize,
}

impl Publisher {
    /// The records of one round: a part of all, or all when their number has changed.
    pub(super) fn round(&mut self, shared: &Shared, poller: &Poller) -> Vec<NewRecord> {
        let of = |at: usize, parts: usize| {
            let timings = poller.timings_of(|device| part_of(device, parts) == at);
            timings.into_iter().map(published).collect()
        };
        let entries = poller.timing_count();
        let parts = self.due(entries, of).into_iter().map(|(part, parts, timings)| PollerStatus {
            instance: shared.instance.clone(),
            started_at: shared.started_at,
            part,
            parts,
            timings,
        });
        let record = |it: PollerStatus| {
            let key = key(&it.instance, it.part);
            let record = POLLER_STATUS.record(&key, &it);
            record.inspect_err(|error| tracing::debug!(%error, "poller status")).ok()
        };
        parts.filter_map(record).collect()
    }

    /// Parts to be written, each with its number and that of all.
    fn due(
        &mut self,
        entries: usize,
        of: impl Fn(usize, usize) -> Vec<PollTiming>,
    ) -> Vec<(i32, i32, Vec<PollTiming>)> {
        // A power of two, so that it seldom changes.
        let parts = entries.div_ceil(PART_ENTRIES).next_power_of_two();
        let turn = if parts == self.written.len() {
            parts.div_ceil(ROUNDS)
        } else {
            // Devices are in other parts from now on.
            (self.written, self.next) = (vec![0; parts], 0);
            parts
        };
        let mut due = Vec::new();
        for _ in 0..turn {
            let at = self.next;
            self.next = (at + 1) % parts;
            let timings = of(at, parts);
            let hash = xxh3_64(format!("{timings:?}").as_bytes());
            if std::mem::replace(&mut self.written[at], hash) != hash {
                due.push((number(at), number(parts), timings));
            }
        }
        due
    }

    /// The tombstones of all that was written: the devices are another's.
    pub(super) fn end(&self, shared: &Shared) -> Vec<NewRecord> {
        let all = 0..self.written.len();
        all.map(|at| POLLER_STATUS.tombstone(&key(&shared.instance, number(at)))).collect()
    }
}

fn number(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX)
}

/// In which part a device's entries are.
fn part_of(device: DeviceId, parts: usize) -> usize {
    let hash = xxh3_64(device.0.as_bytes());
    usize::try_from(hash % parts.max(1) as u64).unwrap_or(0)
}

fn published(timing: DeviceTiming) -> PollTiming {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let polled = timing.polls > 0;
    PollTiming {
        device: timing.device,
        device_name: timing.device_name,
        connector: timing.connector.to_owned(),
        last_duration_ms: polled.then_some(signed(timing.last_duration_ms)),
        last_outcome: timing.last_outcome.map(|last| outcome(last).to_owned()),
        last_at: (timing.last_at > 0).then_some(timing.last_at),
        slowest_table_ms: timing.slowest_table.as_ref().map(|(_, waited)| signed(*waited)),
        slowest_table: timing.slowest_table.map(|(table, _)| table),
        requests: signed(timing.requests),
        timeouts: signed(timing.timeouts),
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Partial => "partial",
        Outcome::Timeout => "timeout",
        Outcome::Unreachable => "unreachable",
        Outcome::NoCredential => "no_credential",
        Outcome::NotPermitted => "not_permitted",
        Outcome::Malformed => "malformed",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "failed",
    }
}

/// What a process wrote.
#[derive(Default)]
struct Run {
    started_at: i64,
    parts: BTreeMap<i32, Vec<PollTiming>>,
    /// Since when nothing is known of it (steady).
    unknown_since: Option<i64>,
}

/// The figures of all processes. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Pollers {
    runs: Arc<Mutex<BTreeMap<String, Run>>>,
}

impl Pollers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a part; the keys of those that it makes void.
    fn put(&self, status: PollerStatus) -> Vec<String> {
        let mut runs = self.lock();
        let kept: usize = runs.values().map(|run| run.parts.len()).sum();
        let run = runs.entry(status.instance.clone()).or_default();
        let full = kept >= MAX_PARTS && !run.parts.contains_key(&status.part);
        if status.started_at < run.started_at || full {
            return Vec::new();
        }
        run.started_at = status.started_at;
        run.parts.insert(status.part, status.timings);
        let void = run.parts.split_off(&status.parts.max(1));
        void.into_keys().map(|part| key(&status.instance, part)).collect()
    }

    /// A part has left the topic.
    fn remove(&self, key: &str) {
        let Some((instance, part)) = key.rsplit_once('/') else { return };
        let mut runs = self.lock();
        let Some(run) = runs.get_mut(instance) else { return };
        run.parts.retain(|number, _| number.to_string() != part);
        if run.parts.is_empty() {
            runs.remove(instance);
        }
    }

    /// The keys of parts of which nobody knows the process any more, as of `now_ms` (steady).
    fn unknown(&self, known: &[&str], now_ms: i64) -> Vec<String> {
        let mut keys = Vec::new();
        for (instance, run) in self.lock().iter_mut() {
            if known.contains(&instance.as_str()) {
                run.unknown_since = None;
            } else if now_ms - *run.unknown_since.get_or_insert(now_ms) >= UNKNOWN_MS {
                keys.extend(run.parts.keys().map(|part| key(instance, *part)));
            }
        }
        keys
    }

    /// One entry a device and connector, of the process that polled it last; those of `own` as
    /// they are given.
    pub(super) fn all(&self, own: &str, now: Vec<DeviceTiming>) -> Vec<(String, PollTiming)> {
        let mut newest: HashMap<(DeviceId, String), (String, PollTiming)> = HashMap::new();
        let mut take = |instance: &str, timing: PollTiming| {
            let key = (timing.device, timing.connector.clone());
            if newest.get(&key).is_none_or(|(_, known)| known.last_at <= timing.last_at) {
                newest.insert(key, (instance.to_owned(), timing));
            }
        };
        for (instance, run) in self.lock().iter().filter(|(instance, _)| *instance != own) {
            let timings = run.parts.values().flatten();
            timings.for_each(|timing| take(instance, timing.clone()));
        }
        now.into_iter().map(published).for_each(|timing| take(own, timing));
        newest.into_values().collect()
    }
}

/// Follows the topic.
pub(super) struct Follower {
    shared: Arc<Shared>,
    reader: Box<dyn Reader>,
    schemas: SchemaTopic,
    producer: Arc<dyn Producer>,
    /// When unknown processes are looked for next (steady).
    look: i64,
}

impl Follower {
    pub(super) fn new(shared: &Arc<Shared>) -> Result<Self, RunError> {
        Ok(Self {
            reader: shared.log.reader(POLLER_STATUS.name, &[0], Start::Earliest)?,
            schemas: SchemaTopic::new(Arc::clone(&shared.log), shared.schemas.clone()),
            producer: shared.log.producer("poller-status")?,
            look: 0,
            shared: Arc::clone(shared),
        })
    }

    fn look(&mut self) {
        let now = self.shared.clock.steady_ms();
        if now < self.look {
            return;
        }
        self.look = now + LOOK_MS;
        let processes = self.shared.parts.processes();
        let known: Vec<&str> = processes.iter().map(|it| it.status.instance.as_str()).collect();
        self.remove(self.shared.pollers.unknown(&known, now));
    }

    fn remove(&self, keys: Vec<String>) {
        for key in keys {
            // It is tried again as long as it is there.
            let _ = self.producer.send(POLLER_STATUS.tombstone(&key), None);
            self.shared.pollers.remove(&key);
        }
    }
}

impl Runner for Follower {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        let pollers = self.shared.pollers.clone();
        let records = match self.reader.poll(wait) {
            Ok(records) => records,
            Err(LogError::OutOfRange { .. }) => {
                // Compacted meanwhile: it is read anew, and is short.
                let log = &self.shared.log;
                self.reader = log.reader(POLLER_STATUS.name, &[0], Start::Earliest)?;
                return Ok(());
            }
            Err(other) => return Err(other.into()),
        };
        for record in records {
            if record.value.is_none() {
                let key = record.key.as_deref().unwrap_or_default();
                pollers.remove(&String::from_utf8_lossy(key));
                continue;
            }
            match self.schemas.decode(|store| POLLER_STATUS.read(store, &record)) {
                Ok(Some(status)) => self.remove(pollers.put(status)),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "unreadable poller status"),
            }
        }
        self.look();
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! The processor runner: one thread that owns some partitions of one input topic, the state of
//! their keys, and one transaction at a time.
//!
//! The promise: state = fold(step, snapshot, records since). How it could fail, and what stands
//! against it:
//!
//! - *Output without position, or the other way round*: both, and the snapshots, are one commit.
//! - *A snapshot that is older or newer than it says*: it is written in the commit that moves the
//!   position to the offset it carries, after everything below that offset was stepped.
//! - *A key restored from nothing*: the position carries the oldest record that some key's
//!   snapshot does not cover; replay starts there and skips, key by key, what a snapshot covers.
//! - *Outputs twice*: what is replayed below the committed position is not sent again.
//! - *Restored too early*, under a transaction that a dead predecessor left open: joining as a
//!   task ends that transaction, and reading goes on to the end that includes open ones.
//! - *State that was never committed*: after any failed commit every partition is restored anew.
//! - *A zombie*: the log refuses the commit; the runner ends and is built again from nothing.
//! - *Time*: a tick is a record like any other, so a replay wakes the same keys at the same place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use processors::{Output, Processor};
use schemas::{CodecError, DeviceId, SchemaStore, Tick};

use super::dead_letter::{self, Poison};
use super::lag::{Place, Reading};
use super::partition::{Partition, Stepped};
use super::restore::Restore;
use super::schema_topic::SchemaTopic;
use super::snapshot;
use crate::clock::Clock;
use crate::log::{Event, EventLog, LogError, MemberSpec, NewRecord, Record, Start, Task};
use crate::topic::shared;
use crate::topology::POLL_TICK;

/// How often things happen.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Longest time between a record and the commit of what it caused.
    pub commit_ms: i64,
    /// Most records in one commit.
    pub commit_records: usize,
    /// A changed key is snapshotted within this stream time.
    pub snapshot_ms: i64,
    /// Most snapshots in one commit.
    pub commit_snapshots: usize,
    /// Time between two ticks of a partition; 0 for none.
    pub tick_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            commit_ms: 100,
            commit_records: 20_000,
            snapshot_ms: 300_000,
            commit_snapshots: 2_000,
            tick_ms: 5_000,
        }
    }
}

/// What a processor reads and writes.
#[derive(Clone)]
pub struct Wiring {
    /// Group, input topic and slot.
    pub member: MemberSpec,
    /// Where the keys' snapshots go; as many partitions as the input.
    pub state_topic: Arc<str>,
    /// Where an output goes.
    pub route: fn(DeviceId, &Output) -> Result<NewRecord, CodecError>,
}

/// Why a runner ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Built again after a pause.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Needs the operator.
    #[error("{component}: {error}")]
    Broken {
        /// Which runner.
        component: String,
        /// What is wrong, where, and the mend.
        error: String,
    },
}

enum Slot<S> {
    Restoring(Box<Restore<S>>),
    Live(Partition<S>),
}

/// The runner of one processor in one thread.
pub struct ProcessorRunner<P: Processor> {
    processor: Arc<P>,
    log: Arc<dyn EventLog>,
    task: Box<dyn Task>,
    wiring: Wiring,
    pace: Pace,
    clock: Clock,
    schemas: SchemaTopic,
    partitions: BTreeMap<i32, Slot<P::State>>,
    /// Records stepped since the last commit, and when the first of them came.
    pending: usize,
    pending_since: Option<i64>,
    stepped: Stepped,
}

impl<P: Processor> ProcessorRunner<P> {
    /// Joins the group.
    ///
    /// # Errors
    /// [`RunError::Log`].
    pub fn join(
        log: &Arc<dyn EventLog>,
        processor: Arc<P>,
        wiring: Wiring,
        pace: Pace,
        clock: Clock,
        schemas: SchemaStore,
    ) -> Result<Self, RunError> {
        Ok(Self {
            processor,
            log: Arc::clone(log),
            task: log.task(&wiring.member)?,
            wiring,
            pace,
            clock,
            schemas: SchemaTopic::new(Arc::clone(log), schemas),
            partitions: BTreeMap::new(),
            pending: 0,
            pending_since: None,
            stepped: Stepped::default(),
        })
    }

    /// One round: an event, a slice of whatever is being restored, ticks and a commit when due.
    /// True when there was something to do.
    ///
    /// # Errors
    /// [`RunError`]; the runner is then dropped and built again.
    pub fn turn(&mut self, wait: Duration) -> Result<bool, RunError> {
        let restoring = self.restore_some()?;
        let wait = if restoring { Duration::ZERO } else { self.until_commit(wait) };
        let mut busy = restoring;
        match self.task.poll(wait)? {
            Event::Assigned(partitions) => {
                for partition in partitions {
                    self.restore(partition)?;
                }
                busy = true;
            }
            Event::Records(records) => {
                for record in &records {
                    self.apply(record)?;
                }
                busy = true;
            }
            Event::Revoked(partitions) => self.give_up(&partitions)?,
            Event::Lost(partitions) => {
                for partition in &partitions {
                    self.partitions.remove(partition);
                }
                self.start_over()?;
            }
            Event::Idle => {}
        }
        self.tick()?;
        if self.commit_due() {
            self.commit(&[])?;
        }
        Ok(busy)
    }

    /// Snapshots everything, commits and leaves the group.
    ///
    /// # Errors
    /// [`RunError`] when the last commit failed; nothing is lost, the next start replays.
    pub fn stop(mut self) -> Result<(), RunError> {
        let all: Vec<i32> = self.partitions.keys().copied().collect();
        let result = self.try_commit(&all);
        self.task.leave();
        result.map_err(Into::into)
    }

    /// Partitions held, and how many of them are still being restored.
    pub fn held(&self) -> (usize, usize) {
        let restoring = |slot: &&Slot<P::State>| matches!(slot, Slot::Restoring(_));
        (self.partitions.len(), self.partitions.values().filter(restoring).count())
    }

    /// How far it has committed.
    pub fn reading(&self) -> Reading {
        let ahead = self.task.positions();
        let place = |(number, slot): (&i32, &Slot<P::State>)| {
            let (done, moved) = match slot {
                Slot::Restoring(restore) => (restore.place(), true),
                Slot::Live(partition) => partition.place(),
            };
            // Nothing committed yet: from the oldest record on.
            let done = done.unwrap_or(Place { next: 0, newest_ms: None });
            let ahead = ahead.get(number).filter(|_| !moved).copied().unwrap_or(done.next);
            (*number, Place { next: done.next.max(ahead), ..done })
        };
        Reading {
            group: self.wiring.member.group.clone(),
            topic: Arc::clone(&self.wiring.member.topic),
            elsewhere: false,
            places: self.partitions.iter().map(place).collect(),
        }
    }

    fn broken(&self, error: String) -> RunError {
        RunError::Broken { component: self.wiring.member.group.clone(), error }
    }

    fn restore(&mut self, partition: i32) -> Result<(), RunError> {
        let committed = self.task.committed(&[partition])?.first().copied().flatten();
        let restore = Restore::begin(
            self.log.as_ref(),
            &self.wiring.state_topic,
            &self.wiring.member.topic,
            partition,
            committed,
        )?;
        self.partitions.insert(partition, Slot::Restoring(Box::new(restore)));
        Ok(())
    }

    /// Carries every restoring partition on by one read. True while there are any.
    fn restore_some(&mut self) -> Result<bool, RunError> {
        let restoring: Vec<i32> = (self.partitions.iter())
            .filter(|(_, slot)| matches!(slot, Slot::Restoring(_)))
            .map(|(partition, _)| *partition)
            .collect();
        for &number in &restoring {
            let Some(Slot::Restoring(mut restore)) = self.partitions.remove(&number) else {
                continue;
            };
            let done = restore
                .advance(self.processor.as_ref(), self.log.as_ref(), &mut self.schemas)
                .map_err(|error| error.in_component(&self.wiring.member.group))?;
            if done {
                let partition = restore.finish(self.clock.now_ms());
                let from = partition.first_read.map_or(Start::Earliest, Start::At);
                self.task.start(number, from)?;
                self.partitions.insert(number, Slot::Live(partition));
            } else {
                self.partitions.insert(number, Slot::Restoring(restore));
            }
        }
        Ok(!restoring.is_empty())
    }

    fn apply(&mut self, record: &Record) -> Result<(), RunError> {
        let partition = match self.partitions.get_mut(&record.partition) {
            Some(Slot::Live(partition)) => partition,
            // Read before everything was restored anew; it is read again from there.
            Some(Slot::Restoring(_)) => return Ok(()),
            None => {
                return Err(self.broken(format!(
                    "record {}[{}]@{} of a partition that was not assigned",
                    record.topic, record.partition, record.offset
                )));
            }
        };
        self.stepped.clear();
        let outcome =
            partition.apply(self.processor.as_ref(), record, &mut self.schemas, &mut self.stepped);
        for (device, output) in self.stepped.outputs.drain(..) {
            let sent = (self.wiring.route)(device, &output)
                .map_err(|error| error.to_string())
                .and_then(|new| match self.task.send(new) {
                    Ok(()) => Ok(Ok(())),
                    Err(LogError::TooLarge { topic, bytes }) => {
                        Err(format!("output for {topic} of {device} has {bytes} bytes"))
                    }
                    Err(other) => Ok(Err(other)),
                });
            match sent {
                Ok(sent) => sent?,
                Err(error) => {
                    let poison = Poison { reason: "rejected", error };
                    self.task.send(dead_letter::of(record, &self.wiring.member.group, poison))?;
                }
            }
        }
        for (device, parts) in self.stepped.forgotten.drain(..) {
            for part in 0..parts.max(1) {
                let key = Some(snapshot::part_key(device, part));
                self.task.send(state_record(&self.wiring, record.partition, key, None))?;
            }
        }
        self.stepped.report(&self.wiring.member.group);
        if let Err(poison) = outcome {
            self.task.send(dead_letter::of(record, &self.wiring.member.group, poison))?;
        }
        self.pending += 1;
        self.pending_since.get_or_insert_with(|| self.clock.steady_ms());
        Ok(())
    }

    /// Time passes for the keys of a partition through a record in its own input.
    fn tick(&mut self) -> Result<(), RunError> {
        if self.pace.tick_ms == 0 {
            return Ok(());
        }
        let now = self.clock.now_ms();
        for (number, slot) in &mut self.partitions {
            let Slot::Live(partition) = slot else { continue };
            if !partition.tick_due(now, self.pace.tick_ms) {
                continue;
            }
            let mut tick =
                POLL_TICK.record(&String::new(), &Tick { at: now }).map_err(|error| {
                    RunError::Broken {
                        component: self.wiring.member.group.clone(),
                        error: error.to_string(),
                    }
                })?;
            tick.topic = Arc::clone(&self.wiring.member.topic);
            tick.partition = Some(*number);
            tick.key = None;
            self.task.send(tick)?;
            self.pending_since.get_or_insert_with(|| self.clock.steady_ms());
        }
        Ok(())
    }

    fn until_commit(&self, wait: Duration) -> Duration {
        match self.pending_since {
            None => wait,
            Some(since) => {
                let left = (since + self.pace.commit_ms - self.clock.steady_ms()).max(0);
                wait.min(Duration::from_millis(left as u64))
            }
        }
    }

    fn commit_due(&self) -> bool {
        self.pending >= self.pace.commit_records
            || self
                .pending_since
                .is_some_and(|since| self.clock.steady_ms() - since >= self.pace.commit_ms)
    }

    fn give_up(&mut self, partitions: &[i32]) -> Result<(), RunError> {
        let result = self.commit(partitions);
        for partition in partitions {
            self.partitions.remove(partition);
        }
        result
    }

    /// Commits; what fails in passing makes every partition be restored.
    fn commit(&mut self, leaving: &[i32]) -> Result<(), RunError> {
        match self.try_commit(leaving) {
            Err(LogError::Retry { what, error }) => {
                tracing::warn!(what, error, "commit failed; restoring every partition");
                metrics::counter!("opsc_processor_commits_failed_total").increment(1);
                self.start_over()
            }
            other => other.map_err(Into::into),
        }
    }

    /// Commits outputs, snapshots that are due and positions; of the partitions named, which are
    /// about to be left, every changed key is snapshotted.
    fn try_commit(&mut self, leaving: &[i32]) -> Result<(), LogError> {
        let mut positions = Vec::new();
        let version = P::LOGIC_VERSION;
        for (number, slot) in &mut self.partitions {
            let Slot::Live(partition) = slot else { continue };
            let all = leaving.contains(number);
            let limit = if all { usize::MAX } else { self.pace.commit_snapshots };
            let pace = (!all).then_some(self.pace.snapshot_ms);
            for device in partition.due_snapshots(pace, limit) {
                let parts = partition.snapshot(self.processor.as_ref(), device, version);
                for (i, value) in parts.into_iter().enumerate() {
                    let key = Some(snapshot::part_key(device, i as u16));
                    self.task.send(state_record(&self.wiring, *number, key, Some(value)))?;
                }
            }
            if let Some(position) = partition.position(*number) {
                positions.push(position);
            }
        }
        self.pending = 0;
        self.pending_since = None;
        if positions.is_empty() {
            return self.task.abort();
        }
        self.task.commit(&positions)?;
        metrics::counter!("opsc_processor_commits_total").increment(1);
        for position in &positions {
            if let Some(Slot::Live(partition)) = self.partitions.get_mut(&position.partition) {
                partition.committed();
            }
        }
        Ok(())
    }

    /// Drops what was not committed, in the log and in memory, and restores every partition.
    fn start_over(&mut self) -> Result<(), RunError> {
        self.task.abort()?;
        self.pending = 0;
        self.pending_since = None;
        let numbers: Vec<i32> = self.partitions.keys().copied().collect();
        for number in numbers {
            self.restore(number)?;
        }
        Ok(())
    }
}

/// A record for the state topic, in the partition of the input it belongs to.
fn state_record(
    wiring: &Wiring,
    partition: i32,
    key: Option<bytes::Bytes>,
    value: Option<bytes::Bytes>,
) -> NewRecord {
    NewRecord {
        topic: Arc::clone(&wiring.state_topic),
        partition: Some(partition),
        key,
        value,
        headers: Vec::new(),
    }
}

/// The name of a group's dead letters and counters.
pub fn member(group: &str, topic: &str, slot: &str) -> MemberSpec {
    MemberSpec { group: group.to_owned(), topic: shared(topic), slot: slot.to_owned() }
}

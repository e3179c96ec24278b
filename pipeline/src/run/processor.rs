//! The processor runner: one thread that owns some partitions of one input topic, the state of
//! their keys, and one transaction at a time.
//!
//! The promise: state = fold(step, snapshot, records since). How it could fail, and what stands
//! against it:
//!
//! - *Output without position, or the other way round*: both, and the snapshots, are records of one
//!   commit; a restore reads nothing else.
//! - *A snapshot that is older or newer than it says*: it is written in the commit that moves the
//!   position to the offset it carries, after everything below that offset was stepped.
//! - *A key restored from nothing*: the position carries the oldest record that some key's
//!   snapshot does not cover; replay starts there and skips, key by key, what a snapshot covers.
//! - *Outputs twice*: what is replayed below the committed position is not sent again.
//! - *Restored too early*, under a transaction that a dead predecessor left open: joining as a
//!   task ends that transaction, and reading goes on to the end that includes open ones.
//! - *State that was never committed*: after any failed commit every partition is restored anew.
//! - *A zombie*: the log refuses the commit; the runner ends and is built again from nothing.
//! - *Another logic version stepped the tail*, and published something else than the replay
//!   concludes: the position says which version it was. What was published is read back and holds
//!   ([`Processor::reconcile`]), and every key of the tail is snapshotted in the next commit, so
//!   that no tail is of two versions.
//! - *A batch whose outputs are more than a transaction may hold, or take too long*: it is committed
//!   in pieces, each with the position of what was stepped.
//! - *Time*: a tick is a record like any other, so a replay wakes the same keys at the same place.

mod commit;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use processors::{KeyOf, Processor};
use schemas::{CodecError, SchemaStore, Tick, encode};

use self::commit::Pending;
use super::dead_letter::{self, Poison};
use super::lag::{Place, Reading};
use super::outside::{Outside, Within};
use super::partition::{Partition, Stepped};
use super::position;
use super::restore::Restore;
use super::schema_topic::SchemaTopic;
use super::wiring::{Pace, RunError, Wiring};
use crate::clock::Clock;
use crate::log::{Event, EventLog, LogError, NewRecord, Record, Start, Task};

enum Slot<P: Processor> {
    Restoring(Box<Restore<P>>),
    Live(Partition<P>),
}

/// The runner of one processor in one thread; of a relay, a source or a worker with what it does
/// outside.
pub struct ProcessorRunner<P: Processor, O = Within> {
    processor: Arc<P>,
    outside: O,
    log: Arc<dyn EventLog>,
    task: Box<dyn Task>,
    wiring: Wiring<P>,
    pace: Pace,
    clock: Clock,
    schemas: SchemaTopic,
    partitions: BTreeMap<i32, Slot<P>>,
    pending: Pending,
    stepped: Stepped<P>,
    /// Keys with a change in the next commit, of interest outside.
    changed: BTreeSet<(i32, KeyOf<P>)>,
    /// Why no more input is taken.
    held: Option<&'static str>,
}

impl<P: Processor, O: Outside<P>> ProcessorRunner<P, O> {
    /// Joins the group.
    ///
    /// # Errors
    /// [`RunError::Log`].
    pub fn join(
        log: &Arc<dyn EventLog>,
        processor: Arc<P>,
        outside: O,
        wiring: Wiring<P>,
        pace: Pace,
        clock: Clock,
        schemas: SchemaStore,
    ) -> Result<Self, RunError> {
        Ok(Self {
            processor,
            outside,
            log: Arc::clone(log),
            task: log.task(&wiring.member)?,
            wiring,
            pace,
            clock,
            schemas: SchemaTopic::new(Arc::clone(log), schemas),
            partitions: BTreeMap::new(),
            pending: Pending::default(),
            stepped: Stepped::default(),
            changed: BTreeSet::new(),
            held: None,
        })
    }

    /// One round: an event, a slice of whatever is being restored, ticks and a commit when due.
    /// True when there was something to do.
    ///
    /// # Errors
    /// [`RunError`]; the runner is then dropped and built again.
    pub fn turn(&mut self, wait: Duration) -> Result<bool, RunError> {
        let restoring = self.restore_some()?;
        let mut busy = restoring | self.take_in()?;
        self.hold()?;
        let wait = if busy { Duration::ZERO } else { self.until_commit(wait) };
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
                    // What follows is stepped on top of it; after a commit that failed it is passed
                    // over, and read again once everything is restored.
                    if self.commit_overdue() {
                        self.commit(&[])?;
                    }
                }
                busy = true;
            }
            Event::Revoked(partitions) => {
                self.give_up(&partitions)?;
                // They are given up at the next poll, with nothing begun meanwhile.
                return Ok(true);
            }
            Event::Lost(partitions) => {
                self.forget(&partitions);
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
        self.outside.drain(&all);
        let result = self.take_in().and_then(|_| self.try_commit(&all).map_err(RunError::from));
        self.task.leave();
        result
    }

    /// What it waits for, in words, although it runs.
    pub fn waits_for(&self) -> Option<&'static str> {
        self.held
    }

    /// Partitions held, and how many of them are still being restored.
    pub fn held(&self) -> (usize, usize) {
        let restoring = |slot: &&Slot<P>| matches!(slot, Slot::Restoring(_));
        (self.partitions.len(), self.partitions.values().filter(restoring).count())
    }

    /// How far it has committed.
    pub fn reading(&self) -> Reading {
        let ahead = self.task.positions();
        let (mut places, mut restoring) = (BTreeMap::new(), BTreeMap::new());
        for (&number, slot) in &self.partitions {
            match slot {
                Slot::Restoring(restore) => {
                    restoring.insert(number, restore.effort());
                    places.extend(restore.place().map(|place| (number, place)));
                }
                Slot::Live(partition) => {
                    let (done, moved) = partition.place();
                    // Nothing committed yet: from the oldest record on.
                    let done = done.unwrap_or(Place { next: 0, newest_ms: None });
                    let ahead = ahead.get(&number).filter(|_| !moved).copied();
                    let next = done.next.max(ahead.unwrap_or(done.next));
                    places.insert(number, Place { next, ..done });
                }
            }
        }
        Reading {
            group: self.wiring.member.group.clone(),
            topic: Arc::clone(&self.wiring.member.topic),
            elsewhere: false,
            places,
            restoring,
        }
    }

    fn broken(&self, error: String) -> RunError {
        RunError::Broken { component: self.wiring.member.group.clone(), error }
    }

    fn explained(&self, error: LogError) -> LogError {
        position::explained(error, &self.wiring.state_topic)
    }

    fn restore(&mut self, partition: i32) -> Result<(), RunError> {
        let (log, task) = (self.log.as_ref(), self.task.as_mut());
        let restore = Restore::begin(log, task, &self.wiring, partition)?;
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
                .advance(
                    self.processor.as_ref(),
                    self.log.as_ref(),
                    self.task.as_mut(),
                    &mut self.schemas,
                )
                .map_err(|error| error.in_component(&self.wiring))?;
            if done {
                let (partition, outputs) = restore.finish(self.clock.now_ms());
                for (key, output) in outputs {
                    if let Err(error) = self.send(&key, &output)? {
                        tracing::error!(%key, error, "not sent after a change of version");
                    }
                }
                if partition.moved() {
                    self.pending.since.get_or_insert_with(|| self.clock.steady_ms());
                }
                if O::ACTIVE {
                    self.outside.restore(number, &partition.states());
                }
                let from = partition.first_read.map_or(Start::Earliest, Start::At);
                self.task.start(number, from).map_err(|error| self.explained(error))?;
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
        for error in self.pass_on(record.partition)? {
            let poison = Poison { reason: "rejected", error };
            self.put(dead_letter::of(record, &self.wiring.member.group, poison))?;
        }
        if let Err(poison) = outcome {
            self.put(dead_letter::of(record, &self.wiring.member.group, poison))?;
        }
        self.pending.records += 1;
        self.pending.since.get_or_insert_with(|| self.clock.steady_ms());
        Ok(())
    }

    /// Steps what came back from outside. True when there was something.
    fn take_in(&mut self) -> Result<bool, RunError> {
        let mut any = false;
        while let Some((number, input)) = self.outside.next() {
            // Restored anew: it is given again then.
            let Some(Slot::Live(partition)) = self.partitions.get_mut(&number) else { continue };
            self.stepped.clear();
            if !partition.inject(self.processor.as_ref(), &input, &mut self.stepped) {
                continue;
            }
            any = true;
            for error in self.pass_on(number)? {
                let component = &self.wiring.member.group;
                tracing::error!(component, error, "an output cannot be published");
            }
            self.pending.records += 1;
            self.pending.since.get_or_insert_with(|| self.clock.steady_ms());
        }
        Ok(any)
    }

    /// Takes no more input while too much is under way outside.
    fn hold(&mut self) -> Result<(), LogError> {
        let full = self.outside.is_full();
        if full.is_some() != self.held.is_some() {
            self.task.hold(full.is_some())?;
        }
        self.held = full;
        Ok(())
    }

    /// Sends what a step gave; in words why, for each output that the log cannot take.
    fn pass_on(&mut self, partition: i32) -> Result<Vec<String>, RunError> {
        let mut refused = Vec::new();
        let mut outputs = std::mem::take(&mut self.stepped.outputs);
        for (key, output) in outputs.drain(..) {
            if let Err(error) = self.send(&key, &output)? {
                refused.push(error);
            }
        }
        self.stepped.outputs = outputs;
        for key in self.stepped.forgotten.drain(..) {
            self.task.send(self.wiring.state_record(partition, key, None))?;
        }
        if O::ACTIVE {
            self.changed.extend(self.stepped.dropped.drain(..).map(|key| (partition, key)));
        }
        self.stepped.report(&self.wiring.member.group);
        Ok(refused)
    }

    fn put(&mut self, record: NewRecord) -> Result<(), LogError> {
        self.pending.bytes += record.bytes();
        self.task.send(record)
    }

    /// Sends an output; in words why, when it is none that the log can take.
    fn send(&mut self, key: &KeyOf<P>, output: &P::Output) -> Result<Result<(), String>, LogError> {
        let new = match (self.wiring.route)(output) {
            Ok(new) => new,
            Err(error) => return Ok(Err(error.to_string())),
        };
        match self.put(new) {
            Ok(()) => Ok(Ok(())),
            Err(LogError::TooLarge { topic, bytes }) => {
                Ok(Err(format!("output for {topic} of {key} has {bytes} bytes")))
            }
            Err(other) => Err(other),
        }
    }

    /// Time passes for the keys of a partition through a record in its own input.
    fn tick(&mut self) -> Result<(), RunError> {
        if self.pace.tick_ms == 0 {
            return Ok(());
        }
        let now = self.clock.now_ms();
        let broken = |error: &CodecError| RunError::Broken {
            component: self.wiring.member.group.clone(),
            error: error.to_string(),
        };
        for (number, slot) in &mut self.partitions {
            let Slot::Live(partition) = slot else { continue };
            if !partition.tick_due(now, self.pace.tick_ms) {
                continue;
            }
            let tick = NewRecord {
                topic: Arc::clone(&self.wiring.member.topic),
                partition: Some(*number),
                key: None,
                value: Some(encode(&Tick { at: now }).map_err(|error| broken(&error))?.into()),
                headers: Vec::new(),
            };
            self.task.send(tick)?;
            self.pending.since.get_or_insert_with(|| self.clock.steady_ms());
        }
        Ok(())
    }
}

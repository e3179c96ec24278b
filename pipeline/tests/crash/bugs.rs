//! Bugs, seeded around the log's seam so that the program itself stays sound: each is what an
//! honest mistake in a runner or a log would do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pipeline::log::embedded::Memory;
use pipeline::log::{
    Event, EventLog, LogError, Member, MemberSpec, NewRecord, Position, Producer, Reader, Record,
    Start, Task, TopicSpec, Watch,
};
use pipeline::topology::{POLL, STATE_DEVICE};

/// What is wrong with the program under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The position committed is one too high: a record is skipped after a crash.
    PositionTooHigh,
    /// One too low: a record is processed twice after a crash.
    PositionTooLow,
    /// The tail is not replayed.
    NoReplay,
    /// The tail is replayed from one record too late.
    ReplayTooLate,
    /// Outputs are committed first, positions after.
    PositionsAfterOutputs,
    /// Positions are committed first, outputs after.
    OutputsAfterPositions,
    /// Positions are never committed.
    NoPositions,
    /// A snapshot claims to cover one record more than it does. (One less is harmless: polls carry
    /// their slot, and outputs of a replay are not sent.)
    SnapshotClaimsMore,
    /// Snapshots are not in the commit that says they are.
    SnapshotsLost,
    /// A section is written the first time only: what changed since is lost.
    SectionsOnlyOnce,
    /// Restoring stops before the last snapshot.
    RestoreStopsShort,
    /// An abort drops the outputs but not the state: the runner believes that all was committed.
    StateLeaks,
    /// An abort keeps the outputs.
    AbortKeepsOutputs,
    /// Neighbouring records of a partition change places.
    InputsSwapped,
    /// A record is delivered twice.
    InputTwice,
    /// The last record of a batch is dropped.
    InputDropped,
    /// A replaced task's commit is taken.
    NoFence,
    /// A sink's rows are written before its position.
    SinkPositionAfterRows,
    /// A sink's position is written without comparing it.
    SinkPositionNotCompared,
}

impl Bug {
    pub const ALL: [Self; 19] = [
        Self::PositionTooHigh,
        Self::PositionTooLow,
        Self::NoReplay,
        Self::ReplayTooLate,
        Self::PositionsAfterOutputs,
        Self::OutputsAfterPositions,
        Self::NoPositions,
        Self::SnapshotClaimsMore,
        Self::SnapshotsLost,
        Self::SectionsOnlyOnce,
        Self::RestoreStopsShort,
        Self::StateLeaks,
        Self::AbortKeepsOutputs,
        Self::InputsSwapped,
        Self::InputTwice,
        Self::InputDropped,
        Self::NoFence,
        Self::SinkPositionAfterRows,
        Self::SinkPositionNotCompared,
    ];
}

/// Whose task the bug is in, by its input and its state topic.
#[derive(Clone, Copy)]
pub struct Target {
    pub input: &'static str,
    pub state: &'static str,
}

/// The processor of polls.
pub const CHAIN: Target = Target { input: POLL.name, state: STATE_DEVICE.name };

/// Wraps a log in a bug.
pub struct Saboteur {
    bug: Option<(Bug, Target)>,
}

impl Saboteur {
    pub fn new(bug: Option<(Bug, Target)>) -> Self {
        Self { bug }
    }

    pub fn wrap(&self, memory: &Memory) -> Arc<dyn EventLog> {
        let log: Arc<dyn EventLog> = Arc::new(memory.clone());
        match self.bug {
            None => log,
            Some((bug, target)) => Arc::new(Buggy { bug, target, log }),
        }
    }
}

struct Buggy {
    bug: Bug,
    target: Target,
    log: Arc<dyn EventLog>,
}

impl Watch for Buggy {
    fn ends(&self, topic: &str) -> Result<Vec<i64>, LogError> {
        self.log.ends(topic)
    }

    fn done(&self, group: &str, topic: &Arc<str>, next: &BTreeMap<i32, i64>) {
        self.log.done(group, topic, next);
    }
}

impl EventLog for Buggy {
    fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.ensure_topics(topics)
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        self.log.member(spec)
    }

    fn task(&self, spec: &MemberSpec) -> Result<Box<dyn Task>, LogError> {
        let inner = self.log.task(spec)?;
        if &*spec.topic != self.target.input {
            return Ok(inner);
        }
        let (bug, log) = (self.bug, Arc::clone(&self.log));
        Ok(Box::new(BuggyTask {
            bug,
            target: self.target,
            log,
            inner,
            sent: Vec::new(),
            last: None,
            sections: BTreeSet::new(),
        }))
    }

    fn producer(&self, name: &str) -> Result<Arc<dyn Producer>, LogError> {
        self.log.producer(name)
    }

    fn reader(
        &self,
        topic: &str,
        partitions: &[i32],
        from: Start,
    ) -> Result<Box<dyn Reader>, LogError> {
        let from = match (self.bug, from) {
            (Bug::ReplayTooLate, Start::At(offset)) if topic == self.target.input => {
                Start::At(offset + 1)
            }
            (_, from) => from,
        };
        let inner = self.log.reader(topic, partitions, from)?;
        if self.bug == Bug::RestoreStopsShort && topic == self.target.state {
            return Ok(Box::new(ShortReader { inner }));
        }
        Ok(inner)
    }
}

struct ShortReader {
    inner: Box<dyn Reader>,
}

impl Reader for ShortReader {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError> {
        let mut records = self.inner.poll(timeout)?;
        records.pop();
        Ok(records)
    }

    fn position(&self, partition: i32) -> i64 {
        self.inner.position(partition)
    }

    fn end(&mut self, partition: i32) -> Result<i64, LogError> {
        self.inner.end(partition)
    }
}

struct BuggyTask {
    bug: Bug,
    target: Target,
    log: Arc<dyn EventLog>,
    inner: Box<dyn Task>,
    /// Kept back until the positions are committed, or sent again after an abort.
    sent: Vec<NewRecord>,
    last: Option<Record>,
    sections: BTreeSet<Bytes>,
}

impl Member for BuggyTask {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        let mut records = match self.inner.poll(timeout)? {
            Event::Records(records) => records,
            other => return Ok(other),
        };
        match self.bug {
            Bug::InputsSwapped => {
                let neighbours = records.windows(2).position(|pair| {
                    pair[0].partition == pair[1].partition && pair[0].key == pair[1].key
                });
                if let Some(place) = neighbours {
                    records.swap(place, place + 1);
                }
            }
            Bug::InputTwice => {
                if let Some(last) = self.last.take().filter(|r| r.partition == records[0].partition)
                {
                    records.insert(0, last);
                }
                self.last = records.last().cloned();
            }
            Bug::InputDropped if records.len() > 3 => drop(records.pop()),
            _ => {}
        }
        Ok(Event::Records(records))
    }

    fn start(&mut self, partition: i32, from: Start) -> Result<(), LogError> {
        self.inner.start(partition, from)
    }

    fn hold(&mut self, held: bool) -> Result<(), LogError> {
        self.inner.hold(held)
    }

    fn positions(&self) -> BTreeMap<i32, i64> {
        self.inner.positions()
    }

    fn leave(self: Box<Self>) {
        self.inner.leave();
    }
}

impl Task for BuggyTask {
    fn inherited(&mut self, partitions: &[i32]) -> Result<Vec<Option<Position>>, LogError> {
        self.inner.inherited(partitions)
    }

    fn end_of(&mut self, topic: &str, partition: i32) -> Result<i64, LogError> {
        self.inner.end_of(topic, partition)
    }

    fn send(&mut self, mut record: NewRecord) -> Result<(), LogError> {
        let state = &*record.topic == self.target.state;
        let position = state && record.key.as_deref() == Some(b"position");
        let snapshot = state && !position;
        match self.bug {
            Bug::PositionTooHigh if position => shift(&mut record, NEXT, 1),
            Bug::PositionTooLow if position => shift(&mut record, NEXT, -1),
            Bug::NoPositions if position => return Ok(()),
            Bug::NoReplay if position => {
                let mut bytes = record.value.take().unwrap_or_default().to_vec();
                bytes.copy_within(NEXT..NEXT + 8, NEXT + 8);
                record.value = Some(bytes.into());
            }
            Bug::PositionsAfterOutputs if position => {
                self.sent.push(record);
                return Ok(());
            }
            Bug::SnapshotsLost if snapshot => return Ok(()),
            Bug::SectionsOnlyOnce if snapshot && record.value.is_some() => {
                let key = record.key.clone().unwrap_or_default();
                if !key.ends_with(b"/0") && !self.sections.insert(key) {
                    return Ok(());
                }
            }
            Bug::SnapshotClaimsMore if snapshot => shift(&mut record, COVERED, 1),
            Bug::OutputsAfterPositions if !state => {
                self.sent.push(record);
                return Ok(());
            }
            Bug::AbortKeepsOutputs | Bug::NoFence if !state => self.sent.push(record.clone()),
            _ => {}
        }
        self.inner.send(record)
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        match self.bug {
            Bug::NoPositions => self.inner.commit(&[]),
            Bug::PositionsAfterOutputs | Bug::OutputsAfterPositions => {
                self.inner.commit(positions)?;
                for record in self.sent.drain(..) {
                    self.inner.send(record)?;
                }
                self.inner.commit(&[])
            }
            Bug::StateLeaks => match self.inner.commit(positions) {
                Err(LogError::Retry { .. }) => self.inner.abort(),
                other => other,
            },
            Bug::NoFence => match self.inner.commit(positions) {
                Err(LogError::Fenced { .. }) => {
                    let producer = self.log.producer("zombie")?;
                    self.sent.drain(..).try_for_each(|record| producer.send(record, None))
                }
                other => {
                    self.sent.clear();
                    other
                }
            },
            Bug::AbortKeepsOutputs => {
                let done = self.inner.commit(positions);
                if done.is_ok() {
                    self.sent.clear();
                }
                done
            }
            _ => self.inner.commit(positions),
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.inner.abort()?;
        if self.bug == Bug::AbortKeepsOutputs {
            for record in self.sent.drain(..) {
                self.inner.send(record)?;
            }
        }
        Ok(())
    }
}

/// Where a position's value holds the next offset; the one to replay from follows.
const NEXT: usize = 1;
/// Where a snapshot's value says up to where it covers.
const COVERED: usize = 4;

/// Moves the offset at this place of a value.
fn shift(record: &mut NewRecord, place: usize, by: i64) {
    let Some(value) = record.value.as_ref() else { return };
    let mut bytes = value.to_vec();
    let place = place..place + 8;
    let next = i64::from_be_bytes(bytes[place.clone()].try_into().unwrap());
    bytes[place].copy_from_slice(&(next + by).to_be_bytes());
    record.value = Some(Bytes::from(bytes));
}

//! The only way in: units are queued, gathered, written to the store at once and then shown.
//!
//! A unit is a task's commit or a producer's record. Whether a commit's member still owns its
//! partitions is judged in the same step that fixes what is written, and from then until the
//! write is done none of that member's partitions can move.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::Sender;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::super::{Done, LogError, Position};
use super::codec::{self, fact_key, record_key};
use super::core::{Core, PositionKey, State, next_number_value, segment_key};
use super::producer::Account;
use super::store::{META, Write};
use super::topics::{Partition, Segment};

/// At most so much goes into one write to the store; a single larger unit goes alone.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// A record ready for the store but for its offset and time.
pub(super) struct Encoded {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) bytes: Vec<u8>,
}

/// Whose commit a unit is.
pub(super) struct Commit {
    pub(super) group: String,
    pub(super) slot: String,
    pub(super) member: u64,
    pub(super) positions: Vec<Position>,
}

/// Who waits for the result of a unit.
pub(super) enum Completion {
    Waiting(Sender<Result<(), LogError>>),
    Queued(Arc<Account>, usize, Option<Done>),
}

/// What is written all or nothing.
pub(super) struct Unit {
    pub(super) commit: Option<Commit>,
    pub(super) records: Vec<Encoded>,
    pub(super) bytes: usize,
    pub(super) completion: Completion,
}

/// Units that wait to be written. Bounded by its senders: a producer by its account, a task by
/// waiting for its one commit.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) units: VecDeque<Unit>,
    pub(super) paused: bool,
    pub(super) closed: bool,
    draining: bool,
    written: u64,
}

/// What a test may do to a write. Used on the log in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Not written, reported as passing.
    FailBefore,
    /// Written, yet reported as passing: the caller cannot know.
    FailAfter,
    /// The process ends before the write.
    CrashBefore,
    /// The process ends after the write, before anyone learns it.
    CrashAfter,
}

/// The write that a fault may hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteInfo {
    /// Counted from 1, commits and produced records alike.
    pub number: u64,
    /// A task's commit; else a producer's record.
    pub commit: bool,
}

/// Decides for each write which fault hits it.
pub(super) type FaultHook = Box<dyn FnMut(WriteInfo) -> Fault + Send>;

type Finished = Vec<(Completion, Result<(i32, i64), LogError>)>;

/// What a write will change in the state once it is durable.
#[derive(Default)]
struct Draft {
    write: Write,
    ends: BTreeMap<(Arc<str>, i32), Partition>,
    rolled: BTreeMap<Arc<str>, Segment>,
    positions: Vec<(PositionKey, Position)>,
    members: BTreeSet<u64>,
    completions: Vec<(Completion, (i32, i64))>,
}

impl Core {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a unit; inline it is written before this returns, unless writing is paused.
    pub(super) fn submit(&self, unit: Unit) {
        self.queue().units.push_back(unit);
        if self.inline {
            self.drain_inline();
        } else {
            self.work.notify_one();
        }
    }

    /// Writes what is queued, unit by unit, in this thread.
    pub(super) fn drain_inline(&self) {
        loop {
            let mut queue = self.queue();
            // A callback may send: the drain that called it goes on with that.
            if queue.draining || queue.paused {
                return;
            }
            let Some(unit) = queue.units.pop_front() else { return };
            queue.draining = true;
            queue.written += 1;
            let info = WriteInfo { number: queue.written, commit: unit.commit.is_some() };
            drop(queue);
            let fault = match &mut *self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(hook) => hook(info),
                None => Fault::None,
            };
            let finished = self.write(vec![unit], fault);
            finish(finished);
            self.queue().draining = false;
        }
    }

    /// What goes into the next write.
    pub(super) fn next_units(&self, queue: &mut Queue) -> Vec<Unit> {
        let mut bytes = 0;
        let mut units = Vec::new();
        while let Some(unit) = queue.units.front() {
            bytes += unit.bytes;
            if bytes > MAX_BATCH_BYTES && !units.is_empty() {
                break;
            }
            units.extend(queue.units.pop_front());
        }
        units
    }

    /// Writes these units at once; for each, what to report.
    pub(super) fn write(&self, units: Vec<Unit>, fault: Fault) -> Finished {
        let mut finished = Finished::new();
        let now_ms = self.clock.now_ms();
        let mut draft = Draft::default();
        {
            let mut state = self.state();
            for unit in units {
                match admit(&state, &unit) {
                    Ok(()) => self.add(&mut state, &mut draft, unit, now_ms),
                    Err(error) => finished.push((unit.completion, Err(error))),
                }
            }
            draft.close();
            state.in_flight = Some(std::mem::take(&mut draft.members));
        }
        let Draft { write, ends, rolled, positions, completions, members: _ } = draft;
        let result = self.apply(write, fault);
        let mut state = self.state();
        state.in_flight = None;
        if result.is_ok() || matches!(fault, Fault::FailAfter) {
            show(&mut state, ends, rolled, positions, now_ms);
        }
        if let Err(error @ LogError::Fatal { .. }) = &result {
            state.failed.get_or_insert_with(|| error.clone());
        }
        drop(state);
        self.notify();
        finished.extend(
            completions
                .into_iter()
                .map(|(completion, at)| (completion, result.clone().map(|()| at))),
        );
        finished
    }

    fn apply(&self, write: Write, fault: Fault) -> Result<(), LogError> {
        let crashed = || LogError::Fatal {
            what: format!("write the event log in {}", self.place),
            error: "crashed by the test".to_owned(),
        };
        let failed = || LogError::Retry {
            what: format!("write the event log in {}", self.place),
            error: "failed by the test".to_owned(),
        };
        match fault {
            Fault::CrashBefore => return Err(crashed()),
            Fault::FailBefore => return Err(failed()),
            Fault::None | Fault::FailAfter | Fault::CrashAfter => {}
        }
        if !write.puts.is_empty() {
            self.store.write(write).map_err(|e| self.store_failed(&e))?;
        }
        match fault {
            Fault::CrashAfter => Err(crashed()),
            Fault::FailAfter => Err(failed()),
            Fault::None | Fault::FailBefore | Fault::CrashBefore => Ok(()),
        }
    }

    fn add(&self, state: &mut State, draft: &mut Draft, unit: Unit, now_ms: i64) {
        let mut at = (0, 0);
        for mut record in unit.records {
            let Some(topic) = state.topics.get(&record.topic) else { continue };
            let known = draft.rolled.contains_key(&record.topic)
                || draft
                    .ends
                    .range((record.topic.clone(), 0)..)
                    .next()
                    .is_some_and(|((name, _), _)| *name == record.topic);
            if !known && topic.must_roll(now_ms, &self.options) {
                let segment = topic.next_segment(state.next_number, now_ms);
                state.next_number += 1;
                if let Some(last) = topic.segments.back() {
                    draft.write.put(META, segment_key(&topic.name, last), last.value());
                }
                draft.write.put(META, segment_key(&topic.name, &segment), segment.value());
                let next = next_number_value(state.next_number);
                draft.write.put(META, fact_key(b'n', &[], None), next);
                draft.rolled.insert(topic.name.clone(), segment);
            }
            let end = draft
                .ends
                .entry((record.topic, record.partition))
                .or_insert_with(|| topic.partition(record.partition).copied().unwrap_or_default());
            codec::stamp(&mut record.bytes, now_ms);
            at = (record.partition, end.end);
            end.bytes += i64::try_from(record.bytes.len()).unwrap_or(0);
            end.newest_ms = end.newest_ms.max(now_ms);
            draft.write.put(topic.space, record_key(record.partition, end.end), record.bytes);
            end.end += 1;
        }
        if let Some(commit) = unit.commit {
            let topic = state.groups.get(&commit.group).map(|group| group.topic.clone());
            for position in commit.positions {
                let Some(topic) = topic.clone() else { continue };
                let key = (commit.group.clone(), topic, position.partition);
                draft.positions.push((key, position));
            }
            draft.members.insert(commit.member);
        }
        draft.completions.push((unit.completion, at));
    }
}

impl Draft {
    /// Adds the facts that go with the records: each partition's end and each position once.
    fn close(&mut self) {
        for ((topic, partition), end) in &self.ends {
            let number = u64::from(partition.cast_unsigned());
            self.write.put(META, fact_key(b'e', &[topic], Some(number)), end.value());
        }
        for ((group, topic, partition), position) in &self.positions {
            let number = u64::from(partition.cast_unsigned());
            let key = fact_key(b'p', &[group, topic], Some(number));
            self.write.put(META, key, codec::position_value(position));
        }
    }
}

/// Whether this unit may be written now.
fn admit(state: &State, unit: &Unit) -> Result<(), LogError> {
    if let Some(error) = &state.failed {
        return Err(error.clone());
    }
    let Some(commit) = &unit.commit else { return Ok(()) };
    let fenced = |error: &str| LogError::Fenced {
        slot: format!("{}/{}", commit.group, commit.slot),
        error: error.to_owned(),
    };
    let group = state.groups.get(&commit.group).ok_or_else(|| fenced("the group is gone"))?;
    if !group.has(commit.member) {
        return Err(fenced("its seat was taken, or it was silent for a session"));
    }
    for position in &commit.positions {
        if !group.owns(commit.member, position.partition) {
            return Err(fenced(&format!("partition {} is not its own", position.partition)));
        }
    }
    Ok(())
}

/// Makes what is durable visible.
fn show(
    state: &mut State,
    ends: BTreeMap<(Arc<str>, i32), Partition>,
    rolled: BTreeMap<Arc<str>, Segment>,
    positions: Vec<(PositionKey, Position)>,
    now_ms: i64,
) {
    for (name, segment) in rolled {
        if let Some(topic) = state.topics.get_mut(&name) {
            topic.segments.push_back(segment);
        }
    }
    for ((name, partition), end) in ends {
        let Some(topic) = state.topics.get_mut(&name) else { continue };
        if let Some(last) = topic.segments.back_mut() {
            last.newest_ms = last.newest_ms.max(now_ms);
        }
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(known) = topic.partitions.get_mut(index) {
            *known = end;
        }
    }
    state.positions.extend(positions);
}

/// Reports the results, with no lock held.
pub(super) fn finish(finished: Finished) {
    for (completion, result) in finished {
        match completion {
            Completion::Waiting(sender) => {
                // Nobody waits any more when the caller gave up: then there is nothing to report.
                let _ = sender.send(result.map(|_| ()));
            }
            Completion::Queued(account, bytes, done) => {
                if let Some(done) = done {
                    done(result);
                }
                account.settle(bytes);
            }
        }
    }
}

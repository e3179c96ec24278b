//! The coordinator: the state that every handle shares, over one store.
//!
//! `State` shows what is durable, never more: a write changes it only after the store has it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::{LogError, Position, TopicSpec};
use super::codec::{self, fact_key, split_fact_key};
use super::groups::Group;
use super::options::Options;
use super::store::{META, Store, StoreError, Write};
use super::topics::{Cleaned, Partition, Segment, Topic};
use super::writer::{FaultHook, Queue};
use crate::clock::Clock;

/// The layout of the store that this program writes and reads.
const FORMAT: i64 = 1;
/// The letter of what a group said that it is done with.
pub(super) const DONE: u8 = b'd';
/// A wait is cut into pieces of this, to judge sessions and notice a failed store.
const WAIT: Duration = Duration::from_secs(1);

pub(super) type PositionKey = (String, Arc<str>, i32);

pub(super) struct State {
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) positions: BTreeMap<PositionKey, Position>,
    /// Up to where groups that keep their positions elsewhere said they are done, and what of that
    /// is in the store.
    pub(super) done: BTreeMap<PositionKey, (i64, Option<i64>)>,
    /// The members whose commits are being written: their partitions cannot move meanwhile.
    pub(super) in_flight: Option<BTreeSet<u64>>,
    /// How far readers were promised that they may read: compaction keeps what they will need.
    pub(super) promised: BTreeMap<(Arc<str>, i32, u64), i64>,
    /// Why the log stopped.
    pub(super) failed: Option<LogError>,
    /// For spaces and segments.
    pub(super) next_number: u64,
    next_id: u64,
}

pub(super) struct Core {
    pub(super) store: Box<dyn Store>,
    pub(super) clock: Clock,
    pub(super) options: Options,
    /// Where the log lies, for errors.
    pub(super) place: String,
    /// Writes happen in the caller's thread instead of in the committer's.
    pub(super) inline: bool,
    pub(super) queue: Mutex<Queue>,
    /// The queue has work, or was closed.
    pub(super) work: Condvar,
    pub(super) closing: Condvar,
    pub(super) fault: Mutex<Option<FaultHook>>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Core {
    pub(super) fn open(
        store: Box<dyn Store>,
        clock: Clock,
        options: Options,
        place: String,
        inline: bool,
    ) -> Result<Self, LogError> {
        let core = Self {
            state: Mutex::new(State {
                topics: BTreeMap::new(),
                groups: BTreeMap::new(),
                positions: BTreeMap::new(),
                done: BTreeMap::new(),
                in_flight: None,
                promised: BTreeMap::new(),
                failed: None,
                next_number: 1,
                next_id: 1,
            }),
            store,
            clock,
            options,
            place,
            inline,
            queue: Mutex::new(Queue::default()),
            work: Condvar::new(),
            closing: Condvar::new(),
            fault: Mutex::new(None),
            changed: Condvar::new(),
        };
        core.load()?;
        Ok(core)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, or why the log stopped.
    pub(super) fn running(&self) -> Result<MutexGuard<'_, State>, LogError> {
        let state = self.state();
        match &state.failed {
            Some(error) => Err(error.clone()),
            None => Ok(state),
        }
    }

    /// Waits for a change, at most until `deadline`; false when there is no time left.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Instant,
    ) -> (MutexGuard<'a, State>, bool) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !self.clock.waits() {
            return (state, false);
        }
        let waited = self.changed.wait_timeout(state, left.min(WAIT));
        (waited.unwrap_or_else(PoisonError::into_inner).0, true)
    }

    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until nothing of these (of any, when none is named) is being written.
    pub(super) fn quiet<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        member: Option<u64>,
    ) -> MutexGuard<'a, State> {
        while state.failed.is_none()
            && state
                .in_flight
                .as_ref()
                .is_some_and(|all| member.is_none_or(|member| all.contains(&member)))
        {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Stops the log for good: everything waiting and coming gets this error.
    pub(super) fn fail(&self, error: LogError) {
        let mut state = self.state();
        if state.failed.is_none() {
            state.failed = Some(error);
        }
        drop(state);
        self.notify();
        self.work.notify_all();
    }

    pub(super) fn store_failed(&self, error: &StoreError) -> LogError {
        LogError::Fatal {
            what: format!("write the event log in {}", self.place),
            error: format!(
                "{}; free space on (or fix) that disk and start again: everything acknowledged \
                 is kept, nothing half-written is",
                error.0
            ),
        }
    }

    pub(super) fn damaged(&self, error: &str) -> LogError {
        LogError::Fatal {
            what: format!("read the event log in {}", self.place),
            error: format!(
                "{error}; restore the folder from a copy, or move it away to begin anew"
            ),
        }
    }

    /// Reads every fact with this letter.
    fn facts(
        &self,
        letter: u8,
        mut each: impl FnMut(&[u8], &[u8]) -> Option<()>,
    ) -> Result<(), LogError> {
        let mut bad = None;
        let scanned = self.store.scan(META, &[letter], &[letter + 1], &mut |key, value| {
            if each(key, &value).is_none() {
                bad = Some(format!("the entry {} is not understood", key.escape_ascii()));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        scanned.map_err(|e| self.damaged(&e.0))?;
        bad.map_or(Ok(()), |bad| Err(self.damaged(&bad)))
    }

    fn check_format(&self) -> Result<(), LogError> {
        let mut format = None;
        self.facts(b'f', |_, value| {
            format = codec::split_numbers(value)?.first().copied();
            format.map(|_| ())
        })?;
        match format {
            Some(FORMAT) => Ok(()),
            Some(other) => Err(LogError::Fatal {
                what: format!("open the event log in {}", self.place),
                error: format!(
                    "it has format {other} and this program reads format {FORMAT}: \
                     start the version that wrote it, or a newer one"
                ),
            }),
            None => {
                let mut write = Write::default();
                write.put(META, fact_key(b'f', &[], None), codec::numbers(&[FORMAT]));
                self.store.write(write).map_err(|e| self.store_failed(&e))
            }
        }
    }

    fn load(&self) -> Result<(), LogError> {
        self.check_format()?;
        let mut state = self.state();
        let State { topics, positions, done, next_number, .. } = &mut *state;
        self.facts(b't', |key, value| {
            let name: Arc<str> = split_fact_key(key, 1)?.0.first()?.as_str().into();
            let (count, cleanup, space) = codec::split_topic_value(value)?;
            let count = usize::try_from(count).ok()?;
            let topic = Topic {
                name: name.clone(),
                cleanup,
                space,
                partitions: vec![Partition::default(); count],
                cleaned: vec![Cleaned::default(); count],
                segments: [].into(),
                garbage: 0,
                swept: false,
            };
            topics.insert(name, topic);
            Some(())
        })?;
        self.facts(b'e', |key, value| {
            let (names, number) = split_fact_key(key, 1)?;
            let topic = topics.get_mut(names.first()?.as_str())?;
            let index = usize::try_from(number?).ok()?;
            *topic.partitions.get_mut(index)? = Partition::from_value(value)?;
            Some(())
        })?;
        self.facts(b'c', |key, value| {
            let (names, number) = split_fact_key(key, 1)?;
            let topic = topics.get_mut(names.first()?.as_str())?;
            let index = usize::try_from(number?).ok()?;
            *topic.cleaned.get_mut(index)? = Cleaned::from_value(value)?;
            Some(())
        })?;
        self.facts(b's', |key, value| {
            let (names, number) = split_fact_key(key, 1)?;
            let topic = topics.get_mut(names.first()?.as_str())?;
            topic.segments.push_back(Segment::from_value(number?, value)?);
            Some(())
        })?;
        self.facts(b'n', |_, value| {
            *next_number = codec::split_numbers(value)?.first()?.cast_unsigned();
            Some(())
        })?;
        self.facts(b'p', |key, value| {
            let (names, number) = split_fact_key(key, 2)?;
            let [group, topic] = <[String; 2]>::try_from(names).ok()?;
            let partition = i32::try_from(number?).ok()?;
            let numbers = codec::split_numbers(value)?;
            let [next, replay_from, logic] = <[i64; 3]>::try_from(numbers).ok()?;
            let logic = u32::try_from(logic).ok()?;
            let position = Position { partition, next, replay_from, logic };
            positions.insert((group, topic.as_str().into(), partition), position);
            Some(())
        })?;
        self.facts(DONE, |key, value| {
            let (names, number) = split_fact_key(key, 2)?;
            let [group, topic] = <[String; 2]>::try_from(names).ok()?;
            let partition = i32::try_from(number?).ok()?;
            let next = *codec::split_numbers(value)?.first()?;
            done.insert((group, topic.as_str().into(), partition), (next, Some(next)));
            Some(())
        })?;
        for topic in topics.values_mut() {
            let Some(last) = topic.segments.back_mut() else {
                return Err(self.damaged(&format!("topic {} has no segment", topic.name)));
            };
            // An open segment's newest time is only written when it is closed.
            let grown = topic.partitions.iter().zip(&last.base).filter(|(p, b)| p.end > **b);
            last.newest_ms = grown.map(|(p, _)| p.newest_ms).max().unwrap_or(0);
        }
        Ok(())
    }

    pub(super) fn ensure_topics(&self, specs: &[TopicSpec]) -> Result<(), LogError> {
        let mut state = self.running()?;
        let now_ms = self.clock.now_ms();
        let mut write = Write::default();
        let mut made: BTreeMap<Arc<str>, Topic> = BTreeMap::new();
        for spec in specs {
            if let Some(topic) = state.topics.get(&spec.name).or_else(|| made.get(&spec.name)) {
                compare(topic, spec)?;
                continue;
            }
            let count = usize::try_from(spec.partitions).unwrap_or(0);
            if count == 0 || spec.name.is_empty() || spec.name.contains('\0') {
                return Err(LogError::Fatal {
                    what: format!("create topic {:?}", spec.name),
                    error: "a topic has a name and at least one partition".to_owned(),
                });
            }
            let mut topic = Topic {
                name: spec.name.clone(),
                cleanup: spec.cleanup,
                space: state.next_number,
                partitions: vec![Partition::default(); count],
                cleaned: vec![Cleaned::default(); count],
                segments: [].into(),
                garbage: 0,
                swept: false,
            };
            let segment = topic.next_segment(state.next_number + 1, now_ms);
            state.next_number += 2;
            let value = codec::topic_value(spec.partitions, spec.cleanup, topic.space);
            write.put(META, fact_key(b't', &[&spec.name], None), value);
            write.put(META, segment_key(&spec.name, &segment), segment.value());
            topic.segments.push_back(segment);
            made.insert(spec.name.clone(), topic);
        }
        if made.is_empty() {
            return Ok(());
        }
        write.put(META, fact_key(b'n', &[], None), next_number_value(state.next_number));
        if let Err(error) = self.store.write(write) {
            drop(state);
            let error = self.store_failed(&error);
            self.fail(error.clone());
            return Err(error);
        }
        state.topics.append(&mut made);
        Ok(())
    }

    pub(super) fn next_id(&self, state: &mut State) -> u64 {
        state.next_id += 1;
        state.next_id
    }

    /// Takes the partitions of members that were silent for a session. When nobody at all
    /// was seen for that long, the process stood still and everybody gets another session.
    pub(super) fn expire(&self, state: &mut State) {
        let now_ms = self.clock.steady_ms();
        let since = now_ms - self.options.session_timeout_ms;
        let seen = state.groups.values().filter_map(Group::last_seen).max();
        if seen.is_some_and(|seen| seen < since) {
            for group in state.groups.values_mut() {
                group.forgive(now_ms);
            }
            return;
        }
        let mut moved = false;
        let State { groups, in_flight, .. } = state;
        for (name, group) in groups {
            for member in group.silent(since) {
                if in_flight.as_ref().is_some_and(|all| all.contains(&member)) {
                    continue;
                }
                tracing::warn!(group = %name, member, "a member was silent for a session: lost");
                group.leave(member);
                moved = true;
            }
        }
        if moved {
            self.notify();
        }
    }
}

pub(super) fn segment_key(topic: &str, segment: &Segment) -> bytes::Bytes {
    fact_key(b's', &[topic], Some(segment.number))
}

pub(super) fn next_number_value(next: u64) -> bytes::Bytes {
    codec::numbers(&[next.cast_signed()])
}

fn compare(topic: &Topic, spec: &TopicSpec) -> Result<(), LogError> {
    let partitions = topic.partitions.len();
    let difference = if usize::try_from(spec.partitions) != Ok(partitions) {
        format!(
            "it has {partitions} partitions and must have {}: partitions are fixed at creation, \
             set the count back or begin with a new log folder",
            spec.partitions
        )
    } else if topic.cleanup != spec.cleanup {
        format!(
            "its clean-up is {:?} and must be {:?}: set it back or begin with a new log folder",
            topic.cleanup, spec.cleanup
        )
    } else {
        return Ok(());
    };
    Err(LogError::Mismatch { topic: spec.name.to_string(), difference })
}

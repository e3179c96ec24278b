//! Members of groups, with and without a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::super::{Event, LogError, Member, MemberSpec, NewRecord, Position, Start, Task};
use super::core::{Core, State};
use super::groups::Group;
use super::producer::prepare;
use super::reading::{no_topic, place, plan};
use super::writer::{Commit, Completion, Encoded, Unit};

/// Bytes that one transaction may hold, as they are stored.
pub const MAX_TRANSACTION_BYTES: usize = 256 << 20;

pub(super) struct LogMember {
    core: Arc<Core>,
    spec: MemberSpec,
    id: u64,
    /// What this member was given and has not been taken, as far as it was notified.
    owned: BTreeSet<i32>,
    /// The next offset of each started partition.
    places: BTreeMap<i32, i64>,
    last: i32,
    held: bool,
    robin: AtomicU32,
    records: Vec<Encoded>,
    bytes: usize,
    /// The transaction was begun before partitions were lost: it can only be aborted.
    doomed: bool,
}

impl LogMember {
    pub(super) fn join(core: Arc<Core>, spec: &MemberSpec) -> Result<Self, LogError> {
        let bad =
            |error: String| LogError::Fatal { what: format!("join group {:?}", spec.group), error };
        if spec.group.is_empty() || spec.group.contains('\0') {
            return Err(bad("a group needs a name".to_owned()));
        }
        let mut state = core.running()?;
        let Some(topic) = state.topics.get(&spec.topic) else {
            return Err(no_topic(&spec.topic, None));
        };
        let (name, count) = (topic.name.clone(), topic.partitions.len());
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let group = state
            .groups
            .entry(spec.group.clone())
            .or_insert_with(|| Group::new(name.clone(), count));
        if group.topic != name {
            return Err(bad(format!("it reads topic {}, not {name}", group.topic)));
        }
        // A predecessor's commit that is being written counts; what comes later does not.
        if let Some(old) = group.sitting(&spec.slot) {
            state = core.quiet(state, Some(old));
        }
        let id = core.next_id(&mut state);
        let now_ms = core.clock.steady_ms();
        if let Some(group) = state.groups.get_mut(&spec.group) {
            group.join(id, &spec.slot, now_ms);
        }
        drop(state);
        core.notify();
        Ok(Self {
            core,
            spec: MemberSpec { topic: name, ..spec.clone() },
            id,
            owned: BTreeSet::new(),
            places: BTreeMap::new(),
            last: -1,
            held: false,
            robin: AtomicU32::new(0),
            records: Vec::new(),
            bytes: 0,
            doomed: false,
        })
    }

    fn fenced(&self, error: &str) -> LogError {
        LogError::Fenced {
            slot: format!("{}/{}", self.spec.group, self.spec.slot),
            error: error.to_owned(),
        }
    }

    /// What the group has to say to this member, if anything.
    fn turn(&mut self, state: &mut State) -> Result<Option<Event>, LogError> {
        let now_ms = self.core.clock.steady_ms();
        if !state.groups.get(&self.spec.group).is_some_and(|group| group.has(self.id)) {
            return self.rejoin(state);
        }
        let Some(group) = state.groups.get_mut(&self.spec.group) else { return Ok(None) };
        group.seen(self.id, now_ms);
        group.release(self.id);
        let (id, owned) = (self.id, &mut self.owned);
        let before = owned.len();
        owned.retain(|p| group.owns(id, *p));
        if owned.len() < before {
            self.core.notify();
        }
        let revoked = group.take_revoked(self.id);
        if !revoked.is_empty() {
            self.places.retain(|p, _| !revoked.contains(p));
            return Ok(Some(Event::Revoked(revoked)));
        }
        let assigned = group.take_assigned(self.id);
        if !assigned.is_empty() {
            self.owned.extend(&assigned);
            return Ok(Some(Event::Assigned(assigned)));
        }
        Ok(None)
    }

    /// The seat is gone: fenced if someone else sits there, else lost by silence and taken again.
    fn rejoin(&mut self, state: &mut State) -> Result<Option<Event>, LogError> {
        let id = self.core.next_id(state);
        let now_ms = self.core.clock.steady_ms();
        let Some(group) = state.groups.get_mut(&self.spec.group) else { return Ok(None) };
        if group.sitting(&self.spec.slot).is_some() {
            return Err(self.fenced("another member took its slot"));
        }
        group.join(id, &self.spec.slot, now_ms);
        self.id = id;
        self.places.clear();
        self.doomed |= !self.records.is_empty();
        self.core.notify();
        let lost: Vec<i32> = std::mem::take(&mut self.owned).into_iter().collect();
        Ok((!lost.is_empty()).then_some(Event::Lost(lost)))
    }

    /// The state, if this member still sits in its group.
    fn seated(&self) -> Result<std::sync::MutexGuard<'_, State>, LogError> {
        let mut state = self.core.running()?;
        // Before it counts as seen: with the whole process at rest, the others were silent no
        // longer than this one.
        self.core.expire(&mut state);
        let now_ms = self.core.clock.steady_ms();
        match state.groups.get_mut(&self.spec.group) {
            Some(group) if group.has(self.id) => {
                group.seen(self.id, now_ms);
                Ok(state)
            }
            Some(group) if group.sitting(&self.spec.slot).is_none() => {
                Err(self.fenced("it was silent for a session"))
            }
            Some(_) | None => Err(self.fenced("another member took its slot")),
        }
    }
}

impl Member for LogMember {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        let deadline = Instant::now() + timeout.min(Duration::from_secs(86_400));
        let core = self.core.clone();
        let mut state = core.running()?;
        loop {
            core.expire(&mut state);
            if let Some(event) = self.turn(&mut state)? {
                return Ok(event);
            }
            let plans = if self.held {
                Vec::new()
            } else {
                plan(&state, &self.spec.topic, &self.places, self.last)
            };
            if plans.is_empty() {
                let (after, in_time) = core.wait(state, deadline);
                if !in_time {
                    return Ok(Event::Idle);
                }
                drop(after);
            } else {
                drop(state);
                let records =
                    core.read(&self.spec.topic, plans, &mut self.places, &mut self.last)?;
                if !records.is_empty() {
                    return Ok(Event::Records(records));
                }
            }
            state = core.running()?;
        }
    }

    fn start(&mut self, partition: i32, from: Start) -> Result<(), LogError> {
        let state = self.core.running()?;
        let owns =
            state.groups.get(&self.spec.group).is_some_and(|group| group.owns(self.id, partition));
        if !owns || !self.owned.contains(&partition) {
            return Err(LogError::Retry {
                what: format!("start {}[{partition}]", self.spec.topic),
                error: "it is not assigned to this member (any more): poll".to_owned(),
            });
        }
        let at = place(&state, &self.spec.topic, partition, from)?;
        drop(state);
        self.places.insert(partition, at);
        Ok(())
    }

    fn hold(&mut self, held: bool) -> Result<(), LogError> {
        self.held = held;
        Ok(())
    }

    fn positions(&self) -> BTreeMap<i32, i64> {
        self.places.clone()
    }

    fn leave(self: Box<Self>) {
        // Dropping it is leaving: nobody is left who could act on its behalf.
        drop(self);
    }
}

impl Drop for LogMember {
    fn drop(&mut self) {
        let mut state = self.core.state();
        if let Some(group) = state.groups.get_mut(&self.spec.group) {
            group.leave(self.id);
        }
        drop(state);
        self.core.notify();
    }
}

impl Task for LogMember {
    fn inherited(&mut self, partitions: &[i32]) -> Result<Vec<Option<Position>>, LogError> {
        let state = self.seated()?;
        let find = |partition: &i32| {
            let key = (self.spec.group.clone(), self.spec.topic.clone(), *partition);
            state.positions.get(&key).copied()
        };
        Ok(partitions.iter().map(find).collect())
    }

    fn end_of(&mut self, topic: &str, partition: i32) -> Result<i64, LogError> {
        let place = usize::try_from(partition).unwrap_or(usize::MAX);
        Ok(self.core.ends(topic)?.get(place).copied().unwrap_or(0))
    }

    fn send(&mut self, record: NewRecord) -> Result<(), LogError> {
        if self.doomed {
            return Err(self.fenced("partitions were lost in the middle of the transaction"));
        }
        let encoded = prepare(&self.core, &record, &self.robin)?;
        if self.bytes + encoded.bytes.len() > MAX_TRANSACTION_BYTES {
            return Err(LogError::Full {
                topic: record.topic.to_string(),
                limit: MAX_TRANSACTION_BYTES,
            });
        }
        self.bytes += encoded.bytes.len();
        self.records.push(encoded);
        Ok(())
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        if self.doomed {
            return Err(self.fenced("partitions were lost in the middle of the transaction"));
        }
        drop(self.seated()?);
        if self.records.is_empty() && positions.is_empty() {
            return Ok(());
        }
        let (sender, receiver) = mpsc::channel();
        self.core.submit(Unit {
            commit: Some(Commit {
                group: self.spec.group.clone(),
                slot: self.spec.slot.clone(),
                member: self.id,
                positions: positions.to_vec(),
            }),
            bytes: std::mem::take(&mut self.bytes),
            records: std::mem::take(&mut self.records),
            completion: Completion::Waiting(sender),
        });
        let result = self.core.outcome(&receiver);
        // Whatever was sent is gone; after an error the caller aborts in any case.
        self.doomed = result.is_err();
        result
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.records.clear();
        self.bytes = 0;
        self.doomed = false;
        self.seated().map(|_| ())
    }
}

impl Core {
    /// Waits for a commit's outcome; the wait ends too when the log has failed meanwhile.
    fn outcome(&self, receiver: &mpsc::Receiver<Result<(), LogError>>) -> Result<(), LogError> {
        loop {
            match receiver.recv_timeout(Duration::from_secs(1)) {
                Ok(result) => return result,
                Err(mpsc::RecvTimeoutError::Timeout) => drop(self.running()?),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    drop(self.running()?);
                    return Err(LogError::Fatal {
                        what: format!("write the event log in {}", self.place),
                        error: "it was closed".to_owned(),
                    });
                }
            }
        }
    }
}

//! A member of a group: classic protocol, cooperative-sticky, static membership.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::super::{Event, LogError, MAX_POLL_RECORDS, Member, MemberSpec, Record, Start};
use super::client::{Cluster, out_of_range};
use super::context::{Change, Context};
use super::error::{Meaning, from_code, meaning};
use super::reading::{MAX_POLL_BYTES, record, resolve};
use super::seat::Seat;
use crate::families;

/// Who reaches a broker and waits for its group so long takes its seat anew: librdkafka may ask a
/// coordinator that is none any more, and wait for ever (librdkafka #5511).
const UNANSWERED: Duration = Duration::from_secs(20);

/// A partition that the group gave us.
#[derive(Debug, Default)]
struct Part {
    /// The next record to hand out; None: not started.
    next: Option<i64>,
}

/// A member of a group.
pub(super) struct KafkaMember {
    cluster: Arc<Cluster>,
    spec: MemberSpec,
    seat: Seat,
    parts: BTreeMap<i32, Part>,
    /// Our id in the group when we were given them.
    id: String,
    /// Without an answer of the group since.
    waits_since: Option<Instant>,
    /// Reported as revoked; given up at the next poll.
    leaving: Vec<i32>,
    held: bool,
    /// To be reported at the next poll, before anything else.
    trouble: Option<LogError>,
    fenced: Option<LogError>,
}

impl KafkaMember {
    pub(super) fn join(cluster: &Arc<Cluster>, spec: &MemberSpec) -> Result<Self, LogError> {
        Ok(Self {
            cluster: Arc::clone(cluster),
            seat: Seat::take(cluster, spec)?,
            spec: spec.clone(),
            parts: BTreeMap::new(),
            id: String::new(),
            waits_since: Some(Instant::now()),
            leaving: Vec::new(),
            held: false,
            trouble: None,
            fenced: None,
        })
    }

    pub(super) fn consumer(&self) -> &BaseConsumer<Context> {
        &self.seat.consumer
    }

    /// The full name of the topic it reads.
    pub(super) fn full(&self) -> &str {
        &self.seat.full
    }

    pub(super) fn slot(&self) -> &str {
        &self.spec.slot
    }

    /// Whether this partition is ours, for a last commit at least, and was not lost.
    pub(super) fn owns(&self, partition: i32) -> bool {
        self.parts.contains_key(&partition) || self.leaving.contains(&partition)
    }

    /// The partitions that are ours.
    pub(super) fn partitions(&self) -> Vec<i32> {
        self.parts.keys().copied().collect()
    }

    /// Whether partitions that we have are no longer ours.
    pub(super) fn lost(&self) -> bool {
        let has = !self.parts.is_empty() || !self.leaving.is_empty();
        has && (self.seat.consumer.assignment_lost() || self.seat.id() != self.id)
    }

    /// Takes the seat anew after a loss: what librdkafka still holds is not to be trusted.
    fn renew(&mut self) -> Result<Event, LogError> {
        if let Some((code, text)) = self.consumer().client().fatal_error() {
            // Another took the slot: it must not be taken back.
            return Err(self.fatal(code, text));
        }
        self.seat.leave();
        self.seat = Seat::take(&self.cluster, &self.spec)?;
        self.waits_since = Some(Instant::now());
        let lost = std::mem::take(&mut self.parts).into_keys().collect();
        families::KAFKA_MEMBERSHIPS_LOST.add([&self.cluster.full(&self.spec.group)], 1);
        Ok(Event::Lost(lost))
    }

    /// Whether the group does not answer although brokers do.
    fn unanswered(&mut self) -> bool {
        if !self.consumer().context().reaches_a_broker() {
            self.waits_since = self.waits_since.map(|_| Instant::now());
        }
        self.waits_since.is_some_and(|since| since.elapsed() > UNANSWERED)
    }

    fn inside(&self, doing: &str, error: &KafkaError) -> LogError {
        match self.consumer().client().fatal_error() {
            Some((code, text)) => from_code(code, text, self.what(doing), &self.spec.slot),
            None => LogError::Retry { what: self.what(doing), error: error.to_string() },
        }
    }

    fn what(&self, doing: &str) -> String {
        format!("{doing} {} as {}", self.spec.topic, self.spec.slot)
    }

    /// Gives up what the last poll reported as revoked.
    fn give_up(&mut self) -> Result<(), LogError> {
        if self.leaving.is_empty() {
            return Ok(());
        }
        let leaving = std::mem::take(&mut self.leaving);
        self.release(&leaving)
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), LogError> {
        self.seat.give_up(partitions).map_err(|e| self.inside("give up", &e))?;
        self.wake();
        Ok(())
    }

    /// Lets the partitions that stay flow on at once.
    fn wake(&mut self) {
        if self.held {
            return;
        }
        let positions = self.positions();
        if let Err(error) = self.seat.wake(&positions) {
            // They flow on by themselves, only later.
            tracing::debug!("{}: {error}", self.what("go on with"));
        }
        // After a seek librdkafka knows of none until a record comes, and behind the markers that
        // it had moved over there may be none for long.
        for (partition, next) in positions {
            if let Some(part) = self.parts.get_mut(&partition) {
                part.next = Some(next);
            }
        }
    }

    /// The partitions that are read, and the next record of each.
    fn started(&self) -> BTreeMap<i32, i64> {
        self.parts.iter().filter_map(|(p, part)| Some((*p, part.next?))).collect()
    }

    /// Answers the group; None: nothing that the caller needs to know.
    fn answer(&mut self, change: &Change) -> Result<Option<Event>, LogError> {
        match change {
            Change::Assign(partitions) => {
                let partitions = sorted(partitions);
                // librdkafka looks a logical offset up by itself, repeats that when it is paused
                // meanwhile, and then goes there although it was asked to seek elsewhere.
                let mut list = TopicPartitionList::new();
                for p in &partitions {
                    let end = self.cluster.range(&self.seat.full, *p)?.end;
                    let added = list.add_partition_offset(&self.seat.full, *p, Offset::Offset(end));
                    added.map_err(|e| self.inside("take", &e))?;
                }
                self.seat
                    .consumer
                    .incremental_assign(&list)
                    .map_err(|e| self.inside("take", &e))?;
                self.waits_since = None;
                if partitions.is_empty() {
                    self.wake();
                    // A member without partitions must learn that the group has answered.
                    return Ok(self.parts.is_empty().then_some(Event::Assigned(partitions)));
                }
                // Paused until `start` says where to begin.
                self.seat.consumer.pause(&list).map_err(|e| self.inside("pause", &e))?;
                self.wake();
                if self.parts.is_empty() {
                    self.id = self.seat.id();
                }
                self.parts.extend(partitions.iter().map(|p| (*p, Part::default())));
                Ok(Some(Event::Assigned(partitions)))
            }
            Change::Revoke(partitions) => {
                let partitions = sorted(partitions);
                self.parts.retain(|p, _| !partitions.contains(p));
                if self.parts.is_empty() {
                    self.waits_since = Some(Instant::now());
                }
                let lost = self.seat.consumer.assignment_lost();
                if partitions.is_empty() || lost {
                    self.release(&partitions)?;
                } else {
                    self.leaving.clone_from(&partitions);
                }
                Ok(match (partitions.is_empty(), lost) {
                    (true, _) => None,
                    (false, true) => Some(Event::Lost(partitions)),
                    (false, false) => Some(Event::Revoked(partitions)),
                })
            }
        }
    }

    fn next_event(&mut self) -> Result<Option<Event>, LogError> {
        while let Some(change) = self.seat.consumer.context().next_change() {
            match self.answer(&change) {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                // The group waits for the answer: given at the next poll.
                Err(LogError::Retry { what, error }) => {
                    tracing::warn!(what, "{error}");
                    self.seat.consumer.context().put_back(change);
                    return Ok(None);
                }
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Records, until there are none at once, a change of the assignment, or the time is up.
    fn records(&mut self, timeout: Duration) -> Vec<Record> {
        let deadline = Instant::now() + timeout;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < MAX_POLL_RECORDS && bytes < MAX_POLL_BYTES {
            let wait = match records.is_empty() {
                true => deadline.saturating_duration_since(Instant::now()),
                false => Duration::ZERO,
            };
            match self.seat.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let part = self.parts.get_mut(&message.partition());
                    // Not started: fetched before it was paused.
                    let Some(next) = part.and_then(|part| part.next.as_mut()) else { continue };
                    *next = message.offset() + 1;
                    let record = record(&self.spec.topic, &message);
                    bytes += record.bytes();
                    records.push(record);
                }
                Some(Err(error)) => {
                    self.trouble = self.judge(&error);
                    if self.trouble.is_some() {
                        break;
                    }
                }
                None => {
                    if !records.is_empty()
                        || self.seat.consumer.context().has_change()
                        || Instant::now() >= deadline
                    {
                        break;
                    }
                }
            }
        }
        records
    }

    /// What the caller must know of an error; the rest was counted and heals.
    fn judge(&mut self, error: &KafkaError) -> Option<LogError> {
        let code = error.rdkafka_error_code()?;
        let what = self.what("read");
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            let said = self.consumer().client().fatal_error();
            let (code, text) = said.unwrap_or_else(|| (code, code.to_string()));
            return Some(self.fatal(code, text));
        }
        match self.consumer().context().meaning(code) {
            Meaning::Passing | Meaning::Fenced => None,
            Meaning::OutOfRange => Some(self.find_out_of_range()),
            Meaning::Refused(remedy) => {
                Some(LogError::Fatal { what, error: format!("{code}: {remedy}") })
            }
        }
    }

    /// The end of this member, remembered if it is a fence.
    fn fatal(&mut self, code: Code, text: String) -> LogError {
        let what = self.what("read");
        match meaning(code) {
            Meaning::Passing | Meaning::OutOfRange => LogError::Fatal { what, error: text },
            Meaning::Refused(_) => from_code(code, text, what, self.slot()),
            Meaning::Fenced => {
                self.fenced.insert(from_code(code, text, what, &self.spec.slot)).clone()
            }
        }
    }

    /// librdkafka says that a position is not in the log, but not which.
    fn find_out_of_range(&mut self) -> LogError {
        for (partition, next) in self.started() {
            match self.cluster.range(&self.seat.full, partition) {
                Ok(range) if next < range.earliest || next > range.end => {
                    return out_of_range(&self.spec.topic, partition, next, range);
                }
                Ok(_) => {}
                Err(error) => return error,
            }
            // It reads no further by itself.
            if let Err(error) = self.seek(partition, next) {
                return error;
            }
        }
        LogError::Retry { what: self.what("read"), error: "a position was refused".into() }
    }

    fn seek(&self, partition: i32, offset: i64) -> Result<(), LogError> {
        self.seat.seek(partition, offset).map_err(|e| self.inside("seek", &e))
    }

    /// Resolves where to begin, without any silent reset.
    fn resolve(&self, partition: i32, from: Start) -> Result<i64, LogError> {
        resolve(&self.cluster, &self.seat.consumer, &self.spec.topic, partition, from)
    }
}

impl Member for KafkaMember {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        if let Some(fenced) = &self.fenced {
            return Err(fenced.clone());
        }
        self.consumer().context().keep_brokers(self.consumer().client());
        self.give_up()?;
        if self.lost() {
            return self.renew();
        }
        if self.unanswered() {
            tracing::warn!("{}: no answer of the group for {UNANSWERED:?}", self.what("join"));
            return self.renew();
        }
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        if let Some(event) = self.next_event()? {
            return Ok(event);
        }
        let records = self.records(timeout);
        if !records.is_empty() {
            // What was read under a membership that has ended is another's.
            return if self.lost() { self.renew() } else { Ok(Event::Records(records)) };
        }
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        Ok(self.next_event()?.unwrap_or(Event::Idle))
    }

    fn start(&mut self, partition: i32, from: Start) -> Result<(), LogError> {
        if !self.parts.contains_key(&partition) {
            let error = format!("{}[{partition}] is not assigned to this member", self.spec.topic);
            return Err(LogError::Retry { what: self.what("start"), error });
        }
        let next = self.resolve(partition, from)?;
        self.seek(partition, next)?;
        self.parts.insert(partition, Part { next: Some(next) });
        if !self.held {
            let list = self.seat.list([partition], Offset::Invalid);
            self.seat.consumer.resume(&list).map_err(|e| self.inside("resume", &e))?;
        }
        Ok(())
    }

    fn hold(&mut self, held: bool) -> Result<(), LogError> {
        if held == self.held {
            return Ok(());
        }
        let started = self.started();
        if !started.is_empty() {
            let partitions: BTreeSet<i32> = started.keys().copied().collect();
            let list = self.seat.list(partitions, Offset::Invalid);
            let fatal = |error: KafkaError| LogError::Fatal {
                what: self.what("hold"),
                error: error.to_string(),
            };
            if held {
                self.seat.consumer.pause(&list).map_err(fatal)?;
            } else {
                for (partition, next) in started {
                    self.seek(partition, next)?;
                }
                self.seat.consumer.resume(&list).map_err(fatal)?;
            }
        }
        self.held = held;
        Ok(())
    }

    fn positions(&self) -> BTreeMap<i32, i64> {
        let mut positions = self.started();
        // What librdkafka has moved over without handing anything out.
        let Ok(list) = self.consumer().position() else { return positions };
        for element in list.elements() {
            let Offset::Offset(offset) = element.offset() else { continue };
            if let Some(next) = positions.get_mut(&element.partition()) {
                *next = offset.max(*next);
            }
        }
        positions
    }

    fn leave(self: Box<Self>) {
        // Dropped.
    }
}

fn sorted(partitions: &[i32]) -> Vec<i32> {
    let mut partitions = partitions.to_vec();
    partitions.sort_unstable();
    partitions
}

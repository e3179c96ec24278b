//! A member of a group: classic protocol, cooperative-sticky, static membership.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::super::{Event, LogError, MAX_POLL_RECORDS, Member, MemberSpec, Record, Start};
use super::client::{ASK, Change, Cluster, Context, Range, create, out_of_range, range};
use super::error::{Meaning, from_code, meaning};

/// At most so many bytes come from one `poll`, but for the last record.
pub(super) const MAX_POLL_BYTES: usize = 8 << 20;
/// Longest wait for librdkafka's own threads.
const INSIDE: Duration = Duration::from_secs(5);
/// Longest time that leaving a group takes.
const LEAVE: Duration = Duration::from_secs(3);

/// A partition that the group gave us.
#[derive(Debug, Default)]
struct Part {
    /// The next record to hand out; None: not started.
    next: Option<i64>,
}

/// A member of a group.
pub(super) struct KafkaMember {
    cluster: Arc<Cluster>,
    consumer: BaseConsumer<Context>,
    topic: Arc<str>,
    full: String,
    pub(super) slot: String,
    parts: BTreeMap<i32, Part>,
    /// Told as revoked; given up at the next poll.
    leaving: Vec<i32>,
    held: bool,
    /// To be told at the next poll, before anything else.
    trouble: Option<LogError>,
    fenced: Option<LogError>,
}

impl KafkaMember {
    pub(super) fn join(cluster: &Arc<Cluster>, spec: &MemberSpec) -> Result<Self, LogError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if spec.slot.is_empty() || spec.slot.len() > 200 || !spec.slot.chars().all(legal) {
            return Err(LogError::Fatal {
                what: format!("slot {:?} of group {}", spec.slot, spec.group),
                error: "1 to 200 letters, digits, '.', '_' and '-' name a member of a group".into(),
            });
        }
        let name = format!("{}-{}", spec.group, spec.slot);
        let mut config = cluster.options.consumer(&name, &cluster.full(&spec.group));
        config.set("group.instance.id", &spec.slot);
        let what = format!("join group {} as {}", spec.group, spec.slot);
        let consumer: BaseConsumer<Context> =
            create(&config, cluster.context(&name), &what, &spec.slot)?;
        let full = cluster.full(&spec.topic);
        let subscribed = consumer.subscribe(&[&full]);
        let member = Self {
            cluster: Arc::clone(cluster),
            consumer,
            topic: Arc::clone(&spec.topic),
            full,
            slot: spec.slot.clone(),
            parts: BTreeMap::new(),
            leaving: Vec::new(),
            held: false,
            trouble: None,
            fenced: None,
        };
        match subscribed {
            Ok(()) => Ok(member),
            Err(error) => Err(LogError::Retry { what, error: error.to_string() }),
        }
    }

    pub(super) fn consumer(&self) -> &BaseConsumer<Context> {
        &self.consumer
    }

    /// The full name of the topic it reads.
    pub(super) fn full(&self) -> &str {
        &self.full
    }

    /// Whether this partition is ours, for a last commit at least, and was not lost.
    pub(super) fn owns(&self, partition: i32) -> bool {
        self.parts.contains_key(&partition) || self.leaving.contains(&partition)
    }

    fn list(&self, partitions: impl IntoIterator<Item = i32>, offset: Offset) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            // Any offset that this module uses can be represented.
            let _ = list.add_partition_offset(&self.full, partition, offset);
        }
        list
    }

    fn inside(&self, doing: &str, error: &KafkaError) -> LogError {
        match self.consumer.client().fatal_error() {
            Some((code, text)) => from_code(code, text, self.what(doing), &self.slot),
            None => LogError::Retry { what: self.what(doing), error: error.to_string() },
        }
    }

    fn what(&self, doing: &str) -> String {
        format!("{doing} {} as {}", self.topic, self.slot)
    }

    /// Gives up what the last poll told as revoked.
    fn give_up(&mut self) -> Result<(), LogError> {
        if self.leaving.is_empty() {
            return Ok(());
        }
        let leaving = std::mem::take(&mut self.leaving);
        let list = self.list(leaving, Offset::Invalid);
        self.consumer.incremental_unassign(&list).map_err(|e| self.inside("give up", &e))
    }

    /// Answers the group; None: nothing that the caller needs to know.
    fn answer(&mut self, change: Change) -> Result<Option<Event>, LogError> {
        match change {
            Change::Assign(mut partitions) => {
                partitions.sort_unstable();
                let list = self.list(partitions.iter().copied(), Offset::Beginning);
                self.consumer.incremental_assign(&list).map_err(|e| self.inside("take", &e))?;
                if partitions.is_empty() {
                    return Ok(None);
                }
                // Paused until `start` says where to begin.
                self.consumer.pause(&list).map_err(|e| self.inside("pause", &e))?;
                self.parts.extend(partitions.iter().map(|p| (*p, Part::default())));
                Ok(Some(Event::Assigned(partitions)))
            }
            Change::Revoke(mut partitions) => {
                partitions.sort_unstable();
                self.parts.retain(|p, _| !partitions.contains(p));
                let lost = self.consumer.assignment_lost();
                if partitions.is_empty() || lost {
                    let list = self.list(partitions.iter().copied(), Offset::Invalid);
                    let given = self.consumer.incremental_unassign(&list);
                    given.map_err(|e| self.inside("give up", &e))?;
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
        while let Some(change) = self.consumer.context().next_change() {
            if let Some(event) = self.answer(change)? {
                return Ok(Some(event));
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
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let part = self.parts.get_mut(&message.partition());
                    // Not started: fetched before it was paused.
                    let Some(next) = part.and_then(|part| part.next.as_mut()) else { continue };
                    *next = message.offset() + 1;
                    let record = record(&self.topic, &message);
                    bytes += record.value.as_ref().map_or(0, Bytes::len);
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
                        || self.consumer.context().has_change()
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
            let (code, text) = self.consumer.client().fatal_error().unwrap_or((code, String::new()));
            let error = match from_code(code, text, what, &self.slot) {
                LogError::Retry { what, error } => LogError::Fatal { what, error },
                other => other,
            };
            if matches!(error, LogError::Fenced { .. }) {
                self.fenced = Some(error.clone());
            }
            return Some(error);
        }
        match meaning(code) {
            Meaning::Passing | Meaning::Fenced => None,
            Meaning::OutOfRange => Some(self.find_out_of_range()),
            Meaning::Refused(mend) => {
                Some(LogError::Fatal { what, error: format!("{code}: {mend}") })
            }
        }
    }

    /// librdkafka says that a position is not in the log, but not which.
    fn find_out_of_range(&mut self) -> LogError {
        let started: Vec<(i32, i64)> =
            self.parts.iter().filter_map(|(p, part)| Some((*p, part.next?))).collect();
        for (partition, next) in started {
            match self.cluster.range(&self.full, partition) {
                Ok(range) if next < range.earliest || next > range.end => {
                    return out_of_range(&self.topic, partition, next, range);
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

    /// Moves a partition; its fetcher may only just be starting.
    fn seek(&self, partition: i32, offset: i64) -> Result<(), LogError> {
        let deadline = Instant::now() + INSIDE;
        loop {
            let list = self.list([partition], Offset::Offset(offset));
            let moved = self.consumer.seek_partitions(list, INSIDE);
            let moved = moved.and_then(|list| {
                list.elements().first().map_or(Ok(()), |element| element.error())
            });
            let Err(error) = moved else { return Ok(()) };
            let starting = error.rdkafka_error_code() == Some(Code::State);
            if !starting || Instant::now() > deadline {
                return Err(self.inside("seek", &error));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Resolves where to begin, without any silent reset.
    fn resolve(&self, partition: i32, from: Start) -> Result<i64, LogError> {
        resolve(&self.cluster, &self.consumer, &self.topic, partition, from)
    }

    /// Leaves the group. librdkafka sends no leave for a static member that closes, only for one
    /// that unsubscribes; without it the others would wait for the session's time-out.
    pub(super) fn leave_group(&mut self) {
        let deadline = Instant::now() + LEAVE;
        self.close();
        self.consumer.unsubscribe();
        loop {
            let _ = self.consumer.poll(Duration::from_millis(20));
            let assigned = self.consumer.assignment().map_or(0, |list| list.count());
            if assigned == 0 || Instant::now() > deadline {
                break;
            }
        }
        let _ = self.consumer.poll(Duration::from_millis(20));
        // Asked over the same connection, so the leave is through when this is answered.
        let wait = deadline.saturating_duration_since(Instant::now());
        let _ = self.consumer.committed_offsets(self.list([0], Offset::Invalid), wait);
    }

    /// From here on the group is answered at once, or closing would wait for ever.
    fn close(&mut self) {
        self.consumer.context().close();
        if let Err(error) = self.give_up() {
            tracing::debug!("{error}");
        }
        while let Some(change) = self.consumer.context().next_change() {
            let answered = match change {
                Change::Assign(partitions) => {
                    self.consumer.incremental_assign(&self.list(partitions, Offset::Beginning))
                }
                Change::Revoke(partitions) => {
                    self.consumer.incremental_unassign(&self.list(partitions, Offset::Invalid))
                }
            };
            if let Err(error) = answered {
                tracing::debug!(slot = self.slot, "while closing: {error}");
            }
        }
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        self.close();
    }
}

impl Member for KafkaMember {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        if let Some(fenced) = &self.fenced {
            return Err(fenced.clone());
        }
        self.give_up()?;
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        if let Some(event) = self.next_event()? {
            return Ok(event);
        }
        let records = self.records(timeout);
        if !records.is_empty() {
            return Ok(Event::Records(records));
        }
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        Ok(self.next_event()?.unwrap_or(Event::Idle))
    }

    fn start(&mut self, partition: i32, from: Start) -> Result<(), LogError> {
        if !self.parts.contains_key(&partition) {
            let error = format!("{}[{partition}] is not assigned to this member", self.topic);
            return Err(LogError::Retry { what: self.what("start"), error });
        }
        let next = self.resolve(partition, from)?;
        self.seek(partition, next)?;
        self.parts.insert(partition, Part { next: Some(next) });
        if !self.held {
            let list = self.list([partition], Offset::Invalid);
            self.consumer.resume(&list).map_err(|e| self.inside("resume", &e))?;
        }
        Ok(())
    }

    fn hold(&mut self, held: bool) -> Result<(), LogError> {
        if held == self.held {
            return Ok(());
        }
        let started: BTreeMap<i32, i64> =
            self.parts.iter().filter_map(|(p, part)| Some((*p, part.next?))).collect();
        if !started.is_empty() {
            let partitions: BTreeSet<i32> = started.keys().copied().collect();
            let list = self.list(partitions, Offset::Invalid);
            let fatal = |error: KafkaError| LogError::Fatal {
                what: self.what("hold"),
                error: error.to_string(),
            };
            if held {
                self.consumer.pause(&list).map_err(fatal)?;
            } else {
                for (partition, next) in started {
                    self.seek(partition, next)?;
                }
                self.consumer.resume(&list).map_err(fatal)?;
            }
        }
        self.held = held;
        Ok(())
    }

    fn leave(mut self: Box<Self>) {
        self.leave_group();
    }
}

/// Where to begin, as an offset that is in the log.
pub(super) fn resolve(
    cluster: &Cluster,
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
    from: Start,
) -> Result<i64, LogError> {
    let full = cluster.full(topic);
    match from {
        Start::Earliest => Ok(cluster.range(&full, partition)?.earliest),
        // This consumer's own end is that of the committed records.
        Start::Latest => Ok(range(consumer, &full, partition)?.end),
        Start::At(offset) => {
            let range: Range = cluster.range(&full, partition)?;
            if offset < range.earliest || offset > range.end {
                return Err(out_of_range(topic, partition, offset, range));
            }
            Ok(offset)
        }
    }
}

/// A message as the seam's record.
pub(super) fn record(topic: &Arc<str>, message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let value = |v: Option<&[u8]>| Bytes::copy_from_slice(v.unwrap_or_default());
        headers.iter().map(|h| (h.key.to_owned(), value(h.value))).collect()
    });
    Record {
        topic: Arc::clone(topic),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers,
    }
}

/// Longest wait for committed offsets.
pub(super) const COMMITTED: Duration = ASK;

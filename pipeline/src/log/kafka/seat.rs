//! A consumer's seat in a group: taken, known by its id, and left.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::time::{Duration, Instant};

use rdkafka::bindings::{rd_kafka_mem_free, rd_kafka_memberid};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::super::{LogError, MemberSpec};
use super::client::{Cluster, create};
use super::context::{Change, Context};

/// Longest wait for librdkafka's own threads.
const INSIDE: Duration = Duration::from_secs(5);
/// Longest time that leaving a group takes.
const LEAVE: Duration = Duration::from_secs(3);

/// A consumer that is a member of a group.
pub(super) struct Seat {
    pub(super) consumer: BaseConsumer<Context>,
    /// The full name of the topic.
    pub(super) full: String,
    left: bool,
}

impl Seat {
    pub(super) fn take(cluster: &Cluster, spec: &MemberSpec) -> Result<Self, LogError> {
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
        let consumer = create(&config, cluster.context(&name), &what, &spec.slot)?;
        let seat = Self { consumer, full: cluster.full(&spec.topic), left: false };
        match seat.consumer.subscribe(&[&seat.full]) {
            Ok(()) => Ok(seat),
            Err(error) => Err(LogError::Retry { what, error: error.to_string() }),
        }
    }

    /// Partitions of the topic, each at this offset.
    pub(super) fn list(
        &self,
        partitions: impl IntoIterator<Item = i32>,
        offset: Offset,
    ) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            // Any offset that is used here can be represented.
            let _ = list.add_partition_offset(&self.full, partition, offset);
        }
        list
    }

    /// The id that the group gave this member; empty without one. It changes when the membership
    /// was lost and taken anew, also where librdkafka, busy with another rebalance, goes on as if
    /// the partitions were still its own.
    pub(super) fn id(&self) -> String {
        let client = self.consumer.client().native_ptr();
        // SAFETY: the client lives as long as `self.consumer`. librdkafka hands over a string of
        // its own allocation, or null; it is copied and given back to librdkafka's allocator.
        unsafe {
            let id = rd_kafka_memberid(client);
            if id.is_null() {
                return String::new();
            }
            let copy = CStr::from_ptr(id).to_string_lossy().into_owned();
            rd_kafka_mem_free(client, id.cast());
            copy
        }
    }

    /// Moves a partition; its fetcher may only just be starting.
    pub(super) fn seek(&self, partition: i32, offset: i64) -> Result<(), KafkaError> {
        let deadline = Instant::now() + INSIDE;
        loop {
            let list = self.list([partition], Offset::Offset(offset));
            let moved = self.consumer.seek_partitions(list, INSIDE);
            let moved = moved
                .and_then(|list| list.elements().first().map_or(Ok(()), |element| element.error()));
            let Err(error) = moved else { return Ok(()) };
            let starting = error.rdkafka_error_code() == Some(Code::State);
            if !starting || Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Has partitions fetched from where they are. librdkafka stops fetching all of them until a
    /// change of the assignment is answered; its thread of a broker, with nothing to fetch, then
    /// sleeps for up to a second, from which the answer does not wake it, but a seek does.
    pub(super) fn wake(&self, positions: &BTreeMap<i32, i64>) -> Result<(), KafkaError> {
        if positions.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in positions {
            list.add_partition_offset(&self.full, *partition, Offset::Offset(*next))?;
        }
        self.consumer.seek_partitions(list, INSIDE).map(drop)
    }

    pub(super) fn give_up(&self, partitions: &[i32]) -> Result<(), KafkaError> {
        let list = self.list(partitions.iter().copied(), Offset::Invalid);
        self.consumer.incremental_unassign(&list)
    }

    /// Leaves the group. librdkafka sends no leave for a static member that closes, only for one
    /// that unsubscribes; without it the others would wait for the session's time-out. And it must
    /// have nothing to ask when it is closed: it would wait for an answer for ever.
    pub(super) fn leave(&mut self) {
        const STEP: Duration = Duration::from_millis(20);
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        let deadline = Instant::now() + LEAVE;
        self.answer_at_once();
        self.consumer.unsubscribe();
        let mut quiet = 0;
        while quiet < 2 && Instant::now() < deadline {
            let began = Instant::now();
            let _ = self.consumer.poll(STEP);
            let assigned = self.consumer.assignment().map_or(0, |list| list.count());
            quiet = if assigned == 0 && began.elapsed() >= STEP { quiet + 1 } else { 0 };
        }
        // Asked over the same connection, so the leave is through when this is answered.
        let wait = deadline.saturating_duration_since(Instant::now());
        if self.consumer.client().fatal_error().is_none() && !wait.is_zero() {
            let _ = self.consumer.committed_offsets(self.list([0], Offset::Invalid), wait);
        }
    }

    /// From here on nobody polls for changes.
    fn answer_at_once(&self) {
        self.consumer.context().close();
        while let Some(change) = self.consumer.context().next_change() {
            let answered = match change {
                // Nothing of it is read any more; any offset does.
                Change::Assign(partitions) => {
                    self.consumer.incremental_assign(&self.list(partitions, Offset::Offset(0)))
                }
                Change::Revoke(partitions) => self.give_up(&partitions),
            };
            if let Err(error) = answered {
                tracing::debug!("while leaving a group: {error}");
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

//! A member with a transaction: one transactional producer, named after the slot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::super::{Event, LogError, Member, MemberSpec, NewRecord, Position, Start, Task};
use super::client::{ASK, Cluster, SETTLE, create};
use super::error::{Meaning, from_code, from_kafka, meaning};
use super::member::KafkaMember;
use super::options::{Kind, TRANSACTION_MS};
use super::producer::{Quiet, check_size, drain, queue};

/// How the committed offset's metadata begin.
const REPLAY_FROM: &str = "replay_from=";
const LOGIC: &str = " logic=";
/// Longest time that an orderly end spends on an open transaction.
const LAST: Duration = Duration::from_secs(2);

/// A member with a transaction.
pub(super) struct KafkaTask {
    // Ends before the member leaves the group.
    producer: ThreadedProducer<Quiet>,
    member: KafkaMember,
    cluster: Arc<Cluster>,
    open: bool,
    /// Full names of the topics written to: as many as there are topics.
    full: HashMap<Arc<str>, String>,
}

impl KafkaTask {
    pub(super) fn join(cluster: &Arc<Cluster>, spec: &MemberSpec) -> Result<Self, LogError> {
        let name = format!("{}-{}", spec.group, spec.slot);
        let what = format!("begin transactions of {name}");
        let mut config = cluster.options.producer(Kind::Task, &name);
        let id = format!("{}:{}", cluster.full(&spec.group), spec.slot);
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", TRANSACTION_MS.to_string())
            // Longer than the transaction's, it would be refused.
            .set("message.timeout.ms", TRANSACTION_MS.to_string());
        let producer: ThreadedProducer<Quiet> =
            create(&config, Quiet(cluster.context(&name)), &what, &spec.slot)?;
        // Ends what a predecessor left open and fences it, before anything is read.
        retrying(|| producer.init_transactions(SETTLE))
            .map_err(|error| from_kafka(&error, what, &spec.slot))?;
        let member = KafkaMember::join(cluster, spec)?;
        let cluster = Arc::clone(cluster);
        Ok(Self { producer, member, cluster, open: false, full: HashMap::new() })
    }

    fn error(&self, doing: &str, error: &KafkaError) -> LogError {
        let what = format!("{doing} of {}", self.member.slot());
        // Once fatal, every call only says so.
        match self.producer.client().fatal_error() {
            Some((code, text)) if meaning(code) == Meaning::Passing => self.fenced(&text),
            Some((code, text)) => from_code(code, text, what, self.member.slot()),
            None => from_kafka(error, what, self.member.slot()),
        }
    }

    fn fenced(&self, error: &str) -> LogError {
        LogError::Fenced { slot: self.member.slot().to_owned(), error: error.to_owned() }
    }

    fn begin(&mut self) -> Result<(), LogError> {
        if !self.open {
            self.producer.begin_transaction().map_err(|e| self.error("transaction", &e))?;
            self.open = true;
        }
        Ok(())
    }

    /// Positions go into the transaction, under the membership as it is now.
    fn send_positions(&self, positions: &[Position]) -> Result<(), LogError> {
        let metadata = self.member.consumer().group_metadata();
        // Looked at after the metadata were taken: they are those of before the loss, or the loss
        // shows here.
        if self.member.lost() {
            return Err(self.fenced("its session with the group ended"));
        }
        if positions.is_empty() {
            return Ok(());
        }
        let metadata = metadata.ok_or_else(|| self.fenced("it is no member of the group"))?;
        if let Some(strange) = positions.iter().find(|p| !self.member.owns(p.partition)) {
            let error = format!("partition {} is not this member's", strange.partition);
            return Err(self.fenced(&error));
        }
        let mut list = TopicPartitionList::new();
        for position in positions {
            let mut element = list.add_partition(self.member.full(), position.partition);
            element
                .set_offset(Offset::Offset(position.next))
                .map_err(|e| self.error("position", &e))?;
            let Position { replay_from, logic, .. } = position;
            element.set_metadata(format!("{REPLAY_FROM}{replay_from}{LOGIC}{logic}"));
        }
        retrying(|| self.producer.send_offsets_to_transaction(&list, &metadata, SETTLE))
            .map_err(|e| self.error("positions", &e))
    }

    fn end_transaction(&mut self, timeout: Duration) -> Result<(), LogError> {
        if self.open {
            retrying(|| self.producer.abort_transaction(timeout))
                .map_err(|e| self.error("abort", &e))?;
            self.open = false;
        }
        Ok(())
    }
}

/// Repeats a call that librdkafka says can be repeated: it goes on where it was.
fn retrying(mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    let deadline = Instant::now() + SETTLE;
    loop {
        match call() {
            Err(KafkaError::Transaction(error))
                if error.is_retriable() && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

/// What was committed: an offset with its metadata.
fn position(
    topic: &str,
    partition: i32,
    offset: Offset,
    metadata: &str,
) -> Result<Option<Position>, LogError> {
    let Offset::Offset(next) = offset else { return Ok(None) };
    let parsed = metadata.strip_prefix(REPLAY_FROM).and_then(|rest| {
        let (replay_from, logic) = rest.split_once(LOGIC)?;
        Some((replay_from.parse().ok()?, logic.parse().ok()?))
    });
    match parsed {
        Some((replay_from, logic)) => Ok(Some(Position { partition, next, replay_from, logic })),
        None => Err(LogError::Fatal {
            what: format!("position {next} of {topic}[{partition}]"),
            error: format!(
                "it was committed by another program ({metadata:?} does not say \
                 {REPLAY_FROM}N{LOGIC}N): delete the group's offset to begin anew"
            ),
        }),
    }
}

impl Drop for KafkaTask {
    fn drop(&mut self) {
        // Left open, it would hold readers back until it times out.
        if let Err(error) = self.end_transaction(LAST) {
            tracing::debug!("{error}");
        }
    }
}

impl Member for KafkaTask {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        self.member.poll(timeout)
    }

    fn start(&mut self, partition: i32, from: Start) -> Result<(), LogError> {
        self.member.start(partition, from)
    }

    fn hold(&mut self, held: bool) -> Result<(), LogError> {
        self.member.hold(held)
    }

    fn positions(&self) -> BTreeMap<i32, i64> {
        self.member.positions()
    }

    fn leave(self: Box<Self>) {
        // Dropped.
    }
}

impl Task for KafkaTask {
    fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Option<Position>>, LogError> {
        let full = self.member.full();
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(full, *partition);
        }
        let list = self.member.consumer().committed_offsets(list, ASK);
        let list = list.map_err(|e| self.error("committed positions", &e))?;
        let element = |partition: &i32| {
            let element = list.find_partition(full, *partition);
            let Some(element) = element else { return Ok(None) };
            element.error().map_err(|e| self.error("committed positions", &e))?;
            position(full, *partition, element.offset(), element.metadata())
        };
        partitions.iter().map(element).collect()
    }

    fn send(&mut self, record: NewRecord) -> Result<(), LogError> {
        check_size(&record)?;
        self.begin()?;
        let cluster = &self.cluster;
        let full =
            self.full.entry_ref(&record.topic).or_insert_with(|| cluster.full(&record.topic));
        let deadline = Instant::now() + SETTLE;
        loop {
            match queue(&self.producer, full, &record, ()) {
                Ok(()) => return Ok(()),
                Err((error, ())) if error.rdkafka_error_code() == Some(Code::QueueFull) => {
                    if Instant::now() > deadline {
                        return Err(self.error("queue", &error));
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, ())) => return Err(self.error("record", &error)),
            }
        }
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        if !self.open && positions.is_empty() {
            return Ok(());
        }
        self.begin()?;
        // The records are on their way meanwhile.
        self.send_positions(positions)?;
        if !drain(&self.producer, SETTLE) {
            let what = format!("commit of {}", self.member.slot());
            return Err(LogError::Retry { what, error: "records are still on their way".into() });
        }
        retrying(|| self.producer.commit_transaction(SETTLE))
            .map_err(|e| self.error("commit", &e))?;
        self.open = false;
        Ok(())
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.end_transaction(SETTLE)
    }
}

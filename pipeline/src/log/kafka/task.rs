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
use super::lost;
use super::member::KafkaMember;
use super::options::{Kind, SESSION_MS, TRANSACTION_MS};
use super::position;
use super::producer::{Quiet, check_size, drain, queue, size};

/// Longest wait for each step of the end of a transaction: the brokers give it up earlier, and a
/// new client finds their coordinator when this one does not.
const STEP: Duration = Duration::from_millis(TRANSACTION_MS as u64 + 2_000);
/// Longest time that an orderly end spends on an open transaction.
const LAST: Duration = Duration::from_secs(2);
/// Octets of a transaction that are kept to be sent again; one that is larger is not repeated.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// So long a commit is repeated.
const AGAIN_WITHIN: Duration = Duration::from_millis(SESSION_MS as u64);
/// Pauses before a transaction is repeated: the first, and the longest.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];

/// A member with a transaction.
///
/// A transaction that a rebalance overtakes although the membership goes on is repeated with the
/// same records, so that no state need be restored for it. How that could lose or double, and what
/// stands against it:
///
/// - *The brokers take a record that is sent again for one they have*: librdkafka gives the numbers
///   of records that it throws away to the next ones, although the brokers may have them, and a
///   batch of the same numbers is not written again. What is on its way settles before the
///   positions are sent, and where anything was thrown away, or an answer is still out, this task
///   ends: the next one's epoch tells its records and positions from the old.
/// - *It was committed after all*: only a refusal of the positions is repeated, and the end of the
///   transaction comes after them.
/// - *The partitions are another's meanwhile*: the positions go with the membership as it is then,
///   which the group compares.
/// - *A broker that is stopped acknowledges a commit, but keeps no end of it in the group's
///   positions* (Kafka 4.3 does): they would be pending, and nobody would be told any, for ever.
///   [`KafkaTask::end_again`].
pub(super) struct KafkaTask {
    // Ends before the member leaves the group.
    producer: ThreadedProducer<Quiet>,
    member: KafkaMember,
    cluster: Arc<Cluster>,
    id: String,
    open: bool,
    /// What this task committed last, by partition.
    known: BTreeMap<i32, Position>,
    /// Something of the open transaction may still reach the brokers.
    astray: bool,
    /// What the open transaction holds; nothing, if that is too much.
    kept: Vec<NewRecord>,
    kept_bytes: usize,
    /// Full names of the topics written to: as many as there are topics.
    full: HashMap<Arc<str>, String>,
}

/// Why a transaction was not committed.
enum Spoiled {
    /// A rebalance had just ended the generation that the positions were sent under: refused.
    Overtaken(LogError),
    /// Something of it may still reach the brokers.
    Astray(LogError),
    /// Before it was sent.
    Unsent(LogError),
}

impl From<LogError> for Spoiled {
    fn from(error: LogError) -> Self {
        Self::Unsent(error)
    }
}

impl KafkaTask {
    pub(super) fn join(cluster: &Arc<Cluster>, spec: &MemberSpec) -> Result<Self, LogError> {
        let name = format!("{}-{}", spec.group, spec.slot);
        let what = format!("begin transactions of {name}");
        let mut config = cluster.options.producer(Kind::Task, &name);
        let id = format!("{}:{}", cluster.full(&spec.group), spec.slot);
        config
            .set("transactional.id", &id)
            .set("transaction.timeout.ms", TRANSACTION_MS.to_string())
            // Longer than the transaction's, it would be refused.
            .set("message.timeout.ms", TRANSACTION_MS.to_string());
        let context = Quiet::new(cluster.context(&name));
        let producer: ThreadedProducer<Quiet> = create(&config, context, &what, &spec.slot)?;
        // Ends what a predecessor left open and fences it, before anything is read.
        retrying(SETTLE, || producer.init_transactions(SETTLE))
            .map_err(|error| from_kafka(&error, what, &spec.slot))?;
        Ok(Self {
            producer,
            member: KafkaMember::join(cluster, spec)?,
            cluster: Arc::clone(cluster),
            known: BTreeMap::new(),
            id,
            open: false,
            astray: false,
            kept: Vec::new(),
            kept_bytes: 0,
            full: HashMap::new(),
        })
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

    /// The error of a step of a commit.
    fn spoiled(&self, doing: &str, error: &KafkaError) -> Spoiled {
        let told = self.error(doing, error);
        if let KafkaError::Transaction(error) = error
            && error.code() == Code::IllegalGeneration
            && error.txn_requires_abort()
        {
            return Spoiled::Overtaken(told);
        }
        Spoiled::Astray(told)
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
    fn send_positions(&self, positions: &[Position]) -> Result<(), Spoiled> {
        let metadata = self.member.consumer().group_metadata();
        // Looked at after the metadata were taken: they are those of before the loss, or the loss
        // shows here.
        if self.member.lost() {
            return Err(self.fenced("its session with the group ended").into());
        }
        if positions.is_empty() {
            return Ok(());
        }
        let metadata = metadata.ok_or_else(|| self.fenced("it is no member of the group"))?;
        let mut list = TopicPartitionList::new();
        for position in positions {
            let mut element = list.add_partition(self.member.full(), position.partition);
            element
                .set_offset(Offset::Offset(position.next))
                .map_err(|e| self.error("position", &e))?;
            element.set_metadata(position::metadata(position));
        }
        retrying(STEP, || self.producer.send_offsets_to_transaction(&list, &metadata, STEP))
            .map_err(|e| self.spoiled("positions", &e))
    }

    fn commit_once(&self, positions: &[Position]) -> Result<(), Spoiled> {
        if !drain(&self.producer, STEP) {
            let what = format!("commit of {}", self.member.slot());
            let error = "records are still on their way".into();
            return Err(Spoiled::Astray(LogError::Retry { what, error }));
        }
        self.send_positions(positions)?;
        retrying(STEP, || self.producer.commit_transaction(STEP)).map_err(|e| {
            // Whether it was committed is not known, and with it what was committed last.
            self.cluster.committed.forget(&self.id);
            self.spoiled("commit", &e)
        })
    }

    /// A new transaction with what the last one held.
    fn repeat(&mut self) -> Result<(), LogError> {
        let kept = std::mem::take(&mut self.kept);
        self.abort()?;
        self.begin()?;
        kept.into_iter().try_for_each(|record| self.send(record))
    }

    /// Ends the last transaction of this slot in this process once more, if the group has not kept
    /// of these partitions, which it has just given to this member, that it was committed. Nobody
    /// can have gone on from them. An end of the same producer ends all that is pending of it.
    fn end_again(&mut self, assigned: &[i32]) -> Result<(), LogError> {
        let known = self.cluster.committed.last(&self.id).into_values();
        let known: Vec<Position> = known.filter(|it| assigned.contains(&it.partition)).collect();
        let lost = lost::of(&self.cluster, &self.member, &known)?;
        if lost.is_empty() {
            return Ok(());
        }
        if self.open {
            // What it holds must not be committed with these positions.
            let what = format!("positions of {}", self.member.slot());
            let error = "the brokers have lost the end of a committed transaction".into();
            return Err(LogError::Retry { what, error });
        }
        tracing::warn!(
            id = self.id,
            "the brokers have lost the end of a committed transaction; it is ended once more"
        );
        metrics::counter!("opsc_kafka_transactions_ended_again_total").increment(1);
        self.begin()?;
        self.commit_once(&lost).map_err(|spoiled| match spoiled {
            Spoiled::Overtaken(error) | Spoiled::Astray(error) | Spoiled::Unsent(error) => error,
        })?;
        self.ended();
        Ok(())
    }

    /// These, and what was committed before of the other partitions: an abort would take away what
    /// the group has not kept of them yet.
    fn with_known(&mut self, positions: &[Position]) -> Vec<Position> {
        self.known.retain(|partition, _| self.member.owns(*partition));
        let mut all = self.known.clone();
        all.extend(positions.iter().map(|position| (position.partition, *position)));
        all.into_values().collect()
    }

    fn ended(&mut self) {
        self.open = false;
        self.kept.clear();
        self.kept_bytes = 0;
    }

    fn abort_transaction(&self, timeout: Duration) -> Result<(), LogError> {
        retrying(timeout, || self.producer.abort_transaction(timeout))
            .map_err(|e| self.error("abort", &e))
    }
}

/// Repeats a call that librdkafka says can be repeated: it goes on where it was.
fn retrying(
    within: Duration,
    mut call: impl FnMut() -> Result<(), KafkaError>,
) -> Result<(), KafkaError> {
    let deadline = Instant::now() + within;
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

impl Drop for KafkaTask {
    fn drop(&mut self) {
        // Left open, it would hold readers back until it times out.
        if self.open
            && let Err(error) = self.abort_transaction(LAST)
        {
            tracing::debug!("{error}");
        }
    }
}

impl Member for KafkaTask {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        let event = self.member.poll(timeout)?;
        if let Event::Assigned(partitions) = &event {
            self.end_again(partitions)?;
            // Another may have gone on from them.
            self.known.retain(|partition, _| !partitions.contains(partition));
        }
        Ok(event)
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
            position::of(full, *partition, element.offset(), element.metadata())
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
            let Err((error, ())) = queue(&self.producer, full, &record, ()) else { break };
            match error.rdkafka_error_code() {
                Some(Code::QueueFull) if Instant::now() <= deadline => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                // The transaction is spoiled: it is the commit that finds out by what.
                Some(Code::State) => break,
                _ => return Err(self.error("record", &error)),
            }
        }
        self.kept_bytes += size(&record) + size_of::<NewRecord>();
        if self.kept_bytes <= MAX_KEPT_BYTES {
            self.kept.push(record);
        } else {
            self.kept = Vec::new();
        }
        Ok(())
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        if !self.open && positions.is_empty() {
            return Ok(());
        }
        if let Some(strange) = positions.iter().find(|p| !self.member.owns(p.partition)) {
            let error = format!("partition {} is not this member's", strange.partition);
            return Err(self.fenced(&error));
        }
        let positions = &*self.with_known(positions);
        self.begin()?;
        let deadline = Instant::now() + AGAIN_WITHIN;
        let [mut pause, longest] = AGAIN_AFTER;
        loop {
            let error = match self.commit_once(positions) {
                Ok(()) => break,
                Err(Spoiled::Overtaken(error)) => error,
                Err(Spoiled::Astray(error)) => {
                    self.astray = true;
                    return Err(error);
                }
                Err(Spoiled::Unsent(error)) => return Err(error),
            };
            let whole = self.kept_bytes <= MAX_KEPT_BYTES;
            if !whole || self.member.lost() || Instant::now() > deadline {
                return Err(error);
            }
            tracing::debug!(%error, "the transaction is repeated");
            metrics::counter!("opsc_kafka_transactions_repeated_total").increment(1);
            std::thread::sleep(pause);
            pause = (pause * 2).min(longest);
            self.repeat()?;
        }
        self.cluster.committed.remember(&self.id, positions);
        self.known.extend(positions.iter().map(|position| (position.partition, *position)));
        self.ended();
        Ok(())
    }

    fn abort(&mut self) -> Result<(), LogError> {
        if self.open && !self.astray {
            drain(&self.producer, LAST);
            self.abort_transaction(STEP)?;
        }
        if self.astray || self.producer.client().context().has_purged() {
            let what = format!("abort of {}", self.member.slot());
            let error = "the brokers may have got what it has given up, so it begins anew".into();
            return Err(LogError::Retry { what, error });
        }
        self.ended();
        Ok(())
    }
}

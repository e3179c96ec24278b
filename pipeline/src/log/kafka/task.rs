//! A member with a transaction: one transactional producer, named after the slot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::super::{Event, LogError, Member, MemberSpec, NewRecord, Position, Start, Task};
use super::claims::{Book, Claims};
use super::client::{ASK, Cluster, create};
use super::error::{Meaning, from_code, from_kafka, meaning};
use super::member::KafkaMember;
use super::options::{Kind, TRANSACTION_MS};
use super::position;
use super::producer::{Quiet, check_size, drain, queue};
use crate::activity::call;
use crate::families;

/// Longest wait for each step of the end of a transaction: the brokers give it up earlier, and a
/// new client finds their coordinator when this one does not.
pub(super) const STEP: Duration = Duration::from_millis(TRANSACTION_MS as u64 + 2_000);
/// Longest wait for the brokers to begin with a transactional id.
const BEGIN: Duration = Duration::from_millis(2 * TRANSACTION_MS as u64);
/// Longest time that an orderly end spends on an open transaction.
const LAST: Duration = Duration::from_secs(2);

/// A member with a transaction.
///
/// What it commits is refused once another was given its partitions, by the epoch of its
/// transactional id ([`super::claims`]); a rebalance in which it keeps them is none of a
/// transaction's business. After a commit or an abort that failed, records of it may still be on
/// their way: librdkafka gives the sequence numbers of records that it throws away to the next ones,
/// which the brokers then take for the same ones, sent again. So the producer ends there, and the
/// epoch of the next distinguishes its records from the old; the membership goes on.
pub(super) struct KafkaTask {
    // Ends before the member leaves the group.
    producer: ThreadedProducer<Quiet>,
    member: KafkaMember,
    claims: Claims,
    cluster: Arc<Cluster>,
    book: Arc<Book>,
    spec: MemberSpec,
    open: bool,
    /// Something of the open transaction may still reach the brokers.
    astray: bool,
    /// Given up at the next poll.
    leaving: Vec<i32>,
    /// Full names of the topics written to: as many as there are topics.
    full: HashMap<Arc<str>, String>,
}

impl KafkaTask {
    pub(super) fn join(
        cluster: &Arc<Cluster>,
        book: &Arc<Book>,
        spec: &MemberSpec,
    ) -> Result<Self, LogError> {
        let (producer, claims) = begin(cluster, book, spec)?;
        Ok(Self {
            producer,
            member: KafkaMember::join(cluster, spec)?,
            claims,
            cluster: Arc::clone(cluster),
            book: Arc::clone(book),
            spec: spec.clone(),
            open: false,
            astray: false,
            leaving: Vec::new(),
            full: HashMap::new(),
        })
    }

    /// Another producer in place of this one, of which something may still reach the brokers.
    fn begin_anew(&mut self) -> Result<(), LogError> {
        if !self.claims.goes_on()? {
            return Err(self.fenced("another process or thread has its slot"));
        }
        let (producer, claims) = begin(&self.cluster, &self.book, &self.spec)?;
        // What the group has taken back is another's, whom this one must not fence.
        let held = if self.member.lost() { Vec::new() } else { self.member.partitions() };
        let old = std::mem::replace(&mut self.producer, producer);
        call(|| format!("close the last client of {}", self.member.slot()), STEP, || drop(old));
        self.claims = claims;
        self.claims.take(&held)?;
        self.leaving.clear();
        (self.open, self.astray) = (false, false);
        families::KAFKA_PRODUCERS_REPLACED.add([], 1);
        Ok(())
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

    /// Who was fenced by the heir of its partitions begins anew within its membership; who has lost
    /// its slot ends.
    fn spoiled(&self, error: LogError) -> LogError {
        let LogError::Fenced { slot, error: words } = &error else { return error };
        if !matches!(self.claims.goes_on(), Ok(true)) {
            return error;
        }
        LogError::Retry { what: format!("commit of {slot}"), error: words.clone() }
    }

    /// What is sent counts for these partitions.
    fn check_owned(&self, positions: &[Position]) -> Result<(), LogError> {
        let has = |p: &Position| self.member.owns(p.partition) && self.claims.holds(p.partition);
        if let Some(strange) = positions.iter().find(|position| !has(position)) {
            let error = format!("partition {} is not this member's", strange.partition);
            return Err(self.fenced(&error));
        }
        if self.member.lost() {
            return Err(self.fenced("its session with the group ended"));
        }
        Ok(())
    }

    fn commit_transaction(&self) -> Result<(), LogError> {
        if !drain(&self.producer, STEP) {
            let what = format!("commit of {}", self.member.slot());
            let error = "records are still on their way".into();
            return Err(LogError::Retry { what, error });
        }
        retrying(STEP, || self.producer.commit_transaction(STEP))
            .map_err(|e| self.error("commit", &e))
    }

    fn abort_transaction(&self, timeout: Duration) -> Result<(), LogError> {
        let abort = || retrying(timeout, || self.producer.abort_transaction(timeout));
        call(|| format!("abort of {}", self.member.slot()), 2 * timeout, abort)
            .map_err(|e| self.error("abort", &e))
    }

    /// What the last poll gave as revoked is another's from the next poll on.
    fn give_up(&mut self) {
        // What is open may hold something of theirs.
        if !self.open && !self.leaving.is_empty() {
            let leaving = std::mem::take(&mut self.leaving);
            self.claims.give_up(&leaving);
        }
    }
}

/// A transactional producer, not yet initialised.
pub(super) fn transactional(
    cluster: &Cluster,
    id: &str,
    name: &str,
    what: &str,
) -> Result<ThreadedProducer<Quiet>, LogError> {
    let mut config = cluster.options.producer(Kind::Task, name);
    config
        .set("transactional.id", id)
        .set("transaction.timeout.ms", TRANSACTION_MS.to_string())
        // Longer than the transaction's, it would be refused.
        .set("message.timeout.ms", TRANSACTION_MS.to_string());
    create(&config, Quiet::new(cluster.context(name)), what, id)
}

/// Ends what a predecessor in the slot left open and fences it, before anything is read.
fn begin(
    cluster: &Arc<Cluster>,
    book: &Arc<Book>,
    spec: &MemberSpec,
) -> Result<(ThreadedProducer<Quiet>, Claims), LogError> {
    let name = format!("{}-{}", spec.group, spec.slot);
    let what = format!("begin transactions of {name}");
    let id = format!("{}:{}", cluster.full(&spec.group), spec.slot);
    let producer = transactional(cluster, &id, &name, &what)?;
    let claims = Claims::new(book, spec, &id);
    let begun = || {
        retrying(BEGIN, || producer.init_transactions(BEGIN))?;
        producer.begin_transaction()?;
        let word = claims.life();
        queue(&producer, &cluster.full(&word.topic), &word)?;
        retrying(STEP, || producer.commit_transaction(STEP))
    };
    call(|| what.clone(), BEGIN + STEP, begun)
        .map_err(|error| from_kafka(&error, what, &spec.slot))?;
    Ok((producer, claims))
}

/// Repeats a call that librdkafka says can be repeated: it goes on where it was.
pub(super) fn retrying(
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
        if self.open && !self.astray {
            match self.abort_transaction(LAST) {
                Ok(()) => self.open = false,
                Err(error) => tracing::debug!("{error}"),
            }
        }
        if !self.open {
            self.claims.give_up_all();
        }
    }
}

impl Member for KafkaTask {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        let client = self.producer.client();
        client.context().keep_brokers(client);
        self.give_up();
        let event = self.member.poll(timeout)?;
        match &event {
            Event::Assigned(partitions) => self.claims.take(partitions)?,
            Event::Revoked(partitions) => self.leaving.extend(partitions),
            Event::Lost(_) | Event::Records(_) | Event::Idle => {}
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
    /// What builds that committed the group's offsets have left there.
    fn inherited(&mut self, partitions: &[i32]) -> Result<Vec<Option<Position>>, LogError> {
        let full = self.member.full();
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(full, *partition);
        }
        let ask = || self.member.consumer().committed_offsets(list, ASK);
        let what = || format!("ask for the positions of {}", self.member.slot());
        let list = call(what, ASK, ask).map_err(|e| self.error("committed positions", &e))?;
        let element = |partition: &i32| {
            let element = list.find_partition(full, *partition);
            let Some(element) = element else { return Ok(None) };
            element.error().map_err(|e| self.error("committed positions", &e))?;
            position::of(full, *partition, element.offset(), element.metadata())
        };
        partitions.iter().map(element).collect()
    }

    fn end_of(&mut self, topic: &str, partition: i32) -> Result<i64, LogError> {
        self.book.barrier(topic, partition)
    }

    fn send(&mut self, record: NewRecord) -> Result<(), LogError> {
        check_size(&record)?;
        self.begin()?;
        let cluster = &self.cluster;
        let full =
            self.full.entry_ref(&record.topic).or_insert_with(|| cluster.full(&record.topic));
        let deadline = Instant::now() + STEP;
        loop {
            let Err(error) = queue(&self.producer, full, &record) else { break };
            match error.rdkafka_error_code() {
                Some(Code::QueueFull) if Instant::now() <= deadline => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                // The transaction is spoiled: it is the commit that finds out by what.
                Some(Code::State) => break,
                _ => return Err(self.error("record", &error)),
            }
        }
        Ok(())
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        self.check_owned(positions)?;
        if !self.open {
            return Ok(());
        }
        let what = || format!("commit of {}", self.member.slot());
        let done = call(what, 3 * STEP, || self.commit_transaction());
        self.astray = done.is_err();
        self.open = done.is_err();
        done.map_err(|error| self.spoiled(error))
    }

    fn abort(&mut self) -> Result<(), LogError> {
        if self.open && !self.astray {
            drain(&self.producer, LAST);
            match self.abort_transaction(STEP) {
                Ok(()) => {}
                Err(error @ (LogError::Retry { .. } | LogError::Fenced { .. })) => {
                    tracing::debug!("{error}");
                    self.astray = true;
                }
                Err(other) => return Err(other),
            }
        }
        if self.astray || self.producer.client().context().has_purged() {
            return self.begin_anew();
        }
        self.open = false;
        Ok(())
    }
}

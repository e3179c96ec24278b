//! Who may commit for which partitions.
//!
//! A group moves a partition from a member that it takes for dead; that member may only have been
//! frozen, in the middle of a transaction. Something must then refuse its commit. The group's own
//! fence is `TxnOffsetCommit`, which librdkafka may wait on for ever (librdkafka #5456, #5511) and
//! whose end a broker that is stopped can lose. So the fence is the producer's epoch: whoever is
//! given a partition initialises the transactional ids of all who may still write for it. Their
//! names are in the topic [`CLAIM`]: one record for each partition that a task was given, written
//! before anything else of that partition, removed once it has given the partition up. How two
//! tasks could both commit for one partition, and what stands against it:
//!
//! - *The old owner's claim is not seen*: it was durable before its first output, and is removed
//!   only when it can write no more: by itself after its last commit, or by who fenced it.
//! - *Two claim at the same time*: each reads after its own claim is durable, so of any two the
//!   later one to write sees the other, and fences it. Both may be fenced; then both begin anew, and
//!   only the one that the group names claims again.
//! - *A claim of the next life of a slot is removed with the last one's*: each life of a task has an
//!   id of its own in the key, and only what was seen is removed.
//! - *A task is fenced by mistake*: it begins anew, from the last commit. Nothing is lost by it.
//! - *The topic keeps a dead task's claim*: one more id is initialised, which costs a moment.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use uuid::Uuid;

use super::super::{
    Cleanup, LogError, MemberSpec, NewRecord, Producer as _, Reader as _, Record, Start, TopicSpec,
};
use super::client::{Cluster, create};
use super::error::from_kafka;
use super::options::{Kind, TRANSACTION_MS};
use super::producer::{KafkaProducer, Quiet};
use super::reader::KafkaReader;
use super::task::{STEP, retrying};
use crate::activity::call;

/// The topic of claims: `LIFE PARTITION GROUP ID` is the key of a claim.
pub(crate) const CLAIM: &str = "claim";

/// As the log must have it.
pub(super) fn topic() -> TopicSpec {
    TopicSpec { name: CLAIM.into(), partitions: 1, cleanup: Cleanup::Compact }
}

/// The producer of all claims of this process.
#[derive(Default)]
pub(super) struct Writer(OnceLock<KafkaProducer>);

impl Writer {
    fn producer(&self, cluster: &Arc<Cluster>) -> Result<&KafkaProducer, LogError> {
        if let Some(producer) = self.0.get() {
            return Ok(producer);
        }
        let made = KafkaProducer::new(cluster, Kind::Producer, "claims")?;
        Ok(self.0.get_or_init(|| made))
    }

    /// Writes claims, and waits until the log has them.
    fn write(&self, cluster: &Arc<Cluster>, claims: &[Claim]) -> Result<(), LogError> {
        let producer = self.producer(cluster)?;
        let failed: Arc<Mutex<Option<LogError>>> = Arc::default();
        for claim in claims {
            let failed = Arc::clone(&failed);
            let done = Box::new(move |result: Result<(i32, i64), LogError>| {
                if let Err(error) = result {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
            producer.send(claim.record(true), Some(done))?;
        }
        producer.flush(STEP)?;
        let failed = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(()), Err)
    }
}

/// A claim as its key says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    life: String,
    partition: i32,
    group: String,
    /// The transactional id, which may hold anything.
    id: String,
}

impl Claim {
    fn key(&self) -> Bytes {
        let Self { life, partition, group, id } = self;
        format!("{life} {partition} {group} {id}").into_bytes().into()
    }

    fn parse(key: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(key).ok()?;
        let mut words = text.splitn(4, ' ');
        Some(Self {
            life: words.next()?.to_owned(),
            partition: words.next()?.parse().ok()?,
            group: words.next()?.to_owned(),
            id: words.next()?.to_owned(),
        })
    }

    fn record(&self, made: bool) -> NewRecord {
        NewRecord {
            topic: CLAIM.into(),
            partition: Some(0),
            key: Some(self.key()),
            value: made.then(Bytes::new),
            headers: Vec::new(),
        }
    }
}

/// The claims of one task.
pub(super) struct Claims {
    cluster: Arc<Cluster>,
    group: String,
    id: String,
    life: String,
    held: BTreeSet<i32>,
}

impl Claims {
    /// Of a task whose transactional id was just initialised.
    pub(super) fn new(cluster: &Arc<Cluster>, spec: &MemberSpec, id: &str) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            group: spec.group.clone(),
            id: id.to_owned(),
            life: Uuid::new_v4().simple().to_string(),
            held: BTreeSet::new(),
        }
    }

    pub(super) fn holds(&self, partition: i32) -> bool {
        self.held.contains(&partition)
    }

    fn mine(&self, partition: i32) -> Claim {
        let (life, group, id) = (self.life.clone(), self.group.clone(), self.id.clone());
        Claim { life, partition, group, id }
    }

    /// Makes this task the only one that can commit for these partitions.
    pub(super) fn take(&mut self, partitions: &[i32]) -> Result<(), LogError> {
        if partitions.is_empty() {
            return Ok(());
        }
        let mine: Vec<Claim> = partitions.iter().map(|partition| self.mine(*partition)).collect();
        let what = || format!("claim partitions for {}", self.id);
        call(what, STEP, || self.cluster.claims.write(&self.cluster, &mine))?;
        self.held.extend(partitions);
        let all = self.read()?;
        let mut over: Vec<Claim> = Vec::new();
        let mut former: BTreeSet<String> = BTreeSet::new();
        for claim in all.into_iter().filter(|claim| claim.group == self.group) {
            if claim.id == self.id {
                // This slot's earlier lives ended when its id was initialised.
                over.extend((claim.life != self.life).then_some(claim));
            } else if partitions.contains(&claim.partition) {
                former.insert(claim.id.clone());
                over.push(claim);
            }
        }
        for id in former {
            call(|| format!("fence {id} for {}", self.id), 2 * STEP, || self.fence(&id))?;
        }
        // Not waited for: one that stays is removed by the next who takes the partition.
        let writer = self.cluster.claims.producer(&self.cluster)?;
        over.iter().try_for_each(|claim| writer.send(claim.record(false), None))
    }

    /// Says that this task writes no more for these partitions.
    pub(super) fn give_up(&mut self, partitions: &[i32]) {
        let Ok(writer) = self.cluster.claims.producer(&self.cluster) else { return };
        for partition in partitions {
            if self.held.remove(partition)
                && let Err(error) = writer.send(self.mine(*partition).record(false), None)
            {
                // Whoever takes the partition fences this task, which then begins anew.
                tracing::debug!("a claim stays: {error}");
            }
        }
    }

    /// Gives up all that is held.
    pub(super) fn give_up_all(&mut self) {
        let held: Vec<i32> = self.held.iter().copied().collect();
        self.give_up(&held);
    }

    /// All claims that are in the topic now.
    fn read(&self) -> Result<BTreeSet<Claim>, LogError> {
        let deadline = Instant::now() + STEP;
        let mut reader = KafkaReader::open(&self.cluster, CLAIM, &[0], Start::Earliest)?;
        let end = reader.end(0)?;
        let mut claims = BTreeSet::new();
        while reader.position(0) < end {
            if Instant::now() > deadline {
                let what = format!("read the topic {CLAIM} for {}", self.id);
                let error = format!("at {} of {end} after {STEP:?}", reader.position(0));
                return Err(LogError::Retry { what, error });
            }
            for Record { key, value, .. } in reader.poll(Duration::from_millis(100))? {
                let Some(claim) = key.as_deref().and_then(Claim::parse) else { continue };
                if value.is_some() {
                    claims.insert(claim);
                } else {
                    claims.remove(&claim);
                }
            }
        }
        Ok(claims)
    }

    /// Ends what a former owner has open, and refuses whatever it sends from now on.
    fn fence(&self, id: &str) -> Result<(), LogError> {
        let what = format!("fence {id}, which has not given up what {} was given", self.id);
        tracing::info!(former = id, by = self.id, "fencing a former owner of partitions");
        metrics::counter!("opsc_kafka_owners_fenced_total").increment(1);
        let mut config = self.cluster.options.producer(Kind::Task, "fence");
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", TRANSACTION_MS.to_string())
            .set("message.timeout.ms", TRANSACTION_MS.to_string());
        let context = Quiet::new(self.cluster.context("fence"));
        let producer: ThreadedProducer<Quiet> = create(&config, context, &what, &self.id)?;
        retrying(STEP, || producer.init_transactions(STEP))
            .map_err(|error| from_kafka(&error, what, &self.id))
    }
}

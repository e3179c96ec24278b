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
//! - *A claim of the next life of a task is removed with the last one's*: each time that a
//!   transactional id is initialised begins a new life, whose name is in the key, and only what was
//!   seen is removed.
//! - *A task is fenced for what its last life held*: the initialisation that began its new life has
//!   ended the last one, and says so in the topic (`id` in place of the partition), in the new
//!   producer's first transaction: its epoch keeps a late word of an earlier life out. Only a claim
//!   of the life that goes on is fenced, and a life that finds another's name there ends.
//! - *The topic's end is an old one*, from a broker that was frozen and does not know yet that it
//!   leads no more: the claim's own offset, which only the leader gives, must be reached, too.
//! - *A task is fenced by mistake*: it begins anew, from the last commit. Nothing is lost by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::producer::Producer as _;
use uuid::Uuid;

use super::super::{
    BARRIER, Cleanup, LogError, MemberSpec, NewRecord, Producer as _, Reader as _, Record, Start,
    TopicSpec,
};
use super::client::Cluster;
use super::error::from_kafka;
use super::options::Kind;
use super::producer::KafkaProducer;
use super::reader::KafkaReader;
use super::task::{STEP, retrying, transactional};
use crate::activity::call;
use crate::families;

/// The topic of claims. Keys are `LIFE PARTITION GROUP ID` for a claim and `id ID` for the life that
/// a transactional id has now, which is the value.
pub(crate) const CLAIM: &str = "claim";
/// Before the id in the key of a life.
const ID: &str = "id ";

/// As the log must have it.
pub(super) fn topic() -> TopicSpec {
    TopicSpec { name: CLAIM.into(), partitions: 1, cleanup: Cleanup::Compact }
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
    fn key(&self) -> String {
        let Self { life, partition, group, id } = self;
        format!("{life} {partition} {group} {id}")
    }

    fn parse(key: &str) -> Option<Self> {
        let mut words = key.splitn(4, ' ');
        Some(Self {
            life: words.next()?.to_owned(),
            partition: words.next()?.parse().ok()?,
            group: words.next()?.to_owned(),
            id: words.next()?.to_owned(),
        })
    }
}

fn record(key: String, value: Option<Bytes>) -> NewRecord {
    NewRecord {
        topic: CLAIM.into(),
        partition: Some(0),
        key: Some(key.into_bytes().into()),
        value,
        headers: Vec::new(),
    }
}

/// What the topic says, as far as it was read.
struct Known {
    reader: KafkaReader,
    claims: BTreeSet<Claim>,
    /// By transactional id.
    lives: BTreeMap<String, String>,
}

impl Known {
    fn take(&mut self, record: &Record) {
        let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        let value = record.value.as_deref().map(|value| String::from_utf8_lossy(value).into());
        let Some(key) = key else { return };
        match (key.strip_prefix(ID), Claim::parse(key), value) {
            (Some(id), _, Some(life)) => drop(self.lives.insert(id.to_owned(), life)),
            (Some(id), _, None) => drop(self.lives.remove(id)),
            (None, Some(claim), Some(_)) => drop(self.claims.insert(claim)),
            (None, Some(claim), None) => drop(self.claims.remove(&claim)),
            // Another program's.
            (None, None, _) => {}
        }
    }
}

/// The claims of all tasks, as this process writes and reads them.
pub(super) struct Book {
    cluster: Arc<Cluster>,
    writer: OnceLock<KafkaProducer>,
    known: Mutex<Option<Known>>,
}

impl Book {
    pub(super) fn new(cluster: &Arc<Cluster>) -> Self {
        let cluster = Arc::clone(cluster);
        Self { cluster, writer: OnceLock::new(), known: Mutex::default() }
    }

    fn writer(&self) -> Result<&KafkaProducer, LogError> {
        if let Some(producer) = self.writer.get() {
            return Ok(producer);
        }
        let made = KafkaProducer::new(&self.cluster, Kind::Prompt, "claims")?;
        Ok(self.writer.get_or_init(|| made))
    }

    /// Writes, waits until the log has it, and gives the offset of each.
    fn write(&self, records: Vec<NewRecord>) -> Result<Vec<i64>, LogError> {
        let writer = self.writer()?;
        let written: Arc<Mutex<Vec<Result<i64, LogError>>>> = Arc::default();
        let count = records.len();
        for record in records {
            let written = Arc::clone(&written);
            let done = Box::new(move |result: Result<(i32, i64), LogError>| {
                let result = result.map(|(_, offset)| offset);
                written.lock().unwrap_or_else(PoisonError::into_inner).push(result);
            });
            writer.send(record, Some(done))?;
        }
        if let Err(error) = writer.flush(STEP) {
            // The log is away, or this client of it is spoiled: what waits is not waited for, and
            // a claim that is written late is one that stays.
            writer.renew()?;
            return Err(error);
        }
        let written = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
        if written.len() < count {
            let error = format!("{} of {count} records were confirmed", written.len());
            return Err(LogError::Retry { what: format!("write to {CLAIM}"), error });
        }
        written.into_iter().collect()
    }

    /// One past an offset that only the leader of the partition can have given now: whatever was
    /// committed to it before lies below.
    pub(super) fn barrier(&self, topic: &str, partition: i32) -> Result<i64, LogError> {
        let record = NewRecord {
            topic: topic.into(),
            partition: Some(partition),
            key: Some(Bytes::from_static(BARRIER)),
            value: Some(Bytes::new()),
            headers: Vec::new(),
        };
        let what = || format!("write to {topic}[{partition}]");
        let written = call(what, STEP, || self.write(vec![record]))?;
        Ok(written.into_iter().max().unwrap_or(0) + 1)
    }

    /// Not waited for: a claim that stays is removed by the next who takes the partition.
    fn remove<'a>(&self, claims: impl IntoIterator<Item = &'a Claim>) {
        let Ok(writer) = self.writer() else { return };
        for claim in claims {
            if let Err(error) = writer.send(record(claim.key(), None), None) {
                tracing::debug!("a claim stays: {error}");
            }
        }
    }

    /// Reads on to the topic's end as it is now, `least` at least, and looks at what it says.
    fn look<T>(&self, least: i64, look: impl FnOnce(&Known) -> T) -> Result<T, LogError> {
        let shared = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for who reads: the second has a reader of its own. An error on the way
        // leaves nothing behind that could be taken for the whole.
        let taken = shared().take();
        let mut known = match taken {
            Some(known) => known,
            None => Known {
                reader: KafkaReader::open(&self.cluster, CLAIM, &[0], Start::Earliest)?,
                claims: BTreeSet::new(),
                lives: BTreeMap::new(),
            },
        };
        let (end, deadline) = (known.reader.end(0)?.max(least), Instant::now() + STEP);
        while known.reader.position(0) < end {
            if Instant::now() > deadline {
                let error = format!("at {} of {end} after {STEP:?}", known.reader.position(0));
                return Err(LogError::Retry { what: format!("read the topic {CLAIM}"), error });
            }
            for record in known.reader.poll(Duration::from_millis(100))? {
                known.take(&record);
            }
        }
        let found = look(&known);
        *shared() = Some(known);
        Ok(found)
    }
}

/// The claims of one task in one life.
pub(super) struct Claims {
    book: Arc<Book>,
    group: String,
    id: String,
    life: String,
    held: BTreeSet<i32>,
}

impl Claims {
    /// Of a task whose transactional id was just initialised.
    pub(super) fn new(book: &Arc<Book>, spec: &MemberSpec, id: &str) -> Self {
        Self {
            book: Arc::clone(book),
            group: spec.group.clone(),
            id: id.to_owned(),
            life: Uuid::new_v4().simple().to_string(),
            held: BTreeSet::new(),
        }
    }

    /// What the new producer's first transaction says.
    pub(super) fn life(&self) -> NewRecord {
        record(format!("{ID}{}", self.id), Some(self.life.clone().into_bytes().into()))
    }

    /// Whether no other life of the id has begun since.
    pub(super) fn goes_on(&self) -> Result<bool, LogError> {
        let own = |known: &Known| known.lives.get(&self.id).is_none_or(|life| *life == self.life);
        self.book.look(0, own)
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
        let mine = partitions.iter().map(|partition| self.mine(*partition).key());
        let mine = mine.map(|key| record(key, Some(Bytes::new()))).collect();
        let what = || format!("claim partitions for {}", self.id);
        let written = call(what, STEP, || self.book.write(mine))?;
        let least = written.into_iter().max().unwrap_or(0) + 1;
        let (mut over, mut former) = (Vec::new(), BTreeSet::new());
        let goes_on = self.book.look(least, |known| {
            for claim in known.claims.iter().filter(|claim| claim.group == self.group) {
                if claim.id == self.id {
                    over.extend((claim.life != self.life).then(|| claim.clone()));
                } else if partitions.contains(&claim.partition) {
                    over.push(claim.clone());
                    // Of an earlier life: that one has ended.
                    if known.lives.get(&claim.id).is_none_or(|life| *life == claim.life) {
                        former.insert(claim.id.clone());
                    }
                }
            }
            known.lives.get(&self.id).is_none_or(|life| *life == self.life)
        })?;
        if !goes_on {
            // Another has its slot; nothing that is seen here is its to remove.
            let error = "another life of its transactional id has begun".to_owned();
            return Err(LogError::Fenced { slot: self.id.clone(), error });
        }
        self.held.extend(partitions);
        for id in former {
            call(|| format!("fence {id} for {}", self.id), 2 * STEP, || self.fence(&id))?;
        }
        self.book.remove(&over);
        Ok(())
    }

    /// Says that this task writes no more for these partitions.
    pub(super) fn give_up(&mut self, partitions: &[i32]) {
        let given: Vec<i32> =
            partitions.iter().copied().filter(|partition| self.held.remove(partition)).collect();
        let given: Vec<Claim> = given.into_iter().map(|partition| self.mine(partition)).collect();
        self.book.remove(&given);
    }

    /// Gives up all that is held.
    pub(super) fn give_up_all(&mut self) {
        let held: Vec<i32> = self.held.iter().copied().collect();
        self.give_up(&held);
    }

    /// Ends what a former owner has open, and refuses whatever it sends from now on.
    fn fence(&self, id: &str) -> Result<(), LogError> {
        let what = format!("fence {id}, which has not given up what {} was given", self.id);
        tracing::info!(former = id, by = self.id, "fencing a former owner of partitions");
        families::KAFKA_OWNERS_FENCED.add([], 1);
        let cluster = &self.book.cluster;
        let producer = transactional(cluster, id, "fence", &what)?;
        retrying(STEP, || producer.init_transactions(STEP))
            .map_err(|error| from_kafka(&error, what, &self.id))
    }
}

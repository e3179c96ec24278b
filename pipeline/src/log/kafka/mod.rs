//! The event log over an Apache Kafka cluster.
//!
//! The promises are the seam's; here is how each could fail with Kafka, and what stands against it.
//!
//! - *Outputs without positions*: both are records of one transaction. A commit that is not known
//!   to have happened is an error, and the caller starts over from what the log has.
//! - *A zombie commits*: by its slot's transactional id (a newer producer of the slot), and by the
//!   claims of those who were given its partitions since, who fence it ([`claims`]). The group's own
//!   positions and its fence by generation are not used: nothing waits for the group's coordinator.
//! - *A call never comes back*: each is made under a name and a limit ([`crate::activity`]); a thread
//!   that exceeds it is given up, and a new client in its slot fences the old one.
//! - *librdkafka loses all brokers*: it is given the first ones again ([`bootstrap`]).
//! - *librdkafka misses a loss*: when the membership ends while a rebalance is under way, it joins
//!   again and keeps its partitions as if nothing had happened. The id that the group gave us
//!   shows it ([`seat::Seat::id`]): when it is another than when the partitions were given, all are lost and
//!   the seat is taken anew.
//! - *A record of before a seek comes after it*: librdkafka drops what it fetched before a seek;
//!   what belongs to a partition that was not started is dropped here as well.
//! - *A restore stops short under an open transaction*: `end` asks for the high watermark with
//!   `read_uncommitted`; joining ends the open transaction of the slot at once, any other runs out
//!   after [`options::TRANSACTION_MS`].
//! - *A reader waits for an end it cannot see* (markers, aborted records): the position is
//!   librdkafka's, which moves over them.
//! - *A position that the log no longer has is reset silently*: `auto.offset.reset=error`, and
//!   every start is compared with the watermarks.
//! - *A rebalance in the middle of a batch*: the callback only notes values; partitions are given
//!   up at the next `poll`, after the caller's last commit.
//! - *Records twice or out of order after a reconnect*: idempotent producers, `acks=all`, and two
//!   replicas in sync where the cluster has three brokers.
//! - *Somebody's setting undoes all this*: the properties it rests on are refused.

mod bootstrap;
mod claims;
mod client;
mod compare;
mod context;
mod error;
mod lanes;
mod member;
mod options;
mod position;
mod producer;
mod pulse;
mod reader;
mod reading;
mod running;
mod said;
mod seat;
mod task;
mod topics;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

pub(crate) use claims::CLAIM as CLAIM_TOPIC;
pub use options::KafkaOptions;
pub use topics::TopicChange;

use self::client::Cluster;
use self::producer::KafkaProducer;
use super::{
    EventLog, LogError, Member, MemberSpec, Producer, Reader, Start, Task, TopicSpec, Watch,
};

/// An event log over a Kafka cluster.
pub struct KafkaLog {
    cluster: Arc<Cluster>,
    claims: Arc<claims::Book>,
    /// Those that live.
    producers: Mutex<Vec<Weak<KafkaProducer>>>,
}

impl KafkaLog {
    /// Reaches the cluster and looks at it.
    ///
    /// # Errors
    /// [`LogError::Fatal`] for options that are refused or a cluster that refuses us,
    /// [`LogError::Retry`] when no broker answers.
    pub fn connect(options: KafkaOptions) -> Result<Self, LogError> {
        let cluster = Arc::new(Cluster::connect(options)?);
        let claims = Arc::new(claims::Book::new(&cluster));
        Ok(Self { cluster, claims, producers: Mutex::default() })
    }

    /// What `ensure_topics` would do, without doing it.
    ///
    /// # Errors
    /// [`LogError::Retry`], [`LogError::Fatal`].
    pub fn plan_topics(&self, topics: &[TopicSpec]) -> Result<Vec<TopicChange>, LogError> {
        topics::plan(&self.cluster, &with_own(topics))
    }

    fn new_producer(&self, kind: options::Kind, name: &str) -> Result<Arc<dyn Producer>, LogError> {
        let producer = Arc::new(KafkaProducer::new(&self.cluster, kind, name)?);
        let mut known = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|producer| producer.strong_count() > 0);
        known.push(Arc::downgrade(&producer));
        Ok(producer)
    }

    /// The cluster's own id, if it has one.
    #[must_use]
    pub fn cluster_id(&self) -> Option<String> {
        self.cluster.id()
    }
}

/// The topics asked for, and those that the promises need.
fn with_own(topics: &[TopicSpec]) -> Vec<TopicSpec> {
    let own = claims::topic();
    let missing = (!topics.iter().any(|it| it.name == own.name)).then_some(own);
    topics.iter().cloned().chain(missing).collect()
}

impl Watch for KafkaLog {
    fn ends(&self, topic: &str) -> Result<Vec<i64>, LogError> {
        let topic: Arc<str> = topic.into();
        let mut ends = self.cluster.ends(&[Arc::clone(&topic)].into())?;
        Ok(ends.remove(&topic).unwrap_or_default())
    }

    fn ends_of(
        &self,
        topics: &BTreeSet<Arc<str>>,
    ) -> Result<BTreeMap<Arc<str>, Vec<i64>>, LogError> {
        self.cluster.ends(topics)
    }

    fn done(&self, _: &str, _: &Arc<str>, _: &BTreeMap<i32, i64>) {}

    fn stuck_producers(&self, answers: bool) -> BTreeMap<String, Duration> {
        let known = self.producers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = known.iter().filter_map(Weak::upgrade);
        known.filter_map(|it| Some((it.name().to_owned(), it.stuck(answers)?))).collect()
    }
}

impl EventLog for KafkaLog {
    fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        topics::ensure(&self.cluster, &with_own(topics))
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(member::KafkaMember::join(&self.cluster, spec)?))
    }

    fn task(&self, spec: &MemberSpec) -> Result<Box<dyn Task>, LogError> {
        Ok(Box::new(task::KafkaTask::join(&self.cluster, &self.claims, spec)?))
    }

    fn producer(&self, name: &str) -> Result<Arc<dyn Producer>, LogError> {
        self.new_producer(options::Kind::Producer, name)
    }

    fn patient_producer(&self, name: &str) -> Result<Arc<dyn Producer>, LogError> {
        self.new_producer(options::Kind::Patient, name)
    }

    fn reader(
        &self,
        topic: &str,
        partitions: &[i32],
        from: Start,
    ) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::KafkaReader::open(&self.cluster, topic, partitions, from)?))
    }
}

//! The seam between the pipeline and its event log.
//!
//! A log is topics of partitions of records in order. Work is shared by groups: the members of a
//! group are handed partitions as values (`Assigned`, `Revoked`, `Lost`) from the same call that
//! hands out records, so that a runner is one loop without callbacks. A [`Task`] is a member that
//! also writes: the records it sends and the positions it read up to become visible together, or
//! not at all. Whoever reads sees committed records only.
//!
//! Every implementation passes `conformance`.

#[cfg(test)]
pub(crate) mod conformance;
pub mod embedded;
pub mod kafka;
mod open;

pub use open::{FOLDER, open, open_kafka};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// Largest record, key and headers included. A producer refuses more with
/// [`LogError::TooLarge`].
pub const MAX_RECORD_BYTES: usize = 1_000_000;

/// At most so many records come from one `poll`.
pub const MAX_POLL_RECORDS: usize = 2_000;

/// The key of a record that says nothing but that its offset was given: [`Task::end_of`].
pub const BARRIER: &[u8] = b"barrier";

/// A record as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Topic without the deployment's prefix.
    pub topic: Arc<str>,
    /// Partition, from 0.
    pub partition: i32,
    /// Place in the partition; rising, not necessarily without holes.
    pub offset: i64,
    /// Append time in ms since the epoch, given by the log.
    pub timestamp_ms: i64,
    /// What orders and compacts the record.
    pub key: Option<Bytes>,
    /// None is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// Names and values, in the order sent.
    pub headers: Vec<(String, Bytes)>,
}

impl Record {
    /// What it takes in memory, but for a little.
    #[must_use]
    pub fn bytes(&self) -> usize {
        payload(&self.key, &self.value, &self.headers)
    }
}

/// Bytes of key, value and headers.
fn payload(key: &Option<Bytes>, value: &Option<Bytes>, headers: &[(String, Bytes)]) -> usize {
    let bytes = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
    let headers: usize = headers.iter().map(|(name, it)| name.len() + it.len()).sum();
    bytes(key) + bytes(value) + headers
}

/// A record to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Topic without the deployment's prefix.
    pub topic: Arc<str>,
    /// None: by the key (murmur2 as Java's default, random without a key).
    pub partition: Option<i32>,
    /// What orders and compacts the record.
    pub key: Option<Bytes>,
    /// None is a tombstone.
    pub value: Option<Bytes>,
    /// Names and values.
    pub headers: Vec<(String, Bytes)>,
}

impl NewRecord {
    /// Its size as [`MAX_RECORD_BYTES`] counts it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        payload(&self.key, &self.value, &self.headers)
    }
}

/// How old records leave a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// After this time.
    Delete {
        /// Age in ms by append time.
        retention_ms: i64,
    },
    /// All but the last of each key; tombstones a while after.
    Compact,
}

/// A topic as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name without the deployment's prefix.
    pub name: Arc<str>,
    /// Fixed at creation.
    pub partitions: i32,
    /// How old records leave.
    pub cleanup: Cleanup,
}

/// Where to begin reading a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The oldest record kept.
    Earliest,
    /// The record after the last committed one.
    Latest,
    /// This offset; [`LogError::OutOfRange`] when it is no longer, or not yet, in the log.
    At(i64),
}

/// Up to where a task has processed a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of the task's input topic.
    pub partition: i32,
    /// The next record to process.
    pub next: i64,
    /// The oldest record not yet covered by every key's snapshot: restoring replays from here.
    pub replay_from: i64,
    /// Version of the logic that processed up to here.
    pub logic: u32,
}

/// A member of a group of readers of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSpec {
    /// Name of the group, without the deployment's prefix.
    pub group: String,
    /// The one topic it reads.
    pub topic: Arc<str>,
    /// Stable name of this member among the group's (host and slot). The same name started again
    /// takes the predecessor's place and fences it.
    pub slot: String,
}

/// What a member's `poll` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Partitions given to this member. Nothing is read from them until `start`. None when the
    /// group has answered a member that has none.
    Assigned(Vec<i32>),
    /// Records of started partitions, in order within each.
    Records(Vec<Record>),
    /// Partitions to be given up. They stay this member's, for one last commit, until the next
    /// `poll`.
    Revoked(Vec<i32>),
    /// Partitions that are already another's: nothing of theirs may or can be committed.
    Lost(Vec<i32>),
    /// Nothing within the time given.
    Idle,
}

/// A member of a group: reads the partitions that the group hands it.
pub trait Member: Send {
    /// Waits for the next event. A failure that heals by itself is an `Idle` and is counted; an
    /// error is for the runner to act on.
    ///
    /// # Errors
    /// [`LogError::Fenced`] when another member took this one's slot.
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError>;

    /// Begins (or seeks) an assigned partition.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`], [`LogError::Retry`].
    fn start(&mut self, partition: i32, from: Start) -> Result<(), LogError>;

    /// While held, `poll` gives no records but keeps the membership alive.
    ///
    /// # Errors
    /// [`LogError::Fatal`] only.
    fn hold(&mut self, held: bool) -> Result<(), LogError>;

    /// Of each started partition the offset that its next record will have at least: also moves
    /// over transaction markers and aborted records.
    fn positions(&self) -> BTreeMap<i32, i64>;

    /// Leaves the group at once, so that others need not wait for a time-out.
    fn leave(self: Box<Self>);
}

/// A member that writes in transactions. Once its `poll` has given `Assigned`, nobody else can
/// commit for those partitions any more: a former owner that is not known to have given them up is
/// fenced before.
///
/// Where to go on is a record that the task itself writes, beside its state and in the same
/// transaction; the log keeps no positions for it.
pub trait Task: Member {
    /// Positions that an older version of the program had the log keep. Asked only where the task
    /// has no position record yet.
    ///
    /// # Errors
    /// [`LogError::Retry`].
    fn inherited(&mut self, partitions: &[i32]) -> Result<Vec<Option<Position>>, LogError>;

    /// An end of a partition that lies beyond all that was committed to it before this call, whatever
    /// a broker that does not know better believes. It may write a record with the key
    /// [`BARRIER`].
    ///
    /// # Errors
    /// [`LogError::Retry`].
    fn end_of(&mut self, topic: &str, partition: i32) -> Result<i64, LogError>;

    /// Adds a record to the open transaction, beginning one if there is none.
    ///
    /// # Errors
    /// [`LogError::TooLarge`] leaves the transaction as it is; all others mean that it must be
    /// aborted.
    fn send(&mut self, record: NewRecord) -> Result<(), LogError>;

    /// Commits what was sent: all or nothing. The positions name the partitions it was sent for,
    /// which must be this member's, and what retention may take. On any error nothing is
    /// committed, or it is unknown: the caller aborts, drops its state and restores it from the
    /// log.
    ///
    /// # Errors
    /// [`LogError::Fenced`], [`LogError::Retry`], [`LogError::Fatal`].
    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError>;

    /// Drops what was sent since the last commit. On any error this task can do no more: another
    /// must be made in its place.
    ///
    /// # Errors
    /// [`LogError::Fenced`], [`LogError::Retry`], [`LogError::Fatal`].
    fn abort(&mut self) -> Result<(), LogError>;
}

/// Called with what became of a record: its partition and offset, or why it was not written.
pub type Done = Box<dyn FnOnce(Result<(i32, i64), LogError>) + Send>;

/// Writes records one by one, each once although the connection may break (idempotent), in the
/// order sent within a partition.
pub trait Producer: Send + Sync {
    /// Queues a record; `done` is called once, when it is durable or has failed.
    ///
    /// # Errors
    /// [`LogError::Full`] when the queue is at its maximum (the record was not taken and `done`
    /// is dropped uncalled), [`LogError::TooLarge`].
    fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError>;

    /// Waits until everything queued is durable or has failed.
    ///
    /// # Errors
    /// [`LogError::Retry`] when the time runs out first.
    fn flush(&self, timeout: Duration) -> Result<(), LogError>;
}

/// Reads partitions without a group: for restoring state, loading a compacted topic, tailing.
pub trait Reader: Send {
    /// The next committed records; empty when there are none within the time.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`], [`LogError::Retry`].
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError>;

    /// The offset that the next record of this partition will have at least: also moves over
    /// transaction markers and aborted records.
    fn position(&self, partition: i32) -> i64;

    /// The partition's end now, open transactions included: a reader whose position has reached
    /// it has seen everything that was written before this call.
    ///
    /// # Errors
    /// [`LogError::Retry`].
    fn end(&mut self, partition: i32) -> Result<i64, LogError>;
}

/// What those who watch over the readers ask a log, apart from reading it.
pub trait Watch: Send + Sync {
    /// The end of each of a topic's partitions, by its number: open transactions included, as in
    /// [`Reader::end`].
    ///
    /// # Errors
    /// [`LogError::Retry`].
    fn ends(&self, topic: &str) -> Result<Vec<i64>, LogError>;

    /// The same of several topics; what is not there is left out.
    ///
    /// # Errors
    /// [`LogError::Retry`].
    fn ends_of(
        &self,
        topics: &BTreeSet<Arc<str>>,
    ) -> Result<BTreeMap<Arc<str>, Vec<i64>>, LogError> {
        topics.iter().map(|topic| Ok((Arc::clone(topic), self.ends(topic)?))).collect()
    }

    /// Says up to where a group that keeps its positions elsewhere (a sink) is done with
    /// partitions of a topic: what lies after is still needed. A log whose retention looks at
    /// time alone ignores it.
    fn done(&self, group: &str, topic: &Arc<str>, next: &BTreeMap<i32, i64>);

    /// Producers that have had nothing confirmed for long although records wait, by name, and for
    /// how long. The log has them begin anew by itself. `answers`: whether the log answers other
    /// questions now.
    fn stuck_producers(&self, _answers: bool) -> BTreeMap<String, Duration> {
        BTreeMap::new()
    }
}

/// An event log.
pub trait EventLog: Watch {
    /// Creates what is missing and compares what is there.
    ///
    /// # Errors
    /// [`LogError::Mismatch`] naming the topic and the difference (partitions, clean-up).
    fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError>;

    /// Joins a group without writing.
    ///
    /// # Errors
    /// [`LogError::Retry`], [`LogError::Fatal`].
    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError>;

    /// Joins a group with a transaction of its own. Ends at once whatever transaction a
    /// predecessor in the same slot left open.
    ///
    /// # Errors
    /// [`LogError::Retry`], [`LogError::Fatal`].
    fn task(&self, spec: &MemberSpec) -> Result<Box<dyn Task>, LogError>;

    /// A producer of its own queue.
    ///
    /// # Errors
    /// [`LogError::Fatal`].
    fn producer(&self, name: &str) -> Result<Arc<dyn Producer>, LogError>;

    /// A producer whose records wait for the log for as long as it takes; the others' may fail
    /// after minutes. For who stops giving records to it while the log is away.
    ///
    /// # Errors
    /// [`LogError::Fatal`].
    fn patient_producer(&self, name: &str) -> Result<Arc<dyn Producer>, LogError> {
        self.producer(name)
    }

    /// Reads the partitions given, or all of the topic when none are.
    ///
    /// # Errors
    /// [`LogError::Retry`], [`LogError::OutOfRange`].
    fn reader(
        &self,
        topic: &str,
        partitions: &[i32],
        from: Start,
    ) -> Result<Box<dyn Reader>, LogError>;
}

/// What went wrong with the log, by what the caller does about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Passing: try again.
    #[error("{what}: {error}")]
    Retry {
        /// What was tried, on what.
        what: String,
        /// The log's words.
        error: String,
    },
    /// Another instance took this slot or these partitions: drop everything and begin anew.
    #[error(
        "{slot} was fenced: {error}; if that goes on, another process of this role bears the same \
         name: give each its own (OPSC_INSTANCE)"
    )]
    Fenced {
        /// Whose right ended.
        slot: String,
        /// The log's words.
        error: String,
    },
    /// The position asked for is not in the log. Never reset silently.
    #[error(
        "{topic}[{partition}] has offsets {earliest} to {end}, but {wanted} is needed: {remedy}"
    )]
    OutOfRange {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// The offset asked for.
        wanted: i64,
        /// Oldest kept.
        earliest: i64,
        /// One past the newest.
        end: i64,
        /// What the operator can do.
        remedy: String,
    },
    /// The record exceeds [`MAX_RECORD_BYTES`].
    #[error("record of {bytes} bytes for {topic} exceeds {MAX_RECORD_BYTES}")]
    TooLarge {
        /// Topic.
        topic: String,
        /// Size of key, value and headers.
        bytes: usize,
    },
    /// The queue is at its maximum: try later or drop and count.
    #[error("the queue for {topic} is full at {limit}")]
    Full {
        /// Topic.
        topic: String,
        /// Records or bytes, whichever ran out.
        limit: usize,
    },
    /// A topic exists with other settings than it must have.
    #[error("topic {topic}: {difference}")]
    Mismatch {
        /// Topic.
        topic: String,
        /// Is, must be, and the remedy.
        difference: String,
    },
    /// Ends the process, with what to do.
    #[error("{what}: {error}")]
    Fatal {
        /// What was tried, on what.
        what: String,
        /// The log's words and the remedy.
        error: String,
    },
}

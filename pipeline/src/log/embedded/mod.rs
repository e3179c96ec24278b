//! The event log inside this process: one coordinator over a store, on disk or in memory.
//!
//! How each promise could fail, and what stands against it:
//!
//! - *A reader sees what a power cut then takes away.* The shared state holds only what is
//!   durable: ends and positions move after the synced write, and reads stop at the ends.
//! - *Outputs without their position, or the reverse.* Both are in one batch of the store, which
//!   recovery takes whole or not at all. A torn last batch was never acknowledged; it is cut.
//! - *Offsets are given twice.* A partition's end is written with its records, so it survives
//!   that the last record is compacted away. One thread writes.
//! - *A zombie commits.* The right to commit is judged in the step that fixes what is written;
//!   until that write is done the member's partitions move to nobody, its slot included.
//! - *Two owners.* A partition is given on only when its owner has polled after the notice, or
//!   has lost its seat.
//! - *Everybody is thrown out because the process stood still or the clock was set.* Sessions
//!   use the monotonic clock, and silence of all at once counts for nobody.
//! - *Compaction loses a value.* See `housekeep`: what a reader was promised stays, and a
//!   tombstone goes after what it covers, never before.
//! - *Retention takes what somebody still needs.* What a group has not read stays as long as its
//!   topic says; when it goes then, that is said with the group's name. See `housekeep`.
//! - *The disk fills up.* Writing stops before the last reserve is used; a failed write stops
//!   the log with what to do, and nothing of it was acknowledged. A store that fails in its
//!   background is noticed within a second, so that no writer waits for ever.
//! - *Two processes write.* A locked file names the owner.

mod assign;
mod clock;
mod codec;
mod core;
mod groups;
mod housekeep;
mod lock;
mod member;
mod memory;
mod options;
pub mod partitioner;
mod producer;
mod reader;
mod reading;
mod store;
mod threads;
mod topics;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{
    EventLog, LogError, Member, MemberSpec, Producer, Reader, Start, Task, TopicSpec, Watch,
};

use self::core::Core;
use self::member::LogMember;
use self::producer::LogProducer;
use self::reader::LogReader;
use self::store::FjallStore;
use self::threads::Threads;

pub use self::clock::Clock;
pub use self::member::MAX_TRANSACTION_BYTES;
pub use self::memory::Memory;
pub use self::options::Options;
pub use self::producer::{MAX_QUEUE_BYTES, MAX_QUEUE_RECORDS};
pub use self::writer::{Fault, WriteInfo};

/// The durable log of one process.
pub struct Embedded {
    // Stopped first; every handle that is left then gives a fatal error.
    _threads: Threads,
    core: Arc<Core>,
}

impl Embedded {
    /// Opens the log in this folder, or creates it. Dropping it writes what is queued and
    /// closes it; the folder is free again when the last handle is gone too.
    ///
    /// # Errors
    /// [`LogError::Fatal`]: another process has it open, it is damaged or of another version,
    /// or the disk does not take it.
    pub fn open(path: &Path, options: Options) -> Result<Self, LogError> {
        Self::open_with(path, options, Clock::system())
    }

    /// As [`Embedded::open`], with another clock.
    ///
    /// # Errors
    /// As [`Embedded::open`].
    pub fn open_with(path: &Path, options: Options, clock: Clock) -> Result<Self, LogError> {
        let place = path.display().to_string();
        let lock = lock::take(path)?;
        let store = FjallStore::open(path, lock, options.cache_bytes, options.min_free_bytes)
            .map_err(|error| LogError::Fatal {
                what: format!("open the event log in {place}"),
                error: format!(
                    "{}; fix the disk or its permissions and start again, or restore the \
                     folder from a copy",
                    error.0
                ),
            })?;
        let core = Arc::new(Core::open(Box::new(store), clock, options, place, false)?);
        Ok(Self { _threads: Threads::start(&core)?, core })
    }

    /// One pass of retention and compaction as of `now_ms` (ms since the epoch), in this thread.
    ///
    /// # Errors
    /// [`LogError::Fatal`].
    pub fn housekeep(&self, now_ms: i64) -> Result<(), LogError> {
        self.core.housekeep(now_ms)
    }

    /// Holds all writing back, so that queues fill: for tests.
    pub fn pause(&self, paused: bool) {
        self.core.queue().paused = paused;
        self.core.work.notify_all();
    }
}

/// Both logs answer from their core.
macro_rules! event_log {
    ($log:ty) => {
        impl Watch for $log {
            fn ends(&self, topic: &str) -> Result<Vec<i64>, LogError> {
                self.core().ends(topic)
            }

            fn done(&self, group: &str, topic: &Arc<str>, next: &BTreeMap<i32, i64>) {
                self.core().done(group, topic, next);
            }
        }

        impl EventLog for $log {
            fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
                self.core().ensure_topics(topics)
            }

            fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
                Ok(Box::new(LogMember::join(self.core(), spec)?))
            }

            fn task(&self, spec: &MemberSpec) -> Result<Box<dyn Task>, LogError> {
                Ok(Box::new(LogMember::join(self.core(), spec)?))
            }

            fn producer(&self, _name: &str) -> Result<Arc<dyn Producer>, LogError> {
                drop(self.core().running()?);
                Ok(Arc::new(LogProducer::new(self.core())))
            }

            fn reader(
                &self,
                topic: &str,
                partitions: &[i32],
                from: Start,
            ) -> Result<Box<dyn Reader>, LogError> {
                Ok(Box::new(LogReader::new(self.core(), topic, partitions, from)?))
            }
        }
    };
}

impl Embedded {
    fn core(&self) -> Arc<Core> {
        self.core.clone()
    }
}

event_log!(Embedded);
event_log!(Memory);

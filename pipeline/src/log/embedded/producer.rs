//! Producers: a bounded queue each, in order, notified when durable.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::{Cleanup, Done, LogError, MAX_RECORD_BYTES, NewRecord, Producer};
use super::codec;
use super::core::Core;
use super::partitioner::partition_of;
use super::reading::no_topic;
use super::writer::{Completion, Encoded, Unit};

/// Records that one producer may have waiting.
pub const MAX_QUEUE_RECORDS: usize = 100_000;
/// Bytes that one producer may have waiting, as they are stored.
pub const MAX_QUEUE_BYTES: usize = 64 << 20;

#[derive(Clone, Copy, Default)]
struct Load {
    records: usize,
    bytes: usize,
}

/// What a producer has waiting.
#[derive(Default)]
pub(super) struct Account {
    load: Mutex<Load>,
    settled: Condvar,
}

impl Account {
    fn load(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge(&self, topic: &str, bytes: usize) -> Result<(), LogError> {
        let mut load = self.load();
        let full = |limit| Err(LogError::Full { topic: topic.to_owned(), limit });
        if load.records >= MAX_QUEUE_RECORDS {
            return full(MAX_QUEUE_RECORDS);
        }
        if load.bytes + bytes > MAX_QUEUE_BYTES {
            return full(MAX_QUEUE_BYTES);
        }
        load.records += 1;
        load.bytes += bytes;
        Ok(())
    }

    /// A record is durable or has failed, and its sender was notified.
    pub(super) fn settle(&self, bytes: usize) {
        let mut load = self.load();
        load.records -= 1;
        load.bytes -= bytes;
        if load.records == 0 {
            self.settled.notify_all();
        }
    }
}

/// Checks a record, finds its partition and encodes it.
pub(super) fn prepare(
    core: &Core,
    record: &NewRecord,
    robin: &AtomicU32,
) -> Result<Encoded, LogError> {
    let bytes = record.bytes();
    if bytes > MAX_RECORD_BYTES {
        return Err(LogError::TooLarge { topic: record.topic.to_string(), bytes });
    }
    let (topic, partitions, cleanup) = {
        let state = core.running()?;
        let topic = state.topics.get(&record.topic).ok_or_else(|| no_topic(&record.topic, None))?;
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        (topic.name.clone(), partitions, topic.cleanup)
    };
    let partition = match (record.partition, &record.key) {
        (Some(partition), _) if (0..partitions).contains(&partition) => partition,
        (Some(partition), _) => return Err(no_topic(&record.topic, Some(partition))),
        (None, Some(key)) => partition_of(key, partitions),
        (None, None) => {
            let turn = robin.fetch_add(1, Ordering::Relaxed) % partitions.cast_unsigned();
            turn.cast_signed()
        }
    };
    if cleanup == Cleanup::Compact && record.key.is_none() {
        return Err(LogError::Fatal {
            what: format!("write to {topic}"),
            error: "a record of a compacted topic must have a key".to_owned(),
        });
    }
    Ok(Encoded { topic, partition, bytes: codec::encode(record) })
}

pub(super) struct LogProducer {
    core: Arc<Core>,
    account: Arc<Account>,
    robin: AtomicU32,
}

impl LogProducer {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, account: Arc::default(), robin: AtomicU32::new(0) }
    }
}

impl Producer for LogProducer {
    fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError> {
        let encoded = prepare(&self.core, &record, &self.robin)?;
        let bytes = encoded.bytes.len();
        self.account.charge(&record.topic, bytes)?;
        let completion = Completion::Queued(self.account.clone(), bytes, done);
        self.core.submit(Unit { commit: None, records: vec![encoded], bytes, completion });
        Ok(())
    }

    fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        let deadline = Instant::now() + timeout.min(Duration::from_secs(86_400));
        if self.core.inline {
            self.core.drain_inline();
        }
        let mut load = self.account.load();
        while load.records > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            // Inline, nobody works on what is paused; else another thread is at it.
            let idle = self.core.inline && self.core.queue().paused;
            if left.is_zero() || idle {
                return Err(LogError::Retry {
                    what: "flush the queue of the event log".to_owned(),
                    error: format!("{} records are still waiting", load.records),
                });
            }
            let waited = self.account.settled.wait_timeout(load, left);
            load = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

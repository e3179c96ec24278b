//! Producers: idempotent, with a bounded queue, and a report of what became of each record.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::statistics::Statistics;

use super::super::embedded::partitioner::partition_of;
use super::super::{Done, LogError, MAX_RECORD_BYTES, NewRecord, Producer};
use super::client::Cluster;
use super::context::{Context, delegate};
use super::lanes::Waiting;
use super::options::{Kind, QUEUE_KIB, QUEUE_RECORDS};
use super::pulse::{Finding, Pulse};
use super::running::{Running, for_client};
use crate::families;

/// Refuses what no log takes.
pub(super) fn check_size(record: &NewRecord) -> Result<(), LogError> {
    match record.bytes() {
        bytes if bytes > MAX_RECORD_BYTES => {
            Err(LogError::TooLarge { topic: record.topic.to_string(), bytes })
        }
        _ => Ok(()),
    }
}

/// Hands a record to librdkafka, which copies it.
pub(super) fn queue<C: ProducerContext<DeliveryOpaque = ()> + 'static>(
    producer: &ThreadedProducer<C>,
    full: &str,
    record: &NewRecord,
) -> Result<(), KafkaError> {
    producer.send(for_client(full, record, ())).map_err(|(error, _)| error)
}

/// Waits until everything queued was delivered or has failed, without waiting for more to join a
/// batch; false when the time ran out. rdkafka's own flush sleeps in steps of 100 ms.
pub(super) fn drain<C: ProducerContext + 'static>(
    producer: &ThreadedProducer<C>,
    timeout: Duration,
) -> bool {
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_micros(100);
    while producer.in_flight_count() > 0 {
        if Instant::now() >= deadline {
            return false;
        }
        // Asks the brokers' threads to send what they have; it does not wait.
        let _ = producer.flush(Duration::ZERO);
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(2));
    }
    true
}

/// librdkafka's calls of a transaction's producer: a failed delivery fails the commit.
pub(super) struct Quiet {
    context: Context,
    /// Records were thrown away, of which the brokers may have some.
    purged: AtomicBool,
}

impl Quiet {
    pub(super) const fn new(context: Context) -> Self {
        Self { context, purged: AtomicBool::new(false) }
    }

    /// To be called whenever its client is used.
    pub(super) fn keep_brokers<C: ClientContext>(&self, client: &Client<C>) {
        self.context.keep_brokers(client);
    }

    pub(super) fn has_purged(&self) -> bool {
        self.purged.load(Ordering::SeqCst)
    }
}

delegate!(Quiet);

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.purged.store(true, Ordering::SeqCst);
        }
    }
}

/// A producer of its own queue.
pub(super) struct KafkaProducer {
    cluster: Arc<Cluster>,
    running: RwLock<Arc<Running>>,
    pulse: Mutex<Pulse>,
    /// Of each topic that is written to: never asked for again, so that nobody waits for the log.
    partitions: RwLock<HashMap<Arc<str>, i32>>,
    /// The partition of the next record without a key.
    next: AtomicU64,
    kind: Kind,
    name: String,
    most_records: usize,
    most_bytes: usize,
}

impl KafkaProducer {
    pub(super) fn new(cluster: &Arc<Cluster>, kind: Kind, name: &str) -> Result<Self, LogError> {
        let options = &cluster.options;
        Ok(Self {
            running: RwLock::new(Arc::new(Running::start(cluster, kind, name)?)),
            pulse: Mutex::new(Pulse::at(Instant::now())),
            partitions: RwLock::default(),
            next: AtomicU64::new(0),
            most_records: options.number("queue.buffering.max.messages", QUEUE_RECORDS),
            most_bytes: options.number("queue.buffering.max.kbytes", QUEUE_KIB) * 1024,
            cluster: Arc::clone(cluster),
            kind,
            name: name.to_owned(),
        })
    }

    fn running(&self) -> Arc<Running> {
        let running = Arc::clone(&self.running.read().unwrap_or_else(PoisonError::into_inner));
        running.reporting().context.keep_brokers(running.client.client());
        running
    }

    /// Begins with a new client. What waits in the last one fails, although the brokers may have
    /// some of it.
    pub(super) fn renew(&self) -> Result<(), LogError> {
        self.replace(&self.running())
    }

    /// Does so if this is still the client.
    fn replace(&self, last: &Arc<Running>) -> Result<(), LogError> {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&running, last) {
            *running = Arc::new(Running::start(&self.cluster, self.kind, &self.name)?);
            families::KAFKA_PRODUCERS_RENEWED.add([], 1);
        }
        Ok(())
    }

    /// For how long nothing was confirmed although records wait, from some time on; each time that
    /// it has passed again, there is a new client. `answers`: whether the log does; while it does
    /// not, it is no fault of the client's.
    pub(super) fn stuck(&self, answers: bool) -> Option<Duration> {
        let running = self.running();
        let confirmed = running.reporting().confirmed.load(Ordering::Relaxed);
        let waiting = running.reporting().lanes().records();
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pulse.look(Instant::now(), confirmed, answers && waiting > 0);
        drop(pulse);
        let Finding::Stuck(stuck, renew) = found else { return None };
        if renew {
            tracing::error!(
                "producer {}: none of {waiting} records confirmed for {} s although the log \
                 answers: it begins with a new client",
                self.name,
                stuck.as_secs()
            );
            if let Err(error) = self.replace(&running) {
                tracing::error!("producer {}: {error}", self.name);
            }
        }
        Some(stuck)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// As Java's default partitioner and librdkafka's `murmur2_random` choose it.
    fn partition(&self, record: &NewRecord) -> Result<i32, LogError> {
        if let Some(partition) = record.partition {
            return Ok(partition);
        }
        let known = || self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&record.topic).copied();
        let count = match found {
            Some(count) => count,
            None => {
                let count = self.cluster.partitions(&record.topic)?;
                if count == 0 {
                    let what = format!("write to {}", record.topic);
                    return Err(LogError::Retry { what, error: "there is no such topic".into() });
                }
                let mut known = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
                known.insert(Arc::clone(&record.topic), count);
                count
            }
        };
        Ok(match &record.key {
            Some(key) => partition_of(key, count),
            None => {
                let next = self.next.fetch_add(1, Ordering::Relaxed);
                i32::try_from(next % u64::from(count.unsigned_abs())).unwrap_or(0)
            }
        })
    }
}

impl Producer for KafkaProducer {
    fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError> {
        check_size(&record)?;
        let mut running = self.running();
        if running.reporting().context.is_spoiled() {
            self.replace(&running)?;
            running = self.running();
        }
        let place = (Arc::clone(&record.topic), self.partition(&record)?);
        let bytes = record.bytes();
        let mut lanes = running.reporting().lanes();
        let limit = if lanes.records() >= self.most_records {
            Some(self.most_records)
        } else {
            (lanes.bytes() + bytes > self.most_bytes).then_some(self.most_bytes)
        };
        if let Some(limit) = limit {
            return Err(LogError::Full { topic: record.topic.to_string(), limit });
        }
        let now = lanes.add(&place, Waiting { record, done, bytes });
        drop(lanes);
        if let Some(now) = now {
            running.reporting().send(&running.client, &place, vec![now]);
        }
        Ok(())
    }

    fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        let (running, deadline) = (self.running(), Instant::now() + timeout);
        let mut pause = Duration::from_micros(100);
        loop {
            let waiting = running.reporting().lanes().records();
            if waiting == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let error = format!("{waiting} records still wait after {timeout:?}");
                return Err(LogError::Retry {
                    what: format!("flush producer {}", self.name),
                    error,
                });
            }
            // Asks the brokers' threads to send what they have; it does not wait.
            let _ = running.client.flush(Duration::ZERO);
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(2));
        }
    }
}

//! Producers: idempotent, with a bounded queue, told what became of each record.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::util::IntoOpaque;

use super::super::{Done, LogError, MAX_RECORD_BYTES, NewRecord, Producer};
use super::client::{Cluster, Context, create};
use super::error::from_kafka;
use super::options::{Kind, QUEUE_KIB, QUEUE_RECORDS};

/// Key, value and headers.
pub(super) fn size(record: &NewRecord) -> usize {
    let bytes = |b: &Option<bytes::Bytes>| b.as_ref().map_or(0, bytes::Bytes::len);
    let headers: usize = record.headers.iter().map(|(name, v)| name.len() + v.len()).sum();
    bytes(&record.key) + bytes(&record.value) + headers
}

/// Refuses what no log takes.
pub(super) fn check_size(record: &NewRecord) -> Result<(), LogError> {
    match size(record) {
        bytes if bytes > MAX_RECORD_BYTES => {
            Err(LogError::TooLarge { topic: record.topic.to_string(), bytes })
        }
        _ => Ok(()),
    }
}

/// Hands a record to librdkafka, which copies it.
pub(super) fn queue<C: ProducerContext<DeliveryOpaque = O> + 'static, O: IntoOpaque>(
    producer: &ThreadedProducer<C>,
    full: &str,
    record: &NewRecord,
    opaque: O,
) -> Result<(), (KafkaError, O)> {
    let mut new = BaseRecord::<[u8], [u8], O>::with_opaque_to(full, opaque);
    new.partition = record.partition;
    new.key = record.key.as_deref();
    new.payload = record.value.as_deref();
    if !record.headers.is_empty() {
        let empty = OwnedHeaders::new_with_capacity(record.headers.len());
        new.headers = Some(record.headers.iter().fold(empty, |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value.as_ref()) })
        }));
    }
    producer.send(new).map_err(|(error, record)| (error, record.delivery_opaque))
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

/// Whom to tell; a box because librdkafka carries one pointer.
type Pending = Box<Mutex<Option<Done>>>;

/// librdkafka's calls of a producer that tells.
struct Telling(Context);

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

    pub(super) fn has_purged(&self) -> bool {
        self.purged.load(Ordering::SeqCst)
    }
}

macro_rules! delegate {
    ($context:ty, $to:tt) => {
        impl ClientContext for $context {
            fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
                self.$to.log(level, facility, message);
            }
            fn stats(&self, statistics: Statistics) {
                self.$to.stats(statistics);
            }
            fn error(&self, error: KafkaError, reason: &str) {
                self.$to.error(error, reason);
            }
        }
    };
}
delegate!(Telling, 0);
delegate!(Quiet, context);

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.purged.store(true, Ordering::SeqCst);
        }
    }
}

impl ProducerContext for Telling {
    type DeliveryOpaque = Pending;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Pending) {
        let done = pending.into_inner().unwrap_or_else(PoisonError::into_inner);
        if result.is_err() {
            metrics::counter!("opsc_kafka_records_failed_total").increment(1);
        }
        let Some(done) = done else { return };
        done(match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, message)) => {
                let what = format!("write to {}", message.topic());
                Err(from_kafka(error, what, "producer"))
            }
        });
    }
}

/// A producer of its own queue.
pub(super) struct KafkaProducer {
    cluster: Arc<Cluster>,
    producer: ThreadedProducer<Telling>,
    name: String,
    most_records: usize,
    most_bytes: usize,
}

impl KafkaProducer {
    pub(super) fn new(cluster: &Arc<Cluster>, kind: Kind, name: &str) -> Result<Self, LogError> {
        let what = format!("make producer {name}");
        let context = Telling(cluster.context(name));
        let options = &cluster.options;
        Ok(Self {
            producer: create(&options.producer(kind, name), context, &what, name)?,
            most_records: options.number("queue.buffering.max.messages", QUEUE_RECORDS),
            most_bytes: options.number("queue.buffering.max.kbytes", QUEUE_KIB) * 1024,
            cluster: Arc::clone(cluster),
            name: name.to_owned(),
        })
    }

    fn waiting(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }
}

impl Producer for KafkaProducer {
    fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError> {
        check_size(&record)?;
        let full = self.cluster.full(&record.topic);
        let pending = Box::new(Mutex::new(done));
        queue(&self.producer, &full, &record, pending).map_err(|(error, _)| {
            if error.rdkafka_error_code() == Some(Code::QueueFull) {
                // Whichever ran out; below the maximum of records it was the bytes.
                let records = self.waiting() + self.most_records / 10 >= self.most_records;
                let limit = if records { self.most_records } else { self.most_bytes };
                return LogError::Full { topic: record.topic.to_string(), limit };
            }
            from_kafka(&error, format!("write to {}", record.topic), &self.name)
        })
    }

    fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        if drain(&self.producer, timeout) {
            return Ok(());
        }
        let error = format!("{} records still wait after {timeout:?}", self.waiting());
        Err(LogError::Retry { what: format!("flush producer {}", self.name), error })
    }
}

//! Producers: idempotent, with a bounded queue, told what became of each record.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
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

/// A producer whose records wait for so long, with none confirmed, gets a new client.
const STUCK_AFTER: Duration = Duration::from_secs(30);

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

/// librdkafka's calls of a producer that reports each record.
struct Reporting {
    context: Context,
    confirmed: AtomicU64,
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

    pub(super) fn has_purged(&self) -> bool {
        self.purged.load(Ordering::SeqCst)
    }
}

macro_rules! delegate {
    ($context:ty) => {
        impl ClientContext for $context {
            fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
                self.context.log(level, facility, message);
            }
            fn stats(&self, statistics: Statistics) {
                self.context.stats(statistics);
            }
            fn error(&self, error: KafkaError, reason: &str) {
                self.context.error(error, reason);
            }
        }
    };
}
delegate!(Reporting);
delegate!(Quiet);

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.purged.store(true, Ordering::SeqCst);
        }
    }
}

impl ProducerContext for Reporting {
    type DeliveryOpaque = Pending;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Pending) {
        let done = pending.into_inner().unwrap_or_else(PoisonError::into_inner);
        if result.is_ok() {
            self.confirmed.fetch_add(1, Ordering::Relaxed);
        } else {
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

type Client = ThreadedProducer<Reporting>;

/// When a producer got on last.
struct Pulse {
    confirmed: u64,
    since: Instant,
    renewed: Instant,
}

/// What to do about a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    GetsOn,
    /// For so long, and whether it is time for a new client.
    Stuck(Duration, bool),
}

impl Pulse {
    const fn at(now: Instant) -> Self {
        Self { confirmed: 0, since: now, renewed: now }
    }

    /// `confirmed` counts the client's records; `waits`: some are not confirmed, although the log
    /// answers.
    fn look(&mut self, now: Instant, confirmed: u64, waits: bool) -> Finding {
        if !waits || confirmed != self.confirmed {
            *self = Self { confirmed, ..Self::at(now) };
            return Finding::GetsOn;
        }
        let stuck = now.saturating_duration_since(self.since);
        if stuck < STUCK_AFTER {
            return Finding::GetsOn;
        }
        let renew = now.saturating_duration_since(self.renewed) >= STUCK_AFTER;
        if renew {
            // The count begins anew with the client.
            (self.renewed, self.confirmed) = (now, 0);
        }
        Finding::Stuck(stuck, renew)
    }
}

/// A producer of its own queue.
pub(super) struct KafkaProducer {
    cluster: Arc<Cluster>,
    client: RwLock<Arc<Client>>,
    pulse: Mutex<Pulse>,
    kind: Kind,
    name: String,
    most_records: usize,
    most_bytes: usize,
}

impl KafkaProducer {
    pub(super) fn new(cluster: &Arc<Cluster>, kind: Kind, name: &str) -> Result<Self, LogError> {
        let options = &cluster.options;
        Ok(Self {
            client: RwLock::new(Arc::new(make(cluster, kind, name)?)),
            pulse: Mutex::new(Pulse::at(Instant::now())),
            most_records: options.number("queue.buffering.max.messages", QUEUE_RECORDS),
            most_bytes: options.number("queue.buffering.max.kbytes", QUEUE_KIB) * 1024,
            cluster: Arc::clone(cluster),
            kind,
            name: name.to_owned(),
        })
    }

    fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins with a new client. What waits in the last one fails, although the brokers may have
    /// some of it.
    pub(super) fn renew(&self) -> Result<(), LogError> {
        self.replace(&self.client())
    }

    /// Does so if this is still the client.
    fn replace(&self, last: &Arc<Client>) -> Result<(), LogError> {
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&client, last) {
            return Ok(());
        }
        let new = Arc::new(make(&self.cluster, self.kind, &self.name)?);
        let last = std::mem::replace(&mut *client, new);
        drop(client);
        metrics::counter!("opsc_kafka_producers_renewed_total").increment(1);
        // Ending a client may take as long as librdkafka likes.
        let end = std::thread::Builder::new().name("producer end".to_owned());
        end.spawn(move || drop(last)).map(drop).map_err(|error| LogError::Retry {
            what: format!("end the last client of producer {}", self.name),
            error: error.to_string(),
        })
    }

    /// For how long nothing was confirmed although records wait, from [`STUCK_AFTER`] on; each time
    /// that it has passed again, there is a new client. `answers`: whether the log does; while it
    /// does not, it is no fault of the client's.
    pub(super) fn stuck(&self, answers: bool) -> Option<Duration> {
        let client = self.client();
        let confirmed = client.context().confirmed.load(Ordering::Relaxed);
        let waits = answers && client.in_flight_count() > 0;
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pulse.look(Instant::now(), confirmed, waits);
        drop(pulse);
        let Finding::Stuck(stuck, renew) = found else { return None };
        if renew {
            tracing::error!(
                "producer {}: none of {} records confirmed for {} s although the log answers: it \
                 begins with a new client",
                self.name,
                waiting(&client),
                stuck.as_secs()
            );
            if let Err(error) = self.replace(&client) {
                tracing::error!("producer {}: {error}", self.name);
            }
        }
        Some(stuck)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

fn make(cluster: &Cluster, kind: Kind, name: &str) -> Result<Client, LogError> {
    let context = Reporting { context: cluster.context(name), confirmed: AtomicU64::new(0) };
    create(&cluster.options.producer(kind, name), context, &format!("make producer {name}"), name)
}

fn waiting(client: &Client) -> usize {
    usize::try_from(client.in_flight_count()).unwrap_or(0)
}

impl Producer for KafkaProducer {
    fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError> {
        check_size(&record)?;
        let full = self.cluster.full(&record.topic);
        let pending = Box::new(Mutex::new(done));
        let mut client = self.client();
        if client.context().context.is_spoiled() {
            self.replace(&client)?;
            client = self.client();
        }
        queue(&client, &full, &record, pending).map_err(|(error, _)| {
            if error.rdkafka_error_code() == Some(Code::QueueFull) {
                // Whichever ran out; below the maximum of records it was the bytes.
                let records = waiting(&client) + self.most_records / 10 >= self.most_records;
                let limit = if records { self.most_records } else { self.most_bytes };
                return LogError::Full { topic: record.topic.to_string(), limit };
            }
            from_kafka(&error, format!("write to {}", record.topic), &self.name)
        })
    }

    fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        let client = self.client();
        if drain(&client, timeout) {
            return Ok(());
        }
        let error = format!("{} records still wait after {timeout:?}", waiting(&client));
        Err(LogError::Retry { what: format!("flush producer {}", self.name), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_confirms_nothing_for_long_is_renewed_again_and_again() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut pulse = Pulse::at(began);
        assert_eq!(pulse.look(after(29), 0, true), Finding::GetsOn);
        let stuck = |seconds, renew| Finding::Stuck(Duration::from_secs(seconds), renew);
        assert_eq!(pulse.look(after(30), 0, true), stuck(30, true));
        assert_eq!(pulse.look(after(32), 0, true), stuck(32, false));
        assert_eq!(pulse.look(after(60), 0, true), stuck(60, true));
        // One is confirmed.
        assert_eq!(pulse.look(after(62), 1, true), Finding::GetsOn);
        assert_eq!(pulse.look(after(91), 1, true), Finding::GetsOn);
        // Nothing waits, or the log does not answer.
        assert_eq!(pulse.look(after(95), 1, false), Finding::GetsOn);
        assert_eq!(pulse.look(after(124), 1, true), Finding::GetsOn);
        assert_eq!(pulse.look(after(125), 1, true), stuck(30, true));
    }
}

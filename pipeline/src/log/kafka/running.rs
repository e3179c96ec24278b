//! A producer's client, and the thread that reports what became of each record.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig,
};
use rdkafka::statistics::Statistics;
use rdkafka::util::IntoOpaque;

use super::super::{Done, LogError, NewRecord};
use super::client::{Cluster, create};
use super::context::{Context, delegate};
use super::error::from_kafka;
use super::lanes::{Lanes, Place, Waiting};
use super::options::Kind;
use crate::families;

/// Longest wait for a client's records to be reported as given up.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A record as librdkafka takes it, which copies it.
pub(super) fn for_client<'a, O: IntoOpaque>(
    full: &'a str,
    record: &'a NewRecord,
    opaque: O,
) -> BaseRecord<'a, [u8], [u8], O> {
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
    new
}

/// A record on its way; in a box because librdkafka carries one pointer.
pub(super) struct OnTheWay {
    place: Place,
    bytes: usize,
    done: Option<Done>,
}

/// librdkafka's calls of a producer that reports each record.
pub(super) struct Reporting {
    pub(super) context: Context,
    lanes: Mutex<Lanes>,
    /// Records that were.
    pub(super) confirmed: AtomicU64,
    /// The client whose context this is, to give it what waits.
    client: OnceLock<Weak<Client>>,
    /// Of topics, with the prefix.
    prefix: String,
}

pub(super) type Client = BaseProducer<Reporting>;

impl Reporting {
    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives records to the client, in this order; those that it does not take fail.
    pub(super) fn send(&self, client: &Client, place: &Place, batch: Vec<Waiting>) {
        let mut batch: VecDeque<Waiting> = batch.into();
        let full = format!("{}{}", self.prefix, place.0);
        while let Some(Waiting { mut record, done, bytes }) = batch.pop_front() {
            record.partition = Some(place.1);
            let way = Box::new(Mutex::new(OnTheWay { place: place.clone(), bytes, done }));
            let Err((error, refused)) = client.send(for_client(&full, &record, way)) else {
                continue;
            };
            batch.extend(self.lanes().done(place, bytes));
            let OnTheWay { done, .. } =
                refused.delivery_opaque.into_inner().unwrap_or_else(PoisonError::into_inner);
            if let Some(done) = done {
                done(Err(from_kafka(&error, format!("write to {}", place.0), "producer")));
            }
        }
    }
}

delegate!(Reporting);

impl ProducerContext for Reporting {
    type DeliveryOpaque = Box<Mutex<OnTheWay>>;

    fn delivery(&self, result: &DeliveryResult<'_>, way: Self::DeliveryOpaque) {
        let OnTheWay { place, bytes, done } =
            way.into_inner().unwrap_or_else(PoisonError::into_inner);
        if result.is_ok() {
            self.confirmed.fetch_add(1, Ordering::Relaxed);
        } else {
            families::KAFKA_RECORDS_FAILED.add([], 1);
        }
        if let Some(done) = done {
            done(match result {
                Ok(message) => Ok((message.partition(), message.offset())),
                Err((error, message)) => {
                    let what = format!("write to {}", message.topic());
                    Err(from_kafka(error, what, "producer"))
                }
            });
        }
        let next = self.lanes().done(&place, bytes);
        if let Some(client) = self.client.get().and_then(Weak::upgrade) {
            self.send(&client, &place, next);
        }
    }
}

/// A client, and the thread that reports what became of records.
pub(super) struct Running {
    pub(super) client: Arc<Client>,
    over: Arc<AtomicBool>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Running {
    pub(super) fn start(cluster: &Cluster, kind: Kind, name: &str) -> Result<Self, LogError> {
        let context = Reporting {
            context: cluster.context(name),
            lanes: Mutex::default(),
            confirmed: AtomicU64::new(0),
            client: OnceLock::new(),
            prefix: cluster.options.prefix.clone(),
        };
        let what = format!("make producer {name}");
        let config = cluster.options.producer(kind, name);
        let client: Arc<Client> = Arc::new(create(&config, context, &what, name)?);
        let _ = client.context().client.set(Arc::downgrade(&client));
        let over = Arc::<AtomicBool>::default();
        let (served, ends) = (Arc::clone(&client), Arc::clone(&over));
        std::thread::Builder::new()
            .name(format!("producer {name}"))
            .spawn(move || serve(&served, &ends))
            .map_err(|error| LogError::Retry { what, error: error.to_string() })?;
        Ok(Self { client, over })
    }

    pub(super) fn reporting(&self) -> &Reporting {
        self.client.context()
    }
}

/// Until it is over; then everybody who waits for a record has an answer.
fn serve(client: &Client, over: &AtomicBool) {
    const POLL: Duration = Duration::from_millis(100);
    while !over.load(Ordering::Relaxed) {
        client.poll(POLL);
    }
    let deadline = Instant::now() + ENDS_WITHIN;
    while client.in_flight_count() > 0 && Instant::now() < deadline {
        client.purge(PurgeConfig::default().queue().inflight());
        client.poll(Duration::from_millis(10));
    }
    let waiting = client.context().lanes().give_up();
    for Waiting { record, done, .. } in waiting {
        let what = format!("write to {}", record.topic);
        let error = "the producer has ended".to_owned();
        done.into_iter().for_each(|done| {
            let (what, error) = (what.clone(), error.clone());
            done(Err(LogError::Retry { what, error }));
        });
    }
}

//! Live events on their way to browsers: encoded once for all viewers; remembered in a ring, so
//! that a viewer who comes back goes on where it was; never waiting for anybody.

mod ring;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use schemas::{Anomaly, DeviceId, DeviceStatus, MetricBatch, ProcessLog, Transition};
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;

pub use self::ring::LogPlace;
use self::ring::Ring;
use crate::endpoints::now_ms;
use crate::model::{AnomalyItem, LogLine, State, number};

/// Events that a viewer may be behind before it has to load afresh.
const MAX_BEHIND: usize = 1_024;
/// Batches of samples of one device that a viewer may be behind.
const MAX_SAMPLES_BEHIND: usize = 64;
/// Lines of the processes' log that a viewer may be behind.
const MAX_LINES_BEHIND: usize = 256;

/// What happened; borrowed from the record that says so.
#[derive(Debug, Clone, Copy)]
pub enum LiveEvent<'a> {
    /// A transition of an anomaly, and where it lies in the log.
    Anomaly(&'a Anomaly, LogPlace),
    /// A device changed state; the same.
    Status(&'a DeviceStatus, LogPlace),
    /// New samples of a device: only those who watch that device get them.
    Samples(&'a MetricBatch),
    /// A warning or an error of a process: only those who watch the log get it.
    Log(&'a ProcessLog),
}

/// The hub between the log's tail and the viewers. Cheap to clone; one a process.
#[derive(Debug, Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    all: broadcast::Sender<Bytes>,
    log: broadcast::Sender<Bytes>,
    ring: Mutex<Ring>,
    devices: Mutex<HashMap<DeviceId, broadcast::Sender<Bytes>>>,
    viewers: AtomicUsize,
    closed: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// A hub that nobody watches yet.
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                all: broadcast::Sender::new(MAX_BEHIND),
                log: broadcast::Sender::new(MAX_LINES_BEHIND),
                ring: Mutex::new(Ring::new(rand::random(), now_ms())),
                devices: Mutex::default(),
                viewers: AtomicUsize::new(0),
                closed: watch::Sender::new(false),
            }),
        }
    }

    /// Hands an event to all who watch. Never waits: call it from the log's tail.
    pub fn publish(&self, event: LiveEvent<'_>) {
        match event {
            LiveEvent::Anomaly(record, place) => {
                self.announce("anomaly", place, &AnomalyEvent::new(record));
            }
            LiveEvent::Status(record, place) => {
                self.announce("status", place, &StatusEvent::new(record));
            }
            LiveEvent::Samples(batch) => self.samples(batch),
            LiveEvent::Log(line) => {
                // Nobody watching is no error.
                let _ = self.inner.log.send(encode("log", None, &LogLine::from(line)));
            }
        }
    }

    /// Whether anybody watches a device: if not, its samples need not be decoded.
    pub fn watches(&self, device: DeviceId) -> bool {
        lock(&self.inner.devices).contains_key(&device)
    }

    /// Whether anybody watches the processes' log.
    pub fn watches_log(&self) -> bool {
        self.inner.log.receiver_count() > 0
    }

    /// From now on a tail of the log gives all that comes; what came before may have been missed.
    pub fn tail_began(&self) {
        lock(&self.inner.ring).complete_from(now_ms());
    }

    /// How many viewers there are.
    pub fn viewers(&self) -> usize {
        self.inner.viewers.load(Ordering::Relaxed)
    }

    /// Ends all streams: the process stops.
    pub fn close(&self) {
        self.inner.closed.send_replace(true);
    }

    fn announce(&self, kind: &str, place: LogPlace, body: &impl Serialize) {
        // One lock around number, ring and send: what is resumed from the ring and what comes
        // live join without a hole.
        let mut ring = lock(&self.inner.ring);
        let frame = ring.remember(place, |id| encode(kind, Some(id), body));
        // Nobody watching is no error.
        let _ = self.inner.all.send(frame);
    }

    fn samples(&self, batch: &MetricBatch) {
        let mut devices = lock(&self.inner.devices);
        let Some(sender) = devices.get(&batch.device) else { return };
        let body = SamplesEvent::new(batch);
        if sender.send(encode("samples", None, &body)).is_err() {
            // The last viewer left.
            devices.remove(&batch.device);
        }
    }

    /// A place in the audience, or none when it is full.
    pub(crate) fn watch(
        &self,
        wanted: Wanted,
        last_event_id: Option<&str>,
        max_viewers: usize,
    ) -> Option<Seat> {
        let take = |n: usize| (n < max_viewers).then_some(n + 1);
        self.inner.viewers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        let ring = lock(&self.inner.ring);
        let all = self.inner.all.subscribe();
        let (missed, lost) = match last_event_id {
            None => (VecDeque::new(), false),
            Some(id) => match ring.since(id) {
                Some(frames) => (frames, false),
                None => (VecDeque::new(), true),
            },
        };
        let at = ring.newest_id();
        drop(ring);
        let log = wanted.log.then(|| self.inner.log.subscribe());
        let device = wanted.device;
        let samples = device.map(|device| {
            lock(&self.inner.devices)
                .entry(device)
                .or_insert_with(|| broadcast::Sender::new(MAX_SAMPLES_BEHIND))
                .subscribe()
        });
        Some(Seat {
            live: self.clone(),
            device,
            all,
            samples,
            log,
            missed,
            lost,
            at,
            closed: self.inner.closed.subscribe(),
        })
    }

    /// The id of the newest event.
    pub(crate) fn newest_id(&self) -> String {
        lock(&self.inner.ring).newest_id()
    }
}

/// What a viewer wants beside anomalies and states.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// The samples of a device.
    pub(crate) device: Option<DeviceId>,
    /// The processes' log.
    pub(crate) log: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A viewer's place; leaving it makes room.
pub(crate) struct Seat {
    live: Live,
    device: Option<DeviceId>,
    pub(crate) all: broadcast::Receiver<Bytes>,
    pub(crate) samples: Option<broadcast::Receiver<Bytes>>,
    pub(crate) log: Option<broadcast::Receiver<Bytes>>,
    /// What came since the viewer was here last.
    pub(crate) missed: VecDeque<Bytes>,
    /// Some of that is forgotten.
    pub(crate) lost: bool,
    /// The newest event when the viewer came.
    pub(crate) at: String,
    pub(crate) closed: watch::Receiver<bool>,
}

impl Seat {
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.live.inner.viewers.fetch_sub(1, Ordering::Relaxed);
        self.samples = None;
        if let Some(device) = self.device {
            let mut devices = lock(&self.live.inner.devices);
            if devices.get(&device).is_some_and(|sender| sender.receiver_count() == 0) {
                devices.remove(&device);
            }
        }
    }
}

/// A server-sent event (WHATWG HTML, 9.2). JSON holds no line break, so one data line will do.
pub(crate) fn encode(kind: &str, id: Option<&str>, body: &impl Serialize) -> Bytes {
    let mut text = String::with_capacity(256);
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    let json = serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned());
    let _ = write!(text, "event: {kind}\ndata: {json}\n\n");
    Bytes::from(text)
}

/// Data of the event `anomaly`.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnomalyEvent {
    /// onset, change or clear.
    transition: &'static str,
    #[serde(flatten)]
    #[schema(inline)]
    item: AnomalyItem,
}

impl AnomalyEvent {
    fn new(record: &Anomaly) -> Self {
        let (transition, cleared) = match record.transition {
            Transition::Onset => ("onset", false),
            Transition::Change => ("change", false),
            Transition::Clear => ("clear", true),
        };
        Self { transition, item: AnomalyItem::from_record(record, cleared) }
    }
}

/// Data of the event `status`.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusEvent<'a> {
    /// Device id.
    #[schema(format = Uuid)]
    device: String,
    /// The state that it entered.
    state: State,
    /// When, ms since the epoch.
    since: i64,
    /// Why, with the remedy where there is one.
    reason: &'a str,
}

impl<'a> StatusEvent<'a> {
    fn new(record: &'a DeviceStatus) -> Self {
        Self {
            device: record.device.to_string(),
            state: record.state.into(),
            since: record.since,
            reason: &record.reason,
        }
    }
}

/// Data of the event `samples`.
#[derive(Serialize, ToSchema)]
pub(crate) struct SamplesEvent {
    /// Device id.
    #[schema(format = Uuid)]
    device: String,
    /// When the poll began, ms since the epoch.
    at: i64,
    /// Value by series id.
    series: BTreeMap<String, f64>,
}

impl SamplesEvent {
    fn new(batch: &MetricBatch) -> Self {
        let values = batch.series.iter().zip(&batch.values);
        Self {
            device: batch.device.to_string(),
            at: batch.at,
            series: values.map(|(series, value)| (series.to_string(), number(*value))).collect(),
        }
    }
}

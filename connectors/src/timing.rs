//! How polling goes, for `/metrics` and the UI: the slow device can be named.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use instruments::{Family, Kind};
use schemas::{DeviceId, Outcome};

/// How polls of one device by one connector went.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceTiming {
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// `snmp` or `icmp`.
    pub connector: &'static str,
    /// Interval, ms.
    pub interval_ms: i64,
    /// Wall clock of the last poll's start, ms since the epoch; 0 before the first.
    pub last_at: i64,
    /// How long the last poll took, ms.
    pub last_duration_ms: u64,
    /// Exponentially weighted mean of the durations (a fifth for the newest), ms.
    pub mean_duration_ms: f64,
    /// Outcome of the last poll.
    pub last_outcome: Option<Outcome>,
    /// What went wrong in it.
    pub last_error: Option<String>,
    /// Polls so far.
    pub polls: u64,
    /// Polls in a row without any answer.
    pub failures: u32,
    /// Requests sent so far, retries included.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Requests given up.
    pub timeouts: u64,
    /// Answers that could not be read.
    pub malformed: u64,
    /// Cycles left out because the log took no records.
    pub skipped: u64,
    /// Max-repetitions of the last GETBULK (0 for ICMP).
    pub repetitions: u16,
    /// Octets an answer may have, as learned from this device (0 for ICMP).
    pub answer_bytes: usize,
    /// The table whose answers the last poll waited for longest, and how long, ms; requests side
    /// by side count each (none for ICMP).
    pub slowest_table: Option<(String, u64)>,
}

impl DeviceTiming {
    pub(crate) fn new(device: DeviceId, name: &str, connector: &'static str, every: i64) -> Self {
        Self {
            device,
            device_name: name.to_owned(),
            connector,
            interval_ms: every,
            last_at: 0,
            last_duration_ms: 0,
            mean_duration_ms: 0.0,
            last_outcome: None,
            last_error: None,
            polls: 0,
            failures: 0,
            requests: 0,
            retries: 0,
            timeouts: 0,
            malformed: 0,
            skipped: 0,
            repetitions: 0,
            answer_bytes: 0,
            slowest_table: None,
        }
    }

    /// Takes in a poll that ended.
    pub(crate) fn ended(
        &mut self,
        at: i64,
        duration_ms: u64,
        outcome: Outcome,
        error: Option<&str>,
    ) {
        let took = duration_ms as f64;
        let first = self.polls == 0;
        self.mean_duration_ms = if first { took } else { self.mean_duration_ms * 0.8 + took * 0.2 };
        self.last_at = at;
        self.last_duration_ms = duration_ms;
        self.last_outcome = Some(outcome);
        self.last_error = error.map(str::to_owned);
        self.polls += 1;
    }
}

/// Timings of all devices of a poller.
#[derive(Debug, Default)]
pub(crate) struct Timings(Mutex<HashMap<(DeviceId, &'static str), DeviceTiming>>);

impl Timings {
    fn lock(&self) -> MutexGuard<'_, HashMap<(DeviceId, &'static str), DeviceTiming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn update(&self, timing: &DeviceTiming) {
        self.lock().insert((timing.device, timing.connector), timing.clone());
    }

    pub(crate) fn remove(&self, device: DeviceId, connector: &'static str) {
        self.lock().remove(&(device, connector));
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn of(&self, wanted: impl Fn(DeviceId) -> bool) -> Vec<DeviceTiming> {
        let all = self.lock();
        let of = all.iter().filter(|((device, _), _)| wanted(*device));
        let mut of: Vec<DeviceTiming> = of.map(|(_, timing)| timing.clone()).collect();
        drop(all);
        of.sort_by_key(|timing| (timing.device, timing.connector));
        of
    }

    pub(crate) fn all(&self) -> Vec<DeviceTiming> {
        let mut all: Vec<DeviceTiming> = self.lock().values().cloned().collect();
        all.sort_by(|a, b| {
            let slowest = b.mean_duration_ms.total_cmp(&a.mean_duration_ms);
            slowest.then_with(|| (a.device, a.connector).cmp(&(b.device, b.connector)))
        });
        all
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        /// Counters of a poller run, all devices together.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters { $($(#[doc = $doc])+ pub $name: u64),+ }

        #[derive(Debug, Default)]
        pub(crate) struct LiveCounters { $(pub(crate) $name: AtomicU64),+ }

        impl LiveCounters {
            pub(crate) fn read(&self) -> Counters {
                Counters { $($name: self.$name.load(Ordering::Relaxed)),+ }
            }
        }

        impl Counters {
            /// Values, in the order of [`FAMILIES`].
            pub fn list(&self) -> impl Iterator<Item = u64> + use<> {
                [$(self.$name),+].into_iter()
            }
        }

        /// The poller's families of metrics.
        pub static FAMILIES: &[&Family] = &[$(&Family {
            name: concat!("opsc_poller_", stringify!($name), "_total"),
            kind: Kind::Counter,
            labels: &[],
            doc: concat!($($doc),+),
        }),+];
    };
}

counters! {
    /// SNMP requests sent, retries included.
    requests,
    /// SNMP answers used.
    answers,
    /// Variables in them.
    variables,
    /// Requests sent again.
    retries,
    /// Requests given up.
    timeouts,
    /// Answers to requests that are over: late or doubled. Ignored.
    late,
    /// Answers with a request id that was never given. Ignored.
    wrong_id,
    /// Answers from another address than the one asked. Ignored.
    wrong_source,
    /// Datagrams that are no SNMP answer, or not one to the question.
    malformed,
    /// ICMP errors for our requests (port or host unreachable).
    unreachable,
    /// Datagrams the system refused to send.
    send_errors,
    /// Echo requests sent.
    echoes,
    /// Echo replies used.
    echo_replies,
    /// Polls ended.
    polls,
    /// Polls that waited because the log took none.
    buffered,
    /// Cycles left out because too many waited.
    skipped,
    /// Panics while a device was polled: it was set aside for a while.
    panics,
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

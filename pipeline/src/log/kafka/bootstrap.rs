//! Brokers that a client has lost.
//!
//! librdkafka removes the brokers that an answer about metadata does not name. A broker that has just
//! started names none, and a client that takes its word has nobody left to ask (librdkafka #5301): it
//! reads and writes nothing until it is closed. Its statistics show that no broker is left; then it
//! is given those again that it began with, and goes on where it was.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::bindings::rd_kafka_brokers_add;
use rdkafka::client::{Client, ClientContext};
use rdkafka::statistics::Statistics;

use crate::families;

/// The brokers that a client begins with.
pub(super) struct Bootstrap {
    servers: CString,
    lost: AtomicBool,
    reached: AtomicBool,
}

impl Bootstrap {
    pub(super) fn new(servers: &str) -> Self {
        let servers = CString::new(servers).unwrap_or_default();
        Self { servers, lost: AtomicBool::new(false), reached: AtomicBool::new(true) }
    }

    /// Notes whether the client knows any broker, and reaches one. A coordinator is no broker that it
    /// knows: librdkafka reaches it through what it knows of the others.
    pub(super) fn note(&self, statistics: &Statistics) {
        let known = |source: &str| matches!(source, "learned" | "configured");
        let lost = !statistics.brokers.values().any(|broker| known(&broker.source));
        self.lost.store(lost, Ordering::Relaxed);
        let reached = statistics.brokers.values().any(|broker| broker.state == "UP");
        self.reached.store(reached, Ordering::Relaxed);
    }

    /// Whether there was a connection with a broker lately.
    pub(super) fn reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Gives a client that has lost its brokers those that it began with. To be called whenever it
    /// is used: it costs next to nothing.
    pub(super) fn restore<C: ClientContext>(&self, client: &Client<C>, name: &str) {
        // A look first: a swap for each record would pass the cache line from core to core.
        if !self.lost.load(Ordering::Relaxed) || !self.lost.swap(false, Ordering::Relaxed) {
            return;
        }
        families::KAFKA_BROKERS_LOST.add([name], 1);
        tracing::warn!(client = name, "knows no broker any more: it begins with the first ones");
        // SAFETY: the client lives as long as `client`, the string as long as `self`, and
        // librdkafka copies it.
        unsafe { rd_kafka_brokers_add(client.native_ptr(), self.servers.as_ptr()) };
    }
}

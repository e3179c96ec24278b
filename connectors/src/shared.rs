//! What the threads of a poller share.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use schemas::{Device, DeviceId};

use crate::clock::Clock;
use crate::config::PollerConfig;
use crate::durations::Durations;
use crate::net::poll::Waker;
use crate::profiles::Profiles;
use crate::seams::{Credential, CredentialError, PollSink};
use crate::timing::{LiveCounters, Timings};

/// Read-only, or safe to share.
pub(crate) struct Shared {
    pub(crate) config: PollerConfig,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) clock: Clock,
    pub(crate) timings: Timings,
    pub(crate) durations: Durations,
    pub(crate) counters: LiveCounters,
    pub(crate) sink: Arc<dyn PollSink>,
    /// Identity of this run.
    pub(crate) poller: String,
    pub(crate) stop: AtomicBool,
    /// A thread has died.
    pub(crate) broken: AtomicBool,
}

impl Shared {
    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// What is sent to a thread.
pub(crate) enum Command {
    Upsert(Box<Device>),
    Remove(DeviceId),
    /// The frame's own: a removal once no poll is under way.
    Release(DeviceId),
    Credential {
        name: String,
        result: Result<Credential, CredentialError>,
    },
    /// What the name of a device was resolved to.
    Resolved {
        id: DeviceId,
        result: Result<IpAddr, String>,
    },
    Forget(String),
}

/// Commands to a thread. Bounded by its senders: one command a device at a time from the
/// inventory, one a credential asked for.
pub(crate) struct Mailbox<T> {
    queue: Mutex<VecDeque<T>>,
    pub(crate) waker: Waker,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { queue: Mutex::new(VecDeque::new()), waker: Waker::new()? })
    }

    pub(crate) fn send(&self, command: T) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(command);
        self.waker.wake();
    }

    pub(crate) fn take(&self) -> VecDeque<T> {
        self.waker.clear();
        std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

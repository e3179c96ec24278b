//! The log in memory, for tests: same coordinator, no threads, and a crash on demand.

use std::sync::{Arc, PoisonError};

use super::super::LogError;
use super::core::Core;
use super::options::Options;
use super::store::BTreeStore;
use super::writer::{Fault, FaultHook, WriteInfo};
use crate::clock::Clock;

/// A log in memory. Everything happens in the caller's thread: a commit or a produced record is
/// durable when the call returns, and with a clock moved by hand nothing ever waits, so that the
/// same calls give the same answers.
#[derive(Clone)]
pub struct Memory {
    core: Arc<Core>,
    store: BTreeStore,
    clock: Clock,
    options: Options,
}

impl Memory {
    /// An empty log on this clock, with the default options.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with(clock, Options::default())
    }

    /// An empty log with these options.
    #[must_use]
    pub fn with(clock: Clock, options: Options) -> Self {
        Self::over(BTreeStore::default(), clock, options)
    }

    fn over(store: BTreeStore, clock: Clock, options: Options) -> Self {
        let core = Core::open(
            Box::new(store.clone()),
            clock.clone(),
            options.clone(),
            "memory".to_owned(),
            true,
        );
        // The store in memory never fails, and it holds only what this program wrote.
        let core = Arc::new(core.unwrap_or_else(|error| unreachable!("{error}")));
        Self { core, store, clock, options }
    }

    pub(super) fn core(&self) -> Arc<Core> {
        self.core.clone()
    }

    /// The process dies: every handle of this log fails from now on, what was queued is gone.
    /// What was committed is found by [`Memory::reopen`].
    pub fn crash(&self) {
        self.core.fail(LogError::Fatal {
            what: "use the event log in memory".to_owned(),
            error: "crashed by the test".to_owned(),
        });
        self.core.queue().units.clear();
    }

    /// The next process on the same content: no members, no faults. Crashes this one.
    #[must_use]
    pub fn reopen(&self) -> Self {
        self.crash();
        Self::over(self.store.clone(), self.clock.clone(), self.options.clone())
    }

    /// Asks `hook` before each write which fault hits it. After a crash every handle of this
    /// log fails with [`LogError::Fatal`].
    pub fn on_write(&self, hook: impl FnMut(WriteInfo) -> Fault + Send + 'static) {
        let hook: FaultHook = Box::new(hook);
        *self.core.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    /// Whether a fault or [`Memory::crash`] has ended this log.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.core.state().failed.is_some()
    }

    /// One pass of retention and compaction as of `now_ms` (ms since the epoch).
    ///
    /// # Errors
    /// [`LogError::Fatal`] after a crash.
    pub fn housekeep(&self, now_ms: i64) -> Result<(), LogError> {
        self.core.housekeep(now_ms)
    }

    /// Holds all writing back, so that queues fill. A commit must not be made meanwhile: it
    /// would wait for the end of the pause.
    pub fn pause(&self, paused: bool) {
        self.core.queue().paused = paused;
        if !paused {
            self.core.drain_inline();
        }
    }
}

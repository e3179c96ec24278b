//! The harnesses of the two logs.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use crate::log::EventLog;
use crate::log::conformance::Harness;
use crate::log::embedded::{Clock, Embedded, Memory, Options};

/// Small limits, so that cleaning and sessions show within a test.
pub(super) fn options() -> Options {
    Options {
        session_timeout_ms: 3_000,
        min_dirty_bytes: 1_000,
        housekeep_ms: 0,
        min_free_bytes: 0,
        ..Options::default()
    }
}

pub(super) struct OnDisk {
    folder: TempDir,
    log: Mutex<Option<Arc<Embedded>>>,
}

impl OnDisk {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(Embedded::open(folder.path(), options()).unwrap());
        Self { folder, log: Mutex::new(Some(log)) }
    }

    fn embedded(&self) -> Arc<Embedded> {
        self.log.lock().unwrap().clone().unwrap()
    }
}

impl Harness for OnDisk {
    fn log(&self) -> Arc<dyn EventLog> {
        self.embedded()
    }

    fn restart(&self) {
        let mut log = self.log.lock().unwrap();
        drop(log.take());
        *log = Some(Arc::new(Embedded::open(self.folder.path(), options()).unwrap()));
    }

    fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn housekeep(&self) -> bool {
        self.embedded().housekeep(Clock::system().now_ms()).unwrap();
        true
    }

    fn stall(&self, stalled: bool) -> bool {
        self.embedded().pause(stalled);
        true
    }
}

pub(super) struct InMemory {
    now_ms: Arc<AtomicI64>,
    log: Mutex<Arc<Memory>>,
}

impl InMemory {
    pub(super) fn new() -> Self {
        let now_ms = Arc::new(AtomicI64::new(1_000_000));
        let clock = now_ms.clone();
        let clock = Clock::by_hand(move || clock.load(Ordering::SeqCst));
        let log = Mutex::new(Arc::new(Memory::with(clock, options())));
        Self { now_ms, log }
    }

    fn memory(&self) -> Arc<Memory> {
        self.log.lock().unwrap().clone()
    }
}

impl Harness for InMemory {
    fn log(&self) -> Arc<dyn EventLog> {
        self.memory()
    }

    fn restart(&self) {
        let mut log = self.log.lock().unwrap();
        *log = Arc::new(log.reopen());
    }

    fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
        // Another thread may be about to write.
        std::thread::sleep(Duration::from_millis(1));
    }

    fn housekeep(&self) -> bool {
        self.memory().housekeep(self.now_ms.load(Ordering::SeqCst)).unwrap();
        true
    }

    fn stall(&self, stalled: bool) -> bool {
        self.memory().pause(stalled);
        true
    }
}

//! Time as a value: the real one in operation, one that the test moves by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A wall clock and a monotonic one.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> i64 + Send + Sync>,
    mono: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        let start = Instant::now();
        Self {
            wall: Arc::new(wall_ms),
            mono: Arc::new(move || i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// A clock that stands where its owner puts it.
    pub fn by_hand(now_ms: Arc<AtomicI64>) -> Self {
        let mono = Arc::clone(&now_ms);
        Self {
            wall: Arc::new(move || now_ms.load(Ordering::Relaxed)),
            mono: Arc::new(move || mono.load(Ordering::Relaxed)),
        }
    }

    /// Milliseconds since the epoch; may jump.
    pub fn wall_ms(&self) -> i64 {
        (self.wall)()
    }

    /// Milliseconds that never go back.
    pub fn mono_ms(&self) -> i64 {
        (self.mono)()
    }
}

/// Milliseconds since the epoch.
pub fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

//! Time as a value, so that a test can hold it.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

type Ms = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Where the log takes its time from.
#[derive(Clone)]
pub struct Clock {
    wall: Ms,
    steady: Ms,
    waits: bool,
}

impl Clock {
    /// The machine's clocks: wall time stamps records, the monotonic clock judges sessions, so
    /// that a stepped wall clock throws nobody out.
    #[must_use]
    pub fn system() -> Self {
        let began = Instant::now();
        Self {
            wall: Arc::new(|| {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
            }),
            steady: Arc::new(move || {
                i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX)
            }),
            waits: true,
        }
    }

    /// A clock moved by hand: `now_ms` gives ms since the epoch. Nothing waits on it: a poll
    /// without an event is `Idle` at once.
    #[must_use]
    pub fn by_hand(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let now: Ms = Arc::new(now_ms);
        Self { wall: now.clone(), steady: now, waits: false }
    }

    /// Ms since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.wall)()
    }

    pub(super) fn steady_ms(&self) -> i64 {
        (self.steady)()
    }

    pub(super) fn waits(&self) -> bool {
        self.waits
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("waits", &self.waits).finish_non_exhaustive()
    }
}

//! Time as a value: the machine's clocks in operation, one moved by hand in tests.

use std::time::{SystemTime, UNIX_EPOCH};

pub use crate::log::embedded::Clock;

/// Milliseconds since the epoch.
pub fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

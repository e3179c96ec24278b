//! Time: a monotonic clock for intervals, the wall clock for labels, and slot numbers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use schemas::DeviceId;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::{MAX_INTERVAL_MS, MIN_INTERVAL_MS};

/// A wall clock set back by more than this is not followed.
const FOLLOWED_MS: i64 = 2_000;

/// The clocks of a poller run.
#[derive(Debug)]
pub(crate) struct Clock {
    base: Instant,
    /// Slot time minus monotonic time.
    offset: AtomicI64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { base: Instant::now(), offset: AtomicI64::new(wall_ms()) }
    }

    /// Milliseconds since this run's start.
    pub(crate) fn now(&self) -> u64 {
        self.base.elapsed().as_millis() as u64
    }

    /// The time that slots are counted in: the wall clock, except that when that is set back it
    /// goes on, so that a slot number is never used twice and polling never pauses.
    pub(crate) fn slot_ms(&self, now: u64) -> i64 {
        let new = wall_ms() - now as i64;
        let offset = self.offset.load(Ordering::Relaxed);
        let offset = if new < offset - FOLLOWED_MS { offset } else { new };
        self.offset.store(offset, Ordering::Relaxed);
        now as i64 + offset
    }
}

/// Milliseconds since the epoch, UTC.
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// When a device is polled: at `phase` within every interval, wherever it is polled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) interval_ms: i64,
    phase: i64,
}

impl Slots {
    pub(crate) fn of(device: DeviceId, interval_ms: i64) -> Self {
        let interval_ms = interval_ms.clamp(MIN_INTERVAL_MS, MAX_INTERVAL_MS);
        let hash = xxh3_64(device.0.as_bytes());
        Self { interval_ms, phase: (hash % interval_ms as u64) as i64 }
    }

    /// The slot at a time.
    pub(crate) const fn at(&self, slot_ms: i64) -> i64 {
        (slot_ms - self.phase).div_euclid(self.interval_ms)
    }

    /// When a slot starts.
    pub(crate) const fn start(&self, slot: i64) -> i64 {
        slot * self.interval_ms + self.phase
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_tile_time() {
        for n in 0..50 {
            let device = DeviceId::from_source("test", &n.to_string());
            let slots = Slots::of(device, 60_000);
            for time in [0, 1_700_000_000_123, 59_999] {
                let slot = slots.at(time);
                assert!(slots.start(slot) <= time && time < slots.start(slot + 1));
            }
        }
        let device = DeviceId::from_source("test", "x");
        assert_eq!(Slots::of(device, 1).interval_ms, MIN_INTERVAL_MS);
    }
}

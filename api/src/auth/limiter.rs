//! Counts attempts per key in a window, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most keys remembered. When all are in use the oldest is forgotten: an attacker with so many
/// addresses gains attempts at one name, which the other limiter counts.
const MAX_KEYS: usize = 10_000;

struct Count {
    since: Instant,
    attempts: u32,
}

pub(super) struct Limiter<K> {
    max: u32,
    window: Duration,
    counts: Mutex<HashMap<K, Count>>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(super) fn new(max: u32, window: Duration) -> Self {
        Self { max, window, counts: Mutex::new(HashMap::new()) }
    }

    /// Counts an attempt before it is made, so that many at once gain nothing.
    ///
    /// # Errors
    /// Seconds to wait.
    pub(super) fn attempt(&self, key: K, now: Instant) -> Result<(), u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_KEYS && !counts.contains_key(&key) {
            make_room(&mut counts, self.window, now);
        }
        let count = counts.entry(key).or_insert(Count { since: now, attempts: 0 });
        let age = now.saturating_duration_since(count.since);
        if age >= self.window {
            *count = Count { since: now, attempts: 0 };
        } else if count.attempts >= self.max {
            return Err((self.window - age).as_secs() + 1);
        }
        count.attempts += 1;
        Ok(())
    }

    /// Forgets a key whose attempt was right.
    pub(super) fn forget(&self, key: &K) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Forgets every key.
    pub(super) fn forget_all(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn make_room<K: Hash + Eq + Clone>(counts: &mut HashMap<K, Count>, window: Duration, now: Instant) {
    counts.retain(|_, count| now.saturating_duration_since(count.since) < window);
    if counts.len() >= MAX_KEYS {
        let oldest = counts.iter().min_by_key(|(_, count)| count.since).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            counts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(900);

    #[test]
    fn after_the_last_attempt_one_waits_for_the_window_to_end() {
        let limiter = Limiter::new(3, WINDOW);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(limiter.attempt("a", start), Ok(()));
        }
        assert_eq!(limiter.attempt("a", start + Duration::from_secs(60)), Err(841));
        assert_eq!(limiter.attempt("b", start), Ok(()));
        assert_eq!(limiter.attempt("a", start + WINDOW), Ok(()));
        limiter.forget(&"b");
        assert_eq!(limiter.counts.lock().unwrap().len(), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = Limiter::new(1, WINDOW);
        let start = Instant::now();
        for key in 0..MAX_KEYS as u64 + 50 {
            assert_eq!(limiter.attempt(key, start + Duration::from_nanos(key)), Ok(()));
        }
        assert_eq!(limiter.counts.lock().unwrap().len(), MAX_KEYS);
        assert!(limiter.attempt(MAX_KEYS as u64, start).is_err());
    }
}

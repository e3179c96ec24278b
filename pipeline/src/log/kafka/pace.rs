//! librdkafka says the same again with every try: with a broker away that is many lines a second
//! from each client. One line of a kind in a while is enough, if it tells how many were left out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines of one kind from one client.
const EVERY: Duration = Duration::from_secs(10);
/// Kinds remembered; librdkafka has some forty, a few of them for each broker.
const MAX_KINDS: usize = 256;

/// The kind of a message: librdkafka's word for it, and of which connection it is, which stands in
/// front: `[thrd:localhost:9092/1]: …`.
pub(super) fn kind_of(facility: &str, message: &str) -> String {
    let thread = message.split_once("]: ").map_or("", |(thread, _)| thread);
    format!("{facility} {thread}")
}

/// What one client said, by kind.
#[derive(Default)]
pub(super) struct Pace {
    said: Mutex<HashMap<String, (Instant, u64)>>,
}

impl Pace {
    /// How many lines of this kind were left out since the last one; none when this one is left
    /// out too.
    pub(super) fn may_say(&self, kind: &str, now: Instant) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, unsaid)) = said.get_mut(kind) {
            if now.saturating_duration_since(*last) < EVERY {
                *unsaid += 1;
                return None;
            }
            *last = now;
            return Some(std::mem::take(unsaid));
        }
        if said.len() < MAX_KINDS {
            said.insert(kind.to_owned(), (now, 0));
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_a_kind_in_a_while_with_a_count() {
        let (pace, start) = (Pace::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let fail = |broker| kind_of("FAIL", &format!("[thrd:b{broker}:9092/{broker}]: refused"));
        let said: Vec<_> = (0..100).filter_map(|n| pace.may_say(&fail(1), at(n * 250))).collect();
        assert_eq!(said, [0, 39, 39]);
        for other in [fail(2), kind_of("TXNERR", "[thrd:main]: x"), kind_of("FAIL", "x")] {
            assert_eq!(pace.may_say(&other, at(25_000)), Some(0), "{other} is another kind");
        }
    }
}

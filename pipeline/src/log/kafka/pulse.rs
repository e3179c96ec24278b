//! Whether a producer gets on.

use std::time::{Duration, Instant};

/// A producer whose records wait for so long, with none confirmed, gets a new client.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// When a producer got on last.
pub(super) struct Pulse {
    confirmed: u64,
    since: Instant,
    renewed: Instant,
}

/// What to do about a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    GetsOn,
    /// For so long, and whether it is time for a new client.
    Stuck(Duration, bool),
}

impl Pulse {
    pub(super) const fn at(now: Instant) -> Self {
        Self { confirmed: 0, since: now, renewed: now }
    }

    /// `confirmed` counts the client's records; `waits`: some are not confirmed, although the log
    /// answers.
    pub(super) fn look(&mut self, now: Instant, confirmed: u64, waits: bool) -> Finding {
        if !waits || confirmed != self.confirmed {
            *self = Self { confirmed, ..Self::at(now) };
            return Finding::GetsOn;
        }
        let stuck = now.saturating_duration_since(self.since);
        if stuck < STUCK_AFTER {
            return Finding::GetsOn;
        }
        let renew = now.saturating_duration_since(self.renewed) >= STUCK_AFTER;
        if renew {
            // The count begins anew with the client.
            (self.renewed, self.confirmed) = (now, 0);
        }
        Finding::Stuck(stuck, renew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_confirms_nothing_for_long_is_renewed_again_and_again() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut pulse = Pulse::at(began);
        assert_eq!(pulse.look(after(29), 0, true), Finding::GetsOn);
        let stuck = |seconds, renew| Finding::Stuck(Duration::from_secs(seconds), renew);
        assert_eq!(pulse.look(after(30), 0, true), stuck(30, true));
        assert_eq!(pulse.look(after(32), 0, true), stuck(32, false));
        assert_eq!(pulse.look(after(60), 0, true), stuck(60, true));
        // One is confirmed.
        assert_eq!(pulse.look(after(62), 1, true), Finding::GetsOn);
        assert_eq!(pulse.look(after(91), 1, true), Finding::GetsOn);
        // Nothing waits, or the log does not answer.
        assert_eq!(pulse.look(after(95), 1, false), Finding::GetsOn);
        assert_eq!(pulse.look(after(124), 1, true), Finding::GetsOn);
        assert_eq!(pulse.look(after(125), 1, true), stuck(30, true));
    }
}

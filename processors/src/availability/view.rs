//! One protocol's view of a device, poll after poll.

use schemas::Poll;

/// Polls in a row until a failure or a poor result is believed.
pub(super) const BELIEVED_AFTER: u16 = 2;

/// Good polls in a row until a poor result is over.
const RECOVERED_AFTER: u16 = 2;

/// Polls over which it is counted how many were lost.
const WINDOW: u8 = 20;

/// So many separate losses within [`WINDOW`] are no accident: a seventh of the polls at least. One
/// outage is one loss, however long.
const UNSTEADY_LOSSES: u32 = 3;

/// With no more lost polls than this in the window it is steady again.
const STEADY_LOST: u32 = 1;

/// Longest error text that is carried into a reason, in characters.
const MOST_ERROR: usize = 300;

/// What one poll says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sign {
    #[default]
    Nothing,
    Good,
    Poor,
    Fails,
    NoCredential,
    NotPermitted,
}

/// One protocol's view of the device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ProtocolView {
    /// Last poll's sign, how often in a row, and since when.
    pub(crate) sign: Sign,
    pub(crate) run: u16,
    pub(crate) run_since: i64,
    /// What is believed, and since when.
    pub(crate) believed: Sign,
    pub(crate) since: i64,
    pub(crate) ever_good: bool,
    pub(crate) interval_ms: i64,
    pub(crate) observed_at: i64,
    /// The last poll's words, cut to [`MOST_ERROR`].
    pub(crate) error: String,
    /// Which of the last polls were lost, the newest in the lowest bit, and how many there were.
    pub(crate) lost: u32,
    pub(crate) polls: u8,
    /// Whether answers are lost again and again.
    pub(crate) unsteady: bool,
}

impl ProtocolView {
    pub(super) fn observe(&mut self, sign: Sign, poll: &Poll, now: i64, further_part: bool) {
        self.interval_ms = poll.interval_ms;
        self.observed_at = now;
        // A further part of a cycle only matters when it is worse.
        if further_part && sign == Sign::Good {
            return;
        }
        if !further_part {
            self.count(sign);
        }
        if sign == self.sign {
            self.run = if further_part { self.run } else { self.run.saturating_add(1) };
        } else {
            (self.sign, self.run, self.run_since) = (sign, 1, poll.started_at);
        }
        let error = poll.error.as_deref().unwrap_or("");
        self.error = error.chars().take(MOST_ERROR).collect();
        let needed = match sign {
            Sign::Good if self.believed == Sign::Poor => RECOVERED_AFTER,
            Sign::Good | Sign::Nothing | Sign::NoCredential | Sign::NotPermitted => 1,
            Sign::Poor | Sign::Fails => BELIEVED_AFTER,
        };
        if self.run >= needed && self.believed != sign {
            self.believed = sign;
            self.since = self.run_since;
        }
        self.ever_good |= sign == Sign::Good;
    }

    /// Counts a poll that was answered or was not.
    fn count(&mut self, sign: Sign) {
        let lost = match sign {
            Sign::Good | Sign::Poor => 0,
            Sign::Fails => 1,
            Sign::Nothing | Sign::NoCredential | Sign::NotPermitted => return,
        };
        self.lost = (self.lost << 1 | lost) & ((1 << WINDOW) - 1);
        self.polls = (self.polls + 1).min(WINDOW);
        // A loss begins where the poll before was answered.
        let begins = self.lost & !(self.lost << 1 & ((1 << WINDOW) - 1));
        if begins.count_ones() >= UNSTEADY_LOSSES {
            self.unsteady = true;
        } else if self.lost.count_ones() <= STEADY_LOST {
            self.unsteady = false;
        }
    }

    pub(super) fn lost_polls(&self) -> u8 {
        self.lost.count_ones() as u8
    }

    pub(super) fn forget(&mut self) {
        *self = Self { ever_good: self.ever_good, ..Self::default() };
    }

    /// What it says now: nothing when it has been silent.
    pub(super) fn says(&self, now: i64) -> Sign {
        let silent = now.saturating_sub(self.observed_at) > self.interval_ms.saturating_mul(4);
        if silent { Sign::Nothing } else { self.believed }
    }

    pub(super) fn failing(&self) -> bool {
        self.sign == Sign::Fails
    }
}

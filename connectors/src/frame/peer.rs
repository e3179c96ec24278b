//! A device in a connector: when it is polled and how that went.

use schemas::{Device, Poll};

use super::aside::Aside;
use crate::clock::Slots;
use crate::record::{self, Started};
use crate::timing::DeviceTiming;

/// One device; `own` is the connector's.
#[derive(Debug)]
pub(crate) struct Peer<X> {
    pub(crate) device: Device,
    pub(crate) slots: Slots,
    pub(crate) timing: DeviceTiming,
    /// Timers set for an earlier life of this entry do not count.
    pub(crate) epoch: u32,
    /// The cycle under way.
    pub(crate) started: Option<Started>,
    /// The first slot that is ours to poll: the one at hand was another poller's.
    pub(super) first_cycle: i64,
    /// The slot polled or left out last.
    pub(crate) last_cycle: Option<i64>,
    /// Another poller's as soon as the cycle under way has ended.
    pub(super) leaving: bool,
    /// Cycles left out and not yet reported.
    pub(super) skipped: u64,
    /// Working for it ended in a panic.
    pub(super) aside: Option<Aside>,
    pub(crate) own: X,
}

impl<X> Peer<X> {
    /// A record of this device, to be filled.
    pub(super) fn blank(&self, poller: &str, at: Started) -> Poll {
        record::blank(&self.device, self.timing.connector, self.slots, poller, at)
    }

    /// Why it is not polled now, if it is set aside.
    pub(super) fn set_aside_text(&self, now: u64) -> Option<String> {
        let aside = self.aside.as_ref().filter(|it| now < it.until)?;
        let seconds = aside.until.saturating_sub(now).div_ceil(1_000);
        Some(format!(
            "set aside for {seconds} s: polling it ended in a fault of this program ({}); please \
             report it with a walk of the device",
            aside.text
        ))
    }

    /// Leaves a cycle out.
    pub(super) const fn skip(&mut self, cycle: i64) {
        self.skipped += 1;
        self.timing.skipped += 1;
        self.last_cycle = Some(cycle);
    }
}

//! Per connector: which slots were seen, how much time passed, and whether the device restarted.

use schemas::Poll;

/// sysUpTime is 32 bits of hundredths of a second (RFC 3418): it wraps after 497 days.
const UPTIME_WRAP_CS: i64 = 1 << 32;

/// Parts one cycle may have.
const MAX_PARTS: i32 = 4_096;

/// Least slack when uptimes are compared.
const UPTIME_SLACK_MS: i64 = 5_000;

/// Slack when an uptime near its wrap is judged.
const WRAP_SLACK_MS: i64 = 60_000;

/// Whether a record's slot is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slotted {
    /// The first record of a cycle.
    New,
    /// A further part of the cycle at hand.
    Part,
    Duplicate,
    Old,
}

/// What is known of one connector's polls of a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Connector {
    pub(crate) name: String,
    pub(crate) cycle: i64,
    pub(crate) interval_ms: i64,
    /// Bits of the parts seen of `cycle`.
    pub(crate) parts: Vec<u64>,
    pub(crate) poller: String,
    pub(crate) mono_ms: i64,
    pub(crate) started_at: i64,
    /// Device timeline at the last poll's start: time that passed by the best clock at hand, in
    /// ms from an arbitrary point. Wall time may jump, this does not.
    pub(crate) line_ms: i64,
    /// The last sysUpTime in hundredths of a second, and the timeline then.
    pub(crate) uptime: Option<(i64, i64)>,
    /// Restarts seen.
    pub(crate) restarts: u32,
}

impl Connector {
    /// A connector as its first poll shows it.
    pub(crate) fn first(poll: &Poll) -> Self {
        let mut connector = Self {
            name: poll.connector.clone(),
            cycle: poll.cycle,
            interval_ms: poll.interval_ms,
            poller: poll.poller.clone(),
            mono_ms: poll.mono_ms,
            started_at: poll.started_at,
            line_ms: 0,
            uptime: known_uptime(poll).map(|cs| (cs, 0)),
            ..Self::default()
        };
        connector.see(poll.part);
        connector
    }

    /// Judges the slot of a poll and takes it when it is new.
    pub(crate) fn accept(&mut self, poll: &Poll) -> Slotted {
        if !(0..MAX_PARTS).contains(&poll.part) {
            return Slotted::Duplicate;
        }
        let same_run = self.poller == poll.poller;
        if poll.cycle == self.cycle && poll.interval_ms == self.interval_ms {
            if self.seen(poll.part) {
                return Slotted::Duplicate;
            }
            self.advance(poll);
            self.see(poll.part);
            return Slotted::Part;
        }
        // Slots of another interval compare by the time they stand for. A poller whose wall
        // clock was set back counts slots anew, yet its own monotonic clock proves it newer.
        let newer = if poll.interval_ms == self.interval_ms {
            poll.cycle > self.cycle
        } else {
            poll.cycle.saturating_mul(poll.interval_ms)
                > self.cycle.saturating_mul(self.interval_ms)
        };
        let run_goes_on = same_run && poll.mono_ms > self.mono_ms;
        if !newer && !run_goes_on {
            return Slotted::Old;
        }
        self.advance(poll);
        self.cycle = poll.cycle;
        self.interval_ms = poll.interval_ms;
        self.parts.clear();
        self.see(poll.part);
        Slotted::New
    }

    fn seen(&self, part: i32) -> bool {
        let part = usize::try_from(part).unwrap_or(0);
        self.parts.get(part / 64).is_some_and(|bits| bits >> (part % 64) & 1 == 1)
    }

    fn see(&mut self, part: i32) {
        let part = usize::try_from(part).unwrap_or(0);
        if self.parts.len() <= part / 64 {
            self.parts.resize(part / 64 + 1, 0);
        }
        self.parts[part / 64] |= 1 << (part % 64);
    }

    /// Moves the timeline to the poll's start and looks for a restart.
    fn advance(&mut self, poll: &Poll) {
        let uptime = known_uptime(poll);
        let wall_ms = poll.started_at.saturating_sub(self.started_at).max(0);
        let same_clock = self.poller == poll.poller && poll.mono_ms >= self.mono_ms;
        let mono_ms = poll.mono_ms.saturating_sub(self.mono_ms);
        let since_last = if same_clock { mono_ms } else { wall_ms };
        let mut passed = since_last;
        if let (Some(now), Some((before, at))) = (uptime, self.uptime) {
            let elapsed = self.line_ms.saturating_add(since_last).saturating_sub(at);
            match compare(before, now, elapsed, same_clock) {
                Uptime::Restarted => self.restarts = self.restarts.wrapping_add(1),
                Uptime::Ran { ms } if !same_clock => {
                    // Another poller's wall clock differs; the device's own does not.
                    let by_device = at.saturating_add(ms).saturating_sub(self.line_ms);
                    if by_device >= 0 && plausible(by_device, wall_ms, poll.interval_ms) {
                        passed = by_device;
                    }
                }
                Uptime::Ran { .. } => {}
            }
        }
        self.line_ms = self.line_ms.saturating_add(passed);
        self.poller.clone_from(&poll.poller);
        self.mono_ms = poll.mono_ms;
        self.started_at = poll.started_at;
        if let Some(now) = uptime {
            self.uptime = Some((now, self.line_ms));
        }
    }
}

/// What two uptimes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Uptime {
    Restarted,
    Ran { ms: i64 },
}

/// Tells a restart from the wrap of sysUpTime. `elapsed` is the time between the two by another
/// clock; it can only be relied upon for more than the sign when it is monotonic.
fn compare(before_cs: i64, now_cs: i64, elapsed_ms: i64, monotonic: bool) -> Uptime {
    let slack = UPTIME_SLACK_MS.max(elapsed_ms / 20);
    if now_cs >= before_cs {
        // Restarted, then up for longer than it was before: it cannot have run all the time.
        let restarted = monotonic && now_cs.saturating_mul(10).saturating_add(slack) < elapsed_ms;
        return match restarted {
            true => Uptime::Restarted,
            false => Uptime::Ran { ms: (now_cs - before_cs).saturating_mul(10) },
        };
    }
    let wrapped_ms = (now_cs + UPTIME_WRAP_CS - before_cs).saturating_mul(10);
    match (wrapped_ms - elapsed_ms).abs() <= WRAP_SLACK_MS.max(slack) {
        true => Uptime::Ran { ms: wrapped_ms },
        false => Uptime::Restarted,
    }
}

/// Whether the device's own idea of the time that passed fits the slots or the wall.
fn plausible(by_device_ms: i64, wall_ms: i64, interval_ms: i64) -> bool {
    let near_slots =
        by_device_ms >= interval_ms / 2 && by_device_ms <= interval_ms.saturating_mul(4);
    near_slots || (by_device_ms - wall_ms).abs() <= wall_ms / 10
}

fn known_uptime(poll: &Poll) -> Option<i64> {
    poll.uptime_cs.filter(|cs| (0..UPTIME_WRAP_CS).contains(cs))
}

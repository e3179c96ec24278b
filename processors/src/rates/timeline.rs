//! Per connector: which slots were seen, how much time passed, and whether the device restarted.

use schemas::Poll;

/// sysUpTime is 32 bits of hundredths of a second (RFC 3418): it wraps after 497 days.
const UPTIME_WRAP_CS: i64 = 1 << 32;

/// Parts one cycle may have.
const MAX_PARTS: i32 = 4_096;

/// Least slack when uptimes are compared.
const UPTIME_SLACK_MS: i64 = 5_000;

/// An uptime may be ahead of the clock by so much, or by half the time that passed: a request is
/// repeated, a clock runs fast.
const AHEAD_SLACK_MS: i64 = 30_000;

/// An uptime that contradicts the clock so often in a row is no uptime: the clock alone counts
/// then, until the two agree as often.
const MOST_DOUBT: u8 = 3;

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
    /// Hash of whom the polls ask; 0 when they do not say.
    pub(crate) target: i64,
    /// How often in a row uptime and clock contradicted each other.
    pub(crate) doubt: u8,
    /// The interval before the last change, until the cycle after it; else the interval.
    pub(crate) before_ms: i64,
    /// Polls in a row in which no counter moved, and how many there were the last time.
    pub(crate) frozen: u8,
    pub(crate) refresh: u8,
    /// Whether its polls show which ports there are.
    pub(crate) sees_ports: bool,
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
            target: poll.target,
            before_ms: poll.interval_ms,
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
        self.before_ms = self.interval_ms;
        self.interval_ms = poll.interval_ms;
        self.parts.clear();
        self.see(poll.part);
        Slotted::New
    }

    fn seen(&self, part: i32) -> bool {
        let part = usize::try_from(part).unwrap_or(0);
        self.parts.get(part / 64).is_some_and(|bits| bits >> (part % 64) & 1 == 1)
    }

    /// Whether all parts of the cycle at hand were seen.
    pub(crate) fn is_whole(&self, parts: i32) -> bool {
        let seen: u32 = self.parts.iter().map(|bits| bits.count_ones()).sum();
        i64::from(seen) >= i64::from(parts)
    }

    fn see(&mut self, part: i32) {
        let part = usize::try_from(part).unwrap_or(0);
        if self.parts.len() <= part / 64 {
            self.parts.resize(part / 64 + 1, 0);
        }
        self.parts[part / 64] |= 1 << (part % 64);
    }

    /// Whether uptimes of this device show restarts.
    pub(crate) fn shows_restarts(&self) -> bool {
        self.uptime.is_some() && self.doubt == 0
    }

    /// Moves the timeline to the poll's start and looks for a restart.
    fn advance(&mut self, poll: &Poll) {
        let uptime = known_uptime(poll);
        let wall_ms = poll.started_at.saturating_sub(self.started_at).max(0);
        let same_clock = self.poller == poll.poller && poll.mono_ms >= self.mono_ms;
        let mono_ms = poll.mono_ms.saturating_sub(self.mono_ms);
        let since_last = if same_clock { mono_ms } else { wall_ms };
        let mut passed = since_last;
        if poll.target != 0 {
            if self.target != 0 && self.target != poll.target {
                // Another agent was asked: its counters and its uptime are its own.
                self.restarts = self.restarts.wrapping_add(1);
                self.uptime = None;
                self.doubt = 0;
            }
            self.target = poll.target;
        }
        let mut stuck = false;
        if let (Some(now), Some((before, at))) = (uptime, self.uptime) {
            let elapsed = self.line_ms.saturating_add(since_last).saturating_sub(at);
            let said = match compare(before, now, elapsed, same_clock) {
                Uptime::Ran { ms } if !same_clock => {
                    // Another poller's wall clock differs; the device's own does not. Where the
                    // two do not agree, nobody knows how long it was.
                    let by_device = at.saturating_add(ms).saturating_sub(self.line_ms);
                    match agree(by_device, wall_ms) {
                        true => {
                            passed = by_device;
                            Uptime::Ran { ms }
                        }
                        false => Uptime::Contradicts,
                    }
                }
                said @ (Uptime::Ran { .. } | Uptime::Stuck | Uptime::Contradicts) => said,
            };
            match said {
                Uptime::Ran { .. } => self.doubt = self.doubt.saturating_sub(1),
                Uptime::Stuck => {
                    // It shows nothing, neither that it restarted nor that it did not.
                    self.doubt = self.doubt.max(1);
                    stuck = true;
                }
                Uptime::Contradicts => {
                    self.doubt = self.doubt.saturating_add(1).min(MOST_DOUBT + 1);
                    if self.doubt <= MOST_DOUBT {
                        self.restarts = self.restarts.wrapping_add(1);
                    }
                }
            }
        }
        self.line_ms = self.line_ms.saturating_add(passed);
        self.poller.clone_from(&poll.poller);
        self.mono_ms = poll.mono_ms;
        self.started_at = poll.started_at;
        if let Some(now) = uptime.filter(|_| !stuck) {
            self.uptime = Some((now, self.line_ms));
        }
    }
}

/// What two uptimes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Uptime {
    /// The device ran all the time.
    Ran { ms: i64 },
    /// The same again: it is no clock, or was not refreshed.
    Stuck,
    /// The device restarted, or it is another one: its uptime is not what it was plus the time
    /// that passed.
    Contradicts,
}

/// Distinguishes a restart from the wrap of sysUpTime. `elapsed` is the time between the two
/// by another clock; it can only be relied upon for more than the sign when it is monotonic.
fn compare(before_cs: i64, now_cs: i64, elapsed_ms: i64, monotonic: bool) -> Uptime {
    let slack = UPTIME_SLACK_MS.max(elapsed_ms / 20);
    if now_cs == before_cs {
        return Uptime::Stuck;
    }
    if now_cs > before_cs {
        let ms = (now_cs - before_cs).saturating_mul(10);
        // Restarted, then up for longer than it was before: it cannot have run all the time. Nor
        // can it have run for much longer than there was time.
        let restarted = now_cs.saturating_mul(10).saturating_add(slack) < elapsed_ms;
        let ahead = ms > elapsed_ms.saturating_add(AHEAD_SLACK_MS.max(elapsed_ms / 2));
        return match monotonic && (restarted || ahead) {
            true => Uptime::Contradicts,
            false => Uptime::Ran { ms },
        };
    }
    let wrapped_ms = (now_cs + UPTIME_WRAP_CS - before_cs).saturating_mul(10);
    match (wrapped_ms - elapsed_ms).abs() <= WRAP_SLACK_MS.max(slack) {
        true => Uptime::Ran { ms: wrapped_ms },
        false => Uptime::Contradicts,
    }
}

/// Whether the device's own idea of the time that passed fits the wall's: within a third of the
/// longer one, or a second.
fn agree(by_device_ms: i64, wall_ms: i64) -> bool {
    let apart = by_device_ms.saturating_sub(wall_ms).saturating_abs();
    by_device_ms >= 0 && apart <= (by_device_ms.max(wall_ms) / 3).max(1_000)
}

fn known_uptime(poll: &Poll) -> Option<i64> {
    poll.uptime_cs.filter(|cs| (0..UPTIME_WRAP_CS).contains(cs))
}

//! Counters to rates per second. No sample beats a wrong one: whatever cannot be distinguished from
//! a restart or from another counter, or is more than the port can carry, becomes a gap with its
//! reason. And a rate that exists is shown: one odd reading, a stated speed that is wrong or an
//! agent that refreshes its counters rarely costs a poll or two, not the series.
//!
//! Two readings are judged here ([`judge`]); what several in a row say is in [`Course`].
//!
//! A rate over a long hole is an average nobody asked for: beyond [`GAP_INTERVALS`] there is
//! none. A rate is rounded to 24 significant bits: the interval is known to a millisecond, so
//! the rest would be noise that no store can compress.

mod course;
mod timeline;

use schemas::GapReason;

pub(crate) use course::{Course, Followed, MOST_HELD, Odd, Suspect};
pub(crate) use timeline::{Connector, Slotted};

/// Since the last value; half an interval more is jitter.
const GAP_INTERVALS: i64 = 3;

/// A value may exceed its ceiling by this factor: agents refresh counters at their own pace.
const CEILING_TOLERANCE: f64 = 1.25;

/// Closer values give no rate: the clock's milliseconds would be the result.
const MIN_INTERVAL_SHARE: i64 = 10;

/// No port counts faster than this (a second), whatever it says: 32 Tbit/s in octets.
const MOST_COUNTS: f64 = 4e12;

/// Without a ceiling, a 64-bit counter that was never seen faster than this (8 Gbit/s in octets) …
const LEAP_FLOOR: f64 = 1e9;

/// … nor than a share of this of its fastest so far has leapt, not counted.
const LEAP_FACTOR: f64 = 1e4;

/// The first rate after all rows were renumbered may exceed the fastest so far by this factor
/// where no ceiling is known.
const RENUMBERED_FACTOR: f64 = 4.0;

/// What a 32-bit counter without a ceiling leaps by, in counts a second (80 Mbit/s in octets) …
const LEAP_FLOOR_32: f64 = 1e7;

/// … and as a multiple of its fastest so far.
const LEAP_FACTOR_32: f64 = 1e3;

/// The least speed that is built of those that ifSpeed has no number for, bit/s.
const LEAST_SATURATED: f64 = 1e10;

/// The range of a 32-bit counter.
const RANGE_32: f64 = 4_294_967_296.0;

/// The width of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Bits32,
    Bits64,
}

/// A counter's value and what shows a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) raw: u64,
    /// Device timeline, see [`Connector::line`].
    pub(crate) line_ms: i64,
    /// How often the device restarted.
    pub(crate) restarts: u32,
    /// How often the instance's counters started anew by the agent's own word, or its row moved.
    pub(crate) breaks: u32,
}

/// What a rate is judged by, beside the readings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) width: Width,
    pub(crate) scale: f64,
    /// Highest value, scaled; 0 when unknown.
    pub(crate) ceiling: f64,
    /// Whether the ceiling is stated in the counter's own unit, so that it says how often a
    /// 32-bit counter can wrap.
    pub(crate) bounds_wraps: bool,
    /// Whether the ceiling is more than its source has a number for.
    pub(crate) saturated: bool,
    /// The nominal interval; after a change, the longer of the two.
    pub(crate) interval_ms: i64,
    /// Closer readings give no rate, those further apart are a gap; see [`Terms::limits`].
    pub(crate) least_ms: i64,
    pub(crate) most_ms: i64,
    /// Whether the agent reports its uptime, so that a restart would have shown.
    pub(crate) uptime_known: bool,
    /// Whether all rows of the table have new numbers: a first rate must be beyond doubt.
    pub(crate) renumbered: bool,
    /// What a change of [`Reading::breaks`] means.
    pub(crate) broken: GapReason,
}

impl Terms {
    /// How close and how far apart two readings may be, by the interval and the one before.
    pub(crate) fn limits(interval_ms: i64, before_ms: i64) -> (i64, i64) {
        let longest = interval_ms.max(before_ms);
        let most = longest.saturating_mul(GAP_INTERVALS).saturating_add(longest / 2);
        (interval_ms / MIN_INTERVAL_SHARE, most)
    }
}

/// The verdict on a pair of readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judged {
    /// Per second, scaled.
    Rate { value: f64, interval_ms: i64, wrapped: bool },
    /// Per second, scaled, and more than can be.
    TooMuch { value: f64, interval_ms: i64 },
    /// Less than before, without a restart that was reported.
    Backwards,
    /// No sample, and why; the next one counts from here.
    Gap(GapReason),
    /// Too close to the last reading, which stays the one to count from.
    TooClose,
}

/// Judges a reading against the one before. `highest`: the most counts a second so far; `held`:
/// polls in which the agent was seen not to refresh its counters since.
#[inline(always)]
pub(crate) fn judge(
    before: &Reading,
    now: &Reading,
    terms: &Terms,
    highest: f32,
    held: usize,
) -> Judged {
    if before.restarts != now.restarts {
        return Judged::Gap(GapReason::Reset);
    }
    if before.breaks != now.breaks {
        return Judged::Gap(terms.broken);
    }
    let elapsed = now.line_ms.saturating_sub(before.line_ms);
    let held_ms = if held == 0 { 0 } else { terms.interval_ms.saturating_mul(held as i64) };
    if elapsed > terms.most_ms.saturating_add(held_ms) {
        return Judged::Gap(GapReason::Gap);
    }
    if elapsed <= 0 || elapsed < terms.least_ms {
        return Judged::TooClose;
    }
    let (delta, wrapped) = match terms.width {
        Width::Bits64 if now.raw < before.raw => return Judged::Backwards,
        Width::Bits64 => (now.raw - before.raw, false),
        Width::Bits32 => (u64::from((now.raw as u32).wrapping_sub(before.raw as u32)), {
            (now.raw as u32) < (before.raw as u32)
        }),
    };
    let value = delta as f64 * 1000.0 / elapsed as f64 * terms.scale;
    let value = f64::from(value as f32);
    let known = terms.ceiling > 0.0;
    let above = known && value > terms.ceiling * CEILING_TOLERANCE;
    if terms.width == Width::Bits32 {
        if !known && terms.bounds_wraps && terms.saturated {
            let most = LEAST_SATURATED / terms.scale.abs() * (elapsed as f64 / 1000.0);
            if RANGE_32 <= most {
                return Judged::Gap(GapReason::Wrap);
            }
        }
        if known && terms.bounds_wraps && !above {
            // More than once around within the interval, and the speed allows it.
            let most = terms.ceiling / terms.scale.abs() * (elapsed as f64 / 1000.0);
            if delta as f64 + RANGE_32 <= most {
                return Judged::Gap(GapReason::Wrap);
            }
        }
        if wrapped {
            // With a ceiling the port's speed decides. Without one, only an agent whose uptime
            // shows that it did not restart is believed, and only for less than half the range.
            let believed = match known && terms.bounds_wraps {
                true => !above,
                false => !above && terms.uptime_known && delta < 1 << 31,
            };
            if !believed || terms.renumbered {
                return Judged::Backwards;
            }
        }
    }
    let floor = if terms.width == Width::Bits64 { LEAP_FLOOR } else { LEAP_FLOOR_32 };
    let fast = delta as f64 * 1000.0 > floor * elapsed as f64;
    let counts = || delta as f64 * 1000.0 / elapsed as f64;
    if above || (fast && leaps(terms.width, counts(), known, highest)) {
        return Judged::TooMuch { value, interval_ms: elapsed };
    }
    if terms.renumbered && !beyond_doubt(value, counts(), terms, highest) {
        return Judged::Gap(GapReason::Moved);
    }
    if !value.is_finite() {
        return Judged::Gap(GapReason::Unknown);
    }
    Judged::Rate { value, interval_ms: elapsed, wrapped }
}

/// Whether a counter has leapt rather than counted: by its history where nothing else is known,
/// and by what no port can carry in any case. A 32-bit one without a history is believed: there is
/// not much that it can say.
fn leaps(width: Width, counts: f64, known: bool, highest: f32) -> bool {
    let highest = f64::from(highest);
    match width {
        Width::Bits64 => {
            counts > LEAP_FLOOR
                && (counts > MOST_COUNTS || (!known && counts > highest * LEAP_FACTOR))
        }
        Width::Bits32 => {
            let leapt = counts > LEAP_FLOOR_32 && counts > highest * LEAP_FACTOR_32;
            !known && highest > 0.0 && leapt
        }
    }
}

/// Whether a counter has gone along with a new number of its row: without a ceiling or a history
/// there is nothing to judge it by.
fn beyond_doubt(value: f64, counts: f64, terms: &Terms, highest: f32) -> bool {
    if terms.ceiling > 0.0 {
        return value <= terms.ceiling;
    }
    counts == 0.0 || (highest > 0.0 && counts <= f64::from(highest) * RENUMBERED_FACTOR)
}

#[cfg(test)]
mod tests;

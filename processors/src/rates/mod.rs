//! Counters to rates per second. No sample beats a wrong one: whatever cannot be told apart
//! from a restart, or is more than the port can carry, becomes a gap with its reason.
//!
//! A rate over a long hole is an average nobody asked for: beyond [`GAP_INTERVALS`] there is
//! none. A rate is rounded to 24 significant bits: the interval is known to a millisecond, so
//! the rest would be noise that no store can compress.

mod timeline;

use schemas::GapReason;

pub(crate) use timeline::{Connector, Slotted};

/// Since the last value; half an interval more is jitter.
const GAP_INTERVALS: i64 = 3;

/// A value may exceed its ceiling by this factor: agents refresh counters at their own pace.
const CEILING_TOLERANCE: f64 = 1.25;

/// Closer values give no rate: the clock's milliseconds would be the result.
const MIN_INTERVAL_SHARE: i64 = 10;

/// The width of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Bits32,
    Bits64,
}

/// A counter's value and what tells a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) raw: u64,
    /// Device timeline, see [`Connector::line`].
    pub(crate) line_ms: i64,
    /// How often the device restarted.
    pub(crate) restarts: u32,
    /// How often the instance's counters started anew by the agent's own word.
    pub(crate) breaks: u32,
}

/// What a rate is judged by, beside the readings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) width: Width,
    pub(crate) scale: f64,
    /// Highest value, scaled; 0 when unknown.
    pub(crate) ceiling: f64,
    pub(crate) interval_ms: i64,
    /// Whether the agent tells its uptime, so that a restart would have shown.
    pub(crate) uptime_known: bool,
}

/// The verdict on a pair of readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judged {
    /// Per second, scaled.
    Rate { value: f64, interval_ms: i64, wrapped: bool },
    /// No sample, and why.
    Gap(GapReason),
    /// Too close to the last reading, which stays the one to count from.
    TooClose,
}

/// Judges a reading against the one before.
pub(crate) fn judge(before: Option<&Reading>, now: &Reading, terms: &Terms) -> Judged {
    let Some(before) = before else { return Judged::Gap(GapReason::First) };
    if before.restarts != now.restarts {
        return Judged::Gap(GapReason::Reset);
    }
    if before.breaks != now.breaks {
        return Judged::Gap(GapReason::Discontinuity);
    }
    let elapsed = now.line_ms.saturating_sub(before.line_ms);
    let nominal = terms.interval_ms;
    if elapsed > nominal.saturating_mul(GAP_INTERVALS).saturating_add(nominal / 2) {
        return Judged::Gap(GapReason::Gap);
    }
    if elapsed <= 0 || elapsed < nominal / MIN_INTERVAL_SHARE {
        return Judged::TooClose;
    }
    let (delta, wrapped) = match terms.width {
        Width::Bits64 if now.raw < before.raw => return Judged::Gap(GapReason::Reset),
        Width::Bits64 => (now.raw - before.raw, false),
        Width::Bits32 => (u64::from((now.raw as u32).wrapping_sub(before.raw as u32)), {
            (now.raw as u32) < (before.raw as u32)
        }),
    };
    let value = delta as f64 * 1000.0 / elapsed as f64 * terms.scale;
    let value = f64::from(value as f32);
    let above = terms.ceiling > 0.0 && value > terms.ceiling * CEILING_TOLERANCE;
    if wrapped {
        // With a ceiling the port's speed decides. Without one, only an agent whose uptime shows
        // that it did not restart is believed, and only for less than half the range.
        let believed = match terms.ceiling > 0.0 {
            true => !above,
            false => terms.uptime_known && delta < 1 << 31,
        };
        if !believed {
            return Judged::Gap(GapReason::Reset);
        }
    }
    if above {
        return Judged::Gap(GapReason::Implausible);
    }
    if !value.is_finite() {
        return Judged::Gap(GapReason::Unknown);
    }
    Judged::Rate { value, interval_ms: elapsed, wrapped }
}

#[cfg(test)]
mod tests;

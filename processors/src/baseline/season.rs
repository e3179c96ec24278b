//! The hour of the day: what each hour (UTC) is above or below the day's mean.
//!
//! An hour's mean enters when the hour is over, so one value an hour is learned. The offset
//! between two hours is interpolated between their middles. It takes effect when every hour was
//! seen on two days; before, the level alone follows the series.

const HOUR_MS: i64 = 3_600_000;

/// Days an hour must have been seen on.
const KNOWN_DAYS: u8 = 2;

/// Days are counted up to here.
const MOST_DAYS: u8 = 4;

/// The share a new day has in an hour's mean, once full.
const DAY_SHARE: f64 = 0.25;

/// The profile of a day. Means are kept as the upper half of an f32: half a percent is less
/// than the band's floor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Season {
    /// Mean by hour, bfloat16.
    pub(crate) mean: [u16; 24],
    /// Days seen by hour, up to [`MOST_DAYS`].
    pub(crate) days: [u8; 24],
    /// Mean over all hours, and how many of them were seen on [`KNOWN_DAYS`].
    pub(crate) centre: f32,
    pub(crate) known: u8,
    /// The hour being gathered, since the epoch; its values so far and their mean.
    pub(crate) hour: i32,
    pub(crate) count: u32,
    pub(crate) gathered: f32,
    /// Whether means, days, centre or known changed since they were last saved.
    pub(crate) changed: bool,
}

impl Default for Season {
    fn default() -> Self {
        Self {
            mean: [0; 24],
            days: [0; 24],
            centre: 0.0,
            known: 0,
            hour: 0,
            count: 0,
            gathered: 0.0,
            changed: true,
        }
    }
}

impl Season {
    /// What this time is expected to lie above the level; 0 until enough days are known.
    pub(crate) fn offset(&self, at_ms: i64) -> f64 {
        if self.known < 24 {
            return 0.0;
        }
        let half = at_ms.rem_euclid(24 * HOUR_MS) - HOUR_MS / 2;
        let share = half.rem_euclid(HOUR_MS) as f64 / HOUR_MS as f64;
        let before = usize::try_from(half.div_euclid(HOUR_MS).rem_euclid(24)).unwrap_or(0);
        let after = (before + 1) % 24;
        let mean = self.mean_of(before) * (1.0 - share) + self.mean_of(after) * share;
        mean - f64::from(self.centre)
    }

    /// Takes a value; true when an hour ended, so that offsets changed.
    pub(crate) fn learn(&mut self, at_ms: i64, value: f64) -> bool {
        let hour = i32::try_from(at_ms.div_euclid(HOUR_MS)).unwrap_or(0);
        let ended = hour != self.hour;
        if ended {
            self.finish_hour();
            self.hour = hour;
        }
        self.count = self.count.saturating_add(1);
        self.gathered += ((value - f64::from(self.gathered)) / f64::from(self.count)) as f32;
        ended
    }

    fn finish_hour(&mut self) {
        let (count, mean) = (self.count, f64::from(self.gathered));
        (self.count, self.gathered) = (0, 0.0);
        if count == 0 {
            return;
        }
        self.changed = true;
        let hour = usize::try_from(self.hour.rem_euclid(24)).unwrap_or(0);
        let days = &mut self.days[hour];
        *days = days.saturating_add(1).min(MOST_DAYS);
        let share = DAY_SHARE.max(1.0 / f64::from(*days));
        let before = widen(self.mean[hour]);
        self.mean[hour] = narrow(before + (mean - before) * share);
        self.known = self.days.iter().filter(|days| **days >= KNOWN_DAYS).count() as u8;
        let sum: f64 = (0..24).map(|hour| self.mean_of(hour)).sum();
        self.centre = (sum / 24.0) as f32;
    }

    fn mean_of(&self, hour: usize) -> f64 {
        widen(self.mean[hour])
    }
}

fn narrow(value: f64) -> u16 {
    let bits = (value as f32).to_bits();
    (bits.saturating_add(0x8000) >> 16) as u16
}

fn widen(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

//! Which resolution a range is shown in, and where a line must break.

use serde::Serialize;
use utoipa::ToSchema;

/// How fine a series is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) enum Resolution {
    /// Samples as measured.
    #[serde(rename = "raw")]
    Raw,
    /// Buckets of 5 minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// Buckets of an hour.
    #[serde(rename = "1h")]
    Hour,
    /// Buckets of a day (UTC).
    #[serde(rename = "1d")]
    Day,
}

const MINUTE_MS: i64 = 60_000;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// Longest range whose samples are thinned where there are more than the points wanted.
const DENSE_RANGE_MS: i64 = 2 * HOUR_MS;

impl Resolution {
    /// From fine to coarse.
    const ALL: [Self; 4] = [Self::Raw, Self::FiveMinutes, Self::Hour, Self::Day];

    /// Width of a bucket; 0 for raw.
    pub(super) const fn bucket_ms(self) -> i64 {
        match self {
            Self::Raw => 0,
            Self::FiveMinutes => 5 * MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    /// Width of what one point stands for: a bucket, or samples thinned to `points`; 0 for a sample.
    pub(super) fn width_ms(self, range_ms: i64, interval_ms: i64, points: i64) -> i64 {
        match self {
            Self::Raw if range_ms <= DENSE_RANGE_MS && range_ms / interval_ms.max(1) >= points => {
                range_ms.div_euclid(points) + 1
            }
            Self::Raw | Self::FiveMinutes | Self::Hour | Self::Day => self.bucket_ms(),
        }
    }

    /// The next coarser one.
    pub(super) const fn coarser(self) -> Option<Self> {
        match self {
            Self::Raw => Some(Self::FiveMinutes),
            Self::FiveMinutes => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    /// The finest that needs no more than `points` for the range; samples come every
    /// `interval_ms`. Over a short range samples are shown however dense they are, thinned: a
    /// handful of buckets is no line.
    pub(super) fn choose(range_ms: i64, interval_ms: i64, points: i64) -> Self {
        let fits = |resolution: &Self| {
            let step = resolution.step_ms(interval_ms);
            range_ms / step < points || (*resolution == Self::Raw && range_ms <= DENSE_RANGE_MS)
        };
        Self::ALL.into_iter().find(fits).unwrap_or(Self::Day)
    }

    /// Distance between two points when none is missing.
    pub(super) fn step_ms(self, interval_ms: i64) -> i64 {
        match self {
            Self::Raw => interval_ms.max(1),
            Self::FiveMinutes | Self::Hour | Self::Day => self.bucket_ms(),
        }
    }

    /// Two points further apart than this have a gap between them: two and a half intervals, so
    /// that one late answer is none.
    pub(super) fn break_ms(self, interval_ms: i64) -> i64 {
        match self {
            Self::Raw => interval_ms.max(1) * 5 / 2,
            // A missing bucket is a gap, unless samples are rarer than buckets.
            Self::FiveMinutes | Self::Hour | Self::Day => {
                if interval_ms >= self.bucket_ms() {
                    interval_ms * 5 / 2
                } else {
                    self.bucket_ms()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Resolution::{Day, FiveMinutes, Hour, Raw};
    use super::*;

    #[test]
    fn the_finest_that_fits() {
        let check = |range_ms: i64, interval_ms: i64, points: i64, expected: Resolution| {
            let chosen = Resolution::choose(range_ms, interval_ms, points);
            assert_eq!(chosen, expected, "{range_ms} / {interval_ms} in {points}");
        };
        check(HOUR_MS, 60_000, 2_000, Raw);
        check(DAY_MS, 60_000, 2_000, Raw);
        check(DAY_MS, 60_000, 500, FiveMinutes);
        check(2 * DAY_MS, 60_000, 2_000, FiveMinutes);
        check(7 * DAY_MS, 60_000, 2_000, Hour);
        check(7 * DAY_MS, 300_000, 2_000, Hour);
        check(30 * DAY_MS, 60_000, 2_000, Hour);
        check(30 * DAY_MS, 60_000, 500, Day);
        check(365 * DAY_MS, 60_000, 2_000, Day);
        check(6 * HOUR_MS, 1_000, 2_000, FiveMinutes);
        // Rare samples are shown as they are, whatever the range.
        check(30 * DAY_MS, HOUR_MS, 2_000, Raw);
        // Dense samples over a short range are not three buckets.
        check(HOUR_MS / 4, 1_000, 800, Raw);
        check(HOUR_MS, 0, 2_000, Raw);
        assert_eq!(Raw.width_ms(HOUR_MS, 60_000, 800), 0);
        assert_eq!(Raw.width_ms(HOUR_MS, 1_000, 800), 4_501);
    }

    #[test]
    fn a_gap_is_a_missing_bucket_or_two_and_a_half_intervals() {
        assert_eq!(Raw.break_ms(60_000), 150_000);
        assert_eq!(FiveMinutes.break_ms(60_000), 300_000);
        assert_eq!(FiveMinutes.break_ms(600_000), 1_500_000);
        assert_eq!(Hour.break_ms(60_000), HOUR_MS);
    }
}

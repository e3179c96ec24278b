//! What a series usually does, and how far a value is from it.
//!
//! The seam is [`observe`]: a value comes in, a [`Verdict`] goes out, and the state learns unless
//! it is asked to hold. Everything behind it can be replaced. What is there now: a level that
//! follows the series (EWMA of clipped residuals), the hour of the day as an offset learned over
//! days, and a robust scale (EWMA of clipped absolute residuals) with the device's quantum and a
//! share of the expected value as floors. No band reaches beyond what the metric can be ([`Range`]).
//! The alarm ([`Alarm`]) is a machine of its own that only sees verdicts.

mod alarm;
mod range;
mod season;

pub(crate) use alarm::{Alarm, Episode, Evidence, Move};
pub(crate) use range::Range;
pub(crate) use season::Season;

/// Name and version of the method, as in the records.
pub const METHOD: &str = "robust-ewma-hour/2";

/// Values needed before there is a band: 5 minutes of polls every 15 s.
const WARM_UP: u16 = 20;

/// The level's share of a residual, once warm.
const LEVEL_SHARE: f64 = 0.15;

/// The scale's share of a residual, once warm.
const SCALE_SHARE: f64 = 0.02;

/// Residuals count at most so many scales.
const CLIP: f64 = 3.0;

/// Mean absolute deviation to standard deviation of a normal distribution, sqrt(pi / 2).
const DEVIATION: f64 = 1.253_314_137_315_500_1;

/// Least scale, as a share of the expected value.
const SCALE_FLOOR: f64 = 0.02;

/// Half the band's width in scales; beyond it a value is out of the ordinary.
pub(crate) const BAND: f64 = 4.0;

/// What was learned grows uncertain with the square root of time: by 1.4 after so long.
const FORGET_MS: f64 = 240_000.0;

/// … but no further than this.
const MOST_WIDENING: f64 = 3.0;

/// After a hole so long a level is not believed any more.
const STALE_MS: i64 = 6 * 3_600_000;

/// Scores are cut here: what lies beyond is the same to everyone.
const MOST_SCORE: f64 = 1_000.0;

/// What a series taught. Single precision: 7 digits are more than a band needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Learned {
    pub(crate) level: f32,
    pub(crate) scale: f32,
    /// Values learned from, up to where it no longer matters.
    pub(crate) count: u16,
    /// Smallest step of the last value.
    pub(crate) quantum: f32,
    pub(crate) learned_at: i64,
    pub(crate) season: Season,
}

/// A value against what was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) expected: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    /// Distance from expected in scales.
    pub(crate) score: f64,
    /// False while too little is known: the rest is meaningless then.
    pub(crate) has_baseline: bool,
}

/// Judges a value by what was learned before it, then learns it, unless `hold`: an anomaly is
/// on and must not become the norm. `quantum` is the smallest step of the value, `range` what it
/// can be.
pub(crate) fn observe(
    learned: &mut Learned,
    at_ms: i64,
    value: f64,
    quantum: f64,
    range: Range,
    hold: bool,
) -> Verdict {
    if hold {
        return learned.judge(at_ms, value, quantum, range);
    }
    if learned.count > 0 && at_ms.saturating_sub(learned.learned_at) > STALE_MS {
        learned.restart();
    }
    let verdict = learned.judge(at_ms, value, quantum, range);
    learned.learn(at_ms, value, &verdict, quantum, range);
    verdict
}

impl Learned {
    /// The band at a time; none while there is no baseline.
    pub(crate) fn forecast(&self, at_ms: i64, range: Range) -> Option<Verdict> {
        (self.count >= WARM_UP).then(|| self.judge(at_ms, 0.0, f64::from(self.quantum), range))
    }

    /// Forgets the level; the next values are a warm-up again. The season stays.
    pub(crate) fn restart(&mut self) {
        self.level = 0.0;
        self.scale = 0.0;
        self.count = 0;
    }

    /// An episode is over: the old normal moved by this meanwhile.
    fn anchor(&mut self, at_ms: i64, moved: f64) {
        self.level = (f64::from(self.level) + moved) as f32;
        self.learned_at = at_ms;
    }

    fn idle(&self, at_ms: i64) -> f64 {
        at_ms.saturating_sub(self.learned_at).max(0) as f64
    }

    fn judge(&self, at_ms: i64, value: f64, quantum: f64, range: Range) -> Verdict {
        let expected = range.clamp(f64::from(self.level) + self.season.offset(at_ms));
        let scale = self.scale(self.widening(at_ms), expected, quantum, range);
        let score = ((value - expected).abs() / scale).min(MOST_SCORE);
        Verdict {
            expected,
            lower: range.clamp(expected - BAND * scale),
            upper: range.clamp(expected + BAND * scale),
            score,
            has_baseline: self.count >= WARM_UP,
        }
    }

    /// How much wider the band has become since the last value was learned.
    fn widening(&self, at_ms: i64) -> f64 {
        (1.0 + self.idle(at_ms) / FORGET_MS).sqrt().min(MOST_WIDENING)
    }

    fn scale(&self, widening: f64, expected: f64, quantum: f64, range: Range) -> f64 {
        // With two ends it does not widen: in the end nothing would be out of the ordinary.
        let grain = range.grain(quantum);
        let quantum = if grain.is_some() { 0.0 } else { quantum };
        let floor = quantum.max(SCALE_FLOOR * expected.abs()).max(f64::MIN_POSITIVE);
        // A scale of few values is itself uncertain.
        let few = 1.0 + 5.0 / f64::from(self.count.max(1));
        ((f64::from(self.scale) * few).max(floor) * widening).max(grain.unwrap_or(0.0))
    }

    fn learn(&mut self, at_ms: i64, value: f64, verdict: &Verdict, quantum: f64, range: Range) {
        let level = f64::from(self.level);
        let offset = self.season.offset(at_ms);
        let expected = level + offset;
        if self.count == 0 {
            self.level = (value - offset) as f32;
            self.scale = 0.0;
        } else {
            let residual = value - expected;
            let scale = self.scale(1.0, expected, quantum, range);
            // Before there is a band, nothing is known to clip by.
            let limit = if verdict.has_baseline { CLIP * scale } else { f64::INFINITY };
            let clipped = residual.clamp(-limit, limit);
            let share = 1.0 / f64::from(self.count);
            // One beyond the band is likely the start of an episode, not of a new level.
            let pull = match verdict.has_baseline && verdict.score > BAND {
                true => clipped / CLIP,
                false => clipped,
            };
            let level = level + pull * LEVEL_SHARE.max(share);
            let spread = clipped.abs() * DEVIATION;
            let scale = f64::from(self.scale);
            self.level = level as f32;
            self.scale = (scale + (spread - scale) * SCALE_SHARE.max(share)) as f32;
        }
        if self.season.learn(at_ms, f64::from(self.level) + offset) {
            // What the season now says for itself the level must not say again.
            self.level = (f64::from(self.level) + offset - self.season.offset(at_ms)) as f32;
        }
        self.quantum = quantum as f32;
        self.count = self.count.saturating_add(1).min(1_000);
        self.learned_at = at_ms;
    }
}

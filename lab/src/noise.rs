//! Traffic and light as pure functions of seed and time.
//!
//! A counter is the integral of a rate with a daily, half-daily and weekly season and
//! noise at three time scales, in closed form: its value at any time costs a few
//! multiplications, and two readers at one time see one value. The noise's slope stays
//! below the season's lowest rate, so counters never step back.

use std::f64::consts::TAU;

/// Lengths of the noise's slots, seconds.
const SLOTS_S: [f64; 3] = [2.0, 30.0, 300.0];
/// Largest change of the rate by each scale, as a share of the mean.
const SHARES: [f64; 3] = [0.05, 0.06, 0.05];

/// Scrambles 64 bits (splitmix64's finaliser).
pub(crate) const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed made of two.
pub(crate) const fn join(seed: u64, part: u64) -> u64 {
    mix(seed ^ mix(part).rotate_left(23))
}

/// A seed made of a seed and a name.
pub(crate) fn join_text(seed: u64, text: &str) -> u64 {
    text.bytes().fold(join(seed, text.len() as u64), |sum, byte| join(sum, u64::from(byte)))
}

/// From 0 up to, not including, 1.
pub(crate) fn unit(value: u64) -> f64 {
    (mix(value) >> 11) as f64 / (1u64 << 53) as f64
}

fn signed_unit(value: u64) -> f64 {
    unit(value) * 2.0 - 1.0
}

/// What all curves need of one moment, computed once for many values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    /// Milliseconds since the lab's epoch.
    pub(crate) ms: u64,
    /// Seconds since the lab's epoch.
    pub(crate) t_s: f64,
    waves: [(f64, f64); 3],
    slots: [(u64, f64); 3],
}

impl Tick {
    pub(crate) fn new(ms: u64, day_s: f64) -> Self {
        let t_s = ms as f64 / 1000.0;
        let turn = TAU / day_s * t_s;
        Self {
            ms,
            t_s,
            waves: [turn.sin_cos(), (2.0 * turn).sin_cos(), (turn / 7.0).sin_cos()],
            slots: SLOTS_S.map(|slot_s| {
                let place = t_s / slot_s;
                (place as u64, place.fract())
            }),
        }
    }

    /// Noise from -1 to 1 that changes smoothly over `SLOTS_S[scale]`.
    fn noise(&self, seed: u64, scale: usize) -> f64 {
        let (slot, share) = self.slots[scale];
        let from = signed_unit(seed ^ slot.wrapping_mul(0x9e37_79b9));
        let to = signed_unit(seed ^ (slot + 1).wrapping_mul(0x9e37_79b9));
        from + (to - from) * share
    }
}

/// A rate over time and its integral.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Curve {
    mean_per_s: f64,
    /// Factors of sine and cosine in the integral.
    waves: [(f64, f64); 3],
    seed: u64,
}

impl Curve {
    /// Amplitudes and the hour of the peak come from `seed`; about 14:00 of a day of
    /// `day_s` seconds that starts at the epoch.
    pub(crate) fn new(seed: u64, mean_per_s: f64, day_s: f64) -> Self {
        let amplitudes = [
            0.30 + 0.15 * unit(seed ^ 1),
            0.06 + 0.08 * unit(seed ^ 2),
            0.05 + 0.05 * unit(seed ^ 3),
        ];
        let peak = 0.58 + 0.12 * (unit(seed ^ 4) - 0.5);
        let speeds = [1.0, 2.0, 1.0 / 7.0];
        let mut waves = [(0.0, 0.0); 3];
        for ((wave, amplitude), speed) in waves.iter_mut().zip(amplitudes).zip(speeds) {
            // cos(w·t - p) integrates to sin(w·t - p)/w.
            let (shift_sin, shift_cos) = (TAU * speed * peak).sin_cos();
            let scale = mean_per_s * amplitude * day_s / (TAU * speed);
            *wave = (scale * shift_cos, -scale * shift_sin);
        }
        Self { mean_per_s, waves, seed }
    }

    /// The integral from the epoch, up to a constant.
    pub(crate) fn total(&self, tick: &Tick) -> f64 {
        let mut sum = self.mean_per_s * tick.t_s;
        for ((on_sin, on_cos), (sin, cos)) in self.waves.iter().zip(&tick.waves) {
            sum += on_sin * sin + on_cos * cos;
        }
        for scale in 0..SLOTS_S.len() {
            let reach = self.mean_per_s * SHARES[scale] * SLOTS_S[scale] / 2.0;
            sum += reach * tick.noise(self.seed ^ (scale as u64) << 56, scale);
        }
        sum
    }

    /// The highest rate that the curve can take.
    pub(crate) fn peak_per_s(&self) -> f64 {
        self.mean_per_s * 1.9
    }
}

/// A value around `mean`: season, slow and quick noise, all within `spread`.
pub(crate) fn level(seed: u64, mean: f64, spread: f64, tick: &Tick) -> f64 {
    let (sin, _) = tick.waves[0];
    let noise = 0.3 * tick.noise(seed, 0) + 0.3 * tick.noise(seed ^ 7, 2);
    mean + spread * (0.4 * sin + noise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise_and_keep_their_mean() {
        for seed in 0..20 {
            let curve = Curve::new(mix(seed), 1.0e6, 3600.0);
            let start = 30 * 86_400_000;
            let mut last = curve.total(&Tick::new(start, 3600.0));
            let (first, mut low, mut high) = (last, f64::MAX, 0f64);
            for step in 1..=72_000u64 {
                let now = curve.total(&Tick::new(start + step * 100, 3600.0));
                let rate = (now - last) * 10.0;
                (low, high) = (low.min(rate), high.max(rate));
                last = now;
            }
            assert!(low > 0.1e6 && high < curve.peak_per_s(), "{low} {high}");
            assert!(high / low > 1.5, "no season: {low} {high}");
            let mean = (last - first) / 7200.0;
            assert!((0.85e6..1.15e6).contains(&mean), "{mean}");
        }
    }
}

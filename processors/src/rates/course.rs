//! What several readings of a counter in a row say.
//!
//! - A reading that is more than can be, or less than before, is a suspect: a gap, and the next
//!   reading decides whether it was garbled or the counter goes on from there. Where both can be,
//!   there is another gap.
//! - A ceiling that is exceeded twice in a row at a like rate is wrong and is not believed any
//!   more until it is stated anew.
//! - An agent that refreshes its counters more rarely than it is polled gives the mean over the
//!   refresh, at every poll that it left out: those polls are held back until the counter moves.

use schemas::{GapReason, SampleFlags};

use super::{CEILING_TOLERANCE, Judged, MOST_COUNTS, Reading, Terms, Width, judge, leaps};

/// Polls that are held back at most.
pub(crate) const MOST_HELD: usize = 12;

/// Two rates above the ceiling are alike within this factor.
const ALIKE: f64 = 4.0;

/// Beside the last reading: what is known of how a counter runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Course {
    /// How long the counter had stood still up to the last reading.
    pub(crate) still_ms: u32,
    /// Most counts a second so far, rounded up to 8 significant bits.
    pub(crate) highest: f32,
    /// What few counters have.
    pub(crate) odd: Option<Box<Odd>>,
}

/// What is known of an odd counter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Odd {
    pub(crate) suspect: Option<Suspect>,
    /// A stated ceiling that was found to be wrong, scaled; 0: none.
    pub(crate) false_ceiling: f64,
    /// Polls that the agent leaves out between two refreshes of the counter, as far as known.
    pub(crate) refresh: u8,
    /// Times (by the wall) of the polls held back.
    pub(crate) held: Vec<i64>,
}

/// A reading that does not follow from the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Suspect {
    pub(crate) reading: Reading,
    /// The rate that it would have been, scaled; 0 when it was less than before.
    pub(crate) value: f64,
}

/// What becomes of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Followed {
    /// Per second, scaled; with `held` true of the polls held back, too: see
    /// [`Course::take_held`].
    Rate { value: f64, interval_ms: i64, flags: i32, held: bool },
    /// No sample, and why.
    Gap(GapReason),
    /// Nothing is said before the counter moves.
    Held,
    /// Too close to the last reading.
    TooClose,
}

impl Course {
    /// Takes a reading. `base`: the one to count from; `at`: time by the wall; `stated`: the
    /// ceiling, scaled, 0 when unknown; `hold`: polls to hold back while nothing moves.
    #[inline]
    pub(crate) fn follow(
        &mut self,
        base: &mut Reading,
        now: Reading,
        at: i64,
        stated: f64,
        hold: usize,
        terms: &mut Terms,
    ) -> Followed {
        terms.ceiling = stated;
        let mut held = 0;
        if let Some(odd) = &self.odd {
            held = odd.held.len();
            if odd.false_ceiling == stated {
                terms.ceiling = 0.0;
            }
        }
        match judge(base, &now, terms, self.highest, held) {
            Judged::Rate { value, interval_ms, .. } if now.raw == base.raw && value == 0.0 => {
                self.stand_still(base, now, at, hold, interval_ms)
            }
            Judged::Rate { value, interval_ms, wrapped } => {
                if self.odd.is_some() {
                    return self.move_oddly(
                        base,
                        now,
                        stated,
                        terms,
                        (value, interval_ms, wrapped),
                    );
                }
                let flags = if wrapped { SampleFlags::WRAP } else { 0 };
                self.go_on(base, now, terms.scale, (value, interval_ms, flags))
            }
            Judged::TooMuch { value, interval_ms } => {
                self.leap(base, now, stated, terms, (value, interval_ms))
            }
            Judged::Backwards => self.turn(base, now, terms),
            Judged::Gap(reason) => {
                self.start_over(base, now, reason);
                Followed::Gap(reason)
            }
            Judged::TooClose => Followed::TooClose,
        }
    }

    /// A rate that is published; the next one counts from here.
    #[inline]
    fn go_on(
        &mut self,
        base: &mut Reading,
        now: Reading,
        scale: f64,
        (value, interval_ms, flags): (f64, i64, i32),
    ) -> Followed {
        *base = now;
        self.still_ms = 0;
        if value > f64::from(self.highest) * scale {
            self.rise((value / scale) as f32);
        }
        Followed::Rate { value, interval_ms, flags, held: false }
    }

    #[cold]
    fn rise(&mut self, counts: f32) {
        if counts.is_finite() {
            self.highest = f32::from_bits(counts.to_bits().saturating_add(0xffff) & 0xffff_0000);
        }
    }

    /// The times of the polls held back, which are not any more.
    pub(crate) fn take_held(&mut self) -> Vec<i64> {
        let held = self.odd.as_mut().map(|odd| std::mem::take(&mut odd.held));
        self.trim();
        held.unwrap_or_default()
    }

    fn start_over(&mut self, base: &mut Reading, now: Reading, reason: GapReason) {
        *base = now;
        self.still_ms = 0;
        if reason == GapReason::Moved {
            *self = Self::default();
        } else if let Some(odd) = &mut self.odd {
            odd.suspect = None;
            odd.held.clear();
            self.trim();
        }
    }

    /// Lets go of what is not odd any more.
    fn trim(&mut self) {
        let needless = |odd: &Odd| {
            odd.suspect.is_none()
                && odd.false_ceiling == 0.0
                && odd.refresh == 0
                && odd.held.is_empty()
        };
        if self.odd.as_deref().is_some_and(needless) {
            self.odd = None;
        }
    }

    /// The same reading again: idle, or not refreshed.
    #[inline]
    fn stand_still(
        &mut self,
        base: &mut Reading,
        now: Reading,
        at: i64,
        hold: usize,
        interval_ms: i64,
    ) -> Followed {
        let mut held = false;
        if self.odd.is_some() || hold > 0 {
            let odd = self.odd.get_or_insert_default();
            odd.suspect = None;
            let hold = hold.max(usize::from(odd.refresh)).min(MOST_HELD);
            if self.still_ms == 0 && odd.held.len() < hold {
                odd.held.push(at);
                return Followed::Held;
            }
            // Longer than a refresh takes: it is idle, and was.
            held = !odd.held.is_empty();
            self.trim();
        }
        *base = now;
        let still = i64::from(self.still_ms).saturating_add(interval_ms);
        self.still_ms = u32::try_from(still).unwrap_or(u32::MAX);
        Followed::Rate { value: 0.0, interval_ms, flags: 0, held }
    }

    /// A rate of a counter that was odd before.
    #[cold]
    fn move_oddly(
        &mut self,
        base: &mut Reading,
        now: Reading,
        stated: f64,
        terms: &Terms,
        (mut value, mut interval_ms, mut wrapped): (f64, i64, bool),
    ) -> Followed {
        let highest = self.highest;
        let odd = self.odd.get_or_insert_default();
        if let Some(suspect) = odd.suspect.take()
            && let Judged::Rate { value: other, interval_ms: since, wrapped: around } =
                judge(&suspect.reading, &now, terms, highest, 0)
        {
            if wrapped && !around {
                // Rather a restart that was not reported than a wrap that was not seen.
                (value, interval_ms, wrapped) = (other, since, false);
                odd.held.clear();
            } else if !is_between(base, &suspect.reading, &now, terms.width) {
                // It goes on from either: nobody can know which.
                self.start_over(base, now, GapReason::Reset);
                return Followed::Gap(GapReason::Reset);
            }
        }
        let mut flags = if wrapped { SampleFlags::WRAP } else { 0 };
        let held = !odd.held.is_empty();
        if held {
            odd.refresh = odd.refresh.max(odd.held.len() as u8);
            flags |= SampleFlags::MEAN;
        }
        if odd.false_ceiling == stated && stated > 0.0 && value > stated * CEILING_TOLERANCE {
            flags |= SampleFlags::CEILING;
        }
        self.trim();
        self.go_on(base, now, terms.scale, (value, interval_ms, flags));
        Followed::Rate { value, interval_ms, flags, held }
    }

    /// More than can be.
    #[cold]
    fn leap(
        &mut self,
        base: &mut Reading,
        now: Reading,
        stated: f64,
        terms: &Terms,
        (value, interval_ms): (f64, i64),
    ) -> Followed {
        let known = terms.ceiling > 0.0;
        if self.still_ms > 0 {
            // It stood still before: what was counted meanwhile came at once.
            let still = i64::from(self.still_ms);
            let mean = value * interval_ms as f64 / (interval_ms + still) as f64;
            let fits = !known || mean <= terms.ceiling * CEILING_TOLERANCE;
            let counts = mean / terms.scale.abs();
            if fits && !leaps(terms.width, counts, known, self.highest) {
                let polls = (still / terms.interval_ms.max(1)).clamp(1, MOST_HELD as i64);
                self.odd.get_or_insert_default().refresh = polls as u8;
                let (interval_ms, flags) = (interval_ms + still, SampleFlags::MEAN);
                return self.go_on(base, now, terms.scale, (mean, interval_ms, flags));
            }
        }
        let highest = self.highest;
        let odd = self.odd.get_or_insert_default();
        let Some(before) = odd.suspect.replace(Suspect { reading: now, value }) else {
            return Followed::Gap(GapReason::Implausible);
        };
        let (value, interval_ms, flags) = match judge(&before.reading, &now, terms, highest, 0) {
            // A jump, and on from there.
            Judged::Rate { value, interval_ms, wrapped: false } if value > 0.0 => {
                (value, interval_ms, 0)
            }
            Judged::TooMuch { value, interval_ms }
                if value <= before.value * ALIKE
                    && before.value <= value * ALIKE
                    && value / terms.scale.abs() <= MOST_COUNTS =>
            {
                let flags = if known { SampleFlags::CEILING } else { 0 };
                odd.false_ceiling = if known { stated } else { odd.false_ceiling };
                (value, interval_ms, flags)
            }
            Judged::TooMuch { value, .. } => {
                odd.suspect = Some(Suspect { reading: now, value });
                return Followed::Gap(GapReason::Implausible);
            }
            Judged::Rate { .. } | Judged::Backwards | Judged::Gap(_) | Judged::TooClose => {
                return Followed::Gap(GapReason::Implausible);
            }
        };
        odd.suspect = None;
        odd.held.clear();
        self.trim();
        self.go_on(base, now, terms.scale, (value, interval_ms, flags))
    }

    /// Less than before, and no restart was reported.
    #[cold]
    fn turn(&mut self, base: &mut Reading, now: Reading, terms: &Terms) -> Followed {
        let highest = self.highest;
        let odd = self.odd.get_or_insert_default();
        let suspect = Suspect { reading: now, value: 0.0 };
        let Some(before) = odd.suspect.replace(suspect) else {
            return Followed::Gap(GapReason::Reset);
        };
        match judge(&before.reading, &now, terms, highest, 0) {
            Judged::Rate { value, interval_ms, wrapped: false } if value > 0.0 => {
                odd.suspect = None;
                odd.held.clear();
                self.trim();
                self.go_on(base, now, terms.scale, (value, interval_ms, 0))
            }
            Judged::Rate { .. }
            | Judged::TooMuch { .. }
            | Judged::Backwards
            | Judged::Gap(_)
            | Judged::TooClose => Followed::Gap(GapReason::Reset),
        }
    }
}

/// Whether one counter can have had all three readings, in this order.
fn is_between(base: &Reading, middle: &Reading, now: &Reading, width: Width) -> bool {
    match width {
        Width::Bits64 => base.raw <= middle.raw && middle.raw <= now.raw,
        Width::Bits32 => {
            let since = |raw: u64| (raw as u32).wrapping_sub(base.raw as u32);
            since(middle.raw) <= since(now.raw)
        }
    }
}

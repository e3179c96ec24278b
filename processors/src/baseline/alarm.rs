//! Verdicts to episodes: exactly one onset, any number of changes, exactly one clear.
//!
//! An onset takes [`ONSET_OF`] values of which [`ONSET_AFTER`] lie beyond the band, the last one
//! among them; a clear takes [`CLEAR_AFTER`] values in a row inside a narrower band, the narrower
//! the milder the episode was: back from a score of 50, a 3 is the old normal, which moved on
//! meanwhile; back from 5, it is not.
//! A missing sample is no value: it neither starts nor ends anything. While an episode is on
//! nothing is learned, so a failure that lasts does not become normal, with one rule: after
//! [`ACCEPT_AFTER_MS`] the new level is accepted, the episode is cleared and learning starts
//! over.

use schemas::Transition;

use super::{BAND, Learned, Verdict};

const ONSET_AFTER: u32 = 3;
const ONSET_OF: u32 = 4;
const CLEAR_AFTER: u8 = 4;
const CLEAR_BELOW: f64 = 2.5;
const CLEAR_BELOW_MOST: f64 = 3.6;
const CLEAR_SHARE: f64 = 0.1;

/// A new level that lasts so long is the normal one from then on.
const ACCEPT_AFTER_MS: i64 = 24 * 3_600_000;

/// A change is published when the score has grown by this factor …
const CHANGE_FACTOR: f32 = 2.0;

/// … and the last one is so long ago.
const CHANGE_EVERY_MS: i64 = 300_000;

/// The alarm of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alarm {
    /// The last values, newest in the lowest bit: 1 is beyond the band.
    pub(crate) history: u8,
    pub(crate) episode: Option<Box<Episode>>,
}

/// An anomaly that is on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Episode {
    pub(crate) onset_at: i64,
    pub(crate) published_at: i64,
    /// Highest score so far.
    pub(crate) highest: f32,
    /// Score of the last record.
    pub(crate) published: f32,
    /// Values inside in a row.
    pub(crate) inside: u8,
    /// Their mean distance from what was expected.
    pub(crate) moved: f32,
    /// Last value and band: a clear for another reason has these.
    pub(crate) last: Evidence,
    /// Value and band of the onset.
    pub(crate) first: Evidence,
    /// When the highest score was, and its value and band.
    pub(crate) peak_at: i64,
    pub(crate) peak: Evidence,
}

/// Value, expected, lower, upper.
pub(crate) type Evidence = (f64, f64, f64, f64);

/// A transition to be sent, with what opened the anomaly and the worst of it so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Move {
    pub(crate) made: Transition,
    pub(crate) onset_at: i64,
    /// The highest so far.
    pub(crate) score: f64,
    pub(crate) first: Evidence,
    pub(crate) peak_at: i64,
    pub(crate) peak: Evidence,
}

impl Episode {
    fn makes(&self, made: Transition) -> Move {
        Move {
            made,
            onset_at: self.onset_at,
            score: f64::from(self.highest),
            first: self.first,
            peak_at: self.peak_at,
            peak: self.peak,
        }
    }
}

impl Alarm {
    pub(crate) fn is_open(&self) -> bool {
        self.episode.is_some()
    }

    /// Takes the verdict on a value; may make `learned` start over.
    pub(crate) fn step(
        &mut self,
        at: i64,
        value: f64,
        verdict: &Verdict,
        learned: &mut Learned,
    ) -> Option<Move> {
        if self.episode.is_none() {
            return self.watch(at, value, verdict);
        }
        self.hold(at, value, verdict, learned)
    }

    fn watch(&mut self, at: i64, value: f64, verdict: &Verdict) -> Option<Move> {
        if !verdict.has_baseline {
            self.history = 0;
            return None;
        }
        let beyond = verdict.score > BAND;
        self.history = (self.history << 1 | u8::from(beyond)) & ((1 << ONSET_OF) - 1);
        if !beyond || self.history.count_ones() < ONSET_AFTER {
            return None;
        }
        self.history = 0;
        let evidence = (value, verdict.expected, verdict.lower, verdict.upper);
        let episode = Episode {
            onset_at: at,
            published_at: at,
            highest: verdict.score as f32,
            published: verdict.score as f32,
            inside: 0,
            moved: 0.0,
            last: evidence,
            first: evidence,
            peak_at: at,
            peak: evidence,
        };
        let made = Move { score: verdict.score, ..episode.makes(Transition::Onset) };
        self.episode = Some(Box::new(episode));
        Some(made)
    }

    fn hold(
        &mut self,
        at: i64,
        value: f64,
        verdict: &Verdict,
        learned: &mut Learned,
    ) -> Option<Move> {
        let episode = self.episode.as_deref_mut()?;
        episode.last = (value, verdict.expected, verdict.lower, verdict.upper);
        if verdict.score as f32 > episode.highest {
            episode.highest = verdict.score as f32;
            (episode.peak_at, episode.peak) = (at, episode.last);
        }
        let severe = f64::from(episode.highest) * CLEAR_SHARE;
        let inside = verdict.score < severe.clamp(CLEAR_BELOW, CLEAR_BELOW_MOST);
        if inside {
            episode.inside = episode.inside.saturating_add(1);
            let distance = value - verdict.expected - f64::from(episode.moved);
            episode.moved += (distance / f64::from(episode.inside)) as f32;
        } else {
            (episode.inside, episode.moved) = (0, 0.0);
        }
        let lasting = at.saturating_sub(episode.onset_at) >= ACCEPT_AFTER_MS;
        if episode.inside >= CLEAR_AFTER || lasting {
            match episode.inside >= CLEAR_AFTER {
                true => learned.anchor(at, f64::from(episode.moved)),
                false => learned.restart(),
            }
            return self.clear();
        }
        let grown = episode.highest >= episode.published * CHANGE_FACTOR;
        if grown && at.saturating_sub(episode.published_at) >= CHANGE_EVERY_MS {
            episode.published = episode.highest;
            episode.published_at = at;
            return Some(episode.makes(Transition::Change));
        }
        None
    }

    /// Ends the episode, if one is on.
    pub(crate) fn clear(&mut self) -> Option<Move> {
        Some(self.episode.take()?.makes(Transition::Clear))
    }
}

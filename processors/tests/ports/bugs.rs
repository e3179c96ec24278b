//! Bugs, seeded around the processor so that the program itself stays sound: each is what an honest
//! mistake in it would do.

use std::collections::BTreeMap;

use schemas::{GapReason, Kind, MetricBatch, Poll, SampleFlags, SeriesId};

use crate::common::device;

const METRIC: &str = "if_in_bps";

/// What is wrong with the program under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A name is all that is known of a row.
    RowsByNameAlone,
    /// Nobody looks at whom the polls ask.
    OtherDeviceUnseen,
    /// Time is counted at half its pace.
    HalfTheTime,
    /// 64-bit counters are read as if they had 32 bits.
    WideReadAsNarrow,
    /// There is a rate where the row is another one.
    RateOverMovedRow,
    /// There is a rate where the counter started anew.
    RateOverRestart,
    /// There is a rate where the reading is more than can be.
    RateOfWhatCannotBe,
    /// What an agent counted since it refreshed its counters counts as of one interval.
    RefreshInOneInterval,
    /// After a gap the rate counts from before it.
    BaseKeptOverGap,
    /// A gap repeats the rate before it.
    GapsFilled,
}

impl Bug {
    pub const ALL: [Self; 10] = [
        Self::RowsByNameAlone,
        Self::OtherDeviceUnseen,
        Self::HalfTheTime,
        Self::WideReadAsNarrow,
        Self::RateOverMovedRow,
        Self::RateOverRestart,
        Self::RateOfWhatCannotBe,
        Self::RefreshInOneInterval,
        Self::BaseKeptOverGap,
        Self::GapsFilled,
    ];

    /// What such a program makes of a poll before it looks at it.
    pub fn ask(self, poll: &mut Poll) {
        match self {
            Self::RowsByNameAlone => poll.identities.clear(),
            Self::OtherDeviceUnseen => poll.target = 0,
            Self::HalfTheTime => {
                poll.mono_ms /= 2;
                poll.uptime_cs = None;
            }
            Self::WideReadAsNarrow => {
                let wide = poll.columns.iter_mut().filter(|it| it.kind == Kind::Counter64);
                wide.for_each(|column| column.kind = Kind::Counter32);
            }
            Self::RateOverMovedRow
            | Self::RateOverRestart
            | Self::RateOfWhatCannotBe
            | Self::RefreshInOneInterval
            | Self::BaseKeptOverGap
            | Self::GapsFilled => {}
        }
    }

    /// What such a program publishes.
    pub fn publish(self, batch: &mut MetricBatch, raw: &mut Raw) {
        match self {
            Self::RowsByNameAlone
            | Self::OtherDeviceUnseen
            | Self::HalfTheTime
            | Self::WideReadAsNarrow => {}
            Self::RateOverMovedRow => fill(batch, raw, GapReason::Moved),
            Self::RateOverRestart => fill(batch, raw, GapReason::Reset),
            Self::RateOfWhatCannotBe => fill(batch, raw, GapReason::Implausible),
            Self::RefreshInOneInterval => {
                for place in 0..batch.series.len() {
                    let (series, flags) = (batch.series[place], batch.flags.get(place));
                    let mean = flags.is_some_and(|flags| flags & SampleFlags::MEAN != 0);
                    let held = batch.series.iter().filter(|it| **it == series).count();
                    let last = batch.series[place + 1..].iter().all(|it| *it != series);
                    if mean && last {
                        batch.values[place] *= held as f64;
                    }
                }
            }
            Self::BaseKeptOverGap => {
                let all: Vec<SeriesId> = batch.series.clone();
                for (place, series) in all.into_iter().enumerate() {
                    if let Some(rate) =
                        raw.over_gap.remove(&series).and_then(|from| raw.rate(series, from))
                    {
                        batch.values[place] = rate;
                    }
                }
                for gap in &batch.gaps {
                    if let Some(before) = raw.before.get(&gap.series) {
                        raw.over_gap.entry(gap.series).or_insert(*before);
                    }
                }
            }
            Self::GapsFilled => {
                for (series, value) in batch.series.iter().zip(&batch.values) {
                    raw.rates.insert(*series, *value);
                }
                let rates = &raw.rates;
                publish(batch, |_| true, |series| rates.get(&series).copied());
            }
        }
    }
}

/// What the counters said.
#[derive(Default)]
pub struct Raw {
    /// By series: count and time in ms of the poll before the last, and of the last.
    before: BTreeMap<SeriesId, (u64, i64)>,
    now: BTreeMap<SeriesId, (u64, i64)>,
    over_gap: BTreeMap<SeriesId, (u64, i64)>,
    rates: BTreeMap<SeriesId, f64>,
}

impl Raw {
    /// Keeps what a poll says.
    pub fn read(&mut self, poll: &Poll) {
        self.before = std::mem::take(&mut self.now);
        for column in poll.columns.iter().filter(|it| it.metric == METRIC) {
            for (place, raw) in column.instances.iter().zip(&column.counts) {
                let name = &poll.instances[*place as usize];
                let series = SeriesId::of("default", device(), METRIC, name);
                self.now.insert(series, (*raw as u64, poll.mono_ms));
            }
        }
    }

    /// Bits a second since a reading, whatever happened in between.
    fn rate(&self, series: SeriesId, (raw, at): (u64, i64)) -> Option<f64> {
        let (now, now_at) = self.now.get(&series)?;
        let elapsed = (now_at - at) as f64 / 1_000.0;
        (elapsed > 0.0).then(|| now.wrapping_sub(raw) as f64 * 8.0 / elapsed)
    }
}

/// Publishes a rate in place of the gaps of a reason.
fn fill(batch: &mut MetricBatch, raw: &Raw, reason: GapReason) {
    let rate = |series| raw.before.get(&series).and_then(|before| raw.rate(series, *before));
    publish(batch, |it| it == reason, rate);
}

fn publish(
    batch: &mut MetricBatch,
    meant: impl Fn(GapReason) -> bool,
    rate: impl Fn(SeriesId) -> Option<f64>,
) {
    for gap in std::mem::take(&mut batch.gaps) {
        match rate(gap.series).filter(|_| meant(gap.reason)) {
            Some(value) => {
                batch.series.push(gap.series);
                batch.at_ms.push(gap.at_ms);
                batch.values.push(value);
                if !batch.flags.is_empty() {
                    batch.flags.push(0);
                }
            }
            None => batch.gaps.push(gap),
        }
    }
}

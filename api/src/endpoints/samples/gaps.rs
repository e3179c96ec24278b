//! Where nothing was measured: by the interval that the polls themselves said was in effect, and
//! by the reasons that were recorded. No guess from distances.

use super::read::Point;
use super::resolution::Resolution;
use super::{GapItem, GapSpan};
use crate::endpoints::ms;

/// The word for a span of which no reason is recorded: no poll gave anything.
const NO_ANSWER: &str = "no_answer";

/// How far apart polls were, at any time.
#[derive(Debug)]
pub(super) struct Intervals {
    /// Since when (ms), how long; ascending.
    changes: Vec<(i64, i64)>,
    /// Where nothing is known.
    default_ms: i64,
    /// Samples never come more often.
    least_ms: i64,
}

impl Intervals {
    pub(super) fn new(changes: Vec<(i64, i64)>, default_ms: i64, least_ms: i64) -> Self {
        Self { changes, default_ms, least_ms }
    }

    /// The interval in effect at a time; before the first that is known, that one.
    pub(super) fn at(&self, at: i64) -> i64 {
        let next = self.changes.partition_point(|(since, _)| *since <= at);
        let known = self.changes.get(next.saturating_sub(1));
        known.map_or(self.default_ms, |(_, interval)| *interval).max(self.least_ms).max(1)
    }
}

/// A line with its breaks.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) resolution: Resolution,
    /// Width of what a point stands for; 0 for a sample.
    pub(super) width_ms: i64,
    pub(super) at: Vec<i64>,
    pub(super) value: Vec<Option<f64>>,
    pub(super) min: Vec<Option<f64>>,
    pub(super) max: Vec<Option<f64>>,
    /// Begin of the first bucket that has not closed.
    pub(super) running_from: Option<i64>,
    pub(super) spans: Vec<GapSpan>,
}

impl Line {
    pub(super) fn new(resolution: Resolution, width_ms: i64) -> Self {
        Self {
            resolution,
            width_ms,
            at: Vec::new(),
            value: Vec::new(),
            min: Vec::new(),
            max: Vec::new(),
            running_from: None,
            spans: Vec::new(),
        }
    }

    fn push(&mut self, at: i64, [value, min, max]: [Option<f64>; 3]) {
        self.at.push(at);
        self.value.push(value);
        if self.width_ms > 0 {
            self.min.push(min);
            self.max.push(max);
        }
    }
}

/// Puts a null where something is missing, so that no chart draws a line over it, and says from
/// when to when that is. `end`: of the range, or the present.
pub(super) fn break_line(
    mut line: Line,
    intervals: &Intervals,
    end: i64,
    rows: &[Point],
    marks: &[GapItem],
) -> Line {
    let (resolution, width_ms) = (line.resolution, line.width_ms);
    let is_raw = resolution == Resolution::Raw;
    // Thinned samples are samples that come more rarely.
    let interval_at =
        |at: i64| if is_raw { intervals.at(at).max(width_ms) } else { intervals.at(at) };
    let finite = |value: f64| value.is_finite().then_some(value);
    let mut before: Option<i64> = None;
    for (at, value, min, max) in rows {
        let at = ms(*at);
        if let Some(before) = before {
            // Where the interval changed between two samples, the longer one counts.
            let interval = interval_at(before).max(interval_at(at));
            if at - before > resolution.break_ms(interval) {
                let step = resolution.step_ms(interval_at(before)).min((at - before) / 2);
                line.push(before + step, [None; 3]);
                line.spans.push(span(marks, before, before + step, at));
            } else if is_raw && width_ms == 0 {
                let first = marks.partition_point(|mark| mark.at <= before);
                for mark in marks[first..].iter().take_while(|mark| mark.at < at) {
                    line.push(mark.at, [None; 3]);
                    let from = (mark.at - interval).max(before);
                    let reason = mark.reason.clone();
                    line.spans.push(GapSpan { from, to: mark.at, reason });
                }
            }
        }
        line.push(at, [finite(*value), finite(*min), finite(*max)]);
        before = Some(at);
    }
    if let Some(before) = before {
        // A bucket lasts, and one that has just begun may have no sample yet.
        let lasts = if is_raw { 0 } else { width_ms };
        if end - before > lasts + resolution.break_ms(interval_at(end)) {
            let from = before + lasts.max(interval_at(before));
            line.spans.push(span(marks, before, from, end));
        }
    }
    line
}

fn span(marks: &[GapItem], before: i64, from: i64, to: i64) -> GapSpan {
    let inside = |mark: &&GapItem| mark.at > before && mark.at <= to;
    let reason = marks.iter().rev().find(inside).map(|mark| mark.reason.clone());
    GapSpan { from, to, reason: reason.unwrap_or_else(|| NO_ANSWER.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::time;

    const MINUTE: i64 = 60_000;

    fn line_of(resolution: Resolution, intervals: &Intervals, seconds: &[i64], end: i64) -> Line {
        let rows: Vec<Point> =
            seconds.iter().map(|second| (time(second * 1_000), 1.0, 0.5, 2.0)).collect();
        let line = Line::new(resolution, resolution.bucket_ms());
        break_line(line, intervals, end * 1_000, &rows, &[])
    }

    fn check(resolution: Resolution, minutes: &[i64], expected: &[(i64, bool)]) {
        let intervals = Intervals::new(vec![], MINUTE, 1);
        let seconds: Vec<i64> = minutes.iter().map(|minute| minute * 60).collect();
        let end = seconds.last().copied().unwrap_or(0);
        let line = line_of(resolution, &intervals, &seconds, end);
        let seen: Vec<(i64, bool)> =
            line.at.iter().zip(&line.value).map(|(at, v)| (at / MINUTE, v.is_some())).collect();
        assert_eq!(seen, expected);
        let bucketed = resolution.bucket_ms() > 0;
        assert_eq!(line.min.len(), if bucketed { line.at.len() } else { 0 });
        let nulls = expected.iter().filter(|(_, is_value)| !is_value).count();
        assert_eq!(line.spans.len(), nulls);
    }

    #[test]
    fn a_line_breaks_at_a_gap() {
        check(
            Resolution::Raw,
            &[0, 1, 3, 7],
            &[(0, true), (1, true), (3, true), (4, false), (7, true)],
        );
        check(
            Resolution::FiveMinutes,
            &[0, 5, 15],
            &[(0, true), (5, true), (10, false), (15, true)],
        );
        check(Resolution::Raw, &[], &[]);
    }

    /// Polls every 10 s, every minute from the fifth minute on, every 10 s again: no gap, whatever
    /// the inventory says by now.
    #[test]
    fn a_change_of_the_interval_is_no_gap() {
        let fast = (0..30).map(|n| n * 10);
        let slow = (5..15).map(|n| n * 60);
        let again = (0..30).map(|n| 900 + n * 10);
        let seconds: Vec<i64> = fast.chain(slow).chain(again).collect();
        let changes = vec![(0, 10_000), (300_000, 60_000), (900_000, 10_000)];
        let intervals = Intervals::new(changes, 10_000, 1);
        let line = line_of(Resolution::Raw, &intervals, &seconds, 1_200);
        assert_eq!(line.spans, []);
        assert!(line.value.iter().all(Option::is_some));
        // Half a minute without a sample is one while the interval is 10 s.
        let line = line_of(Resolution::Raw, &intervals, &[0, 10, 40, 50], 50);
        assert_eq!(
            line.spans,
            [GapSpan { from: 20_000, to: 40_000, reason: NO_ANSWER.to_owned() }]
        );
    }

    #[test]
    fn a_range_that_ends_without_samples_ends_in_a_gap() {
        let intervals = Intervals::new(vec![], 10_000, 1);
        let line = line_of(Resolution::Raw, &intervals, &[0, 10, 20], 100);
        let to_the_end = GapSpan { from: 30_000, to: 100_000, reason: NO_ANSWER.to_owned() };
        assert_eq!(line.spans, [to_the_end]);
        let line = line_of(Resolution::FiveMinutes, &intervals, &[0, 300], 900);
        assert_eq!(line.spans, []);
    }

    #[test]
    fn a_recorded_reason_is_a_gap_however_near_the_samples_are() {
        let intervals = Intervals::new(vec![], 10_000, 1);
        let rows: Vec<Point> =
            [0, 10, 30].iter().map(|second| (time(second * 1_000), 1.0, 1.0, 1.0)).collect();
        let marks = [GapItem { at: 20_000, reason: "reset".to_owned() }];
        let line = break_line(Line::new(Resolution::Raw, 0), &intervals, 30_000, &rows, &marks);
        assert_eq!(line.at, [0, 10_000, 20_000, 30_000]);
        assert_eq!(line.value[2], None);
        let reset = GapSpan { from: 10_000, to: 20_000, reason: "reset".to_owned() };
        assert_eq!(line.spans, [reset]);
    }
}

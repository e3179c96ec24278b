//! The samples of one poll: the inner loops.
//!
//! Discontinuity markers come first, then gauges and states, then counters: a counter is judged
//! by the marker and the ceiling of its own poll.

use schemas::{Column, Gap, GapReason, Kind, MetricBatch, Poll, SampleFlags, SeriesId};

use super::{Stages, anomaly};
use crate::baseline::{Move, Range, observe};
use crate::rates::{Connector, Judged, Reading, Terms, Width, judge};
use crate::rollup::Added;
use crate::state::{NONE, SeriesState};
use crate::{Count, DeviceState, MAX_MAGNITUDE, Out, Output};

const HOUR_MS: i64 = 3_600_000;

/// A transition: whose, when, with which value and band (expected, lower, upper).
struct Moved {
    number: usize,
    at: i64,
    last: (f64, f64, f64, f64),
    made: Move,
}

/// The poll's samples as they come to be, and the transitions they make.
struct Batch {
    started_at: i64,
    series: Vec<SeriesId>,
    at_ms: Vec<i32>,
    values: Vec<f64>,
    flags: Vec<i32>,
    gaps: Vec<Gap>,
    moves: Vec<Moved>,
}

impl Batch {
    fn push(&mut self, id: SeriesId, at_ms: i32, value: f64, flags: i32) {
        if flags != 0 && self.flags.is_empty() {
            self.flags.resize(self.series.len(), 0);
        }
        if flags != 0 || !self.flags.is_empty() {
            self.flags.push(flags);
        }
        self.series.push(id);
        self.at_ms.push(at_ms);
        self.values.push(value);
    }
}

/// What a column's samples have in common.
struct Common<'a> {
    stages: Stages,
    column: &'a Column,
    /// The column's series.
    numbers: &'a [u32],
    /// The poll's instances.
    instances: &'a [u32],
    range: Range,
}

/// Folds the samples of an accepted poll and sends them.
pub(super) fn fold(
    stages: Stages,
    state: &mut DeviceState,
    connector: usize,
    poll: &Poll,
    out: &mut dyn Out,
) {
    if poll.columns.is_empty() {
        return;
    }
    let instances = state.tables.instances(&poll.instances);
    let metrics = state.tables.metrics(&poll.columns);
    let numbers = state.meet_series(poll, &metrics, &instances, out);
    let room = numbers.len();
    let mut batch = Batch {
        started_at: poll.started_at,
        series: Vec::with_capacity(room),
        at_ms: Vec::with_capacity(room),
        values: Vec::with_capacity(room),
        flags: Vec::new(),
        gaps: Vec::new(),
        moves: Vec::new(),
    };
    let mut rest = &numbers[..];
    let commons = poll.columns.iter().map(|column| {
        let range = Range::of(column.kind, &column.metric, &column.unit);
        let (numbers, others) = rest.split_at(column.instances.len().min(rest.len()));
        rest = others;
        Common { stages, column, numbers, instances: &instances, range }
    });
    let commons: Vec<Common<'_>> = commons.collect();
    for pass in [markers, gauges, counters] {
        for common in &commons {
            pass(state, connector, common, &mut batch, out);
        }
    }
    send(state, batch, out);
}

/// Notes which instances' counters started anew.
fn markers(state: &mut DeviceState, _: usize, common: &Common<'_>, _: &mut Batch, _: &mut dyn Out) {
    if common.column.kind != Kind::Discontinuity {
        return;
    }
    for (place, value) in common.column.instances.iter().zip(&common.column.counts) {
        let Some(number) = common.instances.get(*place as usize) else { continue };
        let instance = &mut state.tables.instances[*number as usize];
        if instance.marker.is_some_and(|before| before != *value) {
            instance.breaks = instance.breaks.wrapping_add(1);
        }
        instance.marker = Some(*value);
    }
}

fn gauges(
    state: &mut DeviceState,
    _: usize,
    common: &Common<'_>,
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    let column = common.column;
    let is_state = match column.kind {
        Kind::Gauge => false,
        Kind::State => true,
        Kind::Counter32 | Kind::Counter64 | Kind::Discontinuity => return,
    };
    let values = common.numbers.iter().zip(&column.at_ms).zip(&column.gauges);
    for ((number, at_ms), raw) in values {
        if *number == NONE {
            continue;
        }
        let number = *number as usize;
        let value = raw * column.scale;
        if !sound(value) {
            out.count(Count::NotFinite);
            continue;
        }
        let at = batch.started_at + i64::from(*at_ms);
        let one = &mut state.series[number];
        if one.at == at {
            out.count(Count::DuplicateSample);
            continue;
        }
        let known = one.value();
        one.at = at;
        one.kind = column.kind;
        one.reading.raw = value.to_bits();
        let mut flags = 0;
        if is_state {
            if known == Some(value) {
                if at.div_euclid(HOUR_MS) <= one.sent_at.div_euclid(HOUR_MS) {
                    continue;
                }
                flags = SampleFlags::REPEATED;
            }
            one.sent_at = at;
        }
        batch.push(one.id, *at_ms, value, flags);
        let quantum = if is_state { None } else { Some(column.quantum) };
        follow(state, number, common, at, value, quantum, batch, out);
    }
}

fn counters(
    state: &mut DeviceState,
    connector: usize,
    common: &Common<'_>,
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    let column = common.column;
    let width = match column.kind {
        Kind::Counter32 => Width::Bits32,
        Kind::Counter64 => Width::Bits64,
        Kind::Gauge | Kind::State | Kind::Discontinuity => return,
    };
    let ceilings = column.ceiling.as_deref().and_then(|name| state.tables.find_metric(name));
    let Connector { line_ms, restarts, interval_ms, uptime, .. } = state.connectors[connector];
    let mut terms = Terms {
        width,
        scale: column.scale,
        ceiling: 0.0,
        interval_ms,
        uptime_known: uptime.is_some(),
    };
    let values = common.numbers.iter().zip(&column.instances).zip(&column.at_ms);
    for (((number, place), at_ms), raw) in values.zip(&column.counts) {
        let Some(instance) = common.instances.get(*place as usize) else { continue };
        if *number == NONE {
            continue;
        }
        let number = *number as usize;
        let ceiling = ceilings.map_or(NONE, |metric| state.tables.series(metric, *instance));
        let ceiling = state.series.get(ceiling as usize).and_then(SeriesState::value);
        terms.ceiling = ceiling.unwrap_or(0.0);
        let now = Reading {
            raw: *raw as u64,
            line_ms: line_ms.saturating_add(i64::from(*at_ms)),
            restarts,
            breaks: state.tables.instances[*instance as usize].breaks,
        };
        let at = batch.started_at + i64::from(*at_ms);
        let one = &mut state.series[number];
        let judged = judge(before(one, column.kind), &now, &terms);
        if judged == Judged::TooClose {
            out.count(Count::DuplicateSample);
            continue;
        }
        let twice = one.at == at;
        (one.at, one.kind, one.reading) = (at, column.kind, now);
        match judged {
            Judged::Rate { .. } if twice => out.count(Count::DuplicateSample),
            Judged::Rate { value, .. } if !sound(value) => {
                out.count(Count::NotFinite);
            }
            Judged::Rate { value, interval_ms, wrapped } => {
                let flags = if wrapped { SampleFlags::WRAP } else { 0 };
                batch.push(one.id, *at_ms, value, flags);
                // A rate moves in steps of one count an interval.
                let step = column.scale.abs() * 1000.0 / interval_ms as f64;
                let quantum = Some(column.quantum.max(step));
                follow(state, number, common, at, value, quantum, batch, out);
            }
            Judged::Gap(reason) => batch.gap(one.id, *at_ms, reason),
            Judged::TooClose => {}
        }
    }
}

impl Batch {
    fn gap(&mut self, series: SeriesId, at_ms: i32, reason: GapReason) {
        self.gaps.push(Gap { series, at_ms, reason });
    }
}

/// The reading to count from: none at first and after the series' kind changed.
fn before(one: &SeriesState, kind: Kind) -> Option<&Reading> {
    (one.at != i64::MIN && one.kind == kind).then_some(&one.reading)
}

/// Whether a value can be a sample.
fn sound(value: f64) -> bool {
    value.is_finite() && value.abs() <= MAX_MAGNITUDE
}

/// What follows from a sample: roll-up, and with a quantum, baseline and alarm.
#[allow(clippy::too_many_arguments)]
fn follow(
    state: &mut DeviceState,
    number: usize,
    common: &Common<'_>,
    at: i64,
    value: f64,
    quantum: Option<f64>,
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    if common.stages.rollups {
        let count = state.series.len();
        if state.rollups.add(number, count, at, value) == Added::TooLate {
            out.count(Count::LateSample);
        }
    }
    let Some(quantum) = quantum.filter(|_| common.column.detect && common.stages.detection) else {
        return;
    };
    let one = &mut state.series[number];
    let verdict = observe(&mut one.learned, at, value, quantum, common.range, one.alarm.is_open());
    if let Some(made) = one.alarm.step(at, value, &verdict, &mut one.learned) {
        let last = (value, verdict.expected, verdict.lower, verdict.upper);
        batch.moves.push(Moved { number, at, last, made });
    }
}

fn send(state: &DeviceState, batch: Batch, out: &mut dyn Out) {
    let Some(owner) = &state.owner else { return };
    if !batch.series.is_empty() || !batch.gaps.is_empty() {
        out.emit(Output::Metric(MetricBatch {
            tenant: owner.tenant.clone(),
            device: owner.device,
            at: batch.started_at,
            series: batch.series,
            at_ms: batch.at_ms,
            values: batch.values,
            flags: batch.flags,
            gaps: batch.gaps,
        }));
    }
    for Moved { number, at, last, made } in batch.moves {
        out.emit(Output::Anomaly(anomaly(state, number, at, last, made)));
    }
}

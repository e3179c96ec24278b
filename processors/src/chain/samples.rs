//! The samples of one poll: the inner loops.
//!
//! Discontinuity markers come first, then gauges and states, then counters: a counter is judged
//! by the marker and the ceiling of its own poll.

use schemas::{Column, Gap, Kind, MetricBatch, Poll, SampleFlags, SeriesId};

use super::counters::{Shared, counters};
use super::{Stages, anomaly, rows};
use crate::availability::answered;
use crate::baseline::{Evidence, Move, Range, observe};
use crate::rollup::Added;
use crate::state::NONE;
use crate::{DeviceState, DropReason, MAX_MAGNITUDE, Out, Output};

const HOUR_MS: i64 = 3_600_000;
/// Where ifSpeed ends.
const SPEED_END: f64 = u32::MAX as f64;

/// A transition: whose, when, with which value and band (expected, lower, upper).
struct Moved {
    number: usize,
    at: i64,
    last: Evidence,
    made: Move,
}

/// The poll's samples as they come to be, and the transitions they make.
pub(super) struct Batch {
    started_at: i64,
    series: Vec<SeriesId>,
    at_ms: Vec<i32>,
    values: Vec<f64>,
    flags: Vec<i32>,
    gaps: Vec<Gap>,
    moves: Vec<Moved>,
}

impl Batch {
    fn empty(poll: &Poll, room: usize) -> Self {
        Self {
            started_at: poll.started_at,
            series: Vec::with_capacity(room),
            at_ms: Vec::with_capacity(room),
            values: Vec::with_capacity(room),
            flags: Vec::new(),
            gaps: Vec::new(),
            moves: Vec::new(),
        }
    }

    pub(super) fn started_at(&self) -> i64 {
        self.started_at
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    pub(super) fn push(&mut self, id: SeriesId, at_ms: i32, value: f64, flags: i32) {
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
pub(super) struct Common<'a> {
    stages: Stages,
    pub(super) column: &'a Column,
    /// The column's series.
    pub(super) numbers: &'a [u32],
    /// The poll's instances.
    pub(super) instances: &'a [u32],
    range: Range,
    /// Whether other columns of the poll have this one for their ceiling.
    is_ceiling: bool,
}

impl<'a> Common<'a> {
    /// Places of the poll's instances of which the ceiling is more than there is a number for.
    pub(super) fn saturated(&self) -> impl Iterator<Item = i32> + use<'a> {
        let (column, is_ceiling) = (self.column, self.is_ceiling);
        let values = column.instances.iter().zip(&column.gauges).filter(move |_| is_ceiling);
        let ends = values.filter(move |(_, raw)| *raw * column.scale == SPEED_END);
        ends.map(|(place, _)| *place)
    }
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
        // That it answered is worth a record, once a cycle.
        if poll.part == 0 && answered(poll) {
            send(state, Batch::empty(poll, 0), poll, out);
        }
        return;
    }
    let instances = state.tables.instances(&poll.instances);
    let renumbered = rows::identify(&mut state.tables, poll, &instances);
    let metrics = state.tables.metrics(&poll.columns);
    let numbers = state.meet_series(poll, &metrics, &instances, out);
    let mut batch = Batch::empty(poll, numbers.len());
    let mut rest = &numbers[..];
    let commons = poll.columns.iter().map(|column| {
        let range = Range::of(column.kind, &column.metric, &column.unit);
        let (numbers, others) = rest.split_at(column.instances.len().min(rest.len()));
        rest = others;
        let is_ceiling = column.kind == Kind::State
            && poll.columns.iter().any(|other| other.ceiling.as_ref() == Some(&column.metric));
        Common { stages, column, numbers, instances: &instances, range, is_ceiling }
    });
    let commons: Vec<Common<'_>> = commons.collect();
    for common in &commons {
        markers(state, common);
    }
    for common in &commons {
        gauges(state, common, &mut batch, out);
    }
    let mut shared = Shared::of(state, connector, &commons, renumbered);
    for common in &commons {
        counters(state, &mut shared, common, &mut batch, out);
    }
    ports(state, connector, poll, &instances, &mut batch, out);
    send(state, batch, poll, out);
}

/// Which ports are there; those that are not any more end.
fn ports(
    state: &mut DeviceState,
    connector: usize,
    poll: &Poll,
    instances: &[u32],
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    let one = &mut state.connectors[connector];
    rows::see(&mut state.tables, one, poll, instances);
    if !one.sees_ports || !one.is_whole(poll.parts) {
        return;
    }
    for number in rows::end_cycle(&mut state.tables, rows::covers(poll)) {
        rows::end_series(state, number, batch, out);
    }
}

/// Notes which instances' counters started anew.
fn markers(state: &mut DeviceState, common: &Common<'_>) {
    if common.column.kind != Kind::Discontinuity {
        return;
    }
    for (place, value) in common.column.instances.iter().zip(&common.column.counts) {
        let Some(number) = common.instances.get(*place as usize) else { continue };
        let instance = state.tables.instances.get_mut(*number as usize);
        let Some(instance) = instance else { continue };
        if instance.marker.is_some_and(|before| before != *value) {
            instance.breaks = instance.breaks.wrapping_add(1);
            instance.moved = false;
        }
        instance.marker = Some(*value);
    }
}

fn gauges(state: &mut DeviceState, common: &Common<'_>, batch: &mut Batch, out: &mut dyn Out) {
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
        let mut value = raw * column.scale;
        if common.is_ceiling && is_no_speed(value) {
            value = 0.0;
        }
        if !sound(value) {
            out.dropped(DropReason::NotFinite);
            continue;
        }
        let at = batch.started_at + i64::from(*at_ms);
        let one = &mut state.series[number];
        if one.at == at {
            out.dropped(DropReason::DuplicateSample);
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

/// What ifSpeed says (RFC 2863) when it does not know, or where it ends: 0 stands for unknown.
fn is_no_speed(value: f64) -> bool {
    value < 0.0 || value == SPEED_END
}

/// Whether a value can be a sample.
pub(super) fn sound(value: f64) -> bool {
    value.is_finite() && value.abs() <= MAX_MAGNITUDE
}

/// The same of a poll that was held back.
#[allow(clippy::too_many_arguments)]
#[cold]
#[inline(never)]
pub(super) fn follow_late(
    state: &mut DeviceState,
    number: usize,
    common: &Common<'_>,
    at: i64,
    value: f64,
    quantum: Option<f64>,
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    follow(state, number, common, at, value, quantum, batch, out);
}

/// What follows from a sample: roll-up, and with a quantum, baseline and alarm.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
pub(super) fn follow(
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
            out.dropped(DropReason::LateSample);
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

fn send(state: &DeviceState, batch: Batch, poll: &Poll, out: &mut dyn Out) {
    let Some(owner) = &state.owner else { return };
    let answered = answered(poll);
    if answered || !batch.series.is_empty() || !batch.gaps.is_empty() {
        out.emit(Output::Metric(MetricBatch {
            tenant: owner.tenant.clone(),
            device: owner.device,
            at: batch.started_at,
            series: batch.series,
            at_ms: batch.at_ms,
            values: batch.values,
            flags: batch.flags,
            gaps: batch.gaps,
            interval_ms: poll.interval_ms,
            connector: poll.connector.clone(),
            answered,
        }));
    }
    for Moved { number, at, last, made } in batch.moves {
        out.emit(Output::Anomaly(anomaly(state, number, at, last, made)));
    }
}

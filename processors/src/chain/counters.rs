//! Counters of one poll: what each is judged by, and the rates and gaps that follow.

use std::collections::BTreeSet;

use schemas::{Gap, GapReason, Kind};

use super::samples::{Batch, Common, follow, follow_late, sound};
use crate::rates::{Connector, Course, Followed, MOST_HELD, Reading, Terms, Width};
use crate::state::{NONE, SeriesState};
use crate::{DeviceState, DropReason, Out};

/// Polls in a row in which no counter moves are held back so long before it is known how rarely
/// the agent refreshes them.
const HELD_AT_FIRST: usize = 2;

/// Bits of the smallest packet there is, an IPv4 header (RFC 791): so many packets can a port
/// carry at most.
const PACKET_BITS: f64 = 160.0;

/// What the counters of a poll have in common.
pub(super) struct Shared<'a> {
    terms: Terms,
    line_ms: i64,
    restarts: u32,
    /// Polls to hold back: not one counter moved.
    hold: usize,
    /// The ceiling of the columns so far, and its values by the poll's instances.
    ceiling: Option<(&'a str, Vec<f64>)>,
    /// A ceiling in bit/s, for packets.
    bits: Option<&'a str>,
    /// Places of the poll's instances whose ceiling is more than its source has a number for.
    saturated: BTreeSet<i32>,
}

impl<'a> Shared<'a> {
    pub(super) fn of(
        state: &mut DeviceState,
        connector: usize,
        commons: &[Common<'a>],
        renumbered: bool,
    ) -> Self {
        let hold = frozen(state, connector, commons);
        let one = &state.connectors[connector];
        let Connector { line_ms, restarts, interval_ms, before_ms, .. } = *one;
        let (least_ms, most_ms) = Terms::limits(interval_ms, before_ms);
        let bits = commons.iter().filter(|common| common.column.unit == "bit/s");
        Self {
            terms: Terms {
                width: Width::Bits64,
                scale: 1.0,
                ceiling: 0.0,
                bounds_wraps: false,
                saturated: false,
                interval_ms: interval_ms.max(before_ms),
                least_ms,
                most_ms,
                uptime_known: one.shows_restarts(),
                renumbered,
                broken: GapReason::Discontinuity,
            },
            line_ms,
            restarts,
            hold,
            ceiling: None,
            bits: bits.filter_map(|common| common.column.ceiling.as_deref()).next(),
            saturated: commons.iter().flat_map(Common::saturated).collect(),
        }
    }

    /// The ceilings of a column's instances, by the poll's instances; read once for all columns of
    /// one ceiling.
    fn ceilings(&mut self, state: &DeviceState, metric: &'a str, instances: &[u32]) {
        if self.ceiling.as_ref().is_some_and(|(known, _)| *known == metric) {
            return;
        }
        let number = state.tables.find_metric(metric);
        let value = |instance: &u32| {
            let series = number.map_or(NONE, |metric| state.tables.series(metric, *instance));
            let value = state.series.get(series as usize).and_then(SeriesState::value);
            value.filter(|value| *value > 0.0).unwrap_or(0.0)
        };
        self.ceiling = Some((metric, instances.iter().map(value).collect()));
    }
}

/// How many polls to hold back: a poll in which no counter at all moved is one that the agent
/// answered from what it had gathered before, for the questions themselves are counted, too.
fn frozen(state: &mut DeviceState, connector: usize, commons: &[Common<'_>]) -> usize {
    let mut any = false;
    let moved = commons.iter().any(|common| {
        let column = common.column;
        if !matches!(column.kind, Kind::Counter32 | Kind::Counter64) {
            return false;
        }
        common.numbers.iter().zip(&column.counts).any(|(number, raw)| {
            let Some(one) = state.series.get(*number as usize) else { return false };
            let known = one.at != i64::MIN && one.kind == column.kind;
            any |= known && *raw != 0;
            known && one.reading.raw != *raw as u64
        })
    });
    let one = &mut state.connectors[connector];
    if moved || !any {
        if moved && one.frozen > 0 {
            one.refresh = one.frozen.min(MOST_HELD as u8);
            one.frozen = 0;
        }
        return 0;
    }
    one.frozen = one.frozen.saturating_add(1).min(MOST_HELD as u8 + 1);
    HELD_AT_FIRST.max(usize::from(one.refresh))
}

pub(super) fn counters<'a>(
    state: &mut DeviceState,
    shared: &mut Shared<'a>,
    common: &Common<'a>,
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    let column = common.column;
    shared.terms.width = match column.kind {
        Kind::Counter32 => Width::Bits32,
        Kind::Counter64 => Width::Bits64,
        Kind::Gauge | Kind::State | Kind::Discontinuity => return,
    };
    shared.terms.scale = column.scale;
    shared.terms.bounds_wraps = column.ceiling.is_some();
    let packets = shared.bits.filter(|_| column.ceiling.is_none() && column.unit == "packet/s");
    let share = if packets.is_some() { 1.0 / PACKET_BITS } else { 1.0 };
    let metric = column.ceiling.as_deref().or(packets);
    if let Some(metric) = metric {
        shared.ceilings(state, metric, common.instances);
    }
    let ceilings = shared.ceiling.take_if(|_| metric.is_some());
    let values = common.numbers.iter().zip(&column.instances).zip(&column.at_ms);
    for (((number, place), at_ms), raw) in values.zip(&column.counts) {
        let Some(instance) = common.instances.get(*place as usize) else { continue };
        if *number == NONE {
            continue;
        }
        let ceiling = ceilings.as_ref().and_then(|(_, values)| values.get(*place as usize));
        let stated = ceiling.map_or(0.0, |ceiling| ceiling * share);
        let instance = &state.tables.instances[*instance as usize];
        if instance.breaks != 0 {
            let moved = instance.moved;
            shared.terms.broken = if moved { GapReason::Moved } else { GapReason::Discontinuity };
        }
        if shared.terms.width == Width::Bits32 {
            shared.terms.saturated = shared.saturated.contains(place);
        }
        let now = Reading {
            raw: *raw as u64,
            line_ms: shared.line_ms.saturating_add(i64::from(*at_ms)),
            restarts: shared.restarts,
            breaks: instance.breaks,
        };
        let one = (*number as usize, *at_ms);
        count(state, shared, common, one, stated, now, batch, out);
    }
    shared.ceiling = ceilings.or(shared.ceiling.take());
}

/// One counter: number of its series, and when it was read.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn count(
    state: &mut DeviceState,
    shared: &mut Shared<'_>,
    common: &Common<'_>,
    (number, at_ms): (usize, i32),
    stated: f64,
    now: Reading,
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    let kind = common.column.kind;
    let at = batch.started_at() + i64::from(at_ms);
    let one = &mut state.series[number];
    let series = one.id;
    let twice = one.at == at;
    if now.raw == u64::MAX && kind == Kind::Counter64 {
        // What agents say of a counter that they do not have.
        if !twice {
            batch.gap(Gap { series, at_ms, reason: GapReason::Implausible });
        }
        return;
    }
    if one.at == i64::MIN || one.kind != kind {
        (one.at, one.kind, one.reading) = (at, kind, now);
        one.course = Course::default();
        batch.gap(Gap { series, at_ms, reason: GapReason::First });
        return;
    }
    let hold = shared.hold;
    let terms = &mut shared.terms;
    match one.course.follow(&mut one.reading, now, at, stated, hold, terms) {
        Followed::TooClose => out.dropped(DropReason::DuplicateSample),
        Followed::Held => one.at = at,
        Followed::Gap(reason) => {
            one.at = at;
            batch.gap(Gap { series, at_ms, reason });
        }
        Followed::Rate { .. } if twice => out.dropped(DropReason::DuplicateSample),
        Followed::Rate { value, .. } if !sound(value) => {
            one.at = at;
            out.dropped(DropReason::NotFinite);
        }
        Followed::Rate { value, interval_ms, flags, held } => {
            one.at = at;
            // A rate moves in steps of one count an interval.
            let step = common.column.scale.abs() * 1000.0 / interval_ms as f64;
            let quantum = Some(common.column.quantum.max(step));
            if held {
                fill(state, number, common, (value, flags, quantum), batch, out);
            }
            batch.push(series, at_ms, value, flags);
            follow(state, number, common, at, value, quantum, batch, out);
        }
    }
}

/// Says of the polls that were held back what is known now.
#[cold]
#[inline(never)]
fn fill(
    state: &mut DeviceState,
    number: usize,
    common: &Common<'_>,
    (value, flags, quantum): (f64, i32, Option<f64>),
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    let one = &mut state.series[number];
    let series = one.id;
    for at in one.course.take_held() {
        let before_ms = at.saturating_sub(batch.started_at());
        let Ok(before_ms) = i32::try_from(before_ms) else { continue };
        batch.push(series, before_ms, value, flags);
        follow_late(state, number, common, at, value, quantum, batch, out);
    }
}

//! The rows behind the names: whether one name answers from another row than before, and whether
//! a port's row is there at all.
//!
//! A rate is of one row. What is known of a row beside its name says which it is
//! ([`RowIdentity`]): another description, type or hardware address is another row. Another index
//! alone is one, too, with one exception: where all rows that were there before have new indices
//! and none of these was another row's, the agent has renumbered its table (at a restart of the
//! agent, a card that was put in), and the counters go along. Then the first rate must still be
//! beyond doubt: below the stated ceiling, or near the fastest rate so far.

use schemas::{Difference, Gap, GapReason, Kind, Outcome, Poll, RowIdentity};

use super::samples::Batch;
use crate::rates::Connector;
use crate::state::{Instance, NONE, Presence, Tables};
use crate::{DeviceState, Out, Output};

/// The state that every port has: its rows are the ports that are there.
const PORT_STATE: &str = "if_oper_status";

/// notPresent (RFC 2863, ifOperStatus).
const NOT_PRESENT: f64 = 6.0;

/// Fewer rows with new indices are no renumbered table.
const LEAST_RENUMBERED: usize = 2;

/// Takes what the poll knows of its rows. True when the whole table was renumbered.
pub(super) fn identify(tables: &mut Tables, poll: &Poll, instances: &[u32]) -> bool {
    let mut changed = false;
    let mut kept = false;
    for (bits, number) in poll.identities.iter().zip(instances) {
        let now = RowIdentity::from_bits(*bits);
        let Some(instance) = tables.instances.get(*number as usize) else { continue };
        let same = now == instance.identity;
        changed |= !same;
        kept |= same && now.index() != 0;
    }
    changed && settle(&mut tables.instances, poll, instances, kept)
}

/// Notes the identities that changed, and which of them are other rows.
#[cold]
fn settle(known: &mut [Instance], poll: &Poll, instances: &[u32], mut kept: bool) -> bool {
    let mut renumbered = Vec::new();
    let mut used: Vec<u32> = known.iter().map(|one| one.identity.index()).collect();
    used.sort_unstable();
    let mut fresh = true;
    for (bits, number) in poll.identities.iter().zip(instances) {
        let now = RowIdentity::from_bits(*bits);
        let Some(instance) = known.get_mut(*number as usize) else { continue };
        let before = instance.identity;
        match now.since(before) {
            Difference::None => {
                kept |= now.index() != 0 && now.index() == before.index();
                instance.identity = now.or(before);
            }
            Difference::Row => {
                instance.identity = now;
                leave_row(instance);
            }
            Difference::Index => {
                fresh &= used.binary_search(&now.index()).is_err();
                instance.identity = now.or(before);
                renumbered.push(*number);
            }
        }
    }
    if !kept && fresh && renumbered.len() >= LEAST_RENUMBERED {
        return true;
    }
    for number in renumbered {
        leave_row(&mut known[number as usize]);
    }
    false
}

fn leave_row(instance: &mut Instance) {
    instance.breaks = instance.breaks.wrapping_add(1);
    instance.moved = true;
}

/// Notes which ports are in the poll.
pub(super) fn see(tables: &mut Tables, connector: &mut Connector, poll: &Poll, instances: &[u32]) {
    let states = poll.columns.iter().filter(|column| column.metric == PORT_STATE);
    for column in states.filter(|column| column.kind == Kind::State) {
        connector.sees_ports = true;
        for place in &column.instances {
            let number = usize::try_from(*place).ok().and_then(|place| instances.get(place));
            let Some(number) = number else { continue };
            if let Some(instance) = tables.instances.get_mut(*number as usize) {
                instance.presence.seen = true;
            }
        }
    }
}

/// What a cycle that is over says of the ports that were not in it. `whole`: none of its parts is
/// missing.
pub(super) fn end_cycle(tables: &mut Tables, covered: bool) -> Vec<u32> {
    let mut gone = Vec::new();
    let any = tables.instances.iter().any(|instance| instance.presence.seen);
    for (number, instance) in tables.instances.iter_mut().enumerate() {
        let Presence { missed, seen } = &mut instance.presence;
        if std::mem::take(seen) {
            *missed = 1;
        } else if *missed > 0 && *missed < Presence::GONE && (covered || any) {
            *missed += 1;
            if *missed == Presence::GONE {
                gone.push(number as u32);
            }
        }
    }
    gone
}

/// Whether a poll that shows no port at all shows that there is none.
pub(super) fn covers(poll: &Poll) -> bool {
    poll.outcome == Outcome::Ok && !poll.columns.is_empty()
}

/// Ends the series of a port whose row is gone: its state is published, its counters start anew,
/// what was open is cleared.
pub(super) fn end_series(
    state: &mut DeviceState,
    number: u32,
    batch: &mut Batch,
    out: &mut dyn Out,
) {
    let at = batch.started_at();
    for metric in 0..state.tables.metrics.len() {
        let series = state.tables.series(metric, number);
        if series == NONE {
            continue;
        }
        let place = series as usize;
        let is_state = state.tables.metrics[metric].name == PORT_STATE;
        let one = &mut state.series[place];
        if is_state && one.at != at {
            one.at = at;
            one.kind = Kind::State;
            one.sent_at = at;
            one.reading.raw = NOT_PRESENT.to_bits();
            batch.push(one.id, 0, NOT_PRESENT, 0);
        }
        if !is_state {
            batch.gap(Gap { series: one.id, at_ms: 0, reason: GapReason::NotPresent });
            if one.kind == Kind::Counter32 || one.kind == Kind::Counter64 {
                one.at = i64::MIN;
            }
        }
        let Some(episode) = one.alarm.episode.clone() else { continue };
        if let Some(made) = one.alarm.clear() {
            let last = episode.last;
            out.emit(Output::Anomaly(super::anomaly(state, place, at, last, made)));
        }
    }
}

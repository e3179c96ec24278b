//! After records that another logic version stepped: what it told the world holds.

use std::collections::BTreeMap;

use schemas::{Anomaly, SeriesId, Transition};

use super::facts;
use crate::baseline::{Alarm, Episode};
use crate::state::identity;
use crate::{DeviceState, Out, Output};

/// Opens and closes episodes as they were told, and sends status, texts and series once more:
/// readers keep the last of each, so it costs nothing where nothing differs.
pub(super) fn reconcile(state: &mut DeviceState, told: &[Anomaly], out: &mut dyn Out) {
    let open = told.iter().filter(|told| is_open(told));
    let mut open: BTreeMap<SeriesId, &Anomaly> = open.map(|told| (told.series, told)).collect();
    for one in &mut state.series {
        match open.remove(&one.id) {
            Some(told) => hold(&mut one.alarm, told),
            // An onset that nobody heard of would end in a clear without one.
            None if one.alarm.is_open() => one.alarm = Alarm::default(),
            None => {}
        }
    }
    let clock = state.rollups.clock;
    // What this version has no series for would stay open for ever.
    for lost in open.into_values() {
        out.emit(Output::Anomaly(Anomaly {
            transition: Transition::Clear,
            at: clock.max(lost.at),
            ..lost.clone()
        }));
    }
    let Some(owner) = &state.owner else { return };
    if let Some(status) = state.watch.last_told() {
        super::tell(state, status, clock, out);
    }
    if !state.texts.known.is_empty() {
        facts(owner, &state.texts, state.series.len(), clock, out);
    }
    for one in &state.series {
        out.emit(Output::Series(identity(owner, &state.tables, one)));
    }
}

fn is_open(told: &Anomaly) -> bool {
    match told.transition {
        Transition::Onset | Transition::Change => true,
        Transition::Clear => false,
    }
}

fn hold(alarm: &mut Alarm, told: &Anomaly) {
    let score = told.score as f32;
    let last = (told.value, told.expected, told.lower, told.upper);
    let whole = |value, expected, lower, upper| Some((value?, expected?, lower?, upper?));
    // What older versions told says no more than its last value.
    let first = whole(told.onset_value, told.onset_expected, told.onset_lower, told.onset_upper);
    let peak = whole(told.peak_value, told.peak_expected, told.peak_lower, told.peak_upper);
    let (first, peak) = (first.unwrap_or(last), peak.unwrap_or(last));
    let peak_at = told.peak_at.unwrap_or(told.at);
    match alarm.episode.as_deref_mut() {
        Some(episode) => {
            episode.onset_at = told.onset_at;
            episode.told_at = told.at;
            episode.told = score;
            episode.first = first;
            if score >= episode.highest {
                (episode.highest, episode.peak_at, episode.peak) = (score, peak_at, peak);
            }
        }
        None => {
            *alarm = Alarm {
                history: 0,
                episode: Some(Box::new(Episode {
                    onset_at: told.onset_at,
                    told_at: told.at,
                    highest: score,
                    told: score,
                    inside: 0,
                    moved: 0.0,
                    last,
                    first,
                    peak_at,
                    peak,
                })),
            };
        }
    }
}

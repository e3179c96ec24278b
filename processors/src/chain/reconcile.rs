//! After records that another logic version stepped: what it published holds.

use std::collections::BTreeMap;

use schemas::{Anomaly, SeriesId, Transition};

use super::facts;
use crate::baseline::{Alarm, Episode};
use crate::state::identity;
use crate::{DeviceState, Out, Output};

/// Opens and closes episodes as they were published, and sends status, texts and series once more:
/// readers keep the last of each, so it costs nothing where nothing differs.
pub(super) fn reconcile(state: &mut DeviceState, published: &[Anomaly], out: &mut dyn Out) {
    let open = published.iter().filter(|published| is_open(published));
    let mut open: BTreeMap<SeriesId, &Anomaly> =
        open.map(|published| (published.series, published)).collect();
    for one in &mut state.series {
        match open.remove(&one.id) {
            Some(published) => hold(&mut one.alarm, published),
            // An onset that was never published would end in a clear without one.
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
    if let Some(status) = state.watch.last_published() {
        super::publish_status(state, status, clock, out);
    }
    if !state.texts.known.is_empty() {
        facts(owner, &state.texts, state.series.len(), clock, out);
    }
    for one in &state.series {
        out.emit(Output::Series(identity(owner, &state.tables, one)));
    }
}

fn is_open(published: &Anomaly) -> bool {
    match published.transition {
        Transition::Onset | Transition::Change => true,
        Transition::Clear => false,
    }
}

fn hold(alarm: &mut Alarm, published: &Anomaly) {
    let score = published.score as f32;
    let last = (published.value, published.expected, published.lower, published.upper);
    let whole = |value, expected, lower, upper| Some((value?, expected?, lower?, upper?));
    // What older versions published says no more than its last value.
    let first = whole(
        published.onset_value,
        published.onset_expected,
        published.onset_lower,
        published.onset_upper,
    );
    let peak = whole(
        published.peak_value,
        published.peak_expected,
        published.peak_lower,
        published.peak_upper,
    );
    let (first, peak) = (first.unwrap_or(last), peak.unwrap_or(last));
    let peak_at = published.peak_at.unwrap_or(published.at);
    match alarm.episode.as_deref_mut() {
        Some(episode) => {
            episode.onset_at = published.onset_at;
            episode.published_at = published.at;
            episode.published = score;
            episode.first = first;
            if score >= episode.highest {
                (episode.highest, episode.peak_at, episode.peak) = (score, peak_at, peak);
            }
        }
        None => {
            *alarm = Alarm {
                history: 0,
                episode: Some(Box::new(Episode {
                    onset_at: published.onset_at,
                    published_at: published.at,
                    highest: score,
                    published: score,
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

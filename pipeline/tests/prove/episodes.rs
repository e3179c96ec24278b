//! Injected anomalies: errors burst on every port of half of the devices at once and end when every
//! onset is in the database. A port without errors stays at exactly 0, so what is found does not
//! hang on how busy the machine is.

use std::collections::{BTreeMap, BTreeSet};

use lab::Fault;
use schemas::{Anomaly, DeviceId, Transition};
use uuid::Uuid;

use super::common::now_ms;
use super::world::{DEVICES, PORTS, World};

/// All four move with a burst.
const METRICS: [&str; 4] =
    ["if_in_errors_pps", "if_out_errors_pps", "if_in_discards_pps", "if_out_discards_pps"];
const ERRORS_PER_S: f64 = 400.0;
/// Until it is ended.
const LASTING_MS: u64 = 3_600_000;

/// A burst on these devices, from its start to when every clear was in the database.
pub(crate) struct Wave {
    devices: BTreeSet<DeviceId>,
    from: i64,
    until: i64,
}

impl Wave {
    pub(crate) fn episodes(&self) -> usize {
        self.devices.len() * PORTS * METRICS.len()
    }
}

enum State {
    Calm,
    Raised(Wave),
    Lowered(Wave),
}

/// One wave after the other.
pub(crate) struct Waves {
    state: State,
    pub(crate) done: Vec<Wave>,
}

impl Waves {
    pub(crate) fn new() -> Self {
        Self { state: State::Calm, done: Vec::new() }
    }

    pub(crate) fn is_calm(&self) -> bool {
        matches!(self.state, State::Calm)
    }

    /// Begins the next wave.
    pub(crate) fn raise(&mut self, world: &World) {
        let half = self.done.len() % 2;
        let chosen = || world.devices.values().skip(half).step_by(2);
        let wave = Wave {
            devices: chosen().map(|(id, _)| *id).collect(),
            from: now_ms() as i64,
            until: i64::MAX,
        };
        chosen().for_each(|(_, name)| burst(world, name, ERRORS_PER_S, LASTING_MS));
        self.state = State::Raised(wave);
    }

    /// Carries the wave on as far as the database shows it.
    pub(crate) async fn step(&mut self, world: &World) {
        match std::mem::replace(&mut self.state, State::Calm) {
            State::Calm => {}
            State::Raised(wave) => {
                let (onsets, _) = seen(world, &wave).await;
                if onsets < wave.episodes() as i64 {
                    self.state = State::Raised(wave);
                    return;
                }
                let ended = world.devices.values().filter(|(id, _)| wave.devices.contains(id));
                ended.for_each(|(_, name)| burst(world, name, 0.0, 1));
                self.state = State::Lowered(wave);
            }
            State::Lowered(wave) => {
                let (_, clears) = seen(world, &wave).await;
                if clears < wave.episodes() as i64 {
                    self.state = State::Lowered(wave);
                    return;
                }
                self.done.push(Wave { until: now_ms() as i64, ..wave });
            }
        }
    }

    /// Every injected episode has one onset and one clear on the topic, and there is none that
    /// was not injected. Gives the number of episodes.
    pub(crate) fn check(&self, transitions: &[Anomaly]) -> usize {
        let mut counts: BTreeMap<(usize, DeviceId, &str, &str), (usize, usize)> = BTreeMap::new();
        for one in transitions.iter().filter(|one| METRICS.contains(&one.metric.as_str())) {
            let wave = self.done.iter().position(|wave| {
                wave.devices.contains(&one.device)
                    && (wave.from..=wave.until).contains(&one.onset_at)
            });
            let Some(wave) = wave else { panic!("injected by nobody: {one:?}") };
            let key = (wave, one.device, one.instance.as_str(), one.metric.as_str());
            let (onsets, clears) = counts.entry(key).or_default();
            match one.transition {
                Transition::Onset => *onsets += 1,
                Transition::Clear => *clears += 1,
                Transition::Change => {}
            }
        }
        for (key, count) in &counts {
            assert_eq!(*count, (1, 1), "onsets and clears of {key:?}");
        }
        let injected: usize = self.done.iter().map(Wave::episodes).sum();
        assert_eq!(counts.len(), injected, "episodes on the topic, and injected");
        injected
    }
}

fn burst(world: &World, device: &str, per_s: f64, for_ms: u64) {
    let fault = Fault::ErrorBurst { instance: "*".to_owned(), per_s, for_ms };
    world.lab.inject(device, fault).unwrap();
}

/// Onsets and clears of a wave in the database.
async fn seen(world: &World, wave: &Wave) -> (i64, i64) {
    let devices: Vec<Uuid> = wave.devices.iter().map(|id| id.0).collect();
    sqlx::query_as(
        "SELECT count(*), count(cleared_at) FROM anomaly
         WHERE metric = ANY($1) AND device = ANY($2)
           AND onset_at >= to_timestamp($3::float8 / 1000)",
    )
    .bind(METRICS)
    .bind(devices)
    .bind(wave.from as f64)
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

/// Whether every port has a baseline: 20 values, and one to count from.
pub(crate) async fn learned(world: &World) -> Option<()> {
    let learned: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT x.series_id FROM sample x JOIN series s ON s.id = x.series_id
         WHERE s.metric = ANY($1) GROUP BY 1 HAVING count(*) > 20) AS known",
    )
    .bind(METRICS)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    (learned >= (DEVICES * PORTS * METRICS.len()) as i64).then_some(())
}

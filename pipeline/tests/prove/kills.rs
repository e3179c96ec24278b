//! Processes killed with -9 while they work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use pipeline::log::{EventLog as _, Start};
use pipeline::topology::{ANOMALY, METRIC};
use reqwest::Method;

use super::common::now_ms;
use super::episodes::Waves;
use super::world::{SITE, World, input};

/// Work that goes on between two kills, and as much again by chance.
const PAUSE_MS: u64 = 2_000;
/// Whose turn it is, again and again; the second of each role every other time.
const TURNS: [&str; 5] = ["process", "connect", "process", "sink", "api"];
/// Kills of a processor that may be outside of a transaction, for each that must be inside.
const MOST_FACTOR: usize = 3;
/// The takeover waits for a session (10 s) and a transaction (10 s) to run out.
const TAKES_OVER: Duration = Duration::from_secs(60);

/// What was killed.
#[derive(Default)]
pub(crate) struct Kills {
    pub(crate) by_role: BTreeMap<&'static str, usize>,
    /// Kills of a processor that left a transaction open.
    pub(crate) inside: usize,
    /// By device what its site may be: acknowledged last, or on its way when the API was killed.
    sites: BTreeMap<usize, Vec<String>>,
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by_role, inside, .. } = self;
        let all: usize = by_role.values().sum();
        write!(
            f,
            "{all} kills, of {by_role:?}; of processors {} (inside an open transaction \
             {inside})",
            self.processors()
        )
    }
}

impl Kills {
    fn processors(&self) -> usize {
        self.by_role.get("process").copied().unwrap_or(0)
    }

    /// So many kills, a third of those of processors inside an open transaction.
    pub(crate) async fn run(&mut self, world: &mut World, waves: &mut Waves, kills: usize) {
        for turn in 0.. {
            let enough = self.inside * 3 >= self.processors();
            if turn >= kills && enough {
                return;
            }
            assert!(turn < kills * MOST_FACTOR, "{} kills are inside a transaction", self.inside);
            let role = if turn < kills { TURNS[turn % TURNS.len()] } else { "process" };
            let pause = PAUSE_MS + rand::random_range(0..PAUSE_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if waves.is_calm() {
                waves.raise(world);
            } else {
                waves.step(world).await;
            }
            self.kill(world, role, turn).await;
        }
    }

    async fn kill(&mut self, world: &mut World, role: &'static str, turn: usize) {
        let number = if role == "api" { 1 } else { 1 + turn / 2 % 2 };
        let name = format!("{role}-{number}");
        match role {
            "process" => self.kill_processor(world, &name),
            "api" => self.kill_api(world, turn).await,
            _ => world.process(&name).kill(),
        }
        world.process(&name).start();
        *self.by_role.entry(role).or_default() += 1;
    }

    fn kill_processor(&mut self, world: &mut World, name: &str) {
        let owned = world.observer.owned("device", name);
        world.process(name).kill();
        self.inside += usize::from(!world.observer.left_open(METRIC.name, &owned).is_empty());
    }

    /// While it takes a change of a device.
    async fn kill_api(&mut self, world: &mut World, turn: usize) {
        let place = turn % world.devices.len();
        let (address, (id, name)) = world.devices.iter().nth(place).unwrap();
        let (site, path) = (format!("moved-{turn}"), format!("/inventory/v1/devices/{id}"));
        let body = input(*address, name, &site);
        let api = world.api.clone();
        let change = async move { api.call(Method::PUT, &path, Some(body)).await };
        let change = tokio::spawn(change);
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..400))).await;
        world.process("api-1").kill();
        let acknowledged = change.await.unwrap().is_ok();
        let sites = self.sites.entry(place).or_insert_with(|| vec![SITE.to_owned()]);
        if acknowledged {
            sites.clear();
        }
        sites.push(site);
    }

    /// What the API acknowledged is in the database.
    pub(crate) async fn check_acknowledged(&self, world: &World) {
        for (place, (id, name)) in world.devices.values().enumerate() {
            let site: Option<String> = sqlx::query_scalar("SELECT site FROM device WHERE id = $1")
                .bind(id.0)
                .fetch_one(&world.pool)
                .await
                .unwrap();
            let may_be = self.sites.get(&place).cloned().unwrap_or(vec![SITE.to_owned()]);
            assert!(may_be.contains(&site.clone().unwrap()), "{name}: {site:?}, not {may_be:?}");
        }
    }

    /// Kills one of two processors and leaves it dead until anomalies flow again in each of its
    /// partitions. Gives how long that took, and how long metrics took.
    pub(crate) async fn takeover(
        &mut self,
        world: &mut World,
        waves: &mut Waves,
    ) -> (Duration, Duration) {
        let name = "process-1";
        world
            .until("a share of process-1", async |world| {
                let shares =
                    [name, "process-2"].map(|name| world.observer.owned("device", name).len());
                (shares.iter().all(|share| *share > 0)).then_some(())
            })
            .await;
        let owned = world.observer.owned("device", name);
        let mut tails: Vec<_> = [ANOMALY.name, METRIC.name]
            .iter()
            .map(|topic| world.log.reader(topic, &owned, Start::Latest).unwrap())
            .collect();
        waves.raise(world);
        world.process(name).kill();
        let (died, died_ms) = (Instant::now(), now_ms() as i64);
        let mut left = [(); 2].map(|()| BTreeSet::from_iter(owned.iter().copied()));
        let mut took = [Duration::ZERO; 2];
        while left.iter().any(|left| !left.is_empty()) {
            assert!(died.elapsed() < TAKES_OVER, "{left:?} not taken over (anomalies, metrics)");
            for ((tail, left), took) in tails.iter_mut().zip(&mut left).zip(&mut took) {
                for record in tail.poll(Duration::from_millis(20)).unwrap() {
                    let news = record.timestamp_ms > died_ms && left.remove(&record.partition);
                    if news && left.is_empty() {
                        *took = died.elapsed();
                    }
                }
            }
        }
        world.process(name).start();
        *self.by_role.entry("process").or_default() += 1;
        (took[0], took[1])
    }
}

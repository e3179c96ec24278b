//! A source and a worker, crashed, failed or frozen around every commit, before an outside world
//! that records what was done to it. Whatever happens: every request has one outcome, none is
//! attempted twice, none before its claim is durable; what the source found is published once and
//! in order.

mod kinds;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use pipeline::clock::Clock;
use pipeline::log::embedded::{Fault, Memory};
use pipeline::log::{EventLog, Record};
use pipeline::run::supervise::Runner;
use pipeline::run::wiring::{Pace, RunError};
use pipeline::topology::{Context, SOURCE, Topology, topics};
use processors::SourceKind;
use schemas::{AvroRecord, Probe, ProbeReport, SchemaStore, Source};
use tokio::runtime::Runtime;

use self::kinds::{
    Beyond, ERRAND, ERRAND_DONE, ITEM, ITEMS, STATE_ERRAND, STATE_SPRING, Spring, network,
};
use crate::FAULTS;
use crate::bugs::{Bug, Saboteur, Target};
use crate::process::context;
use crate::scenario::{EPOCH_MS, PARTITIONS, Random};
use crate::world::{count_commits, read};

/// At least so many disturbed runs.
const RUNS: usize = 3_000;
/// Requests, over a few keys.
const REQUESTS: usize = 14;
const KEYS: u64 = 3;
/// A run that takes longer hangs.
const MAX_ROUNDS: usize = 2_000;

const WORKER: Target = Target { input: ERRAND.name, state: STATE_ERRAND.name };
const FOLLOWER: Target = Target { input: SOURCE.name, state: STATE_SPRING.name };

/// Which fault hits a run.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Commit(u64, Fault),
    /// After so many commits every runner is frozen, replaced and woken.
    Zombie(u64),
}

struct Network {
    topology: Topology,
    beyond: Arc<Beyond>,
    memory: Memory,
    now: Arc<AtomicI64>,
    clock: Clock,
    runtime: Runtime,
    saboteur: Saboteur,
    commits: Arc<AtomicU64>,
    disturbance: Option<Disturbance>,
    /// None.
    calm: bool,
}

impl Network {
    fn new(bug: Option<(Bug, Target)>, disturbance: Option<Disturbance>) -> Self {
        let now = Arc::new(AtomicI64::new(EPOCH_MS));
        let hand = Arc::clone(&now);
        let clock = Clock::by_hand(move || hand.load(Ordering::Relaxed));
        let memory = Memory::new(clock.clone());
        let beyond = Arc::<Beyond>::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let network = Self {
            topology: network(&beyond),
            beyond,
            memory,
            now,
            clock,
            runtime,
            saboteur: Saboteur::new(bug),
            commits: Arc::default(),
            disturbance,
            calm: disturbance.is_none(),
        };
        let specs: Vec<_> = topics(PARTITIONS)
            .into_iter()
            .chain(network.topology.specs(PARTITIONS).into_iter().filter(|it| {
                [ERRAND.name, ERRAND_DONE.name, STATE_ERRAND.name, ITEM.name, STATE_SPRING.name]
                    .contains(&&*it.name)
            }))
            .collect();
        network.memory.ensure_topics(&specs).unwrap();
        network.arm();
        network
    }

    fn arm(&self) {
        *self.beyond.log.lock().unwrap() = Some(self.memory.clone());
        let hit = match self.disturbance {
            Some(Disturbance::Commit(number, fault)) => Some((number, fault)),
            _ => None,
        };
        count_commits(&self.memory, &self.commits, hit);
    }

    fn start(&self) -> Result<Vec<Box<dyn Runner>>, RunError> {
        let log = self.saboteur.wrap(&self.memory);
        let context: Context = context(
            &log,
            Pace { commit_ms: 20, tick_ms: 0, ..Pace::default() },
            &self.clock,
            &SchemaStore::new(),
            self.runtime.handle(),
        );
        self.topology
            .components
            .iter()
            .map(|component| component.builder().unwrap()(&context, "one"))
            .collect()
    }

    fn breathe(&self) {
        self.runtime.block_on(async {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        });
    }

    fn turn(&mut self, runners: &mut Vec<Box<dyn Runner>>) -> Result<(), RunError> {
        if let Some(Disturbance::Zombie(after)) = self.disturbance
            && self.commits.load(Ordering::Relaxed) >= after
        {
            self.disturbance = None;
            let frozen = std::mem::replace(runners, self.start()?);
            for _ in 0..3 {
                self.breathe();
                runners.iter_mut().try_for_each(|runner| runner.turn(Duration::ZERO))?;
            }
            self.now.fetch_add(60, Ordering::Relaxed);
            // Nothing under way is waited for: all it did has ended.
            (0..20).for_each(|_| self.breathe());
            for mut runner in frozen {
                let _ = runner.turn(Duration::ZERO);
                let _ = runner.stop();
            }
        }
        runners.iter_mut().try_for_each(|runner| runner.turn(Duration::ZERO))
    }

    /// Runs until every request has an outcome and the source is at its end; how many commits.
    fn run(mut self, seed: u64) -> Result<u64, String> {
        let mut random = Random(seed.wrapping_mul(104_729));
        let requests = requests(&mut random);
        let batch = 1 + random.below(4) as usize;
        let producer = self.memory.producer("test").map_err(|error| error.to_string())?;
        let spring = definition(1 + random.below(6));
        producer.send(SOURCE.publish(&spring).unwrap(), None).unwrap();
        let (mut fed, mut runners, mut quiet) = (0, None, 0);
        for _ in 0..MAX_ROUNDS {
            let producer = self.memory.producer("test").map_err(|error| error.to_string())?;
            for request in requests.iter().skip(fed).take(batch) {
                let record = ERRAND.record(&request.address, request).unwrap();
                producer.send(record, None).map_err(|error| error.to_string())?;
                fed += 1;
            }
            let result = match &mut runners {
                Some(runners) => self.turn(runners),
                None => self.start().map(|started| runners = Some(started)),
            };
            if let Err(error) = result {
                if !self.memory.crashed() && !error.to_string().contains("crashed by the test") {
                    return Err(error.to_string());
                }
                // What it did outside ends with it.
                runners = None;
                self.memory = self.memory.reopen();
                self.disturbance = None;
                self.arm();
            }
            self.breathe();
            self.now.fetch_add(10, Ordering::Relaxed);
            let done = read(&self.memory, ERRAND_DONE.name)?.len() >= REQUESTS
                && read(&self.memory, ITEM.name)?.len() >= ITEMS;
            quiet = if done { quiet + 1 } else { 0 };
            if quiet > 10 {
                return self.judge(&requests).map(|()| self.commits.load(Ordering::Relaxed));
            }
        }
        self.judge(&requests)?;
        Err("it does not end".to_owned())
    }

    fn judge(&self, requests: &[Probe]) -> Result<(), String> {
        let decoded = |topic: &str| -> Result<Vec<ProbeReport>, String> {
            let store = SchemaStore::new();
            let decode = |record: Record| {
                ProbeReport::decode(&store, record.value.as_deref().unwrap_or_default())
            };
            let records = read(&self.memory, topic)?;
            records.into_iter().map(decode).collect::<Result<_, _>>().map_err(|e| e.to_string())
        };
        let items: Vec<String> = decoded(ITEM.name)?.into_iter().map(|item| item.id).collect();
        let expected: Vec<String> = (0..ITEMS).map(|item| item.to_string()).collect();
        if items != expected {
            return Err(format!("the source published {items:?}"));
        }
        let unclaimed = self.beyond.unclaimed.lock().unwrap();
        if !unclaimed.is_empty() {
            return Err(format!("attempted before the claim: {unclaimed:?}"));
        }
        let (outcomes, attempts) =
            (decoded(ERRAND_DONE.name)?, self.beyond.attempts.lock().unwrap().clone());
        for request in requests {
            let of: Vec<_> = outcomes.iter().filter(|it| it.id == request.id).collect();
            let tried = attempts.iter().filter(|id| **id == request.id).count();
            let [outcome] = of[..] else {
                return Err(format!("request {} has {} outcomes", request.id, of.len()));
            };
            if tried > 1 || (outcome.failure.is_none() && tried == 0) {
                return Err(format!("request {} was attempted {tried} times", request.id));
            }
        }
        let unknown = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
        if unknown > KEYS as usize || (self.calm && unknown > 0) {
            return Err(format!("{unknown} requests are unknown"));
        }
        for key in 0..KEYS {
            let ids = requests.iter().filter(|it| it.address == key.to_string()).map(|it| &it.id);
            let ids: Vec<&String> = ids.collect();
            let of_key = |id: &&String| ids.contains(id);
            let got: Vec<&String> = outcomes.iter().map(|it| &it.id).filter(of_key).collect();
            if got != ids {
                return Err(format!("outcomes of {key} came as {got:?}"));
            }
        }
        Ok(())
    }
}

fn requests(random: &mut Random) -> Vec<Probe> {
    let request = |number: usize| Probe {
        tenant: "default".to_owned(),
        id: format!("r{number}"),
        address: random.below(KEYS).to_string(),
        port: random.below(12) as i32,
        profile: "auto".to_owned(),
        credential: None,
        any_source: false,
        requested_at: 0,
    };
    (0..REQUESTS).map(request).collect()
}

fn definition(step: u64) -> Source {
    Source {
        tenant: "default".to_owned(),
        id: "spring".to_owned(),
        kind: Spring::KIND.to_owned(),
        instance: None,
        settings: [("step".to_owned(), step.to_string())].into(),
        enabled: true,
        updated_at: 1,
    }
}

/// Runs every disturbance of a seed; the first fault found.
fn disturb(seed: u64, bug: Option<(Bug, Target)>) -> (usize, Option<String>) {
    let commits = match Network::new(bug, None).run(seed) {
        Ok(commits) => commits,
        Err(error) => return (1, Some(format!("seed {seed}, undisturbed: {error}"))),
    };
    let mut runs = 1;
    let hit = (1..=commits).flat_map(|n| FAULTS.map(|fault| Disturbance::Commit(n, fault)));
    for disturbance in hit.chain((1..commits).map(Disturbance::Zombie)) {
        runs += 1;
        if let Err(error) = Network::new(bug, Some(disturbance)).run(seed) {
            return (runs, Some(format!("seed {seed}, {disturbance:?}: {error}")));
        }
    }
    (runs, None)
}

#[test]
fn nothing_is_done_twice_or_lost_outside() {
    let (mut runs, mut seed) = (0, 0);
    while runs < RUNS {
        let (done, found) = disturb(seed, None);
        runs += done;
        seed += 1;
        if let Some(found) = found {
            panic!("{found}");
        }
    }
    println!("{runs} runs over {seed} seeds");
}

#[test]
fn every_bug_seeded_outside_is_caught() {
    let bugs = [
        (WORKER, Bug::PositionTooHigh),
        (WORKER, Bug::PositionsAfterOutputs),
        (WORKER, Bug::OutputsAfterPositions),
        (WORKER, Bug::NoPositions),
        (WORKER, Bug::SnapshotsLost),
        (WORKER, Bug::RestoreStopsShort),
        (WORKER, Bug::StateLeaks),
        (WORKER, Bug::AbortKeepsOutputs),
        (WORKER, Bug::InputsSwapped),
        (WORKER, Bug::InputDropped),
        (WORKER, Bug::NoFence),
        (FOLLOWER, Bug::OutputsAfterPositions),
        (FOLLOWER, Bug::SnapshotsLost),
        (FOLLOWER, Bug::StateLeaks),
        (FOLLOWER, Bug::AbortKeepsOutputs),
        (FOLLOWER, Bug::NoFence),
    ];
    let mut missed = Vec::new();
    for (target, bug) in bugs {
        let mut runs = 0;
        let found = (0..20).find_map(|seed| {
            let (done, found) = disturb(seed, Some((bug, target)));
            runs += done;
            found
        });
        match found {
            Some(found) => {
                let short: String = found.chars().take(160).collect();
                println!("{bug:?} of {}: caught after {runs} runs: {short}", target.input);
            }
            None => missed.push((target.input, bug)),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

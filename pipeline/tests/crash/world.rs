//! Drives a scenario through a process that may be crashed, failed or frozen on the way, and
//! reads what came of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::clock::Clock;
use pipeline::log::embedded::{Fault, Memory};
use pipeline::log::{EventLog, Record, Start, Watch as _};
use pipeline::run::wiring::RunError;
use pipeline::topology::{
    Context, DEAD_LETTER, POLL, STATE_DEVICE, chain_outputs, entity_outputs, topics,
};
use schemas::SchemaStore;

use crate::bugs::{Bug, CHAIN, Saboteur};
use crate::process::{Process, Task, context};
use crate::scenario::{EPOCH_MS, PARTITIONS, Scenario, Step};
use crate::table::{Hit, Tables};

/// Which fault hits a run.
#[derive(Clone, Copy, Debug)]
pub enum Disturbance {
    /// The n-th commit is hit.
    Commit(u64, Fault),
    /// The n-th write of a sink is hit.
    SinkWrite(u64, Hit),
    /// After the n-th commit the first chain task is frozen past its session, another takes its
    /// place, then it wakes and goes on.
    Zombie(u64),
}

/// Everything that must be the same.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// Values by topic and key, in order.
    pub topics: BTreeMap<(String, Vec<u8>), Vec<Vec<u8>>>,
    /// Rows by topic and key, in order.
    pub rows: BTreeMap<(String, Vec<u8>), Vec<Vec<u8>>>,
    /// The last snapshot of every key, without its header.
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub commits: u64,
    pub sink_writes: u64,
}

/// Version, next offset, part and parts in front of a snapshot.
const SNAPSHOT_HEADER: usize = 16;
/// Rounds without anything to do that mean "settled".
const QUIET: usize = 12;
/// A run that takes longer hangs.
const MAX_ROUNDS: usize = 20_000;

pub struct World<'a> {
    scenario: &'a Scenario,
    disturbance: Option<Disturbance>,
    memory: Memory,
    now: Arc<AtomicI64>,
    clock: Clock,
    commits: Arc<AtomicU64>,
    tables: Arc<Mutex<Tables>>,
    schemas: SchemaStore,
    runtime: tokio::runtime::Runtime,
    saboteur: Saboteur,
}

impl<'a> World<'a> {
    pub fn new(scenario: &'a Scenario, bug: Option<Bug>, disturbance: Option<Disturbance>) -> Self {
        let now = Arc::new(AtomicI64::new(EPOCH_MS));
        let hand = Arc::clone(&now);
        let clock = Clock::by_hand(move || hand.load(Ordering::Relaxed));
        let tables = Tables {
            disturb: match disturbance {
                Some(Disturbance::SinkWrite(number, hit)) => Some((number, hit)),
                _ => None,
            },
            torn: bug == Some(Bug::SinkPositionAfterRows),
            unguarded: bug == Some(Bug::SinkPositionNotCompared),
            ..Tables::default()
        };
        Self {
            scenario,
            disturbance,
            memory: Memory::new(clock.clone()),
            now,
            clock,
            commits: Arc::default(),
            tables: Arc::new(Mutex::new(tables)),
            schemas: SchemaStore::new(),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            saboteur: Saboteur::new(bug.map(|bug| (bug, CHAIN))),
        }
    }

    /// Runs to the end.
    pub fn run(mut self) -> Result<Outcome, String> {
        self.memory.ensure_topics(&topics(PARTITIONS)).map_err(|error| error.to_string())?;
        self.arm();
        let mut process = None;
        let mut rounds = 0;
        let mut fed = 0;
        let mut since_turn = 0;
        let mut quiet = 0;
        let steps = &self.scenario.steps;
        loop {
            rounds += 1;
            if rounds > MAX_ROUNDS {
                return Err(format!("still busy after {MAX_ROUNDS} rounds"));
            }
            while fed < steps.len() && since_turn < self.scenario.batch {
                match &steps[fed] {
                    Step::Feed(at, record) => {
                        self.now.fetch_max(*at, Ordering::Relaxed);
                        let producer = self.memory.producer("test").map_err(|e| e.to_string())?;
                        producer.send(record.clone(), None).map_err(|e| e.to_string())?;
                        quiet = 0;
                    }
                    Step::Settle if quiet < QUIET => break,
                    Step::Settle => {}
                }
                fed += 1;
                since_turn += 1;
            }
            since_turn = 0;
            let before = (self.commits.load(Ordering::Relaxed), self.tables.lock().unwrap().writes);
            self.round(&mut process)?;
            self.now.fetch_add(10, Ordering::Relaxed);
            let after = (self.commits.load(Ordering::Relaxed), self.tables.lock().unwrap().writes);
            quiet = if before == after { quiet + 1 } else { 0 };
            if fed == steps.len() && quiet > QUIET {
                match process.take().map(Process::stop) {
                    Some(Ok(())) => break,
                    Some(Err(_)) | None => self.rise_again(),
                }
                quiet = 0;
            }
        }
        self.outcome()
    }

    fn round(&mut self, process: &mut Option<Process>) -> Result<(), String> {
        let log = self.saboteur.wrap(&self.memory);
        if process.is_none() {
            let started = Process::start(&self.context(&log), &self.tables);
            *process = Some(started.map_err(|error| format!("start: {error}"))?);
        }
        let Some(running) = process else { return Ok(()) };
        let result = self.zombie(running, &log).and_then(|()| running.turn());
        match result {
            Ok(()) => Ok(()),
            Err(error) if self.is_expected(&error) => {
                *process = None;
                self.rise_again();
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn context(&self, log: &Arc<dyn EventLog>) -> Context {
        context(log, self.scenario.pace, &self.clock, &self.schemas, self.runtime.handle())
    }

    /// Freezes, replaces and wakes a task.
    fn zombie(&mut self, running: &mut Process, log: &Arc<dyn EventLog>) -> Result<(), RunError> {
        let Some(Disturbance::Zombie(after)) = self.disturbance else { return Ok(()) };
        if self.commits.load(Ordering::Relaxed) >= after {
            self.disturbance = None;
            // A relay or a processor: each in its turn.
            let which = usize::try_from(after).unwrap_or(0) % running.tasks.len();
            let task = &mut running.tasks[which];
            // Records read and stepped, not committed.
            let _ = task.turn();
            let fresh = Task::join(&self.context(log), task.component, task.slot)?;
            let mut frozen = std::mem::replace(task, fresh);
            for _ in 0..3 {
                running.turn()?;
            }
            self.now.fetch_add(60, Ordering::Relaxed);
            let _ = frozen.turn();
            let _ = frozen.stop();
        }
        Ok(())
    }

    /// Only what the test did may end a runner.
    fn is_expected(&self, error: &RunError) -> bool {
        self.memory.crashed() || error.to_string().contains("crashed by the test")
    }

    fn rise_again(&mut self) {
        self.memory = self.memory.reopen();
        self.tables.lock().unwrap().disturb = None;
        self.disturbance = self.disturbance.filter(|d| matches!(d, Disturbance::Zombie(_)));
        self.arm();
    }

    fn arm(&self) {
        let hit = match self.disturbance {
            Some(Disturbance::Commit(number, fault)) => Some((number, fault)),
            _ => None,
        };
        count_commits(&self.memory, &self.commits, hit);
    }

    fn outcome(&self) -> Result<Outcome, String> {
        let (rows, sink_writes) = {
            let mut tables = self.tables.lock().unwrap();
            (std::mem::take(&mut tables.rows), tables.writes)
        };
        let mut outcome = Outcome {
            topics: BTreeMap::new(),
            rows,
            state: BTreeMap::new(),
            commits: self.commits.load(Ordering::Relaxed),
            sink_writes,
        };
        let mut all: Vec<&str> = chain_outputs().topics().collect();
        all.extend(entity_outputs().topics());
        for topic in all.into_iter().chain([POLL.name, DEAD_LETTER.name]) {
            for record in read(&self.memory, topic)? {
                let key = record.key.as_deref().unwrap_or_default().to_vec();
                let value = record.value.as_deref().unwrap_or_default().to_vec();
                outcome.topics.entry((topic.to_owned(), key)).or_default().push(value);
            }
        }
        for record in read(&self.memory, STATE_DEVICE.name)? {
            let key = record.key.as_deref().unwrap_or_default().to_vec();
            if key == b"position" {
                continue;
            }
            match record.value.as_deref() {
                Some(value) => {
                    let state = value.get(SNAPSHOT_HEADER..).unwrap_or_default().to_vec();
                    outcome.state.insert(key, state);
                }
                None => drop(outcome.state.remove(&key)),
            }
        }
        if outcome.topics.len() < 10 || outcome.state.len() < 2 || outcome.rows.len() < 4 {
            return Err("the scenario gave next to nothing: the test would prove nothing".into());
        }
        Ok(outcome)
    }
}

/// Counts commits; the one with the number given is hit.
pub fn count_commits(memory: &Memory, commits: &Arc<AtomicU64>, hit: Option<(u64, Fault)>) {
    let commits = Arc::clone(commits);
    memory.on_write(move |write| {
        if !write.commit {
            return Fault::None;
        }
        let number = commits.fetch_add(1, Ordering::Relaxed) + 1;
        match hit {
            Some((at, fault)) if at == number => fault,
            _ => Fault::None,
        }
    });
}

/// All committed records of a topic.
pub fn read(memory: &Memory, topic: &str) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let ends = memory.ends(topic).map_err(|error| error.to_string())?;
    for (partition, _) in (0..).zip(ends) {
        let reader = memory.reader(topic, &[partition], Start::Earliest);
        let mut reader = reader.map_err(|error| error.to_string())?;
        let end = reader.end(partition).map_err(|error| error.to_string())?;
        while reader.position(partition) < end {
            records.extend(reader.poll(Duration::ZERO).map_err(|error| error.to_string())?);
        }
    }
    Ok(records)
}

//! The processor: poll records of 100 samples from a real log, through the whole chain, in
//! transactions of 100 ms, snapshots on, until all are stepped; or a crash, and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use processors::{
    DeviceChain, DeviceState, LoadError, Next, Out, Output, Processor, Sections, Stages,
};
use schemas::{Anomaly, DeviceInput, SchemaStore};

use super::loose::Loose;
use super::machine::{cpu_seconds, resident_bytes};
use super::place::Place;
use super::polls::{INTERVAL_MS, SAMPLES, Source};
use super::{Failure, Report, Scale};
use crate::clock::{Clock, wall_ms};
use crate::config::Config;
use crate::log::{EventLog, LogError, Start};
use crate::run::outside::Within;
use crate::run::processor::ProcessorRunner;
use crate::run::wiring::{Pace, RunError, Wiring, member};
use crate::topic::shared;
use crate::topology::{ANOMALY, POLL, STATE_DEVICE, chain_outputs};

/// A million series at scale 1.
const DEVICES: usize = 10_000;
/// Polls of each device that are measured.
const ROUNDS: usize = 30;
/// … and before them, in which series are met: once in their life they are announced, each by a
/// record of its own.
const FIRST_ROUNDS: usize = 3;
/// With transactions and without, in turns.
const TURNS: usize = 4;
/// Polls of each device before the crash: every device was saved, none of them just now.
const ROUNDS_SAVED: usize = 45;
/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(900);
/// Longest wait for a queue that is full.
const PATIENCE: Duration = Duration::from_secs(60);

const ALL: Stages = Stages { rollups: true, detection: true };
const BANDS: Stages = Stages { rollups: false, detection: true };

/// The chain, counting the polls it has stepped.
struct Counted {
    chain: DeviceChain,
    polls: Arc<AtomicUsize>,
}

impl Processor for Counted {
    type Input = DeviceInput;
    type Output = Output;
    type Recall = Anomaly;
    type State = DeviceState;
    const NAME: &'static str = DeviceChain::NAME;
    const LOGIC_VERSION: u32 = DeviceChain::LOGIC_VERSION;

    fn step(&self, state: &mut DeviceState, input: &DeviceInput, out: &mut dyn Out) -> Next {
        if matches!(input, DeviceInput::Poll(_)) {
            self.polls.fetch_add(1, Ordering::Relaxed);
        }
        self.chain.step(state, input, out)
    }

    fn wake_at(&self, state: &DeviceState) -> Option<i64> {
        self.chain.wake_at(state)
    }

    fn save(&self, state: &mut DeviceState, write: &mut dyn FnMut(u16, &[u8])) {
        self.chain.save(state, write);
    }

    fn load(&self, version: u32, sections: &Sections) -> Result<DeviceState, LoadError> {
        self.chain.load(version, sections)
    }

    fn reconcile(&self, state: &mut DeviceState, published: &[Anomaly], out: &mut dyn Out) {
        self.chain.reconcile(state, published, out);
    }
}

/// A log of this measurement's own, with polls in it.
struct Ground {
    log: Arc<dyn EventLog>,
    schemas: SchemaStore,
    devices: usize,
    polls: usize,
    /// What an hour of stream time is in the log's append time: polls are appended faster than
    /// they would be made, and snapshots are paced by append time.
    squeeze: f64,
    /// Goes last.
    place: Place,
}

impl Ground {
    fn lay(config: &Config, scale: Scale, rounds: usize) -> Result<Self, Failure> {
        let place = Place::new(config)?;
        let (log, schemas) = place.log()?;
        let devices = scale.of(DEVICES, 20);
        let appended = fill(log.as_ref(), devices, rounds)?;
        let stream = (rounds as i64 * INTERVAL_MS) as f64 / 1000.0;
        let squeeze = appended.as_secs_f64() / stream;
        let polls = devices * rounds;
        Ok(Self { log, schemas, devices, polls, squeeze, place })
    }

    /// As shipped, on the append times of this log.
    fn pace(&self) -> Pace {
        let shipped = Pace::default();
        let snapshot_ms = (shipped.snapshot_ms as f64 * self.squeeze).max(1.0) as i64;
        Pace { snapshot_ms, ..shipped }
    }

    /// Without ticks: they would stand behind all polls and carry this run's time, by which
    /// every snapshot is due, so that nothing is left to be replayed.
    fn pace_without_ticks(&self) -> Pace {
        Pace { tick_ms: 0, ..self.pace() }
    }

    fn describe(&self) -> String {
        let kind = self.place.log_name();
        format!(
            "{} polls of {SAMPLES} samples each, of {} devices ({} series), {} s apart, on {kind}",
            self.polls,
            self.devices,
            self.devices * SAMPLES,
            INTERVAL_MS / 1000
        )
    }
}

/// Returns how long it took from the first record on.
fn fill(log: &dyn EventLog, devices: usize, rounds: usize) -> Result<Duration, Failure> {
    let first_ms = wall_ms() - rounds as i64 * INTERVAL_MS;
    let mut sources: Vec<Source> = (0..devices).map(|n| Source::new(n, first_ms)).collect();
    let producer = log.producer("bench")?;
    let mut began = None;
    for round in 0..rounds {
        for source in &mut sources {
            let poll = source.poll(round as i64);
            let record = POLL.record(&poll.device, poll)?;
            let until = Instant::now() + PATIENCE;
            loop {
                match producer.send(record.clone(), None) {
                    Err(LogError::Full { .. }) if Instant::now() < until => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    other => break other?,
                }
            }
            if began.is_none() {
                // A new topic takes a while to take any.
                producer.flush(PATIENCE)?;
                began = Some(Instant::now());
            }
        }
    }
    producer.flush(PATIENCE)?;
    Ok(began.map_or(Duration::ZERO, |began| began.elapsed()))
}

/// What a run, or several, took for so many samples.
#[derive(Default)]
struct Spent {
    samples: f64,
    cpu: f64,
    wall: f64,
}

impl Spent {
    fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.cpu += other.cpu;
        self.wall += other.wall;
    }

    fn per_cpu_second(&self) -> f64 {
        self.samples / self.cpu
    }
}

/// One thread's runner.
struct Task {
    log: Arc<dyn EventLog>,
    counted: Arc<Counted>,
    wiring: Wiring<Counted>,
    pace: Pace,
    schemas: SchemaStore,
    stop: Arc<AtomicBool>,
    live: Arc<Vec<AtomicUsize>>,
    slot: usize,
}

impl Task {
    fn run(self) -> Result<(), String> {
        while !self.stop.load(Ordering::Relaxed) {
            match self.once() {
                // A rebalance overtook a commit while the others were still joining.
                Err(RunError::Log(LogError::Fenced { .. })) => {}
                other => other.map_err(|error| error.to_string())?,
            }
        }
        Ok(())
    }

    /// Until the end, without a clean stop: the next start is one after a crash.
    fn once(&self) -> Result<(), RunError> {
        let (counted, wiring) = (Arc::clone(&self.counted), self.wiring.clone());
        let (clock, schemas) = (Clock::system(), self.schemas.clone());
        let mut runner =
            ProcessorRunner::join(&self.log, counted, Within, wiring, self.pace, clock, schemas)?;
        while !self.stop.load(Ordering::Relaxed) {
            runner.turn(Duration::from_millis(100))?;
            let (held, restoring) = runner.held();
            self.live[self.slot].store(held - restoring, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The runners of one process: each in its thread, as many as configured.
struct Runners {
    stop: Arc<AtomicBool>,
    /// Threads whose partitions are all there.
    threads: Vec<std::thread::JoinHandle<Result<(), String>>>,
    polls: Arc<AtomicUsize>,
    /// Partitions that are back and live, over all threads.
    live: Arc<Vec<AtomicUsize>>,
}

impl Runners {
    fn start(
        ground: &Ground,
        log: &Arc<dyn EventLog>,
        group: &str,
        stages: Stages,
        pace: Pace,
    ) -> Result<Self, Failure> {
        let configured = ground.place.config.processor.threads;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if configured == 0 { cores } else { configured };
        let stop = Arc::new(AtomicBool::new(false));
        let polls = Arc::new(AtomicUsize::new(0));
        let live: Arc<Vec<AtomicUsize>> =
            Arc::new((0..count).map(|_| AtomicUsize::new(0)).collect());
        let threads = (0..count).map(|slot| {
            let chain = DeviceChain::with(stages);
            let counted = Arc::new(Counted { chain, polls: Arc::clone(&polls) });
            let wiring = Wiring {
                member: member(group, POLL.name, &format!("{group}-{slot}")),
                state_topic: shared(STATE_DEVICE.name),
                recall_topic: Some(shared(ANOMALY.name)),
                route: chain_outputs().route(),
            };
            let (log, schemas) = (Arc::clone(log), ground.schemas.clone());
            let (stop, live) = (Arc::clone(&stop), Arc::clone(&live));
            let task = Task { log, counted, wiring, pace, schemas, stop, live, slot };
            let builder = std::thread::Builder::new().name(format!("process {slot}"));
            builder.spawn(move || task.run())
        });
        let threads = threads.collect::<Result<_, _>>()?;
        Ok(Self { stop, threads, polls, live })
    }

    fn wait(&self, mut done: impl FnMut(&Self) -> bool) -> Result<(), Failure> {
        let until = Instant::now() + LIMIT;
        while !done(self) {
            if self.threads.iter().any(std::thread::JoinHandle::is_finished) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("not done after {LIMIT:?}").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn live(&self) -> usize {
        self.live.iter().map(|one| one.load(Ordering::Relaxed)).sum()
    }

    fn end(self) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| "a runner panicked")??;
        }
        Ok(())
    }
}

/// Runs all polls through a chain of these stages; what is measured begins when all series are met.
fn consume(
    ground: &Ground,
    log: &Arc<dyn EventLog>,
    group: &str,
    stages: Stages,
) -> Result<Spent, Failure> {
    let runners = Runners::start(ground, log, group, stages, ground.pace())?;
    let stepped = |runners: &Runners| runners.polls.load(Ordering::Relaxed);
    runners.wait(|runners| stepped(runners) >= ground.devices * FIRST_ROUNDS)?;
    let (first, cpu, wall) = (stepped(&runners), cpu_seconds(), Instant::now());
    runners.wait(|runners| stepped(runners) >= ground.polls)?;
    let spent = Spent {
        samples: (ground.polls.saturating_sub(first) * SAMPLES) as f64,
        cpu: cpu_seconds() - cpu,
        wall: wall.elapsed().as_secs_f64(),
    };
    runners.end()?;
    Ok(spent)
}

/// Records and bytes (keys and values) of a topic.
fn size_of(ground: &Ground, topic: &str) -> Result<(usize, usize), Failure> {
    let (mut records, mut bytes) = (0, 0);
    for partition in 0..ground.place.config.log.partitions {
        let mut reader = ground.log.reader(topic, &[partition], Start::Earliest)?;
        let end = reader.end(partition)?;
        while reader.position(partition) < end {
            for record in reader.poll(Duration::from_millis(100))? {
                records += 1;
                bytes += record.key.map_or(0, |key| key.len());
                bytes += record.value.map_or(0, |value| value.len());
            }
        }
    }
    Ok((records, bytes))
}

/// `bench process`.
pub(super) fn process(config: &Config, scale: Scale) -> Result<Report, Failure> {
    // Each run on ground of its own: another would restore from what the first one saved.
    let lay = || Ground::lay(config, scale, FIRST_ROUNDS + ROUNDS);
    let (mut whole, mut plain) = (Spent::default(), Spent::default());
    let (mut bytes, mut what) = (0, String::new());
    for _ in 0..TURNS {
        let ground = lay()?;
        whole.add(&consume(&ground, &ground.log, "whole", ALL)?);
        bytes += size_of(&ground, STATE_DEVICE.name)?.1;
        what = ground.describe();
        let ground = lay()?;
        let loose: Arc<dyn EventLog> = Arc::new(Loose(Arc::clone(&ground.log)));
        plain.add(&consume(&ground, &loose, "plain", ALL)?);
    }
    let ground = lay()?;
    let bands = consume(&ground, &ground.log, "bands", BANDS)?;
    let all = (TURNS * ground.polls * SAMPLES) as f64;
    let what =
        format!("{TURNS} turns of {what}, the first {FIRST_ROUNDS} of each device unmeasured.");
    let mut report = Report::new("process", what);
    report.add("whole chain, exactly once", whole.per_cpu_second(), "samples/cpu-s");
    report.add("  by the wall", whole.samples / whole.wall, "samples/s");
    report.add("whole chain, no transactions", plain.per_cpu_second(), "samples/cpu-s");
    let ratio = whole.per_cpu_second() / plain.per_cpu_second();
    report.add("  ratio exactly once to none", ratio, "");
    report.add("rates and bands alone, exactly once", bands.per_cpu_second(), "samples/cpu-s");
    report.add("state topic", bytes as f64 / all, "B/sample");
    Ok(report)
}

/// `bench state`.
pub(super) fn state(config: &Config, scale: Scale) -> Result<Report, Failure> {
    let ground = Ground::lay(config, scale, ROUNDS_SAVED)?;
    let series = (ground.devices * SAMPLES) as f64;
    let partitions = ground.place.config.log.partitions as usize;
    let pace = ground.pace_without_ticks();
    // From here on, because what the first run leaves behind is the allocator's to use again.
    let before = resident_bytes();
    let runners = Runners::start(&ground, &ground.log, "whole", ALL, pace)?;
    runners.wait(|runners| runners.polls.load(Ordering::Relaxed) >= ground.polls)?;
    runners.end()?;
    let (records, bytes) = size_of(&ground, STATE_DEVICE.name)?;
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let runners = Runners::start(&ground, &ground.log, "whole", ALL, pace)?;
    runners.wait(|runners| runners.live() == partitions)?;
    let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
    let memory = resident_bytes().saturating_sub(before) as f64;
    let replayed = runners.polls.load(Ordering::Relaxed) as f64;
    runners.end()?;
    let what = format!(
        "{}. Then a crash; state topic of {records} records, {} MB.",
        ground.describe(),
        bytes / 1_000_000
    );
    let mut report = Report::new("state", what);
    report.add("back after", wall, "s");
    report.add("  CPU", cpu, "cpu-s");
    report.add("  replayed tail", replayed / ground.devices as f64, "polls/device");
    report.add("memory", memory / series, "B/series");
    Ok(report)
}

//! How fast the chain folds decoded records, and what a series costs.
//!
//!     cargo run --release -p processors --example step_rate -- [DEVICES] [ROUNDS] [INTERVAL_S]
//!
//! 10,000 devices of 100 series, polls of 100 samples every 10 s of stream time, one thread.
//! Prints samples per CPU-second of the whole chain and of its stages, bytes of memory a series
//! (by a counting allocator), and what saving costs at the pace of the runner: bytes and CPU time
//! a sample, the first save (of everything) left out.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use processors::{DeviceChain, DeviceState, DropReason, Out, Output, Processor, Stages};
use schemas::{Column, DeviceId, DeviceInput, Kind, Outcome, Poll};

static USED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// CPU seconds of this process (`/proc/self/stat`, hundredths).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

#[derive(Default)]
struct Sink {
    outputs: usize,
    samples: usize,
    anomalies: usize,
}

impl Out for Sink {
    fn emit(&mut self, output: Output) {
        self.outputs += 1;
        match output {
            Output::Metric(batch) => self.samples += batch.series.len(),
            Output::Anomaly(_) => self.anomalies += 1,
            Output::Rollup(_)
            | Output::Baseline(_)
            | Output::Status(_)
            | Output::Facts(_)
            | Output::Series(_) => {}
        }
    }

    fn dropped(&mut self, _: DropReason) {}
}

/// The runner saves a key between half its pace of 5 minutes and the whole.
const SAVE_EVERY_MS: i64 = 225_000;

/// What saving took, and the samples it saved.
#[derive(Default)]
struct Saves {
    before: Option<usize>,
    bytes: usize,
    samples: usize,
    seconds: f64,
}

impl Saves {
    fn take(&mut self, chain: &DeviceChain, states: &mut [DeviceState], samples: usize) {
        let mut bytes = 0;
        let start = cpu_seconds();
        for state in states {
            chain.save(state, &mut |_, section| bytes += section.len());
        }
        if let Some(before) = self.before {
            self.seconds += cpu_seconds() - start;
            self.bytes += bytes;
            self.samples += samples - before;
        }
        self.before = Some(samples);
    }
}

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

const START: i64 = 1_700_006_400_000;
const PORTS: usize = 10;

fn first_poll(device: usize, interval_ms: i64) -> Poll {
    let column = |metric: usize, kind: Kind| Column {
        metric: format!("if_metric_{metric}_per_s"),
        unit: "1/s".to_owned(),
        kind,
        scale: 8.0,
        ceiling: None,
        detect: true,
        quantum: 0.0,
        instances: (0..PORTS as i32).collect(),
        at_ms: vec![3; PORTS],
        counts: if kind == Kind::Gauge { vec![] } else { vec![0; PORTS] },
        gauges: if kind == Kind::Gauge { vec![0.0; PORTS] } else { vec![] },
    };
    let mut columns: Vec<Column> = (0..8).map(|m| column(m, Kind::Counter64)).collect();
    columns.push(column(8, Kind::Gauge));
    columns.push(column(9, Kind::Gauge));
    Poll {
        tenant: "default".to_owned(),
        device: DeviceId::from_source("bench", &device.to_string()),
        connector: "snmp".to_owned(),
        cycle: 0,
        part: 0,
        parts: 1,
        interval_ms,
        started_at: START,
        mono_ms: 0,
        poller: "p".to_owned(),
        duration_ms: 0,
        outcome: Outcome::Ok,
        error: None,
        uptime_cs: None,
        instances: (0..PORTS).map(|port| format!("ge-0/0/{port}")).collect(),
        columns,
        facts: vec![],
        identities: Vec::new(),
        target: 0,
    }
}

/// Moves the poll on to the next slot.
fn turn(poll: &mut Poll, round: i64, noise: &mut Noise) {
    poll.cycle = round;
    poll.started_at = START + round * poll.interval_ms;
    poll.mono_ms = round * poll.interval_ms;
    poll.uptime_cs = Some(1_000_000 + round * poll.interval_ms / 10);
    for column in &mut poll.columns {
        for count in &mut column.counts {
            *count += 1_000_000 + (noise.next() % 200_000) as i64;
        }
        for gauge in &mut column.gauges {
            *gauge = 40.0 + (noise.next() % 100) as f64 / 10.0;
        }
    }
}

fn measure(name: &str, stages: Stages, devices: usize, rounds: i64, interval_ms: i64) {
    let chain = DeviceChain::with(stages);
    let mut noise = Noise(88_172_645_463_325_252);
    // Few distinct polls, so that making the input does not swamp the caches; re-labelled.
    let mut templates: Vec<DeviceInput> = (0..devices.min(64))
        .map(|device| DeviceInput::Poll(Box::new(first_poll(device, interval_ms))))
        .collect();
    let before = USED.load(Ordering::Relaxed);
    let mut states: Vec<DeviceState> = (0..devices).map(|_| DeviceState::default()).collect();
    let mut sink = Sink::default();
    let mut spent = 0.0;
    let mut counted = 0;
    let mut saves = Saves::default();
    for round in 0..rounds {
        for input in &mut templates {
            if let DeviceInput::Poll(poll) = input {
                turn(poll, round, &mut noise);
            }
        }
        let samples = sink.samples;
        let start = cpu_seconds();
        for (device, state) in states.iter_mut().enumerate() {
            // Templates share ids: a state does not mind whose it is.
            chain.step(state, &templates[device % 64 % devices], &mut sink);
        }
        // The first rounds make the tables.
        if round >= 3 {
            spent += cpu_seconds() - start;
            counted += sink.samples - samples;
        }
        if (round + 1) % (SAVE_EVERY_MS / interval_ms).max(1) == 0 {
            saves.take(&chain, &mut states, sink.samples);
        }
    }
    let series: usize = states.iter().map(DeviceState::series_count).sum();
    let memory = USED.load(Ordering::Relaxed) - before;
    println!(
        "{name}: {:.2} M samples per CPU-second ({:.0} ns a sample), {} B memory a series, \
         {:.1} B saved a sample ({:.0} ns), {} anomalies",
        counted as f64 / spent / 1e6,
        spent * 1e9 / counted as f64,
        memory / series,
        saves.bytes as f64 / saves.samples as f64,
        saves.seconds * 1e9 / saves.samples as f64,
        sink.anomalies
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<i64>().unwrap());
    let devices = arguments.next().unwrap_or(10_000) as usize;
    let rounds = arguments.next().unwrap_or(200);
    let interval_ms = arguments.next().unwrap_or(10) * 1_000;
    let all = Stages { rollups: true, detection: true };
    measure(
        "rates alone",
        Stages { rollups: false, detection: false },
        devices,
        rounds,
        interval_ms,
    );
    measure(
        "rates + band",
        Stages { rollups: false, detection: true },
        devices,
        rounds,
        interval_ms,
    );
    measure("whole chain", all, devices, rounds, interval_ms);
}

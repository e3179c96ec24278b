//! What a sample costs in the records that carry samples.
//!
//!     cargo run --release -p schemas --example codec_rate
//!
//! A poll of 10 metrics of 10 ports, and the metric record that comes of it. Prints the CPU time a
//! sample of writing each, and of reading the poll into one that was read before; the least of
//! several rounds, because whatever else runs only adds.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use schemas::{
    Column, DeviceId, DeviceInput, Kind, MetricBatch, Outcome, Poll, SchemaStore, SeriesId, encode,
};

const PORTS: usize = 10;
const SAMPLES: usize = 10 * PORTS;
const ROUNDS: usize = 20;
const RECORDS: usize = 10_000;
const NOW: i64 = 1_700_000_000_000;

fn column(metric: usize) -> Column {
    let is_gauge = metric >= 8;
    Column {
        metric: format!("if_metric_{metric}_per_s"),
        unit: "1/s".to_owned(),
        kind: if is_gauge { Kind::Gauge } else { Kind::Counter64 },
        scale: 8.0,
        ceiling: None,
        detect: true,
        quantum: 0.0,
        instances: (0..PORTS as i32).collect(),
        at_ms: vec![143; PORTS],
        counts: if is_gauge { vec![] } else { (0..10).map(|n| 123_456_789_012 + n).collect() },
        gauges: if is_gauge { vec![3.5; PORTS] } else { vec![] },
    }
}

fn poll() -> Poll {
    Poll {
        tenant: "default".to_owned(),
        device: DeviceId::from_source("bench", "1"),
        connector: "snmp".to_owned(),
        cycle: 5,
        part: 0,
        parts: 1,
        interval_ms: 10_000,
        started_at: NOW,
        mono_ms: 5,
        poller: "p".to_owned(),
        duration_ms: 143,
        outcome: Outcome::Ok,
        error: None,
        uptime_cs: Some(5),
        instances: (0..PORTS).map(|port| format!("ge-0/0/{port}")).collect(),
        columns: (0..10).map(column).collect(),
        facts: vec![],
        identities: Vec::new(),
        target: 0,
    }
}

fn metric(poll: &Poll) -> MetricBatch {
    let id = |n: usize| SeriesId::of(&poll.tenant, poll.device, "metric", &n.to_string());
    MetricBatch {
        tenant: poll.tenant.clone(),
        device: poll.device,
        at: NOW,
        series: (0..SAMPLES).map(id).collect(),
        at_ms: vec![143; SAMPLES],
        values: (0..SAMPLES).map(|n| n as f64 * 1234.5).collect(),
        flags: vec![],
        gaps: vec![],
        interval_ms: 0,
        connector: String::new(),
        answered: true,
    }
}

fn measure(what: &str, mut once: impl FnMut()) {
    let round = |_| {
        let began = Instant::now();
        (0..RECORDS).for_each(|_| once());
        began.elapsed().as_secs_f64()
    };
    let least = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("{what}: {:.1} ns a sample", least * 1e9 / (RECORDS * SAMPLES) as f64);
}

fn main() {
    let poll = poll();
    let metric = metric(&poll);
    let (store, bytes) = (SchemaStore::default(), encode(&poll).unwrap());
    measure("write a poll", || drop(black_box(encode(black_box(&poll)).unwrap())));
    measure("write a metric record", || drop(black_box(encode(black_box(&metric)).unwrap())));
    let mut spare = None;
    measure("read a poll", || {
        let read = DeviceInput::decode(&store, black_box(&bytes), &mut spare).unwrap();
        spare = match read {
            DeviceInput::Poll(poll) => Some(poll),
            DeviceInput::Control(_) | DeviceInput::Tick(_) => None,
        };
    });
}

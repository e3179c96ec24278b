//! Polls as a network of equal devices would give them: ten ports, eight counters and two gauges
//! of each, noise from a fixed generator.

use schemas::{Column, DeviceId, Kind, Outcome, Poll};

/// Samples of one poll.
pub(super) const SAMPLES: usize = PORTS * METRICS;
const PORTS: usize = 10;
const COUNTERS: usize = 8;
const METRICS: usize = 10;

/// Between two polls of a device.
pub(super) const INTERVAL_MS: i64 = 10_000;

/// xorshift64: the same on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// One device.
pub(super) struct Source {
    poll: Poll,
    first_ms: i64,
    noise: Noise,
}

impl Source {
    /// A device whose first poll begins at this time.
    pub(super) fn new(number: usize, first_ms: i64) -> Self {
        let column = |metric: usize| {
            let counter = metric < COUNTERS;
            Column {
                metric: format!("bench_metric_{metric}"),
                unit: "1/s".to_owned(),
                kind: if counter { Kind::Counter64 } else { Kind::Gauge },
                scale: if counter { 8.0 } else { 1.0 },
                ceiling: None,
                detect: true,
                quantum: 0.0,
                instances: (0..PORTS as i32).collect(),
                at_ms: vec![3; PORTS],
                counts: vec![0; if counter { PORTS } else { 0 }],
                gauges: vec![0.0; if counter { 0 } else { PORTS }],
            }
        };
        let poll = Poll {
            tenant: "default".to_owned(),
            device: DeviceId::from_source("bench", &number.to_string()),
            connector: "snmp".to_owned(),
            cycle: 0,
            part: 0,
            parts: 1,
            interval_ms: INTERVAL_MS,
            started_at: first_ms,
            mono_ms: 0,
            poller: "bench".to_owned(),
            duration_ms: 20,
            outcome: Outcome::Ok,
            error: None,
            uptime_cs: None,
            instances: (0..PORTS).map(|port| format!("ge-0/0/{port}")).collect(),
            columns: (0..METRICS).map(column).collect(),
            facts: Vec::new(),
            identities: Vec::new(),
            target: 0,
        };
        Self { poll, first_ms, noise: Noise(88_172_645_463_325_252 ^ (number as u64) << 17) }
    }

    /// The poll of a cycle; cycles are asked for in order.
    pub(super) fn poll(&mut self, cycle: i64) -> &Poll {
        let poll = &mut self.poll;
        poll.cycle = cycle;
        poll.started_at = self.first_ms + cycle * INTERVAL_MS;
        poll.mono_ms = cycle * INTERVAL_MS;
        poll.uptime_cs = Some(1_000_000 + poll.mono_ms / 10);
        for column in &mut poll.columns {
            for count in &mut column.counts {
                *count += 1_000_000 + (self.noise.next() % 200_000) as i64;
            }
            for gauge in &mut column.gauges {
                *gauge = 40.0 + (self.noise.next() % 100) as f64 / 10.0;
            }
        }
        poll
    }
}

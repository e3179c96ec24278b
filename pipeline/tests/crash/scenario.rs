//! What is fed: devices, what is configured about them, polls with resets, wraps, gaps, duplicates
//! and late parts, ticks, poison, a removed device. A pure function of the seed.

use std::ops::Range;

use pipeline::log::NewRecord;
use pipeline::run::wiring::Pace;
use pipeline::topic::shared;
use pipeline::topology::{DEVICE, ENTITY_COMMAND, POLL};
use schemas::{
    Column, Device, DeviceGroup, DeviceId, EntityCommand, Fact, Kind, Outcome, Poll, Tick, encode,
};

/// Partitions of every topic keyed by device.
pub const PARTITIONS: i32 = 2;
/// When the scenario begins, ms since the epoch: near the end of an hour and a day.
pub const EPOCH_MS: i64 = 1_700_006_100_000 / 86_400_000 * 86_400_000 + 86_400_000 - 400_000;

/// Polls of each device: enough for a baseline, two episodes, and the end of the first.
const ROUNDS: i64 = 48;
/// When values are far beyond what is usual.
const SPIKES: [Range<i64>; 2] = [25..31, 40..46];
/// When the last device leaves, in the middle of its second episode.
const REMOVED: i64 = 44;

/// One thing that happens.
#[derive(Clone)]
pub enum Step {
    /// A record is appended, after time has moved on to this.
    Feed(i64, NewRecord),
    /// Everything fed so far is processed before the next.
    Settle,
}

/// A whole run's input and pace.
pub struct Scenario {
    pub steps: Vec<Step>,
    /// Records fed between two rounds of the runners.
    pub batch: usize,
    pub pace: Pace,
}

/// Small, fast, good enough, and the same on every machine (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A device's own counters.
struct Source {
    id: DeviceId,
    octets: [u64; 2],
    packets: [u32; 2],
    boot_ms: i64,
    cycle: i64,
}

impl Scenario {
    pub fn of(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(7919));
        let pace = Pace {
            commit_ms: 30,
            commit_records: 1 + random.below(12) as usize,
            snapshot_ms: 1_000 * (1 + random.below(60) as i64),
            commit_snapshots: 1 + random.below(4) as usize,
            tick_ms: 0,
        };
        let mut now = EPOCH_MS;
        let mut steps = Vec::new();
        let mut sources: Vec<Source> = (0..3).map(|i| source(&mut random, i, now)).collect();
        for source in &sources {
            steps.push(Step::Feed(now, device(source)));
        }
        steps.push(Step::Settle);
        // Far apart: when the log takes them is part of what comes of them.
        let times = (1..).map(|n| now + 1_500 * n);
        steps.extend(times.zip(configured(&sources)).map(|(at, record)| Step::Feed(at, record)));
        steps.push(Step::Settle);
        for round in 0..ROUNDS {
            now += 10_000;
            for source in &mut sources {
                if random.one_in(12) {
                    continue;
                }
                let poll = poll(&mut random, source, now, round);
                steps.push(Step::Feed(now + 200, record(&poll)));
                if random.one_in(10) {
                    steps.push(Step::Feed(now + 210, record(&poll)));
                }
            }
            if random.one_in(3) {
                let tick = encode(&Tick { at: now + 5_000 }).unwrap();
                for partition in 0..PARTITIONS {
                    let tick = NewRecord {
                        topic: shared(POLL.name),
                        partition: Some(partition),
                        key: None,
                        value: Some(tick.clone().into()),
                        headers: Vec::new(),
                    };
                    steps.push(Step::Feed(now + 5_000, tick));
                }
            }
            if random.one_in(15) {
                steps.push(Step::Feed(now + 5_100, poison(&mut random)));
            }
            if round == REMOVED {
                steps.push(Step::Settle);
                let gone = DEVICE.tombstone(&sources[2].id);
                steps.push(Step::Feed(now + 9_000, gone));
                steps.push(Step::Settle);
            }
        }
        steps.push(Step::Settle);
        Self { steps, batch: 1 + random.below(9) as usize, pace }
    }
}

fn source(random: &mut Random, number: u64, now: i64) -> Source {
    Source {
        id: DeviceId::from_source("crash", &format!("{}-{number}", random.next())),
        octets: [random.below(1 << 40), u64::MAX - random.below(1 << 20)],
        packets: [u32::MAX - random.below(5_000) as u32, 17],
        boot_ms: now - random.below(1 << 30) as i64,
        cycle: now / 10_000,
    }
}

fn device(source: &Source) -> NewRecord {
    let device = Device {
        tenant: "default".into(),
        id: source.id,
        name: source.id.to_string(),
        address: "192.0.2.1".into(),
        port: 161,
        profile: "auto".into(),
        credential: None,
        site: None,
        tags: vec![],
        interval_ms: 10_000,
        snmp: true,
        icmp: true,
        enabled: true,
        source: "test".into(),
        updated_at: 1,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    };
    DEVICE.record(&source.id, &device).unwrap()
}

/// Commands: two versions of a group that loses a device later, a conflict, and one request twice.
fn configured(sources: &[Source]) -> impl Iterator<Item = NewRecord> {
    let command = |request: &str, kind: &str, id: &str, body: String| EntityCommand {
        tenant: "default".into(),
        request: request.into(),
        kind: kind.into(),
        id: id.into(),
        expected: None,
        body: Some(body),
        by: "ada".into(),
        at: 0,
    };
    let group = DeviceGroup {
        tenant: "default".into(),
        id: DeviceId::from_source("crash", "group").to_string(),
        name: "core".into(),
        devices: vec![sources[0].id, sources[2].id],
        ..DeviceGroup::default()
    };
    let body = serde_json::to_string(&group).unwrap();
    let credential = r#"{"name":"lab","kind":"snmp_v2c","version":1}"#.to_owned();
    let of_group = |request| command(request, "device_group", &group.id, body.clone());
    let commands = [
        command("credential", "credential", "lab", credential),
        of_group("first"),
        EntityCommand { expected: Some(1), ..of_group("conflict") },
        of_group("second"),
        of_group("first"),
    ];
    commands.map(|command| ENTITY_COMMAND.publish(&command).unwrap()).into_iter()
}

fn record(poll: &Poll) -> NewRecord {
    POLL.record(&poll.device, poll).unwrap()
}

fn poll(random: &mut Random, source: &mut Source, now: i64, round: i64) -> Poll {
    source.cycle += 1;
    if random.one_in(25) {
        (source.boot_ms, source.octets, source.packets) = (now - 3_000, [500, 0], [10, 0]);
    }
    let spike = if SPIKES.iter().any(|rounds| rounds.contains(&round)) { 400 } else { 1 };
    for i in 0..2 {
        let step = (10_000 + random.below(500)) * spike;
        source.octets[i] = source.octets[i].wrapping_add(step);
        source.packets[i] = source.packets[i].wrapping_add((step / 100) as u32);
    }
    let failed = random.one_in(15);
    let column = |metric: &str, kind: Kind| Column {
        metric: metric.into(),
        unit: "1/s".into(),
        kind,
        scale: 1.0,
        ceiling: None,
        detect: true,
        quantum: 0.0,
        instances: vec![1, 2],
        at_ms: vec![20, 30],
        counts: vec![],
        gauges: vec![],
    };
    let octets = Column {
        counts: source.octets.map(|count| count as i64).to_vec(),
        ..column("octets", Kind::Counter64)
    };
    let packets = Column {
        counts: source.packets.map(i64::from).to_vec(),
        ..column("packets", Kind::Counter32)
    };
    let level = 50.0 * spike as f64 + random.below(100) as f64 / 100.0;
    let gauges = Column { gauges: vec![level, -level], ..column("level", Kind::Gauge) };
    let status = f64::from(u8::try_from(random.below(8) / 7).unwrap_or(0));
    let states = Column { gauges: vec![status, 1.0], ..column("oper", Kind::State) };
    Poll {
        tenant: "default".into(),
        device: source.id,
        connector: "snmp".into(),
        cycle: source.cycle,
        part: 0,
        parts: 1,
        interval_ms: 10_000,
        started_at: now,
        mono_ms: now - EPOCH_MS + 77,
        poller: if random.one_in(20) { "other" } else { "one" }.into(),
        duration_ms: 40,
        outcome: if failed { Outcome::Timeout } else { Outcome::Ok },
        error: failed.then(|| "no answer".into()),
        uptime_cs: (!failed).then_some((now - source.boot_ms) / 10),
        instances: vec![String::new(), "p1".into(), "p2".into()],
        columns: if failed { vec![] } else { vec![octets, packets, gauges, states] },
        facts: vec![Fact {
            instance: String::new(),
            name: "sys_name".into(),
            value: format!("name {}", round / 7),
        }],
        identities: Vec::new(),
        target: 0,
    }
}

fn poison(random: &mut Random) -> NewRecord {
    let bytes: Vec<u8> = (0..random.below(20)).map(|_| random.next() as u8).collect();
    NewRecord {
        topic: shared(POLL.name),
        partition: Some(random.below(PARTITIONS as u64) as i32),
        key: Some("poison".into()),
        value: Some(bytes.into()),
        headers: vec![],
    }
}

//! A device with ports, polled by hand.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod bugs;

use std::collections::BTreeMap;

use bugs::Bug;
use processors::{DeviceState, Output};
use schemas::{Column, DeviceInput, GapReason, Kind, Outcome, Poll, RowIdentity, SeriesId};

use crate::common::{START, column, device, poll, run};

pub fn gbit(value: f64) -> f64 {
    value * 1e9
}

pub fn mbit(value: f64) -> f64 {
    value * 1e6
}

/// A row of the interface table.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    pub name: &'static str,
    pub index: u8,
    pub description: &'static str,
    /// Its name is its place among those that are called the same.
    pub twin: bool,
    pub octets: i64,
    pub packets: i64,
    /// A 32-bit counter.
    pub narrow: bool,
    pub speed: f64,
}

pub const fn port(name: &'static str, index: u8, speed: f64) -> Port {
    Port {
        name,
        index,
        description: name,
        twin: false,
        octets: 0,
        packets: 0,
        narrow: false,
        speed,
    }
}

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// Value and flags.
    Sample(f64, i32),
    Gap(GapReason),
}

impl Seen {
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Sample(value, _) => Some(*value),
            Self::Gap(_) => None,
        }
    }
}

/// A device and all that came of its polls.
pub struct Watched {
    state: DeviceState,
    cycle: i64,
    pub interval_ms: i64,
    pub uptime_cs: i64,
    pub stuck_cs: Option<i64>,
    pub target: i64,
    pub poller: &'static str,
    pub outcome: Outcome,
    /// What is wrong with the program under test.
    pub bug: Option<Bug>,
    raw: bugs::Raw,
    seen: BTreeMap<SeriesId, Vec<(i64, Seen)>>,
}

impl Watched {
    pub fn new() -> Self {
        Self {
            state: DeviceState::default(),
            cycle: 0,
            interval_ms: 10_000,
            uptime_cs: 1_000_000,
            stuck_cs: None,
            target: 7,
            poller: "poller-1",
            outcome: Outcome::Ok,
            bug: None,
            raw: bugs::Raw::default(),
            seen: BTreeMap::new(),
        }
    }

    /// Polls that do not come.
    pub fn skip(&mut self, cycles: i64) {
        self.cycle += cycles;
        self.uptime_cs += cycles * self.interval_ms / 10;
    }

    /// The next poll.
    pub fn poll(&mut self, ports: &[Port]) {
        let mut record = self.record(ports);
        if let Some(bug) = self.bug {
            bug.ask(&mut record);
        }
        self.raw.read(&record);
        let sink = run(&mut self.state, &[DeviceInput::Poll(Box::new(record))]);
        for output in sink.outputs {
            let Output::Metric(mut batch) = output else { continue };
            if let Some(bug) = self.bug {
                bug.publish(&mut batch, &mut self.raw);
            }
            for (place, series) in batch.series.iter().enumerate() {
                let flags = batch.flags.get(place).copied().unwrap_or(0);
                let at = batch.at + i64::from(batch.at_ms[place]);
                let seen = Seen::Sample(batch.values[place], flags);
                self.seen.entry(*series).or_default().push((at, seen));
            }
            for gap in batch.gaps {
                let at = batch.at + i64::from(gap.at_ms);
                self.seen.entry(gap.series).or_default().push((at, Seen::Gap(gap.reason)));
            }
        }
        self.skip(1);
    }

    fn record(&self, ports: &[Port]) -> Poll {
        let mut record = poll("snmp", self.cycle, self.interval_ms);
        record.started_at = START + self.cycle * self.interval_ms;
        record.uptime_cs = Some(self.stuck_cs.unwrap_or(self.uptime_cs));
        record.poller = self.poller.to_owned();
        record.outcome = self.outcome;
        record.target = self.target;
        record.instances = names(ports);
        record.identities = ports.iter().map(|port| identity(port).bits()).collect();
        let wide =
            if ports.iter().any(|port| port.narrow) { Kind::Counter32 } else { Kind::Counter64 };
        let counts = |of: fn(&Port) -> i64| ports.iter().map(of).collect::<Vec<_>>();
        let speeds = ports.iter().map(|port| port.speed).collect();
        record.columns = vec![
            Column {
                scale: 8.0,
                unit: "bit/s".to_owned(),
                ceiling: Some("if_speed_bps".to_owned()),
                ..column("if_in_bps", wide, counts(|port| port.octets), vec![])
            },
            Column {
                unit: "packet/s".to_owned(),
                ..column("if_in_pps", wide, counts(|port| port.packets), vec![])
            },
            column("if_oper_status", Kind::State, vec![], vec![1.0; ports.len()]),
            column("if_speed_bps", Kind::State, vec![], speeds),
        ];
        record
    }

    /// What came of a metric of a port, by time.
    pub fn of(&self, metric: &str, instance: &str) -> Vec<Seen> {
        self.all(metric, instance).into_iter().map(|(_, seen)| seen).collect()
    }

    /// When the samples of the last poll were read.
    pub fn newest(&self) -> i64 {
        START + (self.cycle - 1) * self.interval_ms + 7
    }

    pub fn times(&self, metric: &str, instance: &str) -> Vec<i64> {
        self.all(metric, instance).into_iter().map(|(at, _)| at).collect()
    }

    pub fn all(&self, metric: &str, instance: &str) -> Vec<(i64, Seen)> {
        let id = SeriesId::of("default", device(), metric, instance);
        let mut all = self.seen.get(&id).cloned().unwrap_or_default();
        all.sort_by_key(|(at, _)| *at);
        all
    }

    /// The state of a port that was published last.
    pub fn last_state(&self, instance: &str) -> f64 {
        self.of("if_oper_status", instance).iter().rev().find_map(Seen::value).unwrap_or(f64::NAN)
    }
}

/// As the connector names rows: those alike get their place.
fn names(ports: &[Port]) -> Vec<String> {
    let mut place = 0;
    let name = |port: &Port| {
        if !port.twin {
            return port.name.to_owned();
        }
        place += 1;
        format!("{} #{place}", port.name)
    };
    ports.iter().map(name).collect()
}

fn identity(port: &Port) -> RowIdentity {
    let index = [port.index];
    let twin: &[u8] = if port.twin { &index } else { &[] };
    RowIdentity::default().with_index(&index).with_description(port.description.as_bytes(), twin)
}

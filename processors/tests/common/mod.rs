//! Polls by hand, and a place for what a step gives.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::expect_used)]

use std::collections::BTreeMap;

use processors::{DeviceChain, DeviceState, DropReason, Next, Out, Output, Processor, Sections};
use schemas::{
    Anomaly, Column, Control, DeviceId, DeviceInput, DeviceStatus, Kind, Outcome, Poll, Rollup,
    Tick,
};

/// Midnight UTC.
pub const START: i64 = 1_700_006_400_000;

#[derive(Default)]
pub struct Sink {
    pub outputs: Vec<Output>,
    pub counts: BTreeMap<DropReason, usize>,
}

impl Out for Sink {
    fn emit(&mut self, output: Output) {
        self.outputs.push(output);
    }

    fn dropped(&mut self, reason: DropReason) {
        *self.counts.entry(reason).or_default() += 1;
    }
}

impl Sink {
    pub fn counted(&self, what: DropReason) -> usize {
        self.counts.get(&what).copied().unwrap_or(0)
    }

    pub fn rollups(&self) -> Vec<&Rollup> {
        let all = self.outputs.iter();
        all.filter_map(|output| if let Output::Rollup(one) = output { Some(one) } else { None })
            .collect()
    }

    pub fn anomalies(&self) -> Vec<&Anomaly> {
        let all = self.outputs.iter();
        all.filter_map(|output| if let Output::Anomaly(one) = output { Some(one) } else { None })
            .collect()
    }

    pub fn statuses(&self) -> Vec<&DeviceStatus> {
        let all = self.outputs.iter();
        all.filter_map(|output| if let Output::Status(one) = output { Some(one) } else { None })
            .collect()
    }

    /// All samples: series, time, value.
    pub fn samples(&self) -> Vec<(i64, i64, f64)> {
        let mut samples = Vec::new();
        for output in &self.outputs {
            if let Output::Metric(batch) = output {
                for place in 0..batch.series.len() {
                    let at = batch.at + i64::from(batch.at_ms[place]);
                    samples.push((batch.series[place].0, at, batch.values[place]));
                }
            }
        }
        samples
    }
}

pub fn device() -> DeviceId {
    DeviceId::from_source("test", "switch-1")
}

/// A poll without columns.
pub fn poll(connector: &str, cycle: i64, interval_ms: i64) -> Poll {
    Poll {
        tenant: "default".to_owned(),
        device: device(),
        connector: connector.to_owned(),
        cycle,
        part: 0,
        parts: 1,
        interval_ms,
        started_at: START + cycle * interval_ms,
        mono_ms: 5_000 + cycle * interval_ms,
        poller: "poller-1".to_owned(),
        duration_ms: 20,
        outcome: Outcome::Ok,
        error: None,
        uptime_cs: Some(100_000 + cycle * interval_ms / 10),
        instances: Vec::new(),
        columns: Vec::new(),
        facts: Vec::new(),
        identities: Vec::new(),
        target: 0,
    }
}

/// A column of the poll's first instances.
pub fn column(metric: &str, kind: Kind, counts: Vec<i64>, gauges: Vec<f64>) -> Column {
    let length = counts.len().max(gauges.len());
    Column {
        metric: metric.to_owned(),
        unit: "1".to_owned(),
        kind,
        scale: 1.0,
        ceiling: None,
        detect: true,
        quantum: 0.0,
        instances: (0..length as i32).collect(),
        at_ms: vec![7; length],
        counts,
        gauges,
    }
}

pub fn control(at: i64, present: bool) -> DeviceInput {
    DeviceInput::Control(Control {
        tenant: "default".to_owned(),
        device: device(),
        name: "switch-1".to_owned(),
        present,
        enabled: true,
        snmp: true,
        icmp: true,
        interval_ms: 10_000,
        at,
    })
}

pub fn tick(at: i64) -> DeviceInput {
    DeviceInput::Tick(Tick { at })
}

/// Steps all inputs.
pub fn run(state: &mut DeviceState, inputs: &[DeviceInput]) -> Sink {
    let mut sink = Sink::default();
    step_all(state, inputs, &mut sink);
    sink
}

/// Steps as the runner does: a forgotten state starts anew. True when one was forgotten.
pub fn step_all(state: &mut DeviceState, inputs: &[DeviceInput], sink: &mut Sink) -> bool {
    let chain = DeviceChain::default();
    let mut forgotten = false;
    for input in inputs {
        if chain.step(state, input, sink) == Next::Forget {
            *state = DeviceState::default();
            forgotten = true;
        }
    }
    forgotten
}

/// Saves on top of what was saved of this state before.
pub fn save(state: &mut DeviceState, sections: &mut Sections) {
    DeviceChain::default()
        .save(state, &mut |section, bytes| drop(sections.insert(section, bytes.to_vec())));
}

/// Saves, loads, saves again: the bytes must be the same, and only what always changes is saved.
pub fn reborn(state: &mut DeviceState, sections: &mut Sections) -> DeviceState {
    save(state, sections);
    let chain = DeviceChain::default();
    let mut loaded = chain.load(DeviceChain::LOGIC_VERSION, sections).expect("it loads");
    let mut again = Sections::new();
    save(&mut loaded, &mut again);
    assert_eq!(again.len(), 1, "as loaded, nothing changed");
    assert_eq!(again.get(&0), sections.get(&0), "save(load(x)) differs from x");
    loaded
}

//! A crash, and another version of the logic takes over in the middle of a tail: what the first
//! published holds. The two differ as far as they can: one detects, the other does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use pipeline::clock::Clock;
use pipeline::log::embedded::Memory;
use pipeline::log::{EventLog, Record, Start};
use pipeline::run::outside::Within;
use pipeline::run::processor::ProcessorRunner;
use pipeline::run::wiring::{Wiring, member};
use pipeline::topic::shared;
use pipeline::topology::{ANOMALY, POLL, SERIES, STATE_DEVICE, STATUS, chain_outputs, topics};
use processors::{
    DeviceChain, DeviceState, LoadError, Next, Out, Output, Processor, Sections, Stages,
};
use schemas::{Anomaly, AvroRecord, DeviceInput, SchemaStore, SeriesId, Transition};

use crate::process::{Task, context};
use crate::scenario::{EPOCH_MS, PARTITIONS, Scenario, Step};

/// The device chain as version `V`; even ones detect.
struct Version<const V: u32>(DeviceChain);

impl<const V: u32> Version<V> {
    fn new() -> Self {
        Self(DeviceChain::with(Stages { rollups: true, detection: V.is_multiple_of(2) }))
    }
}

impl<const V: u32> Processor for Version<V> {
    type Input = DeviceInput;
    type Output = Output;
    type Recall = Anomaly;
    type State = DeviceState;
    const NAME: &'static str = DeviceChain::NAME;
    const LOGIC_VERSION: u32 = V;

    fn step(&self, state: &mut DeviceState, input: &DeviceInput, out: &mut dyn Out) -> Next {
        self.0.step(state, input, out)
    }

    fn wake_at(&self, state: &DeviceState) -> Option<i64> {
        self.0.wake_at(state)
    }

    fn save(&self, state: &mut DeviceState, write: &mut dyn FnMut(u16, &[u8])) {
        self.0.save(state, write);
    }

    fn load(&self, _: u32, sections: &Sections) -> Result<DeviceState, LoadError> {
        self.0.load(DeviceChain::LOGIC_VERSION, sections)
    }

    fn reconcile(&self, state: &mut DeviceState, published: &[Anomaly], out: &mut dyn Out) {
        self.0.reconcile(state, published, out);
    }
}

struct Upgrade {
    memory: Memory,
    now: Arc<AtomicI64>,
    clock: Clock,
    schemas: SchemaStore,
}

impl Upgrade {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(EPOCH_MS));
        let hand = Arc::clone(&now);
        let clock = Clock::by_hand(move || hand.load(Ordering::Relaxed));
        let memory = Memory::new(clock.clone());
        memory.ensure_topics(&topics(PARTITIONS)).unwrap();
        Self { memory, now, clock, schemas: SchemaStore::new() }
    }

    /// Feeds the steps and processes them, then crashes in the middle of whatever is going on;
    /// with `to_the_end`, settles and stops cleanly.
    fn run<const V: u32>(&mut self, scenario: &Scenario, steps: &[Step], to_the_end: bool) {
        let log: Arc<dyn EventLog> = Arc::new(self.memory.clone());
        let wiring = Wiring {
            member: member(DeviceChain::NAME, POLL.name, "one"),
            state_topic: shared(STATE_DEVICE.name),
            recall_topic: Some(shared(ANOMALY.name)),
            route: chain_outputs().route(),
        };
        let (clock, schemas) = (self.clock.clone(), self.schemas.clone());
        let version = Arc::new(Version::<V>::new());
        let mut chain = ProcessorRunner::join(
            &log,
            version,
            Within,
            wiring,
            scenario.pace,
            clock.clone(),
            schemas.clone(),
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let context = context(&log, scenario.pace, &clock, &schemas, runtime.handle());
        let mut routes = Task::join(&context, "route", "one").unwrap();
        let mut turn = |rounds: usize| {
            for _ in 0..rounds {
                routes.turn().unwrap();
                chain.turn(Duration::ZERO).unwrap();
                self.now.fetch_add(10, Ordering::Relaxed);
            }
        };
        for step in steps {
            match step {
                Step::Feed(at, record) => {
                    self.now.fetch_max(*at, Ordering::Relaxed);
                    let producer = self.memory.producer("test").unwrap();
                    producer.send(record.clone(), None).unwrap();
                    turn(2);
                }
                Step::Settle => turn(40),
            }
        }
        if to_the_end {
            turn(60);
            routes.stop().unwrap();
            chain.stop().unwrap();
        } else {
            self.memory.crash();
            self.memory = self.memory.reopen();
        }
    }

    fn read(&self, topic: &str) -> Vec<Record> {
        let mut records = Vec::new();
        for partition in 0..PARTITIONS {
            let mut reader = self.memory.reader(topic, &[partition], Start::Earliest).unwrap();
            let end = reader.end(partition).unwrap();
            while reader.position(partition) < end {
                records.extend(reader.poll(Duration::ZERO).unwrap());
            }
        }
        records
    }

    fn anomalies(&self) -> Vec<Anomaly> {
        let store = SchemaStore::new();
        let decode = |record: Record| Anomaly::decode(&store, &record.value.unwrap()).unwrap();
        self.read(ANOMALY.name).into_iter().map(decode).collect()
    }
}

/// Every episode begins with one onset, and nothing follows its one clear.
fn episodes(published: &[Anomaly]) -> Result<usize, String> {
    let mut open: BTreeMap<SeriesId, &str> = BTreeMap::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for one in published {
        let at_hand = open.get(&one.series).copied();
        match (one.transition, at_hand) {
            (Transition::Onset, None) if !seen.contains_key(one.id.as_str()) => {
                open.insert(one.series, &one.id);
                seen.insert(&one.id, 1);
            }
            (Transition::Change, Some(id)) if id == one.id => {}
            (Transition::Clear, Some(id)) if id == one.id => drop(open.remove(&one.series)),
            (transition, open) => {
                return Err(format!("{transition:?} of {} while {open:?} is open", one.id));
            }
        }
    }
    Ok(seen.len())
}

/// Both ways round, crashed after every few steps of some scenarios.
#[test]
fn what_one_version_published_holds_for_the_next() {
    let (mut runs, mut published, mut handed_over) = (0, 0, 0);
    for seed in 0..6 {
        let scenario = Scenario::of(seed);
        let steps = &scenario.steps;
        for cut in (steps.len() / 2..steps.len()).step_by(3) {
            for detects_first in [true, false] {
                let mut upgrade = Upgrade::new();
                if detects_first {
                    upgrade.run::<10>(&scenario, &steps[..cut], false);
                } else {
                    upgrade.run::<11>(&scenario, &steps[..cut], false);
                }
                let before = upgrade.anomalies();
                // Crashed again before it has done anything, and again soon after.
                let soon = (cut + 3).min(steps.len());
                if detects_first {
                    upgrade.run::<13>(&scenario, &[], false);
                    upgrade.run::<13>(&scenario, &steps[cut..soon], false);
                    upgrade.run::<13>(&scenario, &steps[soon..], true);
                } else {
                    upgrade.run::<12>(&scenario, &[], false);
                    upgrade.run::<12>(&scenario, &steps[cut..soon], false);
                    upgrade.run::<12>(&scenario, &steps[soon..], true);
                }
                let all = upgrade.anomalies();
                match episodes(&all) {
                    Ok(count) => published += count,
                    Err(error) => panic!("seed {seed}, cut at {cut}: {error}"),
                }
                handed_over += usize::from(detects_first && all.len() > before.len());
                runs += 1;
            }
        }
    }
    println!("{runs} upgrades, {published} episodes, {handed_over} cleared by the other version");
    assert!(published > 100 && handed_over > 10, "the scenarios would prove nothing");
}

/// What readers keep the last of is published again, for readers that got it from neither version.
#[test]
fn status_and_series_are_published_again() {
    let scenario = Scenario::of(1);
    let cut = scenario.steps.len() / 2;
    let mut upgrade = Upgrade::new();
    upgrade.run::<10>(&scenario, &scenario.steps[..cut], false);
    let count = |upgrade: &Upgrade, topic| upgrade.read(topic).len();
    let before = (count(&upgrade, STATUS.name), count(&upgrade, SERIES.name));
    upgrade.run::<10>(&scenario, &[], true);
    assert_eq!((count(&upgrade, STATUS.name), count(&upgrade, SERIES.name)), before);
    let mut upgrade = Upgrade::new();
    upgrade.run::<10>(&scenario, &scenario.steps[..cut], false);
    upgrade.run::<12>(&scenario, &[], true);
    assert!(count(&upgrade, STATUS.name) > before.0);
    assert!(count(&upgrade, SERIES.name) > before.1);
    let settled = (count(&upgrade, STATUS.name), count(&upgrade, SERIES.name));
    upgrade.run::<12>(&scenario, &[], true);
    assert_eq!((count(&upgrade, STATUS.name), count(&upgrade, SERIES.name)), settled, "once");
}

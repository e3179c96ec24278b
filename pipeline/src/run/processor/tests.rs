//! A batch whose outputs are more than one transaction may hold.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use processors::{EntityRecord, LoadError, Next, Nothing, Out, Sections};
use schemas::{EntityCommand, SchemaStore};

use super::*;
use crate::log::embedded::{Fault, MAX_TRANSACTION_BYTES, Memory, WriteInfo};
use crate::run::wiring::member;
use crate::topic::shared;
use crate::topology::{ENTITY_COMMAND, METRIC, STATE_ENTITY, topics};

const RECORDS: u64 = 300;
const OUTPUT_BYTES: usize = 950_000;

/// Counts, and says each number at length.
struct Loud;

impl Processor for Loud {
    type Input = EntityRecord;
    type Output = u64;
    type Recall = Nothing<String>;
    type State = u64;
    const NAME: &'static str = "loud";
    const LOGIC_VERSION: u32 = 1;

    fn step(&self, count: &mut u64, _: &EntityRecord, out: &mut dyn Out<u64>) -> Next {
        *count += 1;
        out.emit(*count);
        Next::Keep
    }

    fn wake_at(&self, _: &u64) -> Option<i64> {
        None
    }

    fn save(&self, count: &mut u64, write: &mut dyn FnMut(u16, &[u8])) {
        write(0, &count.to_be_bytes());
    }

    fn load(&self, _: u32, sections: &Sections) -> Result<u64, LoadError> {
        let bytes = sections.get(&0).and_then(|bytes| <[u8; 8]>::try_from(&bytes[..]).ok());
        bytes.map(u64::from_be_bytes).ok_or(LoadError::Missing { section: 0 })
    }

    fn reconcile(&self, _: &mut u64, _: &[Nothing<String>], _: &mut dyn Out<u64>) {}
}

fn join(memory: &Memory, clock: &Clock) -> ProcessorRunner<Loud> {
    let log: Arc<dyn EventLog> = Arc::new(memory.clone());
    let route = |count: &u64| {
        let mut value = vec![0; OUTPUT_BYTES];
        value[..8].copy_from_slice(&count.to_be_bytes());
        let (topic, value) = (shared(METRIC.name), Some(value.into()));
        Ok(NewRecord { topic, partition: Some(0), key: None, value, headers: Vec::new() })
    };
    let wiring = Wiring {
        member: member("loud", ENTITY_COMMAND.name, "one"),
        state_topic: shared(STATE_ENTITY.name),
        recall_topic: None,
        route: Arc::new(route),
    };
    let pace = Pace { tick_ms: 0, commit_snapshots: 1, snapshot_ms: 1, ..Pace::default() };
    let schemas = SchemaStore::new();
    ProcessorRunner::join(&log, Arc::new(Loud), Within, wiring, pace, clock.clone(), schemas)
        .unwrap()
}

fn said(memory: &Memory) -> Vec<u64> {
    let mut reader = memory.reader(METRIC.name, &[0], Start::Earliest).unwrap();
    let end = reader.end(0).unwrap();
    let mut said = Vec::new();
    while reader.position(0) < end {
        for record in reader.poll(Duration::ZERO).unwrap() {
            let value = record.value.unwrap();
            said.push(u64::from_be_bytes(value[..8].try_into().unwrap()));
        }
    }
    said
}

/// Feeds a batch and processes it; the fault hits the commit of that number.
fn process(fault: Fault, number: usize) -> (Vec<u64>, usize) {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let hand = Arc::clone(&now);
    let clock = Clock::by_hand(move || hand.load(Ordering::Relaxed));
    let mut memory = Memory::new(clock.clone());
    memory.ensure_topics(&topics(1)).unwrap();
    let producer = memory.producer("test").unwrap();
    for request in 0..RECORDS {
        let command = EntityCommand {
            tenant: "default".to_owned(),
            request: request.to_string(),
            kind: "device".to_owned(),
            id: "x".to_owned(),
            expected: None,
            body: None,
            by: "ada".to_owned(),
            at: 0,
        };
        producer.send(ENTITY_COMMAND.publish(&command).unwrap(), None).unwrap();
    }
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    memory.on_write(move |write: WriteInfo| {
        let nth = write.commit && counted.fetch_add(1, Ordering::Relaxed) + 1 == number;
        if nth { fault } else { Fault::None }
    });
    let mut runner = join(&memory, &clock);
    for _ in 0..60 {
        now.fetch_add(50, Ordering::Relaxed);
        if runner.turn(Duration::ZERO).is_err() {
            assert!(memory.crashed());
            memory = memory.reopen();
            runner = join(&memory, &clock);
        }
    }
    drop(runner);
    (said(&memory), commits.load(Ordering::Relaxed))
}

#[test]
fn a_batch_is_committed_in_pieces_that_a_transaction_holds() {
    assert!(RECORDS as usize * OUTPUT_BYTES > MAX_TRANSACTION_BYTES);
    let all: Vec<u64> = (1..=RECORDS).collect();
    let (said, commits) = process(Fault::None, 0);
    assert_eq!(said, all);
    assert!((17..30).contains(&commits), "{commits}");
    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::CrashBefore, Fault::CrashAfter] {
        assert_eq!(process(fault, 5).0, all, "{fault:?}");
    }
}

//! What leaves a topic by age: what everybody has read early, what somebody has not read late and
//! with a word, and what nobody reads when its topic says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::world::record;
use crate::log::embedded::{Clock, Memory, Options};
use crate::log::{Cleanup, EventLog, LogError, MemberSpec, Position, Start, TopicSpec, Watch};

const TOPIC_KEEPS_MS: i64 = 80_000;
const READ_KEPT_MS: i64 = 8_000;

struct World {
    log: Memory,
    now_ms: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        let now_ms = Arc::new(AtomicI64::new(1_000));
        let clock = Arc::clone(&now_ms);
        let options = Options { max_retention_ms: Some(READ_KEPT_MS), ..Options::default() };
        let log = Memory::with(Clock::by_hand(move || clock.load(Ordering::SeqCst)), options);
        let cleanup = Cleanup::Delete { retention_ms: TOPIC_KEEPS_MS };
        log.ensure_topics(&[TopicSpec { name: "in".into(), partitions: 2, cleanup }]).unwrap();
        Self { log, now_ms }
    }

    /// Ten records a second for so long, then housekeeping; the oldest offset of each partition.
    fn pass(&self, seconds: i64) -> [i64; 2] {
        let producer = self.log.producer("p").unwrap();
        for second in 0..seconds {
            self.now_ms.fetch_add(1_000, Ordering::SeqCst);
            for n in 0..10 {
                producer.send(record("in", n % 2, second, 10), None).unwrap();
            }
        }
        self.log.housekeep(self.now_ms.load(Ordering::SeqCst)).unwrap();
        [0, 1].map(|partition| {
            let mut reader = self.log.reader("in", &[partition], Start::Earliest).unwrap();
            reader.poll(Duration::ZERO).unwrap();
            self.log.reader("in", &[partition], Start::Earliest).unwrap().position(partition)
        })
    }

    fn done(&self, group: &str, next: [i64; 2]) {
        let next: BTreeMap<i32, i64> = (0..).zip(next).collect();
        self.log.done(group, &"in".into(), &next);
    }

    fn restarted(self) -> Self {
        Self { log: self.log.reopen(), now_ms: self.now_ms }
    }
}

#[test]
fn what_nobody_reads_stays_as_long_as_the_topic_says() {
    let world = World::new();
    assert_eq!(world.pass(60), [0, 0]);
    let [first, second] = world.pass(60);
    assert!((100..300).contains(&first) && first == second, "{first} {second}");
}

#[test]
fn what_everybody_has_read_goes_early_and_what_one_has_not_stays() {
    let world = World::new();
    let spec = MemberSpec { group: "g".to_owned(), topic: "in".into(), slot: "0".to_owned() };
    let mut task = world.log.task(&spec).unwrap();
    task.poll(Duration::ZERO).unwrap();
    let at = |partition, next| Position { partition, next, replay_from: next - 20, logic: 0 };
    task.commit(&[at(0, 150), at(1, 150)]).unwrap();
    drop(task);
    world.done("sink", [60, 120]);
    // 30 s are 150 records a partition; what is younger than 8 s is 40 of them.
    assert!(world.pass(30).iter().all(|start| (40..=60).contains(start)));
    let world = world.restarted();
    assert!(world.pass(20).iter().all(|start| (40..=60).contains(start)), "the store has it");
    // Up to where state is replayed from, no further.
    world.done("sink", [150, 150]);
    assert!(world.pass(1).iter().all(|start| (110..=130).contains(start)));
    let world = world.restarted();
    assert!(world.pass(1).iter().all(|start| (110..=130).contains(start)));
}

#[test]
fn what_goes_unread_is_refused_with_its_remedy() {
    let world = World::new();
    world.done("sink", [50, 50]);
    assert!(world.pass(60).iter().all(|start| (30..=50).contains(start)));
    let recorder = PrometheusBuilder::new().build_recorder();
    let start = metrics::with_local_recorder(&recorder, || world.pass(60));
    let exported = recorder.handle().render();
    let dropped = start[0] + start[1] - 100;
    let line = "opsc_log_dropped_unread_total{group=\"sink\",topic=\"in\"}";
    assert!(exported.contains(&format!("{line} {dropped}")), "{dropped}: {exported}");
    assert!(start.iter().all(|start| (100..300).contains(start)), "{start:?}");
    let refused = world.log.reader("in", &[0], Start::At(50)).map(drop).unwrap_err();
    let LogError::OutOfRange { wanted, earliest, remedy, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!((wanted, earliest), (50, start[0]));
    assert!(remedy.contains("keep the topic longer"), "{remedy}");
}

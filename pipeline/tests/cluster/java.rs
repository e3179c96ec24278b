//! Apache Kafka's own Java clients beside ours on the same topics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use pipeline::log::{Cleanup, EventLog, MemberSpec, NewRecord, Task, TopicSpec};
use pipeline::run::durable;

use super::broker::Broker;
use super::common::records;

const OURS: &str = "java-";
const WITHIN: Duration = Duration::from_secs(60);
/// A Java consumer that finds nothing more for so long ends.
const QUIET_MS: &str = "6000";
const KEYS: usize = 500;
const PARTITIONS: i32 = 7;

fn log_with(broker: &Broker, topics: &[(&str, i32)]) -> KafkaLog {
    let log = KafkaLog::connect(KafkaOptions {
        bootstrap: broker.bootstrap().to_owned(),
        prefix: OURS.to_owned(),
        ..KafkaOptions::default()
    })
    .unwrap();
    let cleanup = Cleanup::Delete { retention_ms: 86_400_000 };
    let spec = |(name, partitions): &(&str, i32)| TopicSpec {
        name: (*name).into(),
        partitions: *partitions,
        cleanup,
    };
    log.ensure_topics(&topics.iter().map(spec).collect::<Vec<_>>()).unwrap();
    log
}

fn record(topic: &str, key: &str, value: &str) -> NewRecord {
    NewRecord {
        topic: topic.into(),
        partition: None,
        key: Some(key.to_owned().into_bytes().into()),
        value: Some(value.to_owned().into_bytes().into()),
        headers: Vec::new(),
    }
}

/// What the console consumer shows of the topic from its start.
fn seen_by_java(broker: &Broker, isolation: &str) -> BTreeSet<String> {
    let from = ["--topic", "java-seen", "--from-beginning", "--isolation-level", isolation];
    let shown = broker.tool("consume", &[&from[..], &["--timeout-ms", QUIET_MS]].concat(), "");
    // It says among them that its time is up.
    let is_value = |line: &&str| {
        !line.is_empty() && !line.contains(" ERROR ") && !line.starts_with("org.apache.kafka.")
    };
    shown.unwrap().lines().filter(is_value).map(str::to_owned).collect()
}

fn begin(log: &KafkaLog) -> Box<dyn Task> {
    let spec = MemberSpec { group: "writer".into(), topic: "input".into(), slot: "0".into() };
    log.task(&spec).unwrap()
}

/// Sends, and lets the broker have it before it is decided upon.
fn send(task: &mut dyn Task, value: &str) {
    task.send(record("seen", "k", value)).unwrap();
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn a_java_consumer_sees_committed_records_only() {
    let Some(broker) = Broker::shared() else { return };
    let log = log_with(broker, &[("seen", 1), ("input", 1)]);
    let set = |values: &[&str]| values.iter().map(|&it| it.to_owned()).collect::<BTreeSet<_>>();
    let mut task = begin(&log);
    send(task.as_mut(), "committed");
    task.commit(&[]).unwrap();
    send(task.as_mut(), "aborted");
    task.abort().unwrap();
    send(task.as_mut(), "open");
    let (committed, all) = std::thread::scope(|scope| {
        let all = scope.spawn(|| seen_by_java(broker, "read_uncommitted"));
        (seen_by_java(broker, "read_committed"), all.join().unwrap())
    });
    assert_eq!(all, set(&["committed", "aborted", "open"]), "all are in the topic");
    assert_eq!(committed, set(&["committed"]));

    // The next one in the slot ends what was open.
    drop(task);
    let mut task = begin(&log);
    send(task.as_mut(), "of the next");
    task.commit(&[]).unwrap();
    assert_eq!(seen_by_java(broker, "read_committed"), set(&["committed", "of the next"]));
}

#[test]
fn a_java_producer_chooses_the_same_partitions() {
    let Some(broker) = Broker::shared() else { return };
    let log = log_with(broker, &[("keys", PARTITIONS)]);
    // Keys as ours, as others have them, and of every length up to some.
    let key = |n: usize| match n % 4 {
        0 => schemas::DeviceId::from_source("java", &n.to_string()).to_string(),
        1 => "k".repeat(n / 4 + 1),
        2 => format!("Zürich/{n}/端口"),
        _ => n.to_string(),
    };
    let keys: BTreeSet<String> = (0..KEYS).map(key).collect();
    let producer = log.producer("keys").unwrap();
    let ours = keys.iter().map(|key| record("keys", key, "ours"));
    durable::write(producer.as_ref(), ours, WITHIN).unwrap();
    let lines: String = keys.iter().map(|key| format!("{key}|java\n")).collect();
    let parse = ["parse.key=true", "--reader-property", "key.separator=|"];
    let to = ["--topic", "java-keys", "--reader-property"];
    broker.tool("produce", &[&to[..], &parse].concat(), &lines).unwrap();

    let mut chosen = BTreeMap::<String, BTreeMap<String, i32>>::new();
    for record in records(&log, "keys") {
        let text = |bytes: Option<bytes::Bytes>| String::from_utf8(bytes.unwrap().into()).unwrap();
        let by_writer = chosen.entry(text(record.value)).or_default();
        by_writer.insert(text(record.key), record.partition);
    }
    assert_eq!(chosen["ours"].len(), keys.len());
    assert_eq!(chosen["ours"], chosen["java"]);
    let used: BTreeSet<i32> = chosen["ours"].values().copied().collect();
    assert_eq!(used.len(), PARTITIONS as usize, "the keys are spread");
    println!("{} keys: the same partition of {PARTITIONS} by both", keys.len());
}

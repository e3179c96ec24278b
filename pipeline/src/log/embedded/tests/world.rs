//! A small world that checks itself: the value of each record of `in` is its own offset, `out`
//! copies `in`, and `state` holds how far each partition was copied. What was acknowledged is
//! said on stdout, so that a parent process can hold the log to it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::log::embedded::{Clock, Embedded, Options};
use crate::log::{
    Cleanup, Event, EventLog, LogError, MemberSpec, NewRecord, Position, Record, Start, TopicSpec,
};

pub(super) const PARTITIONS: i32 = 3;

pub(super) fn options() -> Options {
    Options {
        group_commit_ms: 2,
        // Small, so that segments roll, go and are merged all the time.
        segment_bytes: 100_000,
        min_dirty_bytes: 10_000,
        housekeep_ms: 0,
        min_free_bytes: 0,
        ..Options::default()
    }
}

pub(super) fn topics() -> Vec<TopicSpec> {
    let spec =
        |name: &str, cleanup| TopicSpec { name: name.into(), partitions: PARTITIONS, cleanup };
    let day = Cleanup::Delete { retention_ms: 86_400_000 };
    vec![
        spec("in", day),
        spec("out", day),
        spec("state", Cleanup::Compact),
        spec("churn", Cleanup::Delete { retention_ms: 50 }),
    ]
}

/// Bytes that do not compress, beginning with a number.
pub(super) fn value(number: i64, len: usize) -> Bytes {
    let mut bytes = number.to_be_bytes().to_vec();
    let mut state = number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.into()
}

pub(super) fn number(record: &Record) -> i64 {
    let value = record.value.as_ref().unwrap();
    i64::from_be_bytes(value[..8].try_into().unwrap())
}

pub(super) fn record(topic: &str, partition: i32, number: i64, len: usize) -> NewRecord {
    NewRecord {
        topic: topic.into(),
        partition: Some(partition),
        key: Some(Bytes::from(format!("{partition}"))),
        value: Some(value(number, len)),
        headers: Vec::new(),
    }
}

pub(super) fn read(log: &dyn EventLog, topic: &str) -> Vec<Vec<Record>> {
    let mut reader = log.reader(topic, &[], Start::Earliest).unwrap();
    let ends: Vec<i64> = (0..PARTITIONS).map(|p| reader.end(p).unwrap()).collect();
    let mut found = vec![Vec::new(); ends.len()];
    while ends.iter().zip(0..).any(|(end, p)| reader.position(p) < *end) {
        for record in reader.poll(Duration::from_secs(1)).unwrap() {
            found[usize::try_from(record.partition).unwrap()].push(record);
        }
    }
    found
}

/// Says what was acknowledged: letter, partition, the offset after it.
fn say(letter: char, partition: i32, next: i64) {
    let line = format!("{letter} {partition} {next}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What a child said before it died; a torn last line says nothing.
pub(super) fn acknowledged(said: &str) -> BTreeMap<(char, i32), i64> {
    let mut last = BTreeMap::new();
    for line in said.split_inclusive('\n').filter(|l| l.ends_with('\n')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [letter @ ("A" | "C"), partition, next] = words[..] {
            let key = (letter.chars().next().unwrap(), partition.parse().unwrap());
            last.insert(key, next.parse().unwrap());
        }
    }
    last
}

/// Runs until killed: produces, copies, cleans.
pub(super) fn run(folder: &Path) {
    let log = Embedded::open(folder, options()).unwrap();
    log.ensure_topics(&topics()).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| produce(&log, &stop));
        scope.spawn(|| copy(&log, &stop));
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                log.housekeep(Clock::system().now_ms()).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        // Longer than any parent lets it live.
        std::thread::sleep(Duration::from_secs(60));
        stop.store(true, Ordering::Relaxed);
    });
}

fn produce(log: &Embedded, stop: &AtomicBool) {
    let producer = log.producer("p").unwrap();
    let mut reader = log.reader("in", &[], Start::Latest).unwrap();
    let mut next: Vec<i64> = (0..PARTITIONS).map(|p| reader.end(p).unwrap()).collect();
    while !stop.load(Ordering::Relaxed) {
        for (next, p) in next.iter_mut().zip(0..) {
            for _ in 0..5 {
                let sent = *next;
                let done = Box::new(move |result: Result<(i32, i64), LogError>| {
                    assert_eq!(result.unwrap(), (p, sent));
                    say('A', p, sent + 1);
                });
                producer.send(record("in", p, sent, 300), Some(done)).unwrap();
                producer.send(record("churn", p, sent, 900), None).unwrap();
                *next += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn copy(log: &Embedded, stop: &AtomicBool) {
    let spec = MemberSpec { group: "g".to_owned(), topic: "in".into(), slot: "0".to_owned() };
    let mut task = log.task(&spec).unwrap();
    while !stop.load(Ordering::Relaxed) {
        match task.poll(Duration::from_millis(50)).unwrap() {
            Event::Assigned(partitions) => {
                let found = task.inherited(&partitions).unwrap();
                for (p, position) in partitions.into_iter().zip(found) {
                    let from = position.map_or(Start::Earliest, |p| Start::At(p.next));
                    task.start(p, from).unwrap();
                }
            }
            Event::Records(records) => {
                let mut next: BTreeMap<i32, i64> = BTreeMap::new();
                for r in &records {
                    task.send(record("out", r.partition, number(r), 100)).unwrap();
                    next.insert(r.partition, r.offset + 1);
                }
                for (p, next) in &next {
                    task.send(record("state", *p, *next, 2_000)).unwrap();
                }
                let positions: Vec<Position> = next
                    .iter()
                    .map(|(p, n)| Position { partition: *p, next: *n, replay_from: *n, logic: 0 })
                    .collect();
                task.commit(&positions).unwrap();
                for (p, next) in next {
                    say('C', p, next);
                }
            }
            Event::Idle => {}
            other @ (Event::Revoked(_) | Event::Lost(_)) => panic!("{other:?}"),
        }
    }
}

/// Holds the log to its promises and to what it acknowledged. Returns the records of `in`.
pub(super) fn verify(folder: &Path, said: &BTreeMap<(char, i32), i64>) -> usize {
    let log = Embedded::open(folder, options()).unwrap();
    log.ensure_topics(&topics()).unwrap();
    let (input, output, state) = (read(&log, "in"), read(&log, "out"), read(&log, "state"));
    let spec = MemberSpec { group: "g".to_owned(), topic: "in".into(), slot: "0".to_owned() };
    let mut task: Box<dyn crate::log::Task> = log.task(&spec).unwrap();
    assert!(matches!(task.poll(Duration::ZERO).unwrap(), Event::Assigned(_)));
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let positions = task.inherited(&partitions).unwrap();
    for (i, p) in partitions.iter().enumerate() {
        let numbers: Vec<i64> = input[i].iter().map(number).collect();
        let offsets: Vec<i64> = input[i].iter().map(|r| r.offset).collect();
        let count = i64::try_from(numbers.len()).unwrap();
        assert_eq!(numbers, (0..count).collect::<Vec<i64>>(), "in[{p}]: each once, in order");
        assert_eq!(offsets, numbers);
        let acknowledged = said.get(&('A', *p)).copied().unwrap_or(0);
        assert!(count >= acknowledged, "in[{p}]: {acknowledged} acknowledged, {count} there");
        let next = positions[i].map_or(0, |p| p.next);
        let committed = said.get(&('C', *p)).copied().unwrap_or(0);
        assert!(next >= committed, "{p}: committed up to {committed}, found {next}");
        let copied: Vec<i64> = output[i].iter().map(number).collect();
        assert_eq!(copied, (0..next).collect::<Vec<i64>>(), "out[{p}] is what was committed");
        let last = state[i].last().map_or(0, number);
        assert_eq!(last, next, "state[{p}] is of the same commit");
    }
    input.iter().map(Vec::len).sum()
}

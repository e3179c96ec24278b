//! How fast the embedded log is on this disk: produce and read of 1 kB records, and the latency
//! of commits with one output, with one task and with eight. `embedded_rate [FOLDER [RECORDS]]`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipeline::log::embedded::{Embedded, Options};
use pipeline::log::{
    Cleanup, Event, EventLog, LogError, MemberSpec, NewRecord, Position, Start, TopicSpec,
};

type Failed = Box<dyn Error + Send + Sync>;

const PARTITIONS: i32 = 8;
const VALUE_BYTES: usize = 1_000;
const COMMITS: usize = 200;

/// Text-like bytes: half of them repeat, as in records of samples.
fn value(n: u64) -> Bytes {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0_u8; VALUE_BYTES];
    for chunk in bytes.chunks_mut(16) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        for (to, from) in chunk.iter_mut().zip(state.to_le_bytes()) {
            *to = from;
        }
    }
    bytes.into()
}

fn record(topic: &Arc<str>, n: u64) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: None,
        key: Some(Bytes::from(format!("device-{}", n % 1_000))),
        value: Some(value(n)),
        headers: Vec::new(),
    }
}

fn rate(what: &str, records: u64, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "printed")]
    let (count, bytes) = (records as f64, records as f64 * VALUE_BYTES as f64);
    let seconds = took.as_secs_f64();
    println!(
        "{what}: {:.0} records/s, {:.1} MB/s ({records} records, {seconds:.2} s)",
        count / seconds,
        bytes / seconds / 1e6
    );
}

fn produce_and_read(log: &Embedded, topic: &Arc<str>, records: u64) -> Result<(), Failed> {
    let producer = log.producer("rate")?;
    let began = Instant::now();
    for n in 0..records {
        loop {
            match producer.send(record(topic, n), None) {
                Ok(()) => break,
                Err(LogError::Full { .. }) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => return Err(error.into()),
            }
        }
    }
    producer.flush(Duration::from_secs(600))?;
    rate("produce", records, began.elapsed());
    let began = Instant::now();
    let mut reader = log.reader(topic, &[], Start::Earliest)?;
    let mut read = 0;
    while read < records {
        read += reader.poll(Duration::from_secs(10))?.len() as u64;
    }
    rate("read", records, began.elapsed());
    Ok(())
}

fn commits(log: &Embedded, topic: &Arc<str>, slot: usize) -> Result<Vec<Duration>, Failed> {
    let spec =
        MemberSpec { group: format!("rate-{slot}"), topic: topic.clone(), slot: "0".to_owned() };
    let mut task = log.task(&spec)?;
    while !matches!(task.poll(Duration::from_secs(1))?, Event::Assigned(_)) {}
    let mut took = Vec::with_capacity(COMMITS);
    for next in 0..COMMITS {
        task.send(record(topic, next as u64))?;
        let next = i64::try_from(next)?;
        let began = Instant::now();
        task.commit(&[Position { partition: 0, next, replay_from: next, logic: 0 }])?;
        took.push(began.elapsed());
        // Off the beat of the writer, as real work is.
        std::thread::sleep(Duration::from_micros(1_300 * (next as u64 % 17)));
    }
    Ok(took)
}

fn percentiles(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("{what}: p50 {:.1} ms, p99 {:.1} ms ({} commits)", at(50), at(99), took.len());
}

fn run(folder: &Path, records: u64) -> Result<(), Failed> {
    let log = Embedded::open(folder, Options::default())?;
    let topic: Arc<str> = "rate".into();
    let cleanup = Cleanup::Delete { retention_ms: 86_400_000 };
    log.ensure_topics(&[TopicSpec { name: topic.clone(), partitions: PARTITIONS, cleanup }])?;
    produce_and_read(&log, &topic, records)?;
    percentiles("commit, one task", commits(&log, &topic, 0)?);
    let all = std::thread::scope(|scope| {
        let log = &log;
        let topic = &topic;
        let threads: Vec<_> =
            (0..8).map(|slot| scope.spawn(move || commits(log, topic, slot))).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a task panicked")??);
        }
        Ok::<_, Failed>(all)
    })?;
    percentiles("commit, eight tasks", all);
    Ok(())
}

fn main() -> Result<(), Failed> {
    let mut args = std::env::args().skip(1);
    let folder =
        args.next().map_or_else(|| std::env::temp_dir().join("embedded-rate"), PathBuf::from);
    let records = args.next().map_or(Ok(300_000), |n| n.parse())?;
    if folder.exists() {
        return Err(format!("{} is there already: name a new folder", folder.display()).into());
    }
    let result = run(&folder, records);
    std::fs::remove_dir_all(&folder)?;
    result
}

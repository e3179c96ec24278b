//! What a Kafka log carries: records a second, and what a task's commits cost.
//!
//! `cargo run --release -p pipeline --example kafka_rate -- HOST:PORT [PROPERTY=VALUE]...`: topics
//! with a prefix of their own are left behind on that cluster.

#![expect(clippy::print_stdout, reason = "it is what the program is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use pipeline::log::{
    Cleanup, Event, EventLog, LogError, MemberSpec, NewRecord, Position, Producer, Start, TopicSpec,
};

const RECORDS: usize = 300_000;
const BYTES: usize = 800;
const COMMITS: usize = 200;
const PARTITIONS: i32 = 4;
const WAIT: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Values that compress about as measurements do: half noise.
fn value(seed: usize) -> Bytes {
    let mut state = seed as u64 | 1;
    let noise = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let mut bytes: Vec<u8> = (0..BYTES / 2).map(noise).collect();
    bytes.resize(BYTES, 0);
    bytes.into()
}

fn record(topic: &Arc<str>, n: usize, values: &[Bytes]) -> NewRecord {
    NewRecord {
        topic: Arc::clone(topic),
        partition: None,
        key: Some(Bytes::copy_from_slice(&(n as u64 % 1_000).to_be_bytes())),
        value: Some(values[n % values.len()].clone()),
        headers: Vec::new(),
    }
}

fn cpu_ms() -> u64 {
    // User and system time of this process, in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let field = |n: usize| after.split_whitespace().nth(n).and_then(|t| t.parse::<u64>().ok());
    10 * (field(11).unwrap_or(0) + field(12).unwrap_or(0))
}

fn say(what: &str, records: usize, began: Instant, cpu: u64) {
    let rate = records as f64 / began.elapsed().as_secs_f64();
    let per = 1_000.0 * (cpu_ms() - cpu) as f64 / records as f64;
    println!("{what:<40} {rate:>10.0} records/s {per:>7.2} us of CPU each");
}

fn send(producer: &dyn Producer, record: &NewRecord) -> Outcome<()> {
    loop {
        match producer.send(record.clone(), None) {
            Ok(()) => return Ok(()),
            Err(LogError::Full { .. }) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(error.into()),
        }
    }
}

fn produce(log: &KafkaLog, topic: &Arc<str>, values: &[Bytes]) -> Outcome<()> {
    let producer = log.producer("rate")?;
    let (began, cpu) = (Instant::now(), cpu_ms());
    for n in 0..RECORDS {
        send(&*producer, &record(topic, n, values))?;
    }
    producer.flush(WAIT)?;
    say("produce, idempotent", RECORDS, began, cpu);
    Ok(())
}

fn read(log: &KafkaLog, topic: &str) -> Outcome<()> {
    let mut reader = log.reader(topic, &[], Start::Earliest)?;
    let (began, cpu, mut count) = (Instant::now(), cpu_ms(), 0);
    while count < RECORDS {
        count += reader.poll(WAIT)?.len();
    }
    say("read, committed only", count, began, cpu);
    Ok(())
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("{what:<40} p50 {:.1?}  p99 {:.1?}  most {:.1?}", at(50), at(99), at(100));
}

/// Commits of so many records each, with this pause before each.
fn commit(
    log: &KafkaLog,
    (input, output): (&Arc<str>, &Arc<str>),
    values: &[Bytes],
    each: usize,
    pause: Duration,
) -> Outcome<()> {
    let slot = format!("rate-{each}-{}", pause.as_millis());
    let spec = MemberSpec { group: "rate".into(), topic: Arc::clone(input), slot };
    let mut task = log.task(&spec)?;
    let mut owned = Vec::new();
    while owned.len() < PARTITIONS as usize {
        if let Event::Assigned(partitions) = task.poll(Duration::from_millis(100))? {
            owned.extend(partitions);
        }
    }
    let (began, cpu, mut times) = (Instant::now(), cpu_ms(), Vec::new());
    for n in 0..COMMITS {
        for i in 0..each {
            task.send(record(output, n * each + i, values))?;
        }
        let next = n as i64;
        let positions: Vec<Position> = (owned.iter())
            .map(|partition| Position { partition: *partition, next, replay_from: next, logic: 0 })
            .collect();
        std::thread::sleep(pause);
        let asked = Instant::now();
        task.commit(&positions)?;
        times.push(asked.elapsed());
    }
    if pause.is_zero() {
        say(&format!("exactly once, {each} records a commit"), COMMITS * each, began, cpu);
    }
    percentiles(&format!("    commit, {pause:?} after the last record"), times);
    task.leave();
    Ok(())
}

/// The same without transactions: each batch is waited for.
fn plain(log: &KafkaLog, output: &Arc<str>, values: &[Bytes], each: usize) -> Outcome<()> {
    let producer = log.producer("plain")?;
    let (began, cpu, mut times) = (Instant::now(), cpu_ms(), Vec::new());
    for n in 0..COMMITS {
        for i in 0..each {
            send(&*producer, &record(output, n * each + i, values))?;
        }
        let asked = Instant::now();
        producer.flush(WAIT)?;
        times.push(asked.elapsed());
    }
    say(&format!("no transactions, {each} records a flush"), COMMITS * each, began, cpu);
    percentiles("    flush", times);
    Ok(())
}

fn main() -> Outcome<()> {
    let bootstrap = std::env::args().nth(1).ok_or("give HOST:PORT of a broker")?;
    let prefix = format!("rate-{}.", std::process::id());
    let property = |given: String| {
        let (name, value) = given.split_once('=').ok_or("a property is NAME=VALUE")?;
        Ok((name.to_owned(), value.to_owned().into()))
    };
    let properties = std::env::args().skip(2).map(property).collect::<Outcome<_>>()?;
    let log = KafkaLog::connect(KafkaOptions { bootstrap, prefix, replication: 0, properties })?;
    let topic = |name: &str| TopicSpec {
        name: name.into(),
        partitions: PARTITIONS,
        cleanup: Cleanup::Delete { retention_ms: 3_600_000 },
    };
    log.ensure_topics(&[topic("input"), topic("output")])?;
    let (input, output): (Arc<str>, Arc<str>) = ("input".into(), "output".into());
    let values: Vec<Bytes> = (0..997).map(value).collect();
    produce(&log, &input, &values)?;
    read(&log, &input)?;
    for each in [20, 200, 2_000] {
        plain(&log, &output, &values, each)?;
        commit(&log, (&input, &output), &values, each, Duration::ZERO)?;
        commit(&log, (&input, &output), &values, each, Duration::from_millis(100))?;
    }
    Ok(())
}

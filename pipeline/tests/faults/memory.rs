//! The database is dead while an hour of records comes: nothing in any process grows with them.
//!
//! What could grow: a sink's batch (5,000 records or 16 MiB), what librdkafka fetches ahead (16 MiB
//! for each reader), the poller's outbox (256 MiB, and only with the log away), a producer's queue
//! (64 MiB), the browsers' tail. Each record of this test is padded, so that what is read ahead
//! without a bound would be more than the bound.

use std::time::{Duration, Instant};

use bytes::Bytes;
use pipeline::log::{EventLog, LogError};
use pipeline::topology::METRIC;
use schemas::{DeviceId, MetricBatch, SeriesId};
use sqlx::PgPool;

use super::broker::Broker;
use super::common::now_ms;
use super::log::kafka;
use super::postgres::Postgres;
use super::running::Running;
use super::{lasting, prove, room};

const PREFIX: &str = "OPSC__LOG__KAFKA__PREFIX";
const PORT: u16 = 19_430;
/// Samples of one record.
const SAMPLES: i64 = 50;
/// Bytes that a record carries beside its samples.
const PADDING: usize = 24 * 1024;
/// What a process may grow by. All that is read in these tests, kept, would be twice as much.
const GROWS_MIB: u64 = 160;

/// Resident memory of a process, MiB: now, or the most so far.
fn memory(pid: u32, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Puts records into the metric topic as quickly as it takes them.
fn fill(log: &dyn EventLog, records: i64) {
    let producer = log.producer("filler").unwrap();
    let mut padding = vec![0; PADDING];
    let start = now_ms() as i64 - 3_600_000;
    for number in 0..records {
        let device = DeviceId::from_source("memory", &(number % 100).to_string());
        let batch = MetricBatch {
            tenant: "default".to_owned(),
            device,
            at: start + number,
            series: (0..SAMPLES).map(|n| SeriesId(1_000_000 + n)).collect(),
            at_ms: vec![0; SAMPLES as usize],
            values: (0..SAMPLES).map(|n| n as f64).collect(),
            flags: Vec::new(),
            gaps: Vec::new(),
        };
        for part in padding.chunks_exact_mut(8) {
            part.copy_from_slice(&rand::random::<u64>().to_ne_bytes());
        }
        let mut record = METRIC.record(&device, &batch).unwrap();
        record.headers.push(("padding".to_owned(), Bytes::from(padding.clone())));
        while let Err(error) = producer.send(record.clone(), None) {
            assert!(matches!(error, LogError::Full { .. }), "{error}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_makes_nothing_grow() {
    let _room = room().await;
    let Some(server) = Postgres::start() else { return };
    let Some(broker) = Broker::start(PORT) else { return };
    let pool = PgPool::connect_lazy(server.url()).unwrap();
    let settings = [("OPSC_KAFKA", broker.bootstrap()), (PREFIX, "memory-")];
    let demo = [("OPSC_DEMO", "1"), ("OPSC__DEMO__INTERVAL_MS", "1000")];
    let mut sink = Running::role("sink", server.url(), &settings);
    let mut others = [
        Running::role("connect", server.url(), &[&settings[..], &demo].concat()),
        Running::role("process", server.url(), &settings),
        Running::role("api", server.url(), &settings),
    ];
    sink.until_more(&pool, 60).await;
    others[2].until_ready().await;

    server.stop();
    let roles = ["sink", "connect", "process", "api"];
    let pids = [sink.pid(), others[0].pid(), others[1].pid(), others[2].pid()];
    let before = pids.map(|pid| memory(pid, "VmRSS"));
    let records: i64 = if prove() { 120_000 } else { 14_000 };
    let began = Instant::now();
    let log = kafka(&broker, "memory-");
    tokio::task::spawn_blocking(move || fill(&log, records)).await.unwrap();
    println!("{} samples in {records} records after {:?}", records * SAMPLES, began.elapsed());
    tokio::time::sleep(lasting(10, 120)).await;
    let check = |when: &str| {
        for ((role, pid), before) in roles.iter().zip(pids).zip(before) {
            let (now, most) = (memory(pid, "VmRSS"), memory(pid, "VmHWM"));
            println!("{when}: {role}: {before} MiB before, {now} now, {most} at most");
            assert!(most <= before + GROWS_MIB, "{role} grew from {before} to {most} MiB");
        }
    };
    check("dead");

    server.start_again();
    let wanted = records * SAMPLES;
    let back = Instant::now();
    sink.until(async |_| {
        let sql = "SELECT count(*) FROM sample WHERE series_id BETWEEN 1000000 AND 1000099";
        let found: i64 =
            sqlx::query_scalar(sql).fetch_one(&pool).await.map_err(|e| e.to_string())?;
        if found >= wanted { Ok(()) } else { Err(format!("{found} of {wanted} samples")) }
    })
    .await;
    println!("all of it was in the database {:?} after it was back", back.elapsed());
    check("caught up");
    let data = (u64::try_from(records).unwrap() * PADDING as u64) >> 20;
    assert!(data > GROWS_MIB * 2, "{data} MiB would not show");
    for role in others.iter_mut().chain([&mut sink]) {
        role.stop();
    }
}

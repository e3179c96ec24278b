//! The database is dead while many records come: nothing in any process grows with them, and all of
//! them are written once it is back.
//!
//! What could grow: a sink's batch (5,000 records or 16 MiB), what librdkafka fetches ahead (16 MiB
//! for each reader, and one answer of the broker), the poller's outbox (256 MiB, and only with the
//! log away), a producer's queue (64 MiB), the browsers' tail. Beside what a small network gives,
//! the metric topic is filled with records that are padded, so that what is read ahead without a
//! bound would be more than the bound: they are of a later schema, with a field that nobody knows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pipeline::log::{EventLog, LogError, NewRecord};
use pipeline::topic::shared;
use pipeline::topology::{METRIC, SCHEMA};
use schemas::{AvroRecord, DeviceId, MetricBatch, SchemaStore, SeriesId};
use sqlx::PgPool;

use super::broker::Broker;
use super::common::{now_ms, serials};
use super::log::kafka;
use super::postgres::Postgres;
use super::running::{Running, balanced};
use super::{lasting, ledger, prove, room};

const PREFIX: &str = "OPSC__LOG__KAFKA__PREFIX";
const PORT: u16 = 19_430;
const ROLES: [&str; 4] = ["sink", "connect", "process", "api"];
/// Samples of one record.
const SAMPLES: i64 = 20;
const FIRST_SERIES: i64 = 1_000_000;
/// As a schema registry would number it.
const LATER: u32 = 7;
/// Most (MiB) that memory may differ while the database is dead, after the first fifth of the
/// records.
const FLAT_MIB: u64 = 48;
/// Most (MiB) that a process may grow by until all is written. All that is read in this test, kept,
/// would be twice as much.
const GROWS_MIB: u64 = 160;

/// Records in all, and bytes that each carries beside its samples: some minutes, and an hour, of
/// 2,000 devices polled each minute.
fn amount() -> (i64, usize) {
    if prove() { (120_000, 8 << 10) } else { (14_000, 24 << 10) }
}

/// Resident memory of a process, MiB: now, or the most so far.
fn memory(pid: u32, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// What memory was, again and again.
struct Watch {
    found: Arc<Mutex<Vec<[u64; 4]>>>,
    ended: Arc<AtomicBool>,
}

impl Watch {
    fn start(pids: [u32; 4]) -> Self {
        let (found, ended) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (to, end) = (Arc::clone(&found), Arc::clone(&ended));
        std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                to.lock().unwrap().push(pids.map(|pid| memory(pid, "VmRSS")));
                std::thread::sleep(Duration::from_millis(250));
            }
        });
        Self { found, ended }
    }

    fn forget(&self) {
        self.found.lock().unwrap().clear();
    }

    /// Least and most of each process since it was last asked to forget.
    fn end(&self) -> [(u64, u64); 4] {
        self.ended.store(true, Ordering::Relaxed);
        let found = self.found.lock().unwrap();
        assert!(found.len() > 40, "only {} looks", found.len());
        std::array::from_fn(|role| {
            let of = || found.iter().map(|at| at[role]);
            (of().min().unwrap(), of().max().unwrap())
        })
    }
}

/// A later schema of the samples: with padding at the end.
fn later() -> String {
    let mut schema: serde_json::Value = serde_json::from_str(MetricBatch::JSON).unwrap();
    let field = serde_json::json!({"name": "padding", "type": "bytes"});
    schema["fields"].as_array_mut().unwrap().push(field);
    schema.to_string()
}

/// Teaches the log this schema.
fn teach(log: &dyn EventLog) {
    let producer = log.producer("filler").unwrap();
    let record = NewRecord {
        topic: shared(SCHEMA.name),
        partition: Some(0),
        key: Some(LATER.to_string().into_bytes().into()),
        value: Some(later().into_bytes().into()),
        headers: Vec::new(),
    };
    producer.send(record, None).unwrap();
    producer.flush(Duration::from_secs(60)).unwrap();
}

/// Noise, further apart than a compression looks back.
fn noise() -> Vec<u8> {
    (0..1 << 17).flat_map(|_| rand::random::<u64>().to_ne_bytes()).collect()
}

/// Puts records into the metric topic as quickly as it takes them.
fn fill(log: &dyn EventLog, records: std::ops::Range<i64>, padding: usize, noise: &[u8]) {
    let producer = log.producer("filler").unwrap();
    let start = now_ms() as i64 - 3_600_000;
    for number in records {
        let device = DeviceId::from_source("memory", &(number % 2_000).to_string());
        let batch = MetricBatch {
            tenant: "default".to_owned(),
            device,
            at: start + number,
            series: (0..SAMPLES).map(|n| SeriesId(FIRST_SERIES + n)).collect(),
            at_ms: vec![0; SAMPLES as usize],
            values: (0..SAMPLES).map(|n| n as f64).collect(),
            flags: Vec::new(),
            gaps: Vec::new(),
            interval_ms: 0,
            connector: String::new(),
            answered: true,
        };
        let mut record = METRIC.record(&device, &batch).unwrap();
        let mut value = record.value.unwrap().to_vec();
        value[1..5].copy_from_slice(&LATER.to_be_bytes());
        // A length in Avro: zigzag, seven bits a byte.
        let mut length = padding << 1;
        while length > 0x7f {
            value.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        value.push(length as u8);
        let from = (number as usize * padding) % (noise.len() - padding);
        value.extend_from_slice(&noise[from..from + padding]);
        record.value = Some(value.into());
        while let Err(error) = producer.send(record.clone(), None) {
            assert!(matches!(error, LogError::Full { .. }), "{error}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
}

/// The database is dead, and the records come; least and most of each process from the first fifth
/// of them on.
async fn dead(broker: &Broker, pids: [u32; 4]) -> [(u64, u64); 4] {
    let (records, padding) = amount();
    let began = Instant::now();
    let log = kafka(broker, "memory-");
    let watch = tokio::task::spawn_blocking(move || {
        teach(&log);
        let noise = noise();
        let watch = Watch::start(pids);
        fill(&log, 0..records / 5, padding, &noise);
        watch.forget();
        fill(&log, records / 5..records, padding, &noise);
        watch
    });
    let watch = watch.await.unwrap();
    let mib = (records as u64 * padding as u64) >> 20;
    println!("{} samples, {mib} MiB, came within {:?}", records * SAMPLES, began.elapsed());
    assert!(mib > GROWS_MIB * 2, "{mib} MiB would not show");
    tokio::time::sleep(lasting(30, 240).saturating_sub(began.elapsed())).await;
    watch.end()
}

/// All of it is in the database, once.
async fn caught_up(sink: &mut Running, pool: &PgPool) {
    let wanted = amount().0 * SAMPLES;
    let back = Instant::now();
    let count = async || {
        let sql = "SELECT count(*) FROM sample WHERE series_id >= $1 AND series_id < $1 + $2";
        let query = sqlx::query_scalar(sql).bind(FIRST_SERIES).bind(SAMPLES);
        query.fetch_one(pool).await.map_err(|error| error.to_string())
    };
    sink.until(async |_| {
        let found: i64 = count().await?;
        if found >= wanted { Ok(()) } else { Err(format!("{found} of {wanted} samples")) }
    })
    .await;
    println!("all of it was in the database {:?} after it was back", back.elapsed());
    assert_eq!(count().await.unwrap(), wanted);
    assert_eq!(sink.counter("opsc_sink_duplicates_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_makes_nothing_grow() {
    let _room = room().await;
    let Some(server) = Postgres::start() else { return };
    let Some(broker) = Broker::start(PORT) else { return };
    let pool = PgPool::connect_lazy(server.url()).unwrap();
    let settings = [("OPSC_KAFKA", broker.bootstrap()), (PREFIX, "memory-")];
    let mut sink = Running::role("sink", server.url(), &settings);
    let mut connect = Running::with_network("connect", server.url(), &settings);
    let mut process = Running::role("process", server.url(), &settings);
    let mut api = Running::role("api", server.url(), &settings);
    sink.until_more(&pool, 60).await;
    api.until_ready().await;

    server.stop();
    let pids = [sink.pid(), connect.pid(), process.pid(), api.pid()];
    let before = pids.map(|pid| memory(pid, "VmRSS"));
    let flat = dead(&broker, pids).await;
    for (role, (least, most)) in ROLES.iter().zip(flat) {
        println!("dead: {role} took {least} to {most} MiB");
        assert!(most - least <= FLAT_MIB, "{role} took {least} to {most} MiB");
    }
    server.start_again();
    caught_up(&mut sink, &pool).await;
    for ((role, pid), before) in ROLES.iter().zip(pids).zip(before) {
        let most = memory(pid, "VmHWM");
        println!("caught up: {role}: {before} MiB before, {most} at most");
        assert!(most <= before + GROWS_MIB, "{role} grew from {before} to {most} MiB");
    }

    // And what the network answered.
    let stopped = connect.stop();
    api.stop();
    process
        .until(async |it| {
            let lag = it.counter("opsc_lag_records").await;
            if lag == 0.0 { Ok(()) } else { Err(format!("{lag} records are not processed")) }
        })
        .await;
    process.stop();
    let log = kafka(&broker, "memory-");
    let store = SchemaStore::new();
    store.learn(LATER, &later()).unwrap();
    let in_log = ledger::in_log_by(&log, &store);
    sink.until(async |_| {
        let found = serials(&pool).await.len();
        if found >= in_log.len() { Ok(()) } else { Err(format!("{found} serials")) }
    })
    .await;
    sink.stop();
    println!("memory: {}", balanced(connect.state(), &in_log, &pool, &[stopped]).await);
}

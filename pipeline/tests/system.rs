//! The whole program against the simulated network's ledger: started, killed with -9 several
//! times, stopped. Every serial that an answer carried is in the log and in the database once, or
//! was on its way when the program died.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{database, demo_port, free_address};
use pipeline::log::embedded::{Embedded, Options};
use pipeline::log::{EventLog, Start};
use pipeline::topology::{METRIC, SERIES};
use schemas::{SchemaStore, SeriesId};
use sqlx::PgPool;

const KILLS: usize = 4;
/// A serial answered this long (ms) before a kill may be lost with the process: an answer waits
/// for the rest of its poll.
const IN_FLIGHT_MS: u64 = 2_500;
/// Answers of one poll of a device come within this time (ms), well below its interval.
const WITHIN_A_POLL_MS: u64 = 900;
const DEADLINE: Duration = Duration::from_secs(60);

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn start(role: &str, state: &Path, url: &str, listen: &str, demo_port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_opsconductor"))
        .arg(role)
        .env("DATABASE_URL", url)
        .env("OPSC_STATE_DIR", state)
        .env("OPSC_LISTEN", listen)
        .env("OPSC_DEMO", "1")
        .env("OPSC__DEMO__INTERVAL_MS", "1000")
        .env("OPSC__DEMO__PORT", demo_port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::options().append(true).create(true).open(state.join("out")).unwrap())
        .spawn()
        .unwrap()
}

async fn serials(pool: &PgPool) -> BTreeMap<u64, i64> {
    let rows: Vec<(f64, i64)> = sqlx::query_as(
        "SELECT x.value, count(*) FROM sample x JOIN series s ON s.id = x.series_id
         WHERE s.metric = 'lab_serial' GROUP BY x.value",
    )
    .fetch_all(pool)
    .await
    .unwrap_or_default();
    rows.into_iter().map(|(value, count)| (value as u64, count)).collect()
}

async fn wait_for(pool: &PgPool, at_least: usize, state: &Path) {
    let started = Instant::now();
    while serials(pool).await.len() < at_least {
        let out = || std::fs::read_to_string(state.join("out")).unwrap_or_default();
        assert!(started.elapsed() < DEADLINE, "no {at_least} samples in time: {}", out());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Serials by how often they stand in the metric topic.
fn in_log(state: &Path) -> BTreeMap<u64, i64> {
    let log = Embedded::open(&state.join("log"), Options::default()).unwrap();
    let store = SchemaStore::new();
    let read = |topic: &str| {
        let mut records = Vec::new();
        for partition in 0..8 {
            let mut reader = log.reader(topic, &[partition], Start::Earliest).unwrap();
            let end = reader.end(partition).unwrap();
            while reader.position(partition) < end {
                records.extend(reader.poll(Duration::from_millis(50)).unwrap());
            }
        }
        records
    };
    let of_lab: BTreeSet<SeriesId> = read(SERIES.name)
        .iter()
        .filter_map(|record| SERIES.read(&store, record).unwrap())
        .filter(|series| series.metric == "lab_serial")
        .map(|series| series.id)
        .collect();
    let mut found = BTreeMap::new();
    for record in read(METRIC.name) {
        let batch = METRIC.read(&store, &record).unwrap().unwrap();
        for (series, value) in batch.series.iter().zip(&batch.values) {
            if of_lab.contains(series) {
                *found.entry(*value as u64).or_default() += 1;
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_in_the_log_and_the_database_once() {
    let Some(url) = database("system").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let (listen, demo_port) = (free_address(), demo_port());
    let pool = PgPool::connect_lazy(&url).unwrap();

    let mut kills = Vec::new();
    for round in 1..=KILLS {
        let mut program = start("run", state, &url, &listen, demo_port);
        wait_for(&pool, serials(&pool).await.len() + 40 + 7 * round, state).await;
        program.kill().unwrap();
        program.wait().unwrap();
        kills.push(now_ms());
    }
    let mut program = start("run", state, &url, &listen, demo_port);
    wait_for(&pool, serials(&pool).await.len() + 60, state).await;
    let stopped = now_ms();
    Command::new("kill").args(["-INT", &program.id().to_string()]).status().unwrap();
    assert!(program.wait().unwrap().success(), "a clean stop");
    kills.push(stopped);

    let log = in_log(state);
    // What the last moment put on the log, the next start's sinks write.
    let mut sink = start("sink", state, &url, &listen, demo_port);
    wait_for(&pool, log.len(), state).await;
    sink.kill().unwrap();
    sink.wait().unwrap();
    let rows = serials(&pool).await;
    assert!(log.values().all(|count| *count == 1), "doubled in the log");
    assert!(rows.values().all(|count| *count == 1), "doubled in the database");
    assert!(rows.keys().eq(log.keys()), "the log and the database hold different serials");

    let ledger: Vec<_> = lab::ledger::read(&state.join("lab-ledger")).map(Result::unwrap).collect();
    let (mut again, mut in_flight) = (0, 0);
    for entry in ledger.iter().filter(|e| e.outcome.usable() && !log.contains_key(&e.serial)) {
        // A poll that asked twice keeps one of the two answers.
        let superseded = ledger.iter().any(|other| {
            other.device == entry.device
                && log.contains_key(&other.serial)
                && other.unix_ms.abs_diff(entry.unix_ms) < WITHIN_A_POLL_MS
        });
        let cut_off = kills
            .iter()
            .any(|kill| (kill.saturating_sub(IN_FLIGHT_MS)..=kill + 500).contains(&entry.unix_ms));
        again += usize::from(superseded);
        in_flight += usize::from(!superseded && cut_off);
        let near: Vec<_> = ledger
            .iter()
            .filter(|other| other.device == entry.device)
            .filter(|other| other.unix_ms.abs_diff(entry.unix_ms) < 3_000)
            .map(|other| (other.unix_ms, other.serial, log.contains_key(&other.serial)))
            .collect();
        assert!(superseded || cut_off, "{entry:?} is lost; kills {kills:?}, around it {near:?}");
    }
    println!(
        "{KILLS} kills: {} answers, {} in the log and the database once, {again} read again in the \
         same poll, {in_flight} in flight when the program died",
        ledger.len(),
        log.len()
    );
    assert!(log.len() > 200);
}

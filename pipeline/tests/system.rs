//! The whole program against the simulated network's ledger: started, killed with -9 several
//! times, stopped. Every serial that an answer carried is in the log and in the database once, or
//! was on its way when the program died.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::{database, free_address, now_ms, records, serials, start, until_serials};
use pipeline::log::embedded::{Embedded, Options};
use pipeline::topology::{METRIC, SERIES};
use schemas::{SchemaStore, SeriesId};
use sqlx::PgPool;

const KILLS: usize = 4;
/// A serial answered this long (ms) before a kill may be lost with the process: an answer waits
/// for the rest of its poll.
const IN_FLIGHT_MS: u64 = 2_500;
/// Answers of one poll of a device come within this time (ms), well below its interval.
const WITHIN_A_POLL_MS: u64 = 900;

/// Serials by how often they stand in the metric topic.
fn in_log(state: &Path) -> BTreeMap<u64, i64> {
    let log = Embedded::open(&state.join("log"), Options::default()).unwrap();
    let store = SchemaStore::new();
    let of_lab: BTreeSet<SeriesId> = records(&log, SERIES.name)
        .iter()
        .filter_map(|record| SERIES.read(&store, record).unwrap())
        .filter(|series| series.metric == "lab_serial")
        .map(|series| series.id)
        .collect();
    let mut found = BTreeMap::new();
    for record in records(&log, METRIC.name) {
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
    let listen = free_address();
    let pool = PgPool::connect_lazy(&url).unwrap();

    let mut kills = Vec::new();
    for round in 1..=KILLS {
        let program = start("run", state, &url, &listen);
        until_serials(serials(&pool).await.len() + 40 + 7 * round, &pool, state).await;
        drop(program);
        kills.push(now_ms());
    }
    let program = start("run", state, &url, &listen);
    until_serials(serials(&pool).await.len() + 60, &pool, state).await;
    let stopped = now_ms();
    program.stop();
    kills.push(stopped);

    let log = in_log(state);
    // What the last moment put on the log, the next start's sinks write.
    let sink = start("sink", state, &url, &listen);
    until_serials(log.len(), &pool, state).await;
    drop(sink);
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

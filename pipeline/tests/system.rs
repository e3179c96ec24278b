//! The whole program against the simulated network's ledger: started, killed with -9 several
//! times, stopped. Every serial that an answer carried is in the log and in the database once, or
//! was on its way when the program died.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

mod common;
#[path = "common/ledger.rs"]
mod ledger;

use common::{database, free_address, now_ms, serials, start, until_serials};
use pipeline::log::embedded::{Embedded, Options};
use sqlx::PgPool;

/// What `make test` has time for; OPSC_PROVE_KILLS: how many instead.
const KILLS: usize = 4;

fn kills() -> usize {
    std::env::var("OPSC_PROVE_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_in_the_log_and_the_database_once() {
    let Some(url) = database("system").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let listen = free_address();
    let pool = PgPool::connect_lazy(&url).unwrap();

    let mut ends = Vec::new();
    for round in 1..=kills() {
        let program = start("run", state, &url, &listen);
        until_serials(serials(&pool).await.len() + 40 + 7 * (round % 8), &pool, state).await;
        drop(program);
        ends.push(now_ms());
    }
    let program = start("run", state, &url, &listen);
    until_serials(serials(&pool).await.len() + 60, &pool, state).await;
    let stopped = now_ms();
    program.stop();
    ends.push(stopped);

    let log = ledger::in_log(&Embedded::open(&state.join("log"), Options::default()).unwrap());
    // What the last moment put on the log, the next start's sinks write.
    let sink = start("sink", state, &url, &listen);
    until_serials(log.len(), &pool, state).await;
    drop(sink);
    let rows = serials(&pool).await;
    assert!(log.values().all(|count| *count == 1), "doubled in the log");
    assert!(rows.values().all(|count| *count == 1), "doubled in the database");
    assert!(rows.keys().eq(log.keys()), "the log and the database hold different serials");

    let account = ledger::account(state, &log, &ends);
    println!("{} kills: {} in the log and the database once, {account}", kills(), log.len());
    assert!(log.len() > 200);
}

//! A primary and a replica that is promoted.
//!
//! How this could lose, double or hang, and what stands against it:
//! - *Who connects comes to the replica*: each connection is asked whether it can be written to.
//! - *The pool stays at the old server*: it is followed, and connections from before are refused.
//! - *The replica lacks what the primary had committed*: positions are read again after a reconnect,
//!   and lie in the same database as the rows.

use std::time::Instant;

use sqlx::{Connection, PgConnection, PgPool};

use super::postgres::{Postgres, signal};
use super::room;
use super::running::{Running, longest_pause};

/// Devices polled each second are not asked for so long (ms) only when nobody polls them.
const PAUSE_MS: u64 = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_promoted_is_written_to() {
    let _room = room().await;
    let Some(primary) = Postgres::start() else { return };
    let replica = primary.replica();
    // The replica first: it must be passed over.
    let of_primary = format!("127.0.0.1:{}", primary.port());
    let both = format!("127.0.0.1:{},{of_primary}", replica.port());
    let url = primary.url().replace(&of_primary, &both) + "?target_session_attrs=read-write";
    let pool = PgPool::connect_lazy(primary.url()).unwrap();
    let mut running = Running::start(&url, &[]);
    running.until_more(&pool, 60).await;
    running.until_ready().await;

    let died = Instant::now();
    assert!(signal("QUIT", primary.pid()));
    running.until_says(&["database"]).await;
    replica.admin("SELECT pg_promote(true, 60)");
    let pool = PgPool::connect_lazy(replica.url()).unwrap();
    running.until_more(&pool, 60).await;
    running.until_ready().await;
    println!("all of it at the promoted replica {:?} after the primary died", died.elapsed());
    assert!(running.out().contains("the database is written to there now"), "{}", running.out());
    let ledger = running.ledger();
    assert!(longest_pause(&ledger) < PAUSE_MS, "polling paused {} ms", longest_pause(&ledger));
    println!("promoted: {}", running.balance(&pool).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_replicas_are_refused_by_name() {
    let _room = room().await;
    let Some(primary) = Postgres::start() else { return };
    let replica = primary.replica();
    let mut reader = PgConnection::connect(replica.url()).await.unwrap();
    let recovers: bool =
        sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut reader).await.unwrap();
    assert!(recovers);
    let state = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_opsconductor"));
    command.arg("migrate").env("DATABASE_URL", replica.url()).env("OPSC_STATE_DIR", state.path());
    let said = command.env("NO_COLOR", "1").output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    let expected = format!("127.0.0.1:{}: takes no writes (a replica)", replica.port());
    assert!(!said.status.success() && text.contains(&expected), "{text}");
}

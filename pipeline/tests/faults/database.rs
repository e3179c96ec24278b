//! The database is stopped, dies in the middle of a COPY, has no room.
//!
//! How this could lose, double or hang, and what stands against it:
//! - *The position moves without the rows, or the rows without the position*: one transaction.
//! - *The commit's answer is lost*: positions are read again after every trouble.
//! - *Polls need the database* (credentials): they are kept by the poller.
//! - *The reader is thrown out of its group while it waits*: it holds, and goes on polling the log.
//! - *Waiting is not seen*: `/readyz` and the log say what is waited for.
//! - *What was held grows*: one batch and what the log's client fetches ahead, both bounded.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection, PgPool};

use super::postgres::{Postgres, signal};
use super::running::{Running, longest_pause};
use super::{lasting, prove, room};

/// Devices polled each second are not asked for so long (ms) only when nobody polls them.
const PAUSE_MS: u64 = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_stopped_is_waited_for() {
    let _room = room().await;
    let Some(server) = Postgres::start() else { return };
    let pool = PgPool::connect_lazy(server.url()).unwrap();
    let mut running = Running::start(server.url(), &[]);
    running.until_more(&pool, 60).await;

    server.stop();
    let away = Instant::now();
    let said = running.until_says(&["database"]).await;
    println!("it says after {:?}: {said}", away.elapsed());
    running
        .until(async |it| {
            let out = it.out();
            let says = out.contains("holding") && out.contains("will be tried again");
            if says { Ok(()) } else { Err("it does not say that it holds".to_owned()) }
        })
        .await;
    tokio::time::sleep(lasting(12, 60)).await;

    server.start_again();
    let (gone, back) = (away.elapsed(), Instant::now());
    running.until_more(&pool, 40).await;
    running.until_ready().await;
    println!("after {gone:?} without a database it had caught up in {:?}", back.elapsed());
    let ledger = running.ledger();
    assert!(longest_pause(&ledger) < PAUSE_MS, "polling paused {} ms", longest_pause(&ledger));
    println!("stopped: {}", running.balance(&pool).await);
}

/// Slow or not, for every row of the samples. To replace it waits for no COPY.
const SLOW: &str = "CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END'";
const QUICK: &str = "CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RETURN NEW; END'";
const TRIGGER: &str =
    "CREATE TRIGGER slowly BEFORE INSERT ON sample FOR EACH ROW EXECUTE FUNCTION slowly()";

/// A backend that has been copying for a while and is not done. (TimescaleDB counts nothing in
/// `pg_stat_progress_copy`; what sleeps is the trigger, in some row.)
async fn copying(server: &Postgres) -> Result<u32, String> {
    let connect = PgConnection::connect(server.url()).await;
    let mut connection = connect.map_err(|error| error.to_string())?;
    let sql = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY sample %'
               AND wait_event = 'PgSleep' AND now() - query_start > interval '0.2 s'";
    let found: Option<i32> = sqlx::query_scalar(sql)
        .fetch_optional(&mut connection)
        .await
        .map_err(|error| error.to_string())?;
    Ok(found.ok_or("nobody copies")?.cast_unsigned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_of_a_copy() {
    let _room = room().await;
    let Some(server) = Postgres::start() else { return };
    let pool = PgPool::connect_lazy(server.url()).unwrap();
    let mut running = Running::start(server.url(), &[]);
    running.until_more(&pool, 40).await;
    sqlx::raw_sql(QUICK).execute(&pool).await.unwrap();
    sqlx::raw_sql(TRIGGER).execute(&pool).await.unwrap();
    for round in 0..if prove() { 20 } else { 4 } {
        sqlx::raw_sql(SLOW).execute(&pool).await.unwrap();
        let backend = running.until(async |_| copying(&server).await).await;
        if round % 2 == 0 {
            // The server ends every session and recovers.
            assert!(signal("KILL", backend), "it was faster");
        } else {
            let postmaster = server.pid();
            assert!(signal("QUIT", postmaster));
            // One that nobody has waited for has no folder any more.
            while std::fs::read_link(format!("/proc/{postmaster}/cwd")).is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            server.start_again();
        }
        running
            .until(async |_| {
                let done = sqlx::raw_sql(QUICK).execute(&pool).await;
                done.map(drop).map_err(|error| error.to_string())
            })
            .await;
        running.until_more(&pool, 30).await;
    }
    running.until_ready().await;
    println!("copy: {}", running.balance(&pool).await);
}

/// Makes a server's disk full while a file is there.
fn full_disk(folder: &Path) -> std::path::PathBuf {
    let library = folder.join("full_disk.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/full_disk.c");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut compile = Command::new(compiler);
    compile.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source);
    assert!(compile.status().unwrap().success(), "a C compiler is needed");
    library
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_room_is_waited_for() {
    let _room = room().await;
    let folder = tempfile::tempdir().unwrap();
    // The server may be another user's.
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let library = full_disk(folder.path());
    let full = folder.path().join("full");
    let Some(server) = Postgres::start() else { return };
    server.restart_with(&[
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("OPSC_TEST_FULL", full.to_str().unwrap()),
    ]);
    let pool = PgPool::connect_lazy(server.url()).unwrap();
    let mut running = Running::start(server.url(), &[]);
    running.until_more(&pool, 60).await;

    std::fs::write(&full, "").unwrap();
    let began = Instant::now();
    let said = running.until_says(&["No space left", "make room on the database's disk"]).await;
    println!("it says after {:?}: {said}", began.elapsed());
    assert!(running.out().contains("make room on the database's disk"), "{}", running.out());
    tokio::time::sleep(lasting(8, 60)).await;

    std::fs::remove_file(&full).unwrap();
    running.until_more(&pool, 60).await;
    running.until_ready().await;
    println!("no room for {:?}: {}", began.elapsed(), running.balance(&pool).await);
}

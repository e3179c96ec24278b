//! An older dump of the database is restored while the program runs.
//!
//! How this could lose or double, and what stands against it: a sink that believed its memory would
//! go on where it was, and what was written between the dump and now would be lost. The positions
//! are in the dump with the rows; they are read again after every reconnect, and a sink whose
//! session survived finds by compare-and-set that its position is another.

use std::process::Command;
use std::str::FromStr;
use std::time::Instant;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use super::common::{database, serials};
use super::running::Running;
use super::{lasting, room};

fn tool(name: &str, url: &str) -> Command {
    let home = std::env::var("OPSC_PG_HOME").ok();
    let program = home.map_or(name.to_owned(), |home| format!("{home}/bin/{name}"));
    let mut command = Command::new(program);
    command.arg("--dbname").arg(url);
    command
}

fn succeeds(command: &mut Command) {
    let said = command.output().unwrap();
    assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
}

async fn sql(url: &str, statements: &str) {
    let options = PgConnectOptions::from_str(url).unwrap();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await;
    done.unwrap();
}

/// Whether the database's server has TimescaleDB in this database.
async fn timescale(pool: &PgPool) -> bool {
    let sql = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'";
    sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap() == 1
}

/// Puts one database in another's place, as an administrator does: nobody is let in meanwhile.
async fn swap(server: &str, name: &str, restored: &str) {
    let both = [name, restored];
    let shut = both.map(|it| format!("ALTER DATABASE {it} ALLOW_CONNECTIONS false"));
    let ended = format!(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
         WHERE datname IN ('{name}', '{restored}')"
    );
    let renamed = format!(
        "ALTER DATABASE {name} RENAME TO {name}_old;
         ALTER DATABASE {restored} RENAME TO {name};
         ALTER DATABASE {name} ALLOW_CONNECTIONS true"
    );
    let mut connection = PgConnection::connect(server).await.unwrap();
    // Each by itself: nobody is shut out before the statement is committed.
    for statements in shut.into_iter().chain([ended, renamed]) {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_dump_is_caught_up() {
    let _room = room().await;
    let Some(url) = database("dump").await else { return };
    let pool = PgPool::connect_lazy(&url).unwrap();
    let mut running = Running::start(&url, &[]);
    running.until_more(&pool, 60).await;

    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    succeeds(tool("pg_dump", &url).args(["--format", "custom", "--file"]).arg(&dump));
    tokio::time::sleep(lasting(8, 120)).await;
    running.until_more(&pool, 60).await;
    let before = serials(&pool).await.len();

    let (server, name) = url.rsplit_once('/').unwrap();
    let (server, restored) = (format!("{server}/postgres"), format!("{name}_restored"));
    let new = url.replace(name, &restored);
    sql(&server, &format!("CREATE DATABASE {restored}")).await;
    let timescale = timescale(&pool).await;
    if timescale {
        sql(&new, "CREATE EXTENSION timescaledb; SELECT timescaledb_pre_restore()").await;
    }
    succeeds(tool("pg_restore", &new).arg("--no-owner").arg(&dump));
    if timescale {
        sql(&new, "SELECT timescaledb_post_restore()").await;
    }
    let in_dump = {
        let restored = PgPool::connect(&new).await.unwrap();
        let found = serials(&restored).await.len();
        restored.close().await;
        found
    };
    assert!(in_dump + 60 <= before, "the dump is not older: {in_dump} of {before}");

    let began = Instant::now();
    pool.close().await;
    swap(&server, name, &restored).await;
    let pool = PgPool::connect_lazy(&url).unwrap();
    running
        .until(async |_| {
            let found = serials(&pool).await.len();
            if found > before { Ok(()) } else { Err(format!("{found} of {before} serials")) }
        })
        .await;
    println!(
        "{} serials between the dump and its return were there again after {:?}",
        before - in_dump,
        began.elapsed()
    );
    running.until_ready().await;
    println!("dump: {}", running.balance(&pool).await);
}

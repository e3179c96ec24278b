//! The database: reached, migrated, kept tidy.

mod url;

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use sinks::Servers;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool};

use super::StartError;
use crate::config::Config;

/// Ends statements that their caller has given up on.
const STATEMENT_TIMEOUT: &str = "25000";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection at rest that does not answer within this time is replaced.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

fn refused(error: impl ToString) -> StartError {
    StartError::Database(error.to_string())
}

/// Where the database is, from its URL.
///
/// # Errors
/// [`StartError`] when there is no URL or it is none.
pub fn servers(config: &Config) -> Result<Servers, StartError> {
    let url = config.database.url.expose_secret();
    if url.is_empty() {
        return Err(refused(
            "no database is named: set DATABASE_URL=postgres://user@host/name (`make run` starts \
             a private one)",
        ));
    }
    url::servers(url, url::Environment::read()).map_err(refused)
}

/// What to do about a server that is not trusted, or that knows no TLS.
fn remedy(text: &str) -> Option<&'static str> {
    let remedies = [
        (
            "does not support TLS",
            "switch TLS on in the server, or say sslmode=disable in DATABASE_URL to go without",
        ),
        (
            "not valid for name",
            "use a name of its certificate in DATABASE_URL, or say sslmode=verify-ca",
        ),
        (
            "UnknownIssuer",
            "name the authority's certificate in DATABASE_URL: sslrootcert=/path/ca.pem",
        ),
        ("invalid peer certificate", "see *TLS* in docs/DATABASE.md"),
    ];
    remedies.iter().find_map(|(words, remedy)| text.contains(words).then_some(*remedy))
}

/// A pool of connections to the server that can be written to. It connects when it is used; who
/// runs on must have [`Servers::follow`] run beside it.
pub fn pool(config: &Config, servers: &Servers) -> PgPool {
    let (at_open, at_use) = (servers.clone(), servers.clone());
    PgPoolOptions::new()
        .max_connections(config.database.max_connections)
        .acquire_timeout(CONNECT_TIMEOUT)
        .after_connect(move |connection, _| {
            let servers = at_open.clone();
            Box::pin(async move {
                if servers.are_several() && !sinks::takes_writes(connection).await? {
                    return Err(sqlx::Error::Protocol("this server takes no writes".to_owned()));
                }
                Ok(())
            })
        })
        // A server that is gone without a word takes no answer to end.
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let current = at_use.is_current(meta.age);
            Box::pin(async move {
                Ok(current
                    && tokio::time::timeout(PING_TIMEOUT, connection.ping())
                        .await
                        .is_ok_and(|answer| answer.is_ok()))
            })
        })
        .connect_lazy_with(servers.current())
}

/// For the pool: the servers with the options of its sessions.
pub fn sessions(servers: &Servers) -> Servers {
    let options = [("statement_timeout", STATEMENT_TIMEOUT), ("jit", "off")];
    servers.with(|it| it.application_name("opsconductor").options(options))
}

/// A pool for a command that ends soon.
pub(super) async fn pool_now(config: &Config) -> Result<PgPool, StartError> {
    let servers = sessions(&servers(config)?);
    if let Err(error) = servers.connect().await {
        return Err(refused(explained(&error)));
    }
    Ok(pool(config, &servers))
}

/// Migrates; waits for a database that is not there yet, says so, and gives up only on what
/// waiting does not fix.
///
/// # Errors
/// [`StartError`] with the remedy.
pub async fn migrate(
    pool: &PgPool,
    servers: &Servers,
    stop: &super::Stop,
) -> Result<sinks::DatabaseInfo, StartError> {
    let options = sinks::MigrateOptions::default();
    let mut said = false;
    loop {
        match sinks::migrate(pool, &options).await {
            Ok(info) => {
                for warning in &info.warnings {
                    tracing::warn!("database: {warning}");
                }
                return Ok(info);
            }
            Err(sinks::MigrateError::Retry(error)) if !stop.requested() => {
                if !said {
                    // A pool says only that it waited.
                    let cause = servers.connect().await.err().map(|error| explained(&error));
                    tracing::warn!(error = cause.unwrap_or(error), "waiting for the database");
                    said = true;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(refused(error)),
        }
    }
}

/// Why no server can be used, and the remedy where one is known.
fn explained(error: &sinks::NoServer) -> String {
    let error = error.to_string();
    match remedy(&error) {
        Some(remedy) => format!("{error}: {remedy}"),
        None => error,
    }
}

/// A database that is there, with today's tables.
///
/// # Errors
/// [`StartError`].
pub async fn migrated(config: &Config) -> Result<PgPool, StartError> {
    let pool = pool_now(config).await?;
    sinks::inspect(&pool).await.map_err(refused)?;
    Ok(pool)
}

/// For `opsconductor migrate`: what was done, in words.
///
/// # Errors
/// [`StartError`].
pub async fn migrate_only(config: &Config) -> Result<String, StartError> {
    let pool = pool_now(config).await?;
    let info = sinks::migrate(&pool, &sinks::MigrateOptions::default()).await.map_err(refused)?;
    Ok(words(&info))
}

/// For `opsconductor rebuild`: what was done, in words.
///
/// # Errors
/// [`StartError`].
pub async fn rebuild_only(
    config: &Config,
    from: DateTime<Utc>,
    to: Option<DateTime<Utc>>,
) -> Result<String, StartError> {
    let pool = pool_now(config).await?;
    let now = Utc::now();
    let to = to.unwrap_or(now - sinks::REBUILD_AFTER);
    let rebuilt = sinks::rebuild(&pool, from, to, now).await.map_err(refused)?;
    let line = |one: &sinks::Rebuilt| {
        let sinks::Rebuilt { table, changed, kept } = one;
        let left = match kept {
            0 => String::new(),
            kept => format!(", {kept} left: they hold samples that are no longer kept"),
        };
        format!("{table}: {changed} buckets added or replaced{left}\n")
    };
    Ok(rebuilt.iter().map(line).collect())
}

/// How a database was found.
#[derive(Debug)]
pub enum Look {
    /// At this program's version.
    Ready(String),
    /// Its tables are yet to be made or brought forward, and this role may.
    ToMigrate(String),
}

/// For `opsconductor check`: what is there, changing nothing.
///
/// # Errors
/// [`StartError`].
pub async fn look(config: &Config) -> Result<Look, StartError> {
    let pool = pool_now(config).await?;
    let (found, known) = match sinks::inspect(&pool).await {
        Ok(info) => return Ok(Look::Ready(words(&info))),
        Err(sinks::MigrateError::Older { found, known }) => (found, known),
        Err(error) => return Err(refused(error)),
    };
    let may = "SELECT has_schema_privilege(current_schema(), 'CREATE')";
    let may: Option<bool> = sqlx::query_scalar(may).fetch_one(&pool).await.map_err(refused)?;
    if may != Some(true) {
        return Err(refused(
            "its role may not make tables: GRANT ALL ON SCHEMA public TO it, or make it the \
             database's owner",
        ));
    }
    let state = match found {
        0 => "it has no tables yet".to_owned(),
        found => format!("it is at migration {found}, this program at {known}"),
    };
    Ok(Look::ToMigrate(format!(
        "reached; {state}: the first process that starts does that, or `opsconductor migrate`"
    )))
}

fn words(info: &sinks::DatabaseInfo) -> String {
    let timescale = match &info.timescaledb {
        Some(version) => format!("TimescaleDB {version} ({})", info.tier),
        None => "no TimescaleDB".to_owned(),
    };
    let mut text = format!("PostgreSQL {}, {timescale}, migration {}", info.server, info.migration);
    for warning in &info.warnings {
        text.push_str(&format!("\n      note: {warning}"));
    }
    text
}

/// How long each class of rows is kept.
pub fn retention(config: &Config) -> sinks::Retention {
    let days = |days: u32| (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400));
    sinks::Retention {
        raw: days(config.database.keep_raw_days),
        rollup_5m: days(config.database.keep_5m_days),
        rollup_1h: days(config.database.keep_1h_days),
        rollup_1d: days(config.database.keep_1d_days),
        ..sinks::Retention::default()
    }
}

//! Brings a database to this binary's version, on whatever PostgreSQL there is.

use std::fmt;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::{PgConnection, PgPool};

static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// Views that run with the reader's rights came with PostgreSQL 15.
const OLDEST_SERVER: i32 = 150_000;
/// Two processes that start at once migrate one after the other ("opsc" in ASCII).
const LOCK_KEY: i64 = 0x6f70_7363;
/// What is compressed on the community edition: table and order.
const COMPRESSED: [(&str, &str); 4] =
    [("sample", "ts"), ("rollup_5m", "bucket"), ("rollup_1h", "bucket"), ("baseline", "bucket")];

/// What the database can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// PostgreSQL alone: plain tables.
    Plain,
    /// TimescaleDB, Apache edition: hypertables.
    Apache,
    /// TimescaleDB, community edition: hypertables and compression.
    Community,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Apache => "apache",
            Self::Community => "community",
        })
    }
}

/// How to migrate.
#[derive(Clone, Debug)]
pub struct MigrateOptions {
    /// Chunks older than this are compressed, where the edition can. Longer than the log keeps its
    /// metric topic, so that nothing is written into a compressed chunk (default: 8 days).
    pub compress_after: Duration,
    /// False: plain tables even where TimescaleDB could be had. Counts for a new database only.
    pub timescaledb: bool,
}

impl Default for MigrateOptions {
    fn default() -> Self {
        Self { compress_after: Duration::from_secs(8 * 86_400), timescaledb: true }
    }
}

/// A database as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// What it can do.
    pub tier: Tier,
    /// Of the server, e.g. `17.5`.
    pub server: String,
    /// Of the extension, where it is installed.
    pub timescaledb: Option<String>,
    /// The newest migration that was applied; 0 before the first.
    pub migration: i64,
    /// What a person should know, with the remedy.
    pub warnings: Vec<String>,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer binary has migrated it.
    #[error(
        "the database is at migration {found}, this binary knows up to {known}; fix: start the \
         newer opsconductor that migrated it, or restore a dump from before"
    )]
    Newer {
        /// Newest in the database.
        found: i64,
        /// Newest in this binary.
        known: i64,
    },
    /// Fewer migrations than this binary needs (from [`inspect`] only).
    #[error(
        "the database is at migration {found}, this binary needs {known}; fix: opsconductor migrate"
    )]
    Older {
        /// Newest in the database.
        found: i64,
        /// Newest in this binary.
        known: i64,
    },
    /// A migration was applied in another wording than this binary's.
    #[error(
        "migration {0} was applied to this database in another wording; fix: use the binary that \
         applied it, or an empty database"
    )]
    Changed(i64),
    /// The server is too old.
    #[error("PostgreSQL {0} is too old; fix: use 15 or later")]
    ServerTooOld(String),
    /// The role may not do what must be done.
    #[error("{what}: {error}; fix, as a superuser of this database: {remedy}")]
    MissingRight {
        /// What was tried.
        what: String,
        /// The database's words.
        error: String,
        /// SQL that fixes it.
        remedy: String,
    },
    /// Away or busy: try again.
    #[error("database: {0}; will be tried again")]
    Retry(String),
    /// Anything else; nothing was changed by the migration that failed.
    #[error("database: {0}")]
    Failed(String),
}

/// The newest migration of this binary.
fn known_version() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Applies what is missing. Safe to call at every start and from several processes at once.
///
/// # Errors
/// [`MigrateError`]; every one says what to do.
pub async fn migrate(
    pool: &PgPool,
    options: &MigrateOptions,
) -> Result<DatabaseInfo, MigrateError> {
    // A connection of its own: closing it gives back the locks, whatever happened.
    let mut conn = pool.acquire().await.map_err(|error| failed(&error))?.detach();
    let before = look(&mut conn).await?;
    refuse_newer(&before)?;
    let migrated = apply(&mut conn, options).await;
    let info = match migrated {
        Ok(()) => look(&mut conn).await,
        Err(error) => Err(error),
    };
    drop(conn);
    let info = info?;
    for warning in &info.warnings {
        tracing::warn!("{warning}");
    }
    Ok(info)
}

/// Looks without changing anything.
///
/// # Errors
/// [`MigrateError::Newer`], [`MigrateError::Older`], or what the connection says.
pub async fn inspect(pool: &PgPool) -> Result<DatabaseInfo, MigrateError> {
    let mut conn = pool.acquire().await.map_err(|error| failed(&error))?;
    let info = look(&mut conn).await?;
    refuse_newer(&info)?;
    let known = known_version();
    if info.migration < known {
        return Err(MigrateError::Older { found: info.migration, known });
    }
    Ok(info)
}

fn refuse_newer(info: &DatabaseInfo) -> Result<(), MigrateError> {
    let known = known_version();
    if info.migration > known {
        return Err(MigrateError::Newer { found: info.migration, known });
    }
    Ok(())
}

async fn look(conn: &mut PgConnection) -> Result<DatabaseInfo, MigrateError> {
    type Facts = (i32, String, Option<String>, Option<String>, bool, bool);
    let (number, server, timescaledb, license, table, migrated): Facts = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'),
                (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
                current_setting('timescaledb.license', true),
                to_regclass('sample') IS NOT NULL, to_regclass('_sqlx_migrations') IS NOT NULL",
    )
    .fetch_one(&mut *conn)
    .await
    .map_err(|error| failed(&error))?;
    if number < OLDEST_SERVER {
        return Err(MigrateError::ServerTooOld(server));
    }
    let mut migration = 0;
    if migrated {
        migration = sqlx::query_scalar(
            "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success",
        )
        .fetch_one(&mut *conn)
        .await
        .map_err(|error| failed(&error))?;
    }
    let mut tier = match (&timescaledb, license.as_deref()) {
        (None, _) => Tier::Plain,
        (Some(_), Some("timescale")) => Tier::Community,
        (Some(_), _) => Tier::Apache,
    };
    // What counts is what the tables became when they were made.
    if table && tier != Tier::Plain && !is_hypertable(conn).await? {
        tier = Tier::Plain;
    }
    Ok(DatabaseInfo {
        warnings: warnings(tier, timescaledb.is_some()),
        tier,
        server,
        timescaledb,
        migration,
    })
}

fn warnings(tier: Tier, extension: bool) -> Vec<String> {
    match (tier, extension) {
        (Tier::Plain, false) => vec![
            "database: plain PostgreSQL, without TimescaleDB: slower on long ranges, and old rows \
             are deleted one by one; fix: shared_preload_libraries = 'timescaledb' and a new \
             database"
                .to_owned(),
        ],
        (Tier::Plain, true) => vec![
            "database: TimescaleDB is installed, but the tables were made without it; fix: dump \
             the data and restore it into a new database"
                .to_owned(),
        ],
        (Tier::Apache | Tier::Community, _) => Vec::new(),
    }
}

async fn is_hypertable(conn: &mut PgConnection) -> Result<bool, MigrateError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM timescaledb_information.hypertables
                        WHERE hypertable_name = 'sample' AND hypertable_schema = current_schema())",
    )
    .fetch_one(conn)
    .await
    .map_err(|error| failed(&error))
}

async fn apply(conn: &mut PgConnection, options: &MigrateOptions) -> Result<(), MigrateError> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK_KEY)
        .execute(&mut *conn)
        .await
        .map_err(|error| failed(&error))?;
    if options.timescaledb {
        ensure_extension(conn).await?;
    }
    let outcome = MIGRATOR.run_direct(None, &mut *conn, false).await;
    outcome.map_err(|error| migration_failed(&error))?;
    if look(conn).await?.tier == Tier::Community {
        compress(conn, options.compress_after).await?;
    }
    Ok(())
}

/// Only where the library is loaded already: otherwise CREATE EXTENSION ends the session. An
/// ordinary role may not read `shared_preload_libraries`, but it sees the loader's settings.
async fn ensure_extension(conn: &mut PgConnection) -> Result<(), MigrateError> {
    let wanted: bool = sqlx::query_scalar(
        "SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL
            AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
            AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
            AND to_regclass('sample') IS NULL",
    )
    .fetch_one(&mut *conn)
    .await
    .map_err(|error| failed(&error))?;
    if !wanted {
        return Ok(());
    }
    match sqlx::raw_sql("CREATE EXTENSION timescaledb").execute(conn).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing_right(&error) => Err(MigrateError::MissingRight {
            what: "installing TimescaleDB".to_owned(),
            error: error.to_string(),
            remedy: "CREATE EXTENSION timescaledb;".to_owned(),
        }),
        Err(error) => Err(failed(&error)),
    }
}

/// Sets or changes the compression policies; leaves those alone that are right.
async fn compress(conn: &mut PgConnection, after: Duration) -> Result<(), MigrateError> {
    for (table, time) in COMPRESSED {
        let statement = format!(
            "DO $$
             BEGIN
                 IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables
                         WHERE hypertable_name = '{table}'
                           AND hypertable_schema = current_schema()) THEN
                     ALTER TABLE {table} SET (timescaledb.compress,
                         timescaledb.compress_segmentby = 'series_id',
                         timescaledb.compress_orderby = '{time}');
                 END IF;
                 IF NOT EXISTS (SELECT FROM timescaledb_information.jobs
                         WHERE proc_name = 'policy_compression' AND hypertable_name = '{table}'
                           AND hypertable_schema = current_schema()
                           AND (config->>'compress_after')::interval = interval '{seconds} s') THEN
                     PERFORM remove_compression_policy('{table}', if_exists => true);
                     PERFORM add_compression_policy('{table}', interval '{seconds} s');
                 END IF;
             END
             $$",
            seconds = after.as_secs()
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut *conn)
            .await
            .map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn is_missing_right(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == "42501")
}

fn missing_right(error: &sqlx::Error) -> MigrateError {
    MigrateError::MissingRight {
        what: "creating tables".to_owned(),
        error: error.to_string(),
        remedy:
            "GRANT ALL ON SCHEMA public TO the role of the database URL; or make that role the \
               database's owner"
                .to_owned(),
    }
}

fn failed(error: &sqlx::Error) -> MigrateError {
    use crate::error::{Class, classify};
    if is_missing_right(error) {
        return missing_right(error);
    }
    match classify(error) {
        Class::Retry(words) | Class::Locked(words) => MigrateError::Retry(words),
        Class::Duplicate(words) | Class::Data(words) | Class::Fatal(words) => {
            MigrateError::Failed(words)
        }
    }
}

fn migration_failed(error: &sqlx::migrate::MigrateError) -> MigrateError {
    use sqlx::migrate::MigrateError as Cause;
    if let Cause::VersionMissing(found) = error {
        return MigrateError::Newer { found: *found, known: known_version() };
    }
    if let Cause::VersionMismatch(version) = error {
        return MigrateError::Changed(*version);
    }
    if let Cause::Execute(error) | Cause::ExecuteMigration(error, _) = error {
        return failed(error);
    }
    MigrateError::Failed(error.to_string())
}

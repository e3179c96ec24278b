//! Lets old rows go: whole chunks where there are chunks, rows in bounded pieces elsewhere.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::error::{SinkError, failed};
use crate::migrate::{MigrateError, Tier, inspect};

/// Rows of one DELETE: each is a transaction of its own and holds nobody up.
const PIECE_ROWS: i64 = 20_000;
/// DELETEs of one table in one call; what is left goes at the next.
const MAX_PIECES: u64 = 500;

const DAY: Duration = Duration::from_secs(86_400);

/// How long each class of rows is kept; None: for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// `sample`, `sample_gap` (30 days).
    pub raw: Option<Duration>,
    /// `rollup_5m`, `baseline` (90 days).
    pub rollup_5m: Option<Duration>,
    /// `rollup_1h` (2 years).
    pub rollup_1h: Option<Duration>,
    /// `rollup_1d` (for ever).
    pub rollup_1d: Option<Duration>,
    /// `anomaly_event`, cleared rows of `anomaly`, `device_status_history` (2 years).
    pub events: Option<Duration>,
    /// `process_log` (7 days).
    pub process_log: Option<Duration>,
    /// `entity_history` (400 days), but for the last version of each entity that there is.
    pub entity_history: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw: Some(30 * DAY),
            rollup_5m: Some(90 * DAY),
            rollup_1h: Some(2 * 365 * DAY),
            rollup_1d: None,
            events: Some(2 * 365 * DAY),
            process_log: Some(7 * DAY),
            entity_history: Some(400 * DAY),
        }
    }
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Whole chunks (TimescaleDB).
    pub chunks: u64,
    /// Single rows.
    pub rows: u64,
}

/// A table of time series: name, column of time, how long.
type Timed = (&'static str, &'static str, Option<Duration>);

/// Drops what is older than its class allows, as seen from `now_ms` (ms since the epoch). To be
/// called about once an hour; a call that is cut off is made good by the next.
///
/// # Errors
/// [`SinkError::Retry`] or [`SinkError::Fatal`].
pub async fn retain(
    pool: &PgPool,
    retention: &Retention,
    now_ms: i64,
) -> Result<Retained, SinkError> {
    let tier = inspect(pool).await.map_err(look_failed)?.tier;
    let now = DateTime::from_timestamp_millis(now_ms)
        .ok_or_else(|| SinkError::Fatal(format!("{now_ms} ms is no time")))?;
    let mut conn = pool.acquire().await.map_err(|error| failed(&error))?;
    let mut gone = Retained::default();
    let timed: [Timed; 6] = [
        ("sample", "ts", retention.raw),
        ("sample_gap", "ts", retention.raw),
        ("rollup_5m", "bucket", retention.rollup_5m),
        ("baseline", "bucket", retention.rollup_5m),
        ("rollup_1h", "bucket", retention.rollup_1h),
        ("rollup_1d", "bucket", retention.rollup_1d),
    ];
    for (table, column, age) in timed {
        let Some(limit) = age.and_then(|age| before(now, age)) else { continue };
        match tier {
            Tier::Plain => {
                let condition = format!("{column} < $1");
                gone.rows += delete(&mut conn, table, &condition, limit).await?;
            }
            Tier::Apache | Tier::Community => {
                gone.chunks += drop_chunks(&mut conn, table, limit).await?;
            }
        }
    }
    if let Some(limit) = retention.process_log.and_then(|age| before(now, age)) {
        gone.rows += delete(&mut conn, "process_log", "at < $1", limit).await?;
    }
    if let Some(limit) = retention.entity_history.and_then(|age| before(now, age)) {
        let condition = "at < $1 AND NOT EXISTS (
             SELECT FROM entity AS now
             WHERE (now.tenant, now.kind, now.id, now.revision) =
                   (entity_history.tenant, entity_history.kind, entity_history.id,
                    entity_history.revision))";
        gone.rows += delete(&mut conn, "entity_history", condition, limit).await?;
    }
    if let Some(limit) = retention.events.and_then(|age| before(now, age)) {
        for (table, condition) in [
            ("anomaly_event", "at < $1"),
            ("anomaly", "cleared_at < $1"),
            ("device_status_history", "at < $1"),
        ] {
            gone.rows += delete(&mut conn, table, condition, limit).await?;
        }
    }
    Ok(gone)
}

fn before(now: DateTime<Utc>, age: Duration) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(TimeDelta::from_std(age).ok()?)
}

async fn drop_chunks(
    conn: &mut PgConnection,
    table: &str,
    limit: DateTime<Utc>,
) -> Result<u64, SinkError> {
    sqlx::query_scalar::<_, i64>("SELECT count(*) FROM drop_chunks($1::regclass, older_than => $2)")
        .bind(table)
        .bind(limit)
        .fetch_one(conn)
        .await
        .map(|chunks| chunks as u64)
        .map_err(|error| failed(&error))
}

async fn delete(
    conn: &mut PgConnection,
    table: &str,
    condition: &str,
    limit: DateTime<Utc>,
) -> Result<u64, SinkError> {
    let statement = format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM {table} WHERE {condition} LIMIT {PIECE_ROWS}))"
    );
    let mut rows = 0;
    for _ in 0..MAX_PIECES {
        let piece = sqlx::query(AssertSqlSafe(statement.clone()))
            .bind(limit)
            .execute(&mut *conn)
            .await
            .map_err(|error| failed(&error))?
            .rows_affected();
        rows += piece;
        if piece < PIECE_ROWS as u64 {
            break;
        }
    }
    Ok(rows)
}

fn look_failed(error: MigrateError) -> SinkError {
    match error {
        MigrateError::Retry(words) => SinkError::Retry(words),
        MigrateError::Newer { .. }
        | MigrateError::Older { .. }
        | MigrateError::Changed(_)
        | MigrateError::ServerTooOld(_)
        | MigrateError::MissingRight { .. }
        | MigrateError::Failed(_) => SinkError::Fatal(error.to_string()),
    }
}

//! Computes roll-ups anew from what lies in the database: for samples that came too late to be
//! repaired in the stream (more than an hour), which are in `sample` alone.
//!
//! A bucket is replaced only where that loses no sample: what retention has thinned out, or what
//! has not arrived yet, leaves it as it is. The stream may write the same buckets meanwhile.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::error::{SinkError, failed};

/// Buckets that ended less than this long ago are the stream's: they are open, or may still be
/// repaired there.
pub const REBUILD_AFTER: Duration = Duration::from_secs(2 * 3_600);

/// The longest range of one call.
pub const MAX_REBUILD: Duration = Duration::from_secs(400 * 86_400);

/// What became of the buckets of one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// `rollup_5m`, `rollup_1h` or `rollup_1d`.
    pub table: &'static str,
    /// Added or replaced.
    pub changed: u64,
    /// Left, because they hold samples that the rows they are made of lack.
    pub kept: u64,
}

struct Width {
    table: &'static str,
    seconds: i64,
    /// The rows it is made of, as count, sum, min, max, last by series and time.
    from: &'static str,
}

const WIDTHS: [Width; 3] = [
    Width {
        table: "rollup_5m",
        seconds: 300,
        from: "SELECT series_id, ts AS at, 1 AS count, value AS sum, value AS min, value AS max,
                      value AS last FROM sample",
    },
    Width {
        table: "rollup_1h",
        seconds: 3_600,
        from: "SELECT series_id, bucket AS at, count, sum, min, max, last FROM rollup_5m",
    },
    Width {
        table: "rollup_1d",
        seconds: 86_400,
        from: "SELECT series_id, bucket AS at, count, sum, min, max, last FROM rollup_1h",
    },
];

/// Computes the buckets of all hours and days that `[from, to)` touches anew, each width from the
/// next smaller one. Each hour (or day) is a transaction of its own: a call that is cut off is made
/// good by the next.
///
/// # Errors
/// [`SinkError::Retry`] or [`SinkError::Fatal`]; the latter also for a range that is empty, too
/// long or too recent.
pub async fn rebuild(
    pool: &PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Rebuilt>, SinkError> {
    check_range(from, to, now)?;
    let mut conn = pool.acquire().await.map_err(|error| failed(&error))?;
    // Longer than what the program asks for otherwise.
    sqlx::query("SET statement_timeout = 0")
        .execute(&mut *conn)
        .await
        .map_err(|error| failed(&error))?;
    let mut rebuilt = Vec::new();
    for width in &WIDTHS {
        let step = TimeDelta::seconds(width.seconds.max(3_600));
        let mut start = floor(from, step)?;
        let mut sum = Rebuilt { table: width.table, changed: 0, kept: 0 };
        while start < to {
            let end = start + step;
            // The last day of a range may not be over yet.
            if end <= latest(now) {
                let (changed, kept) = piece(&mut conn, width, start, end).await?;
                sum.changed += changed;
                sum.kept += kept;
            }
            start = end;
        }
        rebuilt.push(sum);
    }
    // Not for the pool: its connections have a time-out.
    drop(conn.detach());
    Ok(rebuilt)
}

/// No bucket that ends later is rebuilt.
fn latest(now: DateTime<Utc>) -> DateTime<Utc> {
    now - REBUILD_AFTER
}

fn check_range(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), SinkError> {
    let refuse = |words: String| Err(SinkError::Fatal(words));
    let hours = REBUILD_AFTER.as_secs() / 3_600;
    if from >= to {
        return refuse(format!("the range from {from} to {to} is empty"));
    }
    if to > latest(now) {
        return refuse(format!(
            "the range ends at {to}, less than {hours} h ago: those buckets are still the \
             stream's; give an end before {}",
            latest(now)
        ));
    }
    let longest = TimeDelta::from_std(MAX_REBUILD).unwrap_or(TimeDelta::MAX);
    if to - from > longest {
        return refuse(format!("the range has more than {} days", longest.num_days()));
    }
    Ok(())
}

fn floor(at: DateTime<Utc>, step: TimeDelta) -> Result<DateTime<Utc>, SinkError> {
    at.duration_trunc(step).map_err(|error| SinkError::Fatal(format!("{at}: {error}")))
}

/// The buckets of one piece: how many changed, how many were left.
async fn piece(
    conn: &mut PgConnection,
    width: &Width,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<(u64, u64), SinkError> {
    let Width { table, seconds, from } = width;
    // In order of time, as the stream adds them up.
    let statement = format!(
        "WITH made AS (
             SELECT series_id,
                    date_bin(make_interval(secs => {seconds}), at, 'epoch'::timestamptz) AS bucket,
                    sum(count)::integer AS count, sum(sum ORDER BY at) AS sum, min(min) AS min,
                    max(max) AS max, (array_agg(last ORDER BY at DESC))[1] AS last
             FROM ({from}) x WHERE at >= $1 AND at < $2
             GROUP BY 1, 2),
         put AS (
             INSERT INTO {table} AS old (series_id, bucket, count, sum, min, max, last)
             SELECT * FROM made
             ON CONFLICT (series_id, bucket) DO UPDATE SET
                 count = EXCLUDED.count, sum = EXCLUDED.sum, min = EXCLUDED.min,
                 max = EXCLUDED.max, last = EXCLUDED.last
             WHERE EXCLUDED.count > old.count
             RETURNING 1)
         SELECT (SELECT count(*) FROM put),
                (SELECT count(*) FROM made JOIN {table} old USING (series_id, bucket)
                 WHERE made.count < old.count AND old.bucket >= $1 AND old.bucket < $2)"
    );
    let (changed, kept): (i64, i64) = sqlx::query_as(AssertSqlSafe(statement))
        .bind(start)
        .bind(end)
        .fetch_one(conn)
        .await
        .map_err(|error| failed(&error))?;
    Ok((changed as u64, kept as u64))
}

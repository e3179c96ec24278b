//! Closed buckets, written whole: a later record for a bucket replaces the earlier one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemas::{DeviceId, Rollup};
use sqlx::PgConnection;

use crate::check::{self, DAY_MS, Refusal};
use crate::table::{
    Counts, Failure, MAX_STATEMENT_ROWS, Row, Table, Tombstone, WriteMode, puts, time,
};

/// `Rollup` → `rollup_5m`, `rollup_1h`, `rollup_1d`, by its width.
#[derive(Debug)]
pub struct Rollups;

/// The widths that have a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Minutes5,
    Hour,
    Day,
}

impl Width {
    const ALL: [Self; 3] = [Self::Minutes5, Self::Hour, Self::Day];

    fn ms(self) -> i64 {
        match self {
            Self::Minutes5 => 300_000,
            Self::Hour => 3_600_000,
            Self::Day => DAY_MS,
        }
    }

    /// Older buckets would open chunks that retention drops again at once.
    fn max_age_ms(self) -> i64 {
        match self {
            Self::Minutes5 => 120 * DAY_MS,
            Self::Hour => 3 * 365 * DAY_MS,
            Self::Day => 30 * 365 * DAY_MS,
        }
    }

    fn of(ms: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|width| width.ms() == ms)
    }

    fn statement(self) -> &'static str {
        macro_rules! upsert {
            ($table:literal) => {
                concat!(
                    "INSERT INTO ",
                    $table,
                    " (series_id, bucket, count, sum, min, max, last)
                     SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[],
                                          $4::float8[], $5::float8[], $6::float8[], $7::float8[])
                     ON CONFLICT (series_id, bucket) DO UPDATE SET
                         count = EXCLUDED.count, sum = EXCLUDED.sum, min = EXCLUDED.min,
                         max = EXCLUDED.max, last = EXCLUDED.last"
                )
            };
        }
        match self {
            Self::Minutes5 => upsert!("rollup_5m"),
            Self::Hour => upsert!("rollup_1h"),
            Self::Day => upsert!("rollup_1d"),
        }
    }
}

struct Bucket {
    count: i32,
    sum: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Table for Rollups {
    const NAME: &'static str = "rollup";
    const TOMBSTONE: Tombstone = Tombstone::Refused;
    type Record = Rollup;
    type Key = DeviceId;

    fn check(rollup: &Rollup, append_ms: i64) -> Result<(), Refusal> {
        let Some(width) = Width::of(rollup.width_ms) else {
            return Err(Refusal::malformed(format!(
                "width_ms {} is none of 300000, 3600000, 86400000",
                rollup.width_ms
            )));
        };
        check::texts(&[("tenant", &rollup.tenant, check::MAX_TENANT)])?;
        check::instant("bucket", rollup.bucket, append_ms, width.max_age_ms())?;
        if rollup.bucket % rollup.width_ms != 0 {
            return Err(Refusal::malformed(format!(
                "bucket {} is no multiple of {}",
                rollup.bucket, rollup.width_ms
            )));
        }
        if let Some(count) = rollup.counts.iter().find(|count| **count < 1) {
            return Err(Refusal::malformed(format!("a bucket of {count} samples")));
        }
        check::finite("sums", &rollup.sums)?;
        check::finite("mins", &rollup.mins)?;
        check::finite("maxs", &rollup.maxs)?;
        check::finite("lasts", &rollup.lasts)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Rollup>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        // Sorted by key, and each key once: a statement may touch a row only once.
        let mut buckets: BTreeMap<(Width, i64, i64), Bucket> = BTreeMap::new();
        for rollup in puts(rows) {
            let Some(width) = Width::of(rollup.width_ms) else { continue };
            for (i, series) in rollup.series.iter().enumerate() {
                let bucket = Bucket {
                    count: rollup.counts[i],
                    sum: rollup.sums[i],
                    min: rollup.mins[i],
                    max: rollup.maxs[i],
                    last: rollup.lasts[i],
                };
                buckets.insert((width, series.0, rollup.bucket), bucket);
            }
        }
        let mut written = 0;
        for width in Width::ALL {
            let range = (width, i64::MIN, i64::MIN)..=(width, i64::MAX, i64::MAX);
            let all: Vec<_> = buckets.range(range).collect();
            for piece in all.chunks(MAX_STATEMENT_ROWS) {
                written += upsert(conn, width, piece).await?;
            }
        }
        Ok(Counts { rows: written, duplicates: 0 })
    }
}

async fn upsert(
    conn: &mut PgConnection,
    width: Width,
    rows: &[(&(Width, i64, i64), &Bucket)],
) -> Result<u64, sqlx::Error> {
    let numbers = |field: fn(&Bucket) -> f64| rows.iter().map(|(_, b)| field(b)).collect();
    let (sums, mins): (Vec<f64>, Vec<f64>) = (numbers(|b| b.sum), numbers(|b| b.min));
    let (maxs, lasts): (Vec<f64>, Vec<f64>) = (numbers(|b| b.max), numbers(|b| b.last));
    let times: Vec<DateTime<Utc>> = rows.iter().map(|(key, _)| time(key.2)).collect();
    let done = sqlx::query(width.statement())
        .bind(rows.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
        .bind(times)
        .bind(rows.iter().map(|(_, bucket)| bucket.count).collect::<Vec<_>>())
        .bind(sums)
        .bind(mins)
        .bind(maxs)
        .bind(lasts)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

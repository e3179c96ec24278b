//! Samples and the gaps between them: by COPY, straight into the hypertable.

use std::collections::BTreeMap;

use schemas::{GapReason, MetricBatch};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::check::{self, DAY_MS, Refusal};
use crate::copy::{SampleRow, copy_samples};
use crate::table::{Care, Counts, Failure, MAX_STATEMENT_ROWS, Row, Table, Tombstone, puts, time};

/// An older sample would open chunks that retention drops again at once.
const MAX_AGE_MS: i64 = 45 * DAY_MS;

/// `MetricBatch` → `sample`, `sample_gap`, `device_latest`.
#[derive(Debug)]
pub struct Samples;

impl Table for Samples {
    const NAME: &'static str = "metric";
    const TOMBSTONE: Tombstone = Tombstone::Refused;
    const TRIPWIRE: bool = true;
    type Record = MetricBatch;

    fn check(batch: &MetricBatch, append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[("tenant", &batch.tenant, check::MAX_TENANT)])?;
        check::finite("values", &batch.values)?;
        let offsets = batch.at_ms.iter().chain(batch.gaps.iter().map(|gap| &gap.at_ms));
        let (low, high) = offsets
            .fold((0, 0), |(low, high), at| (i64::from(*at).min(low), i64::from(*at).max(high)));
        for offset in [low, high] {
            check::instant("at", batch.at.saturating_add(offset), append_ms, MAX_AGE_MS)?;
        }
        match batch.flags.iter().find(|flags| i16::try_from(**flags).is_err()) {
            None => Ok(()),
            Some(flags) => Err(Refusal::malformed(format!("flags {flags} do not fit 16 bits"))),
        }
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<MetricBatch>],
        care: Care,
    ) -> Result<Counts, Failure> {
        let mut counts = match care {
            Care::Fast => {
                let rows = copy_samples(
                    conn,
                    "COPY sample (series_id, ts, value, flags) FROM STDIN BINARY",
                    samples(rows),
                )
                .await?;
                Counts { rows, duplicates: 0 }
            }
            Care::Slow => write_missing(conn, rows).await?,
        };
        counts.rows += write_gaps(conn, rows).await?;
        write_latest(conn, rows).await?;
        Ok(counts)
    }
}

fn samples<'a>(rows: &'a [&'a Row<MetricBatch>]) -> impl Iterator<Item = SampleRow> {
    puts(rows).flat_map(|batch| {
        batch.series.iter().zip(&batch.at_ms).zip(&batch.values).enumerate().map(
            move |(place, ((series, at_ms), value))| SampleRow {
                series: series.0,
                ts_ms: batch.at.saturating_add(i64::from(*at_ms)),
                value: *value,
                flags: batch.flags.get(place).map_or(0, |flags| *flags as i16),
            },
        )
    })
}

/// Through a temporary table: what is there already stays as it is, and is counted.
async fn write_missing(
    conn: &mut PgConnection,
    rows: &[&Row<MetricBatch>],
) -> Result<Counts, sqlx::Error> {
    sqlx::query("CREATE TEMPORARY TABLE sample_again (LIKE sample) ON COMMIT DROP")
        .persistent(false)
        .execute(&mut *conn)
        .await?;
    let copied = copy_samples(
        conn,
        "COPY sample_again (series_id, ts, value, flags) FROM STDIN BINARY",
        samples(rows),
    )
    .await?;
    let inserted = sqlx::query(
        "INSERT INTO sample (series_id, ts, value, flags)
         SELECT series_id, ts, value, flags FROM sample_again ON CONFLICT DO NOTHING",
    )
    .persistent(false)
    .execute(conn)
    .await?
    .rows_affected();
    Ok(Counts { rows: inserted, duplicates: copied.saturating_sub(inserted) })
}

/// The column's word for a gap.
fn reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::First => "first",
        GapReason::Reset => "reset",
        GapReason::Discontinuity => "discontinuity",
        GapReason::Gap => "gap",
        GapReason::Implausible => "implausible",
        GapReason::Unknown => "unknown",
    }
}

async fn write_gaps(
    conn: &mut PgConnection,
    rows: &[&Row<MetricBatch>],
) -> Result<u64, sqlx::Error> {
    let gaps: Vec<_> = puts(rows)
        .flat_map(|batch| batch.gaps.iter().map(move |gap| (batch.at, gap)))
        .map(|(at, gap)| {
            (gap.series.0, at.saturating_add(i64::from(gap.at_ms)), reason(gap.reason))
        })
        .collect();
    let mut affected = 0;
    for piece in gaps.chunks(MAX_STATEMENT_ROWS) {
        affected += sqlx::query(
            "INSERT INTO sample_gap (series_id, ts, reason)
             SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[])
             ON CONFLICT DO NOTHING",
        )
        .bind(piece.iter().map(|gap| gap.0).collect::<Vec<_>>())
        .bind(piece.iter().map(|gap| time(gap.1)).collect::<Vec<_>>())
        .bind(piece.iter().map(|gap| gap.2).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?
        .rows_affected();
    }
    Ok(affected)
}

async fn write_latest(
    conn: &mut PgConnection,
    rows: &[&Row<MetricBatch>],
) -> Result<(), sqlx::Error> {
    let mut latest: BTreeMap<Uuid, (&str, i64)> = BTreeMap::new();
    for batch in puts(rows) {
        let Some(last) = batch.at_ms.iter().max() else { continue };
        let at = batch.at.saturating_add(i64::from(*last));
        let entry = latest.entry(batch.device.0).or_insert((&batch.tenant, at));
        entry.1 = entry.1.max(at);
    }
    sqlx::query(
        "INSERT INTO device_latest AS old (device, tenant, last_sample_at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[])
         ON CONFLICT (device) DO UPDATE SET last_sample_at = EXCLUDED.last_sample_at
         WHERE EXCLUDED.last_sample_at > old.last_sample_at",
    )
    .bind(latest.keys().copied().collect::<Vec<_>>())
    .bind(latest.values().map(|(tenant, _)| *tenant).collect::<Vec<_>>())
    .bind(latest.values().map(|(_, at)| time(*at)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

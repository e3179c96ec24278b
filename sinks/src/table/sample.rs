//! Samples and the gaps between them: by COPY, straight into the hypertable.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemas::{DeviceId, GapReason, MetricBatch};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::check::{self, DAY_MS, Refusal};
use crate::copy::{SampleRow, copy_samples};
use crate::table::{
    Counts, Failure, MAX_STATEMENT_ROWS, Row, Table, Tombstone, WriteMode, puts, time,
};

/// An older sample would open chunks that retention drops again at once.
const MAX_AGE_MS: i64 = 45 * DAY_MS;

/// `MetricBatch` → `sample`, `sample_gap`, `device_latest`, `device_interval`.
#[derive(Debug)]
pub struct Samples;

impl Table for Samples {
    const NAME: &'static str = "metric";
    const TOMBSTONE: Tombstone = Tombstone::Refused;
    const DUPLICATES_UNEXPECTED: bool = true;
    type Record = MetricBatch;
    type Key = DeviceId;

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
        mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let mut counts = match mode {
            WriteMode::Insert => {
                let rows = copy_samples(
                    conn,
                    "COPY sample (series_id, ts, value, flags) FROM STDIN BINARY",
                    samples(rows),
                )
                .await?;
                Counts { rows, duplicates: 0 }
            }
            WriteMode::SkipExisting => write_missing(conn, rows).await?,
        };
        counts.rows += write_gaps(conn, rows).await?;
        write_latest(conn, rows).await?;
        write_intervals(conn, rows).await?;
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
        GapReason::Moved => "moved",
        GapReason::Wrap => "wrap",
        GapReason::NotPresent => "not_present",
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

/// When a device answered last: by any protocol, by SNMP, by ping; and the interval then.
#[derive(Clone, Copy)]
struct Latest<'a> {
    tenant: &'a str,
    any: i64,
    snmp: Option<i64>,
    icmp: Option<i64>,
    interval_ms: i64,
}

async fn write_latest(
    conn: &mut PgConnection,
    rows: &[&Row<MetricBatch>],
) -> Result<(), sqlx::Error> {
    let mut latest: BTreeMap<Uuid, Latest<'_>> = BTreeMap::new();
    // That it did not answer is a measurement, but no word of the device.
    for batch in puts(rows).filter(|batch| batch.answered) {
        let last = batch.at_ms.iter().max().copied().unwrap_or(0);
        let at = batch.at.saturating_add(i64::from(last));
        let (mut snmp, mut icmp) = (None, None);
        match batch.connector.as_str() {
            "snmp" => snmp = Some(at),
            "icmp" => icmp = Some(at),
            _ => {}
        }
        let interval_ms = batch.interval_ms;
        let one = Latest { tenant: &batch.tenant, any: at, snmp, icmp, interval_ms };
        let entry = latest.entry(batch.device.0).or_insert(one);
        if at >= entry.any {
            (entry.any, entry.interval_ms) = (at, interval_ms);
        }
        (entry.snmp, entry.icmp) = (entry.snmp.max(snmp), entry.icmp.max(icmp));
    }
    let times = |of: fn(&Latest<'_>) -> Option<i64>| -> Vec<Option<DateTime<Utc>>> {
        latest.values().map(|one| of(one).map(time)).collect()
    };
    sqlx::query(
        "INSERT INTO device_latest AS old
             (device, tenant, last_sample_at, snmp_at, icmp_at, interval_ms)
         SELECT device, tenant, at, snmp_at, icmp_at, nullif(interval_ms, 0)
         FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[],
                     $5::timestamptz[], $6::bigint[])
              AS r (device, tenant, at, snmp_at, icmp_at, interval_ms)
         ON CONFLICT (device) DO UPDATE SET
             last_sample_at = greatest(old.last_sample_at, EXCLUDED.last_sample_at),
             snmp_at = greatest(old.snmp_at, EXCLUDED.snmp_at),
             icmp_at = greatest(old.icmp_at, EXCLUDED.icmp_at),
             interval_ms = coalesce(EXCLUDED.interval_ms, old.interval_ms)
         WHERE EXCLUDED.last_sample_at > old.last_sample_at
            OR EXCLUDED.snmp_at IS DISTINCT FROM old.snmp_at
            OR EXCLUDED.icmp_at IS DISTINCT FROM old.icmp_at",
    )
    .bind(latest.keys().copied().collect::<Vec<_>>())
    .bind(latest.values().map(|one| one.tenant).collect::<Vec<_>>())
    .bind(latest.values().map(|one| time(one.any)).collect::<Vec<_>>())
    .bind(times(|one| one.snmp))
    .bind(times(|one| one.icmp))
    .bind(latest.values().map(|one| one.interval_ms).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes since when the interval between polls is what it is.
async fn write_intervals(
    conn: &mut PgConnection,
    rows: &[&Row<MetricBatch>],
) -> Result<(), sqlx::Error> {
    let mut since: BTreeMap<(Uuid, i64), (&str, i64)> = BTreeMap::new();
    for batch in puts(rows).filter(|batch| batch.interval_ms > 0) {
        let entry =
            since.entry((batch.device.0, batch.interval_ms)).or_insert((&batch.tenant, batch.at));
        entry.1 = entry.1.min(batch.at);
    }
    if since.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO device_interval (device, interval_ms, tenant, since)
         SELECT r.device, r.interval_ms, r.tenant, r.since
         FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[])
              AS r (device, interval_ms, tenant, since)
         LEFT JOIN LATERAL (
             SELECT interval_ms, since FROM device_interval old
             WHERE old.device = r.device ORDER BY since DESC LIMIT 1
         ) old ON true
         WHERE old.since IS NULL
            OR (r.interval_ms <> old.interval_ms AND r.since > old.since)
         ON CONFLICT DO NOTHING",
    )
    .bind(since.keys().map(|(device, _)| *device).collect::<Vec<_>>())
    .bind(since.keys().map(|(_, interval_ms)| *interval_ms).collect::<Vec<_>>())
    .bind(since.values().map(|(tenant, _)| *tenant).collect::<Vec<_>>())
    .bind(since.values().map(|(_, at)| time(*at)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

//! Expected values and bands, one row a series and 5-minute bucket.

use std::collections::BTreeMap;

use schemas::{Baseline, DeviceId};
use sqlx::PgConnection;

use crate::check::{self, DAY_MS, Refusal};
use crate::table::{
    Counts, Failure, MAX_STATEMENT_ROWS, Row, Table, Tombstone, WriteMode, puts, time,
};

/// The only width the table holds.
const WIDTH_MS: i64 = 300_000;
/// An older bucket would open a chunk that retention drops again at once.
const MAX_AGE_MS: i64 = 120 * DAY_MS;

/// `Baseline` → `baseline`.
#[derive(Debug)]
pub struct Baselines;

impl Table for Baselines {
    const NAME: &'static str = "baseline";
    const TOMBSTONE: Tombstone = Tombstone::Ignored;
    type Record = Baseline;
    type Key = DeviceId;

    fn check(baseline: &Baseline, append_ms: i64) -> Result<(), Refusal> {
        if baseline.width_ms != WIDTH_MS {
            return Err(Refusal::malformed(format!(
                "width_ms {} is not {WIDTH_MS}",
                baseline.width_ms
            )));
        }
        check::texts(&[("tenant", &baseline.tenant, check::MAX_TENANT)])?;
        // A baseline may be sent for the bucket that begins next.
        let latest = append_ms.saturating_add(WIDTH_MS);
        check::instant("bucket", baseline.bucket, latest, MAX_AGE_MS)?;
        if baseline.bucket % WIDTH_MS != 0 {
            return Err(Refusal::malformed(format!(
                "bucket {} is no multiple of {WIDTH_MS}",
                baseline.bucket
            )));
        }
        check::finite("expected", &baseline.expected)?;
        check::finite("lower", &baseline.lower)?;
        check::finite("upper", &baseline.upper)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Baseline>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let mut bands: BTreeMap<(i64, i64), (f64, f64, f64)> = BTreeMap::new();
        for baseline in puts(rows) {
            for (i, series) in baseline.series.iter().enumerate() {
                let band = (baseline.expected[i], baseline.lower[i], baseline.upper[i]);
                bands.insert((series.0, baseline.bucket), band);
            }
        }
        let all: Vec<_> = bands.iter().collect();
        let mut counts = Counts::default();
        for piece in all.chunks(MAX_STATEMENT_ROWS) {
            counts.rows += sqlx::query(
                "INSERT INTO baseline (series_id, bucket, expected, lower, upper)
                 SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::float8[], $4::float8[],
                                      $5::float8[])
                 ON CONFLICT (series_id, bucket) DO UPDATE SET
                     expected = EXCLUDED.expected, lower = EXCLUDED.lower, upper = EXCLUDED.upper",
            )
            .bind(piece.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
            .bind(piece.iter().map(|(key, _)| time(key.1)).collect::<Vec<_>>())
            .bind(piece.iter().map(|(_, band)| band.0).collect::<Vec<_>>())
            .bind(piece.iter().map(|(_, band)| band.1).collect::<Vec<_>>())
            .bind(piece.iter().map(|(_, band)| band.2).collect::<Vec<_>>())
            .execute(&mut *conn)
            .await?
            .rows_affected();
        }
        Ok(counts)
    }
}

//! The identities behind series ids. One id stands for one identity for ever.

use schemas::{DeviceId, Series};
use sqlx::{PgConnection, Row as _};

use crate::check::{self, MAX_INSTANCE, MAX_NAME, Refusal};
use crate::table::{Change, Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, puts};

/// `Series` → `series`. A tombstone is ignored: rows of the series may still be kept.
#[derive(Debug)]
pub struct SeriesIdentities;

impl Table for SeriesIdentities {
    const NAME: &'static str = "series";
    const TOMBSTONE: Tombstone = Tombstone::Ignored;
    type Record = Series;
    type Key = DeviceId;

    fn check(series: &Series, _append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[
            ("tenant", &series.tenant, check::MAX_TENANT),
            ("metric", &series.metric, MAX_NAME),
            ("instance", &series.instance, MAX_INSTANCE),
            ("unit", &series.unit, MAX_NAME),
        ])
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Series>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let series: Vec<&Series> = puts(rows).collect();
        let inserted = execute_json(
            conn,
            "INSERT INTO series (id, tenant, device, metric, instance, unit, state)
             SELECT id, tenant, device, metric, instance, unit, state
             FROM jsonb_to_recordset($1) AS r (id bigint, tenant text, device uuid, metric text,
                                               instance text, unit text, state boolean)
             ON CONFLICT DO NOTHING",
            &series,
        )
        .await?;
        let collisions = collisions(conn, rows).await?;
        if !collisions.is_empty() {
            return Err(Failure::Refused(collisions));
        }
        // Unit and kind belong to the metric and may be corrected; the last record wins.
        let updated = execute_json(
            conn,
            "UPDATE series s SET unit = r.unit, state = r.state
             FROM (SELECT DISTINCT ON (id) id, unit, state
                   FROM ROWS FROM (jsonb_to_recordset($1) AS (id bigint, unit text, state boolean))
                        WITH ORDINALITY AS r (id, unit, state, place)
                   ORDER BY id, place DESC) r
             WHERE s.id = r.id AND (s.unit, s.state) IS DISTINCT FROM (r.unit, r.state)",
            &series,
        )
        .await?;
        Ok(Counts { rows: inserted + updated, duplicates: 0 })
    }
}

/// Records whose id stands for another identity, or whose identity has another id.
async fn collisions(
    conn: &mut PgConnection,
    rows: &[&Row<Series>],
) -> Result<Vec<(usize, Refusal)>, sqlx::Error> {
    let mut found = Vec::new();
    let asked: Vec<(usize, &Series)> = rows
        .iter()
        .enumerate()
        .filter_map(|(place, row)| match &row.change {
            Change::Put(series) => Some((place, series)),
            Change::Remove(_) => None,
        })
        .collect();
    for piece in asked.chunks(crate::table::MAX_STATEMENT_ROWS) {
        let answers = sqlx::query(
            "SELECT r.place, concat_ws(' ', s.tenant, s.device, s.metric, s.instance)
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::uuid[], $5::text[], $6::text[])
                  AS r (place, id, tenant, device, metric, instance)
             LEFT JOIN series s ON s.id = r.id
             WHERE (s.tenant, s.device, s.metric, s.instance)
                   IS DISTINCT FROM (r.tenant, r.device, r.metric, r.instance)",
        )
        .bind(piece.iter().map(|(place, _)| *place as i64).collect::<Vec<_>>())
        .bind(piece.iter().map(|(_, s)| s.id.0).collect::<Vec<_>>())
        .bind(piece.iter().map(|(_, s)| s.tenant.as_str()).collect::<Vec<_>>())
        .bind(piece.iter().map(|(_, s)| s.device.0).collect::<Vec<_>>())
        .bind(piece.iter().map(|(_, s)| s.metric.as_str()).collect::<Vec<_>>())
        .bind(piece.iter().map(|(_, s)| s.instance.as_str()).collect::<Vec<_>>())
        .fetch_all(&mut *conn)
        .await?;
        for answer in answers {
            let place = answer.try_get::<i64, _>(0)? as usize;
            let other: String = answer.try_get(1)?;
            found.push((place, collision(rows, place, &other)));
        }
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found)
}

fn collision(rows: &[&Row<Series>], place: usize, other: &str) -> Refusal {
    let id = match rows.get(place).map(|row| &row.change) {
        Some(Change::Put(series)) => series.id.to_string(),
        Some(Change::Remove(_)) | None => String::new(),
    };
    let other = if other.is_empty() { "nothing: its identity has another id" } else { other };
    Refusal {
        reason: "series_collision",
        error: format!("series id {id} already stands for {other}"),
    }
}

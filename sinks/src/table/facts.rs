//! Texts known of devices and their instances; each record is the whole set of its device.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{DeviceFacts, DeviceId};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::check::{self, DAY_MS, MAX_INSTANCE, MAX_NAME, MAX_TEXT, Refusal};
use crate::table::{
    Change, Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, last_by_key, puts,
};

/// Facts may have been true that long.
const MAX_AGE_MS: i64 = 30 * 365 * DAY_MS;

/// `DeviceFacts` → `fact`: replaces the device's set, part by part; a tombstone empties it.
#[derive(Debug)]
pub struct Facts;

#[derive(Serialize)]
struct FactRow<'a> {
    device: Uuid,
    tenant: &'a str,
    instance: &'a str,
    name: &'a str,
    value: &'a str,
    at: i64,
}

impl Table for Facts {
    const NAME: &'static str = "facts";
    const TOMBSTONE: Tombstone = Tombstone::Removes;
    type Record = DeviceFacts;
    type Key = DeviceId;

    fn check(facts: &DeviceFacts, append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[("tenant", &facts.tenant, check::MAX_TENANT)])?;
        for fact in &facts.facts {
            check::texts(&[
                ("instance", &fact.instance, MAX_INSTANCE),
                ("name", &fact.name, MAX_NAME),
                ("value", &fact.value, MAX_TEXT),
            ])?;
        }
        check::instant("at", facts.at, append_ms, MAX_AGE_MS)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<DeviceFacts>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        // Sets that come in several records are written one by one, in order.
        let parted: BTreeSet<DeviceId> =
            puts(rows).filter(|facts| facts.parts > 1).map(|facts| facts.device).collect();
        let (apart, whole): (Vec<_>, Vec<_>) = rows.iter().copied().partition(|row| {
            let device = match &row.change {
                Change::Put(facts) => facts.device,
                Change::Remove(device) => *device,
            };
            parted.contains(&device)
        });
        let mut counts = write_whole(conn, &whole).await?;
        for row in apart {
            counts.rows += match &row.change {
                Change::Put(facts) if facts.parts > 1 => write_part(conn, facts).await?,
                Change::Put(_) | Change::Remove(_) => write_whole(conn, &[row]).await?.rows,
            };
        }
        Ok(counts)
    }
}

/// One part of a device's set: what the set does not name any more goes with the last part. Parts
/// lie in different partitions, so an older set may come late: it changes nothing.
async fn write_part(conn: &mut PgConnection, record: &DeviceFacts) -> Result<u64, sqlx::Error> {
    let newest: Option<bool> =
        sqlx::query_scalar("SELECT at > to_timestamp($2 / 1000.0) FROM fact_set WHERE device = $1")
            .bind(record.device.0)
            .bind(record.at as f64)
            .fetch_optional(&mut *conn)
            .await?;
    if newest == Some(true) {
        return Ok(0);
    }
    let facts: BTreeMap<_, _> =
        rows_of(record).map(|row| ((row.instance, row.name), row)).collect();
    let facts: Vec<_> = facts.into_values().collect();
    let mut written = execute_json(
        conn,
        "INSERT INTO fact AS old (device, tenant, instance, name, value, at)
         SELECT device, tenant, instance, name, value, to_timestamp(at / 1000.0)
         FROM jsonb_to_recordset($1) AS r (device uuid, tenant text, instance text, name text,
                                           value text, at bigint)
         ON CONFLICT (device, instance, name) DO UPDATE SET
             tenant = EXCLUDED.tenant, value = EXCLUDED.value, at = EXCLUDED.at
         WHERE EXCLUDED.at >= old.at",
        &facts,
    )
    .await?;
    if record.part + 1 == record.parts {
        written +=
            sqlx::query("DELETE FROM fact WHERE device = $1 AND at < to_timestamp($2 / 1000.0)")
                .bind(record.device.0)
                .bind(record.at as f64)
                .execute(&mut *conn)
                .await?
                .rows_affected();
        sqlx::query(
            "INSERT INTO fact_set (device, tenant, at) VALUES ($1, $2, to_timestamp($3 / 1000.0))
             ON CONFLICT (device) DO UPDATE SET tenant = EXCLUDED.tenant, at = EXCLUDED.at",
        )
        .bind(record.device.0)
        .bind(&record.tenant)
        .bind(record.at as f64)
        .execute(conn)
        .await?;
    }
    Ok(written)
}

fn rows_of(record: &DeviceFacts) -> impl Iterator<Item = FactRow<'_>> {
    record.facts.iter().map(|fact| FactRow {
        device: record.device.0,
        tenant: &record.tenant,
        instance: &fact.instance,
        name: &fact.name,
        value: &fact.value,
        at: record.at,
    })
}

/// Sets of one record each, and devices that are gone.
async fn write_whole(
    conn: &mut PgConnection,
    rows: &[&Row<DeviceFacts>],
) -> Result<Counts, sqlx::Error> {
    let last = last_by_key(rows, |facts| facts.device);
    let devices: Vec<_> = last.keys().map(|device| device.0).collect();
    // A device may name a fact twice; the last one counts.
    let mut facts = BTreeMap::new();
    for record in last.values().copied().flatten() {
        for row in rows_of(record) {
            facts.insert((row.device, row.instance, row.name), row);
        }
    }
    let facts: Vec<_> = facts.into_values().collect();
    let removed = sqlx::query(
        "WITH parted AS (DELETE FROM fact_set WHERE device = ANY($1))
         DELETE FROM fact WHERE device = ANY($1)",
    )
    .bind(devices)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let put = execute_json(
        conn,
        "INSERT INTO fact (device, tenant, instance, name, value, at)
         SELECT device, tenant, instance, name, value, to_timestamp(at / 1000.0)
         FROM jsonb_to_recordset($1) AS r (device uuid, tenant text, instance text, name text,
                                           value text, at bigint)",
        &facts,
    )
    .await?;
    Ok(Counts { rows: put.max(removed), duplicates: 0 })
}

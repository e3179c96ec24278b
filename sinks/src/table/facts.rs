//! Texts known of devices and their instances; each record is the whole set of its device.

use std::collections::BTreeMap;

use schemas::DeviceFacts;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::check::{self, DAY_MS, MAX_INSTANCE, MAX_NAME, MAX_TEXT, Refusal};
use crate::table::{
    Care, Change, Counts, Failure, Row, Table, Tombstone, execute_json, last_by_device,
};

/// Facts may have been true that long.
const MAX_AGE_MS: i64 = 30 * 365 * DAY_MS;

/// `DeviceFacts` → `fact`: replaces the device's set; a tombstone empties it.
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
        _care: Care,
    ) -> Result<Counts, Failure> {
        let last = last_by_device(rows, |facts| facts.device);
        let devices: Vec<_> = last.keys().map(|device| device.0).collect();
        // A device may name a fact twice; the last one counts.
        let mut facts = BTreeMap::new();
        for place in last.values().flatten() {
            let Change::Put(record) = &rows[*place].change else { continue };
            for fact in &record.facts {
                let row = FactRow {
                    device: record.device.0,
                    tenant: &record.tenant,
                    instance: &fact.instance,
                    name: &fact.name,
                    value: &fact.value,
                    at: record.at,
                };
                facts.insert((row.device, row.instance, row.name), row);
            }
        }
        let facts: Vec<_> = facts.into_values().collect();
        let removed = sqlx::query("DELETE FROM fact WHERE device = ANY($1)")
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
}

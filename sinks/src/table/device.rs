//! The inventory's devices.

use schemas::{Device, DeviceId};
use sqlx::PgConnection;

use crate::check::{self, MAX_NAME, MAX_TEXT, MAX_WORDS, Refusal};
use crate::table::{Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, last_by_key};

/// `Device` → `device`; a tombstone removes the row.
#[derive(Debug)]
pub struct Devices;

impl Table for Devices {
    const NAME: &'static str = "device";
    const TOMBSTONE: Tombstone = Tombstone::Removes;
    type Record = Device;
    type Key = DeviceId;

    fn check(device: &Device, _append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[
            ("tenant", &device.tenant, check::MAX_TENANT),
            ("name", &device.name, MAX_WORDS),
            ("address", &device.address, MAX_NAME),
            ("profile", &device.profile, MAX_WORDS),
            ("credential", device.credential.as_deref().unwrap_or_default(), MAX_WORDS),
            ("site", device.site.as_deref().unwrap_or_default(), MAX_TEXT),
            ("source", &device.source, MAX_WORDS),
        ])?;
        for tag in &device.tags {
            check::texts(&[("tags", tag, MAX_WORDS)])?;
        }
        check::label("updated_at", device.updated_at)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Device>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let last = last_by_key(rows, |device| device.id);
        let gone: Vec<_> =
            last.iter().filter(|(_, put)| put.is_none()).map(|(id, _)| id.0).collect();
        let devices: Vec<&Device> = last.values().copied().flatten().collect();
        let put = execute_json(
            conn,
            "INSERT INTO device (id, tenant, name, address, port, profile, credential, site, tags,
                                 interval_ms, snmp, icmp, enabled, source, updated_at,
                                 any_source, icmp_echoes, icmp_spacing_ms, icmp_timeout_ms)
             SELECT id, tenant, name, address, port, profile, credential, site, tags,
                    interval_ms, snmp, icmp, enabled, source, to_timestamp(updated_at / 1000.0),
                    any_source, icmp_echoes, icmp_spacing_ms, icmp_timeout_ms
             FROM jsonb_to_recordset($1) AS r (
                    id uuid, tenant text, name text, address text, port integer, profile text,
                    credential text, site text, tags text[], interval_ms bigint, snmp boolean,
                    icmp boolean, enabled boolean, source text, updated_at bigint,
                    any_source boolean, icmp_echoes integer, icmp_spacing_ms bigint,
                    icmp_timeout_ms bigint)
             ON CONFLICT (id) DO UPDATE SET
                    tenant = EXCLUDED.tenant, name = EXCLUDED.name, address = EXCLUDED.address,
                    port = EXCLUDED.port, profile = EXCLUDED.profile,
                    credential = EXCLUDED.credential, site = EXCLUDED.site, tags = EXCLUDED.tags,
                    interval_ms = EXCLUDED.interval_ms, snmp = EXCLUDED.snmp,
                    icmp = EXCLUDED.icmp, enabled = EXCLUDED.enabled, source = EXCLUDED.source,
                    updated_at = EXCLUDED.updated_at, any_source = EXCLUDED.any_source,
                    icmp_echoes = EXCLUDED.icmp_echoes,
                    icmp_spacing_ms = EXCLUDED.icmp_spacing_ms,
                    icmp_timeout_ms = EXCLUDED.icmp_timeout_ms",
            &devices,
        )
        .await?;
        let removed = sqlx::query("DELETE FROM device WHERE id = ANY($1)")
            .bind(gone)
            .execute(conn)
            .await?
            .rows_affected();
        Ok(Counts { rows: put + removed, duplicates: 0 })
    }
}

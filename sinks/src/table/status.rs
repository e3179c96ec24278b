//! Availability: the state now, and every state there was.

use std::collections::BTreeMap;

use schemas::{Availability, DeviceId, DeviceStatus};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::check::{self, DAY_MS, MAX_TEXT, Refusal};
use crate::table::{
    Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, last_by_key, puts,
};

/// A state may have lasted that long.
const MAX_AGE_MS: i64 = 30 * 365 * DAY_MS;

/// `DeviceStatus` → `device_status`, `device_status_history`; a tombstone removes the former.
#[derive(Debug)]
pub struct Statuses;

#[derive(Serialize)]
struct StatusRow<'a> {
    device: Uuid,
    tenant: &'a str,
    state: &'static str,
    since: i64,
    at: i64,
    reason: &'a str,
}

impl<'a> StatusRow<'a> {
    fn of(status: &'a DeviceStatus) -> Self {
        Self {
            device: status.device.0,
            tenant: &status.tenant,
            state: word(status.state),
            since: status.since,
            at: status.at,
            reason: &status.reason,
        }
    }
}

/// The column's word for a state.
fn word(state: Availability) -> &'static str {
    match state {
        Availability::Up => "up",
        Availability::Degraded => "degraded",
        Availability::Down => "down",
        Availability::Unknown => "unknown",
    }
}

impl Table for Statuses {
    const NAME: &'static str = "status";
    const TOMBSTONE: Tombstone = Tombstone::Removes;
    type Record = DeviceStatus;
    type Key = DeviceId;

    fn check(status: &DeviceStatus, append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[
            ("tenant", &status.tenant, check::MAX_TENANT),
            ("reason", &status.reason, MAX_TEXT),
        ])?;
        check::instant("at", status.at, append_ms, MAX_AGE_MS)?;
        check::instant("since", status.since, append_ms, MAX_AGE_MS)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<DeviceStatus>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let last = last_by_key(rows, |status| status.device);
        let gone: Vec<_> =
            last.iter().filter(|(_, put)| put.is_none()).map(|(id, _)| id.0).collect();
        let (mut now, mut history) = (BTreeMap::new(), BTreeMap::new());
        for status in puts(rows) {
            let key = (status.device, status.since, word(status.state));
            history.insert(key, StatusRow::of(status));
            if last.get(&status.device).is_some_and(Option::is_some) {
                now.insert(status.device, StatusRow::of(status));
            }
        }
        let now: Vec<_> = now.into_values().collect();
        let history: Vec<_> = history.into_values().collect();
        let put = execute_json(
            conn,
            "INSERT INTO device_status (device, tenant, state, since, at, reason)
             SELECT device, tenant, state, to_timestamp(since / 1000.0),
                    to_timestamp(at / 1000.0), reason
             FROM jsonb_to_recordset($1) AS r (device uuid, tenant text, state text, since bigint,
                                               at bigint, reason text)
             ON CONFLICT (device) DO UPDATE SET
                 tenant = EXCLUDED.tenant, state = EXCLUDED.state, since = EXCLUDED.since,
                 at = EXCLUDED.at, reason = EXCLUDED.reason",
            &now,
        )
        .await?;
        execute_json(
            conn,
            "INSERT INTO device_status_history (device, tenant, state, since, at, reason)
             SELECT device, tenant, state, to_timestamp(since / 1000.0),
                    to_timestamp(at / 1000.0), reason
             FROM jsonb_to_recordset($1) AS r (device uuid, tenant text, state text, since bigint,
                                               at bigint, reason text)
             ON CONFLICT (device, since, state) DO UPDATE SET
                 at = EXCLUDED.at, reason = EXCLUDED.reason",
            &history,
        )
        .await?;
        let removed = sqlx::query("DELETE FROM device_status WHERE device = ANY($1)")
            .bind(gone)
            .execute(conn)
            .await?
            .rows_affected();
        Ok(Counts { rows: put + removed, duplicates: 0 })
    }
}

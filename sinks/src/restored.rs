//! A database whose devices the event log does not know: it was restored beside a new log, or the
//! log was lost.

use schemas::{Device, DeviceId, EntityObserved};
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::error::{SinkError, failed};
use crate::table::{Devices, Table as _};

/// Whether another log than this one has fed the database.
///
/// # Errors
/// [`SinkError::Retry`] or [`SinkError::Fatal`].
pub async fn was_fed_by_another(pool: &PgPool, log_id: &str) -> Result<bool, SinkError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM log_position WHERE sink = $1 AND log_id <> $2)")
        .bind(Devices::NAME)
        .bind(log_id)
        .fetch_one(pool)
        .await
        .map_err(|error| failed(&error))
}

/// All devices of the database.
///
/// # Errors
/// [`SinkError::Retry`] or [`SinkError::Fatal`].
pub async fn devices(pool: &PgPool) -> Result<Vec<Device>, SinkError> {
    let rows = sqlx::query(
        "SELECT tenant, id, name, address, port, profile, credential, site, tags, interval_ms, snmp,
                icmp, enabled, source, any_source, icmp_echoes, icmp_spacing_ms, icmp_timeout_ms,
                (extract(epoch FROM updated_at) * 1000)::bigint AS updated_at
         FROM device ORDER BY name, id",
    )
    .fetch_all(pool)
    .await
    .map_err(|error| failed(&error))?;
    let device = |row: &sqlx::postgres::PgRow| {
        Ok(Device {
            tenant: row.try_get("tenant")?,
            id: DeviceId(row.try_get("id")?),
            name: row.try_get("name")?,
            address: row.try_get("address")?,
            port: row.try_get("port")?,
            profile: row.try_get("profile")?,
            credential: row.try_get("credential")?,
            site: row.try_get("site")?,
            tags: row.try_get("tags")?,
            interval_ms: row.try_get("interval_ms")?,
            snmp: row.try_get("snmp")?,
            icmp: row.try_get("icmp")?,
            enabled: row.try_get("enabled")?,
            source: row.try_get("source")?,
            updated_at: row.try_get("updated_at")?,
            any_source: row.try_get("any_source")?,
            icmp_echoes: row.try_get("icmp_echoes")?,
            icmp_spacing_ms: row.try_get("icmp_spacing_ms")?,
            icmp_timeout_ms: row.try_get("icmp_timeout_ms")?,
        })
    };
    rows.iter().map(device).collect::<Result<_, sqlx::Error>>().map_err(|error| failed(&error))
}

/// All that is configured and has no table of its own, as it is to be put on a log that lacks it.
///
/// # Errors
/// [`SinkError::Retry`] or [`SinkError::Fatal`].
pub async fn entities(pool: &PgPool) -> Result<Vec<EntityObserved>, SinkError> {
    let rows = sqlx::query(
        "SELECT tenant, kind, id, revision, name, body::text AS body, by,
                (extract(epoch FROM at) * 1000)::bigint AS at
         FROM entity
         WHERE kind NOT IN ('device', 'credential') ORDER BY name, id",
    )
    .fetch_all(pool)
    .await
    .map_err(|error| failed(&error))?;
    let entity = |row: &sqlx::postgres::PgRow| {
        Ok(EntityObserved {
            tenant: row.try_get("tenant")?,
            kind: row.try_get("kind")?,
            id: row.try_get("id")?,
            revision: row.try_get("revision")?,
            name: row.try_get("name")?,
            body: row.try_get("body")?,
            source: row.try_get("by")?,
            at: row.try_get("at")?,
        })
    };
    rows.iter().map(entity).collect::<Result<_, sqlx::Error>>().map_err(|error| failed(&error))
}

/// Says of devices that nobody knows how they are: the state becomes unknown, and anomalies that
/// nobody can clear any more end with their last transition. Returns how many states changed.
///
/// # Errors
/// [`SinkError::Retry`] or [`SinkError::Fatal`].
pub async fn forget_states(
    pool: &PgPool,
    devices: &[DeviceId],
    reason: &str,
) -> Result<u64, SinkError> {
    let ids: Vec<Uuid> = devices.iter().map(|device| device.0).collect();
    let forget = async {
        let mut transaction = pool.begin().await?;
        let changed = sqlx::query(
            "WITH changed AS (
                 UPDATE device_status SET state = 'unknown', since = now(), at = now(), reason = $2
                 WHERE device = ANY($1) AND state <> 'unknown'
                 RETURNING device, tenant, state, since, at, reason
             )
             INSERT INTO device_status_history (device, tenant, state, since, at, reason)
             SELECT device, tenant, state, since, at, reason FROM changed",
        )
        .bind(&ids)
        .bind(reason)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        sqlx::query(
            "UPDATE anomaly SET cleared_at = greatest(at, onset_at)
             WHERE device = ANY($1) AND cleared_at IS NULL",
        )
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(changed)
    };
    forget.await.map_err(|error: sqlx::Error| failed(&error))
}

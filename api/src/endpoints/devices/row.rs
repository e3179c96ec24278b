//! A device as the database has it.

use chrono::{DateTime, Utc};
use schemas::{Device, DeviceId};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::endpoints::ms;
use crate::http::ApiError;
use crate::model::{DeviceSummary, State, stale_after_ms};

/// What a query must select to make a [`DeviceRow`]; `d` is the device. Every row costs some
/// lookups: choose the rows first. An interface always has an ifIndex.
pub(super) const COLUMNS: &str = "d.id, d.name, d.address, d.port, d.profile, d.credential, \
    d.site, d.tags, d.enabled, d.snmp, d.icmp, d.interval_ms, d.source, d.tenant, d.updated_at, \
    d.any_source, d.icmp_echoes, d.icmp_spacing_ms, d.icmp_timeout_ms, \
    coalesce(st.state, 'unknown') AS state, coalesce(st.since, d.updated_at) AS since, \
    coalesce(st.reason, 'not polled yet') AS reason, latest.last_sample_at, latest.snmp_at, \
    latest.icmp_at, latest.interval_ms AS polled_ms, \
    (SELECT count(*) FROM anomaly WHERE device = d.id AND cleared_at IS NULL) AS open_anomalies, \
    (SELECT count(*) FROM fact WHERE device = d.id AND instance <> '' AND name = 'if_index') \
        AS interfaces";

/// What [`COLUMNS`] need beside `device d`.
pub(super) const JOINS: &str = " LEFT JOIN device_status st ON st.device = d.id \
    LEFT JOIN device_latest latest ON latest.device = d.id ";

#[derive(sqlx::FromRow)]
pub(super) struct DeviceRow {
    pub(super) id: Uuid,
    pub(super) name: String,
    address: String,
    port: i32,
    profile: String,
    credential: Option<String>,
    site: Option<String>,
    tags: Vec<String>,
    enabled: bool,
    snmp: bool,
    icmp: bool,
    interval_ms: i64,
    any_source: bool,
    icmp_echoes: Option<i32>,
    icmp_spacing_ms: Option<i64>,
    icmp_timeout_ms: Option<i64>,
    pub(super) source: String,
    pub(super) tenant: String,
    updated_at: DateTime<Utc>,
    state: String,
    since: DateTime<Utc>,
    reason: String,
    last_sample_at: Option<DateTime<Utc>>,
    snmp_at: Option<DateTime<Utc>>,
    icmp_at: Option<DateTime<Utc>>,
    polled_ms: Option<i64>,
    open_anomalies: i64,
    interfaces: i64,
}

impl DeviceSummary {
    /// What was true when states were computed last is not shown as what is true now.
    pub(super) fn computed(self, uncomputed_since: Option<i64>) -> Self {
        let Some(since) = uncomputed_since else { return self };
        let was = State::name(self.state);
        let reason = format!("{was} when it was last known; no process computes states since then");
        Self { state: State::Unknown, since, reason, ..self }
    }
}

impl From<DeviceRow> for DeviceSummary {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            address: row.address,
            port: row.port,
            profile: row.profile,
            credential: row.credential,
            site: row.site,
            tags: row.tags,
            enabled: row.enabled,
            snmp: row.snmp,
            icmp: row.icmp,
            interval_ms: row.interval_ms,
            any_source: row.any_source,
            icmp_echoes: row.icmp_echoes,
            icmp_spacing_ms: row.icmp_spacing_ms,
            icmp_timeout_ms: row.icmp_timeout_ms,
            source: row.source,
            revision: ms(row.updated_at),
            state: State::from_name(&row.state),
            since: ms(row.since),
            reason: row.reason,
            last_sample_at: row.last_sample_at.map(ms),
            last_answer_at: row.last_sample_at.max(row.snmp_at).max(row.icmp_at).map(ms),
            snmp_answer_at: row.snmp_at.map(ms),
            icmp_answer_at: row.icmp_at.map(ms),
            stale_after_ms: stale_after_ms(row.polled_ms, row.interval_ms),
            open_anomalies: row.open_anomalies,
            interfaces: row.interfaces,
        }
    }
}

impl DeviceRow {
    /// Whoever decides on changes makes the time of a change its revision.
    pub(super) fn revision(&self) -> i64 {
        ms(self.updated_at)
    }
}

/// One device, or not found.
pub(super) async fn load(pool: &PgPool, id: DeviceId) -> Result<DeviceRow, ApiError> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT ");
    sql.push(COLUMNS).push(" FROM device d").push(JOINS).push("WHERE d.id = ").push_bind(id.0);
    sql.build_query_as().fetch_optional(pool).await?.ok_or_else(|| not_found(id))
}

pub(super) fn not_found(id: DeviceId) -> ApiError {
    ApiError::NotFound { what: "device", id: id.to_string() }
}

/// Not found, unless the device exists.
pub(crate) async fn exists(pool: &PgPool, id: DeviceId) -> Result<(), ApiError> {
    let found: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM device WHERE id = $1)")
        .bind(id.0)
        .fetch_one(pool)
        .await?;
    if found { Ok(()) } else { Err(not_found(id)) }
}

/// A device as it was just written, before anything is known of it.
pub(super) fn fresh(device: &Device) -> DeviceSummary {
    DeviceSummary {
        id: device.id.to_string(),
        name: device.name.clone(),
        address: device.address.clone(),
        port: device.port,
        profile: device.profile.clone(),
        credential: device.credential.clone(),
        site: device.site.clone(),
        tags: device.tags.clone(),
        enabled: device.enabled,
        snmp: device.snmp,
        icmp: device.icmp,
        interval_ms: device.interval_ms,
        any_source: device.any_source,
        icmp_echoes: device.icmp_echoes,
        icmp_spacing_ms: device.icmp_spacing_ms,
        icmp_timeout_ms: device.icmp_timeout_ms,
        source: device.source.clone(),
        revision: device.updated_at,
        state: State::Unknown,
        since: device.updated_at,
        reason: "not polled yet".to_owned(),
        last_sample_at: None,
        last_answer_at: None,
        snmp_answer_at: None,
        icmp_answer_at: None,
        stale_after_ms: stale_after_ms(None, device.interval_ms),
        open_anomalies: 0,
        interfaces: 0,
    }
}

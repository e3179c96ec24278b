//! GET /inventory/v1/devices/{id}/interfaces

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemas::DeviceId;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::ms;
use super::series::{SeriesItem, newest};
use crate::http::cursor::is_storable;
use crate::http::{ApiError, Cursor, Fields, FromFields, Id, Query};
use crate::model::stale_after_ms;
use crate::state::ApiState;

/// Most interfaces on a page, and of a device without one.
const MAX_INTERFACES: i64 = 50_000;

/// The one order there is; marks the cursors.
const ORDER: &str = "index";

/// Stands for no index in the order and its cursors: beyond all there are.
const NO_INDEX: i64 = i64::MAX;

/// Index and name of the last item.
type Key = (i64, String);

pub(crate) struct InterfaceQuery {
    limit: i64,
    after: Option<Key>,
}

impl FromFields for InterfaceQuery {
    fn read(fields: &mut Fields) -> Self {
        Self {
            limit: fields.integer("limit", 1, MAX_INTERFACES).unwrap_or(MAX_INTERFACES),
            after: Cursor::read(fields, ORDER, |(_, name): &Key| is_storable(name)),
        }
    }
}

/// The newest value of one metric of an interface.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InterfaceMetric {
    /// E.g. `if_in_bps`.
    metric: String,
    /// Unit of the value.
    unit: String,
    /// Series id.
    series: String,
    /// Newest value of the last 2 days.
    value: Option<f64>,
    /// When it was measured, ms since the epoch.
    at: Option<i64>,
    /// Whether an anomaly of this series is open.
    open_anomaly: bool,
}

/// A port.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Interface {
    /// ifName (RFC 2863).
    name: String,
    /// ifAlias: what the operator called it.
    alias: String,
    /// ifIndex; may change at a restart.
    index: Option<i64>,
    /// ifPhysAddress.
    mac: Option<String>,
    /// Wanted state: up, down, testing.
    admin_status: Option<String>,
    /// Real state: up, down, testing, unknown, dormant, not_present, lower_layer_down.
    oper_status: Option<String>,
    /// Bits per second; null when the device does not know it.
    speed_bps: Option<f64>,
    /// False: its row is gone from the device's tables, or its card is.
    present: bool,
    /// Newest sample of any of its series, ms since the epoch.
    last_sample_at: Option<i64>,
    /// Newest values of all its series, by metric.
    metrics: Vec<InterfaceMetric>,
}

/// Ports of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InterfaceList {
    /// By index, then name.
    items: Vec<Interface>,
    /// How many there are in all.
    #[schema(minimum = 0)]
    total: i64,
    /// Cursor of the next page; null at the end.
    next_cursor: Option<String>,
    /// When the device answered SNMP last, ms since the epoch: so old is all of this.
    answered_at: Option<i64>,
    /// What was answered longer ago than this, three intervals, is stale.
    stale_after_ms: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    alias: Option<String>,
    if_index: Option<i64>,
    mac: Option<String>,
    admin_status: Option<String>,
    oper_status: Option<String>,
    speed_bps: Option<f64>,
    present: bool,
}

#[derive(sqlx::FromRow)]
struct Device {
    snmp_at: Option<DateTime<Utc>>,
    polled_ms: Option<i64>,
    interval_ms: i64,
    total: i64,
}

/// Ports of a device with their newest values
#[utoipa::path(get, path = "/inventory/v1/devices/{id}/interfaces", tag = "inventory",
    operation_id = "listInterfaces",
    params(("id" = String, Path, description = "Device id", format = Uuid),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 50000,
            description = "Most items wanted; 50000 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before")),
    responses((status = 200, description = "One page, or all ports", body = InterfaceList)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Id(id): Id<DeviceId>,
    Query(query): Query<InterfaceQuery>,
) -> Result<Json<InterfaceList>, ApiError> {
    let device = device(&state.pool, id).await?;
    let mut rows = read(&state.pool, id, &query).await?;
    let more = rows.len() as i64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(0));
    let next_cursor = rows.last().filter(|_| more).and_then(|last| {
        Cursor::encode(ORDER, &(last.if_index.unwrap_or(NO_INDEX), last.name.clone()))
    });
    // Of a page only what is on it: a large device has hundreds of thousands of series.
    let paged = more || query.after.is_some();
    let names = paged.then(|| rows.iter().map(|row| row.name.clone()).collect());
    let mut by_instance: HashMap<String, Vec<InterfaceMetric>> = HashMap::new();
    for series in newest(&state.pool, id, names, None).await? {
        by_instance.entry(series.instance.clone()).or_default().push(series.into());
    }
    let items = rows.into_iter().map(|row| {
        let metrics = by_instance.remove(&row.name).unwrap_or_default();
        Interface {
            last_sample_at: metrics.iter().filter_map(|metric| metric.at).max(),
            metrics,
            name: row.name,
            alias: row.alias.unwrap_or_default(),
            index: row.if_index,
            mac: row.mac,
            admin_status: row.admin_status,
            oper_status: row.oper_status,
            speed_bps: row.speed_bps.filter(|speed| speed.is_finite()),
            present: row.present,
        }
    });
    Ok(Json(InterfaceList {
        items: items.collect(),
        total: device.total,
        next_cursor,
        answered_at: device.snmp_at.map(ms),
        stale_after_ms: stale_after_ms(device.polled_ms, device.interval_ms),
    }))
}

async fn device(pool: &PgPool, id: DeviceId) -> Result<Device, ApiError> {
    sqlx::query_as(
        "SELECT latest.snmp_at, latest.interval_ms AS polled_ms, d.interval_ms, \
            (SELECT count(DISTINCT instance) FROM fact \
             WHERE device = d.id AND instance <> '' AND name LIKE 'if\\_%') AS total \
         FROM device d LEFT JOIN device_latest latest ON latest.device = d.id WHERE d.id = $1",
    )
    .bind(id.0)
    .fetch_optional(pool)
    .await?
    .ok_or_else(|| ApiError::NotFound { what: "device", id: id.to_string() })
}

async fn read(pool: &PgPool, id: DeviceId, query: &InterfaceQuery) -> Result<Vec<Row>, ApiError> {
    let (index, name) = query.after.clone().unwrap_or((i64::MIN, String::new()));
    let rows = sqlx::query_as(
        "SELECT name, alias, if_index, mac, admin_status, oper_status, speed_bps, present \
         FROM interface WHERE device = $1 AND name = ANY (ARRAY( \
             SELECT instance FROM ( \
                 SELECT instance, coalesce(max(value) FILTER ( \
                     WHERE name = 'if_index' AND value ~ '^[0-9]{1,10}$')::bigint, $2) AS place \
                 FROM fact WHERE device = $1 AND instance <> '' \
                 GROUP BY instance HAVING bool_or(name LIKE 'if\\_%')) f \
             WHERE (place, instance) > ($3, $4) ORDER BY place, instance LIMIT $5)) \
         ORDER BY coalesce(if_index, $2), name",
    )
    .bind(id.0)
    .bind(NO_INDEX)
    .bind(index)
    .bind(name)
    .bind(query.limit + 1)
    .fetch_all(pool)
    .await?;
    Ok(rows)
}

impl From<SeriesItem> for InterfaceMetric {
    fn from(series: SeriesItem) -> Self {
        Self {
            metric: series.metric,
            unit: series.unit,
            series: series.id,
            value: series.value,
            at: series.at,
            open_anomaly: series.open_anomaly,
        }
    }
}

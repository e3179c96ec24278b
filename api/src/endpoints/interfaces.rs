//! GET /inventory/v1/devices/{id}/interfaces

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use schemas::DeviceId;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::devices;
use super::series::{SeriesItem, newest};
use crate::rim::{ApiError, Id};
use crate::state::ApiState;

/// Most interfaces shown of one device.
const MAX_INTERFACES: i64 = 5_000;

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
    /// Bits per second.
    speed_bps: Option<f64>,
    /// Newest values of all its series, by metric.
    metrics: Vec<InterfaceMetric>,
}

/// All ports of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InterfaceList {
    /// By index, then name.
    items: Vec<Interface>,
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
}

/// Ports of a device with their newest values
#[utoipa::path(get, path = "/inventory/v1/devices/{id}/interfaces", tag = "inventory",
    operation_id = "listInterfaces",
    params(("id" = String, Path, description = "Device id", format = Uuid)),
    responses((status = 200, description = "All ports", body = InterfaceList)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Id(id): Id<DeviceId>,
) -> Result<Json<InterfaceList>, ApiError> {
    devices::exists(&state.pool, id).await?;
    let rows = read(&state.pool, id).await?;
    let mut by_instance: HashMap<String, Vec<InterfaceMetric>> = HashMap::new();
    for series in newest(&state.pool, id, None, None).await? {
        by_instance.entry(series.instance.clone()).or_default().push(series.into());
    }
    let items = rows
        .into_iter()
        .map(|row| Interface {
            metrics: by_instance.remove(&row.name).unwrap_or_default(),
            name: row.name,
            alias: row.alias.unwrap_or_default(),
            index: row.if_index,
            mac: row.mac,
            admin_status: row.admin_status,
            oper_status: row.oper_status,
            speed_bps: row.speed_bps.filter(|speed| speed.is_finite()),
        })
        .collect();
    Ok(Json(InterfaceList { items }))
}

async fn read(pool: &PgPool, id: DeviceId) -> Result<Vec<Row>, ApiError> {
    let rows = sqlx::query_as(
        "SELECT name, alias, if_index, mac, admin_status, oper_status, speed_bps FROM interface \
         WHERE device = $1 ORDER BY if_index NULLS LAST, name LIMIT $2",
    )
    .bind(id.0)
    .bind(MAX_INTERFACES)
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

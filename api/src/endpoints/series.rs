//! GET /monitoring/v1/devices/{id}/series

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemas::{DeviceId, SeriesId};
use serde::Serialize;
use sqlx::{PgPool, Postgres, QueryBuilder};
use utoipa::ToSchema;

use super::{devices, ms};
use crate::http::{ApiError, Fields, FromFields, Id, NAME, Query};
use crate::state::ApiState;

/// Most series shown of one device: as many as it may have.
const MAX_SERIES: i64 = 400_000;

/// A series with its newest value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesItem {
    /// Series id, 16 hexadecimal digits.
    pub(crate) id: String,
    /// E.g. `if_in_bps`.
    pub(crate) metric: String,
    /// E.g. a port's name; empty for the device itself.
    pub(crate) instance: String,
    /// Unit of the value.
    pub(crate) unit: String,
    /// Newest value of the last 2 days.
    pub(crate) value: Option<f64>,
    /// When it was measured, ms since the epoch.
    pub(crate) at: Option<i64>,
    /// Whether an anomaly of this series is open.
    pub(crate) open_anomaly: bool,
}

/// All series of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesList {
    /// By instance, then metric.
    items: Vec<SeriesItem>,
}

pub(crate) struct SeriesQuery {
    instance: Option<String>,
    metric: Option<String>,
}

impl FromFields for SeriesQuery {
    fn read(fields: &mut Fields) -> Self {
        Self { instance: fields.text("instance", NAME), metric: fields.text("metric", NAME) }
    }
}

/// Series of a device with their newest values
#[utoipa::path(get, path = "/monitoring/v1/devices/{id}/series", tag = "monitoring",
    operation_id = "listSeries",
    params(("id" = String, Path, description = "Device id", format = Uuid),
        ("instance" = Option<String>, Query, min_length = 1, max_length = 200,
            description = "Only series of this instance, e.g. a port's name"),
        ("metric" = Option<String>, Query, min_length = 1, max_length = 200,
            description = "Only series of this metric")),
    responses((status = 200, description = "All that match", body = SeriesList)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Id(id): Id<DeviceId>,
    Query(query): Query<SeriesQuery>,
) -> Result<Json<SeriesList>, ApiError> {
    devices::exists(&state.pool, id).await?;
    let items = newest(&state.pool, id, query.instance.map(|one| vec![one]), query.metric).await?;
    Ok(Json(SeriesList { items }))
}

#[derive(sqlx::FromRow)]
struct Row {
    series_id: i64,
    metric: String,
    instance: String,
    unit: String,
    ts: Option<DateTime<Utc>>,
    value: Option<f64>,
    open_anomaly: bool,
}

/// Series of a device with their newest values.
pub(crate) async fn newest(
    pool: &PgPool,
    device: DeviceId,
    instances: Option<Vec<String>>,
    metric: Option<String>,
) -> Result<Vec<SeriesItem>, ApiError> {
    let mut sql = QueryBuilder::<Postgres>::new(
        "SELECT l.series_id, l.metric, l.instance, l.unit, l.ts, l.value, \
            l.series_id = ANY (ARRAY(SELECT a.series_id FROM anomaly a WHERE a.cleared_at IS NULL \
                AND a.device = ",
    );
    sql.push_bind(device.0).push(")) AS open_anomaly FROM series_latest l WHERE l.device = ");
    sql.push_bind(device.0);
    if let Some(instances) = instances {
        sql.push(" AND l.instance = ANY (").push_bind(instances).push(")");
    }
    if let Some(metric) = metric {
        sql.push(" AND l.metric = ").push_bind(metric);
    }
    sql.push(" ORDER BY l.instance, l.metric LIMIT ").push_bind(MAX_SERIES);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(pool).await?;
    Ok(rows
        .into_iter()
        .map(|row| SeriesItem {
            id: SeriesId(row.series_id).to_string(),
            metric: row.metric,
            instance: row.instance,
            unit: row.unit,
            value: row.value.filter(|value| value.is_finite()),
            at: row.ts.map(ms),
            open_anomaly: row.open_anomaly,
        })
        .collect())
}

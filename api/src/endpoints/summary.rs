//! GET /inventory/v1/summary

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::ms;
use crate::http::ApiError;
use crate::state::ApiState;

/// Devices by state.
#[derive(Debug, Default, Serialize, ToSchema, sqlx::FromRow)]
pub(crate) struct DeviceCounts {
    /// Answering.
    #[schema(minimum = 0)]
    up: i64,
    /// Answering in part.
    #[schema(minimum = 0)]
    degraded: i64,
    /// Not answering.
    #[schema(minimum = 0)]
    down: i64,
    /// Not polled, or not for long.
    #[schema(minimum = 0)]
    unknown: i64,
}

/// The whole network in four lines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// Devices by state.
    devices: DeviceCounts,
    /// Anomalies that have not cleared.
    #[schema(minimum = 0)]
    open_anomalies: i64,
    /// Newest sample of all, ms since the epoch: how fresh everything is.
    newest_sample_at: Option<i64>,
    /// Shortest time between two polls of a device that is polled, ms: how old that may be.
    shortest_interval_ms: Option<i64>,
}

/// How many devices are in which state
#[utoipa::path(get, path = "/inventory/v1/summary", tag = "inventory",
    operation_id = "getSummary",
    responses((status = 200, description = "The counts", body = Summary)))]
pub(crate) async fn summary(State(state): State<ApiState>) -> Result<Json<Summary>, ApiError> {
    let devices: DeviceCounts = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE st.state = 'up') AS up, \
            count(*) FILTER (WHERE st.state = 'degraded') AS degraded, \
            count(*) FILTER (WHERE st.state = 'down') AS down, \
            count(*) FILTER (WHERE coalesce(st.state, 'unknown') \
                NOT IN ('up', 'degraded', 'down')) AS unknown \
         FROM device d LEFT JOIN device_status st ON st.device = d.id",
    )
    .fetch_one(&state.pool)
    .await?;
    let all = devices.up + devices.degraded + devices.down + devices.unknown;
    let devices = match state.ports.system.uncomputed_since() {
        None => devices,
        Some(_) => DeviceCounts { up: 0, degraded: 0, down: 0, unknown: all },
    };
    let (open_anomalies, newest, interval): (i64, Option<DateTime<Utc>>, Option<i64>) =
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM anomaly WHERE cleared_at IS NULL), \
            (SELECT max(last_sample_at) FROM device_latest), \
            (SELECT min(interval_ms) FROM device WHERE enabled)",
        )
        .fetch_one(&state.pool)
        .await?;
    Ok(Json(Summary {
        devices,
        open_anomalies,
        newest_sample_at: newest.map(ms),
        shortest_interval_ms: interval,
    }))
}

//! GET /inventory/v1/devices/{id}/history

use axum::Json;
use axum::extract::State;
use schemas::DeviceId;

use crate::entities::Devices;
use crate::entities::history::{HistoryQuery, VersionPage, page};
use crate::http::{ApiError, Id, Query};
use crate::state::ApiState;

/// Versions of a device
///
/// Also of one that was removed. They are kept for 400 days.
#[utoipa::path(get, path = "/inventory/v1/devices/{id}/history", tag = "inventory",
    operation_id = "listDeviceHistory",
    params(
        ("id" = String, Path, description = "Device id", format = Uuid),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200,
            description = "Most items wanted; 50 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before")),
    responses((status = 200, description = "One page, newest first", body = VersionPage)))]
pub(crate) async fn history(
    State(state): State<ApiState>,
    Id(id): Id<DeviceId>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<VersionPage>, ApiError> {
    Ok(Json(page::<Devices>(&state.pool, &id.to_string(), &query).await?))
}

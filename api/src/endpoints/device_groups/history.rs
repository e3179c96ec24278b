//! GET /inventory/v1/device-groups/{id}/history

use super::GroupId;
use crate::entities::DeviceGroups;
use crate::entities::history::{HistoryQuery, VersionPage, page};
use crate::http::{ApiError, Id, Query};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;

/// Versions of a device group
///
/// Also of one that was removed. They are kept for 400 days.
#[utoipa::path(get, path = "/inventory/v1/device-groups/{id}/history", tag = "inventory",
    operation_id = "listDeviceGroupHistory",
    params(
        ("id" = String, Path, description = "Group id", format = Uuid),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200,
            description = "Most items wanted; 50 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before")),
    responses((status = 200, description = "One page, newest first", body = VersionPage)))]
pub(crate) async fn history(
    State(state): State<ApiState>,
    Id(id): Id<GroupId>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<VersionPage>, ApiError> {
    Ok(Json(page::<DeviceGroups>(&state.pool, &id.to_string(), &query).await?))
}

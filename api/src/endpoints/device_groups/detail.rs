//! GET /inventory/v1/device-groups/{id}

use axum::Json;
use axum::extract::State;

use super::{DeviceGroup, GroupId, row};
use crate::http::{ApiError, ETag, Id, etag};
use crate::state::ApiState;

/// A device group
///
/// Its members are `GET /inventory/v1/devices?group=ID`.
#[utoipa::path(get, path = "/inventory/v1/device-groups/{id}", tag = "inventory",
    operation_id = "getDeviceGroup",
    params(("id" = String, Path, description = "Group id", format = Uuid)),
    responses((status = 200, description = "The group", body = DeviceGroup,
        headers(("ETag" = String, description = "Its revision, for If-Match")))))]
pub(crate) async fn detail(
    State(state): State<ApiState>,
    Id(id): Id<GroupId>,
) -> Result<(ETag, Json<DeviceGroup>), ApiError> {
    let group = row::load(&state.pool, id).await?;
    Ok((etag(group.revision), Json(group)))
}

//! DELETE /inventory/v1/device-groups/{id}

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use super::{GroupId, row};
use crate::auth::Principal;
use crate::entities::{self, Change, DeviceGroups};
use crate::http::{ApiError, Id, IfMatch};
use crate::state::ApiState;

/// Remove a device group
///
/// Its devices stay.
#[utoipa::path(delete, path = "/inventory/v1/device-groups/{id}", tag = "inventory",
    operation_id = "deleteDeviceGroup",
    params(("id" = String, Path, description = "Group id", format = Uuid),
        ("If-Match" = Option<String>, Header, pattern = "^(\\*|(W/)?\"[1-9][0-9]{0,17}\")$",
            description = "The revision it is meant for, as ETag has it; left out, or *: whichever \
                there is")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Id(id): Id<GroupId>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    let group = row::load(&state.pool, id).await?;
    let id = id.to_string();
    let change = Change { id: &id, name: &group.name, by: &principal.username };
    entities::remove::<DeviceGroups>(&state, &change, condition).await?;
    Ok(StatusCode::NO_CONTENT)
}

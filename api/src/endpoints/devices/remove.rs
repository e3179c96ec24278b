//! DELETE /inventory/v1/devices/{id}

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use schemas::DeviceId;

use super::row;
use crate::auth::Principal;
use crate::entities::{self, Change, Devices};
use crate::http::{ApiError, Id, IfMatch};
use crate::state::ApiState;

/// Remove a device
///
/// Its history stays until its time is over. Groups that list it lose it.
#[utoipa::path(delete, path = "/inventory/v1/devices/{id}", tag = "inventory",
    operation_id = "deleteDevice",
    params(("id" = String, Path, description = "Device id", format = Uuid),
        ("If-Match" = Option<String>, Header, pattern = "^(\\*|(W/)?\"[1-9][0-9]{0,17}\")$",
            description = "The revision it is meant for, as ETag has it; left out, or *: whichever \
                there is")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Id(id): Id<DeviceId>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    let row = row::load(&state.pool, id).await?;
    let id = id.to_string();
    let change = Change { id: &id, name: &row.name, by: &principal.username };
    entities::remove::<Devices>(&state, &change, condition).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! DELETE /inventory/v1/devices/{id}

use axum::extract::State;
use axum::http::StatusCode;
use schemas::DeviceId;

use super::{row, visible};
use crate::rim::{ApiError, Id};
use crate::state::ApiState;

/// Remove a device
///
/// Its history stays until its time is over.
#[utoipa::path(delete, path = "/inventory/v1/devices/{id}", tag = "inventory",
    operation_id = "deleteDevice",
    params(("id" = String, Path, description = "Device id", format = Uuid)),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    Id(id): Id<DeviceId>,
) -> Result<StatusCode, ApiError> {
    row::exists(&state.pool, id).await?;
    state.ports.commands.delete_device(id).await?;
    visible::removed(&state.pool, id).await;
    Ok(StatusCode::NO_CONTENT)
}

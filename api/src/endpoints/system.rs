//! GET /system/v1/status

use axum::Json;
use axum::extract::State;

use crate::http::ApiError;
use crate::ports::SystemStatus;
use crate::state::ApiState;

/// How the system is
#[utoipa::path(get, path = "/system/v1/status", tag = "system",
    operation_id = "getSystemStatus",
    responses((status = 200, description = "Log, database, roles, warnings", body = SystemStatus)))]
pub(crate) async fn status(State(state): State<ApiState>) -> Result<Json<SystemStatus>, ApiError> {
    Ok(Json(state.ports.system.status().await?))
}

//! POST /inventory/v1/devices

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use schemas::DeviceId;

use super::input::{DeviceInput, check_names};
use super::{row, visible};
use crate::endpoints::now_ms;
use crate::model::DeviceSummary;
use crate::rim::{ApiError, Body};
use crate::state::ApiState;

/// Add a device
#[utoipa::path(post, path = "/inventory/v1/devices", tag = "inventory",
    operation_id = "createDevice",
    request_body = DeviceInput,
    responses(
        (status = 201, description = "The device; its path is in Location", body = DeviceSummary,
            headers(("Location" = String, description = "Path of the device"))),
        (status = 409, description = "A device with that address and port exists")))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Body(input): Body<DeviceInput>,
) -> Result<(StatusCode, HeaderMap, Json<DeviceSummary>), ApiError> {
    check_names(&state, input.profile.as_deref(), input.credential.as_deref()).await?;
    let device =
        input.into_device(DeviceId::random(), "default".to_owned(), "api".to_owned(), now_ms());
    refuse_twin(&state, &device.address, device.port).await?;
    state.ports.commands.put_device(device.clone()).await?;
    visible::written(&state.pool, device.id, device.updated_at).await;
    let mut headers = HeaderMap::new();
    if let Ok(path) = HeaderValue::from_str(&format!("/inventory/v1/devices/{}", device.id)) {
        headers.insert(header::LOCATION, path);
    }
    Ok((StatusCode::CREATED, headers, Json(row::fresh(&device))))
}

/// Two devices behind one address are nearly always one device added twice.
async fn refuse_twin(state: &ApiState, address: &str, port: i32) -> Result<(), ApiError> {
    let twin: Option<String> =
        sqlx::query_scalar("SELECT name FROM device WHERE address = $1 AND port = $2 LIMIT 1")
            .bind(address)
            .bind(port)
            .fetch_optional(&state.pool)
            .await?;
    match twin {
        None => Ok(()),
        Some(name) => Err(ApiError::Conflict(format!(
            "the device {name:?} has that address and port already"
        ))),
    }
}

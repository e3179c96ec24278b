//! POST /inventory/v1/devices

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::AppendHeaders;
use axum::{Extension, Json};
use schemas::DeviceId;

use super::input::{DeviceInput, check_names};
use super::row;
use crate::access::TENANT;
use crate::auth::Principal;
use crate::entities::{self, Change, Devices};
use crate::http::{ApiError, Body, ETag, etag};
use crate::model::DeviceSummary;
use crate::state::ApiState;

type Created = (StatusCode, AppendHeaders<[(HeaderName, String); 1]>, ETag, Json<DeviceSummary>);

/// Add a device
#[utoipa::path(post, path = "/inventory/v1/devices", tag = "inventory",
    operation_id = "createDevice",
    request_body = DeviceInput,
    responses(
        (status = 201, description = "The device; its path is in Location", body = DeviceSummary,
            headers(("Location" = String, description = "Path of the device"),
                ("ETag" = String, description = "Its revision, for If-Match")))))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Body(input): Body<DeviceInput>,
) -> Result<Created, ApiError> {
    check_names(&state, input.profile.as_deref(), input.credential.as_deref()).await?;
    let mut device = input.into_device(DeviceId::random(), TENANT.to_owned(), "api".to_owned(), 0);
    let id = device.id.to_string();
    let change = Change { id: &id, name: &device.name, by: &principal.username };
    let body = entities::body(&device)?;
    device.updated_at = entities::create::<Devices>(&state, &change, body).await?;
    let location = AppendHeaders([(header::LOCATION, format!("/inventory/v1/devices/{id}"))]);
    let revision = device.updated_at;
    Ok((StatusCode::CREATED, location, etag(revision), Json(row::fresh(&device))))
}

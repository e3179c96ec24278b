//! POST /inventory/v1/device-groups

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::AppendHeaders;
use axum::{Extension, Json};
use uuid::Uuid;

use super::input::DeviceGroupInput;
use super::{DeviceGroup, GroupId};
use crate::auth::Principal;
use crate::entities::{self, Change, DeviceGroups};
use crate::http::{ApiError, Body, ETag, etag};
use crate::state::ApiState;

type Created = (StatusCode, AppendHeaders<[(HeaderName, String); 1]>, ETag, Json<DeviceGroup>);

/// Add a device group
#[utoipa::path(post, path = "/inventory/v1/device-groups", tag = "inventory",
    operation_id = "createDeviceGroup",
    request_body = DeviceGroupInput,
    responses(
        (status = 201, description = "The group; its path is in Location", body = DeviceGroup,
            headers(("Location" = String, description = "Path of the group"),
                ("ETag" = String, description = "Its revision, for If-Match")))))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Body(input): Body<DeviceGroupInput>,
) -> Result<Created, ApiError> {
    let id = GroupId(Uuid::new_v4());
    let group = input.into_group(id);
    let (body, by) = (entities::body(&group)?, principal.username);
    let text = id.to_string();
    let wanted = DeviceGroup::wanted(&state.pool, id, group, &body).await?;
    let change = Change { id: &text, name: &wanted.name, by: &by };
    let revision = entities::create::<DeviceGroups>(&state, &change, body).await?;
    let location = AppendHeaders([(header::LOCATION, format!("/inventory/v1/device-groups/{id}"))]);
    Ok((StatusCode::CREATED, location, etag(revision), Json(wanted.written(revision, by))))
}

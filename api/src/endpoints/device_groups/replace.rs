//! PUT /inventory/v1/device-groups/{id}

use axum::extract::State;
use axum::{Extension, Json};

use super::input::DeviceGroupInput;
use super::{DeviceGroup, GroupId, row};
use crate::auth::Principal;
use crate::entities::{self, Change, DeviceGroups};
use crate::http::{ApiError, Body, ETag, Id, IfMatch, etag};
use crate::state::ApiState;

/// Replace a device group
#[utoipa::path(put, path = "/inventory/v1/device-groups/{id}", tag = "inventory",
    operation_id = "replaceDeviceGroup",
    params(("id" = String, Path, description = "Group id", format = Uuid),
        ("If-Match" = Option<String>, Header, pattern = "^(\\*|(W/)?\"[1-9][0-9]{0,17}\")$",
            description = "The revision it is meant for, as ETag has it; left out, or *: whichever \
                there is")),
    request_body = DeviceGroupInput,
    responses((status = 200, description = "The group as it is now", body = DeviceGroup,
        headers(("ETag" = String, description = "Its revision, for If-Match")))))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Id(id): Id<GroupId>,
    condition: IfMatch,
    Body(input): Body<DeviceGroupInput>,
) -> Result<(ETag, Json<DeviceGroup>), ApiError> {
    let old = row::load(&state.pool, id).await?;
    let group = input.into_group(id);
    let (body, by) = (entities::body(&group)?, principal.username);
    let wanted = DeviceGroup::wanted(&state.pool, id, group, &body).await?;
    let text = id.to_string();
    let change = Change { id: &text, name: &old.name, by: &by };
    let revision =
        entities::replace::<DeviceGroups>(&state, &change, condition, old.revision, &body).await?;
    Ok((etag(revision), Json(wanted.written(revision, by))))
}

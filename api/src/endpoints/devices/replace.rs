//! PUT /inventory/v1/devices/{id}

use axum::extract::State;
use axum::{Extension, Json};
use schemas::DeviceId;

use super::input::{DeviceInput, check_names};
use super::row;
use crate::auth::Principal;
use crate::entities::{self, Change, Devices};
use crate::http::{ApiError, Body, ETag, Id, IfMatch, etag};
use crate::model::DeviceSummary;
use crate::state::ApiState;

/// Replace a device
#[utoipa::path(put, path = "/inventory/v1/devices/{id}", tag = "inventory",
    operation_id = "replaceDevice",
    params(("id" = String, Path, description = "Device id", format = Uuid),
        ("If-Match" = Option<String>, Header, pattern = "^(\\*|(W/)?\"[1-9][0-9]{0,17}\")$",
            description = "The revision it is meant for, as ETag has it; left out, or *: whichever \
                there is")),
    request_body = DeviceInput,
    responses((status = 200, description = "The device as it is now", body = DeviceSummary,
        headers(("ETag" = String, description = "Its revision, for If-Match")))))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Id(id): Id<DeviceId>,
    condition: IfMatch,
    Body(input): Body<DeviceInput>,
) -> Result<(ETag, Json<DeviceSummary>), ApiError> {
    let old = row::load(&state.pool, id).await?;
    check_names(&state, input.profile.as_deref(), input.credential.as_deref()).await?;
    let mut device = input.into_device(id, old.tenant.clone(), old.source.clone(), 0);
    let id = id.to_string();
    let change = Change { id: &id, name: &old.name, by: &principal.username };
    let body = entities::body(&device)?;
    let revision =
        entities::replace::<Devices>(&state, &change, condition, old.revision(), &body).await?;
    device.updated_at = revision;
    let known = DeviceSummary::from(old);
    let summary = DeviceSummary {
        state: known.state,
        since: known.since,
        reason: known.reason,
        last_sample_at: known.last_sample_at,
        last_answer_at: known.last_answer_at,
        snmp_answer_at: known.snmp_answer_at,
        icmp_answer_at: known.icmp_answer_at,
        open_anomalies: known.open_anomalies,
        interfaces: known.interfaces,
        ..row::fresh(&device)
    };
    Ok((etag(revision), Json(summary)))
}

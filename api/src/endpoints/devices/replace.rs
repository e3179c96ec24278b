//! PUT /inventory/v1/devices/{id}

use axum::Json;
use axum::extract::State;
use schemas::DeviceId;

use super::input::{DeviceInput, check_names};
use super::{row, visible};
use crate::endpoints::{ms, now_ms};
use crate::model::DeviceSummary;
use crate::rim::{ApiError, Body, Id};
use crate::state::ApiState;

/// Replace a device
#[utoipa::path(put, path = "/inventory/v1/devices/{id}", tag = "inventory",
    operation_id = "replaceDevice",
    params(("id" = String, Path, description = "Device id", format = Uuid)),
    request_body = DeviceInput,
    responses((status = 200, description = "The device as it is now", body = DeviceSummary)))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    Id(id): Id<DeviceId>,
    Body(input): Body<DeviceInput>,
) -> Result<Json<DeviceSummary>, ApiError> {
    let old = row::load(&state.pool, id).await?;
    check_names(&state, input.profile.as_deref(), input.credential.as_deref()).await?;
    // Later than what it replaces, even when the clock was set back.
    let updated_at = now_ms().max(ms(old.updated_at) + 1);
    let device = input.into_device(id, old.tenant.clone(), old.source.clone(), updated_at);
    state.ports.commands.put_device(device.clone()).await?;
    visible::written(&state.pool, id, updated_at).await;
    let known = DeviceSummary::from(old);
    Ok(Json(DeviceSummary {
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
    }))
}

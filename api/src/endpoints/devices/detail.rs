//! GET /inventory/v1/devices/{id}

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use chrono::{DateTime, Utc};
use schemas::DeviceId;
use serde::Serialize;
use utoipa::ToSchema;

use super::row;
use crate::endpoints::ms;
use crate::entities::Devices;
use crate::entities::history::changed_by;
use crate::http::{ApiError, ETag, Id, etag};
use crate::model::{DeviceSummary, State};
use crate::state::ApiState;

/// Changes of state shown, newest first.
const MAX_HISTORY: i64 = 100;
/// Facts of the device itself shown.
const MAX_FACTS: i64 = 500;

/// A state that the device entered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusChange {
    /// The state.
    state: State,
    /// When it was entered, ms since the epoch.
    since: i64,
    /// Why.
    reason: String,
}

/// All about a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceDetail {
    #[serde(flatten)]
    #[schema(inline)]
    summary: DeviceSummary,
    /// Texts known of the device itself, by name: sys_descr, sys_name, …
    facts: BTreeMap<String, String>,
    /// When the inventory last changed it, ms since the epoch.
    updated_at: i64,
    /// Who changed it last: a user, `token` for the command line, else its source.
    updated_by: String,
    /// Newest first, at most 100.
    status_history: Vec<StatusChange>,
}

/// A device with its facts and history
#[utoipa::path(get, path = "/inventory/v1/devices/{id}", tag = "inventory",
    operation_id = "getDevice",
    params(("id" = String, Path, description = "Device id", format = Uuid)),
    responses((status = 200, description = "The device", body = DeviceDetail,
        headers(("ETag" = String, description = "Its revision, for If-Match")))))]
pub(crate) async fn detail(
    Extract(state): Extract<ApiState>,
    Id(id): Id<DeviceId>,
) -> Result<(ETag, Json<DeviceDetail>), ApiError> {
    let row = row::load(&state.pool, id).await?;
    let facts: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, value FROM fact WHERE device = $1 AND instance = '' ORDER BY name LIMIT $2",
    )
    .bind(id.0)
    .bind(MAX_FACTS)
    .fetch_all(&state.pool)
    .await?;
    let history: Vec<(String, DateTime<Utc>, String)> = sqlx::query_as(
        "SELECT state, since, reason FROM device_status_history WHERE device = $1 \
         ORDER BY since DESC LIMIT $2",
    )
    .bind(id.0)
    .bind(MAX_HISTORY)
    .fetch_all(&state.pool)
    .await?;
    let status_history = history
        .into_iter()
        .map(|(state, since, reason)| StatusChange {
            state: State::from_name(&state),
            since: ms(since),
            reason,
        })
        .collect();
    let revision = row.revision();
    let by = changed_by::<Devices>(&state.pool, &id.to_string(), revision).await?;
    let uncomputed = state.ports.system.uncomputed_since();
    let detail = DeviceDetail {
        facts: facts.into_iter().collect(),
        updated_at: revision,
        updated_by: by.unwrap_or_else(|| row.source.clone()),
        status_history,
        summary: DeviceSummary::from(row).computed(uncomputed),
    };
    Ok((etag(revision), Json(detail)))
}

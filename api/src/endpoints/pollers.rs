//! GET /automation/v1/pollers

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use schemas::DeviceId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{ApiError, Fields, FromFields, Query};
use crate::ports::PollerTiming;
use crate::state::ApiState;

/// Most entries shown.
const MAX_LIMIT: i64 = 1_000;
const DEFAULT_LIMIT: i64 = 200;

/// How polling goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PollerList {
    /// Slowest first.
    items: Vec<PollerTiming>,
    /// How many there are in all.
    #[schema(minimum = 0)]
    total: i64,
}

pub(crate) struct PollerQuery {
    limit: i64,
    device: Option<DeviceId>,
}

impl FromFields for PollerQuery {
    fn read(fields: &mut Fields) -> Self {
        Self {
            limit: fields.integer("limit", 1, MAX_LIMIT).unwrap_or(DEFAULT_LIMIT),
            device: fields.id("device"),
        }
    }
}

/// How polling each device goes, slowest first
#[utoipa::path(get, path = "/automation/v1/pollers", tag = "automation",
    operation_id = "listPollers",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000,
            description = "Most items wanted; 200 when left out"),
        ("device" = Option<String>, Query,
            pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            description = "Only of this device, one item a connector")),
    responses((status = 200, description = "The slowest", body = PollerList)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<PollerQuery>,
) -> Result<Json<PollerList>, ApiError> {
    let mut items = state.ports.system.pollers().await?;
    items.retain(|item| query.device.is_none_or(|device| item.device == device));
    let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
    items.sort_by_key(|item| (Reverse(item.last_duration_ms), item.device, item.connector.clone()));
    items.truncate(usize::try_from(query.limit).unwrap_or(0));
    Ok(Json(PollerList { items, total }))
}

//! /healthz, /readyz, /metrics

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ports::System;
use crate::rim::ApiError;
use crate::state::ApiState;

/// It is well.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// The process lives
#[utoipa::path(get, path = "/healthz", tag = "health", operation_id = "healthz",
    security(()),
    responses((status = 200, description = "It does", body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// The process can serve
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz",
    security(()),
    responses((status = 200, description = "It can", body = Health),
        (status = 503, description = "Not now; the detail says what is missing")))]
pub(crate) async fn readyz(State(state): State<ApiState>) -> Result<Json<Health>, ApiError> {
    sqlx::query("SELECT 1").execute(&state.pool).await?;
    readyz_of(State(state.ports.system)).await
}

/// The same of a process without the API.
pub(crate) async fn readyz_of(
    State(system): State<Arc<dyn System>>,
) -> Result<Json<Health>, ApiError> {
    system.ready().await.map_err(ApiError::Unavailable)?;
    Ok(Json(Health { status: "ok" }))
}

/// All metrics of the process, as Prometheus text
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, description = "Prometheus text format 0.0.4", body = String,
        content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<ApiState>) -> Response {
    metrics_of(State(state.ports.system)).await
}

/// The same of a process without the API.
pub(crate) async fn metrics_of(State(system): State<Arc<dyn System>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], system.metrics()).into_response()
}

//! /healthz, /readyz, /metrics

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{ApiError, Fields, FromFields, Query};
use crate::ports::System;
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

/// What readiness is asked about.
pub(crate) struct ReadyQuery {
    alone: bool,
}

impl FromFields for ReadyQuery {
    fn read(fields: &mut Fields) -> Self {
        Self { alone: fields.flag("alone").unwrap_or(false) }
    }
}

/// Every part of the system works
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz",
    params(("alone" = Option<bool>, Query, description =
        "true: this process and what it needs itself, as a load balancer wants to know it. \
         Otherwise, on a process with the API, every part of the system")),
    security(()),
    responses((status = 200, description = "It does", body = Health),
        (status = 503, description = "Not now; the detail says what is missing since when")))]
pub(crate) async fn readyz(
    State(state): State<ApiState>,
    query: Query<ReadyQuery>,
) -> Result<Json<Health>, ApiError> {
    readyz_of(State(state.ports.system), query).await
}

/// The same of a process without the API.
pub(crate) async fn readyz_of(
    State(system): State<Arc<dyn System>>,
    Query(query): Query<ReadyQuery>,
) -> Result<Json<Health>, ApiError> {
    system.ready(query.alone).await.map_err(ApiError::Unavailable)?;
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

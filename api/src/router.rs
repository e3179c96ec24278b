//! All routes on one screen.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::assets;
use crate::auth::guard;
use crate::endpoints::{
    anomalies, credentials, devices, docs, events, health, interfaces, password, pollers, probe,
    registry, samples, series, session, summary, system,
};
use crate::ports::System;
use crate::rim::layers;
use crate::spec::Document;
use crate::state::ApiState;

/// What only the signed-in reach.
fn protected() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(session::current, session::logout))
        .routes(routes!(password::change))
        .routes(routes!(password::one_time))
        .routes(routes!(devices::list::list, devices::create::create))
        .routes(routes!(
            devices::detail::detail,
            devices::replace::replace,
            devices::remove::remove
        ))
        .routes(routes!(summary::summary))
        .routes(routes!(probe::test_device))
        .routes(routes!(probe::profiles))
        .routes(routes!(interfaces::list))
        .routes(routes!(series::list))
        .routes(routes!(samples::read))
        .routes(routes!(anomalies::list))
        .routes(routes!(pollers::list))
        .routes(routes!(credentials::list, credentials::create))
        .routes(routes!(credentials::put, credentials::delete))
        .routes(routes!(credentials::kinds::list))
        .routes(routes!(system::status))
        .routes(routes!(registry::subjects))
        .routes(routes!(registry::versions))
        .routes(routes!(registry::version))
        .routes(routes!(registry::by_id))
        .routes(routes!(docs::openapi))
        .routes(routes!(health::metrics))
}

/// What lives longer than a request may.
fn streams() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(events::events))
}

/// What everybody reaches.
fn open() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(session::login))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// The API's paths.
fn paths(state: &ApiState) -> Router<ApiState> {
    let guarded = from_fn_with_state(state.clone(), guard);
    let brief =
        protected().route_layer(guarded.clone()).merge(open()).layer(from_fn(layers::time_limit));
    brief.merge(streams().route_layer(guarded)).into()
}

/// The document of the same paths.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let all = OpenApiRouter::with_openapi(Document::openapi())
        .merge(protected())
        .merge(open())
        .merge(streams());
    all.into_openapi()
}

/// Metrics and health of a process without the API.
pub(crate) fn telemetry(system: Arc<dyn System>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz_of))
        .route("/metrics", get(health::metrics_of))
        .layer(from_fn(layers::time_limit))
        .layer(from_fn(layers::shape))
        .with_state(system)
}

/// The whole service: API, live events and UI.
pub fn router(state: ApiState) -> Router {
    paths(&state)
        .route("/docs", get(docs::page))
        .route("/docs/{file}", get(docs::file))
        .route_layer(from_fn(layers::note_route))
        .method_not_allowed_fallback(layers::method_not_allowed)
        .fallback(assets::serve)
        .with_state(state.clone())
        .layer(layers::compression())
        .layer(from_fn_with_state(state, layers::rim))
}

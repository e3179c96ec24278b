//! All routes on one screen.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Guarded, Permission};
use crate::assets;
use crate::auth::guard;
use crate::endpoints::{
    anomalies, credentials, device_groups, devices, docs, events, health, interfaces, password,
    pollers, probe, process_log, registry, samples, series, session, summary, system,
};
use crate::http::layers;
use crate::ports::System;
use crate::spec::Document;
use crate::state::ApiState;

/// What only those reach who have the permission named.
fn protected() -> Guarded {
    use Permission::{
        Account, AccountRecover, CredentialRead, CredentialWrite, InventoryProbe, InventoryRead,
        InventoryWrite, MonitoringRead, SystemRead,
    };
    Guarded::default()
        .routes(Account, routes!(session::current, session::logout))
        .routes(Account, routes!(password::change))
        .routes(AccountRecover, routes!(password::one_time))
        .routes(InventoryRead, routes!(devices::list::list))
        .routes(InventoryWrite, routes!(devices::create::create))
        .routes(InventoryRead, routes!(devices::detail::detail))
        .routes(InventoryWrite, routes!(devices::replace::replace, devices::remove::remove))
        .routes(InventoryRead, routes!(devices::history::history))
        .routes(InventoryRead, routes!(device_groups::list::list))
        .routes(InventoryWrite, routes!(device_groups::create::create))
        .routes(InventoryRead, routes!(device_groups::detail::detail))
        .routes(
            InventoryWrite,
            routes!(device_groups::replace::replace, device_groups::remove::remove),
        )
        .routes(InventoryRead, routes!(device_groups::history::history))
        .routes(MonitoringRead, routes!(summary::summary))
        .routes(InventoryProbe, routes!(probe::test_device))
        .routes(InventoryRead, routes!(probe::profiles))
        .routes(InventoryRead, routes!(interfaces::list))
        .routes(MonitoringRead, routes!(series::list))
        .routes(MonitoringRead, routes!(samples::read))
        .routes(MonitoringRead, routes!(anomalies::list))
        .routes(SystemRead, routes!(pollers::list))
        .routes(CredentialRead, routes!(credentials::list))
        .routes(CredentialRead, routes!(credentials::kinds::list))
        .routes(CredentialWrite, routes!(credentials::create))
        .routes(CredentialWrite, routes!(credentials::put, credentials::delete))
        .routes(CredentialRead, routes!(credentials::history))
        .routes(SystemRead, routes!(system::status))
        .routes(SystemRead, routes!(process_log::list))
        .routes(SystemRead, routes!(registry::subjects))
        .routes(SystemRead, routes!(registry::versions))
        .routes(SystemRead, routes!(registry::version))
        .routes(SystemRead, routes!(registry::by_id))
        .routes(SystemRead, routes!(docs::openapi))
        .routes(SystemRead, routes!(health::metrics))
}

/// What lives longer than a request may.
fn streams() -> Guarded {
    Guarded::default().routes(Permission::MonitoringRead, routes!(events::events))
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
    let protected = protected().into_inner().route_layer(guarded.clone());
    let brief = protected.merge(open()).layer(from_fn(layers::time_limit));
    brief.merge(streams().into_inner().route_layer(guarded)).into()
}

/// The document of the same paths.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let all = OpenApiRouter::with_openapi(Document::openapi())
        .merge(protected().into_inner())
        .merge(open())
        .merge(streams().into_inner());
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
        .layer(from_fn_with_state(state, layers::outermost))
}

//! What all requests pass through.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};

use super::error::ApiError;
use super::problem::{PROBLEM_JSON, Problem, RegistryCode, RegistryProblem, from_status};
use crate::auth::Peer;
use crate::families;
use crate::state::ApiState;

/// A request may take so long; live events are no request in this sense.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Smaller answers are sent as they are.
const COMPRESS_ABOVE_BYTES: u64 = 860;

/// Scripts, styles and data come from this server only; nobody may frame the pages.
const CSP: &str = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' \
    'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// gzip and brotli for what is large and not a stream of events.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESS_ABOVE_BYTES)))
}

/// Ends what takes too long.
pub(crate) async fn time_limit(request: Request, next: Next) -> Result<Response, ApiError> {
    tokio::time::timeout(REQUEST_LIMIT, next.run(request))
        .await
        .map_err(|_| ApiError::Timeout(REQUEST_LIMIT.as_secs()))
}

/// A known path, asked in a way it does not know.
pub(crate) async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::Method(method.to_string())
}

/// The outermost layer: sees who asks, counts, and gives every error the one shape.
pub(crate) async fn outermost(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or_else(Peer::default, |info| Peer(info.0.ip()));
    request.extensions_mut().insert(peer);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        response = shaped(response, &path);
    }
    harden(response.headers_mut(), state.config.secure_cookies);
    record(&method, &response, started);
    response
}

/// The one shape of errors alone, for what is served beside the API.
pub(crate) async fn shape(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        return shaped(response, &path);
    }
    response
}

/// A problem of ours gets the path; a bare error of a library becomes a problem.
fn shaped(mut response: Response, path: &str) -> Response {
    let mut problem = response.extensions_mut().remove::<Problem>();
    if problem.is_none() {
        let own = response.headers().get(header::CONTENT_TYPE);
        if own.is_some_and(|kind| kind.as_bytes().starts_with(PROBLEM_JSON.as_bytes())) {
            return response;
        }
        let allow = response.headers_mut().remove(header::ALLOW);
        response = from_status(response.status()).into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        problem = response.extensions_mut().remove::<Problem>();
    }
    if let Some(mut problem) = problem {
        path.clone_into(&mut problem.instance);
        let body = match response.extensions_mut().remove::<RegistryCode>() {
            None => serde_json::to_vec(&problem),
            Some(RegistryCode(error_code)) => {
                let message = problem.detail.clone();
                serde_json::to_vec(&RegistryProblem { problem, error_code, message })
            }
        };
        let body = body.unwrap_or_default();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::CONTENT_ENCODING);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.body_mut() = body.into();
    }
    response
}

fn harden(headers: &mut HeaderMap, secure: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CSP);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    if secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // What is not an asset is about a moment, and for one person.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn record(method: &Method, response: &Response, started: Instant) {
    let route = response.extensions().get::<MatchedRoute>().map_or("other", |route| &route.0);
    families::REQUESTS.add([method.as_str(), route, response.status().as_str()], 1);
    families::REQUEST.record([route], started.elapsed().as_secs_f64());
}

/// The route's pattern, carried outwards: paths themselves would be labels without end.
#[derive(Clone)]
struct MatchedRoute(String);

/// Notes which route answered.
pub(crate) async fn note_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(MatchedRoute(route));
    }
    response
}

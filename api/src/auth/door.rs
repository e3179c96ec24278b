//! What stands in front of every protected route.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Auth, Peer, Principal, session};
use crate::access::{Grants, Permission};
use crate::http::ApiError;
use crate::state::ApiState;

/// A page of another site cannot set this header without asking first, and is not let.
pub(crate) const CSRF_HEADER: &str = "x-opsc-csrf";

/// Lets a request through with a bearer token or a session.
pub(crate) async fn guard(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    let principal = match bearer(&state.auth, headers) {
        Some(principal) => principal,
        None if open_metrics(&state, &request) => {
            Principal::without_session("metrics", Grants::only(Permission::SystemRead))
        }
        None => {
            let found = session::principal(&state, headers).await?;
            let principal = found.ok_or(ApiError::Unauthenticated)?;
            if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
                require_same_site(&state, headers)?;
            }
            principal
        }
    };
    let renewed = principal.renewed.clone();
    request.extensions_mut().insert(principal);
    let mut response = next.run(request).await;
    if let Some(cookie) = renewed
        && !response.headers().contains_key(header::SET_COOKIE)
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn open_metrics(state: &ApiState, request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>().copied().unwrap_or_default();
    state.config.open_metrics_on_loopback
        && request.uri().path() == "/metrics"
        && peer.0.to_canonical().is_loopback()
        // A proxy on this machine speaks for others.
        && !request.headers().contains_key("x-forwarded-for")
        && !request.headers().contains_key(header::FORWARDED)
}

/// `Authorization: Bearer TOKEN`, or Basic with any user and the token as password, which is what
/// clients of a schema registry can send.
fn bearer(auth: &Auth, headers: &HeaderMap) -> Option<Principal> {
    let expected = auth.bearer.as_ref()?;
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let given = if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        pair.split_once(':')?.1.to_owned()
    } else {
        return None;
    };
    // Digests are of one length: not even the token's length shows in the time taken.
    let (a, b) = (Sha256::digest(&given), Sha256::digest(expected.expose_secret()));
    bool::from(a.ct_eq(&b)).then(|| Principal::without_session("token", Grants::all()))
}

impl Principal {
    fn without_session(username: &str, grants: Grants) -> Self {
        Self {
            username: username.to_owned(),
            expires_at: None,
            session: None,
            one_time_password: false,
            renewed: None,
            grants,
        }
    }
}

/// A request that changes something on the strength of a cookie must show that it comes from this
/// site: by Origin, or by a header that other sites cannot send.
fn require_same_site(state: &ApiState, headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(CSRF_HEADER) {
        return Ok(());
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if is_ours(state, headers, origin) => Ok(()),
        Some(_) => Err(cross_site()),
        None => Err(ApiError::CrossSite(format!(
            "send the header {CSRF_HEADER}: 1, or an Origin of this site"
        ))),
    }
}

/// Refuses what a browser says it sends from elsewhere.
pub(crate) fn refuse_other_sites(state: &ApiState, headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::ORIGIN) {
        Some(origin) if !is_ours(state, headers, origin) => Err(cross_site()),
        _ => Ok(()),
    }
}

fn cross_site() -> ApiError {
    ApiError::CrossSite(
        "this came from a page of another site; behind a proxy that changes the Host header, set \
         api.public_origin (OPSC__API__PUBLIC_ORIGIN) to the address that browsers show"
            .to_owned(),
    )
}

fn is_ours(state: &ApiState, headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if state.config.public_origin.as_deref() == Some(origin) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.split_once("://").map(|(_, authority)| authority) == host && host.is_some()
}

/// Attempts are counted per IPv4 address and per IPv6 /64, which is what one customer has.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_network() {
        let check = |address: &str, expected: &str| {
            assert_eq!(network_of(address.parse().unwrap()).to_string(), expected);
        };
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }
}

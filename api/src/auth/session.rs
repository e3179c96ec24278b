//! Sessions: 32 random bytes in a cookie, their SHA-256 in the database.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use rand::RngExt;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{Auth, COOKIE, Peer, Principal};
use crate::access::Grants;
use crate::endpoints::{ms, now_ms, time};
use crate::families;
use crate::http::ApiError;
use crate::state::ApiState;

/// A session is prolonged in the database once this part of its life is over, not at each request.
const RENEW_AFTER: u32 = 10;
/// Longest life, however often it is used.
const MAX_LIFE_S: i64 = 7 * 24 * 3600;
/// Most sessions of one user; the oldest end.
const MAX_SESSIONS: i64 = 100;

/// A session just opened.
pub(crate) struct Opened {
    pub(crate) cookie: HeaderValue,
    /// ms since the epoch.
    pub(crate) expires_at: i64,
    /// The user's password is one that was made by the program.
    pub(crate) one_time_password: bool,
}

/// Checks name and password and opens a session.
pub(crate) async fn sign_in(
    state: &ApiState,
    peer: Peer,
    username: &str,
    given: &SecretString,
) -> Result<Opened, ApiError> {
    let auth = &state.auth;
    let address = super::door::network_of(peer.0);
    auth.allow(address, username, Instant::now())?;
    let (hash, one_time): (Option<String>, bool) =
        sqlx::query_as("SELECT password_hash, one_time FROM api_user WHERE username = $1")
            .bind(username)
            .fetch_optional(&state.pool)
            .await?
            .unwrap_or_default();
    let known = hash.is_some();
    if !auth.checker.matches(hash, given.clone()).await? {
        families::LOGINS.add(["wrong"], 1);
        // Under another name: it may be the password, typed into the wrong field.
        let username = if known { username } else { "(unknown)" };
        tracing::warn!(username, address = %peer.0, "sign-in refused");
        return Err(ApiError::WrongPassword);
    }
    auth.forgive(address, username);
    families::LOGINS.add(["ok"], 1);
    tracing::info!(username, address = %peer.0, "signed in");
    open(&state.pool, auth, username, one_time).await
}

async fn open(
    pool: &PgPool,
    auth: &Auth,
    username: &str,
    one_time_password: bool,
) -> Result<Opened, ApiError> {
    let token: [u8; 32] = rand::rng().random();
    let expires_at = now_ms() + life_ms(auth);
    sqlx::query("INSERT INTO api_session (token_sha256, username, expires_at) VALUES ($1, $2, $3)")
        .bind(digest(&token).as_slice())
        .bind(username)
        .bind(time(expires_at))
        .execute(pool)
        .await?;
    sqlx::query(
        "DELETE FROM api_session WHERE expires_at < now() OR token_sha256 IN (\
            SELECT token_sha256 FROM api_session WHERE username = $1 \
            ORDER BY created_at DESC OFFSET $2)",
    )
    .bind(username)
    .bind(MAX_SESSIONS)
    .execute(pool)
    .await?;
    let cookie = cookie(auth, &URL_SAFE_NO_PAD.encode(token), life_ms(auth));
    Ok(Opened { cookie, expires_at, one_time_password })
}

/// Ends the session, if the request came by one; gives the cookie that removes it.
pub(crate) async fn sign_out(
    state: &ApiState,
    principal: &Principal,
) -> Result<HeaderValue, ApiError> {
    if let Some(session) = principal.session {
        sqlx::query("DELETE FROM api_session WHERE token_sha256 = $1")
            .bind(session.as_slice())
            .execute(&state.pool)
            .await?;
    }
    Ok(cookie(&state.auth, "", 0))
}

fn life_ms(auth: &Auth) -> i64 {
    i64::try_from(auth.idle.as_millis()).unwrap_or(i64::MAX)
}

/// Who the cookie belongs to; prolongs the session when it is time.
pub(super) async fn principal(
    state: &ApiState,
    headers: &HeaderMap,
) -> Result<Option<Principal>, ApiError> {
    let Some((text, token)) = token(headers) else { return Ok(None) };
    let session = digest(&token);
    let found: Option<(String, DateTime<Utc>, DateTime<Utc>, bool)> = sqlx::query_as(
        "SELECT username, s.created_at, s.expires_at, one_time \
         FROM api_session s JOIN api_user USING (username) \
         WHERE token_sha256 = $1 AND s.expires_at > now()",
    )
    .bind(session.as_slice())
    .fetch_optional(&state.pool)
    .await?;
    let Some((username, created_at, expires_at, one_time_password)) = found else {
        return Ok(None);
    };
    let mut expires_at = ms(expires_at);
    let mut renewed = None;
    let life = life_ms(&state.auth);
    let fresh = (now_ms() + life).min(ms(created_at) + MAX_LIFE_S * 1000);
    if fresh - expires_at > life / i64::from(RENEW_AFTER) {
        sqlx::query("UPDATE api_session SET expires_at = $2 WHERE token_sha256 = $1")
            .bind(session.as_slice())
            .bind(time(fresh))
            .execute(&state.pool)
            .await?;
        expires_at = fresh;
        renewed = Some(cookie(&state.auth, &text, fresh - now_ms()));
    }
    Ok(Some(Principal {
        username,
        expires_at: Some(expires_at),
        session: Some(session),
        one_time_password,
        renewed,
        // The one user there is.
        grants: Grants::all(),
    }))
}

fn digest(token: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The cookie's text and the token in it.
fn token(headers: &HeaderMap) -> Option<(String, [u8; 32])> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .find_map(|(_, value)| {
            let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
            Some((value.to_owned(), bytes.try_into().ok()?))
        })
}

fn cookie(auth: &Auth, value: &str, life_ms: i64) -> HeaderValue {
    let secure = if auth.secure { "; Secure" } else { "" };
    let age = life_ms.max(0) / 1000;
    let text =
        format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let good = URL_SAFE_NO_PAD.encode([7_u8; 32]);
        let check = |cookies: &str, expected: Option<[u8; 32]>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(cookies).unwrap());
            assert_eq!(token(&headers).map(|found| found.1), expected, "{cookies}");
        };
        check(&format!("a=b; {COOKIE}={good}"), Some([7; 32]));
        check(&format!("{COOKIE}=short; {COOKIE}={good};"), Some([7; 32]));
        check(&format!("x{COOKIE}={good}"), None);
        check("", None);
    }
}

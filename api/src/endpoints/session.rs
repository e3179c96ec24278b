//! /identity/v1/session

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{self, Peer, Principal};
use crate::http::{ApiError, Body, Fields, FromFields, Text};
use crate::state::ApiState;

/// Longest user name and password taken.
const MAX_CHARS: usize = 256;

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code)]
pub(crate) struct LoginInput {
    /// User name.
    #[schema(min_length = 1, max_length = 256, example = "admin")]
    username: String,
    /// Password.
    #[schema(min_length = 1, max_length = 256, format = Password)]
    password: String,
}

/// The body, read.
pub(crate) struct Login {
    username: String,
    password: SecretString,
}

impl FromFields for Login {
    fn read(fields: &mut Fields) -> Self {
        let rule = Text { min: 1, max: MAX_CHARS };
        Self {
            username: fields.required("username", rule),
            password: SecretString::from(fields.required("password", rule)),
        }
    }
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// User name; `token` for a bearer token.
    username: String,
    /// When the session ends unless it is used before, ms since the epoch; null for a bearer
    /// token.
    expires_at: Option<i64>,
    /// The password is one that the program made and showed once: change it.
    one_time_password: bool,
}

/// Sign in
///
/// Sets the cookie `opsc_session`.
#[utoipa::path(post, path = "/identity/v1/session", tag = "identity",
    operation_id = "login",
    security(()),
    request_body = LoginInput,
    responses(
        (status = 200, description = "Signed in", body = Session,
            headers(("Set-Cookie" = String, description = "The session"))),
        (status = 401, description = "User name or password is wrong"),
        (status = 403, description = "Sent from another site"),
        (status = 429, description = "Too many failed attempts; Retry-After says how long to wait")))]
pub(crate) async fn login(
    State(state): State<ApiState>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, ApiError> {
    auth::refuse_other_sites(&state, &headers)?;
    let opened = auth::sign_in(&state, peer, &login.username, &login.password).await?;
    let body = Session {
        username: login.username,
        expires_at: Some(opened.expires_at),
        one_time_password: opened.one_time_password,
    };
    Ok(([(header::SET_COOKIE, opened.cookie)], Json(body)).into_response())
}

/// Who is signed in
#[utoipa::path(get, path = "/identity/v1/session", tag = "identity",
    operation_id = "getSession",
    responses((status = 200, description = "You are", body = Session)))]
pub(crate) async fn current(Extension(principal): Extension<Principal>) -> Json<Session> {
    Json(Session {
        username: principal.username,
        expires_at: principal.expires_at,
        one_time_password: principal.one_time_password,
    })
}

/// Sign out
#[utoipa::path(delete, path = "/identity/v1/session", tag = "identity",
    operation_id = "logout",
    responses((status = 204, description = "The session is revoked")))]
pub(crate) async fn logout(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
) -> Result<Response, ApiError> {
    let cookie = auth::sign_out(&state, &principal).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

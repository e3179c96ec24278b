//! /identity/v1/password and /identity/v1/one-time-password

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{self, Peer, Principal};
use crate::http::{ApiError, Body, Fields, FromFields, Text};
use crate::state::ApiState;

/// Shortest password taken: the length is what makes guessing it hopeless.
const MIN_CHARS: usize = 12;
const MAX_CHARS: usize = 256;

/// The password that is, and the one that shall be.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code)]
pub(crate) struct PasswordInput {
    /// The one you signed in with.
    #[schema(min_length = 1, max_length = 256, format = Password)]
    current_password: String,
    /// The new one.
    #[schema(min_length = 12, max_length = 256, format = Password)]
    new_password: String,
}

/// The body, read.
pub(crate) struct Passwords {
    current: SecretString,
    new: SecretString,
}

impl FromFields for Passwords {
    fn read(fields: &mut Fields) -> Self {
        let current = Text { min: 1, max: MAX_CHARS };
        let new = Text { min: MIN_CHARS, max: MAX_CHARS };
        Self {
            current: fields.required("current_password", current).into(),
            new: fields.required("new_password", new).into(),
        }
    }
}

/// Change your password
///
/// Ends all your other sessions. For a user who is signed in: a bearer token has no password.
#[utoipa::path(put, path = "/identity/v1/password", tag = "identity",
    operation_id = "changePassword",
    request_body = PasswordInput,
    responses(
        (status = 204, description = "The new password counts from now on"),
        (status = 403, description = "Sent from another site, or with a bearer token"),
        (status = 409, description = "It was changed elsewhere at the same time"),
        (status = 429, description = "Too many failed attempts; Retry-After says how long to wait")))]
pub(crate) async fn change(
    State(state): State<ApiState>,
    Extension(peer): Extension<Peer>,
    Extension(principal): Extension<Principal>,
    Body(given): Body<Passwords>,
) -> Result<StatusCode, ApiError> {
    auth::change_password(&state, peer, &principal, &given.current, given.new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A password that is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneTimePassword {
    /// Whose.
    username: &'static str,
    /// For the next sign-in; to be changed then.
    password: String,
}

/// Make a new one-time password
///
/// For when the administrator's was lost. Signs everybody out. Only for a bearer token.
#[utoipa::path(post, path = "/identity/v1/one-time-password", tag = "identity",
    operation_id = "makeOneTimePassword",
    responses(
        (status = 200, description = "The old password is void", body = OneTimePassword),
        (status = 403, description = "Not with a session: only with a bearer token")))]
pub(crate) async fn one_time(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<OneTimePassword>, ApiError> {
    let (username, password) = auth::one_time_password(&state, &principal).await?;
    Ok(Json(OneTimePassword { username, password: password.expose_secret().to_owned() }))
}

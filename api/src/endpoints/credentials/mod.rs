//! /credentials/v1/credentials: names and kinds go out, secrets only come in.

pub(crate) mod input;
pub(crate) mod kinds;

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use vault::Secret;

use self::input::{
    CredentialInput, MAX_NAME_CHARS, NewCredentialInput, ReadNew, ReadSecret, is_name,
};
use crate::auth::Principal;
use crate::entities::Credentials;
use crate::entities::change::{Removed, removed};
use crate::entities::history::{HistoryQuery, VersionPage, page};
use crate::http::{ApiError, Body, Name, Query};
use crate::ports::StoredCredential;
use crate::state::ApiState;

/// A credential without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Credential {
    /// What devices refer to.
    name: String,
    /// E.g. `snmp_v2c`.
    kind: String,
    /// ms since the epoch.
    created_at: i64,
    /// ms since the epoch.
    updated_at: i64,
    /// How many devices use it.
    #[schema(minimum = 0)]
    devices: i64,
    /// Names of devices that use it, at most 5, by name.
    #[schema(max_items = 5)]
    used_by: Vec<String>,
}

/// All credentials.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialList {
    /// By name.
    items: Vec<Credential>,
}

/// Credentials, without their secrets
#[utoipa::path(get, path = "/credentials/v1/credentials", tag = "credentials",
    operation_id = "listCredentials",
    responses((status = 200, description = "All credentials", body = CredentialList)))]
pub(crate) async fn list(State(state): State<ApiState>) -> Result<Json<CredentialList>, ApiError> {
    let stored = state.ports.vault.list().await?;
    let users: Vec<(String, i64, Vec<String>)> = sqlx::query_as(
        "SELECT credential, count(*), (array_agg(name ORDER BY name))[1:5] FROM device \
         WHERE credential IS NOT NULL GROUP BY credential",
    )
    .fetch_all(&state.pool)
    .await?;
    let mut users: HashMap<String, Users> =
        users.into_iter().map(|(name, count, names)| (name, Users { count, names })).collect();
    let mut items: Vec<Credential> = stored
        .into_iter()
        .map(|item| {
            let users = users.remove(&item.name).unwrap_or_default();
            Credential::new(item, users)
        })
        .collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Json(CredentialList { items }))
}

/// Make a credential
///
/// To replace the secret of one that exists, PUT it: that is said on purpose.
#[utoipa::path(post, path = "/credentials/v1/credentials", tag = "credentials",
    operation_id = "createCredential",
    request_body = NewCredentialInput,
    responses(
        (status = 201, description = "Kept, sealed", body = Credential),
        (status = 409, description = "There is one of that name; nothing was changed")))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Body(new): Body<ReadNew>,
) -> Result<(StatusCode, Json<Credential>), ApiError> {
    check_name(&new.name)?;
    let secret = read(new.secret)?;
    let stored = state.ports.vault.create(new.name.clone(), secret, principal.username).await?;
    let stored = stored.ok_or_else(|| ApiError::Taken {
        field: "name",
        detail: format!("there is a credential {} already; its secret was not changed", new.name),
    })?;
    let users = users_of(&state, &stored.name).await?;
    Ok((StatusCode::CREATED, Json(Credential::new(stored, users))))
}

/// Make or replace a credential
#[utoipa::path(put, path = "/credentials/v1/credentials/{name}", tag = "credentials",
    operation_id = "putCredential",
    params(("name" = String, Path, max_length = 100, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description = "Letters, digits, dot, dash, underscore")),
    request_body = CredentialInput,
    responses(
        (status = 200, description = "Kept, sealed", body = Credential),
        (status = 409, description = "The vault refuses this")))]
pub(crate) async fn put(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Name(name): Name,
    Body(secret): Body<ReadSecret>,
) -> Result<Json<Credential>, ApiError> {
    check_name(&name)?;
    let stored = state.ports.vault.put(name, read(secret)?, principal.username).await?;
    let users = users_of(&state, &stored.name).await?;
    Ok(Json(Credential::new(stored, users)))
}

/// Delete a credential that no device uses
#[utoipa::path(delete, path = "/credentials/v1/credentials/{name}", tag = "credentials",
    operation_id = "deleteCredential",
    params(("name" = String, Path, max_length = 100, description = "Its name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "Devices use it")))]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let unknown = || ApiError::NotFound { what: "credential", id: name.clone() };
    check_name(&name).map_err(|_| unknown())?;
    // Who decides need not know them yet: the event log may be new, a release just installed.
    let users = users_of(&state, &name).await?;
    if users.count > 0 {
        return Err(ApiError::Conflict(users.in_the_way()));
    }
    let reply = state.ports.vault.delete(name.clone(), principal.username).await?;
    match removed::<Credentials>(reply, &name)? {
        Removed::Gone { .. } => Ok(StatusCode::NO_CONTENT),
        // Nobody expected a revision.
        Removed::Changed { .. } => Err(unknown()),
    }
}

/// Versions of a credential, without any secret
///
/// Also of one that was removed. They are kept for 400 days.
#[utoipa::path(get, path = "/credentials/v1/credentials/{name}/history", tag = "credentials",
    operation_id = "listCredentialHistory",
    params(
        ("name" = String, Path, max_length = 100, description = "Its name"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200,
            description = "Most items wanted; 50 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before")),
    responses((status = 200, description = "One page, newest first", body = VersionPage)))]
pub(crate) async fn history(
    State(state): State<ApiState>,
    Name(name): Name,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<VersionPage>, ApiError> {
    check_name(&name).map_err(|_| ApiError::NotFound { what: "credential", id: name.clone() })?;
    Ok(Json(page::<Credentials>(&state.pool, &name, &query).await?))
}

/// Devices with a credential.
#[derive(Debug, Default)]
struct Users {
    count: i64,
    /// The first of them by name.
    names: Vec<String>,
}

impl Users {
    /// Why the credential stays.
    fn in_the_way(&self) -> String {
        let use_it = if self.count == 1 { "device uses" } else { "devices use" };
        let mut names = self.names.join(", ");
        let more = self.count - self.names.len() as i64;
        if more > 0 {
            names.push_str(&format!(" and {more} more"));
        }
        format!("{} {use_it} it: {names}; give them another credential first", self.count)
    }
}

async fn users_of(state: &ApiState, name: &str) -> Result<Users, ApiError> {
    let (count, names): (i64, Option<Vec<String>>) = sqlx::query_as(
        "SELECT count(*), (array_agg(name ORDER BY name))[1:5] FROM device WHERE credential = $1",
    )
    .bind(name)
    .fetch_one(&state.pool)
    .await?;
    Ok(Users { count, names: names.unwrap_or_default() })
}

/// What was read is whole, or was refused before.
fn read(ReadSecret(secret): ReadSecret) -> Result<Secret, ApiError> {
    secret.ok_or_else(|| ApiError::Internal("a secret was taken that was not read".to_owned()))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if is_name(name) {
        return Ok(());
    }
    Err(ApiError::field(
        "name",
        format!(
            "must be letters, digits, dot, dash or underscore, begin with a letter or digit, and \
             have at most {MAX_NAME_CHARS} characters"
        ),
    ))
}

impl Credential {
    fn new(stored: StoredCredential, users: Users) -> Self {
        Self {
            name: stored.name,
            kind: stored.kind,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            devices: users.count,
            used_by: users.names,
        }
    }
}

//! /credentials/v1/credentials: names and kinds go out, secrets only come in.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ports::{NewSecret, StoredCredential};
use crate::rim::{ApiError, Body, Fields, FromFields, Name, Text};
use crate::state::ApiState;

/// Longest name of a credential.
const MAX_NAME_CHARS: usize = 100;
/// Longest SNMP community (RFC 3584 sets no limit; agents take 32 to 255).
const MAX_COMMUNITY_CHARS: usize = 255;

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
}

/// All credentials.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialList {
    /// By name.
    items: Vec<Credential>,
}

/// Kinds of credentials.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialKind {
    /// SNMP v2c: a community.
    #[serde(rename = "snmp_v2c")]
    SnmpV2c,
}

/// A secret to keep.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code)]
pub(crate) struct CredentialInput {
    /// Decides which other fields there are.
    kind: CredentialKind,
    /// SNMP community; never shown again.
    #[schema(value_type = String, min_length = 1, max_length = 255, format = Password)]
    community: String,
}

/// The body, read.
pub(crate) struct ReadSecret(NewSecret);

impl FromFields for ReadSecret {
    fn read(fields: &mut Fields) -> Self {
        if fields.choice("kind", &["snmp_v2c"]).is_none() {
            fields.missing("kind");
        }
        let community = fields.required("community", Text { min: 1, max: MAX_COMMUNITY_CHARS });
        Self(NewSecret::SnmpV2c { community: SecretString::from(community) })
    }
}

/// Credentials, without their secrets
#[utoipa::path(get, path = "/credentials/v1/credentials", tag = "credentials",
    operation_id = "listCredentials",
    responses((status = 200, description = "All credentials", body = CredentialList)))]
pub(crate) async fn list(State(state): State<ApiState>) -> Result<Json<CredentialList>, ApiError> {
    let stored = state.ports.vault.list().await?;
    let counts: Vec<(String, i64)> = sqlx::query_as(
        "SELECT credential, count(*) FROM device WHERE credential IS NOT NULL GROUP BY credential",
    )
    .fetch_all(&state.pool)
    .await?;
    let counts: HashMap<String, i64> = counts.into_iter().collect();
    let mut items: Vec<Credential> = stored
        .into_iter()
        .map(|item| {
            let devices = counts.get(&item.name).copied().unwrap_or(0);
            Credential::new(item, devices)
        })
        .collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Json(CredentialList { items }))
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
    Name(name): Name,
    Body(ReadSecret(secret)): Body<ReadSecret>,
) -> Result<Json<Credential>, ApiError> {
    check_name(&name)?;
    let stored = state.ports.vault.put(name, secret).await?;
    let devices = devices_of(&state, &stored.name).await?;
    Ok(Json(Credential::new(stored, devices)))
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
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let unknown = || ApiError::NotFound { what: "credential", id: name.clone() };
    check_name(&name).map_err(|_| unknown())?;
    let devices = devices_of(&state, &name).await?;
    if devices > 0 {
        return Err(ApiError::Conflict(format!(
            "{devices} device(s) use {name}; give them another credential first"
        )));
    }
    if state.ports.vault.delete(name.clone()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown())
    }
}

async fn devices_of(state: &ApiState, name: &str) -> Result<i64, ApiError> {
    let count = sqlx::query_scalar("SELECT count(*) FROM device WHERE credential = $1")
        .bind(name)
        .fetch_one(&state.pool)
        .await?;
    Ok(count)
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = name.len() <= MAX_NAME_CHARS
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(allowed);
    if good {
        Ok(())
    } else {
        Err(ApiError::field(
            "name",
            format!(
                "must be letters, digits, dot, dash or underscore, begin with a letter or digit, \
                 and have at most {MAX_NAME_CHARS} characters"
            ),
        ))
    }
}

impl Credential {
    fn new(stored: StoredCredential, devices: i64) -> Self {
        Self {
            name: stored.name,
            kind: stored.kind,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            devices,
        }
    }
}

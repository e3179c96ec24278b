//! POST /inventory/v1/device-tests, GET /inventory/v1/profiles

use axum::Json;
use axum::extract::State;
use schemas::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::input::{check_names, read_address};
use crate::http::{ApiError, Body, Fields, FromFields, NAME};
use crate::ports::{ProbeReport, ProbeRequest};
use crate::state::ApiState;

/// A device to try; it need not exist.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct DeviceTestInput {
    /// IP address, v4 or v6, or host name.
    #[schema(value_type = String, required, example = "192.0.2.10", min_length = 1, max_length = 253)]
    address: Option<Address>,
    /// SNMP UDP port.
    #[schema(minimum = 1, maximum = 65535, default = 161)]
    port: Option<u16>,
    /// Polling profile.
    #[schema(min_length = 1, max_length = 200, default = "auto")]
    profile: Option<String>,
    /// Name of a credential in the vault.
    #[schema(min_length = 1, max_length = 200)]
    credential: Option<String>,
    /// An SNMP answer may come from another address.
    #[schema(default = false)]
    any_source: Option<bool>,
}

impl FromFields for DeviceTestInput {
    fn read(fields: &mut Fields) -> Self {
        Self {
            address: read_address(fields),
            port: fields.integer("port", 1, 65_535).and_then(|port| u16::try_from(port).ok()),
            profile: fields.text("profile", NAME),
            credential: fields.text("credential", NAME),
            any_source: fields.flag("any_source"),
        }
    }
}

/// Try a device before saving it
///
/// A device that does not answer is an answer: 200, with the step that failed and why.
#[utoipa::path(post, path = "/inventory/v1/device-tests", tag = "inventory",
    operation_id = "testDevice",
    request_body = DeviceTestInput,
    responses(
        (status = 200, description = "What was found", body = ProbeReport),
        (status = 409, description = "The prober refuses this")))]
pub(crate) async fn test_device(
    State(state): State<ApiState>,
    Body(input): Body<DeviceTestInput>,
) -> Result<Json<ProbeReport>, ApiError> {
    check_names(&state, input.profile.as_deref(), input.credential.as_deref()).await?;
    let Some(address) = input.address else {
        return Err(ApiError::field("address", "is missing"));
    };
    let request = ProbeRequest {
        address,
        port: input.port.unwrap_or(161),
        profile: input.profile.unwrap_or_else(|| "auto".to_owned()),
        credential: input.credential,
        any_source: input.any_source.unwrap_or(false),
    };
    Ok(Json(state.ports.prober.probe(request).await?))
}

/// Names of polling profiles.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProfileList {
    /// `auto` first, then by name.
    items: Vec<String>,
}

/// Polling profiles
#[utoipa::path(get, path = "/inventory/v1/profiles", tag = "inventory",
    operation_id = "listProfiles",
    responses((status = 200, description = "All profiles", body = ProfileList)))]
pub(crate) async fn profiles(State(state): State<ApiState>) -> Json<ProfileList> {
    let mut items = state.ports.prober.profiles();
    items.sort_by_key(|name| (name != "auto", name.clone()));
    Json(ProfileList { items })
}

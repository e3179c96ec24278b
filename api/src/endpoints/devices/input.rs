//! A device as a client describes it.

use std::net::IpAddr;

use schemas::{Device, DeviceId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::rim::{ApiError, Fields, FromFields, NAME, Text};
use crate::state::ApiState;

/// Most tags on a device.
const MAX_TAGS: usize = 50;
/// Shortest and longest time between polls: a second, a day.
const INTERVAL_MS: (i64, i64) = (1_000, 86_400_000);

/// A free word on a device.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 200)]
#[allow(dead_code)]
struct Tag(String);

/// What to poll. Fields left out take the default, also on PUT, which replaces all of them.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct DeviceInput {
    /// IP address, v4 or v6.
    #[schema(value_type = String, required, example = "192.0.2.10", min_length = 2, max_length = 45)]
    pub(crate) address: Option<IpAddr>,
    /// Display name; the address when left out.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: Option<String>,
    /// SNMP UDP port.
    #[schema(minimum = 1, maximum = 65535, default = 161)]
    pub(crate) port: Option<i64>,
    /// Polling profile, one of /inventory/v1/profiles.
    #[schema(min_length = 1, max_length = 200, default = "auto")]
    pub(crate) profile: Option<String>,
    /// Name of a credential in the vault.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) credential: Option<String>,
    /// Where it stands.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) site: Option<String>,
    /// Free words.
    #[schema(value_type = Option<Vec<Tag>>, max_items = 50)]
    pub(crate) tags: Option<Vec<String>>,
    /// Time between two polls.
    #[schema(minimum = 1000, maximum = 86400000, default = 60000)]
    pub(crate) interval_ms: Option<i64>,
    /// Poll by SNMP, which takes a credential; left out: where there is one.
    pub(crate) snmp: Option<bool>,
    /// Measure loss and round-trip time.
    #[schema(default = true)]
    pub(crate) icmp: Option<bool>,
    /// Poll it at all.
    #[schema(default = true)]
    pub(crate) enabled: Option<bool>,
}

/// Takes the field `address`.
pub(crate) fn read_address(fields: &mut Fields) -> Option<IpAddr> {
    let text = fields.required("address", Text { min: 1, max: 45 });
    if text.is_empty() {
        return None;
    }
    match text.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() || address.is_multicast() => {
            fields.wrong("address", "must be the address of one device");
            None
        }
        Ok(address) => Some(address),
        Err(_) => {
            fields.wrong("address", "must be an IP address, e.g. 192.0.2.10 or 2001:db8::1");
            None
        }
    }
}

impl FromFields for DeviceInput {
    fn read(fields: &mut Fields) -> Self {
        let input = Self {
            address: read_address(fields),
            name: fields.text("name", NAME),
            port: fields.integer("port", 1, 65_535),
            profile: fields.text("profile", NAME),
            credential: fields.text("credential", NAME),
            site: fields.text("site", NAME),
            tags: fields.texts("tags", NAME, MAX_TAGS),
            interval_ms: fields.integer("interval_ms", INTERVAL_MS.0, INTERVAL_MS.1),
            snmp: fields.flag("snmp"),
            icmp: fields.flag("icmp"),
            enabled: fields.flag("enabled"),
        };
        // It could only ever be degraded.
        if input.snmp == Some(true) && input.credential.is_none() {
            fields.needed("credential", "SNMP needs one: name it, or switch snmp off (ICMP only)");
        }
        input
    }
}

/// Checks what only the running system knows: that profile and credential exist.
///
/// # Errors
/// All fields that name something unknown.
pub(crate) async fn check_names(
    state: &ApiState,
    profile: Option<&str>,
    credential: Option<&str>,
) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    let profiles = state.ports.prober.profiles();
    if let Some(profile) = profile
        && !profiles.iter().any(|known| known == profile)
    {
        let detail = format!("no such profile; there are: {}", profiles.join(", "));
        errors.push(crate::rim::error::FieldError::new("profile", detail));
    }
    if let Some(credential) = credential {
        let known = state.ports.vault.list().await?;
        if !known.iter().any(|stored| stored.name == credential) {
            let detail = "no credential of that name; make it first, on the credentials page or by \
                          `opsconductor credential add NAME`";
            errors.push(crate::rim::error::FieldError::new("credential", detail));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::Invalid(errors)) }
}

impl DeviceInput {
    /// The record to write.
    pub(super) fn into_device(
        self,
        id: DeviceId,
        tenant: String,
        source: String,
        updated_at: i64,
    ) -> Device {
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        Device {
            snmp: self.snmp.unwrap_or(self.credential.is_some()),
            tenant,
            id,
            name: self.name.unwrap_or_else(|| address.clone()),
            address,
            port: self.port.and_then(|port| i32::try_from(port).ok()).unwrap_or(161),
            profile: self.profile.unwrap_or_else(|| "auto".to_owned()),
            credential: self.credential,
            site: self.site,
            tags: self.tags.unwrap_or_default(),
            interval_ms: self.interval_ms.unwrap_or(60_000),
            icmp: self.icmp.unwrap_or(true),
            enabled: self.enabled.unwrap_or(true),
            source,
            updated_at,
        }
    }
}

//! A device as a client describes it.

use schemas::{
    Address, Device, DeviceId, Echoes, ICMP_ECHOES, ICMP_SPACING_MS, ICMP_TIMEOUT_MS, INTERVAL_MS,
    MAX_ADDRESS, MAX_TAGS,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{ApiError, Fields, FromFields, NAME, Text};
use crate::state::ApiState;

/// A free word on a device.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 200)]
#[allow(dead_code)]
pub(crate) struct Tag(String);

/// What to poll. Fields left out take the default, also on PUT, which replaces all of them.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct DeviceInput {
    /// IP address, v4 or v6 (a link-local one with its zone, `fe80::1%eth0`), or host name.
    #[schema(value_type = String, required, example = "192.0.2.10", min_length = 1, max_length = 253)]
    pub(crate) address: Option<Address>,
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
    /// Take SNMP answers from another address than the one asked.
    #[schema(default = false)]
    pub(crate) any_source: Option<bool>,
    /// Echo requests a poll; as the pollers are configured when left out.
    #[schema(minimum = 1, maximum = 20)]
    pub(crate) icmp_echoes: Option<i64>,
    /// Time between echo requests.
    #[schema(minimum = 0, maximum = 10000)]
    pub(crate) icmp_spacing_ms: Option<i64>,
    /// How long the reply to the last echo request is waited for.
    #[schema(minimum = 10, maximum = 60000)]
    pub(crate) icmp_timeout_ms: Option<i64>,
}

/// Takes the field `address`.
pub(crate) fn read_address(fields: &mut Fields) -> Option<Address> {
    let text = fields.required("address", Text { min: 1, max: MAX_ADDRESS });
    if text.is_empty() {
        return None;
    }
    match text.parse::<Address>() {
        Ok(address) => Some(address),
        Err(error) => {
            fields.wrong("address", error.problem);
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
            any_source: fields.flag("any_source"),
            icmp_echoes: fields.integer("icmp_echoes", ICMP_ECHOES.0, ICMP_ECHOES.1),
            icmp_spacing_ms: fields.integer(
                "icmp_spacing_ms",
                ICMP_SPACING_MS.0,
                ICMP_SPACING_MS.1,
            ),
            icmp_timeout_ms: fields.integer(
                "icmp_timeout_ms",
                ICMP_TIMEOUT_MS.0,
                ICMP_TIMEOUT_MS.1,
            ),
        };
        // It could only ever be degraded.
        if input.snmp == Some(true) && input.credential.is_none() {
            fields.needed("credential", "SNMP needs one: name it, or switch snmp off (ICMP only)");
        }
        input.check_echoes(fields);
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
        errors.push(crate::http::error::FieldError::new("profile", detail));
    }
    if let Some(credential) = credential {
        let known = state.ports.vault.list().await?;
        if !known.iter().any(|stored| stored.name == credential) {
            let detail = "no credential of that name; make it first, on the credentials page or by \
                          `opsconductor credential add NAME`";
            errors.push(crate::http::error::FieldError::new("credential", detail));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::Invalid(errors)) }
}

impl DeviceInput {
    /// What is set must fit into the interval: it would be cut.
    fn check_echoes(&self, fields: &mut Fields) {
        let id = DeviceId::from_source("", "");
        let device = self.clone().into_device(id, String::new(), String::new(), 0);
        let Some(problem) = Echoes::problem(&device) else { return };
        let field = match (self.icmp_echoes, self.icmp_spacing_ms) {
            (Some(_), _) => "icmp_echoes",
            (None, Some(_)) => "icmp_spacing_ms",
            (None, None) => "icmp_timeout_ms",
        };
        fields.needed(field, &problem);
    }

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
            any_source: self.any_source.unwrap_or(false),
            icmp_echoes: self.icmp_echoes.and_then(|echoes| i32::try_from(echoes).ok()),
            icmp_spacing_ms: self.icmp_spacing_ms,
            icmp_timeout_ms: self.icmp_timeout_ms,
        }
    }
}

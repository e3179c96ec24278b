//! Defaults of fields, as their schemas have them.

use crate::id::TenantId;

/// The one tenant that there is at first.
pub const DEFAULT_TENANT: &str = "default";

pub(crate) fn default_tenant() -> TenantId {
    DEFAULT_TENANT.to_owned()
}

pub(crate) fn default_profile() -> String {
    "auto".to_owned()
}

pub(crate) fn default_source() -> String {
    "api".to_owned()
}

pub(crate) const fn default_port() -> i32 {
    161
}

pub(crate) const fn default_interval() -> i64 {
    60_000
}

pub(crate) const fn default_bucket() -> i64 {
    300_000
}

pub(crate) const fn yes() -> bool {
    true
}

pub(crate) const fn one() -> f64 {
    1.0
}

pub(crate) const fn one_part() -> i32 {
    1
}

pub(crate) fn running() -> String {
    "running".to_owned()
}

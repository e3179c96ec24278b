//! What all entities share: a change is a command, decided by one process for all, and answered
//! once the projections show it; every version is kept with who and when.
//!
//! A kind of entity is an implementation of [`Kind`] and its endpoints.

pub(crate) mod change;
pub(crate) mod history;
mod visible;

pub(crate) use change::{Change, create, remove, replace};

use serde::Serialize;

use crate::http::ApiError;

/// The body of a command.
pub(crate) fn body<T: Serialize>(value: &T) -> Result<String, ApiError> {
    serde_json::to_string(value)
        .map_err(|error| ApiError::Internal(format!("the body of an entity: {error}")))
}

/// A kind of entity as the API serves it.
pub(crate) trait Kind {
    /// As commands name it.
    const KIND: &'static str;
    /// For the error: there is no WHAT ….
    const WHAT: &'static str;
    /// The revision that the projection has, or no row; `$1` is the id as text.
    const REVISION: &'static str;
}

/// A device.
pub(crate) struct Devices;

impl Kind for Devices {
    const KIND: &'static str = "device";
    const WHAT: &'static str = "device";
    const REVISION: &'static str = "SELECT (extract(epoch FROM updated_at) * 1000)::bigint \
        FROM device WHERE id = $1::uuid";
}

/// A group of devices.
pub(crate) struct DeviceGroups;

impl Kind for DeviceGroups {
    const KIND: &'static str = "device_group";
    const WHAT: &'static str = "device group";
    const REVISION: &'static str = "SELECT revision FROM entity \
        WHERE tenant = 'default' AND kind = 'device_group' AND id = $1";
}

/// A credential; its revisions are in its history alone.
pub(crate) struct Credentials;

impl Kind for Credentials {
    const KIND: &'static str = "credential";
    const WHAT: &'static str = "credential";
    const REVISION: &'static str = "SELECT version FROM credential WHERE name = $1";
}

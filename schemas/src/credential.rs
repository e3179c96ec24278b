//! Changes of credentials (`credential.avsc`): which one, never what it holds.

use serde::{Deserialize, Serialize};

use crate::id::TenantId;

fn default_tenant() -> TenantId {
    "default".to_owned()
}

const fn yes() -> bool {
    true
}

/// A credential was made, replaced or removed (`credential.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CredentialChange {
    #[serde(default = "default_tenant")]
    pub tenant: TenantId,
    pub name: String,
    pub version: i64,
    #[serde(default = "yes")]
    pub present: bool,
}

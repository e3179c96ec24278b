//! Changes of credentials (`credential.avsc`): which one, never what it holds.

use serde::{Deserialize, Serialize};

use crate::defaults;
use crate::id::TenantId;

/// A credential was made, replaced or removed (`credential.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CredentialChange {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub name: String,
    pub version: i64,
    #[serde(default = "defaults::yes")]
    pub present: bool,
    #[serde(default)]
    pub revision: i64,
}

//! Sources: outside systems that are followed (`source.avsc`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::defaults;
use crate::id::TenantId;

/// A source, by its tenant and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Unique within the tenant.
    pub id: String,
}

impl SourceKey {
    /// Reads what [`fmt::Display`] wrote; none when a half is empty or there are more.
    pub fn parse(text: &str) -> Option<Self> {
        let (tenant, id) = text.split_once('/')?;
        let whole = !tenant.is_empty() && !id.is_empty() && !id.contains('/');
        whole.then(|| Self { tenant: tenant.to_owned(), id: id.to_owned() })
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.id)
    }
}

/// What is followed (`source.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Source {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub id: String,
    pub kind: String,
    #[serde(default)]
    pub instance: Option<String>,
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    #[serde(default = "defaults::yes")]
    pub enabled: bool,
    #[serde(default)]
    pub updated_at: i64,
}

impl Source {
    /// Its record key.
    pub fn key(&self) -> SourceKey {
        SourceKey { tenant: self.tenant.clone(), id: self.id.clone() }
    }
}

//! Trying a device once: the request (`probe.avsc`) and what came of it (`probe_report.avsc`).

use serde::{Deserialize, Serialize};

use crate::defaults;
use crate::id::TenantId;

/// A request to try a device (`probe.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Probe {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub id: String,
    pub address: String,
    #[serde(default = "defaults::default_port")]
    pub port: i32,
    #[serde(default = "defaults::default_profile")]
    pub profile: String,
    #[serde(default)]
    pub credential: Option<String>,
    #[serde(default)]
    pub any_source: bool,
    pub requested_at: i64,
}

/// What trying a device gave (`probe_report.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProbeReport {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub id: String,
    pub at: i64,
    #[serde(default)]
    pub failure: Option<String>,
    #[serde(default)]
    pub steps: Vec<ProbeStep>,
    #[serde(default)]
    pub sys_name: Option<String>,
    #[serde(default)]
    pub sys_descr: Option<String>,
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub interfaces: Option<i64>,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProbeStep {
    pub name: String,
    pub ok: bool,
    pub detail: String,
    pub duration_ms: i64,
}

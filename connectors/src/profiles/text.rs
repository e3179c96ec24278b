//! A profile file as it is written.

use std::collections::BTreeMap;

use schemas::Kind;
use serde::Deserialize;

use super::{CodePage, Form, Transform};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileText {
    pub(super) name: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) extends: Vec<String>,
    #[serde(default, rename = "match")]
    pub(super) matches: Vec<String>,
    pub(super) code_page: Option<CodePage>,
    #[serde(default)]
    pub(super) metric: Vec<MetricText>,
    #[serde(default)]
    pub(super) fact: Vec<FactText>,
    #[serde(default)]
    pub(super) table: Vec<TableText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricText {
    pub(super) metric: String,
    pub(super) oid: String,
    pub(super) kind: KindText,
    pub(super) unit: String,
    #[serde(default = "one")]
    pub(super) scale: f64,
    pub(super) ceiling: Option<String>,
    pub(super) detect: Option<bool>,
    #[serde(default)]
    pub(super) quantum: f64,
    pub(super) transform: Option<Transform>,
    pub(super) valid: Option<[f64; 2]>,
    pub(super) fallback: Option<FallbackText>,
    #[serde(default)]
    pub(super) fallback_on_zero: bool,
    pub(super) fallback_above: Option<f64>,
    #[serde(default)]
    pub(super) texts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FallbackText {
    pub(super) oid: String,
    pub(super) kind: KindText,
    pub(super) scale: Option<f64>,
    pub(super) transform: Option<Transform>,
    pub(super) valid: Option<[f64; 2]>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindText {
    Gauge,
    Counter32,
    Counter64,
    State,
    Discontinuity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactText {
    pub(super) name: String,
    pub(super) oid: Option<String>,
    #[serde(default)]
    pub(super) form: Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableText {
    pub(super) name: String,
    pub(super) instance: InstanceText,
    #[serde(default)]
    pub(super) guard: Vec<String>,
    #[serde(default)]
    pub(super) metric: Vec<MetricText>,
    #[serde(default)]
    pub(super) fact: Vec<FactText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceText {
    pub(super) columns: Option<Vec<String>>,
    pub(super) join: Option<String>,
    pub(super) offset: Option<u32>,
    pub(super) index: Option<String>,
}

const fn one() -> f64 {
    1.0
}

impl KindText {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Gauge => Kind::Gauge,
            Self::Counter32 => Kind::Counter32,
            Self::Counter64 => Kind::Counter64,
            Self::State => Kind::State,
            Self::Discontinuity => Kind::Discontinuity,
        }
    }
}

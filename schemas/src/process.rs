//! What processes publish of themselves, field by field as in `avro/process_status.avsc`,
//! `avro/poller_status.avsc` and `avro/process_log.avsc`, where each is documented.

use serde::{Deserialize, Serialize};

use crate::defaults;
use crate::id::DeviceId;

/// What one process does (`process_status.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProcessStatus {
    pub instance: String,
    pub version: String,
    pub started_at: i64,
    pub at: i64,
    #[serde(default)]
    pub components: Vec<ComponentStatus>,
    #[serde(default)]
    pub reads: Vec<ReadStatus>,
    #[serde(default = "defaults::running")]
    pub state: String,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub host: String,
    #[serde(default)]
    pub warnings: Vec<String>,
    #[serde(default)]
    pub figures: Vec<Figure>,
}

/// One component of [`ProcessStatus`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ComponentStatus {
    pub name: String,
    pub state: String,
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub since: i64,
    #[serde(default)]
    pub group: String,
    #[serde(default)]
    pub topic: String,
    #[serde(default)]
    pub partitions: Vec<i32>,
    #[serde(default)]
    pub lag: Option<i64>,
    #[serde(default)]
    pub lag_ms: Option<i64>,
}

/// One partition that the process of a [`ProcessStatus`] holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReadStatus {
    pub group: String,
    pub topic: String,
    pub partition: i32,
    #[serde(default)]
    pub next: Option<i64>,
    #[serde(default)]
    pub newest_at: Option<i64>,
}

/// A number that the process of a [`ProcessStatus`] counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Figure {
    pub name: String,
    pub value: i64,
}

/// How polls of some devices went (`poller_status.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PollerStatus {
    pub instance: String,
    pub started_at: i64,
    pub part: i32,
    pub parts: i32,
    #[serde(default)]
    pub timings: Vec<PollTiming>,
}

/// How polls of one device by one connector went (`poller_status.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PollTiming {
    pub device: DeviceId,
    #[serde(default)]
    pub device_name: String,
    pub connector: String,
    #[serde(default)]
    pub last_duration_ms: Option<i64>,
    #[serde(default)]
    pub last_outcome: Option<String>,
    #[serde(default)]
    pub last_at: Option<i64>,
    #[serde(default)]
    pub slowest_table: Option<String>,
    #[serde(default)]
    pub slowest_table_ms: Option<i64>,
    #[serde(default)]
    pub requests: i64,
    #[serde(default)]
    pub timeouts: i64,
}

/// A warning or an error of a process (`process_log.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProcessLog {
    pub instance: String,
    pub at: i64,
    pub level: String,
    #[serde(default)]
    pub component: String,
    #[serde(default)]
    pub target: String,
    pub message: String,
    #[serde(default)]
    pub fields: Vec<LogField>,
    #[serde(default)]
    pub suppressed: i64,
}

/// What a line of [`ProcessLog`] was said with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LogField {
    pub name: String,
    pub value: String,
}

//! Shapes that more than one endpoint returns.

use std::fmt::Display;

use schemas::{Anomaly, Availability};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Serializes by `Display`.
pub(crate) fn as_text<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Availability of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Answers.
    Up,
    /// Answers in part.
    Degraded,
    /// Does not answer.
    Down,
    /// Not polled, or not for long.
    Unknown,
}

impl State {
    /// All states by name.
    pub(crate) const NAMES: [&'static str; 4] = ["up", "degraded", "down", "unknown"];

    /// From the name in the database; what is no name of a state is unknown.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "up" => Self::Up,
            "degraded" => Self::Degraded,
            "down" => Self::Down,
            _ => Self::Unknown,
        }
    }
}

impl From<Availability> for State {
    fn from(state: Availability) -> Self {
        match state {
            Availability::Up => Self::Up,
            Availability::Degraded => Self::Degraded,
            Availability::Down => Self::Down,
            Availability::Unknown => Self::Unknown,
        }
    }
}

/// A device in a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeviceSummary {
    /// Identity for life.
    #[schema(format = Uuid)]
    pub id: String,
    /// Display name.
    pub name: String,
    /// IP address.
    pub address: String,
    /// SNMP UDP port.
    #[schema(minimum = 1, maximum = 65535)]
    pub port: i32,
    /// Polling profile; `auto` chooses by sysObjectID.
    pub profile: String,
    /// Name of a credential in the vault.
    pub credential: Option<String>,
    /// Where it stands.
    pub site: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Whether it is polled at all.
    pub enabled: bool,
    /// Whether it is polled by SNMP.
    pub snmp: bool,
    /// Whether loss and round-trip time are measured.
    pub icmp: bool,
    /// Time between two polls.
    pub interval_ms: i64,
    /// Availability.
    pub state: State,
    /// Since when it is in that state, ms since the epoch.
    pub since: i64,
    /// Why, with the mend where there is one.
    pub reason: String,
    /// Newest sample of any series, ms since the epoch.
    pub last_sample_at: Option<i64>,
    /// Anomalies that have not cleared.
    #[schema(minimum = 0)]
    pub open_anomalies: i64,
    /// Number of interfaces known.
    #[schema(minimum = 0)]
    pub interfaces: i64,
}

/// An anomaly as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AnomalyItem {
    /// The same in onset, changes and clear.
    pub id: String,
    /// Device id.
    #[schema(format = Uuid)]
    pub device: String,
    /// Its display name.
    pub device_name: String,
    /// Series id, 16 hexadecimal digits.
    pub series: String,
    /// E.g. `if_in_bps`.
    pub metric: String,
    /// E.g. a port's name; empty for the device itself.
    pub instance: String,
    /// Unit of the values.
    pub unit: String,
    /// ms since the epoch.
    pub onset_at: i64,
    /// ms since the epoch; null while open.
    pub cleared_at: Option<i64>,
    /// Of the last transition, ms since the epoch.
    pub at: i64,
    /// Seen. Here and below an infinity reads as the largest finite number.
    pub value: f64,
    /// Expected.
    pub expected: f64,
    /// Lower edge of the band.
    pub lower: f64,
    /// Upper edge of the band.
    pub upper: f64,
    /// Distance from expected in units of the band's scale.
    pub score: f64,
    /// Detector.
    pub method: String,
    /// Logic version of the detector.
    pub version: i32,
}

/// A number that JSON can hold. A detector emits no NaN; should one get here it reads 0.
pub(crate) fn number(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}

impl AnomalyItem {
    /// From the record of a transition; `cleared` says that it was the last one.
    pub(crate) fn from_record(record: &Anomaly, cleared: bool) -> Self {
        Self {
            id: record.id.clone(),
            device: record.device.to_string(),
            device_name: record.device_name.clone(),
            series: record.series.to_string(),
            metric: record.metric.clone(),
            instance: record.instance.clone(),
            unit: record.unit.clone(),
            onset_at: record.onset_at,
            cleared_at: cleared.then_some(record.at),
            at: record.at,
            value: number(record.value),
            expected: number(record.expected),
            lower: number(record.lower),
            upper: number(record.upper),
            score: number(record.score),
            method: record.method.clone(),
            version: record.version,
        }
    }
}

/// One page of anomalies.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnomalyPage {
    /// This page.
    pub items: Vec<AnomalyItem>,
    /// How many match in all.
    #[schema(minimum = 0)]
    pub total: i64,
    /// Cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// One page of devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevicePage {
    /// This page.
    pub items: Vec<DeviceSummary>,
    /// How many match in all.
    #[schema(minimum = 0)]
    pub total: i64,
    /// Cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

//! The records, field by field as in `avro/*.avsc`, where each is documented.
//!
//! `serde(default)` stands on every field that has a default in the schema: that is what makes a
//! record of an older writer readable. One file, though a long one: nothing but fields, to be held
//! against the schemas side by side.

use serde::{Deserialize, Serialize};

use crate::defaults;
use crate::id::{DeviceId, SeriesId, TenantId};

/// What to poll and how (`device.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Device {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub id: DeviceId,
    pub name: String,
    pub address: String,
    #[serde(default = "defaults::default_port")]
    pub port: i32,
    #[serde(default = "defaults::default_profile")]
    pub profile: String,
    #[serde(default)]
    pub credential: Option<String>,
    #[serde(default)]
    pub site: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default = "defaults::default_interval")]
    pub interval_ms: i64,
    #[serde(default = "defaults::yes")]
    pub snmp: bool,
    #[serde(default = "defaults::yes")]
    pub icmp: bool,
    #[serde(default = "defaults::yes")]
    pub enabled: bool,
    #[serde(default = "defaults::default_source")]
    pub source: String,
    #[serde(default)]
    pub updated_at: i64,
    #[serde(default)]
    pub any_source: bool,
    #[serde(default)]
    pub icmp_echoes: Option<i32>,
    #[serde(default)]
    pub icmp_spacing_ms: Option<i64>,
    #[serde(default)]
    pub icmp_timeout_ms: Option<i64>,
}

/// How a poll ended (`poll.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Outcome {
    Ok,
    Partial,
    Timeout,
    Unreachable,
    NoCredential,
    NotPermitted,
    Malformed,
    Skipped,
    #[serde(other)]
    Failed,
}

/// What a column holds (`poll.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Kind {
    Counter32,
    Counter64,
    State,
    Discontinuity,
    #[serde(other)]
    Gauge,
}

/// The values of one metric, instance by instance (`poll.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Column {
    pub metric: String,
    pub unit: String,
    pub kind: Kind,
    #[serde(default = "defaults::one")]
    pub scale: f64,
    #[serde(default)]
    pub ceiling: Option<String>,
    #[serde(default = "defaults::yes")]
    pub detect: bool,
    #[serde(default)]
    pub quantum: f64,
    pub instances: Vec<i32>,
    pub at_ms: Vec<i32>,
    #[serde(default)]
    pub counts: Vec<i64>,
    #[serde(default)]
    pub gauges: Vec<f64>,
}

/// A text that describes a device or one of its instances (`poll.avsc`, `facts.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Fact {
    pub instance: String,
    pub name: String,
    pub value: String,
}

/// One poll of one device by one connector (`poll.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Poll {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub device: DeviceId,
    pub connector: String,
    pub cycle: i64,
    #[serde(default)]
    pub part: i32,
    #[serde(default = "defaults::one_part")]
    pub parts: i32,
    pub interval_ms: i64,
    pub started_at: i64,
    pub mono_ms: i64,
    pub poller: String,
    #[serde(default)]
    pub duration_ms: i32,
    pub outcome: Outcome,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub uptime_cs: Option<i64>,
    #[serde(default)]
    pub instances: Vec<String>,
    #[serde(default)]
    pub columns: Vec<Column>,
    #[serde(default)]
    pub facts: Vec<Fact>,
    #[serde(default)]
    pub identities: Vec<i64>,
    #[serde(default)]
    pub target: i64,
}

/// What else the poll topic's processors must know of a device (`control.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Control {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub device: DeviceId,
    #[serde(default)]
    pub name: String,
    pub present: bool,
    #[serde(default = "defaults::yes")]
    pub enabled: bool,
    #[serde(default = "defaults::yes")]
    pub snmp: bool,
    #[serde(default = "defaults::yes")]
    pub icmp: bool,
    #[serde(default = "defaults::default_interval")]
    pub interval_ms: i64,
    pub at: i64,
}

/// Time as data (`tick.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Tick {
    pub at: i64,
}

/// Bits of [`MetricBatch::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleFlags;

impl SampleFlags {
    /// A 32-bit counter wrapped within the interval.
    pub const WRAP: i32 = 1;
    /// The hourly repetition of an unchanged state.
    pub const REPEATED: i32 = 2;
    /// Above the stated ceiling, which was exceeded poll after poll and is not believed.
    pub const CEILING: i32 = 4;
    /// The mean since the agent last refreshed the counter.
    pub const MEAN: i32 = 8;
}

/// Why a sample is missing (`metric.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum GapReason {
    First,
    Reset,
    Discontinuity,
    Gap,
    Implausible,
    Moved,
    Wrap,
    NotPresent,
    #[serde(other)]
    Unknown,
}

/// A sample missing on purpose (`metric.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Gap {
    pub series: SeriesId,
    pub at_ms: i32,
    pub reason: GapReason,
}

/// The samples of one poll, as rates and gauges (`metric.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct MetricBatch {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub device: DeviceId,
    pub at: i64,
    pub series: Vec<SeriesId>,
    pub at_ms: Vec<i32>,
    pub values: Vec<f64>,
    #[serde(default)]
    pub flags: Vec<i32>,
    #[serde(default)]
    pub gaps: Vec<Gap>,
    #[serde(default)]
    pub interval_ms: i64,
    #[serde(default)]
    pub connector: String,
    #[serde(default = "defaults::yes")]
    pub answered: bool,
}

/// Closed buckets of one width (`rollup.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Rollup {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub device: DeviceId,
    pub width_ms: i64,
    pub bucket: i64,
    #[serde(default)]
    pub repair: bool,
    pub series: Vec<SeriesId>,
    pub counts: Vec<i32>,
    pub sums: Vec<f64>,
    pub mins: Vec<f64>,
    pub maxs: Vec<f64>,
    pub lasts: Vec<f64>,
}

/// Expected values and bands of one bucket (`baseline.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Baseline {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub device: DeviceId,
    pub bucket: i64,
    #[serde(default = "defaults::default_bucket")]
    pub width_ms: i64,
    pub method: String,
    pub series: Vec<SeriesId>,
    pub expected: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

/// Which transition of an anomaly (`anomaly.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Transition {
    Onset,
    Clear,
    #[serde(other)]
    Change,
}

/// A transition of an anomaly (`anomaly.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Anomaly {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub id: String,
    pub transition: Transition,
    pub device: DeviceId,
    #[serde(default)]
    pub device_name: String,
    pub series: SeriesId,
    pub metric: String,
    pub instance: String,
    #[serde(default)]
    pub unit: String,
    pub onset_at: i64,
    pub at: i64,
    pub value: f64,
    pub expected: f64,
    pub lower: f64,
    pub upper: f64,
    pub score: f64,
    pub method: String,
    pub version: i32,
    #[serde(default)]
    pub onset_value: Option<f64>,
    #[serde(default)]
    pub onset_expected: Option<f64>,
    #[serde(default)]
    pub onset_lower: Option<f64>,
    #[serde(default)]
    pub onset_upper: Option<f64>,
    #[serde(default)]
    pub peak_at: Option<i64>,
    #[serde(default)]
    pub peak_value: Option<f64>,
    #[serde(default)]
    pub peak_expected: Option<f64>,
    #[serde(default)]
    pub peak_lower: Option<f64>,
    #[serde(default)]
    pub peak_upper: Option<f64>,
}

/// State of a device (`status.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Availability {
    Up,
    Degraded,
    Down,
    #[serde(other)]
    Unknown,
}

/// Availability of a device (`status.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct DeviceStatus {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub device: DeviceId,
    pub state: Availability,
    pub since: i64,
    pub at: i64,
    #[serde(default)]
    pub reason: String,
}

/// All texts known of a device (`facts.avsc`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct DeviceFacts {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub device: DeviceId,
    pub at: i64,
    pub facts: Vec<Fact>,
    #[serde(default)]
    pub part: i32,
    #[serde(default = "defaults::one_part")]
    pub parts: i32,
}

/// The identity behind a series id (`series.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Series {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub id: SeriesId,
    pub device: DeviceId,
    pub metric: String,
    pub instance: String,
    pub unit: String,
    #[serde(default)]
    pub state: bool,
}

/// A record that a component could not take (`dead_letter.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct DeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub component: String,
    pub reason: String,
    pub error: String,
    pub at: i64,
    #[serde(default, with = "optional_bytes")]
    pub key: Option<Vec<u8>>,
    #[serde(default, with = "optional_bytes")]
    pub value: Option<Vec<u8>>,
}

/// serde takes a byte vector for a sequence of numbers; the schema says bytes.
mod optional_bytes {
    use std::fmt;

    use serde::de::{self, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    struct Borrowed<'a>(&'a [u8]);

    impl Serialize for Borrowed<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    struct Owned(Vec<u8>);

    impl<'de> Deserialize<'de> for Owned {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Bytes;
            impl Visitor<'_> for Bytes {
                type Value = Owned;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("bytes")
                }

                fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Owned, E> {
                    Ok(Owned(bytes.to_vec()))
                }
            }
            deserializer.deserialize_bytes(Bytes)
        }
    }

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().map(Borrowed).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Owned>::deserialize(deserializer)?.map(|owned| owned.0))
    }
}

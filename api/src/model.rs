//! Shapes that more than one endpoint returns.

use std::collections::BTreeMap;
use std::fmt::Display;

use schemas::{Anomaly, Availability, ProcessLog};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Serializes by `Display`.
pub(crate) fn as_text<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Availability of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
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

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

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
pub(crate) struct DeviceSummary {
    /// Identity for life.
    #[schema(format = Uuid)]
    pub(crate) id: String,
    /// Display name.
    pub(crate) name: String,
    /// IP address or host name; of a host name the fact `address_in_use` is the address.
    pub(crate) address: String,
    /// SNMP UDP port.
    #[schema(minimum = 1, maximum = 65535)]
    pub(crate) port: i32,
    /// Polling profile; `auto` chooses by sysObjectID.
    pub(crate) profile: String,
    /// Name of a credential in the vault.
    pub(crate) credential: Option<String>,
    /// Where it stands.
    pub(crate) site: Option<String>,
    /// Free words.
    pub(crate) tags: Vec<String>,
    /// Whether it is polled at all.
    pub(crate) enabled: bool,
    /// Whether it is polled by SNMP.
    pub(crate) snmp: bool,
    /// Whether loss and round-trip time are measured.
    pub(crate) icmp: bool,
    /// Time between two polls.
    pub(crate) interval_ms: i64,
    /// Whether SNMP answers may come from another address than the one asked.
    pub(crate) any_source: bool,
    /// Echo requests a poll; null: as the pollers are configured.
    pub(crate) icmp_echoes: Option<i32>,
    /// Time between echo requests.
    pub(crate) icmp_spacing_ms: Option<i64>,
    /// How long the reply to the last echo request is waited for.
    pub(crate) icmp_timeout_ms: Option<i64>,
    /// Who maintains it: api, file, demo, netbox.
    pub(crate) source: String,
    /// Grows with each change; what ETag has and If-Match takes.
    pub(crate) revision: i64,
    /// Availability.
    pub(crate) state: State,
    /// Since when it is in that state, ms since the epoch.
    pub(crate) since: i64,
    /// Why, with the remedy where there is one.
    pub(crate) reason: String,
    /// Newest sample of a poll that was answered, ms since the epoch; null when none ever was.
    pub(crate) last_sample_at: Option<i64>,
    /// Newest answer by any protocol, ms since the epoch.
    pub(crate) last_answer_at: Option<i64>,
    /// Newest answer by SNMP, ms since the epoch. Ports and their rates are as old as this.
    pub(crate) snmp_answer_at: Option<i64>,
    /// Newest answer to a ping, ms since the epoch.
    pub(crate) icmp_answer_at: Option<i64>,
    /// What was answered longer ago than this, three intervals, is stale.
    pub(crate) stale_after_ms: i64,
    /// Anomalies that have not cleared.
    #[schema(minimum = 0)]
    pub(crate) open_anomalies: i64,
    /// Number of interfaces known.
    #[schema(minimum = 0)]
    pub(crate) interfaces: i64,
}

/// Intervals without an answer after which what was answered is stale.
const STALE_INTERVALS: i64 = 3;

/// After how long without an answer what a device said is stale. `polled_ms`: the interval as the
/// last poll said, `wanted_ms`: as the inventory does, which may not have come about yet.
pub(crate) fn stale_after_ms(polled_ms: Option<i64>, wanted_ms: i64) -> i64 {
    polled_ms.unwrap_or(0).max(wanted_ms).saturating_mul(STALE_INTERVALS)
}

/// A sample with what was expected of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AnomalyEvidence {
    /// ms since the epoch.
    pub(crate) at: i64,
    /// Seen.
    pub(crate) value: f64,
    /// Expected.
    pub(crate) expected: f64,
    /// Lower edge of the band.
    pub(crate) lower: f64,
    /// Upper edge of the band.
    pub(crate) upper: f64,
}

impl AnomalyEvidence {
    /// Value, expected, lower, upper.
    pub(crate) fn new(at: i64, [value, expected, lower, upper]: [f64; 4]) -> Self {
        Self {
            at,
            value: number(value),
            expected: number(expected),
            lower: number(lower),
            upper: number(upper),
        }
    }
}

/// An anomaly as it stands. `value`, `expected`, `lower` and `upper` are those of the sample that
/// opened it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AnomalyItem {
    /// The same in onset, changes and clear.
    pub(crate) id: String,
    /// Device id.
    #[schema(format = Uuid)]
    pub(crate) device: String,
    /// Its display name.
    pub(crate) device_name: String,
    /// Series id, 16 hexadecimal digits.
    pub(crate) series: String,
    /// E.g. `if_in_bps`.
    pub(crate) metric: String,
    /// E.g. a port's name; empty for the device itself.
    pub(crate) instance: String,
    /// Unit of the values.
    pub(crate) unit: String,
    /// ms since the epoch.
    pub(crate) onset_at: i64,
    /// ms since the epoch; null while open.
    pub(crate) cleared_at: Option<i64>,
    /// Of the last transition, ms since the epoch.
    pub(crate) at: i64,
    /// Seen. Here and below an infinity reads as the largest finite number.
    pub(crate) value: f64,
    /// Expected.
    pub(crate) expected: f64,
    /// Lower edge of the band.
    pub(crate) lower: f64,
    /// Upper edge of the band.
    pub(crate) upper: f64,
    /// Distance from expected in units of the band's scale, the highest so far.
    pub(crate) score: f64,
    /// The sample with the highest score so far.
    pub(crate) peak: AnomalyEvidence,
    /// The sample that closed it; null while it is open.
    pub(crate) clear: Option<AnomalyEvidence>,
    /// Detector.
    pub(crate) method: String,
    /// Logic version of the detector.
    pub(crate) version: i32,
}

/// A number that JSON can hold. A detector emits no NaN; should one get here it reads 0.
pub(crate) fn number(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}

impl AnomalyItem {
    /// From the record of a transition; `cleared` says that it was the last one.
    pub(crate) fn from_record(record: &Anomaly, cleared: bool) -> Self {
        let now = [record.value, record.expected, record.lower, record.upper];
        // What an older version of the detector does not report is taken from the transition.
        let or_now = |reported: [Option<f64>; 4]| -> [f64; 4] {
            std::array::from_fn(|at| reported[at].unwrap_or(now[at]))
        };
        let [value, expected, lower, upper] = or_now([
            record.onset_value,
            record.onset_expected,
            record.onset_lower,
            record.onset_upper,
        ]);
        let peak =
            or_now([record.peak_value, record.peak_expected, record.peak_lower, record.peak_upper]);
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
            value: number(value),
            expected: number(expected),
            lower: number(lower),
            upper: number(upper),
            score: number(record.score),
            peak: AnomalyEvidence::new(record.peak_at.unwrap_or(record.at), peak),
            clear: cleared.then(|| AnomalyEvidence::new(record.at, now)),
            method: record.method.clone(),
            version: record.version,
        }
    }
}

/// One page of anomalies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnomalyPage {
    /// This page.
    pub(crate) items: Vec<AnomalyItem>,
    /// How many match in all.
    #[schema(minimum = 0)]
    pub(crate) total: i64,
    /// Cursor of the next page; null at the end.
    pub(crate) next_cursor: Option<String>,
}

/// One page of devices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DevicePage {
    /// This page.
    pub(crate) items: Vec<DeviceSummary>,
    /// How many match in all.
    #[schema(minimum = 0)]
    pub(crate) total: i64,
    /// Cursor of the next page; null at the end.
    pub(crate) next_cursor: Option<String>,
}

/// A warning or an error of a process.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct LogLine {
    /// By the clock of the process, ms since the epoch.
    pub(crate) at: i64,
    /// The process: its roles and name.
    #[schema(example = "connect@host-1")]
    pub(crate) instance: String,
    /// `warn` or `error`.
    #[schema(example = "warn")]
    pub(crate) level: String,
    /// The component that it is about, else the thread that said it.
    pub(crate) component: String,
    /// The module that said it.
    pub(crate) target: String,
    /// What was said.
    pub(crate) message: String,
    /// What it was said with.
    pub(crate) fields: BTreeMap<String, String>,
    /// Lines of the same place in the program that were left out before this one.
    #[schema(minimum = 0)]
    pub(crate) suppressed: i64,
}

impl From<&ProcessLog> for LogLine {
    fn from(line: &ProcessLog) -> Self {
        let fields = line.fields.iter().map(|it| (it.name.clone(), it.value.clone()));
        Self {
            at: line.at,
            instance: line.instance.clone(),
            level: line.level.clone(),
            component: line.component.clone(),
            target: line.target.clone(),
            message: line.message.clone(),
            fields: fields.collect(),
            suppressed: line.suppressed,
        }
    }
}

/// One page of lines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogPage {
    /// This page.
    pub(crate) items: Vec<LogLine>,
    /// Cursor of the next page; null at the end.
    pub(crate) next_cursor: Option<String>,
}

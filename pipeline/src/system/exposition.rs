//! What `/metrics` shows beside the counters: lines whose labels come and go (a partition that
//! moves away, a device that is slow no more), so that none stays behind.

use std::fmt::Write;

use connectors::{BUCKETS_MS, DeviceTiming, Histogram, Poller};
use instruments::Family;

use super::parts::{GroupLag, Missing};
use super::process::Usage;
use crate::config::Config;
use crate::families;
use crate::run::lag::Behind;

/// So many of the slowest devices are named.
const SLOWEST_DEVICES: usize = 20;

/// The lines of a family in Prometheus's text form (0.0.4).
struct Lines<'a> {
    text: &'a mut String,
    family: &'a Family,
}

impl<'a> Lines<'a> {
    fn begin(text: &'a mut String, family: &'a Family) -> Self {
        let (name, kind) = (family.name, family.kind.name());
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help());
        Self { text, family }
    }

    /// `values`: of the family's labels, in their order.
    fn line(&mut self, values: &[&str], value: f64) {
        self.write("", values, None, value);
    }

    fn write(&mut self, suffix: &str, values: &[&str], bound: Option<&str>, value: f64) {
        let _ = write!(self.text, "{}{suffix}", self.family.name);
        let own = self.family.labels.iter().copied().zip(values.iter().copied());
        let mut before = '{';
        for (label, value) in own.chain(bound.map(|bound| ("le", bound))) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{before}{label}=\"{value}\"");
            before = ',';
        }
        let end = if before == ',' { "}" } else { "" };
        let _ = writeln!(self.text, "{end} {value}");
    }

    fn histogram(&mut self, values: &[&str], histogram: &Histogram) {
        let count = histogram.count as f64;
        let bounds = BUCKETS_MS.iter().map(|bound| seconds(*bound as f64).to_string());
        let buckets = bounds.zip(histogram.at_most.map(|at_most| at_most as f64));
        for (bound, at_most) in buckets.chain([("+Inf".to_owned(), count)]) {
            self.write("_bucket", values, Some(&bound), at_most);
        }
        self.write("_sum", values, None, seconds(histogram.sum_ms as f64));
        self.write("_count", values, None, count);
    }
}

fn seconds(ms: f64) -> f64 {
    ms / 1_000.0
}

/// What this process takes of the machine.
pub(super) fn usage(text: &mut String, usage: &Usage) {
    let mut line = |family, value: Option<f64>| {
        // What the system does not say is left out.
        if let Some(value) = value {
            Lines::begin(text, family).line(&[], value);
        }
    };
    line(families::PROCESS_CPU.family(), usage.cpu_s);
    line(families::PROCESS_RESIDENT.family(), usage.resident_bytes);
    line(families::PROCESS_VIRTUAL.family(), usage.virtual_bytes);
    line(families::PROCESS_OPEN_FDS.family(), usage.open_fds);
    line(families::PROCESS_MAX_FDS.family(), usage.max_fds);
    line(families::PROCESS_THREADS.family(), usage.threads);
    line(families::PROCESS_START.family(), usage.started_s);
}

/// Counters that the poller keeps.
pub(super) fn counters(text: &mut String, poller: &Poller) {
    for (family, value) in connectors::FAMILIES.iter().zip(poller.counters().list()) {
        Lines::begin(text, family).line(&[], value as f64);
    }
}

/// What became of warnings and errors.
pub(super) fn lines(text: &mut String, counts: impl Iterator<Item = (&'static str, u64)>) {
    let mut lines = Lines::begin(text, families::PROCESS_LOG_LINES.family());
    counts.for_each(|(result, count)| lines.line(&[result], count as f64));
}

/// How far each group is behind, by topic and partition, whoever holds it or nobody.
pub(super) fn lag(text: &mut String, config: &Config, all: &[GroupLag]) {
    let lines = Lines::begin(text, families::LAG_RECORDS.family());
    by_partition(lines, config, all, |behind| Some(behind.records as f64));
    let lines = Lines::begin(text, families::LAG.family());
    by_partition(lines, config, all, |behind| behind.ms.map(|ms| seconds(ms as f64)));
}

/// Partitions that nobody holds, by group.
pub(super) fn missing(text: &mut String, config: &Config, all: &[Missing]) {
    let mut lines = Lines::begin(text, families::PARTITIONS_MISSING.family());
    for Missing { part, partitions, .. } in all {
        let names = [config.log.full_name(&part.group), config.log.full_name(part.topic)];
        lines.line(&names.each_ref().map(String::as_str), partitions.len() as f64);
    }
}

fn by_partition(
    mut lines: Lines<'_>,
    config: &Config,
    all: &[GroupLag],
    value: fn(&Behind) -> Option<f64>,
) {
    for lagging in all {
        let names = [&lagging.group, &lagging.topic].map(|name| config.log.full_name(name));
        for (partition, behind) in &lagging.partitions {
            let Some(value) = value(behind) else { continue };
            lines.line(&[&names[0], &names[1], &partition.to_string()], value);
        }
    }
}

/// How long polls take: histograms by profile and table, and the slowest devices by name.
pub(super) fn polls(text: &mut String, poller: &Poller) {
    let all = poller.durations();
    let mut lines = Lines::begin(text, families::POLL.family());
    for (profile, durations) in &all {
        lines.histogram(&[profile], &durations.polls);
    }
    let mut lines = Lines::begin(text, families::POLL_TABLE.family());
    for (profile, durations) in &all {
        for (table, histogram) in &durations.tables {
            lines.histogram(&[profile, table], histogram);
        }
    }
    slowest(text, poller.timings());
}

fn slowest(text: &mut String, mut timings: Vec<DeviceTiming>) {
    timings.retain(|timing| timing.polls > 0);
    timings.sort_by_key(|timing| std::cmp::Reverse(timing.last_duration_ms));
    timings.truncate(SLOWEST_DEVICES);
    let mut lines = Lines::begin(text, families::POLL_SLOWEST.family());
    for timing in &timings {
        let device = timing.device.to_string();
        let table = timing.slowest_table.as_ref().map_or("", |(table, _)| table);
        let values = [timing.device_name.as_str(), &device, timing.connector, table];
        lines.line(&values, seconds(timing.last_duration_ms as f64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_names_group_topic_and_partition() {
        let partitions = [
            (0, Behind { records: 0, ms: Some(0) }),
            (1, Behind { records: 7, ms: Some(1_500) }),
            (2, Behind { records: 9, ms: None }),
        ];
        let lagging = GroupLag {
            group: "sink-metric".to_owned(),
            topic: "metric".to_owned(),
            partitions: partitions.into(),
        };
        let mut config = Config::load(None, []).unwrap();
        config.log.kind = crate::config::LogKind::Kafka;
        config.log.kafka.prefix = "site-".to_owned();
        let mut text = String::new();
        lag(&mut text, &config, &[lagging]);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let labels = |n: u8| {
            format!("{{group=\"site-sink-metric\",topic=\"site-metric\",partition=\"{n}\"}}")
        };
        let expected = [
            format!("opsc_lag_records{} 0", labels(0)),
            format!("opsc_lag_records{} 7", labels(1)),
            format!("opsc_lag_records{} 9", labels(2)),
            format!("opsc_lag_seconds{} 0", labels(0)),
            format!("opsc_lag_seconds{} 1.5", labels(1)),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn labels_are_escaped_and_buckets_add_up() {
        let mut text = String::new();
        let mut at_most = [0; BUCKETS_MS.len()];
        at_most[11] = 2;
        let histogram = Histogram { at_most, count: 3, sum_ms: 90_000 };
        Lines::begin(&mut text, families::POLL.family()).histogram(&["a\"b\\c\nd"], &histogram);
        let last: Vec<&str> = text.lines().rev().take(4).collect();
        let profile = r#"profile="a\"b\\c\nd""#;
        let expected = [
            format!("opsc_poll_seconds_count{{{profile}}} 3"),
            format!("opsc_poll_seconds_sum{{{profile}}} 90"),
            format!("opsc_poll_seconds_bucket{{{profile},le=\"+Inf\"}} 3"),
            format!("opsc_poll_seconds_bucket{{{profile},le=\"30\"}} 2"),
        ];
        assert_eq!(last, expected);
    }
}

//! What `/metrics` shows beside the counters: lines whose labels come and go (a partition that
//! moves away, a device that is slow no more), so that none stays behind.

use std::fmt::Write;

use connectors::{BUCKETS_MS, DeviceTiming, Histogram, Poller};

use super::parts::{GroupLag, Missing};
use crate::run::lag::Behind;

/// So many of the slowest devices are named.
const SLOWEST_DEVICES: usize = 20;

/// A family of lines in Prometheus's text form (0.0.4).
struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl<'a> Family<'a> {
    fn begin(text: &'a mut String, name: &'a str, kind: &str, help: &str) -> Self {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Self { text, name }
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{}{suffix}{{", self.name);
        for (position, (label, value)) in labels.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{comma}{label}=\"{value}\"");
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        let count = histogram.count as f64;
        let bounds = BUCKETS_MS.iter().map(|bound| seconds(*bound as f64).to_string());
        let buckets = bounds.zip(histogram.at_most.map(|at_most| at_most as f64));
        for (bound, at_most) in buckets.chain([("+Inf".to_owned(), count)]) {
            self.line("_bucket", &[labels, &[("le", &bound)]].concat(), at_most);
        }
        self.line("_sum", labels, seconds(histogram.sum_ms as f64));
        self.line("_count", labels, count);
    }
}

fn seconds(ms: f64) -> f64 {
    ms / 1_000.0
}

/// How far each group is behind, by topic and partition, whoever holds it or nobody.
pub(super) fn lag(text: &mut String, all: &[GroupLag]) {
    let help = "Records between what a group is done with and the end of the log";
    by_partition(Family::begin(text, "opsc_lag_records", "gauge", help), all, |behind| {
        Some(behind.records as f64)
    });
    let help = "Age of the oldest record that a group is not done with, at most";
    by_partition(Family::begin(text, "opsc_lag_seconds", "gauge", help), all, |behind| {
        behind.ms.map(|ms| seconds(ms as f64))
    });
}

/// Partitions that nobody holds, by group.
pub(super) fn missing(text: &mut String, all: &[Missing]) {
    let help = "Partitions that no process has held for half a minute";
    let mut family = Family::begin(text, "opsc_partitions_missing", "gauge", help);
    for Missing { part, partitions, .. } in all {
        let labels = [("group", part.group.as_str()), ("topic", part.topic)];
        family.line("", &labels, partitions.len() as f64);
    }
}

fn by_partition(mut family: Family<'_>, all: &[GroupLag], value: fn(&Behind) -> Option<f64>) {
    for lagging in all {
        for (partition, behind) in &lagging.partitions {
            let Some(value) = value(behind) else { continue };
            let partition = partition.to_string();
            let labels = [
                ("group", lagging.group.as_str()),
                ("topic", lagging.topic.as_str()),
                ("partition", &partition),
            ];
            family.line("", &labels, value);
        }
    }
}

/// How long polls take: histograms by profile and table, and the slowest devices by name.
pub(super) fn polls(text: &mut String, poller: &Poller) {
    let all = poller.durations();
    let help = "Duration of polls by profile";
    let mut family = Family::begin(text, "opsc_poll_seconds", "histogram", help);
    for (profile, durations) in &all {
        family.histogram(&[("profile", profile)], &durations.polls);
    }
    let help = "Time that a poll waited for answers by table; requests side by side count each";
    let mut family = Family::begin(text, "opsc_poll_table_seconds", "histogram", help);
    for (profile, durations) in &all {
        for (table, histogram) in &durations.tables {
            family.histogram(&[("profile", profile), ("table", table)], histogram);
        }
    }
    slowest(text, poller.timings());
}

fn slowest(text: &mut String, mut timings: Vec<DeviceTiming>) {
    timings.retain(|timing| timing.polls > 0);
    timings.sort_by_key(|timing| std::cmp::Reverse(timing.last_duration_ms));
    timings.truncate(SLOWEST_DEVICES);
    let help = "Last poll of the slowest devices, with the table it waited for longest";
    let mut family = Family::begin(text, "opsc_poll_slowest_seconds", "gauge", help);
    for timing in &timings {
        let device = timing.device.to_string();
        let table = timing.slowest_table.as_ref().map_or("", |(table, _)| table);
        let labels = [
            ("device", timing.device_name.as_str()),
            ("id", &device),
            ("connector", timing.connector),
            ("table", table),
        ];
        family.line("", &labels, seconds(timing.last_duration_ms as f64));
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
        let mut text = String::new();
        lag(&mut text, &[lagging]);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let labels =
            |n: u8| format!("{{group=\"sink-metric\",topic=\"metric\",partition=\"{n}\"}}");
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
        let mut family = Family::begin(&mut text, "h", "histogram", "help");
        family.histogram(&[("profile", "a\"b\\c\nd")], &histogram);
        let last: Vec<&str> = text.lines().rev().take(4).collect();
        let profile = r#"profile="a\"b\\c\nd""#;
        let expected = [
            format!("h_count{{{profile}}} 3"),
            format!("h_sum{{{profile}}} 90"),
            format!("h_bucket{{{profile},le=\"+Inf\"}} 3"),
            format!("h_bucket{{{profile},le=\"30\"}} 2"),
        ];
        assert_eq!(last, expected);
    }
}

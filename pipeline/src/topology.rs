//! The whole of OpsConductor on one screen: every topic with its key and record type, and who
//! reads and writes it. `opsconductor topology` prints it; the README's diagram is that print.

use processors::{DeviceChain, Output, Processor};
use schemas::{
    Anomaly, Baseline, CodecError, Control, DeadLetter, Device, DeviceFacts, DeviceId,
    DeviceStatus, MetricBatch, Poll, Rollup, Series, SeriesId, Tick,
};

use crate::log::{NewRecord, TopicSpec};
use crate::topic::Topic;

/// What to poll.
pub const DEVICE: Topic<DeviceId, Device> =
    Topic::compacted("device", "what to poll: address, profile, credential reference");
/// Every poll with its outcome. Also carries [`Control`] and [`Tick`]: see [`POLL_CONTROL`].
pub const POLL: Topic<DeviceId, Poll> =
    Topic::kept("poll", 7, "one poll's samples and its outcome; control records; ticks");
/// The poll topic again, for what the routing step writes into it.
pub const POLL_CONTROL: Topic<DeviceId, Control> = Topic::kept("poll", 7, "");
/// The poll topic again, for the ticks of a partition's owner.
pub const POLL_TICK: Topic<String, Tick> = Topic::kept("poll", 7, "");
/// Samples.
pub const METRIC: Topic<DeviceId, MetricBatch> =
    Topic::kept("metric", 7, "rates and gauges with reason flags");
/// Closed buckets.
pub const ROLLUP: Topic<DeviceId, Rollup> =
    Topic::kept("rollup", 7, "closed 5 min, 1 h and 1 d buckets");
/// Expected values and bands.
pub const BASELINE: Topic<DeviceId, Baseline> =
    Topic::compacted("baseline", "expected values and bands, at bucket change");
/// Transitions of anomalies.
pub const ANOMALY: Topic<DeviceId, Anomaly> =
    Topic::kept("anomaly", 90, "onset, change and clear, with expected, band and score");
/// Availability.
pub const STATUS: Topic<DeviceId, DeviceStatus> =
    Topic::compacted("status", "up, degraded, down, unknown, since when and why");
/// Texts.
pub const FACTS: Topic<DeviceId, DeviceFacts> =
    Topic::compacted("facts", "names, aliases and other texts of devices and ports");
/// Identities of series.
pub const SERIES: Topic<SeriesId, Series> =
    Topic::compacted("series", "the tuple behind each series id");
/// Poison records.
pub const DEAD_LETTER: Topic<String, DeadLetter> =
    Topic::kept("dead-letter", 30, "records that a component refused, with reason, replayable");
/// Snapshots of the device chain.
pub const STATE_DEVICE: Topic<DeviceId, ()> =
    Topic::compacted("state-device", "snapshots of the device chain's state");
/// Schemas by id.
pub const SCHEMA: Topic<String, ()> =
    Topic::compacted("schema", "every schema ever written, by id").single();
/// The log's identity.
pub const META: Topic<String, ()> = Topic::compacted("meta", "the log's id").single();

/// Every topic, for creation and for the map.
pub fn topics(partitions: i32) -> Vec<TopicSpec> {
    vec![
        DEVICE.spec(partitions),
        POLL.spec(partitions),
        METRIC.spec(partitions),
        ROLLUP.spec(partitions),
        BASELINE.spec(partitions),
        ANOMALY.spec(partitions),
        STATUS.spec(partitions),
        FACTS.spec(partitions),
        SERIES.spec(partitions),
        DEAD_LETTER.spec(partitions),
        STATE_DEVICE.spec(partitions),
        SCHEMA.spec(partitions),
        META.spec(partitions),
    ]
}

/// Where each output of the device chain goes.
///
/// # Errors
/// [`CodecError`] when a value does not fit its schema.
pub fn route(device: DeviceId, output: &Output) -> Result<NewRecord, CodecError> {
    match output {
        Output::Metric(batch) => METRIC.record(&device, batch),
        Output::Rollup(rollup) => ROLLUP.record(&device, rollup),
        Output::Baseline(baseline) => BASELINE.record(&device, baseline),
        Output::Anomaly(anomaly) => ANOMALY.record(&device, anomaly),
        Output::Status(status) => STATUS.record(&device, status),
        Output::Facts(facts) => FACTS.record(&device, facts),
        Output::Series(series) => SERIES.record(&series.id, series),
    }
}

/// A component and what it reads and writes.
struct Node {
    name: &'static str,
    shape: Shape,
    reads: &'static [&'static str],
    writes: &'static [&'static str],
}

enum Shape {
    Connector,
    Processor,
    Sink,
    Api,
}

/// What the device chain writes.
pub const CHAIN_WRITES: &[&str] = &[
    METRIC.name,
    ROLLUP.name,
    BASELINE.name,
    ANOMALY.name,
    STATUS.name,
    FACTS.name,
    SERIES.name,
    STATE_DEVICE.name,
    DEAD_LETTER.name,
];

const NODES: &[Node] = &[
    Node { name: "poller", shape: Shape::Connector, reads: &[DEVICE.name], writes: &[POLL.name] },
    Node { name: "route", shape: Shape::Processor, reads: &[DEVICE.name], writes: &[POLL.name] },
    Node {
        name: DeviceChain::NAME,
        shape: Shape::Processor,
        reads: &[POLL.name],
        writes: CHAIN_WRITES,
    },
    Node {
        name: "timescaledb",
        shape: Shape::Sink,
        reads: &[
            DEVICE.name,
            SERIES.name,
            METRIC.name,
            ROLLUP.name,
            BASELINE.name,
            ANOMALY.name,
            STATUS.name,
            FACTS.name,
        ],
        writes: &[DEAD_LETTER.name],
    },
    Node {
        name: "api",
        shape: Shape::Api,
        reads: &[ANOMALY.name, STATUS.name, METRIC.name],
        writes: &[DEVICE.name],
    },
];

/// The topology as a Mermaid flow chart.
pub fn mermaid() -> String {
    let mut text = String::from("flowchart LR\n");
    for topic in topics(1) {
        text.push_str(&format!("  {0}[({0})]\n", topic.name));
    }
    for node in NODES {
        let (open, close) = match node.shape {
            Shape::Connector => ("([", "])"),
            Shape::Processor => ("[", "]"),
            Shape::Sink => ("[/", "/]"),
            Shape::Api => ("{{", "}}"),
        };
        text.push_str(&format!("  n-{0}{open}{0}{close}\n", node.name));
        for topic in node.reads {
            text.push_str(&format!("  {topic} --> n-{}\n", node.name));
        }
        for topic in node.writes {
            text.push_str(&format!("  n-{} --> {topic}\n", node.name));
        }
    }
    text
}

//! The whole of OpsConductor on one screen: every topic with its key and record type, and who
//! reads and writes it. `opsconductor topology` prints it; the README's diagram is that print.

use std::convert::Infallible;

use processors::{DeviceChain, Output, Processor};
use schemas::{
    Anomaly, Baseline, CodecError, Control, DeadLetter, Device, DeviceFacts, DeviceId,
    DeviceStatus, MetricBatch, Poll, ProcessStatus, Rollup, Series, SeriesId, Tick,
};

use sinks::{
    Anomalies, Baselines, Devices, Facts, Rollups, Samples, SeriesIdentities, Statuses, Table,
};

use crate::log::kafka::CLAIM_TOPIC;
use crate::log::{NewRecord, TopicSpec};
use crate::topic::{Key, Topic};

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
/// Positions of the routing step.
pub const STATE_ROUTE: Topic<String, ()> =
    Topic::compacted("state-route", "where the routing step goes on");
/// The topics with the state, and the positions, of components.
pub const STATES: &[&str] = &[STATE_DEVICE.name, STATE_ROUTE.name];
/// Who may commit for which partitions of a Kafka log ([`crate::log::kafka`]).
pub const CLAIM: Topic<String, ()> =
    Topic::compacted(CLAIM_TOPIC, "which task may commit for which partition").single();
/// What each process does.
pub const PROCESS_STATUS: Topic<String, ProcessStatus> =
    Topic::compacted("process-status", "what each process does, every two seconds").single();
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
        STATE_ROUTE.spec(partitions),
        CLAIM.spec(partitions),
        PROCESS_STATUS.spec(partitions),
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
        Output::Facts(facts) => {
            let mut record = FACTS.record(&device, facts)?;
            if facts.part > 0 {
                // A key of its own, or compaction would leave the last part alone.
                record.key = Some(format!("{device}/{}", facts.part).into_bytes().into());
            }
            Ok(record)
        }
        Output::Series(series) => SERIES.record(&series.id, series),
    }
}

/// Something to do with every sink.
pub trait EachSink {
    /// Why it cannot be done.
    type Error;

    /// A sink over a topic of exactly its record type.
    ///
    /// # Errors
    /// Those of what is done.
    fn sink<T: Table, K: Key>(
        &mut self,
        topic: &'static Topic<K, T::Record>,
    ) -> Result<(), Self::Error>;
}

/// The sinks and what each reads.
///
/// # Errors
/// The first of `each`.
pub fn each_sink<E: EachSink>(each: &mut E) -> Result<(), E::Error> {
    each.sink::<Devices, _>(&DEVICE)?;
    each.sink::<SeriesIdentities, _>(&SERIES)?;
    each.sink::<Samples, _>(&METRIC)?;
    each.sink::<Rollups, _>(&ROLLUP)?;
    each.sink::<Baselines, _>(&BASELINE)?;
    each.sink::<Anomalies, _>(&ANOMALY)?;
    each.sink::<Statuses, _>(&STATUS)?;
    each.sink::<Facts, _>(&FACTS)
}

/// The topics that have a sink.
pub fn sunk() -> Vec<&'static str> {
    parts().into_iter().filter(|part| part.role == SINK).map(|part| part.topic).collect()
}

/// A group of readers that the system needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The role whose processes are its members.
    pub role: &'static str,
    /// The group.
    pub group: String,
    /// What it reads.
    pub topic: &'static str,
}

/// The role whose processes write the database.
const SINK: &str = "sink";
/// The group of pollers.
pub const POLLERS: &str = "poller";
/// The group of the routing step.
pub const ROUTE: &str = "route";

/// The group of a sink.
pub fn sink_group(name: &str) -> String {
    format!("sink-{name}")
}

/// The groups of readers without which something stands still.
pub fn parts() -> Vec<Part> {
    struct Sinks(Vec<Part>);
    impl EachSink for Sinks {
        type Error = Infallible;
        fn sink<T: Table, K: Key>(
            &mut self,
            topic: &'static Topic<K, T::Record>,
        ) -> Result<(), Infallible> {
            self.0.push(Part { role: SINK, group: sink_group(T::NAME), topic: topic.name });
            Ok(())
        }
    }
    let part = |role, group: &str, topic| Part { role, group: group.to_owned(), topic };
    let mut sinks = Sinks(vec![
        part("connect", POLLERS, DEVICE.name),
        part("process", ROUTE, DEVICE.name),
        part("process", DeviceChain::NAME, POLL.name),
    ]);
    let Ok(()) = each_sink(&mut sinks);
    sinks.0
}

/// A component and what it reads and writes.
struct Node {
    name: &'static str,
    shape: Shape,
    reads: Vec<&'static str>,
    writes: Vec<&'static str>,
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

fn nodes() -> Vec<Node> {
    let node = |name, shape, reads, writes| Node { name, shape, reads, writes };
    vec![
        node("poller", Shape::Connector, vec![DEVICE.name], vec![POLL.name]),
        node(
            "route",
            Shape::Processor,
            vec![DEVICE.name],
            vec![POLL.name, STATE_ROUTE.name, DEAD_LETTER.name],
        ),
        node(DeviceChain::NAME, Shape::Processor, vec![POLL.name], CHAIN_WRITES.to_vec()),
        node("timescaledb", Shape::Sink, sunk(), vec![DEAD_LETTER.name]),
        node("api", Shape::Api, vec![ANOMALY.name, STATUS.name, METRIC.name], vec![DEVICE.name]),
    ]
}

/// The topology as a Mermaid flow chart.
pub fn mermaid() -> String {
    let mut text = String::from("flowchart LR\n");
    for topic in topics(1) {
        text.push_str(&format!("  {0}[({0})]\n", topic.name));
    }
    for node in nodes() {
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

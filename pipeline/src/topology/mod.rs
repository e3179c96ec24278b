//! The whole of OpsConductor on one screen: every topic with its key and record type, and who
//! reads and writes it. `opsconductor topology` prints it; the README's diagram is that print.

mod component;
mod graph;

use processors::{
    CredentialEntity, DeviceChain, DeviceControl, DeviceEntity, Entities, EntityOutput, Following,
    Output, Stateless, Working,
};
use schemas::{
    Anomaly, Baseline, CredentialChange, DeadLetter, Device, DeviceFacts, DeviceId, DeviceInput,
    DeviceStatus, Entity, EntityAnswer, EntityInput, EntityKey, MetricBatch, PollerStatus, Probe,
    ProbeReport, ProcessLog, ProcessStatus, Rollup, Series, SeriesId, Source, SourceKey,
};
use sinks::{
    Anomalies, Baselines, Devices, EntityVersions, Facts, LatestEntities, ProcessLogs, Rollups,
    Samples, SeriesIdentities, Statuses,
};

pub use self::component::{Build, Component, Context, Database, Kind, Outputs, Role, Threads};
pub use self::graph::Topology;
use crate::log::kafka::CLAIM_TOPIC;
use crate::log::{Record, TopicSpec};
use crate::sources::demo::Demo;
use crate::sources::devices::DeviceEntry;
use crate::sources::inventory_file::InventoryFile;
use crate::topic::{Keyed as _, Named, PartKey, StateOf, Topic};
use crate::workers::probe::Probing;

/// What to poll.
pub const DEVICE: Topic<DeviceId, Device> =
    Topic::compacted("device", "what to poll: address, profile, credential reference");
/// Every poll with its outcome, and what else the device chain folds.
pub const POLL: Topic<DeviceId, DeviceInput> =
    Topic::kept("poll", 7, "one poll's samples and its outcome; control records; ticks");
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
pub const FACTS: Topic<PartKey, DeviceFacts> =
    Topic::compacted("facts", "names, aliases and other texts of devices and ports");
/// Identities of series.
pub const SERIES: Topic<SeriesId, Series> =
    Topic::compacted("series", "the tuple behind each series id");
/// Changes of credentials.
pub const CREDENTIAL: Topic<String, CredentialChange> =
    Topic::compacted("credential", "which credential changed; never its secret").single();
/// What people and programs want configured otherwise, and what was configured without asking.
pub const ENTITY_COMMAND: Topic<String, EntityInput> =
    Topic::kept("entity-command", 7, "changes that are wanted, or were made without asking; ticks");
/// What became of each command.
pub const ENTITY_ANSWER: Topic<String, EntityAnswer> =
    Topic::kept("entity-answer", 1, "what became of each command");
/// What is configured.
pub const ENTITY: Topic<EntityKey, Entity> =
    Topic::compacted("entity", "what is configured: the last version of every entity");
/// What was configured.
pub const ENTITY_HISTORY: Topic<EntityKey, Entity> =
    Topic::kept("entity-history", 90, "every version of every entity, and who made it");
/// All entities of each tenant.
pub const STATE_ENTITY: Topic<String, StateOf<Entities>> =
    Topic::compacted("state-entity", "what the next change of an entity is decided by");
/// Positions of the relay of devices to those who decide.
pub const STATE_DEVICE_ENTITY: Topic<DeviceId, StateOf<Stateless<DeviceEntity>>> =
    Topic::compacted("state-device-entity", "where the relay of devices as entities goes on");
/// Positions of the relay of credentials to those who decide.
pub const STATE_CREDENTIAL_ENTITY: Topic<String, StateOf<Stateless<CredentialEntity>>> =
    Topic::compacted("state-credential-entity", "where that of credentials goes on").single();
/// Poison records.
pub const DEAD_LETTER: Topic<String, DeadLetter> =
    Topic::kept("dead-letter", 30, "records that a component refused, with reason, replayable");
/// Snapshots of the device chain.
pub const STATE_DEVICE: Topic<DeviceId, StateOf<DeviceChain>> =
    Topic::compacted("state-device", "snapshots of the device chain's state");
/// Positions of the relay of changes of the inventory.
pub const STATE_ROUTE: Topic<DeviceId, StateOf<Stateless<DeviceControl>>> =
    Topic::compacted("state-route", "where the relay of inventory changes goes on");
/// What is followed.
pub const SOURCE: Topic<SourceKey, Source> =
    Topic::compacted("source", "outside systems that are followed");
/// How far the inventory file is applied.
pub const STATE_INVENTORY_FILE: Topic<SourceKey, StateOf<Following<InventoryFile>>> =
    Topic::compacted("state-inventory-file", "which devices the inventory file maintains");
/// What the demo has put into the inventory.
pub const STATE_DEMO: Topic<SourceKey, StateOf<Following<Demo>>> =
    Topic::compacted("state-demo", "which devices the demo maintains");
/// Requests to try a device.
pub const PROBE: Topic<String, Probe> = Topic::kept("probe", 1, "requests to try a device once");
/// What came of them.
pub const PROBE_REPORT: Topic<String, ProbeReport> =
    Topic::kept("probe-report", 1, "what trying a device gave");
/// Requests that are being carried out.
pub const STATE_PROBE: Topic<String, StateOf<Working<Probing>>> =
    Topic::compacted("state-probe", "devices that are being tried");
/// Who may commit for which partitions of a Kafka log ([`crate::log::kafka`]).
pub const CLAIM: Topic<String, ()> =
    Topic::compacted(CLAIM_TOPIC, "which task may commit for which partition").single();
/// What each process does.
pub const PROCESS_STATUS: Topic<String, ProcessStatus> =
    Topic::compacted("process-status", "what each process does, every two seconds").single();
/// How polls of each device went.
pub const POLLER_STATUS: Topic<String, PollerStatus> =
    Topic::compacted("poller-status", "how polls of each device went, within a minute").single();
/// Warnings and errors of all processes.
pub const PROCESS_LOG: Topic<String, ProcessLog> =
    Topic::kept("process-log", 7, "warnings and errors of every process");
/// Schemas by id.
pub const SCHEMA: Topic<String, ()> =
    Topic::compacted("schema", "every schema ever written, by id").single();
/// The log's identity.
pub const META: Topic<String, ()> = Topic::compacted("meta", "the log's id").single();

/// What keeps the log itself in order: read and written by every process.
const OWN: &[&dyn Named] = &[&CLAIM, &PROCESS_STATUS, &SCHEMA, &META];

/// Each variant of an enum to its topic.
macro_rules! outputs {
    ($output:ident { $($variant:ident => $topic:ident),+ $(,)? }) => {
        Outputs::of(vec![$(&$topic as &dyn Named),+], |output| match output {
            $($output::$variant(record) => $topic.publish(record)),+
        })
    };
}

/// What the device chain writes.
pub fn chain_outputs() -> Outputs<Output> {
    outputs!(Output {
        Metric => METRIC,
        Rollup => ROLLUP,
        Baseline => BASELINE,
        Anomaly => ANOMALY,
        Status => STATUS,
        Facts => FACTS,
        Series => SERIES,
    })
}

/// What the decisions on entities write.
pub fn entity_outputs() -> Outputs<EntityOutput> {
    let topics: Vec<&dyn Named> =
        vec![&ENTITY_ANSWER, &ENTITY, &ENTITY_HISTORY, &DEVICE, &CREDENTIAL];
    Outputs::of(topics, |output| match output {
        EntityOutput::Answer(answer) => ENTITY_ANSWER.publish(answer),
        EntityOutput::Entity(entity) => ENTITY.publish(entity),
        EntityOutput::Gone(key) => Ok(ENTITY.tombstone(key)),
        EntityOutput::Version(entity) => ENTITY_HISTORY.publish(entity),
        EntityOutput::Device(device) => DEVICE.publish(device.as_ref()),
        EntityOutput::DeviceGone(id) => Ok(DEVICE.tombstone(id)),
        EntityOutput::Credential(change) => CREDENTIAL.publish(change),
        EntityOutput::CredentialGone(change) => Ok(CREDENTIAL.tombstone(&change.key())),
    })
}

/// What a source of devices writes.
fn devices() -> Outputs<DeviceEntry> {
    Outputs::of(vec![&DEVICE], DeviceEntry::record)
}

/// All components.
pub fn topology() -> Topology {
    Topology::default()
        .local_source(InventoryFile::new, &SOURCE, &STATE_INVENTORY_FILE, devices())
        .local_source(Demo::new, &SOURCE, &STATE_DEMO, devices())
        .worker(Role::Connect, Probing::new, &PROBE, &STATE_PROBE, Outputs::to(&PROBE_REPORT))
        .relay(DeviceEntity, &DEVICE, &STATE_DEVICE_ENTITY, &ENTITY_COMMAND)
        .relay(CredentialEntity, &CREDENTIAL, &STATE_CREDENTIAL_ENTITY, &ENTITY_COMMAND)
        .processor_that_answers(Entities, &ENTITY_COMMAND, &STATE_ENTITY, entity_outputs())
        .collector("poller", &DEVICE, &POLL)
        .relay(DeviceControl, &DEVICE, &STATE_ROUTE, &POLL)
        .processor_that_recalls(
            DeviceChain::default(),
            &POLL,
            &STATE_DEVICE,
            chain_outputs(),
            &ANOMALY,
        )
        .sink::<Devices, _>(&DEVICE)
        .sink::<LatestEntities, _>(&ENTITY)
        .sink::<EntityVersions, _>(&ENTITY_HISTORY)
        .sink::<SeriesIdentities, _>(&SERIES)
        .sink::<Samples, _>(&METRIC)
        .sink::<Rollups, _>(&ROLLUP)
        .sink::<Baselines, _>(&BASELINE)
        .sink::<Anomalies, _>(&ANOMALY)
        .sink::<Statuses, _>(&STATUS)
        .sink::<Facts, _>(&FACTS)
        .sink::<ProcessLogs, _>(&PROCESS_LOG)
        .follower("credentials", Role::Connect, &CREDENTIAL, forget_credential)
        .service("configuration", Role::Connect, vec![&SOURCE], vec![&SOURCE, &ENTITY_COMMAND])
        .service(
            "api",
            Role::Api,
            vec![
                &ANOMALY,
                &STATUS,
                &METRIC,
                &POLLER_STATUS,
                &PROCESS_LOG,
                &PROBE_REPORT,
                &ENTITY_ANSWER,
            ],
            vec![&ENTITY_COMMAND, &PROBE],
        )
}

/// A credential has changed: its poller reads it again. The key says which; a removal has no value.
fn forget_credential(context: &Context, record: &Record) {
    let key = record.key.as_deref().unwrap_or_default();
    if let (Some(poller), Ok(key)) = (&context.poller, std::str::from_utf8(key))
        && let Some((_tenant, name)) = key.split_once('/')
    {
        poller.forget_credential(name);
    }
}

/// Every topic, for creation.
pub fn topics(partitions: i32) -> Vec<TopicSpec> {
    let own = OWN.iter().map(|topic| topic.spec(partitions));
    topology().specs(partitions).into_iter().chain(own).collect()
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
    /// How many partitions that has.
    pub partitions: i32,
}

/// The groups of readers without which something stands still.
pub fn parts(partitions: i32) -> Vec<Part> {
    let topology = topology();
    let needed = topology.components.iter().filter(|it| it.local.is_none());
    let grouped = needed.filter_map(|it| Some((it, it.group.clone()?)));
    let parts = grouped.flat_map(|(it, group)| {
        let part = move |topic: &&'static dyn Named| Part {
            role: it.role.name(),
            group: group.clone(),
            topic: topic.name(),
            partitions: topic.spec(partitions).partitions,
        };
        it.reads.iter().map(part).collect::<Vec<_>>()
    });
    parts.collect()
}

/// The topology as a Mermaid flow chart. Sinks are one node: the database.
pub fn mermaid() -> String {
    let (topology, mut text) = (topology(), String::from("flowchart LR\n"));
    for topic in topics(1) {
        text.push_str(&format!("  {0}[({0})]\n", topic.name));
    }
    let mut arrows: Vec<String> = Vec::new();
    for component in &topology.components {
        let (open, close) = match component.kind {
            Kind::Collector | Kind::Source => ("([", "])"),
            Kind::Processor | Kind::Relay => ("[", "]"),
            Kind::Sink => ("[/", "/]"),
            Kind::Worker => ("[[", "]]"),
            Kind::Service => ("{{", "}}"),
        };
        let name = if component.kind == Kind::Sink { "timescaledb" } else { component.name };
        let node = std::iter::once(format!("  n-{name}{open}{name}{close}\n"));
        let reads = component.reads.iter().map(|it| format!("  {} --> n-{name}\n", it.name()));
        let writes = component.writes.iter().map(|it| format!("  n-{name} --> {}\n", it.name()));
        for line in node.chain(reads).chain(writes) {
            if !arrows.contains(&line) {
                arrows.push(line);
            }
        }
    }
    text.extend(arrows);
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_topic_is_written_and_read() {
        let topology = topology();
        let all = |of: fn(&Component) -> &Vec<&'static dyn Named>| -> BTreeSet<&str> {
            topology.components.iter().flat_map(of).map(|topic| topic.name()).collect()
        };
        let (mut read, mut written) = (all(|it| &it.reads), all(|it| &it.writes));
        // By every process, of itself.
        written.extend([POLLER_STATUS.name, PROCESS_LOG.name]);
        // By its own writer, and by people.
        read.extend(topology.components.iter().filter_map(|it| Some(it.state?.name())));
        read.insert(DEAD_LETTER.name);
        assert_eq!(read, written);
    }

    #[test]
    fn a_part_has_the_partitions_of_its_topic() {
        let of = |name: &str| parts(8).into_iter().find(|it| it.topic == name).unwrap().partitions;
        assert_eq!((of(CREDENTIAL.name), of(POLL.name)), (1, 8));
    }

    #[test]
    fn no_two_components_share_a_name_a_group_or_a_state() {
        let topology = topology();
        let once = |names: Vec<String>| {
            let count = names.len();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), count, "{names:?}");
        };
        let all = topology.components.iter();
        once(all.clone().map(|it| format!("{} {}", it.role.name(), it.name)).collect());
        once(all.clone().filter_map(|it| it.group.clone()).collect());
        once(all.filter_map(|it| Some(it.state?.name().to_owned())).collect());
    }
}

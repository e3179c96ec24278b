//! Topics: created as they must be, compared when they are there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::super::{Cleanup, LogError, TopicSpec};
use super::client::{ASK, Cluster, Context, SETTLE, create};
use super::error::{from_code, from_kafka};
use super::options::REQUEST_BYTES;

const DAY_MS: i64 = 86_400_000;
/// Topics of snapshots: rewritten all the time and read at every start.
const STATE: &str = "state-";

/// What a topic needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicChange {
    /// It is missing and can be made so.
    Create {
        /// Full name.
        topic: String,
        /// Partitions.
        partitions: i32,
        /// Replicas.
        replicas: i32,
        /// Settings, by their Kafka names.
        settings: BTreeMap<String, String>,
    },
    /// It is there, and other than it must be: nothing mends that by itself.
    Refuse {
        /// Full name.
        topic: String,
        /// Is, must be, and the mend.
        difference: String,
    },
    /// It is there, and works, but not as meant.
    Warn {
        /// Full name.
        topic: String,
        /// Is, should be, and the mend.
        difference: String,
    },
}

/// The settings that a topic is created with.
fn settings(spec: &TopicSpec, replicas: i32) -> BTreeMap<String, String> {
    let in_sync = if replicas >= 3 { 2 } else { 1 };
    let mut settings = BTreeMap::from([
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("max.message.bytes", REQUEST_BYTES.to_string()),
        ("min.insync.replicas", in_sync.to_string()),
        ("compression.type", "producer".to_owned()),
        ("unclean.leader.election.enable", "false".to_owned()),
    ]);
    match spec.cleanup {
        Cleanup::Delete { retention_ms } => {
            // A segment leaves as a whole, so it must not span too much time.
            let segment_ms = (retention_ms / 8).clamp(60_000, DAY_MS);
            settings.extend([
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", retention_ms.to_string()),
                ("retention.bytes", "-1".to_owned()),
                ("segment.ms", segment_ms.to_string()),
            ]);
        }
        Cleanup::Compact => {
            let state = spec.name.starts_with(STATE);
            let (segment_mib, segment_ms, dirty) =
                if state { (16, 600_000, "0.1") } else { (64, 3_600_000, "0.2") };
            settings.extend([
                ("cleanup.policy", "compact".to_owned()),
                ("segment.bytes", (segment_mib << 20).to_string()),
                ("segment.ms", segment_ms.to_string()),
                ("min.cleanable.dirty.ratio", dirty.to_owned()),
                ("delete.retention.ms", DAY_MS.to_string()),
            ]);
        }
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Compares a topic that is there. `value` gives its settings.
fn compare(
    topic: &str,
    spec: &TopicSpec,
    partitions: i32,
    value: impl Fn(&str) -> Option<String>,
) -> Vec<TopicChange> {
    let mut found = Vec::new();
    let refuse = |difference| TopicChange::Refuse { topic: topic.to_owned(), difference };
    if partitions != spec.partitions {
        found.push(refuse(format!(
            "it has {partitions} partitions and must have {}: keys would move between partitions, \
             so set the configured number to {partitions}, or use another prefix",
            spec.partitions
        )));
    }
    let want = match spec.cleanup {
        Cleanup::Delete { .. } => "delete",
        Cleanup::Compact => "compact",
    };
    let number = |name: &str| value(name).and_then(|v| v.parse::<i64>().ok());
    let alter = |name: &str, to: &str| {
        format!(
            "kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {name}={to}"
        )
    };
    match value("cleanup.policy") {
        Some(is) if is != want => found.push(refuse(format!(
            "its cleanup.policy is {is} and must be {want}: {}",
            alter("cleanup.policy", want)
        ))),
        Some(_) | None => {}
    }
    match value("message.timestamp.type") {
        Some(is) if is != "LogAppendTime" => found.push(refuse(format!(
            "its message.timestamp.type is {is} and must be LogAppendTime: {}",
            alter("message.timestamp.type", "LogAppendTime")
        ))),
        Some(_) | None => {}
    }
    match number("max.message.bytes") {
        Some(is) if is < REQUEST_BYTES as i64 => found.push(refuse(format!(
            "its max.message.bytes is {is} and must be at least {REQUEST_BYTES}: {}",
            alter("max.message.bytes", &REQUEST_BYTES.to_string())
        ))),
        Some(_) | None => {}
    }
    if let (Cleanup::Delete { retention_ms }, Some(is)) = (spec.cleanup, number("retention.ms"))
        && is != retention_ms
    {
        found.push(TopicChange::Warn {
            topic: topic.to_owned(),
            difference: format!(
                "its retention.ms is {is} and should be {retention_ms}: {}",
                alter("retention.ms", &retention_ms.to_string())
            ),
        });
    }
    found
}

fn admin(cluster: &Cluster) -> Result<AdminClient<Context>, LogError> {
    create(&cluster.options.observer(), cluster.context("admin"), "look at topics", "")
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK))
}

/// What is missing or different.
pub(super) fn plan(cluster: &Cluster, specs: &[TopicSpec]) -> Result<Vec<TopicChange>, LogError> {
    let metadata = cluster.metadata(None)?;
    let brokers = i32::try_from(metadata.brokers().len()).unwrap_or(i32::MAX);
    let replicas = match cluster.options.replication {
        0 if brokers >= 3 => 3,
        0 => 1,
        given => given,
    };
    let there: BTreeMap<&str, i32> = (metadata.topics().iter())
        .filter(|topic| topic.error().is_none())
        .map(|topic| (topic.name(), i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX)))
        .collect();
    let mut changes = Vec::new();
    let mut present = Vec::new();
    for spec in specs {
        let topic = cluster.full(&spec.name);
        match there.get(topic.as_str()) {
            Some(partitions) => present.push((topic, spec, *partitions)),
            None => changes.push(TopicChange::Create {
                topic,
                partitions: spec.partitions,
                replicas,
                settings: settings(spec, replicas),
            }),
        }
    }
    if !present.is_empty() {
        changes.extend(compare_all(cluster, &present)?);
    }
    Ok(changes)
}

fn compare_all(
    cluster: &Cluster,
    present: &[(String, &TopicSpec, i32)],
) -> Result<Vec<TopicChange>, LogError> {
    let admin = admin(cluster)?;
    let names: Vec<ResourceSpecifier<'_>> =
        present.iter().map(|(topic, _, _)| ResourceSpecifier::Topic(topic)).collect();
    let what = || "look at the settings of topics".to_owned();
    let described = block_on(admin.describe_configs(&names, &options()))
        .map_err(|error| from_kafka(&error, what(), ""))?;
    let mut changes = Vec::new();
    for ((topic, spec, partitions), resource) in present.iter().zip(described) {
        let resource = resource
            .map_err(|code| from_code(code, code.to_string(), format!("{} {topic}", what()), ""))?;
        let value = |name: &str| resource.get(name).and_then(|entry| entry.value.clone());
        changes.extend(compare(topic, spec, *partitions, value));
    }
    Ok(changes)
}

/// Creates what is missing and refuses what is different.
pub(super) fn ensure(cluster: &Cluster, specs: &[TopicSpec]) -> Result<(), LogError> {
    let changes = plan(cluster, specs)?;
    for change in &changes {
        match change {
            TopicChange::Refuse { topic, difference } => {
                return Err(LogError::Mismatch {
                    topic: short(cluster, topic),
                    difference: difference.clone(),
                });
            }
            TopicChange::Warn { topic, difference } => {
                tracing::warn!(topic, "{difference}");
            }
            TopicChange::Create { .. } => {}
        }
    }
    if make(cluster, &changes)? {
        // Another process may have made some of them meanwhile, in another way.
        return wait_for(cluster, specs);
    }
    Ok(())
}

fn short(cluster: &Cluster, topic: &str) -> String {
    topic.strip_prefix(&cluster.options.prefix).unwrap_or(topic).to_owned()
}

/// True when there was something to create.
fn make(cluster: &Cluster, changes: &[TopicChange]) -> Result<bool, LogError> {
    let mut new = Vec::new();
    for change in changes {
        if let TopicChange::Create { topic, partitions, replicas, settings } = change {
            let fixed = TopicReplication::Fixed(*replicas);
            let topic = NewTopic::new(topic, *partitions, fixed);
            new.push(settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value)));
        }
    }
    if new.is_empty() {
        return Ok(false);
    }
    let results = block_on(admin(cluster)?.create_topics(&new, &options()))
        .map_err(|error| from_kafka(&error, "create topics".to_owned(), ""))?;
    for result in results {
        match result {
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                let fatal =
                    matches!(code, Code::InvalidReplicationFactor | Code::InvalidPartitions);
                let what = format!("create topic {topic}");
                let error = code.to_string();
                return Err(match fatal {
                    true => {
                        LogError::Fatal { what, error: format!("{error}: see log.replication") }
                    }
                    false => from_code(code, error, what, ""),
                });
            }
        }
    }
    Ok(true)
}

/// Until the brokers know all topics and their leaders.
fn wait_for(cluster: &Cluster, specs: &[TopicSpec]) -> Result<(), LogError> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let metadata = cluster.metadata(None)?;
        let ready = |spec: &TopicSpec| {
            let full = cluster.full(&spec.name);
            let topic = metadata.topics().iter().find(|t| t.name() == full);
            topic.is_some_and(|t| {
                !t.partitions().is_empty() && t.partitions().iter().all(|p| p.leader() >= 0)
            })
        };
        if let Some(missing) = specs.iter().find(|spec| !ready(spec)) {
            if Instant::now() > deadline {
                let what = format!("create topic {}", missing.name);
                return Err(LogError::Retry { what, error: "it has no leader yet".into() });
            }
            std::thread::sleep(Duration::from_millis(50));
            continue;
        }
        let refused = plan(cluster, specs)?.into_iter().find_map(|change| match change {
            TopicChange::Refuse { topic, difference } => Some((topic, difference)),
            TopicChange::Create { .. } | TopicChange::Warn { .. } => None,
        });
        return refused.map_or(Ok(()), |(topic, difference)| {
            Err(LogError::Mismatch { topic: short(cluster, &topic), difference })
        });
    }
}

//! Topics: created as they must be, compared when they are there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResourceResult, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::KafkaError;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::super::{LogError, TopicSpec};
use super::client::{ASK, Cluster, SETTLE, create};
use super::compare::{Present, refusals, settings, warnings};
use super::context::Context;
use super::error::{from_code, from_kafka};

/// Longest time until all brokers know a new topic.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

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
    /// It is there, and other than it must be, and stays so until somebody changes it.
    Refuse {
        /// Full name.
        topic: String,
        /// Is, must be, and the remedy.
        difference: String,
    },
    /// It is there, and works, but not as meant.
    Warn {
        /// Full name.
        topic: String,
        /// Is, should be, and the remedy.
        difference: String,
    },
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
    let mut changes = Vec::new();
    let mut present = Vec::new();
    for spec in specs {
        let topic = cluster.full(&spec.name);
        match find(&metadata, &topic) {
            Some((partitions, replicas)) => {
                present.push(Present { topic, spec, partitions, replicas });
            }
            None if is_hidden(cluster, &topic)? => {
                return Err(denied(cluster, &format!("look at topic {topic}"), "Describe"));
            }
            None => changes.push(TopicChange::Create {
                topic,
                partitions: spec.partitions,
                replicas,
                settings: settings(spec, replicas),
            }),
        }
    }
    if !present.is_empty() {
        changes.extend(compare_all(cluster, &present, replicas)?);
    }
    Ok(changes)
}

/// Partitions and replicas of a topic that is there.
fn find(metadata: &Metadata, topic: &str) -> Option<(i32, i32)> {
    let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none())?;
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let replicas = found.partitions().iter().map(|p| count(p.replicas().len())).min();
    Some((count(found.partitions().len()), replicas.unwrap_or(0)))
}

/// A list of all topics leaves out those that this user may not see; asked for by name, such a
/// topic is refused, whether it is there or not.
fn is_hidden(cluster: &Cluster, topic: &str) -> Result<bool, LogError> {
    let metadata = cluster.metadata(Some(topic))?;
    let found = metadata.topics().iter().find(|t| t.name() == topic);
    let error = found.and_then(MetadataTopic::error);
    Ok(error.is_some_and(|error| Code::from(error) == Code::TopicAuthorizationFailed))
}

/// The brokers do not let this user do that with a topic.
fn denied(cluster: &Cluster, what: &str, operation: &str) -> LogError {
    let prefix = match cluster.options.prefix.as_str() {
        "" => "--topic '*'".to_owned(),
        prefix => format!("--topic {prefix} --resource-pattern-type prefixed"),
    };
    LogError::Fatal {
        what: what.to_owned(),
        error: format!(
            "the brokers do not let this user {operation}: kafka-acls --add --allow-principal \
             User:NAME --operation {operation} {prefix}"
        ),
    }
}

/// The settings of each topic. rdkafka reports an error of a single topic as an answer without a
/// setting: the right is missing, or the broker that was asked does not know the topic yet.
fn describe(
    admin: &AdminClient<Context>,
    present: &[Present<'_>],
) -> Result<Vec<ConfigResourceResult>, KafkaError> {
    let names: Vec<ResourceSpecifier<'_>> =
        present.iter().map(|it| ResourceSpecifier::Topic(&it.topic)).collect();
    let deadline = Instant::now() + KNOWN_WITHIN;
    loop {
        let described = block_on(admin.describe_configs(&names, &options()))?;
        let unknown = |it: &ConfigResourceResult| it.as_ref().is_ok_and(|it| it.entries.is_empty());
        if !described.iter().any(unknown) || Instant::now() > deadline {
            return Ok(described);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn compare_all(
    cluster: &Cluster,
    present: &[Present<'_>],
    replicas: i32,
) -> Result<Vec<TopicChange>, LogError> {
    let what = "look at the settings of topic";
    let described = describe(&admin(cluster)?, present)
        .map_err(|error| from_kafka(&error, format!("{what}s"), ""))?;
    let mut changes = Vec::new();
    for (it, resource) in present.iter().zip(described) {
        let what = format!("{what} {}", it.topic);
        let resource = match resource {
            Ok(resource) if !resource.entries.is_empty() => resource,
            Ok(_) | Err(Code::TopicAuthorizationFailed) => {
                return Err(denied(cluster, &what, "DescribeConfigs"));
            }
            Err(code) => return Err(from_code(code, code.to_string(), what, "")),
        };
        let value = |name: &str| resource.get(name).and_then(|entry| entry.value.clone());
        let topic = || it.topic.clone();
        let refuse = |difference| TopicChange::Refuse { topic: topic(), difference };
        changes.extend(refusals(it, value).into_iter().map(refuse));
        let warn = |difference| TopicChange::Warn { topic: topic(), difference };
        changes.extend(warnings(it, replicas, value).into_iter().map(warn));
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
            Err((topic, Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => {
                return Err(denied(cluster, &format!("create topic {topic}"), "Create"));
            }
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

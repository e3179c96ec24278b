//! `opsconductor topics plan|apply`: the topics as they must be, held against those of the cluster.

use std::process::ExitCode;

use super::{Failure, TopicsCommand};
use crate::config::{Config, LogKind};
use crate::log::kafka::{KafkaLog, TopicChange};
use crate::log::{Cleanup, EventLog as _, TopicSpec, open_kafka};
use crate::run::position;
use crate::topology;

const DAY_MS: i64 = 86_400_000;
/// Who makes topics that are missing.
pub(super) const WHO_CREATES: &str = "the first process that starts makes them if it has the right \
                                      to (Create), else `opsconductor topics apply` by who has it";

/// Which of a topic's lines comes first, and how often each is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Keep,
    Create,
    Warn,
    Refuse,
}

impl What {
    const fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Create => "create",
            Self::Warn => "warn",
            Self::Refuse => "REFUSE",
        }
    }
}

struct Line {
    topic: String,
    what: What,
    detail: String,
}

pub(super) fn run(config: &Config, command: TopicsCommand) -> Result<ExitCode, Failure> {
    if let TopicsCommand::BeginAtOldest { state_topic, partition } = command {
        begin_at_oldest(config, &state_topic, partition)?;
        return Ok(ExitCode::SUCCESS);
    }
    match config.log.kind {
        LogKind::Embedded => super::print(&format!(
            "The log is the embedded one in {}: it makes its topics itself when the program \
             starts, so there is nothing to plan or apply. For those of a Kafka cluster name it: \
             OPSC_KAFKA=broker:9092 opsconductor topics plan",
            config.state_dir.display()
        )),
        LogKind::Kafka => {
            let log = open_kafka(config)?;
            on_kafka(config, &log, command)
        }
    }
}

fn begin_at_oldest(config: &Config, topic: &str, partition: i32) -> Result<(), Failure> {
    let partitions = config.log.partitions;
    let topology = topology::topology();
    let states: Vec<&str> =
        topology.components.iter().filter_map(|it| Some(it.state?.name())).collect();
    if !states.contains(&topic) {
        let known = states.join(", ");
        return Err(format!("{topic} holds no component's state: take {known}").into());
    }
    if !(0..partitions).contains(&partition) {
        return Err(format!("partition {partition}: {topic} has {partitions}, from 0").into());
    }
    let log = crate::log::open(config)?;
    position::begin_at_oldest(log.as_ref(), topic, partition)?;
    super::print(&format!(
        "When its component starts, it begins partition {partition} at the oldest record. What its \
         state covers already is not counted twice."
    ))?;
    Ok(())
}

fn on_kafka(config: &Config, log: &KafkaLog, command: TopicsCommand) -> Result<ExitCode, Failure> {
    let specs = topology::topics(config.log.partitions);
    let lines = lines(&config.log.kafka.prefix, &specs, log.plan_topics(&specs)?);
    let count = |what: What| lines.iter().filter(|line| line.what == what).count();
    let (create, refused) = (count(What::Create), count(What::Refuse));
    super::print(&table(&lines))?;
    let end = match (matches!(command, TopicsCommand::Apply), create, refused) {
        (false, 0, 0) => "0 to create, nothing refused: all topics are there.".to_owned(),
        (false, _, 0) => format!("{create} to create, nothing refused: {WHO_CREATES}."),
        (false, _, _) => {
            format!(
                "{create} to create, {refused} refused: nothing is created until that is fixed."
            )
        }
        (true, _, 0) => {
            log.ensure_topics(&specs)?;
            format!("{create} created.")
        }
        (true, _, _) => {
            format!("{refused} refused, so nothing was created: fix that first.")
        }
    };
    super::print(&end)?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line a topic, and one more for each further thing to say of it, in the topology's order.
fn lines(prefix: &str, specs: &[TopicSpec], changes: Vec<TopicChange>) -> Vec<Line> {
    let mut found: Vec<Line> = changes.into_iter().map(line).collect();
    found.sort_by_key(|line| std::cmp::Reverse(line.what));
    let mut lines = Vec::new();
    for spec in specs {
        let topic = format!("{prefix}{}", spec.name);
        let (of_it, rest) = found.into_iter().partition::<Vec<_>, _>(|line| line.topic == topic);
        found = rest;
        if of_it.is_empty() {
            lines.push(Line {
                topic,
                what: What::Keep,
                detail: shape(spec.partitions, spec.cleanup),
            });
        }
        lines.extend(of_it);
    }
    lines
}

fn line(change: TopicChange) -> Line {
    match change {
        TopicChange::Create { topic, partitions, replicas, settings } => {
            let setting = |name: &str| settings.get(name).map(String::as_str).unwrap_or_default();
            let cleanup = match setting("retention.ms").parse() {
                Ok(retention_ms) => Cleanup::Delete { retention_ms },
                Err(_) => Cleanup::Compact,
            };
            let detail = format!(
                "{}, replicas {replicas}, of them in sync {}",
                shape(partitions, cleanup),
                setting("min.insync.replicas")
            );
            Line { topic, what: What::Create, detail }
        }
        TopicChange::Refuse { topic, difference } => {
            Line { topic, what: What::Refuse, detail: difference }
        }
        TopicChange::Warn { topic, difference } => {
            Line { topic, what: What::Warn, detail: difference }
        }
    }
}

fn shape(partitions: i32, cleanup: Cleanup) -> String {
    match cleanup {
        Cleanup::Delete { retention_ms } => {
            format!("partitions {partitions}, kept {} days", retention_ms / DAY_MS)
        }
        Cleanup::Compact => format!("partitions {partitions}, compacted"),
    }
}

fn table(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.topic.len()).max().unwrap_or(0).max(5);
    let mut text = format!("{:<6}  {:<width$}  DETAIL\n", "WHAT", "TOPIC");
    for Line { topic, what, detail } in lines {
        text.push_str(&format!("{:<6}  {topic:<width$}  {detail}\n", what.word()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{DEVICE, POLL, STATUS};

    #[test]
    fn every_topic_has_its_lines() {
        let specs = [POLL.spec(8), DEVICE.spec(8), STATUS.spec(8)];
        let settings = [("retention.ms", "604800000"), ("min.insync.replicas", "2")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let topic = || "p-device".to_owned();
        let changes = vec![
            TopicChange::Create { topic: "p-poll".into(), partitions: 8, replicas: 3, settings },
            TopicChange::Warn { topic: topic(), difference: "it is odd".into() },
            TopicChange::Refuse { topic: topic(), difference: "it is other".into() },
        ];
        assert_eq!(
            table(&lines("p-", &specs, changes)),
            "WHAT    TOPIC     DETAIL\n\
             create  p-poll    partitions 8, kept 7 days, replicas 3, of them in sync 2\n\
             REFUSE  p-device  it is other\n\
             warn    p-device  it is odd\n\
             keep    p-status  partitions 8, compacted\n"
        );
    }
}

//! `opsconductor topics` against a real broker, looked at with its own tools.

use std::collections::BTreeSet;

use pipeline::topology::topics;

use super::PREFIX;
use super::broker::Broker;
use super::program::opsconductor;

const OURS: &str = "plan-";

/// The cluster's topics with our prefix, as Kafka's own tool lists them.
fn there(broker: &Broker) -> BTreeSet<String> {
    let list = broker.tool("topics", &["--list"], "").unwrap();
    list.lines().filter(|name| name.starts_with(OURS)).map(str::to_owned).collect()
}

fn says(found: &(bool, String), succeeds: bool, parts: &[&str]) {
    assert_eq!(found.0, succeeds, "{}", found.1);
    for part in parts {
        assert!(found.1.contains(part), "{part:?} is not said: {}", found.1);
    }
}

#[test]
fn the_embedded_log_needs_no_topics_made() {
    for command in ["plan", "apply"] {
        let said = opsconductor(&["topics", command], &[]);
        says(&said, true, &["embedded", "OPSC_KAFKA=broker:9092 opsconductor topics plan"]);
    }
    let said = opsconductor(&["topics", "--help"], &[]);
    says(&said, true, &["plan", "apply", "log.kafka.prefix", "exit code is 1"]);
}

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let said = opsconductor(&["topics", "plan"], &[("OPSC_KAFKA", "127.0.0.1:1")]);
    says(&said, false, &["connect to Kafka at 127.0.0.1:1", "refused"]);
}

#[test]
fn topics_are_created_compared_and_refused() {
    let Some(broker) = Broker::shared() else { return };
    let ours = |command: &str| {
        let settings = [("OPSC_KAFKA", broker.bootstrap()), (PREFIX, OURS)];
        opsconductor(&["topics", command], &settings)
    };
    let all: BTreeSet<String> = topics(8).iter().map(|it| format!("{OURS}{}", it.name)).collect();
    let create = format!("{} to create, nothing refused", all.len());
    says(&ours("plan"), true, &["create  plan-poll", "partitions 8, kept 7 days", create.as_str()]);
    // Nothing is wrong with a cluster that is new, and looking at it changes nothing.
    let settings = [("OPSC_KAFKA", broker.bootstrap()), (PREFIX, OURS)];
    let (_, said) = opsconductor(&["check"], &settings);
    let none = format!("note  event log: reached; {0} of {0} topics are not there yet", all.len());
    assert!(said.contains(&none), "{said}");
    assert_eq!(there(broker), BTreeSet::new(), "a plan makes nothing, nor does a check");

    // Two that somebody made, each otherwise than it must be.
    let make = ["--create", "--topic", "plan-poll", "--partitions", "3", "--config"];
    let policy = "cleanup.policy=compact";
    broker.tool("topics", &[&make[..], &[policy]].concat(), "").unwrap();
    let make = ["--create", "--topic", "plan-device", "--partitions", "8", "--config"];
    broker.tool("topics", &[&make[..], &["cleanup.policy=delete"]].concat(), "").unwrap();
    let differences = [
        "REFUSE  plan-poll",
        "it has 3 partitions and must have 8",
        "its cleanup.policy is compact and must be delete",
        "REFUSE  plan-device",
        "its cleanup.policy is delete and must be compact",
        "its message.timestamp.type is CreateTime and must be LogAppendTime",
        "create  plan-metric",
    ];
    says(&ours("plan"), false, &differences);
    says(&ours("apply"), false, &differences);
    says(&ours("apply"), false, &["refused, so nothing was created"]);
    assert_eq!(there(broker).len(), 2, "something is refused, so nothing is made");
    // A role refuses to start for the same reason.
    let settings = [("OPSC_KAFKA", broker.bootstrap()), (PREFIX, OURS)];
    says(&opsconductor(&["process"], &settings), false, &["event log: topic", "and must"]);

    // What can be fixed is fixed with the lines that were said; the other makes way.
    let (_, said) = ours("plan");
    let about_device = said.lines().filter(|line| line.contains("plan-device"));
    for (_, remedy) in about_device.filter_map(|line| line.split_once("kafka-configs ")) {
        let args: Vec<&str> = remedy.split(' ').collect();
        broker.tool("configs", &args, "").unwrap();
    }
    broker.tool("topics", &["--delete", "--topic", "plan-poll"], "").unwrap();
    let created = format!("{} created", all.len() - 1);
    says(&ours("apply"), true, &["keep    plan-device", "create  plan-poll", created.as_str()]);
    assert_eq!(there(broker), all);
    says(&ours("plan"), true, &["keep    plan-poll", "all topics are there"]);
    says(&ours("apply"), true, &["all topics are there"]);
    let poll = broker.tool("topics", &["--describe", "--topic", "plan-poll"], "").unwrap();
    for part in ["PartitionCount: 8", "ReplicationFactor: 1", "cleanup.policy=delete"] {
        assert!(poll.contains(part), "{part:?}: {poll}");
    }
}

//! What is refused, and in which words.

use super::harness::{RealKafka, options};
use crate::log::conformance::{DAY, Harness as _, fresh, topic};
use crate::log::kafka::{KafkaLog, KafkaOptions, TopicChange};
use crate::log::{Cleanup, LogError, Start, TopicSpec};

fn check(property: (&str, &str), words: &[&str]) {
    let mut options = options("127.0.0.1:1", "");
    options.properties.push((property.0.to_owned(), property.1.to_owned().into()));
    let error = KafkaLog::connect(options).map(|_| ()).unwrap_err();
    assert!(matches!(error, LogError::Fatal { .. }), "{error}");
    let said = error.to_string();
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn properties_that_undo_a_guarantee() {
    for name in [
        "isolation.level",
        "enable.idempotence",
        "acks",
        "enable.auto.commit",
        "auto.offset.reset",
        "partitioner",
        "transactional.id",
        "transaction.timeout.ms",
        "allow.auto.create.topics",
        "group.instance.id",
    ] {
        check((name, "hunter2"), &[name, "cannot be set:"]);
    }
    check(("sasl.pasword", "hunter2"), &["sasl.pasword", "no such property"]);
    check(("linger.ms", "hunter2"), &["linger.ms", "does not take this value"]);
    check(("session.timeout.ms", "hunter2"), &["session.timeout.ms", "this value"]);
}

#[test]
fn a_cluster_that_is_not_there() {
    let mut options = options("127.0.0.1:1", "");
    options.properties.push(("sasl.password".to_owned(), "hunter2".to_owned().into()));
    let began = std::time::Instant::now();
    let said = KafkaLog::connect(options).map(|_| ()).unwrap_err();
    assert!(matches!(said, LogError::Retry { .. }), "{said}");
    let said = said.to_string();
    assert!(said.contains("127.0.0.1:1") && said.contains("refused"), "{said}");
    assert!(!said.contains("hunter2"));
    println!("{said}, after {:?}", began.elapsed());
    let nobody = KafkaLog::connect(KafkaOptions::default()).map(|_| ()).unwrap_err();
    assert!(nobody.to_string().contains("bootstrap"), "{nobody}");
}

#[test]
fn slots_that_cannot_be_names() {
    let Some(kafka) = RealKafka::new() else { return };
    let topic = topic(&kafka, 1, DAY);
    let spec = crate::log::conformance::spec(&fresh("g"), &topic, "a b");
    let said = kafka.log().member(&spec).map(|_| ()).unwrap_err();
    assert!(said.to_string().contains("\"a b\""), "{said}");
}

#[test]
fn topics_are_planned_and_their_difference_explained() {
    let Some(kafka) = RealKafka::new() else { return };
    let spec = |name: &str, cleanup| TopicSpec { name: name.into(), partitions: 3, cleanup };
    let (state, poll) = (spec("state-x", Cleanup::Compact), spec("poll", DAY));
    let both = [state.clone(), poll.clone()];
    let plan = kafka.kafka().plan_topics(&both).unwrap();
    let TopicChange::Create { topic, partitions: 3, replicas: 1, settings } = &plan[0] else {
        panic!("{plan:?}")
    };
    assert_eq!(*topic, format!("{}state-x", kafka.prefix()));
    assert_eq!(settings["segment.bytes"], "16777216");
    assert_eq!(plan.len(), 3);
    kafka.log().ensure_topics(&both).unwrap();
    assert_eq!(kafka.kafka().plan_topics(&both).unwrap(), []);
    let longer = spec("poll", Cleanup::Delete { retention_ms: 90_000_000 });
    match &kafka.kafka().plan_topics(std::slice::from_ref(&longer)).unwrap()[..] {
        [TopicChange::Warn { difference, .. }] => {
            assert!(difference.contains("retention.ms is 86400000 and should be 90000000"));
        }
        other => panic!("{other:?}"),
    }
    kafka.log().ensure_topics(&[longer]).unwrap();
    let said = kafka.log().ensure_topics(&[TopicSpec { partitions: 4, ..poll }]).unwrap_err();
    let said = said.to_string();
    assert!(said.starts_with("topic poll: it has 3 partitions and must have 4"), "{said}");
}

#[test]
fn a_topic_that_is_not_there() {
    let Some(kafka) = RealKafka::new() else { return };
    let said = kafka.log().reader("nowhere", &[], Start::Earliest).map(|_| ()).unwrap_err();
    assert!(matches!(said, LogError::Retry { .. }), "{said}");
    assert!(said.to_string().contains("nowhere"), "{said}");
}

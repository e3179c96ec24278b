//! What a topic is created with, and how one that is there is held against that.

use std::collections::BTreeMap;

use super::super::{Cleanup, TopicSpec};
use super::options::REQUEST_BYTES;

const DAY_MS: i64 = 86_400_000;
/// Topics of snapshots: rewritten all the time and read at every start.
const STATE: &str = "state-";

/// The settings that a topic is created with.
pub(super) fn settings(spec: &TopicSpec, replicas: i32) -> BTreeMap<String, String> {
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

/// A topic that is there.
pub(super) struct Present<'a> {
    pub(super) topic: String,
    pub(super) spec: &'a TopicSpec,
    pub(super) partitions: i32,
    /// Of the partition with the fewest.
    pub(super) replicas: i32,
}

impl Present<'_> {
    /// The line that sets it right.
    fn alter(&self, name: &str, to: &str) -> String {
        let topic = &self.topic;
        format!(
            "kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {name}={to}"
        )
    }
}

/// What would lose or misplace records. `value` gives the topic's settings.
pub(super) fn refusals(
    present: &Present<'_>,
    value: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let (spec, partitions) = (present.spec, present.partitions);
    let mut found = Vec::new();
    if partitions != spec.partitions {
        found.push(format!(
            "it has {partitions} partitions and must have {}: keys would move between partitions, \
             so set the configured number to {partitions}, or use another prefix",
            spec.partitions
        ));
    }
    let want = match spec.cleanup {
        Cleanup::Delete { .. } => "delete",
        Cleanup::Compact => "compact",
    };
    for (name, must) in [("cleanup.policy", want), ("message.timestamp.type", "LogAppendTime")] {
        match value(name) {
            Some(is) if is != must => {
                let remedy = present.alter(name, must);
                found.push(format!("its {name} is {is} and must be {must}: {remedy}"));
            }
            Some(_) | None => {}
        }
    }
    let name = "max.message.bytes";
    match value(name).and_then(|it| it.parse::<usize>().ok()) {
        Some(is) if is < REQUEST_BYTES => {
            let remedy = present.alter(name, &REQUEST_BYTES.to_string());
            found
                .push(format!("its {name} is {is} and must be at least {REQUEST_BYTES}: {remedy}"));
        }
        Some(_) | None => {}
    }
    found
}

/// What works, but not as meant; `replicas` is what a new topic would have.
pub(super) fn warnings(
    present: &Present<'_>,
    replicas: i32,
    value: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut should = vec![
        // A replica that missed the last records would become the leader without them.
        ("unclean.leader.election.enable", "false".to_owned()),
    ];
    if let Cleanup::Delete { retention_ms } = present.spec.cleanup {
        should.push(("retention.ms", retention_ms.to_string()));
    }
    let name = "min.insync.replicas";
    if present.replicas >= 3 && value(name).is_some_and(|is| is == "1") {
        // A record would count as written that the next broker to die takes with it.
        should.push((name, "2".to_owned()));
    }
    let mut found = Vec::new();
    for (name, should) in should {
        match value(name) {
            Some(is) if is != should => {
                let remedy = present.alter(name, &should);
                found.push(format!("its {name} is {is} and should be {should}: {remedy}"));
            }
            Some(_) | None => {}
        }
    }
    let has = present.replicas;
    if has < replicas {
        found.push(format!(
            "it has {has} replicas and should have {replicas}: kafka-reassign-partitions adds \
             them, or set log.kafka.replication to {has}"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGER: Cleanup = Cleanup::Delete { retention_ms: DAY_MS };

    /// A topic as it is created, with these settings otherwise, on a cluster of three brokers.
    fn check(
        cleanup: Cleanup,
        (partitions, replicas): (i32, i32),
        other: &[(&str, &str)],
        refused: &[&str],
        warned: &[&str],
    ) {
        let spec = TopicSpec { name: "poll".into(), partitions: 8, cleanup };
        let mut settings = settings(&spec, 3);
        settings.extend(other.iter().map(|(name, to)| ((*name).to_owned(), (*to).to_owned())));
        let present = Present { topic: "p-poll".to_owned(), spec: &spec, partitions, replicas };
        let value = |name: &str| settings.get(name).cloned();
        let said = [refusals(&present, value), warnings(&present, 3, value)];
        for (said, expected) in said.iter().zip([refused, warned]) {
            assert_eq!(said.len(), expected.len(), "{said:?}");
            for (said, start) in said.iter().zip(expected) {
                assert!(said.starts_with(start), "{said:?}");
            }
        }
    }

    #[test]
    fn a_topic_as_it_is_created_is_as_it_must_be() {
        check(LONGER, (8, 3), &[], &[], &[]);
        check(Cleanup::Compact, (8, 3), &[], &[], &[]);
    }

    #[test]
    fn what_loses_or_misplaces_records_is_refused() {
        check(LONGER, (3, 3), &[], &["it has 3 partitions and must have 8"], &[]);
        let both = ("cleanup.policy", "compact,delete");
        let said = "its cleanup.policy is compact,delete and must be delete: kafka-configs --alter \
                    --entity-type topics --entity-name p-poll --add-config cleanup.policy=delete";
        check(LONGER, (8, 3), &[both], &[said], &[]);
        check(Cleanup::Compact, (8, 3), &[both], &["its cleanup.policy is"], &[]);
        let small = ("max.message.bytes", "1000");
        let said = ["its message.timestamp.type is CreateTime", "its max.message.bytes is 1000"];
        let stamp = ("message.timestamp.type", "CreateTime");
        check(LONGER, (8, 3), &[small, stamp], &said, &[]);
        check(LONGER, (8, 3), &[("max.message.bytes", "2000000")], &[], &[]);
    }

    #[test]
    fn what_is_less_safe_than_meant_is_warned_of() {
        check(LONGER, (8, 1), &[], &[], &["it has 1 replicas and should have 3"]);
        let one = ("min.insync.replicas", "1");
        check(LONGER, (8, 3), &[one], &[], &["its min.insync.replicas is 1 and should be 2"]);
        check(LONGER, (8, 2), &[one], &[], &["it has 2 replicas"]);
        let unclean = ("unclean.leader.election.enable", "true");
        let short = ("retention.ms", "5");
        let said = ["its unclean.leader.election.enable is true", "its retention.ms is 5"];
        check(LONGER, (8, 3), &[unclean, short], &[], &said);
    }
}

//! Options, and how they become librdkafka's properties: ours, then the operator's, then those
//! that the guarantees rest on.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::types::RDKafkaConfRes;
use secrecy::{ExposeSecret, SecretString};

use super::super::LogError;

/// A member that is silent for so long loses its partitions.
pub(super) const SESSION_MS: u32 = 10_000;
/// An open transaction of a dead task is ended after this, unless its slot is taken earlier.
/// Brokers look for such transactions every 10 s: with this, readers wait for 18 s at most.
pub(super) const TRANSACTION_MS: u32 = 8_000;
/// Most records that wait in a producer.
pub(super) const QUEUE_RECORDS: usize = 100_000;
/// Most KiB that wait in a producer.
pub(super) const QUEUE_KIB: usize = 65_536;
/// Most KiB that a consumer fetches ahead.
const FETCH_AHEAD_KIB: usize = 16_384;
/// Largest request to produce; a topic must take as much (`max.message.bytes`). The largest
/// record that lz4 cannot make smaller, with its batch's frame, stays below.
pub(super) const REQUEST_BYTES: usize = 1_048_588;

/// How to reach a cluster.
#[derive(Clone, Debug, Default)]
pub struct KafkaOptions {
    /// `host:port`, comma-separated.
    pub bootstrap: String,
    /// Put in front of the names of topics and groups and of transactional ids.
    pub prefix: String,
    /// Replicas of topics to be created; 0: three, two of them in sync, where the cluster has
    /// three brokers, else one.
    pub replication: i32,
    /// Any librdkafka properties but those the guarantees rest on. Never printed.
    pub properties: Vec<(String, SecretString)>,
}

/// Properties that are ours, and why.
const REFUSED: &[(&str, &str)] = &[
    ("acks", "a record counts as written only when all replicas in sync have it"),
    ("request.required.acks", "a record counts as written only when all replicas in sync have it"),
    ("allow.auto.create.topics", "topics are created with the settings they need, or not at all"),
    ("auto.offset.reset", "a position outside the log is an error, never reset silently"),
    ("bootstrap.servers", "it is an option of its own"),
    ("metadata.broker.list", "bootstrap is an option of its own"),
    ("enable.auto.commit", "positions are committed with the outputs"),
    ("auto.commit.enable", "positions are committed with the outputs"),
    ("enable.auto.offset.store", "positions are committed with the outputs"),
    ("enable.idempotence", "a retry must not write a record twice"),
    ("max.in.flight", "more than five would break the order"),
    ("max.in.flight.requests.per.connection", "more than five would break the order"),
    ("retries", "a record is retried until its time runs out"),
    ("message.send.max.retries", "a record is retried until its time runs out"),
    ("enable.partition.eof", "it is not an event of this log"),
    ("group.id", "it follows from the component and the prefix"),
    ("group.instance.id", "it is the slot"),
    ("group.protocol", "the slot's fencing rests on the classic protocol"),
    ("isolation.level", "readers see committed records only"),
    ("message.max.bytes", "the largest record is fixed for every log"),
    ("partition.assignment.strategy", "a move must stop only what moves"),
    ("partitioner", "every writer must agree with Java on a key's partition"),
    ("transaction.timeout.ms", "a dead task must not hold readers back for longer"),
    ("transactional.id", "it follows from the component, the slot and the prefix"),
    ("log.queue", "librdkafka's messages go through ours"),
    ("statistics.interval.ms", "the metrics are built on it"),
];

/// Only its own kind of client gets such a property; the other would warn about it.
const PRODUCER_ONLY: &[&str] = &[
    "batch.",
    "compression.",
    "delivery.",
    "linger.ms",
    "message.timeout.ms",
    "queue.buffering.",
    "request.timeout.ms",
    "sticky.partitioning",
];
const CONSUMER_ONLY: &[&str] =
    &["check.crcs", "fetch.", "heartbeat.", "max.partition", "max.poll", "queued.", "session."];

/// What kind of client a configuration is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Consumer,
    Producer,
    /// A producer whose records wait without end for the log.
    Patient,
    /// A producer of few records that somebody waits for.
    Prompt,
    /// The producer of a task's transactions.
    Task,
}

impl KafkaOptions {
    /// Refuses what would undo a guarantee.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let fatal = |what: String, error: &str| Err(LogError::Fatal { what, error: error.into() });
        if self.bootstrap.trim().is_empty() {
            return fatal("Kafka bootstrap".into(), "no broker is named: give host:port");
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !self.prefix.chars().all(legal) {
            let what = format!("Kafka prefix {:?}", self.prefix);
            return fatal(what, "only letters, digits, '.', '_' and '-' can be in a topic's name");
        }
        for (name, _) in &self.properties {
            if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| refused == name) {
                let what = format!("Kafka property {name}");
                return fatal(what, &format!("cannot be set: {reason}. Remove it"));
            }
        }
        for kind in [Kind::Consumer, Kind::Producer, Kind::Patient, Kind::Prompt, Kind::Task] {
            self.client(kind, "check").create_native_config().map_err(|e| refused_value(&e))?;
        }
        Ok(())
    }

    /// The operator's value of a number, or ours.
    pub(super) fn number(&self, name: &str, ours: usize) -> usize {
        let given = self.properties.iter().rev().find(|(property, _)| property == name);
        given.and_then(|(_, value)| value.expose_secret().parse().ok()).unwrap_or(ours)
    }

    /// What every client has.
    fn client(&self, kind: Kind, name: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        // Nothing of it is said unless the property `debug` names contexts.
        config.set_log_level(RDKafkaLogLevel::Debug);
        config
            .set("client.id", format!("opsconductor-{name}"))
            .set("enable.metrics.push", "false")
            .set("log.connection.close", "false")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        let other = if kind == Kind::Consumer { PRODUCER_ONLY } else { CONSUMER_ONLY };
        match kind {
            Kind::Consumer => consumer_defaults(&mut config),
            Kind::Producer | Kind::Patient => producer_defaults(&mut config),
            Kind::Prompt => {
                producer_defaults(&mut config);
                // Not none: a batch would be sent in pieces.
                config.set("linger.ms", "1");
            }
            Kind::Task => {
                producer_defaults(&mut config);
                // A transaction begins while the markers of the last are still being written, and
                // has to be tried again: by default after 100 ms.
                config.set("retry.backoff.ms", "5");
                // A failed delivery fails the commit; the others need no word each.
                config.set("delivery.report.only.error", "true");
            }
        }
        for (name, value) in &self.properties {
            if !other.iter().any(|start| name.starts_with(start)) {
                config.set(name, value.expose_secret());
            }
        }
        config.set("bootstrap.servers", &self.bootstrap).set("statistics.interval.ms", "5000");
        config
    }

    /// A consumer that sees committed records only.
    pub(super) fn consumer(&self, name: &str, group: &str) -> ClientConfig {
        let mut config = self.client(Kind::Consumer, name);
        config
            .set("allow.auto.create.topics", "false")
            .set("auto.offset.reset", "error")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("group.id", group)
            .set("group.protocol", "classic")
            .set("isolation.level", "read_committed")
            .set("partition.assignment.strategy", "cooperative-sticky");
        config
    }

    /// A client that asks for watermarks, open transactions included; it reads nothing.
    pub(super) fn observer(&self) -> ClientConfig {
        let mut config = self.client(Kind::Consumer, "observer");
        config.set("allow.auto.create.topics", "false").set("isolation.level", "read_uncommitted");
        config
    }

    /// A producer that writes each record once and in order.
    pub(super) fn producer(&self, kind: Kind, name: &str) -> ClientConfig {
        let mut config = self.client(kind, name);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.max.bytes", REQUEST_BYTES.to_string())
            .set("partitioner", "murmur2_random");
        if kind == Kind::Patient {
            config.set("message.timeout.ms", "0");
        }
        config
    }
}

fn consumer_defaults(config: &mut ClientConfig) {
    config
        .set("check.crcs", "true")
        .set("fetch.error.backoff.ms", "100")
        // Partitions that are started wait for the fetch that is under way.
        .set("fetch.wait.max.ms", "100")
        // The default of a second would be a second's pause whenever the queue was full.
        .set("fetch.queue.backoff.ms", "20")
        .set("heartbeat.interval.ms", "1000")
        .set("max.poll.interval.ms", "60000")
        .set("queued.max.messages.kbytes", FETCH_AHEAD_KIB.to_string())
        .set("session.timeout.ms", SESSION_MS.to_string());
}

fn producer_defaults(config: &mut ClientConfig) {
    config
        .set("compression.type", "lz4")
        // A commit sends what waits, and a poll is seconds old in any case: so batches may grow.
        // In small ones, records cost as much in the client as everything else done with them.
        .set("linger.ms", "25")
        .set("queue.buffering.max.kbytes", QUEUE_KIB.to_string())
        .set("queue.buffering.max.messages", QUEUE_RECORDS.to_string());
}

/// A property that librdkafka does not take, without its value.
pub(super) fn refused_value(error: &rdkafka::error::KafkaError) -> LogError {
    use rdkafka::error::KafkaError;
    let (name, error) = if let KafkaError::ClientConfig(result, _, name, _) = error {
        let unknown = *result == RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;
        let takes = if unknown { "knows no such property" } else { "does not take this value" };
        (name.as_str(), format!("librdkafka {takes}: see its CONFIGURATION.md"))
    } else {
        ("", "librdkafka does not take these properties".to_owned())
    };
    LogError::Fatal { what: format!("Kafka property {name}"), error }
}

//! The harness of a Kafka log: a prefix of its own on a real broker.

use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::broker::Broker;
use crate::log::EventLog;
use crate::log::conformance::{Harness, fresh};
use crate::log::kafka::{KafkaLog, KafkaOptions};

pub(super) enum Where {
    Shared(&'static Broker),
    Own(Broker),
}

/// A Kafka log under test.
pub(super) struct RealKafka {
    broker: Where,
    prefix: String,
    log: Mutex<Option<Arc<KafkaLog>>>,
    roller: OnceLock<ThreadedProducer<DefaultProducerContext>>,
}

/// Sessions and queues that end within a test.
pub(super) fn options(bootstrap: &str, prefix: &str) -> KafkaOptions {
    let property = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned().into());
    KafkaOptions {
        bootstrap: bootstrap.to_owned(),
        prefix: prefix.to_owned(),
        replication: 0,
        properties: [
            ("session.timeout.ms", "6000"),
            ("max.poll.interval.ms", "8000"),
            ("queue.buffering.max.messages", "2000"),
        ]
        .into_iter()
        .chain(std::env::var("OPSC_TEST_KAFKA_DEBUG").ok().as_deref().map(|what| ("debug", what)))
        .map(property)
        .collect(),
    }
}

impl RealKafka {
    /// None: there is no Kafka on this machine.
    pub(super) fn new() -> Option<Self> {
        Some(Self::on(Where::Shared(Broker::shared()?)))
    }

    /// With a broker of its own, which a restart kills.
    pub(super) fn alone(port: u16) -> Option<Self> {
        Some(Self::on(Where::Own(Broker::start(port)?)))
    }

    fn on(broker: Where) -> Self {
        if std::env::var_os("RUST_LOG").is_some() {
            let filter = tracing_subscriber::EnvFilter::from_default_env();
            let _ = tracing_subscriber::fmt().with_env_filter(filter).try_init();
        }
        let prefix = format!("{}.", fresh("t"));
        let kafka = Self { broker, prefix, log: Mutex::default(), roller: OnceLock::new() };
        kafka.connect();
        kafka
    }

    fn connect(&self) {
        let log = KafkaLog::connect(options(self.bootstrap(), &self.prefix)).unwrap();
        *self.log.lock().unwrap() = Some(Arc::new(log));
    }

    fn broker(&self) -> &Broker {
        match &self.broker {
            Where::Shared(broker) => broker,
            Where::Own(broker) => broker,
        }
    }

    pub(super) fn bootstrap(&self) -> &str {
        self.broker().bootstrap()
    }

    /// Stops or wakes the broker.
    pub(super) fn signal(&self, signal: &str) {
        let pid = self.broker().pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn kafka(&self) -> Arc<KafkaLog> {
        self.log.lock().unwrap().clone().unwrap()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    /// Writes records that nobody sees: Kafka ends a segment only when it appends, and neither
    /// compacts nor, where a test is quick, drops the newest one.
    fn roll(&self) {
        let roller = self.roller.get_or_init(|| {
            let mut config = self.config();
            config.set("transactional.id", format!("{}roller", self.prefix));
            let roller: ThreadedProducer<DefaultProducerContext> = config.create().unwrap();
            roller.init_transactions(Duration::from_secs(30)).unwrap();
            self.let_segments_end();
            roller
        });
        roller.begin_transaction().unwrap();
        for topic in self.compacted() {
            let record = BaseRecord::<[u8], [u8]>::to(&topic).key(b"roll").payload(b"unseen");
            roller.send(record.partition(0)).map_err(|(e, _)| e).unwrap();
        }
        while roller.in_flight_count() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        roller.abort_transaction(Duration::from_secs(30)).unwrap();
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    fn compacted(&self) -> Vec<String> {
        let admin = self.admin();
        let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(10)).unwrap();
        let ours = metadata.topics().iter().map(|t| t.name().to_owned());
        let ours: Vec<String> = ours.filter(|t| t.starts_with(&self.prefix)).collect();
        let names = ours.iter().map(|t| ResourceSpecifier::Topic(t)).collect::<Vec<_>>();
        let found = block_on(admin.describe_configs(&names, &AdminOptions::new())).unwrap();
        let compacted = |i: &usize| {
            let policy = found[*i].as_ref().unwrap().get("cleanup.policy").unwrap();
            policy.value.as_deref() == Some("compact")
        };
        (0..ours.len()).filter(compacted).map(|i| ours[i].clone()).collect()
    }

    fn let_segments_end(&self) {
        for topic in self.compacted() {
            let config = AlterConfig::new(ResourceSpecifier::Topic(&topic))
                .set("cleanup.policy", "compact")
                .set("message.timestamp.type", "LogAppendTime")
                .set("segment.ms", "200")
                .set("min.cleanable.dirty.ratio", "0.001");
            let set = block_on(self.admin().alter_configs([&config], &AdminOptions::new()));
            set.unwrap().remove(0).unwrap();
        }
    }
}

impl Harness for RealKafka {
    fn log(&self) -> Arc<dyn EventLog> {
        self.kafka()
    }

    fn restart(&self) {
        *self.log.lock().unwrap() = None;
        // A broker that others use goes on; then it is only our own part that begins anew.
        if let Where::Own(broker) = &self.broker {
            broker.crash();
        }
        self.connect();
    }

    fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn housekeep(&self) -> bool {
        self.roll();
        true
    }

    fn stall(&self, _: bool) -> bool {
        false
    }
}

#[test]
fn a_killed_broker_keeps_everything() {
    let Some(kafka) = RealKafka::alone(19_150) else { return };
    crate::log::conformance::records::survive_a_restart(&kafka);
}

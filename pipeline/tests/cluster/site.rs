//! Three brokers, a simulated network in this process, and roles in processes of their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab::{Lab, LedgerConfig};
use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::PgPool;

use super::broker::Broker;
use super::common::{Program as Killed, database, free_address, program};
use super::program::opsconductor;
use super::{PREFIX, WITHIN};

pub(crate) const OURS: &str = "three-";
pub(crate) const DEVICES: usize = 40;
pub(crate) const INTERVAL_MS: u64 = 1_000;
const INTERFACES: usize = 4;
const CREDENTIAL: &str = "fleet";
const MAX_LEDGER_BYTES: u64 = 1 << 28;

/// Which member holds a partition, by group and partition.
pub(crate) type Owners = BTreeMap<(String, i32), String>;

pub(crate) struct Site {
    pub(crate) broker: Broker,
    pub(crate) url: String,
    pub(crate) pool: PgPool,
    state: tempfile::TempDir,
    inventory: String,
    listen: String,
    _lab: Lab,
}

impl Site {
    /// None: something of it is not on this machine.
    pub(crate) async fn start(name: &str, port: u16, brokers: &str) -> Option<Self> {
        let url = database(name).await?;
        let broker = Broker::start_with(port, &["--nodes", brokers])?;
        let state = tempfile::tempdir().unwrap();
        let first = SocketAddrV4::new(Ipv4Addr::new(127, 21, 0, 1), lab::free_port());
        let mut config = lab::fleet(DEVICES, INTERFACES, first, false);
        let path = state.path().join("lab-ledger");
        config.ledger = LedgerConfig::File { path, max_bytes: MAX_LEDGER_BYTES };
        let community = config.devices[0].community.clone();
        let network = Lab::start(config).unwrap();
        let line = |it: &lab::InventoryEntry| {
            format!(
                "{} name={} port={} profile=lab credential={CREDENTIAL} interval=1s icmp=no\n",
                it.address, it.name, it.port
            )
        };
        let inventory = state.path().join("inventory").display().to_string();
        let lines: String = network.inventory().iter().map(line).collect();
        std::fs::write(&inventory, lines).unwrap();
        let pool = PgPool::connect_lazy(&url).unwrap();
        let listen = free_address();
        let site = Self { broker, url, pool, state, inventory, listen, _lab: network };
        std::fs::write(site.state().join("community"), community).unwrap();
        Some(site)
    }

    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(self.state().join("out")).unwrap_or_default()
    }

    /// A role as the instance of that name; the API of the first one is where it is asked.
    pub(crate) fn role(&self, role: &str, instance: &str) -> Killed {
        Killed(self.prepared(role, instance).spawn().unwrap())
    }

    /// The same by another build of the program.
    pub(crate) fn role_of(&self, build: &Path, role: &str, instance: &str) -> Killed {
        let ours = self.prepared(role, instance);
        let mut command = Command::new(build);
        command.args(ours.get_args()).stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let out = std::fs::File::options().append(true).open(self.state().join("out")).unwrap();
        Killed(command.stderr(out).spawn().unwrap())
    }

    fn prepared(&self, role: &str, instance: &str) -> Command {
        let listen = if instance == "a" { self.listen.clone() } else { free_address() };
        let mut command = program(role, self.state(), &self.url, &listen);
        self.reach(&mut command);
        command.env("OPSC_INSTANCE", instance);
        if role == "connect" {
            command.env("OPSC__INVENTORY__FILE", &self.inventory);
        }
        command
    }

    pub(crate) fn roles(&self, roles: &[&str], instance: &str) -> Vec<Killed> {
        roles.iter().map(|role| self.role(role, instance)).collect()
    }

    fn reach(&self, command: &mut Command) {
        command.env("OPSC_KAFKA", self.broker.bootstrap()).env(PREFIX, OURS);
    }

    /// A command that ends by itself.
    pub(crate) fn command(&self, args: &[&str]) -> (bool, String) {
        let reach = [("OPSC_KAFKA", self.broker.bootstrap()), (PREFIX, OURS)];
        opsconductor(args, &reach)
    }

    /// Puts the devices' credential into the vault, as soon as the API takes it.
    pub(crate) async fn add_credential(&self) {
        let began = Instant::now();
        loop {
            let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
            command.args(["credential", "add", CREDENTIAL]);
            command.env("OPSC_STATE_DIR", self.state()).env("OPSC_LISTEN", &self.listen);
            let community = std::fs::File::open(self.state().join("community")).unwrap();
            let said = command.stdin(community).output().unwrap();
            if said.status.success() {
                return;
            }
            assert!(began.elapsed() < WITHIN, "{said:?}: {}", self.out());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) fn log(&self) -> KafkaLog {
        KafkaLog::connect(KafkaOptions {
            bootstrap: self.broker.bootstrap().to_owned(),
            prefix: OURS.to_owned(),
            ..KafkaOptions::default()
        })
        .unwrap()
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.bootstrap()).create().unwrap()
    }

    /// The node that leads a partition of a topic of ours.
    pub(crate) fn leader(&self, topic: &str, partition: i32) -> i32 {
        let full = format!("{OURS}{topic}");
        let found = self.consumer().fetch_metadata(Some(&full), Duration::from_secs(20)).unwrap();
        let found = found.topics()[0].partitions().iter().find(|it| it.id() == partition);
        found.unwrap().leader()
    }

    /// The active controller, which only Kafka's own tool tells.
    pub(crate) fn controller(&self) -> i32 {
        let said = self.broker.tool("quorum", &["describe", "--status"], "").unwrap();
        let line = said.lines().find_map(|line| line.strip_prefix("LeaderId:")).unwrap();
        line.trim().parse().unwrap()
    }

    /// Until every replica of every partition is in sync: only then may the next broker go.
    pub(crate) async fn in_sync(&self) {
        let (consumer, began) = (self.consumer(), Instant::now());
        loop {
            let found = consumer.fetch_metadata(None, Duration::from_secs(20));
            let behind = found.map(|found| {
                let all = found.topics().iter().flat_map(|topic| topic.partitions());
                all.filter(|it| it.isr().len() < 3).count()
            });
            if let Ok(0) = behind {
                return;
            }
            assert!(began.elapsed() < WITHIN, "behind: {behind:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Who reads what, as the cluster has it.
    pub(crate) fn owners(&self) -> Owners {
        let said = self.broker.tool("groups", &["--describe", "--all-groups"], "").unwrap();
        let mut owners = Owners::new();
        for line in said.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [group, _, partition, .., client] = words[..] else { continue };
            if let (Some(group), Ok(partition)) = (group.strip_prefix(OURS), partition.parse()) {
                owners.insert((group.to_owned(), partition), client.to_owned());
            }
        }
        owners
    }

    /// Until the database has an answer of each device from after a time; how long that took.
    pub(crate) async fn flows_since(&self, since_ms: u64) -> Duration {
        let began = Instant::now();
        loop {
            let found: i64 = sqlx::query_scalar(
                "SELECT count(DISTINCT s.device) FROM sample x JOIN series s ON s.id = x.series_id
                 WHERE s.metric = 'lab_serial' AND x.ts >= to_timestamp($1::float8 / 1000)",
            )
            .bind(since_ms as f64)
            .fetch_one(&self.pool)
            .await
            .unwrap_or(0);
            if found as usize == DEVICES {
                return began.elapsed();
            }
            assert!(began.elapsed() < WITHIN, "{found} of {DEVICES} devices: {}", self.out());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

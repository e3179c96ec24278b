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
use rdkafka::groups::GroupList;
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
const ASK: Duration = Duration::from_secs(20);

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
        let found = self.consumer().fetch_metadata(Some(&full), ASK).unwrap();
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
            let found = consumer.fetch_metadata(None, ASK);
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

    /// Who reads what, as the groups' coordinators have it once no group is in between.
    pub(crate) async fn owners(&self) -> Owners {
        let (consumer, began) = (self.consumer(), Instant::now());
        loop {
            let found = consumer.fetch_group_list(None, ASK);
            let settled = found.as_ref().is_ok_and(|found| {
                let ours = found.groups().iter().filter(|it| it.name().starts_with(OURS));
                ours.clone().count() > 0 && ours.clone().all(|it| it.state() == "Stable")
            });
            if settled {
                return owners(&found.unwrap());
            }
            assert!(began.elapsed() < WITHIN, "not settled: {:?}", found.err());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
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

fn owners(found: &GroupList) -> Owners {
    let mut owners = Owners::new();
    for group in found.groups() {
        let Some(name) = group.name().strip_prefix(OURS) else { continue };
        for member in group.members() {
            for partition in assigned(member.assignment().unwrap_or_default()) {
                owners.insert((name.to_owned(), partition), member.client_id().to_owned());
            }
        }
    }
    owners
}

/// The partitions of a member that reads one topic, from the consumer protocol's bytes: a version,
/// how many topics, of each its name, how many partitions, and these.
fn assigned(bytes: &[u8]) -> Vec<i32> {
    let Some([_, _, topics @ .., name_high, name_low]) = bytes.first_chunk::<8>() else {
        return Vec::new();
    };
    if *topics == [0; 4] {
        return Vec::new();
    }
    let name = usize::from(u16::from_be_bytes([*name_high, *name_low]));
    let (numbers, _) = bytes[8 + name..].as_chunks::<4>();
    let mut numbers = numbers.iter().map(|it| i32::from_be_bytes(*it));
    let count = numbers.next().unwrap();
    numbers.take(usize::try_from(count).unwrap()).collect()
}

//! Three brokers, a simulated network in this process, and roles in processes of their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lab::{Lab, LedgerConfig};
use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::PgPool;

use super::broker::Broker;
use super::common::{Program as Killed, database, free_address, program};
use super::gate::Gate;
use super::owners::{Owners, owners};
use super::program::opsconductor;
use super::{PREFIX, WITHIN};

pub(crate) const OURS: &str = "three-";
pub(crate) const DEVICES: usize = 40;
pub(crate) const INTERVAL_MS: u64 = 1_000;
/// From the brokers' ports to those of their gates.
const GATES: u16 = 100;
const INTERFACES: usize = 4;
const CREDENTIAL: &str = "fleet";
const MAX_LEDGER_BYTES: u64 = 1 << 28;
const ASK: Duration = Duration::from_secs(20);

pub(crate) struct Site {
    pub(crate) broker: Broker,
    pub(crate) url: String,
    pub(crate) pool: PgPool,
    state: tempfile::TempDir,
    inventory: String,
    listen: String,
    /// Where each process answers how it is, by role and instance.
    telemetry: Mutex<BTreeMap<(String, String), String>>,
    /// In front of the brokers, where there are any.
    pub(crate) gates: Vec<Gate>,
    bootstrap: String,
    _lab: Lab,
}

impl Site {
    /// None: something of it is not on this machine.
    pub(crate) async fn start(name: &str, port: u16, brokers: &str) -> Option<Self> {
        Self::with(name, Broker::start_with(port, &["--nodes", brokers])?).await
    }

    /// The same with a gate in front of each broker, through which all processes go.
    pub(crate) async fn gated(name: &str, port: u16, brokers: i32) -> Option<Self> {
        let gate = port + GATES;
        let how = ["--nodes", &brokers.to_string(), "--advertise", &gate.to_string()];
        let mut site = Self::with(name, Broker::start_with(port, &how)?).await?;
        let real: Vec<u16> = (site.broker.bootstrap().split(','))
            .map(|it| it.rsplit_once(':').unwrap().1.parse().unwrap())
            .collect();
        let mut addresses = Vec::new();
        for (port, to) in (gate..).step_by(2).zip(real) {
            site.gates.push(Gate::listen(port, to).await);
            addresses.push(format!("127.0.0.1:{port}"));
        }
        site.bootstrap = addresses.join(",");
        Some(site)
    }

    async fn with(name: &str, broker: Broker) -> Option<Self> {
        let url = database(name).await?;
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
        let bootstrap = broker.bootstrap().to_owned();
        let (telemetry, gates) = (Mutex::default(), Vec::new());
        let site = Self {
            broker,
            url,
            pool,
            state,
            inventory,
            listen,
            telemetry,
            gates,
            bootstrap,
            _lab: network,
        };
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

    /// The same with settings of its own.
    pub(crate) fn role_with(&self, role: &str, instance: &str, own: &[(&str, &str)]) -> Killed {
        Killed(self.prepared(role, instance).envs(own.iter().copied()).spawn().unwrap())
    }

    /// What the first API answers, if it does.
    pub(crate) async fn get(&self, path: &str) -> Option<serde_json::Value> {
        let token = std::fs::read_to_string(self.state().join("cli-token")).ok()?;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://{}{path}", self.listen)).bearer_auth(token.trim());
        let answer = request.send().await.ok()?.error_for_status().ok()?;
        serde_json::from_str(&answer.text().await.ok()?).ok()
    }

    /// The address of the first API.
    pub(crate) fn listen(&self) -> &str {
        &self.listen
    }

    /// Where a process answers metrics and health.
    pub(crate) fn telemetry_of(&self, role: &str, instance: &str) -> String {
        self.telemetry.lock().unwrap()[&(role.to_owned(), instance.to_owned())].clone()
    }

    /// The file with the devices.
    pub(crate) fn inventory(&self) -> &str {
        &self.inventory
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
        let address = free_address();
        command.env("OPSC__TELEMETRY__LISTEN", &address);
        let whose = (role.to_owned(), instance.to_owned());
        self.telemetry.lock().unwrap().insert(whose, address);
        if matches!(role, "connect" | "run") {
            command.env("OPSC__INVENTORY__FILE", &self.inventory);
        }
        command
    }

    pub(crate) fn roles(&self, roles: &[&str], instance: &str) -> Vec<Killed> {
        roles.iter().map(|role| self.role(role, instance)).collect()
    }

    fn reach(&self, command: &mut Command) {
        command.env("OPSC_KAFKA", &self.bootstrap).env(PREFIX, OURS);
    }

    /// A command that ends by itself.
    pub(crate) fn command(&self, args: &[&str]) -> (bool, String) {
        let reach = [("OPSC_KAFKA", self.bootstrap.as_str()), (PREFIX, OURS)];
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
            bootstrap: self.bootstrap.clone(),
            prefix: OURS.to_owned(),
            ..KafkaOptions::default()
        })
        .unwrap()
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).create().unwrap()
    }

    /// With the prefix.
    pub(crate) fn full(&self, name: &str) -> String {
        format!("{OURS}{name}")
    }

    /// The node that coordinates a group, or the transactions of an id: the leader of its partition
    /// of the brokers' own topic, which follows from the name's hash as Java makes it.
    pub(crate) fn coordinator(&self, topic: &str, name: &str) -> i32 {
        let hash = name
            .encode_utf16()
            .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        let found = self.consumer().fetch_metadata(Some(topic), ASK).unwrap();
        let partitions = found.topics()[0].partitions();
        let of_it = (hash & i32::MAX) % i32::try_from(partitions.len()).unwrap();
        partitions.iter().find(|it| it.id() == of_it).unwrap().leader()
    }

    /// The node that leads a partition of a topic of ours.
    pub(crate) fn leader(&self, topic: &str, partition: i32) -> i32 {
        let full = format!("{OURS}{topic}");
        let found = self.consumer().fetch_metadata(Some(&full), ASK).unwrap();
        let found = found.topics()[0].partitions().iter().find(|it| it.id() == partition);
        found.unwrap().leader()
    }

    /// The active controller, which only Kafka's own tool shows.
    pub(crate) fn controller(&self) -> i32 {
        let said = self.broker.tool("quorum", &["describe", "--status"], "").unwrap();
        let line = said.lines().find_map(|line| line.strip_prefix("LeaderId:")).unwrap();
        line.trim().parse().unwrap()
    }

    /// Until every replica of every partition is in sync: only then may the next broker go.
    pub(crate) async fn in_sync(&self, nodes: i32) {
        let replicas = usize::try_from(nodes).unwrap();
        let (consumer, began) = (self.consumer(), Instant::now());
        loop {
            let found = consumer.fetch_metadata(None, ASK);
            let behind = found.map(|found| {
                let all = found.topics().iter().flat_map(|topic| topic.partitions());
                all.filter(|it| it.isr().len() < replicas).count()
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
        self.flows_within(since_ms, WITHIN, "").await
    }

    /// The same within a time of the test's own.
    pub(crate) async fn flows_within(
        &self,
        since_ms: u64,
        within: Duration,
        after: &str,
    ) -> Duration {
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
            let gone = began.elapsed();
            assert!(gone < within, "{after} {found} of {DEVICES} devices flow: {}", self.out());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Every process, with what it answers to this question.
    async fn ask_all(&self, path: &str) -> Vec<(String, u16, String)> {
        let all = self.telemetry.lock().unwrap().clone();
        let mut found = Vec::new();
        for ((role, instance), address) in all {
            let answer = async {
                let client = reqwest::Client::builder().timeout(Duration::from_secs(3));
                let client = client.no_proxy().build().unwrap();
                let answer = client.get(format!("http://{address}{path}")).send().await?;
                Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.text().await?))
            };
            let (status, text) = answer.await.unwrap_or_else(|error| (0, error.to_string()));
            found.push((format!("{role} {instance}"), status, text));
        }
        found
    }

    /// Until every process says that all of it is well.
    pub(crate) async fn ready_within(&self, within: Duration, after: &str) -> Duration {
        let began = Instant::now();
        loop {
            let mut all = self.ask_all("/readyz").await;
            all.retain(|(_, status, _)| *status != 200);
            if all.is_empty() {
                return began.elapsed();
            }
            assert!(began.elapsed() < within, "{after} not ready: {all:?}: {}", self.out());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Until the API refuses with these words; all that it says.
    pub(crate) async fn refused_within(&self, within: Duration, words: &str) -> String {
        let began = Instant::now();
        loop {
            let all = self.ask_all("/readyz").await;
            let found = all.iter().find(|(who, status, text)| {
                who.starts_with("api") && *status == 503 && text.contains(words)
            });
            if let Some((_, _, text)) = found {
                return text.clone();
            }
            assert!(began.elapsed() < within, "nobody says {words:?}: {all:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// The greatest lag of a group, in seconds, as an API shows it.
    pub(crate) async fn lag(&self, group: &str) -> f64 {
        let of_it = format!("opsc_lag_seconds{{group=\"{OURS}{group}\"");
        let all = self.ask_all("/metrics").await;
        let apis = all.iter().filter(|(who, _, _)| who.starts_with("api"));
        let lines = apis.flat_map(|(_, _, text)| text.lines());
        let values = lines.filter(|line| line.starts_with(&of_it));
        let values = values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.fold(0.0, f64::max)
    }

    /// `opsconductor check` on the machine of the first API.
    pub(crate) fn check(&self) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
        command.arg("check").env("OPSC_STATE_DIR", self.state()).env("OPSC_LISTEN", &self.listen);
        command.env("DATABASE_URL", &self.url);
        self.reach(&mut command);
        let said = command.output().unwrap();
        (said.status.success(), String::from_utf8_lossy(&said.stdout).into_owned())
    }

    /// A counter's value, of all processes together.
    pub(crate) async fn counter(&self, name: &str) -> f64 {
        let all = self.ask_all("/metrics").await;
        let lines = all.iter().flat_map(|(_, _, text)| text.lines());
        let values = lines.filter(|line| line.starts_with(name));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// A process that a test has ended for good is not asked any more.
    pub(crate) fn forget(&self, role: &str, instance: &str) {
        self.telemetry.lock().unwrap().remove(&(role.to_owned(), instance.to_owned()));
    }
}

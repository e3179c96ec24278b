//! A cluster in small: a real broker, a real database, a simulated network of many devices, and
//! the program's roles as processes of their own, two of each that shares work.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use lab::{Lab, LedgerConfig};
use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use reqwest::Method;
use schemas::DeviceId;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

use super::api::Api;
use super::broker::Broker;
use super::common::{database, free_address};
use super::process::Process;
use super::transactions::Observer;

const BROKER_PORT: u16 = 19_400;
const PREFIX: &str = "prove-";
pub(crate) const PARTITIONS: i32 = 6;
/// Each of 14 ports with 8 counters, polled every second: some 9,000 samples a second.
pub(crate) const DEVICES: usize = 80;
pub(crate) const PORTS: usize = 14;
pub(crate) const INTERVAL_MS: i64 = 1_000;
const MAX_LEDGER_BYTES: u64 = 1 << 30;
const WITHIN: Duration = Duration::from_secs(120);
const CREDENTIAL: &str = "prove";
/// Of all devices at first.
pub(crate) const SITE: &str = "fleet";

pub(crate) struct World {
    // Ends first.
    pub(crate) processes: Vec<Process>,
    pub(crate) lab: Lab,
    pub(crate) log: KafkaLog,
    pub(crate) observer: Observer,
    pub(crate) pool: PgPool,
    /// What the API has acknowledged, by the lab's address.
    pub(crate) devices: BTreeMap<SocketAddrV4, (DeviceId, String)>,
    pub(crate) api: Api,
    folder: TempDir,
    _broker: Broker,
}

impl World {
    /// None: a server is not on this machine.
    pub(crate) async fn start() -> Option<Self> {
        let broker = Broker::as_shipped(BROKER_PORT)?;
        let url = database("prove").await?;
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger_path(folder.path());
        let first = format!("127.77.0.1:{}", lab::free_port()).parse().unwrap();
        let mut fleet = lab::fleet(DEVICES, PORTS, first, false);
        fleet.ledger = LedgerConfig::File { path: ledger, max_bytes: MAX_LEDGER_BYTES };
        let lab = Lab::start(fleet).unwrap();
        let listen = free_address();
        let partitions = PARTITIONS.to_string();
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("OPSC_KAFKA", broker.bootstrap()),
            ("OPSC__LOG__KAFKA__PREFIX", PREFIX),
            ("OPSC__LOG__PARTITIONS", &partitions),
            ("OPSC__PROCESSOR__THREADS", "2"),
            ("OPSC_LISTEN", &listen),
        ];
        let roles =
            [("api", 1), ("sink", 1), ("sink", 2), ("process", 1), ("process", 2), ("connect", 1)];
        let mut processes: Vec<Process> = roles
            .iter()
            .chain(&[("connect", 2)])
            .map(|(role, number)| Process::new(role, *number, folder.path(), &settings))
            .collect();
        share_the_vault_key(&processes);
        // It makes topics and tables, before the others ask for them.
        processes[0].start();
        let api = Api::new(&listen, processes[0].state().join("cli-token"));
        let options = KafkaOptions {
            bootstrap: broker.bootstrap().to_owned(),
            prefix: PREFIX.to_owned(),
            ..KafkaOptions::default()
        };
        let mut world = Self {
            processes,
            lab,
            log: KafkaLog::connect(options).unwrap(),
            observer: Observer::new(broker.bootstrap(), PREFIX),
            pool: PgPool::connect_lazy(&url).unwrap(),
            devices: BTreeMap::new(),
            api,
            folder,
            _broker: broker,
        };
        world.until("an answer of the API", async |world| world.api.ready().await).await;
        world.processes[1..].iter_mut().for_each(Process::start);
        world.add_devices().await;
        Some(world)
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        ledger_path(self.folder.path())
    }

    pub(crate) fn process(&mut self, name: &str) -> &mut Process {
        self.processes.iter_mut().find(|process| process.name == name).unwrap()
    }

    /// When processes of a role were killed, frozen or stopped.
    pub(crate) fn ends(&self, role: &str) -> Vec<u64> {
        let of_role = self.processes.iter().filter(|process| process.role == role);
        let mut ends: Vec<u64> = of_role.flat_map(|process| process.ends.clone()).collect();
        ends.sort_unstable();
        ends
    }

    /// Looks again and again; in the end the processes' words are shown.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut look: impl AsyncFnMut(&mut Self) -> Option<T>,
    ) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self).await {
                return found;
            }
            if began.elapsed() > WITHIN {
                let said = |process: &Process| {
                    let out = process.out();
                    let lines: Vec<&str> = out.lines().rev().take(15).collect();
                    let lines: Vec<&str> = lines.into_iter().rev().collect();
                    format!("== {}\n{}\n", process.name, lines.join("\n"))
                };
                let said: String = self.processes.iter().map(said).collect();
                panic!("no {what} in {WITHIN:?}\n{said}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    /// The credential and the devices, by way of the API.
    async fn add_devices(&mut self) {
        let body = json!({"kind": "snmp_v2c", "community": "lab-public"});
        let path = format!("/credentials/v1/credentials/{CREDENTIAL}");
        // A process that polls makes the vault's key known first.
        let put = async |world: &mut Self| {
            world.api.call(Method::PUT, &path, Some(body.clone())).await.ok()
        };
        self.until("credential in the vault", put).await;
        let world = &*self;
        let add = |entry: &lab::InventoryEntry| {
            let (address, name) =
                (SocketAddrV4::new(entry.address, entry.port), entry.name.clone());
            async move {
                let body = input(address, &name, SITE);
                let made = world.api.call(Method::POST, "/inventory/v1/devices", Some(body)).await;
                let id = made.unwrap()["id"].as_str().unwrap().parse().unwrap();
                (address, (id, name))
            }
        };
        let adding = futures::stream::iter(self.lab.inventory().iter().map(add));
        self.devices = adding.buffer_unordered(DEVICES).collect().await;
    }
}

impl Drop for World {
    /// What the processes said, and the ledger, stay for a look when the proof fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            println!("logs and ledger: {}", self.folder.path().display());
        }
    }
}

/// A device as the API takes it.
pub(crate) fn input(address: SocketAddrV4, name: &str, site: &str) -> Value {
    json!({
        "address": address.ip().to_string(), "port": address.port(), "name": name,
        "profile": "lab", "credential": CREDENTIAL, "site": site, "icmp": false,
        "interval_ms": INTERVAL_MS,
    })
}

fn ledger_path(folder: &Path) -> PathBuf {
    folder.join("ledger")
}

/// One key for all who poll, as on the hosts of a cluster.
fn share_the_vault_key(processes: &[Process]) {
    let key: [u8; 32] = rand::random();
    for process in processes.iter().filter(|process| process.name.starts_with("connect")) {
        let path = process.state().join("vault.key");
        std::fs::write(&path, key).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

//! One vault for processes of their own: the API stores and cannot open, whoever polls opens, and a
//! change is used within seconds.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lab::Lab;
use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use pipeline::topology::POLL;
use reqwest::Method;
use schemas::{AvroRecord as _, Outcome, Poll, SchemaStore};
use serde_json::{Value, json};

use super::broker::Broker;
use super::common::{Program as Killed, database, free_address, now_ms, program, records};
use super::{PREFIX, WITHIN, missing};

const OURS: &str = "vault-";
const PATH: &str = "/credentials/v1/credentials/lab";
/// Without a record on the log it takes 20 s at the least, and up to 5 minutes.
const USED_WITHIN: Duration = Duration::from_secs(10);

struct World {
    folder: tempfile::TempDir,
    broker: &'static Broker,
    url: String,
    listen: String,
    log: KafkaLog,
}

impl World {
    fn command(&self, role: &str, name: &str) -> Command {
        let state = self.state(name);
        std::fs::create_dir_all(&state).unwrap();
        let mut command = program(role, &state, &self.url, &self.listen);
        command.env("OPSC_KAFKA", self.broker.bootstrap()).env(PREFIX, OURS);
        command.env("OPSC_INSTANCE", name).env("OPSC__LOG__PARTITIONS", "2");
        if role == "connect" {
            command.env("OPSC__INVENTORY__FILE", self.folder.path().join("inventory"));
            // A poll without an answer ends soon.
            command.env("OPSC__POLLER__TIMEOUT_MS", "300").env("OPSC__POLLER__RETRIES", "1");
        }
        command
    }

    fn start(&self, role: &str, name: &str) -> Killed {
        Killed(self.command(role, name).spawn().unwrap())
    }

    fn state(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self, name: &str) -> PathBuf {
        self.state(name).join("vault.key")
    }

    /// A key file for a process that has not run yet.
    fn give(&self, name: &str, key: &[u8]) {
        std::fs::create_dir_all(self.state(name)).unwrap();
        vault::write_private(&self.key(name), key).unwrap();
    }

    fn out(&self, name: &str) -> String {
        std::fs::read_to_string(self.state(name).join("out")).unwrap_or_default()
    }

    /// A process must end by itself with these words.
    fn refused(&self, name: &str, parts: &[&str]) {
        let status = self.start("connect", name).ended();
        let said = self.out(name);
        assert!(!status.success());
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
    }

    /// `opsconductor vault …` with a process's configuration.
    fn vault(&self, name: &str, word: &str) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
        command.args(["vault", word]).env("OPSC_STATE_DIR", self.state(name));
        let said = command.env("DATABASE_URL", &self.url).output().unwrap();
        let text = [said.stdout, said.stderr].concat();
        (said.status.success(), String::from_utf8(text).unwrap())
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Option<(u16, String)> {
        let token = std::fs::read_to_string(self.state("api").join("cli-token")).ok()?;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.request(method, format!("http://{}{path}", self.listen));
        let answer = request.bearer_auth(token.trim()).json(&body).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    async fn put(&self, community: &str) -> Option<(u16, String)> {
        let body = json!({"kind": "snmp_v2c", "community": community});
        self.call(Method::PUT, PATH, body).await
    }

    async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await {
                println!("{what} after {:.1?}", began.elapsed());
                return found;
            }
            let out = || ["api", "one"].map(|name| self.out(name)).join("\n");
            assert!(began.elapsed() < within, "no {what} within {within:?}: {}", out());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// How the last polls by SNMP since a time ended, whatever poller they are of.
    fn outcomes(&self, since_ms: u64) -> Vec<Outcome> {
        let store = SchemaStore::new();
        let since_ms = i64::try_from(since_ms).unwrap();
        let new = records(&self.log, POLL.name).into_iter().filter(|it| it.timestamp_ms > since_ms);
        // The topic also carries what are no polls.
        let polls = new.filter_map(|record| Poll::decode(&store, &record.value?).ok());
        polls.filter(|poll| poll.connector == "snmp").map(|poll| poll.outcome).collect()
    }

    async fn polls_end(&self, what: &str, within: Duration, outcome: Outcome) {
        let since = now_ms();
        let seen = async || self.outcomes(since).contains(&outcome).then_some(());
        self.until(what, within, seen).await;
    }
}

fn network() -> (Lab, lab::InventoryEntry) {
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 21, 0, 9), lab::free_port());
    let network = Lab::start(lab::fleet(1, 2, first, false)).unwrap();
    let entry = network.inventory()[0].clone();
    (network, entry)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_polls_opens_and_who_stores_does_not() {
    let Some(broker) = Broker::shared() else { return missing("no broker") };
    let Some(url) = database("vault").await else { return };
    let log = KafkaLog::connect(KafkaOptions {
        bootstrap: broker.bootstrap().to_owned(),
        prefix: OURS.to_owned(),
        ..KafkaOptions::default()
    });
    let (network, device) = network();
    let world = World {
        folder: tempfile::tempdir().unwrap(),
        broker,
        url,
        listen: free_address(),
        log: log.unwrap(),
    };

    let (address, port) = (device.address, device.port);
    let line = format!("{address} port={port} profile=lab credential=lab interval=1s icmp=no\n");
    std::fs::write(world.folder.path().join("inventory"), line).unwrap();

    // Nobody polls yet: nobody has a key, and the API makes none.
    let api = world.start("api", "api");
    let process = world.start("process", "process");
    let first = world.until("an API", WITHIN, async || world.put(&device.community).await).await;
    assert!(first.0 == 503 && first.1.contains("no key yet"), "{first:?}");
    let one = world.start("connect", "one");
    let stored = async || world.put(&device.community).await.filter(|(status, _)| *status == 200);
    world.until("a credential", WITHIN, stored).await;
    world.polls_end("a poll", WITHIN, Outcome::Ok).await;

    // A test of a device goes to who can open its credential, and reveals no secret.
    let test = json!({"address": device.address.to_string(), "port": device.port,
        "credential": "lab"});
    let tests = "/inventory/v1/device-tests";
    let tried = async || {
        let (status, text) = world.call(Method::POST, tests, test.clone()).await?;
        let report: Value = serde_json::from_str(&text).ok()?;
        let snmp = report["steps"].as_array()?.iter().find(|step| step["name"] == "snmp")?.clone();
        (status == 200 && snmp["ok"] == true).then_some(())
    };
    world.until("a tested device", WITHIN, tried).await;

    // A change is used at once, in either direction.
    assert_eq!(world.put("not-it").await.unwrap().0, 200);
    world.polls_end("time-outs by the new community", USED_WITHIN, Outcome::Timeout).await;
    assert_eq!(world.put(&device.community).await.unwrap().0, 200);
    world.polls_end("answers by the old one again", USED_WITHIN, Outcome::Ok).await;

    // Another key is no key.
    let (good, said) = world.vault("one", "status");
    assert!(good, "{said}");
    world.refused("two", &["credential vault", "there is no file", "OPSC_VAULT_KEY_FILE"]);
    assert!(!world.key("two").exists());
    world.give("three", &[7; 32]);
    world.refused("three", &["holds key", "vault status"]);
    assert!(!world.vault("three", "status").0);
    copy(&world.key("one"), &world.key("two"));

    // A new one: who has its file goes on, who has the old one says what is missing.
    let health = free_address();
    let mut two = world.command("connect", "two");
    let two = Killed(two.env("OPSC__TELEMETRY__LISTEN", &health).spawn().unwrap());
    let runs = async || std::net::TcpStream::connect(&health).ok();
    world.until("a second poller", WITHIN, runs).await;
    let (good, said) = world.vault("one", "rotate");
    assert!(good, "{said}");
    assert_ne!(std::fs::read(world.key("one")).unwrap(), std::fs::read(world.key("two")).unwrap());
    copy(&world.key("one"), &world.key("two"));
    assert_eq!(world.put("not-it").await.unwrap().0, 200);
    world.polls_end("time-outs after the new key", USED_WITHIN, Outcome::Timeout).await;
    assert_eq!(world.put(&device.community).await.unwrap().0, 200);
    world.polls_end("answers after the new key", USED_WITHIN, Outcome::Ok).await;
    assert!(world.vault("two", "status").0);
    world.give("four", &old_key(&world.state("one")));
    world.refused("four", &["holds key"]);

    assert!(!world.key("api").exists(), "the API has a key");
    for role in [two, one, process, api] {
        role.stop();
    }
    drop(network);
    for topic in ["credential", "probe", "probe-report"] {
        let found = records(&world.log, topic);
        assert!(!found.is_empty(), "{topic} is empty");
        let secret = device.community.as_bytes();
        let has = |value: &bytes::Bytes| value.windows(secret.len()).any(|part| part == secret);
        assert!(
            !found.iter().filter_map(|it| it.value.as_ref()).any(has),
            "{topic} has the secret"
        );
    }
}

/// The key that was rotated away.
fn old_key(state: &Path) -> Vec<u8> {
    let current = std::fs::read(state.join("vault.key")).unwrap();
    let files = std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
    let keys =
        files.filter(|it| it.file_name().unwrap().to_str().unwrap().starts_with("vault.key."));
    keys.map(|path| std::fs::read(path).unwrap()).find(|key| *key != current).unwrap()
}

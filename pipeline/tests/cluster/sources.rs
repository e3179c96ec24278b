//! Several processes that follow sources on one cluster: none takes away what another maintains, one
//! takes over for another, and a device is tried by a process that polls.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sqlx::PgPool;

use super::PREFIX;
use super::broker::Broker;
use super::common::{Program, database, free_address, program, until};

struct Site<'a> {
    broker: &'a Broker,
    url: String,
    pool: PgPool,
}

impl Site<'_> {
    fn start(&self, role: &str, state: &Path, settings: &[(&str, &str)]) -> Program {
        Program(self.command(role, state, &free_address(), settings).spawn().unwrap())
    }

    fn command(
        &self,
        role: &str,
        state: &Path,
        listen: &str,
        settings: &[(&str, &str)],
    ) -> Command {
        let name = state.file_name().unwrap();
        let mut command = program(role, state, &self.url, listen);
        command
            .env("OPSC_KAFKA", self.broker.bootstrap())
            .env(PREFIX, "sources-")
            .env("OPSC_INSTANCE", name)
            .env("OPSC_VAULT_KEY_FILE", state.with_file_name("vault.key"))
            .envs(settings.iter().copied());
        command
    }

    /// Waits until so many devices of a source are in the database.
    async fn until_devices(&self, source: &str, wanted: i64, state: &Path) {
        let look = async || {
            let query = "SELECT count(*) FROM device WHERE source = $1";
            let count: i64 =
                sqlx::query_scalar(query).bind(source).fetch_one(&self.pool).await.ok()?;
            (count == wanted).then_some(())
        };
        until(&format!("{wanted} devices of {source}"), state, look).await;
    }
}

/// Writes an inventory that was last changed so long ago.
fn inventory(state: &Path, lines: &str, age: Duration) -> String {
    let path = state.join("devices");
    std::fs::write(&path, lines).unwrap();
    let file = std::fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    path.display().to_string()
}

async fn try_device(listen: &str, state: &Path) -> Option<Value> {
    let token = std::fs::read_to_string(state.join("cli-token")).ok()?;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("http://{listen}/inventory/v1/device-tests"));
    let request = request.bearer_auth(token.trim()).json(&json!({"address": "127.0.0.1"}));
    let answer = request.send().await.ok()?;
    answer.status().is_success().then_some(answer.json().await.ok()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_shared_and_left_alone() {
    let Some(broker) = Broker::shared() else { return };
    let Some(url) = database("sources").await else { return };
    let pool = PgPool::connect_lazy(&url).unwrap();
    let site = Site { broker, url, pool };
    let folder = tempfile::tempdir().unwrap();
    let state = |name: &str| {
        let state = folder.path().join(name);
        std::fs::create_dir(&state).unwrap();
        state
    };
    let [demo, newer, older, rows, api] = ["demo", "newer", "older", "rows", "api"].map(state);
    let sink = site.start("sink", &rows, &[]);
    let port = lab::free_port().to_string();
    let with_demo = [("OPSC_DEMO", "1"), ("OPSC__DEMO__PORT", port.as_str())];
    let first = site.start("connect", &demo, &with_demo);
    let devices = i64::try_from(lab::demo().devices.len()).unwrap();
    site.until_devices("demo", devices, &demo).await;

    let two = "192.0.2.1 name=a enabled=no\n192.0.2.2 name=b enabled=no\n";
    let file = inventory(&newer, two, Duration::from_secs(60));
    let mut second = site.start("connect", &newer, &[("OPSC__INVENTORY__FILE", &file)]);
    site.until_devices("file", 2, &newer).await;
    let one = "192.0.2.1 name=a enabled=no\n";
    let file = inventory(&older, one, Duration::from_secs(3_600));
    let third = site.start("connect", &older, &[("OPSC__INVENTORY__FILE", &file)]);

    // The one that takes over has an older file, which counts once somebody changes it.
    second.0.kill().unwrap();
    second.ended();
    let refused = async || {
        let said = std::fs::read_to_string(older.join("out")).unwrap_or_default();
        said.contains("applied a newer inventory file").then_some(())
    };
    until("word of a newer file", &older, refused).await;
    site.until_devices("file", 2, &older).await;
    inventory(&older, one, Duration::ZERO);
    site.until_devices("file", 1, &older).await;
    site.until_devices("demo", devices, &demo).await;

    let listen = free_address();
    let served = Program(site.command("api", &api, &listen, &[]).spawn().unwrap());
    let report = until("a report", &api, async || try_device(&listen, &api).await).await;
    assert_eq!(report["steps"][0]["name"], "icmp", "{report}");

    // Who declared the demo takes it back.
    first.stop();
    let first = site.start("connect", &demo, &[]);
    site.until_devices("demo", 0, &demo).await;
    site.until_devices("file", 1, &older).await;
    for program in [served, first, third, sink] {
        program.stop();
    }
}

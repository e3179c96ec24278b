//! The configuration as a file, and a database whose devices the event log does not know.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::common::{Program, database, free_address, program, until};

/// A system on a folder and a database of its own.
struct System {
    folder: tempfile::TempDir,
    url: String,
    listen: String,
}

impl System {
    async fn new(name: &str) -> Option<Self> {
        let url = database(name).await?;
        Some(Self { folder: tempfile::tempdir().unwrap(), url, listen: free_address() })
    }

    fn state(&self) -> &Path {
        self.folder.path()
    }

    async fn start(&self) -> Program {
        let running =
            Program(program("run", self.state(), &self.url, &self.listen).spawn().unwrap());
        until("ready", self.state(), async || {
            let answer = reqwest::get(format!("http://{}/readyz", self.listen)).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        running
    }

    /// The command line: its exit code, and all that it said.
    fn says(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
        command.args(arguments).env("OPSC_STATE_DIR", self.state()).env("NO_COLOR", "1");
        command.env("DATABASE_URL", &self.url).env("OPSC_LISTEN", &self.listen);
        let said = command.output().unwrap();
        let words = [said.stdout, said.stderr].concat();
        (said.status.code().unwrap(), String::from_utf8(words).unwrap())
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let (code, said) = self.says(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let token = std::fs::read_to_string(self.state().join("cli-token")).ok()?;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://{}{path}", self.listen)).bearer_auth(token.trim());
        serde_json::from_str(&request.send().await.ok()?.text().await.ok()?).ok()
    }

    /// Name, id, state and reason of each device.
    async fn devices(&self) -> Option<Vec<[String; 4]>> {
        let page = self.get("/inventory/v1/devices?sort=name").await?;
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        let device =
            |item: &Value| ["name", "id", "state", "reason"].map(|field| text(item, field));
        Some(page["items"].as_array()?.iter().map(device).collect())
    }

    /// Name and number of members of each device group.
    async fn members(&self) -> Option<Vec<(String, i64)>> {
        let page = self.get("/inventory/v1/device-groups").await?;
        let items = page["items"].as_array()?.iter();
        let group = |it: &Value| (it["name"].as_str().unwrap().to_owned(), it["members"].as_i64());
        Some(items.map(group).map(|(name, members)| (name, members.unwrap())).collect())
    }

    /// Waits until all are in this state.
    async fn until_all(&self, count: usize, state: &str) -> Vec<[String; 4]> {
        until(&format!("{count} devices {state}"), self.state(), async || {
            let devices = self.devices().await?;
            let all = devices.len() == count && devices.iter().all(|it| it[2] == state);
            all.then_some(devices)
        })
        .await
    }
}

const FILE: &str = "
[[device]]
name = 'core \"1\"'
address = '192.0.2.10'
snmp = false
interval_ms = 2500
icmp_echoes = 3
tags = ['a', 'b, c']
enabled = false

[[device]]
address = '2001:db8::7'
port = 1161
site = 'zrh'
enabled = false

[[device]]
name = 'edge'
address = '192.0.2.12'
credential = 'lab'
any_source = true
icmp = false
enabled = false

[[device_group]]
name = 'Core'
description = \"of two\\nlines\"
devices = ['core \"1\"', '[2001:db8::7]:1161']

[[device_group]]
name = 'Zurich'
site = 'zrh'
";

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_goes_out_and_in_as_a_file() {
    let Some(system) = System::new("config").await else { return };
    let running = system.start().await;
    let file = system.state().join("network.toml");
    std::fs::write(&file, FILE).unwrap();
    let file = file.to_str().unwrap();

    let (code, said) = system.says(&["config", "apply", file]);
    assert!(
        code == 1 && said.contains("network.toml: line 17: the vault has no"),
        "{code}: {said}"
    );
    assert!(said.contains("opsconductor credential add lab"), "{said}");
    let mut add = Command::new("sh");
    add.args(["-c", "echo public | \"$0\" credential add lab"]);
    add.arg(env!("CARGO_BIN_EXE_opsconductor")).env("OPSC_STATE_DIR", system.state());
    assert!(add.env("OPSC_LISTEN", &system.listen).status().unwrap().success());

    let (code, said) = system.says(&["config", "plan", file]);
    assert!(code == 2 && said.contains("+ device edge (192.0.2.12)"), "{code}: {said}");
    assert!(said.contains("+ device_group Zurich") && said.ends_with("= same 0\n"), "{said}");
    assert_eq!(system.devices().await.unwrap(), [] as [[String; 4]; 0]);
    system.succeeds(&["config", "apply", file]);
    let first = system.devices().await.unwrap();
    assert_eq!(first.len(), 3);
    assert_eq!(system.members().await.unwrap(), [("Core".to_owned(), 2), ("Zurich".to_owned(), 1)]);

    // What goes out comes in as it is.
    let exported = system.succeeds(&["config", "export"]);
    assert!(!exported.contains("public"), "{exported}");
    let again = system.state().join("again.toml");
    std::fs::write(&again, &exported).unwrap();
    let again = again.to_str().unwrap();
    let (code, said) = system.says(&["config", "plan", again, "--prune"]);
    assert!(code == 0 && said == "= same 5\n", "{code}: {said}");

    // A change and removals; ids stay, and a group goes on without its device.
    let fewer = exported.replace("interval_ms = 2500", "interval_ms = 300000");
    let tables = fewer.split("\n\n").filter(|it| !it.contains("1161\n") && !it.contains("Zurich"));
    let fewer: Vec<&str> = tables.collect();
    let fewer =
        fewer.join("\n\n").replace(", \"2001:db8::7\"", "").replace("\"2001:db8::7\", ", "");
    std::fs::write(again, fewer).unwrap();
    let said = system.succeeds(&["config", "apply", again, "--prune"]);
    assert!(said.contains("interval_ms 2500 → 300000"), "{said}");
    assert!(
        said.contains("- device 2001:db8::7") && said.contains("- device_group Zurich"),
        "{said}"
    );
    assert!(said.contains("~ device_group Core (devices -2001:db8::7)"), "{said}");
    let now = system.devices().await.unwrap();
    let ids = |devices: &[[String; 4]]| -> Vec<String> {
        devices.iter().filter(|it| it[0] != "2001:db8::7").map(|it| it[1].clone()).collect()
    };
    assert_eq!(ids(&now), ids(&first));
    assert_eq!(now.len(), 2);
    assert_eq!(system.members().await.unwrap(), [("Core".to_owned(), 1)]);

    // Who did it is kept.
    let path = format!("/inventory/v1/devices/{}/history", ids(&now)[0]);
    let history = system.get(&path).await.unwrap();
    let versions = history["items"].as_array().unwrap();
    let shown: Vec<_> = versions.iter().map(|it| &it["body"]["interval_ms"]).collect();
    assert_eq!(shown, [300_000, 2_500], "{history}");
    assert!(versions.iter().all(|it| it["by"] == "token"), "{history}");

    // What is wrong is named with its place, and nothing is done.
    std::fs::write(again, "[[device]]\naddress = '192.0.2.1'\ncolour = 'red'\n").unwrap();
    let (code, said) = system.says(&["config", "plan", again]);
    assert!(code == 1 && said.contains("again.toml: line 3: unknown field `colour`"), "{said}");
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_a_new_log_lacks_are_named_and_come_back() {
    let Some(system) = System::new("restored").await else { return };
    let said = system.succeeds(&["check"]);
    assert!(said.contains("none in") && said.contains("the first start makes it"), "{said}");
    assert!(said.contains("it has no tables yet: the first process that starts"), "{said}");

    let running = system.start().await;
    for name in ["a", "b"] {
        let port = if name == "a" { "161" } else { "162" };
        let add = ["device", "add", "127.0.0.1", "--port", port, "--name", name, "--interval", "1"];
        system.succeeds(&add);
    }
    let file = system.state().join("group.toml");
    std::fs::write(&file, "[[device_group]]\nname = 'Both'\ndevices = ['a', 'b']\n").unwrap();
    system.succeeds(&["config", "apply", file.to_str().unwrap()]);
    let group = async || system.get("/inventory/v1/device-groups").await.unwrap()["items"].clone();
    let grouped = group().await;
    assert_eq!(grouped[0]["members"], 2, "{grouped}");
    let before = system.until_all(2, "up").await;
    assert!(system.succeeds(&["check"]).contains("ok    devices"));
    running.stop();

    // The database is there, the log is not: as after a restore beside an empty Kafka.
    std::fs::remove_dir_all(system.state().join("log")).unwrap();
    let running = system.start().await;
    let lost = system.until_all(2, "unknown").await;
    assert!(lost.iter().all(|it| it[3].contains("--from-database")), "{lost:?}");
    let status = system.get("/system/v1/status").await.unwrap();
    let warning = "2 devices of the database are not in this event log's inventory";
    assert!(status["warnings"].to_string().contains(warning), "{status}");
    let (code, said) = system.says(&["check"]);
    assert!(code != 0 && said.contains(warning), "{said}");
    // One process owns the log.
    assert_eq!(system.says(&["config", "apply", "--from-database"]).0, 1);
    running.stop();

    let (code, said) = system.says(&["config", "plan", "--from-database"]);
    assert!(code == 2 && said.contains("3 to add to log"), "{code}: {said}");
    system.succeeds(&["config", "apply", "--from-database"]);
    let running = system.start().await;
    let after = system.until_all(2, "up").await;
    let ids = |devices: &[[String; 4]]| devices.iter().map(|it| it[1].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    until("no warning", system.state(), async || {
        let status = system.get("/system/v1/status").await?;
        (!status["warnings"].to_string().contains("--from-database")).then_some(())
    })
    .await;
    // Its devices, its revision, who made it and when.
    assert_eq!(group().await, grouped);
    running.stop();
    let said = system.succeeds(&["config", "plan", "--from-database"]);
    assert!(said.contains("0 to add"), "{said}");
}

//! The inventory as a file, and a database whose devices the event log does not know.

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

    /// The command line: whether it succeeded, and all that it said.
    fn says(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
        command.args(arguments).env("OPSC_STATE_DIR", self.state()).env("NO_COLOR", "1");
        command.env("DATABASE_URL", &self.url).env("OPSC_LISTEN", &self.listen);
        let said = command.output().unwrap();
        let words = [said.stdout, said.stderr].concat();
        (said.status.success(), String::from_utf8(words).unwrap())
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let (success, said) = self.says(arguments);
        assert!(success, "{arguments:?}: {said}");
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

const FILE: &str = "\
192.0.2.10 name=\"core \"\"1\"\"\" snmp=no interval=2500ms icmp_echoes=3 tag=a tag=\"b, c\" enabled=no
2001:db8::7 port=1161 snmp=no site=zrh enabled=no
192.0.2.12 name=edge credential=lab any_source=yes icmp=no enabled=no
";

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_goes_out_and_in_as_a_file() {
    let Some(system) = System::new("inventory").await else { return };
    let running = system.start().await;
    let file = system.state().join("devices.txt");
    std::fs::write(&file, FILE).unwrap();
    let file = file.to_str().unwrap();

    let (success, said) = system.says(&["inventory", "import", file, "--yes"]);
    assert!(!success && said.contains("opsconductor credential add lab"), "{said}");
    let mut add = Command::new("sh");
    add.args(["-c", "echo public | \"$0\" credential add lab"]);
    add.arg(env!("CARGO_BIN_EXE_opsconductor")).env("OPSC_STATE_DIR", system.state());
    assert!(add.env("OPSC_LISTEN", &system.listen).status().unwrap().success());

    let said = system.succeeds(&["inventory", "import", file]);
    assert!(said.contains("3 to add, 0 to change, 0 to remove"), "{said}");
    assert!(said.contains("--yes does it"), "{said}");
    assert_eq!(system.devices().await.unwrap(), [] as [[String; 4]; 0]);
    system.succeeds(&["inventory", "import", file, "--yes"]);
    let first = system.devices().await.unwrap();
    assert_eq!(first.len(), 3);

    // What goes out comes in as it is.
    let exported = system.succeeds(&["inventory", "export"]);
    assert!(!exported.contains("public"), "{exported}");
    let again = system.state().join("again.txt");
    std::fs::write(&again, &exported).unwrap();
    let again = again.to_str().unwrap();
    let said = system.succeeds(&["inventory", "import", again, "--prune", "--yes"]);
    assert!(said.contains("0 to add, 0 to change, 0 to remove, 3 as they are"), "{said}");

    // A change and a removal; ids stay.
    let fewer: Vec<&str> = exported.lines().filter(|line| !line.contains("2001:db8")).collect();
    std::fs::write(again, fewer.join("\n").replace("interval=2500ms", "interval=5m")).unwrap();
    let said = system.succeeds(&["inventory", "import", again, "--prune", "--yes"]);
    assert!(said.contains("interval_ms 2500 → 300000"), "{said}");
    assert!(said.contains("remove  2001:db8::7"), "{said}");
    let now = system.devices().await.unwrap();
    let ids = |devices: &[[String; 4]]| -> Vec<String> {
        devices.iter().filter(|it| it[0] != "2001:db8::7").map(|it| it[1].clone()).collect()
    };
    assert_eq!(ids(&now), ids(&first));
    assert_eq!(now.len(), 2);
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
    let (success, said) = system.says(&["check"]);
    assert!(!success && said.contains(warning), "{said}");
    // One process owns the log.
    let (success, _) = system.says(&["inventory", "import", "--from-database", "--yes"]);
    assert!(!success);
    running.stop();

    let said = system.succeeds(&["inventory", "import", "--from-database"]);
    assert!(said.contains("2 to add to log") && said.contains("--yes does it"), "{said}");
    system.succeeds(&["inventory", "import", "--from-database", "--yes"]);
    let said = system.succeeds(&["inventory", "import", "--from-database"]);
    assert!(said.contains("0 to add"), "{said}");
    let running = system.start().await;
    let after = system.until_all(2, "up").await;
    let ids = |devices: &[[String; 4]]| devices.iter().map(|it| it[1].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    until("no warning", system.state(), async || {
        let status = system.get("/system/v1/status").await?;
        (!status["warnings"].to_string().contains("--from-database")).then_some(())
    })
    .await;
    running.stop();
}

//! Brokers for tests, by `scripts/kafka`. They end with this process, however it ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// First port tried; the script moves on where one is taken.
const PORT: u16 = 19_100;

/// Settings that let cleaning show within a test.
const QUICK: [&str; 6] = [
    // Indexes are given their full length at once, which a limit on files must leave room for.
    "log.index.size.max.bytes=65536",
    "log.retention.check.interval.ms=500",
    "log.initial.task.delay.ms=500",
    "log.cleaner.backoff.ms=300",
    "log.segment.delete.delay.ms=500",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000",
];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka")
}

/// Whether there is a Kafka to start. A missing one is printed, and is an error where all must run.
fn installed() -> bool {
    let home = std::env::var("OPSC_KAFKA_HOME").ok().or_else(|| {
        let said = Command::new(script()).arg("home").output().ok()?;
        Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    });
    let there = home.is_some_and(|home| Path::new(&home).join("libs").is_dir());
    if !there {
        let missing = "SKIPPED: no Kafka on this machine; `scripts/kafka install` fetches it";
        assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{missing}");
        println!("{missing}");
    }
    there
}

/// A running Kafka.
pub(super) struct Broker {
    folder: TempDir,
    port: u16,
    settings: &'static [&'static str],
    /// What it is started with.
    how: Vec<String>,
    bootstrap: String,
    /// Waits for the end of its stdin, which comes with the end of this process, and ends Kafka.
    _watch: Child,
}

impl Broker {
    /// None: not installed.
    pub(super) fn start(port: u16) -> Option<Self> {
        Self::with(port, None, &QUICK, &[])
    }

    /// A broker with the times of a fresh installation.
    #[allow(dead_code)]
    pub(super) fn as_shipped(port: u16) -> Option<Self> {
        Self::with(port, None, &[], &[])
    }

    /// More of what `scripts/kafka start` takes.
    #[allow(dead_code)]
    pub(super) fn start_with(port: u16, how: &[&str]) -> Option<Self> {
        Self::with(port, None, &QUICK, how)
    }

    /// A broker to whose every file the system gives no more than so many KiB: a write beyond
    /// fails as on a full disk.
    pub(super) fn on_a_full_disk(port: u16, kib: u32) -> Option<Self> {
        Self::with(port, Some(kib), &QUICK, &[])
    }

    fn with(
        port: u16,
        kib: Option<u32>,
        settings: &'static [&'static str],
        how: &[&str],
    ) -> Option<Self> {
        if !installed() {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("opsc-kafka-").tempdir().unwrap();
        // In a session of its own: what ends this process's whole group must leave it.
        let watch = Command::new("setsid")
            .args(["sh", "-c", "cat >/dev/null; \"$0\" kill \"$1\"; rm -rf \"$1\""])
            .arg(script())
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let how = how.iter().map(|&it| it.to_owned()).collect();
        let bootstrap = String::new();
        let mut broker = Self { folder, port, settings, how, bootstrap, _watch: watch };
        broker.run(kib);
        let said = broker.call(&["bootstrap"]);
        broker.bootstrap = said.trim().to_owned();
        Some(broker)
    }

    /// The one that the cases share.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Broker>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(PORT)).as_ref()
    }

    pub(super) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    fn call(&self, args: &[&str]) -> String {
        let said = Command::new(script()).args(args).arg(self.folder.path()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    }

    /// Where it keeps all that it has.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its own Java tools: what they print, or what they say against it.
    pub(super) fn tool(&self, tool: &str, args: &[&str], input: &str) -> Result<String, String> {
        let mut command = Command::new(script());
        command.args([tool, "--bootstrap-server", self.bootstrap()]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end before it reads.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let said = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if said.status.success() {
            return Ok(text(&said.stdout));
        }
        Err(text(&said.stdout) + &text(&said.stderr))
    }

    /// Ends one of its nodes, counted from 1, with SIGKILL or as it should.
    pub(super) fn end_node(&self, node: i32, how: &str) {
        let mut command = Command::new(script());
        command.arg(how).arg(self.folder.path()).arg(node.to_string());
        assert!(command.status().unwrap().success());
    }

    /// Stops or wakes the process of one of its nodes.
    #[allow(dead_code)]
    pub(super) fn signal_node(&self, node: i32, signal: &str) {
        let file = self.folder.path().join(format!("node-{node}/pid"));
        let pid = std::fs::read_to_string(file).unwrap();
        let mut command = Command::new("kill");
        assert!(command.args([signal, pid.trim()]).status().unwrap().success());
    }

    /// Where its node keeps its data.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("node-1/data")
    }

    /// What its node said.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("node-1/kafka.log")).unwrap()
    }

    pub(super) fn runs(&self) -> bool {
        let mut status = Command::new(script());
        status.arg("status").arg(self.folder.path()).stdout(Stdio::null());
        status.status().unwrap().success()
    }

    /// Starts it, as far as it has ended, without any limit.
    pub(super) fn start_again(&self) {
        self.run(None);
    }

    fn run(&self, kib: Option<u32>) {
        // Another shell may count in another unit.
        let mut command = Command::new("bash");
        let limit = kib.map_or(String::new(), |kib| format!("ulimit -f {kib}; "));
        command.arg("-c").arg(format!("{limit}exec \"$0\" \"$@\"")).arg(script());
        command.arg("start").arg(self.folder.path()).arg(self.port.to_string()).args(&self.how);
        for setting in self.settings {
            command.args(["--set", setting]);
        }
        // The broker keeps what it inherits; a pipe would never end.
        let log = std::fs::File::create(self.folder.path().join("start.log")).unwrap();
        let status = command.stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        let said = std::fs::read_to_string(self.folder.path().join("start.log")).unwrap();
        assert!(status.success(), "{said}");
    }

    /// Ends it in good order.
    pub(super) fn stop(&self) {
        self.call(&["stop"]);
    }

    /// The process of its node.
    pub(super) fn pid(&self) -> u32 {
        let file = self.folder.path().join("node-1/pid");
        std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    /// Ends it with SIGKILL and starts it on the same data.
    pub(super) fn crash(&self) {
        self.call(&["kill"]);
        self.run(None);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.call(&["kill"]);
    }
}

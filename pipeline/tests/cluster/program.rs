//! The built program as a process of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::common::free_address;

const STOPS_WITHIN: Duration = Duration::from_secs(30);
const BINARY: &str = env!("CARGO_BIN_EXE_opsconductor");

/// Runs a command that ends by itself, away from any state folder of others: whether it ended well,
/// and all it said.
pub(crate) fn opsconductor(args: &[&str], settings: &[(&str, &str)]) -> (bool, String) {
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(BINARY);
    command.args(args).env("OPSC_STATE_DIR", state.path()).env("NO_COLOR", "1");
    command.envs(settings.iter().copied()).stdin(Stdio::null());
    let said = command.output().unwrap();
    let text = [said.stdout, said.stderr].concat();
    (said.status.success(), String::from_utf8(text).unwrap())
}

pub(crate) struct Program {
    child: Child,
    state: TempDir,
    listen: String,
}

impl Program {
    pub(crate) fn start(database: &str, settings: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let listen = free_address();
        let child = Command::new(BINARY)
            .arg("run")
            .env("DATABASE_URL", database)
            .env("OPSC_STATE_DIR", state.path())
            .env("OPSC_LISTEN", &listen)
            .env("NO_COLOR", "1")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(state.path().join("out")).unwrap())
            .spawn()
            .unwrap();
        Self { child, state, listen }
    }

    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// What it said so far.
    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(self.state().join("out")).unwrap_or_default()
    }

    /// Its command line against it as a running system.
    pub(crate) fn command(&self, args: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(BINARY)
            .args(args)
            .env("OPSC_STATE_DIR", self.state())
            .env("OPSC_LISTEN", &self.listen)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may end before it reads.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let said = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if said.status.success() { Ok(text(said.stdout)) } else { Err(text(said.stderr)) }
    }

    /// Looks again and again; `look` says what it waits for while it finds nothing.
    pub(crate) async fn until<T>(
        &mut self,
        within: Duration,
        mut look: impl AsyncFnMut(&Self) -> Result<T, String>,
    ) -> T {
        let started = Instant::now();
        loop {
            let missing = match look(&*self).await {
                Ok(found) => return found,
                Err(missing) => missing,
            };
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", self.out());
            assert!(started.elapsed() < within, "{missing} in {within:?}: {}", self.out());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Ends it as Ctrl-C does; nothing may have gone wrong meanwhile.
    pub(crate) fn stop(mut self) {
        self.end();
        let out = self.out();
        assert!(!out.lines().any(|line| line.contains("ERROR")), "{out}");
        for line in out.lines().filter(|line| line.contains("WARN")) {
            println!("{line}");
        }
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn end(&mut self) {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < STOPS_WITHIN, "it does not stop: {}", self.out());
            std::thread::sleep(Duration::from_millis(50));
        };
        assert!(status.success(), "{status}: {}", self.out());
        println!("stopped in {:?}", asked.elapsed());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

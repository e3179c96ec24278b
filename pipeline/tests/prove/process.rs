//! One role of the program as a process that can die, freeze, wake and stop.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::common::now_ms;

const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// A process of one role, started again and again under one name.
pub(crate) struct Process {
    pub(crate) role: &'static str,
    pub(crate) name: String,
    state: PathBuf,
    settings: Vec<(String, String)>,
    child: Option<Child>,
    /// When it was killed, frozen or stopped, ms since the epoch.
    pub(crate) ends: Vec<u64>,
}

impl Process {
    pub(crate) fn new(
        role: &'static str,
        number: usize,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        let name = format!("{role}-{number}");
        let state = folder.join(&name);
        std::fs::create_dir(&state).unwrap();
        let mut settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        settings.push(("OPSC_INSTANCE".into(), name.clone()));
        Self { role, name, state, settings, child: None, ends: Vec::new() }
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn start(&mut self) {
        let out = self.state.join("out");
        let out = std::fs::File::options().append(true).create(true).open(out).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_opsconductor"))
            .arg(self.role)
            .env("OPSC_STATE_DIR", &self.state)
            .env("NO_COLOR", "1")
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(out)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// What it said in all its lives.
    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(self.state.join("out")).unwrap_or_default()
    }

    fn child(&mut self) -> &mut Child {
        let (name, out) = (self.name.clone(), self.out());
        let child = self.child.as_mut().unwrap();
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "{name} ended by itself: {out}");
        child
    }

    /// With -9. It must have been alive.
    pub(crate) fn kill(&mut self) {
        self.child().kill().unwrap();
        self.child.take().unwrap().wait().unwrap();
        self.ends.push(now_ms());
    }

    fn signal(&mut self, signal: &str) {
        let id = self.child().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn freeze(&mut self) {
        self.signal("-STOP");
        self.ends.push(now_ms());
    }

    pub(crate) fn wake(&mut self) {
        self.signal("-CONT");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// As a person stops it; it must end well.
    pub(crate) fn stop(&mut self) {
        self.signal("-INT");
        self.ends.push(now_ms());
        let asked = Instant::now();
        let mut child = self.child.take().unwrap();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if asked.elapsed() > STOPS_WITHIN {
                let _ = child.kill();
                panic!("{} does not stop: {}", self.name, self.out());
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        assert!(status.success(), "{}: {status}: {}", self.name, self.out());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

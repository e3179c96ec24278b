//! The real net-snmp agent (`snmpd` in OPSC_SNMP_BIN_DIR or in PATH).

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub(crate) struct Agent {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn snmpd() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::var_os("OPSC_SNMP_BIN_DIR").into_iter().map(PathBuf::from).collect();
    folders.extend(std::env::split_paths(&path));
    folders.push("/usr/sbin".into());
    let found = folders.into_iter().map(|it| it.join("snmpd")).find(|it| it.is_file());
    if found.is_none() {
        super::missing(
            "no snmpd: install net-snmp (apt-get install snmpd) or set OPSC_SNMP_BIN_DIR",
        );
    }
    found
}

impl Agent {
    pub(crate) fn start(community: &str) -> Option<Self> {
        let program = snmpd()?;
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("snmpd.conf");
        let text =
            format!("rocommunity {community} 127.0.0.1\nsysName real\nsysLocation shelf 3\n");
        std::fs::write(&config, text).unwrap();
        let port = lab::free_port();
        let child = Command::new(program)
            .args(["-f", "-C", "-Ln", "-c"])
            .arg(&config)
            .arg(format!("--persistentDir={}", folder.path().display()))
            .arg(format!("udp:127.0.0.1:{port}"))
            .env("SNMP_PERSISTENT_DIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port, _folder: folder })
    }
}

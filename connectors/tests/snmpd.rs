//! Against the real net-snmp agent (`snmpd` in PATH or in OPSC_SNMP_BIN_DIR).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::{World, column, device, instances};
use connectors::PollerConfig;
use lab::free_port;
use schemas::{Kind, Outcome};

struct Agent {
    child: Child,
    port: u16,
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
        let text = "no snmpd: install net-snmp (apt-get install snmpd) or set OPSC_SNMP_BIN_DIR";
        assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{text}");
        eprintln!("SKIPPED: {text}");
    }
    found
}

fn start() -> Option<Agent> {
    let program = snmpd()?;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("snmpd.conf");
    std::fs::write(
        &config,
        "rocommunity public 127.0.0.1\nsysName real\nsysLocation shelf 3\nsysContact ops\n",
    )
    .unwrap();
    let port = free_port();
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
    Some(Agent { child, port, _folder: folder })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_is_polled() {
    let Some(agent) = start() else { return };
    let world = World::start(PollerConfig { timeout_ms: 300, ..PollerConfig::default() });
    world.add(device("real", "127.0.0.1", agent.port, "auto"));
    let poll = world
        .until("real", "ok with facts", |it| it.outcome == Outcome::Ok && !it.facts.is_empty());
    let poll = poll.await;
    assert!(poll.uptime_cs.is_some() && poll.error.is_none());
    assert!(instances(&poll, "if_in_bps").contains(&"lo"), "{poll:#?}");
    assert_eq!(column(&poll, "if_in_bps").unwrap().kind, Kind::Counter64);
    assert_eq!(column(&poll, "if_in_bps").unwrap().scale, 8.0);
    assert_eq!(column(&poll, "if_oper_status").unwrap().kind, Kind::State);
    let fact = |instance: &str, name: &str| {
        let found = poll.facts.iter().find(|it| it.instance == instance && it.name == name);
        found.map(|it| it.value.as_str())
    };
    assert_eq!(fact("", "sys_name"), Some("real"));
    assert_eq!(fact("", "sys_location"), Some("shelf 3"));
    assert_eq!(fact("", "profile"), Some("generic"));
    assert_eq!(fact("lo", "if_index"), Some("1"));
    assert_eq!(fact("lo", "if_type"), Some("24"));

    let next = world.until("real", "a second poll", |it| it.cycle > poll.cycle).await;
    assert_eq!(next.outcome, Outcome::Ok);
    assert!(next.facts.is_empty(), "unchanged texts are sent once an hour");
    assert!(next.uptime_cs > poll.uptime_cs && next.mono_ms > poll.mono_ms);
    let octets = |poll: &schemas::Poll| column(poll, "if_in_bps").unwrap().counts[0];
    // net-snmp keeps the interface table for some seconds.
    assert!(octets(&next) >= octets(&poll) && octets(&poll) > 0);
    let timing = world.poller.timings().remove(0);
    assert_eq!((timing.device_name.as_str(), timing.last_outcome), ("real", Some(Outcome::Ok)));
    assert!(timing.requests > 0 && timing.repetitions > 0);
    world.poller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_community_is_a_timeout_that_says_what_to_check() {
    let Some(agent) = start() else { return };
    let world =
        World::start(PollerConfig { timeout_ms: 50, retries: 1, ..PollerConfig::default() });
    let mut wrong = device("wrong", "127.0.0.1", agent.port, "auto");
    wrong.credential = Some("not-public".into());
    world.add(wrong);
    let poll = world.until("wrong", "a time-out", |it| it.outcome == Outcome::Timeout).await;
    let error = poll.error.unwrap();
    assert!(error.contains("community in credential \"not-public\""), "{error}");
    world.poller.stop().await;
}

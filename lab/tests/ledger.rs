//! The ledger is a superset of what clients saw, also when the lab is killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Client, fleet, start};
use lab::codec::tag;
use lab::ledger::{Entry, read};
use lab::{Fault, LabConfig, LedgerConfig, free_port};

fn entries(path: &Path) -> Vec<Entry> {
    read(path).map(Result::unwrap).collect()
}

fn file(folder: &Path) -> (PathBuf, LedgerConfig) {
    let path = folder.join("ledger");
    (path.clone(), LedgerConfig::File { path, max_bytes: 1 << 30 })
}

#[test]
fn every_answer_with_a_serial_is_listed_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, ledger) = file(folder.path());
    let config = LabConfig { ledger, workers: 2, ..fleet(50, 3) };
    let agents: Vec<SocketAddrV4> = config.devices.iter().map(|device| device.address).collect();
    let lab = start(config);
    let mut seen = HashMap::new();
    for round in 0..20 {
        for agent in &agents {
            let mut client = Client::new(*agent);
            let names = ["1.3.6.1.2.1.1.3", "1.3.6.1.4.1.63999.1.1", "1.3.6.1.2.1.31.1.1.1.6"];
            let answer = client.ask(tag::GET_BULK, (2, 3), &names).unwrap();
            let serial = answer.values[1].number();
            assert_eq!(seen.insert(serial, (*agent, answer.request_id)), None, "round {round}");
            // Without the serial: not listed.
            client.get("1.3.6.1.2.1.1.5.0").unwrap();
        }
    }
    lab.stop();
    let listed = entries(&path);
    assert_eq!(listed.len(), 1000);
    for entry in &listed {
        assert_eq!(seen.get(&entry.serial), Some(&(entry.device, entry.request_id)));
        assert!(entry.outcome.usable());
    }
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    assert!(listed.iter().all(|entry| now_ms - entry.unix_ms < 60_000));
}

#[test]
fn a_full_ledger_withholds_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let ledger = LedgerConfig::File { path: path.clone(), max_bytes: 200 };
    let config = LabConfig { ledger, ..fleet(1, 1) };
    let mut client = Client::new(config.devices[0].address);
    let lab = start(config);
    let answered = (0..6).filter(|_| client.get(lab::SERIAL_OID).is_some()).count();
    assert_eq!(entries(&path).len(), answered);
    assert!((2..5).contains(&answered), "{answered}");
    assert!(client.get("1.3.6.1.2.1.1.5.0").is_some());
    assert_eq!(lab.stats().ledger_failures, 6 - answered as u64);
}

const CHILD: &str = "LAB_TEST_CHILD";

/// The process that gets killed: run by the test below.
#[test]
#[ignore = "the child of a_kill_loses_no_entry_that_a_client_saw"]
fn child() {
    let Ok(text) = std::env::var(CHILD) else { return };
    let (port, folder) = text.split_once(' ').unwrap();
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 79, 0, 1), port.parse().unwrap());
    let (_, ledger) = file(Path::new(folder));
    let lab = start(LabConfig { ledger, ..lab::fleet(20, 5, first, false) });
    lab.inject("*", Fault::Duplicate { permille: 100 }).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

fn spawn(port: u16, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored"])
        .env(CHILD, format!("{port} {}", folder.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_kill_loses_no_entry_that_a_client_saw() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path());
    let port = free_port();
    let mut seen = HashSet::new();
    for kill in 0..8u64 {
        let mut child = spawn(port, folder.path());
        let mut clients: Vec<Client> = (1..=20)
            .map(|at| Client::new(SocketAddrV4::new(Ipv4Addr::new(127, 79, 0, at), port)))
            .collect();
        // Until it has bound, the kernel refuses.
        while clients[0].socket.send(b"").is_err() || clients[0].get_quietly().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60 + 37 * kill));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        while !killer.is_finished() {
            std::thread::sleep(Duration::from_micros(200));
            for client in &mut clients {
                client.send_quietly(lab::SERIAL_OID);
            }
            for client in &clients {
                client.socket.set_nonblocking(true).unwrap();
                while let Some(Ok(answer)) = client.receive() {
                    seen.insert(answer.values[0].number());
                }
            }
        }
        killer.join().unwrap();
    }
    let listed = entries(&path);
    let serials: HashSet<u64> = listed.iter().map(|entry| entry.serial).collect();
    assert_eq!(serials.len(), listed.len(), "a serial came twice");
    let missing: Vec<_> = seen.difference(&serials).collect();
    assert!(missing.is_empty(), "{} seen and not listed", missing.len());
    assert!(seen.len() > 1000, "{}", seen.len());
    println!("{} listed, {} seen, after 8 kills", listed.len(), seen.len());
}

//! Agents of the lab that answer, and oddly: each oddity costs itself, and is said.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{World, column, device, instances};
use connectors::PollerConfig;
use lab::{Content, DeviceConfig, Fault, InterfaceSpec, Lab, LabConfig, Make, Oddity, free_port};
use schemas::{Device, Outcome, Poll};

const DISCARDS: &str = "1.3.6.1.2.1.2.2.1.13";
const ALIAS: &str = "1.3.6.1.2.1.31.1.1.1.18";
const NAME: &str = "1.3.6.1.2.1.31.1.1.1.1";

fn ports(count: usize, alias: &str) -> Content {
    let port = |n: usize| InterfaceSpec {
        name: format!("ge-0/0/{n}"),
        alias: format!("{alias}{n}"),
        speed_mbps: 1_000,
        load_permille: 100,
        enabled: true,
    };
    Content::Generated { make: Make::Switch, interfaces: (0..count).map(port).collect() }
}

fn walk(folder: &Path, name: &str, text: &[u8]) -> Content {
    let path = folder.join(format!("{name}.snmprec"));
    std::fs::write(&path, text).unwrap();
    Content::Walk { path, animate: false, lenient: false }
}

/// A lab of these devices, and a poller of them.
fn world(third: u8, devices: Vec<(&str, Content)>, interval_ms: i64) -> (Lab, World) {
    let port = free_port();
    let address = |n: usize| Ipv4Addr::new(127, 32, third, n as u8 + 1);
    let config = |(n, (name, content)): (usize, (&str, Content))| DeviceConfig {
        name: name.into(),
        address: SocketAddrV4::new(address(n), port),
        community: "lab-public".into(),
        content,
        location: "here".into(),
        site: String::new(),
        profile: String::new(),
        serial: false,
    };
    let devices = devices.into_iter().enumerate().map(config).collect();
    let config = LabConfig { devices, ..LabConfig::default() };
    let lab = Lab::start(config).unwrap();
    let config = PollerConfig { timeout_ms: 100, retries: 2, ..PollerConfig::default() };
    let world = World::start(config);
    for entry in lab.inventory() {
        world.add(polled(&entry.name, &entry.address.to_string(), port, interval_ms));
    }
    (lab, world)
}

/// A device that is polled at once.
fn polled(name: &str, address: &str, port: u16, interval_ms: i64) -> Device {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    Device {
        credential: Some("lab-public".into()),
        interval_ms,
        updated_at: now + 60_000,
        ..device(name, address, port, "generic")
    }
}

fn all(poll: &Poll, metric: &str) -> HashSet<String> {
    instances(poll, metric).into_iter().map(str::to_owned).collect()
}

fn fact<'a>(polls: &'a [Poll], instance: &str, name: &str) -> Option<&'a str> {
    let facts = polls.iter().flat_map(|poll| &poll.facts);
    let found = facts.rev().find(|it| it.instance == instance && it.name == name);
    found.map(|it| it.value.as_str())
}

fn refuse(under: &str, status: u8, named: bool) -> Fault {
    let under = under.into();
    Fault::Odd { how: Oddity::Refuse { under, status, named, bulk_only: false } }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_short_answers_cost_what_they_name() {
    let names = [
        "short-13", "short-1", "no-index", "index", "status-2", "alias", "name", "no-bulk",
        "hidden", "confused",
    ];
    let devices = names.map(|name| (name, ports(4, "port ")));
    let (lab, world) = world(1, devices.into(), 2_000);
    for (name, fault) in [
        ("short-13", Fault::Odd { how: Oddity::ShortBulk { variables: 13 } }),
        ("short-1", Fault::Odd { how: Oddity::ShortBulk { variables: 1 } }),
        ("no-index", refuse(DISCARDS, 5, false)),
        ("index", refuse(DISCARDS, 5, true)),
        ("status-2", refuse(DISCARDS, 2, false)),
        ("alias", refuse(ALIAS, 5, false)),
        ("name", refuse(NAME, 5, false)),
        ("no-bulk", Fault::Odd { how: Oddity::NoBulk }),
        ("hidden", Fault::Odd { how: Oddity::Hide { under: "1.3.6.1.2.1.2".into() } }),
        ("hidden", Fault::Odd { how: Oddity::Hide { under: "1.3.6.1.2.1.31".into() } }),
        ("hidden", Fault::Odd { how: Oddity::Hide { under: "1.3.6.1.2.1.1.3".into() } }),
        ("confused", Fault::Odd { how: Oddity::NoRepeaters }),
    ] {
        lab.inject(name, fault).unwrap();
    }
    // Two polls at least that know the oddity from their start.
    tokio::time::sleep(Duration::from_millis(9_000)).await;
    let four: HashSet<String> = (0..4).map(|n| format!("ge-0/0/{n}")).collect();
    for name in names {
        let polls = world.polls(name);
        let last = polls.last().unwrap();
        assert_eq!(last.outcome, Outcome::Ok, "{name}: {:?}", last.error);
        if name == "hidden" {
            assert_eq!(fact(&polls, "", "sys_name"), Some("hidden"));
            assert_eq!(fact(&polls, "", "not_found"), Some("sysUpTime, table if"));
            continue;
        }
        let refused = ["no-index", "index", "status-2"].contains(&name);
        for metric in ["if_in_bps", "if_out_pps", "if_in_errors_pps", "if_oper_status"] {
            let names = all(last, metric);
            let by_descr = names.len() == 4 && names.iter().all(|it| it.contains("Ethernet"));
            let right = if name == "name" { by_descr } else { names == four };
            assert!(right, "{name} {metric}: {names:?} {:?}", last.error);
        }
        assert_eq!(column(last, "if_in_discards_pps").is_none(), refused, "{name}");
        assert_eq!(fact(&polls, "", "sys_name"), Some(name));
        let said = fact(&polls, "", "refused").unwrap_or_default().to_owned();
        let wanted = match name {
            "no-index" | "index" | "status-2" => "if if_in_discards_pps",
            "alias" => "if if_alias",
            "name" => "if instance names, column 1",
            "no-bulk" => "GETBULK",
            _ => "",
        };
        assert!(said.contains(wanted), "{name}: {said:?}");
        assert!(last.error.clone().unwrap_or_default().contains(wanted), "{name}");
        let alias = fact(&polls, "ge-0/0/2", "if_alias");
        let has = !["alias", "name"].contains(&name);
        assert_eq!(alias, has.then_some("port 2"), "{name}");
    }
    world.poller.stop().await;
    lab.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_text_delays_no_metric() {
    let (lab, world) = world(2, vec![("slow", ports(4, "port ")), ("calm", ports(4, ""))], 5_000);
    // Eight time-outs long, one request after the other, as an interval of a minute and eight
    // seconds would be.
    let how = Oddity::Slow { under: ALIAS.into(), delay_ms: 800 };
    lab.inject("slow", Fault::Odd { how }).unwrap();
    tokio::time::sleep(Duration::from_millis(16_000)).await;
    let polls = world.polls("slow");
    let late = polls.get(1..).unwrap();
    assert!(late.len() >= 2, "{}", polls.len());
    for poll in late {
        assert_eq!(poll.outcome, Outcome::Ok, "{:?}", poll.error);
        for metric in ["if_in_bps", "if_in_discards_pps", "if_speed_bps"] {
            assert_eq!(instances(poll, metric).len(), 4, "{metric}");
        }
        // Not asked again in each poll.
        assert!(poll.duration_ms < 3_000, "{} ms", poll.duration_ms);
    }
    assert_eq!(fact(&polls, "ge-0/0/2", "if_alias"), Some("port 2"));
    world.poller.stop().await;
    lab.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_cells_cost_a_cell() {
    let folder = tempfile::tempdir().unwrap();
    let head = "1.3.6.1.2.1.1.1.0|4|odd agent\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10\n\
                1.3.6.1.2.1.1.5.0|4x|5afc72696368\n";
    let port = |n: usize| {
        format!(
            "1.3.6.1.2.1.2.2.1.1.{n}|2|{n}\n1.3.6.1.2.1.2.2.1.2.{n}|4|port {n}\n\
             1.3.6.1.2.1.2.2.1.10.{n}|65|{n}000\n1.3.6.1.2.1.2.2.1.8.{n}|2|1\n"
        )
    };
    let name = |n: usize| format!("1.3.6.1.2.1.31.1.1.1.1.{n}|4|Gi{n}\n");
    let up = "1.3.6.1.2.1.1.3.0|67|3079279497\n";
    let text = |parts: &[&str]| parts.concat().into_bytes();
    let null = text(&[head, up, &port(1), &port(2), &name(1), "1.3.6.1.2.1.31.1.1.1.1.2|5|\n"]);
    let plain = text(&[head, up, &port(1), &port(2)]);
    let nameless: String = (1..=2)
        .map(|n| format!("1.3.6.1.2.1.2.2.1.10.{n}|65|{n}\n1.3.6.1.2.1.2.2.1.1.{n}|2|{n}\n"))
        .collect();
    let devices = vec![
        ("null", walk(folder.path(), "null", &null)),
        ("plain", walk(folder.path(), "plain", &plain)),
        ("nameless", walk(folder.path(), "nameless", &text(&[head, up, &nameless]))),
    ];
    let (lab, world) = world(3, devices, 1_000);
    for (name, wanted) in
        [("null", ["Gi1", "port 2"]), ("plain", ["port 1", "port 2"]), ("nameless", ["#1", "#2"])]
    {
        let poll = world.until(name, "facts", |poll| !poll.facts.is_empty()).await;
        assert_eq!(poll.outcome, Outcome::Ok, "{name}: {:?}", poll.error);
        assert_eq!(instances(&poll, "if_in_bps"), wanted, "{name}");
        let polls = world.polls(name);
        assert_eq!(fact(&polls, "", "sys_name"), Some("Zürich"), "{name}");
    }
    world.poller.stop().await;
    lab.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_ports_come_through_in_parts() {
    let alias = "x".repeat(60);
    let (lab, world) = world(4, vec![("large", ports(20_000, &alias))], 600_000);
    let end = std::time::Instant::now() + Duration::from_secs(100);
    let whole = |polls: &[Poll]| polls.last().is_some_and(|it| it.part == it.parts - 1);
    while !whole(&world.polls("large")) {
        assert!(std::time::Instant::now() < end, "no poll");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let polls = world.polls("large");
    assert!(polls.len() > 2 && polls.iter().all(|it| it.outcome == Outcome::Ok), "{}", polls.len());
    let ports: HashSet<String> = polls.iter().flat_map(|poll| all(poll, "if_in_bps")).collect();
    assert_eq!(ports.len(), 20_000);
    let facts = polls.iter().flat_map(|poll| &poll.facts);
    assert_eq!(facts.filter(|it| it.name == "if_alias").count(), 20_000);
    let most = connectors::MAX_POLL_BYTES;
    assert!(polls.iter().all(|poll| schemas::encode(poll).unwrap().len() <= most));
    world.poller.stop().await;
    lab.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_name_is_polled_at_its_address_and_says_which() {
    let port = free_port();
    let local = DeviceConfig {
        name: "local".into(),
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
        community: "lab-public".into(),
        content: ports(2, ""),
        location: String::new(),
        site: String::new(),
        profile: String::new(),
        serial: false,
    };
    let lab = Lab::start(LabConfig { devices: vec![local], ..LabConfig::default() }).unwrap();
    let world = World::start(PollerConfig { timeout_ms: 200, ..PollerConfig::default() });
    world.add(polled("named", "localhost", port, 1_000));
    world.add(polled("unknown", "no-such-host.invalid", port, 1_000));
    let poll = world.until("named", "facts", |poll| !poll.facts.is_empty()).await;
    assert_eq!(poll.outcome, Outcome::Ok, "{:?}", poll.error);
    assert_eq!(fact(&[poll], "", "address_in_use"), Some("127.0.0.1"));
    let poll = world.until("unknown", "a record", |_| true).await;
    let error = poll.error.unwrap_or_default();
    assert!(error.contains("no-such-host.invalid"), "{error}");
    world.poller.stop().await;
    lab.stop();
}

/// Takes requests at one address, has them answered by the agent, and sends the answers from
/// another, as a router does that answers from its loopback. Ends with the test's process.
fn crooked(at: SocketAddrV4, from: Ipv4Addr, agent: SocketAddrV4) {
    let front = UdpSocket::bind(at).unwrap();
    let back = UdpSocket::bind(SocketAddrV4::new(from, 0)).unwrap();
    back.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    std::thread::spawn(move || {
        let mut octets = [0; 65_536];
        while let Ok((length, asker)) = front.recv_from(&mut octets) {
            back.send_to(&octets[..length], agent).unwrap();
            if let Ok((length, _)) = back.recv_from(&mut octets) {
                back.send_to(&octets[..length], asker).unwrap();
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_another_address_is_taken_where_that_is_allowed() {
    let (lab, world) = world(6, vec![("straight", ports(2, ""))], 1_000);
    let entry = lab.inventory()[0].clone();
    let agent = SocketAddrV4::new(entry.address, entry.port);
    let [strict, open] = [101, 102].map(|n| Ipv4Addr::new(127, 32, 6, n));
    for (address, from) in [(strict, 201), (open, 202)] {
        let from = Ipv4Addr::new(127, 32, 6, from);
        crooked(SocketAddrV4::new(address, agent.port()), from, agent);
    }
    world.add(polled("strict", &strict.to_string(), agent.port(), 1_000));
    let allowed = polled("open", &open.to_string(), agent.port(), 1_000);
    world.add(Device { any_source: true, ..allowed });
    let poll =
        world.until("open", "its ports", |poll| !all(poll, "if_oper_status").is_empty()).await;
    assert_eq!(poll.outcome, Outcome::Ok, "{:?}", poll.error);
    let poll = world.until("strict", "a record", |_| true).await;
    assert_eq!(poll.outcome, Outcome::Timeout);
    let error = poll.error.unwrap_or_default();
    assert!(error.contains("127.32.6.201"), "who answered is named: {error}");
    assert!(world.polls("strict").iter().all(|poll| poll.columns.is_empty()));
    // The test before saving says the same.
    let profiles = world.poller.profiles().clone();
    let mut asked = polled("strict", &strict.to_string(), agent.port(), 1_000);
    let report = connectors::probe(&asked, &common::Known, &profiles).await;
    assert!(!report.steps[0].ok && report.steps[0].detail.contains("127.32.6.201"), "{report:?}");
    asked.any_source = true;
    let report = connectors::probe(&asked, &common::Known, &profiles).await;
    assert!(report.steps[0].ok, "{report:?}");
    world.poller.stop().await;
    lab.stop();
}

//! A thousand agents at once, behind one port or behind a thousand; and the demo.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use common::{Client, start};
use lab::codec::{Message, Request, Version, parse_oid, tag};
use lab::{Lab, LabConfig, demo, fleet, free_port};

/// Asks all agents before it reads one answer; each must come from the address asked.
fn check(config: LabConfig) {
    let agents: HashMap<SocketAddrV4, String> =
        config.devices.iter().map(|device| (device.address, device.name.clone())).collect();
    let start = Instant::now();
    let lab = Lab::start(config).unwrap();
    println!("{} agents in {:?}", agents.len(), start.elapsed());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let names = [parse_oid("1.3.6.1.2.1.1.5.0").unwrap()];
    let mut came = HashMap::new();
    let all: Vec<&SocketAddrV4> = agents.keys().collect();
    // The receive buffer of a plain socket holds some hundreds.
    for group in all.chunks(100) {
        for (at, agent) in group.iter().enumerate() {
            let request = Request {
                version: Version::V2c,
                community: common::COMMUNITY,
                pdu: tag::GET,
                request_id: at as i32,
                non_repeaters: 0,
                max_repetitions: 0,
            };
            socket.send_to(&request.write(&names), agent).unwrap();
        }
        for _ in group.iter() {
            let mut buf = [0; 2000];
            let (length, from) = socket.recv_from(&mut buf).unwrap();
            let read = Message::read(&buf[..length]).unwrap();
            let name = read.var_binds().next().unwrap().unwrap().value.to_vec();
            let std::net::SocketAddr::V4(from) = from else { panic!("{from}") };
            assert_eq!(group[read.request_id as usize], &from);
            came.insert(from, String::from_utf8(name).unwrap());
        }
    }
    assert_eq!(came, agents);
    lab.stop();
}

#[test]
fn a_thousand_addresses_behind_one_port() {
    check(fleet(1000, 4, SocketAddrV4::new(Ipv4Addr::new(127, 81, 0, 1), free_port()), false));
}

#[test]
fn a_thousand_addresses_and_three_workers() {
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 82, 0, 1), free_port());
    check(LabConfig { workers: 3, ..fleet(1000, 4, first, false) });
}

#[test]
fn a_thousand_ports_at_one_address() {
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 83, 0, 1), 30_500);
    check(LabConfig { workers: 2, ..fleet(1000, 4, first, true) });
}

#[test]
fn the_demo_is_a_network() {
    let mut config = demo();
    let port = free_port();
    config.devices.iter_mut().for_each(|device| device.address.set_port(port));
    let lab = start(config);
    let inventory = lab.inventory();
    assert_eq!(inventory.len(), 12);
    let sites: BTreeSet<&str> = inventory.iter().map(|entry| entry.site.as_str()).collect();
    assert_eq!(sites, BTreeSet::from(["bsl", "gva", "lug", "zrh"]));
    for entry in inventory {
        let mut client = Client::new(SocketAddrV4::new(entry.address, entry.port));
        client.socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        assert_eq!(client.get("1.3.6.1.2.1.1.5.0").unwrap().text(), entry.name);
        let interfaces = client.get("1.3.6.1.2.1.2.1.0").unwrap().number();
        assert!((4..=12).contains(&interfaces));
        let rows = client.walk();
        let optics = rows.iter().filter(|row| row.name.starts_with(&[1, 3, 6, 1, 4, 1, 6141]));
        assert_eq!(optics.count() > 0, entry.profile == "ciena-wwp", "{}", entry.name);
    }
    // Every fault of the script fits the device it names.
    for event in demo().script {
        assert!(event.fault.check().is_ok());
        for device in inventory.iter().map(|entry| &entry.name) {
            let exact = &event.device == device;
            let prefix = event.device.strip_prefix('?').and_then(|rest| rest.strip_suffix('*'));
            if exact || prefix.is_some_and(|prefix| device.starts_with(prefix)) {
                lab.inject(device, event.fault.clone()).unwrap();
            }
        }
    }
}

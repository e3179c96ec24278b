//! GET, GETNEXT, GETBULK, SET and their corners, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use common::{Client, fleet, start};
use lab::codec::{Version, tag};

const UP_TIME: &str = "1.3.6.1.2.1.1.3.0";
const NAME: &str = "1.3.6.1.2.1.1.5.0";

fn check(version: Version, pdu: u8, names: &[&str], status: i32, index: i32, tags: &[u8]) {
    let config = fleet(1, 4);
    let mut client = Client::new(config.devices[0].address);
    client.version = version;
    let lab = start(config);
    let answer = client.ask(pdu, (0, 0), names).unwrap();
    assert_eq!((answer.status, answer.index), (status, index));
    assert_eq!(answer.values.iter().map(|value| value.tag).collect::<Vec<_>>(), tags);
    lab.stop();
}

#[test]
fn get_distinguishes_object_from_instance() {
    let names = [UP_TIME, "1.3.6.1.2.1.1.3.7", "1.3.6.1.2.1.99.1.0", "1.3.6.1.2.1.2.2.1.1.9"];
    let tags = [tag::TIMETICKS, tag::NO_SUCH_INSTANCE, tag::NO_SUCH_OBJECT, tag::NO_SUCH_INSTANCE];
    check(Version::V2c, tag::GET, &names, 0, 0, &tags);
}

#[test]
fn v1_has_no_exceptions_and_no_counter64() {
    check(Version::V1, tag::GET, &[UP_TIME, "1.3.6.1.2.1.99.1.0"], 2, 2, &[tag::NULL; 2]);
    check(Version::V1, tag::GET, &["1.3.6.1.2.1.31.1.1.1.6.1"], 2, 1, &[tag::NULL]);
    // After column 5 (Counter32) come the Counter64 columns, then linkUpDownTrapEnable.
    check(Version::V1, tag::GET_NEXT, &["1.3.6.1.2.1.31.1.1.1.5.4"], 0, 0, &[tag::INTEGER]);
    // The serial is the last row, and it is a Counter64.
    check(Version::V1, tag::GET_NEXT, &["1.3.6.1.2.1.31.1.1.1.19.4"], 2, 1, &[tag::NULL]);
    check(Version::V1, tag::SET, &[NAME], 2, 1, &[tag::NULL]);
}

#[test]
fn set_is_refused() {
    check(Version::V2c, tag::SET, &[NAME], 17, 1, &[tag::NULL]);
}

#[test]
fn next_goes_to_the_end_of_the_view() {
    let names = [NAME, lab::SERIAL_OID];
    check(Version::V2c, tag::GET_NEXT, &names, 0, 0, &[tag::OCTETS, tag::END_OF_MIB_VIEW]);
}

#[test]
fn bulk_takes_non_repeaters_and_ends() {
    let config = fleet(1, 4);
    let mut client = Client::new(config.devices[0].address);
    let _lab = start(config);
    let names = ["1.3.6.1.2.1.1.3", "1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.31.1.1.1.6"];
    let answer = client.ask(tag::GET_BULK, (1, 3), &names).unwrap();
    let tags: Vec<u8> = answer.values.iter().map(|value| value.tag).collect();
    let (i, c) = (tag::INTEGER, tag::COUNTER64);
    assert_eq!(tags, [tag::TIMETICKS, i, c, i, c, i, c]);
    let only = client.ask(tag::GET_BULK, (1, 0), &names).unwrap();
    assert_eq!(only.values.len(), 1);
    let nothing = client.ask(tag::GET_BULK, (-3, -3), &names).unwrap();
    assert_eq!(nothing.values.len(), 0);
    let end = client.ask(tag::GET_BULK, (0, 100), &["1.3.6.1.5"]).unwrap();
    assert_eq!(end.values.len(), 1);
    assert_eq!(end.values[0].tag, tag::END_OF_MIB_VIEW);
    assert_eq!(end.values[0].name, [1, 3, 6, 1, 5]);
}

#[test]
fn answers_stay_below_the_limit() {
    let mut config = fleet(1, 100);
    config.max_response_bytes = 484;
    let mut client = Client::new(config.devices[0].address);
    let _lab = start(config);
    let cut = client.ask(tag::GET_BULK, (0, 100), &["1.3.6.1.2.1.2.2.1.10"]).unwrap();
    assert!((10..30).contains(&cut.values.len()), "{}", cut.values.len());
    let many = vec![NAME; 40];
    let too_big = client.ask(tag::GET, (0, 0), &many).unwrap();
    assert_eq!((too_big.status, too_big.values.len()), (1, 0));
}

#[test]
fn strangers_get_silence_and_are_counted() {
    // Two, so that the socket is the one for all of loopback.
    let config = fleet(2, 1);
    let agent = config.devices[0].address;
    let mut client = Client::new(agent);
    let lab = start(config);
    client.socket.send(b"hello").unwrap();
    client.socket.send(&vec![0x30; 9_000]).unwrap();
    let wrong = lab::codec::Request {
        version: Version::V2c,
        community: b"other",
        pdu: tag::GET,
        request_id: 1,
        non_repeaters: 0,
        max_repetitions: 0,
    };
    client.socket.send(&wrong.write(&[vec![1, 3, 6]])).unwrap();
    client.send(tag::RESPONSE, (0, 0), &[NAME]);
    assert!(client.receive().is_none());
    let elsewhere =
        std::net::SocketAddrV4::new(std::net::Ipv4Addr::new(127, 78, 0, 1), agent.port());
    client.socket.connect(elsewhere).unwrap();
    assert!(client.ask(tag::GET, (0, 0), &[NAME]).is_none());
    client.socket.connect(agent).unwrap();
    assert_eq!(client.get(NAME).unwrap().text(), "fleet-00000");
    // An answer is counted after it left.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let stats = lab.stats();
    assert_eq!((stats.malformed, stats.wrong_community, stats.unknown_address), (3, 1, 1));
    assert_eq!((stats.requests, stats.answers), (6, 1));
}

#[test]
fn broken_packets_never_stop_an_agent() {
    let config = fleet(1, 3);
    let mut client = Client::new(config.devices[0].address);
    let lab = start(config);
    let request = lab::codec::Request {
        version: Version::V2c,
        community: common::COMMUNITY,
        pdu: tag::GET_BULK,
        request_id: 77,
        non_repeaters: 0,
        max_repetitions: 10,
    };
    let whole = request.write(&[vec![1, 3, 6, 1, 2, 1, 2, 2, 1, 10]]);
    let mut seed = 1u64;
    for round in 0..20_000usize {
        let mut broken = whole.clone();
        for _ in 0..=round % 3 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (seed >> 33) as usize % broken.len();
            broken[at] ^= 1 << (seed >> 61);
        }
        broken.truncate(broken.len() - round % 7 / 4);
        client.socket.send(&broken).unwrap();
        if round % 100 == 0 {
            // Keep the receive buffers from running over.
            while client.receive().is_some() {
                client.socket.set_nonblocking(true).unwrap();
            }
            client.socket.set_nonblocking(false).unwrap();
        }
    }
    while client.receive().is_some() {}
    assert_eq!(client.get(NAME).unwrap().text(), "fleet-00000");
    let stats = lab.stats();
    assert!(stats.malformed > 5_000, "{stats:?}");
}

#[test]
fn a_taken_port_is_named() {
    let config = fleet(2, 1);
    let _first = start(config.clone());
    let error = lab::Lab::start(config.clone()).unwrap_err().to_string();
    assert!(error.contains("another process has the port"), "{error}");
    let more = lab::LabConfig { workers: 2, ..config };
    let error = lab::Lab::start(more).unwrap_err().to_string();
    assert!(error.contains("another process has the port"), "{error}");
}

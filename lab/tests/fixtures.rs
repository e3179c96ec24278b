//! Recorded walks of real devices (FIXTURES_DIR, not part of this repository): every one
//! loads, and what is walked from the agent is what the file says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Client, start};
use lab::codec::{parse_oid, tag};
use lab::{Content, DeviceConfig, LabConfig, WalkError, free_port};

/// Unpacks the captures, or prints that there are none.
fn captures(folder: &Path) -> Option<PathBuf> {
    let base = std::env::var_os("FIXTURES_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures"));
    let archive = base.join("snmp/captures.tar.xz");
    if !archive.is_file() {
        println!("SKIPPED: no {}: recorded walks were not played", archive.display());
        return None;
    }
    let done = Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(folder).status().unwrap();
    assert!(done.success(), "tar could not unpack {}", archive.display());
    Some(folder.join("dev"))
}

fn device(at: usize, path: PathBuf, port: u16) -> DeviceConfig {
    DeviceConfig {
        name: format!("walk-{at}"),
        address: SocketAddrV4::new(Ipv4Addr::from(0x7f50_0001 + at as u32), port),
        community: "lab-public".into(),
        content: Content::Walk { path, animate: false, lenient: true },
        location: String::new(),
        site: String::new(),
        profile: String::new(),
        serial: false,
    }
}

/// The rows of a file, as tag and content octets, read without the lab's parser.
fn expected(path: &Path) -> Vec<(Vec<u32>, u8, Vec<u8>)> {
    let text = std::fs::read(path).unwrap();
    let mut rows = std::collections::BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let parts: Vec<&[u8]> = line.splitn(3, |byte| *byte == b'|').collect();
        let [name, kind, value] = parts.as_slice() else { continue };
        let name = parse_oid(std::str::from_utf8(name).unwrap()).unwrap();
        let words = String::from_utf8_lossy(value).into_owned();
        let (tag, bytes) = match std::str::from_utf8(kind).unwrap() {
            "2" => (tag::INTEGER, words.parse::<i64>().unwrap().to_string().into_bytes()),
            "4" => (tag::OCTETS, value.to_vec()),
            "4x" => {
                let digits = words.as_bytes().chunks(2);
                let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
                (tag::OCTETS, digits.map(|pair| octet(pair).unwrap()).collect())
            }
            "6" => (tag::OID, words.into_bytes()),
            "64" => (tag::ADDRESS, words.parse::<Ipv4Addr>().unwrap().octets().to_vec()),
            "65" => (tag::COUNTER32, words.into_bytes()),
            "66" => (tag::GAUGE32, words.into_bytes()),
            "67" => (tag::TIMETICKS, words.into_bytes()),
            "70" => (tag::COUNTER64, words.into_bytes()),
            other => panic!("{other} in {}", path.display()),
        };
        rows.insert(name, (tag, bytes));
    }
    rows.into_iter().map(|(name, (tag, bytes))| (name, tag, bytes)).collect()
}

/// A walked value in the form of [`expected`].
fn shown(value: &common::Value) -> Vec<u8> {
    match value.tag {
        tag::INTEGER => value.signed().to_string().into_bytes(),
        tag::COUNTER32 | tag::GAUGE32 | tag::TIMETICKS | tag::COUNTER64 => {
            value.number().to_string().into_bytes()
        }
        tag::OID => {
            let mut arcs = lab::codec::ArcBuf::default();
            let arcs = arcs.read(&value.bytes).unwrap().iter().map(u32::to_string);
            arcs.collect::<Vec<_>>().join(".").into_bytes()
        }
        _ => value.bytes.clone(),
    }
}

#[test]
fn every_walk_loads_and_three_are_played() {
    let folder = tempfile::tempdir().unwrap();
    let Some(walks) = captures(folder.path()) else { return };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(walks)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "snmprec"))
        .collect();
    paths.sort();
    let port = free_port();
    let devices = paths.iter().enumerate().map(|(at, path)| device(at, path.clone(), port));
    let config = LabConfig { devices: devices.collect(), ..LabConfig::default() };
    let addresses: Vec<SocketAddrV4> = config.devices.iter().map(|one| one.address).collect();
    let lab = start(config);
    let skipped = lab.skipped_lines();
    println!("{} walks loaded, {} lines left out", paths.len(), skipped.len());
    assert!(paths.len() > 500);
    // Redacted by those who recorded them: each is named, and they are few.
    assert!(skipped.len() < 200, "{}", skipped.len());
    assert!(skipped.iter().all(|error| matches!(error, WalkError::Line { .. })));
    let clean = |path: &PathBuf| {
        let text = std::fs::read(path).unwrap();
        let plain = !text.contains(&b'\r') && !text.windows(2).any(|pair| pair == b"|.");
        let whole = !skipped.iter().any(|error| error.to_string().contains(path.to_str().unwrap()));
        let usual = text.split(|byte| *byte == b'\n').all(|line| {
            let kind = line.split(|byte| *byte == b'|').nth(1).unwrap_or(b"2");
            [b"2".as_slice(), b"4", b"4x", b"6", b"64", b"65", b"66", b"67", b"70"].contains(&kind)
        });
        plain && whole && usual && text.len() > 20_000
    };
    let mut played = 0;
    for (at, path) in paths.iter().enumerate().filter(|(_, path)| clean(path)).step_by(20).take(3) {
        let rows = Client::new(addresses[at]).walk();
        let walked: Vec<_> =
            rows.iter().map(|row| (row.name.clone(), row.tag, shown(row))).collect();
        let expected = expected(path);
        assert_eq!(walked.len(), expected.len(), "{}", path.display());
        for (walked, expected) in walked.iter().zip(&expected) {
            assert_eq!(walked, expected, "{}", path.display());
        }
        println!("{}: {} rows walked", path.display(), walked.len());
        played += 1;
    }
    assert_eq!(played, 3);
}

#[test]
fn a_strict_load_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.snmprec");
    std::fs::write(&path, "1.3.6.1.2.1.1.1.0|4|box\n1.3.6.1.2.1.1.3.0|99|5\n").unwrap();
    let mut one = device(0, path.clone(), free_port());
    one.content = Content::Walk { path: path.clone(), animate: false, lenient: false };
    let config = LabConfig { devices: vec![one], ..LabConfig::default() };
    let error = lab::Lab::start(config).unwrap_err().to_string();
    let place = format!("{}:2: unknown type `99`; use 2, 4, 4x", path.display());
    assert!(error.starts_with(&place), "{error}");
}

#[test]
fn an_animated_walk_lives_and_reboots() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.snmprec");
    let text = "1.3.6.1.2.1.1.3.0|67|5\n1.3.6.1.2.1.2.2.1.10.1|65|4000000\n\
                1.3.6.1.2.1.31.1.1.1.6.1|70|9000000000\n1.3.6.1.2.1.31.1.1.1.6.2|70|0\n";
    std::fs::write(&path, text).unwrap();
    let mut one = device(0, path.clone(), free_port());
    one.content = Content::Walk { path, animate: true, lenient: false };
    let mut client = Client::new(one.address);
    let lab = start(LabConfig { devices: vec![one], ..LabConfig::default() });
    let counter = "1.3.6.1.2.1.31.1.1.1.6.1";
    let first = client.get(counter).unwrap().number();
    std::thread::sleep(std::time::Duration::from_millis(50));
    let second = client.get(counter).unwrap().number();
    assert!(first > 9_000_000_000 && second > first, "{first} {second}");
    assert_eq!(client.get("1.3.6.1.2.1.31.1.1.1.6.2").unwrap().number(), 0);
    lab.inject("walk-0", lab::Fault::Reboot { down_ms: 0 }).unwrap();
    assert!(client.get(counter).unwrap().number() < 10_000_000);
    assert!(client.get("1.3.6.1.2.1.1.3.0").unwrap().number() < 500);
    assert!(lab.inject("walk-0", lab::Fault::Renumber).is_err());
}

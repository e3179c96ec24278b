//! Recorded walks of real devices (FIXTURES_DIR, not part of this repository), served by the lab
//! as they are and polled: no device that answers is silent, and the ports that stand in IF-MIB
//! are there, with the right name, alias, status, speed and counters.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{World, device};
use connectors::PollerConfig;
use lab::{Content, DeviceConfig, Lab, LabConfig, free_port};
use schemas::{Device, Outcome, Poll};

/// The share of ports that must be there and right.
const WANTED: f64 = 0.995;
/// How long the devices have.
const PATIENCE: Duration = Duration::from_secs(40);
const IF: &str = "1.3.6.1.2.1.2.2.1.";
const IFX: &str = "1.3.6.1.2.1.31.1.1.1.";

/// Unpacks the captures, or prints that there are none.
fn captures(folder: &Path) -> Option<PathBuf> {
    let base = std::env::var_os("FIXTURES_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures"));
    let archive = base.join("snmp/captures.tar.xz");
    if !archive.is_file() {
        println!("SKIPPED: no {}: recorded walks were not polled", archive.display());
        return None;
    }
    let done = Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(folder).status().unwrap();
    assert!(done.success(), "tar could not unpack {}", archive.display());
    Some(folder.join("dev"))
}

/// A cell of a walk: type and octets.
type Cell = (String, Vec<u8>);

/// The interface tables of a walk: by index, then by column (`f2` is ifDescr, `x1` ifName).
#[derive(Default)]
struct Wanted {
    any: bool,
    rows: BTreeMap<String, HashMap<String, Cell>>,
}

/// Reads a walk, without the lab's parser.
fn wanted(path: &Path) -> Wanted {
    let mut wanted = Wanted::default();
    for line in std::fs::read(path).unwrap().split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let parts: Vec<&[u8]> = line.splitn(3, |byte| *byte == b'|').collect();
        let [name, kind, value] = parts.as_slice() else { continue };
        let name = String::from_utf8_lossy(name).trim_start_matches('.').to_owned();
        let kind = String::from_utf8_lossy(kind).into_owned();
        let Some(octets) = octets(&kind, value) else { continue };
        wanted.any = true;
        for (prefix, letter) in [(IF, 'f'), (IFX, 'x')] {
            let cell = name.strip_prefix(prefix).and_then(|rest| rest.split_once('.'));
            if let Some((column, index)) = cell {
                let row = wanted.rows.entry(index.to_owned()).or_default();
                row.insert(format!("{letter}{column}"), (kind.clone(), octets.clone()));
            }
        }
    }
    wanted
}

/// The octets of a value that an agent can serve.
fn octets(kind: &str, value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok().map(str::trim);
    let number = |bits: u32| {
        let number = text?.parse::<u64>().ok()?;
        (bits == 64 || number <= u64::from(u32::MAX)).then(|| value.to_vec())
    };
    match kind {
        "2" => text?.parse::<i32>().ok().map(|_| value.to_vec()),
        "4x" => {
            let pairs = value.chunks(2).map(|pair| {
                let pair = std::str::from_utf8(pair).ok().filter(|it| it.len() == 2)?;
                u8::from_str_radix(pair, 16).ok()
            });
            pairs.collect()
        }
        "65" | "66" | "67" => number(32),
        "70" => number(64),
        _ => Some(value.to_vec()),
    }
}

/// Octets as people read them.
fn text(octets: &[u8]) -> String {
    let text = match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(error) if error.error_len().is_none() && !octets[..error.valid_up_to()].is_ascii() => {
            String::from_utf8_lossy(&octets[..error.valid_up_to()]).into_owned()
        }
        Err(_) => octets.iter().map(|octet| char::from(*octet)).collect(),
    };
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(255).collect()
}

fn number(row: &HashMap<String, Cell>, column: &str) -> Option<i128> {
    let (kind, octets) = row.get(column)?;
    let counts = ["2", "65", "66", "67", "70"].contains(&kind.as_str());
    std::str::from_utf8(octets).ok()?.trim().parse().ok().filter(|_| counts)
}

fn name_of(row: &HashMap<String, Cell>, column: &str) -> Option<String> {
    let (kind, octets) = row.get(column)?;
    let named = ["2", "4", "4x"].contains(&kind.as_str());
    Some(text(octets)).filter(|text| named && !text.is_empty())
}

/// What was polled of a device.
#[derive(Default)]
struct Got {
    polls: usize,
    worst: Option<(Outcome, String)>,
    last: Option<(Outcome, String)>,
    /// By instance and metric, before scale, and the scale.
    values: HashMap<(String, String), (f64, u64, f64)>,
    facts: HashMap<(String, String), String>,
}

fn gather(polls: &[Poll]) -> Got {
    let mut got = Got { polls: polls.len(), ..Got::default() };
    for poll in polls {
        let said = (poll.outcome, poll.error.clone().unwrap_or_default());
        if !matches!(poll.outcome, Outcome::Ok | Outcome::Partial) {
            got.worst = Some(said.clone());
        }
        got.last = Some(said);
        for column in &poll.columns {
            for (at, instance) in column.instances.iter().enumerate() {
                let count = column.counts.get(at).map_or(0, |count| *count as u64);
                let gauge = column.gauges.get(at).copied().unwrap_or(0.0);
                let name = poll.instances[*instance as usize].clone();
                got.values.insert((name, column.metric.clone()), (gauge, count, column.scale));
            }
        }
        for fact in &poll.facts {
            got.facts.insert((fact.instance.clone(), fact.name.clone()), fact.value.clone());
        }
    }
    got
}

/// What is wrong with a port: nothing if it is right.
fn judge(index: &str, row: &HashMap<String, Cell>, got: &Got) -> Vec<String> {
    let found = got.facts.iter().find(|((_, name), value)| name == "if_index" && *value == index);
    let Some(((instance, _), _)) = found else { return vec!["missing".into()] };
    let mut wrong = Vec::new();
    let name = name_of(row, "x1").or_else(|| name_of(row, "f2"));
    let name = name.unwrap_or_else(|| format!("#{index}"));
    if !(*instance == name || instance.starts_with(&format!("{name} "))) {
        wrong.push(format!("name {instance:?}, not {name:?}"));
    }
    let alias = row.get("x18").filter(|(kind, _)| kind.starts_with('4')).map(|it| text(&it.1));
    let has = got.facts.get(&(instance.clone(), "if_alias".into())).cloned();
    if alias.is_some() && alias != has {
        wrong.push(format!("alias {has:?}, not {alias:?}"));
    }
    let value = |metric: &str| got.values.get(&(instance.clone(), metric.to_owned()));
    for (column, metric) in [("f7", "if_admin_status"), ("f8", "if_oper_status")] {
        let wanted = number(row, column).map(|it| it as f64);
        let has = value(metric).map(|it| it.0);
        if wanted != has {
            wrong.push(format!("{metric} {has:?}, not {wanted:?}"));
        }
    }
    // Whole Mbit/s below 10 Tbit/s, unless it is what ifSpeed says; else bit/s.
    let low = number(row, "f5").filter(|it| (0..=i128::from(u32::MAX)).contains(it));
    let high = number(row, "x15").filter(|it| (0..10_000_000).contains(it));
    let high = high.filter(|it| *it == 0 || (Some(*it) != low && Some(*it * 1_000) != low));
    let wanted = high.filter(|it| *it > 0).map(|it| it as f64 * 1e6);
    let wanted = wanted.or_else(|| low.map(|it| it as f64)).or_else(|| high.map(|it| it as f64));
    let has = value("if_speed_bps").map(|it| it.0 * it.2);
    if wanted != has {
        wrong.push(format!("speed {has:?}, not {wanted:?}"));
    }
    for (wide, narrow, metric) in [
        ("x6", "f10", "if_in_bps"),
        ("x10", "f16", "if_out_bps"),
        ("x7", "f11", "if_in_pps"),
        ("x11", "f17", "if_out_pps"),
        ("f14", "f14", "if_in_errors_pps"),
        ("f20", "f20", "if_out_errors_pps"),
        ("f13", "f13", "if_in_discards_pps"),
        ("f19", "f19", "if_out_discards_pps"),
    ] {
        let fits = |it: &i128| *it >= 0;
        let wanted = number(row, wide).filter(fits).or_else(|| number(row, narrow).filter(fits));
        let has = value(metric).map(|it| i128::from(it.1));
        if wanted != has {
            wrong.push(format!("{metric} {has:?}, not {wanted:?}"));
        }
    }
    wrong
}

/// The ports that another monitoring system reads from the walk.
#[derive(Default)]
struct Compared {
    all: usize,
    /// They have the name, alias, status and speed that we have.
    alike: usize,
    /// What it has is not what stands in IF-MIB, and what we have is: from other tables, or made
    /// anew from what it read.
    explained: usize,
    misses: Vec<String>,
}

fn compare(path: &Path, walk: &Wanted, got: &Got, compared: &mut Compared) {
    let expected = std::fs::read(path.with_extension("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    for port in expected["ports"].as_array().unwrap_or(&Vec::new()) {
        let index = port["ifIndex"].to_string();
        let Some(row) = walk.rows.get(&index) else { continue };
        compared.all += 1;
        let found = got.facts.iter().find(|((_, name), it)| name == "if_index" && **it == index);
        let Some(((instance, _), _)) = found else {
            compared.misses.push(format!("{} {index}: missing", path.display()));
            continue;
        };
        let said = |key: &str| port[key].as_str().unwrap_or_default().trim().to_owned();
        // It takes quotes and backslashes off, and shows octets of zero as dots.
        let bare = |text: &str| text.trim_matches(['\\', '"', '.', ' ']).to_owned();
        let same = |one: &str, other: &str| one == other || bare(one) == bare(other);
        let names = [said("ifName"), said("ifDescr"), format!("#{index}")];
        let named =
            names.iter().any(|it| same(instance, it) || instance.starts_with(&format!("{it} ")));
        let value = |metric: &str| got.values.get(&(instance.clone(), metric.to_owned()));
        let oper = value("if_oper_status").map_or(0.0, |it| it.0);
        let states =
            ["0", "up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"];
        let state = states.get(oper as usize).copied().unwrap_or_default();
        let stated = port["ifOperStatus"].is_null() || state == said("ifOperStatus");
        let speed = value("if_speed_bps").map_or(0.0, |it| it.0 * it.2);
        let speeds = port["ifSpeed"].as_f64().unwrap_or(0.0) == speed;
        let alias = got.facts.get(&(instance.clone(), "if_alias".into())).cloned();
        let alias = alias.unwrap_or_default();
        let aliased = same(&alias, &said("ifAlias")) || alias.is_empty();
        if named && stated && speeds && aliased {
            compared.alike += 1;
        } else {
            compared.explained += usize::from(judge(&index, row, got).is_empty());
            let of = path.file_stem().unwrap().to_string_lossy();
            let ours = format!("{of} {index}: {instance:?} {state} {speed} {alias:?}");
            compared.misses.push(format!("{ours}; {port}"));
        }
    }
}

fn lab_device(at: usize, path: PathBuf, port: u16) -> DeviceConfig {
    DeviceConfig {
        name: path.file_stem().unwrap().to_string_lossy().replace(char::is_whitespace, "_"),
        address: SocketAddrV4::new(Ipv4Addr::from(0x7f5a_0001 + at as u32), port),
        community: "lab-public".into(),
        content: Content::Walk { path, animate: false, lenient: true },
        location: String::new(),
        site: String::new(),
        profile: String::new(),
        serial: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_devices_are_polled_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let Some(walks) = captures(folder.path()) else { return };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(walks)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "snmprec"))
        .collect();
    paths.sort();
    let port = free_port();
    let devices: Vec<DeviceConfig> =
        paths.iter().enumerate().map(|(at, path)| lab_device(at, path.clone(), port)).collect();
    let names: Vec<String> = devices.iter().map(|it| it.name.clone()).collect();
    let lab = Lab::start(LabConfig { devices, ..LabConfig::default() }).unwrap();
    let world = World::start(PollerConfig::default());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    for entry in lab.inventory() {
        // Polled at once: it is new.
        world.add(Device {
            credential: Some(entry.community.clone()),
            interval_ms: 60_000,
            updated_at: now + 60_000,
            ..device(&entry.name, &entry.address.to_string(), entry.port, "auto")
        });
    }
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && names.iter().any(|name| world.polls(name).is_empty()) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    score(&paths, &names, &world);
    world.poller.stop().await;
    lab.stop();
}

fn score(paths: &[PathBuf], names: &[String], world: &World) {
    let (mut ports, mut right, mut silent) = (0, 0, Vec::new());
    let mut others = Compared::default();
    let mut partial = Vec::new();
    let mut worst: Vec<(usize, String)> = Vec::new();
    for (path, name) in paths.iter().zip(names) {
        let walk = wanted(path);
        let got = gather(&world.polls(name));
        if walk.any && (got.polls == 0 || got.worst.is_some()) {
            silent.push(format!("{name}: {:?} polls {}", got.worst, got.polls));
        }
        let mut misses = Vec::new();
        for (index, row) in &walk.rows {
            ports += 1;
            let wrong = judge(index, row, &got);
            if wrong.is_empty() {
                right += 1;
            } else {
                misses.push(format!("{index}: {}", wrong.join(", ")));
            }
        }
        if !misses.is_empty() {
            let first: Vec<String> = misses.iter().take(3).cloned().collect();
            let said =
                got.last.clone().map(|it| format!("{:?} {}", it.0, it.1)).unwrap_or_default();
            let text = format!(
                "{name}: {} of {}: {} ({said})",
                misses.len(),
                walk.rows.len(),
                first.join("; ")
            );
            worst.push((misses.len(), text));
        }
        compare(path, &walk, &got, &mut others);
        if let Some((Outcome::Partial, why)) = &got.last {
            partial.push(format!("{name}: {why}"));
        }
    }
    worst.sort_by(|a, b| b.cmp(a));
    println!("{right} of {ports} ports are there and right, {} devices silent", silent.len());
    let Compared { all, alike, explained, misses } = others;
    println!(
        "{alike} of {all} ports are as another monitoring system has them; of the others \
         {explained} are as the walk has them"
    );
    println!("{} devices gave a part: {partial:#?}", partial.len());
    worst.iter().take(25).for_each(|(_, text)| println!("  {text}"));
    if std::env::var_os("MISSES").is_some() {
        misses.iter().for_each(|text| println!("  unlike {text}"));
    }
    assert!(silent.is_empty(), "{silent:#?}");
    assert!(right as f64 >= ports as f64 * WANTED, "{right} of {ports}");
    let agreed = alike + explained;
    assert!(agreed as f64 >= all as f64 * WANTED, "{agreed} of {all}");
}

//! Every fault, seen by a client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Client, fleet, start};
use lab::codec::tag;
use lab::ledger::Outcome;
use lab::{Content, Fault, FaultError, Lab, LabConfig, LedgerConfig, Make, ScriptEvent};

const UP_TIME: &str = "1.3.6.1.2.1.1.3.0";
const NAME: &str = "1.3.6.1.2.1.1.5.0";
const IN_OCTETS: &str = "1.3.6.1.2.1.31.1.1.1.6";
const DISCONTINUITY: &str = "1.3.6.1.2.1.31.1.1.1.19";
const DEVICE: &str = "fleet-00000";

struct Trial {
    lab: Lab,
    client: Client,
    other: Client,
}

/// Two devices with four interfaces; the clients speak to the first and the second.
fn trial() -> Trial {
    let config = fleet(2, 4);
    let [client, other] = [0, 1].map(|at| Client::new(config.devices[at].address));
    Trial { lab: start(config), client, other }
}

impl Trial {
    fn inject(&self, fault: Fault) {
        self.lab.inject(DEVICE, fault).unwrap();
    }

    fn octets(&mut self, index: u32) -> u64 {
        self.client.get(&format!("{IN_OCTETS}.{index}")).unwrap().number()
    }

    /// Octets a second over `lasting_ms`.
    fn rate(&mut self, index: u32, lasting_ms: u64) -> f64 {
        let (from, start) = (self.octets(index), Instant::now());
        std::thread::sleep(Duration::from_millis(lasting_ms));
        (self.octets(index) - from) as f64 / start.elapsed().as_secs_f64()
    }

    /// That the other device is as it should be.
    fn check_other(&mut self) {
        let start = Instant::now();
        assert_eq!(self.other.get(NAME).unwrap().text(), "fleet-00001");
        assert!(start.elapsed() < Duration::from_millis(400));
    }
}

fn sleep_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

#[test]
fn slow_delays_one_device_only() {
    let mut trial = trial();
    trial.inject(Fault::Slow { delay_ms: 500, jitter_ms: 50 });
    let start = Instant::now();
    let sent = trial.client.send(tag::GET, (0, 0), &[NAME]);
    trial.check_other();
    assert!(start.elapsed() < Duration::from_millis(500), "the other waited too");
    assert_eq!(trial.client.receive().unwrap().unwrap().request_id, sent);
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
    trial.inject(Fault::Clear);
    let start = Instant::now();
    trial.client.get(NAME).unwrap();
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[test]
fn late_answers_come_after_later_ones() {
    let mut trial = trial();
    trial.inject(Fault::Late { delay_ms: 100, permille: 1000 });
    let first = trial.client.send(tag::GET, (0, 0), &[NAME]);
    sleep_ms(20);
    trial.inject(Fault::Clear);
    let second = trial.client.send(tag::GET, (0, 0), &[NAME]);
    let came = [(); 2].map(|()| trial.client.receive().unwrap().unwrap().request_id);
    assert_eq!(came, [second, first]);
}

#[test]
fn dead_is_silent_until_alive() {
    let mut trial = trial();
    trial.inject(Fault::Dead);
    assert!(trial.client.get(NAME).is_none());
    trial.check_other();
    trial.inject(Fault::Alive);
    assert!(trial.client.get(NAME).is_some());
    trial.lab.inject_for(DEVICE, Fault::Dead, Duration::from_millis(350)).unwrap();
    assert!(trial.client.get(NAME).is_none());
    sleep_ms(100);
    assert!(trial.client.get(NAME).is_some());
    assert_eq!(trial.lab.stats().swallowed, 2);
}

#[test]
fn loss_drops_its_share_and_the_ledger_knows() {
    let mut trial = trial();
    trial.inject(Fault::Loss { permille: 500 });
    let asked = 400;
    for _ in 0..asked {
        trial.client.send(tag::GET, (0, 0), &[lab::SERIAL_OID]);
    }
    let mut came = 0;
    while trial.client.receive().is_some() {
        came += 1;
    }
    assert!((130..270).contains(&came), "{came}");
    let entries = trial.lab.ledger_entries();
    let usable = entries.iter().filter(|entry| entry.outcome.usable()).count();
    assert_eq!((entries.len(), usable), (asked, came));
    assert!(entries.iter().all(|entry| matches!(entry.outcome, Outcome::Sent | Outcome::Lost)));
}

#[test]
fn a_reboot_starts_uptime_and_counters_anew() {
    let mut trial = trial();
    let before = trial.octets(1);
    assert!(trial.client.get(UP_TIME).unwrap().number() > 100 * 86_400);
    trial.inject(Fault::Reboot { down_ms: 350 });
    assert!(trial.client.get(UP_TIME).is_none());
    sleep_ms(300);
    let up = trial.client.get(UP_TIME).unwrap().number();
    assert!(up < 200, "{up}");
    let after = trial.octets(1);
    // At most two seconds of a gigabit.
    assert!(after < before && after < 250_000_000, "{after}");
    assert!(trial.rate(1, 200) > 1.0e6);
    assert_eq!(trial.client.get(&format!("{DISCONTINUITY}.1")).unwrap().number(), 0);
}

#[test]
fn a_counter_reset_leaves_the_uptime() {
    let mut trial = trial();
    trial.inject(Fault::CounterReset { announced: false });
    assert!(trial.octets(1) < 250_000_000);
    assert_eq!(trial.client.get(&format!("{DISCONTINUITY}.1")).unwrap().number(), 0);
    trial.inject(Fault::CounterReset { announced: true });
    let up = trial.client.get(UP_TIME).unwrap().number();
    assert!(up > 100 * 86_400);
    let at = trial.client.get(&format!("{DISCONTINUITY}.1")).unwrap().number();
    assert!(up - at < 100, "{up} {at}");
}

#[test]
fn renumbering_moves_names_with_their_counters() {
    let mut trial = trial();
    let names = |trial: &mut Trial| {
        (1..=4)
            .map(|at| trial.client.get(&format!("1.3.6.1.2.1.31.1.1.1.1.{at}")).unwrap().text())
            .collect::<Vec<_>>()
    };
    let before = names(&mut trial);
    let counters: Vec<u64> = (1..=4).map(|index| trial.octets(index)).collect();
    trial.inject(Fault::Renumber);
    let after = names(&mut trial);
    assert_ne!(before, after);
    for (slot, name) in after.iter().enumerate() {
        let old = before.iter().position(|other| other == name).unwrap();
        let now = trial.octets(slot as u32 + 1);
        assert!((counters[old]..counters[old] + 1_000_000_000).contains(&now), "{name}");
        let index = trial.client.get(&format!("1.3.6.1.2.1.2.2.1.1.{}", slot + 1)).unwrap();
        assert_eq!(index.number(), slot as u64 + 1);
    }
}

#[test]
fn a_traffic_step_ends_and_counters_never_step() {
    let mut trial = trial();
    let calm = trial.rate(1, 300);
    let step = Fault::TrafficStep { instance: "ge-0/0/0".into(), factor: 3.0, for_ms: 1_500 };
    trial.inject(step);
    let busy = trial.rate(1, 400);
    let neighbour = trial.rate(2, 200);
    sleep_ms(1_000);
    let after = trial.rate(1, 300);
    assert!((2.7..3.3).contains(&(busy / calm)), "{calm} {busy}");
    assert!((0.9..1.1).contains(&(after / calm)), "{calm} {after}");
    assert!(neighbour / calm < 2.5, "{neighbour}");
    let huge = Fault::TrafficStep { instance: "*".into(), factor: 900.0, for_ms: 60_000 };
    trial.inject(huge);
    let most = trial.rate(1, 300);
    assert!(most < 0.97 * 125.0e6 && most > 2.0 * calm, "{most}");
}

#[test]
fn an_error_burst_raises_errors() {
    let mut trial = trial();
    let errors = "1.3.6.1.2.1.2.2.1.14.2";
    let before = trial.client.get(errors).unwrap().number();
    let instance = "ge-0/0/1".to_owned();
    trial.inject(Fault::ErrorBurst { instance, per_s: 1000.0, for_ms: 200 });
    sleep_ms(500);
    let after = trial.client.get(errors).unwrap().number();
    assert!((199..=202).contains(&(after - before)), "{before} {after}");
}

#[test]
fn a_link_goes_down_without_traffic_and_comes_up() {
    let mut trial = trial();
    let status = "1.3.6.1.2.1.2.2.1.8.1";
    assert_eq!(trial.client.get(status).unwrap().number(), 1);
    trial.inject(Fault::LinkDown { instance: "ge-0/0/0".into(), for_ms: None });
    assert_eq!(trial.client.get(status).unwrap().number(), 2);
    let up = trial.client.get(UP_TIME).unwrap().number();
    let change = trial.client.get("1.3.6.1.2.1.2.2.1.9.1").unwrap().number();
    assert!(up - change < 100, "{up} {change}");
    assert_eq!(trial.rate(1, 100), 0.0);
    trial.inject(Fault::LinkUp { instance: "ge-0/0/0".into() });
    assert!(trial.rate(1, 200) > 1.0e6);
    trial.inject(Fault::LinkDown { instance: "?".into(), for_ms: Some(100) });
    let down = |trial: &mut Trial| {
        let column = (1..=4).map(|at| format!("1.3.6.1.2.1.2.2.1.8.{at}")).collect::<Vec<_>>();
        column.iter().filter(|name| trial.client.get(name).unwrap().number() == 2).count()
    };
    assert_eq!(down(&mut trial), 1);
    sleep_ms(150);
    assert_eq!(down(&mut trial), 0);
}

#[test]
fn wrong_ids_garbage_and_cut_answers() {
    let mut trial = trial();
    trial.inject(Fault::WrongRequestId { permille: 1000 });
    let sent = trial.client.send(tag::GET, (0, 0), &[NAME]);
    assert_ne!(trial.client.receive().unwrap().unwrap().request_id, sent);
    trial.inject(Fault::Clear);
    for fault in [Fault::Truncated { permille: 1000 }, Fault::Garbage { permille: 1000 }] {
        trial.inject(fault);
        for _ in 0..20 {
            trial.client.send(tag::GET, (0, 0), &[NAME, UP_TIME, lab::SERIAL_OID]);
            let read = trial.client.receive().unwrap();
            assert!(read.is_err() || read.unwrap().values.len() < 3);
        }
        trial.inject(Fault::Clear);
    }
    trial.check_other();
    assert!(trial.client.get(NAME).is_some());
    assert_eq!(trial.lab.stats().broken, 41);
    let entries = trial.lab.ledger_entries();
    assert_eq!(entries.iter().filter(|entry| entry.outcome == Outcome::Broken).count(), 40);
}

#[test]
fn duplicates_carry_one_serial() {
    let mut trial = trial();
    trial.inject(Fault::Duplicate { permille: 1000 });
    trial.client.send(tag::GET, (0, 0), &[lab::SERIAL_OID]);
    let [first, second] = [(); 2].map(|()| trial.client.receive().unwrap().unwrap());
    assert_eq!(first.values, second.values);
    let entries = trial.lab.ledger_entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].outcome, Outcome::Twice);
    assert_eq!(entries[0].serial, first.values[0].number());
}

#[test]
fn light_drifts_and_heals() {
    let mut config = fleet(1, 3);
    let Content::Generated { make, .. } = &mut config.devices[0].content else { panic!() };
    *make = Make::Optical;
    let mut client = Client::new(config.devices[0].address);
    let lab = start(config);
    let table = "1.3.6.1.4.1.6141.2.60.4.1.1.1.1";
    let mut dbm = |port: u32, column: u32| {
        client.get(&format!("{table}.{column}.{port}")).unwrap().signed() as f64 / 10_000.0
    };
    let (before, sent) = (dbm(2, 105), dbm(2, 106));
    assert!((-11.0..-3.0).contains(&before), "{before}");
    assert!((-2.0..1.5).contains(&sent), "{sent}");
    let microwatt = dbm(2, 19) * 10_000.0;
    assert!((10.0 * (microwatt / 1000.0).log10() - before).abs() < 0.05, "{microwatt} {before}");
    let drift = Fault::OpticalDrift { db_per_s: -10.0, instance: Some("2".into()) };
    let neighbour = dbm(1, 105);
    lab.inject(DEVICE, drift).unwrap();
    sleep_ms(500);
    let (faded, still) = (dbm(2, 105), dbm(1, 105));
    assert!((4.0..7.5).contains(&(before - faded)), "{before} {faded}");
    assert!((still - neighbour).abs() < 0.3);
    assert_eq!(dbm(2, 28) * 10_000.0, 2.0);
    lab.inject(DEVICE, Fault::OpticalHeal).unwrap();
    assert!((dbm(2, 105) - before).abs() < 0.3);
    let far = Fault::OpticalDrift { db_per_s: -100.0, instance: None };
    lab.inject_for(DEVICE, far, Duration::from_millis(700)).unwrap();
    sleep_ms(500);
    assert_eq!((dbm(1, 105), dbm(1, 19), dbm(1, 28) * 10_000.0), (-40.0, 0.0, 1.0));
    sleep_ms(250);
    assert!((dbm(1, 105) - neighbour).abs() < 0.3);
}

#[test]
fn impossible_faults_name_what_exists() {
    let trial = trial();
    let unknown = trial.lab.inject("nobody", Fault::Dead).unwrap_err().to_string();
    assert_eq!(unknown, "no device matches `nobody`; there are fleet-00000, fleet-00001");
    let link = Fault::LinkUp { instance: "eth7".into() };
    let unknown = trial.lab.inject(DEVICE, link).unwrap_err().to_string();
    assert!(unknown.contains("has no instance `eth7`; it has ge-0/0/0, "), "{unknown}");
    let loss = trial.lab.inject("*", Fault::Loss { permille: 2000 }).unwrap_err();
    assert!(matches!(loss, FaultError::Range { field: "permille", .. }));
    let light = Fault::OpticalDrift { db_per_s: 1.0, instance: None };
    assert!(matches!(trial.lab.inject(DEVICE, light), Err(FaultError::NoInstance { .. })));
}

#[test]
fn a_script_repeats_and_picks() {
    let mut config = fleet(3, 1);
    let mut clients: Vec<Client> =
        config.devices.iter().map(|device| Client::new(device.address)).collect();
    let event = |at_ms, device: &str| ScriptEvent {
        at_ms,
        every_ms: Some(200),
        device: device.into(),
        fault: Fault::Reboot { down_ms: 0 },
        for_ms: None,
    };
    config.script = vec![event(100, "fleet-00001"), event(60_000, "?")];
    let lab = start(config.clone());
    sleep_ms(700);
    let mut ups = clients.iter_mut().map(|client| client.get(UP_TIME).unwrap().number());
    assert!(ups.next().unwrap() > 1_000_000);
    assert!(ups.next().unwrap() < 25);
    assert!(ups.next().unwrap() > 1_000_000);
    lab.stop();
    config.script[1].device = "missing-*".into();
    let error = Lab::start(config).unwrap_err().to_string();
    assert!(error.starts_with("script event 2 (from 1): no device matches `missing-*`"), "{error}");
}

#[test]
fn what_faults_changed_outlasts_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = LabConfig {
        state_path: Some(folder.path().join("lab.state")),
        ledger: LedgerConfig::File { path: folder.path().join("ledger"), max_bytes: 1 << 20 },
        ..fleet(2, 4)
    };
    let mut client = Client::new(config.devices[0].address);
    let mut other = Client::new(config.devices[1].address);
    let octets = format!("{IN_OCTETS}.1");
    let lab = start(config.clone());
    lab.inject(DEVICE, Fault::Reboot { down_ms: 0 }).unwrap();
    lab.inject(DEVICE, Fault::Renumber).unwrap();
    let step = Fault::TrafficStep { instance: "*".into(), factor: 2.0, for_ms: 60_000 };
    lab.inject(DEVICE, step).unwrap();
    sleep_ms(200);
    let name = client.get("1.3.6.1.2.1.31.1.1.1.1.1").unwrap();
    let (before, calm) = (client.get(&octets).unwrap().number(), other.get(&octets).unwrap());
    let serial = client.get(lab::SERIAL_OID).unwrap().number();
    lab.stop();
    let _lab = start(config);
    let after = client.get(&octets).unwrap().number();
    assert!((before..before + 250_000_000).contains(&after), "{before} {after}");
    let calm_after = other.get(&octets).unwrap().number();
    let grown = calm_after - calm.number();
    assert!(grown < 250_000_000, "{grown}");
    assert_eq!(client.get("1.3.6.1.2.1.31.1.1.1.1.1").unwrap(), name);
    assert!(client.get(UP_TIME).unwrap().number() < 500);
    assert_eq!(client.get(lab::SERIAL_OID).unwrap().number(), serial + 1);
}

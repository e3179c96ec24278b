use schemas::{DeviceId, Kind};

use super::*;

fn poll(connector: &str, cycle: i64, outcome: Outcome, loss: Option<f64>) -> Poll {
    let columns = loss.map(|loss| Column {
        metric: "icmp_loss_percent".to_owned(),
        unit: "%".to_owned(),
        kind: Kind::Gauge,
        scale: 1.0,
        ceiling: None,
        detect: true,
        quantum: 0.0,
        instances: vec![0],
        at_ms: vec![0],
        counts: vec![],
        gauges: vec![loss],
    });
    Poll {
        tenant: "default".to_owned(),
        device: DeviceId::from_source("test", "a"),
        connector: connector.to_owned(),
        cycle,
        part: 0,
        parts: 1,
        interval_ms: 10_000,
        started_at: cycle * 10_000,
        mono_ms: cycle * 10_000,
        poller: "p".to_owned(),
        duration_ms: 5,
        outcome,
        error: (outcome != Outcome::Ok).then(|| "credential lab-v2c".to_owned()),
        uptime_cs: None,
        instances: vec![String::new()],
        columns: columns.into_iter().collect(),
        facts: vec![],
        identities: Vec::new(),
        target: 0,
    }
}

/// One cycle a letter pair, SNMP then ping: `.` no poll, `o` ok, `p` partial or lossy,
/// `x` no answer, `n` not permitted, `c` no credential, `s` skipped. Expected are the changes:
/// cycle, state, a word of the reason.
fn check(cycles: &str, expected: &[(i64, Availability, &str)]) {
    let mut watch = Watch::default();
    let mut changes = Vec::new();
    for (cycle, pair) in cycles.split_whitespace().enumerate() {
        let cycle = cycle as i64;
        for (connector, sign) in ["snmp", "icmp"].iter().zip(pair.chars()) {
            let outcome = match (sign, *connector) {
                ('o', _) | ('p', "icmp") => Outcome::Ok,
                ('p', _) => Outcome::Partial,
                ('x', _) => Outcome::Timeout,
                ('n', _) => Outcome::NotPermitted,
                ('c', _) => Outcome::NoCredential,
                ('s', _) => Outcome::Skipped,
                _ => continue,
            };
            let loss = (*connector == "icmp").then_some(if sign == 'p' { 40.0 } else { 0.0 });
            let record = poll(connector, cycle, outcome, loss);
            if let Some(changed) = watch.poll(&record, cycle * 10_000, false) {
                changes.push((cycle, changed));
            }
        }
        if pair == ".."
            && let Some(changed) = watch.tick(cycle * 10_000)
        {
            changes.push((cycle, changed));
        }
    }
    let seen: Vec<_> =
        changes.iter().map(|(cycle, one)| (*cycle, one.state, one.reason.as_str())).collect();
    assert_eq!(seen.len(), expected.len(), "{cycles}: {seen:?}");
    for ((cycle, state, reason), (at, wanted, word)) in seen.iter().zip(expected) {
        assert_eq!((cycle, state), (at, wanted), "{cycles}: {seen:?}");
        assert!(reason.contains(word), "{cycles}: {reason:?} lacks {word:?}");
    }
}

#[test]
fn states_follow_the_evidence() {
    use Availability::{Degraded, Down, Unknown, Up};
    check("oo oo oo", &[(0, Up, "answers")]);
    // A single failure moves nothing.
    check("oo xo oo ox oo xx oo", &[(0, Up, "answers")]);
    check("oo xx xx xx oo", &[(0, Up, ""), (2, Down, "neither SNMP nor ping"), (4, Up, "")]);
    check(
        "oo xo xo xo oo",
        &[
            (0, Up, ""),
            (2, Degraded, "SNMP times out while ping answers: check the community"),
            (4, Up, ""),
        ],
    );
    check("oo xo xo", &[(0, Up, ""), (2, Degraded, "lab-v2c")]);
    check("oo xo xo xx xx", &[(0, Up, ""), (2, Degraded, "SNMP"), (4, Down, "neither")]);
    check("oo po po oo oo", &[(0, Up, ""), (2, Degraded, "in part"), (4, Up, "")]);
    check("oo op op oo oo", &[(0, Up, ""), (2, Degraded, "pings are lost"), (4, Up, "")]);
    check("oo ox ox ox", &[(0, Up, ""), (2, Degraded, "while SNMP answers")]);
    // Ping that never came through is a filter, not a fault.
    check("ox ox ox ox", &[(0, Up, "answers")]);
    // Not permitted says nothing about the device.
    check("on on xn xn xn", &[(0, Up, ""), (4, Down, "ping is not measured")]);
    check(".n .n", &[(0, Unknown, "may not send pings")]);
    check("cn cn", &[(0, Unknown, "credential")]);
    check("co co", &[(0, Unknown, "credential"), (0, Degraded, "credential")]);
    check("cx cx cx", &[(0, Unknown, "credential"), (2, Down, "ping does not answer")]);
    // One protocol alone is believed later.
    check("o. x. x. x. o.", &[(0, Up, ""), (3, Down, "SNMP does not answer"), (4, Up, "")]);
    check("xx xx", &[(1, Down, "neither")]);
    check("ss ss", &[(0, Unknown, "not polled yet")]);
    // Silence: suspected after two intervals, published one later; then everything starts anew.
    check("oo .. .. .. .. oo", &[(0, Up, ""), (3, Unknown, "no poller"), (5, Up, "")]);
    check("oo .. .. .. xx xx", &[(0, Up, ""), (3, Unknown, "no poller"), (5, Down, "neither")]);
    check("oo .. .. oo .. .. oo", &[(0, Up, "")]);
}

#[test]
fn since_is_when_it_began() {
    let mut watch = Watch::default();
    let mut last = None;
    for (cycle, outcome) in
        [(0, Outcome::Ok), (1, Outcome::Timeout), (2, Outcome::Timeout), (3, Outcome::Timeout)]
    {
        for connector in ["icmp", "snmp"] {
            let record = poll(connector, cycle, outcome, None);
            last = watch.poll(&record, cycle * 10_000, false).or(last);
        }
    }
    let last = last.unwrap();
    assert_eq!((last.state, last.since), (Availability::Down, 10_000));
}

#[test]
fn the_inventory_disables_and_enables() {
    let control = |enabled| Control {
        tenant: "default".to_owned(),
        device: DeviceId::from_source("test", "a"),
        name: "a".to_owned(),
        present: true,
        enabled,
        snmp: true,
        icmp: true,
        interval_ms: 10_000,
        at: 5,
    };
    let mut watch = Watch::default();
    assert!(watch.control(&control(true), 5).unwrap().reason.contains("not polled yet"));
    assert!(watch.control(&control(true), 5).is_none());
    assert!(watch.control(&control(false), 5).unwrap().reason.contains("disabled"));
    assert!(watch.poll(&poll("snmp", 1, Outcome::Ok, None), 10_000, false).is_none());
    assert_eq!(watch.wake_at(), None);
    assert!(watch.control(&control(true), 5).unwrap().reason.contains("not polled yet"));
    let up = watch.poll(&poll("snmp", 2, Outcome::Ok, None), 20_000, false).unwrap();
    assert_eq!(up.state, Availability::Up);
}

#[test]
fn a_jump_of_the_ticks_alone_makes_nobody_unknown() {
    let mut watch = Watch::default();
    watch.poll(&poll("snmp", 1, Outcome::Ok, None), 10_000, false);
    assert!(watch.tick(3_600_000).is_none());
    assert!(watch.poll(&poll("snmp", 2, Outcome::Ok, None), 3_610_000, false).is_none());
    assert!(watch.tick(3_615_000).is_none());
}

#[test]
fn what_others_say_of_a_device_is_no_answer_of_it() {
    let mut watch = Watch::default();
    let control = |snmp, icmp| Control {
        tenant: "default".into(),
        device: poll("snmp", 0, Outcome::Ok, None).device,
        name: "d".into(),
        present: true,
        enabled: true,
        snmp,
        icmp,
        interval_ms: 10_000,
        at: 0,
    };
    watch.control(&control(true, true), 0);
    for cycle in 1..=4 {
        let at = cycle * 10_000;
        watch.poll(&poll("mcp", cycle, Outcome::Ok, None), at, false);
        watch.poll(&poll("snmp", cycle, Outcome::Timeout, None), at, false);
        watch.poll(&poll("icmp", cycle, Outcome::Ok, Some(100.0)), at, false);
    }
    assert_eq!(watch.last_published().unwrap().state, Availability::Down);
}

//! What odd devices answered, from public reports, and what is right: state and texts. The rates are
//! in `cases.rs`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::wildcard_enum_match_arm, clippy::panic)]

mod common;
mod ports;

use common::{START, Sink, poll, run};
use ports::{Port, Seen, Watched, gbit, port};
use processors::{DeviceState, Output};
use schemas::{Availability, DeviceInput, GapReason, Outcome};

#[test]
fn case_14_ports_whose_rows_are_gone_are_not_present() {
    let mut lab = Watched::new();
    let four = |count: u8, octets| -> Vec<Port> {
        let names = ["a", "b", "c", "d"];
        let row = |at: u8| Port { octets, ..port(names[usize::from(at)], at + 1, gbit(1.0)) };
        (0..count).map(row).collect()
    };
    lab.poll(&four(4, 1_000));
    lab.poll(&four(4, 2_000));
    lab.poll(&four(2, 3_000));
    assert_eq!(lab.last_state("d"), 1.0, "one poll may be an accident");
    lab.poll(&four(2, 4_000));
    for name in ["c", "d"] {
        assert_eq!(lab.last_state(name), 6.0);
        assert_eq!(*lab.of("if_in_bps", name).last().unwrap(), Seen::Gap(GapReason::NotPresent));
    }
    assert_eq!(lab.last_state("a"), 1.0);
    let before = lab.of("if_in_bps", "d").len();
    lab.poll(&four(2, 5_000));
    assert_eq!(lab.of("if_in_bps", "d").len(), before, "said once");
    // They come back: no rate over the hole.
    lab.poll(&four(4, 9_000_000));
    assert_eq!(lab.last_state("d"), 1.0);
    assert_eq!(*lab.of("if_in_bps", "d").last().unwrap(), Seen::Gap(GapReason::First));
    // All of them gone, and a poll that read nothing at all.
    lab.outcome = Outcome::Partial;
    lab.poll(&[]);
    lab.poll(&[]);
    assert_eq!(lab.last_state("a"), 1.0, "a table that was not read says nothing");
    lab.outcome = Outcome::Ok;
    lab.poll(&[]);
    lab.poll(&[]);
    assert_eq!(lab.last_state("a"), 6.0);
}

#[test]
fn case_15_answers_lost_again_and_again_are_degraded() {
    let mut state = DeviceState::default();
    let mut sink = Sink::default();
    for cycle in 0..52 {
        for connector in ["icmp", "snmp"] {
            let mut record = poll(connector, cycle, 10_000);
            if cycle % 2 == 1 {
                record.outcome = Outcome::Timeout;
                record.uptime_cs = None;
            }
            let outputs = run(&mut state, &[DeviceInput::Poll(Box::new(record))]).outputs;
            sink.outputs.extend(outputs);
        }
    }
    let statuses = sink.statuses();
    let last = statuses.last().unwrap();
    assert_eq!(last.state, Availability::Degraded);
    assert!(last.reason.contains("7 of the last 14 polls"), "{}", last.reason);
    let states: Vec<Availability> = statuses.iter().map(|it| it.state).collect();
    assert_eq!(states[..2], [Availability::Up, Availability::Degraded]);
    assert!(statuses[1..].iter().all(|it| it.since == statuses[1].since), "one state");
    // Steady again: up.
    let mut after = Vec::new();
    for cycle in 52..75 {
        for connector in ["icmp", "snmp"] {
            let record = poll(connector, cycle, 10_000);
            let sink = run(&mut state, &[DeviceInput::Poll(Box::new(record))]);
            after.extend(sink.statuses().into_iter().map(|it| it.state));
        }
    }
    assert_eq!(after.last(), Some(&Availability::Up));
}

#[test]
fn case_16_the_texts_of_20_000_ports_come_in_parts() {
    let mut state = DeviceState::default();
    let mut record = poll("snmp", 1, 60_000);
    record.parts = 2;
    for n in 0..20_000 {
        for (name, value) in [("if_alias", "x".repeat(65)), ("if_index", n.to_string())] {
            let instance = format!("TenGigE0/{n:06}");
            record.facts.push(schemas::Fact { instance, name: name.to_owned(), value });
        }
    }
    let mut second = record.clone();
    second.part = 1;
    second.facts = record.facts.split_off(30_000);
    let facts = |sink: Sink| -> Vec<schemas::DeviceFacts> {
        let all = sink.outputs.into_iter();
        all.filter_map(|it| if let Output::Facts(it) = it { Some(it) } else { None }).collect()
    };
    assert!(facts(run(&mut state, &[DeviceInput::Poll(Box::new(record))])).is_empty());
    let sent = facts(run(&mut state, &[DeviceInput::Poll(Box::new(second))]));
    assert!(sent.len() > 1);
    assert_eq!(sent.iter().map(|it| it.facts.len()).sum::<usize>(), 40_000);
    for (part, one) in sent.iter().enumerate() {
        assert_eq!((one.part, one.parts), (part as i32, sent.len() as i32));
        assert!(schemas::encode(one).unwrap().len() < 900_000);
    }
}

#[test]
fn case_21_a_device_that_answers_without_ports_is_up() {
    let mut state = DeviceState::default();
    let mut record = poll("snmp", 1, 10_000);
    record.uptime_cs = None;
    let sink = run(&mut state, &[DeviceInput::Poll(Box::new(record))]);
    assert_eq!(sink.statuses()[0].state, Availability::Up);
    let answered = sink.outputs.iter().any(
        |it| matches!(it, Output::Metric(batch) if batch.answered && batch.at == START + 10_000),
    );
    assert!(answered, "when it answered last is known");
}

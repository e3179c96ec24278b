//! The chain from records to records, case by case.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::wildcard_enum_match_arm, clippy::panic)]

mod common;

use common::{START, Sink, column, control, poll, reborn, run, save, step_all, tick};
use processors::{DeviceChain, DeviceState, DropReason, Next, Output, Processor, Sections};
use schemas::{
    Anomaly, Availability, Column, DeviceInput, Fact, GapReason, Kind, Outcome, Poll, SampleFlags,
    SeriesId, Transition,
};

fn input(record: Poll) -> DeviceInput {
    DeviceInput::Poll(Box::new(record))
}

fn with(cycle: i64, columns: Vec<Column>) -> Poll {
    let mut record = poll("snmp", cycle, 10_000);
    record.instances = vec!["eth0".to_owned(), "eth1".to_owned()];
    record.columns = columns;
    record
}

fn octets(cycle: i64, kind: Kind, count: i64) -> Poll {
    let mut one = column("if_in_bps", kind, vec![count], vec![]);
    one.scale = 8.0;
    with(cycle, vec![one])
}

fn gaps(sink: &Sink) -> Vec<GapReason> {
    let batches = sink.outputs.iter().filter_map(|output| match output {
        Output::Metric(batch) => Some(batch),
        _ => None,
    });
    batches.flat_map(|batch| batch.gaps.iter().map(|gap| gap.reason)).collect()
}

#[test]
fn a_counter_becomes_a_rate_and_a_series() {
    let mut state = DeviceState::default();
    let first = run(&mut state, &[input(octets(1, Kind::Counter64, 1_000))]);
    assert!(first.outputs.iter().any(|o| matches!(o, Output::Series(s)
        if s.metric == "if_in_bps" && s.instance == "eth0" && !s.state)));
    assert_eq!(gaps(&first), [GapReason::First]);
    let second = run(&mut state, &[input(octets(2, Kind::Counter64, 6_000))]);
    assert_eq!(second.samples()[0].1, START + 20_007);
    assert_eq!(second.samples()[0].2, 4_000.0);
    assert!(!second.outputs.iter().any(|o| matches!(o, Output::Series(_))));
}

#[test]
fn restarts_breaks_and_wraps_have_their_reasons() {
    let mut state = DeviceState::default();
    run(&mut state, &[input(octets(1, Kind::Counter32, 4_294_967_000))]);
    let wrapped = run(&mut state, &[input(octets(2, Kind::Counter32, 704))]);
    assert_eq!(wrapped.samples()[0].2, 800.0);
    assert!(wrapped.outputs.iter().any(|o| matches!(o, Output::Metric(batch)
        if batch.flags == [SampleFlags::WRAP])));
    let mut restarted = octets(3, Kind::Counter32, 9_000);
    restarted.uptime_cs = Some(5);
    assert_eq!(gaps(&run(&mut state, &[input(restarted)])), [GapReason::Reset]);
    let marker = |value| column("if_since", Kind::Discontinuity, vec![value], vec![]);
    // The marker counts wherever it stands in the poll.
    for (cycle, value, reasons) in
        [(4, 1, vec![]), (5, 1, vec![]), (6, 2, vec![GapReason::Discontinuity]), (7, 2, vec![])]
    {
        let mut record = octets(cycle, Kind::Counter32, 9_000 + cycle);
        record.uptime_cs = Some(cycle * 1_000);
        record.columns.push(marker(value));
        assert_eq!(gaps(&run(&mut state, &[input(record)])), reasons, "cycle {cycle}");
    }
}

#[test]
fn the_ceiling_is_the_ports_speed_of_the_same_poll() {
    let mut state = DeviceState::default();
    let at = |cycle, count, speed| {
        let mut record = octets(cycle, Kind::Counter64, count);
        record.columns[0].ceiling = Some("if_speed_bps".to_owned());
        record.columns.push(column("if_speed_bps", Kind::State, vec![], vec![speed]));
        input(record)
    };
    run(&mut state, &[at(1, 0, 1e6)]);
    assert_eq!(gaps(&run(&mut state, &[at(2, 2_000_000, 1e6)])), [GapReason::Implausible]);
    assert!(gaps(&run(&mut state, &[at(3, 4_000_000, 1e7)])).is_empty());
    assert!(gaps(&run(&mut state, &[at(4, 6_000_000, 0.0)])).is_empty());
}

#[test]
fn a_state_is_sent_on_change_and_once_an_hour() {
    let mut state = DeviceState::default();
    let mut seen = Vec::new();
    for cycle in 0..720 {
        let value = if cycle < 100 { 1.0 } else { 2.0 };
        let one = column("if_oper_status", Kind::State, vec![], vec![value]);
        let sink = run(&mut state, &[input(with(cycle, vec![one]))]);
        for output in &sink.outputs {
            if let Output::Metric(batch) = output {
                // That nothing changed is an answer, too, and no sample.
                assert!(batch.answered);
                let flags = batch.flags.first().copied().unwrap_or(0);
                seen.extend(batch.values.first().map(|value| (cycle, *value, flags)));
            }
        }
    }
    assert_eq!(seen, [(0, 1.0, 0), (100, 2.0, 0), (360, 2.0, SampleFlags::REPEATED)]);
}

#[test]
fn drops_are_counted() {
    let mut state = DeviceState::default();
    let gauge = |cycle, value| {
        input(with(cycle, vec![column("temperature_c", Kind::Gauge, vec![], vec![value])]))
    };
    let mut sink = Sink::default();
    let mut old = with(900, vec![column("temperature_c", Kind::Gauge, vec![], vec![1.0])]);
    old.started_at = START - 3_700_000;
    let mut strange = poll("snmp", 1_000, 10_000);
    strange.started_at = i64::MIN;
    let mut other = poll("snmp", 1_001, 10_000);
    other.tenant = "other".to_owned();
    let inputs = [
        gauge(5, 1.0),
        gauge(5, 1.0),
        gauge(6, f64::NAN),
        gauge(7, 1.0),
        input(Poll { poller: "woken".to_owned(), ..poll("snmp", 6, 10_000) }),
        input(old),
        input(strange),
        input(other),
    ];
    step_all(&mut state, &inputs, &mut sink);
    let expected = [
        (DropReason::DuplicatePoll, 1),
        (DropReason::OldCycle, 1),
        (DropReason::AbsurdRecord, 2),
        (DropReason::LateSample, 1),
        (DropReason::NotFinite, 1),
    ];
    assert_eq!(sink.counts.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn facts_come_whole_when_one_changes() {
    let mut state = DeviceState::default();
    let with_name = |cycle, value: &str| {
        let mut record = poll("snmp", cycle, 10_000);
        let (instance, name) = (String::new(), "sys_name".to_owned());
        record.facts = vec![Fact { instance, name, value: value.to_owned() }];
        input(record)
    };
    let inputs = [with_name(1, "a"), with_name(2, "a"), with_name(3, "b")];
    let sink = run(&mut state, &inputs);
    let published: Vec<&str> = sink
        .outputs
        .iter()
        .filter_map(|o| match o {
            Output::Facts(facts) => Some(facts.facts[0].value.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(published, ["a", "b"]);
}

/// Temperatures: steady, then hot for a while from cycle 50 on.
fn temperature(cycle: i64, hot: bool) -> DeviceInput {
    let value = if hot { 90.0 } else { 40.0 + (cycle % 3) as f64 };
    input(with(cycle, vec![column("temperature_c", Kind::Gauge, vec![], vec![value])]))
}

#[test]
fn an_episode_has_one_onset_and_one_clear_and_missing_samples_are_none() {
    let mut state = DeviceState::default();
    let mut sink = Sink::default();
    step_all(&mut state, &[control(START, true)], &mut sink);
    for cycle in 0..400 {
        let record = match cycle {
            50..60 => temperature(cycle, true),
            60..200 => {
                let mut lost = poll("snmp", cycle, 10_000);
                lost.outcome = Outcome::Timeout;
                input(lost)
            }
            _ => temperature(cycle, false),
        };
        step_all(&mut state, &[record], &mut sink);
    }
    let seen: Vec<_> = sink.anomalies().iter().map(|a| (a.transition, a.at - START)).collect();
    assert_eq!(seen, [(Transition::Onset, 520_007), (Transition::Clear, 2_030_007)]);
    let (onset, clear) = (sink.anomalies()[0], sink.anomalies()[1]);
    assert_eq!(onset.id, clear.id);
    assert_eq!(onset.id, format!("{}-{}", onset.series, onset.onset_at));
    assert_eq!((onset.device_name.as_str(), onset.value), ("switch-1", 90.0));
    assert!(onset.lower < onset.expected && onset.expected < onset.upper && onset.upper < 90.0);
}

#[test]
fn a_new_level_is_accepted_after_a_day() {
    let mut state = DeviceState::default();
    let mut sink = Sink::default();
    for cycle in 0..9_000 {
        step_all(&mut state, &[temperature(cycle, cycle >= 50)], &mut sink);
    }
    let seen: Vec<_> = sink.anomalies().iter().map(|a| (a.transition, a.at - START)).collect();
    let day = 520_007 + 24 * 3_600_000;
    assert_eq!(seen, [(Transition::Onset, 520_007), (Transition::Clear, day)]);
}

#[test]
fn bands_come_with_closed_buckets_once_there_are_some() {
    let mut state = DeviceState::default();
    let mut sink = Sink::default();
    for cycle in 0..100 {
        step_all(&mut state, &[temperature(cycle, false)], &mut sink);
    }
    let bands: Vec<_> = sink
        .outputs
        .iter()
        .filter_map(|o| match o {
            Output::Baseline(band) => Some((band.bucket - START, band.expected[0].round())),
            _ => None,
        })
        .collect();
    assert_eq!(bands, [(0, 41.0), (300_000, 41.0), (600_000, 41.0)]);
}

#[test]
fn a_removed_device_leaves_nothing_open() {
    let mut state = DeviceState::default();
    let mut sink = Sink::default();
    for cycle in 0..55 {
        step_all(&mut state, &[temperature(cycle, cycle >= 50)], &mut sink);
    }
    assert_eq!(state.open_anomalies(), 1);
    let mut last = Sink::default();
    let chain = DeviceChain::default();
    let next = chain.step(&mut state, &control(START + 550_000, false), &mut last);
    assert_eq!(next, Next::Forget);
    assert_eq!(last.anomalies()[0].transition, Transition::Clear);
    assert_eq!(last.rollups().len(), 3, "the open buckets of three widths");
    assert_eq!(last.statuses()[0].state, Availability::Unknown);
    assert!(last.statuses()[0].reason.contains("removed"));
}

#[test]
fn who_is_in_no_inventory_is_forgotten_after_a_day_of_silence() {
    let mut state = DeviceState::default();
    run(&mut state, &[temperature(0, false)]);
    let chain = DeviceChain::default();
    let mut sink = Sink::default();
    let mut now = START;
    for _ in 0..10_000 {
        now += 60_000;
        if chain.step(&mut state, &tick(now), &mut sink) == Next::Forget {
            assert!(now - START >= 86_400_000);
            return;
        }
    }
    panic!("never forgotten");
}

#[test]
fn a_tick_that_is_not_due_changes_nothing() {
    let mut state = DeviceState::default();
    run(&mut state, &[temperature(0, false)]);
    let chain = DeviceChain::default();
    let mut before = Sections::new();
    save(&mut state, &mut before);
    let wake = chain.wake_at(&state).unwrap();
    run(&mut state, &[tick(wake - 1), tick(0)]);
    let mut after = before.clone();
    save(&mut state, &mut after);
    assert_eq!(before, after);
}

/// A gauge that jumps after it was learned; polls 1 to `last`.
fn jumping(last: i64) -> Vec<DeviceInput> {
    let value = |cycle: i64| if cycle > 40 { 900.0 } else { 50.0 + (cycle % 3) as f64 };
    let record =
        |cycle| with(cycle, vec![column("level", Kind::Gauge, vec![], vec![value(cycle)])]);
    (1..=last).map(|cycle| input(record(cycle))).collect()
}

#[test]
fn what_was_published_overrides_what_was_concluded() {
    let chain = DeviceChain::default();
    let mut state = DeviceState::default();
    let onset = run(&mut state, &jumping(45)).anomalies()[0].clone();
    assert_eq!(onset.transition, Transition::Onset);

    // Nothing was published: the episode is as if it had never been.
    let mut out = Sink::default();
    chain.reconcile(&mut state, &[], &mut out);
    assert_eq!((state.open_anomalies(), out.anomalies().len()), (0, 0));

    // An onset was published, of a series known and of one that this version does not have.
    let lost = Anomaly { id: "lost".into(), series: SeriesId(7), ..onset.clone() };
    chain.reconcile(&mut state, &[onset.clone(), lost], &mut out);
    assert_eq!(state.open_anomalies(), 1);
    let cleared: Vec<_> = out.anomalies().iter().map(|a| (a.id.clone(), a.transition)).collect();
    assert_eq!(cleared, [("lost".to_owned(), Transition::Clear)]);
    let gone = run(&mut state, &[control(START + 500_000, false)]);
    let ended: Vec<_> = gone.anomalies().iter().map(|a| (&a.id, a.transition)).collect();
    assert_eq!(ended, [(&onset.id, Transition::Clear)], "the episode that was published ends");
}

/// What the program wrote before rows had identities: 40 polls of two ports and two temperatures.
const OLDER: &str = include_str!("data/state-of-version-3.txt");

#[test]
fn a_state_of_an_older_version_goes_on_where_it_stood() {
    let section = |line: &str| {
        let (number, hex) = line.split_once(' ').unwrap();
        let octet = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (number.parse().unwrap(), (0..hex.len()).step_by(2).map(octet).collect())
    };
    let mut sections: Sections = OLDER.lines().map(section).collect();
    let mut state = DeviceChain::default().load(3, &sections).unwrap();
    assert_eq!(state.series_count(), 6);
    let at = |cycle: i64| {
        let mut record = with(
            cycle,
            vec![
                column(
                    "if_in_bps",
                    Kind::Counter64,
                    vec![1_000_000 * cycle, 2_000_000 * cycle],
                    vec![],
                ),
                column("if_oper_status", Kind::State, vec![], vec![1.0, 1.0]),
                column("temperature", Kind::Gauge, vec![], vec![40.0, 41.0]),
            ],
        );
        record.instances = vec!["ge-0/0/0".to_owned(), "ge-0/0/1".to_owned()];
        record
    };
    let sink = run(&mut state, &[input(at(40)), input(at(41))]);
    // Two rates and two temperatures of each poll; the states have not changed.
    let mut values: Vec<f64> = sink.samples().into_iter().map(|(.., value)| value).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [40.0, 40.0, 41.0, 41.0, 1e5, 1e5, 2e5, 2e5]);
    assert_eq!(gaps(&sink), []);
    assert!(!sink.outputs.iter().any(|it| matches!(it, Output::Series(_))), "none is new");
    let mut loaded = reborn(&mut state, &mut sections);
    let sink = run(&mut loaded, &[input(at(42))]);
    assert_eq!(sink.samples().len(), 4);
}

#[test]
fn series_that_are_left_out_are_said() {
    let mut state = DeviceState::default();
    let ports = processors::MAX_SERIES + 10;
    let mut record = poll("snmp", 1, 60_000);
    record.instances = (0..ports).map(|n| n.to_string()).collect();
    record.columns = vec![column("if_oper_status", Kind::State, vec![], vec![1.0; ports])];
    let said = |sink: &Sink| -> Vec<String> {
        let all = sink.outputs.iter().filter_map(|it| match it {
            Output::Facts(it) => Some(it.facts.iter()),
            _ => None,
        });
        all.flatten().map(|fact| format!("{}: {}", fact.name, fact.value)).collect()
    };
    let sink = run(&mut state, &[DeviceInput::Poll(Box::new(record.clone()))]);
    assert_eq!(sink.samples().len(), processors::MAX_SERIES);
    assert_eq!(sink.counted(DropReason::SeriesLimit), 10);
    let wanted = "series_limit: further series than 400000 (MAX_SERIES) are left out";
    assert_eq!(said(&sink), [wanted]);
    // Once, and names that come anew with each poll do not pile up.
    (record.cycle, record.started_at) = (2, record.started_at + 60_000);
    (record.mono_ms, record.uptime_cs) = (record.mono_ms + 60_000, None);
    record.instances = (0..ports).map(|n| format!("new {n}")).collect();
    let sink = run(&mut state, &[DeviceInput::Poll(Box::new(record))]);
    assert!(said(&sink).is_empty());
    assert_eq!(sink.counted(DropReason::SeriesLimit), ports);
}

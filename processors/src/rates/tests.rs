use schemas::{Outcome, Poll};

use super::*;

const TERMS: Terms = Terms {
    width: Width::Bits64,
    scale: 1.0,
    ceiling: 0.0,
    bounds_wraps: true,
    saturated: false,
    interval_ms: 10_000,
    least_ms: 1_000,
    most_ms: 35_000,
    uptime_known: true,
    renumbered: false,
    broken: GapReason::Discontinuity,
};

fn reading(raw: u64, line_ms: i64) -> Reading {
    Reading { raw, line_ms, restarts: 0, breaks: 0 }
}

fn check(before: Option<Reading>, now: Reading, terms: Terms, expected: Judged) {
    let before = before.unwrap();
    assert_eq!(judge(&before, &now, &terms, 0.0, 0), expected, "{before:?} {now:?} {terms:?}");
}

fn rate(value: f64) -> Judged {
    Judged::Rate { value, interval_ms: 10_000, wrapped: false }
}

fn wrap(value: f64) -> Judged {
    Judged::Rate { value, interval_ms: 10_000, wrapped: true }
}

fn gap(reason: GapReason) -> Judged {
    Judged::Gap(reason)
}

#[test]
fn wrap_reset_gap_and_clamp_are_distinguished() {
    let old = Some(reading(1_000, 0));
    let wide = TERMS;
    check(old, reading(6_000, 10_000), wide, rate(500.0));
    check(old, reading(1_000, 10_000), wide, rate(0.0));
    check(old, reading(999, 10_000), wide, Judged::Backwards);
    check(Some(reading(u64::MAX, 0)), reading(5, 10_000), wide, Judged::Backwards);
    check(old, reading(6_000, 10_000), Terms { scale: 8.0, ..wide }, rate(4_000.0));

    // The device restarted, or the agent says the counters did, whatever the values.
    check(old, Reading { restarts: 1, ..reading(6_000, 10_000) }, wide, gap(GapReason::Reset));
    let broken = Reading { breaks: 1, ..reading(6_000, 10_000) };
    check(old, broken, wide, gap(GapReason::Discontinuity));

    // Three missed polls are a hole; two with jitter are not.
    check(old, reading(6_000, 36_000), wide, gap(GapReason::Gap));
    assert!(matches!(
        judge(&reading(1_000, 0), &reading(6_000, 34_000), &wide, 0.0, 0),
        Judged::Rate { interval_ms: 34_000, .. }
    ));
    check(old, reading(6_000, 900), wide, Judged::TooClose);
    check(old, reading(6_000, -10_000), wide, Judged::TooClose);

    // The ceiling has a quarter of tolerance; none known is none.
    let port = Terms { ceiling: 1_000.0, ..wide };
    check(old, reading(13_000, 10_000), port, rate(1_200.0));
    check(
        old,
        reading(14_000, 10_000),
        port,
        Judged::TooMuch { value: 1_300.0, interval_ms: 10_000 },
    );
    check(old, reading(14_000, 10_000), wide, rate(1_300.0));
}

#[test]
fn a_32_bit_decrease_is_a_wrap_only_when_it_can_be() {
    let old = Some(reading(u64::from(u32::MAX) - 999, 0));
    let narrow = Terms { width: Width::Bits32, ..TERMS };
    check(old, reading(4_000, 10_000), narrow, wrap(500.0));
    let port = Terms { ceiling: 600.0, ..narrow };
    check(old, reading(4_000, 10_000), port, wrap(500.0));
    let slow = Terms { ceiling: 300.0, ..narrow };
    check(old, reading(4_000, 10_000), slow, Judged::Backwards);
    // More than half the range without a ceiling, or no uptime to show a restart.
    check(Some(reading(1 << 30, 0)), reading(5, 10_000), narrow, Judged::Backwards);
    let mute = Terms { uptime_known: false, ..narrow };
    check(old, reading(4_000, 10_000), mute, Judged::Backwards);
    let restarted = Reading { restarts: 1, ..reading(4_000, 10_000) };
    check(old, restarted, port, gap(GapReason::Reset));
}

#[test]
fn no_rate_is_ever_nan_or_infinite() {
    let terms = Terms { scale: f64::INFINITY, ..TERMS };
    check(Some(reading(0, 0)), reading(0, 10_000), terms, gap(GapReason::Unknown));
    check(Some(reading(0, 0)), reading(9, 10_000), terms, gap(GapReason::Unknown));
    let terms = Terms { scale: f64::NAN, ..TERMS };
    check(Some(reading(0, 0)), reading(9, 10_000), terms, gap(GapReason::Unknown));
}

/// A poll: cycle, wall time, monotonic time, poller, uptime in seconds.
fn poll(cycle: i64, wall_s: i64, mono_s: i64, poller: &str, uptime_s: Option<i64>) -> Poll {
    Poll {
        tenant: "default".to_owned(),
        device: schemas::DeviceId::from_source("test", "a"),
        connector: "snmp".to_owned(),
        cycle,
        part: 0,
        parts: 1,
        interval_ms: 10_000,
        started_at: 1_700_000_000_000 + wall_s * 1_000,
        mono_ms: mono_s * 1_000,
        poller: poller.to_owned(),
        duration_ms: 5,
        outcome: Outcome::Ok,
        error: None,
        uptime_cs: uptime_s.map(|s| s * 100),
        instances: Vec::new(),
        columns: Vec::new(),
        facts: Vec::new(),
        identities: Vec::new(),
        target: 0,
    }
}

/// Two polls: how the second's slot is judged, what time passed, and whether it restarted.
fn pass(first: &Poll, second: &Poll, slotted: Slotted, passed_s: i64, restarts: u32) {
    let mut connector = Connector::first(first);
    assert_eq!(connector.accept(second), slotted, "{second:?}");
    assert_eq!(connector.line_ms, passed_s * 1_000, "{second:?}");
    assert_eq!(connector.restarts, restarts, "{second:?}");
}

#[test]
fn time_passes_by_the_best_clock() {
    let first = poll(1, 0, 100, "a", Some(1_000));
    // The same poller: its monotonic clock, whatever the wall does.
    pass(&first, &poll(2, 10, 110, "a", Some(1_010)), Slotted::New, 10, 0);
    pass(&first, &poll(2, 3_610, 110, "a", Some(1_010)), Slotted::New, 10, 0);
    pass(&first, &poll(2, -3_590, 110, "a", Some(1_010)), Slotted::New, 10, 0);
    // Another poller: the device's uptime, when it fits the wall; without one, the wall.
    pass(&first, &poll(2, 13, 7, "b", Some(1_010)), Slotted::New, 10, 0);
    pass(&first, &poll(2, 13, 7, "b", None), Slotted::New, 13, 0);
    pass(&first, &poll(2, 13, 7, "b", Some(1_900)), Slotted::New, 13, 1);
    pass(&first, &poll(2, 20, 7, "b", Some(1_005)), Slotted::New, 20, 1);
    pass(&first, &poll(2, 600, 7, "b", Some(1_610)), Slotted::New, 610, 0);
}

#[test]
fn a_restart_is_not_the_wrap_of_uptime() {
    let long = (1 << 32) / 100 - 5;
    let first = poll(1, 0, 100, "a", Some(1_000));
    pass(&first, &poll(2, 10, 110, "a", Some(3)), Slotted::New, 10, 1);
    // Up for longer than before, yet shorter than the time since.
    let young = poll(1, 0, 100, "a", Some(5));
    pass(&young, &poll(9, 80, 180, "a", Some(30)), Slotted::New, 80, 1);
    pass(&young, &poll(9, 80, 180, "a", Some(84)), Slotted::New, 80, 0);
    // 497 days.
    let old = poll(1, 0, 100, "a", Some(long));
    pass(&old, &poll(2, 10, 110, "a", Some(5)), Slotted::New, 10, 0);
    pass(&old, &poll(2, 600, 700, "a", Some(5)), Slotted::New, 600, 1);
}

#[test]
fn a_slot_counts_once() {
    let first = poll(5, 0, 100, "a", None);
    let mut connector = Connector::first(&first);
    let mut check =
        |poll: Poll, expected| assert_eq!(connector.accept(&poll), expected, "{poll:?}");
    check(first.clone(), Slotted::Duplicate);
    check(Poll { part: 2, parts: 3, ..first.clone() }, Slotted::Part);
    check(Poll { part: 2, parts: 3, ..first.clone() }, Slotted::Duplicate);
    check(Poll { part: 1, parts: 3, ..first.clone() }, Slotted::Part);
    check(poll(6, 10, 3, "b", None), Slotted::New);
    // The poller that was frozen wakes with the slot it had, and with one from before.
    check(poll(6, 10, 110, "a", None), Slotted::Duplicate);
    check(poll(4, -10, 90, "a", None), Slotted::Old);
    check(poll(5, 0, 100, "a", None), Slotted::Old);
    // b's wall clock is set back an hour: its slots fall, its own clock says they are new.
    check(poll(3, -20, 13, "b", None), Slotted::New);
    check(poll(3, -20, 13, "b", None), Slotted::Duplicate);
    // The interval becomes a minute: slot numbers fall, the time they stand for does not.
    check(Poll { interval_ms: 60_000, ..poll(1, 30, 23, "c", None) }, Slotted::New);
    check(Poll { interval_ms: 10_000, ..poll(6, 10, 3, "d", None) }, Slotted::Old);
}

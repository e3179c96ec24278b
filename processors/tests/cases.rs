//! What odd devices answered, from public reports, and what is right. The numbers are those of
//! the list of cases that the program was tried with; each is one of its kind.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::wildcard_enum_match_arm, clippy::panic)]

mod common;
mod ports;

use ports::{Port, Seen, Watched, gbit, mbit, port};
use schemas::{GapReason, SampleFlags};

const SECOND: i64 = 1_000;

fn rates(seen: &[Seen]) -> Vec<f64> {
    seen.iter().filter_map(Seen::value).collect()
}

#[test]
fn case_02_a_ceiling_exceeded_poll_after_poll_is_wrong() {
    let mut lab = Watched::new();
    // 40 Mbit/s on a tunnel that says 9 kbit/s; 2 Gbit/s on a bond that says 1.
    for cycle in 0..8 {
        lab.poll(&[
            Port { octets: cycle * 50_000_000, ..port("Tu10", 1, 9e3) },
            Port { octets: cycle * 2_500_000_000, ..port("bond0", 2, gbit(1.0)) },
        ]);
    }
    for (name, rate) in [("Tu10", mbit(40.0)), ("bond0", gbit(2.0))] {
        let seen = lab.of("if_in_bps", name);
        assert_eq!(seen[0], Seen::Gap(GapReason::First));
        assert_eq!(seen[1], Seen::Gap(GapReason::Implausible), "once may be an accident");
        assert!(
            seen[2..].iter().all(|it| *it == Seen::Sample(rate, SampleFlags::CEILING)),
            "{seen:?}"
        );
    }
    // A ceiling that is stated anew is believed anew.
    let mut next = |cycle: i64, octets| {
        lab.poll(&[Port { octets, ..port("Tu10", 1, gbit(1.0)) }]);
        let _ = cycle;
        *lab.of("if_in_bps", "Tu10").last().unwrap()
    };
    assert_eq!(next(8, 400_000_000), Seen::Sample(mbit(40.0), 0));
    assert_eq!(next(9, 100_400_000_000), Seen::Gap(GapReason::Implausible));
}

#[test]
fn case_03_twins_are_distinguished_by_their_index() {
    let mut lab = Watched::new();
    let twin = |index, octets| Port { octets, twin: true, ..port("WAN", index, gbit(1.0)) };
    lab.poll(&[twin(1, 100_000_000), twin(2, 1_200_000_000), twin(3, 3_300_000_000)]);
    lab.poll(&[twin(2, 1_220_000_000), twin(3, 3_330_000_000)]);
    assert_eq!(lab.of("if_in_bps", "WAN #1")[1], Seen::Gap(GapReason::Moved));
    assert_eq!(lab.of("if_in_bps", "WAN #2")[1], Seen::Gap(GapReason::Moved));
    lab.poll(&[twin(2, 1_240_000_000), twin(3, 3_360_000_000)]);
    assert_eq!(lab.of("if_in_bps", "WAN #1")[2], Seen::Sample(mbit(16.0), 0));
    // The third is not present after two polls.
    assert_eq!(lab.last_state("WAN #3"), 6.0);
    assert_eq!(*lab.of("if_in_bps", "WAN #3").last().unwrap(), Seen::Gap(GapReason::NotPresent));
}

#[test]
fn case_04_swapped_names_are_gaps_for_both() {
    for same_descriptions in [false, true] {
        let mut lab = Watched::new();
        let row = |name: &'static str, index, octets| Port {
            octets,
            description: if same_descriptions { name } else { ["", "p1", "p2"][index as usize] },
            ..port(name, index, gbit(1.0))
        };
        lab.poll(&[row("Gi1", 1, 400_000_000), row("Gi2", 2, 800_000_000)]);
        lab.poll(&[row("Gi2", 1, 410_000_000), row("Gi1", 2, 810_000_000)]);
        for name in ["Gi1", "Gi2"] {
            assert_eq!(lab.of("if_in_bps", name)[1], Seen::Gap(GapReason::Moved), "{name}");
        }
        lab.poll(&[row("Gi2", 1, 420_000_000), row("Gi1", 2, 820_000_000)]);
        assert_eq!(lab.of("if_in_bps", "Gi1")[2], Seen::Sample(mbit(8.0), 0));
    }
}

#[test]
fn case_04_a_row_that_moves_alone_is_another_row() {
    for others in [&[][..], &[port("lo", 1, 0.0)][..]] {
        let mut lab = Watched::new();
        let with = |row: Port| [others, &[row]].concat();
        lab.poll(&with(Port { octets: 55_000_000, ..port("ppp0", 50, 0.0) }));
        lab.poll(&with(Port { octets: 965_000_000, ..port("ppp0", 51, 0.0) }));
        assert_eq!(lab.of("if_in_bps", "ppp0")[1], Seen::Gap(GapReason::Moved));
    }
    // Two of them, of which nothing else is known: not beyond doubt either.
    let mut lab = Watched::new();
    let two = |index, octets| {
        [
            Port { octets, ..port("ppp0", index, 0.0) },
            Port { octets, ..port("ppp1", index + 1, 0.0) },
        ]
    };
    lab.poll(&two(50, 55_000_000));
    lab.poll(&two(52, 965_000_000));
    assert_eq!(lab.of("if_in_bps", "ppp0")[1], Seen::Gap(GapReason::Moved));
}

#[test]
fn case_04_a_table_that_is_renumbered_keeps_its_rates() {
    for speed in [gbit(1.0), 0.0] {
        let mut lab = Watched::new();
        let names = ["a", "b", "c"];
        let all = |first: u8, octets: i64| -> Vec<Port> {
            let row = |place: u8| {
                let mine = octets * i64::from(place + 1);
                Port { octets: mine, ..port(names[usize::from(place)], first + place, speed) }
            };
            (0..3).map(row).collect()
        };
        lab.poll(&all(1, 10_000_000));
        lab.poll(&all(1, 20_000_000));
        lab.poll(&all(11, 30_000_000));
        for (name, rate) in [("a", 8.0), ("b", 16.0), ("c", 24.0)] {
            assert_eq!(rates(&lab.of("if_in_bps", name)), [mbit(rate); 2], "{name} at {speed}");
        }
    }
    // With a ceiling there need be no history.
    let mut lab = Watched::new();
    let two = |first, octets| {
        [
            Port { octets, ..port("a", first, gbit(1.0)) },
            Port { octets, ..port("b", first + 1, gbit(1.0)) },
        ]
    };
    lab.poll(&two(1, 10_000_000));
    lab.poll(&two(11, 20_000_000));
    assert_eq!(rates(&lab.of("if_in_bps", "a")), [mbit(8.0)]);
}

#[test]
fn case_05_an_uptime_that_jumps_ahead_is_another_boot() {
    let mut lab = Watched::new();
    let row = |octets| [Port { octets, ..port("a", 1, gbit(1.0)) }];
    lab.uptime_cs = 8_640_000;
    lab.poll(&row(60_000_000));
    lab.uptime_cs = 208_640_000;
    lab.poll(&row(670_000_000));
    assert_eq!(lab.of("if_in_bps", "a")[1], Seen::Gap(GapReason::Reset));
    lab.poll(&row(680_000_000));
    assert_eq!(lab.of("if_in_bps", "a")[2], Seen::Sample(mbit(8.0), 0));
    // Another address is another boot whatever the uptime says.
    lab.target = 9;
    lab.poll(&row(1_680_000_000));
    assert_eq!(lab.of("if_in_bps", "a")[3], Seen::Gap(GapReason::Reset));
    lab.poll(&row(1_690_000_000));
    assert_eq!(lab.of("if_in_bps", "a")[4], Seen::Sample(mbit(8.0), 0));
}

#[test]
fn case_06_an_uptime_that_stands_still_is_no_clock() {
    for stuck in [0, 1, 700, 123_456_789] {
        let mut lab = Watched::new();
        lab.stuck_cs = Some(stuck);
        for cycle in 0..6 {
            lab.poll(&[Port { octets: cycle * 10_000_000, ..port("a", 1, gbit(1.0)) }]);
        }
        assert_eq!(rates(&lab.of("if_in_bps", "a")), [mbit(8.0); 5], "stuck at {stuck}");
    }
    // One that wavers is no clock either, after three polls.
    let mut lab = Watched::new();
    for cycle in 0..12 {
        lab.stuck_cs = Some([3, 1, 2][cycle as usize % 3]);
        lab.poll(&[Port { octets: cycle * 10_000_000, ..port("a", 1, gbit(1.0)) }]);
    }
    assert!(rates(&lab.of("if_in_bps", "a")).len() >= 7);
}

#[test]
fn case_07_counters_refreshed_rarely_give_the_mean() {
    for (every, polls) in [(3, 40), (6, 60), (2, 20)] {
        let mut lab = Watched::new();
        for cycle in 0..polls {
            let octets = 1_000 + cycle / every * every * 750_000_000;
            lab.poll(&[Port { octets, ..port("a", 1, gbit(1.0)) }]);
        }
        let seen = lab.of("if_in_bps", "a");
        let rates = rates(&seen);
        let zeros = rates.iter().filter(|rate| **rate == 0.0).count();
        let mean = rates.iter().filter(|rate| **rate == mbit(600.0)).count();
        assert_eq!(zeros + mean, rates.len(), "every {every}: {seen:?}");
        assert!(zeros <= if every <= 3 { 0 } else { 5 }, "every {every}: {seen:?}");
        assert!(mean as i64 >= polls - 3 * every, "every {every}: {seen:?}");
        assert!(seen.iter().all(|it| !matches!(it, Seen::Gap(GapReason::Implausible))), "{seen:?}");
    }
    // Each time has one sample.
    let mut lab = Watched::new();
    for cycle in 0..10 {
        lab.poll(&[Port { octets: cycle / 3 * 2_250_000_000, ..port("a", 1, gbit(1.0)) }]);
    }
    let mut times = lab.times("if_in_bps", "a");
    assert!(times.is_sorted(), "{times:?}");
    times.dedup();
    assert_eq!(times.len(), 10);
    // One port's counters stand still while another's go on: zeros at first, then the mean.
    let mut lab = Watched::new();
    for cycle in 0..20 {
        lab.poll(&[
            Port { octets: cycle * 1_000_000, ..port("b", 2, gbit(1.0)) },
            Port { octets: cycle / 3 * 2_250_000_000, ..port("a", 1, gbit(1.0)) },
        ]);
    }
    let rates = rates(&lab.of("if_in_bps", "a"));
    assert_eq!(rates[..3], [0.0, 0.0, mbit(600.0)]);
    assert!(rates[3..].iter().all(|rate| *rate == mbit(600.0)), "{rates:?}");
}

#[test]
fn an_idle_port_is_idle() {
    let mut lab = Watched::new();
    for _ in 0..10 {
        lab.poll(&[Port { octets: 77, ..port("a", 1, gbit(1.0)) }]);
    }
    let rates = rates(&lab.of("if_in_bps", "a"));
    assert_eq!(rates, [0.0; 9]);
}

#[test]
fn case_08_a_32_bit_counter_that_may_wrap_twice_is_a_gap() {
    let run = |interval_s: i64, octets_a_second: i64, speed| {
        let mut lab = Watched::new();
        lab.interval_ms = interval_s * SECOND;
        for cycle in 0..6 {
            let octets = cycle * interval_s * octets_a_second % (1 << 32);
            lab.poll(&[Port { octets, narrow: true, ..port("a", 1, speed) }]);
        }
        lab.of("if_in_bps", "a")
    };
    let seen = run(60, 100_000_000, gbit(1.0));
    assert!(rates(&seen).is_empty(), "{seen:?}");
    assert!(seen[1..].iter().all(|it| *it == Seen::Gap(GapReason::Wrap)), "{seen:?}");
    // Fast enough, or slow enough: it wraps once at most.
    assert_eq!(rates(&run(10, 100_000_000, gbit(1.0))), [mbit(800.0); 5]);
    assert_eq!(rates(&run(30, 10_000_000, gbit(1.0))), [mbit(80.0); 5]);
    assert_eq!(rates(&run(60, 10_000_000, mbit(100.0))), [mbit(80.0); 5]);
    // More than ifSpeed has a number for: 10 Gbit/s at least.
    let seen = run(10, 100_000_000, 4_294_967_295.0);
    assert!(seen[1..].iter().all(|it| *it == Seen::Gap(GapReason::Wrap)), "{seen:?}");
    assert_eq!(rates(&run(3, 100_000_000, 4_294_967_295.0)), [mbit(800.0); 5]);
    // No other number of wraps fits the speed.
    assert_eq!(rates(&run(60, 60_000_000, gbit(1.0))), [mbit(480.0); 5]);
}

#[test]
fn case_09_one_garbled_reading_is_a_gap() {
    for garbled in [1_i64 << 62, 1 << 48, i64::MAX, -2] {
        for speed in [gbit(1.0), 0.0] {
            let mut lab = Watched::new();
            for cycle in 0..8 {
                let good = 5_000 + cycle * 200_000;
                let value = if cycle == 4 { garbled } else { good };
                lab.poll(&[Port { octets: value, packets: value, ..port("a", 1, speed) }]);
            }
            for (metric, rate) in [("if_in_bps", 160_000.0), ("if_in_pps", 20_000.0)] {
                let seen = lab.of(metric, "a");
                assert_eq!(seen[4], Seen::Gap(GapReason::Implausible), "{garbled} {seen:?}");
                assert_eq!(rates(&seen), [rate; 6], "{metric} {garbled} {speed}");
            }
        }
    }
    // One that is less than before.
    let mut lab = Watched::new();
    for cycle in 0..8 {
        let octets = if cycle == 4 { 5 } else { 40_000_000_000 + cycle * 200_000 };
        lab.poll(&[Port { octets, ..port("a", 1, gbit(1.0)) }]);
    }
    assert_eq!(rates(&lab.of("if_in_bps", "a")), [160_000.0; 6]);
}

#[test]
fn case_09_one_garbled_reading_of_a_narrow_counter_without_a_speed_is_a_gap() {
    for (speed, garbled) in [(0.0, 1_500_000_000), (0.0, 4_000_000_000), (gbit(1.0), 4_000_000_000)]
    {
        let mut lab = Watched::new();
        for cycle in 0..8 {
            let good = 5_000 + cycle * 200_000;
            let value = if cycle == 4 { garbled } else { good };
            let narrow = Port { narrow: true, ..port("a", 1, speed) };
            lab.poll(&[Port { octets: value, packets: value, ..narrow }]);
        }
        for (metric, rate) in [("if_in_bps", 160_000.0), ("if_in_pps", 20_000.0)] {
            let rates = rates(&lab.of(metric, "a"));
            assert!(rates.len() >= 5, "{metric} {garbled} {speed}: {rates:?}");
            assert!(rates.iter().all(|it| *it == rate), "{metric} {garbled} {speed}: {rates:?}");
        }
    }
    // What goes on at the new pace is shown from the second poll on.
    let mut lab = Watched::new();
    for cycle in 0..8 {
        let octets = if cycle < 4 { cycle * 1_000 } else { (cycle - 3) * 300_000_000 };
        lab.poll(&[Port { octets, narrow: true, ..port("a", 1, 0.0) }]);
    }
    assert_eq!(rates(&lab.of("if_in_bps", "a"))[3..], [mbit(240.0); 3]);
}

#[test]
fn an_all_ones_counter_is_not_read() {
    let mut lab = Watched::new();
    for _ in 0..5 {
        lab.poll(&[Port { octets: -1, ..port("a", 1, gbit(1.0)) }]);
    }
    assert!(rates(&lab.of("if_in_bps", "a")).is_empty());
}

#[test]
fn case_17_unknown_speeds_are_no_ceiling() {
    for speed in [-1.0, 4_294_967_295.0, 0.0] {
        let mut lab = Watched::new();
        for cycle in 0..4 {
            lab.poll(&[Port { octets: cycle * 8_000_000_000, ..port("sat", 1, speed) }]);
        }
        assert_eq!(rates(&lab.of("if_in_bps", "sat")), [gbit(6.4); 3], "{speed}");
        assert_eq!(lab.of("if_speed_bps", "sat"), [Seen::Sample(0.0, 0)], "{speed}");
    }
}

#[test]
fn case_20_a_rate_is_never_over_a_time_that_uptime_and_wall_do_not_agree_on() {
    let mut lab = Watched::new();
    let row = |octets| [Port { octets, ..port("a", 1, gbit(1.0)) }];
    lab.poll(&row(0));
    lab.poll(&row(10_000_000));
    // Set back by 15 s, and another poller 20 s later.
    lab.uptime_cs -= 1_500;
    lab.poller = "poller-2";
    lab.skip(1);
    lab.poll(&row(30_000_000));
    assert_eq!(lab.of("if_in_bps", "a")[2], Seen::Gap(GapReason::Reset));
    // Forth again, and another one.
    lab.uptime_cs += 1_500;
    lab.poller = "poller-3";
    lab.poll(&row(40_000_000));
    lab.poll(&row(50_000_000));
    let rates = rates(&lab.of("if_in_bps", "a"));
    assert!(rates.iter().all(|rate| *rate == mbit(8.0)), "{rates:?}");
    assert!(rates.len() >= 2);
}

//! What odd devices answer, played on the lab's agent from poll to poll, through the connector and
//! the processor. The numbers are those of the list of cases that the program was tried with; what
//! needs a connector alone is in `connectors/tests/odd.rs`, what needs a processor alone in
//! `processors/tests/cases.rs`.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod large;
mod stage;

use std::collections::BTreeMap;

use lab::{Fault, Oddity};
use schemas::{Availability, GapReason, Outcome, SampleFlags};

use stage::{IF, IFX, Made, Row, Seen, Stage, hide, octets, row, say, uptime, walk};

/// Polls a second apart, on a machine that does other things, too.
fn near(value: f64, wanted: f64) -> bool {
    (wanted * 0.6..wanted * 1.6).contains(&value)
}

/// All rates of a port are near this one, and there are so many at least.
fn steady(made: &Made, device: &str, port: &str, wanted: f64, least: usize) {
    let rates = made.rates(device, port);
    let seen = made.of(device, "if_in_bps", port);
    assert!(rates.len() >= least, "{device} {port}: {seen:?}");
    assert!(rates.iter().all(|rate| near(*rate, wanted)), "{device} {port}: {seen:?}");
}

fn gaps(made: &Made, device: &str, port: &str) -> Vec<GapReason> {
    let gap = |seen| if let Seen::Gap(reason) = seen { Some(reason) } else { None };
    made.of(device, "if_in_bps", port).into_iter().filter_map(gap).collect()
}

/// One after the other from the first on.
const START: u64 = 1_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_of_one_counter_of_one_row_of_one_boot() {
    let folder = tempfile::tempdir().unwrap();
    let two = || walk(&[row(1, "a", 10_000), row(2, "b", 10_000)]);
    let narrow = |index, name, mbps| Row { wide: false, ..row(index, name, mbps) };
    let twin = |index, octets| Row { octets, ..row(index, "WAN", 1_000) };
    let walks = BTreeMap::from([
        ("02", walk(&[Row { mbps: 0, speed: 9_000, ..row(1, "Tu10", 0) }, row(2, "bond0", 1_000)])),
        ("03", walk(&[twin(1, 100_000_000), twin(2, 1_200_000_000), twin(3, 3_300_000_000)])),
        ("04", two()),
        ("04-moved", walk(&[row(1, "lo", 0), row(50, "ppp0", 0), row(51, "ppp0", 0)])),
        ("05", two()),
        ("05-old", two()),
        ("05-new", walk(&[Row { octets: START * 3, ..row(1, "a", 10_000) }])),
        ("06", two()),
        ("06-low", two()),
        ("07", walk(&[row(1, "a", 1_000)])),
        ("08", walk(&[narrow(1, "a", 100_000), narrow(2, "b", 1_000)])),
        ("09", walk(&[row(1, "a", 0)])),
        (
            "17",
            walk(&[
                Row { speed: -1, ..row(1, "neg", 0) },
                Row { speed: 4_294_967_295, ..row(2, "sat", 0) },
            ]),
        ),
        ("20", two()),
    ]);
    let stage = Stage::new(1, folder.path(), &walks);
    let both = |step: u64, a_second: u64| {
        [octets(1, START + step * a_second), octets(2, START + step * 2 * a_second)].concat()
    };
    // 8 and 16 Mbit/s.
    let calm = |step: u64| both(step, 1_000_000);
    let up = |step: u64| uptime(8_640_000 + step as i64 * 100);
    let with_uptime = |step: u64| [calm(step), vec![up(step)]].concat();
    let swapped = |step: u64| {
        let names = if step < 2 { ["a", "b"] } else { ["b", "a"] };
        let named = [1, 2].map(|n| say(&format!("{IFX}.1"), n, "4", names[n as usize - 1]));
        [octets(1, START + step * 1_000_000), octets(2, START * 2 + step * 1_000_000)]
            .concat()
            .into_iter()
            .chain(named)
            .chain([up(step)])
            .collect()
    };
    let moved = |step: u64| {
        let hidden = if step < 2 { hide(51) } else { hide(50) };
        let mut says = [octets(50, START + step * 1_000_000), octets(51, START * 2)].concat();
        says.extend([up(step)]);
        [says, hidden].concat()
    };
    let jumps = |step: u64| {
        let (more, cs) = if step < 2 { (0, 0) } else { (610_000_000, 200_000_000) };
        let cs = 8_640_000 + step as i64 * 100 + cs;
        [octets(1, START + step * 1_000_000 + more), vec![uptime(cs)]].concat()
    };
    let garbled = |step: u64| {
        let count = |good: u64| if step == 3 { 1 << 62 } else { good };
        let packets = say(&format!("{IFX}.7"), 1, "70", count(1_000 + step * 200));
        [octets(1, count(START + step * 1_000_000)), vec![packets, up(step)]].concat()
    };
    let twins = |step: u64| {
        let gone = if step < 2 { vec![] } else { hide(1) };
        let says = [
            octets(1, 100_000_000 + step * 1_000_000),
            octets(2, 1_200_000_000 + step * 2_000_000),
            octets(3, 3_300_000_000 + step * 3_000_000),
        ];
        [says.concat(), vec![up(step)], gone].concat()
    };
    tokio::join!(
        stage.played("02", 7, |step| {
            let says = [octets(1, START + step * 5_000_000), octets(2, START + step * 250_000_000)];
            [says.concat(), vec![up(step)]].concat()
        }),
        stage.played("03", 7, twins),
        stage.played("04", 6, swapped),
        async {
            stage.play("04-moved", 2, moved).await;
            // Hidden before, seen now.
            stage.lab.inject("04-moved", Fault::Clear).unwrap();
            stage.say("04-moved", &moved(2));
            stage.polled("04-moved", 3).await;
            stage.say("04-moved", &octets(51, START * 2 + 1_000_000));
            stage.polled("04-moved", 4).await;
            stage.end("04-moved");
        },
        stage.played("05", 6, jumps),
        async {
            stage.play("05-old", 3, with_uptime).await;
            stage.say("05-new", &[uptime(8_641_000)]);
            stage.add("05-old", "05-new");
            stage.polled("05-old", 4).await;
            stage.say("05-new", &octets(1, START * 3 + 1_000_000));
            stage.polled("05-old", 5).await;
            stage.end("05-old");
        },
        stage.played("06", 6, |step| [calm(step), vec![uptime(0)]].concat()),
        stage.played("06-low", 6, |step| [calm(step), vec![uptime(70)]].concat()),
        stage.played("07", 13, |step| {
            [octets(1, START + step / 3 * 225_000_000), vec![up(step)]].concat()
        }),
        stage.played("08", 7, |step| {
            let says = [octets(1, step * 10_000_000_000), octets(2, step * 100_000_000)];
            [says.concat().split_off(0), vec![up(step)]]
                .concat()
                .into_iter()
                .filter(|it| !matches!(it, Oddity::Say { line } if line.contains(IFX)))
                .collect()
        }),
        stage.played("09", 7, garbled),
        stage.played("17", 5, |step| {
            let of = |index| octets(index, START + step * 800_000_000);
            [of(1), of(2), vec![up(step)]].concat()
        }),
    );
    let made = |device| stage.made(device);

    let it = made("02");
    for (port, rate) in [("Tu10", 40e6), ("bond0", 2e9)] {
        steady(&it, "02", port, rate, 4);
        assert_eq!(gaps(&it, "02", port), [GapReason::First, GapReason::Implausible]);
        let seen = it.of("02", "if_in_bps", port);
        assert!(
            matches!(seen.last(), Some(Seen::Sample(_, flags)) if *flags == SampleFlags::CEILING),
            "{seen:?}"
        );
    }

    let it = made("03");
    for port in ["WAN #1", "WAN #2", "WAN #3"] {
        let rates = it.rates("03", port);
        assert!(rates.iter().all(|rate| *rate < 40e6), "{port}: {rates:?}");
    }
    assert!(near(*it.rates("03", "WAN #2").last().unwrap(), 24e6), "the third is the second now");
    assert_eq!(gaps(&it, "03", "WAN #3").last(), Some(&GapReason::NotPresent));

    let it = made("04");
    for port in ["a", "b"] {
        steady(&it, "04", port, 8e6, 3);
        assert!(gaps(&it, "04", port).contains(&GapReason::Moved), "{port}");
    }
    let it = made("04-moved");
    let seen = it.of("04-moved", "if_in_bps", "ppp0");
    assert!(it.rates("04-moved", "ppp0").iter().all(|rate| near(*rate, 8e6)), "{seen:?}");
    assert_eq!(seen[2], Seen::Gap(GapReason::Moved), "{seen:?}");

    for device in ["05", "05-old"] {
        let it = made(device);
        steady(&it, device, "a", 8e6, 2);
        assert!(gaps(&it, device, "a").contains(&GapReason::Reset), "{device}");
    }
    for device in ["06", "06-low"] {
        let it = made(device);
        steady(&it, device, "a", 8e6, 5);
        steady(&it, device, "b", 16e6, 5);
    }

    let it = made("07");
    let rates = it.rates("07", "a");
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    assert!(near(mean, 600e6), "{rates:?}");
    assert!(!gaps(&it, "07", "a").contains(&GapReason::Implausible));

    let it = made("08");
    assert!(it.rates("08", "a").is_empty(), "it may have wrapped more than once");
    assert!(gaps(&it, "08", "a")[1..].iter().all(|it| *it == GapReason::Wrap));
    steady(&it, "08", "b", 800e6, 6);

    let it = made("09");
    steady(&it, "09", "a", 8e6, 4);
    for seen in it.of("09", "if_in_pps", "a") {
        assert!(!matches!(seen, Seen::Sample(value, _) if value > 400.0), "{seen:?}");
    }

    let it = made("17");
    for port in ["neg", "sat"] {
        steady(&it, "17", port, 6.4e9, 4);
        let speeds = it.of("17", "if_speed_bps", port);
        assert!(speeds.iter().all(|it| *it == Seen::Sample(0.0, 0)), "{port}: {speeds:?}");
    }

    // Another poller, and an uptime that was set back in between.
    stage.play("20", 3, with_uptime).await;
    stage.stop_poller().await;
    stage.say("20", &[octets(1, START + 8_000_000), vec![uptime(8_640_000 - 1_300)]].concat());
    stage.start_poller();
    stage.add("20", "20");
    stage.polled("20", 4).await;
    let back = |n: i64| uptime(8_640_000 - 1_300 + n * 100);
    stage.say("20", &[octets(1, START + 9_000_000), vec![back(1)]].concat());
    stage.polled("20", 5).await;
    let it = made("20");
    assert!(it.rates("20", "a").iter().all(|rate| *rate < 16e6), "{:?}", it.rates("20", "a"));
    assert!(it.rates("20", "a").len() >= 3);
    stage.stop_poller().await;
    stage.lab.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oddity_of_answering_costs_no_rate() {
    let folder = tempfile::tempdir().unwrap();
    let four = || walk(&[1, 2, 3, 4].map(|n| row(n, ["", "a", "b", "c", "d"][n as usize], 1_000)));
    let refuse =
        |under: String, status, named| Oddity::Refuse { under, status, named, bulk_only: false };
    let names = format!("{IFX}.1");
    // What each does beside answering. The ports are named by ifName but where that is what is odd.
    let odd: BTreeMap<&str, Vec<Oddity>> = BTreeMap::from([
        ("01-k1", vec![Oddity::ShortBulk { variables: 1 }]),
        ("01-k5", vec![Oddity::ShortBulk { variables: 5 }]),
        ("01-k13", vec![Oddity::ShortBulk { variables: 13 }]),
        ("10-a", vec![refuse(format!("{IF}.13"), 5, false)]),
        ("10-b", vec![refuse(format!("{IF}.13"), 2, false)]),
        ("10-c", vec![refuse(format!("{IFX}.18"), 5, true)]),
        (
            "10-bulk",
            vec![Oddity::Refuse {
                under: format!("{IF}.14"),
                status: 5,
                named: false,
                bulk_only: true,
            }],
        ),
        // One cell of a counter, of a name, of a text.
        ("10-cell", vec![refuse(format!("{IF}.13.3"), 5, false)]),
        ("10-text", vec![refuse(format!("{IFX}.18.2"), 5, false)]),
        ("12", vec![Oddity::NoBulk]),
        ("12-size", vec![Oddity::NoBulk, refuse(format!("{IF}.14"), 1, false)]),
        ("13", vec![Oddity::Slow { under: format!("{IFX}.18"), delay_ms: 250 }]),
        ("13-name", vec![Oddity::Slow { under: format!("{IF}.3"), delay_ms: 200 }]),
        ("22", vec![say(&names, 2, "5", "")]),
        ("22-number", vec![say(&names, 2, "2", "7")]),
        ("22-empty", vec![say(&names, 2, "4x", "0000")]),
        ("10-d", vec![refuse(names.clone(), 5, false)]),
        ("10-d-cell", vec![refuse(format!("{names}.2"), 5, false)]),
    ]);
    let walks: BTreeMap<&str, String> = odd.keys().map(|name| (*name, four())).collect();
    let stage = Stage::new(2, folder.path(), &walks);
    let plays = odd.iter().map(|(device, oddities)| {
        stage.played(device, 8, move |step| {
            let first = if step == 0 { oddities.clone() } else { vec![] };
            let rise = |n: u32| octets(n, START + step * u64::from(n) * 1_000_000);
            let rise = [1, 2, 3, 4].map(rise).concat();
            let up = uptime(8_640_000 + step as i64 * 100);
            [first, rise, vec![up]].concat()
        })
    });
    futures::future::join_all(plays).await;
    for device in odd.keys() {
        let made = stage.made(device);
        for (n, port) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            let port = if *device == "22-number" && n == 2 { "7" } else { port };
            steady(&made, device, port, f64::from(n) * 8e6, 3);
        }
        let last = made.statuses.last().unwrap();
        assert_eq!(last.state, Availability::Up, "{device}: {}", last.reason);
        let polls = stage.polls(device);
        let last = polls.last().unwrap();
        assert_eq!(last.outcome, Outcome::Ok, "{device}: {:?}", last.error);
    }
    stage.stop_poller().await;
    stage.lab.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let four = || walk(&[1, 2, 3, 4].map(|n| row(n, ["", "a", "b", "c", "d"][n as usize], 1_000)));
    let head = "1.3.6.1.2.1.1.1.0|4|small\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10\n\
                1.3.6.1.2.1.1.5.0|4|small\n";
    let plain = walk(&[row(1, "x", 10), row(2, "y", 10)]);
    let plain: String =
        plain.lines().filter(|line| !line.contains(IFX)).collect::<Vec<_>>().join("\n");
    let walks = BTreeMap::from([
        ("14", four()),
        ("14-all", four()),
        ("15", four()),
        ("15-third", four()),
        ("21", head.to_owned()),
        ("23", plain),
    ]);
    let stage = Stage::new(3, folder.path(), &walks);
    let rise = |step: u64| {
        let rise = |n: u32| octets(n, START + step * 1_000_000);
        let up = uptime(8_640_000 + step as i64 * 100);
        [[1, 2, 3, 4].map(rise).concat(), vec![up]].concat()
    };
    let lossy = async |device: &'static str, every: usize| {
        stage.play(device, 1, rise).await;
        for step in 1..18 {
            let fault = if step % every == every - 1 { Fault::Dead } else { Fault::Alive };
            stage.lab.inject(device, fault).unwrap();
            stage.polled(device, step + 1).await;
        }
        stage.end(device);
    };
    let hidden = |step: u64, from: u32| {
        let gone = (from..=4).flat_map(hide);
        let gone: Vec<Oddity> = if step == 2 { gone.collect() } else { vec![] };
        [rise(step), gone].concat()
    };
    tokio::join!(
        stage.played("14", 7, |step| hidden(step, 3)),
        stage.played("14-all", 7, |step| hidden(step, 1)),
        lossy("15", 2),
        lossy("15-third", 3),
        stage.played("21", 3, |_| vec![]),
        stage.played("23", 4, |_| vec![]),
    );
    for (device, gone) in [("14", &["c", "d"][..]), ("14-all", &["a", "b", "c", "d"])] {
        let made = stage.made(device);
        for port in gone {
            let states = made.of(device, "if_oper_status", port);
            assert_eq!(states, [Seen::Sample(1.0, 0), Seen::Sample(6.0, 0)], "{device} {port}");
            assert_eq!(gaps(&made, device, port).last(), Some(&GapReason::NotPresent));
        }
    }
    let made = stage.made("14");
    steady(&made, "14", "a", 8e6, 6);
    for (device, share) in [("15", "of the last"), ("15-third", "of the last")] {
        let made = stage.made(device);
        let last = made.statuses.last().unwrap();
        assert_eq!(last.state, Availability::Degraded, "{device}: {:?}", made.statuses);
        assert!(last.reason.contains(share), "{device}: {}", last.reason);
    }
    for device in ["21", "23"] {
        let states: Vec<Availability> =
            stage.made(device).statuses.iter().map(|it| it.state).collect();
        assert_eq!(states, [Availability::Up], "{device}");
    }
    let made = stage.made("23");
    for port in ["x", "y"] {
        assert_eq!(made.of("23", "if_oper_status", port), [Seen::Sample(1.0, 0)], "{port}");
    }
    stage.stop_poller().await;
    stage.lab.stop();
}

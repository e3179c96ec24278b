use super::*;

fn spec() -> MemberSpec {
    MemberSpec { group: "g".to_owned(), topic: "t".into(), slot: "0".to_owned() }
}

/// One round: the end is `end`, the reader is done up to `next`; what is measured 100 ms on.
fn check(
    (lag, reporter): (&Lag, &mut Reporter),
    (at_ms, end): (i64, i64),
    (next, newest_ms): (i64, Option<i64>),
    expected: (i64, Option<i64>),
) {
    let place = Place { next, newest_ms };
    let reading = Reading {
        group: "g".to_owned(),
        topic: "t".into(),
        elsewhere: true,
        places: [(0, place)].into(),
        restoring: BTreeMap::new(),
    };
    lag.ends(&[("t".into(), vec![end])].into());
    reporter.report(|| Some(reading), false);
    lag.ends(&[("t".into(), vec![end])].into());
    lag.measure(at_ms, at_ms + 100);
    let all = lag.all();
    assert_eq!((all[0].component.as_str(), all[0].group.as_str()), ("c", "g"));
    let total = all[0].total().unwrap();
    assert_eq!((total.records, total.ms), expected);
    assert_eq!(lag.elsewhere()[0].places[&0], place);
}

#[test]
fn age_counts_from_the_last_record_done_or_the_last_time_at_the_end() {
    let lag = Lag::default();
    let mut reporter = lag.reporter("c");
    let mut check = |at, place, expected| check((&lag, &mut reporter), at, place, expected);
    check((1_000, 10), (4, None), (6, None));
    check((2_000, 10), (5, Some(500)), (5, Some(1_600)));
    check((3_000, 10), (10, Some(900)), (0, Some(0)));
    // Long quiet: the record that has just come is not as old as the one before it.
    check((90_000, 10), (10, Some(900)), (0, Some(0)));
    check((95_000, 11), (10, Some(900)), (1, Some(5_100)));
    check((99_000, 12), (11, Some(94_000)), (1, Some(5_100)));
    // Done with more than there was when the end was asked for.
    check((99_500, 12), (15, Some(99_400)), (0, Some(0)));
}

#[test]
fn a_runner_is_asked_once_a_round() {
    let lag = Lag::default();
    let mut reporter = lag.reporter("c");
    let mut asked = 0;
    let mut turn = |reporter: &mut Reporter| {
        reporter.report(
            || {
                asked += 1;
                None
            },
            false,
        );
        asked
    };
    assert_eq!((turn(&mut reporter), turn(&mut reporter)), (1, 1));
    lag.ends(&BTreeMap::new());
    assert_eq!((turn(&mut reporter), turn(&mut reporter)), (2, 2));
    assert!(lag.all().is_empty());
}

#[test]
fn what_waits_to_be_done_is_behind_and_markers_are_not() {
    let mut progress = Progress::default();
    progress.begin(0, 5);
    progress.begin(1, 7);
    progress.done(0, 9, 50);
    let reading = progress.reading(&spec(), &[(0, 12), (2, 3)].into());
    let places =
        [(0, Place { next: 12, newest_ms: Some(50) }), (1, Place { next: 7, newest_ms: None })];
    assert_eq!(reading.places, places.into());
    // Sent back.
    progress.begin(0, 6);
    progress.forget(&[1]);
    let places = [(0, Place { next: 6, newest_ms: None })];
    assert_eq!(progress.reading(&spec(), &BTreeMap::new()).places, places.into());
}

/// A reader of one partition that is at `next` of an end of 10, each 10 s.
fn stalls(waits: bool, next: impl Fn(i64) -> i64, rounds: i64) -> Vec<(i64, String)> {
    let (lag, mut found) = (Lag::default(), Vec::new());
    let mut reporter = lag.reporter("c");
    for round in 0..rounds {
        lag.ends(&[("t".into(), vec![10])].into());
        let place = Place { next: next(round), newest_ms: None };
        let reading = || Reading {
            group: "g".to_owned(),
            topic: "t".into(),
            elsewhere: false,
            places: [(0, place)].into(),
            restoring: BTreeMap::new(),
        };
        reporter.report(|| Some(reading()), waits);
        lag.ends(&[("t".into(), vec![10])].into());
        lag.measure(0, 0);
        for stall in lag.find_stalled(round * 10_000) {
            found.push((round, reporter.stalled().unwrap()));
            let still = lag.stalled(round * 10_000);
            assert_eq!((still.len(), still[0].partition), (1, stall.partition));
            assert!(still[0].ms >= stall.ms, "since it moved last");
        }
    }
    found
}

#[test]
fn who_has_records_and_does_not_move_is_stalled() {
    let words = "c: t[0] has not moved for 30 s, 6 records wait".to_owned();
    assert_eq!(stalls(false, |_| 4, 5), [(3, words.clone())]);
    // The next runner has as much time.
    let later = words.replace("30 s", "60 s");
    assert_eq!(stalls(false, |_| 4, 7), [(3, words), (6, later)]);
    assert_eq!(stalls(false, |round| round, 9), []);
    assert_eq!(stalls(false, |_| 10, 9), [], "nothing to do");
    assert_eq!(stalls(true, |_| 4, 9), [], "it says what it waits for");
}

#[test]
fn a_restore_without_progress_is_stalled() {
    let lag = Lag::default();
    let mut reporter = lag.reporter("c");
    for (at, effort, expected) in [(0, 1, 0), (40, 2, 0), (60, 2, 0), (80, 2, 1), (90, 3, 0)] {
        lag.ends(&BTreeMap::new());
        let reading = Reading {
            group: "g".to_owned(),
            topic: "t".into(),
            elsewhere: false,
            places: BTreeMap::new(),
            restoring: [(0, effort)].into(),
        };
        reporter.report(|| Some(reading), false);
        lag.ends(&BTreeMap::new());
        let found = lag.find_stalled(at * 1_000);
        assert_eq!(found.len(), expected, "at {at}");
        assert_eq!(lag.stalled(at * 1_000).len(), expected, "at {at}");
    }
}

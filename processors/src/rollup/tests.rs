use std::collections::BTreeMap;

use proptest::prelude::*;
use schemas::DeviceId;

use super::*;
use crate::DropReason;

#[derive(Default)]
struct Sent(Vec<Rollup>);

impl Out for Sent {
    fn emit(&mut self, output: Output) {
        if let Output::Rollup(rollup) = output {
            self.0.push(rollup);
        }
    }

    fn dropped(&mut self, _: DropReason) {}
}

fn id(series: usize) -> SeriesId {
    SeriesId(series as i64)
}

fn address() -> Address<'static> {
    Address { tenant: "default", device: DeviceId::from_source("test", "a") }
}

fn advance(rollups: &mut Rollups, sample: Option<i64>, clock: i64, sent: &mut Sent) {
    rollups.advance(sample, clock, &id, &address(), sent, &mut |_, _, _| ());
}

/// Series, width and bucket to count, sum, min, max, last.
type Table = BTreeMap<(i64, i64, i64), (i32, f64, f64, f64, f64)>;

/// What a reader that replaces whole buckets ends with; no bucket is sent twice but as a repair.
fn replaced(sent: &[Rollup]) -> Table {
    let mut table = Table::new();
    for one in sent {
        for place in 0..one.series.len() {
            let key = (one.series[place].0, one.width_ms, one.bucket);
            let row = (
                one.counts[place],
                one.sums[place],
                one.mins[place],
                one.maxs[place],
                one.lasts[place],
            );
            let before = table.insert(key, row);
            assert!(before.is_none() || one.repair, "{key:?} was sent twice");
        }
    }
    table
}

/// The same from the samples, in order of arrival.
fn plainly(samples: &[(usize, i64, f64)]) -> Table {
    let mut newest: BTreeMap<(i64, i64, i64), i64> = BTreeMap::new();
    let mut table = Table::new();
    for (series, at, value) in samples {
        for width in [300_000, 3_600_000, 86_400_000] {
            let key = (*series as i64, width, at - at.rem_euclid(width));
            let row = table.entry(key).or_insert((0, 0.0, f64::MAX, f64::MIN, 0.0));
            row.0 += 1;
            row.1 += value;
            row.2 = row.2.min(*value);
            row.3 = row.3.max(*value);
            let last = newest.entry(key).or_insert(*at);
            if at >= last {
                *last = *at;
                row.4 = *value;
            }
        }
    }
    table
}

#[derive(Clone, Debug)]
enum Act {
    /// Time passes, then a sample this late.
    Sample {
        passed: i64,
        late: i64,
        series: usize,
        value: i32,
    },
    Tick(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let passed = prop_oneof![20 => 0_i64..60_000, 4 => 0_i64..900_000, 1 => 0_i64..200_000_000];
    let late = prop_oneof![10 => Just(0_i64), 3 => 0_i64..600_000, 2 => 0_i64..3_700_000];
    prop_oneof![
        12 => (passed, late, 0_usize..4, -1_000_i32..1_000)
            .prop_map(|(passed, late, series, value)| Act::Sample { passed, late, series, value }),
        3 => (0_i64..700_000).prop_map(Act::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever comes late or is closed by ticks: the buckets equal a plain recomputation of
    /// the samples that were not too late, and only those beyond an hour are.
    #[test]
    fn buckets_equal_a_plain_recomputation(acts in proptest::collection::vec(act(), 1..300)) {
        let mut rollups = Rollups::default();
        let mut sent = Sent::default();
        let mut samples = Vec::new();
        let mut now = 1_700_000_000_000_i64;
        let mut newest = i64::MIN;
        for act in acts {
            match act {
                Act::Sample { passed, late, series, value } => {
                    now += passed;
                    let at = now - late;
                    newest = newest.max(at);
                    advance(&mut rollups, Some(at), at, &mut sent);
                    let added = rollups.add(series, 4, at, f64::from(value));
                    let too_late = added == Added::TooLate;
                    prop_assert_eq!(too_late, at < newest - LATE_MS);
                    if !too_late {
                        samples.push((series, at, f64::from(value)));
                    }
                }
                Act::Tick(ahead) => advance(&mut rollups, None, now + ahead, &mut sent),
            }
        }
        rollups.finish(&id, &address(), &mut sent);
        prop_assert_eq!(replaced(&sent.0), plainly(&samples));
    }
}

#[test]
fn a_bucket_closes_by_stream_time_and_wakes_for_it() {
    let start = 1_700_006_400_000;
    let mut rollups = Rollups::default();
    let mut sent = Sent::default();
    advance(&mut rollups, Some(start + 5), start + 5, &mut sent);
    rollups.add(0, 1, start + 5, 2.0);
    assert_eq!(rollups.wake_at(), Some(start + FIVE_MS + GRACE_MS));
    advance(&mut rollups, None, start + FIVE_MS + GRACE_MS - 1, &mut sent);
    assert!(sent.0.is_empty());
    advance(&mut rollups, None, start + FIVE_MS + GRACE_MS, &mut sent);
    assert_eq!(sent.0.len(), 1);
    assert_eq!((sent.0[0].bucket, sent.0[0].width_ms, sent.0[0].repair), (start, FIVE_MS, false));
    assert_eq!(rollups.wake_at(), Some(start + HOUR_MS + GRACE_MS));
}

#[test]
fn late_samples_make_one_repair() {
    let start = 1_700_006_400_000;
    let mut rollups = Rollups::default();
    let mut sent = Sent::default();
    for at in [start, start + 2 * FIVE_MS] {
        advance(&mut rollups, Some(at), at, &mut sent);
        rollups.add(0, 1, at, 1.0);
    }
    for at in [start + 1, start + 2, start + 3] {
        assert_eq!(rollups.add(0, 1, at, 5.0), Added::Repairs);
    }
    sent.0.clear();
    let due = rollups.wake_at().unwrap();
    advance(&mut rollups, None, due, &mut sent);
    assert_eq!(sent.0.len(), 1);
    assert!(sent.0[0].repair);
    assert_eq!((sent.0[0].counts[0], sent.0[0].sums[0], sent.0[0].lasts[0]), (4, 16.0, 5.0));
    assert_eq!(rollups.add(0, 1, start + 2 * FIVE_MS - LATE_MS - 1, 5.0), Added::TooLate);
}

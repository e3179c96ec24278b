//! For any sequence of odd answers: what is published is never more than what was carried, and no
//! rate spans two rows.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::wildcard_enum_match_arm, clippy::panic)]

mod common;
mod ports;

use std::collections::BTreeMap;

use ports::bugs::Bug;
use ports::{Port, Seen, Watched, port};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use schemas::SampleFlags;

const NAMES: [&str; 3] = ["a", "b", "c"];
const DESCRIPTIONS: [&str; 6] = ["p0", "p1", "p2", "p3", "p4", "p5"];
const RANGE: f64 = 4_294_967_296.0;

/// What happens between two polls, or to one.
#[derive(Clone, Debug)]
enum Act {
    /// Octets a second of each row.
    Traffic([u32; 3]),
    Lost(u8),
    /// The device restarts and says so by its uptime.
    Reboot,
    /// A row's counter starts anew, and nothing shows it.
    Clear(usize),
    /// Two names change places; the descriptions stay with the rows, or go along.
    Swap(usize, usize, bool),
    /// A name answers from a new row, with a counter of its own.
    Replace(usize, u64),
    /// One reading is not what the counter says: nothing, or more than any port can count. What
    /// lies between is a reading like any other.
    Garble(usize, u64),
    /// A stated speed, right or wrong.
    Speed(usize, f64),
    /// The agent answers from what it had gathered before.
    Cache(u8),
    UptimeJump(i64),
    UptimeSticks(bool),
    OtherPoller,
    OtherDevice,
}

fn act() -> impl Strategy<Value = Act> {
    let place = || 0_usize..3;
    prop_oneof![
        8 => proptest::array::uniform3(prop_oneof![
            3 => 0_u32..200_000, 1 => Just(0_u32), 1 => 0_u32..100_000_000,
        ]).prop_map(Act::Traffic),
        2 => (1_u8..5).prop_map(Act::Lost),
        1 => Just(Act::Reboot),
        1 => place().prop_map(Act::Clear),
        2 => (place(), place(), any::<bool>()).prop_map(|(a, b, along)| Act::Swap(a, b, along)),
        2 => (place(), any::<u64>()).prop_map(|(at, count)| Act::Replace(at, count >> 24)),
        2 => (place(), prop_oneof![1 => Just(0_u64), 3 => (1_u64 << 47)..u64::MAX])
            .prop_map(|(at, raw)| Act::Garble(at, raw)),
        2 => (place(), prop_oneof![
            Just(1e9), Just(1e10), Just(9e3), Just(0.0), Just(-1.0), Just(4_294_967_295.0),
        ]).prop_map(|(at, speed)| Act::Speed(at, speed)),
        1 => (1_u8..7).prop_map(Act::Cache),
        1 => (-40_000_i64..40_000).prop_map(Act::UptimeJump),
        1 => any::<bool>().prop_map(Act::UptimeSticks),
        1 => Just(Act::OtherPoller),
        1 => Just(Act::OtherDevice),
    ]
}

/// A row of the true device.
#[derive(Clone, Copy)]
struct Row {
    id: u64,
    index: u8,
    description: &'static str,
    count: u64,
    a_second: u32,
    speed: f64,
}

struct World {
    lab: Watched,
    narrow: bool,
    /// The rows behind the names, in their order.
    rows: [Row; 3],
    next_id: u64,
    next_index: u8,
    /// What the rows behind a name carried, by the time of the poll.
    carried: [f64; 3],
    garbled: Option<(usize, u64)>,
    cached: (u8, Option<[u64; 3]>),
    pollers: usize,
    /// By name and poll: the row that answered, and what was carried up to then.
    asked: Vec<(i64, [u64; 3], [f64; 3])>,
}

const POLLERS: [&str; 4] = ["poller-1", "poller-2", "poller-3", "poller-4"];

impl World {
    fn new(narrow: bool) -> Self {
        let row = |place: usize| Row {
            id: place as u64,
            index: place as u8 + 1,
            description: DESCRIPTIONS[place],
            count: 1_000_000_000 * (place as u64 + 1),
            a_second: 100_000,
            speed: 1e9,
        };
        Self {
            lab: Watched::new(),
            narrow,
            rows: [row(0), row(1), row(2)],
            next_id: 3,
            next_index: 4,
            carried: [0.0; 3],
            garbled: None,
            cached: (0, None),
            pollers: 0,
            asked: Vec::new(),
        }
    }

    fn does(&mut self, act: &Act) {
        match act {
            Act::Traffic(rates) => {
                for (row, rate) in self.rows.iter_mut().zip(rates) {
                    row.a_second = *rate;
                }
            }
            Act::Lost(polls) => {
                for _ in 0..*polls {
                    self.pass();
                    self.lab.skip(1);
                }
            }
            Act::Reboot => {
                self.lab.uptime_cs = 100;
                self.rows.iter_mut().for_each(|row| row.count = 0);
                self.cached = (0, None);
            }
            Act::Clear(at) => self.rows[*at].count = 0,
            Act::Swap(a, b, along) => {
                self.rows.swap(*a, *b);
                if *along && a != b {
                    let kept = self.rows[*a].description;
                    self.rows[*a].description = self.rows[*b].description;
                    self.rows[*b].description = kept;
                }
                self.cached = (0, None);
            }
            Act::Replace(at, count) => {
                self.next_index = self.next_index.wrapping_add(1).max(10);
                self.next_id += 1;
                self.rows[*at].id = self.next_id;
                self.rows[*at].index = self.next_index;
                self.rows[*at].count = *count;
                self.cached = (0, None);
            }
            Act::Garble(at, raw) => self.garbled = Some((*at, *raw)),
            Act::Speed(at, speed) => self.rows[*at].speed = *speed,
            Act::Cache(polls) => self.cached = (*polls, None),
            Act::UptimeJump(cs) => self.lab.uptime_cs = (self.lab.uptime_cs + cs).max(1),
            Act::UptimeSticks(sticks) => {
                self.lab.stuck_cs = sticks.then_some(self.lab.uptime_cs);
            }
            Act::OtherPoller => {
                self.pollers += 1;
                self.lab.poller = POLLERS[self.pollers % POLLERS.len()];
            }
            Act::OtherDevice => {
                self.lab.target += 1;
                for row in &mut self.rows {
                    self.next_id += 1;
                    row.id = self.next_id;
                    row.count = row.count.wrapping_mul(7) % (1 << 45);
                }
                self.cached = (0, None);
            }
        }
        self.poll();
    }

    /// One interval.
    fn pass(&mut self) {
        for (place, row) in self.rows.iter_mut().enumerate() {
            let octets = u64::from(row.a_second) * 10;
            row.count = row.count.wrapping_add(octets);
            self.carried[place] += octets as f64;
        }
    }

    fn poll(&mut self) {
        self.pass();
        let mut counts = self.rows.map(|row| row.count);
        if self.cached.0 > 0 {
            self.cached.0 -= 1;
            counts = *self.cached.1.get_or_insert(counts);
        }
        if let Some((at, raw)) = self.garbled.take() {
            counts[at] = raw;
        }
        let of = |place: usize| {
            let row = self.rows[place];
            let raw = if self.narrow { counts[place] & 0xffff_ffff } else { counts[place] };
            Port {
                octets: raw as i64,
                description: row.description,
                narrow: self.narrow,
                ..port(NAMES[place], row.index, row.speed)
            }
        };
        let ports = [of(0), of(1), of(2)];
        self.lab.poll(&ports);
        let ids = self.rows.map(|row| row.id);
        self.asked.push((self.lab.newest(), ids, self.carried));
    }

    /// Nothing published is more than was carried, and no rate is of two rows.
    fn check(&self) {
        for (place, name) in NAMES.iter().enumerate() {
            let asked: BTreeMap<i64, (u64, f64)> = self
                .asked
                .iter()
                .map(|(at, ids, carried)| (*at, (ids[place], carried[place])))
                .collect();
            let seen = self.lab.all("if_in_bps", name);
            let (mut published, mut before) = (0.0, None);
            for (place, (at, one)) in seen.iter().enumerate() {
                let Seen::Sample(value, _) = one else {
                    before = Some(*at);
                    continue;
                };
                let (row, carried) = asked[at];
                let (earlier, (row_before, _)) =
                    asked.range(..*at).next_back().map(|(at, it)| (*at, *it)).unwrap();
                assert_eq!(row, row_before, "{name} at {at}: a rate of two rows in {seen:?}");
                let seconds = (at - before.unwrap_or(earlier)) as f64 / 1_000.0;
                published += value / 8.0 * seconds;
                before = Some(*at);
                // Uptimes that differ from the wall by less than a third are believed when
                // another poller takes over.
                if self.narrow {
                    // A restart may be taken for a wrap: by a width at most, each time.
                    assert!(value / 8.0 * seconds <= RANGE * 1.000_001, "{name} at {at}: {seen:?}");
                    continue;
                }
                // A mean is of all that it stands for: only at its end is all of that carried.
                let next = seen[place + 1..].iter().find(|(_, it)| it.value().is_some());
                let goes_on = next.is_some_and(
                    |(_, it)| matches!(it, Seen::Sample(_, flags) if flags & SampleFlags::MEAN != 0),
                );
                if goes_on {
                    continue;
                }
                // Uptimes that differ from the wall by less than a third are believed when
                // another poller takes over.
                let share = if self.pollers > 0 { 1.5 } else { 1.000_001 };
                assert!(
                    published <= carried * share + 1_000.0,
                    "{name} at {at}: {published} octets published, {carried} carried: {seen:?}"
                );
            }
        }
    }
}

/// What a device does, and what its counters are wide.
fn story() -> impl Strategy<Value = (Vec<Act>, bool)> {
    (proptest::collection::vec(act(), 1..60), any::<bool>())
}

fn run_story(acts: &[Act], narrow: bool, bug: Option<Bug>) {
    let mut world = World::new(narrow);
    world.lab.bug = bug;
    world.poll();
    for act in acts {
        world.does(act);
    }
    world.check();
}

const CASES: u32 = 1_500;

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_published_that_was_not_carried((acts, narrow) in story()) {
        run_story(&acts, narrow, None);
    }
}

#[test]
fn a_program_with_a_bug_fails_that() {
    for bug in Bug::ALL {
        let config = ProptestConfig {
            cases: CASES,
            max_shrink_iters: 0,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let mut runner = TestRunner::new(config);
        let found = runner.run(&story(), |(acts, narrow)| {
            run_story(&acts, narrow, Some(bug));
            Ok(())
        });
        assert!(found.is_err(), "{bug:?} is not seen in {CASES} cases");
    }
}

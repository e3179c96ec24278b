//! The fold gives the same however it is cut: any records, saved and loaded anywhere.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::wildcard_enum_match_arm, clippy::panic)]

mod common;

use common::{START, Sink, column, device, poll, reborn, step_all, tick};
use processors::{DeviceState, Sections};
use proptest::prelude::*;
use schemas::{Control, DeviceInput, Fact, Kind, Outcome, Tick};

/// What happens next to the simulated device and its poller.
#[derive(Clone, Debug)]
enum Act {
    Poll { passed: i64, counts: Vec<u32>, gauge: f64, late_ms: i32, connector: bool },
    Again,
    Part { gauge: f64 },
    Fail(usize),
    Reboot,
    Break,
    WallJump(i64),
    OtherPoller,
    Control { present: bool, enabled: bool, snmp: bool },
    Tick(i64),
    Fact(u8, u8),
    More,
}

fn act() -> impl Strategy<Value = Act> {
    let gauge = prop_oneof![
        8 => -100.0..100.0,
        1 => Just(f64::NAN),
        1 => Just(1e300),
        2 => Just(0.0),
    ];
    prop_oneof![
        30 => (
            prop_oneof![20 => 5_000_i64..15_000, 3 => 20_000_i64..400_000, 1 => 0_i64..30_000_000],
            proptest::collection::vec(0_u32..=u32::MAX, 3),
            gauge.clone(),
            -5_i32..40_000,
            any::<bool>(),
        )
            .prop_map(|(passed, counts, gauge, late_ms, connector)| Act::Poll {
                passed, counts, gauge, late_ms, connector
            }),
        2 => Just(Act::Again),
        2 => gauge.prop_map(|gauge| Act::Part { gauge }),
        4 => (0_usize..8).prop_map(Act::Fail),
        1 => Just(Act::Reboot),
        1 => Just(Act::Break),
        1 => (-4_000_000_i64..4_000_000).prop_map(Act::WallJump),
        1 => Just(Act::OtherPoller),
        1 => (prop::bool::weighted(0.8), any::<bool>(), any::<bool>())
            .prop_map(|(present, enabled, snmp)| Act::Control { present, enabled, snmp }),
        6 => (-100_000_i64..200_000).prop_map(Act::Tick),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(name, value)| Act::Fact(name, value)),
        1 => Just(Act::More),
    ]
}

struct World {
    mono: i64,
    wall_ahead: i64,
    booted: i64,
    cycle: i64,
    poller: u32,
    marker: i64,
    ports: usize,
    counters: Vec<u64>,
    last: Option<DeviceInput>,
}

const OUTCOMES: [Outcome; 8] = [
    Outcome::Partial,
    Outcome::Timeout,
    Outcome::Unreachable,
    Outcome::NoCredential,
    Outcome::NotPermitted,
    Outcome::Malformed,
    Outcome::Skipped,
    Outcome::Failed,
];

impl World {
    fn new() -> Self {
        Self {
            mono: 50_000_000,
            wall_ahead: START,
            booted: 0,
            cycle: 1,
            poller: 0,
            marker: 0,
            ports: 2,
            counters: vec![0; 64],
            last: None,
        }
    }

    fn record(&mut self, connector: &str) -> schemas::Poll {
        self.cycle += 1;
        let mut record = poll(connector, self.cycle, 10_000);
        record.started_at = self.mono + self.wall_ahead;
        record.mono_ms = self.mono + i64::from(self.poller) * 77;
        record.poller = format!("poller-{}", self.poller);
        record.uptime_cs = Some((self.mono - self.booted) / 10 % (1 << 32));
        record.instances = (0..self.ports).map(|port| format!("port {port}")).collect();
        record
    }

    fn does(&mut self, act: &Act) -> DeviceInput {
        let input = match act {
            Act::Poll { passed, counts, gauge, late_ms, connector } => {
                self.mono += passed;
                for (place, count) in counts.iter().enumerate() {
                    // Mostly small steps; one in three counters jumps.
                    let step = if count % 3 == 0 { *count } else { count % 10_000 };
                    self.counters[place] = self.counters[place].wrapping_add(u64::from(step));
                }
                let mut record = self.record(if *connector { "icmp" } else { "snmp" });
                let ports = self.ports;
                let c = |place: usize, bits: u64| (self.counters[place % 3] & bits) as i64;
                let low = u64::from(u32::MAX);
                record.columns = vec![
                    column(
                        "octets",
                        Kind::Counter32,
                        (0..ports).map(|p| c(p, low)).collect(),
                        vec![],
                    ),
                    column(
                        "packets",
                        Kind::Counter64,
                        (0..ports).map(|p| c(p, !0)).collect(),
                        vec![],
                    ),
                    column("level", Kind::Gauge, vec![], vec![*gauge; ports]),
                    column("state", Kind::State, vec![], vec![(gauge / 60.0).floor(); ports]),
                    column("since", Kind::Discontinuity, vec![self.marker; ports], vec![]),
                ];
                record.columns[0].ceiling = Some("level".to_owned());
                for one in &mut record.columns {
                    one.at_ms.fill(*late_ms);
                }
                DeviceInput::Poll(Box::new(record))
            }
            Act::Again => self.last.clone().unwrap_or(tick(0)),
            Act::Part { gauge } => match self.last.clone() {
                Some(DeviceInput::Poll(mut record)) => {
                    (record.part, record.parts) = (record.part + 1, record.part + 2);
                    record.instances = vec!["part".to_owned()];
                    record.columns = vec![column("level", Kind::Gauge, vec![], vec![*gauge])];
                    DeviceInput::Poll(record)
                }
                Some(other) => other,
                None => tick(0),
            },
            Act::Fail(outcome) => {
                self.mono += 10_000;
                let mut record = self.record(if *outcome % 2 == 0 { "icmp" } else { "snmp" });
                record.outcome = OUTCOMES[*outcome];
                record.error = Some(format!("fails by {outcome}"));
                record.uptime_cs = None;
                DeviceInput::Poll(Box::new(record))
            }
            Act::Reboot => {
                self.booted = self.mono;
                self.counters.fill(0);
                tick(self.mono + self.wall_ahead)
            }
            Act::Break => {
                self.marker += 1;
                tick(self.mono + self.wall_ahead)
            }
            Act::WallJump(by) => {
                self.wall_ahead += by;
                tick(self.mono + self.wall_ahead)
            }
            Act::OtherPoller => {
                self.poller += 1;
                tick(self.mono + self.wall_ahead)
            }
            Act::Control { present, enabled, snmp } => DeviceInput::Control(Control {
                tenant: "default".to_owned(),
                device: device(),
                name: "switch-1".to_owned(),
                present: *present,
                enabled: *enabled,
                snmp: *snmp,
                icmp: true,
                interval_ms: 10_000,
                at: self.mono + self.wall_ahead,
            }),
            Act::Tick(ahead) => DeviceInput::Tick(Tick { at: self.mono + self.wall_ahead + ahead }),
            Act::Fact(name, value) => {
                self.mono += 10_000;
                let mut record = self.record("snmp");
                record.facts = vec![Fact {
                    instance: format!("{}", name % 3),
                    name: format!("{}", name % 7),
                    value: format!("{value}"),
                }];
                DeviceInput::Poll(Box::new(record))
            }
            Act::More => {
                self.ports = (self.ports + 1).min(20);
                tick(self.mono + self.wall_ahead)
            }
        };
        self.last = Some(input.clone());
        input
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_is_the_same_however_it_is_cut(
        acts in proptest::collection::vec(act(), 1..160),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 1..6),
    ) {
        let mut world = World::new();
        let inputs: Vec<DeviceInput> = acts.iter().map(|act| world.does(act)).collect();

        let mut whole = Sink::default();
        let mut state = DeviceState::default();
        step_all(&mut state, &inputs, &mut whole);

        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(inputs.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Sink::default();
        let mut again = DeviceState::default();
        let mut from = 0;
        let mut sections = Sections::new();
        for cut in cuts {
            if step_all(&mut again, &inputs[from..cut], &mut pieces) {
                sections.clear();
            }
            again = reborn(&mut again, &mut sections);
            from = cut;
        }
        step_all(&mut again, &inputs[from..], &mut pieces);

        prop_assert_eq!(whole.outputs.len(), pieces.outputs.len());
        for (one, other) in whole.outputs.iter().zip(&pieces.outputs) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(&whole.counts, &pieces.counts);
        for (_, _, value) in whole.samples() {
            prop_assert!(value.is_finite());
        }
    }
}

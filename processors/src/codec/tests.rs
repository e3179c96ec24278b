use std::sync::OnceLock;

use hostile::{Damage, cases, damage, within};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use schemas::{Column, DeviceInput, Kind, Outcome, Poll, Tick};

use super::*;
use crate::{DeviceChain, DropReason, Out, Output, Processor};

struct Nothing;

impl Out for Nothing {
    fn emit(&mut self, _: Output) {}

    fn dropped(&mut self, _: DropReason) {}
}

proptest! {
    #[test]
    fn columns_come_back(
        values in proptest::collection::vec(
            prop_oneof![Just(0_u64), any::<u64>(), 0_u64..300, (0_u32..64).prop_map(|n| 1 << n)],
            0..200,
        ),
        signed in any::<i64>(),
    ) {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.column(values.iter().copied());
        writer.bits(values.iter().copied());
        writer.signed(signed);
        let sections = Sections::from([(0, bytes)]);
        let mut reader = Reader::of(&sections, 0).unwrap();
        prop_assert_eq!(reader.column(values.len()).unwrap(), values.clone());
        prop_assert_eq!(reader.bits(values.len()).unwrap(), values);
        prop_assert_eq!(reader.signed().unwrap(), signed);
        reader.end().unwrap();
    }

}

/// What a damaged snapshot and the steps after it may hold: the run of zeros that takes two bytes
/// stands for a column of as many series as a device may have.
const MEMORY: usize = 256 << 20;

proptest! {
    #![proptest_config(cases(1_500))]

    /// Damaged sections give an error that names section and byte, or a state that can be stepped
    /// and saved again.
    #[test]
    fn damaged_sections_are_an_error_or_a_state(
        all in proptest::collection::vec((any::<Index>(), damage()), 1..3),
    ) {
        within(MEMORY, || load_and_step(&all));
    }
}

/// Not all damage shows while loading, so what comes after is tested, too.
#[test]
fn some_damage_loads() {
    let mut runner = TestRunner::deterministic();
    let loads = (0..1_000).filter(|_| {
        let (section, damage) = (any::<Index>(), damage()).new_tree(&mut runner).unwrap().current();
        let mut sections = saved_once().clone();
        let section = section.index(sections.len());
        let bytes = sections.values_mut().nth(section).unwrap();
        *bytes = damage.of(bytes);
        load(&sections).is_ok()
    });
    let loads = loads.count();
    assert!((50..950).contains(&loads), "{loads} of 1000 load");
}

fn saved_once() -> &'static Sections {
    static WHOLE: OnceLock<Sections> = OnceLock::new();
    WHOLE.get_or_init(saved)
}

fn load_and_step(all: &[(Index, Damage)]) {
    let mut sections = saved_once().clone();
    for (section, damage) in all {
        let section = section.index(sections.len());
        let bytes = sections.values_mut().nth(section).unwrap();
        *bytes = damage.of(bytes);
    }
    let mut state = match load(&sections) {
        Ok(state) => state,
        Err(LoadError::Malformed { section, at, .. } | LoadError::Truncated { section, at }) => {
            assert!(at <= sections[&section].len(), "byte {at} of section {section}");
            return;
        }
        Err(LoadError::Missing { section }) => {
            assert!(!sections.contains_key(&section));
            return;
        }
        Err(error @ LoadError::Version { .. }) => panic!("{error}"),
    };
    let chain = DeviceChain::default();
    for cycle in [150, 151, 200, 201, 500] {
        chain.step(&mut state, &poll(cycle), &mut Nothing);
    }
    let tick = Tick { at: 1_800_000_000_000 };
    chain.step(&mut state, &DeviceInput::Tick(tick), &mut Nothing);
    let mut again = Sections::new();
    save(&mut state, &mut |section, bytes| drop(again.insert(section, bytes.to_vec())));
    sections.extend(again);
    load(&sections).unwrap();
}

fn poll(cycle: i64) -> DeviceInput {
    let column = |metric: &str, kind: Kind| Column {
        metric: metric.to_owned(),
        unit: "1".to_owned(),
        kind,
        scale: 1.0,
        ceiling: None,
        detect: true,
        quantum: 0.0,
        instances: vec![0, 1],
        at_ms: vec![3, 4],
        counts: if kind == Kind::Gauge { vec![] } else { vec![cycle * 77, cycle * 1_000] },
        gauges: if kind == Kind::Gauge { vec![0.1, (cycle % 7) as f64] } else { vec![] },
    };
    DeviceInput::Poll(Box::new(Poll {
        tenant: "default".to_owned(),
        device: DeviceId::from_source("test", "a"),
        connector: "snmp".to_owned(),
        cycle,
        part: 0,
        parts: 1,
        interval_ms: 60_000,
        started_at: 1_700_000_000_000 + cycle * 60_000,
        mono_ms: cycle * 60_000,
        poller: "p".to_owned(),
        duration_ms: 5,
        outcome: Outcome::Ok,
        error: None,
        uptime_cs: Some(cycle * 6_000),
        instances: vec!["a".to_owned(), "b".to_owned()],
        columns: vec![
            column("g", Kind::Gauge),
            column("c", Kind::Counter64),
            column("w", Kind::Counter32),
            column("d", Kind::Discontinuity),
        ],
        facts: vec![],
        identities: Vec::new(),
        target: 0,
    }))
}

/// Two saves, one on top of the other.
fn saved() -> Sections {
    let chain = DeviceChain::default();
    let mut state = DeviceState::default();
    let mut sections = Sections::new();
    for cycle in 0..150 {
        chain.step(&mut state, &poll(cycle), &mut Nothing);
        if cycle == 80 {
            save(&mut state, &mut |section, bytes| drop(sections.insert(section, bytes.to_vec())));
        }
    }
    save(&mut state, &mut |section, bytes| drop(sections.insert(section, bytes.to_vec())));
    sections
}

#[test]
fn errors_say_where() {
    let whole = saved();
    let mut unread = 0;
    for (section, bytes) in &whole {
        let mut sections = whole.clone();
        sections.remove(section);
        match load(&sections) {
            Err(error) => assert_eq!(error, LoadError::Missing { section: *section }),
            Ok(_) => {
                unread += 1;
                continue;
            }
        }
        sections.insert(*section, bytes[..bytes.len() - 1].to_vec());
        let cut = load(&sections).unwrap_err().to_string();
        assert!(cut.contains(&format!("section {section} of")), "{cut}");
        let mut longer = bytes.clone();
        longer.push(0);
        sections.insert(*section, longer);
        let text = load(&sections).unwrap_err().to_string();
        assert!(text.contains("bytes after the end"), "{text}");
    }
    assert_eq!(unread, 1, "the old bucket in whose place one is open");
}

/// What did not change is not saved again.
#[test]
fn sections_are_saved_when_they_change() {
    let chain = DeviceChain::default();
    let mut state = DeviceState::default();
    let written = |state: &mut DeviceState| {
        let mut numbers = Vec::new();
        save(state, &mut |section, _| numbers.push(section));
        numbers
    };
    // Buckets of the first save: one closed, its hour.
    for cycle in 0..10 {
        chain.step(&mut state, &poll(cycle), &mut Nothing);
    }
    let first = written(&mut state);
    assert_eq!(first[..3], [NOW, NAMES, SEASONS], "{first:?}");
    assert!(first.len() > 4, "{first:?}");
    chain.step(&mut state, &poll(10), &mut Nothing);
    assert_eq!(written(&mut state), [NOW]);
    for cycle in 11..16 {
        chain.step(&mut state, &poll(cycle), &mut Nothing);
    }
    let closed = written(&mut state);
    assert_eq!(closed.len(), 3, "the bucket that closed and its hour: {closed:?}");
    assert_eq!(written(&mut load(&saved()).unwrap()), [NOW], "as loaded");
}

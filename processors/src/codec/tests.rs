use proptest::prelude::*;
use schemas::{Column, DeviceInput, Kind, Outcome, Poll, Tick};

use super::*;
use crate::{Count, DeviceChain, Out, Output, Processor};

struct Nothing;

impl Out for Nothing {
    fn emit(&mut self, _: Output) {}

    fn count(&mut self, _: Count) {}
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

    /// Changed or cut bytes give an error or a state that can be stepped; never a panic.
    #[test]
    fn wrong_bytes_do_not_panic(
        section in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whether in any::<bool>(),
    ) {
        let mut sections = saved();
        let section = section.index(sections.len());
        let bytes = sections.values_mut().nth(section).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if whether {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(mut state) = load(&sections) {
            let chain = DeviceChain::default();
            for cycle in [200, 201, 500] {
                chain.step(&mut state, &poll(cycle), &mut Nothing);
            }
            let tick = Tick { at: 1_800_000_000_000 };
            chain.step(&mut state, &DeviceInput::Tick(tick), &mut Nothing);
        }
    }
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

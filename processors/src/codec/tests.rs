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
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.column(values.len()).unwrap(), values.clone());
        prop_assert_eq!(reader.bits(values.len()).unwrap(), values);
        prop_assert_eq!(reader.signed().unwrap(), signed);
        reader.end().unwrap();
    }

    /// Changed or cut bytes give an error or a state that can be stepped; never a panic.
    #[test]
    fn wrong_bytes_do_not_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whether in any::<bool>(),
    ) {
        let mut bytes = saved();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if whether {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(mut state) = load(&bytes) {
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

fn saved() -> Vec<u8> {
    let chain = DeviceChain::default();
    let mut state = DeviceState::default();
    for cycle in 0..150 {
        chain.step(&mut state, &poll(cycle), &mut Nothing);
    }
    let mut bytes = Vec::new();
    chain.save(&state, &mut bytes);
    bytes
}

#[test]
fn errors_say_where() {
    let bytes = saved();
    let cut = load(&bytes[..bytes.len() - 1]).unwrap_err();
    assert!(matches!(cut, LoadError::Truncated { .. } | LoadError::Malformed { .. }), "{cut}");
    let mut longer = bytes;
    longer.push(0);
    let text = load(&longer).unwrap_err().to_string();
    assert!(text.contains("bytes after the end"), "{text}");
    assert!(load(&[]).is_err());
}

//! The Rust types and the `.avsc` files say the same, byte for byte, and records cross versions in
//! both directions.

#![allow(clippy::unwrap_used, clippy::panic)] // A test that cannot go on ends.
#![allow(deprecated)] // The datum functions are the oldest and plainest second opinion.

mod common;

use apache_avro::types::Value;
use apache_avro::{Schema, from_avro_datum, to_avro_datum};
use common::{device, poll};
use schemas::*;

/// Both codecs write the same bytes, and ours reads what it wrote.
fn check<T: AvroRecord + PartialEq + std::fmt::Debug>(record: &T) {
    let store = SchemaStore::new();
    let bytes = encode(record).unwrap();
    assert_eq!(&T::decode(&store, &bytes).unwrap(), record);
    let schema = Schema::parse_str(T::JSON).unwrap();
    let value = from_avro_datum(&schema, &mut &bytes[5..], None).unwrap();
    assert_eq!(to_avro_datum(&schema, value).unwrap(), bytes[5..], "{}", T::NAME);
    for end in 0..bytes.len() {
        let error = T::decode(&store, &bytes[..end]).unwrap_err();
        assert_eq!(error.reason(), "truncated", "{} cut at {end}: {error}", T::NAME);
    }
}

#[test]
fn every_record_agrees_with_its_schema() {
    struct Check;
    impl common::Visit for Check {
        fn see<T: AvroRecord + PartialEq + std::fmt::Debug>(&mut self, record: &T) {
            check(record);
        }
    }
    common::visit_all(&mut Check);
}

/// The general codec reads the same from the same bytes: under another id it is asked.
fn check_general<T: AvroRecord + PartialEq + std::fmt::Debug>(record: &T) {
    let store = SchemaStore::new();
    store.learn(77, T::JSON).unwrap();
    let mut bytes = encode(record).unwrap();
    bytes[1..5].copy_from_slice(&77_u32.to_be_bytes());
    assert_eq!(&T::decode(&store, &bytes).unwrap(), record);
}

#[test]
fn both_codecs_agree() {
    use Outcome::*;
    let kinds = [Kind::Gauge, Kind::Counter32, Kind::Counter64, Kind::State, Kind::Discontinuity];
    let outcomes =
        [Ok, Partial, Timeout, Unreachable, NoCredential, NotPermitted, Malformed, Failed, Skipped];
    for (outcome, kind) in outcomes.into_iter().zip(kinds.into_iter().cycle()) {
        let mut poll = Poll { outcome, cycle: i64::MIN, mono_ms: i64::MAX, ..poll() };
        (poll.columns[0].kind, poll.columns[1].kind) = (kind, kind);
        for column in &mut poll.columns {
            column.counts = vec![-1];
            column.gauges = vec![f64::NEG_INFINITY];
        }
        check(&poll);
        check_general(&poll);
    }
    let reasons = [
        GapReason::First,
        GapReason::Reset,
        GapReason::Discontinuity,
        GapReason::Gap,
        GapReason::Implausible,
        GapReason::Unknown,
    ];
    let gap = |(reason, at_ms)| Gap { series: SeriesId(i64::from(at_ms)), at_ms, reason };
    check_general(&MetricBatch {
        tenant: "default".into(),
        device: device(),
        at: 5,
        series: [i64::MIN, -64, 63, 64, i64::MAX].map(SeriesId).to_vec(),
        at_ms: vec![i32::MIN, -1, 0, 1, i32::MAX],
        values: vec![1.5, -0.0, f64::MIN_POSITIVE, f64::MAX, 0.1],
        flags: vec![0; 5],
        gaps: reasons.into_iter().zip(-3..).map(gap).collect(),
        interval_ms: 0,
        connector: String::new(),
        answered: true,
    });
}

/// What a poll was read into before leaves nothing behind.
#[test]
fn polls_are_read_into_earlier_ones() {
    let store = SchemaStore::new();
    let bare = Poll {
        error: None,
        uptime_cs: None,
        instances: vec!["x".into()],
        columns: poll().columns.split_off(1),
        facts: vec![],
        ..poll()
    };
    let none = Poll { columns: vec![], instances: vec![], ..poll() };
    let mut spare = None;
    for poll in [poll(), bare, none, poll()] {
        let bytes = encode(&poll).unwrap();
        match DeviceInput::decode(&store, &bytes, &mut spare).unwrap() {
            DeviceInput::Poll(read) => {
                assert_eq!(*read, poll);
                spare = Some(read);
            }
            other @ (DeviceInput::Control(_) | DeviceInput::Tick(_)) => panic!("{other:?}"),
        }
        assert!(DeviceInput::decode(&store, &bytes[..60], &mut spare).is_err());
    }
}

/// Other writers may part an array into blocks, and say their size.
#[test]
fn arrays_come_in_blocks() {
    let batch = MetricBatch {
        tenant: String::new(),
        device: device(),
        at: 0,
        series: vec![SeriesId(1), SeriesId(2), SeriesId(3)],
        at_ms: vec![0; 3],
        values: vec![0.0; 3],
        flags: vec![],
        gaps: vec![],
        interval_ms: 0,
        connector: String::new(),
        answered: true,
    };
    let bytes = encode(&batch).unwrap();
    let whole = [6, 2, 4, 6, 0];
    let place = bytes.windows(5).position(|window| window == whole).unwrap();
    // Two items in a block of two bytes, then one.
    let parted = [3, 4, 2, 4, 2, 6, 0];
    let parted = [&bytes[..place], &parted, &bytes[place + 5..]].concat();
    assert_eq!(MetricBatch::decode(&SchemaStore::new(), &parted).unwrap(), batch);
}

#[test]
fn shipped_ids_are_distinct_and_local() {
    let mut ids: Vec<_> = shipped().iter().map(|schema| schema.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), shipped().len());
    assert!(ids.iter().all(|id| *id >= LOCAL_ID_BASE && *id <= i32::MAX as u32));
}

/// A writer's schema made from ours, as an older or newer release would have it.
fn edited(json: &str, edit: impl FnOnce(&mut Vec<serde_json::Value>)) -> String {
    let mut schema: serde_json::Value = serde_json::from_str(json).unwrap();
    edit(schema["fields"].as_array_mut().unwrap());
    schema.to_string()
}

fn name(field: &serde_json::Value) -> &str {
    field["name"].as_str().unwrap()
}

/// Writes `record` as the edited schema would and reads it back as today's type.
fn across(json: &str, fields: &[(&str, Value)], reader: &SchemaStore) -> Vec<u8> {
    let id = 77;
    reader.learn(id, json).unwrap();
    let schema = Schema::parse_str(json).unwrap();
    let record = Value::Record(fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect());
    let mut bytes = vec![0];
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend(to_avro_datum(&schema, record).unwrap());
    bytes
}

fn control_fields() -> Vec<(&'static str, Value)> {
    vec![
        ("tenant", Value::String("t".into())),
        ("device", Value::Uuid(device().0)),
        ("name", Value::String("n".into())),
        ("present", Value::Boolean(true)),
        ("enabled", Value::Boolean(false)),
        ("snmp", Value::Boolean(false)),
        ("icmp", Value::Boolean(false)),
        ("interval_ms", Value::Long(5)),
        ("at", Value::TimestampMillis(9)),
    ]
}

/// An old writer lacked every field that has a default; the reader fills them in.
#[test]
fn reads_older_writers() {
    for schema in shipped() {
        let old = edited(schema.json, |fields| fields.retain(|f| f.get("default").is_none()));
        let old = Schema::parse_str(&old).unwrap();
        let new = Schema::parse_str(schema.json).unwrap();
        apache_avro::schema_compatibility::SchemaCompatibility::can_read(&old, &new)
            .unwrap_or_else(|error| panic!("{}: {error}", schema.name));
    }
    let store = SchemaStore::new();
    let json = edited(Control::JSON, |fields| fields.retain(|f| f.get("default").is_none()));
    let fields: Vec<_> = control_fields()
        .into_iter()
        .filter(|(field, _)| ["device", "present", "at"].contains(field))
        .collect();
    let control = Control::decode(&store, &across(&json, &fields, &store)).unwrap();
    assert_eq!(
        (control.tenant.as_str(), control.enabled, control.interval_ms),
        ("default", true, 60_000)
    );
}

/// A newer writer has a field that this reader does not know, an enum symbol too, and another
/// order of fields.
#[test]
fn reads_newer_writers() {
    let store = SchemaStore::new();
    let json = edited(Control::JSON, |fields| {
        let extra = serde_json::json!({"name": "vrf", "type": {"type": "map", "values": "string"}, "default": {}});
        fields.insert(1, extra);
        fields.reverse();
    });
    let mut fields = control_fields();
    fields.insert(1, ("vrf", Value::Map([("a".to_owned(), Value::String("b".into()))].into())));
    fields.reverse();
    let control = Control::decode(&store, &across(&json, &fields, &store)).unwrap();
    assert_eq!((control.tenant.as_str(), control.at, control.enabled), ("t", 9, false));

    let json = edited(DeviceStatus::JSON, |fields| {
        let state = fields.iter_mut().find(|f| name(f) == "state").unwrap();
        state["type"]["symbols"].as_array_mut().unwrap().push("MAINTENANCE".into());
    });
    let fields = [
        ("tenant", Value::String("t".into())),
        ("device", Value::Uuid(device().0)),
        ("state", Value::Enum(4, "MAINTENANCE".into())),
        ("since", Value::TimestampMillis(1)),
        ("at", Value::TimestampMillis(1)),
        ("reason", Value::String(String::new())),
    ];
    let status = DeviceStatus::decode(&store, &across(&json, &fields, &store)).unwrap();
    assert_eq!(status.state, Availability::Unknown);
}

#[test]
fn refusals_name_the_place() {
    let store = SchemaStore::new();
    let check = |bytes: &[u8], reason: &str, text: &str| {
        let error = DeviceInput::decode(&store, bytes, &mut None).unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    };
    check(&[], "truncated", "0 bytes");
    check(&[0, 1], "truncated", "header");
    check(b"{\"a\":1}", "malformed", "0x7b");
    check(&[0, 0, 0, 0, 9, 1], "unknown_schema", "schema id 9");
    let status = encode(&DeviceStatus {
        tenant: "t".into(),
        device: device(),
        state: Availability::Up,
        since: 0,
        at: 0,
        reason: String::new(),
    });
    check(&status.unwrap(), "wrong_type", "DeviceStatus");
    let bytes = encode(&poll()).unwrap();
    check(&bytes[..40], "truncated", "40 bytes");
    let mut uneven = poll();
    uneven.columns[0].at_ms.clear();
    check(&encode(&uneven).unwrap(), "malformed", "if_in_bps");
    let mut outside = poll();
    outside.columns[0].instances[0] = 2;
    check(&encode(&outside).unwrap(), "malformed", "names instance 2 of 2");
}

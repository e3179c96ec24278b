//! Whatever lies on a topic: an error that says what is wrong, or a record that holds together.
//! Every record type, cut, flipped, spliced, under wrong ids and under schemas of other writers.

#![allow(clippy::unwrap_used, clippy::panic)] // A test that cannot go on ends.

mod common;

use hostile::{Corpus, cases, within};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use schemas::*;
use serde_json::{Value, json};

#[global_allocator]
static METER: hostile::Meter = hostile::Meter;

/// An array's item takes a byte on the log and so much in memory, and a vector that grows has
/// itself twice.
const MEMORY_PER_BYTE: usize = 1_024;
const MEMORY: usize = 64 << 10;
/// Where the schemas of other writers are put: one after the other, each test has its own place.
const OTHER: SchemaId = 77;
const TEXT: SchemaId = 78;
const SAME: SchemaId = 79;

/// Decodes as every type; how many took it.
fn read_all(store: &SchemaStore, bytes: &[u8]) -> usize {
    let read = decode_as_each(store, bytes);
    assert_eq!(read.len(), shipped().len(), "a record type is left out");
    for error in read.iter().filter_map(|read| read.as_ref().err()) {
        assert!(!error.reason().is_empty() && !error.to_string().is_empty());
    }
    let input = DeviceInput::decode(store, bytes, &mut None).is_ok();
    let taken = read.iter().filter(|read| read.is_ok()).count();
    assert!(taken <= 1, "one record is taken for {taken} types");
    assert!(!input || taken == 1);
    taken
}

fn allowed(bytes: &[u8]) -> usize {
    MEMORY + MEMORY_PER_BYTE * bytes.len()
}

proptest! {
    #![proptest_config(cases(6_000))]

    #[test]
    fn any_bytes_are_a_record_or_an_error(
        bytes in Corpus::new(common::encoded()).bytes(),
    ) {
        let store = common::store();
        within(allowed(&bytes), || read_all(store, &bytes));
    }
}

/// What this binary's own codec takes, the general one takes too, and for the same record. Under an
/// id that is not ours the general one is asked.
fn agree<T: AvroRecord>(bytes: &[u8]) {
    let store = common::store();
    let Ok(own) = T::decode(store, bytes) else { return };
    let mut other = bytes.to_vec();
    other[1..5].copy_from_slice(&SAME.to_be_bytes());
    store.learn(SAME, T::JSON).unwrap();
    let general = T::decode(store, &other).unwrap();
    // As bytes, for a NaN is not equal to itself.
    assert_eq!(encode(&own).unwrap(), encode(&general).unwrap());
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn the_codecs_agree(
        bytes in Corpus::new(common::encoded().into_iter().filter(|bytes| {
            [Poll::NAME, MetricBatch::NAME].contains(&common::name(bytes).as_str())
        }))
        .bytes(),
    ) {
        agree::<Poll>(&bytes);
        agree::<MetricBatch>(&bytes);
    }
}

/// What a schema of another writer may say of a field.
fn types() -> Vec<Value> {
    let record =
        |name: &str, fields: Value| json!({"type": "record", "name": name, "fields": fields});
    vec![
        json!("null"),
        json!("boolean"),
        json!("int"),
        json!("long"),
        json!("float"),
        json!("double"),
        json!("bytes"),
        json!("string"),
        json!(["null", "long"]),
        json!(["string", "null", "double", {"type": "array", "items": "int"}]),
        json!({"type": "array", "items": "long"}),
        json!({"type": "array", "items": "string"}),
        json!({"type": "array", "items": {"type": "array", "items": "boolean"}}),
        json!({"type": "array", "items": "null"}),
        json!({"type": "map", "values": "null"}),
        json!({"type": "map", "values": {"type": "array", "items": "bytes"}}),
        json!({"type": "fixed", "name": "Sixteen", "size": 16}),
        json!({"type": "fixed", "name": "Huge", "size": 4_611_686_018_427_387_904_u64}),
        json!({"type": "enum", "name": "Odd", "symbols": ["OK", "A", "B"]}),
        json!({"type": "string", "logicalType": "uuid"}),
        json!({"type": "long", "logicalType": "timestamp-micros"}),
        json!({"type": {"type": "fixed", "name": "D", "size": 12}, "logicalType": "duration"}),
        json!({"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 0}),
        json!({"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 28}),
        json!({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 4_000_000}),
        json!({"type": "fixed", "name": "M", "size": 40, "logicalType": "decimal", "precision": 90,
            "scale": 3}),
        record("Empty", json!([])),
        record("List", json!([{"name": "next", "type": ["null", "List"]}])),
        record("Tree", json!([{"name": "of", "type": {"type": "array", "items": "Tree"}}])),
        record("Endless", json!([{"name": "own", "type": "Endless"}])),
        record("Pair", json!([{"name": "a", "type": "string"}, {"name": "b", "type": "double"}])),
        json!("nobody.Knows"),
        json!(5),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    Remove(Index),
    Add(Index, Index),
    Retype(Index, Index),
    Rename(Index, Index),
    Swap(Index, Index),
    Namespace,
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Change::Remove),
        (index(), index()).prop_map(|(at, kind)| Change::Add(at, kind)),
        (index(), index()).prop_map(|(at, kind)| Change::Retype(at, kind)),
        (index(), index()).prop_map(|(at, other)| Change::Rename(at, other)),
        (index(), index()).prop_map(|(at, other)| Change::Swap(at, other)),
        Just(Change::Namespace),
    ]
}

fn changed(json: &str, changes: &[Change]) -> String {
    let (mut schema, types): (Value, _) = (serde_json::from_str(json).unwrap(), types());
    for (number, change) in changes.iter().enumerate() {
        let fields = schema["fields"].as_array_mut().unwrap();
        let count = fields.len();
        if count == 0 && !matches!(change, Change::Add(..) | Change::Namespace) {
            continue;
        }
        match change {
            Change::Namespace => schema["namespace"] = json!("net.other"),
            Change::Add(at, kind) => {
                let field = json!({"name": format!("extra_{number}"), "type": types[kind.index(types.len())]});
                fields.insert(at.index(fields.len() + 1), field);
            }
            Change::Remove(at) => drop(fields.remove(at.index(count))),
            Change::Retype(at, kind) => {
                fields[at.index(count)]["type"] = types[kind.index(types.len())].clone();
            }
            Change::Rename(at, other) => {
                let name = fields[other.index(count)]["name"].clone();
                fields[at.index(count)]["name"] = name;
            }
            Change::Swap(at, other) => fields.swap(at.index(count), other.index(count)),
        }
    }
    schema.to_string()
}

proptest! {
    #![proptest_config(cases(3_000))]

    /// The schema topic is as hostile as any other.
    #[test]
    fn any_schema_of_another_writer_is_read_by_or_refused(
        schema in any::<Index>(),
        changes in vec(change(), 0..5),
        bytes in Corpus::new(common::encoded()).bytes(),
    ) {
        let json = changed(shipped()[schema.index(shipped().len())].json, &changes);
        let store = common::store();
        let learnt = within(1 << 20, || store.learn(OTHER, &json));
        let mut bytes = bytes;
        if bytes.len() >= 5 {
            bytes[..5].copy_from_slice(&[0, 0, 0, 0, OTHER as u8]);
        }
        match learnt {
            Ok(()) => drop(within(allowed(&bytes), || read_all(store, &bytes))),
            Err(error) => assert!(error.to_string().contains("schema 77"), "{error}"),
        }
    }

    #[test]
    fn any_text_is_a_schema_or_an_error(
        json in Corpus::new(shipped().iter().map(|schema| schema.json))
            .with_words(&["\"null\"", "\"array\"", "{\"type\": ", "[[[[", "4611686018427387904"])
            .text(),
    ) {
        let store = common::store();
        let before = store.json(TEXT);
        if let Err(error) = within(1 << 20, || store.learn(TEXT, &json)) {
            assert!(error.to_string().contains("schema 78"), "{error}");
            assert_eq!(store.json(TEXT), before);
        }
    }
}

/// A few bytes that say that they hold a thousand million things.
#[test]
fn an_array_of_nothing_is_refused() {
    let store = SchemaStore::new();
    let json = changed(Tick::JSON, &[]).replace(
        "\"fields\":[",
        "\"fields\":[{\"name\":\"all\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},",
    );
    let error = store.learn(OTHER, &json).unwrap_err();
    assert!(error.to_string().contains("the array Tick.all take no bytes"), "{error}");
}

/// Who can write to the schema topic cannot make our own records mean something else.
#[test]
fn the_text_behind_a_fingerprint_cannot_be_replaced() {
    let store = SchemaStore::new();
    let (tick, control) = (&shipped()[3], &shipped()[2]);
    let error = store.learn(tick.id, control.json).unwrap_err();
    assert!(error.to_string().contains("another schema's"), "{error}");
    assert_eq!(store.name(tick.id).unwrap(), tick.name);
    let spaced = tick.json.replace('\n', "\n  ");
    store.learn(tick.id, &spaced).unwrap();
}

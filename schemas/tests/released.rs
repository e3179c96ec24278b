//! What a release wrote today's program reads, and the other way round: `avro/released` holds the
//! schemas of each release as they were, one folder each. They are never edited; a release adds
//! its own.

// A test that cannot go on ends.
#![allow(clippy::unwrap_used, clippy::panic, clippy::wildcard_enum_match_arm)]
#![allow(deprecated)] // The datum functions are the oldest and plainest second opinion.

use std::collections::BTreeMap;
use std::path::Path;

use apache_avro::schema::Schema;
use apache_avro::schema_compatibility::SchemaCompatibility;
use apache_avro::types::Value;
use apache_avro::{from_avro_datum, to_avro_datum};
use schemas::*;

/// Each release's schemas by full name.
fn releases() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut releases = BTreeMap::new();
    for folder in std::fs::read_dir(Path::new("avro/released")).unwrap() {
        let folder = folder.unwrap().path();
        let mut schemas = BTreeMap::new();
        for file in std::fs::read_dir(&folder).unwrap() {
            let json = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let schema: serde_json::Value = serde_json::from_str(&json).unwrap();
            let text = |field: &str| schema[field].as_str().unwrap();
            schemas.insert(format!("{}.{}", text("namespace"), text("name")), json);
        }
        releases.insert(folder.file_name().unwrap().to_string_lossy().into_owned(), schemas);
    }
    releases
}

/// Values of a schema: `turn` chooses among symbols and branches.
fn value(schema: &Schema, turn: usize) -> Value {
    match schema {
        Schema::Boolean => Value::Boolean(turn.is_multiple_of(2)),
        Schema::Int => Value::Int(0),
        Schema::Long => Value::Long(7),
        Schema::Double => Value::Double(1.5),
        Schema::Bytes => Value::Bytes(vec![0, 255]),
        Schema::String => Value::String("text".to_owned()),
        Schema::Uuid(_) => Value::Uuid(DeviceId::from_source("test", "one").0),
        Schema::TimestampMillis => Value::TimestampMillis(1_700_000_000_000),
        Schema::Null => Value::Null,
        // Arrays that run in parallel are of one length, and an index is 0.
        Schema::Array(array) => Value::Array(vec![value(&array.items, turn)]),
        Schema::Enum(symbols) => {
            let place = turn % symbols.symbols.len();
            Value::Enum(u32::try_from(place).unwrap(), symbols.symbols[place].clone())
        }
        Schema::Union(union) => {
            let place = turn % union.variants().len();
            let branch = value(&union.variants()[place], turn);
            Value::Union(u32::try_from(place).unwrap(), Box::new(branch))
        }
        Schema::Record(record) => {
            let field = |field: &apache_avro::schema::RecordField| match field.name.as_str() {
                // Part 0 of 1.
                "parts" => (field.name.clone(), Value::Int(1)),
                _ => (field.name.clone(), value(&field.schema, turn)),
            };
            Value::Record(record.fields.iter().map(field).collect())
        }
        other => panic!("no value for {other:?}"),
    }
}

const RELEASED: u32 = 77;
const TURNS: usize = 12;

/// Today's type reads all that the release could write.
fn read_by_today<T: AvroRecord>(released: &str) {
    let store = SchemaStore::new();
    store.learn(RELEASED, released).unwrap();
    let schema = Schema::parse_str(released).unwrap();
    for turn in 0..TURNS {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&RELEASED.to_be_bytes());
        bytes.extend(to_avro_datum(&schema, value(&schema, turn)).unwrap());
        let read = T::decode(&store, &bytes);
        assert!(read.is_ok(), "{} of the release: {:?}", T::NAME, read.err());
    }
}

#[test]
fn records_cross_releases_in_both_directions() {
    let releases = releases();
    assert!(releases.contains_key("0.1"));
    for (release, schemas) in &releases {
        for (name, released) in schemas {
            let at = format!("{name} of release {release}");
            let today = shipped().iter().find(|today| today.name == name);
            let today = Schema::parse_str(today.unwrap_or_else(|| panic!("{at} is gone")).json);
            let (old, new) = (Schema::parse_str(released).unwrap(), today.unwrap());
            SchemaCompatibility::can_read(&old, &new)
                .unwrap_or_else(|error| panic!("today's program cannot read {at}: {error}"));
            SchemaCompatibility::can_read(&new, &old)
                .unwrap_or_else(|error| panic!("{at} cannot read today's: {error}"));
            for turn in 0..TURNS {
                let bytes = to_avro_datum(&new, value(&new, turn)).unwrap();
                let read = from_avro_datum(&new, &mut bytes.as_slice(), Some(&old));
                assert!(read.is_ok(), "{at} cannot read today's: {:?}", read.err());
            }
        }
        let read = |name: &str| schemas[name].as_str();
        read_by_today::<Device>(read(Device::NAME));
        read_by_today::<Poll>(read(Poll::NAME));
        read_by_today::<Control>(read(Control::NAME));
        read_by_today::<Tick>(read(Tick::NAME));
        read_by_today::<MetricBatch>(read(MetricBatch::NAME));
        read_by_today::<Rollup>(read(Rollup::NAME));
        read_by_today::<Baseline>(read(Baseline::NAME));
        read_by_today::<Anomaly>(read(Anomaly::NAME));
        read_by_today::<DeviceStatus>(read(DeviceStatus::NAME));
        read_by_today::<DeviceFacts>(read(DeviceFacts::NAME));
        read_by_today::<Series>(read(Series::NAME));
        read_by_today::<DeadLetter>(read(DeadLetter::NAME));
        assert_eq!(schemas.len(), 12, "release {release}");
    }
}

/// The check above would see every change that breaks a reader.
#[test]
fn a_change_that_breaks_a_reader_is_seen() {
    let schema = |edit: &dyn Fn(&mut Vec<serde_json::Value>)| {
        let mut schema: serde_json::Value = serde_json::from_str(Control::JSON).unwrap();
        edit(schema["fields"].as_array_mut().unwrap());
        Schema::parse_str(&schema.to_string()).unwrap()
    };
    let today = schema(&|_| {});
    let place = |fields: &[serde_json::Value], name: &str| {
        fields.iter().position(|field| field["name"] == name).unwrap()
    };
    type Edit<'a> = &'a dyn Fn(&mut Vec<serde_json::Value>);
    let broken: [(&str, Edit<'_>); 4] = [
        ("a field without default", &|fields| {
            fields.push(serde_json::json!({"name": "vrf", "type": "string"}));
        }),
        ("a field renamed", &|fields| {
            let at = place(fields, "present");
            fields[at]["name"] = "there".into();
        }),
        ("a field removed", &|fields| {
            let at = place(fields, "present");
            fields.remove(at);
        }),
        ("a field's type changed", &|fields| {
            let at = place(fields, "interval_ms");
            fields[at]["type"] = "string".into();
            fields[at]["default"] = "".into();
        }),
    ];
    for (what, edit) in broken {
        let edited = schema(edit);
        let both = SchemaCompatibility::can_read(&today, &edited)
            .and_then(|_| SchemaCompatibility::can_read(&edited, &today));
        assert!(both.is_err(), "{what} goes unseen");
    }
}

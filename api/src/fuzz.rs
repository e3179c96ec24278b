//! Whatever a client sends as a body or a query: a value, or a refusal that names the field and
//! repeats no secret.

use hostile::{Corpus, cases, damage, within};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::endpoints::anomalies::AnomalyQuery;
use crate::endpoints::credentials::input::ReadSecret;
use crate::endpoints::device_groups::input::DeviceGroupInput;
use crate::endpoints::device_groups::list::GroupQuery;
use crate::endpoints::devices::input::DeviceInput;
use crate::endpoints::devices::list::DeviceQuery;
use crate::endpoints::events::EventsQuery;
use crate::endpoints::password::Passwords;
use crate::endpoints::pollers::PollerQuery;
use crate::endpoints::probe::DeviceTestInput;
use crate::endpoints::process_log::LogQuery;
use crate::endpoints::samples::SamplesQuery;
use crate::endpoints::series::SeriesQuery;
use crate::endpoints::session::Login;
use crate::entities::history::HistoryQuery;
use crate::http::{ApiError, Fields};

const MEMORY: usize = 256 << 10;
const SECRET: &str = "x7Q0q7x-secret";

/// Reads the same fields as everything that takes a body, or everything that takes a query.
fn read_all(fields: impl Fn() -> Fields, body: bool) -> Vec<ApiError> {
    let results = if body {
        vec![
            fields().read::<ReadSecret>().err(),
            fields().read::<DeviceInput>().err(),
            fields().read::<DeviceGroupInput>().err(),
            fields().read::<DeviceTestInput>().err(),
            fields().read::<Passwords>().err(),
            fields().read::<Login>().err(),
        ]
    } else {
        vec![
            fields().read::<AnomalyQuery>().err(),
            fields().read::<DeviceQuery>().err(),
            fields().read::<EventsQuery>().err(),
            fields().read::<GroupQuery>().err(),
            fields().read::<HistoryQuery>().err(),
            fields().read::<PollerQuery>().err(),
            fields().read::<LogQuery>().err(),
            fields().read::<SamplesQuery>().err(),
            fields().read::<SeriesQuery>().err(),
        ]
    };
    results.into_iter().flatten().collect()
}

fn check(errors: &[ApiError]) {
    for error in errors {
        let ApiError::Invalid(errors) = error else { panic!("{error}") };
        assert!(!errors.is_empty() && errors.iter().all(|error| !error.detail.is_empty()));
    }
}

fn bodies() -> Vec<Value> {
    vec![
        json!({"kind": "snmp_v2c", "community": SECRET}),
        json!({"username": "admin", "password": SECRET}),
        json!({"current_password": SECRET, "new_password": SECRET}),
        json!({"address": "192.0.2.1", "name": "a", "port": 161, "profile": "auto", "tags": ["a"],
            "credential": "lab", "site": "b", "interval_ms": 60_000, "snmp": true, "icmp": false,
            "enabled": true}),
        json!({"name": "a", "description": "b\nc", "site": "d", "tags": ["e"],
            "devices": ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]}),
        json!({"address": "2001:db8::1", "port": 161.0, "credential": null}),
    ]
}

/// Where a secret may stand, whatever else it should be.
fn wrapped(secret: &str) -> Vec<Value> {
    vec![
        json!(secret),
        json!([secret]),
        json!({ "value": secret }),
        json!({ "value": [secret, 1.5] }),
        json!(format!("{secret}\u{0}")),
        json!(secret.repeat(40)),
        json!(format!(" {secret}\n")),
    ]
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn any_body_is_read_or_refused_field_by_field(
        bytes in Corpus::new(bodies().iter().map(Value::to_string))
            .with_words(&["null", "1e999", "-1", "\\u0000", "\\ud800", "[[[[", "\"\"", "1.5"])
            .bytes(),
    ) {
        if let Ok(Value::Object(map)) = serde_json::from_slice(&bytes) {
            check(&within(MEMORY, || read_all(|| Fields::of_body(map.clone()), true)));
        }
    }

    #[test]
    fn any_query_is_read_or_refused_field_by_field(
        texts in proptest::collection::vec(
            (
                select(vec!["cursor", "from", "to", "limit", "points", "sort", "state", "device",
                    "series", "open", "q", "site", "group", "instance", "metric"]),
                Corpus::new(["0", "7258118400000", "true", "state", "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                    "0123456789abcdef", "WyJvbnNldCIsWzAsImEiXV0", "WyJzdGF0ZSIsWzAsImEiLCIiXV0"])
                    .text(),
            ),
            0..6,
        ),
    ) {
        let pairs: Vec<(String, String)> =
            texts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        check(&within(MEMORY, || read_all(|| Fields::of_query(pairs.clone()), false)));
    }

    /// A secret in its field, but as another type, too long, or with what no field takes; or in
    /// another field.
    #[test]
    fn no_refusal_repeats_a_secret(
        body in any::<Index>(),
        field in any::<Index>(),
        value in any::<Index>(),
        damage in proptest::option::of(damage()),
    ) {
        let bodies = bodies();
        let Value::Object(mut map) = bodies[body.index(bodies.len())].clone() else { panic!() };
        let name = map.keys().nth(field.index(map.len())).cloned().unwrap_or_default();
        let wrapped = wrapped(SECRET);
        map.insert(name, wrapped[value.index(wrapped.len())].clone());
        if let Some(damage) = damage {
            let text = damage.of(b"field");
            map.insert(String::from_utf8_lossy(&text).into_owned(), json!(SECRET));
        }
        let errors = read_all(|| Fields::of_body(map.clone()), true);
        for error in errors {
            assert!(!format!("{error:?} {error}").contains(SECRET), "{error:?}");
        }
    }
}

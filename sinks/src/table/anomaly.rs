//! Anomalies: one row each as its last transition left it, and every transition.

use std::collections::BTreeMap;

use schemas::{Anomaly, Transition};
use serde::Serialize;
use sqlx::PgConnection;

use crate::check::{self, DAY_MS, MAX_INSTANCE, MAX_NAME, Refusal};
use crate::table::{Care, Counts, Failure, Row, Table, Tombstone, execute_json, puts};

/// Transitions older than this against the log are absurd; the onset may be older.
const MAX_AGE_MS: i64 = 2 * 365 * DAY_MS;

/// `Anomaly` → `anomaly`, `anomaly_event`.
#[derive(Debug)]
pub struct Anomalies;

#[derive(Serialize)]
struct AnomalyRow<'a> {
    #[serde(flatten)]
    anomaly: &'a Anomaly,
    word: &'static str,
    cleared_at: Option<i64>,
}

/// The column's word for a transition.
fn word(transition: Transition) -> &'static str {
    match transition {
        Transition::Onset => "onset",
        Transition::Change => "change",
        Transition::Clear => "clear",
    }
}

impl Table for Anomalies {
    const NAME: &'static str = "anomaly";
    const TOMBSTONE: Tombstone = Tombstone::Refused;
    type Record = Anomaly;

    fn check(anomaly: &Anomaly, append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[
            ("tenant", &anomaly.tenant, check::MAX_TENANT),
            ("id", &anomaly.id, MAX_NAME),
            ("device_name", &anomaly.device_name, MAX_INSTANCE),
            ("metric", &anomaly.metric, MAX_NAME),
            ("instance", &anomaly.instance, MAX_INSTANCE),
            ("unit", &anomaly.unit, MAX_NAME),
            ("method", &anomaly.method, MAX_NAME),
        ])?;
        check::instant("at", anomaly.at, append_ms, MAX_AGE_MS)?;
        check::instant("onset_at", anomaly.onset_at, append_ms, MAX_AGE_MS)?;
        let numbers =
            [anomaly.value, anomaly.expected, anomaly.lower, anomaly.upper, anomaly.score];
        check::finite("value, expected, lower, upper, score", &numbers)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Anomaly>],
        _care: Care,
    ) -> Result<Counts, Failure> {
        let (mut now, mut events) = (BTreeMap::new(), BTreeMap::new());
        for anomaly in puts(rows) {
            let cleared_at = (anomaly.transition == Transition::Clear).then_some(anomaly.at);
            let row = || AnomalyRow { anomaly, word: word(anomaly.transition), cleared_at };
            events.insert((anomaly.id.as_str(), word(anomaly.transition), anomaly.at), row());
            now.insert(anomaly.id.as_str(), row());
        }
        let now: Vec<_> = now.into_values().collect();
        let events: Vec<_> = events.into_values().collect();
        execute_json(conn, NOW, &now).await?;
        let rows = execute_json(conn, EVENTS, &events).await?;
        Ok(Counts { rows, duplicates: events.len() as u64 - rows })
    }
}

/// What is cleared stays cleared; an older transition changes nothing.
const NOW: &str = "
INSERT INTO anomaly AS old (id, tenant, device, device_name, series_id, metric, instance, unit,
    onset_at, cleared_at, at, value, expected, lower, upper, score, method, version)
SELECT id, tenant, device, device_name, series, metric, instance, unit,
    to_timestamp(onset_at / 1000.0), to_timestamp(cleared_at / 1000.0), to_timestamp(at / 1000.0),
    value, expected, lower, upper, score, method, version
FROM jsonb_to_recordset($1) AS r (id text, tenant text, device uuid, device_name text,
    series bigint, metric text, instance text, unit text, onset_at bigint, cleared_at bigint,
    at bigint, value float8, expected float8, lower float8, upper float8, score float8,
    method text, version integer)
ON CONFLICT (id) DO UPDATE SET
    device_name = EXCLUDED.device_name, unit = EXCLUDED.unit,
    cleared_at = coalesce(old.cleared_at, EXCLUDED.cleared_at), at = EXCLUDED.at,
    value = EXCLUDED.value, expected = EXCLUDED.expected, lower = EXCLUDED.lower,
    upper = EXCLUDED.upper, score = EXCLUDED.score, method = EXCLUDED.method,
    version = EXCLUDED.version
WHERE EXCLUDED.at >= old.at";

const EVENTS: &str = "
INSERT INTO anomaly_event (anomaly_id, transition, at, tenant, device, series_id, value, expected,
    lower, upper, score, method, version)
SELECT id, word, to_timestamp(at / 1000.0), tenant, device, series, value, expected, lower, upper,
    score, method, version
FROM jsonb_to_recordset($1) AS r (id text, word text, at bigint, tenant text, device uuid,
    series bigint, value float8, expected float8, lower float8, upper float8, score float8,
    method text, version integer)
ON CONFLICT DO NOTHING";

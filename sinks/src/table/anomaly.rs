//! Anomalies: one row each with what opened it, the worst of it and what closed it, and every
//! transition.

use std::collections::BTreeMap;

use schemas::{Anomaly, DeviceId, Transition};
use serde::Serialize;
use sqlx::PgConnection;

use crate::check::{self, DAY_MS, MAX_INSTANCE, MAX_NAME, MAX_WORDS, Refusal};
use crate::table::{Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, puts};

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
    first: Evidence,
    top: Option<Evidence>,
    end: Option<Evidence>,
}

/// A sample with its band. As an array it is short.
#[derive(Clone, Copy, Serialize)]
struct Evidence(i64, f64, f64, f64, f64);

impl<'a> AnomalyRow<'a> {
    /// `before`: the row as an earlier record of the batch left it.
    fn of(anomaly: &'a Anomaly, before: Option<&Self>) -> Self {
        let it = anomaly;
        let now = Evidence(it.at, it.value, it.expected, it.lower, it.upper);
        let reported = |at: Option<i64>, of: [Option<f64>; 4]| {
            let [value, expected, lower, upper] = of;
            Some(Evidence(at?, value?, expected?, lower?, upper?))
        };
        let onset = [it.onset_value, it.onset_expected, it.onset_lower, it.onset_upper];
        let first = reported(Some(it.onset_at), onset).or(before.map(|row| row.first));
        let peak = [it.peak_value, it.peak_expected, it.peak_lower, it.peak_upper];
        // An older version does not report the worst: it is no worse than its transitions.
        let clears = it.transition == Transition::Clear;
        let top = reported(it.peak_at, peak);
        let known = before.and_then(|row| row.top);
        let higher = before.is_none_or(|row| it.score > row.anomaly.score);
        let top = top.or(if !clears && higher { Some(now) } else { known });
        Self {
            anomaly,
            word: word(it.transition),
            cleared_at: clears.then_some(it.at).or(before.and_then(|row| row.cleared_at)),
            first: first.unwrap_or(now),
            top,
            end: clears.then_some(now).or(before.and_then(|row| row.end)),
        }
    }
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
    type Key = DeviceId;

    fn check(anomaly: &Anomaly, append_ms: i64) -> Result<(), Refusal> {
        check::texts(&[
            ("tenant", &anomaly.tenant, check::MAX_TENANT),
            ("id", &anomaly.id, MAX_NAME),
            ("device_name", &anomaly.device_name, MAX_WORDS),
            ("metric", &anomaly.metric, MAX_NAME),
            ("instance", &anomaly.instance, MAX_INSTANCE),
            ("unit", &anomaly.unit, MAX_NAME),
            ("method", &anomaly.method, MAX_NAME),
        ])?;
        check::instant("at", anomaly.at, append_ms, MAX_AGE_MS)?;
        check::instant("onset_at", anomaly.onset_at, append_ms, MAX_AGE_MS)?;
        let numbers =
            [anomaly.value, anomaly.expected, anomaly.lower, anomaly.upper, anomaly.score];
        let more = [
            anomaly.onset_value,
            anomaly.onset_expected,
            anomaly.onset_lower,
            anomaly.onset_upper,
            anomaly.peak_value,
            anomaly.peak_expected,
            anomaly.peak_lower,
            anomaly.peak_upper,
        ];
        let numbers: Vec<f64> = numbers.into_iter().chain(more.into_iter().flatten()).collect();
        check::finite("value, expected, lower, upper, score, onset, peak", &numbers)?;
        match anomaly.peak_at {
            Some(at) => check::instant("peak_at", at, append_ms, MAX_AGE_MS),
            None => Ok(()),
        }
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Anomaly>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let (mut now, mut events) = (BTreeMap::new(), BTreeMap::new());
        for anomaly in puts(rows) {
            let event = AnomalyRow::of(anomaly, None);
            events.insert((anomaly.id.as_str(), event.word, anomaly.at), event);
            let row = AnomalyRow::of(anomaly, now.get(anomaly.id.as_str()));
            now.insert(anomaly.id.as_str(), row);
        }
        let now: Vec<_> = now.into_values().collect();
        let events: Vec<_> = events.into_values().collect();
        execute_json(conn, NOW, &now).await?;
        let rows = execute_json(conn, EVENTS, &events).await?;
        Ok(Counts { rows, duplicates: events.len() as u64 - rows })
    }
}

/// What is cleared stays cleared; an older transition changes nothing, and none what opened it.
const NOW: &str = "
INSERT INTO anomaly AS old (id, tenant, device, device_name, series_id, metric, instance, unit,
    onset_at, cleared_at, at, value, expected, lower, upper, score, method, version,
    peak_at, peak_value, peak_expected, peak_lower, peak_upper,
    clear_value, clear_expected, clear_lower, clear_upper)
SELECT id, tenant, device, device_name, series, metric, instance, unit,
    to_timestamp(onset_at / 1000.0), to_timestamp(cleared_at / 1000.0), to_timestamp(at / 1000.0),
    (first->>1)::float8, (first->>2)::float8, (first->>3)::float8, (first->>4)::float8,
    score, method, version,
    to_timestamp((top->>0)::bigint / 1000.0), (top->>1)::float8, (top->>2)::float8,
    (top->>3)::float8, (top->>4)::float8,
    (\"end\"->>1)::float8, (\"end\"->>2)::float8, (\"end\"->>3)::float8, (\"end\"->>4)::float8
FROM jsonb_to_recordset($1) AS r (id text, tenant text, device uuid, device_name text,
    series bigint, metric text, instance text, unit text, onset_at bigint, cleared_at bigint,
    at bigint, score float8, method text, version integer, first jsonb, top jsonb, \"end\" jsonb)
ON CONFLICT (id) DO UPDATE SET
    device_name = EXCLUDED.device_name, unit = EXCLUDED.unit,
    cleared_at = coalesce(old.cleared_at, EXCLUDED.cleared_at), at = EXCLUDED.at,
    score = greatest(old.score, EXCLUDED.score), method = EXCLUDED.method,
    version = EXCLUDED.version,
    (peak_at, peak_value, peak_expected, peak_lower, peak_upper) = (
        SELECT at, value, expected, lower, upper FROM (VALUES
            (EXCLUDED.score >= old.score OR old.peak_at IS NULL, EXCLUDED.peak_at,
                EXCLUDED.peak_value, EXCLUDED.peak_expected, EXCLUDED.peak_lower,
                EXCLUDED.peak_upper),
            (true, old.peak_at, old.peak_value, old.peak_expected, old.peak_lower, old.peak_upper)
        ) AS p (counts, at, value, expected, lower, upper)
        WHERE counts AND at IS NOT NULL LIMIT 1),
    clear_value = coalesce(old.clear_value, EXCLUDED.clear_value),
    clear_expected = coalesce(old.clear_expected, EXCLUDED.clear_expected),
    clear_lower = coalesce(old.clear_lower, EXCLUDED.clear_lower),
    clear_upper = coalesce(old.clear_upper, EXCLUDED.clear_upper)
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

//! What the database has, held against the log and against itself.

use std::collections::{BTreeMap, BTreeSet};

use pipeline::log::EventLog;
use pipeline::topology::{ANOMALY, ROLLUP};
use schemas::{Anomaly, SchemaStore, Transition};
use sqlx::PgPool;

use super::common::records;
/// Of each series how many samples there are, and the sum of their times.
pub type Sums = BTreeMap<i64, (i64, i64)>;

/// Whether all devices have left, which closes every bucket and every anomaly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    Left,
    There,
}

/// Of each series how many rows there are, and the sum of their times.
pub async fn sums(pool: &PgPool) -> Sums {
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT series_id, count(*), sum(round(extract(epoch FROM ts) * 1000))::bigint
         FROM sample GROUP BY series_id",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter().map(|(series, count, times)| (series, (count, times))).collect()
}

/// All transitions on the topic.
pub fn transitions(log: &dyn EventLog) -> Vec<Anomaly> {
    let store = SchemaStore::new();
    let read = |record| ANOMALY.read(&store, record).unwrap().unwrap();
    records(log, ANOMALY.name).iter().map(read).collect()
}

/// Whether the database has all these transitions and all buckets of the topic.
pub async fn are_filled(pool: &PgPool, log: &dyn EventLog, published: usize) -> Option<()> {
    let store = SchemaStore::new();
    let mut buckets = BTreeSet::new();
    for record in records(log, ROLLUP.name) {
        let rollup = ROLLUP.read(&store, &record).unwrap().unwrap();
        buckets.extend(rollup.series.iter().map(|one| (one.0, rollup.width_ms, rollup.bucket)));
    }
    let (rows, events): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM rollup_5m) + (SELECT count(*) FROM rollup_1h)
             + (SELECT count(*) FROM rollup_1d), (SELECT count(*) FROM anomaly_event)",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    (rows >= buckets.len() as i64 && events >= published as i64).then_some(())
}

/// Every anomaly has one onset and, with all devices gone, one clear on the topic; the tables say
/// the same.
pub async fn check_anomalies(pool: &PgPool, published: &[Anomaly], devices: Devices) {
    let mut on_topic: BTreeMap<String, (usize, usize, Option<i64>)> = BTreeMap::new();
    let mut events = Vec::new();
    for one in published {
        let (onsets, clears, cleared_at) = on_topic.entry(one.id.clone()).or_default();
        let word = match one.transition {
            Transition::Onset => {
                *onsets += 1;
                "onset"
            }
            Transition::Change => "change",
            Transition::Clear => {
                (*clears, *cleared_at) = (*clears + 1, Some(one.at));
                "clear"
            }
        };
        events.push((one.id.clone(), word.to_owned(), one.at));
    }
    for (id, (onsets, clears, _)) in &on_topic {
        let open = devices == Devices::There && *clears == 0;
        assert_eq!((*onsets, *clears), (1, usize::from(!open)), "onsets and clears of {id}");
    }
    let mut rows: Vec<(String, Option<i64>)> = sqlx::query_as(
        "SELECT id, round(extract(epoch FROM cleared_at) * 1000)::bigint FROM anomaly",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let expected: Vec<_> =
        on_topic.into_iter().map(|(id, (_, _, cleared_at))| (id, cleared_at)).collect();
    rows.sort();
    assert!(
        rows == expected,
        "{} anomalies in the table, {} published",
        rows.len(),
        expected.len()
    );
    let mut in_table: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT anomaly_id, transition, round(extract(epoch FROM at) * 1000)::bigint
         FROM anomaly_event",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    in_table.sort();
    events.sort();
    assert!(
        in_table == events,
        "{} transitions in the table, {} published",
        in_table.len(),
        events.len()
    );
}

/// Every closed bucket of every width equals what its raw rows give. Gives the number of buckets.
pub async fn check_rollups(pool: &PgPool, devices: Devices) -> i64 {
    let closed = match devices {
        Devices::Left => "true",
        Devices::There => "r.series_id IS NOT NULL",
    };
    let mut buckets = 0;
    for (table, width) in
        [("rollup_5m", "5 minutes"), ("rollup_1h", "1 hour"), ("rollup_1d", "1 day")]
    {
        // A sum of floating-point numbers depends on their order in its last digits.
        let query = format!(
            "WITH plain AS (
                 SELECT series_id, date_bin('{width}', ts, '1970-01-01 00:00Z') AS bucket,
                        count(*) AS count, sum(value) AS sum, min(value) AS min,
                        max(value) AS max, (array_agg(value ORDER BY ts DESC))[1] AS last,
                        sum(abs(value)) AS size
                 FROM sample GROUP BY 1, 2)
             SELECT count(*), count(*) FILTER (WHERE
                 p.series_id IS NULL OR r.series_id IS NULL OR p.count <> r.count
                 OR p.min <> r.min OR p.max <> r.max OR p.last <> r.last
                 OR abs(p.sum - r.sum) > 1e-9 * p.size)
             FROM plain p FULL JOIN {table} r USING (series_id, bucket) WHERE {closed}"
        );
        let (all, wrong): (i64, i64) =
            sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_one(pool).await.unwrap();
        assert_eq!(wrong, 0, "of {all} buckets in {table}");
        buckets += all;
    }
    buckets
}

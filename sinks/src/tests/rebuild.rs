//! Roll-ups computed anew: what the stream missed comes in, what the rows lack stays.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::{MetricBatch, Rollup, SeriesId};

use crate::testing::{NOW, TestDb, device, each_tier, record, samples, write};
use crate::{Rebuilt, Rollups, Samples, SinkError, rebuild};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A day that is over, from its start.
const THEN: i64 = NOW - 2 * DAY;

fn time(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap()
}

async fn run(db: &TestDb, from: i64, to: i64) -> Result<Vec<Rebuilt>, SinkError> {
    rebuild(&db.pool, time(from), time(to), time(NOW)).await
}

fn sample(at: i64, value: f64) -> MetricBatch {
    MetricBatch { values: vec![value], ..samples(1, at, 1) }
}

/// What the stream sent for a bucket of three samples: 1, 2, 3.
fn sent(width_ms: i64, count: i32) -> Rollup {
    Rollup {
        tenant: "default".to_owned(),
        device: device(1),
        width_ms,
        bucket: THEN,
        repair: false,
        series: vec![SeriesId(1000)],
        counts: vec![count],
        sums: vec![6.0],
        mins: vec![1.0],
        maxs: vec![3.0],
        lasts: vec![3.0],
    }
}

async fn buckets(db: &TestDb, table: &str) -> Vec<String> {
    let ms = format!("(extract(epoch FROM bucket) * 1000)::bigint - {THEN}");
    let columns = format!("concat_ws(' ', {ms}, count, sum, min, max, last)");
    db.lines(&format!("SELECT {columns} FROM {table} ORDER BY bucket")).await
}

#[tokio::test]
async fn late_samples_come_into_their_buckets() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        let in_time = [(1_000, 1.0), (2_000, 2.0), (3_000, 3.0)];
        // The last two came a day late; one of them opens a bucket, and an hour.
        let late = [(299_999, -4.0), (2 * HOUR, 5.0)];
        let batches = in_time.iter().chain(&late).zip(0..);
        let records = batches.map(|((at, value), n)| record(0, n, &sample(THEN + at, *value)));
        write(&mut sink, records.collect()).await;
        let mut rollups = db.sink::<Rollups>().await;
        let known = [300_000, HOUR, DAY].into_iter().zip(0..);
        write(&mut rollups, known.map(|(width, n)| record(0, n, &sent(width, 3))).collect()).await;

        let changed = |table, changed| Rebuilt { table, changed, kept: 0 };
        let all = |n: [u64; 3]| {
            let tables = ["rollup_5m", "rollup_1h", "rollup_1d"];
            tables.into_iter().zip(n).map(|(t, n)| changed(t, n)).collect::<Vec<_>>()
        };
        assert_eq!(run(db, THEN + 60_000, THEN + 3 * HOUR).await.unwrap(), all([2, 2, 1]));
        let late_hour = format!("{} 1 5 5 5 5", 2 * HOUR);
        for table in ["rollup_5m", "rollup_1h"] {
            assert_eq!(buckets(db, table).await, ["0 4 2 -4 3 -4", &late_hour], "{table}");
        }
        assert_eq!(buckets(db, "rollup_1d").await, ["0 5 7 -4 5 5"]);
        // Once more changes nothing.
        assert_eq!(run(db, THEN, THEN + DAY).await.unwrap(), all([0, 0, 0]));
    })
    .await;
}

#[tokio::test]
async fn no_bucket_loses_samples() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        write(&mut sink, vec![record(0, 0, &sample(THEN, 1.0))]).await;
        let mut rollups = db.sink::<Rollups>().await;
        write(&mut rollups, vec![record(0, 0, &sent(300_000, 3))]).await;
        let rebuilt = run(db, THEN, THEN + HOUR).await.unwrap();
        assert_eq!(rebuilt[0], Rebuilt { table: "rollup_5m", changed: 0, kept: 1 });
        assert_eq!(buckets(db, "rollup_5m").await, ["0 3 6 1 3 3"]);
    })
    .await;
}

#[tokio::test]
async fn odd_ranges_are_refused() {
    each_tier(async |db| {
        for (from, to, word) in [
            (NOW - DAY, NOW - DAY, "empty"),
            (NOW - DAY, NOW - HOUR, "less than 2 h ago"),
            (NOW - 500 * DAY, NOW - DAY, "more than 400 days"),
        ] {
            let error = run(db, from, to).await.unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        // What the stream may still write is left, whatever the range's last day has.
        let mut sink = db.sink::<Samples>().await;
        write(&mut sink, vec![record(0, 0, &sample(NOW - 3 * HOUR, 1.0))]).await;
        let to = time(NOW) - TimeDelta::hours(2);
        run(db, NOW - DAY, to.timestamp_millis()).await.unwrap();
        assert_eq!(db.one("SELECT count(*) FROM rollup_1h").await, "1");
        assert_eq!(db.one("SELECT count(*) FROM rollup_1d").await, "0", "it is not over");
    })
    .await;
}

use serde_json::{Value, json};

use crate::harness::{Test, with_api};

/// 2026-11-23 00:00 UTC.
const DAY: i64 = 1_795_392_000_000;
const HOUR_MS: i64 = 3_600_000;

async fn read(test: &Test, series: &str, from: i64, to: i64, more: &str) -> Value {
    test.get(&format!("/monitoring/v1/series/{series}/samples?from={from}&to={to}{more}")).await
}

fn at(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|at| at.as_i64().unwrap() - DAY).collect()
}

/// A day of samples a minute, its roll-ups and its baseline.
async fn fill(test: &Test, series: i64) {
    let start = "timestamptz '2026-11-23 00:00Z'";
    test.sql(&format!(
        "INSERT INTO sample SELECT {series}, {start} + n * interval '1 min', n, 0 \
            FROM generate_series(0, 1439) n"
    ))
    .await;
    for (table, minutes, days) in
        [("rollup_5m", 5, 3), ("rollup_1h", 60, 30), ("rollup_1d", 1440, 400)]
    {
        test.sql(&format!(
            "INSERT INTO {table} SELECT {series}, {start} + n * interval '{minutes} min', \
                4, 8, 1, 3, 2 FROM generate_series(0, {}) n",
            days * 1440 / minutes - 1
        ))
        .await;
    }
    test.sql(&format!(
        "INSERT INTO baseline SELECT {series}, {start} + n * interval '5 min', n, n - 1, n + 1 \
            FROM generate_series(0, 30 * 288 - 1) n"
    ))
    .await;
}

#[tokio::test]
async fn the_resolution_follows_range_and_points() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (series, id) = test.series(&device, "if_in_bps", "ge1").await;
        fill(&test, series).await;

        let day = read(&test, &id, DAY, DAY + 24 * HOUR_MS, "").await;
        assert_eq!((&day["resolution"], &day["bucket_ms"]), (&json!("raw"), &json!(0)));
        assert_eq!(day["at"].as_array().unwrap().len(), 1440);
        assert_eq!(day["value"][7], 7.0);
        assert_eq!((&day["min"], &day["max"]), (&json!([]), &json!([])));
        assert_eq!(day["baseline"]["at"].as_array().unwrap().len(), 288);
        assert_eq!(
            day["series"],
            json!({"id": id, "device": device, "device_name": "router",
            "metric": "if_in_bps", "instance": "ge1", "unit": "bps"})
        );
        assert_eq!(day["no_baseline_reason"], Value::Null);

        let coarse = read(&test, &id, DAY, DAY + 24 * HOUR_MS, "&points=300").await;
        assert_eq!((&coarse["resolution"], &coarse["bucket_ms"]), (&json!("5m"), &json!(300_000)));
        assert_eq!((&coarse["value"][0], &coarse["max"][0]), (&json!(2.0), &json!(3.0)));

        let month = read(&test, &id, DAY, DAY + 30 * 24 * HOUR_MS, "").await;
        assert_eq!(month["resolution"], "1h");
        assert_eq!(month["at"].as_array().unwrap().len(), 720);
        let band = &month["baseline"];
        assert_eq!(band["at"].as_array().unwrap().len(), 720);
        assert_eq!(at(&band["at"])[..2], [0, HOUR_MS]);
        assert_eq!((&band["expected"][1], &band["lower"][1]), (&json!(17.5), &json!(16.5)));

        let year = read(&test, &id, DAY, DAY + 365 * 24 * HOUR_MS, "").await;
        assert_eq!(
            (&year["resolution"], year["at"].as_array().unwrap().len()),
            (&json!("1d"), 365)
        );

        // A range that begins within a bucket shows that bucket.
        let part = read(&test, &id, DAY + 1, DAY + 48 * HOUR_MS, "").await;
        assert_eq!(part["resolution"], "5m");
        assert_eq!(at(&part["at"])[0], 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_kept_so_fine_is_shown_coarser() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (series, id) = test.series(&device, "if_in_bps", "ge1").await;
        fill(&test, series).await;
        let second_day = DAY + 24 * HOUR_MS;
        let seen = read(&test, &id, second_day, second_day + HOUR_MS, "").await;
        assert_eq!((&seen["resolution"], seen["at"].as_array().unwrap().len()), (&json!("5m"), 12));
        let nothing =
            read(&test, &id, DAY - 1000 * 24 * HOUR_MS, DAY - 999 * 24 * HOUR_MS, "").await;
        assert_eq!((&nothing["resolution"], &nothing["at"]), (&json!("raw"), &json!([])));
        assert!(nothing["no_baseline_reason"].is_string());
        let why = nothing["empty_reason"].as_str().unwrap();
        assert!(why.contains("samples as measured") && why.contains("ends later"), "{why}");
        assert_eq!(seen["empty_reason"], Value::Null);

        // Twelve times denser than the interval says: shown in buckets instead of cut off.
        test.sql(&format!(
            "INSERT INTO sample SELECT {series}, timestamptz '2026-11-23 00:00:01Z' \
                + n * interval '5 s', 1, 0 FROM generate_series(0, 17000) n"
        ))
        .await;
        let dense = read(&test, &id, DAY, DAY + 24 * HOUR_MS, "").await;
        assert_eq!(dense["resolution"], "5m");

        // Over a short range they are thinned: means with their extremes, no more than wanted.
        let thinned = read(&test, &id, DAY, DAY + HOUR_MS, "&points=50").await;
        assert_eq!(
            (&thinned["resolution"], &thinned["bucket_ms"]),
            (&json!("raw"), &json!(72_001))
        );
        let points = thinned["at"].as_array().unwrap().len();
        assert!((45..=51).contains(&points), "{points} points");
        assert_eq!(thinned["max"].as_array().unwrap().len(), points);
    })
    .await;
}

#[tokio::test]
async fn gaps_are_nulls_and_have_reasons() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (series, id) = test.series(&device, "if_in_bps", "ge1").await;
        let start = "timestamptz '2026-11-23 00:00Z'";
        test.sql(&format!(
            "INSERT INTO sample SELECT {series}, {start} + n * interval '1 min', n, 0 \
                FROM unnest(ARRAY[0, 1, 3, 10]) n; \
             INSERT INTO sample_gap VALUES ({series}, {start} + interval '5 min', 'reset'); \
             INSERT INTO anomaly SELECT 'id' || n, 'default', '{device}', 'old name', {series}, \
                'if_in_bps', 'ge1', 'bps', {start} + n * interval '1 hour', \
                {start} + n * interval '1 hour' + interval '30 min', {start}, 1, 2, 3, 4, 5, 'm', 1 \
                FROM generate_series(-2, 2) n"
        ))
        .await;
        let seen = read(&test, &id, DAY, DAY + HOUR_MS, "").await;
        assert_eq!(at(&seen["at"]), [0, 60_000, 180_000, 240_000, 600_000]);
        assert_eq!(seen["value"], json!([0.0, 1.0, 3.0, null, 10.0]));
        assert_eq!(seen["gaps"], json!([{"at": DAY + 300_000, "reason": "reset"}]));
        assert_eq!(
            seen["gap_spans"],
            json!([
                {"from": DAY + 240_000, "to": DAY + 600_000, "reason": "reset"},
                {"from": DAY + 660_000, "to": DAY + HOUR_MS, "reason": "no_answer"},
            ])
        );
        let ids: Vec<_> =
            seen["anomalies"].as_array().unwrap().iter().map(|a| a["id"].clone()).collect();
        assert_eq!(ids, ["id0", "id1"]);
        assert_eq!(seen["anomalies"][0]["device_name"], "router");
    })
    .await;
}

#[tokio::test]
async fn limits_of_a_range() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (_, id) = test.series(&device, "if_in_bps", "ge1").await;
        let path = format!("/monitoring/v1/series/{id}/samples");
        let last_hour = test.get(&path).await;
        let length = last_hour["to"].as_i64().unwrap() - last_hour["from"].as_i64().unwrap();
        assert_eq!(length, HOUR_MS);
        for wrong in [
            "?from=2&to=1",
            "?from=1&to=1",
            "?from=-1",
            "?from=99999999999999999999",
            "?to=0",
            "?from=0&to=7258118400000",
            "?points=9",
            "?points=2001",
            "?points=x",
        ] {
            test.call("GET", &format!("{path}{wrong}"), None).await.problem(422, "invalid-fields");
        }
        let unknown = format!("/monitoring/v1/series/{}/samples", "0".repeat(16));
        test.call("GET", &unknown, None).await.problem(404, "not-found");
    })
    .await;
}

/// The demo changes its interval after a quarter of an hour; the inventory says only what it is
/// now. Each gap is judged by the interval that was in effect then.
#[tokio::test]
async fn a_change_of_the_interval_is_no_gap() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (series, id) = test.series(&device, "if_in_bps", "ge1").await;
        let start = "timestamptz '2026-11-23 00:00Z'";
        test.sql(&format!(
            "INSERT INTO device_interval VALUES ('{device}', {start}, 'default', 120000), \
                ('{device}', {start} + interval '20 min', 'default', 10000); \
             INSERT INTO sample SELECT {series}, {start} + n * interval '2 min', n, 0 \
                FROM generate_series(0, 9) n; \
             INSERT INTO sample SELECT {series}, {start} + interval '20 min' + n * interval '10 s', \
                n, 0 FROM generate_series(0, 239) n WHERE n NOT BETWEEN 100 AND 106"
        ))
        .await;
        let seen = read(&test, &id, DAY, DAY + HOUR_MS, "").await;
        let (from, to) = (DAY + 1_200_000 + 1_000_000, DAY + 1_200_000 + 1_070_000);
        assert_eq!(
            seen["gap_spans"],
            json!([{"from": from, "to": to, "reason": "no_answer"}])
        );
        assert_eq!(seen["interval_ms"], 10_000);
        assert_eq!(seen["at"].as_array().unwrap().len(), 10 + 233 + 1);
    })
    .await;
}

/// What has not closed yet is made of what is finer: a week is not empty while its first hour
/// runs, and no bucket is counted twice.
#[tokio::test]
async fn the_running_bucket_is_served_from_finer_data() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (series, id) = test.series(&device, "if_in_bps", "ge1").await;
        // Since 70 minutes ago: an hour's bucket, one of 5 minutes after it, samples since.
        test.sql(&format!(
            "INSERT INTO sample SELECT {series}, now() - n * interval '10 s', \
                CASE n WHEN 3 THEN 9 ELSE 1 END, 0 FROM generate_series(1, 420) n; \
             INSERT INTO rollup_5m SELECT {series}, date_bin('5 min', ts, 'epoch') AS at, \
                count(*), sum(value), min(value), max(value), 1 FROM sample \
                WHERE ts < date_bin('5 min', now(), 'epoch') GROUP BY at"
        ))
        .await;
        let now = chrono::Utc::now().timestamp_millis();
        for (days, resolution, width) in [(7, "1h", HOUR_MS), (400, "1d", 24 * HOUR_MS)] {
            let from = now - days * 24 * HOUR_MS;
            let seen = read(&test, &id, from, now, "").await;
            assert_eq!(seen["resolution"], resolution);
            let running = seen["running_from"].as_i64().unwrap();
            assert_eq!(running % width, 0);
            let last = seen["at"].as_array().unwrap().len() - 1;
            assert!(last <= 2, "{seen}");
            // The peak of half a minute ago is in the envelope, and the mean is of all samples.
            let newest = if seen["max"][last] == 9.0 { last } else { last - 1 };
            assert_eq!(seen["max"][newest], 9.0, "{seen}");
            assert!(seen["value"][newest].as_f64().unwrap() < 9.0 || newest != last);
            assert_eq!(seen["min"][0], 1.0);
            assert_eq!(seen["empty_reason"], Value::Null);
        }
        let (_, never) = test.series(&device, "if_out_bps", "ge1").await;
        let seen = read(&test, &never, now - HOUR_MS, now, "").await;
        assert_eq!(seen["empty_reason"], "this series has no sample yet");
        assert_eq!(seen["newest_at"], Value::Null);
    })
    .await;
}

use serde_json::{Value, json};

use crate::harness::{Test, with_api};

/// 2026-11-23 00:00 UTC.
const DAY: i64 = 1_795_392_000_000;

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap()).collect()
}

async fn list(test: &Test, query: &str) -> Value {
    test.get(&format!("/monitoring/v1/anomalies?{query}")).await
}

#[tokio::test]
async fn anomalies_newest_first() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (series, series_id) = test.series(&device, "if_in_bps", "ge1").await;
        // Onsets on the minute, two at each; every third is open.
        test.sql(&format!(
            "INSERT INTO anomaly SELECT 'a' || n, 'default', '{device}', 'old', {series}, \
                'if_in_bps', 'ge1', 'bps', t, CASE WHEN n % 3 = 0 THEN NULL ELSE t + interval '30 s' END, \
                t, 'Infinity', 2, '-Infinity', 4, 5, 'ewma', 1 \
             FROM (SELECT n, timestamptz '2026-11-23 00:00Z' + (n / 2) * interval '1 min' AS t \
                FROM generate_series(0, 8) n) x; \
             INSERT INTO anomaly SELECT 'gone', tenant, '6ba7b810-9dad-11d1-80b4-00c04fd430c8', \
                'removed', 7, metric, instance, unit, onset_at - interval '1 day', cleared_at, at, \
                1, 2, 3, 4, 5, method, version FROM anomaly WHERE id = 'a1'"
        ))
        .await;
        let all = ["a8", "a6", "a7", "a4", "a5", "a2", "a3", "a0", "a1", "gone"];
        let page = list(&test, "").await;
        assert_eq!(ids(&page), all);
        assert_eq!((&page["total"], &page["next_cursor"]), (&json!(10), &Value::Null));
        assert_eq!(page["items"][9]["device_name"], "removed");

        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = list(&test, &format!("limit=3{cursor}")).await;
            seen.extend(ids(&page).into_iter().map(str::to_owned));
            assert_eq!(page["total"], 10);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, all);

        let open = list(&test, "open=true").await;
        assert_eq!(ids(&open), ["a6", "a3", "a0"]);
        let item = &open["items"][2];
        assert_eq!((&item["onset_at"], &item["cleared_at"]), (&json!(DAY), &Value::Null));
        assert_eq!((&item["value"], &item["lower"]), (&json!(f64::MAX), &json!(f64::MIN)));
        assert_eq!((&item["series"], &item["unit"]), (&json!(series_id), &json!("bps")));

        assert_eq!(list(&test, "open=false").await["total"], 7);
        assert_eq!(list(&test, &format!("device={device}")).await["total"], 9);
        assert_eq!(list(&test, &format!("series={series_id}&open=true")).await["total"], 3);
        // Overlap: what is open reaches into every later range.
        let (from, to) = (DAY + 60_000, DAY + 60_000);
        assert_eq!(ids(&list(&test, &format!("from={from}&to={to}")).await), ["a2", "a3", "a0"]);
        test.call("GET", "/monitoring/v1/anomalies?from=2&to=1", None).await.problem(422, "invalid-fields");
    })
    .await;
}

/// What opened it stays, whatever came after; the worst and the end are beside it.
#[tokio::test]
async fn an_anomaly_shows_onset_peak_and_clear() {
    with_api(async |test| {
        let device = test.add("router", "192.0.2.1").await;
        let (series, _) = test.series(&device, "if_in_bps", "ge1").await;
        test.sql(&format!(
            "INSERT INTO anomaly (id, device, device_name, series_id, metric, instance, unit, \
                onset_at, cleared_at, at, value, expected, lower, upper, score, method, version, \
                peak_at, peak_value, peak_expected, peak_lower, peak_upper, clear_value, \
                clear_expected, clear_lower, clear_upper) \
             SELECT id, '{device}', 'router', {series}, 'if_in_bps', 'ge1', 'bit/s', t, cleared, t, \
                21, 4, 3, 5, 50, 'm', 4, t + interval '10 s', 30, 4, 3, 5, ended, 4, 3, 5 \
             FROM (VALUES ('a', timestamptz '2026-11-23 00:00Z', timestamptz '2026-11-23 00:05Z', 3.9), \
                ('b', '2026-11-23 00:01Z', NULL, NULL)) v (id, t, cleared, ended)"
        ))
        .await;
        let page = list(&test, "").await;
        let (open, cleared) = (&page["items"][0], &page["items"][1]);
        assert_eq!((&cleared["value"], &cleared["expected"]), (&json!(21.0), &json!(4.0)));
        assert_eq!(
            cleared["peak"],
            json!({"at": DAY + 10_000, "value": 30.0, "expected": 4.0, "lower": 3.0, "upper": 5.0})
        );
        assert_eq!(
            cleared["clear"],
            json!({"at": DAY + 300_000, "value": 3.9, "expected": 4.0, "lower": 3.0, "upper": 5.0})
        );
        assert_eq!((&open["clear"], &open["value"]), (&Value::Null, &json!(21.0)));
    })
    .await;
}

//! The contract of the readable views.

use schemas::{Device, DeviceFacts, Fact, MetricBatch, Rollup, Series};

use crate::testing::{device, each_tier, record, samples, series, write};
use crate::{Devices, Facts, Rollups, Samples, SeriesIdentities};

/// Every column that others read says what it means.
#[tokio::test]
async fn every_column_of_the_contract_is_explained() {
    each_tier(async |db| {
        let silent = db
            .lines(
                "SELECT c.relname || '.' || a.attname FROM pg_class c
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 WHERE c.relnamespace = 'public'::regnamespace
                   AND (c.relkind = 'v' OR c.relname IN ('device', 'anomaly'))
                   AND col_description(c.oid, a.attnum) IS NULL",
            )
            .await;
        assert_eq!(silent, [] as [&str; 0]);
        let bare = db
            .lines(
                "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
                   AND (relkind = 'v' OR relname IN ('device', 'anomaly'))
                   AND obj_description(oid, 'pg_class') IS NULL",
            )
            .await;
        assert_eq!(bare, [] as [&str; 0]);
    })
    .await;
}

#[tokio::test]
async fn raw_samples_and_latest_values_carry_their_names() {
    each_tier(async |db| {
        let now = chrono::Utc::now().timestamp_millis();
        let mut identities = db.sink::<SeriesIdentities>().await;
        let ports = [
            Series { state: true, ..series(1, "if_admin_status", "ge-0") },
            Series { state: true, ..series(1, "if_oper_status", "ge-0") },
            Series { state: true, ..series(1, "if_speed_bps", "ge-0") },
            series(1, "cpu_percent", ""),
        ];
        let records = ports.iter().enumerate().map(|(i, s)| record(0, i as i64, s));
        write(&mut identities, records.collect()).await;
        let mut metrics = db.sink::<Samples>().await;
        let poll = |at: i64, values: [f64; 4]| MetricBatch {
            series: ports.iter().map(|s| s.id).collect(),
            values: values.to_vec(),
            ..samples(1, at, 4)
        };
        let stamp = |offset, batch: &MetricBatch| crate::SinkRecord {
            timestamp_ms: now,
            ..record(0, offset, batch)
        };
        let older = poll(now - 60_000, [1.0, 1.0, 1e9, 5.0]);
        let newer = poll(now - 1000, [1.0, 7.0, 1e10, 6.0]);
        write(&mut metrics, vec![stamp(0, &older), stamp(1, &newer)]).await;
        let mut facts = db.sink::<Facts>().await;
        let fact = |name: &str, value: &str| Fact {
            instance: "ge-0".to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let set = DeviceFacts {
            tenant: "default".to_owned(),
            device: device(1),
            at: now,
            facts: vec![
                fact("if_alias", "to Bern"),
                fact("if_index", "513"),
                fact("if_mac", "00:00:5e:00:53:01"),
            ],
            part: 0,
            parts: 1,
        };
        let facts_record = crate::SinkRecord { timestamp_ms: now, ..record(0, 0, &set) };
        write(&mut facts, vec![facts_record]).await;

        let raw = db
            .lines(
                "SELECT concat_ws(' ', metric, instance, unit, value) FROM metric_raw
                    WHERE metric = 'cpu_percent' ORDER BY ts",
            )
            .await;
        assert_eq!(raw, ["cpu_percent  1 5", "cpu_percent  1 6"]);
        let latest = db
            .lines("SELECT concat_ws(' ', metric, value) FROM series_latest ORDER BY metric")
            .await;
        assert_eq!(
            latest,
            ["cpu_percent 6", "if_admin_status 1", "if_oper_status 7", "if_speed_bps 10000000000"]
        );
        let interface = db
            .lines(
                "SELECT concat_ws(' ', name, alias, if_index, mac, admin_status, oper_status,
                                     speed_bps) FROM interface",
            )
            .await;
        assert_eq!(
            interface,
            ["ge-0 to Bern 513 00:00:5e:00:53:01 up lower_layer_down 10000000000"]
        );
    })
    .await;
}

#[tokio::test]
async fn roll_ups_of_each_width_are_in_the_view_of_that_width() {
    each_tier(async |db| {
        let one = series(1, "if_in_bps", "ge-0");
        let mut identities = db.sink::<SeriesIdentities>().await;
        write(&mut identities, vec![record(0, 0, &one)]).await;
        let mut devices = db.sink::<Devices>().await;
        let inventory = Device {
            tenant: "default".to_owned(),
            id: device(1),
            name: "one".to_owned(),
            address: "192.0.2.1".to_owned(),
            port: 161,
            profile: "auto".to_owned(),
            credential: None,
            site: Some("zrh".to_owned()),
            tags: Vec::new(),
            interval_ms: 60_000,
            snmp: true,
            icmp: true,
            enabled: true,
            source: "api".to_owned(),
            updated_at: 1,
            any_source: false,
            icmp_echoes: None,
            icmp_spacing_ms: None,
            icmp_timeout_ms: None,
        };
        write(&mut devices, vec![record(0, 0, &inventory)]).await;
        // 2026-11-20, which all three widths begin in.
        let day = 1_795_132_800_000;
        let bucket = |width_ms: i64, bucket, count, sum| Rollup {
            tenant: "default".to_owned(),
            device: device(1),
            width_ms,
            bucket,
            repair: false,
            series: vec![one.id],
            counts: vec![count],
            sums: vec![sum],
            mins: vec![1.0],
            maxs: vec![9.0],
            lasts: vec![4.0],
        };
        let (five, hour, full_day) = (300_000, 3_600_000, 86_400_000);
        let buckets = [
            bucket(five, day, 2, 6.0),
            bucket(five, day + five, 4, 20.0),
            bucket(hour, day + hour, 10, 25.0),
            bucket(full_day, day, 1_000, 7_000.0),
        ];
        let records = buckets.iter().enumerate().map(|(i, it)| record(0, i as i64, it));
        write(&mut db.sink::<Rollups>().await, records.collect()).await;
        let rows = async |view: &str| {
            let sql = format!(
                "SELECT concat_ws(' ', device_name, site, metric, instance, unit,
                        to_char(bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                        count, avg, sum, min, max, last)
                 FROM {view} ORDER BY bucket"
            );
            db.lines(&sql).await
        };
        let line = |rest: &str| format!("one zrh if_in_bps ge-0 {} {rest}", one.unit);
        let expected =
            [line("2026-11-20 00:00 2 3 6 1 9 4"), line("2026-11-20 00:05 4 5 20 1 9 4")];
        assert_eq!(rows("metric_5m").await, expected);
        assert_eq!(rows("metric_1h").await, [line("2026-11-20 01:00 10 2.5 25 1 9 4")]);
        assert_eq!(rows("metric_1d").await, [line("2026-11-20 00:00 1000 7 7000 1 9 4")]);
    })
    .await;
}

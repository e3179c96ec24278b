//! Each table: what goes in comes out, replaced and removed as its record says.

use schemas::{
    Anomaly, Availability, Baseline, Device, DeviceFacts, DeviceStatus, Fact, Gap, GapReason,
    Rollup, SampleFlags, SeriesId, Transition,
};

use crate::testing::{NOW, TestDb, device, each_tier, record, samples, tombstone, write};
use crate::{Anomalies, Baselines, Devices, Facts, Rollups, Samples, Sink, Statuses, Written};

async fn check(db: &TestDb, query: &str, expected: &[&str]) {
    assert_eq!(db.lines(query).await, expected, "{query}");
}

/// SQL of a time in ms after [`NOW`].
fn ms(column: &str) -> String {
    format!("(extract(epoch FROM {column}) * 1000)::bigint - {NOW}")
}

#[tokio::test]
async fn samples_gaps_and_the_latest_time() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        let mut batch = samples(1, NOW - 1000, 3);
        batch.at_ms = vec![-7, 0, 999];
        batch.values = vec![f64::MIN_POSITIVE, -0.1, 1e300];
        batch.flags = vec![0, SampleFlags::WRAP, SampleFlags::REPEATED];
        batch.gaps = vec![Gap { series: SeriesId(-5), at_ms: 3, reason: GapReason::Discontinuity }];
        let older = samples(1, NOW - 5000, 1);
        let records =
            vec![record(0, 0, &batch), record(1, 0, &samples(2, NOW, 1)), record(0, 1, &older)];
        assert_eq!(write(&mut sink, records).await.rows, 6);
        let query = format!(
            "SELECT concat_ws(' ', series_id, {}, value, flags) FROM sample ORDER BY series_id, ts",
            ms("ts")
        );
        check(
            db,
            &query,
            &[
                "1000 -5000 0.5 0",
                "1000 -1007 2.2250738585072014e-308 0",
                "1001 -1000 -0.1 1",
                "1002 -1 1e+300 2",
                "2000 0 0.5 0",
            ],
        )
        .await;
        let query =
            format!("SELECT concat_ws(' ', series_id, {}, reason) FROM sample_gap", ms("ts"));
        check(db, &query, &["-5 -997 discontinuity"]).await;
        let latest =
            format!("SELECT ({})::text FROM device_latest ORDER BY device", ms("last_sample_at"));
        check(db, &latest, &["-1", "0"]).await;
        // An older poll that comes later does not turn the time back.
        write(&mut sink, vec![record(0, 2, &samples(1, NOW - 9000, 1))]).await;
        check(db, &latest, &["-1", "0"]).await;
    })
    .await;
}

fn rollup(width_ms: i64, bucket: i64, ids: &[i64], sum: f64) -> Rollup {
    let all = |value: f64| vec![value; ids.len()];
    Rollup {
        tenant: "default".to_owned(),
        device: device(1),
        width_ms,
        bucket,
        repair: false,
        series: ids.iter().copied().map(SeriesId).collect(),
        counts: vec![5; ids.len()],
        sums: all(sum),
        mins: all(1.0),
        maxs: all(9.0),
        lasts: all(4.0),
    }
}

#[tokio::test]
async fn buckets_are_replaced_whole() {
    each_tier(async |db| {
        let mut sink = db.sink::<Rollups>().await;
        let bucket = NOW - 86_400_000;
        // Twice in one batch: the later one wins.
        let records = vec![
            record(0, 0, &rollup(300_000, bucket, &[1, 2], 10.0)),
            record(0, 1, &rollup(300_000, bucket, &[2], 20.0)),
            record(0, 2, &rollup(3_600_000, bucket, &[1], 30.0)),
            record(0, 3, &rollup(86_400_000, bucket, &[1], 40.0)),
        ];
        assert_eq!(write(&mut sink, records).await.rows, 4);
        let repaired =
            Rollup { repair: true, counts: vec![6], ..rollup(300_000, bucket, &[1], 11.0) };
        write(&mut sink, vec![record(0, 4, &repaired)]).await;
        let columns = "concat_ws(' ', series_id, count, sum, min, max, last)";
        check(
            db,
            &format!("SELECT {columns} FROM rollup_5m ORDER BY series_id"),
            &["1 6 11 1 9 4", "2 5 20 1 9 4"],
        )
        .await;
        check(db, &format!("SELECT {columns} FROM rollup_1h"), &["1 5 30 1 9 4"]).await;
        check(db, &format!("SELECT {columns} FROM rollup_1d"), &["1 5 40 1 9 4"]).await;
    })
    .await;
}

#[test]
fn odd_buckets_are_refused() {
    let options = sqlx::postgres::PgConnectOptions::new();
    let sink =
        crate::SqlSink::<Rollups>::new(options, "log", "rollup", schemas::SchemaStore::new());
    let bucket = NOW - 86_400_000;
    let records = vec![
        record(0, 0, &rollup(60_000, bucket, &[1], 1.0)),
        record(0, 1, &rollup(300_000, bucket + 1, &[1], 1.0)),
        record(0, 2, &rollup(300_000, NOW + 300_000, &[1], 1.0)),
        record(0, 3, &Rollup { counts: vec![0], ..rollup(300_000, bucket, &[1], 1.0) }),
        record(0, 4, &rollup(300_000, bucket, &[1], f64::INFINITY)),
    ];
    let reasons: Vec<_> = sink.prepare(records).1.iter().map(|p| p.reason).collect();
    assert_eq!(reasons, ["malformed", "malformed", "future", "malformed", "malformed"]);
}

#[tokio::test]
async fn a_band_is_replaced() {
    each_tier(async |db| {
        let mut sink = db.sink::<Baselines>().await;
        let band = |bucket, expected: f64| Baseline {
            tenant: "default".to_owned(),
            device: device(1),
            bucket,
            width_ms: 300_000,
            method: "m/1".to_owned(),
            series: vec![SeriesId(1), SeriesId(2)],
            expected: vec![expected; 2],
            lower: vec![expected - 1.0; 2],
            upper: vec![expected + 1.0; 2],
        };
        let records = vec![
            record(0, 0, &band(NOW, 1.0)),
            record(0, 1, &band(NOW, 2.0)),
            record(0, 2, &band(NOW + 300_000, 3.0)),
        ];
        assert_eq!(write(&mut sink, records).await.rows, 4);
        check(
            db,
            "SELECT concat_ws(' ', series_id, expected, lower, upper) FROM baseline
             ORDER BY bucket, series_id",
            &["1 2 1 3", "2 2 1 3", "1 3 2 4", "2 3 2 4"],
        )
        .await;
    })
    .await;
}

fn inventory(n: u128, name: &str) -> Device {
    Device {
        tenant: "acme".to_owned(),
        id: device(n),
        name: name.to_owned(),
        address: "2001:db8::1".to_owned(),
        port: 1161,
        profile: "auto".to_owned(),
        credential: Some("lab-v2c".to_owned()),
        site: None,
        tags: vec!["core".to_owned(), "a \"b\" \\ {c}".to_owned()],
        interval_ms: 60_000,
        snmp: true,
        icmp: false,
        enabled: true,
        source: "file".to_owned(),
        updated_at: NOW + 123,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    }
}

#[tokio::test]
async fn devices_come_change_and_go() {
    each_tier(async |db| {
        let mut sink = db.sink::<Devices>().await;
        let records = vec![
            record(0, 0, &inventory(1, "first")),
            record(0, 1, &inventory(2, "second")),
            record(0, 2, &inventory(1, "Zürich 'x'")),
            tombstone(1, 0, device(3)),
            record(1, 1, &inventory(3, "third")),
        ];
        assert_eq!(write(&mut sink, records).await.rows, 3);
        let query = format!(
            "SELECT concat_ws('|', tenant, name, address, port, profile, credential, site,
                    array_to_string(tags, ','), interval_ms, snmp, icmp, enabled, source, {})
             FROM device WHERE id = '{}'",
            ms("updated_at"),
            device(1)
        );
        let row = "acme|Zürich 'x'|2001:db8::1|1161|auto|lab-v2c|core,a \"b\" \\ {c}|60000|t|f|t|file|123";
        check(db, &query, &[row]).await;
        let records = vec![
            record(0, 3, &inventory(1, "again")),
            tombstone(0, 4, device(1)),
            tombstone(0, 5, device(9)),
        ];
        assert_eq!(write(&mut sink, records).await.rows, 1);
        check(db, "SELECT name FROM device ORDER BY name", &["second", "third"]).await;
        let mut nobody = tombstone(0, 6, device(1));
        nobody.key = Some("no uuid".into());
        assert_eq!(sink.prepare(vec![nobody]).1[0].reason, "malformed");
    })
    .await;
}

fn status(n: u128, state: Availability, since: i64, at: i64, reason: &str) -> DeviceStatus {
    DeviceStatus {
        tenant: "default".to_owned(),
        device: device(n),
        state,
        since,
        at,
        reason: reason.to_owned(),
    }
}

#[tokio::test]
async fn states_are_kept_and_the_last_one_stands() {
    each_tier(async |db| {
        let mut sink = db.sink::<Statuses>().await;
        let records = vec![
            record(0, 0, &status(1, Availability::Up, NOW - 900, NOW - 900, "")),
            record(0, 1, &status(1, Availability::Down, NOW - 500, NOW - 400, "no answer")),
            record(0, 2, &status(1, Availability::Down, NOW - 500, NOW - 300, "still none")),
            record(0, 3, &status(2, Availability::Degraded, NOW - 500, NOW - 500, "")),
            record(0, 4, &status(3, Availability::Unknown, NOW - 500, NOW - 500, "")),
            tombstone(0, 5, device(3)),
        ];
        write(&mut sink, records).await;
        let columns = format!("concat_ws(' ', state, {}, {}, reason)", ms("since"), ms("at"));
        let now = format!("SELECT {columns} FROM device_status ORDER BY device");
        check(db, &now, &["down -500 -300 still none", "degraded -500 -500 "]).await;
        write(&mut sink, vec![record(0, 6, &status(1, Availability::Up, NOW, NOW, ""))]).await;
        check(db, &now, &["up 0 0 ", "degraded -500 -500 "]).await;
        let history = format!(
            "SELECT {columns} FROM device_status_history WHERE device = '{}' ORDER BY since",
            device(1)
        );
        check(db, &history, &["up -900 -900 ", "down -500 -300 still none", "up 0 0 "]).await;
        assert_eq!(write(&mut sink, vec![tombstone(0, 7, device(1))]).await.rows, 1);
        check(db, &now, &["degraded -500 -500 "]).await;
        assert_eq!(db.lines(&history).await.len(), 3, "history stays");
    })
    .await;
}

#[tokio::test]
async fn facts_replace_the_whole_set() {
    each_tier(async |db| {
        let mut sink = db.sink::<Facts>().await;
        let fact = |instance: &str, name: &str, value: &str| Fact {
            instance: instance.to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let set = |n, facts| DeviceFacts {
            tenant: "t".to_owned(),
            device: device(n),
            at: NOW,
            facts,
            part: 0,
            parts: 1,
        };
        let records = vec![
            record(0, 0, &set(1, vec![fact("", "sys_name", "old"), fact("ge-0", "if_alias", "x")])),
            record(0, 1, &set(2, vec![fact("", "sys_name", "two")])),
            record(0, 2, &set(3, vec![fact("", "sys_name", "three")])),
        ];
        write(&mut sink, records).await;
        let twice = vec![fact("", "sys_name", "one"), fact("", "sys_name", "ünö")];
        let records = vec![
            record(0, 3, &set(1, twice)),
            record(0, 4, &set(2, vec![])),
            tombstone(0, 5, device(3)),
        ];
        write(&mut sink, records).await;
        check(
            db,
            "SELECT concat_ws(' ', tenant, instance, name, value) FROM fact",
            &["t  sys_name ünö"],
        )
        .await;
    })
    .await;
}

fn anomaly(id: &str, transition: Transition, at: i64, score: f64) -> Anomaly {
    Anomaly {
        tenant: "default".to_owned(),
        id: id.to_owned(),
        transition,
        device: device(1),
        device_name: "core".to_owned(),
        series: SeriesId(i64::MIN),
        metric: "if_in_bps".to_owned(),
        instance: "ge-0".to_owned(),
        unit: "bit/s".to_owned(),
        onset_at: NOW - 1000,
        at,
        value: 0.1 + score,
        expected: 2.0,
        lower: 1.0,
        upper: 3.0,
        score,
        method: "seasonal".to_owned(),
        version: 1,
        onset_value: None,
        onset_expected: None,
        onset_lower: None,
        onset_upper: None,
        peak_at: None,
        peak_value: None,
        peak_expected: None,
        peak_lower: None,
        peak_upper: None,
    }
}

#[tokio::test]
async fn an_anomaly_opens_changes_and_clears() {
    each_tier(async |db| {
        let mut sink = db.sink::<Anomalies>().await;
        use Transition::{Change, Clear, Onset};
        let first = vec![
            record(0, 0, &anomaly("a", Onset, NOW - 1000, 4.0)),
            record(0, 1, &anomaly("b", Onset, NOW - 1000, 5.0)),
            record(0, 2, &anomaly("a", Change, NOW - 500, 6.0)),
        ];
        assert_eq!(write(&mut sink, first).await.rows, 3);
        let columns = format!(
            "concat_ws(' ', id, {}, {}, value, score, {}, peak_value, clear_value)",
            ms("at"),
            ms("cleared_at"),
            ms("peak_at")
        );
        let now = format!("SELECT {columns} FROM anomaly ORDER BY id");
        check(db, &now, &["a -500 4.1 6 -500 6.1", "b -1000 5.1 5 -1000 5.1"]).await;
        let second = vec![record(0, 3, &anomaly("a", Clear, NOW, 6.5))];
        write(&mut sink, second.clone()).await;
        check(db, &now, &["a 0 0 4.1 6.5 -500 6.1 6.6", "b -1000 5.1 5 -1000 5.1"]).await;
        // Replayed under an older position, the events are known and the row stays cleared.
        sqlx::query("UPDATE log_position SET next = 2").execute(&db.pool).await.unwrap();
        sink.positions(&[0]).await.unwrap();
        let replayed = vec![record(0, 2, &anomaly("a", Change, NOW - 500, 6.0)), second[0].clone()];
        let written = write(&mut sink, replayed).await;
        assert_eq!(written, Written { rows: 0, duplicates: 2, skipped: 0 });
        check(db, &now, &["a 0 0 4.1 6.5 -500 6.1 6.6", "b -1000 5.1 5 -1000 5.1"]).await;
        check(
            db,
            "SELECT concat_ws(' ', anomaly_id, transition, series_id) FROM anomaly_event
             ORDER BY anomaly_id, at",
            &[
                "a onset -9223372036854775808",
                "a change -9223372036854775808",
                "a clear -9223372036854775808",
                "b onset -9223372036854775808",
            ],
        )
        .await;
    })
    .await;
}

/// What opened an anomaly and the worst of it are in each of its records, and stay whatever
/// comes after, in one batch or in several, whole or from the middle on.
#[tokio::test]
async fn an_anomaly_keeps_its_evidence() {
    each_tier(async |db| {
        use Transition::{Change, Clear, Onset};
        let record_of = |transition, at, value: f64, score, peak: (i64, f64)| Anomaly {
            value,
            onset_value: Some(4.1),
            onset_expected: Some(2.0),
            onset_lower: Some(1.0),
            onset_upper: Some(3.0),
            peak_at: Some(NOW + peak.0),
            peak_value: Some(peak.1),
            peak_expected: Some(2.5),
            peak_lower: Some(1.5),
            peak_upper: Some(3.5),
            ..anomaly("a", transition, at, score)
        };
        let all = [
            record_of(Onset, NOW - 1000, 4.1, 4.0, (-1000, 4.1)),
            record_of(Change, NOW - 500, 5.0, 7.0, (-700, 9.0)),
            record_of(Clear, NOW, 2.1, 7.0, (-700, 9.0)),
        ];
        let query = format!(
            "SELECT concat_ws(' ', value, expected, lower, upper, score, {}, peak_value,
                    peak_expected, clear_value, clear_expected, clear_upper) FROM anomaly",
            ms("peak_at")
        );
        let whole = ["4.1 2 1 3 7 -700 9 2.5 2.1 2 3"];
        let cuts: [&[(usize, usize)]; 4] =
            [&[(0, 3)], &[(0, 1), (1, 2), (2, 3)], &[(0, 2), (2, 3)], &[(2, 3)]];
        for batches in cuts {
            sqlx::query("TRUNCATE anomaly, anomaly_event, log_position")
                .execute(&db.pool)
                .await
                .unwrap();
            let mut sink = db.sink::<Anomalies>().await;
            for &(from, to) in batches {
                let records = (from..to).map(|at| record(0, at as i64, &all[at])).collect();
                write(&mut sink, records).await;
            }
            check(db, &query, &whole).await;
        }
    })
    .await;
}

/// A set of texts in parts replaces the one before when its last part is there; an older part
/// that comes late changes nothing.
#[tokio::test]
async fn facts_in_parts_replace_the_whole_set() {
    each_tier(async |db| {
        let mut sink = db.sink::<Facts>().await;
        let part = |at, part, parts, names: &[&str]| DeviceFacts {
            tenant: "t".to_owned(),
            device: device(1),
            at,
            facts: names
                .iter()
                .map(|name| Fact {
                    instance: "p".to_owned(),
                    name: (*name).to_owned(),
                    value: format!("{}", at - NOW),
                })
                .collect(),
            part,
            parts,
        };
        let all = "SELECT concat_ws(' ', name, value) FROM fact ORDER BY name";
        let first = vec![
            record(0, 0, &part(NOW - 900, 0, 2, &["a", "b"])),
            record(1, 0, &part(NOW - 900, 1, 2, &["c", "d"])),
        ];
        write(&mut sink, first).await;
        check(db, all, &["a -900", "b -900", "c -900", "d -900"]).await;
        write(&mut sink, vec![record(0, 1, &part(NOW - 500, 0, 2, &["a"]))]).await;
        check(db, all, &["a -500", "b -900", "c -900", "d -900"]).await;
        write(&mut sink, vec![record(1, 1, &part(NOW - 500, 1, 2, &["c"]))]).await;
        check(db, all, &["a -500", "c -500"]).await;
        write(&mut sink, vec![record(1, 2, &part(NOW - 900, 1, 2, &["d"]))]).await;
        check(db, all, &["a -500", "c -500"]).await;
        write(&mut sink, vec![record(0, 2, &part(NOW, 0, 1, &["z"]))]).await;
        check(db, all, &["z 0"]).await;
        write(&mut sink, vec![tombstone(0, 3, device(1))]).await;
        check(db, all, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn answers_and_intervals_are_as_the_polls_say() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        let poll = |at: i64, connector: &str, interval_ms, answered| schemas::MetricBatch {
            connector: connector.to_owned(),
            interval_ms,
            answered,
            ..samples(1, at, 1)
        };
        let records = vec![
            // 100 % loss is a measurement, not an answer.
            record(0, 0, &poll(NOW - 9_000, "icmp", 10_000, false)),
            record(0, 1, &poll(NOW - 8_000, "snmp", 10_000, true)),
        ];
        write(&mut sink, records).await;
        let latest = format!(
            "SELECT concat_ws(' ', {}, coalesce({}, 0), coalesce({}, 0), interval_ms)
             FROM device_latest",
            ms("last_sample_at"),
            ms("snmp_at"),
            ms("icmp_at")
        );
        check(db, &latest, &["-8000 -8000 0 10000"]).await;
        let records = vec![
            record(0, 2, &poll(NOW - 2_000, "snmp", 60_000, false)),
            record(0, 3, &poll(NOW - 1_000, "icmp", 60_000, true)),
        ];
        write(&mut sink, records).await;
        check(db, &latest, &["-1000 -8000 -1000 60000"]).await;
        let intervals = format!(
            "SELECT concat_ws(' ', {}, interval_ms) FROM device_interval ORDER BY since",
            ms("since")
        );
        check(db, &intervals, &["-9000 10000", "-2000 60000"]).await;
    })
    .await;
}

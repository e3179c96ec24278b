//! One bad record costs one record.

use bytes::Bytes;
use proptest::prelude::*;
use schemas::{Device, SchemaStore, Series};

use crate::testing::{NOW, device, each_tier, record, samples, series, write};
use crate::{Devices, Poison, Samples, SeriesIdentities, Sink, SinkError, SinkRecord, SqlSink};

fn named(poison: &[Poison]) -> Vec<(i32, i64, &'static str)> {
    poison.iter().map(|p| (p.partition, p.offset, p.reason)).collect()
}

/// No server is asked: preparing does no I/O.
fn offline() -> SqlSink<Samples> {
    SqlSink::new(sqlx::postgres::PgConnectOptions::new(), "log-1", "metric", SchemaStore::new())
}

#[test]
fn prepare_names_what_cannot_be() {
    let raw = |offset, bytes: &[u8]| SinkRecord {
        partition: 0,
        offset,
        timestamp_ms: NOW,
        key: None,
        value: Some(Bytes::copy_from_slice(bytes)),
    };
    let mut late = samples(1, NOW, 2);
    late.at_ms[1] = 60_001;
    let mut nan = samples(1, NOW, 2);
    nan.values[1] = f64::NAN;
    let mut uneven = samples(1, NOW, 2);
    uneven.values.pop();
    let mut nul = samples(1, NOW, 2);
    nul.tenant = "a\0b".to_owned();
    let records = vec![
        record(0, 0, &samples(1, NOW + 60_000, 2)),
        record(0, 1, &late),
        record(0, 2, &samples(1, 1_000, 2)),
        record(0, 3, &nan),
        record(0, 4, &series(1, "m", "i")),
        raw(5, &[0, 0, 0, 0, 9, 1, 2, 3]),
        raw(6, b""),
        record(0, 7, &uneven),
        record(0, 8, &nul),
        SinkRecord { partition: 0, offset: 9, timestamp_ms: NOW, key: None, value: None },
        raw(10, b"{\"json\": true}"),
        record(0, 11, &samples(1, i64::MAX, 2)),
        record(0, 12, &samples(1, i64::MIN, 2)),
    ];
    let (batch, poison) = offline().prepare(records);
    assert_eq!(batch.len(), 1);
    assert_eq!(batch.ends().collect::<Vec<_>>(), [(0, 13)], "positions pass over poison");
    let reasons: Vec<_> = poison.iter().map(|p| (p.offset, p.reason)).collect();
    assert_eq!(
        reasons,
        [
            (1, "future"),
            (2, "malformed"),
            (3, "malformed"),
            (4, "wrong_type"),
            (5, "unknown_schema"),
            (6, "truncated"),
            (7, "malformed"),
            (8, "malformed"),
            (9, "malformed"),
            (10, "malformed"),
            (11, "future"),
            (12, "malformed"),
        ]
    );
}

proptest! {
    /// Any bytes, also behind a header that names a real schema.
    #[test]
    fn prepare_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), header: bool) {
        let mut value = bytes;
        if header {
            let head = schemas::encode(&samples(1, NOW, 0)).unwrap();
            value.splice(0..0, head[..5].iter().copied());
        }
        let record = SinkRecord {
            partition: 0,
            offset: i64::MAX,
            timestamp_ms: i64::MIN,
            key: None,
            value: Some(value.into()),
        };
        let (batch, poison) = offline().prepare(vec![record]);
        prop_assert_eq!(batch.len() + poison.len(), 1);
    }
}

fn box_of(n: u128, name: &str) -> Device {
    Device {
        tenant: "default".to_owned(),
        id: device(n),
        name: name.to_owned(),
        address: "192.0.2.1".to_owned(),
        port: 161,
        profile: "auto".to_owned(),
        credential: None,
        site: None,
        tags: Vec::new(),
        interval_ms: 60_000,
        snmp: true,
        icmp: true,
        enabled: true,
        source: "api".to_owned(),
        updated_at: NOW,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    }
}

/// A constraint that this program does not know of stands for whatever else may be refused.
#[tokio::test]
async fn what_the_database_refuses_is_named_and_the_rest_is_written() {
    each_tier(async |db| {
        let sql = "ALTER TABLE device ADD CONSTRAINT odd CHECK (name NOT LIKE 'bad%')";
        sqlx::query(sql).execute(&db.pool).await.unwrap();
        let mut sink = db.sink::<Devices>().await;
        let records = (0..200).map(|n| {
            let name = if [17, 18, 140].contains(&n) { "bad" } else { "good" };
            record(0, n, &box_of(n as u128, name))
        });
        let (mut batch, poison) = sink.prepare(records.collect());
        assert_eq!(poison, []);
        let Err(SinkError::Poison(found)) = sink.write(&batch).await else { panic!("written") };
        let mut offsets = named(&found);
        offsets.sort_unstable();
        assert_eq!(offsets, [(0, 17, "rejected"), (0, 18, "rejected"), (0, 140, "rejected")]);
        assert!(found[0].error.contains("odd") && found[0].error.contains("23514"), "{found:?}");
        assert_eq!(db.one("SELECT count(*) FROM device").await, "0", "rolled back");
        assert_eq!(db.one("SELECT count(*) FROM log_position").await, "0");
        sink.remove(&mut batch, &found);
        assert_eq!(sink.write(&batch).await.unwrap().rows, 197);
        assert_eq!(db.one("SELECT next FROM log_position").await, "200");
    })
    .await;
}

/// The last records of a batch may be poison: the position passes them all the same.
#[tokio::test]
async fn a_batch_of_poison_alone_moves_the_position() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        let (batch, poison) = sink.prepare(vec![record(0, 41, &series(1, "m", "i"))]);
        assert_eq!(named(&poison), [(0, 41, "wrong_type")]);
        assert!(batch.is_empty());
        assert_eq!(sink.write(&batch).await.unwrap().rows, 0);
        assert_eq!(db.one("SELECT next FROM log_position").await, "42");
    })
    .await;
}

#[tokio::test]
async fn a_refused_copy_is_searched_too() {
    each_tier(async |db| {
        let sql = "ALTER TABLE sample ADD CONSTRAINT odd CHECK (value < 1000)";
        sqlx::query(sql).execute(&db.pool).await.unwrap();
        let mut sink = db.sink::<Samples>().await;
        let records = (0..40).map(|n| {
            let mut batch = samples(n as u128, NOW, 50);
            if n == 23 {
                batch.values[49] = 1e6;
            }
            record(0, n, &batch)
        });
        let (mut batch, _) = sink.prepare(records.collect());
        let Err(SinkError::Poison(found)) = sink.write(&batch).await else { panic!("written") };
        assert_eq!(named(&found), [(0, 23, "rejected")]);
        sink.remove(&mut batch, &found);
        assert_eq!(sink.write(&batch).await.unwrap().rows, 39 * 50);
        assert_eq!(db.one("SELECT count(*) FROM sample").await, "1950");
    })
    .await;
}

#[tokio::test]
async fn one_series_id_stands_for_one_identity() {
    each_tier(async |db| {
        let mut sink = db.sink::<SeriesIdentities>().await;
        let first = series(1, "if_in_bps", "ge-0");
        write(&mut sink, vec![record(0, 0, &first), record(0, 1, &first)]).await;
        // The same id, another instance; the same identity, another id; both within one batch.
        let other_tuple = Series { instance: "ge-1".to_owned(), ..first.clone() };
        let other_id = Series { id: schemas::SeriesId(7), ..first.clone() };
        let corrected = Series { unit: "bit/s".to_owned(), state: true, ..first.clone() };
        let twin = |instance: &str| Series { id: schemas::SeriesId(8), ..series(2, "m", instance) };
        let (mut batch, _) = sink.prepare(vec![
            record(0, 2, &other_tuple),
            record(0, 3, &corrected),
            record(0, 4, &other_id),
            record(0, 5, &twin("a")),
            record(0, 6, &twin("b")),
        ]);
        let Err(SinkError::Poison(found)) = sink.write(&batch).await else { panic!("written") };
        let reason = "series_collision";
        assert_eq!(named(&found), [(0, 2, reason), (0, 4, reason), (0, 6, reason)]);
        assert!(found[0].error.contains("if_in_bps ge-0"), "{}", found[0].error);
        sink.remove(&mut batch, &found);
        sink.write(&batch).await.unwrap();
        let query = "SELECT concat_ws(' ', instance, unit, state) FROM series ORDER BY instance";
        assert_eq!(db.lines(query).await, ["a 1 f", "ge-0 bit/s t"]);
    })
    .await;
}

/// Rows that are there already are no poison, even when the batch also holds some.
#[tokio::test]
async fn duplicates_are_distinguished_from_poison() {
    each_tier(async |db| {
        let sql = "ALTER TABLE sample ADD CONSTRAINT odd CHECK (value < 1000)";
        sqlx::query(sql).execute(&db.pool).await.unwrap();
        let mut sink = db.sink::<Samples>().await;
        write(&mut sink, vec![record(0, 0, &samples(1, NOW, 10))]).await;
        let mut bad = samples(3, NOW, 10);
        bad.values[0] = 1e6;
        let records = [
            record(0, 1, &bad),
            record(0, 2, &samples(1, NOW, 10)),
            record(0, 3, &samples(2, NOW, 10)),
        ];
        // Whichever of the two the database meets first.
        let mut turned = records.to_vec();
        turned.swap(0, 1);
        turned[0].offset = 1;
        turned[1].offset = 2;
        for (records, culprit) in [(records.to_vec(), 1), (turned, 2)] {
            sqlx::raw_sql(
                "UPDATE log_position SET next = 1; DELETE FROM sample WHERE series_id >= 2000",
            )
            .execute(&db.pool)
            .await
            .unwrap();
            sink.positions(&[0]).await.unwrap();
            let (mut batch, _) = sink.prepare(records);
            let Err(SinkError::Poison(found)) = sink.write(&batch).await else { panic!("written") };
            assert_eq!(named(&found), [(0, culprit, "rejected")]);
            sink.remove(&mut batch, &found);
            let written = sink.write(&batch).await.unwrap();
            assert_eq!((written.rows, written.duplicates), (10, 10));
        }
    })
    .await;
}

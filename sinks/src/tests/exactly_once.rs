//! Whatever is repeated, raced or woken: every record once.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use crate::testing::{NOW, TestDb, each_tier, record, samples, write};
use crate::{Rollups, Samples, Sink, SinkError, SinkRecord, SqlSink, Written};

fn polls(partition: i32, offsets: std::ops::Range<i64>) -> Vec<SinkRecord> {
    offsets
        .map(|offset| {
            let n = 1 + partition as u128;
            record(partition, offset, &samples(n, NOW + offset * 1000 - 500_000, 10))
        })
        .collect()
}

async fn count(db: &TestDb) -> String {
    db.one("SELECT count(*) FROM sample").await
}

async fn position(db: &TestDb, partition: i32) -> String {
    db.one(&format!("SELECT next FROM log_position WHERE partition = {partition}")).await
}

#[tokio::test]
async fn a_batch_given_twice_is_written_once() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        assert_eq!(write(&mut sink, polls(0, 0..5)).await.rows, 50);
        let again = write(&mut sink, polls(0, 0..5)).await;
        assert_eq!(again, Written { skipped: 5, ..Written::default() });
        // Overlapping: only what is above the position is written.
        let overlap = write(&mut sink, polls(0, 3..8)).await;
        assert_eq!(overlap, Written { rows: 30, skipped: 2, duplicates: 0 });
        assert_eq!(count(db).await, "80");
        assert_eq!(position(db, 0).await, "8");
    })
    .await;
}

#[tokio::test]
async fn a_zombie_with_an_old_position_changes_nothing() {
    each_tier(async |db| {
        let mut zombie = db.sink::<Samples>().await;
        write(&mut zombie, polls(0, 0..2)).await;
        let mut owner = db.sink::<Samples>().await;
        write(&mut owner, polls(0, 2..6)).await;
        // The zombie wakes with a batch that is other than what was written meanwhile.
        let (batch, _) = zombie.prepare(polls(0, 2..9));
        let error = zombie.write(&batch).await.unwrap_err();
        assert!(matches!(error, SinkError::Moved { partition: 0, .. }), "{error}");
        assert_eq!(count(db).await, "60");
        // It may not write again before it has asked.
        assert!(matches!(zombie.write(&batch).await, Err(SinkError::Moved { .. })));
        assert_eq!(zombie.positions(&[0]).await.unwrap(), [(0, Some(6))]);
        assert_eq!(zombie.write(&batch).await.unwrap().skipped, 4);
        assert_eq!(count(db).await, "90");
    })
    .await;
}

#[tokio::test]
async fn a_first_write_races_and_one_wins() {
    each_tier(async |db| {
        let (mut one, mut two) = (db.sink::<Samples>().await, db.sink::<Samples>().await);
        let (batch, _) = one.prepare(polls(0, 0..20));
        let (a, b) = tokio::join!(one.write(&batch), two.write(&batch));
        let moved =
            |outcome: &Result<Written, SinkError>| matches!(outcome, Err(SinkError::Moved { .. }));
        assert!(a.is_ok() && moved(&b) || b.is_ok() && moved(&a), "{a:?} {b:?}");
        assert_eq!(count(db).await, "200");
    })
    .await;
}

async fn drive(mut sink: SqlSink<Samples>, records: Vec<SinkRecord>) -> (u64, u64) {
    let (mut rows, mut moved) = (0, 0);
    let mut from = sink.positions(&[0]).await.unwrap()[0].1.unwrap_or(0);
    while (from as usize) < records.len() {
        let end = records.len().min(from as usize + 3);
        let (batch, _) = sink.prepare(records[from as usize..end].to_vec());
        match sink.write(&batch).await {
            Ok(written) => {
                rows += written.rows;
                from = end as i64;
            }
            Err(SinkError::Moved { .. }) => {
                moved += 1;
                from = sink.positions(&[0]).await.unwrap()[0].1.unwrap_or(0);
            }
            Err(error) => panic!("{error}"),
        }
    }
    (rows, moved)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_of_one_partition_race_to_the_end() {
    each_tier(async |db| {
        let records = polls(0, 0..120);
        let one = tokio::spawn(drive(db.sink().await, records.clone()));
        let two = tokio::spawn(drive(db.sink().await, records));
        let ((a, lost_a), (b, lost_b)) = (one.await.unwrap(), two.await.unwrap());
        assert_eq!(a + b, 1200, "each row is written by one copy");
        assert_eq!(count(db).await, "1200");
        assert_eq!(position(db, 0).await, "120");
        assert!(lost_a + lost_b > 0, "the copies never met");
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_two_partitions_moves_both_or_none() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        let both = [polls(0, 0..3), polls(1, 0..4)].concat();
        assert_eq!(write(&mut sink, both).await.rows, 70);
        let mut other = db.sink::<Samples>().await;
        write(&mut other, polls(1, 4..5)).await;
        let (batch, _) = sink.prepare([polls(0, 3..6), polls(1, 4..6)].concat());
        assert!(matches!(sink.write(&batch).await, Err(SinkError::Moved { partition: 1, .. })));
        assert_eq!((position(db, 0).await, position(db, 1).await), ("3".into(), "5".into()));
        assert_eq!(count(db).await, "80");
    })
    .await;
}

/// Rows that are there although the position says otherwise: something outside wrote them.
#[tokio::test]
async fn unexpected_duplicates_are_counted_and_kept() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        write(&mut sink, polls(0, 0..5)).await;
        sqlx::query("UPDATE log_position SET next = 3").execute(&db.pool).await.unwrap();
        sink.positions(&[0]).await.unwrap();
        let written = write(&mut sink, polls(0, 3..8)).await;
        assert_eq!(written, Written { rows: 30, duplicates: 20, skipped: 0 });
        assert_eq!(count(db).await, "80");
        // And on the same connection as before.
        assert_eq!(write(&mut sink, polls(0, 8..9)).await.rows, 10);
    })
    .await;
}

/// A dump of an earlier hour holds rows and positions of that hour: the sink catches up.
#[tokio::test]
async fn a_restored_dump_is_caught_up() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        write(&mut sink, polls(0, 0..9)).await;
        let restore = "DELETE FROM sample WHERE ts >= to_timestamp(($1::bigint + 4000) / 1000.0)";
        let mut dump = db.pool.begin().await.unwrap();
        sqlx::query(restore).bind(NOW - 500_000).execute(&mut *dump).await.unwrap();
        sqlx::query("UPDATE log_position SET next = 4").execute(&mut *dump).await.unwrap();
        dump.commit().await.unwrap();
        let (batch, _) = sink.prepare(polls(0, 9..12));
        assert!(matches!(sink.write(&batch).await, Err(SinkError::Moved { .. })));
        assert_eq!(sink.positions(&[0]).await.unwrap(), [(0, Some(4))]);
        assert_eq!(write(&mut sink, polls(0, 4..12)).await.duplicates, 0);
        assert_eq!(count(db).await, "120");
    })
    .await;
}

#[tokio::test]
async fn positions_of_another_log_or_sink_are_others() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        write(&mut sink, polls(0, 0..2)).await;
        let mut rollups = db.sink::<Rollups>().await;
        assert_eq!(rollups.positions(&[0]).await.unwrap(), [(0, None)]);
        let schemas = schemas::SchemaStore::new();
        let mut fresh = SqlSink::<Samples>::new(db.options.clone(), "log-2", "topic", schemas);
        assert_eq!(fresh.positions(&[0, 7]).await.unwrap(), [(0, None), (7, None)]);
    })
    .await;
}

/// A copy frozen in the middle of a COPY keeps its locks for ever; PostgreSQL only waits.
#[tokio::test]
async fn a_copy_frozen_inside_its_transaction_is_ended() {
    each_tier(async |db| {
        let mut owner = db.sink::<Samples>().await.lock_wait(Duration::from_millis(300));
        write(&mut owner, polls(0, 0..1)).await;
        let place = crate::Place {
            log_id: "log-1".to_owned(),
            sink: "metric",
            topic: crate::testing::TOPIC.to_owned(),
        };
        let step = crate::position::Move { partition: 0, expected: Some(1), next: 2 };
        let mut frozen = PgConnection::connect_with(&db.options).await.unwrap();
        let mut transaction = frozen.begin().await.unwrap();
        place.lock(&mut transaction, &[step]).await.unwrap();
        assert!(place.advance(&mut transaction, &[step]).await.unwrap().is_none());
        let statement = "COPY sample (series_id, ts, value, flags) FROM STDIN BINARY";
        let _copy = transaction.copy_in_raw(statement).await.unwrap();

        // A new connection, so that the short wait is in force.
        let mut owner =
            db.sink_over::<Samples>(db.options.clone()).lock_wait(Duration::from_millis(300));
        owner.positions(&[0]).await.unwrap();
        let (batch, _) = owner.prepare(polls(0, 1..3));
        let start = Instant::now();
        let error = owner.write(&batch).await.unwrap_err();
        assert!(
            matches!(&error, SinkError::Retry(words) if words.contains("1 session(s) ended")),
            "{error}"
        );
        owner.positions(&[0]).await.unwrap();
        assert_eq!(owner.write(&batch).await.unwrap().rows, 20);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(count(db).await, "30");
    })
    .await;
}

//! The connection is cut anywhere: nothing is lost, nothing comes twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use schemas::MetricBatch;

use crate::testing::{NOW, each_tier, record, samples, with_database};
use crate::{Prepared, Samples, Sink, SinkError, SinkRecord, SqlSink};

/// Passes bytes on until `budget` is used up, then closes both ends.
async fn pipe(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    budget: Arc<AtomicI64>,
) {
    let mut buffer = vec![0; 4096];
    while let Ok(read) = from.read(&mut buffer).await {
        let left = budget.fetch_sub(read as i64, Ordering::SeqCst).clamp(0, read as i64) as usize;
        if read == 0 || to.write_all(&buffer[..left]).await.is_err() || left < read {
            return;
        }
    }
}

/// A proxy before the server whose connections end after `budget` bytes of both directions.
async fn proxy(server: String, budget: Arc<AtomicI64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(upstream) = TcpStream::connect(&server).await else { continue };
            let ((cr, cw), (sr, sw)) = (client.into_split(), upstream.into_split());
            let (up, down) = (pipe(cr, sw, budget.clone()), pipe(sr, cw, budget.clone()));
            // Whichever ends first ends the other.
            tokio::spawn(async move {
                tokio::select! { () = up => {}, () = down => {} }
            });
        }
    });
    port
}

fn batch() -> Vec<SinkRecord> {
    (0..20).map(|n| record(0, n, &samples(1, NOW - n * 1000, 60))).collect()
}

/// Bytes of one whole write in both directions, from a write that is let through.
async fn cost(sink: &mut SqlSink<Samples>, budget: &AtomicI64) -> i64 {
    sink.positions(&[0]).await.unwrap();
    let (prepared, _) = sink.prepare(batch());
    budget.store(WHOLE, Ordering::SeqCst);
    sink.write(&prepared).await.unwrap();
    WHOLE - budget.load(Ordering::SeqCst)
}

const WHOLE: i64 = 1 << 40;

#[tokio::test]
async fn a_cut_at_any_byte_loses_and_doubles_nothing() {
    each_tier(async |db| {
        let budget = Arc::new(AtomicI64::new(WHOLE));
        let server = format!("{}:{}", db.options.get_host(), db.options.get_port());
        let port = proxy(server, budget.clone()).await;
        let options = db.options.clone().host("127.0.0.1").port(port);
        let cost = cost(&mut db.sink_over(options.clone()), &budget).await;
        let (mut cuts, mut kept, mut after_commit) = (0, 0, 0);
        // Every statement before the rows, some places among them, and closely what comes after.
        let places = (0..2_000).step_by(131).chain((2_000..cost).step_by(9_001));
        let end = (cost - 700..cost - 60).step_by(41).chain((cost - 60..cost + 1).step_by(4));
        for allowed in places.chain(end) {
            let sql = "TRUNCATE sample, log_position, device_latest";
            sqlx::raw_sql(sql).execute(&db.pool).await.unwrap();
            let mut sink = db.sink_over::<Samples>(options.clone());
            budget.store(WHOLE, Ordering::SeqCst);
            sink.positions(&[0]).await.unwrap();
            let (prepared, _) = sink.prepare(batch());
            budget.store(allowed, Ordering::SeqCst);
            let cut = match sink.write(&prepared).await {
                Ok(written) => {
                    assert_eq!(written.rows, 1200);
                    false
                }
                Err(SinkError::Retry(_)) => true,
                Err(error) => panic!("cut after {allowed} bytes: {error}"),
            };
            budget.store(WHOLE, Ordering::SeqCst);
            let (next, duplicates) = again(&mut sink, &prepared).await;
            assert_eq!(duplicates, 0, "cut after {allowed}");
            assert_eq!(db.one("SELECT count(*) FROM sample").await, "1200", "cut after {allowed}");
            assert_eq!(db.one("SELECT next FROM log_position").await, "20");
            cuts += u32::from(cut);
            kept += u32::from(!cut);
            after_commit += u32::from(cut && next == Some(20));
        }
        eprintln!("{cuts} writes cut ({after_commit} after their commit), {kept} went through");
        assert!(cuts > 35 && kept > 0 && after_commit > 0);
    })
    .await;
}

/// As the runner does: read the position, write, and once more if the cut session was still about
/// to commit. Gives the first position read and the duplicates.
async fn again(
    sink: &mut SqlSink<Samples>,
    prepared: &Prepared<MetricBatch>,
) -> (Option<i64>, u64) {
    let mut first = None;
    loop {
        let next = sink.positions(&[0]).await.unwrap()[0].1;
        let first = *first.get_or_insert(next);
        match sink.write(prepared).await {
            Ok(written) => return (first, written.duplicates),
            Err(SinkError::Moved { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// An administrator's restart between two batches.
#[tokio::test]
async fn a_session_that_was_ended_is_opened_again() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'opsconductor sink metric' AND datname = current_database()",
        )
        .execute(&db.pool)
        .await
        .unwrap();
        let (prepared, _) = sink.prepare(batch());
        let error = sink.write(&prepared).await.unwrap_err();
        assert!(matches!(error, SinkError::Retry(_)), "{error}");
        assert_eq!(again(&mut sink, &prepared).await, (None, 0));
        assert_eq!(db.one("SELECT count(*) FROM sample").await, "1200");
    })
    .await;
}

/// What a write that is given up half-way leaves behind is nothing.
#[tokio::test]
async fn a_write_that_is_dropped_leaves_nothing() {
    each_tier(async |db| {
        let mut sink = db.sink::<Samples>().await;
        let (prepared, _) = sink.prepare(batch());
        for polls in 1..12 {
            let mut write = Box::pin(sink.write(&prepared));
            for _ in 0..polls {
                if futures::poll!(&mut write).is_ready() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            drop(write);
            assert_eq!(again(&mut sink, &prepared).await.1, 0, "dropped after {polls} polls");
            assert_eq!(db.one("SELECT count(*) FROM sample").await, "1200");
            let sql = "TRUNCATE sample, log_position, device_latest";
            sqlx::raw_sql(sql).execute(&db.pool).await.unwrap();
            sink.positions(&[0]).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_without_tables_is_answered_with_the_remedy() {
    with_database(async |_, options| {
        let mut sink =
            SqlSink::<Samples>::new(options.clone(), "log", "metric", schemas::SchemaStore::new());
        let error = sink.positions(&[0]).await.unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, SinkError::Fatal(_)) && words.contains("migrate"), "{words}");
        let nowhere = options.clone().host("127.0.0.1").port(1);
        let mut sink =
            SqlSink::<Samples>::new(nowhere, "log", "metric", schemas::SchemaStore::new());
        assert!(matches!(sink.positions(&[0]).await, Err(SinkError::Retry(_))));
    })
    .await;
}

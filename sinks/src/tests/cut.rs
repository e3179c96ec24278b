//! The connection is cut anywhere: nothing is lost, nothing comes twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::testing::{NOW, each_tier, record, samples};
use crate::{Samples, Sink, SinkError, SinkRecord};

/// Passes bytes on until `budget` is used up, then closes both ends.
async fn pipe(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, budget: Arc<AtomicI64>) {
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
            tokio::spawn(async move { tokio::select! { () = up => {}, () = down => {} } });
        }
    });
    port
}

fn batch() -> Vec<SinkRecord> {
    (0..20).map(|n| record(0, n, &samples(1, NOW - n * 1000, 60))).collect()
}

#[tokio::test]
async fn a_cut_at_any_byte_loses_and_doubles_nothing() {
    each_tier(async |db| {
        let budget = Arc::new(AtomicI64::new(i64::MAX));
        let server = format!("{}:{}", db.options.get_host(), db.options.get_port());
        let port = proxy(server, budget.clone()).await;
        let options = db.options.clone().host("127.0.0.1").port(port);
        let (mut cuts, mut kept, mut lost_answers) = (0, 0, 0);
        // Some 1,200 rows of 44 bytes, and the statements before and after them.
        for allowed in (0..1_500).step_by(97).chain((1_500..54_000).step_by(4_001)).chain((54_000..58_000).step_by(61)) {
            sqlx::raw_sql("TRUNCATE sample, log_position, device_latest").execute(&db.pool).await.unwrap();
            let mut sink = db.sink_over::<Samples>(options.clone());
            budget.store(i64::MAX, Ordering::SeqCst);
            sink.positions(&[0]).await.unwrap();
            let (prepared, _) = sink.prepare(batch());
            budget.store(allowed, Ordering::SeqCst);
            match sink.write(&prepared).await {
                Ok(written) => {
                    kept += 1;
                    assert_eq!(written.rows, 1200);
                }
                Err(SinkError::Retry(_)) => cuts += 1,
                Err(error) => panic!("cut after {allowed} bytes: {error}"),
            }
            budget.store(i64::MAX, Ordering::SeqCst);
            let next = settled(&mut sink).await;
            lost_answers += u32::from(next == Some(20) && cuts > 0 && kept == 0);
            let written = sink.write(&prepared).await.unwrap();
            assert_eq!(written.duplicates, 0);
            assert_eq!(db.one("SELECT count(*) FROM sample").await, "1200", "cut after {allowed}");
            assert_eq!(db.one("SELECT next FROM log_position").await, "20");
        }
        eprintln!("{cuts} writes cut, {kept} went through, {lost_answers} cut after their commit");
        assert!(cuts > 40 && kept > 0);
    })
    .await;
}

/// A cut session may still be committing: its lock on the position tells when it is gone.
async fn settled(sink: &mut crate::SqlSink<Samples>) -> Option<i64> {
    sink.positions(&[0]).await.unwrap()[0].1
}

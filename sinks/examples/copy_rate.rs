//! How much of a raw binary COPY the metric sink keeps: the same rows into the same table, in turns,
//! one transaction a batch each.
//!
//!     OPSC_TEST_DATABASE_URL=postgres://… cargo run --release -p sinks --example copy_rate [BATCHES]
//!
//! `raw` sends bytes that were encoded before the clock started. `sink` is `write` (encode, COPY, latest
//! times, position); `whole` adds `prepare` (Avro decoding and checks). Works in a database of its
//! own, which it drops.
#![allow(clippy::print_stdout, clippy::expect_used)]

use std::error::Error;
use std::str::FromStr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use schemas::{DeviceId, MetricBatch, SchemaStore, SeriesId, encode};
use sinks::{MigrateOptions, Samples, Sink, SinkRecord, SqlSink, migrate};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// 10,000 series: 100 devices of 100; a batch is two polls of all of them.
const DEVICES: i64 = 100;
const SERIES: i64 = 100;
const POLLS: i64 = 2;
const ROWS: i64 = DEVICES * SERIES * POLLS;
/// 2026-12-31; polls are a minute apart.
const START: i64 = 1_798_675_200_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let url = std::env::var("OPSC_TEST_DATABASE_URL")
        .map_err(|_| "set OPSC_TEST_DATABASE_URL to a superuser's URL")?;
    let batches: i64 = std::env::args().nth(1).map_or(Ok(30), |text| text.parse())?;
    let server = PgConnectOptions::from_str(&url)?;
    let name = format!("opsc_rate_{}", Uuid::new_v4().simple());
    let mut admin = PgConnection::connect_with(&server).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await?;
    let outcome = run(server.database(&name), batches).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await?;
    outcome
}

async fn run(options: PgConnectOptions, batches: i64) -> Outcome<()> {
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options.clone()).await?;
    let info = migrate(&pool, &MigrateOptions::default()).await?;
    let mut sink = SqlSink::<Samples>::new(options.clone(), "log", "metric", SchemaStore::new());
    sink.positions(&[0]).await?;
    let mut raw = PgConnection::connect_with(&options).await?;
    let (mut raw_time, mut prepare_time, mut write_time) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut ratios = Vec::new();
    // Two batches of each first, to open the chunk and warm the caches.
    for round in 0..batches + 2 {
        let records = records(round * 2);
        let encoded = encode_rows(round * 2 + 1);
        // Who goes first changes with every round.
        let mut copied = Duration::ZERO;
        if round % 2 == 0 {
            copied = copy(&mut raw, &encoded).await?;
        }
        let start = Instant::now();
        let (batch, poison) = sink.prepare(records);
        let prepared = start.elapsed();
        let start = Instant::now();
        let written = sink.write(&batch).await?;
        let wrote = start.elapsed();
        if round % 2 == 1 {
            copied = copy(&mut raw, &encoded).await?;
        }
        if !poison.is_empty() || written.rows != ROWS as u64 {
            return Err(format!("{poison:?} {written:?}").into());
        }
        if round >= 2 {
            raw_time += copied;
            prepare_time += prepared;
            write_time += wrote;
            ratios.push(copied.as_secs_f64() / wrote.as_secs_f64());
        }
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM sample").fetch_one(&pool).await?;
    if count != (batches + 2) * 2 * ROWS {
        return Err(format!("{count} rows in the table").into());
    }
    ratios.sort_by(f64::total_cmp);
    let rate = |time: Duration| (batches * ROWS) as f64 / time.as_secs_f64() / 1000.0;
    let whole = prepare_time + write_time;
    println!(
        "PostgreSQL {}, tier {}, {batches} batches of {ROWS} rows each",
        info.server, info.tier
    );
    println!("raw   {:8.0} thousand rows/s", rate(raw_time));
    println!("sink  {:8.0} thousand rows/s", rate(write_time));
    println!("whole {:8.0} thousand rows/s (prepare alone {:.0})", rate(whole), rate(prepare_time));
    println!(
        "ratio sink/raw  {:.2} (median of batches {:.2})",
        raw_time.as_secs_f64() / write_time.as_secs_f64(),
        ratios[ratios.len() / 2]
    );
    println!("ratio whole/raw {:.2}", raw_time.as_secs_f64() / whole.as_secs_f64());
    Ok(())
}

fn at(batch: i64, poll: i64) -> i64 {
    START + (batch * POLLS + poll) * 60_000
}

fn value(series: i64, batch: i64) -> f64 {
    (series * 7919 + batch * 104_729) as f64 * 0.37
}

fn records(batch: i64) -> Vec<SinkRecord> {
    let mut records = Vec::new();
    for poll in 0..POLLS {
        for device in 0..DEVICES {
            let ids = (0..SERIES).map(|i| device * SERIES + i);
            let metric = MetricBatch {
                tenant: "default".to_owned(),
                device: DeviceId(Uuid::from_u128(device as u128)),
                at: at(batch, poll),
                series: ids.clone().map(SeriesId).collect(),
                at_ms: (0..SERIES as i32).collect(),
                values: ids.map(|id| value(id, batch)).collect(),
                flags: Vec::new(),
                gaps: Vec::new(),
            };
            let bytes = encode(&metric).expect("a metric batch encodes");
            records.push(SinkRecord {
                partition: 0,
                offset: batch * POLLS * DEVICES + records.len() as i64,
                timestamp_ms: metric.at + 1000,
                key: None,
                value: Some(Bytes::from(bytes)),
            });
        }
    }
    records
}

fn encode_rows(batch: i64) -> Vec<u8> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for poll in 0..POLLS {
        for id in 0..DEVICES * SERIES {
            let us = (at(batch, poll) + id % SERIES - 946_684_800_000) * 1000;
            bytes.extend(4i16.to_be_bytes());
            bytes.extend(8i32.to_be_bytes());
            bytes.extend(id.to_be_bytes());
            bytes.extend(8i32.to_be_bytes());
            bytes.extend(us.to_be_bytes());
            bytes.extend(8i32.to_be_bytes());
            bytes.extend(value(id, batch).to_be_bytes());
            bytes.extend(2i32.to_be_bytes());
            bytes.extend(0i16.to_be_bytes());
        }
    }
    bytes.extend((-1i16).to_be_bytes());
    bytes
}

async fn copy(conn: &mut PgConnection, bytes: &[u8]) -> Outcome<Duration> {
    let start = Instant::now();
    let mut transaction = conn.begin().await?;
    let mut copy = transaction
        .copy_in_raw("COPY sample (series_id, ts, value, flags) FROM STDIN BINARY")
        .await?;
    for piece in bytes.chunks(256 * 1024) {
        copy.send(piece).await?;
    }
    copy.finish().await?;
    transaction.commit().await?;
    Ok(start.elapsed())
}

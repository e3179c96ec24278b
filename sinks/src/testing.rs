//! Databases for tests: one of its own for each, on the server of `OPSC_TEST_DATABASE_URL`.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::str::FromStr;

use bytes::Bytes;
use futures::FutureExt;
use schemas::{AvroRecord, DeviceId, MetricBatch, SchemaStore, Series, SeriesId, encode};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::migrate::{DatabaseInfo, MigrateOptions, Tier, migrate};
use crate::sink::{Sink, SinkRecord, Written};
use crate::sql::SqlSink;
use crate::table::Table;

/// The log's time in all tests, a multiple of a day.
pub(crate) const NOW: i64 = 1_798_675_200_000;
pub(crate) const TOPIC: &str = "topic";

pub(crate) struct TestDb {
    pub(crate) pool: PgPool,
    pub(crate) options: PgConnectOptions,
    pub(crate) tier: Tier,
}

pub(crate) fn server() -> Option<PgConnectOptions> {
    if let Ok(url) = std::env::var("OPSC_TEST_DATABASE_URL") {
        return Some(PgConnectOptions::from_str(&url).unwrap());
    }
    assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "OPSC_TEST_DATABASE_URL is not set");
    eprintln!("SKIPPED: OPSC_TEST_DATABASE_URL is not set, no database was tested");
    None
}

/// Runs a test in a new, empty database and drops it, also when the test panics.
pub(crate) async fn with_database(test: impl AsyncFn(&PgPool, &PgConnectOptions)) {
    let Some(server) = server() else { return };
    let name = format!("opsc_test_{}", Uuid::new_v4().simple());
    let mut admin = PgConnection::connect_with(&server).await.unwrap();
    let run = async |conn: &mut PgConnection, sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
    };
    run(&mut admin, format!("CREATE DATABASE {name}")).await;
    let options = server.database(&name);
    let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(options.clone());
    let outcome = AssertUnwindSafe(test(&pool, &options)).catch_unwind().await;
    pool.close().await;
    run(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Runs a test in a migrated database of each tier that the server has.
pub(crate) async fn each_tier(test: impl AsyncFn(&TestDb)) {
    for timescaledb in [true, false] {
        with_database(async |pool, options| {
            let wanted = MigrateOptions { timescaledb, ..MigrateOptions::default() };
            let DatabaseInfo { tier, .. } = migrate(pool, &wanted).await.unwrap();
            if timescaledb && tier == Tier::Plain {
                eprintln!("SKIPPED: the server has no TimescaleDB, only plain tables were tested");
                return;
            }
            test(&TestDb { pool: pool.clone(), options: options.clone(), tier }).await;
        })
        .await;
    }
}

impl TestDb {
    /// A sink with its own connection, positions read for partitions 0 and 1.
    pub(crate) async fn sink<T: Table>(&self) -> SqlSink<T> {
        let mut sink = self.sink_over(self.options.clone());
        sink.positions(&[0, 1]).await.unwrap();
        sink
    }

    pub(crate) fn sink_over<T: Table>(&self, options: PgConnectOptions) -> SqlSink<T> {
        SqlSink::new(options, "log-1", TOPIC, SchemaStore::new())
    }

    /// One value as text, from a query of one row and column.
    pub(crate) async fn one(&self, query: &str) -> String {
        let text = format!("SELECT ({query})::text");
        sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(text))
            .fetch_one(&self.pool)
            .await
            .unwrap()
            .unwrap_or_default()
    }

    /// The rows of a query of one text column, in its order.
    pub(crate) async fn lines(&self, query: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&self.pool).await.unwrap()
    }
}

/// Decodes, expects no poison, writes.
pub(crate) async fn write<T: Table>(sink: &mut SqlSink<T>, records: Vec<SinkRecord>) -> Written {
    let (batch, poison) = sink.prepare(records);
    assert_eq!(poison, []);
    sink.write(&batch).await.unwrap()
}

pub(crate) fn device(n: u128) -> DeviceId {
    DeviceId(Uuid::from_u128(n))
}

pub(crate) fn record<R: AvroRecord>(partition: i32, offset: i64, value: &R) -> SinkRecord {
    let value = Some(Bytes::from(encode(value).unwrap()));
    SinkRecord { partition, offset, timestamp_ms: NOW, key: None, value }
}

pub(crate) fn tombstone(partition: i32, offset: i64, key: DeviceId) -> SinkRecord {
    let key = Some(Bytes::from(key.key()));
    SinkRecord { partition, offset, timestamp_ms: NOW, key, value: None }
}

/// `count` samples of the device's series at `at`: ids and values count up.
pub(crate) fn samples(n: u128, at: i64, count: i64) -> MetricBatch {
    MetricBatch {
        tenant: "default".to_owned(),
        device: device(n),
        at,
        series: (0..count).map(|i| SeriesId((n as i64) * 1000 + i)).collect(),
        at_ms: vec![0; count as usize],
        values: (0..count).map(|i| i as f64 + 0.5).collect(),
        flags: Vec::new(),
        gaps: Vec::new(),
        interval_ms: 0,
        connector: String::new(),
        answered: true,
    }
}

pub(crate) fn series(n: u128, metric: &str, instance: &str) -> Series {
    Series {
        tenant: "default".to_owned(),
        id: SeriesId::of("default", device(n), metric, instance),
        device: device(n),
        metric: metric.to_owned(),
        instance: instance.to_owned(),
        unit: "1".to_owned(),
        state: false,
    }
}

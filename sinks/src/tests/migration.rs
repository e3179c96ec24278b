//! Migrating: again, at once, without rights, over a newer database; and letting old rows go.

use std::time::Duration;

use schemas::Rollup;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use crate::check::DAY_MS;
use crate::testing::{NOW, each_tier, record, samples, with_database, write};
use crate::{
    MigrateError, MigrateOptions, Retention, Rollups, Samples, SinkRecord, Tier, inspect, migrate,
    retain,
};

async fn run(pool: &PgPool, sql: impl Into<String>) {
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(pool).await.unwrap();
}

#[tokio::test]
async fn migrating_again_or_at_once_changes_nothing() {
    with_database(async |pool, _| {
        let error = inspect(pool).await.unwrap_err();
        assert!(matches!(error, MigrateError::Older { found: 0, .. }), "{error}");
        let options = MigrateOptions::default();
        let (a, b, c) =
            tokio::join!(migrate(pool, &options), migrate(pool, &options), migrate(pool, &options));
        let first = a.unwrap();
        assert_eq!((&b.unwrap(), &c.unwrap()), (&first, &first));
        assert_eq!(inspect(pool).await.unwrap(), first);
        assert_eq!(first.warnings.is_empty(), first.tier != Tier::Plain);
    })
    .await;
}

#[tokio::test]
async fn a_newer_database_is_refused_with_versions_and_remedy() {
    each_tier(async |db| {
        let sql =
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                   VALUES (9999, 'from the future', true, '', 0)";
        run(&db.pool, sql).await;
        for error in [
            migrate(&db.pool, &MigrateOptions::default()).await.unwrap_err(),
            inspect(&db.pool).await.unwrap_err(),
        ] {
            assert!(matches!(error, MigrateError::Newer { found: 9999, .. }), "{error}");
            let words = error.to_string();
            assert!(words.contains("9999") && words.contains("fix: start the newer"), "{words}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_migration_in_another_wording_is_refused() {
    each_tier(async |db| {
        run(&db.pool, "UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 2").await;
        let error = migrate(&db.pool, &MigrateOptions::default()).await.unwrap_err();
        assert!(matches!(error, MigrateError::Changed(2)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_role_without_rights_is_answered_with_the_remedy() {
    with_database(async |pool, options| {
        let role = format!("r{}", uuid::Uuid::new_v4().simple());
        run(pool, format!("CREATE ROLE {role} LOGIN PASSWORD 'x'")).await;
        let weak = options.clone().username(&role).password("x");
        let pool_of_weak = PgPoolOptions::new().max_connections(1).connect_lazy_with(weak);
        let plain = MigrateOptions { timescaledb: false, ..MigrateOptions::default() };
        for options in [MigrateOptions::default(), plain] {
            let error = migrate(&pool_of_weak, &options).await.unwrap_err();
            assert!(matches!(error, MigrateError::MissingRight { .. }), "{error}");
            let words = error.to_string();
            assert!(words.contains("CREATE EXTENSION") || words.contains("GRANT ALL"), "{words}");
        }
        pool_of_weak.close().await;
        run(pool, format!("DROP ROLE {role}")).await;
    })
    .await;
}

/// The database's owner need not be a superuser.
#[tokio::test]
async fn an_ordinary_owner_migrates_and_writes() {
    with_database(async |pool, options| {
        let role = format!("r{}", uuid::Uuid::new_v4().simple());
        let database = options.get_database().unwrap_or_default().to_owned();
        run(pool, format!("CREATE ROLE {role} LOGIN PASSWORD 'x'")).await;
        run(pool, format!("ALTER DATABASE {database} OWNER TO {role}")).await;
        let owner = options.clone().username(&role).password("x");
        let owned = PgPoolOptions::new().max_connections(1).connect_lazy_with(owner);
        migrate(&owned, &MigrateOptions::default()).await.unwrap();
        retain(&owned, &Retention::default(), NOW).await.unwrap();
        owned.close().await;
        run(pool, format!("ALTER DATABASE {database} OWNER TO CURRENT_USER")).await;
        run(
            pool,
            format!(
                "REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"
            ),
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_away_is_tried_again() {
    let options = sqlx::postgres::PgConnectOptions::new().host("127.0.0.1").port(1);
    let pool =
        PgPoolOptions::new().acquire_timeout(Duration::from_millis(300)).connect_lazy_with(options);
    let error = migrate(&pool, &MigrateOptions::default()).await.unwrap_err();
    assert!(matches!(error, MigrateError::Retry(_)), "{error}");
}

fn at(offset: i64, days_ago: i64) -> SinkRecord {
    let record = record(0, offset, &samples(1, NOW - days_ago * DAY_MS, 2));
    SinkRecord { timestamp_ms: NOW - days_ago * DAY_MS, ..record }
}

fn bucket(offset: i64, width_ms: i64, days_ago: i64) -> SinkRecord {
    let at = NOW - days_ago * DAY_MS;
    let rollup = Rollup {
        tenant: "default".to_owned(),
        device: crate::testing::device(1),
        width_ms,
        bucket: at - at % width_ms,
        repair: false,
        series: vec![schemas::SeriesId(1)],
        counts: vec![1],
        sums: vec![1.0],
        mins: vec![1.0],
        maxs: vec![1.0],
        lasts: vec![1.0],
    };
    SinkRecord { timestamp_ms: at, ..record(0, offset, &rollup) }
}

#[tokio::test]
async fn each_class_is_kept_as_long_as_it_says() {
    each_tier(async |db| {
        let mut raw = db.sink::<Samples>().await;
        write(&mut raw, vec![at(0, 0), at(1, 29), at(2, 33), at(3, 200)]).await;
        let mut rollups = db.sink::<Rollups>().await;
        let (five, hour, day) = (300_000, 3_600_000, DAY_MS);
        let buckets = vec![
            bucket(0, five, 80),
            bucket(1, five, 110),
            bucket(2, hour, 700),
            bucket(3, hour, 800),
            bucket(4, day, 5000),
        ];
        write(&mut rollups, buckets).await;
        let gone = retain(&db.pool, &Retention::default(), NOW).await.unwrap();
        let left = [("sample", "4"), ("rollup_5m", "1"), ("rollup_1h", "1"), ("rollup_1d", "1")];
        for (table, expected) in left {
            let count = db.one(&format!("SELECT count(*) FROM {table}")).await;
            assert_eq!(count, expected, "{table} on {}", db.tier);
        }
        match db.tier {
            Tier::Plain => assert_eq!((gone.rows, gone.chunks), (6, 0)),
            Tier::Apache | Tier::Community => assert_eq!((gone.rows, gone.chunks), (0, 4)),
        }
        let again = retain(&db.pool, &Retention::default(), NOW).await.unwrap();
        assert_eq!(again, crate::Retained::default());
        let ever = Retention { raw: None, ..Retention::default() };
        retain(&db.pool, &ever, NOW + 900 * DAY_MS).await.unwrap();
        assert_eq!(db.one("SELECT count(*) FROM sample").await, "4");
        assert_eq!(db.one("SELECT count(*) FROM rollup_1h").await, "0");
    })
    .await;
}

//! Dashboards: what they may read, what the views say, and how long their queries take.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::testing::{TestDb, each_tier};

/// Each query of docs/dashboards.sql, with what stands above it.
const QUERIES: &str = include_str!("../../../docs/dashboards.sql");
const README: &str = include_str!("../../../migrations/README.md");
/// The longest that one of them may take; the server's caches are warm from the second time on.
const LIMIT: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 3;
/// 50 devices of 20 ports.
const SERIES: i64 = 1_000;

/// Samples a series over 25 hours: 3 million in all at full length, a tenth of it otherwise.
fn samples() -> i64 {
    if std::env::var_os("OPSC_PROVE").is_some() { 3_000 } else { 300 }
}

fn queries() -> Vec<(&'static str, &'static str)> {
    let pieces = QUERIES.split("\n\n").skip(1);
    pieces
        .map(|piece| piece.trim().strip_prefix("-- ").unwrap().split_once('\n').unwrap())
        .collect()
}

async fn run(pool: &PgPool, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

/// A network with a day of samples, roll-ups, bands, states and anomalies.
async fn fill(pool: &PgPool, samples: i64) {
    let step_s = 90_000 / samples;
    run(
        pool,
        format!(
            "INSERT INTO device (id, name, address, port, profile, site, interval_ms, snmp, icmp,
                                 enabled, source, updated_at)
             SELECT uuid_in(lpad(n::text, 32, '0')::cstring), 'device-' || n, '192.0.2.' || n, 161,
                    'auto', 'site-' || n % 5, 60000, true, true, true, 'api', now()
             FROM generate_series(0, {devices} - 1) n;
             INSERT INTO series (id, device, metric, instance, unit)
             SELECT n, uuid_in(lpad((n / 20)::text, 32, '0')::cstring), 'if_in_bps', 'port-' || n % 20,
                    'bit/s'
             FROM generate_series(0, {SERIES} - 1) n;
             INSERT INTO sample (series_id, ts, value)
             SELECT n, now() - make_interval(secs => k * {step_s}), 1e6 + n * 1000 + k % 100
             FROM generate_series(0, {samples} - 1) k, generate_series(0, {SERIES} - 1) n;
             INSERT INTO rollup_5m (series_id, bucket, count, sum, min, max, last)
             SELECT n, to_timestamp((floor(extract(epoch FROM now()) / 300) - k) * 300), 10,
                    1e7 + n, 1e6, 2e6, 1e6
             FROM generate_series(0, 299) k, generate_series(0, {SERIES} - 1) n;
             INSERT INTO rollup_1h (series_id, bucket, count, sum, min, max, last)
             SELECT n, date_trunc('hour', now()) - make_interval(hours => k), 120, 1.2e8 + n, 1e6,
                    2e6, 1e6
             FROM generate_series(0, 24) k, generate_series(0, {SERIES} - 1) n;
             INSERT INTO baseline (series_id, bucket, expected, lower, upper)
             SELECT series_id, bucket, 1e6, 9e5, 1.1e6 FROM rollup_5m;
             INSERT INTO device_status_history (device, state, since, at)
             SELECT id, CASE WHEN k % 2 = 0 THEN 'down' ELSE 'up' END,
                    now() - make_interval(hours => k * 12), now() - make_interval(hours => k * 12)
             FROM device, generate_series(0, 99) k;
             INSERT INTO device_status (device, state, since, at)
             SELECT device, state, since, at FROM device_status_history WHERE since = now();
             INSERT INTO anomaly (id, device, device_name, series_id, metric, instance, unit, onset_at,
                                  cleared_at, at, value, expected, lower, upper, score, method, version)
             SELECT 'a' || n, device, 'device', id, metric, instance, unit, now() - interval '2 hours',
                    CASE WHEN n % 2 = 0 THEN now() END, now(), 2, 1, 0, 1, 5, 'band/1', 1
             FROM series, generate_series(id, id) n;
             ANALYZE",
            devices = SERIES / 20
        ),
    )
    .await;
}

#[tokio::test]
async fn typical_queries_answer_in_time() {
    assert_eq!(queries().len(), 10);
    each_tier(async |db| {
        let began = Instant::now();
        fill(&db.pool, samples()).await;
        let rows = db.one("SELECT count(*) FROM sample").await;
        println!("{:?}: {rows} samples written in {:.1?}", db.tier, began.elapsed());
        for (name, sql) in queries() {
            let mut best = Duration::MAX;
            for _ in 0..ATTEMPTS {
                let began = Instant::now();
                let found = sqlx::query(sql).fetch_all(&db.pool).await.unwrap();
                best = best.min(began.elapsed());
                assert!(!found.is_empty(), "{name}: no rows");
            }
            println!("  {best:8.1?} {name}");
            assert!(best < LIMIT, "{:?}: {name} took {best:?}", db.tier);
        }
    })
    .await;
}

async fn states(db: &TestDb) {
    run(
        &db.pool,
        "INSERT INTO device (id, name, address, port, profile, site, interval_ms, snmp, icmp, enabled,
                             source, updated_at)
         SELECT uuid_in(lpad(n::text, 32, '0')::cstring), 'd' || n, '192.0.2.1', 161, 'auto', 'zrh',
                60000, true, true, true, 'api', now()
         FROM generate_series(1, 2) n;
         INSERT INTO device_status_history (device, state, since, at, reason)
         SELECT uuid_in(lpad(v.device::text, 32, '0')::cstring), state, since, since, reason
         FROM (VALUES
             (1, 'unknown',  timestamptz '2026-01-30 00:00Z', 'new'),
             (1, 'up',       timestamptz '2026-01-31 00:00Z', ''),
             (1, 'down',     timestamptz '2026-02-10 00:00Z', 'no answer'),
             (1, 'degraded', timestamptz '2026-02-11 00:00Z', 'loss'),
             (1, 'down',     timestamptz '2026-03-01 12:00Z', 'no answer'),
             (3, 'up',       timestamptz '2026-02-01 00:00Z', '')
         ) AS v (device, state, since, reason);
         UPDATE device_status_history SET at = '2026-02-01 06:00Z' WHERE device::text LIKE '%3';
         INSERT INTO device_status (device, state, since, at, reason)
         SELECT device, state, since, at, reason FROM device_status_history
         WHERE since = '2026-03-01 12:00Z'"
            .to_owned(),
    )
    .await;
}

#[tokio::test]
async fn states_have_a_beginning_and_an_end() {
    each_tier(async |db| {
        states(db).await;
        let now = db
            .lines(
                "SELECT concat_ws(' ', device_name, site, state, since AT TIME ZONE 'UTC', reason)
                 FROM device_state ORDER BY device_name",
            )
            .await;
        assert_eq!(now, ["d1 zrh down 2026-03-01 12:00:00 no answer", "d2 zrh unknown "]);
        let history = db
            .lines(
                "SELECT concat_ws(' ', coalesce(device_name, 'removed'), state,
                        to_char(since AT TIME ZONE 'UTC', 'MM-DD HH24'), '-',
                        to_char(until AT TIME ZONE 'UTC', 'MM-DD HH24'))
                 FROM device_state_history ORDER BY device, since",
            )
            .await;
        let expected = [
            "d1 unknown 01-30 00 - 01-31 00",
            "d1 up 01-31 00 - 02-10 00",
            "d1 down 02-10 00 - 02-11 00",
            "d1 degraded 02-11 00 - 03-01 12",
            "d1 down 03-01 12 -",
            "removed up 02-01 00 - 02-01 06",
        ];
        assert_eq!(history, expected);
    })
    .await;
}

#[tokio::test]
async fn availability_is_of_the_known_time_of_a_month() {
    each_tier(async |db| {
        states(db).await;
        let day = 86_400;
        let months = db
            .lines(
                "SELECT concat_ws(' ', coalesce(device_name, 'removed'),
                        to_char(bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD'), up_s, degraded_s, down_s,
                        unknown_s, round(availability::numeric, 6))
                 FROM availability_1mo WHERE bucket < '2026-03-01Z' ORDER BY device, bucket",
            )
            .await;
        let expected = [
            format!("d1 2026-01-01 {day} 0 0 {day} 1.000000"),
            // 9 days up, 18 degraded, 1 down.
            format!("d1 2026-02-01 {} {} {day} 0 0.964286", 9 * day, 18 * day),
            format!("removed 2026-02-01 {} 0 0 0 1.000000", day / 4),
        ];
        assert_eq!(months, expected);
        // March is up to now, or whole when it is over.
        let march =
            "SELECT up_s = 0 AND degraded_s = 43200 AND down_s + degraded_s = extract(epoch FROM
                         least(now(), timestamptz '2026-04-01Z') - timestamptz '2026-03-01Z')
                     FROM availability_1mo WHERE bucket = '2026-03-01Z'";
        let time: i64 = db.one("SELECT extract(epoch FROM now())::bigint").await.parse().unwrap();
        if time > 1_772_500_000 {
            assert_eq!(db.one(march).await, "true");
        }
    })
    .await;
}

/// The statements of the README, for a role of the test's own.
fn grants(role: &str, database: &str) -> String {
    let section = README.split("### A role that may only read").nth(1).unwrap();
    let sql = section.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    sql.replace("dashboards", role)
        .replace("DATABASE opsconductor", &format!("DATABASE {database}"))
}

#[tokio::test]
async fn the_rights_in_the_readme_suffice_and_no_more() {
    each_tier(async |db| {
        let role = format!("opsc_test_{}", Uuid::new_v4().simple());
        run(&db.pool, grants(&role, db.options.get_database().unwrap())).await;
        let options = db.options.clone().username(&role).password("choose one");
        let mut reader = PgConnection::connect_with(&options).await.unwrap();
        let views = db
            .lines(
                "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
                   AND (relkind = 'v' OR relname IN ('device', 'anomaly'))",
            )
            .await;
        assert!(views.len() >= 12, "{views:?}");
        for view in &views {
            assert!(README.contains(&format!("`{view}`")), "{view} is not in the README");
            let sql = AssertSqlSafe(format!("SELECT * FROM {view} LIMIT 1"));
            let read = sqlx::query(sql).fetch_all(&mut reader).await;
            read.unwrap_or_else(|error| panic!("{view}: {error}"));
        }
        for (name, sql) in queries() {
            let read = sqlx::query(sql).fetch_all(&mut reader).await;
            read.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for table in ["credential", "api_user", "api_session", "log_position"] {
            let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
            let error = sqlx::query(sql).fetch_all(&mut reader).await.unwrap_err().to_string();
            assert!(error.contains("permission denied"), "{table}: {error}");
        }
        let error = sqlx::query("DELETE FROM device").execute(&mut reader).await.unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        sqlx::raw_sql("SET default_transaction_read_only = off")
            .execute(&mut reader)
            .await
            .unwrap();
        let error = sqlx::query("DELETE FROM device").execute(&mut reader).await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{error}");
        reader.close().await.unwrap();
        run(&db.pool, format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    })
    .await;
}

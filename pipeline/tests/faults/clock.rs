//! Wall clocks that are stepped while the program runs, by a library preloaded into it; monotonic
//! clocks go on, as they do on a machine whose clock is set.
//!
//! How this could lose, double or mislead, and what stands against it:
//! - *Wrong rates, false resets*: intervals are the poller's monotonic clock and sysUpTime; wall
//!   time only labels.
//! - *Rows in the future*: samples more than a minute ahead of the log's append time are refused
//!   whole, into the dead letters, with the remedy.
//! - *A slot polled twice, or not at all, when the clock is set back*: slots go on from where they
//!   were; samples are labelled with the time that the clock says, so an hour has two of each.
//! - *Buckets doubled or left out when daylight saving ends*: nothing of it is known; all is UTC.
//! - *A processor's own clock*: it takes the time of ticks from the log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pipeline::log::EventLog;
use pipeline::log::kafka::KafkaLog;
use pipeline::topology::DEAD_LETTER;
use schemas::{AvroRecord, Poll, SchemaStore};
use sqlx::{AssertSqlSafe, PgPool};

use super::broker::Broker;
use super::common::{database, records, serials};
use super::log::kafka;
use super::running::Running;
use super::{ledger, room};

const PREFIX: &str = "OPSC__LOG__KAFKA__PREFIX";
const PORT: u16 = 19_460;
const HOUR: i64 = 3_600;

/// A wall clock of a program's own.
struct FakeTime {
    folder: tempfile::TempDir,
    library: String,
}

impl FakeTime {
    /// None, with a loud word: the library is not to be had.
    fn new() -> Option<Self> {
        let Some(library) = std::env::var("OPSC_FAKETIME").ok().filter(|it| !it.is_empty()) else {
            let missing = "OPSC_FAKETIME is not set; `scripts/tools env` prints it";
            assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
            return None;
        };
        let fake = Self { folder: tempfile::tempdir().unwrap(), library };
        fake.set(0);
        Some(fake)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// So many seconds beside the machine's clock, from the next second on.
    fn set(&self, seconds: i64) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    fn settings(&self) -> Vec<(String, String)> {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        [
            ("LD_PRELOAD", self.library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().to_str().unwrap()),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(own)
        .into()
    }
}

/// A network in which nothing happens: rates differ by its noise only.
fn quiet(folder: &Path) -> String {
    let path = folder.join("quiet.json");
    std::fs::write(&path, r#"{"events": []}"#).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Serials in polls that were refused because they are of the future.
fn refused(log: &dyn EventLog) -> BTreeSet<u64> {
    let store = SchemaStore::new();
    let mut found = BTreeSet::new();
    for record in records(log, DEAD_LETTER.name) {
        let letter = DEAD_LETTER.read(&store, &record).unwrap().unwrap();
        assert_eq!(letter.reason, "future", "{letter:?}");
        assert!(letter.error.contains("set the clock of poller"), "{}", letter.error);
        let poll = Poll::decode(&store, letter.value.as_deref().unwrap()).unwrap();
        for column in poll.columns.iter().filter(|column| column.metric == "lab_serial") {
            found.extend(column.gauges.iter().map(|value| *value as u64));
            found.extend(column.counts.iter().map(|value| *value as u64));
        }
    }
    found
}

/// No counter seemed to start anew, and no rate is one of a wrong interval.
async fn rates_are_right(pool: &PgPool) {
    let sql = "SELECT count(*) FROM sample_gap WHERE reason IN ('reset', 'discontinuity')";
    assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap(), 0);
    let sql = "SELECT min(x.value), percentile_cont(0.5) WITHIN GROUP (ORDER BY x.value),
               max(x.value), count(*) FROM sample x JOIN series s ON s.id = x.series_id
               WHERE s.metric IN ('if_in_bps', 'if_out_bps') GROUP BY s.id HAVING count(*) > 20";
    let rates: Vec<(f64, f64, f64, i64)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
    let flowing: Vec<_> = rates.iter().filter(|(_, middle, _, _)| *middle > 1e4).collect();
    assert!(flowing.len() > 5, "{rates:?}");
    for (least, middle, most, count) in &flowing {
        let near = *least > middle / 30.0 && *most < middle * 30.0;
        assert!(near, "{count} rates between {least} and {most} around {middle}");
    }
    println!("{} series of rates, each within a factor of its middle", flowing.len());
}

/// Each 5-minute bucket has one row, of no more samples than there are.
async fn buckets_are_right(pool: &PgPool) {
    let sql = "SELECT count(*) FROM rollup_5m r WHERE r.count > (
                   SELECT count(*) FROM sample x WHERE x.series_id = r.series_id
                   AND x.ts >= r.bucket AND x.ts < r.bucket + interval '5 minutes')";
    assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap(), 0);
}

/// The program in its roles on a broker, with a clock of their own for the poller and the processor.
struct Stepped {
    url: String,
    bootstrap: String,
    pool: PgPool,
    log: KafkaLog,
    sink: Running,
    processor: Running,
    processor_clock: FakeTime,
    poller: Running,
    poller_clock: FakeTime,
}

fn of_log(bootstrap: &str) -> [(&str, &str); 2] {
    [("OPSC_KAFKA", bootstrap), (PREFIX, "clock-")]
}

impl Stepped {
    fn start(
        broker: &Broker,
        url: &str,
        poller_clock: FakeTime,
        processor_clock: FakeTime,
    ) -> Self {
        let of_log = of_log(broker.bootstrap());
        let script = quiet(poller_clock.folder.path());
        let demo = [("OPSC__DEMO__SCRIPT", script.as_str())];
        let ticks = [("OPSC__PROCESSOR__TICK_INTERVAL_MS", "500")];
        let role = |role: &str, settings: &[(&str, &str)], clock: &FakeTime| {
            let faked = clock.settings();
            let faked = faked.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let all: Vec<_> =
                of_log.into_iter().chain(settings.iter().copied()).chain(faked).collect();
            match role {
                "connect" => Running::with_network(role, url, &all),
                _ => Running::role(role, url, &all),
            }
        };
        Self {
            url: url.to_owned(),
            bootstrap: broker.bootstrap().to_owned(),
            pool: PgPool::connect_lazy(url).unwrap(),
            log: kafka(broker, "clock-"),
            sink: Running::role("sink", url, &of_log),
            processor: role("process", &ticks, &processor_clock),
            poller: role("connect", &demo, &poller_clock),
            processor_clock,
            poller_clock,
        }
    }

    /// A processor an hour ahead takes nobody for silent, and closes no bucket early.
    async fn processor(&mut self) {
        let silent_devices =
            "SELECT count(*) FROM device_status WHERE state NOT IN ('up', 'degraded')";
        let silent = async || {
            sqlx::query_scalar::<_, i64>(silent_devices).fetch_one(&self.pool).await.unwrap()
        };
        let before = silent().await;
        for offset in [HOUR, 0, -HOUR, 0] {
            self.processor_clock.set(offset);
            let stepped = Instant::now();
            while stepped.elapsed() < Duration::from_secs(4) {
                let now = silent().await;
                assert!(now <= before, "{now} devices are taken for silent at {offset:+} s");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self.sink.until_more(&self.pool, 40).await;
        let closed = "SELECT count(*) FROM rollup_5m WHERE bucket + interval '5 minutes' > now()";
        assert_eq!(sqlx::query_scalar::<_, i64>(closed).fetch_one(&self.pool).await.unwrap(), 0);
        rates_are_right(&self.pool).await;
        println!("clock: the processor's was stepped");
        // librdkafka's threads wait by the wall clock: after a step back they may take as long. From
        // here on one does its work whose clock is the machine's.
        self.processor.kill();
        self.processor = Running::role("process", &self.url, &of_log(&self.bootstrap));
    }

    /// A poller's samples are labelled as its clock says, or refused as of the future; when it
    /// was ended.
    async fn poller(&mut self) -> u64 {
        self.poller_clock.set(HOUR);
        let log = &self.log;
        self.sink
            .until(async |_| {
                let found = refused(log).len();
                if found >= 40 { Ok(()) } else { Err(format!("{found} refused")) }
            })
            .await;
        self.poller_clock.set(0);
        self.sink.until_more(&self.pool, 60).await;
        self.poller_clock.set(-HOUR);
        self.sink.until_more(&self.pool, 60).await;
        let sql = "SELECT count(*) FROM sample WHERE ts < now() - interval '50 minutes'";
        let early: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap();
        assert!(early > 0, "nothing is labelled as the clock said");
        self.poller_clock.set(0);
        self.sink.until_more(&self.pool, 60).await;
        // As above.
        let stopped = self.poller.kill();
        // The ledger is the stepped program's too.
        let settled = Instant::now();
        while settled.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stopped
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_or_processor_whose_clock_is_stepped_loses_nothing_unsaid() {
    let _room = room().await;
    let (Some(one), Some(other)) = (FakeTime::new(), FakeTime::new()) else { return };
    let Some(broker) = Broker::start(PORT) else { return };
    let Some(url) = database("clock").await else { return };
    let mut it = Stepped::start(&broker, &url, one, other);
    it.sink.until_more(&it.pool, 60).await;
    println!("clock: all runs");
    it.processor().await;
    let stopped = it.poller().await;
    let Stepped { pool, log, mut sink, mut processor, poller, .. } = it;
    processor.stop();

    let in_log = ledger::in_log(&log);
    sink.until(async |_| {
        let found = serials(&pool).await.len();
        if found >= in_log.len() { Ok(()) } else { Err(format!("{found} serials")) }
    })
    .await;
    sink.stop();
    let rows = serials(&pool).await;
    assert!(rows.values().chain(in_log.values()).all(|count| *count == 1), "doubled");
    assert!(rows.keys().eq(in_log.keys()), "the log and the database hold different serials");
    let refused = refused(&log);
    assert!(refused.iter().all(|serial| !rows.contains_key(serial)));
    let everywhere: BTreeMap<u64, i64> =
        rows.keys().chain(&refused).map(|serial| (*serial, 1)).collect();
    let account = ledger::account(poller.state(), &everywhere, &[stopped]);
    println!(
        "clock: {} serials in the log and the database once, {} refused as of the future, {account}",
        rows.len(),
        refused.len()
    );
    let sql = "SELECT count(*) FROM sample WHERE ts > now() + interval '1 minute'";
    assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap(), 0);
    rates_are_right(&pool).await;
    buckets_are_right(&pool).await;
    let others = [processor.out(), sink.out()].concat();
    assert!(!others.contains("ERROR"), "{others}");
}

/// 2026-10-25 00:00 UTC: at 01:00 UTC clocks in Zurich go from 03:00 back to 02:00.
const SUNDAY: i64 = 1_792_886_400;

#[tokio::test(flavor = "multi_thread")]
async fn the_day_on_which_daylight_saving_ends_is_a_day() {
    let _room = room().await;
    let Some(fake) = FakeTime::new() else { return };
    let Some(url) = database("zurich").await else { return };
    let pool = PgPool::connect_lazy(&url).unwrap();
    let (server, name) = url.rsplit_once('/').unwrap();
    assert!(!server.is_empty());
    let zone = format!("ALTER DATABASE {name} SET timezone = 'Europe/Zurich'");
    sqlx::raw_sql(AssertSqlSafe(zone)).execute(&pool).await.unwrap();
    let now = super::common::now_ms() as i64 / 1_000;
    // Seconds after Sunday's beginning, rising: the last day closes Sunday.
    let at = |seconds: i64| fake.set(SUNDAY + seconds - now);
    at(-600);
    let script = quiet(fake.folder.path());
    let faked = fake.settings();
    let faked = faked.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings = [("TZ", "Europe/Zurich"), ("OPSC__DEMO__SCRIPT", script.as_str())];
    let settings: Vec<_> = settings.into_iter().chain(faked).collect();
    let mut running = Running::start(&url, &settings);
    running.until_more(&pool, 60).await;
    let hours = [1, 2, 3, 12, 22, 23];
    let minutes = [60, HOUR - 10].into_iter().chain(hours.map(|hour| hour * HOUR + 600));
    for seconds in minutes.chain([24 * HOUR + 120, 25 * HOUR + 120]) {
        at(seconds);
        running.until_more(&pool, 36).await;
    }
    let whole = "SELECT count(*), coalesce(sum(abs(r.count - s.count)), 0)::bigint FROM rollup_1d r
        JOIN (SELECT series_id, count(*) FROM sample
              WHERE ts >= to_timestamp($1) AND ts < to_timestamp($1 + 86400) GROUP BY 1) s
        USING (series_id) WHERE r.bucket = to_timestamp($1)";
    let (rows, wrong): (i64, i64) = running
        .until(async |_| {
            let found = sqlx::query_as(whole).bind(SUNDAY as f64).fetch_one(&pool).await;
            let found: (i64, i64) = found.map_err(|error| error.to_string())?;
            if found.0 > 0 { Ok(found) } else { Err("Sunday is not closed".to_owned()) }
        })
        .await;
    assert_eq!(wrong, 0, "samples are missing in, or doubled in, {rows} series' Sundays");
    let days: Vec<i64> =
        sqlx::query_scalar("SELECT DISTINCT extract(epoch FROM bucket)::bigint FROM rollup_1d")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert!(days.iter().all(|day| day % 86_400 == 0), "{days:?}");
    let sql = "SELECT count(DISTINCT bucket) FROM rollup_1h
               WHERE bucket >= to_timestamp($1) AND bucket < to_timestamp($1 + 86400)";
    let hours_found: i64 =
        sqlx::query_scalar(sql).bind(SUNDAY as f64).fetch_one(&pool).await.unwrap();
    assert_eq!(hours_found, hours.len() as i64 + 1, "an hour is missing or there twice");
    println!("{rows} series have their Sunday of {hours_found} hours whole");
    rates_are_right(&pool).await;
    buckets_are_right(&pool).await;
    println!("daylight saving: {}", running.balance(&pool).await);
}

//! The log is away, frozen, lost records that were needed, or is another than before.
//!
//! How this could lose, double or hang, and what stands against it:
//! - *Polls are dropped while the log is away*: the poller keeps them for `poller.keep_polls_s`, then
//!   leaves cycles out, and a record says how many.
//! - *Polling ends with the membership*: devices are polled on until the group answers again.
//! - *A poll comes twice*, because its acknowledgement was lost: the producer is idempotent; a
//!   second record of a cycle is dropped downstream.
//! - *An open transaction holds readers back*: it is ended at start, or after 10 s.
//! - *A position that the log no longer has is reset silently*: it is an error that says which
//!   records are missing, and the line that goes on without them.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use pipeline::log::{EventLog, Watch as _};
use pipeline::topology::{METRIC, POLL};
use schemas::{AvroRecord as _, Outcome, Poll, SchemaStore};
use sqlx::PgPool;

use super::broker::Broker;
use super::common::{database, records, serials};
use super::postgres::signal;
use super::running::{Running, balanced, longest_pause};
use super::{lasting, ledger, prove, room};

const PREFIX: &str = "OPSC__LOG__KAFKA__PREFIX";
const PORT: u16 = 19_400;

pub(crate) fn kafka(broker: &Broker, prefix: &str) -> KafkaLog {
    KafkaLog::connect(KafkaOptions {
        bootstrap: broker.bootstrap().to_owned(),
        prefix: prefix.to_owned(),
        ..KafkaOptions::default()
    })
    .unwrap()
}

/// Has the sinks write what is left, and gives what the log holds.
async fn drained(
    url: &str,
    settings: &[(&str, &str)],
    log: &KafkaLog,
    pool: &PgPool,
) -> BTreeMap<u64, i64> {
    let in_log = ledger::in_log(log);
    let mut sink = Running::role("sink", url, settings);
    let wanted = in_log.len();
    // It may have nothing left to write: only who is there can be asked to end.
    sink.until_ready().await;
    sink.until(async |_| {
        let found = serials(pool).await.len();
        if found >= wanted { Ok(()) } else { Err(format!("{found} of {wanted} serials")) }
    })
    .await;
    sink.stop();
    in_log
}

/// What the records say of cycles that were left out.
fn left_out(log: &dyn EventLog) -> Vec<(i64, String)> {
    let store = SchemaStore::new();
    let polls = records(log, POLL.name).into_iter().filter_map(|record| {
        let poll = Poll::decode(&store, record.value.as_deref()?).ok()?;
        (poll.outcome == Outcome::Skipped).then(|| (poll.cycle, poll.error.unwrap_or_default()))
    });
    polls.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_away_costs_nothing_for_a_while_and_then_says_what() {
    let _room = room().await;
    let Some(broker) = Broker::start(PORT) else { return };
    let Some(url) = database("away").await else { return };
    let pool = PgPool::connect_lazy(&url).unwrap();
    let settings = [("OPSC_KAFKA", broker.bootstrap()), (PREFIX, "away-")];
    let mut running = Running::start(&url, &settings);
    running.until_more(&pool, 30).await;

    // Stopped, and started again.
    broker.stop();
    let away = Instant::now();
    let words = [broker.bootstrap(), "event log", "see that its brokers run"];
    println!("stopped: it says: {}", running.until_says(&words).await);
    // With the time that starting takes, longer than a session.
    let outage = lasting(10, 60);
    tokio::time::sleep(outage.saturating_sub(away.elapsed())).await;
    broker.start_again();
    let gone = away.elapsed();
    running.until_more(&pool, 30).await;
    running.until_ready().await;
    println!("stopped for {gone:?}, good again {:?} later", away.elapsed() - gone);

    // Frozen, and woken.
    let frozen = Instant::now();
    assert!(signal("STOP", broker.pid()));
    tokio::time::sleep(lasting(13, 60)).await;
    assert!(signal("CONT", broker.pid()));
    let gone = frozen.elapsed();
    running.until_more(&pool, 30).await;
    running.until_ready().await;
    println!("frozen for {gone:?}, good again {:?} later", frozen.elapsed() - gone);
    let longest = longest_pause(&running.ledger());
    assert!(longest < 3_500, "polling paused for {longest} ms");
    let log = kafka(&broker, "away-");
    assert_eq!(left_out(&log), [], "nothing had to be left out");

    // Away for longer than polls are kept.
    let stopped = running.stop();
    let keep_s = if prove() { 300 } else { 5 };
    running.start_again("run", &[("OPSC__POLLER__KEEP_POLLS_S", &keep_s.to_string())]);
    // More of what the last one polled would not mean that this one knows its devices.
    running.until_all_flows(&pool).await;
    broker.stop();
    let away = Instant::now();
    // What the log's client still takes comes before what the poller keeps.
    tokio::time::sleep(Duration::from_secs(keep_s)).await;
    running
        .until(async |it| {
            let skipped = it.counter("opsc_poller_skipped_total").await;
            if skipped > 0.0 { Ok(()) } else { Err("no cycle is left out".to_owned()) }
        })
        .await;
    tokio::time::sleep(lasting(2, 60)).await;
    broker.start_again();
    let gone = away.elapsed();
    // What was kept comes before it.
    running.until_all_flows(&pool).await;
    running.until_ready().await;
    let skipped = running.counter("opsc_poller_skipped_total").await;
    let ends = [stopped, running.stop()];

    let in_log = drained(&url, &settings, &log, &pool).await;
    let said = left_out(&log);
    let reported: u64 = (said.iter())
        .map(|(_, words)| {
            assert!(words.ends_with("cycles left out: the log took no records"), "{words}");
            words.split(' ').next().unwrap().parse::<u64>().unwrap()
        })
        .sum();
    // Those of devices that were not polled again before the stop are not reported yet.
    assert!(
        reported > 0 && reported as f64 <= skipped,
        "{reported} of {skipped} cycles are reported: {said:?}"
    );
    println!("away for {gone:?}: {reported} cycles left out, reported in {} records", said.len());
    println!("log: {}", balanced(running.state(), &in_log, &pool, &ends).await);
}

/// The offsets of a topic's partitions: what is deleted, and the ends.
async fn delete_all(broker: &Broker, topic: &str, ends: &[i64]) {
    use rdkafka::admin::{AdminClient, AdminOptions};
    use rdkafka::client::DefaultClientContext;
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let mut list = rdkafka::TopicPartitionList::new();
    for (partition, end) in (0..).zip(ends) {
        list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(*end)).unwrap();
    }
    let deleted = admin.delete_records(&list, &AdminOptions::new()).await.unwrap();
    for element in deleted.elements() {
        element.error().unwrap();
    }
}

/// Until a topic of one partition has clearly more records than before.
async fn until_grown(writer: &mut Running, log: &KafkaLog, topic: &str, before: i64) {
    writer
        .until(async |_| {
            let ends = log.ends(topic).map_err(|error| error.to_string())?;
            if ends[0] > before + 40 { Ok(()) } else { Err(format!("only {ends:?}")) }
        })
        .await;
}

async fn position(pool: &PgPool) -> Vec<(i32, i64)> {
    let sql = "SELECT partition, next FROM log_position WHERE topic = 'metric' ORDER BY partition";
    sqlx::query_as(sql).fetch_all(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_ran_past_a_position_is_explained_and_never_reset() {
    let _room = room().await;
    let Some(broker) = Broker::start(PORT + 10) else { return };
    let Some(url) = database("retention").await else { return };
    let pool = PgPool::connect_lazy(&url).unwrap();
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("vault.key").display().to_string();
    let settings = [
        ("OPSC_KAFKA", broker.bootstrap()),
        (PREFIX, "kept-"),
        ("OPSC__LOG__PARTITIONS", "1"),
        ("OPSC__PROCESSOR__THREADS", "1"),
        // Those who poll here have state folders of their own.
        ("OPSC_VAULT_KEY_FILE", &key),
    ];
    let mut running = Running::start(&url, &settings);
    running.until_more(&pool, 40).await;
    running.stop();

    // Another number of partitions is refused before anything is read or written.
    let wrong = [&settings[..], &[("OPSC__LOG__PARTITIONS", "2")]].concat();
    let mut refused = Running::start(&url, &wrong);
    let said = refused.until_ended().await;
    assert!(said.contains("it has 1 partitions and must have 2"), "{said}");

    // Records that no sink has read leave the log.
    let log = kafka(&broker, "kept-");
    let before = log.ends(METRIC.name).unwrap();
    let mut poller = Running::with_network("connect", &url, &settings);
    let mut processor = Running::role("process", &url, &settings);
    until_grown(&mut processor, &log, METRIC.name, before[0]).await;
    poller.stop();
    processor.stop();
    let ends = log.ends(METRIC.name).unwrap();
    delete_all(&broker, &format!("kept-{}", METRIC.name), &[ends[0] - 10]).await;
    let (rows, at) = (serials(&pool).await, position(&pool).await);
    let mut remedy = String::new();
    for _ in 0..2 {
        let mut sink = Running::role("sink", &url, &settings);
        let said = sink.until_ended().await;
        let line = said.lines().find(|line| line.contains("the log begins at")).unwrap();
        let update = &line[line.find("UPDATE log_position").unwrap()..];
        let end = update.rfind(&format!("next = {}", at[0].1)).unwrap();
        remedy = format!("{}next = {}", &update[..end], at[0].1);
        assert_eq!((serials(&pool).await, position(&pool).await), (rows.clone(), at.clone()));
    }
    println!("the remedy that is reported: {remedy}");
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(remedy)).execute(&pool).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    let mut sink = Running::role("sink", &url, &settings);
    sink.until(async |_| {
        let at = position(&pool).await;
        if at[0].1 >= ends[0] - 1 { Ok(()) } else { Err(format!("at {at:?} of {ends:?}")) }
    })
    .await;
    sink.stop();
    let (now, in_log) = (serials(&pool).await, ledger::in_log(&log));
    assert!(now.values().all(|count| *count == 1), "doubled");
    assert!(in_log.keys().all(|serial| now.contains_key(serial)), "lost");
    assert!(now.keys().all(|serial| rows.contains_key(serial) || in_log.contains_key(serial)));

    the_processor_too(&broker, &url, &settings, &log).await;
}

/// What a processor had still to read, or to replay, left the log.
async fn the_processor_too(broker: &Broker, url: &str, settings: &[(&str, &str)], log: &KafkaLog) {
    let before = log.ends(POLL.name).unwrap();
    let mut poller = Running::with_network("connect", url, settings);
    until_grown(&mut poller, log, POLL.name, before[0]).await;
    poller.stop();
    let ends = log.ends(POLL.name).unwrap();
    delete_all(broker, &format!("kept-{}", POLL.name), &[ends[0] - 10]).await;
    for _ in 0..2 {
        let mut processor = Running::role("process", url, settings);
        let said = processor.until_ended().await;
        for part in ["poll[0] has offsets", "is needed", "opsconductor topics begin-at-oldest"] {
            assert!(said.contains(part), "{part:?}: {said}");
        }
    }
    let state = tempfile::tempdir().unwrap();
    let mut reset = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
    reset.args(["topics", "begin-at-oldest", "state-device", "0"]).envs(settings.iter().copied());
    let said = reset.env("OPSC_STATE_DIR", state.path()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let metric = log.ends(METRIC.name).unwrap();
    let mut processor = Running::role("process", url, settings);
    processor
        .until(async |_| {
            let ends = log.ends(METRIC.name).map_err(|error| error.to_string())?;
            if ends[0] > metric[0] { Ok(()) } else { Err(format!("only {ends:?}")) }
        })
        .await;
    processor.stop();
}

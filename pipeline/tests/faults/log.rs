//! The log is away, or frozen.
//!
//! How this could lose, double or hang, and what stands against it:
//! - *Polls are dropped while the log is away*: the poller keeps them for `poller.keep_polls_s`, then
//!   leaves cycles out, and a record says how many.
//! - *Polling ends with the membership*: devices are polled on until the group answers again.
//! - *A poll comes twice*, because its acknowledgement was lost: the producer is idempotent; a
//!   second record of a cycle is dropped downstream.
//! - *An open transaction holds readers back*: it is ended at start, or after 10 s.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pipeline::log::EventLog;
use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use pipeline::topology::POLL;
use schemas::{Outcome, Poll, SchemaStore};
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
        let poll: Poll = POLL.read(&store, &record).ok().flatten()?;
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
    running.until_more(&pool, 60).await;

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
    running.until_more(&pool, 60).await;
    running.until_ready().await;
    println!("stopped for {gone:?}, good again {:?} later", away.elapsed() - gone);

    // Frozen, and woken.
    let frozen = Instant::now();
    assert!(signal("STOP", broker.pid()));
    tokio::time::sleep(lasting(13, 60)).await;
    assert!(signal("CONT", broker.pid()));
    let gone = frozen.elapsed();
    running.until_more(&pool, 60).await;
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
    running.until_more(&pool, 60).await;
    broker.stop();
    let away = Instant::now();
    tokio::time::sleep(Duration::from_secs(keep_s) + lasting(12, 60)).await;
    let skipped = running.counter("opsc_poller_skipped_total").await;
    assert!(skipped > 0.0, "{skipped} cycles left out");
    broker.start_again();
    let gone = away.elapsed();
    running.until_more(&pool, 60).await;
    running.until_ready().await;
    let skipped = running.counter("opsc_poller_skipped_total").await;
    let ends = [stopped, running.stop()];

    let in_log = drained(&url, &settings, &log, &pool).await;
    let said = left_out(&log);
    let told: u64 = (said.iter())
        .map(|(_, words)| {
            assert!(words.ends_with("cycles left out: the log took no records"), "{words}");
            words.split(' ').next().unwrap().parse::<u64>().unwrap()
        })
        .sum();
    // Those of devices that were not polled again before the stop are not told yet.
    assert!(told > 0 && told as f64 <= skipped, "{told} of {skipped} cycles are told: {said:?}");
    println!("away for {gone:?}: {told} cycles left out, told in {} records", said.len());
    println!("log: {}", balanced(running.state(), &in_log, &pool, &ends).await);
}

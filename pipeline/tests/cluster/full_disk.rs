//! A broker whose disk is full: the program says so, waits, and goes on when there is room again.
//! Nothing is lost, nothing doubled.
//!
//! No root is needed: the system refuses to let any file of the broker grow beyond a limit, which
//! fails a write as a full disk does, and which the broker answers as it answers that: it stops
//! its log folder and ends.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pipeline::log::kafka::{KafkaLog, KafkaOptions};
use pipeline::log::{EventLog, NewRecord};
use pipeline::run::wiring::member;
use pipeline::topic::shared;
use pipeline::topology::{DEAD_LETTER, POLL};
use sqlx::PgPool;

use super::broker::Broker;
use super::common::{Program as Killed, database, now_ms, program, serials};
use super::program::Program;
use super::{PREFIX, WITHIN, ledger};

const PORT: u16 = 19_300;
/// Largest file of the broker. Its own log's indexes are 10 MiB at once.
const LIMIT_KIB: u32 = 12 * 1024;
/// What is left of it for the program: seconds of polls.
const ROOM: u64 = 80 * 1024;
/// How long the disk stays full after the broker has ended.
const OUTAGE: Duration = Duration::from_secs(8);
/// Devices polled each second are not asked for so long (ms) only when nobody polls them.
const PAUSE_MS: u64 = 2_500;
const OUR_PREFIX: &str = "full-";

fn kafka(broker: &Broker) -> KafkaLog {
    KafkaLog::connect(KafkaOptions {
        bootstrap: broker.bootstrap().to_owned(),
        prefix: OUR_PREFIX.to_owned(),
        ..KafkaOptions::default()
    })
    .unwrap()
}

/// The newest file of the poll topic's one partition.
fn poll_file(broker: &Broker) -> PathBuf {
    let folder = broker.data().join(format!("{OUR_PREFIX}{}-0", POLL.name));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == "log")).max().unwrap()
}

/// Takes the poll topic's room with records that are never committed, which no reader sees.
fn fill(broker: &Broker) {
    let log = kafka(broker);
    let mut task = log.task(&member("filler", DEAD_LETTER.name, "0")).unwrap();
    loop {
        let size = poll_file(broker).metadata().unwrap().len();
        let left = (u64::from(LIMIT_KIB) * 1024).saturating_sub(size + ROOM);
        if left < 10_000 {
            return;
        }
        let mut junk = vec![0; left.min(900_000) as usize];
        junk.fill_with(rand::random::<u8>);
        task.send(NewRecord {
            topic: shared(POLL.name),
            partition: Some(0),
            key: None,
            value: Some(junk.into()),
            headers: Vec::new(),
        })
        .unwrap();
        // What was only queued would never reach the broker.
        std::thread::sleep(Duration::from_millis(200));
        task.abort().unwrap();
    }
}

/// When the devices were no longer asked for a while (ms since the epoch), because the poller's
/// place in its group was lost: the polls under way ended with it.
fn pauses(state: &Path) -> Vec<u64> {
    let ledger = lab::ledger::read(&state.join("lab-ledger")).map(Result::unwrap);
    let mut times: Vec<u64> = ledger.map(|entry| entry.unix_ms).collect();
    times.sort_unstable();
    let pause = |pair: &&[u64]| pair[1] - pair[0] >= PAUSE_MS;
    times.windows(2).filter(pause).map(|pair| pair[0]).collect()
}

async fn ready(program: &Program) -> Result<(), String> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}/readyz", program.url())).send().await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(answer.text().await.map_err(|error| error.to_string())?)
}

async fn until_more(program: &mut Program, pool: &PgPool, more: usize) {
    let wanted = serials(pool).await.len() + more;
    program
        .until(WITHIN, async |_| {
            let found = serials(pool).await.len();
            if found >= wanted { Ok(()) } else { Err(format!("{found} of {wanted} serials")) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_with_a_full_disk_loses_nothing() {
    let Some(broker) = Broker::on_a_full_disk(PORT, LIMIT_KIB) else { return };
    let Some(url) = database("full_disk").await else { return };
    let demo_port = lab::free_port().to_string();
    let settings = [
        ("OPSC_KAFKA", broker.bootstrap()),
        (PREFIX, OUR_PREFIX),
        ("OPSC__LOG__PARTITIONS", "1"),
        ("OPSC_DEMO", "1"),
        ("OPSC__DEMO__INTERVAL_MS", "1000"),
        ("OPSC__DEMO__PORT", &demo_port),
    ];
    let mut running = Program::start(&url, &settings);
    let pool = PgPool::connect_lazy(&url).unwrap();
    until_more(&mut running, &pool, 60).await;

    fill(&broker);
    let filled = Instant::now();
    running
        .until(
            WITHIN,
            async |_| if broker.runs() { Err("its disk has room".into()) } else { Ok(()) },
        )
        .await;
    assert!(broker.said().contains("File too large"), "{}", broker.said());
    println!("the broker ended {:?} after its disk was filled", filled.elapsed());
    let away = Instant::now();
    let said = running
        .until(WITHIN, async |program| match ready(program).await {
            Err(said) if said.contains("event log") => Ok(said),
            other => Err(format!("{other:?}")),
        })
        .await;
    println!("the program says after {:?}: {said}", away.elapsed());
    for part in [broker.bootstrap(), "room on their disks", "nothing written is lost"] {
        assert!(said.contains(part), "{part:?}: {said}");
        assert!(running.out().contains(part), "{part:?}: {}", running.out());
    }
    tokio::time::sleep(OUTAGE).await;

    broker.start_again();
    let away = away.elapsed();
    until_more(&mut running, &pool, 60).await;
    running.until(WITHIN, async |program| ready(program).await).await;
    let stopped = now_ms();
    running.end();

    let log = ledger::in_log(&kafka(&broker));
    let listen = super::common::free_address();
    let mut sink = program("sink", running.state(), &url, &listen);
    let sink = Killed(sink.envs(settings).spawn().unwrap());
    let began = Instant::now();
    while serials(&pool).await.len() < log.len() {
        assert!(began.elapsed() < WITHIN, "{} of {}", serials(&pool).await.len(), log.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(sink);
    let rows = serials(&pool).await;
    // A lone broker of Apache Kafka 4.3 that ended so may, at its next start, note an open
    // transaction as aborted without writing the marker into our topic: readers then take what
    // was in it, and its repetition, as committed. The database takes neither twice.
    let doubled = log.values().filter(|count| **count > 1).count();
    if doubled > 0 {
        println!("the broker lost an abort marker: {doubled} of {} doubled in the log", log.len());
    }
    assert!(rows.values().all(|count| *count == 1), "doubled in the database");
    assert!(rows.keys().eq(log.keys()), "the log and the database hold different serials");
    let ends = [pauses(running.state()), vec![stopped]].concat();
    let account = ledger::account(running.state(), &log, &ends);
    println!(
        "{away:?} without a broker: {} in the log, in the database once, {account}",
        log.len()
    );
}

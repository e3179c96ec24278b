//! The end: everything that was polled is let through, all devices leave, so that every bucket and
//! every anomaly closes; then log, database and ledger are held against each other.

use std::fmt;

use futures::StreamExt as _;
use pipeline::topology::DEAD_LETTER;
use reqwest::Method;

use super::common::records;
use super::episodes::Waves;
use super::kills::Kills;
use super::tables::{self, Devices, transitions};
use super::truth::{self, Account, Polls};
use super::world::{DEVICES, World};

/// Lost answers that are named; all are counted.
const NAMED: usize = 20;

/// What was found.
pub(crate) struct Found {
    serials: usize,
    refused: usize,
    samples: i64,
    pub(crate) episodes: usize,
    anomalies: usize,
    buckets: i64,
    account: Account,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serials, refused, samples, episodes, anomalies, buckets, account } = self;
        let Account { answers, again, late, in_flight } = account;
        let flying = in_flight.len();
        writeln!(
            f,
            "{answers} answers: {serials} in the log and the database once, {refused} in \
             polls of a slot that was published before, {again} further ones of a poll (a walk \
             that ran on, a request sent again), {late} too late for theirs, {flying} in flight \
             when a poller ended"
        )?;
        for (entry, end) in in_flight.iter().take(NAMED) {
            let after = entry.unix_ms as i64 - *end as i64;
            writeln!(
                f,
                "  in flight: serial {} of {} at {after:+} ms from the end at {end}",
                entry.serial, entry.device
            )?;
        }
        if flying > NAMED {
            writeln!(f, "  … and {} more", flying - NAMED)?;
        }
        write!(
            f,
            "{samples} samples once; {episodes} injected episodes with one onset and one \
             clear each, {anomalies} transitions in all; {buckets} buckets equal their raw rows"
        )
    }
}

/// Samples in the database.
pub(crate) async fn samples(world: &World) -> i64 {
    world.number("SELECT count(*) FROM sample").await
}

pub(crate) async fn check(world: &mut World, waves: &Waves, kills: &Kills) -> Found {
    world.process("connect-1").stop();
    world.process("connect-2").stop();
    let polls = Polls::read(&world.log);
    let wanted = polls.accepted.len() as i64;
    world
        .until("row for every serial", async |world| {
            let rows = world
                .number(
                    "SELECT count(*) FROM sample x JOIN series s ON s.id = x.series_id
             WHERE s.metric = 'lab_serial'",
                )
                .await;
            (rows >= wanted).then_some(())
        })
        .await;
    kills.check_acknowledged(world).await;
    remove_devices(world).await;
    world.process("process-1").stop();
    world.process("process-2").stop();
    let (serials, sums) = truth::metrics(&world.log);
    let published = transitions(&world.log);
    world
        .until("rows for all records", async |world| {
            tables::are_filled(&world.pool, &world.log, published.len()).await?;
            let all: i64 = sums.values().map(|(count, _)| count).sum();
            (samples(world).await >= all).then_some(())
        })
        .await;
    for name in ["sink-1", "sink-2", "api-1"] {
        world.process(name).stop();
    }

    assert!(serials.values().all(|count| *count == 1), "serials are on the metric topic twice");
    assert!(serials.keys().eq(&polls.accepted), "polled and processed serials differ");
    let rows = super::common::serials(&world.pool).await;
    assert!(rows.values().all(|count| *count == 1), "serials are in the database twice");
    assert!(rows.keys().eq(&polls.accepted), "the log and the database hold different serials");
    assert!(tables::sums(&world.pool).await == sums, "the log's and the table's samples differ");
    let episodes = waves.check(&published);
    tables::check_anomalies(&world.pool, &published, Devices::Left).await;
    let buckets = tables::check_rollups(&world.pool, Devices::Left).await;
    let letters = records(&world.log, DEAD_LETTER.name).len();
    assert_eq!(letters, 0, "dead letters");
    let account = truth::account(&world.ledger(), &polls, &world.devices, &world.ends("connect"));
    nothing_was_said_to_be_wrong(world);
    Found {
        serials: serials.len(),
        refused: polls.refused.len(),
        samples: sums.values().map(|(count, _)| count).sum(),
        episodes,
        anomalies: published.len(),
        buckets,
        account,
    }
}

/// By way of the API; every bucket is then in the database.
async fn remove_devices(world: &mut World) {
    let api = world.api.clone();
    let paths = world.devices.values().map(|(id, _)| format!("/inventory/v1/devices/{id}"));
    let remove = |path: String| {
        let api = api.clone();
        async move { api.call(Method::DELETE, &path, None).await.unwrap() }
    };
    let removing = futures::stream::iter(paths.map(remove)).buffer_unordered(DEVICES);
    assert_eq!(removing.count().await, DEVICES);
    world
        .until("bucket of every series", async |world| {
            let left = world
                .number(
                    "SELECT (SELECT count(DISTINCT series_id) FROM sample)
                 - (SELECT count(*) FROM rollup_1d)
                 + (SELECT count(*) FROM anomaly WHERE cleared_at IS NULL)",
                )
                .await;
            (left <= 0).then_some(())
        })
        .await;
}

/// No process met an error (what librdkafka calls one, with a facility, is reported again by
/// its caller), and no sink met rows that were there already.
fn nothing_was_said_to_be_wrong(world: &World) {
    for process in &world.processes {
        let out = process.out();
        let bad = |line: &&str| {
            line.contains("ERROR") && !line.contains("facility=")
                || line.contains("were there already")
        };
        let lines: Vec<&str> = out.lines().filter(bad).take(5).collect();
        assert!(lines.is_empty(), "{}: {lines:#?}", process.name);
    }
}

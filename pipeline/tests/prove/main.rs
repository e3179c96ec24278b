//! Exactly once, whatever dies: the program's roles as processes of their own on a real broker and
//! a real database, killed with -9, frozen and woken under load, and held against what a simulated
//! network says it has answered.
//!
//! `OPSC_PROVE_KILLS` and `OPSC_PROVE_FREEZES`: how many (`scripts/prove` runs it at full length).
//!
//! How the claim could fail, and what would show it here:
//! - *A poller sends a poll twice*, or a frozen one wakes and repeats a slot: a serial is on the
//!   log twice, or one of a slot that was published before becomes a sample.
//! - *A poll is lost between answer and log* without a poller having died: the ledger has an answer
//!   whose slot is not on the log.
//! - *A processor's outputs without its position*, or the other way round: serials are missing on
//!   the metric topic, or there twice; an episode begins or ends twice or never.
//! - *State restored wrongly*: roll-ups differ from their raw rows; anomalies that nobody injected.
//! - *A sink's rows without its position*: rows are missing or come twice; it says so when rows were
//!   there already.
//! - *The API acknowledges what is not on the log*: a device differs from what was acknowledged.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(unreachable_pub, missing_docs)]

mod api;
// These tests do not crash it.
#[allow(dead_code)]
#[path = "../../src/log/kafka/tests/broker.rs"]
mod broker;
// The program of these tests runs as several processes.
#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod end;
mod episodes;
mod freezes;
mod kills;
mod process;
#[path = "../common/tables.rs"]
mod tables;
mod transactions;
mod truth;
mod world;

use std::time::{Duration, Instant};

use episodes::Waves;
use kills::Kills;
use world::{DEVICES, World};

/// What `make test` has time for.
const KILLS: usize = 20;
const FREEZES: usize = 1;
/// The load that is promised; on a busy machine it is only reported.
const LEAST_RATE: f64 = 5_000.0;
const LEAST_EPISODES: usize = 200;
/// Promised; on a busy machine it is only reported.
const ANOMALIES_AGAIN: Duration = Duration::from_secs(20);

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_whatever_dies() {
    let began = Instant::now();
    let Some(mut world) = World::start().await else { return };
    let (mut waves, mut kills) = (Waves::new(), Kills::default());
    world.until("baseline of every port", async |world| episodes::learned(world).await).await;
    println!("{DEVICES} devices are polled and known after {:?}", began.elapsed());

    let (anomalies, metrics) = kills.takeover(&mut world, &mut waves).await;
    println!(
        "one of two processors dead: anomalies again after {anomalies:?}, metrics {metrics:?}"
    );

    let (loaded, before) = (Instant::now(), end::samples(&world).await);
    kills.run(&mut world, &mut waves, number("OPSC_PROVE_KILLS", KILLS)).await;
    let rate = (end::samples(&world).await - before) as f64 / loaded.elapsed().as_secs_f64();
    println!("{kills} at {rate:.0} samples/s");

    for round in 1..=number("OPSC_PROVE_FREEZES", FREEZES) {
        let frozen = freezes::freeze(&mut world, &mut waves).await;
        println!("freeze {round}: {frozen}");
    }
    world
        .until("end of the last wave", async |world| {
            waves.step(world).await;
            waves.is_calm().then_some(())
        })
        .await;
    let found = end::check(&mut world, &waves, &kills).await;
    println!("{found}");
    println!("{:?} in all", began.elapsed());
    assert!(found.episodes >= LEAST_EPISODES, "{} episodes", found.episodes);
    let alone = std::env::var_os("OPSC_PROVE").is_some();
    assert!(anomalies <= ANOMALIES_AGAIN || !alone, "no anomalies for {anomalies:?}");
    assert!(rate >= LEAST_RATE || !alone, "{rate} samples/s are no load");
}

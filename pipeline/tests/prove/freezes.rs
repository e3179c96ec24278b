//! One process of each role that shares work is frozen past its session and woken.

use std::fmt;
use std::time::{Duration, Instant};

use pipeline::topology::METRIC;

use super::episodes::Waves;
use super::world::World;

/// The group that shows whether the session of a role's process has ended.
const FROZEN: [(&str, &str); 3] =
    [("process-2", "device"), ("connect-2", "poller"), ("sink-2", "sink-metric")];
/// Work that goes on after the others have taken over, and after the wake.
const GOES_ON: Duration = Duration::from_secs(4);
/// Tries to freeze a processor inside a transaction.
const TRIES: usize = 30;

/// How it was.
pub(crate) struct Frozen {
    tries: usize,
    inside_sql: i64,
    lasted: Duration,
}

impl fmt::Display for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tries, inside_sql, lasted } = self;
        write!(
            f,
            "a processor inside an open transaction ({tries} tries), a poller, and a sink inside \
             {inside_sql} SQL transactions, all woken after {lasted:?}"
        )
    }
}

pub(crate) async fn freeze(world: &mut World, waves: &mut Waves) -> Frozen {
    let owners = async |world: &mut World| {
        let owns = |(name, group): &(&str, &str)| !world.observer.owned(group, name).is_empty();
        FROZEN.iter().all(owns).then_some(())
    };
    world.until("share of each that is to be frozen", owners).await;
    if waves.is_calm() {
        waves.raise(world);
    }
    let [(processor, group), poller, sink] = FROZEN;
    let mut tries = 0;
    let began = loop {
        tries += 1;
        assert!(tries <= TRIES, "{processor} is never inside a transaction");
        let owned = world.observer.owned(group, processor);
        world.process(processor).freeze();
        if !world.observer.left_open(METRIC.name, &owned).is_empty() {
            break Instant::now();
        }
        world.process(processor).wake();
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    world.process(poller.0).freeze();
    world.process(sink.0).freeze();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Nobody else's transaction is so old.
    let inside_sql = world
        .number(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
             AND application_name LIKE 'opsconductor sink%' AND xact_start < now() - interval '1.5 s'",
        )
        .await;
    world
        .until("end of the frozen sessions", async |world| {
            waves.step(world).await;
            let owns = |(name, group): &(&str, &str)| !world.observer.owned(group, name).is_empty();
            (!FROZEN.iter().any(owns)).then_some(())
        })
        .await;
    tokio::time::sleep(GOES_ON).await;
    for (name, _) in FROZEN {
        world.process(name).wake();
    }
    let lasted = began.elapsed();
    world.until("share of each that was frozen", owners).await;
    tokio::time::sleep(GOES_ON).await;
    for (name, _) in FROZEN {
        assert!(world.process(name).is_running(), "{name}: {}", world.process(name).out());
    }
    Frozen { tries, inside_sql, lasted }
}

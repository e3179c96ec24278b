//! An older build beside this one on the same cluster and database, then this one alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::brokers::nothing_lost_or_doubled;
use super::common::{Program as Killed, now_ms};
use super::site::Site;

const PORT: u16 = 19_500;
const ROLES: [&str; 4] = ["process", "sink", "api", "connect"];
/// Both share the work for so long.
const TOGETHER: Duration = Duration::from_secs(10);

/// How many partitions of the poll topic each instance holds.
fn shared_by(site: &Site, group: &str) -> (usize, usize) {
    let owners = site.owners();
    let of = |instance: &str| {
        let marks = [format!("-{instance}-"), format!("-{instance}")];
        let is = |who: &str| who.contains(&marks[0]) || who.ends_with(&marks[1]);
        owners.iter().filter(|((of, _), who)| of == group && is(who)).count()
    };
    (of("old"), of("new"))
}

/// Whatever a poll was at when its poller ended at about now.
async fn stop(role: Killed, ends: &mut Vec<u64>) {
    ends.push(now_ms());
    role.stop();
    ends.push(now_ms());
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an older build in OPSC_OLD_BINARY: scripts/prove-upgrade"]
async fn an_older_build_beside_this_one() {
    let old: PathBuf = std::env::var_os("OPSC_OLD_BINARY").expect("OPSC_OLD_BINARY").into();
    let Some(site) = Site::start("upgrade", PORT, "1").await else { return };
    let (old, began): (&Path, u64) = (&old, now_ms());
    // The API of instance "a" is asked.
    let api = site.role_of(old, "api", "a");
    let mut olds: Vec<Killed> = vec![];
    for role in ROLES.iter().filter(|role| **role != "connect" && **role != "api") {
        olds.push(site.role_of(old, role, "old"));
    }
    site.add_credential().await;
    olds.push(site.role_of(old, "connect", "old"));
    println!("the older build: all devices after {:?}", site.flows_since(began).await);

    let mut news: Vec<Killed> = ROLES.iter().map(|role| site.role(role, "new")).collect();
    tokio::time::sleep(TOGETHER).await;
    for group in ["device", "poller", "sink-metric"] {
        let (old, new) = shared_by(&site, group);
        println!("{group}: {old} partitions with the older build, {new} with this one");
        assert!(old > 0 && new > 0, "{group} is not shared: {}", site.out());
    }
    println!("beside each other: all devices after {:?}", site.flows_since(now_ms()).await);

    let mut ends = Vec::new();
    for role in olds {
        stop(role, &mut ends).await;
        site.flows_since(now_ms()).await;
    }
    api.stop();
    println!("this build alone: all devices after {:?}", site.flows_since(now_ms()).await);
    stop(news.pop().unwrap(), &mut ends).await;
    news.drain(..).rev().for_each(Killed::stop);
    nothing_lost_or_doubled(&site, ends).await;
    assert!(!site.out().contains("ERROR"), "{}", site.out());
}

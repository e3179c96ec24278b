//! An older build beside this one on the same cluster and database, then this one alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::WITHIN;
use super::brokers::{no_errors, nothing_lost_or_doubled};
use super::common::{Program as Killed, now_ms};
use super::owners::Owners;
use super::site::Site;

const PORT: u16 = 19_500;
const ROLES: [&str; 4] = ["process", "sink", "api", "connect"];
/// Both share the work for so long.
const TOGETHER: Duration = Duration::from_secs(10);

/// Groups whose work both builds must share.
const GROUPS: [&str; 3] = ["device", "poller", "sink-metric"];

/// How many partitions each instance holds.
fn shared_by(owners: &Owners, group: &str) -> (usize, usize) {
    let of = |instance: &str| {
        let marks = [format!("-{instance}-"), format!("-{instance}")];
        let is = |who: &str| who.contains(&marks[0]) || who.ends_with(&marks[1]);
        owners.iter().filter(|((of, _), who)| of == group && is(who)).count()
    };
    (of("old"), of("new"))
}

/// Ends a role of the older build: it need not have had the last commit that a rebalance, in which
/// this takes part, may refuse it. Whatever a poll was at when its poller ended at about now.
async fn end(mut role: Killed, ends: &mut Vec<u64>) {
    ends.push(now_ms());
    Command::new("kill").args(["-INT", &role.0.id().to_string()]).status().unwrap();
    println!("a role of the older build ended: {}", role.ended());
    ends.push(now_ms());
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an older build in OPSC_OLD_BINARY: scripts/prove-upgrade"]
async fn an_older_build_beside_this_one() {
    let old: PathBuf = std::env::var_os("OPSC_OLD_BINARY").expect("OPSC_OLD_BINARY").into();
    let Some(site) = Site::start("upgrade", PORT, "1").await else { return };
    let (old, began): (&Path, u64) = (&old, now_ms());
    // The API of instance "a" is asked. It makes the vault's key, which others find then.
    let api = site.role_of(old, "api", "a");
    site.add_credential().await;
    let mut olds: Vec<Killed> =
        ["process", "sink"].iter().map(|role| site.role_of(old, role, "old")).collect();
    olds.push(site.role_of(old, "connect", "old"));
    println!("the older build: all devices after {:?}", site.flows_since(began).await);

    let mut news: Vec<Killed> = ROLES.iter().map(|role| site.role(role, "new")).collect();
    let (shared, mut found) = (Instant::now(), Vec::new());
    while found.len() < GROUPS.len() || found.iter().any(|(old, new)| *old == 0 || *new == 0) {
        assert!(shared.elapsed() < WITHIN, "{GROUPS:?} are not shared: {found:?}: {}", site.out());
        tokio::time::sleep(Duration::from_millis(500)).await;
        let owners = site.owners().await;
        found = GROUPS.iter().map(|group| shared_by(&owners, group)).collect();
    }
    println!("partitions with the older build and with this one: {GROUPS:?} {found:?}");
    tokio::time::sleep(TOGETHER).await;
    println!("beside each other: all devices after {:?}", site.flows_since(now_ms()).await);

    let mut ends = Vec::new();
    for role in olds {
        end(role, &mut ends).await;
        site.flows_since(now_ms()).await;
    }
    end(api, &mut Vec::new()).await;
    println!("this build alone: all devices after {:?}", site.flows_since(now_ms()).await);
    ends.push(now_ms());
    news.pop().unwrap().stop();
    ends.push(now_ms());
    tokio::time::sleep(Duration::from_secs(2)).await;
    news.drain(..).rev().for_each(Killed::stop);
    nothing_lost_or_doubled(&site, ends).await;
    no_errors(&site);
}

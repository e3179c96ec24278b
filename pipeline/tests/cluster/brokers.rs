//! Three brokers under load: two of each role join and leave, then brokers die and are restarted.
//! Nothing is lost or doubled, and what does not move goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pipeline::log::EventLog;
use pipeline::topology::{METRIC, POLL};
use schemas::{DeviceId, Outcome, Poll, SchemaStore};
use sqlx::PgPool;

use super::common::{Program as Killed, now_ms, records, serials};
use super::site::{DEVICES, INTERVAL_MS, OURS, Owners, Site};
use super::{WITHIN, ledger};

const PORT: u16 = 19_450;
const ROLES: [&str; 4] = ["api", "process", "sink", "connect"];
/// A change of the members is over within this time, if nothing goes wrong.
const MOVING: Duration = Duration::from_secs(12);
/// As `pipeline/src/log/kafka/options.rs` has it.
const SESSION_MS: u64 = 10_000;
/// What a busy machine may add.
const SLACK_MS: u64 = 10_000;
/// So long after a device's last poll by one poller its next was under way, if it was.
const NEXT_POLL_MS: u64 = 1_500;

/// Between these times (ms since the epoch) members came or went.
struct Change {
    what: &'static str,
    began: u64,
    ended: u64,
    before: Owners,
    after: Owners,
}

impl Change {
    /// The partitions that the group's same member held all the time.
    fn stayed(&self, group: &str) -> BTreeSet<i32> {
        let same = |((of, partition), who): (&(String, i32), &String)| {
            let there = self.after.get(&(of.clone(), *partition)) == Some(who);
            (of == group && there).then_some(*partition)
        };
        self.before.iter().filter_map(same).collect()
    }

    fn covers(&self, time: u64) -> bool {
        (self.began..self.ended).contains(&time)
    }
}

/// Watches how far each partition of the metric topic is in the database: the longest that it
/// stood still.
async fn sink_pauses(pool: PgPool, lasting: Duration) -> BTreeMap<i32, Duration> {
    let (began, mut at) = (Instant::now(), BTreeMap::<i32, (i64, Instant)>::new());
    let mut longest = BTreeMap::<i32, Duration>::new();
    while began.elapsed() < lasting {
        let rows: Vec<(i32, i64)> =
            sqlx::query_as("SELECT partition, next FROM log_position WHERE topic = 'metric'")
                .fetch_all(&pool)
                .await
                .unwrap();
        for (partition, next) in rows {
            let (last, since) = at.entry(partition).or_insert((next, Instant::now()));
            let most = longest.entry(partition).or_default();
            *most = since.elapsed().max(*most);
            if *last != next {
                (*last, *since) = (next, Instant::now());
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    longest
}

/// Lets members come or go, and looks at who holds what before and after.
async fn change(
    site: &Site,
    what: &'static str,
    before: Owners,
    act: impl FnOnce(),
) -> (Change, BTreeMap<i32, Duration>) {
    let began = now_ms();
    let watched = tokio::spawn(sink_pauses(site.pool.clone(), MOVING));
    act();
    let sinks = watched.await.unwrap();
    let ended = now_ms();
    let after = site.owners();
    site.flows_since(now_ms()).await;
    (Change { what, began, ended, before, after }, sinks)
}

fn longest(pauses: impl Iterator<Item = (i32, u64)>) -> BTreeMap<i32, u64> {
    let mut found = BTreeMap::<i32, u64>::new();
    for (partition, ms) in pauses {
        let most = found.entry(partition).or_default();
        *most = ms.max(*most);
    }
    found
}

/// The longest time from a poll to its samples on the log, of partitions that stayed and of all.
fn tell_processors(change: &Change, log: &dyn EventLog, store: &SchemaStore) {
    let delays = longest(records(log, METRIC.name).into_iter().filter_map(|record| {
        let batch = METRIC.read(store, &record).unwrap().unwrap();
        let delay = record.timestamp_ms.saturating_sub(batch.at).max(0) as u64;
        change.covers(batch.at as u64).then_some((record.partition, delay))
    }));
    tell(change, "processors", "device", &delays);
}

fn tell(change: &Change, who: &str, group: &str, pauses: &BTreeMap<i32, u64>) {
    let stayed = change.stayed(group);
    let part = |stays: bool| {
        let of = pauses.iter().filter(|(partition, _)| stayed.contains(partition) == stays);
        of.map(|(partition, ms)| format!("{partition}: {ms} ms")).collect::<Vec<_>>().join(", ")
    };
    println!("{}, {who}: stayed [{}], moved [{}]", change.what, part(true), part(false));
}

/// SNMP polls in the log, in the order they were begun.
fn polls(log: &dyn EventLog, store: &SchemaStore) -> BTreeMap<DeviceId, Vec<Poll>> {
    let mut found = BTreeMap::<DeviceId, Vec<Poll>>::new();
    for record in records(log, POLL.name) {
        // Control records and ticks are in it too.
        if let Ok(Some(poll)) = POLL.read(store, &record)
            && poll.connector == "snmp"
            && poll.part == 0
            && poll.outcome != Outcome::Skipped
        {
            found.entry(poll.device).or_default().push(poll);
        }
    }
    for polls in found.values_mut() {
        polls.sort_by_key(|poll| (poll.cycle, poll.started_at));
    }
    found
}

/// No device is polled twice in a cycle. The times at which one poller followed another, or the
/// same one began again: a poll that was under way then is nowhere.
fn each_cycle_once(polls: &BTreeMap<DeviceId, Vec<Poll>>) -> Vec<u64> {
    let mut ends = Vec::new();
    for polls in polls.values() {
        for pair in polls.windows(2) {
            let [one, next] = pair else { unreachable!() };
            assert_ne!(one.cycle, next.cycle, "polled twice in a cycle: {one:?} {next:?}");
            if one.poller != next.poller || next.cycle > one.cycle + 1 {
                ends.push(one.started_at as u64 + NEXT_POLL_MS);
            }
        }
    }
    assert_eq!(polls.len(), DEVICES);
    ends
}

/// Of each device the longest time between two answers, begun within the change.
fn left_out(site: &Site, change: &Change) -> u64 {
    let mut last = BTreeMap::new();
    let mut most = 0;
    let ledger = lab::ledger::read(&site.state().join("lab-ledger")).map(Result::unwrap);
    for entry in ledger.filter(|entry| entry.outcome.usable()) {
        if let Some(before) = last.insert(entry.device, entry.unix_ms)
            && change.covers(before)
        {
            most = most.max(entry.unix_ms - before);
        }
    }
    most
}

async fn members_join_and_leave(site: &Site) -> Vec<Change> {
    let mut more = Vec::new();
    let alone = site.owners();
    let (join, sinks) = change(site, "two of each", alone, || {
        more = site.roles(&ROLES, "b");
    })
    .await;
    let of_sinks = longest(sinks.into_iter().map(|(p, it)| (p, it.as_millis() as u64)));
    tell(&join, "sinks", "sink-metric", &of_sinks);
    for (group, partition) in join.before.keys() {
        assert!(join.after.contains_key(&(group.clone(), *partition)), "{group} {partition}");
    }
    let before = join.after.clone();
    let (leave, sinks) = change(site, "one of each again", before, || {
        more.drain(..).rev().for_each(Killed::stop);
    })
    .await;
    let of_sinks = longest(sinks.into_iter().map(|(p, it)| (p, it.as_millis() as u64)));
    tell(&leave, "sinks", "sink-metric", &of_sinks);
    vec![join, leave]
}

async fn brokers_die(site: &Site) {
    site.in_sync().await;
    let leader = site.leader(POLL.name, 0);
    site.broker.end_node(leader, "kill");
    println!("leader {leader} killed: all flows after {:?}", site.flows_since(now_ms()).await);
    site.broker.start_again();
    site.in_sync().await;
    let controller = site.controller();
    site.broker.end_node(controller, "kill");
    let flows = site.flows_since(now_ms()).await;
    println!("controller {controller} killed: all flows after {flows:?}");
    site.broker.start_again();
    for node in 1..=3 {
        site.in_sync().await;
        site.broker.end_node(node, "stop");
        println!("broker {node} stopped: all flows after {:?}", site.flows_since(now_ms()).await);
        site.broker.start_again();
    }
    site.in_sync().await;
    println!("all brokers back: all flows after {:?}", site.flows_since(now_ms()).await);
}

/// Topics have three replicas, two of them in sync, without being told so.
fn topics_are_safe(site: &Site) {
    let (well, said) = site.command(&["topics", "apply"]);
    assert!(well && said.contains("replicas 3, of them in sync 2"), "{said}");
    let topic = format!("{OURS}{}", POLL.name);
    let described = site.broker.tool("topics", &["--describe", "--topic", &topic], "").unwrap();
    for part in ["ReplicationFactor: 3", "min.insync.replicas=2"] {
        assert!(described.contains(part), "{part}: {described}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_and_two_of_each_role() {
    let Some(site) = Site::start("brokers", PORT, "3").await else { return };
    topics_are_safe(&site);
    let began = now_ms();
    let mut roles = site.roles(&["process", "sink", "api"], "a");
    site.add_credential().await;
    roles.push(site.role("connect", "a"));
    println!("all devices in the database after {:?}", site.flows_since(began).await);

    let changes = members_join_and_leave(&site).await;
    brokers_die(&site).await;
    // The connector ends first, so that what it polled is in the log and goes through.
    let mut ends = vec![now_ms()];
    roles.pop().unwrap().stop();
    ends.push(now_ms());
    tokio::time::sleep(Duration::from_secs(3)).await;
    roles.drain(..).rev().for_each(Killed::stop);
    account(&site, &changes, ends).await;
}

async fn account(site: &Site, changes: &[Change], ends: Vec<u64>) {
    let (log, store) = (site.log(), SchemaStore::new());
    nothing_lost_or_doubled(site, ends).await;
    for change in changes {
        tell_processors(change, &log, &store);
        let most = left_out(site, change);
        println!("{}: no device was left out for longer than {most} ms", change.what);
        assert!(most <= INTERVAL_MS + SESSION_MS + SLACK_MS);
    }
    assert!(!site.out().contains("ERROR"), "{}", site.out());
}

/// With all roles stopped: what the log has the database has, each once, and the devices' own
/// account tells of nothing more but what was under way when a poller ended at one of these times.
pub(crate) async fn nothing_lost_or_doubled(site: &Site, mut ends: Vec<u64>) {
    let (log, store) = (site.log(), SchemaStore::new());
    let in_log = ledger::in_log(&log);
    let sink = site.role("sink", "a");
    let began = Instant::now();
    while serials(&site.pool).await.len() < in_log.len() {
        assert!(began.elapsed() < WITHIN, "{}", site.out());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    sink.stop();
    let rows = serials(&site.pool).await;
    assert!(in_log.values().all(|count| *count == 1), "doubled in the log");
    assert!(rows.values().all(|count| *count == 1), "doubled in the database");
    assert!(rows.keys().eq(in_log.keys()), "the log and the database hold different serials");
    ends.extend(each_cycle_once(&polls(&log, &store)));
    let found = ledger::account(site.state(), &in_log, &ends);
    println!("{} in the log, in the database once, {found}", in_log.len());
}

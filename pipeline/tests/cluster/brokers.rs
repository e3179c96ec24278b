//! Three brokers under load: two of each role join and leave, then brokers die and are restarted.
//! Nothing is lost or doubled, and what does not move goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pipeline::log::EventLog;
use pipeline::topology::{METRIC, POLL};
use schemas::{AvroRecord as _, DeviceId, Outcome, Poll, SchemaStore};
use sqlx::PgPool;

use super::common::{Program as Killed, now_ms, records, serials};
use super::owners::Owners;
use super::site::{DEVICES, INTERVAL_MS, OURS, Site};
use super::{WITHIN, ledger};

const PORT: u16 = 19_450;
const ROLES: [&str; 4] = ["api", "process", "sink", "connect"];
/// Groups that both instances of a role share when both are there.
const SHARED: [&str; 3] = ["poller", "device", "sink-metric"];
/// What is watched of a change after the groups have settled.
const AFTERWARDS: Duration = Duration::from_secs(3);
/// As `pipeline/src/log/kafka/options.rs` has it.
const SESSION_MS: u64 = 10_000;
/// What stays may wait so long on a busy machine: for the answer to the change, and for a commit
/// that it overtook to be repeated.
const STAYS_MS: u64 = 15_000;
/// So long after a device's last poll by one poller its next was under way, if it was.
const NEXT_POLL_MS: u64 = 1_500;

/// Between these times (ms since the epoch) members came or went.
struct Change {
    what: &'static str,
    began: u64,
    ended: u64,
    before: Owners,
    after: Owners,
    written: Written,
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
}

/// How far a partition of the metric topic was in the database, and since when (ms).
type Written = BTreeMap<i32, Vec<(i64, u64)>>;

/// Watches how far each partition of the metric topic is in the database, until it is asked to end.
async fn watch_sinks(pool: PgPool, over: Arc<AtomicBool>) -> Written {
    let mut written = Written::new();
    while !over.load(Ordering::SeqCst) {
        let rows: Vec<(i32, i64)> =
            sqlx::query_as("SELECT partition, next FROM log_position WHERE topic = 'metric'")
                .fetch_all(&pool)
                .await
                .unwrap();
        for (partition, next) in rows {
            let seen = written.entry(partition).or_default();
            if seen.last().is_none_or(|(last, _)| *last != next) {
                seen.push((next, now_ms()));
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    written
}

/// Lets members come or go until the groups are as they must be, and looks at who holds what before
/// and after.
async fn change(
    site: &Site,
    what: &'static str,
    before: Owners,
    act: impl FnOnce(),
    over: impl Fn(&Owners) -> bool,
) -> Change {
    let (began, started) = (now_ms(), Instant::now());
    let watching = Arc::new(AtomicBool::new(false));
    let watched = tokio::spawn(watch_sinks(site.pool.clone(), Arc::clone(&watching)));
    act();
    let after = loop {
        let owners = site.owners().await;
        // A partition that is between two members has no owner.
        if owners.keys().eq(before.keys()) && over(&owners) {
            break owners;
        }
        assert!(started.elapsed() < WITHIN, "{what}: {owners:?}: {}", site.out());
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    println!("{what}: the groups have settled after {:?}", started.elapsed());
    tokio::time::sleep(AFTERWARDS).await;
    site.flows_since(now_ms()).await;
    watching.store(true, Ordering::SeqCst);
    Change { what, began, ended: now_ms(), before, after, written: watched.await.unwrap() }
}

/// Whether a group has members of this instance, which may have several.
fn has(owners: &Owners, group: &str, instance: &str) -> bool {
    let name = format!("{group}-{instance}");
    let is = |who: &str| who.ends_with(&name) || who.contains(&format!("{name}-"));
    owners.iter().any(|((of, _), who)| of == group && is(who))
}

fn longest(delays: impl Iterator<Item = (i32, u64)>) -> BTreeMap<i32, u64> {
    let mut found = BTreeMap::<i32, u64>::new();
    for (partition, ms) in delays {
        let most = found.entry(partition).or_default();
        *most = ms.max(*most);
    }
    found
}

/// The longest time from a poll to its samples on the log, and from there to the database.
fn print_delays(change: &Change, log: &dyn EventLog, store: &SchemaStore) {
    let span = change.began..change.ended;
    let metrics = records(log, METRIC.name);
    let to_log = longest(metrics.iter().filter_map(|record| {
        let batch = METRIC.read(store, record).unwrap().unwrap();
        let delay = record.timestamp_ms.saturating_sub(batch.at).max(0) as u64;
        span.contains(&(batch.at as u64)).then_some((record.partition, delay))
    }));
    print_of(change, "processors", "device", &to_log);
    let to_database = longest(metrics.iter().filter_map(|record| {
        let began = record.timestamp_ms as u64;
        let of_it = change.written.get(&record.partition)?;
        let seen = of_it.iter().find(|(next, _)| *next > record.offset);
        let delay = seen.map_or(change.ended, |(_, at)| *at).saturating_sub(began);
        span.contains(&began).then_some((record.partition, delay))
    }));
    print_of(change, "sinks", "sink-metric", &to_database);
}

/// Prints it of the partitions that stayed with their member and of those that moved.
fn print_of(change: &Change, who: &str, group: &str, delays: &BTreeMap<i32, u64>) {
    let stayed = change.stayed(group);
    let part = |stays: bool| {
        let of = delays.iter().filter(|(partition, _)| stayed.contains(partition) == stays);
        of.map(|(partition, ms)| format!("{partition}: {ms} ms")).collect::<Vec<_>>().join(", ")
    };
    println!("{}, {who}: stayed [{}], moved [{}]", change.what, part(true), part(false));
    let most = delays.iter().filter(|(it, _)| stayed.contains(it)).map(|(_, ms)| *ms).max();
    assert!(most.unwrap_or(0) <= STAYS_MS, "{}: {who}: {delays:?}", change.what);
}

/// SNMP polls in the log, in the order they were begun.
fn polls(log: &dyn EventLog, store: &SchemaStore) -> BTreeMap<DeviceId, Vec<Poll>> {
    let mut found = BTreeMap::<DeviceId, Vec<Poll>>::new();
    for record in records(log, POLL.name) {
        // Control records and ticks are in it too.
        if let Some(Ok(poll)) = record.value.as_deref().map(|value| Poll::decode(store, value))
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

/// Of all devices the longest time between two answers, begun within this time.
fn left_out(site: &Site, within: &Range<u64>) -> u64 {
    let mut last = BTreeMap::new();
    let mut most = 0;
    let ledger = lab::ledger::read(&site.state().join("lab-ledger")).map(Result::unwrap);
    for entry in ledger.filter(|entry| entry.outcome.usable()) {
        if let Some(before) = last.insert(entry.device, entry.unix_ms)
            && within.contains(&before)
        {
            most = most.max(entry.unix_ms - before);
        }
    }
    most
}

async fn members_join_and_leave(site: &Site) -> Vec<Change> {
    let mut more = Vec::new();
    let alone = site.owners().await;
    let both = |owners: &Owners| {
        SHARED.iter().all(|group| has(owners, group, "a") && has(owners, group, "b"))
    };
    let start = || more = site.roles(&ROLES, "b");
    let join = change(site, "two of each", alone, start, both).await;
    let end = || more.drain(..).rev().for_each(Killed::stop);
    let gone = |owners: &Owners| !owners.keys().any(|(group, _)| has(owners, group, "b"));
    let before = join.after.clone();
    let leave = change(site, "one of each again", before, end, gone).await;
    vec![join, leave]
}

/// Brokers die while everything runs; for how long that was.
async fn brokers_die(site: &Site) -> Range<u64> {
    let began = now_ms();
    site.in_sync(3).await;
    let leader = site.leader(POLL.name, 0);
    site.broker.end_node(leader, "kill");
    println!("leader {leader} killed: all flows after {:?}", site.flows_since(now_ms()).await);
    if std::env::var_os("OPSC_PROVE").is_some() {
        site.broker.start_again();
        every_broker_ends(site).await;
    }
    began..now_ms()
}

/// The controller dies, then one broker after the other is restarted.
async fn every_broker_ends(site: &Site) {
    site.in_sync(3).await;
    let controller = site.controller();
    site.broker.end_node(controller, "kill");
    let flows = site.flows_since(now_ms()).await;
    println!("controller {controller} killed: all flows after {flows:?}");
    site.broker.start_again();
    for node in 1..=3 {
        site.in_sync(3).await;
        site.broker.end_node(node, "stop");
        println!("broker {node} stopped: all flows after {:?}", site.flows_since(now_ms()).await);
        site.broker.start_again();
    }
    site.in_sync(3).await;
    println!("all brokers back: all flows after {:?}", site.flows_since(now_ms()).await);
}

/// Topics have three replicas, two of them in sync, without being configured so.
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
#[ignore = "three brokers and eight processes on two cores: make prove"]
async fn three_brokers_and_two_of_each_role() {
    let Some(site) = Site::start("brokers", PORT, "3").await else { return };
    topics_are_safe(&site);
    let began = now_ms();
    let mut roles = site.roles(&["process", "sink", "api"], "a");
    roles.push(site.role("connect", "a"));
    site.add_credential().await;
    println!("all devices in the database after {:?}", site.flows_since(began).await);

    let changes = members_join_and_leave(&site).await;
    let dying = brokers_die(&site).await;
    // The connector ends first, so that what it polled is in the log and goes through.
    let mut ends = vec![now_ms()];
    roles.pop().unwrap().stop();
    ends.push(now_ms());
    tokio::time::sleep(Duration::from_secs(3)).await;
    roles.drain(..).rev().for_each(Killed::stop);
    account(&site, &changes, dying, ends).await;
}

async fn account(site: &Site, changes: &[Change], dying: Range<u64>, ends: Vec<u64>) {
    let (log, store) = (site.log(), SchemaStore::new());
    nothing_lost_or_doubled(site, ends).await;
    let mut spans = vec![("dying brokers", dying)];
    for change in changes {
        print_delays(change, &log, &store);
        spans.push((change.what, change.began..change.ended));
    }
    for (what, span) in spans {
        let most = left_out(site, &span);
        println!("{what}: no device was left out for longer than {most} ms");
        assert!(most <= INTERVAL_MS + SESSION_MS, "{what}: {most} ms");
    }
    no_errors(site);
}

/// What librdkafka calls an error, with a facility, is reported again by its caller.
pub(crate) fn no_errors(site: &Site) {
    let out = site.out();
    let error = |line: &&str| line.contains("ERROR") && !line.contains("facility=");
    let errors: Vec<&str> = out.lines().filter(error).collect();
    assert!(errors.is_empty(), "{errors:?}: {out}");
}

/// With all roles stopped: what the log has the database has, each once, and the devices' own
/// account has nothing more but what was under way when a poller ended at one of these times.
pub(crate) async fn nothing_lost_or_doubled(site: &Site, mut ends: Vec<u64>) {
    let (log, store) = (site.log(), SchemaStore::new());
    let in_log = ledger::in_log(&log);
    if serials(&site.pool).await.len() < in_log.len() {
        let sink = site.role("sink", "a");
        let began = Instant::now();
        while serials(&site.pool).await.len() < in_log.len() {
            assert!(began.elapsed() < WITHIN, "{}", site.out());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        sink.stop();
    }
    let rows = serials(&site.pool).await;
    assert!(in_log.values().all(|count| *count == 1), "doubled in the log");
    assert!(rows.values().all(|count| *count == 1), "doubled in the database");
    assert!(rows.keys().eq(in_log.keys()), "the log and the database hold different serials");
    ends.extend(each_cycle_once(&polls(&log, &store)));
    let found = ledger::account(site.state(), &in_log, &ends);
    println!("{} in the log, in the database once, {found}", in_log.len());
}

//! Who is behind, and who is slow, can be named: by `/metrics` and by the status.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub, missing_docs, dead_code)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::read_to_string;
use std::path::Path;

use common::{Program, database, free_address, program, until, until_serials};
use sqlx::{Connection, PgConnection, PgPool};

/// How far the blocked sink must fall behind, in records: the demo gives more in 10 s.
const BEHIND: i64 = 60;
/// The polls of a second: on a log that is written to, some of them are always on their way.
const IN_FLIGHT: i64 = 24;
/// What every answer of the slow device takes longer, ms.
const SLOW_MS: i64 = 120;

async fn get(listen: &str, state: &Path, path: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = read_to_string(state.join("cli-token")).unwrap();
    let request = client.get(format!("http://{listen}{path}")).bearer_auth(token.trim());
    request.send().await.unwrap().text().await.unwrap()
}

/// The labels and values of one family.
fn family(text: &str, name: &str) -> Vec<(BTreeMap<String, String>, f64)> {
    let line = |line: &str| {
        let (labels, value) = line.strip_prefix(name)?.strip_prefix('{')?.split_once("} ")?;
        let label = |label: &str| {
            let (name, value) = label.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        };
        Some((labels.split(',').map(label).collect(), value.parse().unwrap()))
    };
    text.lines().filter_map(line).collect()
}

/// Records behind by group and topic, all partitions together.
async fn lag(listen: &str, state: &Path) -> BTreeMap<(String, String), i64> {
    let text = get(listen, state, "/metrics").await;
    let mut lag = BTreeMap::new();
    for (mut labels, value) in family(&text, "opsc_lag_records") {
        let mut take = |name| labels.remove(name).unwrap();
        let partition: i32 = take("partition").parse().unwrap();
        assert!((0..8).contains(&partition));
        *lag.entry((take("group"), take("topic"))).or_default() += value as i64;
    }
    lag
}

/// Everyone who reads, and what.
const READERS: [(&str, &str); 25] = [
    ("api", "anomaly"),
    ("api", "entity-answer"),
    ("api", "metric"),
    ("api", "probe-report"),
    ("api", "process-log"),
    ("api", "status"),
    ("credential-entity", "credential"),
    ("credentials", "credential"),
    ("device", "poll"),
    ("device-entity", "device"),
    ("entities", "entity-command"),
    ("poller", "device"),
    ("probe", "probe"),
    ("route", "device"),
    ("sink-anomaly", "anomaly"),
    ("sink-baseline", "baseline"),
    ("sink-device", "device"),
    ("sink-entity", "entity"),
    ("sink-entity-history", "entity-history"),
    ("sink-facts", "facts"),
    ("sink-metric", "metric"),
    ("sink-process-log", "process-log"),
    ("sink-rollup", "rollup"),
    ("sink-series", "series"),
    ("sink-status", "status"),
];

/// Waits until nobody is further behind than this, all at once.
async fn all_at_the_end(listen: &str, state: &Path, most: i64) {
    until("everyone at the end", state, async || {
        let lag = lag(listen, state).await;
        let at_end = lag.into_iter().filter(|(_, records)| *records <= most);
        let mut at_end: BTreeSet<_> = at_end.map(|(reader, _)| reader).collect();
        // Only with the demo.
        at_end.remove(&("demo".to_owned(), "source".to_owned()));
        let all = READERS.map(|(group, topic)| (group.to_owned(), topic.to_owned()));
        (at_end == all.into()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_behind_on_a_quiet_log() {
    let Some(url) = database("quiet").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (state, listen) = (folder.path(), free_address());
    let running = Program(program("run", state, &url, &listen).spawn().unwrap());
    let up = async || std::net::TcpStream::connect(&listen).ok();
    until("API", state, up).await;
    all_at_the_end(&listen, state, 0).await;
    running.stop();
}

fn script(state: &Path, device: &str) -> std::path::PathBuf {
    let path = state.join("script.json");
    let slow = format!(r#"{{"kind": "slow", "delay_ms": {SLOW_MS}}}"#);
    let event = format!(r#"{{"at_ms": 1, "device": "{device}", "fault": {slow}}}"#);
    std::fs::write(&path, format!(r#"{{"events": [{event}]}}"#)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_that_is_behind_and_the_device_that_is_slow_are_named() {
    let Some(url) = database("lag").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (state, listen) = (folder.path(), free_address());
    let slow = lab::demo().devices[0].name.clone();
    let mut command = program("run", state, &url, &listen);
    command
        .env("OPSC_DEMO", "1")
        .env("OPSC__DEMO__INTERVAL_MS", "1000")
        .env("OPSC__DEMO__PORT", common::demo_port(state).to_string())
        .env("OPSC__DEMO__SCRIPT", script(state, &slow));
    let running = Program(command.spawn().unwrap());
    let pool = PgPool::connect_lazy(&url).unwrap();
    until_serials(40, &pool, state).await;
    all_at_the_end(&listen, state, IN_FLIGHT).await;

    // The slow device is named, with the table; and the status has the same.
    until("the slow device first", state, async || {
        let text = get(&listen, state, "/metrics").await;
        let slowest = family(&text, "opsc_poll_slowest_seconds");
        assert!(slowest.len() <= 20, "{slowest:?}");
        let (labels, seconds) = slowest.iter().find(|(labels, _)| labels["connector"] == "snmp")?;
        let tables = family(&text, "opsc_poll_table_seconds_count");
        let known = |(of, _): &(BTreeMap<_, _>, f64)| of["table"] == labels["table"];
        (labels["device"] == slow
            && *seconds * 1_000.0 > SLOW_MS as f64
            && tables.iter().any(known))
        .then_some(())
    })
    .await;
    let timings: serde_json::Value =
        serde_json::from_str(&get(&listen, state, "/automation/v1/pollers").await).unwrap();
    let of_slow = timings["items"].as_array().unwrap().iter();
    let of_slow = of_slow.filter(|item| item["device_name"] == slow && item["connector"] == "snmp");
    let waited = of_slow.map(|item| item["slowest_table_ms"].as_i64().unwrap()).max().unwrap();
    assert!(waited >= SLOW_MS, "{timings}");

    // A sink that cannot write falls behind, and no other.
    let mut blocker = PgConnection::connect(&url).await.unwrap();
    let mut held = blocker.begin().await.unwrap();
    sqlx::query("LOCK TABLE sample IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let blocked = ("sink-metric".to_owned(), "metric".to_owned());
    until("the blocked sink behind", state, async || {
        let lag = lag(&listen, state).await;
        (lag[&blocked] >= BEHIND).then_some(())
    })
    .await;
    let now = lag(&listen, state).await;
    let others = now.iter().filter(|(reader, _)| **reader != blocked).map(|(_, records)| records);
    assert!(now[&blocked] >= BEHIND && others.max().unwrap() < &BEHIND, "{now:?}");
    let text = get(&listen, state, "/metrics").await;
    let ages = family(&text, "opsc_lag_seconds").into_iter();
    let age = ages.filter(|(labels, _)| labels["group"] == blocked.0).map(|(_, age)| age);
    assert!(age.fold(0.0, f64::max) > 1.0, "{text}");
    // The status measures once in two seconds, as the metrics do, and not in the same moment.
    until("the same in the status", state, async || {
        let text = get(&listen, state, "/system/v1/status").await;
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        let roles = status["roles"].as_array().unwrap();
        let role = roles.iter().find(|role| role["name"] == "sink metric").unwrap();
        assert_eq!(role["detail"], "reads metric as group sink-metric");
        let (records, ms) = (role["lag"].as_i64()?, role["lag_ms"].as_i64()?);
        (records >= BEHIND && ms > 1_000).then_some(())
    })
    .await;

    held.rollback().await.unwrap();
    all_at_the_end(&listen, state, IN_FLIGHT).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_the_api_serves_its_metrics_and_health_too() {
    let Some(url) = database("apart").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (state, listen) = (folder.path(), free_address());
    let mut command = program("connect", state, &url, &free_address());
    command
        .env("OPSC_DEMO", "1")
        .env("OPSC__DEMO__INTERVAL_MS", "1000")
        .env("OPSC__DEMO__PORT", common::demo_port(state).to_string())
        .env("OPSC__TELEMETRY__LISTEN", &listen);
    let running = Program(command.spawn().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str| {
        let answer = client.get(format!("http://{listen}{path}")).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    };
    until("a slowest device", state, async || {
        let (_, text) = ask("/metrics").await?;
        let slowest = family(&text, "opsc_poll_slowest_seconds");
        let polled = |name: &str| text.lines().any(|line| line.starts_with(name));
        (!slowest.is_empty() && polled("opsc_lag_records") && polled("opsc_poll_seconds"))
            .then_some(())
    })
    .await;
    assert_eq!(ask("/healthz").await.unwrap(), (200, r#"{"status":"ok"}"#.to_owned()));
    until("ready", state, async || (ask("/readyz").await?.0 == 200).then_some(())).await;
    let (status, text) = ask("/inventory/v1/devices").await.unwrap();
    assert!(status == 404 && text.contains("urn:opsconductor:problem:not-found"), "{text}");
    running.stop();
}

//! The whole program on real parts: Apache Kafka, net-snmp's agent, PostgreSQL, and a reader of
//! the log that has nothing of ours.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(unreachable_pub, missing_docs)]

mod agent;
mod brokers;
// These tests do not crash it.
#[allow(dead_code)]
#[path = "../../src/log/kafka/tests/broker.rs"]
mod broker;
// The program of these tests has another log and other settings.
#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod full_disk;
mod gate;
mod java;
#[path = "../common/ledger.rs"]
mod ledger;
mod owners;
mod program;
mod secure;
mod site;
mod sources;
mod status;
mod stops;
mod storms;
mod topics;
mod upgrade;
mod vault;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use agent::Agent;
use broker::Broker;
use common::database;
use program::Program;
use sqlx::PgPool;

const WITHIN: Duration = Duration::from_secs(90);
/// 20 values make a baseline, three beyond it an onset; a step that came too early comes again.
const ANOMALY_WITHIN: Duration = Duration::from_secs(180);
const PREFIX: &str = "OPSC__LOG__KAFKA__PREFIX";

/// What is not on this machine is printed, and an error where all must run.
fn missing(what: &str) {
    assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{what}");
    eprintln!("SKIPPED: {what}");
}

/// Samples of the device `real` as (seconds, value), by metric and instance.
async fn samples(pool: &PgPool) -> BTreeMap<(String, String), Vec<(f64, f64)>> {
    let rows: Vec<(String, String, f64, f64)> = sqlx::query_as(
        "SELECT s.metric, s.instance, extract(epoch FROM x.ts)::float8, x.value
         FROM sample x JOIN series s ON s.id = x.series_id JOIN device d ON d.id = s.device
         WHERE d.name = 'real' ORDER BY x.ts",
    )
    .fetch_all(pool)
    .await
    .unwrap_or_default();
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for (metric, instance, at, value) in rows {
        found.entry((metric, instance)).or_default().push((at, value));
    }
    found
}

async fn a_real_agent_is_polled_into_the_database(name: &str, log: &[(&str, &str)]) {
    let Some(agent) = Agent::start("not-public") else { return };
    let began = Instant::now();
    let Some(url) = database(name).await else { return };
    let mut program = Program::start(&url, log);
    program
        .until(WITHIN, async |program| {
            program.command(&["credential", "add", "shelf"], "not-public\n")
        })
        .await;
    println!("{name}: the API answers after {:?}", began.elapsed());
    let port = agent.port.to_string();
    let device = ["device", "add", "127.0.0.1", "--name", "real", "--port", &port, "--no-icmp"];
    let device = [&device[..], &["--credential", "shelf", "--interval", "2"]].concat();
    program.command(&device, "").unwrap();

    let pool = PgPool::connect_lazy(&url).unwrap();
    let key = |metric: &str, instance: &str| (metric.to_owned(), instance.to_owned());
    let wanted = [key("sys_uptime_s", ""), key("if_in_bps", "lo"), key("if_out_bps", "lo")];
    let found = program
        .until(WITHIN, async |_| {
            let found = samples(&pool).await;
            let enough = |key: &(String, String)| {
                let series: &[_] = found.get(key).map_or(&[], Vec::as_slice);
                series.len() >= 4 && series.iter().any(|(_, value)| *value > 0.0)
            };
            if wanted.iter().all(enough) { Ok(found) } else { Err(format!("only {found:?}")) }
        })
        .await;
    println!("{name}: four samples of each series after {:?}", began.elapsed());
    let uptime = &found[&wanted[0]];
    for pair in uptime.windows(2) {
        let [(at, value), (later, grown)] = pair else { unreachable!() };
        assert!(((later - at) - (grown - value)).abs() < 0.5, "{uptime:?}");
    }
    assert!(uptime.iter().all(|(_, value)| *value < began.elapsed().as_secs_f64()), "{uptime:?}");
    for rates in &wanted[1..] {
        let speed = 1e11;
        assert!(found[rates].iter().all(|(_, bps)| (0.0..speed).contains(bps)), "{found:?}");
    }
    program
        .until(WITHIN, async |program| {
            let list = program.command(&["device", "list"], "")?;
            let up = list.lines().any(|line| line.starts_with("up ") && line.contains(" real "));
            if up { Ok(()) } else { Err(format!("not up: {list}")) }
        })
        .await;
    program
        .until(WITHIN, async |_| {
            let facts: Vec<(String, String)> = sqlx::query_as(
                "SELECT f.name, f.value FROM fact f JOIN device d ON d.id = f.device
                 WHERE d.name = 'real' AND f.name IN ('sys_location', 'sys_name')
                 ORDER BY f.name",
            )
            .fetch_all(&pool)
            .await
            .map_err(|error| error.to_string())?;
            let all = facts == [key("sys_location", "shelf 3"), key("sys_name", "real")];
            if all { Ok(()) } else { Err(format!("only {facts:?}")) }
        })
        .await;
    nobody_is_behind(&mut program).await;
    program.stop();
}

/// The groups that all have in common read, the tails beside them; each is seen at the end of all
/// that it reads.
async fn nobody_is_behind(program: &mut Program) {
    let mut at_the_end = BTreeSet::new();
    program
        .until(WITHIN, async |program| {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let url = format!("{}/metrics", program.url());
            let answer = client.get(url).send().await.map_err(|error| error.to_string())?;
            let text = answer.text().await.map_err(|error| error.to_string())?;
            let mut lag = BTreeMap::<String, u64>::new();
            for line in text.lines().filter_map(|line| line.strip_prefix("opsc_lag_records{")) {
                let (labels, records) = line.split_once("} ").unwrap();
                let (reader, _) = labels.rsplit_once(",partition=").unwrap();
                *lag.entry(reader.to_owned()).or_default() += records.parse::<u64>().unwrap();
            }
            at_the_end.extend(lag.iter().filter(|(_, lag)| **lag == 0).map(|(it, _)| it.clone()));
            if at_the_end.len() == 25 { Ok(()) } else { Err(format!("{at_the_end:?} of {lag:?}")) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_by_way_of_kafka() {
    let Some(broker) = Broker::shared() else { return };
    let log = [("OPSC_KAFKA", broker.bootstrap()), (PREFIX, "shelf-")];
    a_real_agent_is_polled_into_the_database("agent_kafka", &log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_by_way_of_the_embedded_log() {
    a_real_agent_is_polled_into_the_database("agent_embedded", &[]).await;
}

type Fields = BTreeMap<String, String>;

/// Equal floats as equal texts.
fn normal(mut fields: Fields) -> Fields {
    for name in ["value", "expected", "lower", "upper", "score"] {
        let value = fields.get_mut(name).unwrap();
        *value = value.parse::<f64>().unwrap().to_string();
    }
    fields
}

/// Each transition says what opened the anomaly and its worst so far: of an onset, both are itself.
fn without_evidence(mut fields: Fields) -> Fields {
    for name in ["value", "expected", "lower", "upper"] {
        for of in ["onset", "peak"] {
            let evidence = fields.remove(&format!("{of}_{name}")).unwrap();
            let number = |text: &str| text.parse::<f64>().unwrap();
            let same = number(&evidence) == number(&fields[name]);
            assert!(same || fields["transition"] != "ONSET", "{of}_{name}: {evidence}: {fields:?}");
        }
    }
    fields.remove("peak_at");
    fields
}

/// Transitions in the database by anomaly, transition and time, named as in the log.
async fn in_database(pool: &PgPool) -> Vec<Fields> {
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT json_object(ARRAY['key', e.device::text, 'id', a.id, 'tenant', e.tenant,
             'transition', upper(e.transition), 'device', e.device::text,
             'device_name', a.device_name, 'series', e.series_id::text, 'metric', s.metric,
             'instance', s.instance, 'unit', s.unit,
             'onset_at', (extract(epoch FROM a.onset_at) * 1000)::bigint::text,
             'at', (extract(epoch FROM e.at) * 1000)::bigint::text, 'value', e.value::text,
             'expected', e.expected::text, 'lower', e.lower::text, 'upper', e.upper::text,
             'score', e.score::text, 'method', e.method, 'version', e.version::text])::text
         FROM anomaly_event e JOIN anomaly a ON a.id = e.anomaly_id
         JOIN series s ON s.id = e.series_id",
    )
    .fetch_all(pool)
    .await
    .unwrap_or_default();
    rows.iter().map(|row| normal(serde_json::from_str(row).unwrap())).collect()
}

/// The onset that the lab's script causes.
fn stepped(fields: &Fields) -> bool {
    let is = |name: &str, value: &str| fields[name] == value;
    let number = |name: &str| fields[name].parse::<f64>().unwrap();
    // On a busy machine a late answer can make a rate fall below its band before.
    is("transition", "ONSET")
        && number("value") > number("upper")
        && is("device_name", "core-rtr-1.zrh")
        && is("instance", "xe-0/1/2")
        && ["if_in_bps", "if_out_bps"].contains(&fields["metric"].as_str())
}

fn python() -> Option<String> {
    let python = std::env::var("OPSC_PYTHON").ok();
    if python.is_none() {
        missing("OPSC_PYTHON is not set; `scripts/tools env` prints it (make test sets it)");
    }
    python
}

#[tokio::test(flavor = "multi_thread")]
async fn anomalies_are_read_by_another_client() {
    let Some(python) = python() else { return };
    let Some(broker) = Broker::shared() else { return };
    let Some(url) = database("anomalies").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.json");
    let faults = r#"{"events": [{"at_ms": 45000, "every_ms": 45000, "device": "core-rtr-1.zrh",
        "fault": {"kind": "traffic_step", "instance": "xe-0/1/2", "factor": 2.2,
                  "for_ms": 20000}}]}"#;
    std::fs::write(&script, faults).unwrap();
    let began = Instant::now();
    let demo_port = lab::free_port().to_string();
    let settings = [
        ("OPSC_KAFKA", broker.bootstrap()),
        (PREFIX, "lab-"),
        ("OPSC_DEMO", "1"),
        ("OPSC__DEMO__INTERVAL_MS", "1000"),
        ("OPSC__DEMO__PORT", &demo_port),
        ("OPSC__DEMO__SCRIPT", script.to_str().unwrap()),
    ];
    let mut program = Program::start(&url, &settings);
    let pool = PgPool::connect_lazy(&url).unwrap();
    let onset = program
        .until(ANOMALY_WITHIN, async |_| {
            let rows = in_database(&pool).await;
            rows.into_iter().find(stepped).ok_or_else(|| "no onset".to_owned())
        })
        .await;
    println!("an onset after {:?}", began.elapsed());

    let read = Instant::now();
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/read_anomalies.py");
    let said = Command::new(python)
        .arg(reader)
        .args([broker.bootstrap(), "lab-anomaly", &program.url()])
        .arg(program.state().join("cli-token"))
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let lines = String::from_utf8(said.stdout).unwrap();
    let anomalies: Vec<Fields> = (lines.lines())
        .map(|line| normal(without_evidence(serde_json::from_str(line).unwrap())))
        .collect();
    println!("{} transitions read in {:?}", anomalies.len(), read.elapsed());
    program
        .until(WITHIN, async |_| {
            let rows = in_database(&pool).await;
            let other = anomalies.iter().find(|anomaly| !rows.contains(anomaly));
            other.map_or(Ok(()), |other| Err(format!("{other:?} is not among {rows:?}")))
        })
        .await;
    assert_eq!(anomalies.iter().filter(|anomaly| **anomaly == onset).count(), 1, "{anomalies:?}");

    let number = |name: &str| onset[name].parse::<f64>().unwrap();
    assert!(number("lower") < number("expected") && number("expected") < number("upper"));
    assert!(number("value") > number("upper") && number("score") > 4.0, "{onset:?}");
    // Two values of the step have pulled on what is expected by then.
    let factor = number("value") / number("expected");
    assert!((1.2..2.8).contains(&factor), "{factor}: {onset:?}");
    assert_eq!(onset["method"], processors::BASELINE_METHOD);
    assert_eq!(onset["at"], onset["onset_at"]);
    program.stop();
}

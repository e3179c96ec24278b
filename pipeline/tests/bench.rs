//! The measurements run, say what they say, and close with the line that scripts read.
// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, missing_docs)]

// These tests only start it.
#[allow(dead_code)]
#[path = "../src/log/kafka/tests/broker.rs"]
mod broker;

use std::process::{Command, Stdio};

use broker::Broker;

/// What a measurement needs beside this machine.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Nothing,
    Database,
    DatabaseAndKafka,
}

/// What is not on this machine is printed, and an error where all must run.
fn missing(what: &str) {
    assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{what}");
    eprintln!("SKIPPED: {what}");
}

/// A glance: a few devices, on the embedded log unless it must be Kafka.
fn bench(arguments: &[&str], needs: Needs) -> Option<String> {
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
    command
        .arg("bench")
        .args(arguments)
        .args(["--scale", "0.002"])
        .env("OPSC_STATE_DIR", state.path())
        .env_remove("OPSC_KAFKA")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null());
    if needs != Needs::Nothing {
        let Ok(url) = std::env::var("OPSC_TEST_DATABASE_URL") else {
            missing("OPSC_TEST_DATABASE_URL is not set (make test sets it)");
            return None;
        };
        command.env("DATABASE_URL", url);
    }
    if needs == Needs::DatabaseAndKafka {
        command.env("OPSC_KAFKA", Broker::shared()?.bootstrap());
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let left = std::fs::read_dir(state.path()).unwrap().count();
    assert_eq!(left, 0, "what was measured with is removed");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn check(name: &str, unit: &str, needs: Needs) {
    let Some(text) = bench(&[name], needs) else { return };
    let last: Vec<&str> = text.lines().last().unwrap().split(' ').collect();
    assert_eq!((last[0], last[2]), (name, unit), "{text}");
    assert!(last[1].parse::<f64>().unwrap() > 0.0, "{text}");
    println!("{text}");
}

#[test]
fn collect_closes_with_its_figure() {
    check("collect", "OIDs/cpu-s", Needs::Nothing);
}

#[test]
fn process_closes_with_its_figure() {
    check("process", "samples/cpu-s", Needs::Nothing);
}

#[test]
fn state_closes_with_its_figure() {
    check("state", "s", Needs::Nothing);
}

#[test]
fn sink_closes_with_its_figure() {
    check("sink", "%", Needs::Database);
}

#[test]
fn latency_closes_with_its_figure() {
    check("latency", "ms", Needs::DatabaseAndKafka);
}

#[test]
fn end_to_end_closes_with_its_figure() {
    check("end-to-end", "samples/s", Needs::Database);
}

#[test]
fn api_closes_with_its_figure() {
    check("api", "ms", Needs::Database);
}

#[test]
fn without_a_database_it_says_what_to_set() {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_opsconductor"))
        .args(["bench", "sink"])
        .env("OPSC_STATE_DIR", state.path())
        .env_remove("OPSC_KAFKA")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && errors.contains("set DATABASE_URL"), "{errors}");
}

#[test]
fn json_is_one_document_a_measurement() {
    let Some(text) = bench(&["process", "--json"], Needs::Nothing) else { return };
    let reports: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = reports.iter().map(|report| report["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["process"]);
    assert!(reports[0]["figures"][0]["value"].as_f64().unwrap() > 0.0);
}

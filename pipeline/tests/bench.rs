//! The measurements run, say what they say, and close with the line that scripts read.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

/// A glance: a few devices on the embedded log.
fn bench(arguments: &[&str]) -> String {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_opsconductor"))
        .arg("bench")
        .args(arguments)
        .args(["--scale", "0.002"])
        .env("OPSC_STATE_DIR", state.path())
        .env_remove("OPSC_KAFKA")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let left = std::fs::read_dir(state.path()).unwrap().count();
    assert_eq!(left, 0, "what was measured with is removed");
    String::from_utf8(output.stdout).unwrap()
}

fn check(name: &str, unit: &str) {
    let text = bench(&[name]);
    let last: Vec<&str> = text.lines().last().unwrap().split(' ').collect();
    assert_eq!((last[0], last[2]), (name, unit), "{text}");
    assert!(last[1].parse::<f64>().unwrap() > 0.0, "{text}");
}

#[test]
fn each_closes_with_its_figure() {
    check("process", "samples/cpu-s");
    check("state", "s");
}

#[test]
fn json_is_one_document_a_measurement() {
    let text = bench(&["all", "--json"]);
    let names: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|report| report["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["process", "state"]);
}

//! net-snmp's own tools read the lab. Found in PATH or in OPSC_SNMP_BIN_DIR; where they are
//! absent the tests say so, and fail under CI=true.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Client, fleet, start};
use lab::{Content, Make};

fn tool(name: &str) -> Option<PathBuf> {
    let own = std::env::var_os("OPSC_SNMP_BIN_DIR").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = own.into_iter().chain(std::env::split_paths(&path)).map(|dir| dir.join(name));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        let what = format!("{name} (package snmp) in neither PATH nor OPSC_SNMP_BIN_DIR");
        assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{what}");
        println!("SKIPPED: {what}: the lab was not read by net-snmp");
    }
    found
}

fn run(tool: &PathBuf, version: &str, words: &[&str]) -> (bool, Vec<String>) {
    let output = Command::new(tool)
        .args([version, "-c", "lab-public", "-t", "2", "-r", "0", "-On", "-m", ""])
        .args(words)
        .env("MIBS", "")
        .env("SNMP_PERSISTENT_DIR", std::env::temp_dir().join("lab-test-net-snmp"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text.lines().map(str::to_owned).collect())
}

#[test]
fn snmpbulkwalk_reads_every_row() {
    let Some(walk) = tool("snmpbulkwalk") else { return };
    for make in [Make::Router, Make::Switch, Make::Optical] {
        let mut config = fleet(2, 24);
        let Content::Generated { make: played, .. } = &mut config.devices[1].content else {
            panic!("a fleet is generated")
        };
        *played = make;
        let agent = config.devices[1].address;
        let _lab = start(config);
        let (fine, lines) = run(&walk, "-v2c", &["-Cr25", &agent.to_string(), "1"]);
        assert!(fine, "{lines:?}");
        let rows = Client::new(agent).walk();
        let names: Vec<String> = rows
            .iter()
            .map(|row| row.name.iter().map(|arc| format!(".{arc}")).collect::<String>())
            .collect();
        // Other lines: that the view ends, or of a directory the tool made for itself.
        let rows = lines.iter().filter_map(|line| line.split_once(" = "));
        let rows = rows.filter(|(_, value)| !value.starts_with("No more variables"));
        let read: Vec<&str> = rows.map(|(name, _)| name).collect();
        let differ = read.iter().zip(&names).find(|(read, name)| read != name);
        assert_eq!((read.len(), differ), (names.len(), None));
        let columns = if make == Make::Optical { 36 + 13 } else { 36 };
        assert_eq!(names.len(), 8 + 24 * columns + 1);
        let name = lines.iter().find(|line| line.starts_with(".1.3.6.1.2.1.1.5.0")).unwrap();
        assert_eq!(name, ".1.3.6.1.2.1.1.5.0 = STRING: \"fleet-00001\"");
        let kinds =
            ["Counter64: ", "Counter32: ", "Timeticks: ", "Gauge32: ", "INTEGER: ", "OID: "];
        for kind in kinds {
            assert!(lines.iter().any(|line| line.contains(kind)), "{kind}");
        }
    }
}

#[test]
fn v1_and_errors_are_understood() {
    let (Some(walk), Some(get), Some(set)) = (tool("snmpwalk"), tool("snmpget"), tool("snmpset"))
    else {
        return;
    };
    let config = fleet(1, 10);
    let agent = config.devices[0].address.to_string();
    let _lab = start(config);
    let (fine, lines) = run(&walk, "-v1", &[&agent, "1"]);
    // Without the Counter64 columns and the serial.
    assert!(fine, "{lines:?}");
    let rows = lines.iter().filter(|line| line.starts_with(".1.3")).count();
    assert_eq!(rows, 8 + 10 * (36 - 8), "{lines:?}");
    let (_, lines) = run(&get, "-v2c", &[&agent, "1.3.6.1.2.1.2.2.1.1.99"]);
    assert!(lines[0].ends_with("No Such Instance currently exists at this OID"), "{lines:?}");
    let (_, lines) = run(&get, "-v2c", &[&agent, "1.3.6.1.2.1.99.1.0"]);
    assert!(lines[0].ends_with("No Such Object available on this agent at this OID"), "{lines:?}");
    let (fine, lines) = run(&set, "-v2c", &[&agent, "1.3.6.1.2.1.1.5.0", "s", "x"]);
    assert!(!fine && lines.iter().any(|line| line.contains("notWritable")), "{lines:?}");
}

//! The crate graph: who may see whom, as ARCHITECTURE has it. An arrow too many is how a sink
//! comes to know Kafka.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Direct dependencies among our crates, and what only one of them may use.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("schemas", &[]),
    ("instruments", &[]),
    ("connectors", &["schemas", "instruments", "lab"]),
    ("processors", &["schemas"]),
    ("sinks", &["schemas"]),
    ("api", &["schemas", "instruments", "vault"]),
    ("vault", &[]),
    ("lab", &[]),
    ("hostile", &[]),
    (
        "pipeline",
        &["schemas", "instruments", "connectors", "processors", "sinks", "api", "lab", "vault"],
    ),
];

/// Outside crates with one home.
const HOMES: [(&str, &str); 6] = [
    ("rdkafka", "pipeline"),
    ("fjall", "pipeline"),
    ("axum", "api"),
    ("utoipa", "api"),
    ("hpke", "vault"),
    ("chacha20poly1305", "vault"),
];

/// What the vault does without: it writes no log line, and opens no connection.
const NOT_IN_VAULT: [&str; 5] = ["sqlx", "tracing", "reqwest", "tokio", "metrics"];

fn manifest(name: &str) -> toml::Table {
    let folder = match name {
        // For tests only: it lies with the other help for them.
        "hostile" => "lab/hostile",
        "instruments" => "pipeline/instruments",
        "vault" => "pipeline/vault",
        other => other,
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("Cargo.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Names in a manifest's table of dependencies.
fn names(manifest: &toml::Table, table: &str) -> BTreeSet<String> {
    let table = manifest.get(table).and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn crates_see_only_what_they_may() {
    let ours: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    for (name, allowed) in &ours {
        let manifest = manifest(name);
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for dependency in names(&manifest, table) {
                let in_tests = table == "dev-dependencies" && dependency == "hostile";
                if ours.contains_key(dependency.as_str()) && !in_tests {
                    assert!(allowed.contains(&&*dependency), "{name} must not see {dependency}");
                }
            }
        }
        if *name == "connectors" {
            let shipped = names(&manifest, "dependencies");
            assert!(!shipped.contains("lab"), "connectors see the lab in their tests only");
        }
        for (dependency, home) in HOMES {
            let seen = names(&manifest, "dependencies").contains(dependency);
            assert!(!seen || *name == home, "{dependency} belongs to {home}, not to {name}");
        }
        if *name == "vault" {
            let seen = names(&manifest, "dependencies");
            assert!(NOT_IN_VAULT.iter().all(|one| !seen.contains(*one)), "{seen:?}");
        }
    }
}

#[test]
fn the_readme_shows_the_topology_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let diagram = readme.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next());
    let print = pipeline::topology::mermaid();
    assert_eq!(
        diagram.map(str::trim),
        Some(print.trim()),
        "put the print of `opsconductor topology` into the README"
    );
}

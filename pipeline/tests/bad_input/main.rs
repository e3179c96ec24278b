//! What people, devices and other programs get wrong: each mistake is reported with its place and
//! its remedy, and nothing else is lost by it.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod records;

use std::fs::{File, read_to_string, write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use common::{DEADLINE, Program, database, free_address, program, until};
use sqlx::PgPool;

/// No database: what is refused before one is asked.
const NO_DATABASE: &str = "postgres://nobody@127.0.0.1:1/none";

/// Runs the program to its end, which must come by itself; how it ended and all it said.
fn ended(command: &mut Command, state: &Path) -> (ExitStatus, String) {
    let said = state.join("said");
    let file = File::create(&said).unwrap();
    let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
    let (mut program, since) = (Program(child), Instant::now());
    loop {
        let status = program.0.try_wait().unwrap();
        let said = read_to_string(&said).unwrap();
        if let Some(status) = status {
            assert!(!said.contains("panicked"), "{said}");
            return (status, said);
        }
        assert!(since.elapsed() < DEADLINE, "still runs: {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The program must end with a failure whose words have all these parts.
fn refused(command: &mut Command, state: &Path, parts: &[&str]) {
    let (status, said) = ended(command, state);
    assert!(!status.success(), "{command:?} ended well: {said}");
    for part in parts {
        assert!(said.contains(part), "{command:?} does not say {part:?}: {said}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_those_known() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let file = state.join("config.toml");
    let place = file.display().to_string();
    let run = |role: &str| program(role, state, NO_DATABASE, "127.0.0.1:1");
    for role in ["run", "connect", "process", "sink", "api", "migrate", "check"] {
        write(&file, "[api]\nlisten = \"127.0.0.1:1\"\nlisen = \"x\"\n").unwrap();
        refused(
            &mut run(role),
            state,
            &[&place, "unknown key api.lisen", "known there: drain_s, listen"],
        );
        write(&file, "[apy]\nlisten = \"127.0.0.1:1\"\n").unwrap();
        refused(&mut run(role), state, &[&place, "unknown key apy", "api"]);
        std::fs::remove_file(&file).unwrap();
        let key = "OPSC__API__LISEN";
        let parts =
            ["environment variable", key, "unknown key api.lisen", "known there: drain_s, listen"];
        refused(run(role).env(key, "x"), state, &parts);
        let key = "OPSC__APY__LISTEN";
        refused(run(role).env(key, "x"), state, &[key, "unknown key apy", "api"]);
    }
    assert!(!state.join("log").exists(), "something was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_and_a_newer_database_are_named() {
    let Some(url) = database("refused").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let run = |role: &str| program(role, state, &url, &listen);

    // Nothing is wrong with a database and a log that are new.
    let (status, said) = ended(&mut run("check"), state);
    assert!(status.success(), "{said}");
    assert!(said.contains("note  database: reached; it has no tables yet"), "{said}");
    assert!(said.contains("note  event log: embedded, none in"), "{said}");

    let remedy = "set OPSC_LISTEN to another port";
    for role in ["run", "api"] {
        refused(&mut run(role), state, &[&format!("API address {listen}"), "in use", remedy]);
    }
    // It may be OpsConductor itself that listens: no failure of the check.
    let (status, said) = ended(&mut run("check"), state);
    assert!(status.success(), "{said}");
    assert!(said.contains(&format!("note  API address: {listen} is in use")), "{said}");
    assert!(said.contains(remedy), "{said}");
    drop(taken);
    let (key, file) = ("OPSC__INVENTORY__FILE", state.join("devices"));
    write(&file, "127.0.0.1 name=one\n127.0.0.2 nam=two\n").unwrap();
    for role in ["run", "check"] {
        let parts = ["devices: line 2: unknown key \"nam\"", "use name"];
        refused(run(role).env(key, &file), state, &parts);
    }

    let pool = PgPool::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, '', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    for role in ["run", "connect", "process", "sink", "api", "migrate", "check"] {
        let parts = ["is at migration 9999", "knows up to", "fix: start the newer opsconductor"];
        refused(&mut run(role), state, &parts);
    }
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 9999").execute(&pool).await.unwrap();

    let running = Program(run("run").spawn().unwrap());
    until("API", state, async || std::net::TcpStream::connect(&listen).ok()).await;
    let parts = ["process", "has it open", "stop that process"];
    refused(&mut program("run", state, &url, &free_address()), state, &parts);
    // The check of a system that runs finds it well.
    let (status, said) = ended(&mut run("check"), state);
    assert!(status.success(), "{said}");
    assert!(said.contains("in use by the running system"), "{said}");
    assert!(
        said.contains(&format!("ok    API address: {listen} is the running system's")),
        "{said}"
    );
    // Another address says nothing of who has the log.
    refused(&mut program("check", state, &url, &free_address()), state, &parts);
    running.stop();
}

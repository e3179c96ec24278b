//! kill -9 in the middle of everything.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::world;

const CHILD: &str = "OPSC_TEST_LOG_CHILD";
const KILLS: &str = "OPSC_TEST_LOG_KILLS";

/// This test binary, to run one of its tests in a process of its own.
pub(super) fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = format!("log::embedded::tests::{test}");
    command.args(["--exact", &name, "--nocapture", "--test-threads=1"]);
    command.env(CHILD, folder).stdout(Stdio::piped()).stdin(Stdio::null());
    command
}

/// The folder that the parent gave; none when this is an ordinary run.
pub(super) fn given() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

#[test]
fn writes_until_killed() {
    if let Some(folder) = given() {
        world::run(&folder);
    }
}

#[test]
fn kills_lose_nothing_and_double_nothing() {
    let kills: u64 = std::env::var(KILLS).map_or(12, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    let mut grew = 0;
    for kill in 0..kills {
        let mut process = child("killed::writes_until_killed", folder.path()).spawn().unwrap();
        let out = process.stdout.take().unwrap();
        let (sender, first) = std::sync::mpsc::channel();
        let listen = std::thread::spawn(move || {
            let mut said = String::new();
            let mut lines = BufReader::new(out);
            while lines.read_line(&mut said).is_ok_and(|n| n > 0) {
                if said.contains("\nA ") {
                    let _ = sender.send(());
                }
            }
            said
        });
        // One in four dies while it opens, the others some time after the first acknowledgement.
        if kill % 4 != 3 {
            first.recv_timeout(Duration::from_secs(30)).unwrap();
        }
        std::thread::sleep(Duration::from_millis((kill * 37) % 200));
        process.kill().unwrap();
        process.wait().unwrap();
        let said = listen.join().unwrap();
        let count = world::verify(folder.path(), &world::acknowledged(&said));
        assert!(count >= before);
        grew += u64::from(count > before);
        before = count;
    }
    println!("{kills} kills, {grew} of them after new records; {before} records in the end");
    assert!(grew * 2 > kills, "most children must get to write");
}

//! What the folder keeps: its owner, its format, and a last write that a power cut tore.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::world::{options, read, record, topics};
use crate::log::embedded::Embedded;
use crate::log::embedded::codec::{fact_key, numbers};
use crate::log::embedded::store::{FjallStore, META, Store, Write};
use crate::log::{EventLog, LogError};

fn fatal(folder: &Path) -> String {
    match Embedded::open(folder, options()).map(|_| ()) {
        Err(error @ LogError::Fatal { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_owner_learns_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Embedded::open(folder.path(), options()).unwrap();
    let said = fatal(folder.path());
    for word in [&format!("process {}", std::process::id()), "API"] {
        assert!(said.contains(word), "{said}");
    }
    drop(first);
    Embedded::open(folder.path(), options()).unwrap();
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Embedded::open(folder.path(), options()).unwrap());
    let lock = crate::log::embedded::lock::take(folder.path()).unwrap();
    let store = FjallStore::open(folder.path(), lock, 1 << 20, 0).unwrap();
    let mut write = Write::default();
    write.put(META, fact_key(b'f', &[], None), numbers(&[2]));
    store.write(write).unwrap();
    drop(store);
    let said = fatal(folder.path());
    assert!(said.contains("format 2") && said.contains("newer"), "{said}");
}

fn journal(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder.join("store")).unwrap();
    let mut found: Vec<PathBuf> = entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "jnl"))
        .collect();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Writes batches, tears the last one in this way, and opens again.
fn torn(tear: impl FnOnce(&mut Vec<u8>, usize, usize)) -> Vec<usize> {
    let folder = tempfile::tempdir().unwrap();
    let log = Embedded::open(folder.path(), options()).unwrap();
    log.ensure_topics(&topics()).unwrap();
    let producer = log.producer("p").unwrap();
    let used = || {
        let bytes = std::fs::read(journal(folder.path())).unwrap();
        bytes.iter().rposition(|b| *b != 0).unwrap() + 1
    };
    let mut before = 0;
    for n in 0..10 {
        before = used();
        producer.send(record("in", 0, n, 20_000), None).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    }
    let after = used();
    drop(producer);
    drop(log);
    let path = journal(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    tear(&mut bytes, before, after);
    std::fs::write(&path, bytes).unwrap();
    let log = Embedded::open(folder.path(), options()).unwrap();
    let found = read(&log, "in").remove(0);
    assert!(found.iter().zip(0..).all(|(r, n)| r.offset == n));
    let producer = log.producer("p").unwrap();
    producer.send(record("in", 0, 99, 20_000), None).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    vec![found.len(), read(&log, "in")[0].len()]
}

#[test]
fn a_torn_last_write_is_cut() {
    // Cut short; a page in its middle, its beginning, its end that never reached the disk.
    assert_eq!(torn(|bytes, _, after| bytes.truncate(after - 3)), [9, 10]);
    assert_eq!(torn(|bytes, before, _| bytes[before + 8_000..before + 12_000].fill(0)), [9, 10]);
    assert_eq!(torn(|bytes, before, _| bytes[before..before + 4_000].fill(0)), [9, 10]);
    assert_eq!(torn(|bytes, _, after| bytes[after - 4_000..after].fill(0)), [9, 10]);
    assert_eq!(torn(|_, _, _| {}), [10, 11]);
}

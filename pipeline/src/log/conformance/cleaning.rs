//! What must leave a topic leaves it, and nothing else does.

use std::collections::BTreeMap;

use super::*;

/// Longest wait for a log that cleans in its own time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Lets time pass and asks for cleaning until `done`; false: this harness cannot.
fn clean(h: &dyn Harness, what: &str, mut done: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    for _ in 0..2_000 {
        h.pass(Duration::from_millis(500));
        if !h.housekeep() {
            println!("not tried: this harness cannot clean");
            return false;
        }
        if done() {
            return true;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
    }
    panic!("waited in vain for {what}");
}

pub(crate) fn retention_drops_the_old(h: &dyn Harness) {
    let topic = topic(h, 1, Cleanup::Delete { retention_ms: 5_000 });
    let new = |from: i32| (from..from + 10).map(|n| record(&topic, 0, "k", &n.to_string()));
    produce(h, new(0).collect());
    let mut behind = h.log().reader(&topic, &[0], Start::At(0)).unwrap();
    let end = until(h, "the end", || behind.end(0).ok());
    let gone = || h.log().reader(&topic, &[0], Start::At(0)).and_then(|mut r| r.poll(POLL)).err();
    if !clean(h, "old records to go", || gone().is_some()) {
        return;
    }
    match gone() {
        Some(LogError::OutOfRange { wanted, earliest, remedy, .. }) => {
            assert_eq!((wanted, earliest), (0, end));
            assert!(remedy.len() > 20);
        }
        other => panic!("{other:?}"),
    }
    // A reader that fell behind gets an error, is never moved on silently.
    let error = until(h, "the reader to get an error", || match behind.poll(POLL) {
        Err(error) => Some(error),
        Ok(records) if records.is_empty() => None,
        // It may have fetched the records before they went, but then all of them.
        Ok(records) => {
            assert_eq!(records[0].offset, 0);
            None
        }
    });
    assert!(matches!(error, LogError::OutOfRange { .. }), "{error}");
    produce(h, new(10).collect());
    let read = all(h, &topic, 1);
    assert_eq!(values(&read), (10..20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(read[0].offset >= end, "offsets go on where they were");
}

pub(crate) fn compaction_keeps_the_last_of_each_key(h: &dyn Harness) {
    let topic = topic(h, 1, Cleanup::Compact);
    let pad = "p".repeat(500);
    let key = |n: i32| format!("key {}", n % 10);
    let value = |n: i32| format!("{n} {pad}");
    produce(h, (0..1_000).map(|n| record(&topic, 0, &key(n), &value(n))).collect());
    let tombstone = NewRecord { value: None, ..record(&topic, 0, "key 3", "") };
    produce(h, vec![tombstone]);
    let before = all(h, &topic, 1);
    let mut watcher = h.log().reader(&topic, &[], Start::Earliest).unwrap();
    let end = until(h, "the end", || watcher.end(0).ok());
    let last = |records: &[Record]| {
        let pairs = records.iter().map(|r| (r.key.clone(), (r.offset, r.value.clone())));
        pairs.collect::<BTreeMap<_, _>>()
    };
    let done = clean(h, "superseded records to go", || {
        let now = all(h, &topic, 1);
        assert_eq!(last(&now), last(&before), "each key keeps its last record, where it was");
        // Some logs leave the newest part alone: write on, so that it is not the newest.
        now.len() < 500
    });
    if !done {
        return;
    }
    let mut seen = Vec::new();
    until(h, "the end that was promised", || {
        seen.extend(polled(&mut *watcher));
        (watcher.position(0) >= end).then_some(())
    });
    assert_eq!(last(&seen), last(&before), "a reader sees the last of each key");
    produce(h, vec![record(&topic, 0, "key 5", "newer")]);
    let now = all(h, &topic, 1);
    assert_eq!(values(&now).last().map(String::as_str), Some("newer"));
    assert!(now.last().unwrap().offset >= end);
}

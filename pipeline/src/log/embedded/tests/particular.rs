//! Time, faults and determinism of the log in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::world::record;
use crate::log::embedded::{Clock, Fault, Memory, Options};
use crate::log::{
    Cleanup, Event, EventLog, LogError, MemberSpec, NewRecord, Position, Start, Task, TopicSpec,
};

fn memory() -> (Memory, Arc<AtomicI64>) {
    let now_ms = Arc::new(AtomicI64::new(1_000));
    let clock = now_ms.clone();
    let log = Memory::new(Clock::by_hand(move || clock.load(Ordering::SeqCst)));
    let day = Cleanup::Delete { retention_ms: 86_400_000 };
    let spec = |name: &str| TopicSpec { name: name.into(), partitions: 2, cleanup: day };
    log.ensure_topics(&[spec("in"), spec("out")]).unwrap();
    (log, now_ms)
}

fn task(log: &Memory, slot: &str) -> Box<dyn Task> {
    let spec = MemberSpec { group: "g".to_owned(), topic: "in".into(), slot: slot.to_owned() };
    log.task(&spec).unwrap()
}

fn poll(task: &mut dyn Task) -> Event {
    task.poll(Duration::from_secs(3_600)).unwrap()
}

fn at(next: i64) -> [Position; 1] {
    [Position { partition: 0, next, replay_from: next, logic: 0 }]
}

fn outputs(log: &Memory) -> usize {
    let mut reader = log.reader("out", &[], Start::Earliest).unwrap();
    reader.poll(Duration::ZERO).unwrap().len()
}

#[test]
fn sessions_end_by_the_clock_given() {
    let (log, now_ms) = memory();
    let (mut a, mut b) = (task(&log, "a"), task(&log, "b"));
    assert_eq!(poll(&mut *a), Event::Assigned(vec![0]));
    assert_eq!(poll(&mut *b), Event::Assigned(vec![1]));
    for _ in 0..10 {
        now_ms.fetch_add(1_000, Ordering::SeqCst);
        assert_eq!(poll(&mut *a), Event::Idle);
    }
    now_ms.fetch_add(1, Ordering::SeqCst);
    assert_eq!(poll(&mut *a), Event::Assigned(vec![1]));
    let late = b.commit(&[Position { partition: 1, next: 1, replay_from: 1, logic: 0 }]);
    assert!(matches!(late, Err(LogError::Fenced { .. })), "{late:?}");
    assert_eq!(poll(&mut *b), Event::Lost(vec![1]));
    assert_eq!(poll(&mut *b), Event::Idle);
    assert_eq!(poll(&mut *a), Event::Revoked(vec![1]));
    assert_eq!(poll(&mut *b), Event::Idle);
    assert_eq!(poll(&mut *a), Event::Idle);
    assert_eq!(poll(&mut *b), Event::Assigned(vec![1]));
}

#[test]
fn a_process_that_stood_still_loses_nobody() {
    let (log, now_ms) = memory();
    let (mut a, mut b) = (task(&log, "a"), task(&log, "b"));
    poll(&mut *a);
    poll(&mut *b);
    now_ms.fetch_add(3_600_000, Ordering::SeqCst);
    assert_eq!(poll(&mut *a), Event::Idle);
    assert_eq!(poll(&mut *b), Event::Idle);
    b.commit(&[Position { partition: 1, next: 1, replay_from: 1, logic: 0 }]).unwrap();
}

/// A commit that meets this fault: whether it was written, and whether the process lives.
fn check(fault: Fault, written: bool, lives: bool) {
    let (log, _) = memory();
    log.on_write(move |write| if write.number == 2 { fault } else { Fault::None });
    let mut a = task(&log, "a");
    poll(&mut *a);
    for next in 1..=2 {
        a.send(record("out", 0, next, 10)).unwrap();
        let result = a.commit(&at(next));
        assert_eq!(result.is_ok(), next == 1 || fault == Fault::None, "{fault:?}");
    }
    assert_eq!(log.crashed(), !lives, "{fault:?}");
    if lives {
        a.abort().unwrap();
    } else {
        assert!(matches!(a.poll(Duration::ZERO), Err(LogError::Fatal { .. })));
        assert!(matches!(a.abort(), Err(LogError::Fatal { .. })));
    }
    let next = log.reopen();
    assert!(log.crashed());
    let mut heir = task(&next, "a");
    poll(&mut *heir);
    let want = if written { 2 } else { 1 };
    assert_eq!(heir.inherited(&[0]).unwrap()[0].map(|p| p.next), Some(want), "{fault:?}");
    assert_eq!(outputs(&next), usize::try_from(want).unwrap(), "{fault:?}");
}

#[test]
fn faults_hit_one_write() {
    check(Fault::None, true, true);
    check(Fault::FailBefore, false, true);
    check(Fault::FailAfter, true, true);
    check(Fault::CrashBefore, false, false);
    check(Fault::CrashAfter, true, false);
}

#[test]
fn lost_and_regained_does_not_revive_a_transaction() {
    let (log, now_ms) = memory();
    let (mut a, mut b) = (task(&log, "a"), task(&log, "b"));
    poll(&mut *a);
    poll(&mut *b);
    a.send(record("out", 0, 1, 10)).unwrap();
    for _ in 0..3 {
        now_ms.fetch_add(4_000, Ordering::SeqCst);
        b.poll(Duration::ZERO).unwrap();
    }
    assert_eq!(poll(&mut *a), Event::Lost(vec![0]));
    b.leave();
    assert_eq!(poll(&mut *a), Event::Assigned(vec![0, 1]));
    let old = a.commit(&at(5));
    assert!(matches!(old, Err(LogError::Fenced { .. })), "{old:?}");
    a.abort().unwrap();
    a.commit(&at(6)).unwrap();
    assert_eq!(outputs(&log), 0);
}

#[test]
fn same_calls_give_same_answers_and_runs_are_cheap() {
    let run = || {
        let (log, now_ms) = memory();
        let mut trace = Vec::new();
        let (mut a, mut b) = (task(&log, "a"), task(&log, "b"));
        let producer = log.producer("p").unwrap();
        for n in 0..20 {
            now_ms.fetch_add(7, Ordering::SeqCst);
            producer.send(record("in", i32::try_from(n % 2).unwrap(), n, 50), None).unwrap();
            for task in [&mut a, &mut b] {
                let event = task.poll(Duration::from_secs(1)).unwrap();
                if let Event::Assigned(partitions) = &event {
                    for p in partitions {
                        task.start(*p, Start::Earliest).unwrap();
                    }
                }
                trace.push(event);
            }
            a.send(record("out", 0, n, 10)).unwrap();
            a.commit(&at(n)).unwrap();
        }
        trace
    };
    let first = run();
    let began = Instant::now();
    for _ in 0..2_000 {
        assert_eq!(run(), first);
    }
    let took = began.elapsed();
    println!("2,000 runs of 40 polls, 20 records and 20 commits: {took:?}");
    assert!(took < Duration::from_secs(12), "10,000 runs must fit into a minute: {took:?}");
}

#[test]
fn tombstones_go_after_their_time_and_promises_hold_compaction_back() {
    let now_ms = Arc::new(AtomicI64::new(1_000));
    let clock = now_ms.clone();
    let options = Options { min_dirty_bytes: 1, tombstone_ms: 1_000, ..Options::default() };
    let log = Memory::with(Clock::by_hand(move || clock.load(Ordering::SeqCst)), options);
    let name: Arc<str> = "c".into();
    let spec = TopicSpec { name: name.clone(), partitions: 1, cleanup: Cleanup::Compact };
    log.ensure_topics(&[spec]).unwrap();
    let producer = log.producer("p").unwrap();
    let send = |n: i64| producer.send(record("c", 0, n, 8), None).unwrap();
    let offsets = |log: &Memory| -> Vec<i64> {
        let mut reader = log.reader("c", &[], Start::Earliest).unwrap();
        reader.poll(Duration::ZERO).unwrap().iter().map(|r| r.offset).collect()
    };
    send(0);
    send(1);
    let mut slow = log.reader("c", &[], Start::Earliest).unwrap();
    assert_eq!(slow.end(0).unwrap(), 2);
    (2..5).for_each(send);
    log.housekeep(2_000).unwrap();
    let want = [1, 2, 3, 4];
    assert_eq!(offsets(&log), want, "1 is the last below the end that the reader was promised");
    slow.poll(Duration::ZERO).unwrap();
    let bury = || {
        for _ in 0..3 {
            let dead = NewRecord { value: None, ..record("c", 0, 0, 8) };
            producer.send(dead, None).unwrap();
        }
    };
    bury();
    log.housekeep(2_000).unwrap();
    assert_eq!(offsets(&log), [7], "the tombstone is young");
    send(8);
    bury();
    log.housekeep(2_001).unwrap();
    assert_eq!(offsets(&log), [] as [i64; 0], "nothing is left of the key");
    let log = log.reopen();
    let mut reader = log.reader("c", &[], Start::Earliest).unwrap();
    assert_eq!(reader.end(0).unwrap(), 12, "offsets are never given again");
    assert_eq!(reader.poll(Duration::ZERO).unwrap(), []);
    assert_eq!(reader.position(0), 12);
}

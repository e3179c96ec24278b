//! What every event log must do, case by case.
//!
//! A log is handed in by a [`Harness`]; [`conformance!`] makes one test of each case. Cases use
//! fresh topics, groups and slots, so they can share one log and run side by side. A case that
//! waits does so until [`DEADLINE`], in polls: no case needs anything to be fast. A case that a
//! harness cannot offer says so on stdout.

#![expect(clippy::wildcard_enum_match_arm, reason = "any other error ends a case")]

pub(crate) mod cleaning;
pub(crate) mod groups;
pub(crate) mod producing;
pub(crate) mod reading;
pub(crate) mod records;
pub(crate) mod transactions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{
    Cleanup, Event, EventLog, LogError, Member, MemberSpec, NewRecord, Position, Producer, Reader,
    Record, Start, Task, TopicSpec,
};

/// Longest wait for anything (of the machine's time, and of a clock moved by hand).
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// One poll.
const POLL: Duration = Duration::from_millis(100);
/// Kept so long that no case sees it go.
pub(crate) const DAY: Cleanup = Cleanup::Delete { retention_ms: 86_400_000 };

/// A log under test, and what only its maker can do to it.
pub(crate) trait Harness {
    /// The log as it runs now.
    fn log(&self) -> Arc<dyn EventLog>;

    /// Ends the log's process, as far as clients can see it, and starts the next one on the
    /// same content: `log` gives the new one. The case has dropped all its handles.
    fn restart(&self);

    /// Lets time pass for the log.
    fn pass(&self, time: Duration);

    /// Asks for retention and compaction now; false: this harness cannot, the case is skipped.
    /// They may take effect later.
    fn housekeep(&self) -> bool;

    /// Holds all writing back; false: cannot.
    fn stall(&self, stalled: bool) -> bool;
}

/// One test for each case: `conformance!(MyHarness::new());`
macro_rules! conformance {
    ($harness:expr) => {
        $crate::log::conformance::conformance! { @ $harness;
            records: come_back_as_sent, largest_is_taken_and_one_more_refused,
                a_large_transaction_is_whole, keys_go_where_java_sends_them,
                without_a_key_any_partition, survive_a_restart, topics_are_compared;
            producing: done_is_called_once_when_durable, full_queue_pushes_back,
                order_holds_beside_others;
            transactions: show_outputs_and_positions_together, abort_leaves_nothing,
                too_large_leaves_it_open, positions_survive_their_task,
                taken_slot_fences_the_zombie, silent_member_is_fenced_and_loses,
                go_on_after_a_crash_exactly_once, open_one_of_a_dead_predecessor_is_ended;
            groups: one_member_gets_all, only_what_moves_is_revoked,
                revoked_may_commit_once_more, leaving_hands_over, drop_hands_over,
                held_member_stays, taken_slot_gets_the_same_partitions, groups_are_independent;
            reading: starts_where_it_is_asked_to, position_reaches_the_end,
                members_know_how_far_they_are, waits_for_records,
                out_of_range_is_said, reads_only_the_partitions_asked;
            cleaning: retention_drops_the_old, compaction_keeps_the_last_of_each_key;
        }
    };
    (@ $harness:expr; $($module:ident: $($case:ident),+;)+) => { $( mod $module {
        #[allow(unused_imports)]
        use super::*;
        $( #[test] fn $case() { $crate::log::conformance::$module::$case(&$harness); } )+
    } )+ };
}
pub(crate) use conformance;

/// A name that nothing else has.
pub(crate) fn fresh(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!("{what}-{now:x}-{:x}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A fresh topic.
pub(crate) fn topic(h: &dyn Harness, partitions: i32, cleanup: Cleanup) -> Arc<str> {
    let name: Arc<str> = fresh("conformance").into();
    let spec = TopicSpec { name: name.clone(), partitions, cleanup };
    h.log().ensure_topics(&[spec]).unwrap();
    name
}

/// Tries until there is an answer.
pub(crate) fn until<T>(h: &dyn Harness, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    let mut tries = 0;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        tries += 1;
        assert!(began.elapsed() < DEADLINE && tries < 2_000, "waited in vain for {what}");
        h.pass(Duration::from_millis(20));
    }
}

pub(crate) fn text(text: impl AsRef<str>) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(text.as_ref().as_bytes()))
}

pub(crate) fn record(topic: &Arc<str>, partition: i32, key: &str, value: &str) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Some(partition),
        key: text(key),
        value: text(value),
        headers: Vec::new(),
    }
}

/// The values of records as text; a tombstone is `-`.
pub(crate) fn values(records: &[Record]) -> Vec<String> {
    let value = |v: &Bytes| String::from_utf8(v.to_vec()).unwrap();
    records.iter().map(|r| r.value.as_ref().map_or("-".to_owned(), value)).collect()
}

/// Sends with a producer and waits until all is durable.
pub(crate) fn produce(h: &dyn Harness, records: Vec<NewRecord>) {
    let producer = h.log().producer(&fresh("producer")).unwrap();
    for record in records {
        until(h, "room in the queue", || match producer.send(record.clone(), None) {
            Ok(()) => Some(()),
            Err(LogError::Full { .. }) => None,
            Err(error) => panic!("{error}"),
        });
    }
    flush(h, &*producer);
}

pub(crate) fn flush(h: &dyn Harness, producer: &dyn Producer) {
    until(h, "the queue to empty", || producer.flush(Duration::from_secs(5)).ok());
}

/// Everything that is visible from here to the end as it is now.
pub(crate) fn rest(h: &dyn Harness, reader: &mut dyn Reader, partitions: i32) -> Vec<Record> {
    let ends: Vec<i64> =
        (0..partitions).map(|p| until(h, "the end", || reader.end(p).ok())).collect();
    let mut records = Vec::new();
    until(h, "the reader to reach the end", || {
        if ends.iter().zip(0..).all(|(end, p)| reader.position(p) >= *end) {
            return Some(());
        }
        records.extend(polled(reader));
        None
    });
    records
}

/// One poll; what passes is nothing.
pub(crate) fn polled(reader: &mut dyn Reader) -> Vec<Record> {
    match reader.poll(POLL) {
        Ok(records) => records,
        Err(LogError::Retry { .. }) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

/// All records of a topic from the oldest.
pub(crate) fn all(h: &dyn Harness, topic: &Arc<str>, partitions: i32) -> Vec<Record> {
    let mut reader = h.log().reader(topic, &[], Start::Earliest).unwrap();
    rest(h, &mut *reader, partitions)
}

pub(crate) fn spec(group: &str, topic: &Arc<str>, slot: &str) -> MemberSpec {
    MemberSpec { group: group.to_owned(), topic: topic.clone(), slot: slot.to_owned() }
}

pub(crate) fn join(h: &dyn Harness, spec: &MemberSpec) -> Box<dyn Task> {
    until(h, "a seat in the group", || match h.log().task(spec) {
        Ok(task) => Some(task),
        Err(LogError::Retry { .. }) => None,
        Err(error) => panic!("{error}"),
    })
}

/// What a member has, by the events it got; starts what it is given.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) owned: BTreeSet<i32>,
    pub(crate) revoked: BTreeSet<i32>,
    pub(crate) lost: BTreeSet<i32>,
    pub(crate) records: Vec<Record>,
}

impl Seen {
    /// One poll, noted down; given partitions begin at the oldest record.
    pub(crate) fn poll<M: Member + ?Sized>(&mut self, member: &mut M) {
        let event = match member.poll(POLL) {
            Ok(event) => event,
            Err(LogError::Retry { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        match event {
            Event::Assigned(partitions) => {
                for p in partitions {
                    assert!(self.owned.insert(p), "{p} was assigned twice");
                    member.start(p, Start::Earliest).unwrap();
                }
            }
            Event::Revoked(partitions) => {
                for p in partitions {
                    assert!(self.owned.remove(&p), "{p} was revoked but not owned");
                    self.revoked.insert(p);
                }
            }
            Event::Lost(partitions) => {
                for p in partitions {
                    self.owned.remove(&p);
                    self.lost.insert(p);
                }
            }
            Event::Records(records) => {
                let strange = records.iter().find(|r| !self.owned.contains(&r.partition));
                assert_eq!(strange, None, "records of a partition that is not owned");
                self.records.extend(records);
            }
            Event::Idle => {}
        }
    }

    /// Polls until so many partitions are owned.
    pub(crate) fn wait<M: Member + ?Sized>(
        &mut self,
        h: &dyn Harness,
        member: &mut M,
        partitions: usize,
    ) {
        until(h, "partitions", || {
            self.poll(member);
            (self.owned.len() == partitions).then_some(())
        });
    }
}

pub(crate) fn at(partition: i32, next: i64) -> Position {
    Position { partition, next, replay_from: next, logic: 0 }
}

/// A commit; what passes is an error here, as the caller must abort.
pub(crate) fn commit(task: &mut dyn Task, positions: &[Position]) {
    task.commit(positions).unwrap();
}

//! Partitions move; the others flow on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::harness::RealKafka;
use crate::log::conformance::{DAY, Harness as _, fresh, produce, record, spec, topic};
use crate::log::{Event, EventLog as _, Member, Start};

const PARTITIONS: i32 = 6;

/// What came, and the longest pause of each partition that stayed.
struct Flow {
    member: Box<dyn Member>,
    owned: Vec<i32>,
    last: BTreeMap<i32, Instant>,
    longest: BTreeMap<i32, Duration>,
    moved: Vec<i32>,
    counts: BTreeMap<i32, usize>,
}

impl Flow {
    fn new(kafka: &RealKafka, group: &str, topic: &std::sync::Arc<str>, slot: &str) -> Self {
        let member = kafka.kafka().member(&spec(group, topic, slot)).unwrap();
        Self {
            member,
            owned: Vec::new(),
            last: BTreeMap::new(),
            longest: BTreeMap::new(),
            moved: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    fn turn(&mut self, next: &mut BTreeMap<i32, i64>) {
        match self.member.poll(Duration::from_millis(20)).unwrap() {
            Event::Assigned(partitions) => {
                for p in partitions {
                    let from = next.get(&p).map_or(Start::Earliest, |at| Start::At(*at));
                    self.member.start(p, from).unwrap();
                    self.owned.push(p);
                }
            }
            Event::Revoked(partitions) => {
                self.owned.retain(|p| !partitions.contains(p));
                self.moved.extend(partitions);
            }
            Event::Records(records) => {
                for r in records {
                    assert!(self.owned.contains(&r.partition));
                    let expected = next.insert(r.partition, r.offset + 1).unwrap_or(0);
                    assert_eq!(r.offset, expected, "{}: none missing, none twice", r.partition);
                    *self.counts.entry(r.partition).or_default() += 1;
                    let now = Instant::now();
                    if let Some(last) = self.last.insert(r.partition, now) {
                        let longest = self.longest.entry(r.partition).or_default();
                        *longest = (*longest).max(now - last);
                    }
                }
            }
            Event::Lost(partitions) => panic!("lost {partitions:?}"),
            Event::Idle => {}
        }
    }
}

#[test]
fn only_moved_partitions_pause() {
    let Some(kafka) = RealKafka::new() else { return };
    let topic = topic(&kafka, PARTITIONS, DAY);
    let group = fresh("g");
    let producer = kafka.log().producer("flow").unwrap();
    let mut next = BTreeMap::new();
    let mut a = Flow::new(&kafka, &group, &topic, "a");
    let mut b: Option<Flow> = None;
    let (mut sent, began) = (0, Instant::now());
    let mut written = Instant::now();
    let mut joined = None;
    while began.elapsed() < Duration::from_secs(40) {
        if written.elapsed() > Duration::from_millis(50) {
            written = Instant::now();
            for p in 0..PARTITIONS {
                producer.send(record(&topic, p, "k", &sent.to_string()), None).unwrap();
            }
            sent += 1;
        }
        a.turn(&mut next);
        if b.is_none() && began.elapsed() > Duration::from_secs(6) {
            a.longest.clear();
            b = Some(Flow::new(&kafka, &group, &topic, "b"));
        }
        if let Some(b) = &mut b {
            b.turn(&mut next);
            if b.owned.len() == 3 && a.owned.len() == 3 {
                joined.get_or_insert_with(Instant::now);
            }
        }
        if joined.is_some_and(|at: Instant| at.elapsed() > Duration::from_secs(3)) {
            break;
        }
    }
    let mut b = b.unwrap();
    assert_eq!((a.owned.len(), b.owned.len()), (3, 3), "shared");
    assert_eq!(a.moved.len(), 3, "only what moved was revoked");
    let stayed: Vec<Duration> = a.owned.iter().map(|p| a.longest[p]).collect();
    println!("longest pause of partitions that stayed: {stayed:?}");
    assert!(stayed.iter().all(|pause| *pause < Duration::from_millis(1_500)), "{stayed:?}");
    producer.flush(Duration::from_secs(10)).unwrap();
    let all = usize::try_from(sent).unwrap();
    let began = Instant::now();
    let total = |a: &Flow, b: &Flow| -> usize { a.counts.values().chain(b.counts.values()).sum() };
    while total(&a, &b) < all * 6 && began.elapsed() < Duration::from_secs(20) {
        a.turn(&mut next);
        b.turn(&mut next);
    }
    assert_eq!(total(&a, &b), all * 6, "each record came to one of the two, once");
    // Who leaves hands over at once.
    let began = Instant::now();
    a.member.leave();
    while b.owned.len() < 6 {
        b.turn(&mut next);
        assert!(began.elapsed() < Duration::from_secs(5), "leaving took too long");
    }
    println!("a member that left was followed after {:?}", began.elapsed());
    produce(&kafka, vec![record(&topic, 0, "k", "end")]);
}

#[test]
fn who_has_nothing_learns_that_the_group_has_answered() {
    let Some(kafka) = RealKafka::new() else { return };
    let topic = topic(&kafka, 1, DAY);
    let group = fresh("g");
    let mut next = BTreeMap::new();
    let mut first = Flow::new(&kafka, &group, &topic, "a");
    let began = Instant::now();
    while first.owned.is_empty() {
        first.turn(&mut next);
        assert!(began.elapsed() < Duration::from_secs(30), "nothing was assigned");
    }
    let mut second = kafka.kafka().member(&spec(&group, &topic, "b")).unwrap();
    loop {
        first.turn(&mut next);
        match second.poll(Duration::from_millis(20)).unwrap() {
            Event::Assigned(partitions) => break assert!(partitions.is_empty(), "{partitions:?}"),
            Event::Idle => {}
            event @ (Event::Records(_) | Event::Revoked(_) | Event::Lost(_)) => panic!("{event:?}"),
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no answer");
    }
    assert_eq!(first.owned, [0]);
}

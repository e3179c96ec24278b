//! Processes that die, and those that come back.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{RealKafka, options};
use crate::log::conformance::{
    DAY, Seen, all, at, fresh, join, polled, produce, record, rest, spec, topic, until, values,
};
use crate::log::kafka::KafkaLog;
use crate::log::kafka::claims::Claims;
use crate::log::{Event, EventLog, LogError, Start};

/// What the child is to do: bootstrap, prefix, group, input, output.
const CHILD: &str = "OPSC_TEST_KAFKA_CHILD";

/// The body of a process that dies inside a transaction.
#[test]
#[ignore = "run by a_killed_process_is_followed_at_once"]
fn child() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let orders: Vec<&str> = orders.split(' ').collect();
    let [bootstrap, prefix, group, input, output] = orders[..] else { panic!("{orders:?}") };
    let log = KafkaLog::connect(options(bootstrap, prefix)).unwrap();
    let mut task = log.task(&spec(group, &input.into(), "0")).unwrap();
    let mut seen = Seen::default();
    while seen.owned.len() < 2 {
        seen.poll(&mut *task);
    }
    let output = output.into();
    task.send(record(&output, 0, "k", "committed")).unwrap();
    task.commit(&[at(0, 1)]).unwrap();
    for n in 0..1_500 {
        task.send(record(&output, n % 2, "k", "of the dead")).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    println!("\nopen");
    std::thread::sleep(Duration::from_secs(120));
}

#[test]
fn a_killed_process_is_followed_at_once() {
    let Some(kafka) = RealKafka::new() else { return };
    let (input, output) = (topic(&kafka, 2, DAY), topic(&kafka, 2, DAY));
    let group = fresh("g");
    let orders = [kafka.bootstrap(), kafka.prefix(), &group, &input, &output].join(" ");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::kafka::tests::zombies::child", "--ignored", "--nocapture"])
        .env(CHILD, orders)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let open = said.any(|line| line.unwrap() == "open");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(open, "the child ended early");
    // What it left open holds readers back: the end is beyond what they can see.
    let mut reader = kafka.kafka().reader(&output, &[], Start::Earliest).unwrap();
    let seen = until(&kafka, "the committed record", || {
        let records = polled(&mut *reader);
        (!records.is_empty()).then_some(records)
    });
    assert_eq!(values(&seen), ["committed"]);
    assert!(reader.position(1) < reader.end(1).unwrap(), "nothing was open");
    let began = Instant::now();
    let mut heir = join(&kafka, &spec(&group, &input, "0"));
    assert_eq!(rest(&kafka, &mut *reader, 2), []);
    let freed = began.elapsed();
    println!("readers go on {freed:?} after the next one in the slot began");
    assert!(freed < Duration::from_secs(6), "{freed:?}: not before the time-out");
    let mut seen = Seen::default();
    seen.wait(&kafka, &mut *heir, 2);
    println!("its partitions came after {:?}", began.elapsed());
    heir.send(record(&output, 1, "k", "of the heir")).unwrap();
    heir.commit(&[at(1, 1)]).unwrap();
    let mut outputs = values(&all(&kafka, &output, 2));
    outputs.sort();
    assert_eq!(outputs, ["committed", "of the heir"]);
}

#[test]
fn what_others_committed_is_refused_not_guessed() {
    let Some(kafka) = RealKafka::new() else { return };
    let input = topic(&kafka, 1, DAY);
    let mut task = join(&kafka, &spec(&fresh("g"), &input, "0"));
    Seen::default().wait(&kafka, &mut *task, 1);
    // Only this member's partitions can be committed.
    let strange = task.commit(&[at(5, 1)]).unwrap_err();
    assert!(matches!(strange, LogError::Fenced { .. }), "{strange}");
    task.abort().unwrap();
    task.commit(&[at(0, 1)]).unwrap();
}

#[test]
fn nothing_of_before_a_seek_comes_after_it() {
    let Some(kafka) = RealKafka::new() else { return };
    let input = topic(&kafka, 1, DAY);
    let numbers = |range: std::ops::Range<i32>| range.map(|n| n.to_string()).collect::<Vec<_>>();
    produce(&kafka, (0..3_000).map(|n| record(&input, 0, "k", &n.to_string())).collect());
    let mut member = kafka.kafka().member(&spec(&fresh("g"), &input, "0")).unwrap();
    let next = |member: &mut Box<dyn crate::log::Member>| {
        until(&kafka, "records", || match member.poll(Duration::from_millis(100)).unwrap() {
            Event::Records(records) => Some(records),
            Event::Assigned(_) => {
                member.start(0, Start::At(0)).unwrap();
                None
            }
            Event::Revoked(_) | Event::Lost(_) | Event::Idle => None,
        })
    };
    for round in 0..20 {
        if round > 0 {
            member.start(0, Start::At(round)).unwrap();
        }
        let first = next(&mut member);
        let to = if round % 2 == 0 { 10 } else { 1_500 };
        member.start(0, Start::At(to)).unwrap();
        // Held and let go in between: neither loses nor repeats.
        if round % 3 == 0 {
            member.hold(true).unwrap();
            assert_eq!(member.poll(Duration::from_millis(50)).unwrap(), Event::Idle);
            member.hold(false).unwrap();
        }
        let after = next(&mut member);
        let from = i32::try_from(to).unwrap();
        let until = from + i32::try_from(after.len()).unwrap();
        assert_eq!(values(&after), numbers(from..until), "round {round}");
        assert_eq!(first[0].offset, round, "round {round}");
    }
}

/// Only the heir's look at the claims stands against it: nobody took the slot of its producer, and a
/// rebalance was under way when its membership ended, so that librdkafka goes on as if nothing had
/// happened.
#[test]
fn a_member_that_stalled_in_a_rebalance_has_lost_everything() {
    let Some(kafka) = RealKafka::new() else { return };
    let (input, output) = (topic(&kafka, 4, DAY), topic(&kafka, 1, DAY));
    let group = fresh("g");
    let mut stalled = join(&kafka, &spec(&group, &input, "0"));
    Seen::default().wait(&kafka, &mut *stalled, 4);
    let positions = |next| (0..4).map(|p| at(p, next)).collect::<Vec<_>>();
    stalled.commit(&positions(1)).unwrap();
    let mut heir = join(&kafka, &spec(&group, &input, "1"));
    let mut seen = Seen::default();
    seen.wait(&kafka, &mut *heir, 4);
    heir.send(record(&output, 0, "k", "of the heir")).unwrap();
    heir.commit(&positions(2)).unwrap();
    // It wakes and finishes the batch that it was at.
    let _ = stalled.send(record(&output, 0, "k", "of the stalled"));
    let late = stalled.commit(&positions(9)).unwrap_err();
    println!("{late}");
    // Another is made in its place, which shares with the heir.
    drop(stalled);
    let mut next = join(&kafka, &spec(&group, &input, "0"));
    let mut woken = Seen::default();
    until(&kafka, "both to share", || {
        seen.poll(&mut *heir);
        woken.poll(&mut *next);
        (seen.owned.len() == 2 && woken.owned.len() == 2).then_some(())
    });
    assert!(seen.owned.is_disjoint(&woken.owned));
    assert_eq!(values(&all(&kafka, &output, 1)), ["of the heir"]);
}

/// Nothing else stands against it: it is in its group, its session lives, and its claim is there. So
/// the brokers must refuse its commit.
#[test]
fn the_next_owner_fences_one_that_knows_of_nothing() {
    let Some(kafka) = RealKafka::new() else { return };
    let (input, output) = (topic(&kafka, 1, DAY), topic(&kafka, 1, DAY));
    let group = fresh("g");
    let mut former = join(&kafka, &spec(&group, &input, "0"));
    Seen::default().wait(&kafka, &mut *former, 1);
    former.send(record(&output, 0, "k", "before")).unwrap();
    former.commit(&[at(0, 1)]).unwrap();

    let log = kafka.kafka();
    let id = format!("{}:1", log.cluster.full(&group));
    let mut next = Claims::new(&log.claims, &spec(&group, &input, "1"), &id);
    next.take(&[0]).unwrap();
    let late = former
        .send(record(&output, 0, "k", "after"))
        .and_then(|()| former.commit(&[at(0, 2)]))
        .unwrap_err();
    assert!(!matches!(late, LogError::Fatal { .. }), "it begins anew: {late}");
    assert_eq!(values(&all(&kafka, &output, 1)), ["before"]);
}

/// The group lets a member go whose producer works on, so the fence by its session never comes: what
/// it looks like when only the claims can show it.
#[test]
fn a_former_owner_is_fenced_unless_it_has_given_up() {
    let Some(kafka) = RealKafka::new() else { return };
    let (input, output) = (topic(&kafka, 2, DAY), topic(&kafka, 1, DAY));
    let group = fresh("g");
    let mut former = join(&kafka, &spec(&group, &input, "0"));
    Seen::default().wait(&kafka, &mut *former, 2);
    former.send(record(&output, 0, "k", "in time")).unwrap();
    former.commit(&[at(0, 1)]).unwrap();
    former.send(record(&output, 0, "k", "too late")).unwrap();
    // Silent past its session: it is not polled meanwhile.
    let mut heir = join(&kafka, &spec(&group, &input, "1"));
    let mut seen = Seen::default();
    seen.wait(&kafka, &mut *heir, 2);
    // Nothing but the brokers is asked: they must refuse.
    assert!(former.commit(&[]).is_err());
    heir.send(record(&output, 0, "k", "of the heir")).unwrap();
    heir.commit(&[at(0, 2)]).unwrap();
    drop(former);
    // Who gives up in good order, by a rebalance or by leaving, is not fenced by the next.
    let mut guest = join(&kafka, &spec(&group, &input, "2"));
    let mut seen_guest = Seen::default();
    until(&kafka, "both to share", || {
        seen.poll(&mut *heir);
        seen_guest.poll(&mut *guest);
        (seen_guest.owned.len() == 1).then_some(())
    });
    heir.send(record(&output, 0, "k", "of who stays")).unwrap();
    heir.commit(&[]).unwrap();
    guest.leave();
    seen.wait(&kafka, &mut *heir, 2);
    heir.send(record(&output, 0, "k", "of who stays again")).unwrap();
    heir.commit(&[]).unwrap();
    let expected = ["in time", "of the heir", "of who stays", "of who stays again"];
    assert_eq!(values(&all(&kafka, &output, 1)), expected);
    // A claim for each partition that is owned, and no other.
    heir.leave();
    let left = all(&kafka, &"claim".into(), 1);
    let mut open = std::collections::BTreeSet::new();
    let is_claim = |key: &bytes::Bytes| !key.starts_with(b"id ");
    for claim in left.iter().filter(|it| it.key.as_ref().is_some_and(is_claim)) {
        let _ =
            if claim.value.is_some() { open.insert(&claim.key) } else { open.remove(&claim.key) };
    }
    assert!(open.is_empty(), "{open:?}");
}

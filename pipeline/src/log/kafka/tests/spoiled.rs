//! Transactions that a rebalance overtakes, or that are given up, and producers that begin anew.

use std::sync::mpsc;
use std::time::Duration;

use super::harness::{RealKafka, options};
use crate::log::conformance::{
    DAY, Seen, all, at, fresh, join, record, spec, topic, until, values,
};
use crate::log::kafka::KafkaLog;
use crate::log::kafka::options::Kind;
use crate::log::kafka::producer::KafkaProducer;
use crate::log::{EventLog as _, Producer as _, Task};

/// The group begins a new generation while commits of the last one are under way.
#[test]
fn a_rebalance_spoils_no_commit_of_who_stays() {
    const ROUNDS: usize = 6;
    let Some(kafka) = RealKafka::new() else { return };
    let (input, output) = (topic(&kafka, 6, DAY), topic(&kafka, 1, DAY));
    let group = fresh("g");
    let mut stays = join(&kafka, &spec(&group, &input, "stays"));
    let mut seen = Seen::default();
    seen.wait(&kafka, &mut *stays, 6);
    let sent = std::thread::scope(|scope| {
        let comes_and_goes = scope.spawn(|| {
            for _ in 0..ROUNDS {
                let mut guest = join(&kafka, &spec(&group, &input, "guest"));
                Seen::default().wait(&kafka, &mut *guest, 3);
                guest.leave();
            }
        });
        let mut sent = 0;
        while !comes_and_goes.is_finished() || seen.owned.len() < 6 {
            seen.poll(&mut *stays);
            for _ in 0..5 {
                sent += 1;
                stays.send(record(&output, 0, "k", &sent.to_string())).unwrap();
                let positions: Vec<_> = seen.owned.iter().map(|p| at(*p, sent)).collect();
                stays.commit(&positions).unwrap();
            }
        }
        comes_and_goes.join().unwrap();
        sent
    });
    let expected: Vec<String> = (1..=sent).map(|n| n.to_string()).collect();
    assert_eq!(values(&all(&kafka, &output, 1)), expected, "each once and in order");
    println!("{sent} commits in {} rebalances", 2 * ROUNDS);
}

/// The broker writes records although nobody waits for its answer any more; what follows them must
/// not be taken for the same ones, sent again.
#[test]
fn what_is_given_up_on_its_way_is_not_taken_for_what_follows() {
    let Some(kafka) = RealKafka::alone(19_160) else { return };
    let (input, output) = (topic(&kafka, 1, DAY), topic(&kafka, 1, DAY));
    let mut impatient = options(kafka.bootstrap(), kafka.prefix());
    impatient.properties.push(("socket.timeout.ms".into(), "1000".into()));
    let log = KafkaLog::connect(impatient).unwrap();
    let spec = spec(&fresh("g"), &input, "0");
    let mut task = until(&kafka, "a seat in the group", || log.task(&spec).ok());
    let mut seen = Seen::default();
    seen.wait(&kafka, &mut *task, 1);
    let mut next = 0;
    // As many as a task hands to its client at once.
    let give_up = |task: &mut dyn Task| {
        for _ in 0..1_000 {
            task.send(record(&output, 0, "k", "given up")).unwrap();
        }
    };
    for _ in 0..2 {
        // It makes the partition part of the transaction.
        give_up(&mut *task);
        std::thread::sleep(Duration::from_secs(1));
        kafka.signal("-STOP");
        give_up(&mut *task);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_secs(3));
                kafka.signal("-CONT");
            });
            // Another producer takes the place of the one whose records may be on their way.
            until(&kafka, "another producer", || task.abort().ok());
        });
        for _ in 0..2 {
            next += 1;
            until(&kafka, "a commit", || {
                // The broker may have ended the membership meanwhile.
                seen.poll(&mut *task);
                task.send(record(&output, 0, "k", &next.to_string())).ok()?;
                let done = task.commit(&[at(0, next)]);
                done.or_else(|error| task.abort().and(Err(error))).ok()
            });
        }
    }
    let expected: Vec<String> = (1..=next).map(|n| n.to_string()).collect();
    assert_eq!(values(&all(&kafka, &output, 1)), expected);
}

/// Whoever waits for a record of a client that is given up gets an error, and the next one writes.
#[test]
fn a_producer_begins_anew_and_each_record_has_an_answer() {
    let Some(kafka) = RealKafka::alone(19_170) else { return };
    let output = topic(&kafka, 1, DAY);
    let producer = KafkaProducer::new(&kafka.kafka().cluster, Kind::Prompt, "p").unwrap();
    let send = |value: &str| {
        let (sender, answer) = mpsc::channel();
        let done = Box::new(move |result| sender.send(result).unwrap());
        producer.send(record(&output, 0, "k", value), Some(done)).unwrap();
        answer
    };
    let within = Duration::from_secs(30);
    send("first").recv_timeout(within).unwrap().unwrap();
    kafka.signal("-STOP");
    let waiting = ["a", "b", "c"].map(send);
    producer.renew().unwrap();
    for answer in waiting {
        answer.recv_timeout(within).unwrap().unwrap_err();
    }
    kafka.signal("-CONT");
    send("last").recv_timeout(within).unwrap().unwrap();
    let written = values(&all(&kafka, &output, 1));
    // The broker had some of those that were given up, or none.
    assert_eq!((written.first(), written.last()), (Some(&"first".into()), Some(&"last".into())));
    let mut once = written.clone();
    once.dedup();
    assert_eq!(written, once);
}

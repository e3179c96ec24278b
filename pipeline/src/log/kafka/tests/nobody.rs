//! A broker that has just started may name no broker at all, and one that stops may never say who
//! coordinates a group. A proxy in front of a real one does so for a while: what a broker does for
//! moments, at a moment of its own.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::harness::{RealKafka, options};
use crate::log::conformance::{
    DAY, Seen, all, at, fresh, polled, record, spec, topic, until, values,
};
use crate::log::kafka::KafkaLog;
use crate::log::{EventLog as _, Start, Watch as _};

/// The key of requests for metadata, and their version.
const METADATA: [u8; 4] = [0, 3, 0, 13];
/// The key of requests for a coordinator.
const COORDINATOR: [u8; 2] = [0, 10];
/// So often is each topic in an answer that names nobody.
const COPIES: usize = 1_000;

#[derive(Default)]
struct Proxy {
    /// Nobody gets through.
    away: AtomicBool,
    /// Answers about metadata name nobody.
    nobody: AtomicBool,
    /// So many answers about coordinators never come.
    swallow: AtomicUsize,
}

impl Proxy {
    fn start(broker: &str) -> (Arc<Self>, String) {
        let (proxy, broker) = (Arc::<Self>::default(), broker.to_owned());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let all = Arc::clone(&proxy);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if all.away.load(Ordering::SeqCst) {
                    continue;
                }
                let (client, server) = (client.unwrap(), TcpStream::connect(&broker).unwrap());
                let proxy = Arc::clone(&all);
                std::thread::spawn(move || proxy.carry(&client, &server, port));
            }
        });
        (proxy, format!("127.0.0.1:{port}"))
    }

    /// Until one side closes.
    fn carry(&self, client: &TcpStream, server: &TcpStream, port: u16) {
        // By correlation id: the key and version of what is asked.
        let asked = Mutex::<HashMap<[u8; 4], [u8; 4]>>::default();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) && !self.away.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                let _ = client.shutdown(Shutdown::Both);
            });
            scope.spawn(|| {
                frames(client, server, |request| {
                    let id = request[4..8].try_into().unwrap();
                    asked.lock().unwrap().insert(id, request[..4].try_into().unwrap());
                    Some(request)
                });
            });
            frames(server, client, |answer| {
                let id: [u8; 4] = answer[..4].try_into().unwrap();
                match asked.lock().unwrap().remove(&id) {
                    Some(METADATA) => {
                        let named = !self.nobody.load(Ordering::SeqCst);
                        Some(with_brokers(&answer, named.then_some(port)))
                    }
                    Some([a, b, ..]) if [a, b] == COORDINATOR => {
                        let one = |n: usize| n.checked_sub(1);
                        let order = Ordering::SeqCst;
                        self.swallow.fetch_update(order, order, one).is_err().then_some(answer)
                    }
                    _ => Some(answer),
                }
            });
            ended.store(true, Ordering::SeqCst);
        });
    }
}

/// Carries messages until one side closes, which closes the other.
fn frames(
    mut from: &TcpStream,
    mut to: &TcpStream,
    mut change: impl FnMut(Vec<u8>) -> Option<Vec<u8>>,
) {
    let mut carry = || -> io::Result<()> {
        let mut size = [0; 4];
        from.read_exact(&mut size)?;
        let mut frame = vec![0; u32::from_be_bytes(size) as usize];
        from.read_exact(&mut frame)?;
        let Some(frame) = change(frame) else { return Ok(()) };
        to.write_all(&(frame.len() as u32).to_be_bytes())?;
        to.write_all(&frame)
    };
    while carry().is_ok() {}
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Where an answer is read.
struct Cursor<'a> {
    answer: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn number(&mut self) -> usize {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = self.answer[self.at];
            self.at += 1;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    fn skip_text(&mut self) {
        self.at += self.number().saturating_sub(1);
    }
}

fn put_number(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// An answer about metadata (version 13) that names one broker, at this port, or none.
fn with_brokers(answer: &[u8], port: Option<u16>) -> Vec<u8> {
    // After the correlation id, no tagged fields, and the throttle time.
    let mut cursor = Cursor { answer, at: 4 + 1 + 4 };
    let mut changed = answer[..cursor.at].to_vec();
    assert_eq!(cursor.number(), 1 + 1, "the real one names itself");
    let broker = cursor.at;
    cursor.at += 4;
    cursor.skip_text();
    let port_at = cursor.at - broker;
    cursor.at += 4;
    cursor.skip_text();
    assert_eq!(cursor.number(), 0, "tagged fields of a broker");
    let cluster = cursor.at;
    if let Some(port) = port {
        put_number(&mut changed, 1 + 1);
        changed.extend(&answer[broker..cluster]);
        let at = changed.len() - (cluster - broker) + port_at;
        changed[at..at + 4].copy_from_slice(&u32::from(port).to_be_bytes());
        changed.extend(&answer[cluster..]);
        return changed;
    }
    put_number(&mut changed, 1);
    // The cluster's id and the controller's.
    cursor.skip_text();
    cursor.at += 4;
    changed.extend(&answer[cluster..cursor.at]);
    // Of many topics: librdkafka stops what looks for brokers when it has read them all, which is
    // what makes it lose them for good.
    let topics = cursor.number() - 1;
    let (first, end) = (cursor.at, answer.len() - 3);
    put_number(&mut changed, topics * COPIES + 1);
    for _ in 0..COPIES {
        changed.extend(&answer[first..end]);
    }
    changed.extend(&answer[end..]);
    changed
}

/// Each kind of client goes on where it was.
#[test]
fn clients_that_learn_of_no_broker_find_the_first_ones_again() {
    let Some(kafka) = RealKafka::new() else { return };
    let (input, output) = (topic(&kafka, 1, DAY), topic(&kafka, 1, DAY));
    let (proxy, address) = Proxy::start(kafka.bootstrap());
    let mut through = options(&address, kafka.prefix());
    // As often as a broker that is away makes them ask.
    through.properties.push(("topic.metadata.refresh.interval.ms".into(), "500".into()));
    let log = KafkaLog::connect(through).unwrap();

    let mut task = log.task(&spec(&fresh("g"), &input, "0")).unwrap();
    let mut seen = Seen::default();
    seen.wait(&kafka, &mut *task, 1);
    let producer = log.producer("p").unwrap();
    let mut reader = log.reader(&output, &[0], Start::Earliest).unwrap();
    let mut known = Vec::new();
    let mut round = |n: usize| {
        let (sender, answer) = mpsc::channel();
        let written = format!("{n}");
        until(&kafka, "a record that is taken", || {
            let sender = sender.clone();
            let done = Box::new(move |result| drop(sender.send(result)));
            producer.send(record(&output, 0, "k", &written), Some(done)).ok()
        });
        answer.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
        until(&kafka, "a commit", || {
            seen.poll(&mut *task);
            task.send(record(&output, 0, "k", &format!("{n} committed"))).ok()?;
            let done = task.commit(&[at(0, n as i64)]);
            done.or_else(|error| task.abort().and(Err(error))).ok()
        });
        until(&kafka, "what was written", || {
            known.extend(values(&polled(&mut *reader)));
            (known.len() >= 2 * n).then_some(())
        });
        until(&kafka, "the ends", || log.ends(&output).ok());
    };
    round(1);
    for _ in 0..2 {
        proxy.away.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(1));
        proxy.nobody.store(true, Ordering::SeqCst);
        proxy.away.store(false, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(3));
        proxy.nobody.store(false, Ordering::SeqCst);
    }
    round(2);
    round(3);
    let expected = (1..=3).flat_map(|n| [n.to_string(), format!("{n} committed")]);
    assert_eq!(known, expected.collect::<Vec<_>>());
    assert_eq!(values(&all(&kafka, &output, 1)), known);
}

/// An answer about the coordinator that never comes is not waited for.
#[test]
fn a_member_without_an_answer_of_its_group_takes_its_seat_anew() {
    let Some(kafka) = RealKafka::new() else { return };
    let input = topic(&kafka, 1, DAY);
    let (proxy, address) = Proxy::start(kafka.bootstrap());
    let log = KafkaLog::connect(options(&address, kafka.prefix())).unwrap();
    proxy.swallow.store(1, Ordering::SeqCst);
    let mut member = log.member(&spec(&fresh("g"), &input, "0")).unwrap();
    let mut seen = Seen::default();
    seen.wait(&kafka, &mut *member, 1);
    assert_eq!(proxy.swallow.load(Ordering::SeqCst), 0);
}

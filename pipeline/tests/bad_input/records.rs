//! Devices and records that cannot be read: each is refused once, and takes nothing along.

use std::fs::{File, write};
use std::path::Path;
use std::sync::mpsc;

use bytes::Bytes;
use pipeline::log::embedded::{Embedded, Options};
use pipeline::log::{EventLog, NewRecord, Record};
use pipeline::topic::shared;
use pipeline::topology::{DEAD_LETTER, DEVICE, METRIC, POLL};
use schemas::{
    Column, DeviceId, DeviceInput, Kind, MetricBatch, Outcome, Poll, SchemaStore, SeriesId, encode,
};
use sqlx::PgPool;

use super::common::{
    DEADLINE, Program, database, free_address, now_ms, program, records, serials, start, until,
    until_serials,
};
use super::ended;

/// Of a record on the log: a zero byte and the id of its schema.
const HEADER: usize = 5;

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

async fn metrics(listen: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(format!("http://{listen}/metrics")).send().await.unwrap().text().await.unwrap()
}

/// A device that answers every request with what is no SNMP.
async fn noise() -> u16 {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut request = [0; 1500];
        while let Ok((_, from)) = socket.recv_from(&mut request).await {
            let _ = socket.send_to(b"\x30\x7fthis is no SNMP", from).await;
        }
    });
    port
}

/// What the test sends beside the program, of a device that no inventory knows.
struct Beside {
    device: DeviceId,
    now: i64,
}

impl Beside {
    const SERIES: SeriesId = SeriesId(4711);

    fn batch(&self, at: i64, value: f64) -> Vec<u8> {
        encode(&MetricBatch {
            tenant: "default".to_owned(),
            device: self.device,
            at,
            series: vec![Self::SERIES],
            at_ms: vec![0],
            values: vec![value],
            flags: Vec::new(),
            gaps: Vec::new(),
            interval_ms: 0,
            connector: String::new(),
            answered: true,
        })
        .unwrap()
    }

    fn poll(&self, cycle: i64, started_at: i64) -> Vec<u8> {
        encode(&Poll {
            tenant: "default".to_owned(),
            device: self.device,
            connector: "snmp".to_owned(),
            cycle,
            part: 0,
            parts: 1,
            interval_ms: 1_000,
            started_at,
            mono_ms: cycle * 1_000,
            poller: "beside".to_owned(),
            duration_ms: 1,
            outcome: Outcome::Ok,
            error: None,
            uptime_cs: None,
            instances: vec!["x".to_owned()],
            columns: vec![Column {
                metric: "beside".to_owned(),
                unit: "1".to_owned(),
                kind: Kind::Gauge,
                scale: 1.0,
                ceiling: None,
                detect: false,
                quantum: 0.0,
                instances: vec![0],
                at_ms: vec![0],
                counts: Vec::new(),
                gauges: vec![cycle as f64],
            }],
            facts: Vec::new(),
            identities: Vec::new(),
            target: 0,
        })
        .unwrap()
    }

    /// Two good records with what no reader can take between them; and where that came to lie.
    fn send(&self, log: &Embedded, topic: &str, good: [Vec<u8>; 2], bad: &[Bad]) -> Vec<Refused> {
        let producer = log.producer("beside").unwrap();
        let send = |key: Bytes, value: Vec<u8>| {
            let record = NewRecord {
                topic: shared(topic),
                partition: None,
                key: Some(key),
                value: Some(value.into()),
                headers: Vec::new(),
            };
            let (done, place) = mpsc::channel();
            let done = Box::new(move |result| done.send(result).unwrap());
            producer.send(record, Some(done)).unwrap();
            place.recv_timeout(DEADLINE).unwrap().unwrap()
        };
        let key = || Bytes::from(self.device.key());
        let [first, last] = good;
        send(key(), first);
        let mut sent = Vec::new();
        for (reason, value) in bad {
            let (at, offset) = send(key(), value.clone());
            sent.push((topic.to_owned(), at, offset, (*reason).to_owned(), Some(value.clone())));
        }
        send(key(), last);
        sent
    }

    fn all(&self, log: &Embedded) -> Vec<Refused> {
        let (at, far) = (self.now - 10_000, self.now + 86_400_000);
        let good = [self.batch(at, 1.0), self.batch(at + 1_000, 2.0)];
        let mut bad = common_bad(&good[0], self.poll(1, at));
        bad.extend([
            ("future", self.batch(far, 3.0)),
            ("future", self.batch(i64::MAX, 3.0)),
            ("malformed", self.batch(0, 3.0)),
            ("malformed", self.batch(at + 2_000, f64::INFINITY)),
        ]);
        let mut sent = self.send(log, METRIC.name, good, &bad);
        let good = [self.poll(1, at), self.poll(2, at + 1_000)];
        let mut bad = common_bad(&good[0], self.batch(at + 3_000, 3.0));
        bad.extend([("future", self.poll(3, far)), ("future", self.poll(3, i64::MAX))]);
        let other = Self { device: DeviceId::from_source("test", "other"), ..*self };
        bad.push(("malformed", other.poll(3, at)));
        sent.extend(self.send(log, POLL.name, good, &bad));
        sent.sort();
        sent
    }
}

/// Reason and value.
type Bad = (&'static str, Vec<u8>);
/// Topic, partition, offset, reason and value of a refused record.
type Refused = (String, i32, i64, String, Option<Vec<u8>>);

/// What is wrong in any topic.
fn common_bad(good: &[u8], other: Vec<u8>) -> Vec<Bad> {
    let (header, datum) = good.split_at(HEADER);
    vec![
        ("truncated", Vec::new()),
        ("truncated", good[..HEADER - 1].to_vec()),
        ("truncated", header.to_vec()),
        ("truncated", good[..HEADER + datum.len() / 2].to_vec()),
        ("truncated", good[..good.len() - 1].to_vec()),
        // A text of 2 GiB, it says.
        ("truncated", [header, &[0xfe, 0xff, 0xff, 0xff, 0x0f]].concat()),
        ("unknown_schema", [&[0, 0, 0, 0, 9], datum].concat()),
        ("wrong_type", other),
        ("malformed", b"{\"json\": true}".to_vec()),
    ]
}

/// The dead letters, in order.
fn letters(state: &Path) -> Vec<Refused> {
    let log = Embedded::open(&state.join("log"), Options::default()).unwrap();
    let store = SchemaStore::new();
    let letter = |record: &Record| {
        let letter = DEAD_LETTER.read(&store, record).unwrap().unwrap();
        assert!(!letter.error.is_empty() && letter.key.is_some() && letter.at > 0, "{letter:?}");
        (letter.topic, letter.partition, letter.offset, letter.reason, letter.value)
    };
    let mut letters: Vec<Refused> = records(&log, DEAD_LETTER.name).iter().map(letter).collect();
    letters.sort();
    letters
}

/// Polls of a device in the log: how they ended, and their words.
fn polls(log: &Embedded, device: DeviceId) -> Vec<(Outcome, String)> {
    let store = SchemaStore::new();
    let poll = |record: Record| {
        let value = record.value.unwrap();
        match DeviceInput::decode(&store, &value, &mut None).unwrap() {
            DeviceInput::Poll(poll) if poll.device == device => {
                Some((poll.outcome, poll.error.unwrap_or_default()))
            }
            _ => None,
        }
    };
    records(log, POLL.name).into_iter().filter_map(poll).collect()
}

/// Who refused records of the device topic, and where those lie.
fn device_letters(state: &Path) -> Vec<(i32, i64, String)> {
    let log = Embedded::open(&state.join("log"), Options::default()).unwrap();
    let store = SchemaStore::new();
    let letter = |record: &Record| {
        let letter = DEAD_LETTER.read(&store, record).unwrap().unwrap();
        assert_eq!(letter.topic, DEVICE.name);
        (letter.partition, letter.offset, letter.component)
    };
    let mut letters: Vec<_> = records(&log, DEAD_LETTER.name).iter().map(letter).collect();
    letters.sort();
    letters
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_record_that_cannot_be_read_is_refused_once_whatever_starts_again() {
    let Some(url) = database("devices").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let run = async |passed_over: &str| {
        let listen = free_address();
        let running = Program(program("run", state, &url, &listen).spawn().unwrap());
        until("the API", state, async || std::net::TcpStream::connect(&listen).ok()).await;
        let line = "opsc_records_passed_over_total{component=\"poller\",reason=\"truncated\"} ";
        until(&format!("{passed_over} passed over"), state, async || {
            let text = metrics(&listen).await;
            let found = text.lines().find_map(|found| found.strip_prefix(line));
            (found.unwrap_or("0") == passed_over).then_some(())
        })
        .await;
        // The sink holds its batch for a moment; a clean stop writes it.
        running.stop();
    };
    run("0").await;
    assert_eq!(device_letters(state), []);
    let mut expected = Vec::new();
    {
        let log = Embedded::open(&state.join("log"), Options::default()).unwrap();
        let beside = Beside { device: DeviceId::from_source("test", "beside"), now: 0 };
        let poll = beside.poll(1, 1);
        let bad: Vec<Bad> = common_bad(&poll, Vec::new())
            .into_iter()
            .filter(|(reason, value)| *reason == "truncated" && value.len() < HEADER)
            .collect();
        let producer = log.producer("beside").unwrap();
        for (_, value) in bad {
            let record = NewRecord {
                topic: shared(DEVICE.name),
                partition: None,
                key: Some(beside.device.key().into()),
                value: Some(value.into()),
                headers: Vec::new(),
            };
            let (done, place) = mpsc::channel();
            let done = Box::new(move |result| done.send(result).unwrap());
            producer.send(record, Some(done)).unwrap();
            let (partition, offset) = place.recv_timeout(DEADLINE).unwrap().unwrap();
            for component in ["device-entity", "route", "sink-device"] {
                expected.push((partition, offset, component.to_owned()));
            }
        }
        expected.sort();
    }
    assert_eq!(expected.len(), 6);
    for _ in 0..3 {
        run("2").await;
        assert_eq!(device_letters(state), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_and_records_that_cannot_be_read_take_nothing_along() {
    let Some(url) = database("aside").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (state, listen) = (folder.path(), free_address());
    let inventory = state.join("devices");
    let device = "icmp=no interval=1s";
    let lines = format!(
        "127.0.0.1 name=ghost port=9 credential=nowhere {device}\n\
         127.0.0.1 name=noise port={} credential=demo-lab-public {device}\n",
        noise().await
    );
    write(&inventory, lines).unwrap();
    write(state.join("config.toml"), format!("[inventory]\nfile = {inventory:?}\n")).unwrap();
    let pool = PgPool::connect_lazy(&url).unwrap();

    let running = start("run", state, &url, &listen);
    let shown = async |name: &str, is: &str, words: &str| {
        let sql = "SELECT 1 FROM device_status s JOIN device d ON d.id = s.device
                   WHERE d.name = $1 AND s.state = $2 AND position($3 in s.reason) > 0";
        until(&format!("{name} {is} with {words:?}"), state, async || {
            let query = sqlx::query(sql).bind(name).bind(is).bind(words);
            query.fetch_optional(&pool).await.ok().flatten().map(drop)
        })
        .await;
    };
    shown("ghost", "unknown", "make it with `opsconductor credential add nowhere`").await;
    shown("noise", "degraded", "malformed answer").await;
    until_serials(100, &pool, state).await;
    let others = "SELECT count(*) FROM device_status s JOIN device d ON d.id = s.device
                  WHERE d.source = 'demo' AND s.state <> 'unknown'";
    assert_eq!(count(&pool, others).await, lab::demo().devices.len() as i64);
    let text = metrics(&listen).await;
    let malformed = text.lines().find_map(|line| line.strip_prefix("opsc_poller_malformed_total "));
    assert!(malformed.is_some_and(|count| count != "0"), "{text}");

    // The remedy that is shown works.
    let secret = state.join("secret");
    write(&secret, "some-community\n").unwrap();
    let mut add = program("credential", state, &url, &listen);
    add.args(["add", "nowhere"]).stdin(File::open(secret).unwrap());
    let (done, said) = ended(&mut add, state);
    assert!(done.success(), "{said}");
    shown("ghost", "down", "SNMP does not answer").await;
    running.stop();

    let sent = {
        let log = Embedded::open(&state.join("log"), Options::default()).unwrap();
        let of = |name: &str, outcome: Outcome, words: &str| {
            let polls = polls(&log, DeviceId::from_source("file", name));
            let is = |(found, error): &(_, String)| *found == outcome && error.contains(words);
            assert!(polls.iter().any(is), "{name}: {polls:?}");
        };
        of("ghost", Outcome::NoCredential, "nowhere");
        of("noise", Outcome::Malformed, "malformed answer");
        let device = DeviceId::from_source("test", "beside");
        Beside { device, now: now_ms() as i64 }.all(&log)
    };
    assert_eq!(letters(state), [], "nothing was refused so far");

    let before = serials(&pool).await.len();
    let mut running = start("run", state, &url, &listen);
    until("good samples of both topics", state, async || {
        let found = count(
            &pool,
            "SELECT count(*) FROM sample WHERE series_id = 4711
             OR series_id IN (SELECT id FROM series WHERE metric = 'beside')",
        );
        (found.await == 4).then_some(())
    })
    .await;
    until_serials(before + 60, &pool, state).await;
    assert!(running.0.try_wait().unwrap().is_none(), "it ended");
    assert!(metrics(&listen).await.contains("opsc_dead_letters_total"));
    running.stop();

    assert_eq!(letters(state), sent);
    let ahead = "SELECT count(*) FROM sample WHERE ts > now() + interval '1 minute'";
    assert_eq!(count(&pool, ahead).await, 0);

    let before = serials(&pool).await;
    let running = start("run", state, &url, &listen);
    until_serials(before.len() + 20, &pool, state).await;
    running.stop();
    assert_eq!(letters(state), sent, "a start refuses nothing twice");
    assert!(serials(&pool).await.into_values().all(|count| count == 1), "doubled");
}

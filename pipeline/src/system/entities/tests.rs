//! Commands of several, through the log and those who decide, with the relays beside them.

use std::collections::BTreeSet;

use api::Entities as _;
use schemas::{Address, Device, DeviceId, SchemaStore};

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::log::embedded::{self, Memory};
use crate::log::{EventLog, Start};
use crate::run::supervise::Runner;
use crate::run::wiring::Pace;
use crate::topology::{Context, DEVICE, ENTITY_HISTORY, topics, topology};

mod storable;

/// A log, who decides, and as many who ask as wanted.
struct World {
    log: Arc<dyn EventLog>,
    schemas: SchemaStore,
    ended: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl World {
    fn new() -> Self {
        let log: Arc<dyn EventLog> = Arc::new(Memory::new(embedded::Clock::system()));
        log.ensure_topics(&topics(3)).unwrap();
        let (schemas, ended) = (SchemaStore::new(), Arc::default());
        Self { log, schemas, ended, threads: Vec::new() }
    }

    fn run(&mut self, make: impl FnOnce() -> Box<dyn Runner> + Send + 'static) {
        let ended = Arc::clone(&self.ended);
        self.threads.push(std::thread::spawn(move || {
            let mut runner = make();
            while !ended.load(Ordering::Relaxed) {
                runner.turn(Duration::from_millis(5)).unwrap();
            }
            runner.stop().unwrap();
        }));
    }

    fn component(&mut self, name: &'static str) {
        let context = Context {
            log: Arc::clone(&self.log),
            clock: Clock::system(),
            schemas: self.schemas.clone(),
            pace: Pace::default(),
            instance: "one".to_owned(),
            runtime: tokio::runtime::Handle::current(),
            config: Arc::new(Config::load(None, []).unwrap()),
            declared: BTreeSet::new(),
            database: None,
            poller: None,
            credentials: None,
        };
        self.run(move || {
            let topology = topology();
            let component = topology.components.iter().find(|it| it.name == name).unwrap();
            component.builder().unwrap()(&context, "one").unwrap()
        });
    }

    /// As another API process.
    fn asks(&mut self) -> Entities {
        let answers = Answers::new(MAX_WAITING);
        let (known, log, schemas) = (answers.clone(), Arc::clone(&self.log), self.schemas.clone());
        let (ready, reads) = std::sync::mpsc::channel();
        self.run(move || {
            let follower = known.follower(&log, schemas, &ENTITY_ANSWER).unwrap();
            ready.send(()).unwrap();
            Box::new(follower)
        });
        reads.recv().unwrap();
        let commands = Arc::new(Commands::new(self.log.as_ref()).unwrap());
        Entities { commands, answers }
    }

    fn count(&self, topic: &str) -> usize {
        let mut reader = self.log.reader(topic, &[], Start::Earliest).unwrap();
        let mut count = 0;
        loop {
            let records = reader.poll(Duration::from_millis(200)).unwrap();
            if records.is_empty() {
                return count;
            }
            count += records.iter().filter(|record| record.value.is_some()).count();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a runner failed");
        }
    }
}

fn put(id: DeviceId, name: &str, expected: Option<i64>) -> EntityRequest {
    let address: Address = "192.0.2.1".parse().unwrap();
    let device = serde_json::json!({
        "tenant": DEFAULT_TENANT, "id": id, "name": name, "address": address.to_string(),
    });
    let body = Some(device.to_string());
    EntityRequest { kind: "device", id: id.to_string(), expected, body, by: "ada".to_owned() }
}

#[track_caller]
fn applied(reply: Result<EntityReply, PortError>) -> i64 {
    match reply {
        Ok(EntityReply::Applied { revision }) => revision,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_change_the_same_one_does() {
    let mut world = World::new();
    for name in ["entities", "device-entity", "credential-entity"] {
        world.component(name);
    }
    let (one, two) = (world.asks(), world.asks());
    let id = DeviceId::from_source("test", "one");
    let mut revision = applied(one.apply(put(id, "one", Some(0))).await);
    let mut rounds = 0;
    for round in 0..20 {
        let (a, b) = tokio::join!(
            one.apply(put(id, &format!("a{round}"), Some(revision))),
            two.apply(put(id, &format!("b{round}"), Some(revision))),
        );
        let (new, other) = match (a.unwrap(), b.unwrap()) {
            (EntityReply::Applied { revision }, other)
            | (other, EntityReply::Applied { revision }) => (revision, other),
            other => panic!("{other:?}"),
        };
        assert_eq!(other, EntityReply::Conflict { revision: new });
        assert!(new > revision);
        (revision, rounds) = (new, rounds + 1);
    }
    let bad = two.apply(put(id, "", Some(revision))).await.unwrap();
    assert!(matches!(&bad, EntityReply::Refused(problems) if problems[0].field == "name"));
    let gone = EntityRequest { body: None, ..put(id, "", Some(revision)) };
    assert!(applied(two.apply(gone.clone()).await) > revision);
    assert_eq!(one.apply(gone).await.unwrap(), EntityReply::NotFound);
    // Each version once; what came back by the relay made none.
    assert_eq!(world.count(DEVICE.name), 1 + rounds);
    assert_eq!(world.count(ENTITY_HISTORY.name), 2 + rounds);
}

/// What others wrote to the topic is known, and their revision is the one to expect.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_writes_is_known() {
    let mut world = World::new();
    for name in ["entities", "device-entity"] {
        world.component(name);
    }
    let one = world.asks();
    let id = DeviceId::from_source("test", "one");
    let body = put(id, "one", None).body.unwrap();
    let device: Device = serde_json::from_str(&body).unwrap();
    let device = Device { source: "file".to_owned(), updated_at: 77, ..device };
    one.commands.publish(&DEVICE, &device).await.unwrap();
    let mut tries = 0;
    loop {
        match one.apply(put(id, "uno", Some(77))).await.unwrap() {
            EntityReply::Applied { revision } => break assert!(revision > 77),
            // Not relayed yet.
            EntityReply::NotFound if tries < 500 => tries += 1,
            other @ (EntityReply::NotFound
            | EntityReply::Conflict { .. }
            | EntityReply::Refused(_)) => panic!("{other:?}"),
        }
    }
    let twin = put(DeviceId::from_source("test", "two"), "two", Some(0));
    let EntityReply::Refused(problems) = one.apply(twin).await.unwrap() else { panic!() };
    assert_eq!((problems.len(), &problems[0].field[..]), (1, "address"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_nobody_answers_is_said_to_be_on_the_log() {
    let mut world = World::new();
    let one = world.asks();
    let id = DeviceId::from_source("test", "one");
    let error = one.apply(put(id, "one", None)).await.unwrap_err().to_string();
    assert!(error.contains("on the log and not answered") && error.contains("role process"));
    assert_eq!(world.count(ENTITY_COMMAND.name), 1);
}

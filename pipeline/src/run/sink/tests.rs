//! A dead letter that was not written holds the position.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use schemas::{SchemaStore, Tick};
use sinks::Written;

use super::*;
use crate::log::embedded::Memory;
use crate::log::{Done, LogError, NewRecord, Reader, Task, TopicSpec, Watch};
use crate::run::wiring::member;
use crate::topology::{DEAD_LETTER, POLL, topics};

/// A log whose producers take every record and write none, while it is set so.
struct Deaf {
    log: Memory,
    deaf: Arc<AtomicBool>,
}

struct DeafProducer {
    producer: Arc<dyn Producer>,
    deaf: Arc<AtomicBool>,
}

impl Producer for DeafProducer {
    fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError> {
        if !self.deaf.load(Ordering::Relaxed) {
            return self.producer.send(record, done);
        }
        if let Some(done) = done {
            let (what, error) = ("write".to_owned(), "the message timed out".to_owned());
            done(Err(LogError::Retry { what, error }));
        }
        Ok(())
    }

    fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        self.producer.flush(timeout)
    }
}

impl Watch for Deaf {
    fn ends(&self, topic: &str) -> Result<Vec<i64>, LogError> {
        self.log.ends(topic)
    }

    fn done(&self, group: &str, topic: &Arc<str>, next: &BTreeMap<i32, i64>) {
        self.log.done(group, topic, next);
    }
}

impl EventLog for Deaf {
    fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.ensure_topics(topics)
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        self.log.member(spec)
    }

    fn task(&self, spec: &MemberSpec) -> Result<Box<dyn Task>, LogError> {
        self.log.task(spec)
    }

    fn producer(&self, name: &str) -> Result<Arc<dyn Producer>, LogError> {
        let producer = self.log.producer(name)?;
        Ok(Arc::new(DeafProducer { producer, deaf: Arc::clone(&self.deaf) }))
    }

    fn reader(
        &self,
        topic: &str,
        partitions: &[i32],
        from: Start,
    ) -> Result<Box<dyn Reader>, LogError> {
        self.log.reader(topic, partitions, from)
    }
}

/// Where it refuses what it reads: before the database is asked, or the database itself.
#[derive(Clone, Copy, PartialEq)]
enum Refusing {
    First,
    Database,
}

/// Refuses every record, and keeps the position as a database does.
struct Strict {
    refusing: Refusing,
    next: Arc<Mutex<i64>>,
}

impl Strict {
    fn poison(records: &[SinkRecord]) -> Vec<Refused> {
        let of = |record: &SinkRecord| Refused {
            partition: record.partition,
            offset: record.offset,
            reason: "malformed",
            error: "refused by the test".to_owned(),
        };
        records.iter().map(of).collect()
    }
}

impl Sink for Strict {
    /// The records that are left, and the position after all.
    type Batch = (Vec<SinkRecord>, i64);

    async fn positions(
        &mut self,
        partitions: &[i32],
    ) -> Result<Vec<(i32, Option<i64>)>, SinkError> {
        let next = *self.next.lock().unwrap();
        Ok(partitions.iter().map(|partition| (*partition, (next > 0).then_some(next))).collect())
    }

    fn prepare(&self, records: Vec<SinkRecord>) -> (Self::Batch, Vec<Refused>) {
        let next = records.iter().map(|record| record.offset + 1).max().unwrap_or(0);
        match self.refusing {
            Refusing::First => ((Vec::new(), next), Self::poison(&records)),
            Refusing::Database => ((records, next), Vec::new()),
        }
    }

    fn remove(&self, batch: &mut Self::Batch, _: &[Refused]) {
        batch.0.clear();
    }

    async fn write(&mut self, batch: &Self::Batch) -> Result<Written, SinkError> {
        if !batch.0.is_empty() {
            return Err(SinkError::Poison(Self::poison(&batch.0)));
        }
        *self.next.lock().unwrap() = batch.1;
        Ok(Written::default())
    }
}

struct World {
    log: Arc<dyn EventLog>,
    deaf: Arc<AtomicBool>,
    refusing: Refusing,
    next: Arc<Mutex<i64>>,
    runtime: tokio::runtime::Runtime,
    clock: Clock,
}

impl World {
    fn new(refusing: Refusing) -> Self {
        let (clock, deaf) = (Clock::system(), Arc::new(AtomicBool::new(true)));
        let log = Memory::new(clock.clone());
        log.ensure_topics(&topics(1)).unwrap();
        let record = NewRecord {
            topic: crate::topic::shared(POLL.name),
            partition: Some(0),
            key: None,
            value: Some(schemas::encode(&Tick { at: 1 }).unwrap().into()),
            headers: Vec::new(),
        };
        log.producer("test").unwrap().send(record, None).unwrap();
        Self {
            log: Arc::new(Deaf { log, deaf: Arc::clone(&deaf) }),
            deaf,
            refusing,
            next: Arc::default(),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            clock,
        }
    }

    /// A runner from its start until it fails, or has nothing more to do.
    fn run(&self) -> Result<(), RunError> {
        let schemas = SchemaTopic::new(Arc::clone(&self.log), SchemaStore::new());
        let mut runner = SinkRunner::join(
            &self.log,
            member("sink-strict", POLL.name, "one"),
            Strict { refusing: self.refusing, next: Arc::clone(&self.next) },
            self.runtime.handle().clone(),
            schemas,
            self.clock.clone(),
        )?;
        for _ in 0..8 {
            runner.turn(Duration::ZERO)?;
        }
        runner.stop()
    }

    fn letters(&self) -> usize {
        let mut reader = self.log.reader(DEAD_LETTER.name, &[], Start::Earliest).unwrap();
        let mut letters = 0;
        loop {
            let records = reader.poll(Duration::ZERO).unwrap();
            if records.is_empty() {
                return letters;
            }
            letters += records.len();
        }
    }
}

#[test]
fn a_dead_letter_that_was_not_written_holds_the_position() {
    for refusing in [Refusing::First, Refusing::Database] {
        let world = World::new(refusing);
        let error = world.run().unwrap_err();
        assert!(matches!(error, RunError::Log(LogError::Retry { .. })), "{error}");
        assert!(error.to_string().contains("the message timed out"), "{error}");
        assert_eq!((*world.next.lock().unwrap(), world.letters()), (0, 0));
        // Built again, with a log that writes: once each.
        world.deaf.store(false, Ordering::Relaxed);
        for _ in 0..2 {
            world.run().unwrap();
            assert_eq!((*world.next.lock().unwrap(), world.letters()), (1, 1));
        }
    }
}

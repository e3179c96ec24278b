//! A log whose tasks do not use transactions: what exactly once costs is the difference.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::log::{
    Event, EventLog, LogError, Member, MemberSpec, NewRecord, Position, Producer, Reader, Start,
    Task, TopicSpec, Watch,
};

/// Longest wait for a batch to be durable.
const FLUSH: Duration = Duration::from_secs(30);

/// Everything of another log, but its tasks: those write as they go.
pub(super) struct Loose(pub(super) Arc<dyn EventLog>);

struct LooseTask {
    member: Box<dyn Member>,
    producer: Arc<dyn Producer>,
}

impl Watch for Loose {
    fn ends(&self, topic: &str) -> Result<Vec<i64>, LogError> {
        self.0.ends(topic)
    }

    fn done(&self, group: &str, topic: &Arc<str>, next: &BTreeMap<i32, i64>) {
        self.0.done(group, topic, next);
    }
}

impl EventLog for Loose {
    fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.0.ensure_topics(topics)
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        self.0.member(spec)
    }

    fn task(&self, spec: &MemberSpec) -> Result<Box<dyn Task>, LogError> {
        let producer = self.0.producer(&spec.slot)?;
        Ok(Box::new(LooseTask { member: self.0.member(spec)?, producer }))
    }

    fn producer(&self, name: &str) -> Result<Arc<dyn Producer>, LogError> {
        self.0.producer(name)
    }

    fn reader(
        &self,
        topic: &str,
        partitions: &[i32],
        from: Start,
    ) -> Result<Box<dyn Reader>, LogError> {
        self.0.reader(topic, partitions, from)
    }
}

impl Member for LooseTask {
    fn poll(&mut self, timeout: Duration) -> Result<Event, LogError> {
        self.member.poll(timeout)
    }

    fn start(&mut self, partition: i32, from: Start) -> Result<(), LogError> {
        self.member.start(partition, from)
    }

    fn hold(&mut self, held: bool) -> Result<(), LogError> {
        self.member.hold(held)
    }

    fn positions(&self) -> BTreeMap<i32, i64> {
        self.member.positions()
    }

    fn leave(self: Box<Self>) {
        self.member.leave();
    }
}

impl Task for LooseTask {
    fn inherited(&mut self, partitions: &[i32]) -> Result<Vec<Option<Position>>, LogError> {
        Ok(vec![None; partitions.len()])
    }

    fn end_of(&mut self, _: &str, _: i32) -> Result<i64, LogError> {
        Ok(0)
    }

    fn send(&mut self, record: NewRecord) -> Result<(), LogError> {
        loop {
            match self.producer.send(record.clone(), None) {
                Err(LogError::Full { .. }) => std::thread::sleep(Duration::from_millis(1)),
                other => return other,
            }
        }
    }

    fn commit(&mut self, _: &[Position]) -> Result<(), LogError> {
        self.producer.flush(FLUSH)
    }

    fn abort(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

//! The runner of what a process reads beside all groups: every record of a topic, in every process.
//! Built anew, it begins where it did the first time; who needs all of a compacted topic has it read
//! from its start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::lag::{Place, Reading};
use super::supervise::Runner;
use super::wiring::RunError;
use crate::log::{EventLog, Reader, Record, Start};

/// Hands records of one topic on.
pub struct Follower {
    reader: Box<dyn Reader>,
    name: String,
    topic: Arc<str>,
    take: Box<dyn FnMut(&Record)>,
    /// Append time of the last record of each partition.
    newest_ms: BTreeMap<i32, i64>,
    partitions: i32,
}

impl Follower {
    /// Opens the topic. `name` stands for a group among the readers whose lag is shown.
    ///
    /// # Errors
    /// [`RunError::Log`].
    pub fn new(
        log: &dyn EventLog,
        name: &str,
        topic: &str,
        from: Start,
        take: Box<dyn FnMut(&Record)>,
    ) -> Result<Self, RunError> {
        let partitions = i32::try_from(log.ends(topic)?.len()).unwrap_or(i32::MAX);
        Ok(Self {
            reader: log.reader(topic, &[], from)?,
            name: name.to_owned(),
            topic: crate::topic::shared(topic),
            take,
            newest_ms: BTreeMap::new(),
            partitions,
        })
    }
}

impl Runner for Follower {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        for record in self.reader.poll(wait)? {
            (self.take)(&record);
            self.newest_ms.insert(record.partition, record.timestamp_ms);
        }
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        let place = |partition| {
            let next = self.reader.position(partition);
            (partition, Place { next, newest_ms: self.newest_ms.get(&partition).copied() })
        };
        Some(Reading {
            group: self.name.clone(),
            topic: Arc::clone(&self.topic),
            elsewhere: false,
            places: (0..self.partitions).map(place).collect(),
            restoring: BTreeMap::new(),
        })
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }
}

//! Readers without a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::{LogError, Reader, Record, Start};
use super::core::Core;
use super::reading::{no_topic, place, plan};

pub(super) struct LogReader {
    core: Arc<Core>,
    topic: Arc<str>,
    id: u64,
    places: BTreeMap<i32, i64>,
    /// Ends that were given out and not reached yet: compaction keeps what they cover.
    promised: BTreeMap<i32, i64>,
    last: i32,
}

impl LogReader {
    pub(super) fn new(
        core: Arc<Core>,
        topic: &str,
        partitions: &[i32],
        from: Start,
    ) -> Result<Self, LogError> {
        let mut state = core.running()?;
        let Some(found) = state.topics.get(topic) else { return Err(no_topic(topic, None)) };
        let topic = found.name.clone();
        let count = i32::try_from(found.partitions.len()).unwrap_or(i32::MAX);
        let all: Vec<i32> = (0..count).collect();
        let partitions = if partitions.is_empty() { &all } else { partitions };
        let mut places = BTreeMap::new();
        for partition in partitions {
            places.insert(*partition, place(&state, &topic, *partition, from)?);
        }
        let id = core.next_id(&mut state);
        drop(state);
        Ok(Self { core, topic, id, places, promised: BTreeMap::new(), last: -1 })
    }

    /// Takes back promises that were kept.
    fn reached(&mut self) {
        let places = &self.places;
        let done: Vec<i32> = self
            .promised
            .iter()
            .filter(|(p, end)| places.get(p).is_none_or(|at| *at >= **end))
            .map(|(p, _)| *p)
            .collect();
        if done.is_empty() {
            return;
        }
        let mut state = self.core.state();
        for partition in done {
            self.promised.remove(&partition);
            state.promised.remove(&(self.topic.clone(), partition, self.id));
        }
    }
}

impl Reader for LogReader {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError> {
        let deadline = Instant::now() + timeout.min(Duration::from_secs(86_400));
        let core = self.core.clone();
        let mut state = core.running()?;
        loop {
            let plans = plan(&state, &self.topic, &self.places, self.last);
            if plans.is_empty() {
                let (after, in_time) = core.wait(state, deadline);
                if !in_time {
                    return Ok(Vec::new());
                }
                drop(after);
            } else {
                drop(state);
                let records = core.read(&self.topic, plans, &mut self.places, &mut self.last)?;
                self.reached();
                if !records.is_empty() {
                    return Ok(records);
                }
            }
            state = core.running()?;
        }
    }

    fn position(&self, partition: i32) -> i64 {
        self.places.get(&partition).copied().unwrap_or(0)
    }

    fn end(&mut self, partition: i32) -> Result<i64, LogError> {
        let mut state = self.core.running()?;
        let end = place(&state, &self.topic, partition, Start::Latest)?;
        if self.places.get(&partition).is_some_and(|at| *at < end) {
            self.promised.insert(partition, end);
            state.promised.insert((self.topic.clone(), partition, self.id), end);
        }
        Ok(end)
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        let mut state = self.core.state();
        for partition in std::mem::take(&mut self.promised).into_keys() {
            state.promised.remove(&(self.topic.clone(), partition, self.id));
        }
    }
}

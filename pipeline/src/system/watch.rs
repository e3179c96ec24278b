//! The watch over all that reads the log: asks for the ends of topics on a timer, measures how far
//! readers are behind, finds partitions that stand still and has their runners built anew, lets
//! the log know what those still need that keep their positions elsewhere, and writes and reads
//! what each process does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use schemas::{AvroRecord as _, ProcessStatus};

use super::pollers::Publisher;
use super::{Shared, own};
use crate::families;
use crate::log::{LogError, NewRecord, Producer, Reader, Start};
use crate::run::lag::Reading;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::{Runner, State};
use crate::run::wiring::RunError;
use crate::topology::PROCESS_STATUS;

/// Time between two questions for the ends: one to each broker for each topic.
const EVERY_MS: i64 = 2_000;
/// After this a runner at work has said where it is.
const SETTLE_MS: i64 = 300;
/// After a longer pause between two measurements this process stood still, or the log was away.
const STOOD_STILL_MS: i64 = 20_000;
/// Longest wait for the last word to be durable.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The log as the status names it.
const COMPONENT: &str = "event log";
/// What to do about a log that does not answer.
const REMEDY: &str = "see that its brokers run, can be reached and have room on their disks; \
                      polling and processing go on when it answers, nothing written is lost";

/// The watch of this process.
pub(super) struct Watch {
    shared: Arc<Shared>,
    /// Opened when the log answers.
    statuses: Option<Box<dyn Reader>>,
    schemas: SchemaTopic,
    producer: Arc<dyn Producer>,
    /// When the ends are asked for next (steady), and when they were (steady, and since the
    /// epoch) if that is still to be measured.
    next: i64,
    asked: Option<(i64, i64)>,
    /// When it was measured last (steady).
    measured: i64,
    /// When the status is written next (steady).
    due: i64,
    pollers: Publisher,
    /// The log does not answer, and that was said.
    silent: bool,
}

/// The state of a log that answers.
fn writes(stuck: &BTreeMap<String, Duration>) -> State {
    let Some((name, longest)) = stuck.iter().max_by_key(|(_, stuck)| **stuck) else {
        return State::Running;
    };
    State::Waiting(format!(
        "it answers, but has confirmed no record of producer {name} for {} s: see that each \
         partition has min.insync.replicas in sync (kafka-topics --describe \
         --under-min-isr-partitions) and room on the brokers' disks",
        longest.as_secs()
    ))
}

impl Watch {
    pub(super) fn new(shared: &Arc<Shared>) -> Result<Self, RunError> {
        shared.health.set(COMPONENT, State::Running);
        Ok(Self {
            statuses: None,
            schemas: SchemaTopic::new(Arc::clone(&shared.log), shared.schemas.clone()),
            producer: shared.log.producer("process-status")?,
            next: 0,
            asked: None,
            measured: i64::MIN / 2,
            due: 0,
            pollers: Publisher::default(),
            silent: false,
            shared: Arc::clone(shared),
        })
    }

    /// The ends of all topics that somebody reads.
    fn ask(&mut self) -> Result<(), RunError> {
        let mut topics: BTreeSet<Arc<str>> =
            self.shared.parts.topics().into_iter().map(crate::topic::shared).collect();
        topics.extend(self.shared.lag.readings().into_iter().map(|reading| reading.topic));
        let ends = match self.shared.log.ends_of(&topics) {
            Ok(ends) => {
                self.answers();
                ends
            }
            // The lag stays as it was last known.
            Err(LogError::Retry { what, error }) => {
                self.is_silent(&what, &error);
                BTreeMap::new()
            }
            Err(other) => return Err(other.into()),
        };
        self.shared.parts.ends(&ends);
        self.shared.lag.ends(&ends);
        Ok(())
    }

    fn answers(&mut self) {
        if std::mem::replace(&mut self.silent, false) {
            tracing::info!("the event log answers again");
            self.shared.health.set(COMPONENT, State::Running);
        }
    }

    fn is_silent(&mut self, what: &str, error: &str) {
        families::LOG_SILENT.add([], 1);
        if !std::mem::replace(&mut self.silent, true) {
            tracing::warn!(what, error, "the event log does not answer: {REMEDY}");
            let error = format!("{what}: {error}: {REMEDY}");
            self.shared.health.set(COMPONENT, State::Waiting(error));
        }
    }

    fn measure(&mut self, wall: i64) {
        let (lag, steady) = (&self.shared.lag, self.shared.clock.steady_ms());
        lag.measure(wall, self.shared.clock.now_ms());
        for reading in lag.elsewhere() {
            let next = reading.places.iter().map(|(number, place)| (*number, place.next));
            self.shared.log.done(&reading.group, &reading.topic, &next.collect());
        }
        let stuck = self.shared.log.stuck_producers(!self.silent);
        if self.silent {
            lag.forgive(steady);
            return;
        }
        self.shared.health.set(COMPONENT, writes(&stuck));
        let round = std::mem::replace(&mut self.measured, steady);
        if steady - round > STOOD_STILL_MS {
            // The process stood still, not the partition.
            lag.forgive(steady);
        }
        for stall in lag.find_stalled(steady) {
            tracing::error!(
                component = stall.component, topic = %stall.topic, partition = stall.partition,
                "{stall} while the log answers: it is built anew"
            );
            let topic = self.shared.config.log.full_name(&stall.topic);
            families::PARTITIONS_STALLED.add([&stall.component, &topic], 1);
        }
    }

    /// Fire and forget: the next one comes soon, and that none comes is the message.
    fn publish(&mut self) {
        let now = self.shared.clock.steady_ms();
        if now >= self.due {
            match own::record(own::status(&self.shared)) {
                Ok((record, bytes)) => {
                    self.due = now + own::pace_ms(bytes) - SETTLE_MS;
                    self.send(record);
                }
                Err(error) => tracing::debug!(%error, "the process's status is not written"),
            }
        }
        // What waited for a log that is away would be old when it comes back.
        if let Some(poller) = self.shared.poller().filter(|_| !self.silent) {
            for record in self.pollers.round(&self.shared, &poller) {
                self.send(record);
            }
        }
        for instance in self.shared.parts.over() {
            self.shared.parts.forget(&instance);
            self.send(PROCESS_STATUS.tombstone(&instance));
        }
    }

    fn send(&self, record: NewRecord) {
        if let Err(error) = self.producer.send(record, None) {
            tracing::debug!(%error, "not written");
        }
    }

    /// What others, and this process itself, have said.
    fn listen(&mut self, wait: Duration) -> Result<(), RunError> {
        let mut statuses = match self.statuses.take() {
            Some(statuses) => statuses,
            None => match self.shared.log.reader(PROCESS_STATUS.name, &[0], Start::Earliest) {
                Ok(statuses) => statuses,
                Err(LogError::Retry { what, error }) => {
                    self.is_silent(&what, &error);
                    std::thread::sleep(wait);
                    return Ok(());
                }
                Err(other) => return Err(other.into()),
            },
        };
        let records = match statuses.poll(wait) {
            Ok(records) => records,
            // Read anew from the beginning: it is short.
            Err(LogError::OutOfRange { .. }) => return Ok(()),
            Err(other) => return Err(other.into()),
        };
        self.statuses = Some(statuses);
        for record in records {
            let Some(value) = record.value.as_deref() else {
                let key = record.key.as_deref().unwrap_or_default();
                self.shared.parts.forget(&String::from_utf8_lossy(key));
                continue;
            };
            match self.schemas.decode(|store| ProcessStatus::decode(store, value)) {
                Ok(status) => {
                    let own = status.instance == self.shared.instance
                        && status.started_at == self.shared.started_at;
                    self.shared.parts.observe(status, record.timestamp_ms, own);
                }
                Err(error) => tracing::warn!(%error, "unreadable process status"),
            }
        }
        Ok(())
    }
}

impl Runner for Watch {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        let now = self.shared.clock.steady_ms();
        match self.asked {
            Some((at, wall)) if now - at >= SETTLE_MS => {
                self.asked = None;
                self.measure(wall);
                self.publish();
            }
            None if now >= self.next => {
                self.next = now + EVERY_MS;
                let wall = self.shared.clock.now_ms();
                self.ask()?;
                self.asked = Some((self.shared.clock.steady_ms(), wall));
            }
            Some(_) | None => {}
        }
        self.listen(wait)
    }

    fn reading(&self) -> Option<Reading> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        if let Ok((record, _)) = own::record(own::ended(&self.shared)) {
            self.send(record);
        }
        self.pollers.end(&self.shared).into_iter().for_each(|record| self.send(record));
        if let Err(error) = self.producer.flush(LAST_WORD) {
            tracing::debug!(%error, "the process's end is not written");
        }
        Ok(())
    }
}

//! The routing step: every change of the inventory becomes a control record in the poll topic, in
//! order with the device's polls. Stateless, so nothing but its position is committed with its
//! outputs, as a record of the topic `state-route`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemas::{AvroRecord, Control, Device, DeviceId, SchemaStore};

use super::dead_letter::{self, Poison};
use super::lag::{Progress, Reading};
use super::position;
use super::schema_topic::SchemaTopic;
use super::wiring::RunError;
use crate::clock::Clock;
use crate::log::{Event, EventLog, LogError, MemberSpec, NewRecord, Position, Record, Start, Task};
use crate::topology::{POLL_CONTROL, STATE_ROUTE};

/// Longest time between a change and the commit of its control record.
const COMMIT_MS: i64 = 100;

/// The runner of the routing step.
pub struct RouteRunner {
    log: Arc<dyn EventLog>,
    task: Box<dyn Task>,
    spec: MemberSpec,
    schemas: SchemaTopic,
    clock: Clock,
    /// Of each partition with records that are not committed: the next offset, the last's time.
    next: BTreeMap<i32, (i64, i64)>,
    progress: Progress,
    pending_since: Option<i64>,
}

impl RouteRunner {
    /// Joins the group that reads the device topic.
    ///
    /// # Errors
    /// [`RunError::Log`].
    pub fn join(
        log: &Arc<dyn EventLog>,
        member: &MemberSpec,
        clock: Clock,
        schemas: SchemaStore,
    ) -> Result<Self, RunError> {
        Ok(Self {
            log: Arc::clone(log),
            task: log.task(member)?,
            spec: member.clone(),
            schemas: SchemaTopic::new(Arc::clone(log), schemas),
            clock,
            next: BTreeMap::new(),
            progress: Progress::default(),
            pending_since: None,
        })
    }

    /// One round.
    ///
    /// # Errors
    /// [`RunError`]; the runner is then dropped and built again.
    pub fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        let wait = if self.pending_since.is_some() { Duration::from_millis(10) } else { wait };
        match self.task.poll(wait)? {
            Event::Assigned(partitions) => self.begin(&partitions)?,
            Event::Records(records) => {
                for record in &records {
                    self.apply(record)?;
                }
            }
            Event::Revoked(partitions) => {
                self.commit()?;
                self.next.retain(|partition, _| !partitions.contains(partition));
                self.progress.forget(&partitions);
                // They are given up at the next poll, with nothing begun meanwhile.
                return Ok(());
            }
            Event::Lost(partitions) => {
                self.next.retain(|partition, _| !partitions.contains(partition));
                self.progress.forget(&partitions);
                self.start_over()?;
            }
            Event::Idle => {}
        }
        let now = self.clock.steady_ms();
        if self.pending_since.is_some_and(|since| now - since >= COMMIT_MS) {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits and leaves the group.
    ///
    /// # Errors
    /// [`RunError`] when the last commit failed; the next start repeats it.
    pub fn stop(mut self) -> Result<(), RunError> {
        let result = self.commit();
        self.task.leave();
        result
    }

    /// How far it has committed.
    pub fn reading(&self) -> Reading {
        let mut ahead = self.task.positions();
        ahead.retain(|partition, _| !self.next.contains_key(partition));
        self.progress.reading(&self.spec, &ahead)
    }

    fn begin(&mut self, partitions: &[i32]) -> Result<(), RunError> {
        let log = self.log.as_ref();
        let kept = position::read(log, self.task.as_mut(), STATE_ROUTE.name, partitions)?;
        for (partition, kept) in kept {
            let position = kept.resolve(partition, self.task.as_mut())?;
            let from = position.map_or(Start::Earliest, |position| Start::At(position.next));
            self.task
                .start(partition, from)
                .map_err(|error| position::explained(error, STATE_ROUTE.name))?;
        }
        for (partition, next) in self.task.positions() {
            if partitions.contains(&partition) {
                self.progress.begin(partition, next);
            }
        }
        Ok(())
    }

    fn apply(&mut self, record: &Record) -> Result<(), RunError> {
        match self.control(record) {
            Ok(new) => self.task.send(new)?,
            Err(poison) => self.task.send(dead_letter::of(record, &self.spec.group, poison))?,
        }
        self.next.insert(record.partition, (record.offset + 1, record.timestamp_ms));
        self.pending_since.get_or_insert_with(|| self.clock.steady_ms());
        Ok(())
    }

    fn control(&mut self, record: &Record) -> Result<NewRecord, Poison> {
        let control = match record.value.as_deref() {
            Some(value) => {
                let device = self.schemas.decode(|store| Device::decode(store, value))?;
                Control {
                    tenant: device.tenant,
                    device: device.id,
                    name: device.name,
                    present: true,
                    enabled: device.enabled,
                    snmp: device.snmp,
                    icmp: device.icmp,
                    interval_ms: device.interval_ms,
                    at: record.timestamp_ms,
                }
            }
            None => removed(record)?,
        };
        POLL_CONTROL.record(&control.device, &control).map_err(Poison::from)
    }

    fn commit(&mut self) -> Result<(), RunError> {
        self.pending_since = None;
        let position = |(&partition, &(next, _)): (&i32, &(i64, i64))| Position {
            partition,
            next,
            replay_from: next,
            logic: 0,
        };
        let positions: Vec<Position> = self.next.iter().map(position).collect();
        if positions.is_empty() {
            return Ok(());
        }
        let records = positions.iter().map(|it| (it.partition, Some(it)));
        let sent = (records.map(|(number, it)| position::record(STATE_ROUTE.name, number, it)))
            .try_for_each(|record| self.task.send(record));
        match sent.and_then(|()| self.task.commit(&positions)) {
            Ok(()) => {
                for (partition, (next, at)) in std::mem::take(&mut self.next) {
                    self.progress.done(partition, next - 1, at);
                }
                Ok(())
            }
            Err(LogError::Retry { what, error }) => {
                tracing::warn!(what, error, "commit failed; reading again from the last one");
                self.start_over()
            }
            Err(other) => Err(other.into()),
        }
    }

    fn start_over(&mut self) -> Result<(), RunError> {
        self.task.abort()?;
        self.pending_since = None;
        let partitions: Vec<i32> = self.next.keys().copied().collect();
        self.next.clear();
        self.begin(&partitions)
    }
}

fn removed(record: &Record) -> Result<Control, Poison> {
    let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
    let device: DeviceId = key.parse().map_err(|error| Poison {
        reason: "malformed",
        error: format!("tombstone for {key:?}, which is no device id: {error}"),
    })?;
    Ok(Control {
        tenant: "default".to_owned(),
        device,
        name: String::new(),
        present: false,
        enabled: false,
        snmp: false,
        icmp: false,
        interval_ms: 0,
        at: record.timestamp_ms,
    })
}

//! Restoring a partition: its snapshots, then the records since, whose outputs were sent before.
//! Carried on in slices, so that the runner's other partitions go on meanwhile.

use std::time::Duration;

use processors::Processor;

use super::lag::Place;
use super::partition::{Partition, Stepped};
use super::processor::RunError;
use super::schema_topic::SchemaTopic;
use super::snapshot::Assembly;
use crate::log::{EventLog, LogError, Position, Reader, Start};

/// Longest wait for records in one slice.
const SLICE: Duration = Duration::from_millis(20);

/// Why a partition cannot be restored.
#[derive(Debug)]
pub(super) enum RestoreError {
    Log(LogError),
    Broken(String),
}

impl From<LogError> for RestoreError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl RestoreError {
    pub(super) fn in_component(self, component: &str) -> RunError {
        match self {
            Self::Log(error) => error.into(),
            Self::Broken(error) => RunError::Broken { component: component.to_owned(), error },
        }
    }
}

enum Phase {
    Snapshots { reader: Box<dyn Reader>, end: i64, assembly: Assembly },
    Replay { reader: Box<dyn Reader> },
    Done,
}

/// A partition on its way back.
pub(super) struct Restore<S> {
    input: String,
    number: i32,
    committed: Option<Position>,
    partition: Partition<S>,
    phase: Phase,
}

impl<S: Default> Restore<S> {
    pub(super) fn begin(
        log: &dyn EventLog,
        state_topic: &str,
        input: &str,
        number: i32,
        committed: Option<Position>,
    ) -> Result<Self, LogError> {
        let mut reader = log.reader(state_topic, &[number], Start::Earliest)?;
        let end = reader.end(number)?;
        Ok(Self {
            input: input.to_owned(),
            number,
            committed,
            partition: Partition::new(committed),
            phase: Phase::Snapshots { reader, end, assembly: Assembly::default() },
        })
    }

    /// Reads on. True when the partition is as it was at the committed position.
    pub(super) fn advance<P: Processor<State = S>>(
        &mut self,
        processor: &P,
        log: &dyn EventLog,
        schemas: &mut SchemaTopic,
    ) -> Result<bool, RestoreError> {
        match &mut self.phase {
            Phase::Snapshots { reader, end, assembly } => {
                if reader.position(self.number) < *end {
                    for record in reader.poll(SLICE)? {
                        let key = record.key.as_deref().unwrap_or_default();
                        assembly.add(key, record.value).map_err(RestoreError::Broken)?;
                    }
                }
                if reader.position(self.number) >= *end {
                    let found = std::mem::take(assembly).finish().map_err(RestoreError::Broken)?;
                    for (device, snapshot) in &found {
                        self.partition
                            .load(processor, *device, snapshot)
                            .map_err(RestoreError::Broken)?;
                    }
                    self.phase = self.replay(log)?;
                }
            }
            Phase::Replay { reader } => {
                let next = self.committed.map_or(0, |position| position.next);
                let mut discarded = Stepped::default();
                for record in reader.poll(SLICE)? {
                    if record.offset >= next {
                        break;
                    }
                    discarded.clear();
                    // What was refused then is refused again now, and was reported then.
                    let _ = self.partition.apply(processor, &record, schemas, &mut discarded);
                }
                if reader.position(self.number) >= next {
                    self.phase = Phase::Done;
                }
            }
            Phase::Done => {}
        }
        Ok(matches!(self.phase, Phase::Done))
    }

    fn replay(&self, log: &dyn EventLog) -> Result<Phase, LogError> {
        match self.committed {
            Some(position) if position.replay_from < position.next => {
                let from = Start::At(position.replay_from);
                Ok(Phase::Replay { reader: log.reader(&self.input, &[self.number], from)? })
            }
            Some(_) | None => Ok(Phase::Done),
        }
    }

    /// Up to where it was committed.
    pub(super) fn place(&self) -> Option<Place> {
        self.committed.map(|position| Place { next: position.next, newest_ms: None })
    }

    pub(super) fn finish(mut self, now_ms: i64) -> Partition<S> {
        self.partition.restored(self.committed.map(|position| position.next), now_ms);
        self.partition
    }
}

//! Restoring a partition: its snapshots, then the records since, whose outputs were sent before.
//! Carried on in slices, so that the runner's other partitions go on meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use processors::{KeyOf, Processor, Recall};

use super::lag::Place;
use super::partition::{Partition, Stepped};
use super::position::{self, Kept};
use super::schema_topic::SchemaTopic;
use super::snapshot::Assembly;
use super::wiring::{RunError, Wiring};
use crate::log::{BARRIER, EventLog, LogError, Position, Reader, Record, Start, Task};

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
    pub(super) fn in_component<P: Processor>(self, wiring: &Wiring<P>) -> RunError {
        match self {
            Self::Log(error) => position::explained(error, &wiring.state_topic).into(),
            Self::Broken(error) => {
                RunError::Broken { component: wiring.member.group.clone(), error }
            }
        }
    }
}

/// The last output of each subject, by key.
type Published<P> = HashMap<
    KeyOf<P>,
    BTreeMap<<<P as Processor>::Recall as Recall>::Subject, <P as Processor>::Recall>,
>;

enum Phase<P: Processor> {
    Snapshots {
        reader: Box<dyn Reader>,
        end: i64,
        assembly: Assembly<KeyOf<P>>,
    },
    Replay {
        reader: Box<dyn Reader>,
    },
    /// The tail was another logic version's: what did it publish?
    ReadBack {
        reader: Box<dyn Reader>,
        end: i64,
        published: Published<P>,
    },
    Done,
}

/// Outputs by key.
type Outputs<P> = Vec<(KeyOf<P>, <P as Processor>::Output)>;

/// A partition on its way back.
pub(super) struct Restore<P: Processor> {
    wiring: Wiring<P>,
    number: i32,
    /// What the state topic says, as far as it was read.
    kept: Kept,
    /// Known once all of it was.
    committed: Option<Position>,
    /// Reads that gave something: whether it gets on.
    effort: u64,
    partition: Partition<P>,
    /// Sent when the partition is back: what others may have missed.
    outputs: Outputs<P>,
    phase: Phase<P>,
}

impl<P: Processor> Restore<P> {
    pub(super) fn begin(
        log: &dyn EventLog,
        task: &mut dyn Task,
        wiring: &Wiring<P>,
        number: i32,
    ) -> Result<Self, LogError> {
        let least = task.end_of(&wiring.state_topic, number)?;
        let mut reader = log.reader(&wiring.state_topic, &[number], Start::Earliest)?;
        let end = reader.end(number)?.max(least);
        Ok(Self {
            wiring: wiring.clone(),
            number,
            kept: Kept::Nothing,
            committed: None,
            effort: 0,
            partition: Partition::new(),
            outputs: Vec::new(),
            phase: Phase::Snapshots { reader, end, assembly: Assembly::default() },
        })
    }

    /// Reads on. True when the partition is as it was at the committed position.
    pub(super) fn advance(
        &mut self,
        processor: &P,
        log: &dyn EventLog,
        task: &mut dyn Task,
        schemas: &mut SchemaTopic,
    ) -> Result<bool, RestoreError> {
        match &mut self.phase {
            Phase::Snapshots { reader, end, assembly } => {
                if reader.position(self.number) < *end {
                    for record in reader.poll(SLICE)? {
                        self.effort += 1;
                        let key = record.key.as_deref().unwrap_or_default();
                        if key == position::KEY {
                            self.kept = position::parse(self.number, record.value.as_deref())
                                .map_err(RestoreError::Broken)?;
                        } else if key != BARRIER {
                            assembly.add(key, record.value).map_err(RestoreError::Broken)?;
                        }
                    }
                }
                if reader.position(self.number) >= *end {
                    let found = std::mem::take(assembly).finish().map_err(RestoreError::Broken)?;
                    for (key, snapshot) in found {
                        self.partition
                            .load(processor, key, snapshot)
                            .map_err(RestoreError::Broken)?;
                    }
                    self.committed = self.kept.resolve(self.number, task)?;
                    self.phase = self.replay(log)?;
                }
            }
            Phase::Replay { reader } => {
                let next = self.committed.map_or(0, |position| position.next);
                let mut discarded = Stepped::<P>::default();
                for record in reader.poll(SLICE)? {
                    if record.offset >= next {
                        break;
                    }
                    discarded.clear();
                    self.effort += 1;
                    // What was refused then is refused again now, and was reported then.
                    let _ = self.partition.apply(processor, &record, schemas, &mut discarded);
                }
                if reader.position(self.number) >= next {
                    self.phase = self.read_back(log, P::LOGIC_VERSION)?;
                }
            }
            Phase::ReadBack { reader, end, published } => {
                if reader.position(self.number) < *end {
                    for record in reader.poll(SLICE)? {
                        self.effort += 1;
                        note::<P>(published, &record, schemas);
                    }
                }
                if reader.position(self.number) >= *end {
                    let published = std::mem::take(published);
                    self.reconcile(processor, published);
                    self.phase = Phase::Done;
                }
            }
            Phase::Done => {}
        }
        Ok(matches!(self.phase, Phase::Done))
    }

    fn replay(&self, log: &dyn EventLog) -> Result<Phase<P>, LogError> {
        match self.committed {
            Some(position) if position.replay_from < position.next => {
                let from = Start::At(position.replay_from);
                let input = &self.wiring.member.topic;
                Ok(Phase::Replay { reader: log.reader(input, &[self.number], from)? })
            }
            Some(_) | None => Ok(Phase::Done),
        }
    }

    /// Up to where it was committed, once that is known.
    pub(super) fn place(&self) -> Option<Place> {
        self.committed.map(|position| Place { next: position.next, newest_ms: None })
    }

    /// Grows as long as the restore gets on.
    pub(super) fn effort(&self) -> u64 {
        self.effort
    }

    fn read_back(&self, log: &dyn EventLog, logic: u32) -> Result<Phase<P>, LogError> {
        let Some(topic) = &self.wiring.recall_topic else { return Ok(Phase::Done) };
        if self.committed.is_none_or(|position| position.logic == logic) {
            return Ok(Phase::Done);
        }
        let mut reader = log.reader(topic, &[self.number], Start::Earliest)?;
        let end = reader.end(self.number)?;
        let published = self.partition.unsaved().map(|key| (key, BTreeMap::new())).collect();
        Ok(Phase::ReadBack { reader, end, published })
    }

    fn reconcile(&mut self, processor: &P, published: Published<P>) {
        let mut stepped = Stepped::default();
        let mut keys: Vec<_> = published.into_iter().collect();
        keys.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        tracing::info!(
            component = self.wiring.member.group,
            partition = self.number,
            keys = keys.len(),
            "the last records were another version's: what it published holds"
        );
        for (key, last) in keys {
            let last: Vec<P::Recall> = last.into_values().collect();
            self.partition.reconcile(processor, &key, &last, &mut stepped);
        }
        self.outputs = stepped.outputs;
    }

    /// The partition, and what is to be sent with its next commit.
    pub(super) fn finish(mut self, now_ms: i64) -> (Partition<P>, Outputs<P>) {
        self.partition.restored(self.committed.map(|position| position.next), now_ms);
        if self.kept == Kept::Nothing && self.committed.is_some() {
            // What an older version had the log keep becomes a record with the next commit.
            self.partition.touch();
        }
        (self.partition, self.outputs)
    }
}

/// Keeps the last output of each subject of the keys asked for.
fn note<P: Processor>(published: &mut Published<P>, record: &Record, schemas: &mut SchemaTopic) {
    let value = record.value.as_deref().unwrap_or_default();
    match schemas.decode(|store| P::Recall::decode(store, value)) {
        Ok(output) => {
            if let Some(last) = published.get_mut(&output.key()) {
                last.insert(output.subject(), output);
            }
        }
        // Its reader, the sink, has written the dead letter.
        Err(error) => {
            tracing::warn!(topic = %record.topic, offset = record.offset, %error, "unreadable");
        }
    }
}

//! What the runners need to know: pace, wiring, and how they end.

use std::sync::Arc;

use processors::Processor;
use schemas::CodecError;

use crate::log::{LogError, MemberSpec, NewRecord};
use crate::topic::shared;

/// How often things happen.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Longest time between a record and the commit of what it caused.
    pub commit_ms: i64,
    /// Most records in one commit.
    pub commit_records: usize,
    /// A changed key is snapshotted within this stream time.
    pub snapshot_ms: i64,
    /// Most snapshots in one commit.
    pub commit_snapshots: usize,
    /// Time between two ticks of a partition; 0 for none.
    pub tick_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            commit_ms: 100,
            commit_records: 20_000,
            snapshot_ms: 300_000,
            commit_snapshots: 2_000,
            tick_ms: 5_000,
        }
    }
}

/// Gives an output its topic and key.
pub type Route<O> = Arc<dyn Fn(&O) -> Result<NewRecord, CodecError> + Send + Sync>;

/// What a processor reads and writes.
pub struct Wiring<P: Processor> {
    /// Group, input topic and slot.
    pub member: MemberSpec,
    /// Where the keys' snapshots go; as many partitions as the input.
    pub state_topic: Arc<str>,
    /// Where [`Processor::Recall`] goes: read back after another logic version's records. As many
    /// partitions as the input.
    pub recall_topic: Option<Arc<str>>,
    /// Where an output goes.
    pub route: Route<P::Output>,
}

impl<P: Processor> Clone for Wiring<P> {
    fn clone(&self) -> Self {
        Self {
            member: self.member.clone(),
            state_topic: Arc::clone(&self.state_topic),
            recall_topic: self.recall_topic.clone(),
            route: Arc::clone(&self.route),
        }
    }
}

/// Why a runner ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Built again after a pause.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Needs the operator.
    #[error("{component}: {error}")]
    Broken {
        /// Which runner.
        component: String,
        /// What is wrong, where, and the remedy.
        error: String,
    },
}

impl<P: Processor> Wiring<P> {
    /// A record for the state topic, in the partition of the input it belongs to.
    pub(super) fn state_record(
        &self,
        partition: i32,
        key: bytes::Bytes,
        value: Option<bytes::Bytes>,
    ) -> NewRecord {
        NewRecord {
            topic: Arc::clone(&self.state_topic),
            partition: Some(partition),
            key: Some(key),
            value,
            headers: Vec::new(),
        }
    }
}

/// The name of a group's dead letters and counters.
pub fn member(group: &str, topic: &str, slot: &str) -> MemberSpec {
    MemberSpec { group: group.to_owned(), topic: shared(topic), slot: slot.to_owned() }
}

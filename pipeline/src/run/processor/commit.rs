//! When a runner commits, what is in it, and how it begins anew when it fails.

use std::time::{Duration, Instant};

use processors::Processor;

use super::{ProcessorRunner, Slot};
use crate::families;
use crate::log::LogError;
use crate::run::outside::Outside;
use crate::run::position;
use crate::run::wiring::RunError;

/// Bytes sent after which a batch of records is not stepped to its end before a commit: a log takes
/// so many in one transaction.
const COMMIT_BYTES: usize = 16 << 20;
/// The same for the time since the first record, in ms: brokers give up a transaction that is open for
/// long.
const COMMIT_WITHIN_MS: i64 = 1_000;

/// What the next commit will hold.
#[derive(Default)]
pub(super) struct Pending {
    /// Records stepped.
    pub(super) records: usize,
    /// When the first of it came.
    pub(super) since: Option<i64>,
    /// Bytes sent.
    pub(super) bytes: usize,
}

/// Between two looks at what came back from outside.
const LOOK_OUTSIDE: Duration = Duration::from_millis(20);

impl<P: Processor, O: Outside<P>> ProcessorRunner<P, O> {
    pub(super) fn until_commit(&self, wait: Duration) -> Duration {
        match self.pending.since {
            // What comes back from outside does not wake the log's client.
            None if self.outside.is_busy() => wait.min(LOOK_OUTSIDE),
            None => wait,
            Some(since) => {
                let left = (since + self.pace.commit_ms - self.clock.steady_ms()).max(0);
                wait.min(Duration::from_millis(left as u64))
            }
        }
    }

    pub(super) fn commit_due(&self) -> bool {
        self.pending.records >= self.pace.commit_records
            || self.pending.bytes >= COMMIT_BYTES
            || self.pending_for(self.pace.commit_ms)
    }

    /// Whether the rest of a batch has to wait for a commit.
    pub(super) fn commit_overdue(&self) -> bool {
        self.pending.bytes >= COMMIT_BYTES
            || self.pending_for(COMMIT_WITHIN_MS.max(self.pace.commit_ms))
    }

    fn pending_for(&self, ms: i64) -> bool {
        self.pending.since.is_some_and(|since| self.clock.steady_ms() - since >= ms)
    }

    pub(super) fn give_up(&mut self, partitions: &[i32]) -> Result<(), RunError> {
        self.outside.drain(partitions);
        let result = self.take_in().and_then(|_| self.commit(partitions));
        self.forget(partitions);
        result
    }

    pub(super) fn forget(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.partitions.remove(partition);
            self.outside.release(*partition);
        }
        self.changed.retain(|(partition, _)| !partitions.contains(partition));
    }

    /// Commits; what fails in passing makes every partition be restored.
    pub(super) fn commit(&mut self, leaving: &[i32]) -> Result<(), RunError> {
        match self.try_commit(leaving) {
            Err(LogError::Retry { what, error }) => {
                tracing::warn!(what, error, "commit failed; restoring every partition");
                families::COMMITS_FAILED.add([], 1);
                self.start_over()
            }
            other => other.map_err(Into::into),
        }
    }

    /// Commits outputs, snapshots that are due and positions; of the partitions named, which are
    /// about to be left, every changed key is snapshotted.
    pub(super) fn try_commit(&mut self, leaving: &[i32]) -> Result<(), LogError> {
        let mut positions = Vec::new();
        for (number, slot) in &mut self.partitions {
            let Slot::Live(partition) = slot else { continue };
            let all = O::ACTIVE || leaving.contains(number) || partition.is_reconciled();
            let limit = if all { usize::MAX } else { self.pace.commit_snapshots };
            let pace = (!all).then_some(self.pace.snapshot_ms);
            for key in partition.due_snapshots(pace, limit) {
                for (key, value) in partition.snapshot(self.processor.as_ref(), &key) {
                    self.task.send(self.wiring.state_record(*number, key, Some(value)))?;
                }
                if O::ACTIVE {
                    self.changed.insert((*number, key));
                }
            }
            if let Some(position) = partition.position(*number, P::LOGIC_VERSION) {
                let topic = &self.wiring.state_topic;
                self.task.send(position::record(topic, *number, Some(&position)))?;
                positions.push(position);
            }
        }
        self.pending = Pending::default();
        // Without positions it holds ticks: partitions at rest must see time pass.
        let began = Instant::now();
        self.task.commit(&positions)?;
        families::COMMIT.record([], began.elapsed().as_secs_f64());
        families::COMMITS.add([], 1);
        for position in &positions {
            if let Some(Slot::Live(partition)) = self.partitions.get_mut(&position.partition) {
                partition.committed();
            }
        }
        for (number, key) in std::mem::take(&mut self.changed) {
            if let Some(Slot::Live(partition)) = self.partitions.get(&number) {
                self.outside.settle(number, &key, partition.state(&key));
            }
        }
        Ok(())
    }

    /// Drops what was not committed, in the log and in memory, and restores every partition.
    pub(super) fn start_over(&mut self) -> Result<(), RunError> {
        self.task.abort()?;
        self.changed.clear();
        self.pending = Pending::default();
        let numbers: Vec<i32> = self.partitions.keys().copied().collect();
        for number in numbers {
            self.restore(number)?;
        }
        Ok(())
    }
}

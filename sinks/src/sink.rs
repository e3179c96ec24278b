//! The seam to the pipeline's runner.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;

use bytes::Bytes;
use schemas::DeviceId;

use crate::error::{Poison, SinkError};
use crate::table::Row;

/// A record as the log gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkRecord {
    /// Of the sink's topic.
    pub partition: i32,
    /// Place in the partition; rising, not necessarily without holes.
    pub offset: i64,
    /// When the log took it, in ms since the epoch.
    pub timestamp_ms: i64,
    /// What the record is about.
    pub key: Option<Bytes>,
    /// None is a tombstone.
    pub value: Option<Bytes>,
}

/// What one write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows inserted, replaced or removed.
    pub rows: u64,
    /// Rows that were there already although the position said otherwise (0 unless something
    /// outside wrote).
    pub duplicates: u64,
    /// Records below the position, left out.
    pub skipped: u64,
}

/// A decoded batch, and how far it reaches in each partition.
#[derive(Debug)]
pub struct Prepared<R, K = DeviceId> {
    pub(crate) rows: Vec<Row<R, K>>,
    /// Partition to the offset after its last record, poison included.
    pub(crate) ends: BTreeMap<i32, i64>,
}

impl<R, K> Prepared<R, K> {
    /// Leaves out records that were dead-lettered. The positions still move past them.
    pub fn remove(&mut self, poison: &[Poison]) {
        let gone: HashSet<_> = poison.iter().map(|p| (p.partition, p.offset)).collect();
        self.rows.retain(|row| !gone.contains(&(row.partition, row.offset)));
    }

    /// Records that will be written.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no record is left (the positions may still move).
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Partition and the offset after its last record of this batch, by partition.
    pub fn ends(&self) -> impl Iterator<Item = (i32, i64)> {
        self.ends.iter().map(|(partition, next)| (*partition, *next))
    }
}

/// Writes batches of one topic, each exactly once. The order is: [`Sink::positions`] of what was
/// assigned, then per batch [`Sink::prepare`], dead letters flushed, [`Sink::write`].
pub trait Sink: Send {
    /// What `prepare` hands to `write`.
    type Batch: Send + Sync;

    /// The next offset to read of each partition, None where nothing was ever written. To be
    /// called at assignment and after [`SinkError::Retry`] and [`SinkError::Moved`].
    fn positions(
        &mut self,
        partitions: &[i32],
    ) -> impl Future<Output = Result<Vec<(i32, Option<i64>)>, SinkError>> + Send;

    /// Decodes and validates; no I/O, no panic on any bytes.
    fn prepare(&self, records: Vec<SinkRecord>) -> (Self::Batch, Vec<Poison>);

    /// Takes dead-lettered records out of a batch.
    fn remove(&self, batch: &mut Self::Batch, poison: &[Poison]);

    /// Rows and positions in one transaction.
    fn write(
        &mut self,
        batch: &Self::Batch,
    ) -> impl Future<Output = Result<Written, SinkError>> + Send;
}

//! The tables: what a record must satisfy, and the statements that write a batch.
//!
//! A new sink is one file here and one line in the pipeline's topology.

mod anomaly;
mod baseline;
mod device;
mod entity;
mod entity_history;
mod facts;
mod process_log;
mod rollup;
mod sample;
mod series;
mod status;

use std::collections::BTreeMap;
use std::future::Future;

use chrono::{DateTime, Utc};
use schemas::{AvroRecord, DeviceId, EntityKey};
use serde::Serialize;
use sqlx::PgConnection;

use crate::check::Refusal;

pub use anomaly::Anomalies;
pub use baseline::Baselines;
pub use device::Devices;
pub use entity::LatestEntities;
pub use entity_history::EntityVersions;
pub use facts::Facts;
pub use process_log::ProcessLogs;
pub use rollup::Rollups;
pub use sample::Samples;
pub use series::SeriesIdentities;
pub use status::Statuses;

/// Rows of one statement at most; a longer batch is several statements of one transaction.
pub(crate) const MAX_STATEMENT_ROWS: usize = 10_000;

/// A decoded record and where it stood.
#[derive(Debug)]
pub struct Row<R, K = DeviceId> {
    /// Of the sink's topic.
    pub partition: i32,
    /// Place in the partition.
    pub offset: i64,
    /// What it says.
    pub change: Change<R, K>,
}

/// What a record says.
#[derive(Debug)]
pub enum Change<R, K = DeviceId> {
    /// This is so now.
    Put(R),
    /// A tombstone: nothing is known of what has that key any more.
    Remove(K),
}

/// What tombstones are about.
pub trait RowKey: Sized + Send + Sync + 'static {
    /// In words.
    const WHAT: &'static str;

    /// Reads a record's key.
    fn read(text: &str) -> Option<Self>;
}

impl RowKey for DeviceId {
    const WHAT: &'static str = "device id";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl RowKey for EntityKey {
    const WHAT: &'static str = "entity: tenant/kind/id";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// What a record without a value means to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tombstone {
    /// What has the key leaves the table.
    Removes,
    /// The table keeps what it has.
    Ignored,
    /// There is none in this topic.
    Refused,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// As if no row were there yet.
    Insert,
    /// Rows that are there already are left alone and counted.
    SkipExisting,
}

/// What a write did to the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows inserted, replaced or removed.
    pub rows: u64,
    /// Rows that were there already.
    pub duplicates: u64,
}

/// Why a write did not happen.
#[derive(Debug)]
pub enum Failure {
    /// The database's own words.
    Sql(sqlx::Error),
    /// Records that contradict the table: their place in the batch, and why.
    Refused(Vec<(usize, Refusal)>),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// How records of one type become rows.
pub trait Table: Send + Sync + 'static {
    /// The sink's name: in positions, metrics and messages. Never changes.
    const NAME: &'static str;
    /// What a record without a value means.
    const TOMBSTONE: Tombstone;
    /// Whether a row that is there already means a warning and [`WriteMode::SkipExisting`] rather
    /// than poison.
    const DUPLICATES_UNEXPECTED: bool = false;
    /// The records of its topic.
    type Record: AvroRecord + Send + Sync;
    /// What the keys of its tombstones are.
    type Key: RowKey;

    /// Refuses what the database would refuse or what is absurd. `append_ms`: when the log took the
    /// record.
    ///
    /// # Errors
    /// The reason, for the dead letters.
    fn check(record: &Self::Record, append_ms: i64) -> Result<(), Refusal>;

    /// Writes a batch, in order, inside the caller's transaction.
    fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Self::Record, Self::Key>],
        mode: WriteMode,
    ) -> impl Future<Output = Result<Counts, Failure>> + Send;
}

/// Time in ms as the database takes it. Out of range never comes: `check` was before.
pub(crate) fn time(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// The last record of each key of a batch: None where the key was removed.
pub(crate) fn last_by_key<'a, R, K: Ord + Clone>(
    rows: &'a [&'a Row<R, K>],
    key: impl Fn(&R) -> K,
) -> BTreeMap<K, Option<&'a R>> {
    let mut last = BTreeMap::new();
    for row in rows {
        match &row.change {
            Change::Put(record) => last.insert(key(record), Some(record)),
            Change::Remove(removed) => last.insert(removed.clone(), None),
        };
    }
    last
}

/// The records of a batch, in order, without tombstones.
pub(crate) fn puts<'a, R, K>(rows: &'a [&'a Row<R, K>]) -> impl Iterator<Item = &'a R> {
    rows.iter().filter_map(|row| match &row.change {
        Change::Put(record) => Some(record),
        Change::Remove(_) => None,
    })
}

/// Runs a statement whose one parameter is a JSON array of rows, in pieces.
pub(crate) async fn execute_json<R: Serialize + Sync>(
    conn: &mut PgConnection,
    statement: &'static str,
    rows: &[R],
) -> Result<u64, sqlx::Error> {
    let mut affected = 0;
    for piece in rows.chunks(MAX_STATEMENT_ROWS) {
        let json = sqlx::types::Json(piece);
        affected += sqlx::query(statement).bind(json).execute(&mut *conn).await?.rows_affected();
    }
    Ok(affected)
}

//! Projects records of the event log into PostgreSQL, each exactly once.
//!
//! The promise: the rows of a batch and the position after it are one SQL transaction, and the
//! position moves by compare-and-set. Whoever holds an old position (a frozen copy that wakes, a
//! second copy, a restored dump) changes nothing: the transaction is rolled back and the sink
//! must read its position again. Records below the position are skipped and counted. What the
//! database would refuse is found before it is asked ([`Sink::prepare`]) or, if it still refuses,
//! named record by record ([`SinkError::Poison`]); everything else goes on.
//!
//! A sink is a [`Table`]: what a record must satisfy and the statements that write a batch. All else
//! is [`SqlSink`], once. Nothing here knows a log: records come in as [`SinkRecord`], and the loop
//! that reads, dead-letters and seeks belongs to the pipeline.
//!
//! The tables themselves are in `migrations/`, applied by [`migrate`], thinned out by [`retain`];
//! [`rebuild`] repairs roll-ups after samples that came too late for the stream.

mod check;
mod copy;
mod error;
mod migrate;
mod position;
mod rebuild;
pub mod restored;
mod retain;
mod servers;
mod sink;
mod sql;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transaction;

pub use check::{FUTURE_TOLERANCE_MS, Refusal};
pub use error::{Poison, SinkError};
pub use migrate::{DatabaseInfo, MigrateError, MigrateOptions, Tier, inspect, migrate};
pub use position::Place;
pub use rebuild::{MAX_REBUILD, REBUILD_AFTER, Rebuilt, rebuild};
pub use retain::{Retained, Retention, retain};
pub use servers::{NoServer, Servers, takes_writes};
pub use sink::{Prepared, Sink, SinkRecord, Written};
pub use sql::SqlSink;
pub use table::{
    Anomalies, Baselines, Change, Counts, Devices, EntityVersions, Facts, Failure, LatestEntities,
    ProcessLogs, Rollups, Row, RowKey, Samples, SeriesIdentities, Statuses, Table, Tombstone,
    WriteMode,
};

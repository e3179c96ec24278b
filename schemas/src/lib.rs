//! The contract of every record on the log: hand-written Avro schemas (`avro/*.avsc`), the Rust
//! types that mirror them, and the wire format.
//!
//! A value on a topic is the Confluent wire format: a zero byte, the schema's id as a big-endian
//! 32-bit integer, the Avro datum. Readers always decode with the *writer's* schema, looked up by
//! that id, so an older binary reads newer records and the other way round as long as schemas
//! change by addition only (fields with defaults, new enum symbols behind a default).
//!
//! Nothing here knows a log, a clock or a database.

mod address;
mod binary;
mod id;
mod identity;
mod measure;
mod records;
mod registry;
mod wire;

pub use address::{Address, AddressError, MAX_ADDRESS};
pub use id::{DeviceId, SeriesId, TenantId};
pub use identity::{Difference, RowIdentity};
pub use records::{
    Anomaly, Availability, Baseline, Column, ComponentStatus, Control, CredentialChange,
    DeadLetter, Device, DeviceFacts, DeviceStatus, Fact, Gap, GapReason, ICMP_ECHOES,
    ICMP_SPACING_MS, ICMP_TIMEOUT_MS, Kind, MetricBatch, Outcome, Poll, ProbeOutcome, ProbeRequest,
    ProbeStep, ProcessStatus, ReadStatus, Rollup, SampleFlags, Series, Tick, Transition,
};
pub use registry::{LOCAL_ID_BASE, SchemaId, SchemaStore, shipped};
pub use wire::{AvroRecord, CodecError, DeviceInput, encode};

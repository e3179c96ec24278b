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
mod credential;
mod defaults;
mod echoes;
mod entity;
mod id;
mod identity;
mod limits;
mod measure;
mod probe;
mod process;
mod records;
mod registry;
mod source;
mod wire;

pub use address::{Address, AddressError, MAX_ADDRESS};
pub use credential::CredentialChange;
pub use defaults::DEFAULT_TENANT;
pub use echoes::{Echoes, ICMP_SHARE};
pub use entity::{
    DeviceGroup, Entity, EntityAnswer, EntityCommand, EntityInput, EntityKey, EntityObserved,
    EntityOutcome, EntityProblem,
};
pub use id::{DeviceId, SeriesId, TenantId};
pub use identity::{Difference, RowIdentity};
pub use limits::{
    ICMP_ECHOES, ICMP_SPACING_MS, ICMP_TIMEOUT_MS, INTERVAL_MS, MAX_DESCRIPTION_CHARS,
    MAX_GROUP_DEVICES, MAX_NAME_CHARS, MAX_TAGS,
};
pub use probe::{Probe, ProbeReport, ProbeStep};
pub use process::{
    ComponentStatus, Figure, LogField, PollTiming, PollerStatus, ProcessLog, ProcessStatus,
    ReadStatus,
};
pub use records::{
    Anomaly, Availability, Baseline, Column, Control, DeadLetter, Device, DeviceFacts,
    DeviceStatus, Fact, Gap, GapReason, Kind, MetricBatch, Outcome, Poll, Rollup, SampleFlags,
    Series, Tick, Transition,
};
pub use registry::{LOCAL_ID_BASE, SchemaId, SchemaStore, Shipped};
pub use source::{Source, SourceKey};
pub use wire::{AvroRecord, CodecError, DeviceInput, decode_as_each, encode, shipped};

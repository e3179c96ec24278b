//! Folds a device's records into rates, roll-ups, baselines, anomalies, availability and facts.
//!
//! The promise: a processor is a pure function of its state and the next record. It knows no
//! clock, no I/O, no randomness, and nothing in its outputs or its saved state follows the order
//! of a hash map or the last bits of a platform's `exp`. So the same records give the same
//! outputs on every machine, and a run that was cut anywhere and continued from what
//! [`Processor::save`] gave is the uncut run. Time arrives as data: in polls and in ticks.
//!
//! All that is known per device is folded in one step ([`DeviceChain`]): one look-up of the
//! device's state a poll, then walks along arrays.

mod availability;
mod baseline;
mod chain;
mod codec;
mod entity;
mod facts;
mod input;
mod rates;
mod relay;
mod rollup;
mod source;
mod state;
mod worker;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

use schemas::{
    Anomaly, Baseline, CodecError, DeviceFacts, DeviceStatus, MetricBatch, Rollup, SchemaStore,
    Series,
};

pub use baseline::METHOD as BASELINE_METHOD;
pub use chain::{DeviceChain, Stages};
pub use entity::{
    CredentialEntity, CredentialRecord, DeviceEntity, Entities, EntityOutput, EntityRecord,
    EntityState, MAX_BODY_BYTES, MAX_ENTITIES,
};
pub use relay::{DeviceChange, DeviceControl, Relay, Stateless};
pub use source::{Batch, Following, SourceInput, SourceKind, SourceState};
pub use state::DeviceState;
pub use worker::{MAX_QUEUED, WorkerInput, WorkerKind, WorkerState, Working};

#[cfg(test)]
#[global_allocator]
static METER: hostile::Meter = hostile::Meter;

/// What a step gives; each goes to the topic of its type, keyed by device (a [`Series`] by its
/// id).
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Samples as rates and gauges.
    Metric(MetricBatch),
    /// Closed or repaired buckets.
    Rollup(Rollup),
    /// Bands of a closed bucket.
    Baseline(Baseline),
    /// Onset, change or clear.
    Anomaly(Anomaly),
    /// Availability changed.
    Status(DeviceStatus),
    /// Texts changed.
    Facts(DeviceFacts),
    /// A series seen for the first time.
    Series(Series),
}

/// What was dropped or skipped, and why; each is counted once where it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// A second record for the same connector, cycle and part.
    DuplicatePoll,
    /// A cycle older than the last one (a poller that was frozen and woke).
    OldCycle,
    /// A record with times or counts no poller can mean, or of another device than its key's.
    AbsurdRecord,
    /// A second sample of a series at the same millisecond.
    DuplicateSample,
    /// A sample too late for its bucket to be repaired: it is in the metrics, not in the
    /// roll-ups.
    LateSample,
    /// NaN, infinite or beyond [`MAX_MAGNITUDE`].
    NotFinite,
    /// A series beyond [`MAX_SERIES`] of its device.
    SeriesLimit,
    /// A connector beyond [`MAX_CONNECTORS`] of its device.
    ConnectorLimit,
    /// A text beyond [`MAX_FACTS_BYTES`] of its device.
    FactsLimit,
    /// An entity beyond [`MAX_ENTITIES`] of its tenant, or too large, that others wrote.
    EntityLimit,
}

impl DropReason {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::DuplicatePoll,
        Self::OldCycle,
        Self::AbsurdRecord,
        Self::DuplicateSample,
        Self::LateSample,
        Self::NotFinite,
        Self::SeriesLimit,
        Self::ConnectorLimit,
        Self::FactsLimit,
        Self::EntityLimit,
    ];

    /// The word for a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuplicatePoll => "duplicate_poll",
            Self::OldCycle => "old_cycle",
            Self::AbsurdRecord => "absurd_record",
            Self::DuplicateSample => "duplicate_sample",
            Self::LateSample => "late_sample",
            Self::NotFinite => "not_finite",
            Self::SeriesLimit => "series_limit",
            Self::ConnectorLimit => "connector_limit",
            Self::FactsLimit => "facts_limit",
            Self::EntityLimit => "entity_limit",
        }
    }
}

/// Series one device may have; further ones are counted and left out.
pub const MAX_SERIES: usize = 400_000;

/// Connectors one device may have.
pub const MAX_CONNECTORS: usize = 16;

/// Bytes of texts one device may have: those of 50,000 ports with long names.
pub const MAX_FACTS_BYTES: usize = 16_000_000;

/// Bytes of texts in one record; those of a larger device come in several.
pub const MAX_FACTS_RECORD_BYTES: usize = 700_000;

/// Series in one roll-up or baseline record; a larger device's come in several.
pub const MAX_SERIES_A_RECORD: usize = 8_192;

/// Larger values are refused: sums of a day stay finite.
pub const MAX_MAGNITUDE: f64 = 1e30;

/// Where a step's results go.
pub trait Out<O = Output> {
    /// Takes an output; the order of calls is the order on the topic.
    fn emit(&mut self, output: O);
    /// Counts a drop.
    fn dropped(&mut self, reason: DropReason);
}

/// What becomes of a key's state after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The state stays.
    Keep,
    /// The device is gone: drop the state and write a tombstone to the state topic.
    Forget,
}

/// A saved state, by section. Section 0 is in every save; what it leaves out stands in others,
/// which are only saved when they changed.
pub type Sections = BTreeMap<u16, Vec<u8>>;

/// Saved bytes that are no state this logic can read. Fatal for the key: rebuild it by
/// replaying its records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Another version wrote it.
    #[error(
        "saved state has logic version {found}, this program reads {known}: run the program that \
         wrote it"
    )]
    Version {
        /// Of the saved state.
        found: u32,
        /// Of this program.
        known: u32,
    },
    /// A section that the others speak of is not there.
    #[error("section {section} of the saved state is missing")]
    Missing {
        /// Which.
        section: u16,
    },
    /// The bytes end too early.
    #[error("section {section} of the saved state is cut off at byte {at}")]
    Truncated {
        /// Which section.
        section: u16,
        /// Where more was expected.
        at: usize,
    },
    /// The bytes do not describe a state.
    #[error("section {section} of the saved state is malformed at byte {at}: {what}")]
    Malformed {
        /// Which section.
        section: u16,
        /// Where.
        at: usize,
        /// What was read there.
        what: &'static str,
    },
}

/// What a processor's state is kept by: the key of its input records.
pub trait StateKey: Clone + Ord + Hash + Display + Send + 'static {
    /// How many words it has, separated by slashes.
    const WORDS: usize = 1;

    /// As record keys and state keys have it.
    fn bytes(&self) -> Vec<u8>;

    /// Reads what [`Self::bytes`] wrote.
    fn parse(text: &str) -> Option<Self>;

    /// An even number for each key, the same on every machine.
    fn spread(&self) -> u64;
}

/// A record that the input topic must not have; it becomes a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One word for metrics.
    pub reason: &'static str,
    /// What is wrong, and the remedy.
    pub error: String,
}

/// A record as the log has it.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; none removes the key.
    pub value: Option<&'a [u8]>,
    /// When the log took it, ms since the epoch.
    pub appended_ms: i64,
}

/// Why a record cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// Its bytes. With an unknown schema it is tried again once that is known.
    Codec(CodecError),
    /// All else.
    Refused(Refusal),
}

impl From<CodecError> for Unreadable {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

/// What a processor's input topic carries.
pub trait Input: Sized {
    /// What the topic carries.
    type Record;
    /// What it is about.
    type Key: StateKey;
    /// Memory of an earlier record, to read the next one into.
    type Spare: Default + Send;

    /// Reads a record.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn read(
        store: &SchemaStore,
        raw: &Raw<'_>,
        spare: &mut Self::Spare,
    ) -> Result<Self, Unreadable>;

    /// Gives its memory back once it is stepped.
    fn recycle(self, _spare: &mut Self::Spare) {}

    /// The key that it is about; none for a tick, which is about all keys that are due.
    fn key(&self) -> Option<Self::Key>;

    /// The time of a tick; none for all else.
    fn tick_at(&mut self) -> Option<&mut i64> {
        None
    }

    /// Whether it may be stepped, as the log has it.
    ///
    /// # Errors
    /// [`Refusal`].
    fn check(&self, raw: &Raw<'_>) -> Result<(), Refusal> {
        input::is_keyed(self, raw)
    }
}

/// An output that a processor of another logic version must know of, because others have read it.
pub trait Recall: Sized + Send {
    /// The key of the state that gave it.
    type Key: StateKey;
    /// What the last one of each holds for.
    type Subject: Ord + Send;

    /// Reads a record's value.
    ///
    /// # Errors
    /// Any [`CodecError`].
    fn decode(store: &SchemaStore, bytes: &[u8]) -> Result<Self, CodecError>;

    /// Whose it is.
    fn key(&self) -> Self::Key;

    /// Which one.
    fn subject(&self) -> Self::Subject;
}

/// Nothing is read back: what was published says no more than the input does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nothing<K>(Infallible, PhantomData<K>);

impl<K: StateKey> Recall for Nothing<K> {
    type Key = K;
    type Subject = ();

    fn decode(_: &SchemaStore, bytes: &[u8]) -> Result<Self, CodecError> {
        Err(CodecError::Malformed {
            name: "nothing".to_owned(),
            error: format!("{} bytes", bytes.len()),
        })
    }

    fn key(&self) -> K {
        match self.0 {}
    }

    fn subject(&self) {}
}

/// A pure fold over the records of one key.
pub trait Processor: Send + Sync + 'static {
    /// What it reads.
    type Input: Input;
    /// What it writes.
    type Output: Send;
    /// Which of its outputs are read back after an upgrade.
    type Recall: Recall<Key = KeyOf<Self>>;
    /// What is kept per key.
    type State: Default + Send + 'static;
    /// Names the consumer group.
    const NAME: &'static str;
    /// Raised when the same input could give other outputs than before, or `save` other bytes.
    const LOGIC_VERSION: u32;

    /// Folds one record into the state.
    fn step(
        &self,
        state: &mut Self::State,
        input: &Self::Input,
        out: &mut dyn Out<Self::Output>,
    ) -> Next;

    /// Stream time (ms since the epoch) at or after which a tick must be stepped for this key;
    /// ticks before it change nothing and need not be stepped.
    fn wake_at(&self, state: &Self::State) -> Option<i64>;

    /// Hands out the sections that changed since the state was last saved or loaded: all of
    /// them the first time, section 0 always. A section replaces the one saved before it.
    fn save(&self, state: &mut Self::State, write: &mut dyn FnMut(u16, &[u8]));

    /// Reads what [`Self::save`] of this version wrote.
    ///
    /// # Errors
    /// [`LoadError`] when the sections are no state this logic can read.
    fn load(&self, version: u32, sections: &Sections) -> Result<Self::State, LoadError>;

    /// Another logic version stepped the last records of this key, and `published` is the last
    /// output of each subject: it overrides what this version concluded from the same records, and
    /// what others may have missed meanwhile is sent.
    fn reconcile(
        &self,
        state: &mut Self::State,
        published: &[Self::Recall],
        out: &mut dyn Out<Self::Output>,
    );
}

/// The key of a processor's state.
pub type KeyOf<P> = <<P as Processor>::Input as Input>::Key;

//! The wire format: encode, decode, and errors that say what is wrong with a record.

use std::cell::RefCell;
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_avro_fast::de::DeError;
use serde_avro_fast::ser::SerializerConfig;
use serde_avro_fast::{Schema, from_datum_slice, to_datum};

use crate::binary::{Binary, Cursor, Flaw, empty_poll, refill_poll};
use crate::credential::CredentialChange;
use crate::entity::{Entity, EntityAnswer, EntityCommand, EntityObserved};
use crate::probe::{Probe, ProbeReport};
use crate::process::{PollerStatus, ProcessLog, ProcessStatus};
use crate::records::{
    Anomaly, Baseline, Control, DeadLetter, Device, DeviceFacts, DeviceStatus, MetricBatch, Poll,
    Rollup, Series, Tick,
};
use crate::registry::{SchemaId, SchemaStore, Shipped, fingerprint};
use crate::source::Source;

const MAGIC: u8 = 0;
const HEADER: usize = 5;

/// Why a record could not be read or written. All are poison: the same bytes fail again.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Shorter than its header or its schema says.
    #[error("record of {length} bytes is cut off: {error}")]
    Truncated {
        /// Bytes that were there.
        length: usize,
        /// What was missing.
        error: String,
    },
    /// The first byte is not 0.
    #[error("no Confluent wire format: first byte is {0:#04x}, not 0x00")]
    BadMagic(u8),
    /// Nothing is known under the id.
    #[error("schema id {0} is unknown: neither shipped nor in the schema topic")]
    UnknownSchema(SchemaId),
    /// A record of another type.
    #[error("record is a {found}, expected {expected}")]
    WrongType {
        /// Full name by the id.
        found: String,
        /// What this reader takes.
        expected: &'static str,
    },
    /// Bytes that do not match their schema, or values outside their type.
    #[error("malformed {name}: {error}")]
    Malformed {
        /// Full name by the id.
        name: String,
        /// The decoder's words.
        error: String,
    },
    /// Arrays that run in parallel differ in length, or an index points nowhere.
    #[error("malformed {name}: {error}")]
    Inconsistent {
        /// Full name of the record.
        name: &'static str,
        /// Which arrays.
        error: String,
    },
    /// The schema text itself is unusable.
    #[error("schema {id}: {error}")]
    BadSchema {
        /// Its id.
        id: SchemaId,
        /// The parser's words.
        error: String,
    },
}

impl CodecError {
    /// The word for the dead-letter record's `reason`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::UnknownSchema(_) | Self::BadSchema { .. } => "unknown_schema",
            Self::WrongType { .. } => "wrong_type",
            Self::BadMagic(_) | Self::Malformed { .. } | Self::Inconsistent { .. } => "malformed",
        }
    }
}

/// A record type that has an `.avsc`.
pub trait AvroRecord: Serialize + DeserializeOwned + Sized + 'static {
    /// Full name.
    const NAME: &'static str;
    /// The `.avsc` text.
    const JSON: &'static str;

    /// Checks what the schema cannot say (arrays that run in parallel).
    ///
    /// # Errors
    /// [`CodecError::Inconsistent`] naming the arrays.
    fn validate(&self) -> Result<(), CodecError> {
        Ok(())
    }

    /// Decodes a record of exactly this type, written by whatever version of its schema.
    ///
    /// # Errors
    /// Any [`CodecError`]; never panics on any bytes.
    fn decode(store: &SchemaStore, bytes: &[u8]) -> Result<Self, CodecError>;

    /// Encodes with this binary's schema.
    ///
    /// # Errors
    /// [`CodecError::Malformed`] when a value does not fit its schema.
    fn encode(&self) -> Result<Vec<u8>, CodecError>;
}

/// Decodes by the writer's schema, through serde.
fn decode_any<T: AvroRecord>(store: &SchemaStore, bytes: &[u8]) -> Result<T, CodecError> {
    let id = schema_id(bytes)?;
    let resolved = store.resolve(id).ok_or(CodecError::UnknownSchema(id))?;
    if resolved.name != T::NAME {
        let found = resolved.name.clone();
        return Err(CodecError::WrongType { found, expected: T::NAME });
    }
    let datum = bytes.get(HEADER..).unwrap_or_default();
    let record: T = from_datum_slice(datum, &resolved.schema).map_err(|error| {
        let (cut_off, error) = (is_cut_off(&error), error.to_string());
        if cut_off {
            CodecError::Truncated { length: bytes.len(), error }
        } else {
            CodecError::Malformed { name: resolved.name.clone(), error }
        }
    })?;
    record.validate()?;
    Ok(record)
}

/// Decodes what was written by this binary's schema.
fn decode_own<T: AvroRecord + Binary>(bytes: &[u8]) -> Result<T, CodecError> {
    let datum = bytes.get(HEADER..).unwrap_or_default();
    let record = T::read(&mut Cursor::new(datum)).map_err(|flaw| flawed::<T>(&flaw, bytes))?;
    record.validate()?;
    Ok(record)
}

fn flawed<T: AvroRecord>(flaw: &Flaw, bytes: &[u8]) -> CodecError {
    match flaw {
        Flaw::Cut(field) => {
            CodecError::Truncated { length: bytes.len(), error: format!("it ends in {field}") }
        }
        Flaw::Bad(field, what) => {
            CodecError::Malformed { name: T::NAME.to_owned(), error: format!("{field}: {what}") }
        }
    }
}

/// Whether the decoder ran out of bytes. It has no kinds of errors: a slice can only fail to be
/// read at its end, and of texts and numbers that end early it has nothing but words.
fn is_cut_off(error: &DeError) -> bool {
    let words = error.to_string();
    error.io_error().is_some() || words.contains("end of slice") || words.contains("Reached EOF")
}

/// The schema id in front of a record.
pub(crate) fn schema_id(bytes: &[u8]) -> Result<SchemaId, CodecError> {
    match bytes {
        [MAGIC, a, b, c, d, ..] => Ok(SchemaId::from_be_bytes([*a, *b, *c, *d])),
        [MAGIC, ..] | [] => Err(CodecError::Truncated {
            length: bytes.len(),
            error: format!("the header alone takes {HEADER}"),
        }),
        [other, ..] => Err(CodecError::BadMagic(*other)),
    }
}

struct Writer {
    id: SchemaId,
    config: SerializerConfig<'static>,
}

/// Encodes through serde.
fn encode_any<T: AvroRecord>(record: &T) -> Result<Vec<u8>, CodecError> {
    // The serializer's configuration holds buffers worth keeping; one a thread and type.
    thread_local! {
        static WRITERS: RefCell<Vec<(&'static str, Writer)>> = const { RefCell::new(Vec::new()) };
    }
    let malformed = |error: String| CodecError::Malformed { name: T::NAME.to_owned(), error };
    WRITERS.with_borrow_mut(|writers| {
        let place = match writers.iter().position(|(name, _)| *name == T::NAME) {
            Some(place) => place,
            None => {
                let schema: Schema =
                    T::JSON.parse().map_err(|error: serde_avro_fast::schema::SchemaError| {
                        malformed(error.to_string())
                    })?;
                // One a record type and thread, for the life of the thread.
                let config = SerializerConfig::new(Box::leak(Box::new(schema)));
                writers.push((T::NAME, Writer { id: fingerprint(T::JSON), config }));
                writers.len() - 1
            }
        };
        let writer = &mut writers[place].1;
        let mut bytes = Vec::with_capacity(256);
        bytes.push(MAGIC);
        bytes.extend_from_slice(&writer.id.to_be_bytes());
        to_datum(record, bytes, &mut writer.config).map_err(|error| malformed(error.to_string()))
    })
}

fn encode_own<T: Binary>(id: SchemaId, record: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + record.room());
    bytes.push(MAGIC);
    bytes.extend_from_slice(&id.to_be_bytes());
    record.write(&mut bytes);
    bytes
}

/// Encodes a record with this binary's schema.
///
/// # Errors
/// [`CodecError::Malformed`] when a value does not fit its schema.
pub fn encode<T: AvroRecord>(record: &T) -> Result<Vec<u8>, CodecError> {
    record.encode()
}

/// What the poll topic carries: the one input of everything that is known per device.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceInput {
    /// A poll.
    Poll(Box<Poll>),
    /// What the inventory says of the device.
    Control(Control),
    /// Time passed; concerns every device of the partition.
    Tick(Tick),
}

impl DeviceInput {
    /// Decodes whichever of the three the id names. A poll is read into `spare`, if there is one
    /// from an earlier record: most of the cost of reading one is making room.
    ///
    /// # Errors
    /// Any [`CodecError`].
    pub fn decode(
        store: &SchemaStore,
        bytes: &[u8],
        spare: &mut Option<Box<Poll>>,
    ) -> Result<Self, CodecError> {
        let id = schema_id(bytes)?;
        if id == Poll::own_id() {
            let datum = bytes.get(HEADER..).unwrap_or_default();
            let mut poll = spare.take().unwrap_or_else(|| Box::new(empty_poll()));
            refill_poll(&mut poll, &mut Cursor::new(datum))
                .map_err(|flaw| flawed::<Poll>(&flaw, bytes))?;
            poll.validate()?;
            return Ok(Self::Poll(poll));
        }
        let resolved = store.resolve(id).ok_or(CodecError::UnknownSchema(id))?;
        match resolved.name.as_str() {
            Control::NAME => Control::decode(store, bytes).map(Self::Control),
            Tick::NAME => Tick::decode(store, bytes).map(Self::Tick),
            Poll::NAME => Poll::decode(store, bytes).map(|poll| Self::Poll(Box::new(poll))),
            _ => Err(CodecError::WrongType {
                found: resolved.name.clone(),
                expected: "net.opsconductor.Poll, Control or Tick",
            }),
        }
    }
}

fn same_length(name: &'static str, arrays: &[(&str, usize)]) -> Result<(), CodecError> {
    let Some((first, length)) = arrays.first() else { return Ok(()) };
    match arrays.iter().find(|(_, other)| other != length) {
        None => Ok(()),
        Some((array, other)) => Err(CodecError::Inconsistent {
            name,
            error: format!("{first} has {length} entries, {array} has {other}"),
        }),
    }
}

/// Every record type with its schema; `own` has a way of its own into bytes and back. Concrete
/// functions, so that they are compiled here once and not in every crate that calls them.
macro_rules! records {
    ($($type:ident $file:literal $(, $own:ident)? $(, |$record:ident| $validate:expr)?;)+) => {
        $(impl AvroRecord for $type {
            const NAME: &'static str = concat!("net.opsconductor.", stringify!($type));
            const JSON: &'static str = include_str!(concat!("../avro/", $file));

            records!(@codec $($own)?);

            $(fn validate(&self) -> Result<(), CodecError> {
                let $record = self;
                $validate
            })?
        })+

        /// All schemas that this binary writes.
        pub fn shipped() -> &'static [Shipped] {
            static SHIPPED: OnceLock<Vec<Shipped>> = OnceLock::new();
            SHIPPED.get_or_init(|| vec![$(Shipped::of::<$type>()),+])
        }

        /// Decodes the same bytes as each record type, in the order of [`shipped`]: for tests of
        /// damaged bytes.
        pub fn decode_as_each(store: &SchemaStore, bytes: &[u8]) -> Vec<Result<(), CodecError>> {
            vec![$(<$type>::decode(store, bytes).map(drop)),+]
        }
    };
    (@codec) => {
        fn decode(store: &SchemaStore, bytes: &[u8]) -> Result<Self, CodecError> {
            decode_any(store, bytes)
        }

        fn encode(&self) -> Result<Vec<u8>, CodecError> {
            encode_any(self)
        }
    };
    (@codec own) => {
        fn decode(store: &SchemaStore, bytes: &[u8]) -> Result<Self, CodecError> {
            if schema_id(bytes)? == Self::own_id() {
                decode_own(bytes)
            } else {
                decode_any(store, bytes)
            }
        }

        fn encode(&self) -> Result<Vec<u8>, CodecError> {
            Ok(encode_own(Self::own_id(), self))
        }
    };
}

records! {
    Device "device.avsc";
    Poll "poll.avsc", own, |poll| validate_poll(poll);
    Control "control.avsc";
    Tick "tick.avsc";
    ProcessStatus "process_status.avsc";
    PollerStatus "poller_status.avsc";
    ProcessLog "process_log.avsc";
    MetricBatch "metric.avsc", own, |batch| {
        let flags = if batch.flags.is_empty() { batch.series.len() } else { batch.flags.len() };
        let arrays = [
            ("series", batch.series.len()),
            ("at_ms", batch.at_ms.len()),
            ("values", batch.values.len()),
            ("flags", flags),
        ];
        same_length(Self::NAME, &arrays)
    };
    Rollup "rollup.avsc", |rollup| {
        let arrays = [
            ("series", rollup.series.len()),
            ("counts", rollup.counts.len()),
            ("sums", rollup.sums.len()),
            ("mins", rollup.mins.len()),
            ("maxs", rollup.maxs.len()),
            ("lasts", rollup.lasts.len()),
        ];
        same_length(Self::NAME, &arrays)
    };
    Baseline "baseline.avsc", |baseline| {
        let arrays = [
            ("series", baseline.series.len()),
            ("expected", baseline.expected.len()),
            ("lower", baseline.lower.len()),
            ("upper", baseline.upper.len()),
        ];
        same_length(Self::NAME, &arrays)
    };
    Anomaly "anomaly.avsc";
    DeviceStatus "status.avsc";
    DeviceFacts "facts.avsc";
    Series "series.avsc";
    DeadLetter "dead_letter.avsc";
    Source "source.avsc";
    Probe "probe.avsc";
    ProbeReport "probe_report.avsc";
    CredentialChange "credential.avsc";
    EntityCommand "entity_command.avsc";
    EntityObserved "entity_observed.avsc";
    EntityAnswer "entity_answer.avsc";
    Entity "entity.avsc";
}

/// The id under which this binary writes a record type that is encoded without serde.
macro_rules! own_id {
    ($($type:ty),+) => {
        $(impl $type {
            fn own_id() -> SchemaId {
                static ID: OnceLock<SchemaId> = OnceLock::new();
                *ID.get_or_init(|| fingerprint(Self::JSON))
            }
        })+
    };
}

own_id!(Poll, MetricBatch);

fn validate_poll(poll: &Poll) -> Result<(), CodecError> {
    use crate::records::Kind;
    let bad = |error: String| CodecError::Inconsistent { name: Poll::NAME, error };
    if poll.part < 0 || poll.parts < 1 || poll.part >= poll.parts {
        return Err(bad(format!("part {} of {}", poll.part, poll.parts)));
    }
    for column in &poll.columns {
        let (values, held) = match column.kind {
            Kind::Gauge | Kind::State => ("gauges", column.gauges.len()),
            Kind::Counter32 | Kind::Counter64 | Kind::Discontinuity => {
                ("counts", column.counts.len())
            }
        };
        let instances = column.instances.len();
        if held != instances || column.at_ms.len() != instances {
            return Err(bad(format!(
                "column {:?} has {instances} instances, {held} {values}, {} at_ms",
                column.metric,
                column.at_ms.len()
            )));
        }
        let known = poll.instances.len();
        let outside = |place: &&i32| usize::try_from(**place).map_or(true, |p| p >= known);
        if let Some(place) = column.instances.iter().find(outside) {
            return Err(bad(format!(
                "column {:?} names instance {place} of {known}",
                column.metric
            )));
        }
    }
    Ok(())
}

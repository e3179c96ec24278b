//! Topics with their record type in the type: sending the wrong record to a topic, or reading it
//! as something else, does not compile.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use schemas::{
    Anomaly, AvroRecord, Baseline, CodecError, Control, CredentialChange, Device, DeviceFacts,
    DeviceId, DeviceInput, DeviceStatus, Entity, EntityAnswer, EntityCommand, EntityInput,
    EntityKey, EntityObserved, MetricBatch, Poll, Probe, ProbeReport, Rollup, SchemaStore, Series,
    SeriesId, Source, SourceKey, Tick, encode,
};

use crate::log::{Cleanup, NewRecord, Record, TopicSpec};

/// How a key is written.
pub trait Key: Sized {
    /// The key's bytes.
    fn bytes(&self) -> Bytes;
}

impl Key for DeviceId {
    fn bytes(&self) -> Bytes {
        self.key().into()
    }
}

impl Key for SeriesId {
    fn bytes(&self) -> Bytes {
        self.key().into()
    }
}

impl Key for SourceKey {
    fn bytes(&self) -> Bytes {
        self.to_string().into_bytes().into()
    }
}

impl Key for EntityKey {
    fn bytes(&self) -> Bytes {
        self.to_string().into_bytes().into()
    }
}

impl Key for String {
    fn bytes(&self) -> Bytes {
        self.clone().into_bytes().into()
    }
}

/// A part of what is known of a device: one key for each, or compaction would leave the last alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartKey {
    /// Which device.
    pub device: DeviceId,
    /// From 0.
    pub part: i32,
}

impl Key for PartKey {
    fn bytes(&self) -> Bytes {
        match self {
            Self { device, part: 0 } => device.bytes(),
            Self { device, part } => format!("{device}/{part}").into_bytes().into(),
        }
    }
}

/// A record that knows its key.
pub trait Keyed {
    /// Of what type.
    type Key: Key;

    /// Its key.
    fn key(&self) -> Self::Key;
}

macro_rules! keyed {
    ($($record:ty: $key:ty = |$it:ident| $value:expr;)+) => {
        $(impl Keyed for $record {
            type Key = $key;

            fn key(&self) -> $key {
                let $it = self;
                $value
            }
        })+
    };
}

keyed! {
    Device: DeviceId = |it| it.id;
    Poll: DeviceId = |it| it.device;
    Control: DeviceId = |it| it.device;
    MetricBatch: DeviceId = |it| it.device;
    Rollup: DeviceId = |it| it.device;
    Baseline: DeviceId = |it| it.device;
    Anomaly: DeviceId = |it| it.device;
    DeviceStatus: DeviceId = |it| it.device;
    DeviceFacts: PartKey = |it| PartKey { device: it.device, part: it.part };
    Series: SeriesId = |it| it.id;
    Source: SourceKey = |it| it.key();
    Probe: String = |it| it.id.clone();
    ProbeReport: String = |it| it.id.clone();
    CredentialChange: String = |it| format!("{}/{}", it.tenant, it.name);
    EntityCommand: String = |it| it.tenant.clone();
    EntityObserved: String = |it| it.tenant.clone();
    EntityAnswer: String = |it| it.request.clone();
    Entity: EntityKey = |it| it.key();
}

/// What may be written to a topic of a type: that type, or a variant of an enum.
pub trait Carries<V> {}

impl<T: AvroRecord> Carries<T> for T {}
impl Carries<Poll> for DeviceInput {}
impl Carries<Control> for DeviceInput {}
impl Carries<Tick> for DeviceInput {}
impl Carries<EntityCommand> for EntityInput {}
impl Carries<EntityObserved> for EntityInput {}
impl Carries<Tick> for EntityInput {}

/// Snapshots of a processor's state, and its positions.
#[derive(Debug)]
pub struct StateOf<P>(PhantomData<fn() -> P>);

/// A topic, whatever it carries.
pub trait Named: Send + Sync {
    /// Its name without the deployment's prefix.
    fn name(&self) -> &'static str;

    /// One sentence for the map of topics.
    fn about(&self) -> &'static str;

    /// As the log must have it.
    fn spec(&self, configured: i32) -> TopicSpec;
}

impl<K, T> Named for Topic<K, T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn spec(&self, configured: i32) -> TopicSpec {
        Self::spec(self, configured)
    }
}

/// How many partitions a topic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitions {
    /// As many as configured: everything that is keyed by device lies in equal partitions.
    Configured,
    /// One: small, and its order matters as a whole.
    One,
}

/// A topic whose values are `T`, keyed by `K`.
#[derive(Debug)]
pub struct Topic<K, T> {
    /// Name without the deployment's prefix.
    pub name: &'static str,
    /// How old records leave.
    pub cleanup: Cleanup,
    /// How many partitions.
    pub partitions: Partitions,
    /// One sentence for the map of topics.
    pub about: &'static str,
    kind: PhantomData<fn(K) -> T>,
}

const DAY_MS: i64 = 86_400_000;

impl<K, T> Topic<K, T> {
    /// A topic whose records leave after so many days.
    pub const fn kept(name: &'static str, days: i64, about: &'static str) -> Self {
        let cleanup = Cleanup::Delete { retention_ms: days * DAY_MS };
        Self { name, cleanup, partitions: Partitions::Configured, about, kind: PhantomData }
    }

    /// A topic that keeps the last record of every key.
    pub const fn compacted(name: &'static str, about: &'static str) -> Self {
        let partitions = Partitions::Configured;
        Self { name, cleanup: Cleanup::Compact, partitions, about, kind: PhantomData }
    }

    /// The same with one partition.
    pub const fn single(self) -> Self {
        Self { partitions: Partitions::One, ..self }
    }

    /// As the log must have it.
    pub fn spec(&self, configured: i32) -> TopicSpec {
        let partitions = match self.partitions {
            Partitions::Configured => configured,
            Partitions::One => 1,
        };
        TopicSpec { name: self.name.into(), partitions, cleanup: self.cleanup }
    }
}

impl<K: Key, T> Topic<K, T> {
    /// A record for this topic.
    ///
    /// # Errors
    /// [`CodecError`] when a value does not fit the schema.
    pub fn record<V: AvroRecord>(&self, key: &K, value: &V) -> Result<NewRecord, CodecError>
    where
        T: Carries<V>,
    {
        Ok(NewRecord { value: Some(encode(value)?.into()), ..self.tombstone(key) })
    }

    /// A record for this topic, with its own key.
    ///
    /// # Errors
    /// [`CodecError`] when a value does not fit the schema.
    pub fn publish<V: AvroRecord + Keyed<Key = K>>(
        &self,
        value: &V,
    ) -> Result<NewRecord, CodecError>
    where
        T: Carries<V>,
    {
        self.record(&value.key(), value)
    }

    /// Removes the key from a compacted topic.
    pub fn tombstone(&self, key: &K) -> NewRecord {
        NewRecord {
            topic: self.name.into(),
            partition: None,
            key: Some(key.bytes()),
            value: None,
            headers: Vec::new(),
        }
    }
}

impl<K, T: AvroRecord> Topic<K, T> {
    /// Reads a record of this topic; none for a tombstone.
    ///
    /// # Errors
    /// [`CodecError`] on bytes that are not a `T`.
    pub fn read(&self, store: &SchemaStore, record: &Record) -> Result<Option<T>, CodecError> {
        record.value.as_deref().map(|value| T::decode(store, value)).transpose()
    }
}

/// The name as the log's records carry it.
pub fn shared(name: &str) -> Arc<str> {
    Arc::from(name)
}

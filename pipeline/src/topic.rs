//! Topics with their record type in the type: sending the wrong record to a topic, or reading it
//! as something else, does not compile.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use schemas::{AvroRecord, CodecError, DeviceId, SchemaStore, SeriesId, encode};

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

impl Key for String {
    fn bytes(&self) -> Bytes {
        self.clone().into_bytes().into()
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
    pub(crate) const fn kept(name: &'static str, days: i64, about: &'static str) -> Self {
        let cleanup = Cleanup::Delete { retention_ms: days * DAY_MS };
        Self { name, cleanup, partitions: Partitions::Configured, about, kind: PhantomData }
    }

    /// A topic that keeps the last record of every key.
    pub(crate) const fn compacted(name: &'static str, about: &'static str) -> Self {
        let partitions = Partitions::Configured;
        Self { name, cleanup: Cleanup::Compact, partitions, about, kind: PhantomData }
    }

    /// The same with one partition.
    pub(crate) const fn single(self) -> Self {
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

impl<K: Key, T: AvroRecord> Topic<K, T> {
    /// A record for this topic.
    ///
    /// # Errors
    /// [`CodecError`] when a value does not fit the schema.
    pub fn record(&self, key: &K, value: &T) -> Result<NewRecord, CodecError> {
        Ok(NewRecord {
            topic: self.name.into(),
            partition: None,
            key: Some(key.bytes()),
            value: Some(encode(value)?.into()),
            headers: Vec::new(),
        })
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

//! The schema topic: published at start, learned from at start and whenever an unknown id turns
//! up, so that a newer writer's records are read during a rolling upgrade.

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::{CodecError, SchemaStore, shipped};

use super::durable;
use crate::log::{EventLog, LogError, NewRecord, Reader, Start};
use crate::topic::shared;
use crate::topology::SCHEMA;

/// Longest wait for the topic to be read to its end.
const READ_LIMIT: Duration = Duration::from_secs(20);
/// A poison record with an unknown id must not make every further one wait for the log.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Follows the schema topic for one reader of records.
pub struct SchemaTopic {
    log: Arc<dyn EventLog>,
    store: SchemaStore,
    reader: Option<Box<dyn Reader>>,
    looked: Option<Instant>,
}

impl SchemaTopic {
    /// Reads nothing yet.
    pub fn new(log: Arc<dyn EventLog>, store: SchemaStore) -> Self {
        Self { log, store, reader: None, looked: None }
    }

    /// What is known so far.
    pub fn store(&self) -> &SchemaStore {
        &self.store
    }

    /// Decodes; an unknown schema id makes the topic be read to its end and the record be tried
    /// once more.
    ///
    /// # Errors
    /// Any [`CodecError`].
    pub fn decode<T>(
        &mut self,
        mut decode: impl FnMut(&SchemaStore) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        match decode(&self.store) {
            Err(CodecError::UnknownSchema(id)) => {
                if self.looked.is_some_and(|at| at.elapsed() < RETRY_AFTER) {
                    return Err(CodecError::UnknownSchema(id));
                }
                self.looked = Some(Instant::now());
                if let Err(error) = self.refresh() {
                    tracing::warn!(%error, "cannot read the schema topic");
                }
                decode(&self.store)
            }
            other => other,
        }
    }

    /// Reads the topic to its end.
    ///
    /// # Errors
    /// [`LogError::Retry`] when that takes longer than its limit.
    pub fn refresh(&mut self) -> Result<(), LogError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(self.log.reader(SCHEMA.name, &[0], Start::Earliest)?),
        };
        read_to_end(reader.as_mut(), 0, |key, value| {
            let Some(id) = std::str::from_utf8(key).ok().and_then(|id| id.parse().ok()) else {
                return;
            };
            let Some(json) = value.and_then(|v| std::str::from_utf8(v).ok()) else { return };
            match self.store.learn(id, json) {
                Ok(()) => self.store.publish(id),
                Err(error) => tracing::warn!(%error, "schema topic"),
            }
        })
    }

    /// Publishes what this binary writes and the topic lacks; returns when it is durable, so
    /// that no record is written before its schema.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn publish(&mut self) -> Result<(), LogError> {
        let mut missing: Vec<_> = shipped().iter().collect();
        let mut reader = self.log.reader(SCHEMA.name, &[0], Start::Earliest)?;
        read_to_end(reader.as_mut(), 0, |key, value| {
            if value.is_some() {
                missing.retain(|schema| schema.id.to_string().as_bytes() != key);
            }
        })?;
        let producer = self.log.producer("schemas")?;
        let records = missing.into_iter().map(|schema| NewRecord {
            topic: shared(SCHEMA.name),
            partition: Some(0),
            key: Some(schema.id.to_string().into_bytes().into()),
            value: Some(schema.json.as_bytes().into()),
            headers: Vec::new(),
        });
        durable::write(producer.as_ref(), records, READ_LIMIT)?;
        self.refresh()
    }
}

/// Reads each partition of a topic to the end it has now, one after the other.
///
/// # Errors
/// As [`read_to_end`].
pub fn read_all(
    log: &dyn EventLog,
    topic: &str,
    mut take: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<(), LogError> {
    for (partition, _) in (0..).zip(log.ends(topic)?) {
        let mut reader = log.reader(topic, &[partition], Start::Earliest)?;
        read_to_end(reader.as_mut(), partition, &mut take)?;
    }
    Ok(())
}

/// Reads one partition to the end it has now.
///
/// # Errors
/// [`LogError::Retry`] when that takes longer than its limit.
pub fn read_to_end(
    reader: &mut dyn Reader,
    partition: i32,
    mut take: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<(), LogError> {
    let started = Instant::now();
    let end = reader.end(partition)?;
    while reader.position(partition) < end {
        for record in reader.poll(Duration::from_millis(100))? {
            take(record.key.as_deref().unwrap_or_default(), record.value.as_deref());
        }
        if started.elapsed() > READ_LIMIT {
            return Err(LogError::Retry {
                what: format!("reading partition {partition} to its end {end}"),
                error: format!("still at {} after {READ_LIMIT:?}", reader.position(partition)),
            });
        }
    }
    Ok(())
}

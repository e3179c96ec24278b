//! The log's identity: a UUID in the meta topic. Sinks keep their positions under it, so that a
//! database is never fed from another log's offsets.
//!
//! Two processes may both find none and write one each; keys differ, so neither replaces the
//! other, and everyone takes the oldest.

use std::time::Duration;

use uuid::Uuid;

use crate::log::{EventLog, LogError, NewRecord, Start};
use crate::run::durable;
use crate::run::schema_topic::read_to_end;
use crate::topic::shared;
use crate::topology::META;

const KEY_PREFIX: &str = "log-id/";
const DURABLE_WITHIN: Duration = Duration::from_secs(30);

/// The log's id, made when there is none.
///
/// # Errors
/// [`LogError`].
pub fn log_id(log: &dyn EventLog) -> Result<Uuid, LogError> {
    if let Some(id) = find(log)? {
        return Ok(id);
    }
    let key = format!("{KEY_PREFIX}{}", Uuid::new_v4());
    let producer = log.producer("meta")?;
    let record = NewRecord {
        topic: shared(META.name),
        partition: Some(0),
        key: Some(key.into_bytes().into()),
        value: Some(bytes::Bytes::new()),
        headers: Vec::new(),
    };
    durable::write(producer.as_ref(), [record], DURABLE_WITHIN)?;
    find(log)?.ok_or_else(|| LogError::Fatal {
        what: format!("writing the log's id to topic {}", META.name),
        error: "it cannot be read back".to_owned(),
    })
}

/// The log's id, if it has one; nothing is written.
///
/// # Errors
/// [`LogError`].
pub fn find(log: &dyn EventLog) -> Result<Option<Uuid>, LogError> {
    let mut reader = log.reader(META.name, &[0], Start::Earliest)?;
    let mut oldest = None;
    read_to_end(reader.as_mut(), 0, |key, _| {
        let text = std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix(KEY_PREFIX));
        if let Some(id) = text.and_then(|text| Uuid::try_parse(text).ok()) {
            oldest.get_or_insert(id);
        }
    })?;
    Ok(oldest)
}

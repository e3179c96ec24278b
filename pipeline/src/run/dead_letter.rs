//! Dead letters: the record whole, who refused it, why, and the remedy.

use schemas::{CodecError, DeadLetter};

use crate::families;
use crate::log::{MAX_RECORD_BYTES, NewRecord, Record};
use crate::topic::shared;
use crate::topology::DEAD_LETTER;

/// A record as large as the log allows leaves no room for the letter around it; what is cut is
/// still in its own topic at the offset named.
const MAX_KEPT_BYTES: usize = MAX_RECORD_BYTES - 64 * 1024;

/// Why a record was refused.
#[derive(Debug)]
pub struct Poison {
    /// A word of the closed list in `dead_letter.avsc`.
    pub reason: &'static str,
    /// What is wrong, where, and the remedy.
    pub error: String,
}

impl From<CodecError> for Poison {
    fn from(error: CodecError) -> Self {
        Self { reason: error.reason(), error: error.to_string() }
    }
}

/// Notes a record that this component cannot read, without a letter: for who reads a topic from its
/// start each time, beside others whose positions last and who write the letter once.
pub fn pass_over(record: &Record, component: &str, poison: &Poison) {
    families::RECORDS_PASSED_OVER.add([component, poison.reason], 1);
    tracing::warn!(
        component, reason = poison.reason, error = poison.error,
        topic = %record.topic, partition = record.partition, offset = record.offset,
        "record passed over"
    );
}

/// The dead letter of a record.
pub fn of(record: &Record, component: &str, poison: Poison) -> NewRecord {
    let Poison { reason, error } = poison;
    families::DEAD_LETTERS.add([component, reason], 1);
    tracing::warn!(
        component, reason, error,
        topic = %record.topic, partition = record.partition, offset = record.offset,
        "record refused"
    );
    let kept = |bytes: &bytes::Bytes| bytes[..bytes.len().min(MAX_KEPT_BYTES)].to_vec();
    let letter = DeadLetter {
        topic: record.topic.to_string(),
        partition: record.partition,
        offset: record.offset,
        component: component.to_owned(),
        reason: reason.to_owned(),
        error,
        at: record.timestamp_ms,
        key: record.key.as_ref().map(kept),
        value: record.value.as_ref().map(kept),
    };
    let key = format!("{}/{}", record.topic, record.partition);
    DEAD_LETTER.record(&key, &letter).unwrap_or_else(|error| NewRecord {
        topic: shared(DEAD_LETTER.name),
        partition: None,
        key: Some(key.into_bytes().into()),
        value: Some(error.to_string().into_bytes().into()),
        headers: Vec::new(),
    })
}

//! What members and readers share: where to begin, and messages as records.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::{BorrowedMessage, Headers, Message};

use super::super::{LogError, Record, Start};
use super::client::{Cluster, Range, out_of_range, range};
use super::context::Context;

/// An end before a position that was taken is believed after this time.
const BELIEVED_AFTER: Duration = Duration::from_secs(5);
/// At most so many bytes come from one `poll`, but for the last record.
pub(super) const MAX_POLL_BYTES: usize = 8 << 20;

/// Where to begin, as an offset that is in the log.
pub(super) fn resolve(
    cluster: &Cluster,
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
    from: Start,
) -> Result<i64, LogError> {
    let full = cluster.full(topic);
    match from {
        Start::Earliest => Ok(cluster.range(&full, partition)?.earliest),
        // This consumer's own end is that of the committed records.
        Start::Latest => Ok(range(consumer, &full, partition)?.end),
        Start::At(offset) => {
            let deadline = Instant::now() + BELIEVED_AFTER;
            loop {
                let range: Range = cluster.range(&full, partition)?;
                if (range.earliest..=range.end).contains(&offset) {
                    return Ok(offset);
                }
                // A broker that was frozen reports an old end until it knows that it leads no more.
                if offset < range.earliest || Instant::now() > deadline {
                    return Err(out_of_range(topic, partition, offset, range));
                }
                std::thread::sleep(Duration::from_millis(500));
                let _ = cluster.metadata(Some(&full));
            }
        }
    }
}

/// A message as the seam's record.
pub(super) fn record(topic: &Arc<str>, message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let value = |v: Option<&[u8]>| Bytes::copy_from_slice(v.unwrap_or_default());
        headers.iter().map(|h| (h.key.to_owned(), value(h.value))).collect()
    });
    Record {
        topic: Arc::clone(topic),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers,
    }
}

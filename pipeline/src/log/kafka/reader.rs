//! Readers without a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::super::{LogError, MAX_POLL_RECORDS, Reader, Record, Start};
use super::client::{Cluster, create, out_of_range};
use super::context::Context;
use super::error::{Meaning, from_kafka};
use super::reading::{MAX_POLL_BYTES, record, resolve};

/// Reads partitions of one topic.
pub(super) struct KafkaReader {
    cluster: Arc<Cluster>,
    consumer: BaseConsumer<Context>,
    topic: Arc<str>,
    full: String,
    /// Of each partition the next offset.
    next: BTreeMap<i32, i64>,
    /// Whether librdkafka fetches; not before the first poll.
    reading: bool,
}

impl KafkaReader {
    pub(super) fn open(
        cluster: &Arc<Cluster>,
        topic: &str,
        partitions: &[i32],
        from: Start,
    ) -> Result<Self, LogError> {
        let name = format!("reader-{topic}");
        // No group is joined; librdkafka wants the name of one nevertheless.
        let config = cluster.options.consumer(&name, &cluster.full("reader"));
        let what = format!("read {topic}");
        let consumer: BaseConsumer<Context> =
            create(&config, cluster.context(&name), &what, "reader")?;
        let full = cluster.full(topic);
        let partitions = match partitions {
            [] => all_partitions(cluster, topic, &full)?,
            some => some.to_vec(),
        };
        let next = partitions
            .into_iter()
            .map(|p| Ok((p, resolve(cluster, &consumer, topic, p, from)?)))
            .collect::<Result<BTreeMap<i32, i64>, LogError>>()?;
        let cluster = Arc::clone(cluster);
        Ok(Self { cluster, consumer, topic: topic.into(), full, next, reading: false })
    }

    fn error(&self, error: &rdkafka::error::KafkaError) -> LogError {
        from_kafka(error, format!("read {}", self.topic), "reader")
    }

    /// Has librdkafka fetch from where we are.
    fn begin(&mut self) -> Result<(), LogError> {
        if self.reading {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in &self.next {
            list.add_partition_offset(&self.full, *partition, Offset::Offset(*next))
                .map_err(|e| self.error(&e))?;
        }
        self.consumer.assign(&list).map_err(|e| self.error(&e))?;
        self.reading = true;
        Ok(())
    }

    /// Takes over what librdkafka has moved over without handing anything out.
    fn move_on(&mut self) {
        // The list is dropped before the consumer, or its end would wait for ever.
        let Ok(list) = self.consumer.position() else { return };
        for element in list.elements() {
            let Offset::Offset(offset) = element.offset() else { continue };
            if let Some(next) = self.next.get_mut(&element.partition()) {
                *next = offset.max(*next);
            }
        }
    }

    /// librdkafka says that a position is not in the log, but not which; it reads on no more.
    fn find_out_of_range(&mut self) -> LogError {
        self.reading = false;
        for (partition, next) in &self.next {
            match self.cluster.range(&self.full, *partition) {
                Ok(range) if *next < range.earliest || *next > range.end => {
                    return out_of_range(&self.topic, *partition, *next, range);
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
        let what = format!("read {}", self.topic);
        LogError::Retry { what, error: "a position was refused".into() }
    }

    fn judge(&mut self, error: &rdkafka::error::KafkaError) -> Result<(), LogError> {
        let context = self.consumer.context();
        match error.rdkafka_error_code().map_or(Meaning::Passing, |code| context.meaning(code)) {
            Meaning::Passing | Meaning::Fenced => Ok(()),
            Meaning::OutOfRange => Err(self.find_out_of_range()),
            Meaning::Refused(_) => Err(self.error(error)),
        }
    }
}

fn all_partitions(cluster: &Cluster, topic: &str, full: &str) -> Result<Vec<i32>, LogError> {
    let metadata = cluster.metadata(Some(full))?;
    let found = metadata.topics().iter().find(|t| t.name() == full && t.error().is_none());
    let partitions: Vec<i32> =
        found.map_or(Vec::new(), |t| t.partitions().iter().map(|p| p.id()).collect());
    if partitions.is_empty() {
        let error = "the cluster has no such topic (yet)".to_owned();
        return Err(LogError::Retry { what: format!("read {topic}"), error });
    }
    Ok(partitions)
}

impl Reader for KafkaReader {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError> {
        self.consumer.context().keep_brokers(self.consumer.client());
        self.begin()?;
        let deadline = Instant::now() + timeout;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < MAX_POLL_RECORDS && bytes < MAX_POLL_BYTES {
            let wait = match records.is_empty() {
                true => deadline.saturating_duration_since(Instant::now()),
                false => Duration::ZERO,
            };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let record = record(&self.topic, &message);
                    self.next.insert(message.partition(), message.offset() + 1);
                    bytes += record.bytes();
                    records.push(record);
                }
                // Records that were handed out by librdkafka must not be lost to an error: it is
                // met again at the next poll, from the position then.
                Some(Err(error)) => match self.judge(&error) {
                    Err(_) if !records.is_empty() => break,
                    Err(error) => return Err(error),
                    Ok(()) => {}
                },
                None if records.is_empty() && Instant::now() < deadline => {}
                None => break,
            }
        }
        if records.len() < MAX_POLL_RECORDS {
            self.move_on();
        }
        Ok(records)
    }

    fn position(&self, partition: i32) -> i64 {
        self.next.get(&partition).copied().unwrap_or(0)
    }

    fn end(&mut self, partition: i32) -> Result<i64, LogError> {
        Ok(self.cluster.range(&self.full, partition)?.end)
    }
}

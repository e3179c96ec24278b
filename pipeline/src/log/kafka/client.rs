//! What all clients of one cluster share: options, and an observer for metadata and watermarks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::super::LogError;
use super::context::Context;
use super::error::{Meaning, from_kafka};
use super::options::{KafkaOptions, SESSION_MS};
use super::said::Secrets;
use crate::activity::call;

/// Longest wait for an answer about metadata, watermarks or committed offsets.
pub(super) const ASK: Duration = Duration::from_secs(15);

/// Between two looks at why nobody answers.
const LOOK: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);

/// One cluster, and how to talk to it.
pub(super) struct Cluster {
    pub(super) options: KafkaOptions,
    observer: BaseConsumer<Context>,
    secrets: Arc<Secrets>,
    /// Of each topic that was asked for: as many as there are topics.
    partitions: Mutex<HashMap<Arc<str>, i32>>,
}

/// First offset kept, and one past the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) earliest: i64,
    pub(super) end: i64,
}

impl Cluster {
    pub(super) fn connect(options: KafkaOptions) -> Result<Self, LogError> {
        options.check()?;
        let secrets = Arc::new(Secrets::of(&options));
        let context = Context::new(Arc::clone(&secrets), &options.bootstrap, "observer");
        let observer: BaseConsumer<Context> =
            create(&options.observer(), context, "connect to Kafka", "")?;
        let cluster = Self { options, observer, secrets, partitions: Mutex::default() };
        cluster.reach()?;
        Ok(cluster)
    }

    /// Until a broker has answered; who is refused does not wait for the time to run out.
    fn reach(&self) -> Result<(), LogError> {
        let deadline = Instant::now() + ASK;
        loop {
            let Err(error) = self.observer.fetch_metadata(None, LOOK) else { return Ok(()) };
            let what = format!("connect to Kafka at {}", self.options.bootstrap);
            let error = from_kafka(&error, what, "");
            self.observer();
            let worst = self.observer.context().worst();
            let refused = matches!(worst, Some((Meaning::Refused(_), _)));
            let passing = matches!(error, LogError::Retry { .. });
            if refused || !passing || Instant::now() > deadline {
                return Err(self.unreachable(error));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Says why, if librdkafka said something.
    fn unreachable(&self, error: LogError) -> LogError {
        let what = format!("connect to Kafka at {}", self.options.bootstrap);
        match self.observer.context().worst() {
            Some((Meaning::Refused(remedy), text)) => {
                LogError::Fatal { what, error: format!("{text}: {remedy}") }
            }
            Some((_, text)) => LogError::Retry { what, error: text },
            None => error,
        }
    }

    pub(super) fn id(&self) -> Option<String> {
        self.observer.client().fetch_cluster_id(ASK)
    }

    /// The observer, its errors and statistics served: it reads nothing.
    fn observer(&self) -> &BaseConsumer<Context> {
        const MOST: usize = 100;
        // A poll serves one of them, and says of each that there was nothing to read.
        for _ in 0..MOST {
            let _ = self.observer.poll(Duration::ZERO);
        }
        self.observer.context().keep_brokers(self.observer.client());
        &self.observer
    }

    /// With the prefix.
    pub(super) fn full(&self, name: &str) -> String {
        format!("{}{name}", self.options.prefix)
    }

    /// Metadata of one topic (full name) or all.
    pub(super) fn metadata(&self, topic: Option<&str>) -> Result<Metadata, LogError> {
        let what = || format!("ask {} for topics", self.options.bootstrap);
        call(what, ASK, || self.observer().fetch_metadata(topic, ASK))
            .map_err(|error| from_kafka(&error, what(), ""))
    }

    /// The partition's range now, open transactions included. `topic` is the full name.
    pub(super) fn range(&self, topic: &str, partition: i32) -> Result<Range, LogError> {
        watermarks(self.observer(), topic, partition).or_else(|_| {
            // A client that reads nothing learns of a new leader only when it asks who it is.
            self.metadata(Some(topic))?;
            watermarks(self.observer(), topic, partition)
        })
    }

    /// The ends of the partitions of topics, open transactions included, in one question to each
    /// broker. Names are without the prefix.
    pub(super) fn ends(
        &self,
        topics: &BTreeSet<Arc<str>>,
    ) -> Result<BTreeMap<Arc<str>, Vec<i64>>, LogError> {
        self.ends_as_known(topics).or_else(|_| {
            // A client that reads nothing learns of a new leader only when it asks who it is.
            self.partitions.lock().unwrap_or_else(PoisonError::into_inner).clear();
            self.ends_as_known(topics)
        })
    }

    fn ends_as_known(
        &self,
        topics: &BTreeSet<Arc<str>>,
    ) -> Result<BTreeMap<Arc<str>, Vec<i64>>, LogError> {
        let what = || format!("ask Kafka at {} for the ends of topics", self.options.bootstrap);
        let mut list = TopicPartitionList::new();
        let mut counts = Vec::new();
        for topic in topics {
            let (full, count) = (self.full(topic), self.partitions(topic)?);
            for partition in 0..count {
                // The end is the answer to this time of no record.
                list.add_partition_offset(&full, partition, Offset::End)
                    .map_err(|error| from_kafka(&error, what(), ""))?;
            }
            counts.push((Arc::clone(topic), full, count));
        }
        let answer = call(what, ASK, || self.observer().offsets_for_times(list, ASK));
        let answer = answer.map_err(|error| from_kafka(&error, what(), ""))?;
        let end = |full: &str, partition: i32| {
            let element = answer.find_partition(full, partition);
            match element.as_ref().map(|element| (element.error(), element.offset())) {
                Some((Ok(()), Offset::Offset(end))) => Ok(end),
                Some((Err(error), _)) => Err(from_kafka(&error, what(), "")),
                Some((Ok(()), _)) | None => Err(LogError::Retry {
                    what: what(),
                    error: format!("no answer for {full}[{partition}]"),
                }),
            }
        };
        let ends = |(topic, full, count): (Arc<str>, String, i32)| {
            let ends = (0..count).map(|partition| end(&full, partition));
            Ok((topic, ends.collect::<Result<Vec<i64>, LogError>>()?))
        };
        counts.into_iter().map(ends).collect()
    }

    /// How many partitions a topic has, which is fixed when it is made; 0: it is not there (yet).
    pub(super) fn partitions(&self, topic: &Arc<str>) -> Result<i32, LogError> {
        let known = || self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known().get(topic) {
            return Ok(*count);
        }
        let full = self.full(topic);
        let metadata = self.metadata(Some(&full))?;
        let found = metadata.topics().iter().find(|t| t.name() == full);
        let count = i32::try_from(found.map_or(0, |t| t.partitions().len())).unwrap_or(i32::MAX);
        if count > 0 {
            known().insert(Arc::clone(topic), count);
        }
        Ok(count)
    }

    pub(super) fn context(&self, name: &str) -> Context {
        Context::new(Arc::clone(&self.secrets), &self.options.bootstrap, name)
    }
}

/// The range as this consumer is allowed to see it.
pub(super) fn range(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
) -> Result<Range, LogError> {
    watermarks(consumer, topic, partition).or_else(|_| {
        let what = || format!("ask for the leader of {topic}[{partition}]");
        call(what, ASK, || consumer.fetch_metadata(Some(topic), ASK))
            .map_err(|error| from_kafka(&error, what(), ""))?;
        watermarks(consumer, topic, partition)
    })
}

fn watermarks(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
) -> Result<Range, LogError> {
    let what = || format!("ask for the range of {topic}[{partition}]");
    let (earliest, end) = call(what, ASK, || consumer.fetch_watermarks(topic, partition, ASK))
        .map_err(|error| from_kafka(&error, what(), ""))?;
    Ok(Range { earliest, end })
}

/// The refusal of an offset outside the range; `topic` without the prefix.
pub(super) fn out_of_range(topic: &str, partition: i32, wanted: i64, range: Range) -> LogError {
    let remedy = if wanted < range.earliest {
        "records that were still needed were deleted: keep the topic for longer than the longest \
         outage"
    } else {
        "the topic is not the one the position was taken from: restore it, or reset the reader \
         to this cluster"
    };
    LogError::OutOfRange {
        topic: topic.to_owned(),
        partition,
        wanted,
        earliest: range.earliest,
        end: range.end,
        remedy: remedy.to_owned(),
    }
}

/// A client by its configuration.
pub(super) fn create<T: FromClientConfigAndContext<C>, C: ClientContext>(
    config: &ClientConfig,
    context: C,
    what: &str,
    slot: &str,
) -> Result<T, LogError> {
    config.create_with_context(context).map_err(|error| {
        if let KafkaError::ClientCreation(text) = &error {
            const CA: &str = "ssl.ca.location";
            let error = match config.get(CA).filter(|_| text.contains(CA)) {
                Some(path) => format!("{text}: correct {CA}, which is {path}"),
                None => format!("{text}: correct the Kafka properties"),
            };
            return LogError::Fatal { what: what.to_owned(), error };
        }
        from_kafka(&error, what.to_owned(), slot)
    })
}

/// Longest wait for a group, a transaction or a producer to end what it is at.
pub(super) const SETTLE: Duration = Duration::from_millis(3 * SESSION_MS as u64);

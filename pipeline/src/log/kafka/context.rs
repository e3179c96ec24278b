//! Where librdkafka's messages, errors, statistics and changes of the assignment go.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::types::{RDKafkaErrorCode as Code, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use super::bootstrap::Bootstrap;
use super::error::{Meaning, meaning};
use super::said::{
    Pace, Secrets, is_cut_sign_in, is_fenced, is_leave_of_a_lost_seat, is_spoiled_transaction,
    kind_of,
};
use crate::families;

/// A change of the assignment, as the group decided it; to be answered by the member's thread.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Assign(Vec<i32>),
    Revoke(Vec<i32>),
}

/// What librdkafka calls back.
pub(super) struct Context {
    secrets: Arc<Secrets>,
    name: String,
    worst: Mutex<Option<(Meaning, String)>>,
    changes: Mutex<VecDeque<Change>>,
    closing: AtomicBool,
    /// Whether the last error was that of a sign-in that was cut off.
    cut: AtomicBool,
    /// This client writes nothing any more, whatever it is given.
    spoiled: AtomicBool,
    bootstrap: Bootstrap,
    pace: Pace,
}

impl Context {
    pub(super) fn new(secrets: Arc<Secrets>, bootstrap: &str, name: &str) -> Self {
        Self {
            secrets,
            name: name.to_owned(),
            worst: Mutex::default(),
            changes: Mutex::default(),
            closing: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            spoiled: AtomicBool::new(false),
            bootstrap: Bootstrap::new(bootstrap),
            pace: Pace::default(),
        }
    }

    /// The meaning of the error that was said last.
    pub(super) fn meaning(&self, code: Code) -> Meaning {
        let cut = code == Code::Authentication && self.cut.load(Ordering::SeqCst);
        if cut { Meaning::Passing } else { meaning(code) }
    }

    /// The last error said, a refusal before a passing one.
    pub(super) fn worst(&self) -> Option<(Meaning, String)> {
        self.worst.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Relaxed)
    }

    /// To be called whenever its client is used.
    pub(super) fn keep_brokers<C: ClientContext>(&self, client: &Client<C>) {
        self.bootstrap.restore(client, &self.name);
    }

    /// Whether its client had a connection with a broker lately.
    pub(super) fn reaches_a_broker(&self) -> bool {
        self.bootstrap.reached()
    }

    pub(super) fn next_change(&self) -> Option<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn put_back(&self, change: Change) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push_front(change);
    }

    pub(super) fn has_change(&self) -> bool {
        !self.changes.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// From now on changes are answered as they come: the member's thread polls no more.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let (client, message) = (self.name.as_str(), self.secrets.hide(message));
        let handled = is_spoiled_transaction(facility, &message)
            || is_leave_of_a_lost_seat(facility, &message)
            || is_fenced(&message)
            || is_cut_sign_in(&message);
        if handled {
            tracing::debug!(target: "librdkafka", client, facility, "{message}");
            return;
        }
        // Who switched debugging on wants all of it.
        let unsaid = if matches!(level, RDKafkaLogLevel::Debug) {
            Some(0)
        } else {
            self.pace.may_say(&kind_of(facility, &message), Instant::now())
        };
        let Some(unsaid) = unsaid else { return };
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", client, facility, unsaid, "{message}");
            }
            RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", client, facility, unsaid, "{message}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", client, facility, unsaid, "{message}");
            }
            RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", client, facility, unsaid, "{message}");
            }
        }
    }

    fn stats(&self, statistics: Statistics) {
        self.bootstrap.note(&statistics);
        report(&self.name, &statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let reason = self.secrets.hide(reason);
        let code = error.rdkafka_error_code();
        let text = code.map_or_else(|| error.to_string(), |code| format!("{code:?}"));
        let kind = format!("error {text}");
        families::KAFKA_ERRORS.add([&self.name, &text], 1);
        // Of a broken connection its log has said the same, as FAIL.
        let cut = is_cut_sign_in(&reason);
        self.cut.store(cut, Ordering::SeqCst);
        if code == Some(Code::Fatal) {
            self.spoiled.store(true, Ordering::SeqCst);
        }
        let said = cut
            || is_fenced(&reason)
            || matches!(code, Some(Code::BrokerTransportFailure | Code::Resolve));
        if !said && let Some(unsaid) = self.pace.may_say(&kind, Instant::now()) {
            tracing::warn!(target: "librdkafka", client = self.name, unsaid, "{reason}");
        }
        let meaning = code.map_or(Meaning::Passing, |code| self.meaning(code));
        let mut worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        // A refusal says more than a broken connection, and that more than that all are broken.
        let known = worst.as_ref().map(|(meaning, _)| *meaning);
        let keep = matches!(known, Some(Meaning::Refused(_))) && meaning == Meaning::Passing
            || known.is_some() && code == Some(Code::AllBrokersDown);
        if !keep {
            *worst = Some((meaning, reason));
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let assign = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::SeqCst) {
            let answer = if assign {
                // Nothing of it is read any more; without an offset, the group would be asked.
                let _ = list.set_all_offsets(Offset::Offset(0));
                consumer.incremental_assign(list)
            } else {
                consumer.incremental_unassign(list)
            };
            if let Err(error) = answer {
                tracing::warn!(client = self.name, "while leaving the group: {error}");
            }
            return;
        }
        let partitions = list.elements().iter().map(|e| e.partition()).collect();
        let change = if assign { Change::Assign(partitions) } else { Change::Revoke(partitions) };
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push_back(change);
    }
}

/// Lag of consumers and queues of producers.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn report(client: &str, statistics: &Statistics) {
    if statistics.client_type == "producer" {
        families::KAFKA_QUEUE_RECORDS.set([client], statistics.msg_cnt as f64);
        families::KAFKA_QUEUE.set([client], statistics.msg_size as f64);
        return;
    }
    for topic in statistics.topics.values() {
        for partition in topic.partitions.values() {
            if partition.partition < 0 || partition.consumer_lag < 0 {
                continue;
            }
            let place = [client, &topic.topic, &partition.partition.to_string()];
            families::KAFKA_CONSUMER_LAG.set(place, partition.consumer_lag as f64);
        }
    }
}

/// Hands librdkafka's calls on to the field `context`.
macro_rules! delegate {
    ($context:ty) => {
        impl ClientContext for $context {
            fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
                self.context.log(level, facility, message);
            }
            fn stats(&self, statistics: Statistics) {
                self.context.stats(statistics);
            }
            fn error(&self, error: KafkaError, reason: &str) {
                self.context.error(error, reason);
            }
        }
    };
}
pub(super) use delegate;

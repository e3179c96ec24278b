//! What librdkafka's errors mean for the caller.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "librdkafka's errors are open and some 150: what is not named is passing"
)]

use rdkafka::error::{KafkaError, RDKafkaError};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::super::LogError;

/// By what the caller does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Passing,
    Fenced,
    OutOfRange,
    Refused(&'static str),
}

/// The meaning of a code; what is not named here heals by itself.
pub(super) fn meaning(code: Code) -> Meaning {
    match code {
        Code::Fenced
        | Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::InvalidProducerIdMapping
        | Code::FencedInstanceId
        | Code::IllegalGeneration
        | Code::UnknownMemberId => Meaning::Fenced,
        Code::AutoOffsetReset | Code::OffsetOutOfRange => Meaning::OutOfRange,
        Code::TopicAuthorizationFailed => Meaning::Refused(
            "let this user Read and Write the topics with our prefix: kafka-acls --add \
             --allow-principal User:NAME --operation Read --operation Write --topic PREFIX \
             --resource-pattern-type prefixed",
        ),
        Code::GroupAuthorizationFailed => Meaning::Refused(
            "let this user Read the groups with our prefix: kafka-acls --add --allow-principal \
             User:NAME --operation Read --group PREFIX --resource-pattern-type prefixed",
        ),
        Code::TransactionalIdAuthorizationFailed => Meaning::Refused(
            "let this user Write the transactional ids with our prefix: kafka-acls --add \
             --allow-principal User:NAME --operation Write --transactional-id PREFIX \
             --resource-pattern-type prefixed",
        ),
        Code::ClusterAuthorizationFailed => {
            Meaning::Refused("let this user do it on the cluster, or have it done by an admin")
        }
        Code::Authentication | Code::SaslAuthenticationFailed => {
            Meaning::Refused("correct sasl.username and sasl.password")
        }
        Code::SSL => Meaning::Refused("correct ssl.ca.location and the client's certificate"),
        Code::InvalidTransactionTimeout => {
            Meaning::Refused("the brokers' transaction.max.timeout.ms must be at least 8000")
        }
        Code::UnsupportedVersion | Code::UnsupportedFeature => {
            Meaning::Refused("Kafka 2.5 or newer is needed")
        }
        Code::InvalidConfig | Code::PolicyViolation => {
            Meaning::Refused("see the brokers' settings")
        }
        // The rest of some 150 codes are troubles of a connection, a leader or a coordinator.
        _ => Meaning::Passing,
    }
}

/// The error of a call on `what`, in `slot` where one is at stake.
pub(super) fn from_code(code: Code, text: String, what: String, slot: &str) -> LogError {
    match meaning(code) {
        Meaning::Passing | Meaning::OutOfRange => LogError::Retry { what, error: text },
        Meaning::Fenced => LogError::Fenced { slot: slot.to_owned(), error: text },
        Meaning::Refused(remedy) => LogError::Fatal { what, error: format!("{text}: {remedy}") },
    }
}

/// The error of a call that is no transaction's.
pub(super) fn from_kafka(error: &KafkaError, what: String, slot: &str) -> LogError {
    match error {
        KafkaError::Transaction(error) => from_transaction(error, what, slot),
        KafkaError::ClientConfig(..) => super::options::refused_value(error),
        other => match other.rdkafka_error_code() {
            Some(code) => from_code(code, code.to_string(), what, slot),
            None => LogError::Retry { what, error: other.to_string() },
        },
    }
}

/// The error of a transaction's call. What is fatal to the producer without being a fence ends
/// this instance too: the caller begins anew.
pub(super) fn from_transaction(error: &RDKafkaError, what: String, slot: &str) -> LogError {
    let text = error.string();
    match meaning(error.code()) {
        Meaning::Passing if error.is_fatal() => {
            LogError::Fenced { slot: slot.to_owned(), error: text }
        }
        Meaning::Passing | Meaning::Fenced | Meaning::OutOfRange | Meaning::Refused(_) => {
            from_code(error.code(), text, what, slot)
        }
    }
}

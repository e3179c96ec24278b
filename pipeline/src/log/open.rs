//! Opens the log that the configuration names.

use std::sync::Arc;

use super::embedded::{Embedded, Options};
use super::kafka::{KafkaLog, KafkaOptions};
use super::{EventLog, LogError};
use crate::config::{Config, LogKind};

/// The embedded log's folder in the state folder.
pub const FOLDER: &str = "log";

/// Opens the log that the configuration names.
///
/// # Errors
/// [`LogError`].
pub fn open(config: &Config) -> Result<Arc<dyn EventLog>, LogError> {
    match config.log.kind {
        LogKind::Embedded => {
            let options = Options {
                group_commit_ms: config.log.embedded.group_commit_ms,
                max_retention_ms: match config.log.embedded.max_retention_hours {
                    0 => None,
                    hours => Some(i64::from(hours) * 3_600_000),
                },
                ..Options::default()
            };
            let log = Embedded::open(&config.state_dir.join(FOLDER), options)?;
            Ok(Arc::new(log))
        }
        LogKind::Kafka => Ok(Arc::new(open_kafka(config)?)),
    }
}

/// Reaches the cluster that the configuration names.
///
/// # Errors
/// [`LogError`].
pub fn open_kafka(config: &Config) -> Result<KafkaLog, LogError> {
    let kafka = &config.log.kafka;
    KafkaLog::connect(KafkaOptions {
        bootstrap: kafka.bootstrap.clone(),
        prefix: kafka.prefix.clone(),
        replication: kafka.replication,
        properties: kafka.properties.clone().into_iter().collect(),
    })
}

//! Opens the log that the configuration names.

use std::sync::Arc;

use super::embedded::{Embedded, Options};
use super::{EventLog, LogError};
use crate::config::{Config, LogKind};

/// The log's folder in the state folder.
const FOLDER: &str = "log";

/// Opens the log that the configuration names.
///
/// # Errors
/// [`LogError`].
pub fn open(config: &Config) -> Result<Arc<dyn EventLog>, LogError> {
    match config.log.kind {
        LogKind::Embedded => {
            let options = Options {
                group_commit_ms: config.log.embedded.group_commit_ms,
                ..Options::default()
            };
            let log = Embedded::open(&config.state_dir.join(FOLDER), options)?;
            Ok(Arc::new(log))
        }
        LogKind::Kafka => {
            Err(LogError::Fatal { what: "opening Kafka".to_owned(), error: "not wired".to_owned() })
        }
    }
}

//! Requests on the log: what the API wants done or changed.

use std::sync::Arc;

use api::PortError;
use schemas::AvroRecord;
use tokio::sync::oneshot;

use crate::log::{EventLog, LogError, NewRecord, Producer};
use crate::topic::{Carries, Key, Keyed, Topic};

/// Writes record by record; each call returns when its record is durable.
pub struct Commands {
    producer: Arc<dyn Producer>,
}

impl Commands {
    /// Over a producer of its own.
    ///
    /// # Errors
    /// [`LogError::Fatal`].
    pub fn new(log: &dyn EventLog) -> Result<Self, LogError> {
        Ok(Self { producer: log.producer("commands")? })
    }

    /// Writes a record; durable on return.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn publish<K: Key, T: Carries<V>, V: AvroRecord + Keyed<Key = K>>(
        &self,
        topic: &Topic<K, T>,
        value: &V,
    ) -> Result<(), PortError> {
        let record = topic.publish(value).map_err(|error| PortError::Refused(error.to_string()))?;
        self.write(record).await
    }

    async fn write(&self, record: NewRecord) -> Result<(), PortError> {
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.producer.send(record, Some(done)).map_err(refused)?;
        match receiver.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(error)),
            Err(_) => Err(PortError::Unavailable("the log was closed meanwhile".to_owned())),
        }
    }
}

fn refused(error: LogError) -> PortError {
    match error {
        LogError::TooLarge { .. } | LogError::Mismatch { .. } => {
            PortError::Refused(error.to_string())
        }
        LogError::Retry { .. }
        | LogError::Fenced { .. }
        | LogError::OutOfRange { .. }
        | LogError::Full { .. }
        | LogError::Fatal { .. } => PortError::Unavailable(error.to_string()),
    }
}

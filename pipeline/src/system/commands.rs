//! Commands on the log: what the API wants changed.

use std::sync::Arc;

use api::{PortError, PortFuture};
use schemas::{AvroRecord, Device, DeviceId};
use tokio::sync::oneshot;

use crate::log::{EventLog, LogError, NewRecord, Producer};
use crate::topic::{Carries, Key, Keyed, Topic};
use crate::topology::DEVICE;

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

    /// Removes a key from a compacted topic; durable on return.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn remove<K: Key, T>(&self, topic: &Topic<K, T>, key: &K) -> Result<(), PortError> {
        self.write(topic.tombstone(key)).await
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

    /// Puts a device; durable on return.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn put(&self, device: &Device) -> Result<(), PortError> {
        self.publish(&DEVICE, device).await
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

impl api::Commands for Commands {
    fn put_device(&self, device: Device) -> PortFuture<'_, Result<(), PortError>> {
        Box::pin(async move { self.put(&device).await })
    }

    fn delete_device(&self, id: DeviceId) -> PortFuture<'_, Result<(), PortError>> {
        Box::pin(async move { self.remove(&DEVICE, &id).await })
    }
}

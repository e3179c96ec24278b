//! Commands on the log: what the API wants changed.

use std::sync::Arc;

use api::{PortError, PortFuture};
use schemas::{Device, DeviceId};
use tokio::sync::oneshot;

use crate::log::{EventLog, LogError, NewRecord, Producer};
use crate::topology::DEVICE;

/// Writes the device topic; each call returns when its record is durable.
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

    /// Puts a device; durable on return.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn put(&self, device: &Device) -> Result<(), PortError> {
        let record = DEVICE
            .record(&device.id, device)
            .map_err(|error| PortError::Refused(error.to_string()))?;
        write(self.producer.as_ref(), record).await
    }
}

/// Writes a record; durable on return.
pub(super) async fn write(producer: &dyn Producer, record: NewRecord) -> Result<(), PortError> {
    let (sender, receiver) = oneshot::channel();
    let done = Box::new(move |result| {
        let _ = sender.send(result);
    });
    producer.send(record, Some(done)).map_err(refused)?;
    match receiver.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(refused(error)),
        Err(_) => Err(PortError::Unavailable("the log was closed meanwhile".to_owned())),
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
        Box::pin(write(self.producer.as_ref(), DEVICE.tombstone(&id)))
    }
}

//! What a poller takes from and gives to the rest of the program.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use schemas::{Device, DeviceId, Poll};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A change to the set of devices to poll.
#[derive(Clone, Debug, PartialEq)]
// Changes are rare and moved once: a box would only make them clumsy.
#[allow(clippy::large_enum_variant)]
pub enum Change {
    /// A device is new or has changed.
    Upsert(Device),
    /// A device is gone.
    Remove(DeviceId),
    /// Another poller has the device from now on. A poll under way is finished here: the other's
    /// first is of a later slot.
    Release(DeviceId),
}

/// Where poll records go.
pub trait PollSink: Send + Sync {
    /// Takes a record without ever blocking, or gives it back.
    fn offer(&self, poll: Poll) -> Result<(), Full>;
}

/// The sink takes no more for now; the record comes back, to be offered again.
#[derive(Debug)]
pub struct Full(pub Box<Poll>);

/// Looks credentials up by name.
pub trait Credentials: Send + Sync {
    /// The credential of that name.
    fn get<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>>;
}

/// What proves us to a device.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Credential {
    /// SNMPv2c.
    SnmpV2c {
        /// The community string.
        community: Secret,
    },
}

/// A text that is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretString);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text, for the wire only.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why there is no credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// None of that name: the device cannot be polled until it is made.
    #[error(
        "there is no credential named {0:?}: make it with `opsconductor credential add {0}`, \
         or give the device another one"
    )]
    Missing(String),
    /// The store cannot be read now: retried at the next cycle.
    #[error("credentials cannot be read now: {0}")]
    Unavailable(String),
}

/// A poller that cannot start or take a change.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// A profile file is wrong: fatal at start.
    #[error(transparent)]
    Profile(#[from] crate::profiles::ProfileError),
    /// A value of the configuration is out of range: fatal at start.
    #[error("pollers: {key}: {problem}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong and the remedy.
        problem: String,
    },
    /// The system refuses a socket or thread: fatal at start.
    #[error("pollers: {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Too many devices: the change is not taken.
    #[error("this poller has {0} devices already; start another poller or raise max_devices")]
    TooManyDevices(usize),
}

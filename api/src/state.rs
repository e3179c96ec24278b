//! What every handler can reach.

use std::fmt;
use std::sync::Arc;

use schemas::SchemaStore;
use secrecy::SecretString;
use sqlx::PgPool;

use crate::auth::Auth;
use crate::live::Live;
use crate::ports::{Entities, Prober, System, Vault};

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Lets programs in: `Authorization: Bearer …`. At least [`MIN_TOKEN_CHARS`] characters;
    /// a shorter one is refused by [`ApiState::new`].
    pub bearer_token: Option<SecretString>,
    /// Set when browsers reach the API by https: the session cookie is `Secure` then.
    pub secure_cookies: bool,
    /// The origin under which browsers see the API when a proxy changes the Host header, e.g.
    /// `https://noc.example.net`.
    pub public_origin: Option<String>,
    /// `/metrics` answers without sign-in when asked from this machine.
    pub open_metrics_on_loopback: bool,
    /// A session ends after so long without a request.
    pub session_idle_s: u32,
    /// At most so many viewers of live events; the next is asked to try later.
    pub max_viewers: usize,
    /// At most so many connections in all.
    pub max_connections: usize,
}

/// Shortest bearer token taken.
pub const MIN_TOKEN_CHARS: usize = 24;

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            bearer_token: None,
            secure_cookies: false,
            public_origin: None,
            open_metrics_on_loopback: false,
            session_idle_s: 12 * 3600,
            max_viewers: 2_000,
            max_connections: 4_000,
        }
    }
}

/// What stands behind the API.
#[derive(Clone)]
pub struct Ports {
    /// Changes what is configured.
    pub entities: Arc<dyn Entities>,
    /// Keeps credentials.
    pub vault: Arc<dyn Vault>,
    /// Tries devices.
    pub prober: Arc<dyn Prober>,
    /// Knows the process.
    pub system: Arc<dyn System>,
}

/// A setting that cannot be used: fix it and start again.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The bearer token is guessable.
    #[error("the API's bearer token has fewer than {MIN_TOKEN_CHARS} characters; use a longer one")]
    ShortToken,
    /// The system gives no further thread.
    #[error("the thread that checks passwords could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// State of the router; cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) pool: PgPool,
    pub(crate) ports: Ports,
    pub(crate) live: Live,
    pub(crate) schemas: SchemaStore,
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) auth: Arc<Auth>,
}

impl ApiState {
    /// Wires the API. The pool should set a `statement_timeout` below 30 s, so that the database
    /// does not go on working for requests that were given up.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that cannot be used.
    pub fn new(
        config: ApiConfig,
        pool: PgPool,
        ports: Ports,
        live: Live,
        schemas: SchemaStore,
    ) -> Result<Self, ConfigError> {
        let auth = Auth::new(&config)?;
        Ok(Self { pool, ports, live, schemas, config: Arc::new(config), auth: Arc::new(auth) })
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("config", &self.config).finish_non_exhaustive()
    }
}

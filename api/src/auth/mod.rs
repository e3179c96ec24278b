//! Who may come in: one administrator by password, the command line by token.

mod change;
mod checker;
mod door;
mod limiter;
mod password;
mod session;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

pub(crate) use change::{change_password, one_time_password};
use checker::Checker;
pub(crate) use door::{guard, refuse_other_sites};
use limiter::Limiter;
pub use password::{AdminError, ensure_admin, reset_admin};
pub(crate) use session::{sign_in, sign_out};

use crate::access::Grants;
use crate::families;
use crate::http::ApiError;
use crate::state::{ApiConfig, ConfigError, MIN_TOKEN_CHARS};

/// The one user there is.
const ADMIN: &str = "admin";

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "opsc_session";

/// Failed attempts within [`WINDOW`] before a user name has to wait, and an address.
const MAX_PER_USER: u32 = 10;
const MAX_PER_ADDRESS: u32 = 30;
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Default for Peer {
    fn default() -> Self {
        Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// Who a request is from.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) username: String,
    /// ms since the epoch; none for a bearer token.
    pub(crate) expires_at: Option<i64>,
    /// SHA-256 of the session's token.
    session: Option<[u8; 32]>,
    /// The user's password is one that was made by the program.
    pub(crate) one_time_password: bool,
    /// The cookie to send again, when the session was prolonged.
    renewed: Option<axum::http::HeaderValue>,
    /// What it may do.
    pub(crate) grants: Grants,
}

/// State of the doors.
pub(crate) struct Auth {
    bearer: Option<SecretString>,
    by_user: Limiter<String>,
    by_address: Limiter<IpAddr>,
    checker: Checker,
    idle: Duration,
    secure: bool,
}

impl Auth {
    pub(crate) fn new(config: &ApiConfig) -> Result<Self, ConfigError> {
        let token = config.bearer_token.as_ref();
        if token.is_some_and(|token| token.expose_secret().chars().count() < MIN_TOKEN_CHARS) {
            return Err(ConfigError::ShortToken);
        }
        Ok(Self {
            bearer: config.bearer_token.clone(),
            by_user: Limiter::new(MAX_PER_USER, WINDOW),
            by_address: Limiter::new(MAX_PER_ADDRESS, WINDOW),
            checker: Checker::start().map_err(ConfigError::Thread)?,
            idle: Duration::from_secs(u64::from(config.session_idle_s.max(60))),
            secure: config.secure_cookies,
        })
    }

    /// Counts an attempt at a password before it is made.
    fn allow(&self, address: IpAddr, username: &str, now: Instant) -> Result<(), ApiError> {
        let waits = |retry_after_s| {
            families::LOGINS.add(["limited"], 1);
            ApiError::TooMany { retry_after_s }
        };
        self.by_address.attempt(address, now).map_err(waits)?;
        self.by_user.attempt(username.to_owned(), now).map_err(waits)
    }

    /// The attempt was right.
    fn forgive(&self, address: IpAddr, username: &str) {
        self.by_address.forget(&address);
        self.by_user.forget(&username.to_owned());
    }
}

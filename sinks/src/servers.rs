//! Where the database is: one server, or several of which one can be written to at a time (a primary
//! and replicas that may be promoted). Whoever connects is given the one that can.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::error::{Class, SinkError, classify};

/// A server is given up when it has not answered within this time, and the next one is tried.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Time between two looks at the server that is in use.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The servers of a database. Clones share what is known of them.
#[derive(Clone, Debug)]
pub struct Servers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Vec<PgConnectOptions>,
    used: Mutex<Used>,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    /// Which of all was the last that could be written to.
    number: usize,
    since: Instant,
}

/// Why a server is not the one.
#[derive(Debug)]
enum Refusal {
    Sql(sqlx::Error),
    ReadOnly,
    Silent,
}

/// No server can be written to: each with its reason.
#[derive(Debug)]
pub struct NoServer(Vec<(String, Refusal)>);

impl std::error::Error for NoServer {}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (server, refusal)) in self.0.iter().enumerate() {
            let comma = if number > 0 { "; " } else { "" };
            write!(f, "{comma}{server}: ")?;
            match refusal {
                Refusal::Sql(error) => write!(f, "{error}")?,
                Refusal::ReadOnly => f.write_str("takes no writes (a replica)")?,
                Refusal::Silent => write!(f, "no answer within {CONNECT_LIMIT:?}")?,
            }
        }
        Ok(())
    }
}

impl NoServer {
    /// A person must act if that is so at every server.
    fn is_fatal(&self) -> bool {
        self.0.iter().all(|(_, refusal)| match refusal {
            Refusal::Sql(error) => !matches!(classify(error), Class::Retry(_) | Class::Locked(_)),
            Refusal::ReadOnly | Refusal::Silent => false,
        })
    }
}

impl From<NoServer> for SinkError {
    fn from(error: NoServer) -> Self {
        if error.is_fatal() {
            Self::Fatal(error.to_string())
        } else {
            Self::Retry(error.to_string())
        }
    }
}

impl From<PgConnectOptions> for Servers {
    fn from(server: PgConnectOptions) -> Self {
        Self::new(server, [])
    }
}

impl Servers {
    /// The first one, and further ones in the order in which they are tried.
    pub fn new(
        first: PgConnectOptions,
        further: impl IntoIterator<Item = PgConnectOptions>,
    ) -> Self {
        let all = std::iter::once(first).chain(further).collect();
        let used = Mutex::new(Used { number: 0, since: Instant::now() });
        Self(Arc::new(Inner { all, used }))
    }

    /// The same servers with other options of the session.
    #[must_use]
    pub fn with(&self, session: impl FnMut(PgConnectOptions) -> PgConnectOptions) -> Self {
        let all = self.0.all.iter().cloned().map(session).collect();
        Self(Arc::new(Inner { all, used: Mutex::new(*self.used()) }))
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.0.all.len() > 1
    }

    /// How to connect to the one that could be written to last; at first, the first.
    pub fn current(&self) -> PgConnectOptions {
        self.0.all[self.used().number].clone()
    }

    /// Whether a connection of this age is one to the server in use.
    pub fn is_current(&self, age: Duration) -> bool {
        self.used().since.elapsed() >= age
    }

    /// Connects to the server that can be written to.
    ///
    /// # Errors
    /// [`NoServer`]
    pub async fn connect(&self) -> Result<PgConnection, NoServer> {
        self.connect_as(|options| options).await
    }

    /// The same with other options of the session.
    pub(crate) async fn connect_as(
        &self,
        session: impl Fn(PgConnectOptions) -> PgConnectOptions,
    ) -> Result<PgConnection, NoServer> {
        let (all, first) = (&self.0.all, self.used().number);
        let mut refused = Vec::new();
        for number in std::iter::once(first).chain((0..all.len()).filter(|it| *it != first)) {
            let options = session(all[number].clone());
            let name = format!("{}:{}", options.get_host(), options.get_port());
            match tokio::time::timeout(CONNECT_LIMIT, open(&options)).await {
                Ok(Ok(connection)) => {
                    if number != first {
                        tracing::warn!(server = name, "the database is written to there now");
                        *self.used() = Used { number, since: Instant::now() };
                    }
                    return Ok(connection);
                }
                Ok(Err(refusal)) => refused.push((name, refusal)),
                Err(_) => refused.push((name, Refusal::Silent)),
            }
        }
        Err(NoServer(refused))
    }

    /// Keeps the pool at the server that can be written to, for as long as it is polled.
    pub async fn follow(&self, pool: &PgPool) {
        let mut watched = None;
        while self.are_several() && !pool.is_closed() {
            if !stands(watched.as_mut()).await {
                watched = self.connect().await.ok();
                pool.set_connect_options(self.current());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn stands(watched: Option<&mut PgConnection>) -> bool {
    let Some(watched) = watched else { return false };
    tokio::time::timeout(CONNECT_LIMIT, takes_writes(watched))
        .await
        .is_ok_and(|it| it.is_ok_and(|it| it))
}

async fn open(options: &PgConnectOptions) -> Result<PgConnection, Refusal> {
    let mut connection = PgConnection::connect_with(options).await.map_err(Refusal::Sql)?;
    match takes_writes(&mut connection).await {
        Ok(true) => Ok(connection),
        Ok(false) => Err(Refusal::ReadOnly),
        Err(error) => Err(Refusal::Sql(error)),
    }
}

/// Whether this server can be written to: it is no replica, and nobody has made it read-only.
///
/// # Errors
/// Of the connection.
pub async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let question = "SELECT current_setting('transaction_read_only') = 'off'";
    sqlx::query_scalar(question).fetch_one(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_server_is_tried_and_named() {
        let at = |port| PgConnectOptions::new().host("127.0.0.1").port(port);
        let servers = Servers::new(at(1), [at(2)]);
        let error = servers.connect().await.map(drop).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("127.0.0.1:1: ") && text.contains("; 127.0.0.1:2: "), "{text}");
        assert!(matches!(SinkError::from(error), SinkError::Retry(_)));
        assert_eq!(servers.current().get_port(), 1);
    }

    #[test]
    fn connections_from_before_a_change_are_old() {
        let servers = Servers::from(PgConnectOptions::new());
        std::thread::sleep(Duration::from_millis(20));
        assert!(servers.is_current(Duration::ZERO));
        servers.used().since = Instant::now();
        assert!(!servers.is_current(Duration::from_millis(500)));
    }
}

//! The vault of this program: sealed rows in the database, changes published on the log.
//!
//! Who stores a secret ([`Store`], of the API) has the public key alone, from the database. Who polls
//! ([`Keyring`]) has the master key, from a file. An administrator with that file makes a new key
//! ([`admin`]).
//!
//! # How it can fail
//! - *Processes with different keys*: the database has the id of the one key that is right. Who holds
//!   another does not start, and a key is made only where the database has none and nothing is sealed.
//! - *Two that start at once on an empty database*: one of them makes the key, under a lock; the other
//!   finds it, or does not start for want of it.
//! - *A secret stored while the key changes*: who stores holds the key's row until its own row is
//!   committed, so that whoever changes the key sees it.
//! - *A key changed while processes run*: what they know they go on with; where a secret is sealed for
//!   a key that is not theirs they look into the file again, and say what is missing.
//! - *The log does not take a change*: the secret is stored all the same; pollers fetch theirs again
//!   after five minutes in any case.
//! - *Someone who may write to the database puts another public key there*: what is stored from then
//!   on is sealed for that key, and pollers say so. Who may do that could also make itself
//!   administrator.

pub mod admin;
mod keyring;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use api::{PortError, PortFuture, StoredCredential};
use schemas::CredentialChange;
use sqlx::{PgPool, Row};
use vault::{FileError, OpenError, Place, Secret};

pub use self::keyring::{Keyring, RESEALED_AFTER};
use self::rows::TENANT;
use super::commands::Commands;
use crate::topic::Keyed as _;
use crate::topology::CREDENTIAL;

/// Longest wait for a change to be on the log.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(5);

/// Why the vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A sealed secret.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Key and database do not belong together, or there is something else for a person to do.
    #[error("{0}")]
    Refused(String),
}

/// Stores credentials; it cannot open them.
pub struct Store {
    pool: PgPool,
    commands: Arc<Commands>,
}

impl Store {
    /// Over a database, and a log that changes are published on.
    pub fn new(pool: PgPool, commands: Arc<Commands>) -> Self {
        Self { pool, commands }
    }

    /// None when there is one of that name and it may not be replaced.
    async fn seal(
        &self,
        name: &str,
        secret: Secret,
        replace: bool,
    ) -> Result<Option<StoredCredential>, PortError> {
        let kind = secret.kind().name;
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let key = rows::key(&mut *transaction, rows::Lock::Share)
            .await
            .map_err(|error| PortError::Unavailable(format!("credentials: {error}")))?;
        let key = key.ok_or_else(|| {
            PortError::Unavailable(
                "the vault has no key yet: the first process of role connect (or run) makes it \
                 when it starts; start one, then try again"
                    .to_owned(),
            )
        })?;
        let place = Place { tenant: TENANT, name, kind };
        let sealed = key.public.seal(place, &secret.json()).ok_or_else(|| {
            PortError::Refused("the vault's key in the database is none to seal for".to_owned())
        })?;
        let row = sqlx::query(
            "INSERT INTO credential (name, kind, sealed) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE
             SET kind = excluded.kind, sealed = excluded.sealed, version = excluded.version,
                 updated_at = now()
             WHERE $4
             RETURNING name, kind, created_at, updated_at, version",
        )
        .bind(name)
        .bind(kind)
        .bind(sealed)
        .bind(replace)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        let Some(row) = row else { return Ok(None) };
        self.publish(name, row.get("version"), true).await;
        Ok(Some(stored(&row)))
    }

    /// Publishes a change, for those who poll.
    async fn publish(&self, name: &str, version: i64, present: bool) {
        let change =
            CredentialChange { tenant: TENANT.to_owned(), name: name.to_owned(), version, present };
        let published = async {
            self.commands.publish(&CREDENTIAL, &change).await?;
            if !present {
                self.commands.remove(&CREDENTIAL, &change.key()).await?;
            }
            Ok::<_, PortError>(())
        };
        let error = match tokio::time::timeout(PUBLISHED_WITHIN, published).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no confirmation within {PUBLISHED_WITHIN:?}"),
        };
        metrics::counter!("opsc_credential_changes_unpublished_total").increment(1);
        tracing::warn!(
            name,
            error,
            "a credential has changed, and the event log has not taken its record: pollers use it \
             within five minutes"
        );
    }
}

fn unavailable(error: sqlx::Error) -> PortError {
    PortError::Unavailable(format!("credentials: {error}"))
}

fn stored(row: &sqlx::postgres::PgRow) -> StoredCredential {
    let ms = |column: &str| row.get::<chrono::DateTime<chrono::Utc>, _>(column).timestamp_millis();
    StoredCredential {
        name: row.get("name"),
        kind: row.get("kind"),
        created_at: ms("created_at"),
        updated_at: ms("updated_at"),
    }
}

impl api::Vault for Store {
    fn list(&self) -> PortFuture<'_, Result<Vec<StoredCredential>, PortError>> {
        Box::pin(async {
            let query = "SELECT name, kind, created_at, updated_at FROM credential ORDER BY name";
            let rows = sqlx::query(query).fetch_all(&self.pool).await.map_err(unavailable)?;
            Ok(rows.iter().map(stored).collect())
        })
    }

    fn create(
        &self,
        name: String,
        secret: Secret,
    ) -> PortFuture<'_, Result<Option<StoredCredential>, PortError>> {
        Box::pin(async move { self.seal(&name, secret, false).await })
    }

    fn put(
        &self,
        name: String,
        secret: Secret,
    ) -> PortFuture<'_, Result<StoredCredential, PortError>> {
        Box::pin(async move {
            let stored = self.seal(&name, secret, true).await?;
            stored.ok_or_else(|| PortError::Unavailable("credentials: not stored".to_owned()))
        })
    }

    fn delete(&self, name: String) -> PortFuture<'_, Result<bool, PortError>> {
        Box::pin(async move {
            let version: Option<i64> = sqlx::query_scalar(
                "WITH gone AS (DELETE FROM credential WHERE name = $1 RETURNING name)
                 SELECT nextval('credential_version') FROM gone",
            )
            .bind(&name)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
            if let Some(version) = version {
                self.publish(&name, version, false).await;
            }
            Ok(version.is_some())
        })
    }
}

#[cfg(test)]
mod tests;

//! The vault of this program: sealed rows in the database. What of them others may know (name, kind,
//! version) is an entity, which who decides on entities publishes.
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
//! - *The log does not take a change*, or the process ends before it is asked to: the secret is stored
//!   all the same, and declared later ([`declare`]); pollers fetch theirs again after five minutes in
//!   any case.
//! - *A removal that ends in its middle*: the entity is gone, its row is not, and it is declared
//!   again: at the next start, or soon where the database alone failed. No removal was answered.
//! - *A secret stored while its credential is removed*: its row stays, and is declared again.
//! - *A change that those who decide refuse*: the secret is stored all the same, and the answer says
//!   so.
//! - *Someone who may write to the database puts another public key there*: what is stored from then
//!   on is sealed for that key, and pollers say so. Who may do that could also make itself
//!   administrator.

pub mod admin;
mod declare;
mod keyring;
mod rows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::{EntityReply, EntityRequest, PortError, PortFuture, StoredCredential};
use schemas::EntityProblem;
use sqlx::{PgPool, Row};
use vault::{FileError, OpenError, Place, Secret};

pub use self::keyring::{Keyring, RESEALED_AFTER};
use self::rows::TENANT;
use crate::families;

/// As commands name what is stored here.
const KIND: &str = "credential";

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
    entities: Arc<dyn api::Entities>,
    /// Whether there may be credentials that nobody but the database knows of.
    undeclared: AtomicBool,
}

/// A secret that was stored.
pub(super) struct Stored {
    credential: StoredCredential,
    version: i64,
}

impl Stored {
    /// Has it known to those who decide and to those who poll.
    pub(super) fn request(&self, expected: Option<i64>, by: String) -> EntityRequest {
        let StoredCredential { name, kind, .. } = &self.credential;
        request(name, kind, self.version, expected, by)
    }
}

fn request(
    name: &str,
    kind: &str,
    version: i64,
    expected: Option<i64>,
    by: String,
) -> EntityRequest {
    let body = serde_json::json!({ "name": name, "kind": kind, "version": version });
    let body = Some(body.to_string());
    EntityRequest { kind: KIND, id: name.to_owned(), expected, body, by }
}

/// Seals and stores a secret. None when there is one of that name and it may not be replaced.
pub(super) async fn seal(
    pool: &PgPool,
    name: &str,
    secret: Secret,
    replace: bool,
) -> Result<Option<Stored>, PortError> {
    let kind = secret.kind().name;
    let mut transaction = pool.begin().await.map_err(unavailable)?;
    let key = rows::key(&mut *transaction, rows::Lock::Share)
        .await
        .map_err(|error| PortError::Unavailable(format!("credentials: {error}")))?;
    let key = key.ok_or_else(|| {
        PortError::Unavailable(
            "the vault has no key yet: the first process of role connect (or run) makes it when it \
             starts; start one, then try again"
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
    Ok(row.map(|row| Stored { credential: stored(&row), version: row.get("version") }))
}

impl Store {
    /// Over a database, and who decides on credentials as on all that is configured.
    pub fn new(pool: PgPool, entities: Arc<dyn api::Entities>) -> Self {
        Self { pool, entities, undeclared: AtomicBool::new(true) }
    }

    /// None when there is one of that name and it may not be replaced.
    async fn keep(
        &self,
        name: &str,
        secret: Secret,
        replace: bool,
        by: String,
    ) -> Result<Option<StoredCredential>, PortError> {
        let Some(stored) = seal(&self.pool, name, secret, replace).await? else { return Ok(None) };
        let outcome = self.entities.apply(stored.request(None, by)).await;
        if let Ok(
            EntityReply::Applied { .. } | EntityReply::Conflict { .. } | EntityReply::NotFound,
        ) = outcome
        {
            return Ok(Some(stored.credential));
        }
        self.undeclared.store(true, Ordering::Relaxed);
        families::CREDENTIAL_CHANGES_UNPUBLISHED.add([], 1);
        let error = match outcome {
            Ok(EntityReply::Refused(problems)) => {
                return Err(PortError::Refused(format!(
                    "the secret of credential {name} is stored, but it was not announced: {}",
                    words(&problems)
                )));
            }
            Ok(_) => return Ok(Some(stored.credential)),
            Err(error) => error,
        };
        tracing::warn!(
            name,
            %error,
            "a credential is stored, and nobody has published it yet: pollers use it within five \
             minutes, devices can be given it once a process of role process runs"
        );
        Ok(Some(stored.credential))
    }

    async fn drop_it(&self, name: String, by: String) -> Result<EntityReply, PortError> {
        let version: Option<i64> =
            sqlx::query_scalar("SELECT version FROM credential WHERE name = $1")
                .bind(&name)
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
        // First, for it is refused while devices refer to it.
        let removal =
            EntityRequest { kind: KIND, id: name.clone(), expected: None, body: None, by };
        let reply = self.entities.apply(removal).await?;
        match (&reply, version) {
            (EntityReply::Conflict { .. } | EntityReply::Refused(_), _)
            | (EntityReply::NotFound, None) => return Ok(reply),
            (EntityReply::Applied { .. } | EntityReply::NotFound, _) => {}
        }
        // Not one that was stored meanwhile.
        let deleted = sqlx::query("DELETE FROM credential WHERE name = $1 AND version = $2")
            .bind(&name)
            .bind(version)
            .execute(&self.pool)
            .await
            .map(|done| done.rows_affected() > 0);
        if !matches!(deleted, Ok(true)) {
            // What is still stored is known to nobody.
            self.undeclared.store(true, Ordering::Relaxed);
        }
        // Of a release before: nobody but the database knew of it, and the API saw that no device
        // uses it.
        let unknown = deleted.map_err(unavailable)? && reply == EntityReply::NotFound;
        Ok(if unknown { EntityReply::Applied { revision: 0 } } else { reply })
    }
}

fn words(problems: &[EntityProblem]) -> String {
    problems.iter().map(|problem| problem.detail.as_str()).collect::<Vec<_>>().join("; ")
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
        by: String,
    ) -> PortFuture<'_, Result<Option<StoredCredential>, PortError>> {
        Box::pin(async move { self.keep(&name, secret, false, by).await })
    }

    fn put(
        &self,
        name: String,
        secret: Secret,
        by: String,
    ) -> PortFuture<'_, Result<StoredCredential, PortError>> {
        Box::pin(async move {
            let stored = self.keep(&name, secret, true, by).await?;
            stored.ok_or_else(|| PortError::Unavailable("credentials: not stored".to_owned()))
        })
    }

    fn delete(&self, name: String, by: String) -> PortFuture<'_, Result<EntityReply, PortError>> {
        Box::pin(self.drop_it(name, by))
    }
}

#[cfg(test)]
mod tests;

//! The vault's rows in the database.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, Row};
use vault::{KeyId, Place, PublicKey};

use super::VaultError;

/// Whose credentials these are.
pub(super) const TENANT: &str = schemas::DEFAULT_TENANT;
/// Of the advisory lock under which a key is made: any number that nothing else takes.
const KEY_LOCK: i64 = 0x6f70_7363_6b65_7901;

/// The key that everything is sealed for.
pub(super) struct StoredKey {
    pub(super) public: PublicKey,
    pub(super) since: DateTime<Utc>,
}

/// How long the key's row is kept from changing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// Not at all.
    None,
    /// While this transaction seals for it.
    Share,
    /// While this transaction changes it.
    Update,
}

/// The key; none before the first was made.
pub(super) async fn key(
    database: impl PgExecutor<'_>,
    lock: Lock,
) -> Result<Option<StoredKey>, VaultError> {
    let query = match lock {
        Lock::None => "SELECT public, since FROM vault_key",
        Lock::Share => "SELECT public, since FROM vault_key FOR SHARE",
        Lock::Update => "SELECT public, since FROM vault_key FOR UPDATE",
    };
    let Some(row) = sqlx::query(query).fetch_optional(database).await? else { return Ok(None) };
    let public = PublicKey::from_bytes(row.get("public")).ok_or_else(|| {
        VaultError::Refused(
            "the row of table vault_key holds no public key: restore it from a backup of the \
             database"
                .to_owned(),
        )
    })?;
    Ok(Some(StoredKey { public, since: row.get("since") }))
}

/// Makes or replaces the key.
pub(super) async fn set_key(
    database: impl PgExecutor<'_>,
    key: &PublicKey,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO vault_key (id, public) VALUES ($1, $2)
         ON CONFLICT (single) DO UPDATE
         SET id = excluded.id, public = excluded.public, since = now()",
    )
    .bind(key.id().to_string())
    .bind(&key.bytes()[..])
    .execute(database)
    .await
    .map(drop)
}

/// Until the transaction ends, nobody else makes a key.
pub(super) async fn alone(database: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(KEY_LOCK).execute(database).await.map(drop)
}

/// A sealed credential.
pub(super) struct SealedRow {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) sealed: Vec<u8>,
}

impl SealedRow {
    pub(super) fn place(&self) -> Place<'_> {
        Place { tenant: TENANT, name: &self.name, kind: &self.kind }
    }

    fn of(row: &sqlx::postgres::PgRow) -> Self {
        Self { name: row.get("name"), kind: row.get("kind"), sealed: row.get("sealed") }
    }
}

/// One credential.
pub(super) async fn find(
    database: impl PgExecutor<'_>,
    name: &str,
) -> Result<Option<SealedRow>, sqlx::Error> {
    let query = sqlx::query("SELECT name, kind, sealed FROM credential WHERE name = $1");
    let row = query.bind(name).fetch_optional(database).await?;
    Ok(row.as_ref().map(SealedRow::of))
}

/// All of them by name.
pub(super) async fn all(database: impl PgExecutor<'_>) -> Result<Vec<SealedRow>, sqlx::Error> {
    let query = "SELECT name, kind, sealed FROM credential ORDER BY name";
    let rows = sqlx::query(query).fetch_all(database).await?;
    Ok(rows.iter().map(SealedRow::of).collect())
}

/// Seals a credential otherwise, unless it has changed meanwhile; its version stays, for its secret
/// is the same.
pub(super) async fn reseal(
    database: impl PgExecutor<'_>,
    row: &SealedRow,
    sealed: &[u8],
) -> Result<bool, sqlx::Error> {
    let query = "UPDATE credential SET sealed = $3 WHERE name = $1 AND sealed = $2";
    let query = sqlx::query(query).bind(&row.name).bind(&row.sealed).bind(sealed);
    query.execute(database).await.map(|done| done.rows_affected() == 1)
}

/// What to do where the key of that id is missing.
pub(super) fn remedy(id: KeyId) -> String {
    format!(
        "put the file of key {id} in its place, or name it (vault.key_file, OPSC_VAULT_KEY_FILE): \
         every process of role connect that works has it, where `opsconductor vault status` says. If it \
         is lost: `opsconductor vault reset {id}` gives up all credentials, to be set again"
    )
}

//! The master key of a process that polls: it opens what the API has stored.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connectors::{Credential, CredentialError};
use sqlx::PgPool;
use vault::{KeyFile, KeyId, MasterKey, OpenError, Sealing, inspect};

use super::VaultError;
use super::rows::{self, Lock, SealedRow};

/// What an older version sealed is sealed anew after so long: pollers of that version, which cannot
/// read what this one seals, can be replaced first.
pub const RESEALED_AFTER: Duration = Duration::from_secs(15 * 60);

/// Opens credentials.
pub struct Keyring {
    pool: PgPool,
    file: KeyFile,
    key: Mutex<Arc<MasterKey>>,
}

impl Keyring {
    /// Takes the key that the database's credentials are sealed for; where there is none and nothing
    /// is sealed, makes it.
    ///
    /// # Errors
    /// [`VaultError`] when the file is unusable, or is not the database's.
    pub async fn open(pool: PgPool, file: KeyFile) -> Result<Self, VaultError> {
        let key = enroll(&pool, &file).await?;
        Ok(Self { pool, file, key: Mutex::new(Arc::new(key)) })
    }

    /// The key in use.
    pub fn id(&self) -> KeyId {
        self.key().id()
    }

    fn key(&self) -> Arc<MasterKey> {
        Arc::clone(&self.key.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens a row; where it is sealed for another key, that may have come into the file meanwhile.
    fn unseal(&self, row: &SealedRow) -> Result<zeroize::Zeroizing<Vec<u8>>, VaultError> {
        match self.key().open(row.place(), &row.sealed) {
            Err(error @ OpenError::OtherKey { sealed_with, .. }) => {
                let Some(key) = self.file.find(sealed_with)? else {
                    let (path, remedy) = (self.file.path().display(), rows::remedy(sealed_with));
                    return Err(VaultError::Refused(format!("{error} (from {path}): {remedy}")));
                };
                tracing::info!(key = %key.id(), "the vault's key has changed");
                let opened = key.open(row.place(), &row.sealed)?;
                *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                Ok(opened)
            }
            other => Ok(other?),
        }
    }

    async fn find(&self, name: &str) -> Result<Credential, CredentialError> {
        let unusable =
            |error: &dyn std::fmt::Display| CredentialError::Unavailable(error.to_string());
        let row = rows::find(&self.pool, name).await.map_err(|error| unusable(&error))?;
        let row = row.ok_or_else(|| CredentialError::Missing(name.to_owned()))?;
        let secret = self.unseal(&row).map_err(|error| unusable(&error))?;
        // The parser's words may repeat what it read.
        serde_json::from_slice(&secret).map_err(|_| {
            unusable(&format!(
                "{name} is of kind {}, which devices are not polled with: give the device another",
                row.kind
            ))
        })
    }

    /// Puts into envelopes what an older version sealed. How many, and what does not open. Whoever
    /// does the same at the same time does no harm.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn reseal(&self) -> Result<(usize, Vec<OpenError>), VaultError> {
        let key = self.key();
        let mut transaction = self.pool.begin().await?;
        // Held until the end: what is sealed here is sealed for the key that counts.
        let stored = rows::key(&mut *transaction, Lock::Share).await?;
        if stored.is_none_or(|stored| stored.public.id() != key.id()) {
            return Ok((0, Vec::new()));
        }
        let (mut done, mut closed) = (0, Vec::new());
        for row in rows::all(&mut *transaction).await? {
            match inspect(&row.sealed) {
                Some(Sealing::Envelope(_)) => continue,
                Some(Sealing::Direct) | None => {}
            }
            match key.reseal(key.public(), row.place(), &row.sealed) {
                Ok(sealed) => {
                    done += usize::from(rows::reseal(&mut *transaction, &row, &sealed).await?);
                }
                Err(error) => closed.push(error),
            }
        }
        transaction.commit().await?;
        Ok((done, closed))
    }
}

/// The key that belongs to the database.
async fn enroll(pool: &PgPool, file: &KeyFile) -> Result<MasterKey, VaultError> {
    let mut transaction = pool.begin().await?;
    rows::alone(&mut *transaction).await?;
    let path = file.path().display();
    let key = match rows::key(&mut *transaction, Lock::None).await? {
        Some(stored) => {
            let id = stored.public.id();
            if let Some(key) = file.adopt(id)? {
                return Ok(key);
            }
            let (since, remedy) = (stored.since.format("%F %R UTC"), rows::remedy(id));
            let is = match file.read()? {
                Some(key) => format!("{path} holds key {}", key.id()),
                None => format!("there is no file {path}"),
            };
            return Err(VaultError::Refused(format!(
                "{is}, but the database's credentials are sealed for key {id} since {since}: {remedy}"
            )));
        }
        None => {
            let sealed = rows::all(&mut *transaction).await?;
            match file.read()? {
                Some(key) if sealed.is_empty() || sealed.iter().any(|row| opens(&key, row)) => key,
                None if sealed.is_empty() => file.make()?,
                other => {
                    let is = match other {
                        Some(_) => format!("the key in {path} opens none of them"),
                        None => format!("there is no file {path}"),
                    };
                    return Err(VaultError::Refused(format!(
                        "the database has {} credentials that an older version sealed, and {is}: put \
                         vault.key of the process that stored them (role api or run, in its state \
                         folder) there. If it is lost, remove them (`opsconductor credential remove`) \
                         while the API runs, start again and set them anew",
                        sealed.len()
                    )));
                }
            }
        }
    };
    rows::set_key(&mut *transaction, key.public()).await?;
    transaction.commit().await?;
    tracing::info!(file = %path, key = %key.id(), "credentials are sealed for this vault key");
    Ok(key)
}

fn opens(key: &MasterKey, row: &SealedRow) -> bool {
    key.open(row.place(), &row.sealed).is_ok()
}

impl connectors::Credentials for Keyring {
    fn get<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>> {
        Box::pin(self.find(name))
    }
}

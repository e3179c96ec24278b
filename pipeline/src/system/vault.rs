//! The credential vault: secrets sealed with XChaCha20-Poly1305 in the database, the key in a file
//! that only this user can read.
//!
//! A sealed secret is version (1 byte), nonce (24 bytes), ciphertext; the credential's name and
//! kind are authenticated with it, so that a row cannot be passed off as another.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use api::{NewSecret, PortError, PortFuture, StoredCredential};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use connectors::{Credential, CredentialError, Poller};
use secrecy::ExposeSecret;
use sqlx::{PgPool, Row};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why the vault cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("vault key {path}: {error}")]
pub struct VaultError {
    path: PathBuf,
    error: String,
}

/// Seals, opens and lists credentials.
pub struct Vault {
    pool: PgPool,
    cipher: XChaCha20Poly1305,
    /// Weak: who stops the poller must be its last owner.
    poller: OnceLock<Weak<Poller>>,
}

impl Vault {
    /// Reads the key file, or makes it with a fresh random key.
    ///
    /// # Errors
    /// [`VaultError`] when the file is unusable or readable by others.
    pub fn open(pool: PgPool, key_file: &Path) -> Result<Self, VaultError> {
        let fail = |error: String| VaultError { path: key_file.to_owned(), error };
        let fresh = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
        let key = read_or_make(key_file, fresh.as_slice()).map(Zeroizing::new);
        let key = key.map_err(|error| fail(error.to_string()))?;
        let known = std::fs::metadata(key_file).map_err(|error| fail(error.to_string()))?;
        let mode = known.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(fail(format!(
                "others may read it (mode {:o}): chmod 600, then change every credential",
                mode & 0o777
            )));
        }
        let key: &[u8; KEY_BYTES] = key.as_slice().try_into().map_err(|_| {
            fail(format!("has {} bytes, not {KEY_BYTES}: restore it from a backup", key.len()))
        })?;
        let cipher = XChaCha20Poly1305::new(&Key::from(*key));
        Ok(Self { pool, cipher, poller: OnceLock::new() })
    }

    /// From now on this poller is told of changes, so that they count from its next poll on. A
    /// poller in another process fetches credentials again after a while.
    pub fn tell(&self, poller: &Arc<Poller>) {
        let _ = self.poller.set(Arc::downgrade(poller));
    }

    fn changed(&self, name: &str) {
        if let Some(poller) = self.poller.get().and_then(Weak::upgrade) {
            poller.forget_credential(name);
        }
    }

    fn seal(&self, name: &str, kind: &str, secret: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let aad = associated(name, kind);
        let payload = Payload { msg: secret, aad: &aad };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&[VERSION][..], &nonce, &sealed].concat())
    }

    fn unseal(&self, name: &str, kind: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&[version], rest) = sealed.split_first_chunk()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let aad = associated(name, kind);
        let payload = Payload { msg: sealed, aad: &aad };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        (version == VERSION).then_some(Zeroizing::new(secret))
    }

    async fn find(&self, name: &str) -> Result<Credential, CredentialError> {
        let away = |error: sqlx::Error| CredentialError::Unavailable(error.to_string());
        let row = sqlx::query("SELECT kind, sealed FROM credential WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(away)?
            .ok_or_else(|| CredentialError::Missing(name.to_owned()))?;
        let (kind, sealed): (String, Vec<u8>) = (row.get("kind"), row.get("sealed"));
        let unusable = |why: &str| CredentialError::Unavailable(format!("{name}: {why}"));
        let secret = self
            .unseal(name, &kind, &sealed)
            .ok_or_else(|| unusable("it was sealed with another vault key; set it again"))?;
        serde_json::from_slice(&secret).map_err(|_| unusable("its content is of an unknown form"))
    }

    /// None when there is one of that name and it may not be replaced.
    async fn store(
        &self,
        name: &str,
        secret: NewSecret,
        replace: bool,
    ) -> Result<Option<StoredCredential>, PortError> {
        let (kind, text) = match secret {
            NewSecret::SnmpV2c { community } => {
                let community = community.expose_secret();
                let json = serde_json::json!({"kind": "snmp_v2c", "community": community});
                ("snmp_v2c", Zeroizing::new(json.to_string()))
            }
        };
        let sealed = self
            .seal(name, kind, text.as_bytes())
            .ok_or_else(|| PortError::Refused("the secret cannot be sealed".to_owned()))?;
        let row = sqlx::query(
            "INSERT INTO credential (name, kind, sealed) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE
             SET kind = excluded.kind, sealed = excluded.sealed, updated_at = now()
             WHERE $4
             RETURNING name, kind, created_at, updated_at",
        )
        .bind(name)
        .bind(kind)
        .bind(sealed)
        .bind(replace)
        .fetch_optional(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(row.as_ref().map(stored))
    }
}

/// Name and kind with their lengths, so that no two pairs share an encoding.
fn associated(name: &str, kind: &str) -> Vec<u8> {
    format!("{}:{name}{}:{kind}", name.len(), kind.len()).into_bytes()
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

/// Makes a file that only its owner can read; fails when it exists. Who sees it sees all of it.
///
/// # Errors
/// The operating system's.
pub fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{:016x}", rand::random::<u64>()));
    let fresh = PathBuf::from(fresh);
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let made = file.write_all(content).and_then(|()| file.sync_all());
    // Unlike a rename, a link does not replace what another process has put there meanwhile.
    let made = made.and_then(|()| std::fs::hard_link(&fresh, path));
    std::fs::remove_file(&fresh)?;
    made
}

/// Reads a private file; where there is none it is made with this content. Processes that start at
/// once all get the same.
///
/// # Errors
/// The operating system's.
pub fn read_or_make(path: &Path, fresh: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::ErrorKind::{AlreadyExists, NotFound};
    match std::fs::read(path) {
        Err(error) if error.kind() == NotFound => match write_private(path, fresh) {
            Err(error) if error.kind() != AlreadyExists => Err(error),
            Ok(()) | Err(_) => std::fs::read(path),
        },
        other => other,
    }
}

impl api::Vault for Vault {
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
        secret: NewSecret,
    ) -> PortFuture<'_, Result<Option<StoredCredential>, PortError>> {
        Box::pin(async move {
            let stored = self.store(&name, secret, false).await?;
            // Devices may have named it before it was there.
            self.changed(&name);
            Ok(stored)
        })
    }

    fn put(
        &self,
        name: String,
        secret: NewSecret,
    ) -> PortFuture<'_, Result<StoredCredential, PortError>> {
        Box::pin(async move {
            let stored = self.store(&name, secret, true).await?;
            self.changed(&name);
            stored.ok_or_else(|| PortError::Unavailable("credentials: not stored".to_owned()))
        })
    }

    fn delete(&self, name: String) -> PortFuture<'_, Result<bool, PortError>> {
        Box::pin(async move {
            let done = sqlx::query("DELETE FROM credential WHERE name = $1")
                .bind(&name)
                .execute(&self.pool)
                .await
                .map_err(unavailable)?;
            self.changed(&name);
            Ok(done.rows_affected() > 0)
        })
    }
}

impl connectors::Credentials for Vault {
    fn get<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>> {
        Box::pin(self.find(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(path: &Path) -> Result<Vault, VaultError> {
        let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy("postgres://x@localhost/x");
        Vault::open(pool.unwrap(), path)
    }

    #[tokio::test]
    async fn sealed_secrets_open_only_as_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        let one = vault(&path).unwrap();
        let sealed = one.seal("lab", "snmp_v2c", b"public").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"public"));
        let again = vault(&path).unwrap();
        assert_eq!(again.unseal("lab", "snmp_v2c", &sealed).unwrap().as_slice(), b"public");
        assert!(again.unseal("lab2", "snmp_v2c", &sealed).is_none());
        assert!(again.unseal("lab", "snmp_v3", &sealed).is_none());
        for place in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[place] ^= 1;
            assert!(again.unseal("lab", "snmp_v2c", &forged).is_none(), "byte {place}");
        }
        let other = vault(&folder.path().join("other.key")).unwrap();
        assert!(other.unseal("lab", "snmp_v2c", &sealed).is_none());
    }

    #[tokio::test]
    async fn vaults_that_are_made_at_once_share_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = &folder.path().join("vault.key");
            let runtime = tokio::runtime::Handle::current();
            let start = std::sync::Barrier::new(4);
            let open = || {
                let _guard = runtime.enter();
                start.wait();
                vault(path).unwrap()
            };
            let vaults: Vec<Vault> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let sealed = vaults[0].seal("lab", "snmp_v2c", b"public").unwrap();
            for vault in &vaults {
                assert!(vault.unseal("lab", "snmp_v2c", &sealed).is_some());
            }
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left");
        }
    }

    #[tokio::test]
    async fn a_key_that_others_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        vault(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(vault(&path).err().unwrap().to_string().contains("chmod 600"));
    }
}

//! The administrator's password: made once, stored as argon2id.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use subtle::ConstantTimeEq;

use super::ADMIN;

/// No letters or digits that are mistaken for each other: nearly 5 bits each.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// 99 bits in all.
const PASSWORD_CHARS: usize = 20;

/// Why the administrator could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Retry: the database is away.
    #[error("the administrator could not be stored: {0}")]
    Database(#[from] sqlx::Error),
    /// Fatal: the password could not be hashed.
    #[error("the administrator's password could not be hashed: {0}")]
    Hash(String),
}

/// Makes the user `admin` unless it exists. Gives its password then, once: print it and forget it.
///
/// # Errors
/// [`AdminError`] says what the caller does.
pub async fn ensure_admin(pool: &PgPool) -> Result<Option<SecretString>, AdminError> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM api_user WHERE username = $1)")
            .bind(ADMIN)
            .fetch_one(pool)
            .await?;
    if exists {
        return Ok(None);
    }
    let password = random_password();
    let hash = hashed(password.clone()).await?;
    // Of two processes that start at once, one has the say.
    let made = sqlx::query(
        "INSERT INTO api_user (username, password_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(ADMIN)
    .bind(hash)
    .execute(pool)
    .await?;
    Ok((made.rows_affected() == 1).then_some(password))
}

/// Gives `admin` a new password, for when the first was lost, and signs everybody out.
///
/// # Errors
/// [`AdminError`] says what the caller does.
pub async fn reset_admin(pool: &PgPool) -> Result<SecretString, AdminError> {
    let password = random_password();
    let hash = hashed(password.clone()).await?;
    let mut transaction = pool.begin().await?;
    sqlx::query(
        "INSERT INTO api_user (username, password_hash) VALUES ($1, $2) ON CONFLICT (username) \
         DO UPDATE SET password_hash = excluded.password_hash, one_time = true, updated_at = now()",
    )
    .bind(ADMIN)
    .bind(hash)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("DELETE FROM api_session WHERE username = $1")
        .bind(ADMIN)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(password)
}

fn random_password() -> SecretString {
    let mut random = rand::rng();
    let mut pick = || ALPHABET[random.random_range(0..ALPHABET.len())] as char;
    SecretString::from((0..PASSWORD_CHARS).map(|_| pick()).collect::<String>())
}

pub(super) async fn hashed(password: SecretString) -> Result<String, AdminError> {
    let hash = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.expose_secret().as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| AdminError::Hash(error.to_string()))
    });
    hash.await.map_err(|error| AdminError::Hash(error.to_string()))?
}

/// What checking passwords works in, used again and again: an allocator may keep what is freed.
#[derive(Default)]
pub(super) struct Workspace {
    blocks: Vec<Block>,
}

impl Workspace {
    /// Compares in the same time whether the user exists or not; no hash: false.
    pub(super) fn matches(&mut self, hash: Option<&str>, password: &SecretString) -> bool {
        /// Of a password that nobody has: what an unknown user is compared with.
        const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
            c29tZXNhbHRzb21lc2FsdA$pZk1Ly6mNC1KlP2nRwzH4p4Xa6CqHE4lPLMCyjZSxVE";
        let known = hash.is_some();
        let same = self.compare(hash.unwrap_or(NOBODY), password).unwrap_or(false);
        known && same
    }

    /// None: that is no hash of ours.
    fn compare(&mut self, hash: &str, password: &SecretString) -> Option<bool> {
        let parsed = PasswordHash::new(hash).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).ok()?;
        let (salt, expected) = (parsed.salt?, parsed.hash?);
        self.blocks.resize(params.block_count(), Block::default());
        let mut output = vec![0; expected.as_ref().len()];
        Argon2::new(algorithm, Version::V0x13, params)
            .hash_password_into_with_memory(
                password.expose_secret().as_bytes(),
                salt.as_ref(),
                &mut output,
                &mut self.blocks[..],
            )
            .ok()?;
        Some(output.ct_eq(expected.as_ref()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let password = random_password();
        let hash = hashed(password.clone()).await.unwrap();
        let mut workspace = Workspace::default();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(workspace.matches(Some(&hash), &password));
        assert!(!workspace.matches(Some(&hash), &random_password()));
        assert!(!workspace.matches(Some("no hash"), &password));
        assert!(!workspace.matches(None, &password));
    }

    /// An unknown user must cost as much as a wrong password.
    #[test]
    fn the_stand_in_hash_is_a_hash() {
        let mut workspace = Workspace::default();
        let started = std::time::Instant::now();
        assert!(!workspace.matches(None, &SecretString::from("x")));
        assert!(started.elapsed().as_millis() >= 3, "{:?}", started.elapsed());
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (a, b) = (random_password(), random_password());
        assert_eq!(a.expose_secret().len(), PASSWORD_CHARS);
        assert_ne!(a.expose_secret(), b.expose_secret());
    }
}

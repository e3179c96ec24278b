//! A user's own new password, and a new one-time password for who lost it.

use std::time::Instant;

use secrecy::{ExposeSecret, SecretString};

use super::password::{hashed, reset_admin};
use super::{ADMIN, AdminError, Peer, Principal};
use crate::http::ApiError;
use crate::state::ApiState;

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Database(error) => error.into(),
            AdminError::Hash(detail) => Self::Internal(detail),
        }
    }
}

/// Stores the new password if the current one is right, and ends the user's other sessions.
pub(crate) async fn change_password(
    state: &ApiState,
    peer: Peer,
    principal: &Principal,
    current: &SecretString,
    new: SecretString,
) -> Result<(), ApiError> {
    let Some(session) = principal.session else {
        return Err(ApiError::Forbidden(
            "a bearer token has no password: sign in to change yours, or ask for a new one-time \
             password (`opsconductor password`)"
                .to_owned(),
        ));
    };
    let username = &principal.username;
    let address = super::door::network_of(peer.0);
    state.auth.allow(address, username, Instant::now())?;
    let hash: Option<String> =
        sqlx::query_scalar("SELECT password_hash FROM api_user WHERE username = $1")
            .bind(username)
            .fetch_optional(&state.pool)
            .await?;
    if !state.auth.checker.matches(hash.clone(), current.clone()).await? {
        tracing::warn!(username, address = %peer.0, "change of password refused");
        return Err(ApiError::field("current_password", "is not your current password"));
    }
    state.auth.forgive(address, username);
    if current.expose_secret() == new.expose_secret() {
        return Err(ApiError::field("new_password", "must differ from the current one"));
    }
    let fresh = hashed(new).await?;
    let mut transaction = state.pool.begin().await?;
    let stored = sqlx::query(
        "UPDATE api_user SET password_hash = $3, one_time = false, updated_at = now() \
         WHERE username = $1 AND password_hash = $2",
    )
    .bind(username)
    .bind(hash)
    .bind(fresh)
    .execute(&mut *transaction)
    .await?;
    if stored.rows_affected() == 0 {
        return Err(ApiError::Conflict("the password was changed elsewhere just now".to_owned()));
    }
    sqlx::query("DELETE FROM api_session WHERE username = $1 AND token_sha256 <> $2")
        .bind(username)
        .bind(session.as_slice())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    tracing::info!(username, address = %peer.0, "password changed");
    Ok(())
}

/// A new one-time password for the administrator; whoever holds the machine's token may ask.
/// Everybody is signed out, and may try again at once.
pub(crate) async fn one_time_password(
    state: &ApiState,
    principal: &Principal,
) -> Result<(&'static str, SecretString), ApiError> {
    if principal.session.is_some() {
        return Err(ApiError::Forbidden(
            "a session is not enough: run `opsconductor password` on the machine itself".to_owned(),
        ));
    }
    let password = reset_admin(&state.pool).await?;
    state.auth.by_user.forget(&ADMIN.to_owned());
    // From where the old one was tried in vain is not known here. Whoever guesses gains a few tries
    // at a password of 99 bits.
    state.auth.by_address.forget_all();
    tracing::warn!(username = ADMIN, "a new one-time password was made; everybody is signed out");
    Ok((ADMIN, password))
}

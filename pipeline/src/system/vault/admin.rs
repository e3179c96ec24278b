//! `opsconductor vault …`: what is sealed for which key, a new key, and giving up a lost one.

use sqlx::PgPool;
use vault::{KeyFile, KeyId, MasterKey, Sealing, inspect};

use super::VaultError;
use super::rows::{self, Lock, SealedRow, StoredKey};

/// Whether all is as it must be, and how it is, in words.
pub struct Report {
    /// The key opens every credential.
    pub good: bool,
    /// For people.
    pub text: String,
}

/// Holds the key file against the database.
///
/// # Errors
/// [`VaultError::Database`].
pub async fn status(pool: &PgPool, file: &KeyFile) -> Result<Report, VaultError> {
    let stored = rows::key(pool, Lock::None).await?;
    let sealed = rows::all(pool).await?;
    let (key, in_file) = match file.read() {
        Ok(Some(key)) => {
            let text = format!("key {}", key.id());
            (Some(key), text)
        }
        Ok(None) => (None, "not there".to_owned()),
        Err(error) => (None, error.problem),
    };
    let mut lines = vec![format!("key file     {}: {in_file}", file.path().display())];
    lines.push(match &stored {
        Some(StoredKey { public, since }) => {
            format!(
                "database     sealed for key {} since {}",
                public.id(),
                since.format("%F %R UTC")
            )
        }
        None => "database     no key yet: the first process of role connect makes it".to_owned(),
    });
    lines.push(format!("credentials  {}", counts(&sealed)));
    let mut good = true;
    match (stored, key) {
        (Some(stored), key) if key.as_ref().is_none_or(|key| key.id() != stored.public.id()) => {
            good = false;
            lines.push(format!("This process cannot poll: {}", rows::remedy(stored.public.id())));
        }
        (_, Some(key)) => {
            for row in &sealed {
                if let Err(error) = key.open(row.place(), &row.sealed) {
                    good = false;
                    lines.push(error.to_string());
                }
            }
        }
        (_, None) => good = sealed.is_empty(),
    }
    Ok(Report { good, text: lines.join("\n") })
}

fn counts(sealed: &[SealedRow]) -> String {
    let old = |row: &&SealedRow| inspect(&row.sealed) == Some(Sealing::Direct);
    match sealed.iter().filter(old).count() {
        0 => sealed.len().to_string(),
        old => format!(
            "{}, {old} of them sealed by an older version: that is brought forward within a quarter of \
             an hour after a process of role connect has started",
            sealed.len()
        ),
    }
}

/// What a rotation did, in words.
///
/// # Errors
/// [`VaultError`]; nothing has changed then, unless it says that this is not known.
pub async fn rotate(pool: &PgPool, file: &KeyFile) -> Result<String, VaultError> {
    let mut transaction = pool.begin().await?;
    let stored = rows::key(&mut *transaction, Lock::Update).await?.ok_or_else(|| {
        VaultError::Refused(
            "there is no key yet to take the place of: the first process of role connect makes it"
                .to_owned(),
        )
    })?;
    let id = stored.public.id();
    let old = file.adopt(id)?.ok_or_else(|| {
        let path = file.path().display();
        VaultError::Refused(format!("{path} does not hold key {id}: {}", rows::remedy(id)))
    })?;
    // On disk before anything is sealed for it.
    let new = file.stage()?;
    let rewrapped = match rewrap(&mut transaction, &old, &new).await {
        Ok(rewrapped) => rewrapped,
        Err(error) => {
            transaction.rollback().await?;
            file.unstage(new.id())?;
            return Err(error);
        }
    };
    if let Err(error) = transaction.commit().await {
        // It may have been done all the same: the new key stays, and whoever needs it finds it.
        return Err(VaultError::Refused(format!(
            "{error}: whether the new key counts is not known; `opsconductor vault status` says it, and \
             the key lies beside {} in either case",
            file.path().display()
        )));
    }
    file.place(new.id())?;
    Ok(format!(
        "{rewrapped} credentials are sealed for key {new}. It is in {path}: copy that file to every \
         process of role connect now. They take it without a start; one that lacks it polls on for \
         five minutes, then says so. The old key is kept beside it ({old}), for databases that are \
         restored from an older backup: remove it when there are none.",
        new = new.id(),
        path = file.path().display(),
        old = file.beside(id).display(),
    ))
}

async fn rewrap(
    transaction: &mut sqlx::PgTransaction<'_>,
    old: &MasterKey,
    new: &MasterKey,
) -> Result<usize, VaultError> {
    let mut rewrapped = 0;
    for row in rows::all(&mut **transaction).await? {
        let sealed = old.reseal(new.public(), row.place(), &row.sealed)?;
        if !rows::reseal(&mut **transaction, &row, &sealed).await? {
            let name = row.name;
            let text = format!("credential {name} was changed at the same time: try again");
            return Err(VaultError::Refused(text));
        }
        rewrapped += 1;
    }
    rows::set_key(&mut **transaction, new.public()).await?;
    Ok(rewrapped)
}

/// Gives up the key of that id, and with it all that is sealed. What was given up, in words.
///
/// # Errors
/// [`VaultError`]: that is not the key that counts.
pub async fn reset(pool: &PgPool, id: KeyId) -> Result<String, VaultError> {
    let mut transaction = pool.begin().await?;
    let stored = rows::key(&mut *transaction, Lock::Update).await?;
    let stored = stored.map(|stored| stored.public.id());
    if stored != Some(id) {
        let is = stored.map_or("it has none".to_owned(), |stored| format!("it has key {stored}"));
        return Err(VaultError::Refused(format!("the database does not have key {id}: {is}")));
    }
    let names: Vec<String> = sqlx::query_scalar("DELETE FROM credential RETURNING name")
        .fetch_all(&mut *transaction)
        .await?;
    sqlx::query("DELETE FROM vault_key").execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(format!(
        "{} credentials are given up{}{}. The first process of role connect that starts makes a new key.",
        names.len(),
        if names.is_empty() { "" } else { ", to be set again: " },
        names.join(", ")
    ))
}

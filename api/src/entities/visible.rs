//! Read your writes: a command is answered once the projections show it. It is durable already, so
//! whatever the database says meanwhile is no reason to ask the client to try again.

use std::time::Duration;

use sqlx::PgPool;

use super::Kind;
use crate::families;

/// The projection usually follows within 100 ms; a sink that lags more than this, or a database
/// that is away, must not make the inventory unusable.
const VISIBLE_WAIT: Duration = Duration::from_secs(3);
const FIRST_LOOK: Duration = Duration::from_millis(10);
const SLOWEST_LOOK: Duration = Duration::from_millis(160);

const RECORDED: &str = "SELECT EXISTS (SELECT FROM entity_history \
    WHERE tenant = 'default' AND kind = $1 AND id = $2 AND revision >= $3)";

/// What is waited for.
#[derive(Clone, Copy)]
enum Sight {
    /// The entity is there as of the revision, and so is its history.
    Written,
    /// The entity is gone, and its history says so.
    Removed,
    /// The history has the revision.
    Recorded,
}

pub(super) async fn written<K: Kind>(pool: &PgPool, id: &str, revision: i64) {
    wait::<K>(pool, id, revision, Sight::Written).await;
}

pub(super) async fn removed<K: Kind>(pool: &PgPool, id: &str, revision: i64) {
    wait::<K>(pool, id, revision, Sight::Removed).await;
}

pub(super) async fn recorded<K: Kind>(pool: &PgPool, id: &str, revision: i64) {
    wait::<K>(pool, id, revision, Sight::Recorded).await;
}

async fn look<K: Kind>(
    pool: &PgPool,
    id: &str,
    revision: i64,
    sight: Sight,
) -> Result<bool, sqlx::Error> {
    let now: Option<i64> = match sight {
        Sight::Written | Sight::Removed => {
            sqlx::query_scalar(K::REVISION).bind(id).fetch_optional(pool).await?
        }
        Sight::Recorded => None,
    };
    let seen = match sight {
        Sight::Written => now.is_some_and(|now| now >= revision),
        Sight::Removed => now.is_none(),
        Sight::Recorded => true,
    };
    let recorded = sqlx::query_scalar(RECORDED).bind(K::KIND).bind(id).bind(revision);
    Ok(seen && recorded.fetch_one(pool).await?)
}

async fn wait<K: Kind>(pool: &PgPool, id: &str, revision: i64, sight: Sight) {
    let seen = async {
        let mut pause = FIRST_LOOK;
        loop {
            match look::<K>(pool, id, revision, sight).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "whether it can be seen yet is not known"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SLOWEST_LOOK);
        }
    };
    if tokio::time::timeout(VISIBLE_WAIT, seen).await.is_err() {
        families::PROJECTION_LATE.add([], 1);
    }
}

//! Read your writes: a command is answered once the projection shows it. It is durable already, so
//! whatever the database says meanwhile is no reason to tell the client to try again.

use std::time::Duration;

use schemas::DeviceId;
use sqlx::PgPool;

use crate::endpoints::time;
use crate::families;

/// The projection usually follows within 100 ms; a sink that lags more than this, or a database
/// that is away, must not make the inventory unusable.
const VISIBLE_WAIT: Duration = Duration::from_secs(3);
const FIRST_LOOK: Duration = Duration::from_millis(10);
const SLOWEST_LOOK: Duration = Duration::from_millis(160);

/// Waits until the device is there as of `updated_at` (ms).
pub(super) async fn written(pool: &PgPool, id: DeviceId, updated_at: i64) {
    let question = "SELECT EXISTS (SELECT FROM device WHERE id = $1 AND updated_at >= $2)";
    wait(pool, question, id, updated_at).await;
}

/// Waits until the device is gone.
pub(super) async fn removed(pool: &PgPool, id: DeviceId) {
    wait(pool, "SELECT NOT EXISTS (SELECT FROM device WHERE id = $1 AND $2 = $2)", id, 0).await;
}

async fn wait(pool: &PgPool, question: &'static str, id: DeviceId, at: i64) {
    let seen = async {
        let mut pause = FIRST_LOOK;
        loop {
            match sqlx::query_scalar(question).bind(id.0).bind(time(at)).fetch_one(pool).await {
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

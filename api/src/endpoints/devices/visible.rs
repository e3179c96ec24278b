//! Read your writes: a command is answered once the projection shows it.

use std::time::Duration;

use schemas::DeviceId;
use sqlx::PgPool;

use crate::endpoints::time;
use crate::rim::ApiError;

/// The projection usually follows within 100 ms; a sink that lags more than this must not make
/// the inventory unusable, for the command is durable already.
const VISIBLE_WAIT: Duration = Duration::from_secs(3);
const FIRST_LOOK: Duration = Duration::from_millis(10);
const SLOWEST_LOOK: Duration = Duration::from_millis(160);

/// Waits until the device is there as of `updated_at` (ms). False: not yet.
pub(super) async fn written(
    pool: &PgPool,
    id: DeviceId,
    updated_at: i64,
) -> Result<bool, ApiError> {
    wait(
        pool,
        "SELECT EXISTS (SELECT FROM device WHERE id = $1 AND updated_at >= $2)",
        id,
        updated_at,
    )
    .await
}

/// Waits until the device is gone.
pub(super) async fn removed(pool: &PgPool, id: DeviceId) -> Result<bool, ApiError> {
    wait(pool, "SELECT NOT EXISTS (SELECT FROM device WHERE id = $1 AND $2 = $2)", id, 0).await
}

async fn wait(
    pool: &PgPool,
    question: &'static str,
    id: DeviceId,
    at: i64,
) -> Result<bool, ApiError> {
    let end = tokio::time::Instant::now() + VISIBLE_WAIT;
    let mut pause = FIRST_LOOK;
    loop {
        let seen: bool =
            sqlx::query_scalar(question).bind(id.0).bind(time(at)).fetch_one(pool).await?;
        if seen || tokio::time::Instant::now() >= end {
            if !seen {
                metrics::counter!("api_projection_late_total").increment(1);
            }
            return Ok(seen);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(SLOWEST_LOOK);
    }
}

//! How far a sink has come: read, held against a second copy, moved by compare-and-set.

use std::collections::HashMap;

use sqlx::{PgConnection, Row as _};
use xxhash_rust::xxh3::xxh3_64;

/// Whose position it is. A new log (another id) starts its own positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// UUID of the log, from its meta topic.
    pub log_id: String,
    /// The sink's name.
    pub sink: &'static str,
    /// Topic, without the deployment's prefix.
    pub topic: String,
}

/// One step of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) partition: i32,
    /// None: there must be no row yet.
    pub(crate) expected: Option<i64>,
    pub(crate) next: i64,
}

impl Place {
    /// Partitions that have a position.
    pub(crate) async fn read(
        &self,
        conn: &mut PgConnection,
        partitions: &[i32],
    ) -> Result<HashMap<i32, i64>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT partition, next FROM log_position
             WHERE log_id = $1 AND sink = $2 AND topic = $3 AND partition = ANY($4)",
        )
        .bind(&self.log_id)
        .bind(self.sink)
        .bind(&self.topic)
        .bind(partitions)
        .fetch_all(conn)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// The advisory lock of one partition's position: unlike a row lock it can be traced to its
    /// holder.
    fn lock_key(&self, partition: i32) -> i64 {
        let text = format!("{}\n{}\n{}\n{partition}", self.log_id, self.sink, self.topic);
        xxh3_64(text.as_bytes()) as i64
    }

    fn lock_keys(&self, moves: &[Move]) -> Vec<i64> {
        let mut keys: Vec<_> = moves.iter().map(|step| self.lock_key(step.partition)).collect();
        // One order for all copies, or two could wait for each other.
        keys.sort_unstable();
        keys
    }

    /// Holds the partitions until the transaction ends. Waits for another copy's transaction, at
    /// most `lock_timeout`.
    pub(crate) async fn lock(
        &self,
        conn: &mut PgConnection,
        moves: &[Move],
    ) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT count(pg_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key")
            .bind(self.lock_keys(moves))
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Ends the sessions that hold these partitions: copies frozen inside a transaction, which
    /// PostgreSQL itself waits for without end when they froze in the middle of a COPY.
    pub(crate) async fn end_holders(
        &self,
        conn: &mut PgConnection,
        moves: &[Move],
    ) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
             WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid <> pg_backend_pid()
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND ((classid::bigint << 32) | objid::bigint) = ANY($1)",
        )
        .bind(self.lock_keys(moves))
        .fetch_one(conn)
        .await
    }

    /// Moves every partition, or returns the first that was not where it was expected.
    pub(crate) async fn advance(
        &self,
        conn: &mut PgConnection,
        moves: &[Move],
    ) -> Result<Option<Move>, sqlx::Error> {
        for step in moves {
            let query = match step.expected {
                Some(expected) => sqlx::query(
                    "UPDATE log_position SET next = $5, updated_at = now()
                     WHERE log_id = $1 AND sink = $2 AND topic = $3 AND partition = $4
                       AND next = $6",
                )
                .bind(&self.log_id)
                .bind(self.sink)
                .bind(&self.topic)
                .bind(step.partition)
                .bind(step.next)
                .bind(expected),
                None => sqlx::query(
                    "INSERT INTO log_position (log_id, sink, topic, partition, next)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                )
                .bind(&self.log_id)
                .bind(self.sink)
                .bind(&self.topic)
                .bind(step.partition)
                .bind(step.next),
            };
            if query.execute(&mut *conn).await?.rows_affected() != 1 {
                return Ok(Some(*step));
            }
        }
        Ok(None)
    }
}

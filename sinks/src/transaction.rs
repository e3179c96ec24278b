//! One transaction of a sink: the positions and the rows.

use sqlx::{Connection, PgConnection};

use crate::check::Refusal;
use crate::error::{Class, classify};
use crate::position::{Move, Place};
use crate::table::{Counts, Failure, Row, Table, WriteMode};

/// Why an attempt was rolled back.
pub(crate) enum Stop {
    Sql(sqlx::Error),
    Locked(String),
    Moved(Move),
    Refused(Vec<(usize, Refusal)>),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// Position first, then rows, then commit. Without steps it is a trial and rolled back.
pub(crate) async fn transact<T: Table>(
    place: &Place,
    conn: &mut PgConnection,
    rows: &[&Row<T::Record, T::Key>],
    moves: &[Move],
    mode: WriteMode,
) -> Result<Counts, Stop> {
    let mut transaction = conn.begin().await?;
    let outcome = fill::<T>(place, &mut transaction, rows, moves, mode).await;
    match outcome {
        Ok(counts) if !moves.is_empty() => {
            transaction.commit().await?;
            Ok(counts)
        }
        Ok(counts) => {
            transaction.rollback().await?;
            Ok(counts)
        }
        Err(stop) => {
            // What stopped it says more than a failed rollback would.
            match transaction.rollback().await {
                Ok(()) => Err(stop),
                Err(error) => match stop {
                    Stop::Sql(first) if matches!(classify(&first), Class::Retry(_)) => {
                        Err(Stop::Sql(first))
                    }
                    Stop::Sql(_) | Stop::Locked(_) | Stop::Moved(_) | Stop::Refused(_) => {
                        Err(Stop::Sql(error))
                    }
                },
            }
        }
    }
}

async fn fill<T: Table>(
    place: &Place,
    conn: &mut PgConnection,
    rows: &[&Row<T::Record, T::Key>],
    moves: &[Move],
    mode: WriteMode,
) -> Result<Counts, Stop> {
    if !moves.is_empty() {
        // First of all, so that a copy with an old position stops before it writes a row.
        place.lock(conn, moves).await.map_err(|error| match classify(&error) {
            Class::Locked(words) => Stop::Locked(words),
            Class::Retry(_) | Class::Duplicate(_) | Class::Data(_) | Class::Fatal(_) => {
                Stop::Sql(error)
            }
        })?;
        if let Some(step) = place.advance(conn, moves).await? {
            return Err(Stop::Moved(step));
        }
    }
    if rows.is_empty() {
        return Ok(Counts::default());
    }
    T::write(conn, rows, mode).await.map_err(|failure| match failure {
        Failure::Sql(error) => Stop::Sql(error),
        Failure::Refused(refusals) => Stop::Refused(refusals),
    })
}

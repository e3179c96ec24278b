//! The one implementation of [`Sink`]: everything but the statements of a table.

use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use schemas::{AvroRecord, SchemaStore};
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use crate::check::Refusal;
use crate::error::{Class, Poison, SinkError, classify};
use crate::position::{Move, Place};
use crate::servers::Servers;
use crate::sink::{Prepared, Sink, SinkRecord, Written};
use crate::table::{Change, Counts, Row, RowKey, Table, Tombstone, WriteMode};
use crate::transaction::{Stop, transact};

/// A transaction, or a reading of positions, must end within this time: a database host that is
/// gone without a word shows in no other way.
const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
/// So long a copy waits for another copy's transaction before it ends that copy's session.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Records named by one `write` that the database refuses.
const MAX_NAMED: usize = 8;

type ChangeOf<T> = Change<<T as Table>::Record, <T as Table>::Key>;

/// Writes the records of one topic into the tables of `T`, over a connection of its own.
pub struct SqlSink<T> {
    place: Place,
    servers: Servers,
    schemas: SchemaStore,
    lock_wait: Duration,
    /// Out of its place while in use: a write that is dropped half-way drops its connection too.
    conn: Option<PgConnection>,
    positions: HashMap<i32, Option<i64>>,
    table: PhantomData<T>,
}

impl<T: Table> SqlSink<T> {
    /// A sink that connects when it is first asked for positions.
    pub fn new(
        servers: impl Into<Servers>,
        log_id: impl Into<String>,
        topic: impl Into<String>,
        schemas: SchemaStore,
    ) -> Self {
        let place = Place { log_id: log_id.into(), sink: T::NAME, topic: topic.into() };
        Self {
            place,
            servers: servers.into(),
            schemas,
            lock_wait: LOCK_WAIT,
            conn: None,
            positions: HashMap::new(),
            table: PhantomData,
        }
    }

    /// How long to wait for another copy's transaction before its session is ended (10 s).
    #[must_use]
    pub fn lock_wait(mut self, lock_wait: Duration) -> Self {
        self.lock_wait = lock_wait;
        self
    }

    async fn connection(&mut self) -> Result<PgConnection, SinkError> {
        if let Some(conn) = self.conn.take() {
            return Ok(conn);
        }
        let lock_timeout = self.lock_wait.as_millis().to_string();
        let session = |options: PgConnectOptions| {
            options.application_name(&format!("opsconductor sink {}", T::NAME)).options([
                ("lock_timeout", lock_timeout.as_str()),
                ("idle_in_transaction_session_timeout", "30000"),
                ("jit", "off"),
            ])
        };
        Ok(self.servers.connect_as(session).await?)
    }

    /// One transaction over these rows and steps. Without steps it is a trial and rolled back.
    async fn attempt(
        &mut self,
        rows: &[&Row<T::Record, T::Key>],
        moves: &[Move],
        mode: WriteMode,
    ) -> Result<Result<Counts, Stop>, SinkError> {
        let mut conn = self.connection().await?;
        let outcome = within(transact::<T>(&self.place, &mut conn, rows, moves, mode)).await?;
        match &outcome {
            Ok(_) | Err(Stop::Moved(_) | Stop::Refused(_) | Stop::Locked(_)) => {
                self.conn = Some(conn);
            }
            Err(Stop::Sql(error)) => match classify(error) {
                Class::Duplicate(_) | Class::Data(_) => self.conn = Some(conn),
                Class::Retry(_) | Class::Locked(_) | Class::Fatal(_) => {}
            },
        }
        Ok(outcome)
    }

    /// The records that the database refuses: again and again the shortest beginning that fails,
    /// whose last record is the culprit. This also finds records that only fail together.
    async fn find_poison(
        &mut self,
        rows: &[&Row<T::Record, T::Key>],
    ) -> Result<Vec<Poison>, SinkError> {
        let mut left = rows.to_vec();
        let mut found = Vec::new();
        while found.len() < MAX_NAMED {
            let Some(mut words) = self.trial(&left).await? else { break };
            // The first `good` rows pass, the first `bad` fail.
            let (mut good, mut bad) = (0, left.len());
            while bad - good > 1 {
                let middle = good + (bad - good) / 2;
                match self.trial(&left[..middle]).await? {
                    None => good = middle,
                    Some(error) => (bad, words) = (middle, error),
                }
            }
            let Some(last) = bad.checked_sub(1) else { break };
            let refusal = Refusal { reason: "rejected", error: words };
            found.push(poison(left.remove(last), refusal));
        }
        Ok(found)
    }

    /// The database's words if it refuses these rows.
    async fn trial(
        &mut self,
        rows: &[&Row<T::Record, T::Key>],
    ) -> Result<Option<String>, SinkError> {
        // Skipping: a row that is there already is no reason to refuse a record.
        match self.attempt(rows, &[], WriteMode::SkipExisting).await? {
            Ok(_) => Ok(None),
            // Named by the table itself when the whole batch is written again.
            Err(Stop::Refused(_) | Stop::Moved(_)) => Ok(None),
            Err(Stop::Locked(words)) => Err(SinkError::Retry(words)),
            Err(Stop::Sql(error)) => match classify(&error) {
                Class::Data(words) | Class::Duplicate(words) => Ok(Some(words)),
                Class::Retry(words) | Class::Locked(words) => Err(SinkError::Retry(words)),
                Class::Fatal(words) => Err(SinkError::Fatal(words)),
            },
        }
    }

    /// Ends the session of a copy that does not let go.
    async fn end_holders(&mut self, moves: &[Move], words: String) -> SinkError {
        let mut conn = match self.connection().await {
            Ok(conn) => conn,
            Err(error) => return error,
        };
        let ended =
            match tokio::time::timeout(WRITE_TIMEOUT, self.place.end_holders(&mut conn, moves))
                .await
            {
                Ok(Ok(ended)) => ended,
                Ok(Err(error)) => return to_sink_error(&error),
                Err(_) => return SinkError::Retry(format!("no answer within {WRITE_TIMEOUT:?}")),
            };
        self.conn = Some(conn);
        SinkError::Retry(format!(
            "{words}: another copy of sink {} held its position for {:?}; {ended} session(s) ended",
            T::NAME,
            self.lock_wait
        ))
    }

    /// The steps of a batch, or what is wrong with this sink's knowledge of them.
    fn moves(&self, batch: &Prepared<T::Record, T::Key>) -> Result<Vec<Move>, SinkError> {
        let mut moves = Vec::with_capacity(batch.ends.len());
        for (partition, next) in batch.ends() {
            let Some(expected) = self.positions.get(&partition).copied() else {
                return Err(self.moved(partition, "known"));
            };
            if expected.is_none_or(|expected| next > expected) {
                moves.push(Move { partition, expected, next });
            }
        }
        Ok(moves)
    }

    fn moved(&self, partition: i32, expected: impl ToString) -> SinkError {
        SinkError::Moved {
            sink: T::NAME,
            topic: self.place.topic.clone(),
            partition,
            expected: expected.to_string(),
        }
    }

    fn decode(&self, record: &SinkRecord) -> Result<Option<ChangeOf<T>>, Refusal> {
        let Some(value) = &record.value else {
            return match T::TOMBSTONE {
                Tombstone::Removes => removed(record).map(Change::Remove).map(Some),
                Tombstone::Ignored => Ok(None),
                Tombstone::Refused => {
                    Err(Refusal::malformed("a tombstone in a topic that has none".to_owned()))
                }
            };
        };
        let decoded = T::Record::decode(&self.schemas, value)
            .map_err(|error| Refusal { reason: error.reason(), error: error.to_string() })?;
        T::check(&decoded, record.timestamp_ms)?;
        Ok(Some(Change::Put(decoded)))
    }

    async fn write_batch(
        &mut self,
        batch: &Prepared<T::Record, T::Key>,
    ) -> Result<Written, SinkError> {
        let moves = self.moves(batch)?;
        let position =
            |row: &Row<T::Record, T::Key>| self.positions.get(&row.partition).copied().flatten();
        let rows: Vec<_> =
            batch.rows.iter().filter(|row| position(row).is_none_or(|p| row.offset >= p)).collect();
        let skipped = (batch.rows.len() - rows.len()) as u64;
        if moves.is_empty() {
            return Ok(Written { skipped, ..Written::default() });
        }
        let mut mode = WriteMode::Insert;
        loop {
            match self.attempt(&rows, &moves, mode).await? {
                Ok(counts) => {
                    let passed = moves.iter().map(|step| (step.partition, Some(step.next)));
                    self.positions.extend(passed);
                    let Counts { rows, duplicates } = counts;
                    return Ok(Written { rows, duplicates, skipped });
                }
                Err(Stop::Moved(step)) => {
                    let expected = step.expected.map_or("absent".to_owned(), |p| p.to_string());
                    return Err(self.moved(step.partition, expected));
                }
                Err(Stop::Locked(words)) => return Err(self.end_holders(&moves, words).await),
                Err(Stop::Refused(refusals)) => {
                    let named =
                        refusals.into_iter().map(|(row, refusal)| poison(rows[row], refusal));
                    return Err(SinkError::Poison(named.collect()));
                }
                Err(Stop::Sql(error)) => match classify(&error) {
                    Class::Duplicate(_)
                        if T::DUPLICATES_UNEXPECTED && mode == WriteMode::Insert =>
                    {
                        tracing::warn!(
                            sink = T::NAME,
                            "rows were there already; only the missing ones are written"
                        );
                        mode = WriteMode::SkipExisting;
                    }
                    Class::Duplicate(words) | Class::Data(words) => {
                        let found = self.find_poison(&rows).await?;
                        return Err(if found.is_empty() {
                            SinkError::Retry(format!("{words}, but refuses none of the records"))
                        } else {
                            SinkError::Poison(found)
                        });
                    }
                    Class::Retry(words) | Class::Locked(words) => {
                        return Err(SinkError::Retry(words));
                    }
                    Class::Fatal(words) => return Err(SinkError::Fatal(words)),
                },
            }
        }
    }
}

impl<T: Table> Sink for SqlSink<T> {
    type Batch = Prepared<T::Record, T::Key>;

    async fn positions(
        &mut self,
        partitions: &[i32],
    ) -> Result<Vec<(i32, Option<i64>)>, SinkError> {
        let mut conn = self.connection().await?;
        let known = within(self.place.read(&mut conn, partitions))
            .await?
            .map_err(|error| to_sink_error(&error))?;
        self.conn = Some(conn);
        let found: Vec<_> = partitions.iter().map(|p| (*p, known.get(p).copied())).collect();
        self.positions.extend(found.iter().copied());
        Ok(found)
    }

    fn prepare(&self, records: Vec<SinkRecord>) -> (Self::Batch, Vec<Poison>) {
        let mut batch =
            Prepared { rows: Vec::with_capacity(records.len()), ends: Default::default() };
        let mut refused = Vec::new();
        for record in records {
            let (partition, offset) = (record.partition, record.offset);
            let end = batch.ends.entry(partition).or_insert(0);
            *end = (*end).max(offset.saturating_add(1));
            match self.decode(&record) {
                Ok(Some(change)) => batch.rows.push(Row { partition, offset, change }),
                Ok(None) => {}
                Err(Refusal { reason, error }) => {
                    refused.push(Poison { partition, offset, reason, error });
                }
            }
        }
        (batch, refused)
    }

    fn remove(&self, batch: &mut Self::Batch, poison: &[Poison]) {
        batch.remove(poison);
    }

    async fn write(&mut self, batch: &Self::Batch) -> Result<Written, SinkError> {
        let outcome = self.write_batch(batch).await;
        if !matches!(outcome, Ok(_) | Err(SinkError::Poison(_))) {
            // Whatever was known may be wrong now: ask before the next write.
            self.positions.clear();
        }
        outcome
    }
}

async fn within<O>(future: impl Future<Output = O>) -> Result<O, SinkError> {
    tokio::time::timeout(WRITE_TIMEOUT, future)
        .await
        .map_err(|_| SinkError::Retry(format!("no answer within {WRITE_TIMEOUT:?}")))
}

fn to_sink_error(error: &sqlx::Error) -> SinkError {
    match classify(error) {
        Class::Retry(words) | Class::Locked(words) => SinkError::Retry(words),
        Class::Duplicate(words) | Class::Data(words) | Class::Fatal(words) => {
            SinkError::Fatal(words)
        }
    }
}

fn removed<K: RowKey>(record: &SinkRecord) -> Result<K, Refusal> {
    let key = record.key.as_deref().unwrap_or_default();
    std::str::from_utf8(key).ok().and_then(K::read).ok_or_else(|| {
        Refusal::malformed(format!("the key of a tombstone is no {}: {key:?}", K::WHAT))
    })
}

fn poison<R, K>(row: &Row<R, K>, refusal: Refusal) -> Poison {
    let Refusal { reason, error } = refusal;
    Poison { partition: row.partition, offset: row.offset, reason, error }
}

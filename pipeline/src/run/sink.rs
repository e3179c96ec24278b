//! The sink runner: reads one topic for one sink and hands it batches; the sink writes rows and
//! positions in one SQL transaction, so the database alone says where to go on.
//!
//! With the database away the runner holds (it stays a member, reads nothing, keeps one batch) and
//! asks for the positions again when it is back: a failover or a restored dump has moved them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sinks::{Poison as Refused, Sink, SinkError, SinkRecord};
use tokio::runtime::Handle;

use super::dead_letter::{self, Poison};
use super::durable;
use super::lag::{Progress, Reading};
use super::schema_topic::SchemaTopic;
use super::wiring::RunError;
use crate::activity::call;
use crate::clock::Clock;
use crate::families;
use crate::log::{Event, EventLog, LogError, Member, MemberSpec, Producer, Record, Start};

#[cfg(test)]
mod tests;

/// Most records in one SQL transaction.
pub(crate) const MAX_BATCH_RECORDS: usize = 5_000;
/// Most bytes of records in one SQL transaction.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Longest wait for a batch to fill.
const BATCH_MS: i64 = 200;
/// First and longest pause between two tries with the database away.
const RETRY_MS: (i64, i64) = (250, 5_000);
/// So long after the database answered again nothing has come that was held back.
const QUIET_MS: i64 = 2_000;
/// Longest wait for dead letters to be durable.
const DEAD_LETTER_WAIT: Duration = Duration::from_secs(20);
/// Longest wait for the database's positions.
const ASK_WITHIN: Duration = Duration::from_secs(60);
/// Longest time of a write: each of its statements has a limit of its own, and a batch with rows that
/// the database refuses is tried in parts.
const WRITE_WITHIN: Duration = Duration::from_secs(900);
/// So long ends before what the database has are not believed, and the pause between two questions.
const OLD_ENDS_MS: i64 = 5_000;
const PAUSE: Duration = Duration::from_millis(500);

/// The runner of one sink in one thread.
pub struct SinkRunner<S: Sink> {
    log: Arc<dyn EventLog>,
    member: Box<dyn Member>,
    spec: MemberSpec,
    sink: S,
    runtime: Handle,
    letters: Arc<dyn Producer>,
    schemas: SchemaTopic,
    clock: Clock,
    owned: BTreeSet<i32>,
    progress: Progress,
    batch: Vec<Record>,
    batch_bytes: usize,
    batch_since: Option<i64>,
    /// Set while the database is away: when to try again.
    away: Option<i64>,
    /// The pause after the next failure: doubled with each, the shortest again after a write.
    pause_ms: i64,
    /// The database's last words, until a write succeeds or there is nothing to write any more; and
    /// since when it is believed to be back.
    trouble: Option<(String, i64)>,
}

impl<S: Sink> SinkRunner<S> {
    /// Joins the group that reads the sink's topic.
    ///
    /// # Errors
    /// [`RunError::Log`].
    pub fn join(
        log: &Arc<dyn EventLog>,
        spec: MemberSpec,
        sink: S,
        runtime: Handle,
        schemas: SchemaTopic,
        clock: Clock,
    ) -> Result<Self, RunError> {
        Ok(Self {
            log: Arc::clone(log),
            member: log.member(&spec)?,
            letters: log.producer("sink-dead-letters")?,
            spec,
            sink,
            runtime,
            schemas,
            clock,
            owned: BTreeSet::new(),
            progress: Progress::default(),
            batch: Vec::new(),
            batch_bytes: 0,
            batch_since: None,
            away: None,
            pause_ms: RETRY_MS.0,
            trouble: None,
        })
    }

    /// One round.
    ///
    /// # Errors
    /// [`RunError`]; the runner is then dropped and built again.
    pub fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        let wait = if self.batch_since.is_some() || self.away.is_some() {
            wait.min(Duration::from_millis(20))
        } else {
            wait
        };
        match self.member.poll(wait)? {
            Event::Assigned(partitions) => {
                self.owned.extend(&partitions);
                self.seek(&partitions)?;
            }
            Event::Records(records) => self.take(records),
            Event::Revoked(partitions) => {
                self.write()?;
                self.forget(&partitions);
            }
            Event::Lost(partitions) => self.forget(&partitions),
            Event::Idle => self.rest(),
        }
        let now = self.clock.steady_ms();
        if let Some(at) = self.away {
            if now >= at {
                self.come_back()?;
            }
            return Ok(());
        }
        let old = self.batch_since.is_some_and(|since| now - since >= BATCH_MS);
        if old || self.full() {
            self.write()?;
        }
        Ok(())
    }

    /// Why it holds, while it does.
    pub fn waits_for(&self) -> Option<&str> {
        self.trouble.as_ref().map(|(words, _)| words.as_str())
    }

    /// How far the database has what it reads.
    pub fn reading(&self) -> Reading {
        let mut ahead = self.member.positions();
        if self.away.is_some() {
            // What was read and dropped is read again.
            ahead.clear();
        }
        for record in &self.batch {
            ahead.remove(&record.partition);
        }
        let mut reading = self.progress.reading(&self.spec, &ahead);
        // Owned before the database said where they begin.
        let unknown = self.owned.iter().filter(|it| !reading.places.contains_key(it));
        reading.restoring = unknown.map(|partition| (*partition, 0)).collect();
        Reading { elsewhere: true, ..reading }
    }

    /// Writes what is held and leaves the group.
    ///
    /// # Errors
    /// [`RunError`] when the last write failed; the next start repeats it.
    pub fn stop(mut self) -> Result<(), RunError> {
        let result = self.write();
        self.member.leave();
        result
    }

    fn full(&self) -> bool {
        self.batch.len() >= MAX_BATCH_RECORDS || self.batch_bytes >= MAX_BATCH_BYTES
    }

    fn take(&mut self, records: Vec<Record>) {
        // Read before the positions were taken again; they are read again from there.
        if self.away.is_some() {
            return;
        }
        self.batch_since.get_or_insert_with(|| self.clock.steady_ms());
        self.batch_bytes += records.iter().map(Record::bytes).sum::<usize>();
        self.batch.extend(records);
    }

    fn forget(&mut self, partitions: &[i32]) {
        self.owned.retain(|partition| !partitions.contains(partition));
        self.progress.forget(partitions);
        self.batch.retain(|record| !partitions.contains(&record.partition));
    }

    fn drop_batch(&mut self) -> Vec<Record> {
        self.batch_bytes = 0;
        self.batch_since = None;
        std::mem::take(&mut self.batch)
    }

    /// Starts partitions where the database says.
    fn seek(&mut self, partitions: &[i32]) -> Result<(), RunError> {
        if partitions.is_empty() {
            return Ok(());
        }
        let what = || format!("ask the database for positions of {}", self.spec.group);
        let asked =
            call(what, ASK_WITHIN, || self.runtime.block_on(self.sink.positions(partitions)));
        let positions = match asked {
            Ok(positions) => positions,
            Err(error) => return self.failed(error),
        };
        let topic = self.spec.topic.to_string();
        let ends = self.ends_beyond(&positions)?;
        for &partition in partitions {
            let known = positions.iter().find(|(number, _)| *number == partition);
            let from = match known.and_then(|(_, next)| *next) {
                None => Start::Earliest,
                Some(next) => {
                    let end = (0..).zip(&ends).find(|(number, _)| *number == partition);
                    if let Some((_, end)) = end
                        && next > *end
                    {
                        return Err(self.broken(format!(
                            "the database has {topic}[{partition}] up to {next}, the log ends at \
                             {end}: this is another log, or one restored from an older copy; \
                             point the program at the log the database was fed from, or at a new \
                             database"
                        )));
                    }
                    Start::At(next)
                }
            };
            self.member.start(partition, from).map_err(|error| self.explained(error))?;
        }
        for (partition, next) in self.member.positions() {
            if partitions.contains(&partition) {
                self.progress.begin(partition, next);
            }
        }
        Ok(())
    }

    /// The ends of all partitions, asked for at once: while this thread waits, what it keeps stands
    /// still too. Ends before what the database has are asked for again for a while: a broker that
    /// was frozen reports an old one until it knows that it leads no more.
    fn ends_beyond(&self, positions: &[(i32, Option<i64>)]) -> Result<Vec<i64>, RunError> {
        let deadline = self.clock.steady_ms() + OLD_ENDS_MS;
        loop {
            let ends = self.log.ends(&self.spec.topic)?;
            let end = |partition: i32| ends.get(usize::try_from(partition).ok()?).copied();
            let beyond = positions.iter().any(|(partition, next)| {
                next.zip(end(*partition)).is_some_and(|(next, end)| next > end)
            });
            if !beyond || self.clock.steady_ms() >= deadline {
                return Ok(ends);
            }
            call(|| "wait for a newer end".to_owned(), PAUSE, || std::thread::sleep(PAUSE));
        }
    }

    fn write(&mut self) -> Result<(), RunError> {
        if self.batch.is_empty() || self.away.is_some() {
            self.drop_batch();
            return Ok(());
        }
        let records = self.drop_batch();
        let (mut batch, poison) = self.prepare(&records);
        self.send_letters(&records, &poison)?;
        loop {
            let what = || format!("write rows of {}", self.spec.group);
            let began = Instant::now();
            let write = || self.runtime.block_on(self.sink.write(&batch));
            match call(what, WRITE_WITHIN, write) {
                Ok(written) => {
                    self.pause_ms = RETRY_MS.0;
                    self.recovered();
                    for record in &records {
                        self.progress.done(record.partition, record.offset, record.timestamp_ms);
                    }
                    let sink = &self.spec.group;
                    families::SINK_ROWS.add([sink], written.rows);
                    families::SINK_DUPLICATES.add([sink], written.duplicates);
                    families::SINK_SKIPPED.add([sink], written.skipped);
                    families::SINK_WRITE.record([sink], began.elapsed().as_secs_f64());
                    return Ok(());
                }
                Err(SinkError::Poison(poison)) if !poison.is_empty() => {
                    self.send_letters(&records, &poison)?;
                    self.sink.remove(&mut batch, &poison);
                }
                Err(error) => return self.failed(error),
            }
        }
    }

    /// Decodes. A schema that is not known yet may stand in the schema topic by now.
    fn prepare(&mut self, records: &[Record]) -> (S::Batch, Vec<Refused>) {
        let taken = |record: &Record| SinkRecord {
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.clone(),
            value: record.value.clone(),
        };
        let (batch, poison) = self.sink.prepare(records.iter().map(taken).collect());
        if poison.iter().any(|poison| poison.reason == "unknown_schema") {
            if let Err(error) = self.schemas.refresh() {
                tracing::warn!(%error, "cannot read the schema topic");
            }
            return self.sink.prepare(records.iter().map(taken).collect());
        }
        (batch, poison)
    }

    /// Dead letters are durable before the position moves over their records.
    fn send_letters(&self, records: &[Record], poison: &[Refused]) -> Result<(), RunError> {
        let letter = |refused: &Refused| {
            let found = records
                .iter()
                .find(|r| (r.partition, r.offset) == (refused.partition, refused.offset));
            let why = Poison { reason: refused.reason, error: refused.error.clone() };
            found.map(|record| dead_letter::of(record, &self.spec.group, why))
        };
        let letters = poison.iter().filter_map(letter);
        Ok(durable::write(self.letters.as_ref(), letters, DEAD_LETTER_WAIT)?)
    }

    fn failed(&mut self, error: SinkError) -> Result<(), RunError> {
        self.drop_batch();
        match &error {
            SinkError::Retry(_) => {
                tracing::warn!(sink = self.spec.group, %error, "holding");
                families::SINK_RETRIES.add([&self.spec.group], 1);
                self.away = Some(self.clock.steady_ms() + self.pause_ms);
                self.pause_ms = (self.pause_ms * 2).min(RETRY_MS.1);
                self.trouble = Some((error.to_string(), i64::MAX));
                self.member.hold(true)?;
                Ok(())
            }
            SinkError::Moved { .. } => {
                tracing::warn!(%error, "reading again from the position it has now");
                families::SINK_MOVED.add([&self.spec.group], 1);
                let owned: Vec<i32> = self.owned.iter().copied().collect();
                self.seek(&owned)
            }
            SinkError::Poison(_) | SinkError::Fatal(_) => Err(self.broken(error.to_string())),
        }
    }

    fn come_back(&mut self) -> Result<(), RunError> {
        let owned: Vec<i32> = self.owned.iter().copied().collect();
        self.away = None;
        self.seek(&owned)?;
        if self.away.is_none() {
            if let Some((_, back)) = &mut self.trouble {
                *back = self.clock.steady_ms();
            }
            self.member.hold(false)?;
        }
        Ok(())
    }

    /// Nothing came: what was held, if it was anything, has been written.
    fn rest(&mut self) {
        let now = self.clock.steady_ms();
        let back = self.trouble.as_ref().map_or(i64::MAX, |(_, back)| *back);
        if self.batch.is_empty() && now.saturating_sub(back) >= QUIET_MS {
            self.recovered();
        }
    }

    fn recovered(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(sink = self.spec.group, "database is back");
        }
    }

    /// A position that the log no longer has, with what to do about it.
    fn explained(&self, error: LogError) -> RunError {
        let LogError::OutOfRange { topic, partition, wanted, earliest, .. } = &error else {
            return error.into();
        };
        self.broken(format!(
            "the database has {topic}[{partition}] up to {wanted}, the log begins at {earliest}: \
             what lay between left the log before it was written. Keep {topic} for longer than \
             the longest outage; restore a newer dump of the database, or go on without those \
             records: UPDATE log_position SET next = {earliest} WHERE topic = '{topic}' AND \
             partition = {partition} AND next = {wanted}"
        ))
    }

    fn broken(&self, error: String) -> RunError {
        RunError::Broken { component: self.spec.group.clone(), error }
    }
}

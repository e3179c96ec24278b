//! The sink of samples: from the metric topic into the table, in turns with a raw binary COPY of
//! as many rows into the same table, in transactions of the same size.
//!
//! The raw copy sends bytes that were encoded before its clock started, over a connection of its
//! own; the sink reads, decodes, checks, encodes, copies, keeps the devices' latest times and
//! moves its positions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::{DeviceId, MetricBatch, SeriesId};
use sinks::{Samples, SqlSink};
use sqlx::{Connection, PgConnection};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::machine::cpu_seconds;
use super::place::{Database, Place, runtime};
use super::{Failure, Report, Scale};
use crate::clock::{Clock, wall_ms};
use crate::config::Config;
use crate::log::{EventLog, LogError, Producer};
use crate::run::schema_topic::SchemaTopic;
use crate::run::sink::{MAX_BATCH_RECORDS, SinkRunner};
use crate::run::wiring::member;
use crate::topology::METRIC;

/// At scale 1: 1,000 devices of 100 series, ten polls of each a turn.
const DEVICES: usize = 1_000;
const SERIES: usize = 100;
const POLLS: usize = 10;
const TURNS: usize = 8;
const INTERVAL_MS: i64 = 10_000;
/// A turn that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(300);
/// Longest wait for a queue that is full.
const PATIENCE: Duration = Duration::from_secs(60);
/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
const EPOCH_US: i64 = 946_684_800_000_000;
/// As the sink sends them.
const PIECE_BYTES: usize = 256 * 1024;

/// Samples as polls bring them.
struct Polls {
    devices: usize,
    first_ms: i64,
}

impl Polls {
    fn at(&self, poll: usize) -> i64 {
        self.first_ms + poll as i64 * INTERVAL_MS
    }

    fn value(poll: usize, series: i64) -> f64 {
        (series * 7919 + poll as i64 * 104_729) as f64 * 0.37
    }

    /// A poll of each device.
    fn batches(&self, poll: usize) -> impl Iterator<Item = MetricBatch> + '_ {
        (0..self.devices).map(move |device| {
            let first = (device * SERIES) as i64;
            let ids = first..first + SERIES as i64;
            MetricBatch {
                tenant: "default".to_owned(),
                device: DeviceId(Uuid::from_u128(device as u128 + 1)),
                at: self.at(poll),
                series: ids.clone().map(SeriesId).collect(),
                at_ms: (0..SERIES as i32).collect(),
                values: ids.map(|id| Self::value(poll, id)).collect(),
                flags: Vec::new(),
                gaps: Vec::new(),
                interval_ms: 0,
                connector: String::new(),
                answered: true,
            }
        })
    }

    /// Polls as the copy's bytes, so many records a transaction.
    fn encoded(&self, polls: std::ops::Range<usize>, records: usize) -> Vec<Vec<u8>> {
        let all: Vec<(usize, usize)> =
            polls.flat_map(|poll| (0..self.devices).map(move |device| (poll, device))).collect();
        all.chunks(records).map(|records| self.encode(records)).collect()
    }

    fn encode(&self, records: &[(usize, usize)]) -> Vec<u8> {
        let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        for &(poll, device) in records {
            for place in 0..SERIES as i64 {
                let id = (device * SERIES) as i64 + place;
                bytes.extend(4i16.to_be_bytes());
                bytes.extend(8i32.to_be_bytes());
                bytes.extend(id.to_be_bytes());
                bytes.extend(8i32.to_be_bytes());
                bytes.extend(((self.at(poll) + place) * 1_000 - EPOCH_US).to_be_bytes());
                bytes.extend(8i32.to_be_bytes());
                bytes.extend(Self::value(poll, id).to_be_bytes());
                bytes.extend(2i32.to_be_bytes());
                bytes.extend(0i16.to_be_bytes());
            }
        }
        bytes.extend((-1i16).to_be_bytes());
        bytes
    }
}

/// Both ways into the table.
struct Bench {
    samples: Polls,
    log: Arc<dyn EventLog>,
    producer: Arc<dyn Producer>,
    runner: SinkRunner<SqlSink<Samples>>,
    raw: PgConnection,
    runtime: Handle,
}

/// What a turn took.
#[derive(Clone, Copy, Default)]
struct Spent {
    wall: f64,
    cpu: f64,
}

impl Spent {
    fn since(wall: Instant, cpu: f64) -> Self {
        Self { wall: wall.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }
    }
}

impl std::iter::Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self { wall: a.wall + b.wall, cpu: a.cpu + b.cpu })
    }
}

impl Bench {
    /// Puts polls on the topic.
    fn fill(&self, polls: std::ops::Range<usize>) -> Result<(), Failure> {
        for batch in polls.flat_map(|poll| self.samples.batches(poll)) {
            let record = METRIC.record(&batch.device, &batch)?;
            let until = Instant::now() + PATIENCE;
            loop {
                match self.producer.send(record.clone(), None) {
                    Err(LogError::Full { .. }) if Instant::now() < until => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    other => break other?,
                }
            }
        }
        Ok(self.producer.flush(PATIENCE)?)
    }

    /// Until the database has all of the topic.
    fn sink(&mut self) -> Result<Spent, Failure> {
        let ends = self.log.ends(METRIC.name)?;
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        loop {
            self.runner.turn(Duration::from_millis(100))?;
            let places = self.runner.reading().places;
            let done = (0..).zip(&ends).all(|(partition, end)| {
                *end == 0 || places.get(&partition).is_some_and(|place| place.next >= *end)
            });
            if done {
                return Ok(Spent::since(wall, cpu));
            }
            if wall.elapsed() > LIMIT {
                return Err(format!("the sink is not done after {LIMIT:?}").into());
            }
        }
    }

    /// The same number of rows by raw copies.
    fn copy(&mut self, polls: std::ops::Range<usize>) -> Result<Spent, Failure> {
        let encoded = self.samples.encoded(polls, MAX_BATCH_RECORDS);
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        for bytes in &encoded {
            self.runtime.block_on(copy(&mut self.raw, bytes))?;
        }
        Ok(Spent::since(wall, cpu))
    }
}

async fn copy(conn: &mut PgConnection, bytes: &[u8]) -> Result<(), sqlx::Error> {
    let mut transaction = conn.begin().await?;
    let mut copy = transaction
        .copy_in_raw("COPY sample (series_id, ts, value, flags) FROM STDIN BINARY")
        .await?;
    for piece in bytes.chunks(PIECE_BYTES) {
        copy.send(piece).await?;
    }
    copy.finish().await?;
    transaction.commit().await
}

fn start(
    place: &Place,
    database: &Database,
    runtime: &Handle,
    scale: Scale,
) -> Result<Bench, Failure> {
    let (log, schemas) = place.log()?;
    let options = database.options();
    let raw = runtime.block_on(PgConnection::connect_with(&options))?;
    let sink = SqlSink::<Samples>::new(options, "bench", METRIC.name, schemas.clone());
    let spec = member("sink-metric", METRIC.name, "bench");
    let schema_topic = SchemaTopic::new(Arc::clone(&log), schemas);
    let handle = runtime.clone();
    let runner = SinkRunner::join(&log, spec, sink, handle, schema_topic, Clock::system())?;
    // In the past, so that none is ahead of the log; all within a day, so mostly of one chunk.
    let first_ms = wall_ms() - 12 * 3_600_000;
    let samples = Polls { devices: scale.of(DEVICES, 5), first_ms };
    let producer = log.producer("bench")?;
    Ok(Bench { samples, log, producer, runner, raw, runtime: runtime.clone() })
}

/// `bench sink`.
pub(super) fn sink(config: &Config, scale: Scale) -> Result<Report, Failure> {
    let place = Place::new(config)?;
    let runtime = runtime()?;
    let database = Database::create(config, runtime.handle())?;
    let mut bench = start(&place, &database, runtime.handle(), scale)?;
    let turns = scale.of(TURNS, 2);
    let (mut sunk, mut copied) = (Vec::new(), Vec::new());
    // One turn of each first: joins the group, opens the chunk, warms the caches.
    for turn in 0..=turns {
        let first = turn * 2 * POLLS;
        let (ours, raw) = (first..first + POLLS, first + POLLS..first + 2 * POLLS);
        bench.fill(ours)?;
        // Who goes first changes with every turn.
        let (sink, copy) = if turn % 2 == 0 {
            let copy = bench.copy(raw)?;
            (bench.sink()?, copy)
        } else {
            (bench.sink()?, bench.copy(raw)?)
        };
        if turn > 0 {
            sunk.push(sink);
            copied.push(copy);
        }
    }
    let rows = bench.samples.devices * SERIES * POLLS;
    let counted = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sample");
    let count = runtime.block_on(counted.fetch_one(&database.pool))?;
    if count != ((turns + 1) * 2 * rows) as i64 {
        return Err(format!("{count} rows in the table, not what was sent").into());
    }
    bench.runner.stop()?;
    runtime.block_on(bench.raw.close())?;
    let what = format!(
        "{turns} turns of {rows} rows each way, in transactions of at most {MAX_BATCH_RECORDS} \
         records of {SERIES}, from {} into {}.",
        place.log_name(),
        database.about
    );
    Ok(report(what, rows, &sunk, &copied))
}

fn report(what: String, rows: usize, sunk: &[Spent], copied: &[Spent]) -> Report {
    let mut ratios: Vec<f64> =
        copied.iter().zip(sunk).map(|(copy, sink)| copy.wall / sink.wall * 100.0).collect();
    ratios.sort_by(f64::total_cmp);
    let all = (rows * sunk.len()) as f64;
    let (sink, copy): (Spent, Spent) = (sunk.iter().copied().sum(), copied.iter().copied().sum());
    let mut report = Report::new("sink", what);
    report.add("metric topic to table, of a raw COPY", copy.wall / sink.wall * 100.0, "%");
    report.add("  median of the turns", ratios[ratios.len() / 2], "%");
    report.add("metric topic to table", all / sink.wall, "rows/s");
    report.add("  by CPU of the sink's process", all / sink.cpu, "rows/cpu-s");
    report.add("raw COPY", all / copy.wall, "rows/s");
    report.add("  by CPU of the copying process", all / copy.cpu, "rows/cpu-s");
    report
}

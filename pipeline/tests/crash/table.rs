//! A database in memory that keeps the sink's promise: rows and positions in one step, positions
//! by compare-and-set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sinks::{Poison, Sink, SinkError, SinkRecord, Written};

/// Which fault hits a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The process dies before it takes effect.
    DiesBefore,
    /// The process dies after, before it learns so.
    DiesAfter,
    /// Another copy of the sink wrote the same batch just before.
    Twin,
}

/// What a "database" holds: rows in the order written, by topic and key, and the positions.
#[derive(Default)]
pub struct Tables {
    pub rows: BTreeMap<(String, Vec<u8>), Vec<Vec<u8>>>,
    pub positions: BTreeMap<(String, i32), i64>,
    pub writes: u64,
    /// Which write is disturbed, and how.
    pub disturb: Option<(u64, Hit)>,
    /// A seeded bug: rows first, positions in a second step.
    pub torn: bool,
    /// A seeded bug: positions are not compared.
    pub unguarded: bool,
}

/// A sink over shared tables.
pub struct ModelSink {
    topic: String,
    tables: Arc<Mutex<Tables>>,
    expected: BTreeMap<i32, i64>,
}

impl ModelSink {
    pub fn new(topic: &str, tables: Arc<Mutex<Tables>>) -> Self {
        Self { topic: topic.to_owned(), tables, expected: BTreeMap::new() }
    }
}

impl Tables {
    fn insert(&mut self, topic: &str, batch: &[SinkRecord]) {
        for record in batch {
            let key = record.key.as_deref().unwrap_or_default().to_vec();
            let value = record.value.as_deref().unwrap_or_default().to_vec();
            self.rows.entry((topic.to_owned(), key)).or_default().push(value);
        }
    }

    fn apply(&mut self, topic: &str, batch: &[SinkRecord]) {
        self.insert(topic, batch);
        for record in batch {
            self.positions.insert((topic.to_owned(), record.partition), record.offset + 1);
        }
    }
}

fn died() -> SinkError {
    SinkError::Fatal("crashed by the test".into())
}

impl Sink for ModelSink {
    type Batch = Vec<SinkRecord>;

    async fn positions(
        &mut self,
        partitions: &[i32],
    ) -> Result<Vec<(i32, Option<i64>)>, SinkError> {
        let tables = self.tables.lock().unwrap();
        let of = |partition: &i32| {
            let next = tables.positions.get(&(self.topic.clone(), *partition)).copied();
            (*partition, next)
        };
        let positions: Vec<_> = partitions.iter().map(of).collect();
        self.expected.extend(positions.iter().map(|(p, next)| (*p, next.unwrap_or(0))));
        Ok(positions)
    }

    fn prepare(&self, records: Vec<SinkRecord>) -> (Self::Batch, Vec<Poison>) {
        (records, Vec::new())
    }

    fn remove(&self, batch: &mut Self::Batch, poison: &[Poison]) {
        batch
            .retain(|r| !poison.iter().any(|p| (p.partition, p.offset) == (r.partition, r.offset)));
    }

    async fn write(&mut self, batch: &Self::Batch) -> Result<Written, SinkError> {
        let mut tables = self.tables.lock().unwrap();
        tables.writes += 1;
        let hit = tables.disturb.filter(|(number, _)| *number == tables.writes).map(|(_, hit)| hit);
        match hit {
            Some(Hit::DiesBefore) => return Err(died()),
            Some(Hit::Twin) => tables.apply(&self.topic, batch),
            Some(Hit::DiesAfter) | None => {}
        }
        let mut next = self.expected.clone();
        for record in batch {
            let at = tables.positions.get(&(self.topic.clone(), record.partition)).copied();
            let expected = self.expected.get(&record.partition).copied().unwrap_or(0);
            if !tables.unguarded && at.unwrap_or(0) != expected {
                return Err(SinkError::Moved {
                    sink: "model",
                    topic: self.topic.clone(),
                    partition: record.partition,
                    expected: expected.to_string(),
                });
            }
            next.insert(record.partition, record.offset + 1);
        }
        if tables.torn && hit == Some(Hit::DiesAfter) {
            tables.insert(&self.topic, batch);
            return Err(died());
        }
        tables.apply(&self.topic, batch);
        self.expected = next;
        if hit == Some(Hit::DiesAfter) {
            return Err(died());
        }
        Ok(Written { rows: batch.len() as u64, ..Written::default() })
    }
}

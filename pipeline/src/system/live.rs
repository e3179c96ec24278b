//! The live tail: what is committed to the log from now on, handed to whoever watches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::{Live, LiveEvent, LogPlace};
use schemas::DeviceId;

use super::{Shared, StartError};
use crate::log::{Reader, Record, Start};
use crate::run::lag::{Place, Reading};
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::{Group, Runner};
use crate::run::wiring::RunError;
use crate::topology::{ANOMALY, METRIC, PROCESS_LOG, STATUS};

/// Stands for a group among the readers whose lag is shown: the tail has none.
const GROUP: &str = "api";

/// Hands one record to whoever watches.
type Publish = fn(&Live, &mut SchemaTopic, &Record);

/// Follows one topic.
struct Tail {
    reader: Box<dyn Reader>,
    schemas: SchemaTopic,
    live: Live,
    publish: Publish,
    topic: Arc<str>,
    /// Append time of the last record of each partition.
    newest_ms: BTreeMap<i32, i64>,
    partitions: i32,
}

/// Starts a thread per topic that viewers see live.
pub(super) fn follow(group: &mut Group, shared: &Arc<Shared>) -> Result<Live, StartError> {
    let live = Live::new();
    let tails: [(&'static str, Publish); 4] = [
        (ANOMALY.name, anomaly),
        (STATUS.name, status),
        (METRIC.name, samples),
        (PROCESS_LOG.name, line),
    ];
    for (topic, publish) in tails {
        let (shared, live) = (Arc::clone(shared), live.clone());
        group
            .spawn(&format!("api live {topic}"), move || {
                let reader = shared.log.reader(topic, &[], Start::Latest)?;
                live.tail_began();
                Ok(Box::new(Tail {
                    reader,
                    schemas: SchemaTopic::new(Arc::clone(&shared.log), shared.schemas.clone()),
                    live: live.clone(),
                    publish,
                    topic: crate::topic::shared(topic),
                    newest_ms: BTreeMap::new(),
                    partitions: shared.config.log.partitions,
                }) as Box<dyn Runner>)
            })
            .map_err(|error| StartError::machine("starting a thread", error))?;
    }
    Ok(live)
}

impl Runner for Tail {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        for record in self.reader.poll(wait)? {
            (self.publish)(&self.live, &mut self.schemas, &record);
            self.newest_ms.insert(record.partition, record.timestamp_ms);
        }
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        let place = |partition| {
            let next = self.reader.position(partition);
            (partition, Place { next, newest_ms: self.newest_ms.get(&partition).copied() })
        };
        Some(Reading {
            group: GROUP.to_owned(),
            topic: Arc::clone(&self.topic),
            elsewhere: false,
            places: (0..self.partitions).map(place).collect(),
            restoring: BTreeMap::new(),
        })
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }
}

// What cannot be read here is dead-lettered by the sinks, which read the same records.

fn place(topic: char, record: &Record) -> LogPlace {
    let Record { partition, offset, timestamp_ms, .. } = *record;
    LogPlace { topic, partition, offset, at_ms: timestamp_ms }
}

fn anomaly(live: &Live, schemas: &mut SchemaTopic, record: &Record) {
    if let Ok(Some(anomaly)) = schemas.decode(|store| ANOMALY.read(store, record)) {
        live.publish(LiveEvent::Anomaly(&anomaly, place('a', record)));
    }
}

fn status(live: &Live, schemas: &mut SchemaTopic, record: &Record) {
    if let Ok(Some(status)) = schemas.decode(|store| STATUS.read(store, record)) {
        live.publish(LiveEvent::Status(&status, place('s', record)));
    }
}

fn line(live: &Live, schemas: &mut SchemaTopic, record: &Record) {
    if !live.watches_log() {
        return;
    }
    if let Ok(Some(line)) = schemas.decode(|store| PROCESS_LOG.read(store, record)) {
        live.publish(LiveEvent::Log(&line));
    }
}

fn samples(live: &Live, schemas: &mut SchemaTopic, record: &Record) {
    let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    let Some(device) = key.and_then(|key| key.parse::<DeviceId>().ok()) else { return };
    if !live.watches(device) {
        return;
    }
    if let Ok(Some(batch)) = schemas.decode(|store| METRIC.read(store, record)) {
        live.publish(LiveEvent::Samples(&batch));
    }
}

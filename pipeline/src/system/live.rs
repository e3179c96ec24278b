//! The live tail: what is committed to the log from now on, handed to the viewers.

use std::sync::Arc;

use api::{Live, LiveEvent, LogPlace};
use schemas::DeviceId;

use super::{Shared, StartError};
use crate::log::{Record, Start};
use crate::run::follow::Follower;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::{Group, Runner};
use crate::topology::{ANOMALY, METRIC, PROCESS_LOG, STATUS};

/// Stands for a group among the readers whose lag is shown: the tail has none.
const GROUP: &str = "api";

/// Hands one record to the viewers.
type Publish = fn(&Live, &mut SchemaTopic, &Record);

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
                let mut schemas = SchemaTopic::new(Arc::clone(&shared.log), shared.schemas.clone());
                let publishes = live.clone();
                let take =
                    Box::new(move |record: &Record| publish(&publishes, &mut schemas, record));
                let log = shared.log.as_ref();
                let follower = Follower::new(log, GROUP, topic, Start::Latest, take)?;
                live.tail_began();
                Ok(Box::new(follower) as Box<dyn Runner>)
            })
            .map_err(|error| StartError::machine("starting a thread", error))?;
    }
    Ok(live)
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

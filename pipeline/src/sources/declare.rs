//! The sources that a process declares from its configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use processors::SourceKind as _;
use schemas::{AvroRecord as _, SchemaStore, Source, SourceKey};

use super::demo::Demo;
use super::inventory_file::InventoryFile;
use crate::clock::wall_ms;
use crate::config::Config;
use crate::log::{EventLog, LogError, NewRecord};
use crate::run::durable;
use crate::run::schema_topic::read_all;
use crate::topology::SOURCE;

/// Longest time for a definition to be durable.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);

/// Puts the definitions of what this process's configuration names, and takes back the demo's that it
/// named before. The kinds of source that this process can follow.
///
/// # Errors
/// [`LogError`].
pub fn declare(
    log: &dyn EventLog,
    schemas: &SchemaStore,
    config: &Config,
) -> Result<BTreeSet<&'static str>, LogError> {
    let known = known(log, schemas)?;
    let (mut follows, mut records) = (BTreeSet::new(), Vec::new());
    if !config.inventory.file.is_empty() {
        follows.insert(InventoryFile::KIND);
        let source = source(InventoryFile::SOURCE, InventoryFile::KIND, None);
        // One that a person has switched off stays so.
        if known.get(&source.key()).is_none_or(|there| there.kind != source.kind) {
            records.push(put(&source)?);
        }
    }
    let mine = Some(config.instance());
    let demo = source(Demo::SOURCE, Demo::KIND, mine.clone());
    let there = known.get(&demo.key());
    if config.demo.enabled {
        follows.insert(Demo::KIND);
        if there.is_none_or(|there| there.instance != mine) {
            records.push(put(&demo)?);
        }
    } else if there.is_some_and(|there| there.instance == mine || is_alone(config)) {
        // Followed once more, to take the devices back.
        follows.insert(Demo::KIND);
        records.push(SOURCE.tombstone(&demo.key()));
    }
    if !records.is_empty() {
        let producer = log.producer("sources")?;
        durable::write(producer.as_ref(), records, WRITTEN_WITHIN)?;
    }
    Ok(follows)
}

/// An embedded log has one process: whatever was declared there was declared by it.
fn is_alone(config: &Config) -> bool {
    config.log.kind == crate::config::LogKind::Embedded
}

fn source(id: &str, kind: &str, instance: Option<String>) -> Source {
    Source {
        tenant: schemas::DEFAULT_TENANT.to_owned(),
        id: id.to_owned(),
        kind: kind.to_owned(),
        instance,
        settings: BTreeMap::new(),
        enabled: true,
        updated_at: wall_ms(),
    }
}

fn put(source: &Source) -> Result<NewRecord, LogError> {
    SOURCE.record(&source.key(), source).map_err(|error| LogError::Fatal {
        what: format!("definition of source {}", source.key()),
        error: error.to_string(),
    })
}

/// The definitions on the log.
fn known(
    log: &dyn EventLog,
    schemas: &SchemaStore,
) -> Result<BTreeMap<SourceKey, Source>, LogError> {
    let mut sources = BTreeMap::new();
    read_all(log, SOURCE.name, |key, value| {
        let Some(key) = SourceKey::parse(&String::from_utf8_lossy(key)) else { return };
        match value.map(|value| Source::decode(schemas, value)) {
            Some(Ok(source)) => drop(sources.insert(key, source)),
            None => drop(sources.remove(&key)),
            // Its reader dead-letters what cannot be read.
            Some(Err(_)) => {}
        }
    })?;
    Ok(sources)
}

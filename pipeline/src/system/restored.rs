//! Devices, and their groups, that the database has and the event log lacks, because the database was
//! restored beside a new log or the log was lost. The log is what is polled: nobody polls them. That
//! is said, their states become unknown, and `opsconductor config apply --from-database` puts
//! them on the log with their ids, so that their history goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use schemas::{Device, DeviceId, EntityObserved, SchemaStore};
use sqlx::PgPool;
use tokio::runtime::Handle;

use super::commands::Commands;
use super::{Shared, StartError, database, log_id};
use crate::clock::wall_ms;
use crate::config::Config;
use crate::log::{EventLog, LogError};
use crate::run::schema_topic::{SchemaTopic, read_all};
use crate::sources::demo::Demo;
use crate::topology::{self, DEVICE, ENTITY, ENTITY_COMMAND};

/// Time between two looks, as long as such devices are there or cannot be looked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Records on their way at once.
const AT_ONCE: usize = 256;
/// Devices named in a plan.
const MAX_NAMED: usize = 200;

const REASON: &str = "not in the event log's inventory, so nobody polls it: opsconductor config apply \
                      --from-database";

/// What is to be said of them, if there are any. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Option<String>>>);

impl Said {
    pub(super) fn warning(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, warning: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = warning;
    }
}

/// What the database has and the log lacks.
#[derive(Default)]
struct Unlisted {
    devices: Vec<Device>,
    /// What is configured and has no topic of its own.
    entities: Vec<EntityObserved>,
}

impl Unlisted {
    fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.entities.is_empty()
    }
}

fn warning(unlisted: &Unlisted) -> Option<String> {
    let (count, others) = (unlisted.devices.len(), unlisted.entities.len());
    if count == 0 && others > 0 {
        return Some(format!(
            "{others} device groups of the database are not on this event log, so they cannot be \
             changed: `opsconductor config apply --from-database` puts them there"
        ));
    }
    (count > 0).then(|| {
        format!(
            "{count} devices of the database are not in this event log's inventory, so nobody polls \
             them: `opsconductor config apply --from-database` puts them there; those that are not to \
             be there are removed afterwards"
        )
    })
}

/// The keys of a compacted topic that have a record.
fn listed(log: &dyn EventLog, topic: &str) -> Result<BTreeSet<String>, LogError> {
    let mut listed = BTreeSet::new();
    read_all(log, topic, |key, value| {
        let key = String::from_utf8_lossy(key).into_owned();
        match value {
            Some(_) => listed.insert(key),
            None => listed.remove(&key),
        };
    })?;
    Ok(listed)
}

/// What is in question; nothing where no other log has fed the database.
fn unlisted(
    pool: &PgPool,
    runtime: &Handle,
    log: &dyn EventLog,
    log_id: &str,
) -> Result<Unlisted, String> {
    let failed = |error: sinks::SinkError| error.to_string();
    let fed = sinks::restored::was_fed_by_another(pool, log_id);
    if !runtime.block_on(fed).map_err(failed)? {
        return Ok(Unlisted::default());
    }
    let mut devices = runtime.block_on(sinks::restored::devices(pool)).map_err(failed)?;
    let known = listed(log, DEVICE.name).map_err(|error| error.to_string())?;
    devices.retain(|device| !known.contains(&device.id.to_string()));
    let mut entities = runtime.block_on(sinks::restored::entities(pool)).map_err(failed)?;
    let known = listed(log, ENTITY.name).map_err(|error| error.to_string())?;
    entities.retain(|it| !known.contains(&it.key().to_string()));
    Ok(Unlisted { devices, entities })
}

/// Looks at the start, and again until there is none.
pub(super) fn watch(shared: &Arc<Shared>) -> Result<(), StartError> {
    let shared = Arc::clone(shared);
    let look = move || {
        while !shared.stop.requested() {
            match forget(&shared) {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::debug!(error, "devices that the log lacks"),
            }
            let again = std::time::Instant::now() + LOOK_EVERY;
            while std::time::Instant::now() < again && !shared.stop.requested() {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    };
    let spawned = std::thread::Builder::new().name("restored".to_owned()).spawn(look);
    spawned.map(drop).map_err(|error| StartError::machine("starting a thread", error))
}

/// Says so, and that nobody knows how these devices are; true: there is none.
fn forget(shared: &Shared) -> Result<bool, String> {
    let (log, id) = (shared.log.as_ref(), shared.log_id.to_string());
    let unlisted = unlisted(&shared.pool, &shared.runtime, log, &id)?;
    let warning = warning(&unlisted);
    if let Some(warning) = &warning
        && shared.restored.warning().as_ref() != Some(warning)
    {
        tracing::warn!("{warning}");
    }
    shared.restored.set(warning);
    let ids: Vec<DeviceId> = unlisted.devices.iter().map(|device| device.id).collect();
    let forget = sinks::restored::forget_states(&shared.pool, &ids, REASON);
    shared.runtime.block_on(forget).map_err(|error| error.to_string())?;
    Ok(unlisted.is_empty())
}

/// For `opsconductor check`: what is to be said, changing nothing.
pub fn look(config: &Config, log: &dyn EventLog) -> Option<String> {
    let runtime = Handle::current();
    let id = log_id::find(log).ok()??.to_string();
    tokio::task::block_in_place(|| {
        let pool = runtime.block_on(database::pool_now(config)).ok()?;
        let unlisted = unlisted(&pool, &runtime, log, &id).ok()?;
        warning(&unlisted)
    })
}

/// What [`import`] found.
pub struct Found {
    /// What it did or would do, for people.
    pub text: String,
    /// How many devices and groups the log lacks.
    pub lacking: usize,
}

/// For `opsconductor config plan|apply --from-database`: puts what is lacking on the log if `really`.
///
/// # Errors
/// [`StartError`].
pub fn import(config: &Config, runtime: &Handle, really: bool) -> Result<Found, StartError> {
    let pool = runtime.block_on(database::pool_now(config))?;
    let log = crate::log::open(config)?;
    log.ensure_topics(&topology::topics(config.log.partitions))?;
    let id = log_id::log_id(log.as_ref())?.to_string();
    let Unlisted { devices, entities } =
        unlisted(&pool, runtime, log.as_ref(), &id).map_err(StartError::Database)?;
    // The demo network adds its own, and takes them away where it does not run.
    let (demo, devices): (Vec<_>, Vec<_>) =
        devices.into_iter().partition(|device| device.source == Demo::SOURCE);
    let mut text = String::new();
    for device in devices.iter().take(MAX_NAMED) {
        text.push_str(&format!("+ device {} ({})\n", device.name, device.address));
    }
    for entity in entities.iter().take(MAX_NAMED) {
        text.push_str(&format!("+ {} {}\n", entity.kind.replace('_', " "), entity.name));
    }
    let more = devices.len().saturating_sub(MAX_NAMED) + entities.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    let found = devices.len() + entities.len();
    text.push_str(&format!("{found} to add to log {id}"));
    if !demo.is_empty() {
        text.push_str(&format!("; {} of the demo network are left out", demo.len()));
    }
    if found == 0 || !really {
        return Ok(Found { text, lacking: found });
    }
    SchemaTopic::new(Arc::clone(&log), SchemaStore::new()).publish()?;
    let commands = Commands::new(log.as_ref())?;
    let put = |mut device: Device| {
        device.updated_at = wall_ms();
        let commands = &commands;
        async move { commands.publish(&DEVICE, &device).await }
    };
    // As written without a command: they are so already, and nobody asks about their devices.
    let observe = |entity: EntityObserved| {
        let commands = &commands;
        async move { commands.publish(&ENTITY_COMMAND, &entity).await }
    };
    let written: Vec<_> = runtime.block_on(async {
        let devices = futures::stream::iter(devices).map(put).buffer_unordered(AT_ONCE);
        let mut written: Vec<_> = devices.collect().await;
        let entities = futures::stream::iter(entities).map(observe).buffer_unordered(AT_ONCE);
        written.extend(entities.collect::<Vec<_>>().await);
        written
    });
    let failed = |error: api::PortError| StartError::machine("event log", error);
    written.into_iter().collect::<Result<Vec<()>, _>>().map_err(failed)?;
    text.push_str("\ndone: pollers take them over as soon as they run");
    Ok(Found { text, lacking: found })
}

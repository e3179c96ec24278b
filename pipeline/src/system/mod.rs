//! A whole process: what is opened, what runs in which role, and in which order it ends.

mod answers;
pub mod commands;
pub mod database;
mod demo;
mod entities;
mod exposition;
mod live;
pub mod log_id;
mod observe;
mod own;
mod parts;
mod pollers;
mod prober;
mod process;
mod process_log;
mod processes;
pub mod restored;
mod roles;
mod status;
pub mod telemetry;
pub mod vault;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use connectors::Poller;
use schemas::SchemaStore;
use sqlx::PgPool;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::clock::{Clock, wall_ms};
use crate::config::Config;
use crate::families;
use crate::log::{EventLog, LogError};
use crate::run::lag::Lag;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::Health;
use crate::run::wiring::RunError;
use crate::topology;
pub use crate::topology::Role;

/// Where the one-time password of the first start lies until the administrator removes it.
pub const PASSWORD_FILE: &str = "admin-password";

/// Why the program did not start, or ended, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The event log.
    #[error("event log: {0}")]
    Log(#[from] LogError),
    /// The database.
    #[error("database: {0}")]
    Database(String),
    /// A component.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Anything else of this machine.
    #[error("{what}: {error}")]
    Machine {
        /// Which file, port or thread.
        what: String,
        /// What is wrong and the remedy.
        error: String,
    },
}

impl StartError {
    fn machine(what: impl Into<String>, error: impl ToString) -> Self {
        Self::Machine { what: what.into(), error: error.to_string() }
    }
}

/// Set once, when the process is to end.
#[derive(Clone, Default)]
pub struct Stop {
    requested: Arc<AtomicBool>,
}

impl Stop {
    /// Whether the process is to end.
    pub fn requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }
}

/// What every role shares.
pub(crate) struct Shared {
    pub config: Arc<Config>,
    /// Roles and name of this process, as it is known to the others.
    pub instance: String,
    pub runtime: Handle,
    pub log: Arc<dyn EventLog>,
    pub log_id: Uuid,
    pub schemas: SchemaStore,
    pub pool: PgPool,
    /// Of the database, for those who hold connections of their own.
    pub servers: sinks::Servers,
    pub clock: Clock,
    pub health: Health,
    pub lag: Lag,
    pub(crate) parts: parts::Parts,
    pub(crate) restored: restored::Said,
    pub(crate) pollers: pollers::Pollers,
    /// The roles of this process.
    pub roles: Vec<Role>,
    /// Set where devices are polled. Weak: who stops the poller is its last owner.
    pub poller: OnceLock<Weak<Poller>>,
    pub started_at: i64,
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
    pub database: sinks::DatabaseInfo,
    pub stop: Stop,
}

impl Shared {
    /// The poller, while it runs here.
    fn poller(&self) -> Option<Arc<Poller>> {
        self.poller.get().and_then(Weak::upgrade)
    }
}

/// The profiles built in and those of the configuration's folder.
///
/// # Errors
/// Naming file, table and key.
pub fn profiles(config: &Config) -> Result<connectors::Profiles, StartError> {
    connectors::Profiles::load(profiles_dir(config))
        .map_err(|error| StartError::machine("profiles", error))
}

/// The folder with profiles of the operator's own.
fn profiles_dir(config: &Config) -> Option<&std::path::Path> {
    let folder = &config.poller.profiles_dir;
    (!folder.is_empty()).then(|| std::path::Path::new(folder))
}

/// Takes as many file descriptors as this user may have: connections and files of the log hold one
/// each, and a shell gives 1,024 at first, fewer than there may be viewers.
pub(crate) fn take_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit and setrlimit only access the struct given.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            // Refused, it goes on with what it has.
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Runs the roles until a signal or a failure that a person must fix.
///
/// # Errors
/// [`StartError`].
pub fn run(config: &Config, roles: &[Role], runtime: &Handle) -> Result<(), StartError> {
    take_descriptors();
    let stop = Stop::default();
    watch_signals(runtime, stop.clone())?;
    let shared = Arc::new(open(config, roles, runtime, stop)?);
    let lines = process_log::Shipper::start(&shared)?;
    let running = match roles::Running::start(&shared, roles) {
        Ok(running) => running,
        Err(error) => {
            lines.stop();
            return Err(error);
        }
    };
    if roles.contains(&Role::Api) {
        restored::watch(&shared)?;
    }
    let failure = loop {
        if shared.stop.requested() {
            break None;
        }
        if let Some((component, error)) = shared.health.failure() {
            break Some(RunError::Broken { component, error });
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    tracing::info!("stopping");
    shared.stop.request();
    running.stop();
    lines.stop();
    tracing::info!("stopped");
    failure.map_or(Ok(()), |error| Err(error.into()))
}

fn open(
    config: &Config,
    roles: &[Role],
    runtime: &Handle,
    stop: Stop,
) -> Result<Shared, StartError> {
    let state = &config.state_dir;
    std::fs::create_dir_all(state).map_err(|error| {
        let what = format!("state folder {}", state.display());
        StartError::machine(what, format!("{error}: set OPSC_STATE_DIR to a folder of yours"))
    })?;
    let metrics = telemetry::metrics().map_err(|error| StartError::machine("metrics", error))?;
    runtime.spawn(telemetry::upkeep(metrics.clone()));
    let kind = config.log.kind.name();
    families::BUILD_INFO.set([env!("CARGO_PKG_VERSION"), kind], 1.0);
    let log = reached(&stop, || crate::log::open(config))?;
    reached(&stop, || log.ensure_topics(&topology::topics(config.log.partitions)))?;
    let schemas = SchemaStore::new();
    let mut schema_topic = SchemaTopic::new(Arc::clone(&log), schemas.clone());
    reached(&stop, || schema_topic.publish())?;
    let log_id = reached(&stop, || log_id::log_id(log.as_ref()))?;
    let servers = database::servers(config)?;
    let of_pool = database::sessions(&servers);
    let pool = {
        // The pool's background tasks belong to the runtime.
        let _guard = runtime.enter();
        database::pool(config, &of_pool)
    };
    {
        let (servers, pool) = (of_pool.clone(), pool.clone());
        runtime.spawn(async move { servers.follow(&pool).await });
    }
    let database = runtime.block_on(database::migrate(&pool, &of_pool, &stop))?;
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let names = if names.len() == Role::ALL.len() { "run".to_owned() } else { names.join("+") };
    Ok(Shared {
        config: Arc::new(config.clone()),
        instance: format!("{names}@{}", config.instance()),
        runtime: runtime.clone(),
        log,
        log_id,
        schemas,
        pool,
        servers,
        clock: Clock::system(),
        health: Health::default(),
        lag: Lag::default(),
        parts: parts::Parts::new(config.log.partitions, config.system.keep_gone_s * 1_000),
        restored: restored::Said::default(),
        pollers: pollers::Pollers::default(),
        roles: roles.to_vec(),
        poller: OnceLock::new(),
        started_at: wall_ms(),
        metrics,
        database,
        stop,
    })
}

/// Tries until the log answers: at a cluster's start the program may be there first.
pub(crate) fn reached<T>(
    stop: &Stop,
    mut attempt: impl FnMut() -> Result<T, LogError>,
) -> Result<T, LogError> {
    let mut said = false;
    loop {
        match attempt() {
            Err(LogError::Retry { what, error }) if !stop.requested() => {
                if !said {
                    tracing::warn!(what, error, "waiting for the event log");
                    said = true;
                }
                std::thread::sleep(Duration::from_secs(1));
            }
            other => return other,
        }
    }
}

fn watch_signals(runtime: &Handle, stop: Stop) -> Result<(), StartError> {
    use tokio::signal::unix::{SignalKind, signal};
    let _guard = runtime.enter();
    let failed = |error| StartError::machine("signal handlers", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.request();
        // A second one means now.
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_descriptors_are_taken() {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        let mut current = |lower: u64| {
            // SAFETY: getrlimit and setrlimit only access the struct given.
            unsafe {
                assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
                limit.rlim_cur -= lower;
                assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
            }
            limit
        };
        let fewer = current(1);
        assert!(fewer.rlim_cur < fewer.rlim_max);
        take_descriptors();
        assert_eq!(current(0).rlim_cur, fewer.rlim_max);
    }
}

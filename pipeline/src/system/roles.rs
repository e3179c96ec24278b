//! What runs in each role, and the order in which it ends: pollers first, so that
//! what they measured is still processed, the API last, so that people can watch.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::{Poller, PollerConfig};
use processors::Processor;
use tokio::sync::oneshot;

use super::commands::Commands;
use super::entities::Entities;
use super::pollers::Follower;
use super::prober::Prober;
use super::vault::{Keyring, RESEALED_AFTER, Store};
use super::watch::Watch;
use super::{Shared, StartError, database, demo, live, observe, status};
use crate::run::lag::Reading;
use crate::run::outside::Outside;
use crate::run::poll::PollRunner;
use crate::run::poll_sink::LogPollSink;
use crate::run::processor::ProcessorRunner;
use crate::run::sink::SinkRunner;
use crate::run::supervise::{Group, Runner};
use crate::run::wiring::{Pace, RunError};
use crate::sources;
use crate::topology::{self, Context, Database, Role, Threads};

/// Longest wait for the last polls to be durable.
const LAST_POLLS: Duration = Duration::from_secs(20);
/// Longest wait for the API's end: it gives requests that have begun 10 s.
const LAST_ANSWERS: Duration = Duration::from_secs(11);
/// Between two clean-ups of the database.
const RETENTION: Duration = Duration::from_secs(3600);

/// Everything that runs.
pub(super) struct Running {
    shared: Arc<Shared>,
    connect: Option<Connect>,
    process: Option<Group>,
    sink: Option<Group>,
    api: Option<Api>,
    lab: Option<lab::Lab>,
    watch: Group,
    telemetry: Option<observe::Telemetry>,
}

struct Connect {
    group: Group,
    poller: Arc<Poller>,
    polls: Arc<LogPollSink>,
}

struct Api {
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
    group: Group,
}

fn thread(error: std::io::Error) -> StartError {
    StartError::machine("starting a thread", error)
}

impl Running {
    pub(super) fn start(shared: &Arc<Shared>, roles: &[Role]) -> Result<Self, StartError> {
        let mut running = Self {
            shared: Arc::clone(shared),
            connect: None,
            process: None,
            sink: None,
            api: None,
            lab: None,
            watch: watch(shared)?,
            telemetry: None,
        };
        let mut started = roles.iter().try_for_each(|role| running.add(*role));
        if started.is_ok() {
            let served = observe::start(shared);
            started = served.map(|served| running.telemetry = served);
        }
        match started {
            Ok(()) => Ok(running),
            Err(error) => {
                // The runtime must outlive what was started on it.
                running.stop();
                Err(error)
            }
        }
    }

    fn add(&mut self, role: Role) -> Result<(), StartError> {
        let shared = &self.shared;
        match role {
            Role::Process => self.process = Some(spawn(shared, role, context(shared))?),
            Role::Sink => self.sink = Some(sink(shared)?),
            Role::Connect => {
                let keyring = keyring(shared)?;
                if shared.config.demo.enabled {
                    self.lab = Some(demo::start(shared)?);
                }
                self.connect = Some(connect(shared, keyring)?);
            }
            Role::Api => self.api = Some(api(shared)?),
        }
        Ok(())
    }

    pub(super) fn stop(self) {
        let asked = Instant::now();
        if let Some(connect) = self.connect {
            connect.group.stop();
            self.shared.runtime.block_on(connect.poller.stop());
            if let Err(error) = connect.polls.flush(LAST_POLLS) {
                tracing::warn!(%error, "the last polls");
            }
        }
        if let Some(group) = self.process {
            group.stop();
        }
        if let Some(group) = self.sink {
            group.stop();
        }
        if let Some(api) = self.api {
            drain(&self.shared, asked);
            let _ = api.stop.send(());
            api.group.stop();
            let ended = async { tokio::time::timeout(LAST_ANSWERS, api.server).await };
            if self.shared.runtime.block_on(ended).is_err() {
                tracing::warn!("some viewers held on to the API; they are cut off");
            }
        }
        if let Some(lab) = self.lab {
            lab.stop();
        }
        self.watch.stop();
        if let Some(telemetry) = self.telemetry {
            telemetry.stop(&self.shared.runtime);
        }
    }
}

/// Serves on while a load balancer learns from `/readyz` that this process ends.
fn drain(shared: &Shared, asked: Instant) {
    let drain = Duration::from_secs(shared.config.api.drain_s);
    if !drain.is_zero() {
        tracing::info!(?drain, "the API drains");
    }
    std::thread::sleep(drain.saturating_sub(asked.elapsed()));
}

fn watch(shared: &Arc<Shared>) -> Result<Group, StartError> {
    let mut group = Group::new(shared.health.clone(), shared.lag.clone());
    let shared = Arc::clone(shared);
    group
        .spawn("watch", move || Ok(Box::new(Watch::new(&shared)?) as Box<dyn Runner>))
        .map_err(thread)?;
    Ok(group)
}

/// Spawns the components of a role.
fn spawn(shared: &Arc<Shared>, role: Role, context: Context) -> Result<Group, StartError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let configured = shared.config.processor.threads;
    let mut group = Group::new(shared.health.clone(), shared.lag.clone());
    for component in topology::topology().of(role) {
        if component.local.is_some_and(|kind| !context.declared.contains(kind)) {
            continue;
        }
        let Some(build) = component.builder() else { continue };
        let (name, instance) = (format!("{} {}", role.name(), component.name), &context.instance);
        let slots = match component.threads {
            Threads::One => vec![(name, instance.clone())],
            Threads::Configured => (0..if configured == 0 { cores } else { configured })
                .map(|slot| (format!("{name} {slot}"), format!("{instance}-{slot}")))
                .collect(),
        };
        for (name, slot) in slots {
            let (build, context) = (Arc::clone(&build), context.clone());
            group.spawn(&name, move || build(&context, &slot)).map_err(thread)?;
        }
    }
    Ok(group)
}

/// What components of this process are built from.
fn context(shared: &Arc<Shared>) -> Context {
    let config = &shared.config.processor;
    Context {
        log: Arc::clone(&shared.log),
        clock: shared.clock.clone(),
        schemas: shared.schemas.clone(),
        pace: Pace {
            commit_ms: config.commit_interval_ms,
            snapshot_ms: config.snapshot_interval_ms,
            tick_ms: config.tick_interval_ms,
            ..Pace::default()
        },
        instance: shared.config.instance(),
        runtime: shared.runtime.clone(),
        config: Arc::clone(&shared.config),
        declared: BTreeSet::new(),
        database: None,
        poller: None,
        credentials: None,
    }
}

fn sink(shared: &Arc<Shared>) -> Result<Group, StartError> {
    let database = Database { servers: shared.servers.clone(), log_id: shared.log_id.to_string() };
    let context = Context { database: Some(database), ..context(shared) };
    let group = spawn(shared, Role::Sink, context)?;
    let (pool, retention) = (shared.pool.clone(), database::retention(&shared.config));
    shared.runtime.spawn(async move {
        loop {
            match sinks::retain(&pool, &retention, crate::clock::wall_ms()).await {
                Ok(gone) => tracing::info!(gone.chunks, gone.rows, "old rows left the database"),
                Err(error) => tracing::warn!(%error, "old rows stay for now"),
            }
            tokio::time::sleep(RETENTION).await;
        }
    });
    Ok(group)
}

/// The master key, which only those have who poll.
fn keyring(shared: &Arc<Shared>) -> Result<Arc<Keyring>, StartError> {
    let opened = Keyring::open(shared.pool.clone(), shared.config.vault_key());
    let keyring = (shared.runtime.block_on(opened))
        .map_err(|error| StartError::machine("credential vault", error))?;
    let keyring = Arc::new(keyring);
    let later = Arc::clone(&keyring);
    shared.runtime.spawn(async move {
        tokio::time::sleep(RESEALED_AFTER).await;
        match later.reseal().await {
            Ok((done, closed)) => {
                if done > 0 {
                    tracing::info!(done, "credentials of an older version are sealed anew");
                }
                closed.iter().for_each(|error| tracing::warn!(%error, "credential vault"));
            }
            // The next start does it; until then they are read as they are.
            Err(error) => tracing::warn!(%error, "credentials stay sealed as they are"),
        }
    });
    Ok(keyring)
}

fn connect(shared: &Arc<Shared>, keyring: Arc<Keyring>) -> Result<Connect, StartError> {
    let polls = Arc::new(LogPollSink::new(shared.log.as_ref())?);
    let limits = &shared.config.poller;
    let config = PollerConfig {
        profiles: super::profiles_dir(&shared.config).map(Into::into),
        buffer_ms: limits.keep_polls_s * 1_000,
        timeout_ms: limits.timeout_ms,
        retries: limits.retries,
        in_flight_per_device: limits.in_flight_per_device,
        requests_per_second: limits.requests_per_second,
        icmp_echoes: limits.icmp_echoes,
        ..PollerConfig::default()
    };
    let poller = {
        let _guard = shared.runtime.enter();
        Poller::start(config, Arc::clone(&keyring) as _, Arc::clone(&polls) as _)
            .map(Arc::new)
            .map_err(|error| StartError::machine("poller", error))?
    };
    // There is one of this role in a process.
    let _ = shared.poller.set(Arc::downgrade(&poller));
    if !shared.config.inventory.file.is_empty() {
        sources::inventory_file::read(&shared.config)
            .map_err(|error| StartError::machine("inventory file", error))?;
    }
    let context = Context {
        poller: Some(Arc::clone(&poller)),
        credentials: Some(keyring),
        declared: sources::declare(shared.log.as_ref(), &shared.schemas, &shared.config)?,
        ..context(shared)
    };
    let group = spawn(shared, Role::Connect, context)?;
    if let Err(error) = connectors::icmp_permission() {
        tracing::warn!("ICMP is not measured, everything else is: {error}");
    }
    Ok(Connect { group, poller, polls })
}

fn api(shared: &Arc<Shared>) -> Result<Api, StartError> {
    let listen = &shared.config.api.listen;
    let listener =
        shared.runtime.block_on(tokio::net::TcpListener::bind(listen)).map_err(|error| {
            StartError::machine(
                format!("API address {listen}"),
                format!("{error}: end what listens there, or set OPSC_LISTEN to another port"),
            )
        })?;
    let mut group = Group::new(shared.health.clone(), shared.lag.clone());
    let live = live::follow(&mut group, shared)?;
    let follower = Arc::clone(shared);
    group
        .spawn("api pollers", move || Ok(Box::new(Follower::new(&follower)?) as Box<dyn Runner>))
        .map_err(thread)?;
    let config = api::ApiConfig {
        bearer_token: Some(status::token(&shared.config)?),
        public_origin: Some(shared.config.api.public_origin.clone()).filter(|it| !it.is_empty()),
        secure_cookies: shared.config.api.secure_cookie,
        open_metrics_on_loopback: shared.config.api.open_metrics_on_loopback,
        ..api::ApiConfig::default()
    };
    let commands = Arc::new(Commands::new(shared.log.as_ref())?);
    let prober = Prober::start(&mut group, shared, Arc::clone(&commands))?;
    let entities: Arc<dyn api::Entities> = Arc::new(Entities::start(&mut group, shared, commands)?);
    let store = Arc::new(Store::new(shared.pool.clone(), Arc::clone(&entities)));
    shared.runtime.spawn(Arc::clone(&store).declare_all());
    let ports = api::Ports {
        vault: store,
        entities,
        prober: Arc::new(prober),
        system: Arc::new(status::System::new(Arc::clone(shared))),
    };
    let pool = shared.pool.clone();
    let state = api::ApiState::new(config, pool, ports, live, shared.schemas.clone())
        .map_err(|error| StartError::machine("API", error))?;
    status::first_password(shared)?;
    let (stop, stopped) = oneshot::channel();
    let server = shared.runtime.spawn(async move {
        if let Err(error) = api::serve(listener, state, async {
            let _ = stopped.await;
        })
        .await
        {
            tracing::error!(%error, "API ended");
        }
    });
    tracing::info!("web interface and API at http://{listen}");
    Ok(Api { stop, server, group })
}

impl<P: Processor, O: Outside<P>> Runner for ProcessorRunner<P, O> {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        Self::turn(self, wait).map(drop)
    }

    fn reading(&self) -> Option<Reading> {
        Some(Self::reading(self))
    }

    fn waits_for(&self) -> Option<&str> {
        Self::waits_for(self)
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Self::stop(*self)
    }
}

impl<S: sinks::Sink> Runner for SinkRunner<S> {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        Self::turn(self, wait)
    }

    fn reading(&self) -> Option<Reading> {
        Some(Self::reading(self))
    }

    fn waits_for(&self) -> Option<&str> {
        Self::waits_for(self)
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Self::stop(*self)
    }
}

impl Runner for PollRunner {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        Self::turn(self, wait)
    }

    fn reading(&self) -> Option<Reading> {
        Some(Self::reading(self))
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Self::stop(*self);
        Ok(())
    }
}

//! What the process knows of itself, and how people and programs get in the first time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use api::{
    DatabaseStatus, LogStatus, PollerTiming, PortError, PortFuture, RoleStatus, SystemStatus,
    Trouble,
};
use connectors::Poller;
use processors::{DeviceChain, Processor as _};
use schemas::Outcome;
use secrecy::{ExposeSecret, SecretString};
use vault::{read_or_make, write_private};

use super::parts::GroupLag;
use super::{PASSWORD_FILE, Shared, StartError, TOKEN_FILE, exposition};
use crate::config::{Config, LogKind};
use crate::log::LogError;
use crate::run::lag::Lagging;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::State;

/// The database must answer the readiness question within this time.
const READY_WITHIN: Duration = Duration::from_millis(800);

/// The system port of the API.
pub(super) struct System {
    shared: Arc<Shared>,
    /// Weak: who stops the poller must be its last owner.
    poller: Option<Weak<Poller>>,
    /// It speaks for all processes: it has the API.
    whole: bool,
    schemas: Arc<Mutex<Schemas>>,
}

/// The schema topic as it was read last.
struct Schemas {
    topic: SchemaTopic,
    began: Option<Instant>,
}

impl System {
    pub(super) fn new(shared: Arc<Shared>, poller: Option<&Arc<Poller>>, whole: bool) -> Self {
        let topic = SchemaTopic::new(Arc::clone(&shared.log), shared.schemas.clone());
        let schemas = Arc::new(Mutex::new(Schemas { topic, began: None }));
        Self { shared, poller: poller.map(Arc::downgrade), whole, schemas }
    }

    /// Those who ask while the topic is read wait for one reading that begins after.
    async fn read_schemas(&self) -> Result<(), PortError> {
        let (schemas, asked) = (Arc::clone(&self.schemas), Instant::now());
        let read = move || {
            let mut schemas = schemas.lock().unwrap_or_else(PoisonError::into_inner);
            if schemas.began.is_some_and(|began| began >= asked) {
                return Ok(());
            }
            let began = Instant::now();
            schemas.topic.refresh()?;
            schemas.began = Some(began);
            Ok::<_, LogError>(())
        };
        let failed = |error: String| PortError::Unavailable(format!("the schema topic: {error}"));
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }

    /// The components of all processes: of this one as they are, of the others as they said last.
    fn roles(&self) -> Vec<RoleStatus> {
        let shared = &self.shared;
        let mut lagging: BTreeMap<String, Lagging> =
            shared.lag.all().into_iter().map(|it| (it.component.clone(), it)).collect();
        let own = |(name, state): (String, State)| {
            let lagging = lagging.remove(&name);
            let reads = |it: &Lagging| format!("reads {} as group {}", it.topic, it.group);
            let behind = lagging.as_ref().and_then(Lagging::total);
            let (state, detail) = match state {
                State::Running => ("running", lagging.as_ref().map(reads).unwrap_or_default()),
                State::Waiting(error) => ("waiting", error),
                State::Failed(error) => ("failed", error),
            };
            RoleStatus {
                name,
                instance: shared.instance.clone(),
                state: state.to_owned(),
                lag: behind.map(|behind| behind.records),
                lag_ms: behind.and_then(|behind| behind.ms),
                detail,
            }
        };
        let mut roles: Vec<RoleStatus> = shared.health.all().into_iter().map(own).collect();
        for (status, heard_ms) in shared.parts.processes() {
            if status.instance == shared.instance {
                continue;
            }
            let lives = shared.parts.lives(heard_ms);
            roles.extend(status.components.into_iter().map(|component| RoleStatus {
                name: component.name,
                instance: status.instance.clone(),
                state: if lives { component.state } else { "gone".to_owned() },
                lag: None,
                lag_ms: None,
                detail: component.detail,
            }));
        }
        roles
    }

    /// What does not work: of this process alone, or of the whole system.
    fn troubles(&self, alone: bool) -> Vec<Trouble> {
        let shared = &self.shared;
        let mut troubles = Vec::new();
        let now = shared.clock.now_ms();
        for (part, state) in shared.health.all() {
            match state {
                State::Running => {}
                State::Waiting(detail) | State::Failed(detail) => {
                    let since = shared.health.since_ms(&part).unwrap_or(now);
                    troubles.push(Trouble { role: String::new(), part, since, detail });
                }
            }
        }
        for stall in shared.lag.stalled(shared.clock.steady_ms()) {
            let (detail, since) = (stall.to_string(), now - stall.ms);
            let part = stall.component;
            troubles.push(Trouble { role: String::new(), part, since, detail });
        }
        if !alone && self.whole {
            for (status, heard_ms) in shared.parts.processes() {
                let (instance, parts) = (status.instance, &shared.parts);
                if instance == shared.instance || !parts.lives(heard_ms) {
                    continue;
                }
                let ill = status.components.into_iter().filter(|it| it.state != "running");
                troubles.extend(ill.map(|it| Trouble {
                    role: String::new(),
                    part: format!("{} of {instance}", it.name),
                    since: it.since,
                    detail: it.detail,
                }));
            }
            troubles.extend(shared.parts.missing().into_iter().map(|missing| Trouble {
                detail: missing.to_string(),
                role: missing.part.role.to_owned(),
                part: missing.part.group,
                since: missing.since_ms,
            }));
        }
        troubles
    }

    /// Of the system's groups, whoever holds what they read, and of what only this process reads.
    fn lag(&self) -> Vec<GroupLag> {
        let mut all = self.shared.parts.lag();
        let own = self.shared.lag.all().into_iter().map(|it| GroupLag {
            group: it.group,
            topic: it.topic.to_string(),
            partitions: it.partitions,
        });
        let own: Vec<GroupLag> =
            own.filter(|it| !all.iter().any(|known| known.group == it.group)).collect();
        all.extend(own);
        all
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.shared.database.warnings.clone();
        if self.poller.is_some()
            && let Err(error) = connectors::icmp_permission()
        {
            warnings.push(format!("ICMP: {error}"));
        }
        warnings
    }

    async fn is_ready(&self, alone: bool) -> Result<(), String> {
        let query = sqlx::query("SELECT 1").execute(&self.shared.pool);
        match tokio::time::timeout(READY_WITHIN, query).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(format!("database: {error}")),
            Err(_) => return Err(format!("database: no answer within {READY_WITHIN:?}")),
        }
        let troubles = self.troubles(alone);
        if troubles.is_empty() {
            return Ok(());
        }
        let now = self.shared.clock.now_ms();
        let words = troubles.iter().map(|Trouble { part, since, detail, .. }| {
            format!("{part} (for {} s): {detail}", (now - since).max(0) / 1_000)
        });
        Err(words.collect::<Vec<_>>().join("; "))
    }

    async fn timings(&self) -> Result<Vec<PollerTiming>, PortError> {
        let Some(poller) = self.poller.as_ref().and_then(Weak::upgrade) else {
            return Ok(Vec::new());
        };
        let timings = poller.timings();
        Ok(timings
            .into_iter()
            .map(|timing| PollerTiming {
                device: timing.device,
                device_name: timing.device_name,
                connector: timing.connector.to_owned(),
                last_duration_ms: (timing.polls > 0).then_some(timing.last_duration_ms as i64),
                last_outcome: timing.last_outcome.map(|last| outcome(last).to_owned()),
                last_at: (timing.last_at > 0).then_some(timing.last_at),
                slowest_table_ms: timing.slowest_table.as_ref().map(|(_, waited)| *waited as i64),
                slowest_table: timing.slowest_table.map(|(table, _)| table),
                requests: timing.requests as i64,
                timeouts: timing.timeouts as i64,
            })
            .collect())
    }
}

impl api::System for System {
    fn status(&self) -> PortFuture<'_, Result<SystemStatus, PortError>> {
        Box::pin(async {
            let shared = &self.shared;
            let kind = match shared.config.log.kind {
                LogKind::Embedded => "embedded",
                LogKind::Kafka => "kafka",
            };
            Ok(SystemStatus {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                log: LogStatus { kind: kind.to_owned(), id: shared.log_id.to_string() },
                database: DatabaseStatus {
                    tier: shared.database.tier.to_string(),
                    version: shared.database.server.clone(),
                    migration: shared.database.migration,
                },
                roles: self.roles(),
                troubles: self.troubles(false),
                started_at: shared.started_at,
                warnings: self.warnings(),
            })
        })
    }

    fn ready(&self, alone: bool) -> PortFuture<'_, Result<(), String>> {
        Box::pin(self.is_ready(alone))
    }

    fn uncomputed_since(&self) -> Option<i64> {
        self.shared.parts.uncomputed_since(DeviceChain::NAME)
    }

    fn pollers(&self) -> PortFuture<'_, Result<Vec<PollerTiming>, PortError>> {
        Box::pin(self.timings())
    }

    fn refresh_schemas(&self) -> PortFuture<'_, Result<(), PortError>> {
        Box::pin(self.read_schemas())
    }

    fn metrics(&self) -> String {
        let poller = self.poller.as_ref().and_then(Weak::upgrade);
        if let Some(poller) = &poller {
            for (name, value) in poller.counters().list() {
                metrics::counter!(format!("opsc_poller_{name}_total")).absolute(value);
            }
        }
        let mut text = self.shared.metrics.render();
        exposition::lag(&mut text, &self.lag());
        exposition::missing(&mut text, &self.shared.parts.missing());
        if let Some(poller) = &poller {
            exposition::polls(&mut text, poller);
        }
        text
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Partial => "partial",
        Outcome::Timeout => "timeout",
        Outcome::Unreachable => "unreachable",
        Outcome::NoCredential => "no_credential",
        Outcome::NotPermitted => "not_permitted",
        Outcome::Malformed => "malformed",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "failed",
    }
}

/// The command line's token: made once, readable by this user only.
pub(super) fn token(config: &Config) -> Result<SecretString, StartError> {
    let path = config.state_dir.join(TOKEN_FILE);
    let failed =
        |error: std::io::Error| StartError::machine(format!("token {}", path.display()), error);
    let random: [u8; 32] = rand::random();
    let fresh: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let token = read_or_make(&path, fresh.as_bytes()).map_err(failed)?;
    let token = String::from_utf8(token)
        .map_err(|_| StartError::machine(format!("token {}", path.display()), "is no text"))?;
    Ok(token.trim().to_owned().into())
}

/// At the first start the administrator's one-time password goes to a file of this user's and
/// to the terminal, never to the log.
pub(super) fn first_password(shared: &Shared) -> Result<(), StartError> {
    let made = shared
        .runtime
        .block_on(api::ensure_admin(&shared.pool))
        .map_err(|error| StartError::Database(error.to_string()))?;
    let path = shared.config.state_dir.join(PASSWORD_FILE);
    let Some(password) = made else { return Ok(()) };
    let _ = std::fs::remove_file(&path);
    write_private(&path, password.expose_secret().as_bytes())
        .map_err(|error| StartError::machine(format!("password {}", path.display()), error))?;
    use std::io::Write;
    let _ = writeln!(
        std::io::stdout(),
        "\n  First start. Sign in at http://{} as admin with the one-time password\n\n      \
         {}\n\n  It also lies in {} (only you can read it).\n",
        shared.config.api.listen,
        password.expose_secret(),
        path.display()
    );
    Ok(())
}

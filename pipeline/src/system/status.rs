//! What the process knows of itself, and how people and programs get in the first time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::{
    DatabaseStatus, LogStatus, PollerTiming, PortError, PortFuture, ProcessInfo, RoleStatus,
    SystemStatus, Trouble,
};
use processors::{DeviceChain, Processor as _};
use schemas::{ComponentStatus, PollTiming};
use secrecy::{ExposeSecret, SecretString};
use vault::{read_or_make, write_private};

use super::parts::{GroupLag, Missing};
use super::process::Usage;
use super::processes::{Life, Process, RUNNING};
use super::{PASSWORD_FILE, Shared, StartError, exposition, own, process_log};
use crate::config::Config;
use crate::log::LogError;
use crate::run::schema_topic::SchemaTopic;
use crate::topology::Role;

/// The database must answer the readiness question within this time.
const READY_WITHIN: Duration = Duration::from_millis(800);

/// The system port of the API.
pub(super) struct System {
    shared: Arc<Shared>,
    schemas: Arc<Mutex<Schemas>>,
}

/// The schema topic as it was read last.
struct Schemas {
    topic: SchemaTopic,
    began: Option<Instant>,
}

impl System {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let topic = SchemaTopic::new(Arc::clone(&shared.log), shared.schemas.clone());
        let schemas = Arc::new(Mutex::new(Schemas { topic, began: None }));
        Self { shared, schemas }
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

    /// Whether it speaks for all processes: it has the API.
    fn whole(&self) -> bool {
        self.shared.roles.contains(&Role::Api)
    }

    /// All processes: this one as it is, the others as they said last.
    fn processes(&self) -> Vec<Process> {
        let shared = &self.shared;
        let now_ms = shared.clock.now_ms();
        let mut all = shared.parts.processes();
        all.retain(|it| it.status.instance != shared.instance);
        let status = own::status(shared);
        let life = if status.state == RUNNING { Life::Running } else { Life::Stopping };
        all.push(Process { status, seen_ms: now_ms, life });
        all.sort_by(|a, b| a.status.instance.cmp(&b.status.instance));
        all
    }

    /// What does not work: of this process alone, or of the whole system.
    fn troubles(&self, alone: bool) -> Vec<Trouble> {
        let shared = &self.shared;
        let everywhere = !alone && self.whole();
        let mut troubles = Vec::new();
        for Process { status, life, .. } in self.processes() {
            let own = status.instance == shared.instance;
            let counts = own || (everywhere && life.lives());
            if !counts {
                continue;
            }
            let ill = status.components.into_iter().filter(|it| it.state != "running");
            troubles.extend(ill.map(|it| Trouble {
                role: String::new(),
                part: if own { it.name } else { format!("{} of {}", it.name, status.instance) },
                since: it.since,
                detail: it.detail,
            }));
        }
        if everywhere {
            let expected = |it: &Missing| shared.config.system.expects(it.part.role);
            let missing = shared.parts.missing().into_iter().filter(expected);
            troubles.extend(missing.map(|missing| Trouble {
                detail: missing.to_string(),
                role: missing.part.role.to_owned(),
                part: missing.part.group,
                since: missing.since_ms,
            }));
        }
        troubles
    }

    /// Of the system's groups, in all processes, and of what only this process reads.
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

    /// Of the database, and of each process that lives, with its name.
    fn warnings(&self, processes: &[Process]) -> Vec<String> {
        let database = self.shared.database.warnings.iter().cloned();
        let restored = self.shared.restored.warning();
        let living = processes.iter().map(|it| (&it.status, it.life)).filter(|it| it.1.lives());
        let of = living.flat_map(|(status, _)| {
            status.warnings.iter().map(|warning| format!("{}: {warning}", status.instance))
        });
        database.chain(restored).chain(of).collect()
    }

    async fn is_ready(&self, alone: bool) -> Result<(), String> {
        if self.shared.stop.requested() {
            return Err("this process was asked to end".to_owned());
        }
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

    /// Of all processes' devices.
    fn timings(&self) -> Vec<PollerTiming> {
        let own = self.shared.poller().map(|poller| poller.timings()).unwrap_or_default();
        let all = self.shared.pollers.all(&self.shared.instance, own).into_iter();
        let timing = |(instance, timing): (String, PollTiming)| PollerTiming {
            device: timing.device,
            device_name: timing.device_name,
            connector: timing.connector,
            instance,
            last_duration_ms: timing.last_duration_ms,
            last_outcome: timing.last_outcome,
            last_at: timing.last_at,
            slowest_table: timing.slowest_table,
            slowest_table_ms: timing.slowest_table_ms,
            requests: timing.requests,
            timeouts: timing.timeouts,
        };
        all.map(timing).collect()
    }
}

impl api::System for System {
    fn status(&self) -> PortFuture<'_, Result<SystemStatus, PortError>> {
        Box::pin(async {
            let shared = &self.shared;
            let kind = shared.config.log.kind.name();
            let processes = self.processes();
            Ok(SystemStatus {
                instance: shared.instance.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                log: LogStatus { kind: kind.to_owned(), id: shared.log_id.to_string() },
                database: DatabaseStatus {
                    tier: shared.database.tier.to_string(),
                    version: shared.database.server.clone(),
                    migration: shared.database.migration,
                },
                troubles: self.troubles(false),
                started_at: shared.started_at,
                warnings: self.warnings(&processes),
                roles: processes.iter().flat_map(roles).collect(),
                processes: processes.into_iter().map(process).collect(),
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
        Box::pin(async { Ok(self.timings()) })
    }

    fn refresh_schemas(&self) -> PortFuture<'_, Result<(), PortError>> {
        Box::pin(self.read_schemas())
    }

    fn metrics(&self) -> String {
        let poller = self.shared.poller();
        let (config, mut text) = (&self.shared.config, self.shared.metrics.render());
        exposition::usage(&mut text, &Usage::read());
        exposition::lag(&mut text, config, &self.lag());
        let mut missing = self.shared.parts.missing();
        missing.retain(|it| self.shared.config.system.expects(it.part.role));
        exposition::missing(&mut text, config, &missing);
        exposition::lines(&mut text, process_log::counts());
        if let Some(poller) = &poller {
            exposition::counters(&mut text, poller);
            exposition::polls(&mut text, poller);
        }
        text
    }
}

/// The components of a process, as the status shows them.
fn roles(process: &Process) -> Vec<RoleStatus> {
    let Process { status, seen_ms, life } = process;
    let gone = *life == Life::Gone;
    let role = |it: &ComponentStatus| {
        let reads = || match it.topic.as_str() {
            "" => String::new(),
            topic => format!("reads {topic} as group {}", it.group),
        };
        RoleStatus {
            name: it.name.clone(),
            instance: status.instance.clone(),
            state: if gone { life.name().to_owned() } else { it.state.clone() },
            since: if gone { *seen_ms } else { it.since },
            partitions: it.partitions.clone(),
            // What was measured by somebody who is gone says nothing of now.
            lag: it.lag.filter(|_| !gone),
            lag_ms: it.lag_ms.filter(|_| !gone),
            detail: if it.detail.is_empty() { reads() } else { it.detail.clone() },
        }
    };
    status.components.iter().map(role).collect()
}

fn process(process: Process) -> ProcessInfo {
    let Process { status, seen_ms, life } = process;
    ProcessInfo {
        instance: status.instance,
        roles: status.roles,
        host: status.host,
        version: status.version,
        started_at: status.started_at,
        state: life.name().to_owned(),
        since: if life.lives() { status.started_at } else { seen_ms },
        figures: status.figures.into_iter().map(|it| (it.name, it.value)).collect(),
    }
}

/// The command line's token: made once in the state folder, readable by this user only, unless it is
/// one that several processes share.
pub(super) fn token(config: &Config) -> Result<SecretString, StartError> {
    let path = config.token_file();
    let failed =
        |error: std::io::Error| StartError::machine(format!("token {}", path.display()), error);
    if !config.api.token_file.as_os_str().is_empty() && !path.exists() {
        let what = format!("token {}", path.display());
        let error = "api.token_file names it and it is not there: put one random text of 24 \
                     characters or more into it, the same for all API processes";
        return Err(StartError::machine(what, error));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_in_the_state_folder_but_one_to_share_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let load = |shared: &str| {
            let variables = [("OPSC_STATE_DIR", folder.path().display().to_string())];
            let shared = ("OPSC__API__TOKEN_FILE", shared.to_owned());
            let variables = variables.into_iter().chain([shared]);
            Config::load(None, variables.map(|(name, value)| (name.to_owned(), value))).unwrap()
        };
        let made = token(&load("")).unwrap();
        assert_eq!(made.expose_secret().len(), 64);
        assert_eq!(std::fs::read_to_string(path("cli-token")).unwrap(), made.expose_secret());
        let shared = path("shared-token");
        let error = token(&load(&shared)).unwrap_err().to_string();
        assert!(error.contains(&shared) && error.contains("the same for all"), "{error}");
        std::fs::write(&shared, "one-for-all-one-for-all-one\n").unwrap();
        let taken = token(&load(&shared)).unwrap();
        assert_eq!(taken.expose_secret(), "one-for-all-one-for-all-one");
    }
}

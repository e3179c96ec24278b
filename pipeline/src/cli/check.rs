//! `opsconductor check`: tries every setting and connection and says what to fix, all at once.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::remote::{Client, Running};
use crate::config::{Config, LogKind};
use crate::log::kafka::TopicChange;
use crate::log::{EventLog, LogError};
use crate::system::vault::admin;
use crate::system::{database, log_id, restored};
use crate::topology;

/// A system that runs here says so within this time.
const RUNNING_WITHIN: Duration = Duration::from_secs(3);

/// What came of one thing tried.
enum Finding {
    Good(String),
    Note(String),
    Bad(String),
}

pub(super) async fn run(config: &Config) -> ExitCode {
    let running = running(config).await;
    let (log, opened) = log(config, running.as_ref());
    let findings = vec![
        ("configuration", Finding::Good("every key is known and in range".to_owned())),
        ("state folder", state_folder(config)),
        ("profiles", profiles(config)),
        ("inventory", inventory(config)),
        ("ICMP", icmp()),
        ("API address", listen(config, running.is_some())),
        ("event log", log),
        ("database", database(config).await),
        ("devices", devices(config, opened, running.as_ref())),
        ("vault", vault(config).await),
        ("parts", parts(running.as_ref())),
    ];
    let mut bad = 0;
    for (what, finding) in &findings {
        let (mark, text) = match finding {
            Finding::Good(text) => ("ok  ", text),
            Finding::Note(text) => ("note", text),
            Finding::Bad(text) => {
                bad += 1;
                ("FAIL", text)
            }
        };
        let _ = super::print(&format!("{mark}  {what}: {text}"));
    }
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn state_folder(config: &Config) -> Finding {
    let path = config.state_dir.display();
    let trial = config.state_dir.join(".write-check");
    let made = std::fs::create_dir_all(&config.state_dir)
        .and_then(|()| std::fs::write(&trial, b""))
        .and_then(|()| std::fs::remove_file(&trial));
    match made {
        Ok(()) => Finding::Good(format!("{path} can be written")),
        Err(error) => {
            Finding::Bad(format!("{path}: {error}: set OPSC_STATE_DIR to a folder of yours"))
        }
    }
}

fn profiles(config: &Config) -> Finding {
    match crate::system::profiles(config) {
        Ok(profiles) => {
            let names: Vec<String> = profiles.names().into_iter().map(|(name, _)| name).collect();
            Finding::Good(names.join(", "))
        }
        Err(error) => Finding::Bad(error.to_string()),
    }
}

fn inventory(config: &Config) -> Finding {
    if config.inventory.file.is_empty() {
        return Finding::Good("no file; devices come from the API".to_owned());
    }
    match crate::sources::inventory_file::read(config) {
        Ok(devices) => Finding::Good(format!("{} devices", devices.len())),
        Err(error) => Finding::Bad(error),
    }
}

fn icmp() -> Finding {
    match connectors::icmp_permission() {
        Ok(()) => Finding::Good("may be sent".to_owned()),
        Err(error) => Finding::Note(format!("{error} (devices are polled by SNMP all the same)")),
    }
}

/// What the system says of itself that runs at the API's address with this state folder: it takes
/// the folder's token.
async fn running(config: &Config) -> Option<Running> {
    let client = Client::new(config, None, None).ok()?;
    tokio::time::timeout(RUNNING_WITHIN, client.status()).await.ok()?.ok()
}

/// The parts of the system that runs.
fn parts(running: Option<&Running>) -> Finding {
    let Some(Running { troubles, .. }) = running else {
        return Finding::Note("no system runs at the API's address".to_owned());
    };
    if troubles.is_empty() {
        return Finding::Good("every partition is read, and moves".to_owned());
    }
    Finding::Bad(troubles.join("\n      "))
}

fn listen(config: &Config, running: bool) -> Finding {
    match std::net::TcpListener::bind(&config.api.listen) {
        Err(_) if running => {
            Finding::Good(format!("{} is the running system's", config.api.listen))
        }
        Ok(_) => Finding::Good(format!("{} is free", config.api.listen)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::Note(format!(
            "{} is in use: by a running OpsConductor, or set OPSC_LISTEN to another port",
            config.api.listen
        )),
        Err(error) => Finding::Bad(format!("{}: {error}", config.api.listen)),
    }
}

/// What is to be said of the log; and the log, where it is set up and this process may have it.
fn log(config: &Config, running: Option<&Running>) -> (Finding, Option<Arc<dyn EventLog>>) {
    let opened = match (config.log.kind, running) {
        // One process owns an embedded log; who answers has it.
        (LogKind::Embedded, Some(it)) if it.log_kind == "embedded" => {
            let text = format!("embedded, id {}, in use by the running system", it.log_id);
            return (Finding::Good(text), None);
        }
        (LogKind::Embedded, _) => embedded(config),
        (LogKind::Kafka, _) => on_kafka(config),
    };
    let log = match opened {
        Ok(log) => log,
        Err(finding) => return (finding, None),
    };
    match log_id::find(log.as_ref()) {
        Ok(Some(id)) => {
            let text = format!("{}, id {id}", config.log.kind.name());
            (Finding::Good(text), Some(log))
        }
        Ok(None) => (
            Finding::Note("it has no id yet: the first process that starts gives it one".into()),
            None,
        ),
        Err(error) => (Finding::Bad(error.to_string()), None),
    }
}

fn embedded(config: &Config) -> Result<Arc<dyn EventLog>, Finding> {
    let folder = config.state_dir.join(crate::log::FOLDER);
    if !folder.exists() {
        let folder = folder.display();
        return Err(Finding::Note(format!(
            "embedded, none in {folder} yet: the first start makes it"
        )));
    }
    crate::log::open(config).map_err(|error| Finding::Bad(error.to_string()))
}

fn on_kafka(config: &Config) -> Result<Arc<dyn EventLog>, Finding> {
    let bad = |error: LogError| Finding::Bad(error.to_string());
    let log = crate::log::open_kafka(config).map_err(bad)?;
    let specs = topology::topics(config.log.partitions);
    let plan = log.plan_topics(&specs).map_err(bad)?;
    let count = |of: fn(&TopicChange) -> bool| plan.iter().filter(|it| of(it)).count();
    let refused = count(|it| matches!(it, TopicChange::Refuse { .. }));
    if refused > 0 {
        return Err(Finding::Bad(format!(
            "{refused} topics are other than they must be: `opsconductor topics plan` says how"
        )));
    }
    let missing = count(|it| matches!(it, TopicChange::Create { .. }));
    if missing > 0 {
        return Err(Finding::Note(format!(
            "reached; {missing} of {} topics are not there yet: {}",
            specs.len(),
            super::topics::WHO_CREATES
        )));
    }
    Ok(Arc::new(log))
}

/// Devices of the database that the log lacks.
fn devices(config: &Config, log: Option<Arc<dyn EventLog>>, running: Option<&Running>) -> Finding {
    let said = match (log, running) {
        (Some(log), _) => restored::look(config, log.as_ref()),
        (None, Some(running)) => running.devices_unlisted(),
        (None, None) => return Finding::Note("not looked at: the log is not set up".to_owned()),
    };
    match said {
        Some(text) => Finding::Bad(text),
        None => Finding::Good("the log's inventory has those of the database".to_owned()),
    }
}

/// Who polls needs the key; who does not needs none.
async fn vault(config: &Config) -> Finding {
    let Ok(pool) = database::migrated(config).await else {
        return Finding::Note("not looked at, as the database cannot be used".to_owned());
    };
    let file = config.vault_key();
    match admin::status(&pool, &file).await {
        Ok(report) => {
            let text = report.text.replace('\n', "\n      ");
            match (report.good, file.read()) {
                (true, _) => Finding::Good(text),
                (false, Ok(None)) => Finding::Note(text),
                (false, _) => Finding::Bad(text),
            }
        }
        Err(error) => Finding::Bad(error.to_string()),
    }
}

async fn database(config: &Config) -> Finding {
    let private = config.state_dir.join("postgres");
    if config.database.url.expose_secret().is_empty() && private.exists() {
        return Finding::Note(format!(
            "none is named; `make run` has a private one in {0}, which is tried by \
             DATABASE_URL=$(scripts/postgres url {0}) opsconductor check",
            private.display()
        ));
    }
    match database::look(config).await {
        Ok(database::Look::Ready(text)) => Finding::Good(text),
        Ok(database::Look::ToMigrate(text)) => Finding::Note(text),
        Err(error) => Finding::Bad(error.to_string()),
    }
}

//! `opsconductor check`: tries every setting and connection and says what to mend, all at once.

use std::process::ExitCode;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::remote::{Client, Running};
use crate::config::{Config, LogKind};
use crate::system::database;
use crate::system::vault::admin;

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
    let findings = vec![
        ("configuration", Finding::Good("every key is known and in range".to_owned())),
        ("state folder", state_folder(config)),
        ("profiles", profiles(config)),
        ("inventory", inventory(config)),
        ("ICMP", icmp()),
        ("API address", listen(config, running.is_some())),
        ("event log", log(config, running.as_ref())),
        ("database", database(config).await),
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
    match crate::system::inventory::read(config) {
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

fn log(config: &Config, running: Option<&Running>) -> Finding {
    match (config.log.kind, running) {
        // One process owns an embedded log; who answers has it.
        (LogKind::Embedded, Some(it)) if it.log_kind == "embedded" => {
            return Finding::Good(format!(
                "Embedded, id {}, in use by the running system",
                it.log_id
            ));
        }
        (LogKind::Embedded | LogKind::Kafka, _) => {}
    }
    match crate::log::open(config) {
        Ok(log) => match crate::system::log_id::log_id(log.as_ref()) {
            Ok(id) => Finding::Good(format!("{:?}, id {id}", config.log.kind)),
            Err(error) => Finding::Note(format!("reached, but not set up yet: {error}")),
        },
        Err(error) => Finding::Bad(error.to_string()),
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
        Ok(text) => Finding::Good(text),
        Err(error) => Finding::Bad(error.to_string()),
    }
}

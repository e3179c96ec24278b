//! Tries a device before it is saved, through the log: whoever polls tries it
//! ([`crate::workers::probe`]), for the API cannot open a secret. It is the same where both are one process.
//!
//! An outcome that comes too late, or that another API asked for, is nobody's here and is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::{PortError, PortFuture, ProbeReport, ProbeRequest, ProbeStep};
use connectors::Profiles;
use tokio::sync::oneshot;

use super::commands::Commands;
use super::{Shared, StartError, profiles};
use crate::clock::wall_ms;
use crate::log::{Record, Start};
use crate::run::follow::Follower;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::{Group, Runner};
use crate::topology::{PROBE, PROBE_REPORT};

/// Longest wait for an outcome.
const ANSWERED_WITHIN: Duration = Duration::from_secs(19);
/// At most so many requests wait at once.
const MAX_WAITING: usize = 64;
/// Stands for a group among the readers whose lag is shown.
const GROUP: &str = "api";

/// Who waits for which outcome.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<schemas::ProbeReport>>>>;

/// Asks for probes.
pub(super) struct Prober {
    profiles: Arc<Profiles>,
    commands: Arc<Commands>,
    waiting: Waiting,
}

impl Prober {
    /// Starts a thread that reads outcomes.
    pub(super) fn start(
        group: &mut Group,
        shared: &Arc<Shared>,
        commands: Arc<Commands>,
    ) -> Result<Self, StartError> {
        let profiles = Arc::new(profiles(&shared.config)?);
        let waiting = Waiting::default();
        let (known, shared) = (Arc::clone(&waiting), Arc::clone(shared));
        group
            .spawn("api probe-report", move || {
                let mut schemas = SchemaTopic::new(Arc::clone(&shared.log), shared.schemas.clone());
                let waiting = Arc::clone(&known);
                let take = Box::new(move |record: &Record| take(&waiting, &mut schemas, record));
                let log = shared.log.as_ref();
                let topic = PROBE_REPORT.name;
                let follower = Follower::new(log, GROUP, topic, Start::Latest, take)?;
                Ok(Box::new(follower) as Box<dyn Runner>)
            })
            .map_err(|error| StartError::machine("starting a thread", error))?;
        Ok(Self { profiles, commands, waiting })
    }

    async fn ask(&self, request: ProbeRequest) -> Result<ProbeReport, PortError> {
        let id = uuid::Uuid::new_v4().to_string();
        let (sender, outcome) = oneshot::channel();
        let _place = self.wait(&id, sender)?;
        let request = schemas::Probe {
            id,
            tenant: "default".to_owned(),
            address: request.address.to_string(),
            port: i32::from(request.port),
            profile: request.profile,
            credential: request.credential,
            any_source: request.any_source,
            requested_at: wall_ms(),
        };
        let answered = async {
            self.commands.publish(&PROBE, &request).await?;
            outcome.await.map_err(|_| PortError::Unavailable("this process ends".to_owned()))
        };
        let answered = tokio::time::timeout(ANSWERED_WITHIN, answered).await;
        report(answered.map_err(|_| {
            PortError::Unavailable(format!(
                "nobody tried the device within {} s: processes of role connect do it; see on the \
                 system page that one runs, and try again",
                ANSWERED_WITHIN.as_secs()
            ))
        })??)
    }

    fn wait(
        &self,
        id: &str,
        sender: oneshot::Sender<schemas::ProbeReport>,
    ) -> Result<Place<'_>, PortError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            let words = format!("{MAX_WAITING} devices are being tried already; try again shortly");
            return Err(PortError::Unavailable(words));
        }
        waiting.insert(id.to_owned(), sender);
        Ok(Place { waiting: &self.waiting, id: id.to_owned() })
    }
}

/// The place of who waits, given up however that ends.
struct Place<'a> {
    waiting: &'a Waiting,
    id: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

fn take(waiting: &Waiting, schemas: &mut SchemaTopic, record: &Record) {
    let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    let Some(key) = key else { return };
    let Some(sender) = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(key) else {
        return;
    };
    match schemas.decode(|store| PROBE_REPORT.read(store, record)) {
        Ok(Some(outcome)) => drop(sender.send(outcome)),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "unreadable outcome of a device test"),
    }
}

fn report(outcome: schemas::ProbeReport) -> Result<ProbeReport, PortError> {
    if let Some(failure) = outcome.failure {
        return Err(PortError::Unavailable(failure));
    }
    let step = |step: schemas::ProbeStep| ProbeStep {
        name: step.name,
        ok: step.ok,
        detail: step.detail,
        duration_ms: step.duration_ms,
    };
    Ok(ProbeReport {
        steps: outcome.steps.into_iter().map(step).collect(),
        sys_name: outcome.sys_name,
        sys_descr: outcome.sys_descr,
        profile: outcome.profile,
        interfaces: outcome.interfaces,
    })
}

impl api::Prober for Prober {
    fn probe(&self, request: ProbeRequest) -> PortFuture<'_, Result<ProbeReport, PortError>> {
        Box::pin(self.ask(request))
    }

    fn profiles(&self) -> Vec<String> {
        self.profiles.names().into_iter().map(|(name, _)| name).collect()
    }
}

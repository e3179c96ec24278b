//! Has a device tried by a process that polls, and waits for the report.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::{PortError, PortFuture, ProbeReport, ProbeRequest, ProbeStep};
use connectors::Profiles;
use schemas::Probe;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::commands::write;
use super::{Shared, StartError, profiles};
use crate::clock::wall_ms;
use crate::log::{Producer, Reader, Start};
use crate::run::lag::Reading;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::{Group, Runner};
use crate::run::wiring::RunError;
use crate::topology::{PROBE, PROBE_REPORT};

/// Longest wait for a report: a request of the API ends after 20 s.
const REPORT_WITHIN: Duration = Duration::from_secs(19);
/// Reports waited for at once.
const MAX_WAITING: usize = 100;

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<schemas::ProbeReport>>>>;

/// Asks for probes on behalf of the API.
pub(super) struct Prober {
    profiles: Profiles,
    producer: Arc<dyn Producer>,
    waiting: Waiting,
}

impl Prober {
    /// Reads reports in a thread of the group.
    pub(super) fn new(group: &mut Group, shared: &Arc<Shared>) -> Result<Self, StartError> {
        let waiting = Waiting::default();
        let reports = (Arc::clone(shared), Arc::clone(&waiting));
        group
            .spawn("api probe reports", move || {
                let (shared, waiting) = &reports;
                let (log, schemas) = (Arc::clone(&shared.log), shared.schemas.clone());
                Ok(Box::new(Reports {
                    reader: shared.log.reader(PROBE_REPORT.name, &[], Start::Latest)?,
                    schemas: SchemaTopic::new(log, schemas),
                    waiting: Arc::clone(waiting),
                }) as Box<dyn Runner>)
            })
            .map_err(|error| StartError::machine("starting a thread", error))?;
        let producer = shared.log.producer("probes")?;
        Ok(Self { profiles: profiles(&shared.config)?, producer, waiting })
    }

    async fn ask(&self, request: ProbeRequest) -> Result<ProbeReport, PortError> {
        let id = Uuid::new_v4().to_string();
        let probe = Probe {
            tenant: "default".to_owned(),
            id: id.clone(),
            address: request.address.to_string(),
            port: i32::from(request.port),
            profile: request.profile,
            credential: request.credential,
            any_source: request.any_source,
            requested_at: wall_ms(),
        };
        let record =
            PROBE.publish(&probe).map_err(|error| PortError::Refused(error.to_string()))?;
        let (sender, receiver) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|_, sender| !sender.is_closed());
            if waiting.len() >= MAX_WAITING {
                let why = format!("{MAX_WAITING} device tests run already: try again");
                return Err(PortError::Unavailable(why));
            }
            waiting.insert(id, sender);
        }
        write(self.producer.as_ref(), record).await?;
        match tokio::time::timeout(REPORT_WITHIN, receiver).await {
            Ok(Ok(report)) => report_of(report),
            Ok(Err(_)) | Err(_) => Err(PortError::Unavailable(format!(
                "no process of role connect has tried the device within {} s: see that one runs \
                 (opsconductor status)",
                REPORT_WITHIN.as_secs()
            ))),
        }
    }
}

fn report_of(report: schemas::ProbeReport) -> Result<ProbeReport, PortError> {
    if let Some(failure) = report.failure {
        return Err(PortError::Unavailable(failure));
    }
    let step = |step: schemas::ProbeStep| ProbeStep {
        name: step.name,
        ok: step.ok,
        detail: step.detail,
        duration_ms: step.duration_ms,
    };
    Ok(ProbeReport {
        steps: report.steps.into_iter().map(step).collect(),
        sys_name: report.sys_name,
        sys_descr: report.sys_descr,
        profile: report.profile,
        interfaces: report.interfaces,
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

/// Hands reports to those who wait for them.
struct Reports {
    reader: Box<dyn Reader>,
    schemas: SchemaTopic,
    waiting: Waiting,
}

impl Runner for Reports {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        for record in self.reader.poll(wait)? {
            let report = self.schemas.decode(|store| PROBE_REPORT.read(store, &record));
            let Ok(Some(report)) = report else { continue };
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(sender) = waiting.remove(&report.id) {
                let _ = sender.send(report);
            }
        }
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }
}

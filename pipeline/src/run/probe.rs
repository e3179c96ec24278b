//! The runner that tries devices before they are saved: it takes requests from the log, asks the
//! device once, and answers on the log. It runs where devices are polled, for it is there that secrets
//! can be opened, and from there that the device must be reached.
//!
//! # How it can fail
//! - *Nobody polls, or the prober's partition is between two members*: nobody answers. Who asked waits
//!   for a limited time and says so; trying again costs a click.
//! - *It dies after it took a request*: the same. Nothing is repeated by itself; an echo and a GET
//!   twice would do no harm either.
//! - *It starts where requests wait that were given up long ago*: a partition is read from its end
//!   when it is given to this member, so none of them is tried.
//! - *Two members hold a partition for a moment*: both try and both answer; the first answer counts.
//! - *More requests than can be tried*: at most [`MAX_UNDER_WAY`] are, the others are refused at once,
//!   in words.
//! - *A device that never answers*: the probe has limits of its own, and this runner one above them.

use std::sync::Arc;
use std::time::Duration;

use connectors::{Credentials, Profiles};
use schemas::{AvroRecord as _, Device, DeviceId, ProbeOutcome, ProbeRequest, ProbeStep};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::dead_letter::{self, Poison};
use super::lag::{Progress, Reading};
use super::schema_topic::SchemaTopic;
use super::supervise::Runner;
use super::wiring::RunError;
use crate::log::{Event, EventLog, Member, MemberSpec, Producer, Record, Start};
use crate::topic::Topic;

/// At most so many devices are tried at once.
pub const MAX_UNDER_WAY: usize = 32;
/// A probe takes at most so long.
const TRIED_WITHIN: Duration = Duration::from_secs(12);

/// What devices are tried with.
#[derive(Clone)]
pub struct Probing {
    /// Opens secrets.
    pub credentials: Arc<dyn Credentials>,
    /// Polling profiles.
    pub profiles: Arc<Profiles>,
    /// Runs the probes.
    pub runtime: Handle,
    /// This process, as the outcome names it.
    pub instance: String,
}

type Outcomes = &'static Topic<String, ProbeOutcome>;

/// Tries devices on request.
pub struct ProbeRunner {
    member: Box<dyn Member>,
    spec: MemberSpec,
    progress: Progress,
    schemas: SchemaTopic,
    producer: Arc<dyn Producer>,
    outcomes: Outcomes,
    probing: Probing,
    under_way: Arc<Semaphore>,
}

impl ProbeRunner {
    /// Joins the group of probers.
    ///
    /// # Errors
    /// [`RunError::Log`].
    pub fn join(
        log: &Arc<dyn EventLog>,
        member: &MemberSpec,
        outcomes: Outcomes,
        probing: Probing,
        schemas: SchemaTopic,
    ) -> Result<Self, RunError> {
        Ok(Self {
            member: log.member(member)?,
            spec: member.clone(),
            progress: Progress::default(),
            schemas,
            producer: log.producer("prober")?,
            outcomes,
            probing,
            under_way: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
        })
    }

    fn begin(&mut self, partitions: &[i32]) -> Result<(), RunError> {
        for &partition in partitions {
            self.member.start(partition, Start::Latest)?;
        }
        for (partition, next) in self.member.positions() {
            if partitions.contains(&partition) {
                self.progress.begin(partition, next);
            }
        }
        Ok(())
    }

    fn take(&mut self, record: &Record) -> Result<(), Poison> {
        let Some(value) = record.value.as_deref() else { return Ok(()) };
        let request = self.schemas.decode(|store| ProbeRequest::decode(store, value))?;
        let (probing, producer, outcomes) =
            (self.probing.clone(), Arc::clone(&self.producer), self.outcomes);
        let Ok(permit) = Arc::clone(&self.under_way).try_acquire_owned() else {
            let words = format!("{MAX_UNDER_WAY} devices are being tried already; try again");
            let outcome = ProbeOutcome { refused: Some(words), ..answer(&request, &probing) };
            publish(producer.as_ref(), outcomes, &outcome);
            return Ok(());
        };
        let runtime = self.probing.runtime.clone();
        runtime.spawn(async move {
            let tried = tokio::time::timeout(TRIED_WITHIN, attempt(&request, &probing)).await;
            let outcome = tried.unwrap_or_else(|_| ProbeOutcome {
                refused: Some(format!("it took longer than {TRIED_WITHIN:?}")),
                ..answer(&request, &probing)
            });
            publish(producer.as_ref(), outcomes, &outcome);
            drop(permit);
        });
        Ok(())
    }
}

impl Runner for ProbeRunner {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        match self.member.poll(wait)? {
            Event::Assigned(partitions) => self.begin(&partitions)?,
            Event::Records(records) => {
                for record in &records {
                    if let Err(poison) = self.take(record) {
                        dead_letter::pass_over(record, &self.spec.group, &poison);
                    }
                    self.progress.done(record.partition, record.offset, record.timestamp_ms);
                }
            }
            Event::Revoked(partitions) | Event::Lost(partitions) => {
                self.progress.forget(&partitions);
            }
            Event::Idle => {}
        }
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        Some(self.progress.reading(&self.spec, &self.member.positions()))
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        self.member.leave();
        Ok(())
    }
}

fn answer(request: &ProbeRequest, probing: &Probing) -> ProbeOutcome {
    let (id, by) = (request.id.clone(), probing.instance.clone());
    ProbeOutcome { id, by, ..ProbeOutcome::default() }
}

async fn attempt(request: &ProbeRequest, probing: &Probing) -> ProbeOutcome {
    let device = Device {
        tenant: request.tenant.clone(),
        id: DeviceId::random(),
        name: request.address.clone(),
        address: request.address.clone(),
        port: request.port,
        profile: request.profile.clone(),
        snmp: request.credential.is_some(),
        credential: request.credential.clone(),
        site: None,
        tags: Vec::new(),
        interval_ms: 60_000,
        icmp: true,
        enabled: true,
        source: "probe".to_owned(),
        updated_at: 0,
        any_source: request.any_source,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    };
    let credentials = probing.credentials.as_ref();
    let report = connectors::probe(&device, credentials, &probing.profiles).await;
    let step = |step: connectors::ProbeStep| ProbeStep {
        name: step.name.to_owned(),
        ok: step.ok,
        detail: step.detail,
        duration_ms: i64::try_from(step.duration_ms).unwrap_or(i64::MAX),
    };
    ProbeOutcome {
        steps: report.steps.into_iter().map(step).collect(),
        sys_name: report.sys_name,
        sys_descr: report.sys_descr,
        profile: report.profile,
        interfaces: report.interfaces,
        ..answer(request, probing)
    }
}

fn publish(producer: &dyn Producer, outcomes: Outcomes, outcome: &ProbeOutcome) {
    let sent = outcomes.publish(outcome).map_err(|error| error.to_string());
    let sent = sent.and_then(|it| producer.send(it, None).map_err(|error| error.to_string()));
    if let Err(error) = sent {
        metrics::counter!("opsc_probe_outcomes_lost_total").increment(1);
        tracing::warn!(
            error,
            "the outcome of a device test is not written; whoever asked gets a time-out"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::time::Instant;

    use connectors::{Credential, CredentialError};
    use schemas::SchemaStore;

    use super::*;
    use crate::log::embedded::{Clock, Memory};
    use crate::run::wiring::member;
    use crate::topology::{PROBE, PROBE_OUTCOME};

    struct Nothing;

    impl Credentials for Nothing {
        fn get<'a>(
            &'a self,
            name: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>>
        {
            Box::pin(async { Err(CredentialError::Missing(name.to_owned())) })
        }
    }

    fn request(id: &str) -> ProbeRequest {
        ProbeRequest {
            id: id.to_owned(),
            tenant: "default".to_owned(),
            address: "127.0.0.1".to_owned(),
            port: 9,
            profile: "auto".to_owned(),
            credential: Some("nowhere".to_owned()),
            any_source: false,
        }
    }

    /// What was asked before it came is not tried; what is asked then is, and more than can be tried
    /// is refused in words.
    #[test]
    fn requests_are_answered_from_now_on() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let log: Arc<dyn EventLog> = Arc::new(Memory::new(Clock::system()));
        log.ensure_topics(&[PROBE.spec(1), PROBE_OUTCOME.spec(1)]).unwrap();
        let ask = |id: &str| {
            let record = PROBE.publish(&request(id)).unwrap();
            log.producer("test").unwrap().send(record, None).unwrap();
        };
        ask("before");
        let store = SchemaStore::new();
        let probing = Probing {
            credentials: Arc::new(Nothing),
            profiles: Arc::new(Profiles::load(None).unwrap()),
            runtime: runtime.handle().clone(),
            instance: "connect@test".to_owned(),
        };
        let spec = member("prober", PROBE.name, "one");
        let schemas = SchemaTopic::new(Arc::clone(&log), store.clone());
        let mut runner = ProbeRunner::join(&log, &spec, &PROBE_OUTCOME, probing, schemas).unwrap();
        let mut outcomes = log.reader(PROBE_OUTCOME.name, &[], Start::Earliest).unwrap();
        let began = Instant::now();
        let mut next = |runner: &mut ProbeRunner| loop {
            assert!(began.elapsed() < Duration::from_secs(30), "no outcome");
            runner.turn(Duration::from_millis(20)).unwrap();
            if let [record] = outcomes.poll(Duration::from_millis(20)).unwrap().as_slice() {
                return PROBE_OUTCOME.read(&store, record).unwrap().unwrap();
            }
        };
        while runner.reading().is_none_or(|it| it.places.is_empty()) {
            runner.turn(Duration::from_millis(20)).unwrap();
        }
        ask("after");
        let outcome = next(&mut runner);
        assert_eq!((outcome.id.as_str(), outcome.by.as_str()), ("after", "connect@test"));
        let snmp = outcome.steps.iter().find(|step| step.name == "snmp").unwrap();
        assert!(!snmp.ok && snmp.detail.contains("nowhere"), "{snmp:?}");
        let all = Arc::clone(&runner.under_way);
        let all = runtime.block_on(all.acquire_many_owned(MAX_UNDER_WAY as u32)).unwrap();
        ask("too many");
        let outcome = next(&mut runner);
        assert!(outcome.refused.as_deref().unwrap().contains("try again"), "{outcome:?}");
        drop(all);
    }
}

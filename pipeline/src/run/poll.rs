//! The connector runner of the pollers: the partitions of the device topic that this process is
//! handed are the devices it polls; what it measures goes to the poll topic.
//!
//! With the log away the membership ends after a while, but polling goes on: the poller keeps what
//! it measures for some minutes, then leaves cycles out and says so in a record. Which devices are
//! its own is settled when the group answers again; until then another poller may ask the same ones,
//! and readers take one record for each cycle.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use connectors::{Change, Poller};
use schemas::{AvroRecord, Device, DeviceId, SchemaStore};

use super::dead_letter::{self, Poison};
use super::lag::{Progress, Reading};
use super::schema_topic::SchemaTopic;
use super::wiring::RunError;
use crate::activity;
use crate::families;
use crate::log::{Event, EventLog, LogError, Member, MemberSpec, Record, Start};

/// Feeds a poller with the devices of the partitions it owns.
pub struct PollRunner {
    log: Arc<dyn EventLog>,
    member: Box<dyn Member>,
    spec: MemberSpec,
    progress: Progress,
    schemas: SchemaTopic,
    poller: Arc<Poller>,
    devices: BTreeMap<i32, BTreeSet<DeviceId>>,
    /// Polled since before the membership was lost, or this runner built; not yet seen in a
    /// partition that is ours now.
    orphans: HashSet<DeviceId>,
    /// Whether the group has said what is ours.
    answered: bool,
    /// Partitions not yet read to the end that they had when they were given to us.
    unread: BTreeMap<i32, i64>,
}

impl PollRunner {
    /// Joins the group of pollers.
    ///
    /// # Errors
    /// [`RunError::Log`].
    pub fn join(
        log: &Arc<dyn EventLog>,
        member: &MemberSpec,
        poller: Arc<Poller>,
        schemas: SchemaStore,
    ) -> Result<Self, RunError> {
        Ok(Self {
            log: Arc::clone(log),
            member: log.member(member)?,
            spec: member.clone(),
            progress: Progress::default(),
            schemas: SchemaTopic::new(Arc::clone(log), schemas),
            orphans: poller.devices(),
            poller,
            devices: BTreeMap::new(),
            answered: false,
            unread: BTreeMap::new(),
        })
    }

    /// One round.
    ///
    /// # Errors
    /// [`RunError`]; the runner is then dropped and built again.
    pub fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        if !self.poller.is_whole() {
            return Err(RunError::Broken {
                component: self.spec.group.clone(),
                error: "a thread of the poller has died and its devices are not polled: the \
                        lines above say why; start the program again"
                    .to_owned(),
            });
        }
        let event = self.member.poll(wait)?;
        if activity::given_up() {
            // Whatever the group said is for the thread in its place, which has the same poller.
            return Ok(());
        }
        match event {
            Event::Assigned(partitions) => self.begin(&partitions)?,
            Event::Records(records) => {
                for record in &records {
                    if let Err(poison) = self.apply(record) {
                        // The relay and the sink refuse it too, once for all.
                        dead_letter::pass_over(record, &self.spec.group, &poison);
                    }
                    self.progress.done(record.partition, record.offset, record.timestamp_ms);
                }
            }
            Event::Revoked(partitions) => self.drop_all(&partitions),
            Event::Lost(partitions) => self.lose(&partitions),
            Event::Idle => {}
        }
        self.settle();
        families::POLLER_DEVICES.set([], self.poller.device_count() as f64);
        Ok(())
    }

    /// How far it has taken the inventory in.
    pub fn reading(&self) -> Reading {
        self.progress.reading(&self.spec, &self.member.positions())
    }

    /// Stops polling and leaves the group, so that others take the devices at once.
    pub fn stop(mut self) {
        let partitions: Vec<i32> = self.devices.keys().copied().collect();
        self.drop_all(&partitions);
        self.drop_orphans();
        self.member.leave();
    }

    fn begin(&mut self, partitions: &[i32]) -> Result<(), RunError> {
        // Asked for all at once: nobody polls their devices meanwhile.
        let ends = match partitions {
            [] => Vec::new(),
            _ => self.log.ends(&self.spec.topic)?,
        };
        for &partition in partitions {
            let Some((_, &end)) = (0..).zip(&ends).find(|(number, _)| *number == partition) else {
                let what = format!("ask for the end of {}[{partition}]", self.spec.topic);
                let error = "the brokers do not know this partition (yet)".to_owned();
                return Err(LogError::Retry { what, error }.into());
            };
            // The topic is compacted: from its start it is the list of devices.
            self.member.start(partition, Start::Earliest)?;
            self.unread.insert(partition, end);
            self.devices.insert(partition, BTreeSet::new());
        }
        for (partition, next) in self.member.positions() {
            if partitions.contains(&partition) {
                self.progress.begin(partition, next);
            }
        }
        self.answered = true;
        Ok(())
    }

    fn drop_all(&mut self, partitions: &[i32]) {
        self.progress.forget(partitions);
        for partition in partitions {
            self.unread.remove(partition);
            for device in self.devices.remove(partition).unwrap_or_default() {
                self.change(Change::Release(device));
            }
        }
    }

    /// The devices are polled on until the group says whose they are.
    fn lose(&mut self, partitions: &[i32]) {
        self.progress.forget(partitions);
        for partition in partitions {
            self.unread.remove(partition);
            self.orphans.extend(self.devices.remove(partition).unwrap_or_default());
        }
        self.answered = false;
        tracing::warn!(
            group = self.spec.group,
            "the place in the group was lost; the devices are polled on until it is had again"
        );
    }

    /// Once all that is ours was read, what was not in it is another's, or gone.
    fn settle(&mut self) {
        if self.orphans.is_empty() || !self.answered {
            return;
        }
        if !self.unread.is_empty() {
            let positions = self.member.positions();
            let reached =
                |partition: &i32, end: &i64| positions.get(partition).is_some_and(|at| at >= end);
            self.unread.retain(|partition, end| !reached(partition, &*end));
        }
        if self.unread.is_empty() {
            self.drop_orphans();
        }
    }

    fn drop_orphans(&mut self) {
        for device in std::mem::take(&mut self.orphans) {
            self.change(Change::Release(device));
        }
    }

    fn change(&self, change: Change) {
        if activity::given_up() {
            return;
        }
        if let Err(error) = self.poller.apply(change) {
            tracing::error!(%error, "device is not polled");
            families::POLLER_REFUSED.add([], 1);
        }
    }

    fn apply(&mut self, record: &Record) -> Result<(), Poison> {
        let owned = self.devices.entry(record.partition).or_default();
        let Some(value) = record.value.as_deref() else {
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
            if let Ok(device) = key.parse() {
                owned.remove(&device);
                self.orphans.remove(&device);
                self.change(Change::Remove(device));
            }
            return Ok(());
        };
        let device = self.schemas.decode(|store| Device::decode(store, value))?;
        let orphan = self.orphans.remove(&device.id);
        if device.enabled {
            owned.insert(device.id);
            self.change(Change::Upsert(device));
        } else if owned.remove(&device.id) || orphan {
            self.change(Change::Remove(device.id));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::time::Instant;

    use connectors::{Credential, CredentialError, Credentials, Full, PollSink, PollerConfig};
    use schemas::Poll;

    use super::*;
    use crate::log::embedded::{Clock, Memory};
    use crate::run::wiring::member;
    use crate::topology::{DEVICE, topics};

    struct Broken;

    impl PollSink for Broken {
        fn offer(&self, _: Poll) -> Result<(), Full> {
            panic!("for the test")
        }
    }

    impl Credentials for Broken {
        fn get<'a>(
            &'a self,
            name: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>>
        {
            Box::pin(async { Err(CredentialError::Missing(name.to_owned())) })
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_dead_poller_thread_ends_the_runner() {
        let poller = Poller::start(PollerConfig::default(), Arc::new(Broken), Arc::new(Broken));
        let poller = Arc::new(poller.unwrap());
        let log: Arc<dyn EventLog> = Arc::new(Memory::new(Clock::system()));
        log.ensure_topics(&topics(1)).unwrap();
        let device = Device {
            tenant: schemas::DEFAULT_TENANT.to_owned(),
            id: DeviceId::random(),
            name: "d".to_owned(),
            address: "127.0.0.1".to_owned(),
            port: 9,
            profile: "auto".to_owned(),
            credential: Some("none".to_owned()),
            site: None,
            tags: Vec::new(),
            interval_ms: 1_000,
            snmp: true,
            icmp: false,
            enabled: true,
            source: "test".to_owned(),
            updated_at: 0,
            any_source: false,
            icmp_echoes: None,
            icmp_spacing_ms: None,
            icmp_timeout_ms: None,
        };
        let record = DEVICE.record(&device.id, &device).unwrap();
        log.producer("test").unwrap().send(record, None).unwrap();
        let spec = member("poller", DEVICE.name, "one");
        let mut runner = PollRunner::join(&log, &spec, poller, SchemaStore::new()).unwrap();
        let began = Instant::now();
        let error = loop {
            match runner.turn(Duration::from_millis(20)) {
                Ok(()) => assert!(began.elapsed() < Duration::from_secs(30), "goes on"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, RunError::Broken { .. }), "{error}");
        assert!(error.to_string().contains("start the program again"), "{error}");
    }
}

//! The connector runner of the pollers: the partitions of the device topic that this process is
//! handed are the devices it polls; what it measures goes to the poll topic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use connectors::{Change, Full, PollSink, Poller};
use schemas::{AvroRecord, Device, DeviceId, Poll, SchemaStore};

use super::dead_letter::{self, Poison};
use super::lag::{Progress, Reading};
use super::schema_topic::SchemaTopic;
use super::wiring::RunError;
use crate::log::{Event, EventLog, LogError, Member, MemberSpec, Producer, Record, Start};
use crate::topology::POLL;

/// Feeds a poller with the devices of the partitions it owns.
pub struct PollRunner {
    member: Box<dyn Member>,
    spec: MemberSpec,
    progress: Progress,
    schemas: SchemaTopic,
    poller: Arc<Poller>,
    devices: BTreeMap<i32, BTreeSet<DeviceId>>,
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
            member: log.member(member)?,
            spec: member.clone(),
            progress: Progress::default(),
            schemas: SchemaTopic::new(Arc::clone(log), schemas),
            poller,
            devices: BTreeMap::new(),
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
        match self.member.poll(wait)? {
            Event::Assigned(partitions) => {
                for partition in partitions {
                    // The topic is compacted: from its start it is the list of devices.
                    self.member.start(partition, Start::Earliest)?;
                    self.devices.insert(partition, BTreeSet::new());
                }
                for (partition, next) in self.member.positions() {
                    self.progress.begin(partition, next);
                }
            }
            Event::Records(records) => {
                for record in &records {
                    if let Err(poison) = self.apply(record) {
                        // The routing step and the sink refuse it too, once for all.
                        dead_letter::pass_over(record, &self.spec.group, &poison);
                    }
                    self.progress.done(record.partition, record.offset, record.timestamp_ms);
                }
            }
            Event::Revoked(partitions) | Event::Lost(partitions) => self.drop_all(&partitions),
            Event::Idle => {}
        }
        metrics::gauge!("opsc_poller_devices").set(self.devices().len() as f64);
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
        self.member.leave();
    }

    fn devices(&self) -> BTreeSet<DeviceId> {
        self.devices.values().flatten().copied().collect()
    }

    fn drop_all(&mut self, partitions: &[i32]) {
        self.progress.forget(partitions);
        for partition in partitions {
            for device in self.devices.remove(partition).unwrap_or_default() {
                self.change(Change::Remove(device));
            }
        }
    }

    fn change(&self, change: Change) {
        if let Err(error) = self.poller.apply(change) {
            tracing::error!(%error, "device is not polled");
            metrics::counter!("opsc_poller_refused_total").increment(1);
        }
    }

    fn apply(&mut self, record: &Record) -> Result<(), Poison> {
        let owned = self.devices.entry(record.partition).or_default();
        let Some(value) = record.value.as_deref() else {
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
            if let Ok(device) = key.parse() {
                owned.remove(&device);
                self.change(Change::Remove(device));
            }
            return Ok(());
        };
        let device = self.schemas.decode(|store| Device::decode(store, value))?;
        if device.enabled {
            owned.insert(device.id);
            self.change(Change::Upsert(device));
        } else if owned.remove(&device.id) {
            self.change(Change::Remove(device.id));
        }
        Ok(())
    }
}

/// Sends polls to the log; the poller keeps what does not fit.
pub struct LogPollSink {
    producer: Arc<dyn Producer>,
}

impl LogPollSink {
    /// Over a producer of its own.
    ///
    /// # Errors
    /// [`LogError::Fatal`].
    pub fn new(log: &dyn EventLog) -> Result<Self, LogError> {
        Ok(Self { producer: log.producer("polls")? })
    }

    /// Waits until everything polled is durable.
    ///
    /// # Errors
    /// [`LogError::Retry`] when the time runs out first.
    pub fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        self.producer.flush(timeout)
    }
}

impl PollSink for LogPollSink {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        let record = match POLL.record(&poll.device, &poll) {
            Ok(record) => record,
            Err(error) => {
                // The types make this impossible short of a broken schema; the poll is counted.
                tracing::error!(device = %poll.device, %error, "poll cannot be encoded");
                metrics::counter!("opsc_polls_lost_total", "reason" => "encode").increment(1);
                return Ok(());
            }
        };
        let device = poll.device;
        let samples: usize = poll.columns.iter().map(|column| column.instances.len()).sum();
        let done = Box::new(move |result: Result<(i32, i64), LogError>| {
            if let Err(error) = result {
                tracing::error!(%device, %error, "poll was not written");
                metrics::counter!("opsc_polls_lost_total", "reason" => "log").increment(1);
            }
        });
        match self.producer.send(record, Some(done)) {
            Ok(()) => {
                metrics::counter!("opsc_polls_total").increment(1);
                metrics::counter!("opsc_samples_polled_total").increment(samples as u64);
                Ok(())
            }
            Err(LogError::TooLarge { topic, bytes }) => {
                tracing::error!(%device, topic, bytes, "poll exceeds the log's record limit");
                metrics::counter!("opsc_polls_lost_total", "reason" => "too_large").increment(1);
                Ok(())
            }
            Err(_) => Err(Full(Box::new(poll))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::time::Instant;

    use connectors::{Credential, CredentialError, Credentials, PollerConfig};

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
            tenant: "default".to_owned(),
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

//! The connector runner of the pollers: the partitions of the device topic that this process is
//! handed are the devices it polls; what it measures goes to the poll topic.
//!
//! With the log away the membership ends after a while, but polling goes on: the poller keeps what
//! it measures for some minutes, then leaves cycles out and says so in a record. Which devices are
//! its own is settled when the group answers again; until then another poller may ask the same ones,
//! and readers take one record for each cycle.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
        match self.member.poll(wait)? {
            Event::Assigned(partitions) => self.begin(&partitions)?,
            Event::Records(records) => {
                for record in &records {
                    if let Err(poison) = self.apply(record) {
                        // The routing step and the sink refuse it too, once for all.
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
        metrics::gauge!("opsc_poller_devices").set(self.poller.device_count() as f64);
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
        // Asked for all at once: their devices are nobody's meanwhile.
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

/// The log is taken for away when it has confirmed nothing for so long although records wait. From
/// then on the poller keeps the polls, and knows how old they are.
const AWAY_AFTER: Duration = Duration::from_secs(5);

/// Records that the log has not confirmed yet.
struct Unconfirmed {
    count: usize,
    /// When there were none, or one was confirmed, last.
    since: Instant,
}

impl Unconfirmed {
    fn lock(shared: &Mutex<Self>) -> MutexGuard<'_, Self> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes one more, unless the log is away.
    fn add(shared: &Mutex<Self>, now: Instant) -> bool {
        let mut known = Self::lock(shared);
        if known.count == 0 {
            known.since = now;
        }
        let away = now.saturating_duration_since(known.since) >= AWAY_AFTER;
        known.count += usize::from(!away);
        !away
    }

    /// One less: it was confirmed, has failed, or was not taken.
    fn done(shared: &Mutex<Self>, confirmed: bool) {
        let mut known = Self::lock(shared);
        known.count = known.count.saturating_sub(1);
        if confirmed {
            known.since = Instant::now();
        }
    }
}

/// Sends polls to the log; the poller keeps what does not fit, and all while the log is away.
pub struct LogPollSink {
    producer: Arc<dyn Producer>,
    unconfirmed: Arc<Mutex<Unconfirmed>>,
}

impl LogPollSink {
    /// Over a producer of its own.
    ///
    /// # Errors
    /// [`LogError::Fatal`].
    pub fn new(log: &dyn EventLog) -> Result<Self, LogError> {
        let unconfirmed = Unconfirmed { count: 0, since: Instant::now() };
        Ok(Self {
            producer: log.patient_producer("polls")?,
            unconfirmed: Arc::new(Mutex::new(unconfirmed)),
        })
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
        if !Unconfirmed::add(&self.unconfirmed, Instant::now()) {
            return Err(Full(Box::new(poll)));
        }
        let (device, unconfirmed) = (poll.device, Arc::clone(&self.unconfirmed));
        let samples: usize = poll.columns.iter().map(|column| column.instances.len()).sum();
        let done = Box::new(move |result: Result<(i32, i64), LogError>| {
            Unconfirmed::done(&unconfirmed, result.is_ok());
            if let Err(error) = result {
                tracing::error!(%device, %error, "poll was not written");
                metrics::counter!("opsc_polls_lost_total", "reason" => "log").increment(1);
            }
        });
        let sent = self.producer.send(record, Some(done));
        if sent.is_err() {
            Unconfirmed::done(&self.unconfirmed, false);
        }
        match sent {
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

    #[test]
    fn a_log_that_confirms_nothing_is_given_no_more() {
        let began = Instant::now();
        let shared = Mutex::new(Unconfirmed { count: 0, since: began });
        let after = |seconds| began + Duration::from_secs(seconds);
        // However long there was nothing to confirm.
        assert!(Unconfirmed::add(&shared, after(100)));
        assert!(Unconfirmed::add(&shared, after(104)));
        assert!(!Unconfirmed::add(&shared, after(106)));
        // A failure is no confirmation.
        Unconfirmed::done(&shared, false);
        assert!(!Unconfirmed::add(&shared, after(106)));
        Unconfirmed::done(&shared, true);
        assert_eq!(Unconfirmed::lock(&shared).count, 0);
        assert!(Unconfirmed::add(&shared, after(200)));
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

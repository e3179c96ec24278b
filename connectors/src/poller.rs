//! The poller: devices in, poll records out.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use schemas::{Address, DeviceId};
use tokio::sync::mpsc;
use xxhash_rust::xxh3::xxh3_64;

use crate::clock::Clock;
use crate::config::PollerConfig;
use crate::durations::{Durations, ProfileDurations};
use crate::frame;
use crate::icmp::Pinger;
use crate::icmp::socket::open_both;
use crate::profiles::Profiles;
use crate::resolve::Resolver;
use crate::seams::{Change, ConnectorError, CredentialError, Credentials, PollSink};
use crate::shared::{Command, Mailbox, Shared};
use crate::snmp::engine::Engine;
use crate::timing::{Counters, DeviceTiming, LiveCounters, Timings};

/// Credentials being fetched at once.
const MAX_FETCHES: usize = 256;
/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

fn system(what: &'static str) -> impl Fn(io::Error) -> ConnectorError {
    move |source| ConnectorError::System { what, source }
}

/// Polls devices by SNMP and ICMP until it is stopped.
pub struct Poller {
    shared: Arc<Shared>,
    snmp: Vec<Arc<Mailbox<Command>>>,
    icmp: Arc<Mailbox<Command>>,
    names: Arc<Resolver>,
    devices: Mutex<HashSet<DeviceId>>,
    count: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Poller {
    /// Starts the threads. Call it on a tokio runtime: credentials are fetched there.
    pub fn start(
        config: PollerConfig,
        credentials: Arc<dyn Credentials>,
        sink: Arc<dyn PollSink>,
    ) -> Result<Self, ConnectorError> {
        config.check()?;
        let profiles = Arc::new(Profiles::load(config.profiles.as_deref())?);
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| {
            ConnectorError::System { what: "tokio runtime", source: io::Error::other(error) }
        })?;
        let shared = Arc::new(Shared {
            config,
            profiles,
            clock: Clock::new(),
            timings: Timings::default(),
            durations: Durations::default(),
            counters: LiveCounters::default(),
            sink,
            poller: uuid::Uuid::new_v4().to_string(),
            stop: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        });
        let mut poller = Self {
            shared,
            snmp: Vec::new(),
            icmp: Arc::new(Mailbox::new().map_err(system("event descriptor"))?),
            names: Arc::new(Resolver::default()),
            devices: Mutex::new(HashSet::new()),
            count: AtomicUsize::new(0),
            threads: Mutex::new(Vec::new()),
        };
        for number in 0..poller.shared.config.threads {
            poller.start_snmp(number, &credentials, &runtime)?;
        }
        let pinger = Pinger::new(poller.shared.clone(), poller.icmp.clone(), open_both());
        let pinger = pinger.map_err(system("epoll"))?;
        poller.spawn("opsc-icmp".into(), move || frame::run(pinger))?;
        poller.start_names(&runtime);
        Ok(poller)
    }

    fn start_names(&self, runtime: &tokio::runtime::Handle) {
        let (names, shared) = (self.names.clone(), self.shared.clone());
        let (snmp, icmp) = (self.snmp.clone(), self.icmp.clone());
        runtime.spawn(async move {
            let report = |id: DeviceId, result: Result<IpAddr, String>| {
                if let Some(mailbox) = mailbox_of(&snmp, id) {
                    mailbox.send(Command::Resolved { id, result: result.clone() });
                }
                icmp.send(Command::Resolved { id, result });
            };
            names.run(|| shared.stopping(), report).await;
        });
    }

    fn start_snmp(
        &mut self,
        number: usize,
        credentials: &Arc<dyn Credentials>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<(), ConnectorError> {
        let mailbox = Arc::new(Mailbox::new().map_err(system("event descriptor"))?);
        let (ask, asked) = mpsc::channel(MAX_FETCHES);
        let engine = Engine::new(self.shared.clone(), mailbox.clone(), ask)
            .map_err(system("UDP sockets"))?;
        runtime.spawn(fetch(asked, credentials.clone(), mailbox.clone()));
        self.snmp.push(mailbox);
        self.spawn(format!("opsc-snmp-{number}"), move || frame::run(engine))
    }

    fn spawn(
        &self,
        name: String,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), ConnectorError> {
        let shared = self.shared.clone();
        let run = move || {
            let _guard = Guard(shared);
            run();
        };
        let thread = thread::Builder::new().name(name).spawn(run);
        let thread = thread.map_err(|source| ConnectorError::System { what: "thread", source })?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Takes a change. Only this device's poll starts anew, and only when its address, port,
    /// profile, credential or interval changed.
    pub fn apply(&self, change: Change) -> Result<(), ConnectorError> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Upsert(device) => {
                let most = self.shared.config.max_devices;
                if !devices.contains(&device.id) && devices.len() >= most {
                    return Err(ConnectorError::TooManyDevices(most));
                }
                devices.insert(device.id);
                let (id, address) = (device.id, device.address.parse::<Address>());
                self.icmp.send(Command::Upsert(Box::new(device.clone())));
                self.snmp_of(id, || Command::Upsert(Box::new(device)));
                match address {
                    Ok(Address::Name(name)) => self.names.watch(id, &name),
                    Ok(Address::Ip(_) | Address::Zoned(..)) | Err(_) => self.names.forget(id),
                }
            }
            Change::Remove(id) => {
                devices.remove(&id);
                self.names.forget(id);
                self.snmp_of(id, || Command::Remove(id));
                self.icmp.send(Command::Remove(id));
            }
            Change::Release(id) => {
                devices.remove(&id);
                self.names.forget(id);
                self.snmp_of(id, || Command::Release(id));
                self.icmp.send(Command::Release(id));
            }
        }
        self.count.store(devices.len(), Ordering::Relaxed);
        Ok(())
    }

    fn snmp_of(&self, id: DeviceId, command: impl FnOnce() -> Command) {
        if let Some(mailbox) = mailbox_of(&self.snmp, id) {
            mailbox.send(command());
        }
    }

    /// A credential has changed: it is fetched again at its next use.
    pub fn forget_credential(&self, name: &str) {
        for mailbox in &self.snmp {
            mailbox.send(Command::Forget(name.to_owned()));
        }
    }

    /// How polls of each device go, slowest first.
    pub fn timings(&self) -> Vec<DeviceTiming> {
        self.shared.timings.all()
    }

    /// The same of some devices, in the devices' order.
    pub fn timings_of(&self, wanted: impl Fn(DeviceId) -> bool) -> Vec<DeviceTiming> {
        self.shared.timings.of(wanted)
    }

    /// How many [`Poller::timings`] there are.
    pub fn timing_count(&self) -> usize {
        self.shared.timings.count()
    }

    /// How long polls take, by profile.
    pub fn durations(&self) -> BTreeMap<String, ProfileDurations> {
        self.shared.durations.all()
    }

    /// Counters of this run.
    pub fn counters(&self) -> Counters {
        self.shared.counters.read()
    }

    /// Whether all threads run. If not, end the process: the devices must go to a whole poller.
    pub fn is_whole(&self) -> bool {
        !self.shared.broken.load(Ordering::Acquire)
    }

    /// The devices taken.
    pub fn devices(&self) -> HashSet<DeviceId> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many devices it has taken.
    pub fn device_count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Identity of this run, as in the records' `poller`.
    pub fn id(&self) -> &str {
        &self.shared.poller
    }

    /// The polling profiles in use.
    pub fn profiles(&self) -> &Arc<Profiles> {
        &self.shared.profiles
    }

    /// Stops all threads; what waits for the sink is offered once more.
    pub async fn stop(&self) {
        self.signal();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().filter_map(|thread| thread.join().err()).count()
        });
        if joined.await.unwrap_or(1) > 0 {
            tracing::error!("a poller thread ended by a panic");
        }
    }

    fn signal(&self) {
        self.shared.stop.store(true, Ordering::Release);
        for mailbox in self.snmp.iter().chain([&self.icmp]) {
            mailbox.waker.wake();
        }
    }
}

/// The mailbox of the thread that polls a device.
fn mailbox_of(all: &[Arc<Mailbox<Command>>], id: DeviceId) -> Option<&Mailbox<Command>> {
    let place = (xxh3_64(id.0.as_bytes()) >> 32) as usize;
    all.get(place.checked_rem(all.len())?).map(|it| &**it)
}

/// Notes that a thread ended although nobody asked it to.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.0.stopping() {
            self.0.broken.store(true, Ordering::Release);
            tracing::error!("a poller thread has died; its devices are not polled any more");
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.signal();
    }
}

/// Fetches credentials for one thread.
async fn fetch(
    mut asked: mpsc::Receiver<String>,
    credentials: Arc<dyn Credentials>,
    mailbox: Arc<Mailbox<Command>>,
) {
    while let Some(name) = asked.recv().await {
        let (credentials, mailbox) = (credentials.clone(), mailbox.clone());
        // One slow look-up must not hold up the others; a thread asks each name once at a time.
        tokio::spawn(async move {
            let late = || CredentialError::Unavailable("no reply within 10 s".into());
            let result = tokio::time::timeout(FETCH_TIMEOUT, credentials.get(&name)).await;
            let result = result.unwrap_or_else(|_| Err(late()));
            mailbox.send(Command::Credential { name, result });
        });
    }
}

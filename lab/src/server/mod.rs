//! Starts, steers and stops a lab.

pub(crate) mod keeping;
pub(crate) mod schedule;
pub(crate) mod shared;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::{ConfigError, InventoryEntry, LabConfig};
use crate::fault::{Fault, FaultError, ScriptError, check_script};
use crate::generate::Builder;
use crate::ledger::{Entry, Ledger, LedgerError};
use crate::network::{self, Port, Sharing};
use crate::snmprec::WalkError;
use crate::stats::Stats;
use crate::worker::Worker;

use schedule::Schedule;
pub(crate) use shared::Shared;

/// Why a lab does not start. Nothing is left running; fix what the text names and start
/// again.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A field of the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A walk file.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The fault script.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A port cannot be bound.
    #[error("lab: UDP {address}: {source}; {remedy}")]
    Bind {
        /// What was to be bound.
        address: SocketAddrV4,
        /// What the system said.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// The state file.
    #[error("lab state {path}: {problem}; remove the file to let all devices start afresh")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The system gives no thread or epoll descriptor.
    #[error("lab: cannot start a worker: {0}; raise the limits of processes and open files")]
    Worker(#[from] io::Error),
}

/// A running lab. Stops when dropped.
#[derive(Debug)]
pub struct Lab {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    wakers: Vec<OwnedFd>,
    inventory: Vec<InventoryEntry>,
    skipped: Vec<WalkError>,
}

impl Lab {
    /// Checks everything, binds, and answers from then on.
    pub fn start(config: LabConfig) -> Result<Self, LabError> {
        config.check()?;
        check_script(&config.script)?;
        let day_s = f64::from(config.day_seconds);
        let mut builder = Builder::default();
        let mut devices = Vec::with_capacity(config.devices.len());
        for device in &config.devices {
            devices.push(builder.device(device, config.seed, day_s)?);
        }
        let (ledger, last_serial) = Ledger::open(&config.ledger)?;
        let ports = bind_all(&config, network::bind)?;
        let shared = Arc::new(Shared::new(&config, devices, ledger, last_serial)?);
        let mut schedule = Some(Schedule::new(&config, &shared)?);
        let mut lab = Self {
            shared,
            threads: Vec::new(),
            wakers: Vec::new(),
            inventory: config.devices.iter().map(inventory_entry).collect(),
            skipped: builder.skipped,
        };
        for (number, ports) in ports.into_iter().enumerate() {
            let worker = Worker::new(Arc::clone(&lab.shared), ports, schedule.take())?;
            lab.wakers.push(worker.waker()?);
            let thread = std::thread::Builder::new().name(format!("lab-{number}"));
            lab.threads.push(thread.spawn(move || worker.run())?);
        }
        Ok(lab)
    }

    /// The devices, for an inventory.
    pub fn inventory(&self) -> &[InventoryEntry] {
        &self.inventory
    }

    /// Carries out a fault now. `device` is a selector as in [`crate::ScriptEvent::device`].
    pub fn inject(&self, device: &str, fault: Fault) -> Result<(), FaultError> {
        self.inject_now(device, &fault, None)
    }

    /// As [`Lab::inject`]; a fault of answering or a drift ends after `lasting`.
    pub fn inject_for(
        &self,
        device: &str,
        fault: Fault,
        lasting: Duration,
    ) -> Result<(), FaultError> {
        let lasting_ms = u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX);
        self.inject_now(device, &fault, Some(lasting_ms))
    }

    fn inject_now(&self, device: &str, fault: &Fault, ms: Option<u64>) -> Result<(), FaultError> {
        fault.check()?;
        let roll = self.shared.picks.fetch_add(1, Relaxed);
        self.shared.inject(device, fault, ms, self.shared.now_ms(), roll)
    }

    /// Counts since the start.
    pub fn stats(&self) -> Stats {
        self.shared.counters.snapshot()
    }

    /// What a ledger ring holds; empty for a file, which [`crate::ledger::read`] reads.
    pub fn ledger_entries(&self) -> Vec<Entry> {
        self.shared.ledger.entries()
    }

    /// Lines that lenient walks left out, with the reason of each.
    pub fn skipped_lines(&self) -> &[WalkError] {
        &self.skipped
    }

    /// When all devices booted by the lab's clock, Unix ms.
    pub fn epoch_unix_ms(&self) -> u64 {
        self.shared.epoch_unix_ms
    }

    /// Stops answering, keeps the state file, and waits for the threads.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.shared.stop.store(true, Relaxed);
        self.wakers.iter().for_each(crate::poller::wake);
        for thread in self.threads.drain(..) {
            // A worker that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.halt();
    }
}

fn inventory_entry(device: &crate::config::DeviceConfig) -> InventoryEntry {
    InventoryEntry {
        name: device.name.clone(),
        address: *device.address.ip(),
        port: device.address.port(),
        community: device.community.clone(),
        profile: device.profile.clone(),
        site: device.site.clone(),
    }
}

/// Binds to an address, or to all of `lo`.
type Bind = fn(Option<Ipv4Addr>, u16, Sharing) -> io::Result<Port>;

/// Binds every port; the result has one list for each worker.
fn bind_all(config: &LabConfig, bind: Bind) -> Result<Vec<Vec<Port>>, LabError> {
    let mut wanted: BTreeMap<u16, Vec<Ipv4Addr>> = BTreeMap::new();
    for device in &config.devices {
        wanted.entry(device.address.port()).or_default().push(*device.address.ip());
    }
    network::allow_descriptors((wanted.len().max(64) * config.workers) as u64);
    let mut ports: Vec<Vec<Port>> = (0..config.workers).map(|_| Vec::new()).collect();
    // With fewer ports than workers every worker listens on every port; the kernel deals.
    let shared = wanted.len() < config.workers;
    for (number, (port, addresses)) in wanted.into_iter().enumerate() {
        let only = if let [only] = addresses.as_slice() { Some(*only) } else { None };
        let first = match bind_one(bind, only, port, Sharing::Alone) {
            Err(LabError::Bind { source, .. }) if source.kind() == io::ErrorKind::Unsupported => {
                // A kernel before 5.7: one descriptor for each agent instead.
                network::allow_descriptors(config.devices.len() as u64);
                for (at, address) in addresses.into_iter().enumerate() {
                    let bound = bind_one(bind, Some(address), port, Sharing::Alone)?;
                    ports[at % config.workers].push(bound);
                }
                continue;
            }
            other => other?,
        };
        if !shared {
            ports[number % config.workers].push(first);
            continue;
        }
        // The first bind has shown that the port is free; SO_REUSEPORT alone would not.
        drop(first);
        for list in &mut ports {
            list.push(bind_one(bind, only, port, Sharing::Workers)?);
        }
    }
    Ok(ports)
}

fn bind_one(
    bind: Bind,
    address: Option<Ipv4Addr>,
    port: u16,
    sharing: Sharing,
) -> Result<Port, LabError> {
    bind(address, port, sharing).map_err(|source| {
        let remedy = if source.kind() == io::ErrorKind::AddrInUse {
            "another process has the port: stop it or use another port"
        } else {
            "use another port, or raise the limit of open files"
        };
        let address = SocketAddrV4::new(address.unwrap_or(Ipv4Addr::LOCALHOST), port);
        LabError::Bind { address, source, remedy }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel that lets only root bind to `lo`.
    fn old_kernel(address: Option<Ipv4Addr>, port: u16, sharing: Sharing) -> io::Result<Port> {
        match address {
            Some(_) => network::bind(address, port, sharing),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn check(bind: Bind, shared: bool, port: u16, ports: bool, expected: &[usize]) {
        let workers = expected.len();
        let first = SocketAddrV4::new(Ipv4Addr::new(127, 84, 0, 1), port);
        let config = LabConfig { workers, ..crate::fleet(7, 1, first, ports) };
        let bound = bind_all(&config, bind).unwrap();
        assert_eq!(bound.iter().map(Vec::len).collect::<Vec<_>>(), expected);
        for port in bound.iter().flatten() {
            assert_eq!(port.address.is_none(), shared);
            assert_eq!(port.socket.device().unwrap().is_some(), shared);
            let ip = *port.socket.local_addr().unwrap().as_socket_ipv4().unwrap().ip();
            assert!(ip.is_loopback() || shared, "{ip}");
        }
    }

    #[test]
    fn nothing_is_bound_beyond_loopback() {
        check(network::bind, true, 10_900, false, &[1]);
        check(network::bind, true, 10_901, false, &[1, 1, 1]);
        check(network::bind, false, 10_910, true, &[4, 3]);
        check(old_kernel, false, 10_902, false, &[7]);
        check(old_kernel, false, 10_903, false, &[4, 3]);
    }
}

//! The poller: a simulated network in a process of its own, one poller in this one, its records
//! on a real log. The CPU time is the whole process's: the poller's threads, encoding, and the
//! log's client.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use connectors::{
    Change, Credential, CredentialError, Credentials, Full, PollSink, Poller, PollerConfig, Secret,
};
use lab::InventoryEntry;
use schemas::{Device, DeviceId, Outcome, Poll};

use super::machine::cpu_seconds;
use super::network::{COMMUNITY, Network, switches};
use super::place::{Place, runtime};
use super::{Failure, Report, Scale};
use crate::config::Config;
use crate::run::poll_sink::LogPollSink;

/// At scale 1.
const DEVICES: usize = 2_000;
const INTERFACES: usize = 48;
const SECONDS: usize = 30;
/// Longest wait for the last records to be durable.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every device's community, without a vault.
struct Public;

impl Credentials for Public {
    fn get<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>> {
        Box::pin(async { Ok(Credential::SnmpV2c { community: Secret::new(COMMUNITY) }) })
    }
}

/// The log, counting what it takes.
struct Counting {
    log: LogPollSink,
    values: AtomicU64,
    polls: AtomicU64,
    not_whole: AtomicU64,
}

impl PollSink for Counting {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        let values: usize = poll.columns.iter().map(|column| column.instances.len()).sum();
        let whole = poll.outcome == Outcome::Ok;
        self.log.offer(poll)?;
        self.values.fetch_add(values as u64, Ordering::Relaxed);
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.not_whole.fetch_add(u64::from(!whole), Ordering::Relaxed);
        Ok(())
    }
}

/// A device of the simulated network as the inventory has it.
fn device(entry: &InventoryEntry, interval_s: usize) -> Device {
    Device {
        tenant: "default".to_owned(),
        id: DeviceId::from_source("bench", &entry.name),
        name: entry.name.clone(),
        address: entry.address.to_string(),
        port: entry.port.into(),
        profile: "generic".to_owned(),
        credential: Some("bench".to_owned()),
        site: None,
        tags: Vec::new(),
        interval_ms: interval_s as i64 * 1_000,
        snmp: true,
        icmp: false,
        enabled: true,
        source: "bench".to_owned(),
        updated_at: 0,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    }
}

/// What was counted up to a moment.
#[derive(Clone, Copy)]
struct Count {
    at: Instant,
    cpu: f64,
    lab_cpu: f64,
    values: u64,
    polls: u64,
    not_whole: u64,
    answers: u64,
    skipped: u64,
}

impl Count {
    fn take(network: &Network, poller: &Poller, sink: &Counting) -> Self {
        let counters = poller.counters();
        Self {
            at: Instant::now(),
            cpu: cpu_seconds(),
            lab_cpu: network.cpu(),
            values: sink.values.load(Ordering::Relaxed),
            polls: sink.polls.load(Ordering::Relaxed),
            not_whole: sink.not_whole.load(Ordering::Relaxed),
            answers: counters.answers,
            skipped: counters.skipped,
        }
    }
}

/// `bench collect`.
pub(super) fn collect(config: &Config, scale: Scale) -> Result<Report, Failure> {
    let (devices, seconds) = (scale.load(DEVICES, 4), scale.of(SECONDS, 2));
    let interval_s = scale.load(5, 1);
    let place = Place::new(config)?;
    let (log, _) = place.log()?;
    let network = Network::start(&switches(devices, INTERFACES), &place.config.state_dir)?;
    let sink = Arc::new(Counting {
        log: LogPollSink::new(log.as_ref())?,
        values: AtomicU64::default(),
        polls: AtomicU64::default(),
        not_whole: AtomicU64::default(),
    });
    let runtime = runtime()?;
    let poller = {
        let _guard = runtime.enter();
        Poller::start(PollerConfig::default(), Arc::new(Public), Arc::clone(&sink) as _)?
    };
    for entry in &network.devices {
        poller.apply(Change::Upsert(device(entry, interval_s)))?;
    }
    // The first cycles learn names and texts; what is measured is the steady state.
    std::thread::sleep(Duration::from_secs(2 * interval_s as u64 + 1));
    let before = Count::take(&network, &poller, &sink);
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let after = Count::take(&network, &poller, &sink);
    runtime.block_on(poller.stop());
    sink.log.flush(PATIENCE)?;
    let what = format!(
        "One poller, {devices} devices of {INTERFACES} ports, {interval_s} s apart, for \
         {seconds} s, records on {}.",
        place.log_name()
    );
    Ok(report(what, before, after))
}

fn report(what: String, before: Count, after: Count) -> Report {
    let values = (after.values - before.values) as f64;
    let wall = (after.at - before.at).as_secs_f64();
    // At least a step of the clock.
    let cpu = (after.cpu - before.cpu).max(0.01);
    let (polls, answers) =
        ((after.polls - before.polls) as f64, (after.answers - before.answers) as f64);
    let mut report = Report::new("collect", what);
    report.add("lab to log record", values / cpu, "OIDs/cpu-s");
    report.add("  by the wall", values / wall, "OIDs/s");
    report.add("  CPU of the poller's process", cpu / wall * 100.0, "% of a core");
    report.add(
        "  CPU of the simulated network",
        (after.lab_cpu - before.lab_cpu) / wall * 100.0,
        "% of a core",
    );
    report.add("polls", polls / wall, "/s");
    report.add("  not whole", (after.not_whole - before.not_whole) as f64, "");
    report.add("  left out", (after.skipped - before.skipped) as f64, "");
    report.add("OIDs an answer", values / answers, "");
    report.add("CPU an answer", cpu * 1e6 / answers, "µs");
    report
}

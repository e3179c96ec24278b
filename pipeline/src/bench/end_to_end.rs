//! Everything on one machine: the simulated network, the program with its pollers, processors,
//! sinks and API, the log, the database. The load is given; what is looked at is whether every
//! reader keeps up with it, and who uses the CPU.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::latency::POLLED;
use super::machine::{cpu_seconds_of_family, listener};
use super::network::switches;
use super::program::{Metrics, Site};
use super::{Failure, Report, Scale};
use crate::config::{Config, LogKind};

/// 24 ports of 11 values and the uptime: 265 samples a poll, some 53,000 a second.
const DEVICES: usize = 2_000;
const INTERFACES: usize = 24;
const INTERVAL_S: usize = 10;
const SECONDS: usize = 600;
/// Until names are learned and caches are warm.
const SETTLE_S: usize = 40;
/// Between two looks at the lag.
const LOOK: Duration = Duration::from_secs(5);

const ROWS: &str = "opsc_sink_rows_total";
const LAG: &str = "opsc_lag_records";
const LAG_S: &str = "opsc_lag_seconds";

/// CPU seconds of all that takes part, by what it is.
fn cpu(site: &Site, broker: Option<u32>, server: Option<u32>) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    for (part, seconds) in site.program.cpu_by_part() {
        all.insert(format!("opsconductor, {part}"), seconds);
    }
    all.insert("opsconductor".to_owned(), site.program.cpu());
    all.insert("simulated network".to_owned(), site.network.cpu());
    if let Some(broker) = broker {
        all.insert("Kafka broker".to_owned(), cpu_seconds_of_family(broker));
    }
    if let Some(server) = server {
        all.insert("PostgreSQL".to_owned(), cpu_seconds_of_family(server));
    }
    all
}

/// The broker, if it runs on this machine.
fn broker(config: &Config) -> Option<u32> {
    if config.log.kind == LogKind::Embedded {
        return None;
    }
    let first = config.log.kafka.bootstrap.split(',').next()?;
    let (host, port) = first.rsplit_once(':')?;
    listener(port.parse().ok().filter(|_| host.starts_with("127.") || host == "localhost")?)
}

/// How far the readers were behind at a moment.
#[derive(Clone, Copy, Default)]
struct Lag {
    records: f64,
    seconds: f64,
}

impl Lag {
    fn of(metrics: &Metrics) -> Self {
        Self { records: metrics.sum(LAG, &[]), seconds: metrics.most(LAG_S, &[]) }
    }

    /// The mean over some looks: one alone depends on where between two commits it fell.
    fn mean(looks: &[Self]) -> Self {
        let count = looks.len().max(1) as f64;
        Self {
            records: looks.iter().map(|look| look.records).sum::<f64>() / count,
            seconds: looks.iter().map(|look| look.seconds).sum::<f64>() / count,
        }
    }
}

/// `bench end-to-end`.
pub(super) fn end_to_end(config: &Config, scale: Scale) -> Result<Report, Failure> {
    let (devices, seconds) = (scale.load(DEVICES, 4), scale.of(SECONDS, 5));
    let interval_s = scale.load(INTERVAL_S, 1);
    let settle = Duration::from_secs(SETTLE_S.min(3 * interval_s + interval_s) as u64);
    let mut site = Site::start(config, &switches(devices, INTERFACES), interval_s)?;
    std::thread::sleep(settle);
    site.program.check()?;
    let (broker, server) = (broker(config), site.database.server_process());
    let began = Instant::now();
    let (before, cpu_before) = (site.program.metrics()?, cpu(&site, broker, server));
    let resident = site.program.resident();
    let mut looks = vec![Lag::of(&before)];
    while began.elapsed() < Duration::from_secs(seconds as u64) {
        let left = Duration::from_secs(seconds as u64).saturating_sub(began.elapsed());
        std::thread::sleep(LOOK.min(left));
        site.program.check()?;
        looks.push(Lag::of(&site.program.metrics()?));
    }
    let (after, wall) = (site.program.metrics()?, began.elapsed().as_secs_f64());
    let cpu_after = cpu(&site, broker, server);
    let what = format!(
        "{devices} devices of {INTERFACES} ports, every {interval_s} s, for {seconds} s: simulated \
         network, pollers, processors, sinks, API and interface, {}.",
        site.about()
    );
    let mut report = Report::new("end-to-end", what);
    let counted = |name: &str, labels: &[&str]| after.sum(name, labels) - before.sum(name, labels);
    report.add("samples, lab to database", counted(POLLED, &[]) / wall, "samples/s");
    report.add(
        "  rows of samples written",
        counted(ROWS, &["sink=\"sink-metric\""]) / wall,
        "rows/s",
    );
    report.add("  rows of everything written", counted(ROWS, &[]) / wall, "rows/s");
    let part = (looks.len() / 4).max(1);
    let (first, last) = (Lag::mean(&looks[..part]), Lag::mean(&looks[looks.len() - part..]));
    report.add("lag, first quarter's mean", first.records, "records");
    report.add("lag, last quarter's mean", last.records, "records");
    report.add("age of the lag, first quarter's mean", first.seconds, "s");
    report.add("age of the lag, last quarter's mean", last.seconds, "s");
    let most = looks.iter().map(|look| look.seconds).fold(0.0, f64::max);
    report.add("  at most", most, "s");
    report.add("requests without an answer", counted("opsc_poller_timeouts_total", &[]), "");
    report.add("polls left out", counted("opsc_poller_skipped_total", &[]), "");
    for (part, used) in &cpu_after {
        let used = used - cpu_before.get(part).copied().unwrap_or(0.0);
        report.add(format!("CPU: {part}"), used / wall * 100.0, "% of a core");
    }
    let grown = site.program.resident() as f64 - resident as f64;
    report.add("memory of opsconductor", site.program.resident() as f64 / 1e6, "MB");
    report.add("  grown by", grown / 1e6, "MB");
    site.stop()?;
    Ok(report)
}

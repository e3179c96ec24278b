//! How many variables a second of CPU the poller's thread collects, against a lab on loopback.
//!
//! `cargo run --release -p connectors --example collect_rate [agents] [interfaces] [interval_s]
//! [seconds]`; the last line is `collect VALUE OIDs/cpu-s`.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connectors::{
    Change, Credential, CredentialError, Credentials, Full, PollSink, Poller, PollerConfig, Secret,
};
use schemas::{Device, DeviceId, Poll};

/// Encodes every record, as the log would have it, and counts.
#[derive(Default)]
struct Counting {
    values: AtomicU64,
    facts: AtomicU64,
    bytes: AtomicU64,
    outcomes: Mutex<HashMap<String, u64>>,
}

impl PollSink for Counting {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        let values: usize = poll.columns.iter().map(|column| column.instances.len()).sum();
        self.values.fetch_add(values as u64, Ordering::Relaxed);
        self.facts.fetch_add(poll.facts.len() as u64, Ordering::Relaxed);
        *self.outcomes.lock().unwrap().entry(format!("{:?}", poll.outcome)).or_default() += 1;
        let encoded = schemas::encode(&poll).expect("encodes");
        self.bytes.fetch_add(encoded.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

struct Public;

impl Credentials for Public {
    fn get<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>> {
        Box::pin(async { Ok(Credential::SnmpV2c { community: Secret::new("lab-public") }) })
    }
}

/// User and system CPU seconds of this process's threads whose name starts so.
fn cpu_seconds(prefix: &str) -> (f64, f64) {
    let mut total = (0.0, 0.0);
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let name = &stat[stat.find('(').unwrap() + 1..stat.rfind(')').unwrap()];
        if name.starts_with(prefix) {
            let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
            total.0 += fields[11].parse::<f64>().unwrap() / 100.0;
            total.1 += fields[12].parse::<f64>().unwrap() / 100.0;
        }
    }
    total
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|it| it.parse::<u64>().unwrap());
    let mut next = |default| arguments.next().unwrap_or(default);
    let (agents, interfaces, interval, seconds) = (next(1000), next(24), next(5), next(20));
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 20, 0, 1), 20161);
    let lab = lab::fleet(agents as usize, interfaces as usize, first, false);
    let lab = lab::Lab::start(lab).expect("the lab starts");
    let sink = Arc::new(Counting::default());
    let poller = Poller::start(PollerConfig::default(), Arc::new(Public), sink.clone()).unwrap();
    for entry in lab.inventory() {
        let device = Device {
            tenant: "default".into(),
            id: DeviceId::from_source("bench", &entry.name),
            name: entry.name.clone(),
            address: entry.address.to_string(),
            port: entry.port.into(),
            profile: "generic".into(),
            credential: Some("lab".into()),
            site: None,
            tags: vec![],
            interval_ms: interval as i64 * 1000,
            snmp: true,
            icmp: false,
            enabled: true,
            source: "bench".into(),
            updated_at: 0,
        };
        poller.apply(Change::Upsert(device)).unwrap();
    }
    // The first cycles learn names and texts; what is measured is the steady state.
    tokio::time::sleep(Duration::from_secs(2 * interval + 1)).await;
    let read = || {
        let (user, system) = cpu_seconds("opsc-snmp");
        (sink.values.load(Ordering::Relaxed), user, system, poller.counters(), lab.stats())
    };
    let before = read();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = read();
    let values = after.0 - before.0;
    let (user, system) = (after.1 - before.1, after.2 - before.2);
    let asked = after.3.answers - before.3.answers;
    let lab_cpu = (after.4.cpu_us - before.4.cpu_us) as f64 / 1e6;
    println!("{agents} agents, {interfaces} interfaces, every {interval} s, for {seconds} s");
    println!("outcomes {:?}", sink.outcomes.lock().unwrap());
    println!("poller {user:.2} s user + {system:.2} s system, lab {lab_cpu:.2} s");
    println!(
        "{values} values published, {asked} answers, {:.1} values an answer",
        values as f64 / asked as f64
    );
    println!("{:?}", poller.counters());
    println!("{:?}", poller.timings().first().map(|it| (it.mean_duration_ms, it.repetitions)));
    let cpu = user + system;
    println!("µs CPU an answer {:.2}", cpu * 1e6 / asked as f64);
    println!("collect {:.0} OIDs/cpu-s", values as f64 / cpu);
    poller.stop().await;
}

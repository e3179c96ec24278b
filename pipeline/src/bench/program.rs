//! `opsconductor run` as a process of its own, on a place and a database of the measurement's,
//! polling a simulated network.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::runtime::{Handle, Runtime};

use super::Failure;
use super::child::Process;
use super::machine::{cpu_seconds_by_thread, cpu_seconds_of, resident_bytes_of};
use super::network::{COMMUNITY, Network};
use super::place::{Database, Place, runtime};
use crate::config::{Config, LogKind};

/// Longest wait for it to be ready, and for all devices to be polled.
const READY_WITHIN: Duration = Duration::from_secs(120);
const CREDENTIAL: &str = "bench";

/// What the running program is measured with.
pub(super) struct Site {
    pub(super) program: Program,
    pub(super) network: Network,
    pub(super) database: Database,
    pub(super) place: Place,
    pub(super) runtime: Runtime,
}

/// The running program.
pub(super) struct Program {
    process: Process,
    pub(super) url: String,
    token: SecretString,
    pub(super) http: reqwest::Client,
    runtime: Handle,
    inventory: PathBuf,
}

impl Site {
    /// Starts all; returns when the program is ready and every device is polled this often.
    pub(super) fn start(
        config: &Config,
        network: &lab::LabConfig,
        interval_s: usize,
    ) -> Result<Self, Failure> {
        let place = Place::new(config)?;
        let runtime = runtime()?;
        let database = Database::create(config, runtime.handle())?;
        let network = Network::start(network, &place.config.state_dir)?;
        let program = Program::start(&place, &database, runtime.handle())?;
        let mut site = Self { program, network, database, place, runtime };
        site.program.poll(&site.network, interval_s)?;
        Ok(site)
    }

    /// Log and database in words.
    pub(super) fn about(&self) -> String {
        format!("{}, {}", self.place.log_name(), self.database.about)
    }

    /// Ends the program; the rest goes by itself.
    pub(super) fn stop(self) -> Result<(), Failure> {
        self.program.process.stop()
    }
}

/// The configuration as a program takes it from its environment.
fn environment(config: &Config) -> Vec<(String, String)> {
    let log = &config.log;
    let kind = match log.kind {
        LogKind::Embedded => "embedded",
        LogKind::Kafka => "kafka",
    };
    let mut all = vec![
        ("log__kind".to_owned(), kind.to_owned()),
        ("log__partitions".to_owned(), log.partitions.to_string()),
        ("log__kafka__bootstrap".to_owned(), log.kafka.bootstrap.clone()),
        ("log__kafka__prefix".to_owned(), log.kafka.prefix.clone()),
        ("log__kafka__replication".to_owned(), log.kafka.replication.to_string()),
        ("processor__threads".to_owned(), config.processor.threads.to_string()),
    ];
    let properties = log.kafka.properties.iter().map(|(name, value)| {
        (format!("log__kafka__properties__{name}"), value.expose_secret().to_owned())
    });
    all.extend(properties);
    all.iter().map(|(key, value)| (format!("OPSC__{key}"), value.clone())).collect()
}

impl Program {
    fn start(place: &Place, database: &Database, runtime: &Handle) -> Result<Self, Failure> {
        let state = &place.config.state_dir;
        let listen = format!("127.0.0.1:{}", lab::free_port());
        let inventory = state.join("inventory");
        std::fs::write(&inventory, "")?;
        let mut command = Process::command(&["run"])?;
        command
            .envs(environment(&place.config))
            .env("DATABASE_URL", database.url())
            .env("OPSC_STATE_DIR", state)
            .env("OPSC_LISTEN", &listen)
            .env("OPSC__INVENTORY__FILE", &inventory)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let process = Process::start(&mut command, state.join("run.out"))?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut program = Self {
            process,
            url: format!("http://{listen}"),
            token: String::new().into(),
            http,
            runtime: runtime.clone(),
            inventory,
        };
        program.until("it is not ready", |program| {
            let ready = program.http.get(format!("{}/readyz", program.url)).send();
            program.runtime.block_on(ready).is_ok_and(|answer| answer.status().is_success())
        })?;
        let token = std::fs::read_to_string(place.config.token_file())?;
        program.token = token.trim().to_owned().into();
        Ok(program)
    }

    /// Puts the network's devices into the inventory and waits for the first poll of all.
    fn poll(&mut self, network: &Network, interval_s: usize) -> Result<(), Failure> {
        let path = format!("/credentials/v1/credentials/{CREDENTIAL}");
        let secret = json!({ "kind": "snmp_v2c", "community": COMMUNITY });
        let put = self.request(reqwest::Method::PUT, &path).json(&secret).send();
        self.runtime.block_on(put)?.error_for_status()?;
        let mut lines = String::new();
        for entry in &network.devices {
            let (address, name, port) = (entry.address, &entry.name, entry.port);
            let _ = writeln!(
                lines,
                "{address} name={name} port={port} profile=generic credential={CREDENTIAL} \
                 interval={interval_s}s icmp=no"
            );
        }
        std::fs::write(&self.inventory, lines)?;
        let count = network.devices.len() as f64;
        self.until("not all devices are polled", |program| {
            program.metrics().is_ok_and(|metrics| metrics.sum("opsc_polls_total", &[]) >= count)
        })
    }

    fn until(&mut self, missing: &str, mut done: impl FnMut(&Self) -> bool) -> Result<(), Failure> {
        let began = Instant::now();
        while !done(self) {
            self.process.check()?;
            if began.elapsed() > READY_WITHIN {
                let words = self.process.last_words();
                return Err(format!("{missing} after {READY_WITHIN:?}: {words}").into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// A request to its API, signed in.
    pub(super) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.bearer_auth(self.token.expose_secret())
    }

    /// A document of its API.
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(self.runtime.block_on(async {
            let answer = self.request(reqwest::Method::GET, path).send().await?;
            answer.error_for_status()?.json().await
        })?)
    }

    /// Fails when it has ended.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        self.process.check()
    }

    /// What `/metrics` says.
    pub(super) fn metrics(&self) -> Result<Metrics, Failure> {
        let text = self.runtime.block_on(async {
            let answer = self.http.get(format!("{}/metrics", self.url)).send().await?;
            answer.error_for_status()?.text().await
        })?;
        Ok(Metrics(text.lines().filter_map(Line::read).collect()))
    }

    /// CPU seconds so far.
    pub(super) fn cpu(&self) -> f64 {
        cpu_seconds_of(self.process.id())
    }

    /// CPU seconds so far by what its threads do.
    pub(super) fn cpu_by_part(&self) -> BTreeMap<&'static str, f64> {
        cpu_seconds_by_thread(self.process.id(), |thread| match thread {
            name if name.starts_with("opsc-snmp") => "poller",
            name if name.starts_with("process") => "processors",
            name if name.starts_with("sink") => "sinks",
            name if name.starts_with("rdk:") => "Kafka clients",
            name if name.starts_with("tokio") => "API and database sockets",
            _ => "everything else",
        })
    }

    /// Bytes in RAM.
    pub(super) fn resident(&self) -> usize {
        resident_bytes_of(self.process.id())
    }
}

/// A line of Prometheus's text form.
struct Line {
    name: String,
    /// Between the braces.
    labels: String,
    value: f64,
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let (what, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
        let (name, labels) = what.split_once('{').unwrap_or((what, ""));
        let value = value.parse().ok()?;
        Some(Self { name: name.to_owned(), labels: labels.to_owned(), value })
    }
}

/// What `/metrics` said.
pub(super) struct Metrics(Vec<Line>);

impl Metrics {
    fn of(&self, name: &str, labels: &[&str]) -> impl Iterator<Item = f64> {
        let fits = move |line: &&Line| {
            line.name == name && labels.iter().all(|label| line.labels.contains(label))
        };
        self.0.iter().filter(fits).map(|line| line.value)
    }

    /// Over all lines of this name with these labels, each as `name="value"`.
    pub(super) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.of(name, labels).sum()
    }

    /// The greatest of them, 0 when there is none.
    pub(super) fn most(&self, name: &str, labels: &[&str]) -> f64 {
        self.of(name, labels).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_distinguished_by_labels() {
        let text = "# HELP a b\na{x=\"1\",y=\"2\"} 3\na{x=\"2\"} 4.5\nb 7\n";
        let metrics = Metrics(text.lines().filter_map(Line::read).collect());
        let sums = [metrics.sum("a", &[]), metrics.sum("a", &["x=\"1\""]), metrics.sum("b", &[])];
        assert_eq!(sums, [7.5, 3.0, 7.0]);
        assert_eq!((metrics.most("a", &[]), metrics.most("c", &[])), (4.5, 0.0));
    }
}

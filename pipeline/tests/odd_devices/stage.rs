//! Devices of the lab with a set answer for each poll, the poller that asks them,
//! and the processor that makes samples of it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use connectors::{
    Change, Credential, CredentialError, Credentials, Full, PollSink, Poller, PollerConfig, Secret,
};
use lab::{Content, DeviceConfig, Fault, Lab, LabConfig, Oddity, free_port};
use processors::{DeviceChain, DeviceState, DropReason, Out, Output, Processor};
use schemas::{Device, DeviceId, DeviceInput, DeviceStatus, GapReason, Poll, SeriesId};

/// Between two polls.
pub const INTERVAL_MS: i64 = 1_000;
/// How long a poll is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const COMMUNITY: &str = "lab-public";
pub const IF: &str = "1.3.6.1.2.1.2.2.1";
pub const IFX: &str = "1.3.6.1.2.1.31.1.1.1";

/// A row of the interface tables.
#[derive(Clone, Copy)]
pub struct Row {
    pub index: u32,
    pub name: &'static str,
    pub description: &'static str,
    pub mbps: u64,
    pub speed: i64,
    pub octets: u64,
    /// It has 64-bit counters.
    pub wide: bool,
}

pub const fn row(index: u32, name: &'static str, mbps: u64) -> Row {
    let speed = if mbps >= 4_295 { 4_294_967_295 } else { mbps as i64 * 1_000_000 };
    Row { index, name, description: name, mbps, speed, octets: 1_000_000_000, wide: true }
}

/// A walk of a device with these rows.
pub fn walk(rows: &[Row]) -> String {
    let mut text = "1.3.6.1.2.1.1.1.0|4|odd agent\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10\n\
                    1.3.6.1.2.1.1.3.0|67|8640000\n1.3.6.1.2.1.1.5.0|4|odd\n"
        .to_owned();
    for row in rows {
        let Row { index, name, description, mbps, speed, octets, wide } = row;
        let speed_type = if *speed < 0 { 2 } else { 66 };
        write!(
            text,
            "{IF}.1.{index}|2|{index}\n{IF}.2.{index}|4|{description}\n{IF}.3.{index}|2|6\n\
             {IF}.5.{index}|{speed_type}|{speed}\n{IF}.7.{index}|2|1\n{IF}.8.{index}|2|1\n\
             {IF}.10.{index}|65|{}\n{IF}.11.{index}|65|1000\n{IF}.13.{index}|65|0\n\
             {IF}.14.{index}|65|0\n{IFX}.1.{index}|4|{name}\n{IFX}.15.{index}|66|{mbps}\n\
             {IFX}.18.{index}|4|port {index}\n",
            octets % (1 << 32)
        )
        .unwrap();
        if *wide {
            writeln!(text, "{IFX}.6.{index}|70|{octets}\n{IFX}.7.{index}|70|1000").unwrap();
        }
    }
    text
}

/// What hides a row.
pub fn hide(index: u32) -> Vec<Oddity> {
    let of = |table: &str, columns: &[u32]| -> Vec<Oddity> {
        let under = |column: &u32| format!("{table}.{column}.{index}");
        columns.iter().map(|column| Oddity::Hide { under: under(column) }).collect()
    };
    [of(IF, &[1, 2, 3, 5, 7, 8, 10, 11, 13, 14]), of(IFX, &[1, 6, 7, 15, 18])].concat()
}

/// Another value of a cell.
pub fn say(column: &str, index: u32, kind: &str, value: impl std::fmt::Display) -> Oddity {
    Oddity::Say { line: format!("{column}.{index}|{kind}|{value}") }
}

/// ifHCInOctets and ifInOctets.
pub fn octets(index: u32, value: u64) -> Vec<Oddity> {
    vec![
        say(&format!("{IFX}.6"), index, "70", value),
        say(&format!("{IF}.10"), index, "65", value % (1 << 32)),
    ]
}

/// sysUpTime.
pub fn uptime(cs: i64) -> Oddity {
    Oddity::Say { line: format!("1.3.6.1.2.1.1.3.0|67|{cs}") }
}

#[derive(Default)]
struct Kept(Mutex<Vec<Poll>>);

impl PollSink for Kept {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        self.0.lock().unwrap().push(poll);
        Ok(())
    }
}

struct Known;

impl Credentials for Known {
    fn get<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>> {
        Box::pin(async move { Ok(Credential::SnmpV2c { community: Secret::new(name) }) })
    }
}

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    Sample(f64, i32),
    Gap(GapReason),
}

/// What a processor made of polls.
#[derive(Default)]
pub struct Made {
    seen: HashMap<SeriesId, Vec<(i64, Seen)>>,
    pub statuses: Vec<DeviceStatus>,
}

impl Out for Made {
    fn emit(&mut self, output: Output) {
        match output {
            Output::Metric(batch) => {
                for (place, series) in batch.series.iter().enumerate() {
                    let flags = batch.flags.get(place).copied().unwrap_or(0);
                    let at = batch.at + i64::from(batch.at_ms[place]);
                    let seen = Seen::Sample(batch.values[place], flags);
                    self.seen.entry(*series).or_default().push((at, seen));
                }
                for gap in batch.gaps {
                    let at = batch.at + i64::from(gap.at_ms);
                    self.seen.entry(gap.series).or_default().push((at, Seen::Gap(gap.reason)));
                }
            }
            Output::Status(status) => self.statuses.push(status),
            Output::Rollup(_)
            | Output::Baseline(_)
            | Output::Anomaly(_)
            | Output::Facts(_)
            | Output::Series(_) => {}
        }
    }

    fn dropped(&mut self, _: DropReason) {}
}

impl Made {
    pub fn of(&self, device: &str, metric: &str, instance: &str) -> Vec<Seen> {
        let id = SeriesId::of("default", id(device), metric, instance);
        let mut all = self.seen.get(&id).cloned().unwrap_or_default();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, seen)| seen).collect()
    }

    /// Rates of octets.
    pub fn rates(&self, device: &str, instance: &str) -> Vec<f64> {
        let value = |seen| if let Seen::Sample(value, _) = seen { Some(value) } else { None };
        self.of(device, "if_in_bps", instance).into_iter().filter_map(value).collect()
    }
}

pub fn id(device: &str) -> DeviceId {
    DeviceId::from_source("test", device)
}

/// Lab, poller and what was polled.
pub struct Stage {
    pub lab: Lab,
    port: u16,
    kept: Arc<Kept>,
    poller: Mutex<Option<Poller>>,
}

impl Stage {
    /// A lab of these devices by their walks; nothing is polled yet.
    pub fn new(third: u8, folder: &Path, walks: &BTreeMap<&str, String>) -> Self {
        let port = free_port();
        let device = |(n, (name, text)): (usize, (&&str, &String))| {
            let path = folder.join(format!("{name}.snmprec"));
            std::fs::write(&path, text).unwrap();
            DeviceConfig {
                name: (*name).to_owned(),
                address: SocketAddrV4::new(Ipv4Addr::new(127, 33, third, n as u8 + 1), port),
                community: COMMUNITY.into(),
                content: Content::Walk { path, animate: false, lenient: false },
                location: String::new(),
                site: String::new(),
                profile: String::new(),
                serial: false,
            }
        };
        let devices = walks.iter().enumerate().map(device).collect();
        let lab = Lab::start(LabConfig { devices, ..LabConfig::default() }).unwrap();
        let stage = Self { lab, port, kept: Arc::new(Kept::default()), poller: Mutex::new(None) };
        stage.start_poller();
        stage
    }

    /// Starts a poller, which takes the place of the one before.
    pub fn start_poller(&self) {
        let config = PollerConfig { timeout_ms: 80, retries: 1, ..PollerConfig::default() };
        let poller = Poller::start(config, Arc::new(Known), self.kept.clone()).unwrap();
        *self.poller.lock().unwrap() = Some(poller);
    }

    pub async fn stop_poller(&self) {
        let poller = self.poller.lock().unwrap().take();
        if let Some(poller) = poller {
            poller.stop().await;
        }
    }

    /// Lets a device be polled, by its name in the lab or at another one's address.
    pub fn add(&self, name: &str, at: &str) {
        let entries = self.lab.inventory();
        let address = entries.iter().find(|it| it.name == at).unwrap().address;
        let device = Device {
            tenant: "default".into(),
            id: id(name),
            name: name.into(),
            address: address.to_string(),
            port: self.port.into(),
            profile: "generic".into(),
            credential: Some(COMMUNITY.into()),
            site: None,
            tags: vec![],
            interval_ms: INTERVAL_MS,
            snmp: true,
            icmp: false,
            enabled: true,
            source: "test".into(),
            // Long ago: it is polled from its next slot on, not at once.
            updated_at: 0,
            any_source: false,
            icmp_echoes: None,
            icmp_spacing_ms: None,
            icmp_timeout_ms: None,
        };
        let poller = self.poller.lock().unwrap();
        poller.as_ref().unwrap().apply(Change::Upsert(device)).unwrap();
    }

    pub fn say(&self, device: &str, oddities: &[Oddity]) {
        for how in oddities {
            self.lab.inject(device, Fault::Odd { how: how.clone() }).unwrap();
        }
    }

    pub fn polls(&self, device: &str) -> Vec<Poll> {
        let all = self.kept.0.lock().unwrap();
        all.iter().filter(|poll| poll.device == id(device)).cloned().collect()
    }

    /// Waits until a device has been polled so often.
    pub async fn polled(&self, device: &str, times: usize) {
        let began = Instant::now();
        while self.polls(device).len() < times {
            assert!(began.elapsed() < PATIENCE, "{device}: not polled {times} times");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Plays what a device says before each of its polls, from the second on.
    pub async fn play(&self, device: &str, polls: usize, says: impl Fn(u64) -> Vec<Oddity>) {
        self.say(device, &says(0));
        self.add(device, device);
        let before = self.polls(device).len();
        for step in 1..polls {
            self.polled(device, before + step).await;
            self.say(device, &says(step as u64));
        }
        self.polled(device, before + polls).await;
    }

    /// Polls a device no more.
    pub fn end(&self, device: &str) {
        let poller = self.poller.lock().unwrap();
        poller.as_ref().unwrap().apply(Change::Remove(id(device))).unwrap();
    }

    /// Plays a device from its first poll to its last.
    pub async fn played(&self, device: &str, polls: usize, says: impl Fn(u64) -> Vec<Oddity>) {
        self.play(device, polls, says).await;
        self.end(device);
    }

    /// What a processor makes of all polls of a device.
    pub fn made(&self, device: &str) -> Made {
        let chain = DeviceChain::default();
        let (mut state, mut made) = (DeviceState::default(), Made::default());
        for poll in self.polls(device) {
            chain.step(&mut state, &DeviceInput::Poll(Box::new(poll)), &mut made);
        }
        made
    }
}

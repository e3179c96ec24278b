//! A one-shot test of a device, for "test before saving".

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use schemas::Device;
use socket2::SockAddr;
use tokio::net::UdpSocket;

use crate::icmp::packet::{self, Echo};
use crate::icmp::socket::{self, NOT_PERMITTED};
use crate::net::udp::{Inbox, Outgoing};
use crate::place::{Place, same};
use crate::profiles::{CodePage, Profiles};
use crate::resolve::lookup;
use crate::seams::{Credential, Credentials};
use crate::snmp::ask::OBJECT_ID;
use crate::snmp::ber::{self, GET, Value};
use crate::snmp::encode;
use crate::snmp::peer::{answered_from, no_answer};
use crate::snmp::values::clean_text;

const TRIES: u32 = 2;
const PATIENCE: Duration = Duration::from_millis(1_500);
const SYS_DESCR: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 1, 0];
const SYS_NAME: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 5, 0];
const IF_NUMBER: &[u8] = &[0x2b, 6, 1, 2, 1, 2, 1, 0];

/// What a test found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// Each protocol that the device is to be polled by.
    pub steps: Vec<ProbeStep>,
    /// sysName.
    pub sys_name: Option<String>,
    /// sysDescr.
    pub sys_descr: Option<String>,
    /// The profile that polling will use.
    pub profile: Option<String>,
    /// ifNumber.
    pub interfaces: Option<i64>,
}

/// One protocol's test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeStep {
    /// `icmp` or `snmp`.
    pub name: &'static str,
    /// Whether it works.
    pub ok: bool,
    /// What was found, or what is wrong and the remedy.
    pub detail: String,
    /// How long it took.
    pub duration_ms: u64,
}

/// Tests a device once by the protocols it enables; takes at most some seconds.
pub async fn probe(
    device: &Device,
    credentials: &dyn Credentials,
    profiles: &Profiles,
) -> ProbeReport {
    let mut report = ProbeReport::default();
    let address = match find(device).await {
        Ok(address) => address,
        Err(detail) => {
            report.steps.push(ProbeStep { name: "snmp", ok: false, detail, duration_ms: 0 });
            return report;
        }
    };
    if device.icmp {
        let start = Instant::now();
        let result = tokio::task::spawn_blocking(move || ping(address)).await;
        let result = result.unwrap_or_else(|error| Err(error.to_string()));
        report.steps.push(step("icmp", start, result));
    }
    if device.snmp {
        let start = Instant::now();
        let result = snmp(device, address, credentials, profiles, &mut report).await;
        report.steps.push(step("snmp", start, result));
    }
    report
}

/// Where a device is now.
async fn find(device: &Device) -> Result<SocketAddr, String> {
    let mut place = Place::new(device, u16::try_from(device.port).unwrap_or(0));
    if let Some(name) = place.name() {
        let found = lookup(name).await;
        let first = found.and_then(|all| all.first().copied().ok_or_else(String::new));
        place.resolved(first.map_err(|why| format!("the name cannot be looked up: {why}")));
    }
    place.now.ok_or_else(|| place.why.unwrap_or_default())
}

fn step(name: &'static str, start: Instant, result: Result<String, String>) -> ProbeStep {
    let duration_ms = start.elapsed().as_millis() as u64;
    let ok = result.is_ok();
    let (Ok(detail) | Err(detail)) = result;
    ProbeStep { name, ok, detail, duration_ms }
}

fn ping(mut address: SocketAddr) -> Result<String, String> {
    let ipv6 = address.is_ipv6();
    address.set_port(0);
    let socket = socket::open(ipv6).map_err(|_| NOT_PERMITTED.to_owned())?;
    let to: SockAddr = address.into();
    let address = address.ip();
    let run = uuid::Uuid::new_v4().as_u64_pair().0;
    let mut inbox = Inbox::new();
    for number in 0..TRIES as u16 {
        let echo = Echo { run, peer: 0, epoch: 0, sequence: number };
        let octets = packet::request(echo, ipv6);
        let start = Instant::now();
        socket
            .datagrams
            .send(&[Outgoing { octets: &octets, to: &to }])
            .map_err(|error| format!("{address} cannot be reached: {error}"))?;
        while start.elapsed() < PATIENCE {
            for position in 0..socket.datagrams.receive(&mut inbox) {
                let (octets, _) = inbox.get(position);
                if packet::reply(octets, ipv6, socket.raw) == Some(echo) {
                    let took = start.elapsed().as_secs_f64() * 1000.0;
                    return Ok(format!("answered in {took:.2} ms"));
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Err(format!("{address} does not answer echo requests; it may be down or not allow them"))
}

async fn snmp(
    device: &Device,
    to: SocketAddr,
    credentials: &dyn Credentials,
    profiles: &Profiles,
    report: &mut ProbeReport,
) -> Result<String, String> {
    let Some(name) = &device.credential else {
        return Err("the device names no credential; choose one".into());
    };
    let credential = credentials.get(name).await.map_err(|error| error.to_string())?;
    let Credential::SnmpV2c { community } = credential;
    let any: SocketAddr = if to.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }
        .parse()
        .map_err(|error| format!("{error}"))?;
    let failed = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::ConnectionRefused {
            format!("nothing listens at {to}: check the port and the SNMP agent")
        } else {
            format!("{to} cannot be reached: {error}")
        }
    };
    let id = (uuid::Uuid::new_v4().as_u64_pair().0 & 0x7fff_ffff) as i32;
    let oids = [SYS_DESCR, OBJECT_ID, SYS_NAME, IF_NUMBER];
    let mut request = Vec::new();
    let parts = oids.iter().map(|oid| (*oid, &[][..]));
    encode::request(&mut request, community.expose().as_bytes(), GET, id, (0, 0), parts);
    let (mut wrong, mut stranger) = (None, None);
    for number in 0..TRIES {
        let socket = UdpSocket::bind(any).await.map_err(failed)?;
        // The kernel reports that nothing listens there to a socket with one peer alone, and keeps
        // other sources from it: so the first try has one.
        if number == 0 && !device.any_source {
            socket.connect(to).await.map_err(failed)?;
            socket.send(&request).await.map_err(failed)?;
        } else {
            socket.send_to(&request, to).await.map_err(failed)?;
        }
        let end = tokio::time::Instant::now() + PATIENCE;
        let mut octets = vec![0; 65_536];
        while let Ok(received) = tokio::time::timeout_at(end, socket.recv_from(&mut octets)).await {
            let (length, from) = received.map_err(failed)?;
            let octets = octets.get(..length).unwrap_or(&octets);
            if !device.any_source && !same(to, from) {
                if ber::response(octets).is_ok_and(|response| response.request_id == id) {
                    stranger = Some(from);
                }
                continue;
            }
            match read(octets, id, device, profiles, report) {
                Ok(true) => return Ok(format!("{to} answers")),
                Ok(false) => {}
                Err(error) => wrong = Some(format!("malformed answer from {to}: {error}")),
            }
        }
    }
    match stranger {
        Some(stranger) => Err(answered_from(&to.to_string(), stranger)),
        None => Err(wrong.unwrap_or_else(|| no_answer(&to.to_string(), name))),
    }
}

/// Reads an answer; false if it is not the one to our request.
fn read(
    octets: &[u8],
    id: i32,
    device: &Device,
    profiles: &Profiles,
    report: &mut ProbeReport,
) -> Result<bool, ber::DecodeError> {
    let response = ber::response(octets)?;
    if response.request_id != id {
        return Ok(false);
    }
    let binds: Vec<ber::VarBind<'_>> = response.variables().collect::<Result<_, _>>()?;
    let mut object_id: &[u8] = &[];
    for bind in &binds {
        match (bind.oid, bind.value) {
            (oid, Value::Octets(text)) if oid == SYS_DESCR => {
                report.sys_descr = Some(clean_text(text, CodePage::default()));
            }
            (oid, Value::Octets(text)) if oid == SYS_NAME => {
                report.sys_name = Some(clean_text(text, CodePage::default()));
            }
            (oid, Value::Oid(it)) if oid == OBJECT_ID => object_id = it,
            (oid, Value::Integer(count)) if oid == IF_NUMBER => report.interfaces = Some(count),
            (_, _) => {}
        }
    }
    let named = profiles.get(&device.profile);
    let profile = named.unwrap_or_else(|| profiles.for_object_id(object_id));
    report.profile = Some(profile.name.clone());
    Ok(true)
}

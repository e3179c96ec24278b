//! A device's echoes of one cycle.

use std::net::IpAddr;

use schemas::{Column, Device, Kind, Outcome, Poll};

use super::socket::NOT_PERMITTED;
use crate::frame;

/// Bits of a sequence number that count the echoes of a cycle.
const NUMBER_BITS: u32 = 5;
/// A round trip cannot take longer; the wall clock was set meanwhile.
const MAX_RTT_NS: i64 = 60_000_000_000;

/// The sequence number of an echo: replies of an earlier cycle do not fit a later one.
pub(super) const fn sequence(cycle: i64, number: u32) -> u16 {
    ((cycle as u64) << NUMBER_BITS) as u16 | number as u16
}

pub(super) type Peer = frame::Peer<Icmp>;

/// What ICMP keeps of a device.
#[derive(Debug)]
pub(crate) struct Icmp {
    /// None: the address is no IP address.
    pub(super) address: Option<IpAddr>,
    pub(super) network: Option<String>,
    /// When each echo left, and its round trip, ns.
    echoes: Vec<(i64, Option<i64>)>,
}

impl Icmp {
    pub(super) fn new(device: &Device) -> Self {
        let address = device.address.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
        Self { address, network: None, echoes: Vec::new() }
    }

    /// Forgets the cycle before.
    pub(super) fn begin(&mut self) {
        self.network = None;
        self.echoes.clear();
    }
}

impl Peer {
    pub(super) fn sent(&mut self, number: u32, at_ns: i64) {
        let number = number as usize;
        if self.own.echoes.len() <= number {
            self.own.echoes.resize(number + 1, (at_ns, None));
        }
        self.own.echoes[number] = (at_ns, None);
        self.timing.requests += 1;
    }

    /// Takes a reply; false if it is none of this cycle's or a second one.
    pub(super) fn received(&mut self, its: u16, at_ns: i64) -> bool {
        let Some(started) = self.started else { return false };
        let number = u32::from(its) & ((1 << NUMBER_BITS) - 1);
        if its != sequence(started.cycle, number) {
            return false;
        }
        let Some((sent, round_trip)) = self.own.echoes.get_mut(number as usize) else {
            return false;
        };
        if round_trip.is_some() {
            return false;
        }
        let took = at_ns - *sent;
        if !(-1_000_000..MAX_RTT_NS).contains(&took) {
            return false;
        }
        *round_trip = Some(took.max(0));
        true
    }

    /// Writes the cycle's result; `permitted` is none where the address is no IP address.
    pub(super) fn judge(&mut self, poll: &mut Poll, permitted: Option<bool>) {
        match permitted {
            None => {
                poll.error =
                    Some(format!("{:?} is no IP address; correct it", self.device.address));
                return;
            }
            Some(false) => {
                poll.outcome = Outcome::NotPermitted;
                poll.error = Some(NOT_PERMITTED.into());
                return;
            }
            Some(true) => {}
        }
        if self.own.echoes.is_empty() {
            poll.error = Some("no echo request could be sent in time".into());
            return;
        }
        let mut trips: Vec<i64> = self.own.echoes.iter().filter_map(|(_, trip)| *trip).collect();
        trips.sort_unstable();
        let lost = self.own.echoes.len() - trips.len();
        self.timing.timeouts += lost as u64;
        poll.instances = vec![String::new()];
        let loss = lost as f64 / self.own.echoes.len() as f64;
        // Loss comes in steps of one echo.
        let quantum = 1.0 / self.own.echoes.len() as f64;
        poll.columns.push(column("icmp_loss_ratio", "1", loss, quantum, poll.duration_ms));
        if let Some(median) = trips.get(trips.len() / 2) {
            poll.outcome = Outcome::Ok;
            let median_ms = *median as f64 / 1e6;
            poll.columns.push(column("icmp_rtt_ms", "ms", median_ms, 0.01, poll.duration_ms));
            return;
        }
        let text = format!("none of {lost} echo requests to {} was answered", self.device.address);
        (poll.outcome, poll.error) = match &self.own.network {
            Some(error) => (Outcome::Unreachable, Some(format!("{text}: {error}"))),
            None => (Outcome::Timeout, Some(text)),
        };
    }
}

fn column(metric: &str, unit: &str, value: f64, quantum: f64, at_ms: i32) -> Column {
    Column {
        metric: metric.into(),
        unit: unit.into(),
        kind: Kind::Gauge,
        scale: 1.0,
        ceiling: None,
        detect: true,
        quantum,
        instances: vec![0],
        at_ms: vec![at_ms],
        counts: vec![],
        gauges: vec![value],
    }
}

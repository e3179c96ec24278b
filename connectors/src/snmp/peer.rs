//! A device in the engine: when it is polled and how that went.

use std::net::{IpAddr, SocketAddr};

use schemas::{Device, Poll};
use socket2::SockAddr;

use super::assemble::Gathered;
use super::session::Session;
use crate::clock::Slots;
use crate::durations::Waits;
use crate::record::{self, Started};
use crate::seams::Secret;
use crate::timing::DeviceTiming;

/// After so many polls without an answer only one request a cycle is sent, once.
pub(crate) const DEAD_AFTER: u32 = 2;

/// One device.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) device: Device,
    /// None: the address is no IP address.
    pub(crate) address: Option<(SocketAddr, SockAddr)>,
    pub(crate) slots: Slots,
    /// Timers set for an earlier life of this entry do not count.
    pub(crate) epoch: u32,
    pub(crate) session: Session,
    pub(crate) community: Option<Secret>,
    pub(crate) started: Option<Started>,
    pub(crate) last_cycle: Option<i64>,
    pub(crate) skipped: u64,
    pub(crate) timing: DeviceTiming,
    /// What the poll under way has waited for.
    pub(crate) waits: Waits,
    /// It stands in the queue of those that want to send.
    pub(crate) ready: bool,
    /// An answer came from this address instead.
    pub(crate) stranger: Option<SocketAddr>,
}

impl Peer {
    pub(crate) fn new(device: Device, session: Session, epoch: u32) -> Self {
        let slots = Slots::of(device.id, device.interval_ms);
        let timing = DeviceTiming::new(device.id, &device.name, "snmp", slots.interval_ms);
        let port = u16::try_from(device.port).unwrap_or(0);
        let address = device.address.parse::<IpAddr>().ok().filter(|_| port != 0);
        let address = address.map(|ip| {
            let address = SocketAddr::new(ip.to_canonical(), port);
            (address, address.into())
        });
        Self {
            device,
            address,
            slots,
            epoch,
            session,
            community: None,
            started: None,
            last_cycle: None,
            skipped: 0,
            timing,
            waits: Waits::default(),
            ready: false,
            stranger: None,
        }
    }

    pub(crate) const fn is_dead(&self) -> bool {
        self.timing.failures >= DEAD_AFTER
    }

    /// A record of this device, to be filled.
    pub(crate) fn blank(&self, poller: &str, at: Started) -> Poll {
        record::blank(&self.device, "snmp", self.slots, poller, at)
    }

    /// The record of a poll that ended.
    pub(crate) fn record(&self, poller: &str, at: Started, took: u64, it: Gathered) -> Poll {
        Poll {
            duration_ms: i32::try_from(took).unwrap_or(i32::MAX),
            outcome: it.outcome,
            error: it.error,
            uptime_cs: it.uptime_cs,
            instances: it.instances,
            columns: it.columns,
            facts: it.facts,
            ..self.blank(poller, at)
        }
    }

    /// What to check when nothing at all was answered.
    pub(crate) fn silence_text(&self) -> String {
        let address = self.address.as_ref().map(|it| it.0.to_string()).unwrap_or_default();
        if let Some(stranger) = self.stranger {
            return format!(
                "{address} was asked, {} answered: give the device that address",
                stranger.ip()
            );
        }
        let credential = self.device.credential.as_deref().unwrap_or("");
        format!(
            "no answer from {address}: check the address, that the device allows SNMP from \
             here, and the community in credential {credential:?} (a wrong one looks the same)"
        )
    }
}

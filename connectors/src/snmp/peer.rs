//! What SNMP keeps of a device.

use std::net::SocketAddr;

use schemas::Device;
use socket2::SockAddr;

use super::session::Session;
use crate::durations::Waits;
use crate::frame;
use crate::place::Place;
use crate::seams::Secret;

/// After so many polls without an answer only one request a cycle is sent, once.
pub(crate) const DEAD_AFTER: u32 = 2;

pub(crate) type Peer = frame::Peer<Snmp>;

#[derive(Debug)]
pub(crate) struct Snmp {
    pub(crate) place: Place,
    /// Where it is asked in this poll; none: nowhere.
    pub(crate) address: Option<(SocketAddr, SockAddr)>,
    /// Answers may come from another address than the one asked.
    pub(crate) any_source: bool,
    pub(crate) session: Session,
    pub(crate) community: Option<Secret>,
    /// What the poll under way has waited for.
    pub(crate) waits: Waits,
    /// It stands in the queue of those that want to send.
    pub(crate) ready: bool,
    /// An answer came from this address instead.
    pub(crate) stranger: Option<SocketAddr>,
}

impl Snmp {
    pub(crate) fn new(device: &Device, session: Session) -> Self {
        let port = u16::try_from(device.port).unwrap_or(0);
        let mut place = Place::new(device, port);
        if port == 0 {
            (place.now, place.why) = (None, Some(format!("port {} is none", device.port)));
        }
        let mut own = Self {
            place,
            address: None,
            any_source: device.any_source,
            session,
            community: None,
            waits: Waits::default(),
            ready: false,
            stranger: None,
        };
        own.go();
        own
    }

    /// From now on it is asked where it is known to be.
    pub(crate) fn go(&mut self) {
        self.address = self.place.now.map(|address| (address, address.into()));
    }
}

impl Peer {
    pub(crate) const fn is_dead(&self) -> bool {
        self.timing.failures >= DEAD_AFTER
    }

    /// What to check when nothing at all was answered.
    pub(crate) fn silence_text(&self) -> String {
        let address = self.own.address.as_ref().map(|it| it.0.to_string()).unwrap_or_default();
        if let Some(stranger) = self.own.stranger {
            return answered_from(&address, stranger);
        }
        no_answer(&address, self.device.credential.as_deref().unwrap_or(""))
    }
}

/// An answer came, and from elsewhere.
pub(crate) fn answered_from(asked: &str, stranger: SocketAddr) -> String {
    format!(
        "{asked} was asked, {} answered: give the device that address, or allow answers from any \
         source for it",
        stranger.ip().to_canonical()
    )
}

/// No answer came.
pub(crate) fn no_answer(asked: &str, credential: &str) -> String {
    format!(
        "no answer from {asked}: check the address, that the device allows SNMP from here, and \
         the community in credential {credential:?} (a wrong one looks the same)"
    )
}

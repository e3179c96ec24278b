//! One SNMP thread: its sockets, its requests and the credentials they need.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use schemas::{Device, DeviceId, Outcome};
use tokio::sync::mpsc;

use super::community::{Communities, Lookup};
use super::peer::Snmp;
use super::requests::{Requests, Ticket};
use super::session::{Failure, Session};
use crate::clock::wall_ms;
use crate::frame::{Busy, Connector, Due, Frame};
use crate::net::pace::Pace;
use crate::net::udp::{Datagrams, Inbox};
use crate::profiles::{AUTO, Profiles};
use crate::record::Started;
use crate::seams::CredentialError;
use crate::shared::{Command, Mailbox, Shared};

pub(crate) enum Timer {
    Hurry { at: usize, epoch: u32, cycle: i64 },
    Deadline { at: usize, epoch: u32, cycle: i64 },
    Timeout { ticket: Ticket, tries: u32 },
}

/// One thread's world.
pub(crate) struct Engine {
    pub(super) frame: Frame<Snmp, Timer>,
    /// Names of credentials to fetch.
    fetch: mpsc::Sender<String>,
    pub(super) sockets: Vec<Datagrams>,
    pub(super) inbox: Inbox,
    pub(super) by_address: HashMap<SocketAddr, usize>,
    pub(super) requests: Requests,
    /// Peers that have something to ask and may.
    pub(super) ready: VecDeque<usize>,
    /// Requests to put on the wire.
    pub(super) outgoing: VecDeque<Ticket>,
    communities: Communities,
    pub(super) pace: Pace,
}

impl Connector for Engine {
    type Own = Snmp;
    type Timer = Timer;

    #[inline]
    fn frame(&mut self) -> &mut Frame<Snmp, Timer> {
        &mut self.frame
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Upsert(device) => self.upsert(*device),
            Command::Remove(id) => self.remove(id),
            Command::Forget(name) => self.communities.forget(&name),
            Command::Release(_) => {}
            Command::Resolved { id, result } => self.resolved(id, result),
            Command::Credential { name, result } => {
                for peer in self.communities.fetched(&name, result, self.frame.now) {
                    self.ask_community(peer);
                }
            }
        }
    }

    fn fire(&mut self, due: Due<Timer>) {
        match due {
            Due::Cycle { at, started } => self.start(at, started),
            Due::Panicked { at } => self.renew(at),
            Due::Own(Timer::Hurry { at, epoch, cycle }) => {
                if self.frame.peers.is_under_way(at, epoch, cycle) {
                    self.hurry(at);
                }
            }
            Due::Own(Timer::Deadline { at, epoch, cycle }) => {
                if self.frame.peers.is_under_way(at, epoch, cycle) {
                    self.cut(at);
                }
            }
            Due::Own(Timer::Timeout { ticket, tries }) => self.timeout(ticket, tries),
        }
    }

    fn send(&mut self) -> bool {
        self.fill();
        self.transmit();
        !self.outgoing.is_empty()
    }

    fn read(&mut self, token: usize, errors: bool) {
        self.receive(token, errors);
    }
}

impl Engine {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox<Command>>,
        fetch: mpsc::Sender<String>,
    ) -> io::Result<Self> {
        let frame = Frame::new(shared, mailbox, "snmp")?;
        let config = &frame.shared.config;
        let mut sockets = Vec::new();
        for _ in 0..config.sockets {
            sockets.push(Datagrams::udp(false)?);
        }
        // A host without IPv6 polls IPv4 all the same.
        sockets.extend(Datagrams::udp(true).ok());
        for (token, socket) in sockets.iter().enumerate() {
            frame.epoll.add(socket.fd(), token as u64)?;
        }
        let holds: usize = sockets.iter().filter(|it| !it.ipv6).map(|it| it.capacity).sum();
        Ok(Self {
            fetch,
            sockets,
            inbox: Inbox::new(),
            by_address: HashMap::new(),
            requests: Requests::new(config.in_flight.min(holds), wall_ms() as u32),
            ready: VecDeque::new(),
            outgoing: VecDeque::new(),
            communities: Communities::default(),
            pace: Pace::new(frame.now),
            frame,
        })
    }

    fn upsert(&mut self, device: Device) {
        if !device.enabled || !device.snmp {
            return self.remove(device.id);
        }
        let same = |a: &Device, b: &Device| {
            (&a.address, a.port, &a.profile, &a.credential, a.any_source)
                == (&b.address, b.port, &b.profile, &b.credential, b.any_source)
        };
        let Some(newcomer) = self.frame.keep(device, same) else { return };
        let device = &newcomer.device;
        self.remove(device.id);
        let profiles = &self.frame.shared.profiles;
        if device.profile != AUTO && profiles.get(&device.profile).is_none() {
            let (name, profile) = (&device.name, &device.profile);
            tracing::warn!(name, profile, "no such profile; chosen by sysObjectID instead");
        }
        let own = Snmp::new(device, session_of(device, profiles));
        let address = own.address.as_ref().map(|(address, _)| *address);
        let at = self.frame.admit(newcomer, own);
        self.by_address.extend(address.map(|address| (address, at)));
    }

    fn remove(&mut self, id: DeviceId) {
        let Some((at, peer)) = self.frame.remove(id) else { return };
        self.requests.close_all(at);
        if let Some((address, _)) = &peer.own.address
            && self.by_address.get(address) == Some(&at)
        {
            self.by_address.remove(address);
        }
    }

    /// The name of a device was looked up.
    fn resolved(&mut self, id: DeviceId, result: Result<IpAddr, String>) {
        let Some(at) = self.frame.peers.place_of(id) else { return };
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        let waits = peer.own.place.is_pending();
        peer.own.place.resolved(result);
        if waits && !peer.own.place.is_pending() {
            self.go(at);
            self.ask_community(at);
        }
    }

    /// Asks a device where it is from now on; at another address it may be another device.
    fn go(&mut self, at: usize) {
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        peer.own.place.refresh();
        let before = peer.own.address.as_ref().map(|it| it.0);
        if peer.own.place.now == before {
            return;
        }
        peer.own.go();
        let now = peer.own.address.as_ref().map(|it| it.0);
        if before.is_some() {
            peer.own.session = session_of(&peer.device, &self.frame.shared.profiles);
            if let Some(started) = peer.started {
                peer.own.session.begin(started.mono);
            }
            tracing::info!(device = peer.device.name, ?before, ?now, "its address has changed");
        }
        if let Some(before) = before.filter(|it| self.by_address.get(it) == Some(&at)) {
            self.by_address.remove(&before);
        }
        self.by_address.extend(now.map(|address| (address, at)));
    }

    /// Working for a device ended in a panic: all that was kept of it may be half done.
    fn renew(&mut self, at: usize) {
        self.requests.close_all(at);
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        peer.own.ready = false;
        peer.own.waits.clear();
        peer.own.session = session_of(&peer.device, &self.frame.shared.profiles);
    }

    /// A slot begins.
    fn start(&mut self, at: usize, started: Started) {
        self.go(at);
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        peer.own.stranger = None;
        peer.own.session.begin(started.mono);
        peer.own.waits.clear();
        let (epoch, interval) = (peer.epoch, peer.slots.interval_ms as u64);
        let config = &self.frame.shared.config;
        let soft = interval * config.soft_deadline_permille / 1000;
        let hard = interval * config.deadline_permille / 1000;
        let (now, cycle) = (started.mono, started.cycle);
        self.frame.set(now + soft, Timer::Hurry { at, epoch, cycle });
        self.frame.set(now + hard, Timer::Deadline { at, epoch, cycle });
        self.ask_community(at);
    }

    /// Gets the community of a peer that starts, then lets it ask.
    fn ask_community(&mut self, at: usize) {
        self.frame.busy = Busy::Device(at);
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        if peer.started.is_none() || peer.own.ready {
            return;
        }
        let failed = |outcome, text: String| Failure { outcome, text };
        let Some(name) = peer.device.credential.clone() else {
            let text = "the device names no credential: make one with `opsconductor credential \
                        add NAME` and give it to the device";
            return self.end(at, failed(Outcome::NoCredential, text.into()));
        };
        if peer.own.address.is_none() {
            if peer.own.place.is_pending() {
                return;
            }
            let text = peer.own.place.why.clone().unwrap_or_default();
            return self.end(at, failed(Outcome::Failed, text));
        }
        let doubted = peer.timing.failures > 0;
        match self.communities.get(&name, at, doubted, self.frame.now) {
            Lookup::Known(community) => {
                peer.own.community = Some(community);
                self.make_ready(at);
            }
            Lookup::Failed(error) => {
                self.end(at, failed(Outcome::NoCredential, error.to_string()));
            }
            Lookup::Wait { fetch: true } => {
                if self.fetch.try_send(name.clone()).is_err() {
                    let error = CredentialError::Unavailable("too many are asked for".into());
                    for peer in self.communities.fetched(&name, Err(error), self.frame.now) {
                        self.ask_community(peer);
                    }
                }
            }
            Lookup::Wait { fetch: false } => {}
        }
    }

    pub(super) fn make_ready(&mut self, at: usize) {
        if let Some(peer) = self.frame.peers.get_mut(at)
            && !std::mem::replace(&mut peer.own.ready, true)
        {
            self.ready.push_back(at);
        }
    }
}

/// A session that knows nothing yet.
fn session_of(device: &Device, profiles: &Arc<Profiles>) -> Session {
    let mut session = Session::new(profiles.clone(), &device.profile);
    session.interval_ms = u64::try_from(device.interval_ms).unwrap_or(0);
    session
}

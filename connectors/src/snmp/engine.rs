//! The loop of one SNMP thread: sockets, time-outs and the devices it polls.
//!
//! Nothing here waits for one device: every wait is a timer, every socket is non-blocking.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use schemas::{Device, DeviceId, Outcome};
use tokio::sync::mpsc;

use super::community::{Communities, Lookup};
use super::peer::Peer;
use super::requests::{Requests, Ticket};
use super::session::{Failure, Session};
use crate::clock::wall_ms;
use crate::net::poll::{Epoll, Ready};
use crate::net::udp::{Datagrams, Inbox};
use crate::net::wheel::Wheel;
use crate::outbox::Outbox;
use crate::profiles::AUTO;
use crate::record::{Started, skipped};
use crate::seams::CredentialError;
use crate::shared::{Command, Mailbox, Shared};
use crate::timing::count;

/// The longest sleep.
const MAX_WAIT_MS: u64 = 200;
const WAKE: u64 = u64::MAX;

pub(super) enum Timer {
    Start { peer: usize, epoch: u32 },
    Hurry { peer: usize, epoch: u32, cycle: i64 },
    Deadline { peer: usize, epoch: u32, cycle: i64 },
    Timeout { ticket: Ticket, tries: u32 },
}

/// One thread's world.
pub(crate) struct Engine {
    pub(super) shared: Arc<Shared>,
    pub(super) mailbox: Arc<Mailbox<Command>>,
    /// Names of credentials to fetch.
    pub(super) fetch: mpsc::Sender<String>,
    pub(super) sockets: Vec<Datagrams>,
    pub(super) inbox: Inbox,
    pub(super) epoll: Epoll,
    pub(super) wheel: Wheel<Timer>,
    pub(super) peers: Vec<Option<Peer>>,
    pub(super) free: Vec<usize>,
    pub(super) by_id: HashMap<DeviceId, usize>,
    pub(super) by_address: HashMap<SocketAddr, usize>,
    pub(super) requests: Requests,
    /// Peers that have something to ask and may.
    pub(super) ready: VecDeque<usize>,
    /// Requests to put on the wire.
    pub(super) outgoing: VecDeque<Ticket>,
    pub(super) communities: Communities,
    pub(super) outbox: Outbox,
    pub(super) epoch: u32,
    pub(super) tokens: u64,
    pub(super) tokens_at: u64,
    pub(super) now: u64,
}

impl Engine {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox<Command>>,
        fetch: mpsc::Sender<String>,
    ) -> io::Result<Self> {
        let config = &shared.config;
        let epoll = Epoll::new()?;
        epoll.add(mailbox.waker.fd(), WAKE)?;
        let mut sockets = Vec::new();
        for _ in 0..config.sockets {
            sockets.push(Datagrams::udp(false)?);
        }
        // A host without IPv6 polls IPv4 all the same.
        sockets.extend(Datagrams::udp(true).ok());
        for (token, socket) in sockets.iter().enumerate() {
            epoll.add(socket.fd(), token as u64)?;
        }
        let holds: usize = sockets.iter().filter(|it| !it.ipv6).map(|it| it.capacity).sum();
        let now = shared.clock.now();
        Ok(Self {
            mailbox,
            fetch,
            sockets,
            inbox: Inbox::new(),
            epoll,
            wheel: Wheel::new(now),
            peers: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            by_address: HashMap::new(),
            requests: Requests::new(config.in_flight.min(holds), wall_ms() as u32),
            ready: VecDeque::new(),
            outgoing: VecDeque::new(),
            communities: Communities::default(),
            outbox: Outbox::new(shared.sink.clone(), config.buffer_ms, config.buffer_polls),
            epoch: 0,
            tokens: 0,
            tokens_at: now,
            now,
            shared,
        })
    }

    /// Runs until the poller stops.
    pub(crate) fn run(mut self) {
        let mut due = Vec::new();
        let mut readable: Vec<Ready> = Vec::new();
        while !self.shared.stopping() {
            self.now = self.shared.clock.now();
            for command in self.mailbox.take() {
                self.command(command);
            }
            self.wheel.advance(self.now, &mut due);
            for timer in due.drain(..) {
                self.fire(timer);
            }
            self.fill();
            self.transmit();
            self.outbox.flush(self.now);
            let soon = !self.outgoing.is_empty();
            let wait = if soon { 1 } else { self.wheel.wait(self.now, MAX_WAIT_MS) };
            self.epoll
                .wait(if self.outbox.is_waiting() { wait.min(50) } else { wait }, &mut readable);
            self.now = self.shared.clock.now();
            for it in readable.iter().filter(|it| it.token != WAKE) {
                self.read(it.token as usize, it.error);
            }
        }
        // Polls under way are dropped: their slot is the next poller's gap of one cycle.
        self.outbox.flush(u64::MAX);
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Upsert(device) => self.upsert(*device),
            Command::Remove(id) => self.remove(id),
            Command::Forget(name) => self.communities.forget(&name),
            Command::Credential { name, result } => {
                for peer in self.communities.fetched(&name, result, self.now) {
                    self.ask_community(peer);
                }
            }
        }
    }

    fn upsert(&mut self, device: Device) {
        if !device.enabled || !device.snmp {
            return self.remove(device.id);
        }
        let mut last_cycle = None;
        if let Some(&at) = self.by_id.get(&device.id)
            && let Some(peer) = &mut self.peers[at]
        {
            let old = &peer.device;
            let same = (&old.address, old.port, &old.profile, &old.credential, old.interval_ms)
                == (
                    &device.address,
                    device.port,
                    &device.profile,
                    &device.credential,
                    device.interval_ms,
                );
            if same {
                peer.timing.device_name.clone_from(&device.name);
                peer.device = device;
                return;
            }
            last_cycle = peer.last_cycle.filter(|_| old.interval_ms == device.interval_ms);
            self.remove(device.id);
        }
        if device.profile != AUTO && self.shared.profiles.get(&device.profile).is_none() {
            let (name, profile) = (&device.name, &device.profile);
            tracing::warn!(name, profile, "no such profile; chosen by sysObjectID instead");
        }
        let session = Session::new(self.shared.profiles.clone(), &device.profile);
        self.epoch += 1;
        let mut peer = Peer::new(device, session, self.epoch);
        peer.last_cycle = last_cycle;
        let at = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        self.by_id.insert(peer.device.id, at);
        if let Some((address, _)) = &peer.address {
            self.by_address.insert(*address, at);
        }
        self.shared.timings.update(&peer.timing);
        // What was made or changed within this slot has not been polled in it by anybody.
        let slot_ms = self.shared.clock.slot_ms(self.now);
        let slot = peer.slots.at(slot_ms);
        let fresh = peer.device.updated_at > peer.slots.start(slot) && last_cycle != Some(slot);
        let epoch = peer.epoch;
        self.peers[at] = Some(peer);
        if fresh {
            self.wheel.set(self.now, Timer::Start { peer: at, epoch });
        } else {
            self.schedule(at);
        }
    }

    fn remove(&mut self, id: DeviceId) {
        let Some(at) = self.by_id.remove(&id) else { return };
        self.requests.close_all(at);
        if let Some(peer) = self.peers[at].take() {
            if let Some((address, _)) = &peer.address
                && self.by_address.get(address) == Some(&at)
            {
                self.by_address.remove(address);
            }
            self.free.push(at);
        }
        self.shared.timings.remove(id, "snmp");
    }

    /// Sets the timer of the next slot.
    fn schedule(&mut self, at: usize) {
        let Some(peer) = &self.peers[at] else { return };
        let slot_ms = self.shared.clock.slot_ms(self.now);
        let next = peer.slots.start(peer.slots.at(slot_ms) + 1);
        let wait = (next - slot_ms).clamp(0, peer.slots.interval_ms) as u64;
        self.wheel.set(self.now + wait, Timer::Start { peer: at, epoch: peer.epoch });
    }

    fn fire(&mut self, timer: Timer) {
        let current = |engine: &Self, at: usize, epoch: u32, cycle: Option<i64>| {
            engine.peers[at].as_ref().is_some_and(|peer| {
                peer.epoch == epoch
                    && cycle.is_none_or(|it| peer.started.is_some_and(|at| at.cycle == it))
            })
        };
        match timer {
            Timer::Start { peer, epoch } if current(self, peer, epoch, None) => self.start(peer),
            Timer::Hurry { peer, epoch, cycle } if current(self, peer, epoch, Some(cycle)) => {
                if let Some(it) = &mut self.peers[peer] {
                    it.session.hurry("no time left in this cycle");
                }
                self.progress(peer);
            }
            Timer::Deadline { peer, epoch, cycle } if current(self, peer, epoch, Some(cycle)) => {
                self.cut(peer);
            }
            Timer::Timeout { ticket, tries } => self.timeout(ticket, tries),
            Timer::Start { .. } | Timer::Hurry { .. } | Timer::Deadline { .. } => {}
        }
    }

    /// A slot begins.
    fn start(&mut self, at: usize) {
        self.schedule(at);
        let overdue = self.outbox.is_overdue(self.now);
        let Some(peer) = &mut self.peers[at] else { return };
        let cycle = peer.slots.at(self.shared.clock.slot_ms(self.now));
        if peer.started.is_some() || peer.last_cycle.is_some_and(|last| cycle <= last) {
            return;
        }
        let started = Started { cycle, wall: wall_ms(), mono: self.now };
        if overdue {
            peer.skipped += 1;
            peer.timing.skipped += 1;
            peer.last_cycle = Some(cycle);
            self.shared.timings.update(&peer.timing);
            count(&self.shared.counters.skipped, 1);
            return;
        }
        if let (cycles @ 1.., Some(last)) = (std::mem::take(&mut peer.skipped), peer.last_cycle) {
            let blank = peer.blank(&self.shared.poller, Started { cycle: last, ..started });
            self.outbox.push(skipped(blank, cycles), self.now);
        }
        peer.last_cycle = Some(cycle);
        peer.started = Some(started);
        peer.stranger = None;
        peer.session.begin(self.now);
        peer.waits.clear();
        let interval = peer.slots.interval_ms as u64;
        let config = &self.shared.config;
        let soft = interval * config.soft_deadline_permille / 1000;
        let hard = interval * config.deadline_permille / 1000;
        let epoch = peer.epoch;
        self.wheel.set(self.now + soft, Timer::Hurry { peer: at, epoch, cycle });
        self.wheel.set(self.now + hard, Timer::Deadline { peer: at, epoch, cycle });
        self.ask_community(at);
    }

    /// Gets the community of a peer that starts, then lets it ask.
    fn ask_community(&mut self, at: usize) {
        let Some(peer) = &mut self.peers[at] else { return };
        if peer.started.is_none() || peer.ready {
            return;
        }
        let failed = |outcome, text: String| Failure { outcome, text };
        let Some(name) = peer.device.credential.clone() else {
            let text = "the device names no credential: make one with `opsconductor credential \
                        add NAME` and give it to the device";
            return self.end(at, failed(Outcome::NoCredential, text.into()));
        };
        if peer.address.is_none() {
            let text = format!(
                "{:?} port {} is no IP address and port; correct the device",
                peer.device.address, peer.device.port
            );
            return self.end(at, failed(Outcome::Failed, text));
        }
        let doubted = peer.timing.failures > 0;
        match self.communities.get(&name, at, doubted, self.now) {
            Lookup::Known(community) => {
                peer.community = Some(community);
                self.make_ready(at);
            }
            Lookup::Failed(error) => {
                self.end(at, failed(Outcome::NoCredential, error.to_string()));
            }
            Lookup::Wait { fetch: true } => {
                if self.fetch.try_send(name.clone()).is_err() {
                    let error = CredentialError::Unavailable("too many are asked for".into());
                    for peer in self.communities.fetched(&name, Err(error), self.now) {
                        self.ask_community(peer);
                    }
                }
            }
            Lookup::Wait { fetch: false } => {}
        }
    }

    pub(super) fn make_ready(&mut self, at: usize) {
        if let Some(peer) = &mut self.peers[at]
            && !std::mem::replace(&mut peer.ready, true)
        {
            self.ready.push_back(at);
        }
    }
}

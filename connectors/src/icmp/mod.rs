//! Loss and round-trip time by echo requests, thousands of devices on two sockets.
//!
//! A cycle sends some echoes, spaced, and waits for the last one. Without permission every
//! cycle says so and how to mend it, and nothing else stops.

pub(crate) mod packet;
mod peer;
pub(crate) mod socket;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemas::{Device, DeviceId, Outcome};

use self::packet::{Echo, LENGTH};
use self::peer::Peer;
use self::socket::{EchoSocket, NOT_PERMITTED};
use crate::clock::wall_ms;
use crate::net::poll::{Epoll, Ready};
use crate::net::udp::{BATCH, Inbox, Outgoing};
use crate::net::wheel::Wheel;
use crate::outbox::Outbox;
use crate::record::{Started, blank, skipped};
use crate::shared::{Command, Mailbox, Shared};
use crate::timing::count;

const WAKE: u64 = u64::MAX;
const MAX_WAIT_MS: u64 = 200;
const MAX_BATCHES: usize = 16;
/// Echo requests a millisecond.
const PACE_PER_MS: u64 = 20;

enum Timer {
    Start { peer: usize, epoch: u32 },
    Echo { peer: usize, epoch: u32, number: u32 },
    End { peer: usize, epoch: u32, cycle: i64 },
}

/// The ICMP thread.
pub(crate) struct Pinger {
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox<Command>>,
    /// IPv4 and IPv6, each if permitted.
    sockets: [Option<EchoSocket>; 2],
    inbox: Inbox,
    epoll: Epoll,
    wheel: Wheel<Timer>,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    by_id: HashMap<DeviceId, usize>,
    outgoing: VecDeque<(usize, u32, u32)>,
    outbox: Outbox,
    epoch: u32,
    run: u64,
    tokens: u64,
    tokens_at: u64,
    now: u64,
}

impl Pinger {
    /// `open` opens a socket, for IPv6 if true, where the host permits it ([`socket::open`]).
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox<Command>>,
        open: fn(bool) -> io::Result<EchoSocket>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(mailbox.waker.fd(), WAKE)?;
        let sockets = [open(false).ok(), open(true).ok()];
        for (token, socket) in sockets.iter().enumerate() {
            if let Some(socket) = socket {
                epoll.add(socket.datagrams.fd(), token as u64)?;
            }
        }
        if sockets[0].is_none() {
            tracing::warn!("ICMP: {NOT_PERMITTED}");
        }
        let now = shared.clock.now();
        let config = &shared.config;
        Ok(Self {
            outbox: Outbox::new(shared.sink.clone(), config.buffer_ms, config.buffer_polls),
            run: xxhash_rust::xxh3::xxh3_64(shared.poller.as_bytes()),
            mailbox,
            sockets,
            inbox: Inbox::new(),
            epoll,
            wheel: Wheel::new(now),
            peers: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            outgoing: VecDeque::new(),
            epoch: 0,
            tokens: 0,
            tokens_at: now,
            now,
            shared,
        })
    }

    pub(crate) fn run(mut self) {
        let mut due = Vec::new();
        let mut readable: Vec<Ready> = Vec::new();
        while !self.shared.stopping() {
            self.now = self.shared.clock.now();
            for command in self.mailbox.take() {
                match command {
                    Command::Upsert(device) => self.upsert(*device),
                    Command::Remove(id) => self.remove(id),
                    Command::Credential { .. } | Command::Forget(_) => {}
                }
            }
            self.wheel.advance(self.now, &mut due);
            for timer in due.drain(..) {
                self.fire(timer);
            }
            self.transmit();
            self.outbox.flush(self.now);
            let soon = !self.outgoing.is_empty();
            let wait = if soon { 1 } else { self.wheel.wait(self.now, MAX_WAIT_MS) };
            let wait = if self.outbox.is_waiting() { wait.min(50) } else { wait };
            self.epoll.wait(wait, &mut readable);
            self.now = self.shared.clock.now();
            for it in readable.iter().filter(|it| it.token != WAKE) {
                self.read(it.token as usize, it.error);
            }
        }
        self.outbox.flush(u64::MAX);
    }

    fn upsert(&mut self, device: Device) {
        if !device.enabled || !device.icmp {
            return self.remove(device.id);
        }
        let mut last_cycle = None;
        if let Some(&at) = self.by_id.get(&device.id)
            && let Some(peer) = &mut self.peers[at]
        {
            let old = &peer.device;
            if (&old.address, old.interval_ms) == (&device.address, device.interval_ms) {
                peer.timing.device_name.clone_from(&device.name);
                peer.device = device;
                return;
            }
            last_cycle = peer.last_cycle.filter(|_| old.interval_ms == device.interval_ms);
            self.remove(device.id);
        }
        self.epoch += 1;
        let mut peer = Peer::new(device, self.epoch);
        peer.last_cycle = last_cycle;
        let at = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        self.by_id.insert(peer.device.id, at);
        self.shared.timings.update(&peer.timing);
        let slot = peer.slots.at(self.shared.clock.slot_ms(self.now));
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
        if let Some(at) = self.by_id.remove(&id) {
            self.peers[at] = None;
            self.free.push(at);
        }
        self.shared.timings.remove(id, "icmp");
    }

    fn schedule(&mut self, at: usize) {
        let Some(peer) = &self.peers[at] else { return };
        let slot_ms = self.shared.clock.slot_ms(self.now);
        let next = peer.slots.start(peer.slots.at(slot_ms) + 1);
        let wait = (next - slot_ms).clamp(0, peer.slots.interval_ms) as u64;
        self.wheel.set(self.now + wait, Timer::Start { peer: at, epoch: peer.epoch });
    }

    fn fire(&mut self, timer: Timer) {
        let current =
            |at: usize, epoch: u32| self.peers[at].as_ref().filter(|peer| peer.epoch == epoch);
        match timer {
            Timer::Start { peer, epoch } if current(peer, epoch).is_some() => self.start(peer),
            Timer::Echo { peer, epoch, number } if current(peer, epoch).is_some() => {
                self.outgoing.push_back((peer, epoch, number));
            }
            Timer::End { peer, epoch, cycle } => {
                let at = current(peer, epoch).and_then(|it| it.started);
                if at.is_some_and(|at| at.cycle == cycle) {
                    self.finish(peer);
                }
            }
            Timer::Start { .. } | Timer::Echo { .. } => {}
        }
    }

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
            return count(&self.shared.counters.skipped, 1);
        }
        if let (cycles @ 1.., Some(last)) = (std::mem::take(&mut peer.skipped), peer.last_cycle) {
            let at = Started { cycle: last, ..started };
            let record = blank(&peer.device, "icmp", peer.slots, &self.shared.poller, at);
            self.outbox.push(skipped(record, cycles), self.now);
        }
        peer.begin(started);
        let config = &self.shared.config;
        let permitted = match peer.address {
            Some(address) => self.sockets[usize::from(address.is_ipv6())].is_some(),
            None => false,
        };
        if !permitted {
            return self.finish(at);
        }
        // All echoes and the wait for the last must fit into the interval.
        let room = peer.slots.interval_ms as u64 * config.deadline_permille / 1000;
        let patience = config.icmp_timeout_ms.min(room / 2);
        let gaps = u64::from(config.icmp_echoes - 1).max(1);
        let spacing = config.icmp_spacing_ms.min((room - patience) / gaps);
        let epoch = peer.epoch;
        for number in 0..config.icmp_echoes {
            let when = self.now + spacing * u64::from(number);
            self.wheel.set(when, Timer::Echo { peer: at, epoch, number });
        }
        let end = self.now + spacing * u64::from(config.icmp_echoes - 1) + patience;
        self.wheel.set(end, Timer::End { peer: at, epoch, cycle });
    }

    fn transmit(&mut self) {
        let earned = (self.now - self.tokens_at) * PACE_PER_MS;
        self.tokens = (self.tokens + earned).min(BATCH as u64 * 4);
        self.tokens_at = self.now;
        while !self.outgoing.is_empty() && self.tokens > 0 {
            let mut batch: Vec<(usize, [u8; LENGTH], u32)> = Vec::new();
            let mut family = None;
            while batch.len() < BATCH.min(self.tokens as usize) {
                let Some(&(at, epoch, number)) = self.outgoing.front() else { break };
                let peer = self.peers[at].as_ref().filter(|it| it.epoch == epoch);
                let open = peer.and_then(|it| Some((it.started?, it.address?)));
                let Some((started, address)) = open else {
                    self.outgoing.pop_front();
                    continue;
                };
                if *family.get_or_insert(address.is_ipv6()) != address.is_ipv6() {
                    break;
                }
                let sequence = peer::sequence(started.cycle, number);
                let echo = Echo { run: self.run, peer: at as u32, epoch, sequence };
                batch.push((at, packet::request(echo, address.is_ipv6()), number));
                self.outgoing.pop_front();
            }
            self.tokens -= batch.len() as u64;
            let Some(ipv6) = family.filter(|_| !batch.is_empty()) else { continue };
            self.send(ipv6, &batch);
        }
    }

    fn send(&mut self, ipv6: bool, batch: &[(usize, [u8; LENGTH], u32)]) {
        let Some(socket) = &self.sockets[usize::from(ipv6)] else { return };
        let addresses: Vec<socket2::SockAddr> = batch
            .iter()
            .filter_map(|(at, _, _)| self.peers[*at].as_ref()?.address)
            .map(|ip| SocketAddr::new(ip, 0).into())
            .collect();
        let datagrams: Vec<Outgoing<'_>> = batch
            .iter()
            .zip(&addresses)
            .map(|((_, octets, _), to)| Outgoing { octets, to })
            .collect();
        let sent_at = wall_ns();
        for (at, _, number) in batch {
            if let Some(peer) = &mut self.peers[*at] {
                peer.sent(*number, sent_at);
            }
        }
        let mut done = 0;
        while done < datagrams.len() {
            match socket.datagrams.send(&datagrams[done..]) {
                Ok(sent) => {
                    count(&self.shared.counters.echoes, sent as u64);
                    done += sent.max(1);
                }
                // Errors of earlier echoes are reported once, here; the queue names them.
                Err(error) if is_stale(&error) => {}
                Err(error) => {
                    count(&self.shared.counters.send_errors, 1);
                    if let Some(peer) = &mut self.peers[batch[done].0] {
                        peer.network = Some(error.to_string());
                    }
                    done += 1;
                }
            }
        }
    }

    fn read(&mut self, token: usize, errors: bool) {
        let Some(socket) = &self.sockets[token] else { return };
        let mut octets = [0; 256];
        while errors && let Some((_, to, error)) = socket.datagrams.next_error(&mut octets) {
            count(&self.shared.counters.unreachable, 1);
            let Some(echo) = packet::returned(&octets).filter(|it| it.run == self.run) else {
                continue;
            };
            let peer = self.peers.get_mut(echo.peer as usize).and_then(Option::as_mut);
            if let Some(peer) = peer.filter(|it| it.epoch == echo.epoch)
                && to.is_some_and(|to| Some(to.ip()) == peer.address)
            {
                peer.network = Some(error.to_string());
            }
        }
        for _ in 0..MAX_BATCHES {
            let received = socket.datagrams.receive(&mut self.inbox);
            let late = wall_ns();
            for position in 0..received {
                let (octets, from) = self.inbox.get(position);
                let Some(echo) = packet::reply(octets, token == 1, socket.raw) else { continue };
                let peer = self.peers.get_mut(echo.peer as usize).and_then(Option::as_mut);
                let Some(peer) = peer.filter(|it| it.epoch == echo.epoch) else { continue };
                if echo.run != self.run || from.map(|it| it.ip()) != peer.address {
                    continue;
                }
                let at = self.inbox.stamp_ns(position).unwrap_or(late);
                if peer.received(echo.sequence, at) {
                    count(&self.shared.counters.echo_replies, 1);
                }
            }
            if received < BATCH {
                break;
            }
        }
    }

    fn finish(&mut self, at: usize) {
        let Some(peer) = &mut self.peers[at] else { return };
        let Some(started) = peer.started.take() else { return };
        let mut poll = blank(&peer.device, "icmp", peer.slots, &self.shared.poller, started);
        let took = self.now - started.mono;
        poll.duration_ms = i32::try_from(took).unwrap_or(i32::MAX);
        let permitted = peer.address.map(|ip| self.sockets[usize::from(ip.is_ipv6())].is_some());
        peer.judge(&mut poll, permitted);
        let silent = matches!(poll.outcome, Outcome::Timeout | Outcome::Unreachable);
        peer.timing.failures = if silent { peer.timing.failures + 1 } else { 0 };
        peer.timing.ended(started.wall, took, poll.outcome, poll.error.as_deref());
        self.shared.timings.update(&peer.timing);
        count(&self.shared.counters.polls, 1);
        if self.outbox.push(poll, self.now) {
            count(&self.shared.counters.buffered, 1);
        }
    }
}

fn is_stale(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

fn wall_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
}

/// The address of a device, if it is one.
fn address_of(device: &Device) -> Option<IpAddr> {
    device.address.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

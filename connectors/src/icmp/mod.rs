//! Loss and round-trip time by echo requests, thousands of devices on two sockets.
//!
//! A cycle sends some echoes, spaced, and waits for the last one. Without permission every
//! cycle says so and how to fix it, and nothing else stops.

mod notice;
pub(crate) mod packet;
mod peer;
pub(crate) mod socket;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemas::{Device, Echoes};

use self::packet::{Echo, LENGTH};
use self::peer::Icmp;
use self::socket::{EchoSocket, NOT_PERMITTED};
use crate::clock::Slots;
use crate::durations::ECHO;
use crate::frame::{Busy, Connector, Due, Frame};
use crate::net::pace::Pace;
use crate::net::udp::{BATCH, Inbox, MAX_BATCHES, Outgoing, is_stale};
use crate::record::Started;
use crate::shared::{Command, Mailbox, Shared};
use crate::timing::count;

/// Echo requests a second.
const PACE: u64 = 20_000;
/// Echo requests that may go out at once after a quiet time.
const BURST: u64 = BATCH as u64 * 4;

pub(crate) enum Timer {
    Echo { at: usize, epoch: u32, number: u32 },
    End { at: usize, epoch: u32, cycle: i64 },
}

/// The ICMP thread.
pub(crate) struct Pinger {
    frame: Frame<Icmp, Timer>,
    /// IPv4 and IPv6, each if permitted.
    sockets: [Option<EchoSocket>; 2],
    inbox: Inbox,
    outgoing: VecDeque<(usize, u32, u32)>,
    run: u64,
    pace: Pace,
}

impl Connector for Pinger {
    type Own = Icmp;
    type Timer = Timer;

    fn frame(&mut self) -> &mut Frame<Icmp, Timer> {
        &mut self.frame
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Upsert(device) => self.upsert(*device),
            Command::Remove(id) => drop(self.frame.remove(id)),
            Command::Resolved { id, result } => {
                if let Some(at) = self.frame.peers.place_of(id)
                    && let Some(peer) = self.frame.peers.get_mut(at)
                {
                    peer.own.place.resolved(result);
                }
            }
            Command::Credential { .. } | Command::Forget(_) | Command::Release(_) => {}
        }
    }

    fn fire(&mut self, due: Due<Timer>) {
        match due {
            Due::Cycle { at, started } => self.start(at, started),
            Due::Panicked { at } => {
                if let Some(peer) = self.frame.peers.get_mut(at) {
                    peer.own.begin();
                }
            }
            Due::Own(Timer::Echo { at, epoch, number }) => {
                if self.frame.peers.current(at, epoch).is_some() {
                    self.outgoing.push_back((at, epoch, number));
                }
            }
            Due::Own(Timer::End { at, epoch, cycle }) => {
                if self.frame.peers.is_under_way(at, epoch, cycle) {
                    self.finish(at);
                }
            }
        }
    }

    fn send(&mut self) -> bool {
        self.transmit();
        !self.outgoing.is_empty()
    }

    fn read(&mut self, token: usize, errors: bool) {
        if errors {
            self.read_errors(token);
        }
        self.receive(token);
    }
}

impl Pinger {
    /// `sockets`: see [`socket::open_both`].
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox<Command>>,
        sockets: [Option<EchoSocket>; 2],
    ) -> io::Result<Self> {
        let frame = Frame::new(shared, mailbox, "icmp")?;
        for (token, socket) in sockets.iter().enumerate() {
            if let Some(socket) = socket {
                frame.epoll.add(socket.datagrams.fd(), token as u64)?;
            }
        }
        if matches!(sockets, [None, _]) {
            tracing::warn!("ICMP: {NOT_PERMITTED}");
        }
        Ok(Self {
            run: xxhash_rust::xxh3::xxh3_64(frame.shared.poller.as_bytes()),
            sockets,
            inbox: Inbox::new(),
            outgoing: VecDeque::new(),
            pace: Pace::new(frame.now),
            frame,
        })
    }

    fn upsert(&mut self, device: Device) {
        if !device.enabled || !device.icmp {
            return drop(self.frame.remove(device.id));
        }
        let same = |a: &Device, b: &Device| {
            (&a.address, a.icmp_echoes, a.icmp_spacing_ms, a.icmp_timeout_ms)
                == (&b.address, b.icmp_echoes, b.icmp_spacing_ms, b.icmp_timeout_ms)
        };
        let Some(newcomer) = self.frame.keep(device, same) else { return };
        let before = self.frame.remove(newcomer.device.id);
        let said = before.map(|(_, peer)| peer.own.said).unwrap_or_default();
        let config = &self.frame.shared.config;
        let usual = Echoes {
            count: config.icmp_echoes,
            spacing_ms: config.icmp_spacing_ms,
            timeout_ms: config.icmp_timeout_ms,
        };
        let interval_ms = Slots::of(newcomer.device.id, newcomer.device.interval_ms).interval_ms;
        let room_ms = interval_ms as u64 * config.deadline_permille / 1_000;
        let own = Icmp::new(&newcomer.device, usual, room_ms, said);
        self.frame.admit(newcomer, own);
    }

    /// A slot begins.
    fn start(&mut self, at: usize, started: Started) {
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        peer.own.begin();
        peer.own.place.refresh();
        let used = peer.own.used;
        let epoch = peer.epoch;
        let address = peer.own.place.now;
        if permitted(&self.sockets, address) != Some(true) {
            return self.finish(at);
        }
        for number in 0..used.count {
            let when = started.mono + used.spacing_ms * u64::from(number);
            self.frame.set(when, Timer::Echo { at, epoch, number });
        }
        let end = started.mono + used.takes_ms();
        self.frame.set(end, Timer::End { at, epoch, cycle: started.cycle });
    }

    fn transmit(&mut self) {
        self.pace.earn(self.frame.now, PACE, BURST);
        while !self.outgoing.is_empty() && self.pace.room() > 0 {
            let mut batch: Vec<(usize, [u8; LENGTH], u32)> = Vec::new();
            let mut family = None;
            while batch.len() < BATCH.min(self.pace.room()) {
                let Some(&(at, epoch, number)) = self.outgoing.front() else { break };
                let peer = self.frame.peers.current(at, epoch);
                let open = peer.and_then(|it| Some((it.started?, it.own.place.now?)));
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
            self.pace.spend(batch.len());
            let Some(ipv6) = family.filter(|_| !batch.is_empty()) else { continue };
            self.send_batch(ipv6, &batch);
        }
    }

    fn send_batch(&mut self, ipv6: bool, batch: &[(usize, [u8; LENGTH], u32)]) {
        let Some(Some(socket)) = self.sockets.get(usize::from(ipv6)) else { return };
        let addresses: Vec<socket2::SockAddr> = batch
            .iter()
            .filter_map(|(at, _, _)| self.frame.peers.get(*at)?.own.place.now)
            .map(Into::into)
            .collect();
        let datagrams: Vec<Outgoing<'_>> = batch
            .iter()
            .zip(&addresses)
            .map(|((_, octets, _), to)| Outgoing { octets, to })
            .collect();
        let sent_at = wall_ns();
        for (at, _, number) in batch {
            if let Some(peer) = self.frame.peers.get_mut(*at) {
                peer.sent(*number, sent_at);
            }
        }
        let mut done = 0;
        while done < datagrams.len() {
            match socket.datagrams.send(datagrams.get(done..).unwrap_or_default()) {
                Ok(sent) => {
                    count(&self.frame.shared.counters.echoes, sent as u64);
                    done += sent.max(1);
                }
                Err(error) if is_stale(&error) => {}
                Err(error) => {
                    count(&self.frame.shared.counters.send_errors, 1);
                    let at = batch.get(done).map_or(usize::MAX, |it| it.0);
                    if let Some(peer) = self.frame.peers.get_mut(at) {
                        peer.own.network = Some(error.to_string());
                    }
                    done += 1;
                }
            }
        }
    }

    /// ICMP errors for echoes of ours: remembered, the missing reply decides.
    fn read_errors(&mut self, token: usize) {
        let Some(Some(socket)) = self.sockets.get(token) else { return };
        let mut octets = [0; 256];
        for _ in 0..MAX_BATCHES * BATCH {
            let Some((_, to, error)) = socket.datagrams.next_error(&mut octets) else { break };
            count(&self.frame.shared.counters.unreachable, 1);
            let Some(echo) = packet::returned(&octets).filter(|it| it.run == self.run) else {
                continue;
            };
            if let Some(peer) = self.frame.peers.current(echo.peer as usize, echo.epoch)
                && to.map(|to| to.ip()) == peer.own.place.now.map(|it| it.ip())
            {
                peer.own.network = Some(error.to_string());
            }
        }
    }

    fn receive(&mut self, token: usize) {
        let Some(Some(socket)) = self.sockets.get(token) else { return };
        for _ in 0..MAX_BATCHES {
            let received = socket.datagrams.receive(&mut self.inbox);
            let late = wall_ns();
            for position in 0..received {
                let (octets, from) = self.inbox.get(position);
                let Some(echo) = packet::reply(octets, token == 1, socket.raw) else { continue };
                let peer = self.frame.peers.current(echo.peer as usize, echo.epoch);
                let Some(peer) = peer else { continue };
                self.frame.busy = Busy::Device(echo.peer as usize);
                let place = peer.own.place.now.map(|it| it.ip());
                if echo.run != self.run || from.map(|it| it.ip()) != place {
                    continue;
                }
                let at = self.inbox.stamp_ns(position).unwrap_or(late);
                if peer.received(echo.sequence, at) {
                    count(&self.frame.shared.counters.echo_replies, 1);
                }
            }
            if received < BATCH {
                break;
            }
        }
    }

    fn finish(&mut self, at: usize) {
        self.frame.busy = Busy::Device(at);
        let Some(mut poll) = self.frame.end(at) else { return };
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        peer.judge(&mut poll, permitted(&self.sockets, peer.own.place.now));
        let took = u64::try_from(poll.duration_ms).unwrap_or(0);
        self.frame.shared.durations.add(ECHO, took, std::iter::empty());
        self.frame.publish(at, poll);
    }
}

/// Whether echoes to an address are permitted; none where it is no IP address.
fn permitted(sockets: &[Option<EchoSocket>; 2], address: Option<SocketAddr>) -> Option<bool> {
    address.map(|it| sockets.get(usize::from(it.is_ipv6())).is_some_and(Option::is_some))
}

fn wall_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
}

//! The engine's traffic: requests out, answers in, and the end of a poll.

use std::io;
use std::net::SocketAddr;

use schemas::Outcome;

use super::ber;
use super::engine::{Engine, Timer};
use super::requests::{Found, Ticket};
use super::session::Failure;
use crate::frame::{Busy, guard};
use crate::net::udp::{BATCH, MAX_BATCHES, Outgoing, is_stale};
use crate::place::same;
use crate::timing::count;

/// Octets of our own request that an ICMP error returns are looked at.
const ERROR_OCTETS: usize = 512;
/// Time-outs are so many times as long for what may be slow, and it is sent again but once: an
/// agent that serves one request after the other works off each copy.
const PATIENCE: u64 = 5;
const PATIENT_RETRIES: u32 = 1;
/// Time-outs after which the first answer of a poll makes the next poll a patient one.
const LATE_HEAD: u64 = 2;
/// Requests that may go out at once after a quiet time, as part of a second's.
const BURST_DIVISOR: u64 = 20;

impl Engine {
    /// Opens requests for peers that may ask, in turn.
    pub(super) fn fill(&mut self) {
        while let Some(at) = self.ready.pop_front() {
            self.frame.busy = Busy::Device(at);
            let Some(peer) = self.frame.peers.get_mut(at) else { continue };
            peer.own.ready = false;
            let cap =
                if peer.is_dead() { 1 } else { self.frame.shared.config.in_flight_per_device };
            while peer.started.is_some() && peer.own.session.in_flight() < cap {
                if self.requests.is_full() {
                    peer.own.ready = true;
                    self.ready.push_front(at);
                    return;
                }
                let Some(ask) = peer.own.session.next_ask() else { break };
                let Some(ticket) = self.requests.open(at, ask) else { break };
                let Some(request) = self.requests.get(ticket) else { break };
                if let (Some(ask), Some(community)) = (&request.ask, &peer.own.community) {
                    let profile = peer.own.session.profile.as_deref();
                    let community = community.expose().as_bytes();
                    ask.encode(&mut request.packet, profile, community, ticket.id());
                }
                self.outgoing.push_back(ticket);
            }
        }
    }

    /// Puts requests on the wire, as fast as the pace allows.
    pub(super) fn transmit(&mut self) {
        let config = &self.frame.shared.config;
        let pace = (config.requests_per_second / config.threads as u64).max(1);
        let burst = (pace / BURST_DIVISOR).max(BATCH as u64);
        self.pace.earn(self.frame.now, pace, burst);
        while !self.outgoing.is_empty() && self.pace.room() > 0 {
            let most = BATCH.min(self.pace.room());
            let mut batch: Vec<Ticket> = Vec::with_capacity(most);
            let mut socket = None;
            // One socket a system call: the first request's.
            while batch.len() < most {
                let Some(&ticket) = self.outgoing.front() else { break };
                let Some(its) = self.socket_of(ticket) else {
                    self.outgoing.pop_front();
                    continue;
                };
                if *socket.get_or_insert(its) != its {
                    break;
                }
                self.outgoing.pop_front();
                batch.push(ticket);
            }
            let Some(socket) = socket.filter(|_| !batch.is_empty()) else { break };
            self.pace.spend(batch.len());
            if !self.send_batch(socket, &batch) {
                break;
            }
        }
    }

    /// The socket a request goes out by; none if it is over or cannot go.
    fn socket_of(&mut self, ticket: Ticket) -> Option<usize> {
        let at = self.requests.get(ticket)?.peer;
        let (address, _) = self.frame.peers.get(at)?.own.address.as_ref()?;
        let fits = |ipv6| self.sockets.iter().filter(move |it| it.ipv6 == ipv6).count();
        let (v4, v6) = (fits(false), fits(true));
        match address {
            // Runs of requests share a socket, so that batches are long.
            SocketAddr::V4(_) => Some((at / BATCH) % v4),
            SocketAddr::V6(_) if v6 > 0 => Some(v4),
            SocketAddr::V6(_) => {
                self.failed_to_send(ticket, "this host has no IPv6");
                None
            }
        }
    }

    /// Sends a batch; false if the socket takes no more for now.
    fn send_batch(&mut self, socket: usize, batch: &[Ticket]) -> bool {
        let mut rest = batch;
        while !rest.is_empty() {
            // The packets lie in their slots; they are lent to the call.
            let mut packets: Vec<Vec<u8>> = Vec::with_capacity(rest.len());
            for ticket in rest {
                let request = self.requests.get(*ticket);
                packets.push(request.map(|it| std::mem::take(&mut it.packet)).unwrap_or_default());
            }
            let mut datagrams = Vec::with_capacity(rest.len());
            for (ticket, packet) in rest.iter().zip(&packets) {
                let at = self.requests.get(*ticket).map_or(usize::MAX, |it| it.peer);
                let peer = self.frame.peers.get(at);
                if let Some((_, to)) = peer.and_then(|peer| peer.own.address.as_ref()) {
                    datagrams.push(Outgoing { octets: packet, to });
                }
            }
            let Some(it) = self.sockets.get(socket) else { return false };
            let result = it.send(&datagrams);
            drop(datagrams);
            for (ticket, packet) in rest.iter().zip(packets) {
                if let Some(request) = self.requests.get(*ticket) {
                    request.packet = packet;
                }
            }
            match result {
                Ok(sent) => {
                    let (gone, left) = rest.split_at(sent.min(rest.len()));
                    for ticket in gone {
                        self.sent(*ticket);
                    }
                    rest = left;
                    if sent == 0 {
                        return self.put_back(rest);
                    }
                }
                Err(error) if is_full(&error) => return self.put_back(rest),
                Err(error) if is_stale(&error) => {}
                Err(error) => {
                    count(&self.frame.shared.counters.send_errors, 1);
                    let Some((first, left)) = rest.split_first() else { break };
                    self.failed_to_send(*first, &error.to_string());
                    rest = left;
                }
            }
        }
        true
    }

    fn put_back(&mut self, rest: &[Ticket]) -> bool {
        for ticket in rest.iter().rev() {
            self.outgoing.push_front(*ticket);
        }
        false
    }

    /// A request is on the wire: its time starts.
    fn sent(&mut self, ticket: Ticket) {
        let Some(request) = self.requests.get(ticket) else { return };
        request.tries += 1;
        if request.tries == 1 {
            request.sent_at = self.frame.now;
        }
        request.resent_at = self.frame.now;
        let (tries, at) = (request.tries, request.peer);
        let mut timeout = self.frame.shared.config.timeout_ms;
        let patient = self.frame.peers.get(at).is_some_and(|it| it.own.session.is_patient());
        if patient {
            timeout = timeout.saturating_mul(PATIENCE);
        }
        for _ in 1..tries {
            timeout = timeout.saturating_add(timeout / if patient { 1 } else { 2 });
        }
        self.frame.set(self.frame.now + timeout, Timer::Timeout { ticket, tries });
        count(&self.frame.shared.counters.requests, 1);
        if let Some(peer) = self.frame.peers.get_mut(at) {
            peer.timing.requests += 1;
            if tries > 1 {
                peer.timing.retries += 1;
                count(&self.frame.shared.counters.retries, 1);
            }
        }
    }

    /// The system refused: as good as no answer, with the reason kept.
    fn failed_to_send(&mut self, ticket: Ticket, why: &str) {
        if let Some(request) = self.requests.get(ticket) {
            request.network = Some(why.to_owned());
            request.tries += 1;
            if request.tries == 1 {
                request.sent_at = self.frame.now;
            }
            let tries = request.tries;
            let wait = self.frame.shared.config.timeout_ms;
            self.frame.set(self.frame.now + wait, Timer::Timeout { ticket, tries });
        }
    }

    /// No answer came in time.
    pub(super) fn timeout(&mut self, ticket: Ticket, tries: u32) {
        let retries = self.frame.shared.config.retries;
        let Some(request) = self.requests.get(ticket).filter(|it| it.tries == tries) else {
            return;
        };
        let at = request.peer;
        self.frame.busy = Busy::Device(at);
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        let allowed = match (peer.is_dead(), peer.own.session.is_patient()) {
            (true, _) => 0,
            (false, true) => retries.min(PATIENT_RETRIES),
            (false, false) => retries,
        };
        if tries <= allowed {
            let smaller = request.ask.as_ref().and_then(|ask| peer.own.session.smaller(ask, tries));
            if let (Some(ask), Some(community)) = (smaller, &peer.own.community) {
                let profile = peer.own.session.profile.as_deref();
                let community = community.expose().as_bytes();
                ask.encode(&mut request.packet, profile, community, ticket.id());
                request.ask = Some(ask);
            }
            self.outgoing.push_back(ticket);
            return;
        }
        let network = request.network.take();
        let ask = request.ask.take();
        let waited = self.frame.now.saturating_sub(request.sent_at);
        self.requests.close(ticket);
        peer.timing.timeouts += 1;
        count(&self.frame.shared.counters.timeouts, 1);
        let failure = match network {
            Some(text) => Failure { outcome: Outcome::Unreachable, text },
            None => Failure {
                outcome: Outcome::Timeout,
                text: format!("no answer to {tries} requests"),
            },
        };
        if let Some(ask) = ask {
            peer.own.waits.add(ask.table(), waited);
            peer.own.session.fail(ask, failure);
        }
        self.progress(at);
    }

    /// Takes what a socket has.
    pub(super) fn receive(&mut self, socket: usize, errors: bool) {
        if errors {
            self.read_errors(socket);
        }
        let mut inbox = std::mem::replace(&mut self.inbox, crate::net::udp::Inbox::empty());
        for _ in 0..MAX_BATCHES {
            let Some(it) = self.sockets.get(socket) else { break };
            let received = it.receive(&mut inbox);
            for position in 0..received {
                let (octets, from) = inbox.get(position);
                guard(self, |it| it.datagram(octets, from));
            }
            if received < BATCH {
                break;
            }
        }
        self.inbox = inbox;
    }

    /// ICMP errors for requests of ours: remembered, the time-out decides.
    fn read_errors(&mut self, socket: usize) {
        let mut octets = [0; ERROR_OCTETS];
        for _ in 0..MAX_BATCHES * BATCH {
            let Some((length, to, error)) =
                self.sockets.get(socket).and_then(|it| it.next_error(&mut octets))
            else {
                break;
            };
            count(&self.frame.shared.counters.unreachable, 1);
            let id = ber::request_id_of_own(octets.get(..length).unwrap_or(&octets));
            let Some(Found::Open(ticket)) = id.map(|id| self.requests.find(id)) else { continue };
            let Some(request) = self.requests.get(ticket) else { continue };
            let peer = self.frame.peers.get(request.peer);
            let address = peer.and_then(|peer| peer.own.address.as_ref()).map(|it| it.0);
            if let Some(address) = address.filter(|it| to.is_some_and(|to| same(to, *it))) {
                let text = if error.kind() == io::ErrorKind::ConnectionRefused {
                    format!("nothing listens at {address}: check the port and the SNMP agent")
                } else {
                    format!("{address} cannot be reached: {error}")
                };
                request.network = Some(text);
            }
        }
    }

    /// One datagram.
    #[inline]
    fn datagram(&mut self, octets: &[u8], from: Option<SocketAddr>) {
        let Some(from) = from else { return };
        let response = match ber::response(octets) {
            Ok(response) => response,
            Err(error) => return self.malformed_from(from, &error.to_string()),
        };
        let ticket = match self.requests.find(response.request_id) {
            Found::Open(ticket) => ticket,
            Found::Over => return self.late(from),
            Found::Never => return count(&self.frame.shared.counters.wrong_id, 1),
        };
        let Some(request) = self.requests.get(ticket) else { return };
        let at = request.peer;
        self.frame.busy = Busy::Device(at);
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        let (Some(started), Some((address, _))) = (peer.started, &peer.own.address) else { return };
        if !peer.own.any_source && !same(*address, from) {
            peer.own.stranger = Some(from);
            return count(&self.frame.shared.counters.wrong_source, 1);
        }
        let Some(ask) = request.ask.take() else { return };
        let at_ms = self.frame.now.saturating_sub(started.mono);
        let at_ms = i32::try_from(at_ms).unwrap_or(i32::MAX);
        let waited = self.frame.now.saturating_sub(request.sent_at);
        let table = ask.table();
        let timeout = self.frame.shared.config.timeout_ms;
        // Counted from the last copy: the first may have been lost.
        if self.frame.now.saturating_sub(request.resent_at) > timeout {
            peer.own.session.slow(&ask, waited);
        } else if waited > timeout.saturating_mul(LATE_HEAD) && peer.own.session.is_head() {
            peer.own.session.late();
        }
        match peer.own.session.answer(ask, &response, octets.len(), at_ms) {
            Ok(variables) => {
                self.requests.close(ticket);
                peer.own.waits.add(table, waited);
                count(&self.frame.shared.counters.answers, 1);
                count(&self.frame.shared.counters.variables, variables as u64);
                self.progress(at);
            }
            Err((ask, why)) => {
                request.ask = Some(ask);
                peer.timing.malformed += 1;
                peer.own.session.malformed(&why);
                count(&self.frame.shared.counters.malformed, 1);
            }
        }
    }

    /// An answer to a request that is over: a second one, or one that came late.
    fn late(&mut self, from: SocketAddr) {
        count(&self.frame.shared.counters.late, 1);
        if let Some(&at) = self.by_address.get(&from)
            && let Some(peer) = self.frame.peers.get_mut(at)
            && peer.timing.failures > 0
        {
            peer.own.session.late();
        }
    }

    fn malformed_from(&mut self, from: SocketAddr, why: &str) {
        count(&self.frame.shared.counters.malformed, 1);
        if let Some(&at) = self.by_address.get(&from)
            && let Some(peer) = self.frame.peers.get_mut(at)
        {
            peer.timing.malformed += 1;
            peer.own.session.malformed(why);
        }
    }
}

/// Whether the system takes more later.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
        || error.raw_os_error() == Some(libc::ENOBUFS)
}

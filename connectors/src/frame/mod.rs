//! The loop every connector's thread runs, and when each device's turn is.
//!
//! The promise: a device is polled once in each slot of its interval; a slot that could not be
//! polled is counted and reported in a record; a timer or command never reaches a device that has
//! gone or changed. What is asked and how it is answered is the [`Connector`]'s.
//!
//! Nothing here waits for one device: every wait is a timer, every socket is non-blocking. A panic
//! while one is worked for sets that one aside for a while (see [`aside`]) and ends nothing else.

mod aside;
mod peer;
#[cfg(test)]
pub(crate) mod rig;
mod roster;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use schemas::{Device, DeviceId, Outcome, Poll};

pub(crate) use self::aside::{Busy, guard};
pub(crate) use self::peer::Peer;
use self::roster::Roster;
use crate::clock::{Slots, wall_ms};
use crate::net::poll::{Epoll, Ready};
use crate::net::wheel::Wheel;
use crate::outbox::Outbox;
use crate::record::{Started, skipped};
use crate::shared::{Command, Mailbox, Shared};
use crate::timing::{DeviceTiming, count};

/// The longest sleep.
const MAX_WAIT_MS: u64 = 200;
/// The longest sleep while records wait for the sink.
const FLUSH_WAIT_MS: u64 = 50;
/// The longest wait for the sink at the end.
const LAST_WAIT: Duration = Duration::from_secs(10);
const WAKE: u64 = u64::MAX;

/// What a connector does of its own; [`run`] does the rest.
pub(crate) trait Connector {
    /// What it keeps of a device.
    type Own;
    /// Its own timers.
    type Timer;

    fn frame(&mut self) -> &mut Frame<Self::Own, Self::Timer>;

    /// Takes or drops a device by [`Frame::keep`], [`Frame::admit`] and [`Frame::remove`].
    fn command(&mut self, command: Command);

    /// Starts a device's cycle, which ends with [`Frame::end`] and [`Frame::publish`], or takes
    /// a timer of its own.
    fn fire(&mut self, due: Due<Self::Timer>);

    /// Sends what may go now; whether more waits.
    fn send(&mut self) -> bool;

    /// Takes what a socket has; `errors`: its error queue too.
    fn read(&mut self, token: usize, errors: bool);
}

/// What is due.
pub(crate) enum Due<T> {
    Cycle {
        at: usize,
        started: Started,
    },
    Own(T),
    /// Working for it ended in a panic: what it keeps of the device is made anew, what is in
    /// flight is given up.
    Panicked {
        at: usize,
    },
}

/// A timer of the wheel.
enum Timer<T> {
    Start { at: usize, epoch: u32 },
    Own(T),
}

/// A device to be admitted: new, or polled otherwise than before.
pub(crate) struct Newcomer {
    pub(crate) device: Device,
    /// The slot in which it was polled already.
    last_cycle: Option<i64>,
}

/// What the threads of all connectors have.
pub(crate) struct Frame<X, T> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peers: Roster<X>,
    pub(crate) epoll: Epoll,
    /// Milliseconds since the run's start, read once before and once after each wait.
    pub(crate) now: u64,
    /// Who is worked for.
    pub(crate) busy: Busy,
    /// Panics that no device was to blame for.
    strays: u32,
    connector: &'static str,
    mailbox: Arc<Mailbox<Command>>,
    commands: VecDeque<Command>,
    wheel: Wheel<Timer<T>>,
    outbox: Outbox,
    /// Released devices whose last cycle has ended.
    left: Vec<DeviceId>,
}

/// Runs a connector until the poller stops.
pub(crate) fn run<C: Connector>(mut connector: C) {
    let mut due = VecDeque::new();
    let mut readable: Vec<Ready> = Vec::new();
    while !connector.frame().shared.stopping() {
        let now = connector.frame().shared.clock.now();
        let wait = step(&mut connector, now, &mut due);
        let frame = connector.frame();
        frame.epoll.wait(wait, &mut readable);
        frame.now = frame.shared.clock.now();
        for it in readable.iter().filter(|it| it.token != WAKE) {
            guard(&mut connector, |reader| reader.read(it.token as usize, it.error));
        }
    }
    // Polls under way are dropped: their slot is the next poller's gap of one cycle.
    connector.frame().outbox.empty(LAST_WAIT);
}

/// Does what is due at `now`; how long to sleep then, ms.
fn step<C: Connector>(connector: &mut C, now: u64, due: &mut VecDeque<Timer<C::Timer>>) -> u64 {
    connector.frame().now = now;
    while let Some(id) = connector.frame().left.pop() {
        guard(connector, |it| it.command(Command::Remove(id)));
    }
    let taken = connector.frame().mailbox.take();
    connector.frame().commands.extend(taken);
    while let Some(command) = connector.frame().commands.pop_front() {
        guard(connector, |it| match command {
            Command::Release(id) => {
                if it.frame().release(id) {
                    it.command(Command::Remove(id));
                }
            }
            Command::Upsert(_)
            | Command::Remove(_)
            | Command::Credential { .. }
            | Command::Resolved { .. }
            | Command::Forget(_) => it.command(command),
        });
    }
    connector.frame().wheel.advance(now, due);
    while let Some(timer) = due.pop_front() {
        guard(connector, |it| match timer {
            Timer::Start { at, epoch } => {
                it.frame().busy = Busy::Device(at);
                if let Some(started) = it.frame().begin(at, epoch) {
                    it.fire(Due::Cycle { at, started });
                }
            }
            Timer::Own(timer) => it.fire(Due::Own(timer)),
        });
    }
    let mut more = false;
    guard(connector, |it| more = it.send());
    let frame = connector.frame();
    frame.flush();
    let wait = if more { 1 } else { frame.wheel.wait(now, MAX_WAIT_MS) };
    if frame.outbox.is_waiting() { wait.min(FLUSH_WAIT_MS) } else { wait }
}

impl<X, T> Frame<X, T> {
    /// `connector`: its name in records.
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox<Command>>,
        connector: &'static str,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(mailbox.waker.fd(), WAKE)?;
        let config = &shared.config;
        let now = shared.clock.now();
        Ok(Self {
            outbox: Outbox::new(shared.sink.clone(), config.buffer_ms, config.buffer_polls),
            peers: Roster::default(),
            wheel: Wheel::new(now),
            left: Vec::new(),
            busy: Busy::Nobody,
            strays: 0,
            commands: VecDeque::new(),
            connector,
            mailbox,
            epoll,
            now,
            shared,
        })
    }

    /// Sets a timer of the connector's own.
    #[inline]
    pub(crate) fn set(&mut self, at: u64, timer: T) {
        self.wheel.set(at, Timer::Own(timer));
    }

    /// Keeps a device that is polled as before; else the old one is still to be removed and
    /// this one to be admitted. `same`: whether all but the interval, which is compared here,
    /// is polled alike.
    pub(crate) fn keep(
        &mut self,
        device: Device,
        same: impl FnOnce(&Device, &Device) -> bool,
    ) -> Option<Newcomer> {
        let Some(peer) = self.peers.by_id(device.id) else {
            return Some(Newcomer { device, last_cycle: None });
        };
        let same_slots = peer.device.interval_ms == device.interval_ms;
        if same_slots && same(&peer.device, &device) {
            peer.timing.device_name.clone_from(&device.name);
            peer.device = device;
            peer.leaving = false;
            return None;
        }
        let last_cycle = peer.last_cycle.filter(|_| same_slots);
        Some(Newcomer { device, last_cycle })
    }

    /// Takes a device in; its number.
    pub(crate) fn admit(&mut self, newcomer: Newcomer, own: X) -> usize {
        let Newcomer { device, last_cycle } = newcomer;
        let slots = Slots::of(device.id, device.interval_ms);
        let timing = DeviceTiming::new(device.id, &device.name, self.connector, slots.interval_ms);
        self.shared.timings.update(&timing);
        // What was made or changed within this slot has not been polled in it by anybody.
        let slot = slots.at(self.shared.clock.slot_ms(self.now));
        let fresh = device.updated_at > slots.start(slot) && last_cycle != Some(slot);
        let (at, epoch) = self.peers.insert(Peer {
            device,
            slots,
            timing,
            epoch: 0,
            started: None,
            first_cycle: slot + i64::from(!fresh),
            last_cycle,
            leaving: false,
            skipped: 0,
            aside: None,
            own,
        });
        if fresh {
            self.wheel.set(self.now, Timer::Start { at, epoch });
        } else {
            self.schedule(at);
        }
        at
    }

    /// Drops a device, if there is one; its timers do nothing any more.
    pub(crate) fn remove(&mut self, id: DeviceId) -> Option<(usize, Peer<X>)> {
        self.shared.timings.remove(id, self.connector);
        self.peers.remove(id)
    }

    /// Gives a device up; true when it can be removed at once, else it goes with the end of the
    /// cycle under way.
    fn release(&mut self, id: DeviceId) -> bool {
        let Some(peer) = self.peers.by_id(id) else { return false };
        peer.leaving = true;
        peer.started.is_none()
    }

    /// Sets the timer of the next slot.
    fn schedule(&mut self, at: usize) {
        let Some(peer) = self.peers.get(at) else { return };
        let slot_ms = self.shared.clock.slot_ms(self.now);
        let next = peer.slots.start(peer.slots.at(slot_ms) + 1);
        let wait = (next - slot_ms).clamp(0, peer.slots.interval_ms) as u64;
        self.wheel.set(self.now + wait, Timer::Start { at, epoch: peer.epoch });
    }

    /// A slot begins; none if it is not this device's, or polled already, or left out.
    fn begin(&mut self, at: usize, epoch: u32) -> Option<Started> {
        self.peers.current(at, epoch)?;
        self.schedule(at);
        let overdue = self.outbox.is_overdue(self.now);
        let peer = self.peers.get_mut(at)?;
        let cycle = peer.slots.at(self.shared.clock.slot_ms(self.now));
        // A timer can be a little early.
        let polled = cycle < peer.first_cycle || peer.last_cycle.is_some_and(|last| cycle <= last);
        if peer.leaving || peer.started.is_some() || polled {
            return None;
        }
        let started = Started { cycle, wall: wall_ms(), mono: self.now };
        if !overdue && let Some(text) = peer.set_aside_text(self.now) {
            peer.last_cycle = Some(cycle);
            peer.started = Some(started);
            self.publish_aside(at, text);
            return None;
        }
        if overdue {
            peer.skip(cycle);
            self.shared.timings.update(&peer.timing);
            count(&self.shared.counters.skipped, 1);
            return None;
        }
        if let (cycles @ 1.., Some(last)) = (std::mem::take(&mut peer.skipped), peer.last_cycle) {
            let blank = peer.blank(&self.shared.poller, Started { cycle: last, ..started });
            self.push(skipped(blank, cycles));
        }
        let peer = self.peers.get_mut(at)?;
        peer.last_cycle = Some(cycle);
        peer.started = Some(started);
        Some(started)
    }

    /// Ends a cycle, if one is under way: its record, to be filled and published.
    pub(crate) fn end(&mut self, at: usize) -> Option<Poll> {
        let peer = self.peers.get_mut(at)?;
        let started = peer.started.take()?;
        let mut poll = peer.blank(&self.shared.poller, started);
        poll.duration_ms = i32::try_from(self.now - started.mono).unwrap_or(i32::MAX);
        Some(poll)
    }

    /// Counts a cycle that ended and gives its record to the sink.
    pub(crate) fn publish(&mut self, at: usize, poll: Poll) {
        let Some(peer) = self.peers.get_mut(at) else { return };
        let silent = match poll.outcome {
            Outcome::Timeout | Outcome::Unreachable => true,
            Outcome::Ok
            | Outcome::Partial
            | Outcome::NoCredential
            | Outcome::NotPermitted
            | Outcome::Malformed
            | Outcome::Skipped
            | Outcome::Failed => false,
        };
        let took = self.now - poll.mono_ms as u64;
        peer.timing.failures = if silent { peer.timing.failures + 1 } else { 0 };
        // A poll that ended after the time aside was over: all is well again.
        peer.aside = peer.aside.take().filter(|it| self.now < it.until);
        peer.timing.ended(poll.started_at, took, poll.outcome, poll.error.as_deref());
        self.shared.timings.update(&peer.timing);
        self.left.extend(peer.leaving.then_some(peer.device.id));
        count(&self.shared.counters.polls, 1);
        if self.push(poll) {
            count(&self.shared.counters.buffered, 1);
        }
    }

    /// The sink's panics are the program's, not a device's.
    fn push(&mut self, poll: Poll) -> bool {
        let busy = std::mem::replace(&mut self.busy, Busy::Sink);
        let waits = self.outbox.push(poll, self.now);
        self.busy = busy;
        waits
    }

    fn flush(&mut self) {
        self.outbox.flush(self.now);
    }
}

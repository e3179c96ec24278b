//! A thread that answers: waits, decodes, builds, lists in the ledger, sends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::answer::{Answerer, Built, Scratch};
use crate::codec::{AnswerWriter, Message};
use crate::device::Device;
use crate::ledger::{Entry, Outcome};
use crate::network::{Envelope, Inbox, Outbox, Port, thread_cpu_us};
use crate::noise::{Tick, mix};
use crate::poller::Poller;
use crate::server::Shared;
use crate::server::schedule::Schedule;
use crate::state::{Manners, State};
use crate::stats::count;

/// Requests that may wait at one worker because of slow or late faults.
pub(crate) const MAX_DELAYED: usize = 65_536;
/// Longest sleep: how late a stop or a count can be seen.
const MAX_WAIT_MS: u64 = 200;
/// Batches taken from one port before the others get their turn.
const BATCHES_IN_A_ROW: usize = 8;

pub(crate) struct Worker {
    shared: Arc<Shared>,
    ports: Vec<Port>,
    poller: Poller,
    inbox: Inbox,
    desk: Desk,
    /// The first worker carries out the script.
    schedule: Option<Schedule>,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        ports: Vec<Port>,
        schedule: Option<Schedule>,
    ) -> std::io::Result<Self> {
        let desk = Desk {
            outbox: Outbox::new(shared.max_response_bytes),
            entries: Vec::new(),
            slots: Vec::new(),
            text: Vec::new(),
            scratch: Scratch::default(),
            delayed: BinaryHeap::new(),
            delays: 0,
        };
        let poller = Poller::new(&ports)?;
        Ok(Self { shared, ports, poller, inbox: Inbox::new(), desk, schedule })
    }

    pub(crate) fn waker(&self) -> std::io::Result<std::os::fd::OwnedFd> {
        self.poller.waker()
    }

    /// Answers until the lab stops.
    pub(crate) fn run(mut self) {
        let (mut ready, mut cpu_us) = (Vec::new(), 0);
        while !self.shared.stop.load(Relaxed) {
            let now_us = thread_cpu_us();
            self.shared.counters.cpu_us.fetch_add(now_us.saturating_sub(cpu_us), Relaxed);
            cpu_us = now_us;
            if self.poller.wait(self.timeout_ms(), &mut ready).is_err() {
                // Nothing but a broken epoll descriptor: do not spin on it.
                std::thread::sleep(std::time::Duration::from_millis(MAX_WAIT_MS));
            }
            for place in &ready {
                self.desk.serve(&self.shared, &self.ports, *place, &mut self.inbox);
            }
            self.desk.serve_delayed(&self.shared, &self.ports);
            if let Some(schedule) = &mut self.schedule {
                schedule.run(&self.shared);
            }
        }
        if let Some(schedule) = &mut self.schedule {
            schedule.keep_state(&self.shared);
        }
    }

    fn timeout_ms(&self) -> i32 {
        let delayed = self.desk.delayed.peek().map(|Reverse(first)| first.due_ms);
        let planned = self.schedule.as_ref().and_then(Schedule::next_ms);
        let now_ms = self.shared.now_ms();
        let due = [delayed, planned].into_iter().flatten().min();
        due.map_or(MAX_WAIT_MS, |due| due.saturating_sub(now_ms).min(MAX_WAIT_MS)) as i32
    }
}

/// A request that a slow device has not looked at yet.
struct Delayed {
    due_ms: u64,
    number: u64,
    port: (usize, u16),
    from: Envelope,
    bytes: Box<[u8]>,
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due_ms, self.number).cmp(&(other.due_ms, other.number))
    }
}

struct Desk {
    outbox: Outbox,
    /// Entries of the batch, and the slot of each one's answer.
    entries: Vec<Entry>,
    slots: Vec<usize>,
    text: Vec<u8>,
    scratch: Scratch,
    delayed: BinaryHeap<Reverse<Delayed>>,
    delays: u64,
}

/// One request on its way through the desk.
#[derive(Clone, Copy)]
struct Asked<'a> {
    bytes: &'a [u8],
    from: Envelope,
    /// Place of the port in the worker's list, and its number.
    port: (usize, u16),
    waited: bool,
}

impl Desk {
    fn serve(&mut self, shared: &Shared, ports: &[Port], place: usize, inbox: &mut Inbox) {
        let Some(port) = ports.get(place) else { return };
        for _ in 0..BATCHES_IN_A_ROW {
            // An error here belongs to an earlier answer (ICMP); the next call goes on.
            let taken = inbox.receive(port).unwrap_or(0);
            let tick = shared.tick();
            for at in 0..taken {
                count(&shared.counters.requests);
                match inbox.get(at) {
                    Some((bytes, from)) => {
                        let port = (place, port.port);
                        let asked = Asked { bytes, from, port, waited: false };
                        self.take(shared, asked, &tick);
                    }
                    None => count(&shared.counters.malformed),
                }
            }
            self.flush(shared, port);
            if taken < crate::network::BATCH {
                break;
            }
        }
    }

    fn serve_delayed(&mut self, shared: &Shared, ports: &[Port]) {
        if self.delayed.is_empty() {
            return;
        }
        let tick = shared.tick();
        let mut open = None;
        while self.delayed.peek().is_some_and(|Reverse(first)| first.due_ms <= tick.ms) {
            let Some(Reverse(request)) = self.delayed.pop() else { break };
            if open.is_some_and(|open| open != request.port.0) || self.outbox.is_full() {
                open.and_then(|open| ports.get(open)).inspect(|port| self.flush(shared, port));
            }
            open = Some(request.port.0);
            let Delayed { port, from, bytes, .. } = &request;
            self.take(shared, Asked { bytes, from: *from, port: *port, waited: true }, &tick);
        }
        open.and_then(|open| ports.get(open)).inspect(|port| self.flush(shared, port));
    }

    fn take(&mut self, shared: &Shared, asked: Asked<'_>, tick: &Tick) {
        let counters = &shared.counters;
        let from = asked.from;
        let (_, port_number) = asked.port;
        let Some(device) = shared.device_at(from.asked, port_number) else {
            return count(&counters.unknown_address);
        };
        let Ok(message) = Message::read(asked.bytes) else {
            return count(&counters.malformed);
        };
        let mut state = device.lock();
        state.settle(device, tick.ms);
        if state.manners.dead || tick.ms < state.silent_until_ms {
            return count(&counters.swallowed);
        }
        if message.community != device.community {
            return count(&counters.wrong_community);
        }
        if !state.odd.is_empty() {
            if state.odd.swallows(&message) {
                return count(&counters.swallowed);
            }
            if !asked.waited
                && let Some(delay_ms) = state.odd.delay_ms(&message, tick.ms)
            {
                return self.put_off(shared, asked, tick.ms + delay_ms);
            }
        }
        let calm = state.manners == Manners::default();
        if !calm
            && !asked.waited
            && let Some(delay_ms) = delay(&mut state, device)
        {
            return self.put_off(shared, asked, tick.ms + delay_ms);
        }
        let wrong_id = !calm && {
            let share = state.manners.wrong_id;
            state.chance(device.seed, share)
        };
        let request_id =
            if wrong_id { message.request_id ^ 0x2a5a_a5a5 } else { message.request_id };
        let Some(slot) = self.outbox.slot() else { return count(&counters.delay_overflow) };
        let writer = AnswerWriter::new(slot, message.community, shared.max_response_bytes);
        let fresh = || shared.serial.fetch_add(1, Relaxed);
        let answerer = Answerer::new((device, &state, tick), writer, &mut self.scratch, &fresh);
        let Ok(built) = answerer.answer(&message, request_id) else {
            return count(&counters.malformed);
        };
        counters.values.fetch_add(u64::from(built.values), Relaxed);
        let (outcome, end, copies) = if wrong_id {
            count(&counters.broken);
            (Outcome::WrongId, built.end, 1)
        } else if calm {
            (Outcome::Sent, built.end, 1)
        } else {
            self.spoil(shared, device, &mut state, built)
        };
        if let Some(serial) = built.serial {
            let unix_ms = shared.epoch_unix_ms + tick.ms;
            let request_id = message.request_id;
            let device = device.address;
            self.entries.push(Entry { serial, device, request_id, unix_ms, outcome });
            self.slots.push(self.outbox.used());
        }
        self.outbox.keep(built.start, end, from, copies);
    }

    /// Breaks, drops or doubles a built answer where a fault says so.
    fn spoil(
        &mut self,
        shared: &Shared,
        device: &Device,
        state: &mut State,
        built: Built,
    ) -> (Outcome, usize, usize) {
        let manners = state.manners;
        let counters = &shared.counters;
        if state.chance(device.seed, manners.loss) {
            count(&counters.lost);
            return (Outcome::Lost, built.end, 0);
        }
        if state.chance(device.seed, manners.truncated) {
            count(&counters.broken);
            let kept = (built.end - built.start) / 2;
            return (Outcome::Broken, built.start + kept, 1);
        }
        if state.chance(device.seed, manners.garbage) {
            count(&counters.broken);
            let seed = state.roll(device.seed);
            if let Some(bytes) =
                self.outbox.slot().and_then(|slot| slot.get_mut(built.start..built.end))
            {
                // Every second time the head stays, so that the noise sits deep inside.
                let whole = seed & 1 == 0;
                let from = if whole { 0 } else { bytes.len() / 3 };
                for (at, byte) in bytes.iter_mut().enumerate().skip(from) {
                    *byte = mix(seed ^ at as u64) as u8;
                }
            }
            return (Outcome::Broken, built.end, 1);
        }
        if state.chance(device.seed, manners.duplicate) {
            return (Outcome::Twice, built.end, 2);
        }
        (Outcome::Sent, built.end, 1)
    }

    fn put_off(&mut self, shared: &Shared, asked: Asked<'_>, due_ms: u64) {
        if self.delayed.len() >= MAX_DELAYED {
            return count(&shared.counters.delay_overflow);
        }
        count(&shared.counters.delayed);
        self.delays += 1;
        let bytes = asked.bytes.into();
        let (number, from, port) = (self.delays, asked.from, asked.port);
        self.delayed.push(Reverse(Delayed { due_ms, number, port, from, bytes }));
    }

    /// Lists the batch, then sends it.
    fn flush(&mut self, shared: &Shared, port: &Port) {
        let counters = &shared.counters;
        if shared.ledger.append(&self.entries, &mut self.text).is_err() {
            counters.ledger_failures.fetch_add(self.entries.len() as u64, Relaxed);
            self.outbox.withhold(&self.slots);
            self.entries.clear();
        }
        let (entries, slots) = (&self.entries, &self.slots);
        let mut unsent = Vec::new();
        let sent = self.outbox.send(port, |slot| {
            count(&counters.send_failures);
            let place = slots.iter().position(|other| *other == slot);
            unsent.extend(
                place
                    .and_then(|place| entries.get(place))
                    .map(|entry| Entry { outcome: Outcome::Failed, ..*entry }),
            );
        });
        counters.answers.fetch_add(sent as u64, Relaxed);
        if shared.ledger.append(&unsent, &mut self.text).is_err() {
            count(&counters.ledger_failures);
        }
        self.entries.clear();
        self.slots.clear();
    }
}

/// How long a slow or late device waits before it looks at a request.
fn delay(state: &mut State, device: &Device) -> Option<u64> {
    if let Some((delay_ms, jitter_ms)) = state.manners.slow {
        return Some(delay_ms + state.roll(device.seed) % (jitter_ms + 1));
    }
    let (delay_ms, permille) = state.manners.late?;
    state.chance(device.seed, permille).then_some(delay_ms)
}

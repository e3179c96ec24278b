//! A thread's surroundings for tests, with time moved by hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use schemas::{Device, DeviceId, Poll};

use super::{Connector, step};
use crate::clock::{Clock, Slots};
use crate::config::PollerConfig;
use crate::durations::Durations;
use crate::profiles::Profiles;
use crate::seams::{Full, PollSink};
use crate::shared::{Command, Mailbox, Shared};
use crate::timing::{LiveCounters, Timings};

/// So long that no slot ends while a test runs.
pub(crate) const INTERVAL_MS: i64 = 3_600_000;

#[derive(Default)]
pub(crate) struct Kept {
    polls: Mutex<Vec<Poll>>,
    full: AtomicBool,
}

impl PollSink for Kept {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Full(Box::new(poll)));
        }
        self.polls.lock().unwrap().push(poll);
        Ok(())
    }
}

pub(crate) struct Rig<C> {
    pub(crate) connector: C,
    sink: Arc<Kept>,
    mailbox: Arc<Mailbox<Command>>,
}

impl<C: Connector> Rig<C> {
    pub(crate) fn new(make: impl FnOnce(Arc<Shared>, Arc<Mailbox<Command>>) -> C) -> Self {
        let sink = Arc::new(Kept::default());
        let shared = Shared {
            config: PollerConfig { buffer_ms: 1_000, ..PollerConfig::default() },
            profiles: Arc::new(Profiles::load(None).unwrap()),
            clock: Clock::new(),
            timings: Timings::default(),
            counters: LiveCounters::default(),
            durations: Durations::default(),
            sink: sink.clone(),
            poller: "test".into(),
            stop: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        };
        let mailbox = Arc::new(Mailbox::new().unwrap());
        let mut rig = Self { connector: make(Arc::new(shared), mailbox.clone()), sink, mailbox };
        // To the middle of a slot; from here on the slot clock follows `now` alone, for it runs
        // ahead of the wall clock.
        let slots = Slots::of(device(0).id, INTERVAL_MS);
        let at = rig.slot_ms();
        rig.pass((slots.start(slots.at(at) + 1) + INTERVAL_MS / 2 - at) as u64);
        rig
    }

    pub(crate) fn slot_ms(&mut self) -> i64 {
        let frame = self.connector.frame();
        frame.shared.clock.slot_ms(frame.now)
    }

    /// Lets time pass and does what is due then.
    pub(crate) fn pass(&mut self, ms: u64) {
        let now = self.connector.frame().now + ms;
        step(&mut self.connector, now, &mut Default::default());
    }

    pub(crate) fn send(&mut self, command: Command) {
        self.mailbox.send(command);
        self.pass(0);
    }

    pub(crate) fn upsert(&mut self, device: &Device) {
        self.send(Command::Upsert(Box::new(device.clone())));
        // Timers fire up to a tick late.
        self.pass(10);
    }

    pub(crate) fn fill_sink(&self, full: bool) {
        self.sink.full.store(full, Ordering::Relaxed);
    }

    /// The records since the last call.
    pub(crate) fn polls(&self) -> Vec<Poll> {
        std::mem::take(&mut self.sink.polls.lock().unwrap())
    }
}

/// The device of all these tests; `updated_at`: in slot time, ms.
pub(crate) fn device(updated_at: i64) -> Device {
    Device {
        tenant: "default".into(),
        id: DeviceId::from_source("test", "frame"),
        name: "one".into(),
        address: "127.0.0.1".into(),
        port: 161,
        profile: "auto".into(),
        credential: None,
        site: None,
        tags: vec![],
        interval_ms: INTERVAL_MS,
        snmp: true,
        icmp: true,
        enabled: true,
        source: "test".into(),
        updated_at,
        any_source: false,
        icmp_echoes: None,
        icmp_spacing_ms: None,
        icmp_timeout_ms: None,
    }
}

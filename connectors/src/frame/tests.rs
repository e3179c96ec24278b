use std::sync::Arc;

use schemas::{Device, Outcome, Poll};

use super::aside::{ASIDE_MS, MAX_ASIDE_MS};
use super::rig::{INTERVAL_MS, Rig, device};
use super::{Busy, Connector, Due, Frame};
use crate::shared::{Command, Mailbox, Shared};

/// Ends every cycle a second after its start; a fired second of a cycle that is over counts.
struct Toy {
    frame: Frame<(), (usize, u32, i64)>,
    stray: u32,
    /// Panics at each start, and when a device's second is over.
    panics: (bool, bool),
    given_up: u32,
}

impl Toy {
    fn new(shared: Arc<Shared>, mailbox: Arc<Mailbox<Command>>) -> Self {
        Self {
            frame: Frame::new(shared, mailbox, "toy").unwrap(),
            stray: 0,
            panics: (false, false),
            given_up: 0,
        }
    }
}

impl Connector for Toy {
    type Own = ();
    type Timer = (usize, u32, i64);

    fn frame(&mut self) -> &mut Frame<(), (usize, u32, i64)> {
        &mut self.frame
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Upsert(device) => {
                let same = |a: &Device, b: &Device| a.address == b.address;
                let Some(newcomer) = self.frame.keep(*device, same) else { return };
                self.frame.remove(newcomer.device.id);
                self.frame.admit(newcomer, ());
            }
            Command::Remove(id) => drop(self.frame.remove(id)),
            Command::Credential { .. }
            | Command::Forget(_)
            | Command::Resolved { .. }
            | Command::Release(_) => {}
        }
    }

    fn fire(&mut self, due: Due<(usize, u32, i64)>) {
        match due {
            Due::Panicked { .. } => self.given_up += 1,
            Due::Cycle { .. } if self.panics.0 => panic!("for the test"),
            Due::Cycle { at, started } => {
                let epoch = self.frame.peers.get(at).unwrap().epoch;
                self.frame.set(started.mono + 1_000, (at, epoch, started.cycle));
            }
            Due::Own((at, ..)) if self.panics.1 => {
                self.frame.busy = Busy::Device(at);
                panic!("for the test")
            }
            Due::Own((at, epoch, cycle)) if self.frame.peers.is_under_way(at, epoch, cycle) => {
                let poll = self.frame.end(at).unwrap();
                self.frame.publish(at, Poll { outcome: Outcome::Ok, ..poll });
            }
            Due::Own(_) => self.stray += 1,
        }
    }

    fn send(&mut self) -> bool {
        false
    }

    fn read(&mut self, _: usize, _: bool) {}
}

fn cycles(polls: &[Poll]) -> Vec<i64> {
    polls.iter().map(|poll| poll.cycle).collect()
}

/// A rig, and a device that was made just now.
fn fresh() -> (Rig<Toy>, Device) {
    let mut rig = Rig::new(Toy::new);
    let device = device(rig.slot_ms());
    (rig, device)
}

#[test]
fn a_fresh_device_is_polled_at_once_and_once_a_slot() {
    let (mut rig, device) = fresh();
    rig.upsert(&device);
    rig.pass(2_000);
    let first = rig.polls();
    assert_eq!(first.len(), 1, "at once: {first:?}");
    assert_eq!((first[0].connector.as_str(), first[0].duration_ms >= 1_000), ("toy", true));
    rig.pass(INTERVAL_MS as u64 / 4);
    assert!(rig.polls().is_empty(), "not twice in a slot");
    for later in 1..=3 {
        rig.pass(INTERVAL_MS as u64);
        rig.pass(2_000);
        assert_eq!(cycles(&rig.polls()), [first[0].cycle + later]);
    }
}

#[test]
fn a_device_of_before_waits_for_its_slot() {
    let (mut rig, device) = fresh();
    rig.upsert(&Device { updated_at: 0, ..device });
    rig.pass(2_000);
    assert!(rig.polls().is_empty(), "another poller may have polled it in this slot");
    rig.pass(INTERVAL_MS as u64 / 2);
    rig.pass(2_000);
    assert_eq!(rig.polls().len(), 1);
}

#[test]
fn a_changed_device_keeps_its_slot() {
    let (mut rig, device) = fresh();
    rig.upsert(&device);
    rig.pass(2_000);
    let first = rig.polls()[0].cycle;
    // The name alone: the same peer goes on.
    let updated_at = rig.slot_ms();
    let named = Device { name: "two".into(), updated_at, ..device };
    rig.upsert(&named);
    assert_eq!(rig.connector.frame.peers.get(0).unwrap().epoch, 1);
    assert_eq!(
        rig.connector.frame.shared.timings.all()[0].device_name,
        "one",
        "reported at a poll"
    );
    // The address: a new peer, which knows that this slot was polled.
    let moved = Device { address: "127.0.0.2".into(), updated_at, ..named };
    rig.upsert(&moved);
    assert_eq!(rig.connector.frame.peers.get(0).unwrap().epoch, 2);
    rig.pass(2_000);
    assert!(rig.polls().is_empty(), "not twice in a slot");
    rig.pass(INTERVAL_MS as u64);
    rig.pass(2_000);
    assert_eq!(cycles(&rig.polls()), [first + 1]);
    let timings = rig.connector.frame.shared.timings.all();
    assert_eq!((timings.len(), timings[0].device_name.as_str()), (1, "two"));
    // The interval: other slots, so that this one begins at once.
    let updated_at = rig.slot_ms();
    rig.upsert(&Device { interval_ms: INTERVAL_MS * 2, updated_at, ..moved });
    rig.pass(2_000);
    assert_eq!(rig.polls()[0].interval_ms, INTERVAL_MS * 2);
}

#[test]
fn a_removed_or_changed_devices_timers_do_nothing() {
    let (mut rig, device) = fresh();
    rig.upsert(&device);
    rig.send(Command::Remove(device.id));
    assert!(rig.connector.frame.shared.timings.all().is_empty());
    // Its number is given again; neither its second nor its next slot reach the new holder.
    rig.upsert(&Device { updated_at: 0, ..device.clone() });
    let peer = rig.connector.frame.peers.get(0).unwrap();
    assert_eq!((peer.epoch, peer.started.is_some()), (2, false));
    rig.pass(2_000);
    assert_eq!((rig.polls().len(), rig.connector.stray), (0, 1));
    rig.send(Command::Remove(device.id));
    rig.pass(INTERVAL_MS as u64);
    rig.pass(2_000);
    assert_eq!((rig.polls().len(), rig.connector.stray), (0, 1));
}

#[test]
fn an_early_timer_does_not_poll_the_slot_at_hand() {
    let (mut rig, device) = fresh();
    rig.upsert(&Device { updated_at: 0, ..device });
    let epoch = rig.connector.frame.peers.get(0).unwrap().epoch;
    assert!(rig.connector.frame.begin(0, epoch).is_none(), "another poller's");
    rig.pass(INTERVAL_MS as u64);
    rig.pass(2_000);
    assert_eq!(rig.polls().len(), 1);
}

#[test]
fn a_released_device_is_polled_to_the_end_and_no_more() {
    let (mut rig, device) = fresh();
    rig.upsert(&device);
    rig.send(Command::Release(device.id));
    rig.pass(2_000);
    assert_eq!(rig.polls().len(), 1, "the one under way");
    rig.pass(INTERVAL_MS as u64);
    rig.pass(2_000);
    assert_eq!((rig.polls().len(), rig.connector.stray), (0, 0));
    assert!(rig.connector.frame.shared.timings.all().is_empty());
    // None is under way: it goes at once.
    rig.upsert(&Device { updated_at: 0, ..device.clone() });
    rig.send(Command::Release(device.id));
    assert!(rig.connector.frame.shared.timings.all().is_empty());
    // It comes back before its poll has ended.
    let updated_at = rig.slot_ms();
    let back = Device { updated_at, ..device };
    rig.upsert(&back);
    rig.send(Command::Release(back.id));
    rig.upsert(&back);
    rig.pass(2_000);
    rig.pass(INTERVAL_MS as u64);
    rig.pass(2_000);
    assert_eq!(rig.polls().len(), 2, "this slot's and the next");
}

#[test]
fn cycles_left_out_are_reported() {
    let (mut rig, device) = fresh();
    rig.fill_sink(true);
    rig.upsert(&device);
    rig.pass(2_000);
    for _ in 0..3 {
        rig.pass(INTERVAL_MS as u64);
        rig.pass(2_000);
    }
    assert_eq!(rig.connector.frame.shared.counters.read().skipped, 3);
    assert_eq!(rig.connector.frame.shared.timings.all()[0].skipped, 3);
    rig.fill_sink(false);
    rig.pass(2_000);
    rig.pass(INTERVAL_MS as u64);
    rig.pass(2_000);
    let polls = rig.polls();
    let first = polls[0].cycle;
    let outcomes: Vec<(i64, Outcome)> = polls.iter().map(|it| (it.cycle, it.outcome)).collect();
    let wanted = [(0, Outcome::Ok), (3, Outcome::Skipped), (4, Outcome::Ok)];
    assert_eq!(outcomes, wanted.map(|(at, outcome)| (first + at, outcome)));
    assert!(polls[1].error.as_deref().unwrap().starts_with("3 cycles left out"));
}

/// Polls of a device whose polling panics, at its start or later, and then no more.
fn panics(at_start: bool) {
    let (mut rig, device) = fresh();
    rig.connector.panics = (at_start, !at_start);
    rig.upsert(&device);
    rig.pass(2_000);
    let polls = rig.polls();
    assert_eq!((polls.len(), polls[0].outcome), (1, Outcome::Malformed), "{polls:?}");
    let error = polls[0].error.as_deref().unwrap();
    assert!(error.starts_with("set aside for 60 s") && error.contains("for the test"), "{error}");
    assert_eq!(rig.connector.frame.shared.counters.read().panics, 1);
    assert_eq!((rig.connector.given_up, rig.connector.frame.peers.get(0).is_some()), (1, true));
    // Each panic in a row doubles the time, up to a maximum; then it is polled again.
    for n in 1..=8 {
        rig.pass(INTERVAL_MS as u64);
        rig.pass(2_000);
        let polls = rig.polls();
        let error = polls[0].error.clone().unwrap();
        let wait = (ASIDE_MS << n).min(MAX_ASIDE_MS) / 1_000;
        let twice = polls.len() == 1 && error.starts_with(&format!("set aside for {wait} s"));
        assert!(twice || error.starts_with("set aside for "), "{n}: {error}");
    }
    rig.connector.panics = (false, false);
    for _ in 0..3 {
        rig.pass(INTERVAL_MS as u64);
        rig.pass(2_000);
    }
    assert_eq!(rig.polls().last().unwrap().outcome, Outcome::Ok);
    rig.connector.panics = (at_start, !at_start);
    rig.pass(INTERVAL_MS as u64);
    rig.pass(2_000);
    let error = rig.polls().pop().unwrap().error.unwrap();
    assert!(error.starts_with("set aside for 60 s"), "it begins anew: {error}");
}

#[test]
fn a_panic_sets_its_device_aside_and_ends_nothing_else() {
    panics(true);
    panics(false);
}

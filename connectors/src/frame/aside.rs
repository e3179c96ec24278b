//! A panic costs the device that was worked for, for a while, and no other.
//!
//! The promise: whatever a device answers, the thread goes on. What led to a panic is a fault of
//! this program, so that the device is neither silent nor down: its polls say what happened.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use schemas::Outcome;

use super::{Connector, Due, Frame};
use crate::timing::count;

/// How long a device is set aside at first; each panic in a row doubles it.
pub(crate) const ASIDE_MS: u64 = 60_000;
/// The longest that a device is set aside.
pub(crate) const MAX_ASIDE_MS: u64 = 3_600_000;
/// Panics without a device to blame that a thread survives.
const MAX_STRAYS: u32 = 64;
/// Characters of a panic's text that are reported.
const MAX_TEXT: usize = 200;

/// Who is worked for: what a panic is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    Nobody,
    Device(usize),
    /// The sink takes a record: what it does is no device's fault.
    Sink,
}

/// Why and until when a device is not polled.
#[derive(Clone, Debug)]
pub(crate) struct Aside {
    pub(crate) until: u64,
    pub(crate) times: u32,
    pub(crate) text: String,
}

/// Does a piece of work; a panic in it sets the device aside that it was for.
#[inline]
pub(crate) fn guard<C: Connector>(connector: &mut C, work: impl FnOnce(&mut C)) {
    connector.frame().busy = Busy::Nobody;
    // What a panic leaves half done is the device's own, which is made anew, and lists that are
    // read through checked access.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(connector))) {
        recover(connector, panic);
    }
}

#[cold]
fn recover<C: Connector>(connector: &mut C, panic: Box<dyn Any + Send>) {
    let frame = connector.frame();
    count(&frame.shared.counters.panics, 1);
    match frame.busy {
        Busy::Sink => resume_unwind(panic),
        Busy::Nobody => {
            frame.strays += 1;
            tracing::error!(text = text_of(&*panic), "a panic of no device; polling goes on");
            if frame.strays > MAX_STRAYS {
                resume_unwind(panic);
            }
        }
        Busy::Device(at) => {
            let Some(peer) = frame.peers.get_mut(at) else { return };
            let times = peer.aside.as_ref().map_or(0, |it| it.times);
            let wait = ASIDE_MS.saturating_mul(1 << times.min(10)).min(MAX_ASIDE_MS);
            let text = text_of(&*panic);
            tracing::error!(device = peer.device.name, text, wait, "a panic: set aside, ms");
            let until = frame.now.saturating_add(wait);
            peer.aside = Some(Aside { until, times: times.saturating_add(1), text });
            connector.fire(Due::Panicked { at });
            let frame = connector.frame();
            frame.busy = Busy::Nobody;
            let text = frame.peers.get(at).and_then(|peer| peer.set_aside_text(frame.now));
            frame.publish_aside(at, text.unwrap_or_default());
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no text").chars().take(MAX_TEXT).collect()
}

impl<X, T> Frame<X, T> {
    /// Ends the cycle of a device that is set aside, if one is under way.
    pub(super) fn publish_aside(&mut self, at: usize, text: String) {
        let Some(mut poll) = self.end(at) else { return };
        // Not silence: it may well answer.
        poll.outcome = Outcome::Malformed;
        poll.error = Some(text);
        self.publish(at, poll);
    }
}

//! The end of a poll: in time, at its deadline, or for a reason of its own.

use schemas::{Fact, Outcome, Poll};

use super::engine::Engine;
use super::session::Failure;
use crate::durations::UNKNOWN;
use crate::frame::Busy;

impl Engine {
    /// Little time is left.
    pub(super) fn hurry(&mut self, at: usize) {
        self.frame.busy = Busy::Device(at);
        if let Some(peer) = self.frame.peers.get_mut(at) {
            peer.own.session.hurry("no time left in this cycle");
        }
        self.progress(at);
    }

    /// After something happened to a poll: on with it, or end it.
    pub(super) fn progress(&mut self, at: usize) {
        self.frame.busy = Busy::Device(at);
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        if peer.own.session.is_done() {
            self.finish(at);
        } else if peer.own.session.has_work() {
            self.make_ready(at);
        }
    }

    /// The time of a poll is over.
    pub(super) fn cut(&mut self, at: usize) {
        self.frame.busy = Busy::Device(at);
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        let share = self.frame.shared.config.deadline_permille / 10;
        let text = format!("not finished within {share} % of the interval");
        let outcome =
            if peer.own.community.is_none() { Outcome::NoCredential } else { Outcome::Timeout };
        self.end(at, Failure { outcome, text });
    }

    /// Ends a poll for a reason of its own.
    pub(super) fn end(&mut self, at: usize, failure: Failure) {
        if let Some(peer) = self.frame.peers.get_mut(at) {
            peer.own.session.cut_short(failure);
            self.finish(at);
        }
    }

    fn finish(&mut self, at: usize) {
        let Some(blank) = self.frame.end(at) else { return };
        let Some(peer) = self.frame.peers.get_mut(at) else { return };
        if peer.own.session.in_flight() > 0 {
            self.requests.close_all(at);
        }
        let mut it = peer.own.session.finish(self.frame.now);
        if let Some((address, _)) = peer
            .own
            .address
            .as_ref()
            .filter(|_| !it.facts.is_empty() && peer.own.place.name().is_some())
        {
            let (instance, name) = (String::new(), "address_in_use".to_owned());
            it.facts.push(Fact { instance, name, value: address.ip().to_string() });
        }
        let silence = (it.outcome == Outcome::Timeout).then(|| peer.silence_text());
        peer.timing.repetitions = peer.own.session.last_repetitions;
        peer.timing.answer_bytes = peer.own.session.answer_bytes;
        let poll = Poll {
            outcome: it.outcome,
            error: silence.or(it.error),
            uptime_cs: it.uptime_cs,
            instances: it.instances,
            columns: it.columns,
            facts: it.facts,
            identities: it.identities,
            ..blank
        };
        let profile = peer.own.session.profile.as_deref();
        let table = |at: usize| Some(profile?.tables.get(at)?.name.as_str());
        let slowest = peer.own.waits.named(table).max_by_key(|(_, waited)| *waited);
        peer.timing.slowest_table = slowest.map(|(name, waited)| (name.to_owned(), waited));
        let name = profile.map_or(UNKNOWN, |profile| profile.name.as_str());
        let took = u64::try_from(poll.duration_ms).unwrap_or(0);
        self.frame.shared.durations.add(name, took, peer.own.waits.named(table));
        self.frame.publish(at, poll);
    }
}

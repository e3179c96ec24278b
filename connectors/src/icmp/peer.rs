//! A device's echoes of one cycle.

use schemas::{Column, Device, Echoes, Kind, Outcome, Poll};

use super::notice::Notice;
use super::socket::NOT_PERMITTED;
use crate::frame;
use crate::place::Place;

/// Bits of a sequence number that count the echoes of a cycle, of which there are 20 at most.
const NUMBER_BITS: u32 = 5;
/// A round trip cannot take longer; the wall clock was set meanwhile.
const MAX_RTT_NS: i64 = 60_000_000_000;

/// The sequence number of an echo: replies of an earlier cycle do not fit a later one.
pub(super) const fn sequence(cycle: i64, number: u32) -> u16 {
    ((cycle as u64) << NUMBER_BITS) as u16 | number as u16
}

/// Cycles in a row that lose the very same echoes after which the target is taken for one that
/// limits the rate of its replies: chance does not repeat itself so often.
const LIMITED_AFTER: u32 = 5;

/// Which echoes the last cycles lost.
#[derive(Clone, Copy, Debug, Default)]
struct History {
    /// A bit for each echo that was answered, and how many were sent.
    answered: u32,
    sent: usize,
    /// Cycles in a row with the same.
    run: u32,
}

impl History {
    /// Takes a cycle in; whether its losses are those of a target that limits its replies.
    fn limits(&mut self, answered: u32, sent: usize) -> bool {
        let same = (self.answered, self.sent) == (answered, sent);
        self.run = if same { self.run.saturating_add(1) } else { 1 };
        (self.answered, self.sent) = (answered, sent);
        // The first of each burst finds the bucket full; a path that loses does not spare it.
        let first = answered & 1 == 1;
        first && (answered.count_ones() as usize) < sent && self.run >= LIMITED_AFTER
    }
}

pub(super) type Peer = frame::Peer<Icmp>;

/// What ICMP keeps of a device.
#[derive(Debug)]
pub(crate) struct Icmp {
    pub(super) place: Place,
    /// What is to be sent, and what is, as far as there is room for it.
    asked: Echoes,
    pub(super) used: Echoes,
    pub(super) network: Option<String>,
    /// When each echo left, and its round trip, ns.
    echoes: Vec<(i64, Option<i64>)>,
    history: History,
    pub(super) said: Said,
}

/// What was said about the polling itself.
#[derive(Debug, Default)]
pub(super) struct Said {
    limited: Notice,
    cut: Notice,
}

impl Icmp {
    /// `usual`: for what is not set for the device; `room_ms`: the echoes' share of the interval.
    pub(super) fn new(device: &Device, usual: Echoes, room_ms: u64, said: Said) -> Self {
        let asked = usual.of(device);
        Self {
            place: Place::new(device, 0),
            asked,
            used: asked.within(room_ms),
            network: None,
            echoes: Vec::new(),
            history: History::default(),
            said,
        }
    }

    /// Forgets the cycle before.
    pub(super) fn begin(&mut self) {
        self.network = None;
        self.echoes.clear();
    }
}

impl Peer {
    pub(super) fn sent(&mut self, number: u32, at_ns: i64) {
        let number = number as usize;
        if self.own.echoes.len() <= number {
            self.own.echoes.resize(number + 1, (at_ns, None));
        }
        if let Some(echo) = self.own.echoes.get_mut(number) {
            *echo = (at_ns, None);
        }
        self.timing.requests += 1;
    }

    /// Takes a reply; false if it is none of this cycle's or a second one.
    pub(super) fn received(&mut self, its: u16, at_ns: i64) -> bool {
        let Some(started) = self.started else { return false };
        let number = u32::from(its) & ((1 << NUMBER_BITS) - 1);
        if its != sequence(started.cycle, number) {
            return false;
        }
        let Some((sent, round_trip)) = self.own.echoes.get_mut(number as usize) else {
            return false;
        };
        if round_trip.is_some() {
            return false;
        }
        let took = at_ns - *sent;
        if !(-1_000_000..MAX_RTT_NS).contains(&took) {
            return false;
        }
        *round_trip = Some(took.max(0));
        true
    }

    /// Whether the target limits its replies; says so in the record.
    fn is_limited(&mut self, poll: &mut Poll) -> bool {
        let (mut answered, mut sent) = (0u32, 0usize);
        for (number, (_, trip)) in self.own.echoes.iter().enumerate().take(32) {
            answered |= u32::from(trip.is_some()) << number;
            sent += 1;
        }
        let text = self.own.history.limits(answered, sent).then(|| {
            format!(
                "the target limits its replies: {} of {sent} echo requests are answered, the same \
                 in each cycle; the others are not counted as lost. Space them wider for it",
                answered.count_ones()
            )
        });
        self.own.said.limited.add(poll, "icmp_rate_limited", text.as_deref());
        let limited = text.is_some();
        if limited {
            poll.error = text;
        }
        limited
    }

    /// Says where the echoes had to be cut to fit into the interval.
    fn say_cut(&mut self, poll: &mut Poll) {
        let Icmp { asked, used, .. } = self.own;
        let text = (asked != used).then(|| {
            let (took_ms, interval_ms) = (asked.takes_ms(), self.slots.interval_ms);
            format!("{used} instead of {asked}: these take {took_ms} of {interval_ms} ms")
        });
        self.own.said.cut.add(poll, "icmp_cut", text.as_deref());
    }

    /// Writes the cycle's result; `permitted` is none where the address is no IP address.
    pub(super) fn judge(&mut self, poll: &mut Poll, permitted: Option<bool>) {
        match permitted {
            None => {
                let pending = || format!("the name {} is being looked up", self.device.address);
                poll.error = Some(self.own.place.why.clone().unwrap_or_else(pending));
                return;
            }
            Some(false) => {
                poll.outcome = Outcome::NotPermitted;
                poll.error = Some(NOT_PERMITTED.into());
                return;
            }
            Some(true) => {}
        }
        if self.own.echoes.is_empty() {
            poll.error = Some("no echo request could be sent in time".into());
            return;
        }
        let mut trips: Vec<i64> = self.own.echoes.iter().filter_map(|(_, trip)| *trip).collect();
        trips.sort_unstable();
        let mut lost = self.own.echoes.len().saturating_sub(trips.len());
        self.timing.timeouts += lost as u64;
        poll.instances = vec![String::new()];
        self.say_cut(poll);
        if self.is_limited(poll) {
            lost = 0;
        }
        let loss = lost as f64 / self.own.echoes.len() as f64;
        // Loss comes in steps of one echo.
        let quantum = 1.0 / self.own.echoes.len() as f64;
        poll.columns.push(column("icmp_loss_ratio", "1", loss, quantum, poll.duration_ms));
        if let Some(median) = trips.get(trips.len() / 2) {
            poll.outcome = Outcome::Ok;
            let median_ms = *median as f64 / 1e6;
            poll.columns.push(column("icmp_rtt_ms", "ms", median_ms, 0.01, poll.duration_ms));
            return;
        }
        let text = format!("none of {lost} echo requests to {} was answered", self.device.address);
        (poll.outcome, poll.error) = match &self.own.network {
            Some(error) => (Outcome::Unreachable, Some(format!("{text}: {error}"))),
            None => (Outcome::Timeout, Some(text)),
        };
    }
}

fn column(metric: &str, unit: &str, value: f64, quantum: f64, at_ms: i32) -> Column {
    Column {
        metric: metric.into(),
        unit: unit.into(),
        kind: Kind::Gauge,
        scale: 1.0,
        ceiling: None,
        detect: true,
        quantum,
        instances: vec![0],
        at_ms: vec![at_ms],
        counts: vec![],
        gauges: vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cycles: &[u32], wanted: bool) {
        let mut history = History::default();
        let last = cycles.iter().map(|answered| history.limits(*answered, 3)).last();
        assert_eq!(last, Some(wanted), "{cycles:?}");
    }

    #[test]
    fn a_target_that_limits_its_replies_is_distinguished_from_a_path_that_loses() {
        check(&[0b001; 5], true);
        check(&[0b011; 5], true);
        check(&[0b101; 5], true);
        check(&[0b001; 4], false);
        check(&[0b111; 9], false);
        check(&[0; 9], false);
        check(&[0b110; 9], false);
        check(&[0b001, 0b011, 0b001, 0b101, 0b111, 0b001, 0b010], false);
    }

    proptest::proptest! {
        /// Losses by chance are hardly ever taken for a limit.
        #[test]
        fn losses_by_chance_are_losses(seed: u64, percent in 1..80u64) {
            let mut history = History::default();
            let mut state = seed | 1;
            let mut limited = 0;
            for _ in 0..1_000 {
                let mut answered = 0;
                for number in 0..5 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    answered |= u32::from((state >> 33) % 100 >= percent) << number;
                }
                limited += u32::from(history.limits(answered, 5));
            }
            proptest::prop_assert!(limited <= 30, "{limited} of 1000");
        }
    }
}

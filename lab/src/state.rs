//! What changes on a device: faults of answering, links, light; and when they end.
//!
//! Ends are carried out at the next look, at their exact time, so that a value does not
//! depend on who asked when.

use serde::{Deserialize, Serialize};

use crate::device::{Device, Interface};
use crate::noise::{Tick, join, unit};
use crate::odd::Oddities;

/// How a device answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Manners {
    pub(crate) dead: bool,
    /// Delay and jitter, ms.
    pub(crate) slow: Option<(u64, u64)>,
    pub(crate) loss: u16,
    pub(crate) wrong_id: u16,
    pub(crate) truncated: u16,
    pub(crate) garbage: u16,
    pub(crate) duplicate: u16,
    /// Delay in ms and share.
    pub(crate) late: Option<(u64, u16)>,
}

/// What ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Dead,
    Slow,
    Loss,
    WrongId,
    Truncated,
    Garbage,
    Duplicate,
    Late,
    Odd,
    Step(usize),
    Burst(usize),
    Link(usize),
    Drift(usize),
}

/// The changing part of an interface. A counter is `offset + factor · curve`; each change
/// moves the offset so that the counter goes on from where it was.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) step: f64,
    pub(crate) up: bool,
    pub(crate) rx_offset: f64,
    pub(crate) tx_offset: f64,
    pub(crate) errors_per_s: f64,
    pub(crate) error_offset: f64,
    pub(crate) changed_ms: u64,
    pub(crate) discontinuity_ms: u64,
}

impl Link {
    pub(crate) fn factor(&self) -> f64 {
        if self.up { self.step } else { 0.0 }
    }

    fn restart_at_zero(&mut self, interface: &Interface, tick: &Tick) {
        self.rx_offset = -self.factor() * interface.rx.total(tick);
        self.tx_offset = -self.factor() * interface.tx.total(tick);
        self.error_offset = -self.errors_per_s * tick.t_s;
    }

    fn change(&mut self, interface: &Interface, tick: &Tick, step: f64, up: bool, per_s: f64) {
        let before = self.factor();
        if up != self.up {
            self.changed_ms = tick.ms;
        }
        (self.step, self.up) = (step, up);
        let less = before - self.factor();
        self.rx_offset += less * interface.rx.total(tick);
        self.tx_offset += less * interface.tx.total(tick);
        self.error_offset += (self.errors_per_s - per_s) * tick.t_s;
        self.errors_per_s = per_s;
    }
}

/// The changing part of a transceiver.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Light {
    pub(crate) drift_db_per_s: f64,
    pub(crate) since_ms: u64,
}

impl Light {
    pub(crate) fn shift_db(&self, tick: &Tick) -> f64 {
        self.drift_db_per_s * tick.ms.saturating_sub(self.since_ms) as f64 / 1000.0
    }
}

/// The changing part of a device.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) manners: Manners,
    pub(crate) odd: Oddities,
    pub(crate) boot_ms: u64,
    pub(crate) silent_until_ms: u64,
    pub(crate) walk_reset_ms: Option<u64>,
    pub(crate) links: Vec<Link>,
    pub(crate) lights: Vec<Light>,
    /// Which interface stands in each slot; none while nothing was renumbered.
    pub(crate) order: Option<Vec<u16>>,
    ends: Vec<(u64, End)>,
    next_end_ms: Option<u64>,
    rolls: u64,
    /// What must outlast a restart of the lab has changed since it was kept.
    pub(crate) dirty: bool,
    /// It differs from a fresh device.
    pub(crate) changed: bool,
}

/// What outlasts a restart of the lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    boot_ms: u64,
    walk_reset_ms: Option<u64>,
    links: Vec<Link>,
    lights: Vec<Light>,
    order: Option<Vec<u16>>,
}

impl State {
    pub(crate) fn new(interfaces: &[Interface], optics: usize, epoch: &Tick) -> Self {
        let links = interfaces.iter().map(|interface| {
            let mut link = Link {
                step: 1.0,
                up: true,
                rx_offset: 0.0,
                tx_offset: 0.0,
                errors_per_s: interface.errors_per_s,
                error_offset: 0.0,
                changed_ms: 0,
                discontinuity_ms: 0,
            };
            link.restart_at_zero(interface, epoch);
            link
        });
        Self { links: links.collect(), lights: vec![Light::default(); optics], ..Self::default() }
    }

    /// The interface that stands in a slot.
    #[inline]
    pub(crate) fn place(&self, slot: u16) -> usize {
        match &self.order {
            Some(order) => usize::from(order.get(usize::from(slot)).copied().unwrap_or(slot)),
            None => usize::from(slot),
        }
    }

    pub(crate) fn kept(&self) -> Kept {
        Kept {
            boot_ms: self.boot_ms,
            walk_reset_ms: self.walk_reset_ms,
            links: self.links.clone(),
            lights: self.lights.clone(),
            order: self.order.clone(),
        }
    }

    /// Goes on from what was kept; steps and bursts have ended meanwhile, links are up.
    /// False, and nothing changed, where it is of another shape.
    pub(crate) fn restore(&mut self, kept: Kept, device: &Device, tick: &Tick) -> bool {
        let slots = device.interfaces.len();
        let order_fits = kept.order.as_ref().is_none_or(|order| {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            sorted.iter().copied().map(usize::from).eq(0..slots)
        });
        let finite = kept.links.iter().all(|link| link.factor().is_finite());
        if kept.links.len() != slots || kept.lights.len() != self.lights.len() || !order_fits {
            return false;
        }
        if !finite {
            return false;
        }
        self.boot_ms = kept.boot_ms;
        self.walk_reset_ms = kept.walk_reset_ms;
        (self.links, self.lights, self.order) = (kept.links, kept.lights, kept.order);
        for (link, interface) in self.links.iter_mut().zip(&device.interfaces) {
            link.change(interface, tick, 1.0, true, interface.errors_per_s);
        }
        self.touch();
        true
    }

    pub(crate) fn touch(&mut self) {
        (self.dirty, self.changed) = (true, true);
    }

    /// A number of this device's own sequence.
    pub(crate) fn roll(&mut self, seed: u64) -> u64 {
        self.rolls += 1;
        join(seed, self.rolls)
    }

    /// True for `permille` of 1000 calls.
    pub(crate) fn chance(&mut self, seed: u64, permille: u16) -> bool {
        permille > 0 && unit(self.roll(seed)) * 1000.0 < f64::from(permille)
    }

    /// Carries out what ended until now.
    #[inline]
    pub(crate) fn settle(&mut self, device: &Device, now_ms: u64) {
        while self.next_end_ms.is_some_and(|end_ms| end_ms <= now_ms) {
            let due = self.ends.iter().enumerate().min_by_key(|(_, end)| **end);
            let Some((place, (at_ms, end))) = due.map(|(place, end)| (place, *end)) else { break };
            self.ends.swap_remove(place);
            self.finish(device, end, at_ms);
            self.next_end_ms = self.ends.iter().map(|(at_ms, _)| *at_ms).min();
        }
    }

    pub(crate) fn plan(&mut self, end: End, at_ms: Option<u64>) {
        self.ends.retain(|(_, other)| *other != end);
        self.ends.extend(at_ms.map(|at_ms| (at_ms, end)));
        self.next_end_ms = self.ends.iter().map(|(at_ms, _)| *at_ms).min();
    }

    /// Ends all faults of answering.
    pub(crate) fn clear_manners(&mut self) {
        self.manners = Manners::default();
        self.odd.clear();
        self.ends.retain(|(_, end)| *end >= End::Step(0));
        self.next_end_ms = self.ends.iter().map(|(at_ms, _)| *at_ms).min();
    }

    pub(crate) fn finish(&mut self, device: &Device, end: End, at_ms: u64) {
        match end {
            End::Dead => self.manners.dead = false,
            End::Slow => self.manners.slow = None,
            End::Loss => self.manners.loss = 0,
            End::WrongId => self.manners.wrong_id = 0,
            End::Truncated => self.manners.truncated = 0,
            End::Garbage => self.manners.garbage = 0,
            End::Duplicate => self.manners.duplicate = 0,
            End::Late => self.manners.late = None,
            End::Odd => self.odd.clear(),
            End::Step(place) => self.relink(device, place, at_ms, |link| link.step = 1.0),
            End::Burst(place) => {
                let calm = device.interfaces.get(place).map_or(0.0, |found| found.errors_per_s);
                self.relink(device, place, at_ms, |link| link.errors_per_s = calm);
            }
            End::Link(place) => self.relink(device, place, at_ms, |link| link.up = true),
            End::Drift(place) => {
                if let Some(light) = self.lights.get_mut(place) {
                    *light = Light::default();
                }
                self.touch();
            }
        }
    }

    /// Changes an interface while its counters go on.
    pub(crate) fn relink(
        &mut self,
        device: &Device,
        place: usize,
        at_ms: u64,
        edit: impl FnOnce(&mut Link),
    ) {
        let (Some(link), Some(interface)) =
            (self.links.get_mut(place), device.interfaces.get(place))
        else {
            return;
        };
        let mut wanted = *link;
        edit(&mut wanted);
        link.change(interface, &device.tick(at_ms), wanted.step, wanted.up, wanted.errors_per_s);
        self.touch();
    }

    pub(crate) fn zero(&mut self, device: &Device, at_ms: u64) {
        let tick = device.tick(at_ms);
        for (link, interface) in self.links.iter_mut().zip(&device.interfaces) {
            link.restart_at_zero(interface, &tick);
        }
        self.walk_reset_ms = Some(at_ms);
        self.touch();
    }
}

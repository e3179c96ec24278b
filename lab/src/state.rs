//! What changes on a device: faults of answering, links, light; and when they end.
//!
//! Ends are carried out at the next look, at their exact time, so that a value does not
//! depend on who asked when.

use serde::{Deserialize, Serialize};

use crate::device::{Device, Interface};
use crate::fault::{Fault, FaultError};
use crate::noise::{Tick, join, mix, unit};

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
    Step(usize),
    Burst(usize),
    Link(usize),
    Drift(usize),
}

/// The changing part of an interface. A counter is `offset + factor · curve`; each change
/// moves the offset so that the counter goes on from where it was.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Link {
    step: f64,
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

    fn from_zero(&mut self, interface: &Interface, tick: &Tick) {
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
    drift_db_per_s: f64,
    since_ms: u64,
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
    pub(crate) boot_ms: u64,
    pub(crate) silent_until_ms: u64,
    pub(crate) walk_reset_ms: Option<u64>,
    pub(crate) links: Vec<Link>,
    pub(crate) lights: Vec<Light>,
    /// Which interface stands in each slot; none while nothing was renumbered.
    order: Option<Vec<u16>>,
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
            link.from_zero(interface, epoch);
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

    fn touch(&mut self) {
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

    fn plan(&mut self, end: End, at_ms: Option<u64>) {
        self.ends.retain(|(_, other)| *other != end);
        self.ends.extend(at_ms.map(|at_ms| (at_ms, end)));
        self.next_end_ms = self.ends.iter().map(|(at_ms, _)| *at_ms).min();
    }

    fn finish(&mut self, device: &Device, end: End, at_ms: u64) {
        match end {
            End::Dead => self.manners.dead = false,
            End::Slow => self.manners.slow = None,
            End::Loss => self.manners.loss = 0,
            End::WrongId => self.manners.wrong_id = 0,
            End::Truncated => self.manners.truncated = 0,
            End::Garbage => self.manners.garbage = 0,
            End::Duplicate => self.manners.duplicate = 0,
            End::Late => self.manners.late = None,
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
    fn relink(&mut self, device: &Device, place: usize, at_ms: u64, edit: impl FnOnce(&mut Link)) {
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

    fn zero(&mut self, device: &Device, at_ms: u64) {
        let tick = device.tick(at_ms);
        for (link, interface) in self.links.iter_mut().zip(&device.interfaces) {
            link.from_zero(interface, &tick);
        }
        self.walk_reset_ms = Some(at_ms);
        self.touch();
    }

    /// Carries out a fault at `now_ms` of the lab's clock. The fault is [`Fault::check`]ed.
    pub(crate) fn inject(
        &mut self,
        device: &Device,
        fault: &Fault,
        for_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<(), FaultError> {
        self.settle(device, now_ms);
        let until = |for_ms: u64| Some(now_ms.saturating_add(for_ms));
        let end_ms = for_ms.and_then(until);
        match fault {
            Fault::Slow { delay_ms, jitter_ms } => {
                self.manners.slow = Some((*delay_ms, *jitter_ms));
                self.plan(End::Slow, end_ms);
            }
            Fault::Dead => {
                self.manners.dead = true;
                self.plan(End::Dead, end_ms);
            }
            Fault::Alive => self.finish(device, End::Dead, now_ms),
            Fault::Loss { permille } => {
                self.manners.loss = *permille;
                self.plan(End::Loss, end_ms);
            }
            Fault::WrongRequestId { permille } => {
                self.manners.wrong_id = *permille;
                self.plan(End::WrongId, end_ms);
            }
            Fault::Truncated { permille } => {
                self.manners.truncated = *permille;
                self.plan(End::Truncated, end_ms);
            }
            Fault::Garbage { permille } => {
                self.manners.garbage = *permille;
                self.plan(End::Garbage, end_ms);
            }
            Fault::Duplicate { permille } => {
                self.manners.duplicate = *permille;
                self.plan(End::Duplicate, end_ms);
            }
            Fault::Late { delay_ms, permille } => {
                self.manners.late = Some((*delay_ms, *permille));
                self.plan(End::Late, end_ms);
            }
            Fault::Clear => {
                self.manners = Manners::default();
                self.ends.retain(|(_, end)| *end >= End::Step(0));
                self.next_end_ms = self.ends.iter().map(|(at_ms, _)| *at_ms).min();
            }
            Fault::Reboot { down_ms } => {
                self.boot_ms = now_ms.saturating_add(*down_ms);
                self.silent_until_ms = self.boot_ms;
                self.zero(device, self.boot_ms);
                for link in &mut self.links {
                    (link.changed_ms, link.discontinuity_ms) = (self.boot_ms, 0);
                }
            }
            Fault::CounterReset { announced } => {
                self.zero(device, now_ms);
                if *announced {
                    self.links.iter_mut().for_each(|link| link.discontinuity_ms = now_ms);
                }
            }
            Fault::Renumber
            | Fault::OpticalDrift { .. }
            | Fault::OpticalHeal
            | Fault::TrafficStep { .. }
            | Fault::ErrorBurst { .. }
            | Fault::LinkDown { .. }
            | Fault::LinkUp { .. } => return self.inject_parts(device, fault, end_ms, now_ms),
        }
        Ok(())
    }

    /// Faults of interfaces and transceivers.
    fn inject_parts(
        &mut self,
        device: &Device,
        fault: &Fault,
        end_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<(), FaultError> {
        if !device.generated {
            return Err(FaultError::NotGenerated { device: device.name.clone() });
        }
        let until = |for_ms: u64| Some(now_ms.saturating_add(for_ms));
        match fault {
            Fault::Renumber => self.renumber(device),
            Fault::OpticalDrift { db_per_s, instance } => {
                for place in self.optics(device, instance.as_deref())? {
                    self.lights[place] = Light { drift_db_per_s: *db_per_s, since_ms: now_ms };
                    self.plan(End::Drift(place), end_ms);
                }
                self.touch();
            }
            Fault::OpticalHeal => {
                for place in 0..self.lights.len() {
                    self.plan(End::Drift(place), None);
                    self.finish(device, End::Drift(place), now_ms);
                }
            }
            Fault::TrafficStep { instance, factor, for_ms } => {
                for place in self.interfaces(device, instance)? {
                    let limit = device.interfaces[place].factor_limit();
                    self.relink(device, place, now_ms, |link| link.step = factor.min(limit));
                    self.plan(End::Step(place), until(*for_ms));
                }
            }
            Fault::ErrorBurst { instance, per_s, for_ms } => {
                for place in self.interfaces(device, instance)? {
                    let calm = device.interfaces[place].errors_per_s;
                    self.relink(device, place, now_ms, |link| link.errors_per_s = calm + per_s);
                    self.plan(End::Burst(place), until(*for_ms));
                }
            }
            Fault::LinkDown { instance, for_ms } => {
                for place in self.interfaces(device, instance)? {
                    self.relink(device, place, now_ms, |link| link.up = false);
                    self.plan(End::Link(place), for_ms.and_then(until));
                }
            }
            Fault::LinkUp { instance } => {
                for place in self.interfaces(device, instance)? {
                    self.plan(End::Link(place), None);
                    self.finish(device, End::Link(place), now_ms);
                }
            }
            Fault::Slow { .. }
            | Fault::Dead
            | Fault::Alive
            | Fault::Loss { .. }
            | Fault::Reboot { .. }
            | Fault::CounterReset { .. }
            | Fault::WrongRequestId { .. }
            | Fault::Truncated { .. }
            | Fault::Garbage { .. }
            | Fault::Duplicate { .. }
            | Fault::Late { .. }
            | Fault::Clear => {}
        }
        Ok(())
    }

    /// Deals the interfaces to other slots: a rotation after a shuffle, so that with two or
    /// more interfaces something always moves.
    fn renumber(&mut self, device: &Device) {
        let before: Vec<u16> =
            (0..device.interfaces.len() as u16).map(|slot| self.place(slot) as u16).collect();
        let mut order = before.clone();
        for place in (1..order.len()).rev() {
            let other = self.roll(device.seed) as usize % (place + 1);
            order.swap(place, other);
        }
        if order == before {
            order.rotate_left(1);
        }
        self.order = Some(order);
        self.touch();
    }

    fn interfaces(&mut self, device: &Device, instance: &str) -> Result<Vec<usize>, FaultError> {
        let texts = &device.texts;
        let up: Vec<usize> = (0..texts.len())
            .filter(|place| device.interfaces[*place].enabled && self.links[*place].up)
            .collect();
        let found = match instance {
            "*" => (0..texts.len()).collect(),
            "?" if up.is_empty() => vec![],
            "?" => vec![up[mix(self.roll(device.seed)) as usize % up.len()]],
            name => texts.iter().position(|text| text.name == name).into_iter().collect(),
        };
        let known = || texts.iter().take(8).map(|text| text.name.clone()).collect::<Vec<_>>();
        Self::some(found, device, instance, known)
    }

    fn optics(&mut self, device: &Device, port: Option<&str>) -> Result<Vec<usize>, FaultError> {
        let count = device.optics.len();
        let found = match port {
            None | Some("*") => (0..count).collect(),
            Some("?") if count > 0 => vec![self.roll(device.seed) as usize % count],
            Some(port) => {
                let port = port.parse::<usize>().ok().filter(|port| (1..=count).contains(port));
                port.map(|port| port - 1).into_iter().collect()
            }
        };
        let known = || vec![format!("transceivers 1 to {count}")];
        Self::some(found, device, port.unwrap_or("*"), known)
    }

    fn some(
        found: Vec<usize>,
        device: &Device,
        instance: &str,
        known: impl FnOnce() -> Vec<String>,
    ) -> Result<Vec<usize>, FaultError> {
        if !found.is_empty() {
            return Ok(found);
        }
        let (device, instance) = (device.name.clone(), instance.to_owned());
        Err(FaultError::NoInstance { device, instance, known: known().join(", ") })
    }
}

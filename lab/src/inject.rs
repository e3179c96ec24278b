//! Carries out faults on a device's state.

use crate::device::Device;
use crate::fault::{Fault, FaultError};
use crate::noise::mix;
use crate::state::{End, Light, State};

impl State {
    /// Carries out a fault at `now_ms` of the lab's clock. The fault is [`Fault::check`]ed.
    pub(crate) fn inject(
        &mut self,
        device: &Device,
        fault: &Fault,
        for_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<(), FaultError> {
        self.settle(device, now_ms);
        let end_ms = for_ms.map(|for_ms| now_ms.saturating_add(for_ms));
        let mut ends = None;
        match fault {
            Fault::Slow { delay_ms, jitter_ms } => {
                self.manners.slow = Some((*delay_ms, *jitter_ms));
                ends = Some(End::Slow);
            }
            Fault::Dead => {
                self.manners.dead = true;
                ends = Some(End::Dead);
            }
            Fault::Alive => self.finish(device, End::Dead, now_ms),
            Fault::Loss { permille } => {
                (self.manners.loss, ends) = (*permille, Some(End::Loss));
            }
            Fault::WrongRequestId { permille } => {
                (self.manners.wrong_id, ends) = (*permille, Some(End::WrongId));
            }
            Fault::Truncated { permille } => {
                (self.manners.truncated, ends) = (*permille, Some(End::Truncated));
            }
            Fault::Garbage { permille } => {
                (self.manners.garbage, ends) = (*permille, Some(End::Garbage));
            }
            Fault::Duplicate { permille } => {
                (self.manners.duplicate, ends) = (*permille, Some(End::Duplicate));
            }
            Fault::Late { delay_ms, permille } => {
                self.manners.late = Some((*delay_ms, *permille));
                ends = Some(End::Late);
            }
            Fault::Odd { how } => {
                self.odd.add(how);
                ends = Some(End::Odd);
            }
            Fault::Clear => self.clear_manners(),
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
        if let Some(end) = ends {
            self.plan(end, end_ms);
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
            | Fault::Odd { .. }
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

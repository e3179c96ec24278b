//! A hashed timer wheel: constant time to set, nothing to cancel (the owner checks whether what
//! fires still matters).

/// Length of a slot.
pub(crate) const TICK_MS: u64 = 4;
const SLOTS: usize = 4_096;

/// Timers in milliseconds of the owner's clock.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    slots: Vec<Vec<(u64, T)>>,
    /// The next tick to fire.
    next: u64,
    len: usize,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: u64) -> Self {
        let slots = std::iter::repeat_with(Vec::new).take(SLOTS).collect();
        Self { slots, next: now / TICK_MS, len: 0 }
    }

    /// Fires at `at` or up to a tick later, never earlier.
    pub(crate) fn set(&mut self, at: u64, timer: T) {
        let tick = at.div_ceil(TICK_MS).max(self.next);
        if let Some(slot) = self.slots.get_mut(tick as usize % SLOTS) {
            slot.push((tick, timer));
            self.len += 1;
        }
    }

    /// Moves everything that is due into `due`.
    pub(crate) fn advance(&mut self, now: u64, due: &mut impl Extend<T>) {
        let last = now / TICK_MS;
        if last < self.next {
            return;
        }
        // After a long stop every slot is visited once.
        let first = self.next.max((last + 1).saturating_sub(SLOTS as u64));
        for tick in first..=last {
            let Some(slot) = self.slots.get_mut(tick as usize % SLOTS) else { continue };
            let before = slot.len();
            due.extend(slot.extract_if(.., |(at, _)| *at <= last).map(|(_, timer)| timer));
            self.len -= before - slot.len();
        }
        self.next = last + 1;
    }

    /// Milliseconds until something may be due, at most `most`.
    pub(crate) fn wait(&self, now: u64, most: u64) -> u64 {
        if self.len == 0 {
            return most;
        }
        for tick in self.next..self.next + most / TICK_MS {
            if self.slots.get(tick as usize % SLOTS).is_some_and(|slot| !slot.is_empty()) {
                return (tick * TICK_MS).saturating_sub(now).min(most);
            }
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_once_in_time_and_never_early() {
        let mut wheel = Wheel::new(1_000);
        let times: Vec<u64> = (0..2_000).map(|n| 1_000 + (n * 7_919) % 60_000).collect();
        for at in &times {
            wheel.set(*at, *at);
        }
        let (mut now, mut fired) = (1_000, Vec::new());
        while now < 70_000 {
            let mut due = Vec::new();
            wheel.advance(now, &mut due);
            for at in due {
                assert!(at <= now && now < at + 2 * TICK_MS + 13, "{at} fired at {now}");
                fired.push(at);
            }
            now += 1 + now % 13;
        }
        fired.sort_unstable();
        let mut wanted = times;
        wanted.sort_unstable();
        assert_eq!(fired, wanted);
        assert_eq!(wheel.len, 0);
    }

    #[test]
    fn after_a_long_stop_everything_due_fires() {
        let mut wheel = Wheel::new(0);
        for at in [0, 5, 20_000, 90_000] {
            wheel.set(at, at);
        }
        let mut due = Vec::new();
        wheel.advance(80_000, &mut due);
        due.sort_unstable();
        assert_eq!(due, [0, 5, 20_000]);
        assert!(wheel.wait(80_000, 250) <= 250);
    }
}

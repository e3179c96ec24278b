//! Groups: which member owns which partition, decided without I/O.
//!
//! A partition has an owner (who may commit for it) and a target (who should have it). It moves
//! when the owner has been notified (`take_revoked`) and has polled again (`release`), or is gone.
//! Only then is it given to its target (`take_assigned`). Partitions whose target is their owner
//! notice nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assign::assign;

struct Seat {
    slot: String,
    seen_ms: i64,
    revoking: BTreeSet<i32>,
}

pub(super) struct Group {
    pub(super) topic: Arc<str>,
    seats: BTreeMap<u64, Seat>,
    owner: Vec<Option<u64>>,
    target: Vec<Option<u64>>,
}

fn index(partition: i32) -> usize {
    usize::try_from(partition).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "from an i32")]
fn number(index: usize) -> i32 {
    index as i32
}

impl Group {
    pub(super) fn new(topic: Arc<str>, partitions: i32) -> Self {
        let none = vec![None; index(partitions)];
        Self { topic, seats: BTreeMap::new(), owner: none.clone(), target: none }
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.seats.contains_key(&id)
    }

    /// Who sits in this slot.
    pub(super) fn sitting(&self, slot: &str) -> Option<u64> {
        self.seats.iter().find(|(_, seat)| seat.slot == slot).map(|(id, _)| *id)
    }

    /// Takes a seat; the member that had the slot is out, and its partitions are kept for `id`.
    pub(super) fn join(&mut self, id: u64, slot: &str, now_ms: i64) {
        let mut current = self.current();
        if let Some(old) = self.sitting(slot) {
            self.seats.remove(&old);
            for owner in self.owner.iter_mut().filter(|o| **o == Some(old)) {
                *owner = None;
            }
            for holder in current.iter_mut().filter(|c| **c == Some(old)) {
                *holder = Some(id);
            }
        }
        let seat = Seat { slot: slot.to_owned(), seen_ms: now_ms, revoking: BTreeSet::new() };
        self.seats.insert(id, seat);
        self.rebalance(&current);
    }

    pub(super) fn leave(&mut self, id: u64) {
        if self.seats.remove(&id).is_none() {
            return;
        }
        for owner in self.owner.iter_mut().filter(|o| **o == Some(id)) {
            *owner = None;
        }
        let current = self.current();
        self.rebalance(&current);
    }

    pub(super) fn seen(&mut self, id: u64, now_ms: i64) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.seen_ms = now_ms;
        }
    }

    pub(super) fn last_seen(&self) -> Option<i64> {
        self.seats.values().map(|seat| seat.seen_ms).max()
    }

    /// Gives every member this much more time.
    pub(super) fn forgive(&mut self, now_ms: i64) {
        for seat in self.seats.values_mut() {
            seat.seen_ms = now_ms;
        }
    }

    /// Members not seen since `before_ms`.
    pub(super) fn silent(&self, before_ms: i64) -> Vec<u64> {
        self.seats.iter().filter(|(_, s)| s.seen_ms < before_ms).map(|(id, _)| *id).collect()
    }

    pub(super) fn owns(&self, id: u64, partition: i32) -> bool {
        self.owner.get(index(partition)) == Some(&Some(id))
    }

    /// Partitions that `id` must give up and has not been notified of; marks them as notified.
    pub(super) fn take_revoked(&mut self, id: u64) -> Vec<i32> {
        let Some(seat) = self.seats.get_mut(&id) else { return Vec::new() };
        let revoked: Vec<i32> = self
            .owner
            .iter()
            .zip(&self.target)
            .enumerate()
            .filter(|(_, (owner, target))| **owner == Some(id) && **target != Some(id))
            .map(|(p, _)| number(p))
            .filter(|p| !seat.revoking.contains(p))
            .collect();
        seat.revoking.extend(&revoked);
        revoked
    }

    /// `id` has let go of what it was asked to.
    pub(super) fn release(&mut self, id: u64) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        for partition in std::mem::take(&mut seat.revoking) {
            if let Some(owner) = self.owner.get_mut(index(partition))
                && *owner == Some(id)
            {
                *owner = None;
            }
        }
    }

    /// Free partitions meant for `id`, from now on its own.
    pub(super) fn take_assigned(&mut self, id: u64) -> Vec<i32> {
        let mut given = Vec::new();
        for (p, (owner, target)) in self.owner.iter_mut().zip(&self.target).enumerate() {
            if owner.is_none() && *target == Some(id) {
                *owner = Some(id);
                given.push(number(p));
            }
        }
        given
    }

    fn current(&self) -> Vec<Option<u64>> {
        self.owner.iter().zip(&self.target).map(|(owner, target)| owner.or(*target)).collect()
    }

    fn rebalance(&mut self, current: &[Option<u64>]) {
        let mut members: Vec<(&str, u64)> =
            self.seats.iter().map(|(id, seat)| (seat.slot.as_str(), *id)).collect();
        members.sort_unstable();
        let members: Vec<u64> = members.into_iter().map(|(_, id)| id).collect();
        self.target = assign(current, &members);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        let mut group = Group::new("t".into(), 4);
        group.join(1, "a", 0);
        assert_eq!(group.take_assigned(1), [0, 1, 2, 3]);
        group
    }

    #[test]
    fn only_what_moves_is_revoked_and_only_after_the_old_owner_knows() {
        let mut group = group();
        group.join(2, "b", 0);
        assert_eq!(group.take_assigned(2), [] as [i32; 0]);
        assert_eq!(group.take_revoked(1), [2, 3]);
        assert_eq!(group.take_revoked(1), [] as [i32; 0]);
        assert!(group.owns(1, 2), "for one last commit");
        assert_eq!(group.take_assigned(2), [] as [i32; 0]);
        group.release(1);
        assert!(!group.owns(1, 2) && group.owns(1, 1));
        assert_eq!(group.take_assigned(2), [2, 3]);
    }

    #[test]
    fn a_slot_taken_keeps_its_partitions_and_moves_no_others() {
        let mut group = group();
        group.join(2, "b", 0);
        group.take_revoked(1);
        group.release(1);
        group.take_assigned(2);
        group.join(3, "b", 0);
        assert!(!group.has(2) && !group.owns(2, 2));
        assert_eq!(group.take_revoked(1), [] as [i32; 0]);
        assert_eq!(group.take_assigned(3), [2, 3]);
    }

    #[test]
    fn who_leaves_or_is_silent_frees_its_partitions() {
        let mut group = group();
        group.join(2, "b", 0);
        group.seen(2, 50);
        assert_eq!(group.silent(50), [1]);
        group.leave(1);
        assert_eq!(group.take_assigned(2), [0, 1, 2, 3]);
    }

    #[test]
    fn a_partition_may_come_back_while_it_is_given_up() {
        let mut group = group();
        group.join(2, "b", 0);
        assert_eq!(group.take_revoked(1), [2, 3]);
        group.leave(2);
        group.release(1);
        assert_eq!(group.take_assigned(1), [2, 3]);
    }
}

//! Groups hand partitions over without two owners and without stopping what stays.

use super::*;

fn member(h: &dyn Harness, group: &str, topic: &Arc<str>, slot: &str) -> Box<dyn Member> {
    until(h, "a seat in the group", || match h.log().member(&spec(group, topic, slot)) {
        Ok(member) => Some(member),
        Err(LogError::Retry { .. }) => None,
        Err(error) => panic!("{error}"),
    })
}

/// Polls both until they share the partitions evenly; at no time does one have what is the
/// other's.
fn share<M: Member + ?Sized>(
    h: &dyn Harness,
    (a, seen_a): (&mut M, &mut Seen),
    (b, seen_b): (&mut M, &mut Seen),
    partitions: usize,
) {
    until(h, "two members to share", || {
        seen_a.poll(a);
        assert!(seen_a.owned.is_disjoint(&seen_b.owned), "two owners");
        seen_b.poll(b);
        assert!(seen_a.owned.is_disjoint(&seen_b.owned), "two owners");
        (seen_a.owned.len() == partitions / 2 && seen_b.owned.len() == partitions / 2).then_some(())
    });
}

pub(crate) fn one_member_gets_all(h: &dyn Harness) {
    let topic = topic(h, 5, DAY);
    produce(h, (0..50).map(|n| record(&topic, n % 5, "k", &n.to_string())).collect());
    let mut member = member(h, &fresh("g"), &topic, "0");
    let mut seen = Seen::default();
    until(h, "all records", || {
        seen.poll(&mut *member);
        (seen.records.len() == 50).then_some(())
    });
    assert_eq!(seen.owned, (0..5).collect());
    for partition in 0..5 {
        let mine: Vec<Record> =
            seen.records.iter().filter(|r| r.partition == partition).cloned().collect();
        let want: Vec<String> = (0..10).map(|n| (5 * n + partition).to_string()).collect();
        assert_eq!(values(&mine), want);
    }
}

pub(crate) fn only_what_moves_is_revoked(h: &dyn Harness) {
    let topic = topic(h, 4, DAY);
    let group = fresh("g");
    let mut a = member(h, &group, &topic, "a");
    let mut seen_a = Seen::default();
    seen_a.wait(h, &mut *a, 4);
    let mut b = member(h, &group, &topic, "b");
    let mut seen_b = Seen::default();
    share(h, (&mut *a, &mut seen_a), (&mut *b, &mut seen_b), 4);
    assert_eq!(seen_a.revoked, seen_b.owned, "only what moved");
    assert!(seen_a.lost.is_empty() && seen_b.lost.is_empty() && seen_b.revoked.is_empty());
    // What stayed goes on without being started again, and nothing comes twice or elsewhere.
    produce(h, (0..40).map(|n| record(&topic, n % 4, "k", &n.to_string())).collect());
    until(h, "all records", || {
        seen_a.poll(&mut *a);
        seen_b.poll(&mut *b);
        (seen_a.records.len() + seen_b.records.len() >= 40).then_some(())
    });
    assert_eq!((seen_a.records.len(), seen_b.records.len()), (20, 20));
}

pub(crate) fn revoked_may_commit_once_more(h: &dyn Harness) {
    let topic = topic(h, 2, DAY);
    let group = fresh("g");
    let mut a = join(h, &spec(&group, &topic, "a"));
    let mut seen_a = Seen::default();
    seen_a.wait(h, &mut *a, 2);
    let mut b = join(h, &spec(&group, &topic, "b"));
    let mut seen_b = Seen::default();
    let moved = until(h, "a partition to be revoked", || {
        seen_b.poll(&mut *b);
        assert!(seen_b.owned.is_empty(), "still another's");
        match a.poll(POLL).unwrap() {
            Event::Revoked(partitions) => Some(partitions),
            Event::Assigned(_) | Event::Records(_) | Event::Lost(_) | Event::Idle => None,
        }
    });
    assert_eq!(moved.len(), 1);
    a.send(record(&topic, 0, "k", "last words")).unwrap();
    commit(&mut *a, &[at(moved[0], 33)]);
    let mut seen_a = Seen { owned: [1 - moved[0]].into(), ..Seen::default() };
    until(h, "the partition to move", || {
        seen_a.poll(&mut *a);
        seen_b.poll(&mut *b);
        (seen_b.owned.len() == 1).then_some(())
    });
    assert!(values(&all(h, &topic, 2)).contains(&"last words".to_owned()));
    let late = a.commit(&[at(moved[0], 34)]);
    assert!(matches!(late, Err(LogError::Fenced { .. })), "{late:?}");
}

pub(crate) fn leaving_hands_over(h: &dyn Harness) {
    let topic = topic(h, 4, DAY);
    let group = fresh("g");
    let (mut a, mut b) = (member(h, &group, &topic, "a"), member(h, &group, &topic, "b"));
    let (mut seen_a, mut seen_b) = (Seen::default(), Seen::default());
    share(h, (&mut *a, &mut seen_a), (&mut *b, &mut seen_b), 4);
    let kept = seen_a.owned.clone();
    a.leave();
    seen_b.wait(h, &mut *b, 4);
    assert!(seen_b.owned.is_superset(&kept) && seen_b.revoked.is_subset(&kept));
}

pub(crate) fn drop_hands_over(h: &dyn Harness) {
    let topic = topic(h, 4, DAY);
    let group = fresh("g");
    let (mut a, mut b) = (member(h, &group, &topic, "a"), member(h, &group, &topic, "b"));
    let (mut seen_a, mut seen_b) = (Seen::default(), Seen::default());
    share(h, (&mut *a, &mut seen_a), (&mut *b, &mut seen_b), 4);
    drop(a);
    seen_b.wait(h, &mut *b, 4);
}

pub(crate) fn held_member_stays(h: &dyn Harness) {
    let topic = topic(h, 2, DAY);
    let group = fresh("g");
    let mut a = member(h, &group, &topic, "a");
    let mut seen_a = Seen::default();
    seen_a.wait(h, &mut *a, 2);
    a.hold(true).unwrap();
    // What was fetched before the hold may be on its way; afterwards nothing comes.
    seen_a.poll(&mut *a);
    produce(h, (0..10).map(|n| record(&topic, n % 2, "k", &n.to_string())).collect());
    for _ in 0..30 {
        seen_a.poll(&mut *a);
        h.pass(Duration::from_millis(500));
    }
    assert!(seen_a.records.is_empty() && seen_a.lost.is_empty());
    assert_eq!(seen_a.owned.len(), 2);
    // Membership goes on: a second member gets its part while the first is held.
    let mut b = member(h, &group, &topic, "b");
    let mut seen_b = Seen::default();
    share(h, (&mut *a, &mut seen_a), (&mut *b, &mut seen_b), 2);
    a.hold(false).unwrap();
    until(h, "records after the hold", || {
        seen_a.poll(&mut *a);
        seen_b.poll(&mut *b);
        (seen_a.records.len() == 5).then_some(())
    });
}

pub(crate) fn taken_slot_gets_the_same_partitions(h: &dyn Harness) {
    let topic = topic(h, 4, DAY);
    let group = fresh("g");
    let (mut a, mut b) = (member(h, &group, &topic, "a"), member(h, &group, &topic, "b"));
    let (mut seen_a, mut seen_b) = (Seen::default(), Seen::default());
    share(h, (&mut *a, &mut seen_a), (&mut *b, &mut seen_b), 4);
    let mut heir = member(h, &group, &topic, "b");
    let mut seen = Seen::default();
    until(h, "the heir to get its part", || {
        seen_a.poll(&mut *a);
        seen.poll(&mut *heir);
        (seen.owned.len() == 2).then_some(())
    });
    assert!(seen.owned.is_disjoint(&seen_a.owned));
    until(h, "the predecessor to be fenced", || match b.poll(POLL) {
        Err(LogError::Fenced { .. }) => Some(()),
        Ok(_) | Err(_) => None,
    });
}

pub(crate) fn groups_are_independent(h: &dyn Harness) {
    let topic = topic(h, 2, DAY);
    produce(h, (0..10).map(|n| record(&topic, n % 2, "k", &n.to_string())).collect());
    for _ in 0..2 {
        let mut member = member(h, &fresh("g"), &topic, "0");
        let mut seen = Seen::default();
        until(h, "all records", || {
            seen.poll(&mut *member);
            (seen.records.len() == 10).then_some(())
        });
    }
}

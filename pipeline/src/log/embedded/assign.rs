//! Who gets which partition: balanced, sticky, the same for the same input.

/// The new owner of each partition. `current` is who has it now (or is about to get it) and
/// `members` who is there, both in the caller's order. Counts differ by at most one; no
/// partition moves that need not.
pub(super) fn assign(current: &[Option<u64>], members: &[u64]) -> Vec<Option<u64>> {
    if members.is_empty() {
        return vec![None; current.len()];
    }
    let held = |m: u64| current.iter().filter(|c| **c == Some(m)).count();
    let base = current.len() / members.len();
    let extra = current.len() % members.len();
    // Those who hold most keep most; among equals the first comes first.
    let mut order: Vec<(usize, usize)> =
        members.iter().enumerate().map(|(i, m)| (i, held(*m))).collect();
    order.sort_by_key(|(i, held)| (std::cmp::Reverse(*held), *i));
    let mut quota = vec![base; members.len()];
    for (i, _) in order.iter().take(extra) {
        quota[*i] += 1;
    }
    let mut owners = vec![None; current.len()];
    for (p, holder) in current.iter().enumerate() {
        if let Some(i) = holder.and_then(|h| members.iter().position(|m| *m == h))
            && quota[i] > 0
        {
            quota[i] -= 1;
            owners[p] = Some(members[i]);
        }
    }
    for owner in owners.iter_mut().filter(|o| o.is_none()) {
        // The emptiest first keeps a fresh start spread: 0 to the first, 1 to the second …
        let open = quota.iter().enumerate().max_by_key(|(i, q)| (**q, std::cmp::Reverse(*i)));
        if let Some((i, _)) = open {
            quota[i] -= 1;
            *owner = Some(members[i]);
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(current: &[u64], members: &[u64], want: &[u64]) {
        let current: Vec<Option<u64>> = current.iter().map(|m| (*m > 0).then_some(*m)).collect();
        let got: Vec<u64> =
            assign(&current, members).into_iter().map(Option::unwrap_or_default).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn cases() {
        check(&[0, 0, 0, 0], &[1, 2], &[1, 2, 1, 2]);
        check(&[1, 1, 1, 1], &[1, 2], &[1, 1, 2, 2]);
        check(&[1, 1, 2, 2], &[2], &[2, 2, 2, 2]);
        check(&[1, 1, 2], &[1, 2, 3], &[1, 3, 2]);
        check(&[2, 2, 1], &[1, 2], &[2, 2, 1]);
        check(&[1], &[1, 2], &[1]);
        check(&[1, 1], &[], &[0, 0]);
    }

    proptest! {
        #[test]
        fn balanced_and_sticky(
            current in prop::collection::vec(0_u64..6, 1..40),
            members in prop::collection::btree_set(1_u64..6, 1..5),
        ) {
            let current: Vec<Option<u64>> =
                current.iter().map(|m| (*m > 0).then_some(*m)).collect();
            let members: Vec<u64> = members.into_iter().collect();
            let got = assign(&current, &members);
            let count = |m: u64| got.iter().filter(|o| **o == Some(m)).count();
            let (low, high) = (current.len() / members.len(), current.len().div_ceil(members.len()));
            for m in &members {
                prop_assert!((low..=high).contains(&count(*m)));
                // Whoever got something new had room for all that it held.
                let held = current.iter().filter(|c| **c == Some(*m)).count();
                let kept = (0..got.len())
                    .filter(|p| got[*p] == Some(*m) && current[*p] == Some(*m)).count();
                prop_assert!(count(*m) == kept || kept == held);
            }
            prop_assert_eq!(assign(&got, &members), got);
        }
    }
}

//! How long polls take, by profile and table: as many histograms as there are profiles and tables,
//! however many devices are polled.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Upper bounds of the buckets, ms; what is above all is counted in the total alone.
pub const BUCKETS_MS: [u64; 12] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/// What the answers to GETs outside of any table are waited for under.
pub(crate) const SCALARS: &str = "scalars";
/// The profile under which echo requests are counted.
pub(crate) const ECHO: &str = "icmp";
/// The profile of a device that has not said yet what it is.
pub(crate) const UNKNOWN: &str = "unknown";

/// How often how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Of each of [`BUCKETS_MS`] how many took as long or less.
    pub at_most: [u64; BUCKETS_MS.len()],
    /// How many.
    pub count: u64,
    /// All of them together, ms.
    pub sum_ms: u64,
}

impl Histogram {
    fn add(&mut self, ms: u64) {
        for (bucket, bound) in self.at_most.iter_mut().zip(BUCKETS_MS) {
            *bucket += u64::from(ms <= bound);
        }
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }
}

/// How long polls by one profile took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileDurations {
    /// From a poll's start to its end.
    pub polls: Histogram,
    /// By table, how long a poll waited for its answers; requests side by side count each.
    pub tables: BTreeMap<String, Histogram>,
}

/// Durations of all polls of a poller run.
#[derive(Debug, Default)]
pub(crate) struct Durations(Mutex<BTreeMap<String, ProfileDurations>>);

impl Durations {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ProfileDurations>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a poll that ended.
    pub(crate) fn add<'a>(
        &self,
        profile: &str,
        took_ms: u64,
        waited: impl Iterator<Item = (&'a str, u64)>,
    ) {
        let mut all = self.lock();
        if !all.contains_key(profile) {
            all.insert(profile.to_owned(), ProfileDurations::default());
        }
        let Some(of_profile) = all.get_mut(profile) else { return };
        of_profile.polls.add(took_ms);
        for (table, ms) in waited {
            match of_profile.tables.get_mut(table) {
                Some(histogram) => histogram.add(ms),
                None => of_profile.tables.entry(table.to_owned()).or_default().add(ms),
            }
        }
    }

    pub(crate) fn all(&self) -> BTreeMap<String, ProfileDurations> {
        self.lock().clone()
    }
}

/// How long one poll has waited for answers, by the tables of its profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    scalars: Option<u64>,
    /// By the table's place in the profile.
    tables: Vec<Option<u64>>,
}

impl Waits {
    /// A poll begins.
    pub(crate) fn clear(&mut self) {
        self.scalars = None;
        self.tables.clear();
    }

    /// A request for this table, or for none, was answered or given up.
    pub(crate) fn add(&mut self, table: Option<u16>, ms: u64) {
        let slot = match table {
            None => &mut self.scalars,
            Some(table) => {
                let at = usize::from(table);
                if self.tables.len() <= at {
                    self.tables.resize(at + 1, None);
                }
                match self.tables.get_mut(at) {
                    Some(slot) => slot,
                    None => &mut self.scalars,
                }
            }
        };
        *slot = Some(slot.unwrap_or(0).saturating_add(ms));
    }

    /// Name and time of what was waited for.
    pub(crate) fn named<'n>(
        &self,
        name: impl Fn(usize) -> Option<&'n str>,
    ) -> impl Iterator<Item = (&'n str, u64)> {
        let scalars = self.scalars.map(|ms| (SCALARS, ms)).into_iter();
        let table = move |(at, ms): (usize, &Option<u64>)| Some((name(at)?, (*ms)?));
        scalars.chain(self.tables.iter().enumerate().filter_map(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_counted_by_profile_and_table() {
        let durations = Durations::default();
        let mut waits = Waits::default();
        waits.add(None, 3);
        waits.add(Some(2), 40);
        waits.add(Some(2), 60);
        fn name(at: usize) -> Option<&'static str> {
            ["a", "b", "c"].get(at).copied()
        }
        assert_eq!(waits.named(name).collect::<Vec<_>>(), [(SCALARS, 3), ("c", 100)]);
        durations.add("p", 120, waits.named(name));
        waits.clear();
        assert_eq!(waits.named(name).count(), 0);
        durations.add("p", 40_000, waits.named(name));
        let all = durations.all();
        let polls = all["p"].polls;
        assert_eq!((polls.count, polls.sum_ms), (2, 40_120));
        assert_eq!(polls.at_most, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(all["p"].tables["c"].at_most, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(all["p"].tables.len(), 2);
    }
}

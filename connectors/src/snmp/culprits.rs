//! What a device refuses or is slow with: remembered, so that it costs the rest of the device
//! nothing, and tried again seldom.

use super::ask::{Column, Part, Scalar};
use crate::profiles::Profile;

/// Culprits kept for a device; with more the oldest goes and is found again.
pub(crate) const MAX_CULPRITS: usize = 64;
/// How long something refused is left alone; texts that are slow too.
pub(crate) const RETRY_MS: u64 = 3_600_000;
/// How long a slow metric is left alone that takes more than its share of the interval.
pub(crate) const SLOW_RETRY_MS: u64 = 600_000;
/// The share of the interval that a slow metric may take in each poll: a fourth.
pub(crate) const SLOW_SHARE: u64 = 4;
/// Columns that are read by GETNEXT alone after which GETBULK is given up for the device.
pub(crate) const MAX_NEXT: usize = 3;

/// A scalar or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Scalar(Scalar),
    Column(Column),
}

/// How it is asked from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Not at all for [`RETRY_MS`]: it was refused, or not answered, alone.
    Left,
    /// By GETNEXT: GETBULK was refused.
    Next,
    /// In a request of its own: it was refused beside others, or in pieces of some size.
    Alone,
    /// In a request of its own: some of its cells are refused.
    Part,
    /// In a request of its own, until that is answered: it was part of one that was not.
    Suspect,
    /// In a request of its own after all others; it took so long, ms.
    Slow(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Culprit {
    item: Item,
    manner: Manner,
    why: String,
    at: u64,
}

/// The culprits of one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Culprits(Vec<Culprit>);

impl Item {
    /// Whether it is a text: of no use to a rate, and read after all metrics.
    pub(crate) const fn is_text(self) -> bool {
        match self {
            Self::Scalar(Scalar::Fact(_)) => true,
            Self::Column(Column { what: Part::Fact(_), .. }) => true,
            Self::Scalar(_) | Self::Column(_) => false,
        }
    }

    /// Whether it can be left out: who the device is and since when it runs is always asked.
    pub(crate) const fn can_be_blamed(self) -> bool {
        !matches!(self, Self::Scalar(Scalar::Uptime | Scalar::ObjectId))
    }

    /// How errors call it.
    pub(crate) fn name(self, profile: Option<&Profile>) -> String {
        match (self, profile) {
            (Self::Scalar(scalar), _) => scalar.name(profile),
            (Self::Column(column), Some(profile)) => column.name(profile),
            (Self::Column(_), None) => String::new(),
        }
    }
}

impl Culprits {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn manner(&self, item: Item) -> Option<Manner> {
        self.0.iter().find(|it| it.item == item).map(|it| it.manner)
    }

    /// How an item is asked, and since when.
    pub(crate) fn since(&self, item: Item) -> Option<(Manner, u64)> {
        self.0.iter().find(|it| it.item == item).map(|it| (it.manner, it.at))
    }

    /// Remembers how an item is to be asked.
    pub(crate) fn set(&mut self, item: Item, manner: Manner, why: &str, now: u64) {
        self.0.retain(|it| it.item != item);
        if self.0.len() >= MAX_CULPRITS {
            self.0.remove(0);
        }
        self.0.push(Culprit { item, manner, why: why.to_owned(), at: now });
    }

    /// The item was answered as all others are.
    pub(crate) fn forget(&mut self, item: Item) {
        self.0.retain(|it| it.item != item);
    }

    /// Whether an item may be asked in a poll that begins at `now`.
    pub(crate) fn may_ask(&self, item: Item, now: u64, interval_ms: u64) -> bool {
        let Some(it) = self.0.iter().find(|it| it.item == item) else { return true };
        let rest = match it.manner {
            Manner::Left => RETRY_MS,
            Manner::Slow(_) if item.is_text() => RETRY_MS,
            Manner::Slow(took) if took.saturating_mul(SLOW_SHARE) > interval_ms => SLOW_RETRY_MS,
            Manner::Slow(_) | Manner::Next | Manner::Alone | Manner::Part | Manner::Suspect => 0,
        };
        rest == 0 || now.saturating_sub(it.at) >= rest
    }

    /// Whether an item has a request of its own.
    pub(crate) fn is_alone(&self, item: Item) -> bool {
        self.0.iter().any(|it| it.item == item)
    }

    pub(crate) fn is_next(&self, item: Item) -> bool {
        self.manner(item) == Some(Manner::Next)
    }

    /// How many columns are read by GETNEXT alone.
    pub(crate) fn next_count(&self) -> usize {
        self.0.iter().filter(|it| it.manner == Manner::Next).count()
    }

    /// They were, as all are now.
    pub(crate) fn forget_next(&mut self) {
        self.0.retain(|it| it.manner != Manner::Next);
    }

    /// What is left out or asked otherwise, in words.
    pub(crate) fn texts<'a>(
        &'a self,
        profile: Option<&'a Profile>,
    ) -> impl Iterator<Item = String> + 'a {
        self.0.iter().filter_map(move |it| {
            let name = it.item.name(profile);
            let why = it.why.as_str();
            match it.manner {
                Manner::Alone | Manner::Suspect => None,
                Manner::Part => Some(format!("{name}: {why} for single rows; read but for them")),
                Manner::Left => Some(format!("{name}: {why}; asked again once an hour")),
                Manner::Next => Some(format!("{name}: {why}; read by GETNEXT")),
                Manner::Slow(ms) => {
                    let often = if it.item.is_text() { ", once an hour" } else { "" };
                    Some(format!("{name}: slow, {ms} ms; asked alone and last{often}"))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn culprits_are_bounded_and_tried_again() {
        let mut culprits = Culprits::default();
        let item = |n| Item::Scalar(Scalar::Metric(n));
        for n in 0..MAX_CULPRITS as u16 + 5 {
            culprits.set(item(n), Manner::Left, "refused", 1_000);
        }
        assert_eq!(culprits.0.len(), MAX_CULPRITS);
        assert!(culprits.may_ask(item(0), 1_000, 1), "the oldest went");
        let last = item(MAX_CULPRITS as u16);
        assert!(!culprits.may_ask(last, 1_000 + RETRY_MS - 1, 1));
        assert!(culprits.may_ask(last, 1_000 + RETRY_MS, 1));
        // A metric that fits into the interval is asked in each poll, a text is not.
        culprits.set(item(1), Manner::Slow(8_000), "", 1_000);
        assert!(culprits.may_ask(item(1), 1_001, 60_000) && !culprits.may_ask(item(1), 1_001, 9));
        let text = Item::Scalar(Scalar::Fact(1));
        culprits.set(text, Manner::Slow(8_000), "", 1_000);
        assert!(!culprits.may_ask(text, 1_001, 60_000));
        assert!(culprits.is_alone(text) && !culprits.is_alone(Item::Scalar(Scalar::Fact(2))));
    }
}

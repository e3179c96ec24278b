//! Texts that describe a device: kept by instance and name, sent whole when one changes, in parts
//! where they are many.

use schemas::{DeviceFacts, Fact};

use crate::state::Owner;
use crate::{DropReason, MAX_FACTS_BYTES, MAX_FACTS_RECORD_BYTES, MAX_SERIES, Out};

/// Connectors repeat all texts once an hour; one that was not repeated for so long is gone.
const GONE_AFTER_MS: i64 = 3 * 3_600_000;

/// The texts that say what is left out, of the device itself.
const LIMIT: &str = "facts_limit";
const SERIES_LIMIT: &str = "series_limit";

/// The texts of a device, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Texts {
    pub(crate) known: Vec<Text>,
    /// Whether anything was observed since they were last saved.
    pub(crate) changed: bool,
    /// Whether something changed in a cycle of which parts are still to come.
    pub(crate) pending: bool,
    /// Texts of the last cycle with texts that were too many.
    pub(crate) left_out: u32,
}

/// A text and when it was last observed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) fact: Fact,
    pub(crate) observed_at: i64,
}

impl Texts {
    /// Takes a poll's texts; true when the whole has to be sent. `more`: further parts of the
    /// cycle are to come.
    pub(crate) fn observe(
        &mut self,
        facts: &[Fact],
        at: i64,
        more: bool,
        out: &mut dyn Out,
    ) -> bool {
        if facts.is_empty() {
            return !more && std::mem::take(&mut self.pending);
        }
        self.changed = true;
        let mut changed = self.pending;
        let left_out = if self.pending { self.left_out } else { 0 };
        let before = std::mem::replace(&mut self.left_out, left_out);
        let mut bytes: usize = self.known.iter().map(|text| size(&text.fact)).sum();
        let mut next = 0;
        let mut fresh: Vec<Text> = Vec::new();
        for fact in facts {
            let place = self.find(fact, next);
            let before = place.map_or(0, |place| size(&self.known[place].fact));
            if bytes - before + size(fact) > MAX_FACTS_BYTES {
                out.dropped(DropReason::FactsLimit);
                self.left_out = self.left_out.saturating_add(1);
                continue;
            }
            bytes = bytes - before + size(fact);
            match place {
                Ok(place) => {
                    next = place + 1;
                    let text = &mut self.known[place];
                    text.observed_at = text.observed_at.max(at);
                    if text.fact.value != fact.value {
                        text.fact.value.clone_from(&fact.value);
                        changed = true;
                    }
                }
                Err(place) => {
                    next = place;
                    fresh.push(Text { fact: fact.clone(), observed_at: at });
                    changed = true;
                }
            }
        }
        self.take_in(fresh);
        let count = self.known.len();
        self.known.retain(|text| at.saturating_sub(text.observed_at) <= GONE_AFTER_MS);
        changed |= self.known.len() != count || self.left_out != before;
        self.pending = changed && more;
        changed && !more
    }

    /// Where a text is or belongs. They come sorted: the one after the last is tried first.
    fn find(&self, fact: &Fact, next: usize) -> Result<usize, usize> {
        let key = (fact.instance.as_str(), fact.name.as_str());
        if self.known.get(next).is_some_and(|text| key_of(text) == key) {
            return Ok(next);
        }
        self.known.binary_search_by(|text| key_of(text).cmp(&key))
    }

    /// Adds texts that were not known; of one that comes twice the last counts.
    fn take_in(&mut self, fresh: Vec<Text>) {
        if fresh.is_empty() {
            return;
        }
        self.known.extend(fresh);
        self.known.sort_by(|a, b| key_of(a).cmp(&key_of(b)));
        self.known.dedup_by(|later, earlier| {
            let twice = key_of(later) == key_of(earlier);
            if twice {
                std::mem::swap(later, earlier);
            }
            twice
        });
    }

    /// The records of all texts, sorted by instance and name.
    /// `series`: how many it has.
    pub(crate) fn records(&self, owner: &Owner, series: usize, at: i64) -> Vec<DeviceFacts> {
        let record = || DeviceFacts {
            tenant: owner.tenant.clone(),
            device: owner.device,
            at,
            facts: Vec::new(),
            part: 0,
            parts: 1,
        };
        let mut records = vec![record()];
        let mut bytes = 0;
        let limits = [self.limit(), series_limit(series)];
        let limits = limits.iter().flatten();
        for fact in limits.chain(self.known.iter().map(|text| &text.fact)) {
            if bytes + size(fact) > MAX_FACTS_RECORD_BYTES {
                records.push(record());
                bytes = 0;
            }
            bytes += size(fact);
            if let Some(last) = records.last_mut() {
                last.facts.push(fact.clone());
            }
        }
        let parts = records.len() as i32;
        for (part, record) in (0..).zip(&mut records) {
            (record.part, record.parts) = (part, parts);
        }
        records
    }

    /// What was left out, as a text of the device itself.
    fn limit(&self) -> Option<Fact> {
        (self.left_out > 0).then(|| Fact {
            instance: String::new(),
            name: LIMIT.to_owned(),
            value: format!(
                "{} texts of this device are left out: they are more than {MAX_FACTS_BYTES} bytes \
                 (MAX_FACTS_BYTES)",
                self.left_out
            ),
        })
    }
}

/// That there are as many series as there may be.
fn series_limit(series: usize) -> Option<Fact> {
    (series >= MAX_SERIES).then(|| Fact {
        instance: String::new(),
        name: SERIES_LIMIT.to_owned(),
        value: format!("further series than {MAX_SERIES} (MAX_SERIES) are left out"),
    })
}

fn key_of(text: &Text) -> (&str, &str) {
    (&text.fact.instance, &text.fact.name)
}

/// Bytes of a text in a record: lengths included.
fn size(fact: &Fact) -> usize {
    fact.instance.len() + fact.name.len() + fact.value.len() + 12
}

#[cfg(test)]
mod tests;

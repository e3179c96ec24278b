//! Texts that describe a device: kept by instance and name, sent whole when one changes.

use schemas::Fact;

use crate::{Count, MAX_FACTS_BYTES, Out};

/// Connectors repeat all texts once an hour; one that was not repeated for so long is gone.
const GONE_AFTER_MS: i64 = 3 * 3_600_000;

/// The texts of a device, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Texts {
    pub(crate) known: Vec<Text>,
    /// Whether anything was heard since they were last saved.
    pub(crate) changed: bool,
}

/// A text and when it was last heard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) fact: Fact,
    pub(crate) heard_at: i64,
}

impl Texts {
    /// Takes a poll's texts; true when the whole has to be sent.
    pub(crate) fn hear(&mut self, facts: &[Fact], at: i64, out: &mut dyn Out) -> bool {
        if facts.is_empty() {
            return false;
        }
        self.changed = true;
        let mut changed = false;
        let mut bytes: usize = self.known.iter().map(|text| size(&text.fact)).sum();
        for fact in facts {
            let key = (&fact.instance, &fact.name);
            let place = self
                .known
                .binary_search_by(|text| (&text.fact.instance, &text.fact.name).cmp(&key));
            let before = place.map_or(0, |place| size(&self.known[place].fact));
            if bytes - before + size(fact) > MAX_FACTS_BYTES {
                out.count(Count::FactsLimit);
                continue;
            }
            bytes = bytes - before + size(fact);
            match place {
                Ok(place) => {
                    let text = &mut self.known[place];
                    text.heard_at = text.heard_at.max(at);
                    if text.fact.value != fact.value {
                        text.fact.value.clone_from(&fact.value);
                        changed = true;
                    }
                }
                Err(place) => {
                    self.known.insert(place, Text { fact: fact.clone(), heard_at: at });
                    changed = true;
                }
            }
        }
        let count = self.known.len();
        self.known.retain(|text| at.saturating_sub(text.heard_at) <= GONE_AFTER_MS);
        changed || self.known.len() != count
    }

    /// All texts, sorted by instance and name.
    pub(crate) fn all(&self) -> Vec<Fact> {
        self.known.iter().map(|text| text.fact.clone()).collect()
    }
}

/// Bytes of a text in a record: lengths included.
fn size(fact: &Fact) -> usize {
    fact.instance.len() + fact.name.len() + fact.value.len() + 12
}

#[cfg(test)]
mod tests;

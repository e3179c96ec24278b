//! All entities of a tenant: what is needed to decide on the next change, and how it is saved.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use schemas::{EntityOutcome, EntityProblem};
use serde::{Deserialize, Serialize};

use super::kinds::{Facts, Kind};
use super::{MAX_ANSWERS, MAX_ECHOES, MAX_REMOVED};
use crate::input::fnv;
use crate::{LoadError, Sections};

/// Sections of entities: a change is saved with its bucket alone.
const BUCKETS: u16 = 256;
/// Says that there is a state.
const HEAD: u16 = 0;
const FIRST_BUCKET: u16 = 1;
const REMOVED: u16 = FIRST_BUCKET + BUCKETS;
const ANSWERS: u16 = REMOVED + 1;

/// Kind and id.
pub(super) type Id = (String, String);

/// A record of ours in the topic of a kind that has not come back yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Echo {
    pub(super) revision: i64,
    /// Whether it removes the entity.
    pub(super) gone: bool,
    /// When its cause was taken, ms since the epoch.
    pub(super) at: i64,
}

/// An entity that there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) revision: i64,
    /// The highest that it ever had: others may give lower ones.
    pub(super) highest: i64,
    pub(super) name: String,
    /// Who maintains it.
    pub(super) source: String,
    /// Field and value.
    pub(super) unique: Vec<(String, String)>,
    /// Kind and id of what it names.
    pub(super) references: Vec<Id>,
    /// Of kinds that keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) echoes: Vec<Echo>,
}

impl Entry {
    pub(super) fn of(kind: &Kind, revision: i64, facts: Facts, body: &str) -> Self {
        let unique = facts.unique.into_iter().map(|it| (it.field.to_owned(), it.value));
        let references = facts.references.into_iter().map(|it| (it.kind.to_owned(), it.id));
        Self {
            revision,
            highest: revision,
            name: facts.name,
            source: facts.source,
            unique: unique.collect(),
            references: references.collect(),
            body: kind.keeps_body.then(|| body.to_owned()),
            echoes: Vec::new(),
        }
    }
}

/// An entity that there was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gone {
    /// Of the removal.
    pub(super) revision: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) echoes: Vec<Echo>,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) outcome: EntityOutcome,
    pub(super) revision: i64,
    pub(super) problems: Vec<EntityProblem>,
    pub(super) at: i64,
}

/// Of each key the last, in the order in which they came, and no more than so many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Last<K, V> {
    order: VecDeque<K>,
    values: BTreeMap<K, V>,
}

impl<K, V> Default for Last<K, V> {
    fn default() -> Self {
        Self { order: VecDeque::new(), values: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V> Last<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.get_mut(key)
    }

    fn insert(&mut self, key: K, value: V, most: usize) {
        self.remove(&key);
        self.order.push_back(key.clone());
        self.values.insert(key, value);
        while self.order.len() > most {
            if let Some(oldest) = self.order.pop_front() {
                self.values.remove(&oldest);
            }
        }
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.values.remove(key)?;
        self.order.retain(|known| known != key);
        Some(value)
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().filter_map(|key| Some((key, self.values.get(key)?)))
    }
}

/// All entities of a tenant. Its inside is private: it is made by steps and by loading.
#[derive(Debug, Default)]
pub struct EntityState {
    entities: BTreeMap<Id, Entry>,
    /// Kind, field and value, with the ids that have it. More than one only where it was written
    /// without a command.
    unique: BTreeMap<(String, String, String), BTreeSet<String>>,
    /// What is named, with those that name it.
    named_by: BTreeMap<Id, BTreeSet<Id>>,
    removed: Last<Id, Gone>,
    answers: Last<String, Answer>,
    kept_bytes: usize,
    /// Sections that changed since they were saved.
    changed: BTreeSet<u16>,
}

/// JSON, which needs no schema to be known before it is read.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn bucket((kind, id): &Id) -> u16 {
    let hash = fnv(format!("{kind}/{id}").as_bytes());
    FIRST_BUCKET + (hash % u64::from(BUCKETS)) as u16
}

impl EntityState {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.entities.len()
    }

    /// The revision of one; none: it is not there.
    pub fn revision(&self, kind: &str, id: &str) -> Option<i64> {
        Some(self.get(&(kind.to_owned(), id.to_owned()))?.revision)
    }

    /// Bytes of the bodies that are kept.
    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Entry> {
        self.entities.get(id)
    }

    pub(super) fn gone(&self, id: &Id) -> Option<&Gone> {
        self.removed.get(id)
    }

    pub(super) fn answer(&self, request: &str) -> Option<&Answer> {
        self.answers.get(&request.to_owned())
    }

    pub(super) fn remember(&mut self, request: &str, answer: Answer) {
        self.answers.insert(request.to_owned(), answer, MAX_ANSWERS);
        self.changed.insert(ANSWERS);
    }

    /// Another one of the kind that has a value.
    pub(super) fn holder(&self, id: &Id, field: &str, value: &str) -> Option<&str> {
        let holders = self.unique.get(&(id.0.clone(), field.to_owned(), value.to_owned()))?;
        let other = holders.iter().find(|other| **other != id.1)?;
        Some(self.get(&(id.0.clone(), other.clone())).map_or(other, |entry| &entry.name))
    }

    /// Those that name it, in the order of their ids.
    pub(super) fn named_by(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.named_by.get(id).into_iter().flatten()
    }

    /// Takes a version of an entity; records of ours that are on their way stay so.
    pub(super) fn put(&mut self, id: &Id, entry: Entry) {
        let gone = self.removed.remove(id);
        if gone.is_some() {
            self.changed.insert(REMOVED);
        }
        let old = self.take(id);
        let before = old.map(|it| (it.highest, it.echoes));
        let before = before.or(gone.map(|it| (it.revision, it.echoes)));
        let (highest, echoes) = before.unwrap_or_default();
        let highest = highest.max(entry.revision);
        self.insert(id.clone(), Entry { highest, echoes, ..entry });
        self.changed.insert(bucket(id));
    }

    /// Removes an entity; false when it is not there.
    pub(super) fn remove(&mut self, id: &Id, revision: i64) -> bool {
        let Some(entry) = self.take(id) else { return false };
        let gone = Gone { revision, echoes: entry.echoes };
        self.removed.insert(id.clone(), gone, MAX_REMOVED);
        self.changed.extend([bucket(id), REMOVED]);
        true
    }

    /// Records of ours that are on their way back.
    pub(super) fn echoes(&self, id: &Id) -> &[Echo] {
        match (self.entities.get(id), self.removed.get(id)) {
            (Some(entry), _) => &entry.echoes,
            (None, Some(gone)) => &gone.echoes,
            (None, None) => &[],
        }
    }

    fn echoes_mut(&mut self, id: &Id) -> Option<&mut Vec<Echo>> {
        if let Some(entry) = self.entities.get_mut(id) {
            self.changed.insert(bucket(id));
            return Some(&mut entry.echoes);
        }
        self.changed.insert(REMOVED);
        self.removed.get_mut(id).map(|gone| &mut gone.echoes)
    }

    /// A record of ours is on its way.
    pub(super) fn expect(&mut self, id: &Id, echo: Echo) {
        if let Some(echoes) = self.echoes_mut(id) {
            echoes.push(echo);
            let over = echoes.len().saturating_sub(MAX_ECHOES);
            echoes.drain(..over);
        }
    }

    /// The first so many have come back, or never will.
    pub(super) fn came_back(&mut self, id: &Id, count: usize) {
        if let Some(echoes) = self.echoes_mut(id) {
            echoes.drain(..count.min(echoes.len()));
        }
    }

    fn insert(&mut self, id: Id, entry: Entry) {
        for (field, value) in &entry.unique {
            let key = (id.0.clone(), field.clone(), value.clone());
            self.unique.entry(key).or_default().insert(id.1.clone());
        }
        for named in &entry.references {
            self.named_by.entry(named.clone()).or_default().insert(id.clone());
        }
        self.kept_bytes += entry.body.as_ref().map_or(0, String::len);
        self.entities.insert(id, entry);
    }

    fn take(&mut self, id: &Id) -> Option<Entry> {
        let entry = self.entities.remove(id)?;
        for (field, value) in &entry.unique {
            let key = (id.0.clone(), field.clone(), value.clone());
            if let Some(holders) = self.unique.get_mut(&key) {
                holders.remove(&id.1);
                if holders.is_empty() {
                    self.unique.remove(&key);
                }
            }
        }
        for named in &entry.references {
            if let Some(naming) = self.named_by.get_mut(named) {
                naming.remove(id);
                if naming.is_empty() {
                    self.named_by.remove(named);
                }
            }
        }
        self.kept_bytes -= entry.body.as_ref().map_or(0, String::len);
        Some(entry)
    }

    /// Writes the sections that changed since the last time.
    pub(super) fn save(&mut self, write: &mut dyn FnMut(u16, &[u8])) {
        write(HEAD, b"{}");
        let mut buckets: BTreeMap<u16, Vec<(&Id, &Entry)>> = BTreeMap::new();
        for section in std::mem::take(&mut self.changed) {
            match section {
                REMOVED => write(REMOVED, &json(&self.removed.iter().collect::<Vec<_>>())),
                ANSWERS => write(ANSWERS, &json(&self.answers.iter().collect::<Vec<_>>())),
                bucket => drop(buckets.insert(bucket, Vec::new())),
            }
        }
        if buckets.is_empty() {
            return;
        }
        for (id, entry) in &self.entities {
            if let Some(entries) = buckets.get_mut(&bucket(id)) {
                entries.push((id, entry));
            }
        }
        for (section, entries) in buckets {
            write(section, &json(&entries));
        }
    }

    /// Reads what [`Self::save`] wrote.
    pub(super) fn load(sections: &Sections) -> Result<Self, LoadError> {
        if !sections.contains_key(&HEAD) {
            return Err(LoadError::Missing { section: HEAD });
        }
        let mut state = Self::default();
        for (&section, bytes) in sections {
            let malformed =
                |what| move |_: serde_json::Error| LoadError::Malformed { section, at: 0, what };
            match section {
                HEAD => {}
                REMOVED => {
                    let removed: Vec<(Id, Gone)> =
                        serde_json::from_slice(bytes).map_err(malformed("removed entities"))?;
                    for (id, gone) in removed {
                        state.removed.insert(id, gone, MAX_REMOVED);
                    }
                }
                ANSWERS => {
                    let answers: Vec<(String, Answer)> =
                        serde_json::from_slice(bytes).map_err(malformed("answers"))?;
                    for (request, answer) in answers {
                        state.answers.insert(request, answer, MAX_ANSWERS);
                    }
                }
                FIRST_BUCKET..REMOVED => {
                    let entries: Vec<(Id, Entry)> =
                        serde_json::from_slice(bytes).map_err(malformed("entities"))?;
                    for (id, entry) in entries {
                        state.insert(id, entry);
                    }
                }
                _ => return Err(LoadError::Malformed { section, at: 0, what: "section" }),
            }
        }
        Ok(state)
    }
}

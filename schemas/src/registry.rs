//! Schema ids and the store that resolves them.
//!
//! Without a registry a schema's id is a fingerprint of its text in a range that registries never
//! reach (they count from 1), so every process computes the same id and the schema topic only has
//! to be read, never asked.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use serde_avro_fast::Schema;
use xxhash_rust::xxh3::xxh3_64;

use crate::measure::bottomless;
use crate::wire::{AvroRecord, CodecError, shipped};

/// The id in front of every datum.
pub type SchemaId = u32;

/// Ids from here up are fingerprints; below it they are a registry's.
pub const LOCAL_ID_BASE: SchemaId = 0x4000_0000;

/// At most so many schemas are kept; a log holds a few dozen over its life.
const MAX_SCHEMAS: usize = 4096;

/// One schema of this binary.
#[derive(Debug)]
pub struct Shipped {
    /// Full name, e.g. `net.opsconductor.Poll`.
    pub name: &'static str,
    /// The id under which this binary writes.
    pub id: SchemaId,
    /// The `.avsc` text.
    pub json: &'static str,
}

/// A schema ready for decoding.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) name: String,
    pub(crate) json: String,
    pub(crate) schema: Schema,
}

impl Shipped {
    pub(crate) fn of<T: AvroRecord>() -> Self {
        Self { name: T::NAME, id: fingerprint(T::JSON), json: T::JSON }
    }
}

/// 30 bits of the xxh3-64 of the schema's text without white space outside strings.
pub(crate) fn fingerprint(json: &str) -> SchemaId {
    let canonical = serde_json::from_str::<serde_json::Value>(json)
        .map_or_else(|_| json.to_owned(), |value| value.to_string());
    LOCAL_ID_BASE | (xxh3_64(canonical.as_bytes()) as u32 & (LOCAL_ID_BASE - 1))
}

/// Resolves the ids of written records: this binary's own schemas and whatever the schema topic
/// taught. Cheap to clone, shared by all readers of a process.
#[derive(Clone, Debug)]
pub struct SchemaStore {
    known: Arc<RwLock<HashMap<SchemaId, Arc<Resolved>>>>,
    /// Ids in the order in which the schema topic has them.
    published: Arc<RwLock<Vec<SchemaId>>>,
}

impl SchemaStore {
    /// A store that knows what this binary ships.
    pub fn new() -> Self {
        let store = Self { known: Arc::default(), published: Arc::default() };
        for schema in shipped() {
            // A shipped schema that does not parse fails this crate's tests.
            let _ = store.learn(schema.id, schema.json);
        }
        store
    }

    /// Takes a schema read from the schema topic.
    ///
    /// # Errors
    /// [`CodecError::BadSchema`] when the text is no Avro schema, is not the one that the id is the
    /// fingerprint of, or could be read without end; the store is unchanged then.
    pub fn learn(&self, id: SchemaId, json: &str) -> Result<(), CodecError> {
        let bad = |error: String| CodecError::BadSchema { id, error };
        if id >= LOCAL_ID_BASE && fingerprint(json) != id {
            return Err(bad("the text is another schema's than the id says".to_owned()));
        }
        let schema: Schema = json
            .parse()
            .map_err(|error: serde_avro_fast::schema::SchemaError| bad(error.to_string()))?;
        let value: serde_json::Value =
            serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
        if let Some(place) = bottomless(&value) {
            return Err(bad(format!("the items of the array {place} take no bytes")));
        }
        let text = |field: &str| value.get(field).and_then(|v| v.as_str()).unwrap_or_default();
        let name = match text("namespace") {
            "" => text("name").to_owned(),
            namespace => format!("{namespace}.{}", text("name")),
        };
        let Ok(mut known) = self.known.write() else {
            return Err(bad("the schema store is poisoned by an earlier panic".to_owned()));
        };
        if known.len() >= MAX_SCHEMAS && !known.contains_key(&id) {
            return Err(bad(format!("more than {MAX_SCHEMAS} schemas on this log")));
        }
        known.insert(id, Arc::new(Resolved { name, json: json.to_owned(), schema }));
        Ok(())
    }

    /// The `.avsc` text behind an id.
    pub fn json(&self, id: SchemaId) -> Option<String> {
        self.resolve(id).map(|resolved| resolved.json.clone())
    }

    /// The full record name behind an id, e.g. `net.opsconductor.Poll`.
    pub fn name(&self, id: SchemaId) -> Option<String> {
        self.resolve(id).map(|resolved| resolved.name.clone())
    }

    /// All ids known, in order.
    pub fn ids(&self) -> Vec<SchemaId> {
        let mut ids: Vec<_> =
            self.known.read().map(|known| known.keys().copied().collect()).unwrap_or_default();
        ids.sort_unstable();
        ids
    }

    /// Notes that the schema topic has this schema after those noted before.
    pub fn publish(&self, id: SchemaId) {
        if let Ok(mut published) = self.published.write()
            && published.len() < MAX_SCHEMAS
            && !published.contains(&id)
        {
            published.push(id);
        }
    }

    /// All versions of a record, the oldest first: in the order of the schema topic, which is the
    /// same for everyone; then what is not on it.
    pub fn versions(&self, name: &str) -> Vec<SchemaId> {
        let published =
            self.published.read().map(|published| published.clone()).unwrap_or_default();
        let mut ids = self.ids();
        ids.retain(|id| self.name(*id).is_some_and(|known| known == name));
        let place = |id: &SchemaId| published.iter().position(|known| known == id);
        ids.sort_by_key(|id| (place(id).unwrap_or(usize::MAX), *id));
        ids
    }

    pub(crate) fn resolve(&self, id: SchemaId) -> Option<Arc<Resolved>> {
        self.known.read().ok()?.get(&id).cloned()
    }
}

impl Default for SchemaStore {
    fn default() -> Self {
        Self::new()
    }
}

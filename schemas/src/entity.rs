//! Entities: what people configure, as commands, answers and versions (`entity_command.avsc`,
//! `entity_observed.avsc`, `entity_answer.avsc`, `entity.avsc`), and the bodies of the kinds that
//! have no record of their own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::defaults;
use crate::id::{DeviceId, TenantId};
use crate::records::Tick;
use crate::registry::SchemaStore;
use crate::wire::{AvroRecord, CodecError, schema_id};

/// An entity, by its tenant, its kind and its id there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is, e.g. `device_group`.
    pub kind: String,
    /// Unique within tenant and kind.
    pub id: String,
}

impl EntityKey {
    /// Reads what [`fmt::Display`] wrote; none when a part is empty. An id may have slashes.
    pub fn parse(text: &str) -> Option<Self> {
        let (tenant, rest) = text.split_once('/')?;
        let (kind, id) = rest.split_once('/')?;
        let whole = ![tenant, kind, id].contains(&"");
        whole.then(|| Self { tenant: tenant.to_owned(), kind: kind.to_owned(), id: id.to_owned() })
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.kind, self.id)
    }
}

/// Somebody wants an entity to be otherwise (`entity_command.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct EntityCommand {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub request: String,
    pub kind: String,
    pub id: String,
    #[serde(default)]
    pub expected: Option<i64>,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub by: String,
    #[serde(default)]
    pub at: i64,
}

/// An entity was written without a command (`entity_observed.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct EntityObserved {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub kind: String,
    pub id: String,
    #[serde(default)]
    pub revision: i64,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub at: i64,
}

impl EntityObserved {
    /// The key that its entity has.
    pub fn key(&self) -> EntityKey {
        EntityKey { tenant: self.tenant.clone(), kind: self.kind.clone(), id: self.id.clone() }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum EntityOutcome {
    Applied,
    Conflict,
    NotFound,
    #[serde(other)]
    Refused,
}

/// What is wrong with one field of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct EntityProblem {
    pub field: String,
    pub detail: String,
}

/// What became of a command (`entity_answer.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct EntityAnswer {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub request: String,
    pub outcome: EntityOutcome,
    #[serde(default)]
    pub revision: i64,
    #[serde(default)]
    pub problems: Vec<EntityProblem>,
    #[serde(default)]
    pub at: i64,
}

/// A version of an entity (`entity.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Entity {
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    pub kind: String,
    pub id: String,
    pub revision: i64,
    #[serde(default)]
    pub name: String,
    #[serde(default = "defaults::yes")]
    pub present: bool,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub by: String,
    #[serde(default)]
    pub at: i64,
}

impl Entity {
    /// Its record key.
    pub fn key(&self) -> EntityKey {
        EntityKey { tenant: self.tenant.clone(), kind: self.kind.clone(), id: self.id.clone() }
    }
}

/// Devices that belong together: those listed, and those of the site and with all of the tags, if
/// a site or a tag is given. The body of an entity of kind `device_group`, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceGroup {
    /// Whose it is.
    #[serde(default = "defaults::default_tenant")]
    pub tenant: TenantId,
    /// A UUID as text.
    pub id: String,
    /// Unique within the tenant, whatever the case of its letters.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Devices of this site are members.
    #[serde(default)]
    pub site: Option<String>,
    /// Devices with all of these tags are members.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Members whatever their site and tags.
    #[serde(default)]
    pub devices: Vec<DeviceId>,
    /// Its revision: set by whoever decides on changes.
    #[serde(default)]
    pub updated_at: i64,
}

/// What the topic of commands carries: all that the one who decides on entities must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityInput {
    /// Somebody wants a change.
    Command(EntityCommand),
    /// Something was changed without a command.
    Observed(EntityObserved),
    /// Time passed.
    Tick(Tick),
}

impl EntityInput {
    /// Decodes whichever of the three the id names.
    ///
    /// # Errors
    /// Any [`CodecError`].
    pub fn decode(store: &SchemaStore, bytes: &[u8]) -> Result<Self, CodecError> {
        let id = schema_id(bytes)?;
        let resolved = store.resolve(id).ok_or(CodecError::UnknownSchema(id))?;
        match resolved.name.as_str() {
            EntityCommand::NAME => EntityCommand::decode(store, bytes).map(Self::Command),
            EntityObserved::NAME => EntityObserved::decode(store, bytes).map(Self::Observed),
            Tick::NAME => Tick::decode(store, bytes).map(Self::Tick),
            _ => Err(CodecError::WrongType {
                found: resolved.name.clone(),
                expected: "net.opsconductor.EntityCommand, EntityObserved or Tick",
            }),
        }
    }
}

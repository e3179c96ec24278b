//! What others wrote to the topics of devices and credentials, for the one who decides.

use schemas::{AvroRecord, CredentialChange, DEFAULT_TENANT, EntityObserved, SchemaStore};

use crate::{DeviceChange, Input, Out, Raw, Refusal, Relay, Unreadable};

/// A removal: the records themselves do not say whose it is.
fn removed(tenant: &str, kind: &str, id: String, at: i64) -> EntityObserved {
    EntityObserved {
        tenant: tenant.to_owned(),
        kind: kind.to_owned(),
        id,
        revision: 0,
        name: String::new(),
        body: None,
        source: String::new(),
        at,
    }
}

/// Every record of a device becomes an observation.
#[derive(Debug, Default)]
pub struct DeviceEntity;

impl Relay for DeviceEntity {
    type Input = DeviceChange;
    type Output = EntityObserved;
    const NAME: &'static str = "device-entity";

    fn relay(&self, change: &DeviceChange, out: &mut dyn Out<EntityObserved>) {
        let gone = removed(DEFAULT_TENANT, "device", change.id.to_string(), change.at);
        out.emit(match &change.device {
            Some(device) => EntityObserved {
                tenant: device.tenant.clone(),
                revision: device.updated_at,
                name: device.name.clone(),
                // A device is made of texts and numbers.
                body: serde_json::to_string(device).ok(),
                source: device.source.clone(),
                ..gone
            },
            None => gone,
        });
    }
}

/// A record of the topic of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRecord {
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// As it is now; none: it was removed.
    pub change: Option<CredentialChange>,
    /// When the log took it, ms since the epoch.
    pub at: i64,
}

impl Input for CredentialRecord {
    type Record = CredentialChange;
    type Key = String;
    type Spare = ();

    fn read(store: &SchemaStore, raw: &Raw<'_>, (): &mut ()) -> Result<Self, Unreadable> {
        let at = raw.appended_ms;
        if let Some(value) = raw.value {
            let change = CredentialChange::decode(store, value)?;
            let (tenant, name) = (change.tenant.clone(), change.name.clone());
            return Ok(Self { tenant, name, change: Some(change).filter(|it| it.present), at });
        }
        let key = String::from_utf8_lossy(raw.key.unwrap_or_default());
        let (tenant, name) = key.split_once('/').ok_or_else(|| {
            Unreadable::Refused(Refusal {
                reason: "malformed",
                error: format!("tombstone for {key:?}, which is no credential: tenant/name"),
            })
        })?;
        Ok(Self { tenant: tenant.to_owned(), name: name.to_owned(), change: None, at })
    }

    fn key(&self) -> Option<String> {
        Some(format!("{}/{}", self.tenant, self.name))
    }
}

/// Every record of a credential becomes an observation.
#[derive(Debug, Default)]
pub struct CredentialEntity;

impl Relay for CredentialEntity {
    type Input = CredentialRecord;
    type Output = EntityObserved;
    const NAME: &'static str = "credential-entity";

    fn relay(&self, record: &CredentialRecord, out: &mut dyn Out<EntityObserved>) {
        let gone = removed(&record.tenant, "credential", record.name.clone(), record.at);
        out.emit(match &record.change {
            Some(change) => EntityObserved {
                revision: change.revision,
                name: change.name.clone(),
                body: Some(
                    serde_json::json!({"name": change.name, "version": change.version}).to_string(),
                ),
                source: "api".to_owned(),
                ..gone
            },
            None => gone,
        });
    }
}

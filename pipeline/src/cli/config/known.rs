//! What the system has, as its API lists it.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::super::remote::Client;
use super::super::{Failure, device};

/// Devices that are made by hand: those of other sources are theirs.
const BY_HAND: &str = "api";

/// An entity as the system has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Existing {
    pub(super) id: String,
    pub(super) revision: i64,
    pub(super) name: String,
    /// What can be set of it, without what is null; of a group without its devices.
    pub(super) settings: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub(super) struct KnownDevice {
    pub(super) entity: Existing,
    pub(super) source: String,
    /// Its address and port.
    pub(super) place: String,
}

impl KnownDevice {
    pub(super) fn is_by_hand(&self) -> bool {
        self.source == BY_HAND
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct KnownGroup {
    pub(super) entity: Existing,
    /// Ids.
    pub(super) devices: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) devices: Vec<KnownDevice>,
    pub(super) groups: Vec<KnownGroup>,
    /// Names of the credentials in the vault.
    pub(super) credentials: BTreeSet<String>,
}

fn entity(listed: &Value, fields: &[&str]) -> Existing {
    let text = |field: &str| listed[field].as_str().unwrap_or_default().to_owned();
    let set = |field: &&str| {
        let value = listed.get(*field).filter(|value| !value.is_null())?;
        Some(((*field).to_owned(), value.clone()))
    };
    Existing {
        id: text("id"),
        revision: listed["revision"].as_i64().unwrap_or_default(),
        name: text("name"),
        settings: fields.iter().filter_map(set).collect(),
    }
}

impl KnownDevice {
    pub(super) fn of(listed: &Value) -> Self {
        let source = listed["source"].as_str().unwrap_or_default().to_owned();
        let place = device::place(listed);
        Self { entity: entity(listed, &device::FIELDS), source, place }
    }
}

impl KnownGroup {
    pub(super) fn of(listed: &Value) -> Self {
        let devices = listed["devices"].as_array().into_iter().flatten();
        let devices = devices.filter_map(|id| id.as_str().map(str::to_owned)).collect();
        Self { entity: entity(listed, &["name", "description", "site", "tags"]), devices }
    }
}

impl Client {
    /// All there is to compare a file with.
    pub(super) async fn known(&self) -> Result<Known, Failure> {
        Ok(Known {
            devices: self.every_device().await?.iter().map(KnownDevice::of).collect(),
            groups: self.every_group().await?.iter().map(KnownGroup::of).collect(),
            credentials: self.credential_names().await?,
        })
    }
}

impl Known {
    /// As a file that changes nothing.
    pub(super) fn export(&self) -> String {
        let mut by_hand: Vec<&KnownDevice> =
            self.devices.iter().filter(|device| device.is_by_hand()).collect();
        by_hand.sort_by_key(|device| (&device.entity.name, &device.place));
        let devices: Vec<_> = by_hand.iter().map(|it| it.entity.settings.clone()).collect();
        let mut same_name: HashMap<&str, usize> = HashMap::new();
        for device in &self.devices {
            *same_name.entry(&device.entity.name).or_default() += 1;
        }
        let called: HashMap<&str, &str> = self
            .devices
            .iter()
            .map(|device| {
                let name = device.entity.name.as_str();
                let unique = same_name.get(name) == Some(&1);
                (device.entity.id.as_str(), if unique { name } else { &device.place })
            })
            .collect();
        let groups = self.groups.iter().map(|group| {
            let mut settings = group.entity.settings.clone();
            // A device may go between the two lists.
            let names = group.devices.iter().filter_map(|id| called.get(id.as_str()).copied());
            let names: BTreeSet<&str> = names.collect();
            settings.insert("devices".to_owned(), json!(names));
            settings
        });
        super::file::render(&devices, &groups.collect::<Vec<_>>())
    }
}

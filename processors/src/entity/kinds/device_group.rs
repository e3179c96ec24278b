//! Device groups.

use std::collections::BTreeSet;

use schemas::{
    DeviceGroup, DeviceId, EntityProblem, MAX_DESCRIPTION_CHARS, MAX_GROUP_DEVICES, MAX_NAME_CHARS,
};

use super::{
    Devices, EntityKind, Facts, IsGone, Place, Reference, Unique, check_place, check_tags,
    check_text, problem,
};

/// [`DeviceGroup`]: it has no topic of its own.
pub(super) struct DeviceGroups;

impl EntityKind for DeviceGroups {
    const KIND: &'static str = "device_group";
    const NOUN: &'static str = "device group";
    const MISSING: &'static str = "no device group of that id: it was removed, or never made";
    const LETS_GO: bool = true;
    const KEEPS_BODY: bool = true;
    type Body = DeviceGroup;

    fn facts(group: &DeviceGroup) -> Facts {
        let unique = Unique {
            field: "name",
            value: group.name.to_lowercase(),
            taken: "has that name already",
        };
        let reference =
            |id: &DeviceId| Reference { field: "devices", kind: Devices::KIND, id: id.to_string() };
        Facts {
            name: group.name.clone(),
            source: "api".to_owned(),
            unique: vec![unique],
            references: group.devices.iter().map(reference).collect(),
        }
    }

    fn settle(place: &Place<'_>, group: &mut DeviceGroup, problems: &mut Vec<EntityProblem>) {
        group.updated_at = place.revision;
        check_place(place, Some(&group.tenant), &group.id, problems);
        if group.id.parse::<DeviceId>().map_or(true, |id| id.to_string() != group.id) {
            problems.push(problem("id", "is no UUID in lower case"));
        }
        check_text("name", &group.name, 1..=MAX_NAME_CHARS, problems);
        check_text("description", &group.description, 0..=MAX_DESCRIPTION_CHARS, problems);
        check_text("site", group.site.as_deref().unwrap_or("-"), 1..=MAX_NAME_CHARS, problems);
        check_tags(&group.tags, problems);
        if group.devices.len() > MAX_GROUP_DEVICES {
            let detail = format!(
                "{} devices; a group may list {MAX_GROUP_DEVICES}: take a site or tags instead",
                group.devices.len()
            );
            problems.push(problem("devices", detail));
        }
        let mut seen = BTreeSet::new();
        group.devices.retain(|id| seen.insert(*id));
    }

    fn let_go(group: &mut DeviceGroup, gone: &IsGone<'_>) {
        group.devices.retain(|id| !gone(Devices::KIND, &id.to_string()));
    }
}

//! What must be done so that the system is as the file has it: a pure function of both.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::super::device;
use super::file::{File, WantedGroup};
use super::known::{Existing, Known, KnownDevice, KnownGroup};

/// One thing to do. In this order: what is removed makes room, and groups need their devices.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    RemoveGroup(Existing),
    RemoveDevice(Existing),
    ChangeDevice(Existing, Map<String, Value>),
    AddDevice(Map<String, Value>),
    ChangeGroup(KnownGroup, GroupBody),
    AddGroup(GroupBody),
}

/// A group that is to be.
#[derive(Debug, PartialEq)]
pub(super) struct GroupBody {
    /// Without its devices.
    pub(super) settings: Map<String, Value>,
    pub(super) members: Vec<Member>,
}

/// A device of a group.
#[derive(Debug, PartialEq)]
pub(super) enum Member {
    /// By its id.
    Known(String),
    /// One that is to be added, by its address and port: it has no id yet.
    New(String),
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Each with its line for the reader.
    pub(super) steps: Vec<(String, Step)>,
    pub(super) same: usize,
    /// Why it cannot be done.
    pub(super) problems: Vec<String>,
}

impl Plan {
    /// For people.
    pub(super) fn text(&self) -> String {
        let lines = self.steps.iter().map(|(line, _)| format!("{line}\n"));
        lines.chain([format!("= same {}", self.same)]).collect()
    }
}

/// Without `prune` nothing is removed.
pub(super) fn plan(known: &Known, file: &File, prune: bool) -> Plan {
    let mut plan = Plan::default();
    let found = pair(&known.devices, file);
    let claimed: HashSet<usize> = found.iter().flatten().copied().collect();
    let mut unlisted = known.devices.iter().enumerate().filter(|(at, _)| !claimed.contains(at));
    let (removed, kept): (Vec<&KnownDevice>, Vec<&KnownDevice>) =
        unlisted.by_ref().map(|(_, it)| it).partition(|device| prune && device.is_by_hand());
    let (mut changes, mut adds) = (Vec::new(), Vec::new());
    for (wanted, found) in file.devices.iter().zip(&found) {
        let (line, device) = (wanted.line, &wanted.device);
        if let Some(name) = &device.credential
            && !known.credentials.contains(name)
        {
            plan.problems.push(format!(
                "line {line}: the vault has no credential {name:?}: opsconductor credential add \
                 {name}"
            ));
        }
        let settings = settings(device);
        let Some(known) = found.and_then(|at| known.devices.get(at)) else {
            let text = format!("+ device {} ({})", device.name, device.address);
            adds.push((text, Step::AddDevice(settings)));
            continue;
        };
        let differences = differences(&known.entity.settings, &settings);
        if differences.is_empty() {
            plan.same += 1;
        } else if known.is_by_hand() {
            let text = format!("~ device {} ({})", known.entity.name, differences.join(", "));
            changes.push((text, Step::ChangeDevice(known.entity.clone(), settings)));
        } else {
            plan.problems.push(format!(
                "line {line}: the device {:?} is maintained by the source {}: change it there and \
                 take it out of this file",
                known.entity.name, known.source
            ));
        }
    }
    let names = Names::of(known, file, &found, &kept, &removed);
    let groups = groups(known, file, &names, &mut plan);
    if prune {
        let wanted: HashSet<String> = file.groups.iter().map(|it| it.name.to_lowercase()).collect();
        for KnownGroup { entity, .. } in &known.groups {
            if !wanted.contains(&entity.name.to_lowercase()) {
                let text = format!("- device_group {}", entity.name);
                plan.steps.push((text, Step::RemoveGroup(entity.clone())));
            }
        }
    }
    plan.steps.extend(removed.iter().map(|device| {
        let address = device.entity.settings.get("address").and_then(Value::as_str);
        let text = format!("- device {} ({})", device.entity.name, address.unwrap_or_default());
        (text, Step::RemoveDevice(device.entity.clone()))
    }));
    plan.steps.extend(changes.into_iter().chain(adds).chain(groups));
    plan
}

/// For each device of the file the one of the system that it is, if there is one: with its name and
/// its place, else with its name, else with its place.
fn pair(known: &[KnownDevice], file: &File) -> Vec<Option<usize>> {
    let mut found = vec![None; file.devices.len()];
    let mut claimed = vec![false; known.len()];
    for key in [
        |name: &str, place: &str| format!("{name}\n{place}"),
        |name: &str, _: &str| name.to_owned(),
        |_: &str, place: &str| place.to_owned(),
    ] {
        let mut free: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, device) in known.iter().enumerate().rev().filter(|(at, _)| !claimed[*at]) {
            free.entry(key(&device.entity.name, &device.place)).or_default().push(at);
        }
        for (wanted, found) in file.devices.iter().zip(&mut found).filter(|(_, it)| it.is_none()) {
            let place = device::place_of(&wanted.device.address, wanted.device.port);
            *found = free.get_mut(&key(&wanted.device.name, &place)).and_then(Vec::pop);
            if let Some(at) = *found {
                claimed[at] = true;
            }
        }
    }
    found
}

/// What the API takes of a device.
fn settings(device: &schemas::Device) -> Map<String, Value> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(device) else { return Map::new() };
    all.retain(|field, value| device::FIELDS.contains(&field.as_str()) && !value.is_null());
    all
}

fn differences(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let text = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
    let differing = fields.into_iter().filter(|field| old.get(*field) != new.get(*field));
    differing
        .map(|field| format!("{field} {} → {}", text(old.get(field)), text(new.get(field))))
        .collect()
}

/// What devices are called, once all else is done.
struct Names {
    by_name: HashMap<String, Vec<String>>,
    /// By address and port.
    by_place: HashMap<String, Found>,
    /// What those are called that will be gone.
    removed: HashSet<String>,
    /// Names by id.
    shown: HashMap<String, String>,
}

enum Found {
    Known(String),
    New,
}

impl Names {
    fn of(
        known: &Known,
        file: &File,
        found: &[Option<usize>],
        kept: &[&KnownDevice],
        removed: &[&KnownDevice],
    ) -> Self {
        let mut names = Self {
            by_name: HashMap::new(),
            by_place: HashMap::new(),
            removed: HashSet::new(),
            shown: HashMap::new(),
        };
        for device in kept {
            let id = Found::Known(device.entity.id.clone());
            names.add(&device.entity.name, device.place.clone(), id);
        }
        for (wanted, found) in file.devices.iter().zip(found) {
            let known = found.and_then(|at| known.devices.get(at));
            let found = known.map_or(Found::New, |it| Found::Known(it.entity.id.clone()));
            let place = device::place_of(&wanted.device.address, wanted.device.port);
            names.add(&wanted.device.name, place, found);
        }
        for device in removed {
            names.removed.extend([device.entity.name.clone(), device.place.clone()]);
        }
        for device in &known.devices {
            names.shown.insert(device.entity.id.clone(), device.entity.name.clone());
        }
        names
    }

    fn add(&mut self, name: &str, place: String, found: Found) {
        self.by_name.entry(name.to_owned()).or_default().push(place.clone());
        self.by_place.insert(place, found);
    }

    fn find(&self, called: &str) -> Result<Member, String> {
        let place = match self.by_name.get(called).map(Vec::as_slice) {
            Some([one]) => one,
            Some(several) => {
                let several = several.join(", ");
                return Err(format!(
                    "several devices are called {called:?}; give one of {several}"
                ));
            }
            None => called,
        };
        match self.by_place.get(place) {
            Some(Found::Known(id)) => Ok(Member::Known(id.clone())),
            Some(Found::New) => Ok(Member::New(place.to_owned())),
            None if self.removed.contains(called) => {
                Err(format!("the device {called:?} is not in this file and would be removed"))
            }
            None => Err(format!("no device is called {called:?}, by name or address:port")),
        }
    }

    fn shown(&self, member: &Member) -> String {
        match member {
            Member::Known(id) => self.shown.get(id).unwrap_or(id).clone(),
            Member::New(place) => place.clone(),
        }
    }
}

fn groups(known: &Known, file: &File, names: &Names, plan: &mut Plan) -> Vec<(String, Step)> {
    let there: HashMap<String, &KnownGroup> =
        known.groups.iter().map(|it| (it.entity.name.to_lowercase(), it)).collect();
    let (mut changes, mut adds) = (Vec::new(), Vec::new());
    for wanted in &file.groups {
        let body = match body(wanted, names) {
            Ok(body) => body,
            Err(problem) => {
                let (line, name) = (wanted.line, &wanted.name);
                plan.problems.push(format!("line {line}: device_group {name:?}: {problem}"));
                continue;
            }
        };
        let Some(old) = there.get(&wanted.name.to_lowercase()) else {
            adds.push((format!("+ device_group {}", wanted.name), Step::AddGroup(body)));
            continue;
        };
        let mut differences = differences(&old.entity.settings, &body.settings);
        differences.extend(members_changed(old, &body, names));
        if differences.is_empty() {
            plan.same += 1;
            continue;
        }
        let text = format!("~ device_group {} ({})", old.entity.name, differences.join(", "));
        changes.push((text, Step::ChangeGroup((*old).clone(), body)));
    }
    changes.into_iter().chain(adds).collect()
}

fn body(wanted: &WantedGroup, names: &Names) -> Result<GroupBody, String> {
    let members: Result<Vec<Member>, String> =
        wanted.devices.iter().map(|called| names.find(called)).collect();
    let settings = [
        ("name", Some(json!(wanted.name))),
        ("description", Some(json!(wanted.description))),
        ("site", wanted.site.as_ref().map(|site| json!(site))),
        ("tags", Some(json!(wanted.tags))),
    ];
    let set = settings.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?)));
    Ok(GroupBody { settings: set.collect(), members: members? })
}

fn members_changed(old: &KnownGroup, new: &GroupBody, names: &Names) -> Option<String> {
    let kept: BTreeSet<&String> = new
        .members
        .iter()
        .filter_map(|member| match member {
            Member::Known(id) => Some(id),
            Member::New(_) => None,
        })
        .collect();
    let is_new = |member: &&Member| match member {
        Member::Known(id) => !old.devices.contains(id),
        Member::New(_) => true,
    };
    let added: BTreeSet<String> =
        new.members.iter().filter(is_new).map(|it| format!("+{}", names.shown(it))).collect();
    let gone = old.devices.iter().filter(|id| !kept.contains(id));
    let gone: BTreeSet<String> =
        gone.map(|id| format!("-{}", names.shown.get(id).unwrap_or(id))).collect();
    let all: Vec<String> = added.into_iter().chain(gone).collect();
    (!all.is_empty()).then(|| format!("devices {}", all.join(" ")))
}

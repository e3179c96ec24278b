//! The kinds of entity: what a body of each must be, what it names, and where it is published. A
//! new kind is a file with a type that is an [`EntityKind`], and its line in [`KINDS`].

mod credential;
mod device;
mod device_group;

use schemas::{EntityProblem, MAX_NAME_CHARS, MAX_TAGS};
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use self::credential::Credentials;
use self::device::Devices;
use self::device_group::DeviceGroups;
use super::EntityOutput;

/// Problems named in one answer.
const MAX_PROBLEMS: usize = 20;

/// Which version of which entity.
pub(super) struct Place<'a> {
    pub(super) tenant: &'a str,
    pub(super) id: &'a str,
    pub(super) revision: i64,
}

/// A value that no two entities of a kind may share.
#[derive(Clone, Debug)]
pub(super) struct Unique {
    pub(super) field: &'static str,
    pub(super) value: String,
    /// What the other one does, in words.
    pub(super) taken: &'static str,
}

/// Another entity that a body names.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) field: &'static str,
    pub(super) kind: &'static str,
    pub(super) id: String,
}

/// What a body says of its relations.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) name: String,
    /// Who maintains it.
    pub(super) source: String,
    pub(super) unique: Vec<Unique>,
    pub(super) references: Vec<Reference>,
}

/// A body that was read.
pub(super) struct Version {
    pub(super) facts: Facts,
    /// As it is published: with its revision.
    pub(super) body: String,
    /// What is wrong with it.
    pub(super) problems: Vec<EntityProblem>,
    /// For the topic of its kind.
    pub(super) outputs: Vec<EntityOutput>,
}

/// Whether what has a kind and an id is gone.
pub(super) type IsGone<'a> = dyn Fn(&str, &str) -> bool + 'a;

/// What a kind of entity is.
trait EntityKind {
    /// As commands name it.
    const KIND: &'static str;
    /// As people name it.
    const NOUN: &'static str;
    /// What to say where one is named that is not there.
    const MISSING: &'static str;
    /// Whether what it names can be removed: its next version is then without it. Otherwise it stands
    /// in the way.
    const LETS_GO: bool = false;
    /// Whether its body is kept in the state.
    const KEEPS_BODY: bool = false;
    /// Whether it has a topic that others write, too, and that comes back as observations.
    const RELAYED: bool = false;
    /// JSON of this.
    type Body: DeserializeOwned + Serialize;

    /// Names, and what it has to do with others.
    fn facts(body: &Self::Body) -> Facts;

    /// What is wrong with it, apart from its relations. It takes its place: tenant and revision.
    fn settle(place: &Place<'_>, body: &mut Self::Body, problems: &mut Vec<EntityProblem>);

    /// For a topic of its own.
    fn publish(_place: &Place<'_>, _body: Self::Body) -> Vec<EntityOutput> {
        Vec::new()
    }

    /// The same for a removal; the body if it was kept.
    fn withdraw(_place: &Place<'_>, _body: Option<Self::Body>) -> Vec<EntityOutput> {
        Vec::new()
    }

    /// Drops what it names of a kind and an id that are gone.
    fn let_go(_body: &mut Self::Body, _gone: &IsGone<'_>) {}
}

/// A kind, whatever its body is.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) noun: &'static str,
    pub(super) missing: &'static str,
    pub(super) lets_go: bool,
    pub(super) keeps_body: bool,
    pub(super) relayed: bool,
    pub(super) read: fn(&Place<'_>, &str) -> Result<Version, EntityProblem>,
    pub(super) withdraw: fn(&Place<'_>, Option<&str>) -> Vec<EntityOutput>,
    pub(super) without: fn(&str, &IsGone<'_>) -> Option<String>,
}

impl Kind {
    const fn of<K: EntityKind>() -> Self {
        Self {
            name: K::KIND,
            noun: K::NOUN,
            missing: K::MISSING,
            lets_go: K::LETS_GO,
            keeps_body: K::KEEPS_BODY,
            relayed: K::RELAYED,
            read: read::<K>,
            withdraw: withdraw::<K>,
            without: without::<K>,
        }
    }

    /// The kind of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// All of them, for people.
    pub(super) fn names() -> String {
        KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
    }
}

/// Every kind.
static KINDS: [Kind; 3] =
    [Kind::of::<Devices>(), Kind::of::<DeviceGroups>(), Kind::of::<Credentials>()];

pub(super) fn problem(field: &str, detail: impl Into<String>) -> EntityProblem {
    EntityProblem { field: field.to_owned(), detail: detail.into() }
}

fn read<K: EntityKind>(place: &Place<'_>, text: &str) -> Result<Version, EntityProblem> {
    let unreadable =
        |error: serde_json::Error| problem("", format!("the body is no {}: {error}", K::NOUN));
    let given: Value = serde_json::from_str(text).map_err(unreadable)?;
    let mut body = K::Body::deserialize(&given).map_err(unreadable)?;
    let mut problems = Vec::new();
    K::settle(place, &mut body, &mut problems);
    let settled = serde_json::to_value(&body).map_err(unreadable)?;
    // What is not known here would be lost without a word.
    for field in unknown(&given, &settled) {
        problems.push(problem(
            field,
            "unknown to the process that decides: it is of an older release than the one that asks; \
             bring the processes of role process to the same",
        ));
    }
    let body_text = settled.to_string();
    if body_text.contains("\\u0000") {
        problems.push(problem("", "the body contains a NUL character; leave it out"));
    }
    problems.truncate(MAX_PROBLEMS);
    let facts = K::facts(&body);
    Ok(Version { facts, body: body_text, problems, outputs: K::publish(place, body) })
}

fn unknown<'a>(given: &'a Value, settled: &'a Value) -> impl Iterator<Item = &'a str> {
    let fields = given.as_object().into_iter().flat_map(|object| object.keys());
    fields.filter(|field| settled.get(field.as_str()).is_none()).map(String::as_str)
}

fn withdraw<K: EntityKind>(place: &Place<'_>, body: Option<&str>) -> Vec<EntityOutput> {
    K::withdraw(place, body.and_then(|text| serde_json::from_str(text).ok()))
}

fn without<K: EntityKind>(text: &str, gone: &IsGone<'_>) -> Option<String> {
    let mut body: K::Body = serde_json::from_str(text).ok()?;
    K::let_go(&mut body, gone);
    serde_json::to_string(&body).ok()
}

/// A text of at least and at most so many characters.
fn check_text(
    field: &str,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    problems: &mut Vec<EntityProblem>,
) {
    let characters = text.chars().count();
    if !length.contains(&characters) {
        let (least, most) = (length.start(), length.end());
        let detail = format!("has {characters} characters; it takes {least} to {most}");
        problems.push(problem(field, detail));
    }
}

fn check_tags(tags: &[String], problems: &mut Vec<EntityProblem>) {
    if tags.len() > MAX_TAGS {
        let detail = format!("{} tags; there may be {MAX_TAGS}", tags.len());
        problems.push(problem("tags", detail));
    }
    for tag in tags.iter().take(MAX_TAGS) {
        check_text("tags", tag, 1..=MAX_NAME_CHARS, problems);
    }
}

fn check_place(
    place: &Place<'_>,
    tenant: Option<&str>,
    id: &str,
    problems: &mut Vec<EntityProblem>,
) {
    if id != place.id {
        let detail = format!("is {id:?}, the command is about {:?}", place.id);
        problems.push(problem("id", detail));
    }
    if let Some(tenant) = tenant.filter(|tenant| *tenant != place.tenant) {
        let detail = format!("is {tenant:?}, the command is of {:?}", place.tenant);
        problems.push(problem("tenant", detail));
    }
}

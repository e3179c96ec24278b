//! What becomes of a command, and of what others wrote.

use std::collections::BTreeSet;

use schemas::{
    Entity, EntityAnswer, EntityCommand, EntityKey, EntityObserved, EntityOutcome, EntityProblem,
};

use super::kinds::{Kind, Place, Version, problem};
use super::state::{Answer, Echo, EntityState, Entry, Id};
use super::{ECHO_LOST_MS, EntityOutput, MAX_BODY_BYTES, MAX_ENTITIES, MAX_KEPT_BYTES};
use crate::{DropReason, Out};

/// Those that stand in the way of a removal, named in an answer.
const MAX_NAMED: usize = 5;

/// 9999-12-31 as ms since the epoch.
const MAX_REVISION: i64 = 253_402_214_400_000;

type Outputs<'a> = &'a mut dyn Out<EntityOutput>;

/// What changes an entity, and for whom.
struct Cause<'a> {
    tenant: &'a str,
    by: &'a str,
    at: i64,
}

/// How a command ends.
enum Verdict {
    Applied(i64),
    Conflict(i64),
    NotFound,
    Refused(i64, Vec<EntityProblem>),
}

pub(super) fn command(state: &mut EntityState, command: &EntityCommand, at: i64, out: Outputs<'_>) {
    let answer = match state.answer(&command.request) {
        Some(given) => given.clone(),
        None => {
            let (outcome, revision, problems) = match decide(state, command, at, out) {
                Verdict::Applied(revision) => (EntityOutcome::Applied, revision, Vec::new()),
                Verdict::Conflict(revision) => (EntityOutcome::Conflict, revision, Vec::new()),
                Verdict::NotFound => (EntityOutcome::NotFound, 0, Vec::new()),
                Verdict::Refused(revision, problems) => {
                    (EntityOutcome::Refused, revision, problems)
                }
            };
            let answer = Answer { outcome, revision, problems, at };
            state.remember(&command.request, answer.clone());
            answer
        }
    };
    let Answer { outcome, revision, problems, at } = answer;
    out.emit(EntityOutput::Answer(EntityAnswer {
        tenant: command.tenant.clone(),
        request: command.request.clone(),
        outcome,
        revision,
        problems,
        at,
    }));
}

fn decide(state: &mut EntityState, command: &EntityCommand, at: i64, out: Outputs<'_>) -> Verdict {
    let Some(kind) = Kind::named(&command.kind) else {
        let detail = format!("{:?} is none; there are: {}", command.kind, Kind::names());
        return Verdict::Refused(0, vec![problem("kind", detail)]);
    };
    let id = (command.kind.clone(), command.id.clone());
    let now = state.get(&id).map(|entry| entry.revision);
    let verdict = match (command.expected, now) {
        (Some(0), None) | (None, _) => None,
        (Some(_), None) => Some(Verdict::NotFound),
        (Some(expected), Some(now)) => (expected != now).then_some(Verdict::Conflict(now)),
    };
    if let Some(verdict) = verdict {
        return verdict;
    }
    let cause = Cause { tenant: &command.tenant, by: &command.by, at };
    let decided = match &command.body {
        Some(body) => put(state, kind, &id, body, &cause, out),
        None if now.is_none() => return Verdict::NotFound,
        None => remove(state, kind, &id, &cause, out),
    };
    match decided {
        Ok(revision) => Verdict::Applied(revision),
        Err(problems) => Verdict::Refused(now.unwrap_or(0), problems),
    }
}

/// The log's time, and more than the last in any case.
fn next_revision(state: &EntityState, id: &Id, at: i64) -> i64 {
    let known = state.get(id).map(|entry| entry.highest);
    let last = known.or_else(|| state.gone(id).map(|gone| gone.revision));
    last.map_or(at, |last| at.max(last.saturating_add(1))).max(1)
}

fn put(
    state: &mut EntityState,
    kind: &Kind,
    id: &Id,
    body: &str,
    cause: &Cause<'_>,
    out: Outputs<'_>,
) -> Result<i64, Vec<EntityProblem>> {
    limits(state, kind, id, body).map_err(|problem| vec![problem])?;
    let revision = next_revision(state, id, cause.at);
    let place = Place { tenant: cause.tenant, id: &id.1, revision };
    let mut version = (kind.read)(&place, body).map_err(|problem| vec![problem])?;
    if version.problems.is_empty()
        && let Some(body) = without_gone(state, kind, id, &version)
    {
        version = (kind.read)(&place, &body).map_err(|problem| vec![problem])?;
    }
    let mut problems = std::mem::take(&mut version.problems);
    problems.extend(relations(state, kind, id, &version));
    if !problems.is_empty() {
        return Err(problems);
    }
    let outputs = std::mem::take(&mut version.outputs);
    accept(state, kind, id, version, revision, cause, out);
    for output in outputs {
        if kind.relayed {
            state.expect(id, Echo { revision, gone: false, at: cause.at });
        }
        out.emit(output);
    }
    Ok(revision)
}

fn limits(state: &EntityState, kind: &Kind, id: &Id, body: &str) -> Result<(), EntityProblem> {
    let known = state.get(id);
    if body.len() > MAX_BODY_BYTES {
        let detail = format!("the body has {} bytes; it may have {MAX_BODY_BYTES}", body.len());
        return Err(problem("", detail));
    }
    if known.is_none() && state.count() >= MAX_ENTITIES {
        let detail = format!(
            "there are {MAX_ENTITIES} entities already, which is the most: remove some that are \
             not needed any more"
        );
        return Err(problem("", detail));
    }
    let kept = known.and_then(|entry| entry.body.as_ref()).map_or(0, String::len);
    if kind.keeps_body && state.kept_bytes() - kept + body.len() > MAX_KEPT_BYTES {
        let detail = format!(
            "all device groups and credentials together may have {MAX_KEPT_BYTES} bytes: list \
             fewer devices in groups, take a site or tags instead"
        );
        return Err(problem("", detail));
    }
    Ok(())
}

/// The body without what the last version named and is gone since; none: nothing is.
fn without_gone(state: &EntityState, kind: &Kind, id: &Id, version: &Version) -> Option<String> {
    let last = state.get(id).filter(|_| kind.lets_go)?;
    let gone: BTreeSet<(&str, &str)> = (last.references.iter())
        .filter(|named| state.get(named).is_none())
        .map(|(kind, id)| (kind.as_str(), id.as_str()))
        .collect();
    if gone.is_empty() {
        return None;
    }
    (kind.without)(&version.body, &|kind, id| gone.contains(&(kind, id)))
}

/// What is wrong between it and others. A value that it has already stays its own.
fn relations(state: &EntityState, kind: &Kind, id: &Id, version: &Version) -> Vec<EntityProblem> {
    let mut problems = Vec::new();
    let known = state.get(id);
    for unique in &version.facts.unique {
        let has = |entry: &&Entry| {
            entry
                .unique
                .iter()
                .any(|(field, value)| (field.as_str(), value) == (unique.field, &unique.value))
        };
        if known.filter(has).is_some() {
            continue;
        }
        if let Some(other) = state.holder(id, unique.field, &unique.value) {
            let detail = format!("the {} {other:?} {}", kind.noun, unique.taken);
            problems.push(problem(unique.field, detail));
        }
    }
    let missing = version
        .facts
        .references
        .iter()
        .filter(|named| state.get(&(named.kind.to_owned(), named.id.clone())).is_none());
    for named in missing.take(MAX_NAMED) {
        let words = Kind::named(named.kind).map_or("there is none", |kind| kind.missing);
        problems.push(problem(named.field, format!("{}: {words}", named.id)));
    }
    problems
}

/// Takes a version and publishes it, but for the topic of its kind.
fn accept(
    state: &mut EntityState,
    kind: &Kind,
    id: &Id,
    version: Version,
    revision: i64,
    cause: &Cause<'_>,
    out: Outputs<'_>,
) {
    let entity = Entity {
        tenant: cause.tenant.to_owned(),
        kind: id.0.clone(),
        id: id.1.clone(),
        revision,
        name: version.facts.name.clone(),
        present: true,
        body: Some(version.body.clone()),
        by: cause.by.to_owned(),
        at: cause.at,
    };
    state.put(id, Entry::of(kind, revision, version.facts, &version.body));
    out.emit(EntityOutput::Entity(entity.clone()));
    out.emit(EntityOutput::Version(entity));
}

fn remove(
    state: &mut EntityState,
    kind: &Kind,
    id: &Id,
    cause: &Cause<'_>,
    out: Outputs<'_>,
) -> Result<i64, Vec<EntityProblem>> {
    let holding: Vec<&Id> = state.named_by(id).filter(|other| !lets_go(other)).collect();
    if !holding.is_empty() {
        let name = |other: &&Id| state.get(other).map_or(&other.1, |entry| &entry.name).clone();
        let mut names: Vec<String> = holding.iter().take(MAX_NAMED).map(name).collect();
        if holding.len() > MAX_NAMED {
            names.push(format!("and {} more", holding.len() - MAX_NAMED));
        }
        let (users, noun) = (plural(&holding), kind.noun);
        let names = names.join(", ");
        let detail = format!("{users}: {names}; give each another {noun}, or none, first");
        return Err(vec![problem("", detail)]);
    }
    let revision = next_revision(state, id, cause.at);
    let place = Place { tenant: cause.tenant, id: &id.1, revision };
    let body = state.get(id).and_then(|entry| entry.body.as_deref());
    let outputs = (kind.withdraw)(&place, body);
    take_away(state, id, revision, cause, out);
    for output in outputs {
        if kind.relayed {
            state.expect(id, Echo { revision, gone: true, at: cause.at });
        }
        out.emit(output);
    }
    Ok(revision)
}

/// Who stands in the way, in words.
fn plural(holding: &[&Id]) -> String {
    let noun = holding.first().and_then(|(kind, _)| Kind::named(kind)).map_or("", |it| it.noun);
    match holding.len() {
        1 => format!("1 {noun} uses it"),
        count => format!("{count} {noun}s use it"),
    }
}

fn lets_go((kind, _): &Id) -> bool {
    Kind::named(kind).is_none_or(|kind| kind.lets_go)
}

/// Removes an entity and publishes that, but for the topic of its kind. Those that list it stay as
/// they are, however many go: their next version is without it.
fn take_away(state: &mut EntityState, id: &Id, revision: i64, cause: &Cause<'_>, out: Outputs<'_>) {
    let name = state.get(id).map(|entry| entry.name.clone()).unwrap_or_default();
    if !state.remove(id, revision) {
        return;
    }
    let gone = Entity {
        tenant: cause.tenant.to_owned(),
        kind: id.0.clone(),
        id: id.1.clone(),
        revision,
        name,
        present: false,
        body: None,
        by: cause.by.to_owned(),
        at: cause.at,
    };
    out.emit(EntityOutput::Gone(EntityKey {
        tenant: gone.tenant.clone(),
        kind: gone.kind.clone(),
        id: gone.id.clone(),
    }));
    out.emit(EntityOutput::Version(gone));
}

/// Learns what others wrote to a kind's topic, in the order in which the topic has it; `appended` is
/// when the log took the observation, which counts where it says no time.
pub(super) fn observed(
    state: &mut EntityState,
    observed: &EntityObserved,
    appended: i64,
    out: Outputs<'_>,
) {
    let at = if observed.at > 0 { observed.at } else { appended };
    let Some(kind) = Kind::named(&observed.kind) else {
        out.dropped(DropReason::AbsurdRecord);
        return;
    };
    let id = (observed.kind.clone(), observed.id.clone());
    let gone = observed.body.is_none();
    let expected = state.echoes(&id);
    // Removals are all alike: ours is the next of ours to come, or it is another's.
    let ours = match gone {
        true => expected.first().filter(|next| next.gone).map(|_| 0),
        false => expected.iter().position(|it| !it.gone && it.revision == observed.revision),
    };
    if let Some(place) = ours {
        state.came_back(&id, place + 1);
        return;
    }
    match expected.last() {
        // Ours comes after it in the topic, and has replaced it there.
        Some(last) if at < last.at.saturating_add(ECHO_LOST_MS) => return,
        Some(_) => state.came_back(&id, usize::MAX),
        None => {}
    }
    // A removal does not say whose it is: of who maintained the entity, as far as is known.
    let maintained = state.get(&id).map(|entry| entry.source.clone()).unwrap_or_default();
    let by = if observed.source.is_empty() { &maintained } else { &observed.source };
    let cause = Cause { tenant: &observed.tenant, by, at };
    match &observed.body {
        Some(body) => learn(state, kind, &id, observed.revision, body, &cause, out),
        None if state.get(&id).is_some() => {
            let revision = next_revision(state, &id, at);
            take_away(state, &id, revision, &cause, out);
        }
        None => {}
    }
}

/// It is so already, whatever is wrong with it: nobody asked.
fn learn(
    state: &mut EntityState,
    kind: &Kind,
    id: &Id,
    given: i64,
    body: &str,
    cause: &Cause<'_>,
    out: Outputs<'_>,
) {
    // Of a release without revisions, or with a clock that is beyond all reason.
    let given = if (1..=MAX_REVISION).contains(&given) { given } else { 0 };
    if given > 0 && state.get(id).is_some_and(|entry| entry.revision == given) {
        return;
    }
    let revision = if given > 0 { given } else { next_revision(state, id, cause.at) };
    let place = Place { tenant: cause.tenant, id: &id.1, revision };
    if limits(state, kind, id, body).is_err() {
        out.dropped(DropReason::EntityLimit);
        return;
    }
    match (kind.read)(&place, body) {
        Ok(version) => accept(state, kind, id, version, revision, cause, out),
        Err(_) => out.dropped(DropReason::AbsurdRecord),
    }
}

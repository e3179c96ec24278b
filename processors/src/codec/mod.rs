//! State to bytes and back.
//!
//! Numbers are varints; what all series have is written column by column, each value against the
//! one it is likely to equal, and runs of zeros take two bytes. What follows from the rest (series
//! ids, look-up tables) is not written. Loading checks every number that is used as an index, so
//! wrong bytes end in an error, never in a panic.
//!
//! What changes with every poll is one section; what changes seldom (names, the day's profile,
//! texts, each bucket that closed) has sections of its own, written when it changed. The first
//! says which buckets there are, so an older section is never taken for a newer one.

mod cells;
mod primitive;
mod rows;
mod series;

use primitive::{Reader, Writer};
use schemas::{DeviceId, RowIdentity};
use uuid::Uuid;

use crate::state::{Instance, Owner, Presence, SeriesState, Tables};
use crate::{DeviceState, LoadError, MAX_CONNECTORS, Sections};

/// What changes with every poll.
const NOW: u16 = 0;
/// Form of [`NOW`] up to logic version 3, which knew less of rows and courses.
const BEFORE_4: u8 = 1;
/// Today's form.
const FULL: u8 = 2;
/// Whose state it is; metrics, instances, and which of them make a series.
const NAMES: u16 = 1;
/// The series' profiles of a day.
const SEASONS: u16 = 2;
/// The device's texts.
const TEXTS: u16 = 3;
/// The buckets from here on: see [`cells`].
const CELLS: u16 = 4;

/// Writes a section.
type Fill<'a> = &'a mut dyn FnMut(&mut Writer<'_>);

/// Hands out the sections that changed since this state was last saved or loaded.
pub(crate) fn save(state: &mut DeviceState, write: &mut dyn FnMut(u16, &[u8])) {
    let mut bytes = Vec::with_capacity(1024);
    let mut section = |number: u16, fill: Fill<'_>| {
        bytes.clear();
        fill(&mut Writer::new(&mut bytes));
        write(number, &bytes);
    };
    let Some(owner) = &state.owner else {
        section(NOW, &mut |writer| writer.byte(0));
        return;
    };
    let (tables, series) = (&state.tables, &mut state.series);
    section(NOW, &mut |writer| {
        writer.byte(FULL);
        writer.text(&owner.name);
        save_marks(tables, writer);
        writer.length(state.connectors.len());
        for connector in &state.connectors {
            rows::save_connector(connector, writer);
        }
        rows::save_watch(&state.watch, writer);
        series::save_now(series, writer);
        cells::save_now(&state.rollups, writer);
        rows::save_facts(&state.texts, writer);
    });
    let names = [tables.metrics.len(), tables.instances.len(), series.len()];
    if state.names_saved != Some(names) {
        section(NAMES, &mut |writer| save_names(owner, tables, series, writer));
        state.names_saved = Some(names);
    }
    if series.iter().any(|one| one.learned.season.changed) {
        section(SEASONS, &mut |writer| series::save_seasons(series, writer));
        for one in series {
            one.learned.season.changed = false;
        }
    }
    if std::mem::take(&mut state.texts.changed) {
        section(TEXTS, &mut |writer| rows::save_texts(&state.texts, writer));
    }
    cells::save_changed(&mut state.rollups, &mut section);
}

pub(crate) fn load(sections: &Sections) -> Result<DeviceState, LoadError> {
    let mut now = Reader::of(sections, NOW)?;
    let mut state = DeviceState::default();
    let form = now.byte()?;
    match form {
        0 => {
            now.end()?;
            return Ok(state);
        }
        BEFORE_4 | FULL => {}
        _ => return Err(now.malformed("form of a state")),
    }
    let full = form == FULL;
    let mut owner = load_names(sections, &mut state)?;
    owner.name = now.text()?;
    load_marks(&mut state.tables, &mut now, full)?;
    let connectors = now.length()?;
    if connectors > MAX_CONNECTORS {
        return Err(now.malformed("number of connectors"));
    }
    for _ in 0..connectors {
        state.connectors.push(rows::load_connector(&mut now, full)?);
    }
    state.watch = rows::load_watch(&mut now, full)?;
    series::load_now(&mut state.series, &mut now, full)?;
    state.rollups = cells::load(state.series.len(), &mut now, sections)?;
    if full {
        rows::load_facts(&mut state.texts, &mut now)?;
    }
    let facts = (state.texts.pending, state.texts.left_out);
    now.end()?;
    if !state.series.is_empty() {
        let mut seasons = Reader::of(sections, SEASONS)?;
        series::load_seasons(&mut state.series, &mut seasons)?;
        seasons.end()?;
    }
    if sections.contains_key(&TEXTS) {
        let mut texts = Reader::of(sections, TEXTS)?;
        state.texts = rows::load_texts(&mut texts)?;
        (state.texts.pending, state.texts.left_out) = facts;
        texts.end()?;
    }
    state.tables.index(&state.series);
    state.owner = Some(owner);
    Ok(state)
}

/// When instances' counters started anew.
fn save_marks(tables: &Tables, writer: &mut Writer<'_>) {
    let instances = &tables.instances;
    writer.column(instances.iter().map(|one| u64::from(one.marker.is_some())));
    writer.column(instances.iter().map(|one| primitive::zigzag(one.marker.unwrap_or(0))));
    writer.column(instances.iter().map(|one| u64::from(one.breaks)));
    writer.column(instances.iter().map(|one| {
        let Presence { missed, seen } = one.presence;
        u64::from(missed) << 2 | u64::from(seen) << 1 | u64::from(one.moved)
    }));
    writer.column(instances.iter().map(|one| one.identity.bits() as u64));
}

fn load_marks(tables: &mut Tables, reader: &mut Reader<'_>, full: bool) -> Result<(), LoadError> {
    let count = tables.instances.len();
    let marked = reader.column(count)?;
    let markers = reader.column(count)?;
    let breaks = reader.column(count)?;
    for (place, one) in tables.instances.iter_mut().enumerate() {
        one.marker = (marked[place] != 0).then(|| primitive::unzigzag(markers[place]));
        one.breaks = u32::try_from(breaks[place]).map_err(|_| reader.malformed("breaks"))?;
    }
    if !full {
        return Ok(());
    }
    let marks = reader.column(count)?;
    let identities = reader.column(count)?;
    for (place, one) in tables.instances.iter_mut().enumerate() {
        let missed = u8::try_from(marks[place] >> 2).ok().filter(|it| *it <= Presence::GONE);
        let missed = missed.ok_or_else(|| reader.malformed("presence"))?;
        one.presence = Presence { missed, seen: marks[place] & 2 != 0 };
        one.moved = marks[place] & 1 != 0;
        one.identity = RowIdentity::from_bits(identities[place] as i64);
    }
    Ok(())
}

fn save_names(owner: &Owner, tables: &Tables, series: &[SeriesState], writer: &mut Writer<'_>) {
    writer.text(&owner.tenant);
    writer.raw(owner.device.0.as_bytes());
    writer.length(tables.metrics.len());
    for metric in &tables.metrics {
        writer.text(&metric.name);
        writer.text(&metric.unit);
    }
    writer.length(tables.instances.len());
    for instance in &tables.instances {
        writer.text(&instance.name);
    }
    series::save_names(series, writer);
}

/// Fills tables and series; the owner's name stands elsewhere.
fn load_names(sections: &Sections, state: &mut DeviceState) -> Result<Owner, LoadError> {
    let mut reader = Reader::of(sections, NAMES)?;
    let tenant = reader.text()?;
    let device = DeviceId(Uuid::from_bytes(reader.array::<16>()?));
    for _ in 0..reader.length()? {
        let (name, unit) = (reader.text()?, reader.text()?);
        state.tables.push_metric(name, unit);
    }
    for _ in 0..reader.length()? {
        state.tables.instances.push(Instance { name: reader.text()?, ..Instance::default() });
    }
    let owner = Owner { tenant, device, name: String::new() };
    state.series = series::load_names(&owner, &state.tables, &mut reader)?;
    reader.end()?;
    let tables = &state.tables;
    state.names_saved = Some([tables.metrics.len(), tables.instances.len(), state.series.len()]);
    Ok(owner)
}

#[cfg(test)]
mod tests;

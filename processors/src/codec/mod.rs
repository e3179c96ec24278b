//! State to bytes and back.
//!
//! Numbers are varints; what all series have is written column by column, each value against the
//! one it is likely to equal, and runs of zeros take two bytes. What follows from the rest (series
//! ids, look-up tables) is not written. Loading checks every number that is used as an index, so
//! wrong bytes end in an error, never in a panic.

mod cells;
mod primitive;
mod rows;
mod series;

use primitive::{Reader, Writer};
use schemas::DeviceId;
use uuid::Uuid;

use crate::state::{Instance, Owner};
use crate::{DeviceState, LoadError, MAX_CONNECTORS};

pub(crate) fn save(state: &DeviceState, bytes: &mut Vec<u8>) {
    let mut writer = Writer::new(bytes);
    let Some(owner) = &state.owner else {
        writer.byte(0);
        return;
    };
    writer.byte(1);
    writer.text(&owner.tenant);
    writer.raw(owner.device.0.as_bytes());
    writer.text(&owner.name);
    writer.length(state.tables.metrics.len());
    for metric in &state.tables.metrics {
        writer.text(&metric.name);
        writer.text(&metric.unit);
    }
    writer.length(state.tables.instances.len());
    for instance in &state.tables.instances {
        writer.text(&instance.name);
        writer.byte(u8::from(instance.marker.is_some()));
        writer.signed(instance.marker.unwrap_or(0));
        writer.number(u64::from(instance.breaks));
    }
    writer.length(state.connectors.len());
    for connector in &state.connectors {
        rows::save_connector(connector, &mut writer);
    }
    rows::save_watch(&state.watch, &mut writer);
    rows::save_texts(&state.texts, &mut writer);
    series::save(&state.series, &mut writer);
    cells::save(&state.rollups, &mut writer);
}

pub(crate) fn load(bytes: &[u8]) -> Result<DeviceState, LoadError> {
    let mut reader = Reader::new(bytes);
    let mut state = DeviceState::default();
    if reader.byte()? == 0 {
        reader.end()?;
        return Ok(state);
    }
    let tenant = reader.text()?;
    let device = reader.array::<16>()?;
    let device = DeviceId(Uuid::from_bytes(device));
    let name = reader.text()?;
    for _ in 0..reader.length()? {
        let name = reader.text()?;
        let unit = reader.text()?;
        state.tables.push_metric(name, unit);
    }
    for _ in 0..reader.length()? {
        let name = reader.text()?;
        let marked = reader.flag()?;
        let marker = Some(reader.signed()?).filter(|_| marked);
        let breaks = reader.small()?;
        state.tables.instances.push(Instance { name, marker, breaks });
    }
    let connectors = reader.length()?;
    if connectors > MAX_CONNECTORS {
        return Err(reader.malformed("number of connectors"));
    }
    for _ in 0..connectors {
        state.connectors.push(rows::load_connector(&mut reader)?);
    }
    state.watch = rows::load_watch(&mut reader)?;
    state.texts = rows::load_texts(&mut reader)?;
    let owner = Owner { tenant, device, name };
    state.series = series::load(&owner, &state.tables, &mut reader)?;
    state.rollups = cells::load(state.series.len(), &mut reader)?;
    reader.end()?;
    state.tables.index(&state.series);
    state.owner = Some(owner);
    Ok(state)
}

#[cfg(test)]
mod tests;

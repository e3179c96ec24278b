//! `poll.avsc`.

use super::{
    Binary, Cursor, Flaw, LONG, put_array, put_double, put_long, put_optional, put_symbol, put_text,
};
use crate::id::DeviceId;
use crate::records::{Column, Fact, Kind, Outcome, Poll};

/// In the schema's order.
const OUTCOMES: [Outcome; 9] = [
    Outcome::Ok,
    Outcome::Partial,
    Outcome::Timeout,
    Outcome::Unreachable,
    Outcome::NoCredential,
    Outcome::NotPermitted,
    Outcome::Malformed,
    Outcome::Failed,
    Outcome::Skipped,
];

/// In the schema's order.
const KINDS: [Kind; 5] =
    [Kind::Gauge, Kind::Counter32, Kind::Counter64, Kind::State, Kind::Discontinuity];

impl Binary for Poll {
    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.tenant);
        put_device(out, self.device);
        put_text(out, &self.connector);
        put_long(out, self.cycle);
        put_long(out, self.part.into());
        put_long(out, self.parts.into());
        put_long(out, self.interval_ms);
        put_long(out, self.started_at);
        put_long(out, self.mono_ms);
        put_text(out, &self.poller);
        put_long(out, self.duration_ms.into());
        put_symbol(out, &OUTCOMES, &self.outcome);
        put_optional(out, self.error.as_deref(), put_text);
        put_optional(out, self.uptime_cs, put_long);
        put_array(out, &self.instances, |out, name| put_text(out, name));
        put_array(out, &self.columns, put_column);
        put_array(out, &self.facts, |out, fact| {
            put_text(out, &fact.instance);
            put_text(out, &fact.name);
            put_text(out, &fact.value);
        });
    }

    fn room(&self) -> usize {
        let column = |column: &Column| 64 + column.instances.len() * (LONG + 8);
        256 + self.columns.iter().map(column).sum::<usize>()
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Flaw> {
        Ok(Self {
            tenant: cursor.text("tenant")?.to_owned(),
            device: device(cursor)?,
            connector: cursor.text("connector")?.to_owned(),
            cycle: cursor.long("cycle")?,
            part: cursor.int("part")?,
            parts: cursor.int("parts")?,
            interval_ms: cursor.long("interval_ms")?,
            started_at: cursor.long("started_at")?,
            mono_ms: cursor.long("mono_ms")?,
            poller: cursor.text("poller")?.to_owned(),
            duration_ms: cursor.int("duration_ms")?,
            outcome: cursor.symbol("outcome", &OUTCOMES)?,
            error: cursor.optional("error", |cursor| Ok(cursor.text("error")?.to_owned()))?,
            uptime_cs: cursor.optional("uptime_cs", |cursor| cursor.long("uptime_cs"))?,
            instances: cursor
                .array("instances", |cursor| Ok(cursor.text("instances")?.to_owned()))?,
            columns: cursor.array("columns", column)?,
            facts: cursor.array("facts", |cursor| {
                Ok(Fact {
                    instance: cursor.text("facts.instance")?.to_owned(),
                    name: cursor.text("facts.name")?.to_owned(),
                    value: cursor.text("facts.value")?.to_owned(),
                })
            })?,
        })
    }
}

pub(super) fn put_device(out: &mut Vec<u8>, device: DeviceId) {
    let mut buffer = uuid::Uuid::encode_buffer();
    put_text(out, device.0.as_hyphenated().encode_lower(&mut buffer));
}

pub(super) fn device(cursor: &mut Cursor<'_>) -> Result<DeviceId, Flaw> {
    let text = cursor.text("device")?;
    text.parse().map_err(|_| Flaw::Bad("device", "text that is no UUID"))
}

fn put_column(out: &mut Vec<u8>, column: &Column) {
    put_text(out, &column.metric);
    put_text(out, &column.unit);
    put_symbol(out, &KINDS, &column.kind);
    put_double(out, column.scale);
    put_optional(out, column.ceiling.as_deref(), put_text);
    out.push(column.detect.into());
    put_double(out, column.quantum);
    put_array(out, &column.instances, |out, place| put_long(out, (*place).into()));
    put_array(out, &column.at_ms, |out, at| put_long(out, (*at).into()));
    put_array(out, &column.counts, |out, count| put_long(out, *count));
    put_array(out, &column.gauges, |out, gauge| put_double(out, *gauge));
}

fn column(cursor: &mut Cursor<'_>) -> Result<Column, Flaw> {
    Ok(Column {
        metric: cursor.text("columns.metric")?.to_owned(),
        unit: cursor.text("columns.unit")?.to_owned(),
        kind: cursor.symbol("columns.kind", &KINDS)?,
        scale: cursor.double("columns.scale")?,
        ceiling: cursor
            .optional("columns.ceiling", |cursor| Ok(cursor.text("columns.ceiling")?.to_owned()))?,
        detect: cursor.boolean("columns.detect")?,
        quantum: cursor.double("columns.quantum")?,
        instances: cursor.array("columns.instances", |cursor| cursor.int("columns.instances"))?,
        at_ms: cursor.array("columns.at_ms", |cursor| cursor.int("columns.at_ms"))?,
        counts: cursor.array("columns.counts", |cursor| cursor.long("columns.counts"))?,
        gauges: cursor.array("columns.gauges", |cursor| cursor.double("columns.gauges"))?,
    })
}

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
        put_array(out, &self.identities, |out, identity| put_long(out, *identity));
        put_long(out, self.target);
    }

    fn room(&self) -> usize {
        let column = |column: &Column| 64 + column.instances.len() * (LONG + 8);
        256 + self.identities.len() * LONG + self.columns.iter().map(column).sum::<usize>()
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Flaw> {
        let mut poll = empty();
        refill(&mut poll, cursor)?;
        Ok(poll)
    }
}

/// A poll to be filled.
pub(crate) fn empty() -> Poll {
    Poll {
        tenant: String::new(),
        device: DeviceId(uuid::Uuid::nil()),
        connector: String::new(),
        cycle: 0,
        part: 0,
        parts: 1,
        interval_ms: 0,
        started_at: 0,
        mono_ms: 0,
        poller: String::new(),
        duration_ms: 0,
        outcome: Outcome::Failed,
        error: None,
        uptime_cs: None,
        instances: Vec::new(),
        columns: Vec::new(),
        facts: Vec::new(),
        identities: Vec::new(),
        target: 0,
    }
}

/// Reads into a poll that was read before: its texts and lists keep their room, which is most of
/// what reading one costs otherwise. After a flaw it holds some of both.
pub(crate) fn refill(poll: &mut Poll, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
    cursor.text_into("tenant", &mut poll.tenant)?;
    poll.device = device(cursor)?;
    cursor.text_into("connector", &mut poll.connector)?;
    poll.cycle = cursor.long("cycle")?;
    poll.part = cursor.int("part")?;
    poll.parts = cursor.int("parts")?;
    poll.interval_ms = cursor.long("interval_ms")?;
    poll.started_at = cursor.long("started_at")?;
    poll.mono_ms = cursor.long("mono_ms")?;
    cursor.text_into("poller", &mut poll.poller)?;
    poll.duration_ms = cursor.int("duration_ms")?;
    poll.outcome = cursor.symbol("outcome", &OUTCOMES)?;
    poll.error = cursor.optional("error", |cursor| Ok(cursor.text("error")?.to_owned()))?;
    poll.uptime_cs = cursor.optional("uptime_cs", |cursor| cursor.long("uptime_cs"))?;
    cursor.refill("instances", &mut poll.instances, String::new, |cursor, name| {
        cursor.text_into("instances", name)
    })?;
    cursor.refill("columns", &mut poll.columns, empty_column, |cursor, one| column(one, cursor))?;
    poll.facts = cursor.array("facts", |cursor| {
        Ok(Fact {
            instance: cursor.text("facts.instance")?.to_owned(),
            name: cursor.text("facts.name")?.to_owned(),
            value: cursor.text("facts.value")?.to_owned(),
        })
    })?;
    cursor.array_into("identities", &mut poll.identities, |cursor| cursor.long("identities"))?;
    poll.target = cursor.long("target")?;
    Ok(())
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

fn empty_column() -> Column {
    Column {
        metric: String::new(),
        unit: String::new(),
        kind: Kind::Gauge,
        scale: 1.0,
        ceiling: None,
        detect: true,
        quantum: 0.0,
        instances: Vec::new(),
        at_ms: Vec::new(),
        counts: Vec::new(),
        gauges: Vec::new(),
    }
}

fn column(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
    cursor.text_into("columns.metric", &mut column.metric)?;
    cursor.text_into("columns.unit", &mut column.unit)?;
    column.kind = cursor.symbol("columns.kind", &KINDS)?;
    column.scale = cursor.double("columns.scale")?;
    let room = column.ceiling.take();
    column.ceiling = cursor.optional("columns.ceiling", |cursor| {
        let mut ceiling = room.unwrap_or_default();
        cursor.text_into("columns.ceiling", &mut ceiling)?;
        Ok(ceiling)
    })?;
    column.detect = cursor.boolean("columns.detect")?;
    column.quantum = cursor.double("columns.quantum")?;
    let field = "columns.instances";
    cursor.array_into(field, &mut column.instances, |cursor| cursor.int(field))?;
    let field = "columns.at_ms";
    cursor.array_into(field, &mut column.at_ms, |cursor| cursor.int(field))?;
    let field = "columns.counts";
    cursor.array_into(field, &mut column.counts, |cursor| cursor.long(field))?;
    let field = "columns.gauges";
    cursor.array_into(field, &mut column.gauges, |cursor| cursor.double(field))
}

//! What a device has few of: connectors, protocol views, texts.

use schemas::{Availability, Fact};

use super::primitive::{Reader, Writer};
use crate::LoadError;
use crate::availability::{ProtocolView, Published, Sign, Wanted, Watch, Why};
use crate::facts::{Text, Texts};
use crate::rates::Connector;

pub(super) fn save_connector(connector: &Connector, writer: &mut Writer<'_>) {
    writer.text(&connector.name);
    writer.signed(connector.cycle);
    writer.signed(connector.interval_ms);
    writer.length(connector.parts.len());
    for bits in &connector.parts {
        writer.number(*bits);
    }
    writer.text(&connector.poller);
    writer.signed(connector.mono_ms);
    writer.signed(connector.started_at);
    writer.signed(connector.line_ms);
    writer.maybe(connector.uptime.map(|(uptime, _)| uptime));
    writer.maybe(connector.uptime.map(|(_, line_ms)| line_ms));
    writer.number(u64::from(connector.restarts));
    writer.signed(connector.target);
    writer.byte(connector.doubt);
    writer.signed(connector.before_ms);
    writer.byte(connector.frozen);
    writer.byte(connector.refresh);
    writer.byte(u8::from(connector.sees_ports));
}

pub(super) fn load_connector(reader: &mut Reader<'_>, full: bool) -> Result<Connector, LoadError> {
    let mut connector = load_old_connector(reader)?;
    if full {
        connector.target = reader.signed()?;
        connector.doubt = reader.byte()?;
        connector.before_ms = reader.clock()?;
        connector.frozen = reader.byte()?;
        connector.refresh = reader.byte()?;
        connector.sees_ports = reader.flag()?;
    }
    Ok(connector)
}

fn load_old_connector(reader: &mut Reader<'_>) -> Result<Connector, LoadError> {
    let name = reader.text()?;
    let cycle = reader.clock()?;
    let interval_ms = reader.clock()?;
    let mut parts = Vec::new();
    for _ in 0..reader.length()? {
        parts.push(reader.number()?);
    }
    Ok(Connector {
        name,
        cycle,
        interval_ms,
        parts,
        poller: reader.text()?,
        mono_ms: reader.clock()?,
        started_at: reader.clock()?,
        line_ms: reader.clock()?,
        uptime: match (reader.maybe()?, reader.maybe()?) {
            (Some(uptime), Some(line_ms)) => Some((uptime, line_ms)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(reader.malformed("uptime")),
        },
        restarts: reader.small()?,
        before_ms: interval_ms,
        ..Connector::default()
    })
}

const SIGNS: [Sign; 6] =
    [Sign::Nothing, Sign::Good, Sign::Poor, Sign::Fails, Sign::NoCredential, Sign::NotPermitted];

const STATES: [Availability; 4] =
    [Availability::Up, Availability::Degraded, Availability::Down, Availability::Unknown];

fn save_one<T: PartialEq>(value: &T, all: &[T], writer: &mut Writer<'_>) {
    writer.length(all.iter().position(|one| one == value).unwrap_or(0));
}

fn load_one<T: Copy>(all: &[T], reader: &mut Reader<'_>) -> Result<T, LoadError> {
    let place: usize = reader.small()?;
    all.get(place).copied().ok_or_else(|| reader.malformed("choice"))
}

fn save_view(view: &ProtocolView, writer: &mut Writer<'_>) {
    save_one(&view.sign, &SIGNS, writer);
    writer.number(u64::from(view.run));
    writer.signed(view.run_since);
    save_one(&view.believed, &SIGNS, writer);
    writer.signed(view.since);
    writer.byte(u8::from(view.ever_good));
    writer.signed(view.interval_ms);
    writer.signed(view.observed_at);
    writer.text(&view.error);
    writer.number(u64::from(view.lost));
    writer.byte(view.polls);
    writer.byte(u8::from(view.unsteady));
}

fn load_view(reader: &mut Reader<'_>, full: bool) -> Result<ProtocolView, LoadError> {
    let mut view = load_old_view(reader)?;
    if full {
        view.lost = reader.small()?;
        view.polls = reader.byte()?;
        view.unsteady = reader.flag()?;
    }
    Ok(view)
}

fn load_old_view(reader: &mut Reader<'_>) -> Result<ProtocolView, LoadError> {
    Ok(ProtocolView {
        sign: load_one(&SIGNS, reader)?,
        run: reader.small()?,
        run_since: reader.clock()?,
        believed: load_one(&SIGNS, reader)?,
        since: reader.clock()?,
        ever_good: reader.flag()?,
        interval_ms: reader.clock()?,
        observed_at: reader.clock()?,
        error: reader.text()?,
        ..ProtocolView::default()
    })
}

pub(super) fn save_watch(watch: &Watch, writer: &mut Writer<'_>) {
    writer.byte(u8::from(watch.wanted.is_some()));
    if let Some(wanted) = watch.wanted {
        writer.byte(u8::from(wanted.enabled));
        writer.byte(u8::from(wanted.snmp));
        writer.byte(u8::from(wanted.icmp));
        writer.signed(wanted.interval_ms);
    }
    save_view(&watch.snmp, writer);
    save_view(&watch.icmp, writer);
    writer.byte(u8::from(watch.published.is_some()));
    if let Some(published) = watch.published {
        save_one(&published.state, &STATES, writer);
        save_one(&published.why, &Why::ALL, writer);
        writer.signed(published.since);
        writer.byte(published.lost);
    }
    writer.maybe(watch.observed_at);
    writer.maybe(watch.suspected_at);
    writer.byte(u8::from(watch.silent));
}

pub(super) fn load_watch(reader: &mut Reader<'_>, full: bool) -> Result<Watch, LoadError> {
    let mut watch = Watch::default();
    if reader.flag()? {
        watch.wanted = Some(Wanted {
            enabled: reader.flag()?,
            snmp: reader.flag()?,
            icmp: reader.flag()?,
            interval_ms: reader.clock()?,
        });
    }
    watch.snmp = load_view(reader, full)?;
    watch.icmp = load_view(reader, full)?;
    if reader.flag()? {
        watch.published = Some(Published {
            state: load_one(&STATES, reader)?,
            why: load_one(&Why::ALL, reader)?,
            since: reader.clock()?,
            lost: if full { reader.byte()? } else { 0 },
        });
    }
    watch.observed_at = reader.maybe()?;
    watch.suspected_at = reader.maybe()?;
    watch.silent = reader.flag()?;
    Ok(watch)
}

/// What of the texts changes with every poll.
pub(super) fn save_facts(texts: &Texts, writer: &mut Writer<'_>) {
    writer.byte(u8::from(texts.pending));
    writer.number(u64::from(texts.left_out));
}

pub(super) fn load_facts(texts: &mut Texts, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    texts.pending = reader.flag()?;
    texts.left_out = reader.small()?;
    Ok(())
}

pub(super) fn save_texts(texts: &Texts, writer: &mut Writer<'_>) {
    writer.length(texts.known.len());
    for text in &texts.known {
        writer.text(&text.fact.instance);
        writer.text(&text.fact.name);
        writer.text(&text.fact.value);
        writer.signed(text.observed_at);
    }
}

pub(super) fn load_texts(reader: &mut Reader<'_>) -> Result<Texts, LoadError> {
    let mut texts = Texts::default();
    for _ in 0..reader.length()? {
        let (instance, name, value) = (reader.text()?, reader.text()?, reader.text()?);
        let observed_at = reader.clock()?;
        texts.known.push(Text { fact: Fact { instance, name, value }, observed_at });
    }
    Ok(texts)
}

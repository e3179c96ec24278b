//! The series, column by column.

use schemas::{Kind, SeriesId};

use super::primitive::{Reader, Writer, unzigzag, zigzag};
use crate::baseline::{Episode, Evidence, Learned, Season};
use crate::rates::{Course, MOST_HELD, Odd, Reading, Suspect};
use crate::state::{Owner, SeriesState, Tables};
use crate::{LoadError, MAX_SERIES};

const KINDS: [Kind; 5] =
    [Kind::Counter32, Kind::Counter64, Kind::State, Kind::Discontinuity, Kind::Gauge];

/// Differences of neighbours, wrapping.
fn steps<'a>(
    series: &'a [SeriesState],
    of: impl Fn(&SeriesState) -> i64 + 'a,
) -> impl Iterator<Item = u64> + 'a {
    let mut last = 0_i64;
    series.iter().map(move |one| {
        let difference = of(one).wrapping_sub(last);
        last = of(one);
        zigzag(difference)
    })
}

struct Steps(i64);

impl Steps {
    fn next(&mut self, difference: u64) -> i64 {
        self.0 = self.0.wrapping_add(unzigzag(difference));
        self.0
    }
}

/// Which metric of which instance each is.
pub(super) fn save_names(series: &[SeriesState], writer: &mut Writer<'_>) {
    writer.length(series.len());
    writer.column(steps(series, |one| i64::from(one.metric)));
    writer.column(steps(series, |one| i64::from(one.instance)));
}

/// What changes with every sample.
pub(super) fn save_now(series: &[SeriesState], writer: &mut Writer<'_>) {
    let kind = |one: &SeriesState| KINDS.iter().position(|kind| *kind == one.kind).unwrap_or(4);
    writer.column(steps(series, move |one| kind(one) as i64));
    writer.column(steps(series, |one| one.at));
    writer.column(steps(series, |one| one.sent_at));
    writer.column(series.iter().map(|one| match one.kind {
        // A gauge's bits end in zeros, a counter's begin with them.
        Kind::Gauge | Kind::State => one.reading.raw.swap_bytes(),
        Kind::Counter32 | Kind::Counter64 | Kind::Discontinuity => one.reading.raw,
    }));
    writer.column(steps(series, |one| one.reading.line_ms));
    writer.column(steps(series, |one| i64::from(one.reading.restarts)));
    writer.column(steps(series, |one| i64::from(one.reading.breaks)));
    save_learned(series, writer);
    save_courses(series, writer);
    writer.column(series.iter().map(|one| u64::from(one.alarm.history)));
    writer.column(series.iter().map(|one| u64::from(one.alarm.is_open())));
    for episode in series.iter().filter_map(|one| one.alarm.episode.as_deref()) {
        save_episode(episode, writer);
    }
}

/// How counters run: few are odd.
fn save_courses(series: &[SeriesState], writer: &mut Writer<'_>) {
    writer.column(series.iter().map(|one| u64::from(one.course.still_ms)));
    writer.column(series.iter().map(|one| u64::from(one.course.highest.to_bits() >> 16)));
    writer.column(series.iter().map(|one| u64::from(one.course.odd.is_some())));
    for odd in series.iter().filter_map(|one| one.course.odd.as_deref()) {
        writer.byte(u8::from(odd.suspect.is_some()));
        if let Some(Suspect { reading, value }) = odd.suspect {
            writer.number(reading.raw);
            writer.signed(reading.line_ms);
            writer.number(u64::from(reading.restarts));
            writer.number(u64::from(reading.breaks));
            writer.float(value);
        }
        writer.float(odd.false_ceiling);
        writer.byte(odd.refresh);
        writer.length(odd.held.len());
        for at in &odd.held {
            writer.signed(*at);
        }
    }
}

fn load_courses(series: &mut [SeriesState], reader: &mut Reader<'_>) -> Result<(), LoadError> {
    let count = series.len();
    let still = reader.column(count)?;
    let highest = reader.column(count)?;
    let odd = reader.column(count)?;
    for (row, one) in series.iter_mut().enumerate() {
        let bits = u16::try_from(highest[row]).map_err(|_| reader.malformed("highest"))?;
        one.course = Course {
            still_ms: u32::try_from(still[row]).map_err(|_| reader.malformed("stand-still"))?,
            highest: f32::from_bits(u32::from(bits) << 16),
            odd: if odd[row] == 0 { None } else { Some(Box::new(load_odd(reader)?)) },
        };
    }
    Ok(())
}

fn load_odd(reader: &mut Reader<'_>) -> Result<Odd, LoadError> {
    let mut odd = Odd::default();
    if reader.flag()? {
        odd.suspect = Some(Suspect {
            reading: Reading {
                raw: reader.number()?,
                line_ms: reader.signed()?,
                restarts: reader.small()?,
                breaks: reader.small()?,
            },
            value: reader.float()?,
        });
    }
    odd.false_ceiling = reader.float()?;
    odd.refresh = reader.byte()?;
    let held = reader.length()?;
    if held > MOST_HELD {
        return Err(reader.malformed("polls held back"));
    }
    for _ in 0..held {
        odd.held.push(reader.clock()?);
    }
    Ok(odd)
}

fn save_learned(series: &[SeriesState], writer: &mut Writer<'_>) {
    writer.column(steps(series, |one| i64::from(one.learned.count)));
    writer.column(steps(series, |one| one.learned.learned_at));
    let bits = |value: f32| u64::from(value.to_bits());
    writer.bits(series.iter().map(|one| bits(one.learned.level)));
    writer.bits(series.iter().map(|one| bits(one.learned.scale)));
    writer.bits(series.iter().map(|one| bits(one.learned.quantum)));
    writer.column(steps(series, |one| i64::from(one.learned.season.hour)));
    writer.column(steps(series, |one| i64::from(one.learned.season.count)));
    writer.bits(series.iter().map(|one| bits(one.learned.season.gathered)));
}

/// What changes when an hour ends.
pub(super) fn save_seasons(series: &[SeriesState], writer: &mut Writer<'_>) {
    writer.column(series.iter().map(|one| u64::from(one.learned.season.known)));
    writer.bits(series.iter().map(|one| u64::from(one.learned.season.centre.to_bits())));
    for hour in 0..24 {
        writer.column(series.iter().map(|one| u64::from(one.learned.season.days[hour])));
        let before = |one: &SeriesState| match hour {
            0 => 0,
            _ => one.learned.season.mean[hour - 1],
        };
        writer.column(
            series.iter().map(|one| u64::from(one.learned.season.mean[hour] ^ before(one))),
        );
    }
}

fn save_episode(episode: &Episode, writer: &mut Writer<'_>) {
    writer.signed(episode.onset_at);
    writer.signed(episode.published_at);
    writer.number(u64::from(episode.highest.to_bits()));
    writer.number(u64::from(episode.published.to_bits()));
    writer.byte(episode.inside);
    writer.number(u64::from(episode.moved.to_bits()));
    let (value, expected, lower, upper) = episode.last;
    for one in [value, expected, lower, upper] {
        writer.float(one);
    }
    writer.signed(episode.peak_at);
    for evidence in [episode.first, episode.peak] {
        let (value, expected, lower, upper) = evidence;
        for one in [value, expected, lower, upper] {
            writer.float(one);
        }
    }
}

pub(super) fn load_names(
    owner: &Owner,
    tables: &Tables,
    reader: &mut Reader<'_>,
) -> Result<Vec<SeriesState>, LoadError> {
    let count: usize = reader.small()?;
    if count > MAX_SERIES {
        return Err(reader.malformed("number of series"));
    }
    let metrics = reader.column(count)?;
    let instances = reader.column(count)?;
    let (mut metric, mut instance) = (Steps(0), Steps(0));
    let mut series = Vec::with_capacity(count);
    for row in 0..count {
        let (metric, instance) = (metric.next(metrics[row]), instance.next(instances[row]));
        let name = usize::try_from(metric).ok().and_then(|n| tables.metrics.get(n));
        let place = usize::try_from(instance).ok().and_then(|n| tables.instances.get(n));
        let (Some(name), Some(place)) = (name, place) else {
            return Err(reader.malformed("series"));
        };
        let id = SeriesId::of(&owner.tenant, owner.device, &name.name, &place.name);
        series.push(SeriesState::new(id, metric as u32, instance as u32, Kind::Gauge));
    }
    Ok(series)
}

pub(super) fn load_now(
    series: &mut [SeriesState],
    reader: &mut Reader<'_>,
    full: bool,
) -> Result<(), LoadError> {
    let count = series.len();
    let kind = reader.column(count)?;
    let at = reader.column(count)?;
    let sent_at = reader.column(count)?;
    let raw = reader.column(count)?;
    let line_ms = reader.column(count)?;
    let restarts = reader.column(count)?;
    let breaks = reader.column(count)?;
    let mut last = [const { Steps(0) }; 6];
    for (row, one) in series.iter_mut().enumerate() {
        let kind = usize::try_from(last[0].next(kind[row])).ok().and_then(|n| KINDS.get(n));
        one.kind = *kind.ok_or_else(|| reader.malformed("kind"))?;
        one.at = last[1].next(at[row]);
        one.sent_at = last[2].next(sent_at[row]);
        let raw = match one.kind {
            Kind::Gauge | Kind::State => raw[row].swap_bytes(),
            Kind::Counter32 | Kind::Counter64 | Kind::Discontinuity => raw[row],
        };
        one.reading = Reading {
            raw,
            line_ms: last[3].next(line_ms[row]),
            restarts: small(last[4].next(restarts[row]), reader)?,
            breaks: small(last[5].next(breaks[row]), reader)?,
        };
    }
    load_learned(series, reader)?;
    if full {
        load_courses(series, reader)?;
    }
    let history = reader.column(count)?;
    let open = reader.column(count)?;
    for ((one, history), open) in series.iter_mut().zip(history).zip(open) {
        one.alarm.history = u8::try_from(history).map_err(|_| reader.malformed("history"))?;
        if open != 0 {
            one.alarm.episode = Some(Box::new(load_episode(reader, full)?));
        }
    }
    Ok(())
}

fn small<T: TryFrom<i64>>(value: i64, reader: &Reader<'_>) -> Result<T, LoadError> {
    T::try_from(value).map_err(|_| reader.malformed("number out of range"))
}

fn load_learned(series: &mut [SeriesState], reader: &mut Reader<'_>) -> Result<(), LoadError> {
    let rows = series.len();
    let count = reader.column(rows)?;
    let learned_at = reader.column(rows)?;
    let level = reader.bits(rows)?;
    let scale = reader.bits(rows)?;
    let quantum = reader.bits(rows)?;
    let hour = reader.column(rows)?;
    let hour_count = reader.column(rows)?;
    let gathered = reader.bits(rows)?;
    let mut last = [const { Steps(0) }; 4];
    let float = |bits: u64| f32::from_bits(bits as u32);
    for (row, one) in series.iter_mut().enumerate() {
        one.learned = Learned {
            count: small(last[0].next(count[row]), reader)?,
            learned_at: last[1].next(learned_at[row]),
            level: float(level[row]),
            scale: float(scale[row]),
            quantum: float(quantum[row]),
            season: Season {
                hour: small(last[2].next(hour[row]), reader)?,
                count: small(last[3].next(hour_count[row]), reader)?,
                gathered: float(gathered[row]),
                ..Season::default()
            },
        };
    }
    Ok(())
}

pub(super) fn load_seasons(
    series: &mut [SeriesState],
    reader: &mut Reader<'_>,
) -> Result<(), LoadError> {
    let rows = series.len();
    let known = reader.column(rows)?;
    let centre = reader.bits(rows)?;
    for (row, one) in series.iter_mut().enumerate() {
        one.learned.season.known = known[row] as u8;
        one.learned.season.centre = f32::from_bits(centre[row] as u32);
        one.learned.season.changed = false;
    }
    for hour in 0..24 {
        let days = reader.column(rows)?;
        let means = reader.column(rows)?;
        for ((one, days), mean) in series.iter_mut().zip(days).zip(means) {
            let season = &mut one.learned.season;
            season.days[hour] = days as u8;
            season.mean[hour] = mean as u16 ^ if hour == 0 { 0 } else { season.mean[hour - 1] };
        }
    }
    Ok(())
}

fn load_evidence(reader: &mut Reader<'_>) -> Result<Evidence, LoadError> {
    Ok((reader.float()?, reader.float()?, reader.float()?, reader.float()?))
}

fn load_episode(reader: &mut Reader<'_>, full: bool) -> Result<Episode, LoadError> {
    let nothing = (0.0, 0.0, 0.0, 0.0);
    let mut episode = Episode {
        onset_at: reader.signed()?,
        published_at: reader.signed()?,
        highest: f32::from_bits(reader.small()?),
        published: f32::from_bits(reader.small()?),
        inside: reader.byte()?,
        moved: f32::from_bits(reader.small()?),
        last: load_evidence(reader)?,
        first: nothing,
        peak_at: 0,
        peak: nothing,
    };
    if full {
        episode.peak_at = reader.signed()?;
        episode.first = load_evidence(reader)?;
        episode.peak = load_evidence(reader)?;
    } else {
        // All that an older version kept.
        episode.peak_at = episode.published_at;
        (episode.first, episode.peak) = (episode.last, episode.last);
    }
    Ok(episode)
}

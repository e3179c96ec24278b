//! The roll-ups' rings. Open 5-minute buckets go with what changes at every poll; all others
//! change when a bucket closes or a late sample comes, and have a section each, by ring and place.
//! Within a cell most numbers share their first bits with another one: the greatest and the last
//! with the least, the sum with the least times the count.

use super::primitive::{Reader, Writer, unzigzag, zigzag};
use super::{CELLS, Fill};
use crate::rollup::{Cell, FIVE_MS, Ring, Rollups, Slot};
use crate::{LoadError, Sections};

/// First section of the rings: 13 places, then two and two.
const FIVE: u16 = CELLS;
const HOUR: u16 = FIVE + 13;
const DAY: u16 = HOUR + 2;

pub(super) fn save_now(rollups: &Rollups, writer: &mut Writer<'_>) {
    writer.signed(rollups.newest);
    writer.signed(rollups.clock);
    writer.maybe(rollups.repair_at);
    save_places(&rollups.five, writer);
    save_places(&rollups.hour, writer);
    save_places(&rollups.day, writer);
    for slot in rollups.five.slots.iter().filter(|slot| !slot.closed) {
        save_cells(&slot.cells, writer);
    }
}

/// Hands out the buckets that changed.
pub(super) fn save_changed(rollups: &mut Rollups, section: &mut dyn FnMut(u16, Fill<'_>)) {
    let Rollups { five, hour, day, .. } = rollups;
    let slots = (FIVE..).zip(five.slots.iter_mut().map(|slot| (slot, false)));
    let slots = slots.chain((HOUR..).zip(hour.slots.iter_mut().map(|slot| (slot, true))));
    let slots = slots.chain((DAY..).zip(day.slots.iter_mut().map(|slot| (slot, true))));
    for (number, (slot, also_open)) in slots {
        if slot.changed && (slot.closed || also_open) {
            section(number, &mut |writer| {
                writer.signed(slot.number);
                save_cells(&slot.cells, writer);
            });
            slot.changed = false;
        }
    }
}

pub(super) fn load(
    series: usize,
    now: &mut Reader<'_>,
    sections: &Sections,
) -> Result<Rollups, LoadError> {
    let mut rollups = Rollups {
        newest: now.signed()?,
        clock: now.signed()?,
        repair_at: now.maybe()?,
        ..Rollups::default()
    };
    load_places(&mut rollups.five, now)?;
    load_places(&mut rollups.hour, now)?;
    load_places(&mut rollups.day, now)?;
    for slot in rollups.five.slots.iter_mut().filter(|slot| !slot.closed) {
        slot.cells = load_cells(series, FIVE_MS as u32, now)?;
    }
    let Rollups { five, hour, day, .. } = &mut rollups;
    let closed = (FIVE..).zip(&mut five.slots).filter(|(_, slot)| slot.closed);
    load_slots(closed, five.width_ms, series, sections)?;
    load_slots((HOUR..).zip(&mut hour.slots), hour.width_ms, series, sections)?;
    load_slots((DAY..).zip(&mut day.slots), day.width_ms, series, sections)?;
    Ok(rollups)
}

/// Which bucket is where, and whether it is closed.
fn save_places<const N: usize>(ring: &Ring<N>, writer: &mut Writer<'_>) {
    let mut last = 0;
    writer.column(ring.slots.iter().map(|slot| {
        let step = slot.number.wrapping_sub(last);
        last = slot.number;
        zigzag(step)
    }));
    writer.column(ring.slots.iter().map(|slot| u64::from(slot.closed)));
}

fn load_places<const N: usize>(
    ring: &mut Ring<N>,
    reader: &mut Reader<'_>,
) -> Result<(), LoadError> {
    let steps = reader.column(N)?;
    let closed = reader.column(N)?;
    let mut number = 0_i64;
    for (place, slot) in ring.slots.iter_mut().enumerate() {
        number = number.wrapping_add(unzigzag(steps[place]));
        let here = usize::try_from(number.rem_euclid(N as i64)) == Ok(place);
        let used = number >= 0 && here && number <= i64::MAX / ring.width_ms;
        if !used && (number, closed[place]) != (-1, 1) {
            return Err(reader.malformed("bucket"));
        }
        *slot = Slot { number, closed: closed[place] != 0, ..Slot::UNUSED };
    }
    Ok(())
}

/// Fills the slots in use from their sections.
fn load_slots<'a>(
    slots: impl Iterator<Item = (u16, &'a mut Slot)>,
    width_ms: i64,
    series: usize,
    sections: &Sections,
) -> Result<(), LoadError> {
    let width = u32::try_from(width_ms).unwrap_or(u32::MAX);
    for (section, slot) in slots.filter(|(_, slot)| slot.number >= 0) {
        let mut reader = Reader::of(sections, section)?;
        if reader.signed()? != slot.number {
            return Err(reader.malformed("bucket of another time"));
        }
        slot.cells = load_cells(series, width, &mut reader)?;
        reader.end()?;
    }
    Ok(())
}

fn save_cells(cells: &[Cell], writer: &mut Writer<'_>) {
    writer.length(cells.len());
    let mut last = 0;
    writer.column(cells.iter().map(|cell| {
        let difference = cell.count ^ last;
        last = cell.count;
        u64::from(difference)
    }));
    let used = || cells.iter().filter(|cell| cell.count > 0);
    let mut last = 0;
    writer.column(used().map(|cell| {
        let difference = i64::from(cell.last_offset) - last;
        last = i64::from(cell.last_offset);
        zigzag(difference)
    }));
    writer.bits(used().map(|cell| cell.min.to_bits()));
    writer.bits(used().map(|cell| cell.max.to_bits() ^ cell.min.to_bits()));
    writer.bits(used().map(|cell| cell.last.to_bits() ^ cell.min.to_bits()));
    writer.bits(used().map(|cell| cell.sum.to_bits() ^ sum_of(cell)));
}

fn load_cells(series: usize, width: u32, reader: &mut Reader<'_>) -> Result<Vec<Cell>, LoadError> {
    let count: usize = reader.small()?;
    if count > series {
        return Err(reader.malformed("bucket"));
    }
    let mut cells = vec![Cell::default(); count];
    let mut last = 0;
    for (cell, difference) in cells.iter_mut().zip(reader.column(count)?) {
        last ^= u32::try_from(difference).map_err(|_| reader.malformed("count"))?;
        cell.count = last;
    }
    let used = cells.iter().filter(|cell| cell.count > 0).count();
    let offsets = reader.column(used)?;
    let mins = reader.bits(used)?;
    let maxs = reader.bits(used)?;
    let lasts = reader.bits(used)?;
    let sums = reader.bits(used)?;
    let mut last = 0_i64;
    for (number, cell) in cells.iter_mut().filter(|cell| cell.count > 0).enumerate() {
        last = last.wrapping_add(unzigzag(offsets[number]));
        cell.last_offset = u32::try_from(last).map_err(|_| reader.malformed("offset"))?;
        let min = mins[number];
        cell.min = f64::from_bits(min);
        cell.max = f64::from_bits(maxs[number] ^ min);
        cell.last = f64::from_bits(lasts[number] ^ min);
        cell.sum = f64::from_bits(sums[number] ^ sum_of(cell));
        if cell.offset() >= width {
            return Err(reader.malformed("offset"));
        }
    }
    Ok(cells)
}

fn sum_of(cell: &Cell) -> u64 {
    (cell.min * f64::from(cell.count)).to_bits()
}

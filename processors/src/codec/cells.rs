//! The roll-ups' rings. Within a cell most numbers share their first bits with another one: the
//! least with that of the bucket before, the greatest and the last with the least, the sum with
//! the least times the count.

use super::primitive::{Reader, Writer, unzigzag, zigzag};
use crate::LoadError;
use crate::rollup::{Cell, Ring, Rollups, Slot};

pub(super) fn save(rollups: &Rollups, writer: &mut Writer<'_>) {
    writer.signed(rollups.newest);
    writer.signed(rollups.clock);
    writer.maybe(rollups.repair_at);
    save_ring(&rollups.five, writer);
    save_ring(&rollups.hour, writer);
    save_ring(&rollups.day, writer);
}

pub(super) fn load(series: usize, reader: &mut Reader<'_>) -> Result<Rollups, LoadError> {
    let mut rollups = Rollups {
        newest: reader.signed()?,
        clock: reader.signed()?,
        repair_at: reader.maybe()?,
        ..Rollups::default()
    };
    load_ring(&mut rollups.five, series, reader)?;
    load_ring(&mut rollups.hour, series, reader)?;
    load_ring(&mut rollups.day, series, reader)?;
    Ok(rollups)
}

fn save_ring<const N: usize>(ring: &Ring<N>, writer: &mut Writer<'_>) {
    let mut before: &[Cell] = &[];
    for slot in &ring.slots {
        writer.signed(slot.number);
        writer.byte(u8::from(slot.closed));
        writer.length(slot.cells.len());
        save_cells(&slot.cells, before, writer);
        if !slot.cells.is_empty() {
            before = &slot.cells;
        }
    }
}

fn load_ring<const N: usize>(
    ring: &mut Ring<N>,
    series: usize,
    reader: &mut Reader<'_>,
) -> Result<(), LoadError> {
    let width = u32::try_from(ring.width_ms).unwrap_or(u32::MAX);
    let mut before = None;
    for place in 0..N {
        let number = reader.signed()?;
        let here = usize::try_from(number.rem_euclid(N as i64)) == Ok(place);
        if number < -1 || (number >= 0 && !here) || number > i64::MAX / ring.width_ms {
            return Err(reader.malformed("bucket"));
        }
        let closed = reader.flag()?;
        let count: usize = reader.small()?;
        if count > series || (number == -1 && !closed) {
            return Err(reader.malformed("bucket"));
        }
        let earlier: &[Cell] =
            before.map_or(&[], |place: usize| ring.slots[place].cells.as_slice());
        let cells = load_cells(count, earlier, width, reader)?;
        if !cells.is_empty() {
            before = Some(place);
        }
        ring.slots[place] = Slot { number, closed, cells };
    }
    Ok(())
}

fn save_cells(cells: &[Cell], before: &[Cell], writer: &mut Writer<'_>) {
    let mut last = 0;
    writer.column(cells.iter().map(|cell| {
        let difference = cell.count ^ last;
        last = cell.count;
        u64::from(difference)
    }));
    let used = || cells.iter().enumerate().filter(|(_, cell)| cell.count > 0);
    let mut last = 0;
    writer.column(used().map(|(_, cell)| {
        let difference = i64::from(cell.last_offset) - last;
        last = i64::from(cell.last_offset);
        zigzag(difference)
    }));
    writer.bits(used().map(|(place, cell)| cell.min.to_bits() ^ min_of(before, place)));
    writer.bits(used().map(|(_, cell)| cell.max.to_bits() ^ cell.min.to_bits()));
    writer.bits(used().map(|(_, cell)| cell.last.to_bits() ^ cell.min.to_bits()));
    writer.bits(used().map(|(_, cell)| cell.sum.to_bits() ^ sum_of(cell)));
}

fn load_cells(
    count: usize,
    before: &[Cell],
    width: u32,
    reader: &mut Reader<'_>,
) -> Result<Vec<Cell>, LoadError> {
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
    let all = cells.iter_mut().enumerate().filter(|(_, cell)| cell.count > 0);
    for (number, (place, cell)) in all.enumerate() {
        last = last.wrapping_add(unzigzag(offsets[number]));
        cell.last_offset = u32::try_from(last).map_err(|_| reader.malformed("offset"))?;
        let min = mins[number] ^ min_of(before, place);
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

fn min_of(cells: &[Cell], place: usize) -> u64 {
    cells.get(place).map_or(0, |cell| cell.min.to_bits())
}

fn sum_of(cell: &Cell) -> u64 {
    (cell.min * f64::from(cell.count)).to_bits()
}

//! Buckets of 5 minutes, 1 hour and 1 day in UTC: count, sum, min, max and last.
//!
//! A sample goes into its 5-minute cell alone; closing a 5-minute bucket adds its cells to the
//! hour, closing an hour adds its cells to the day. A bucket closes when stream time passes its end by [`GRACE_MS`]. A sample
//! for a closed bucket that is at most [`LATE_MS`] behind the device's newest sample changes all
//! closed buckets it belongs to, and these are sent again whole, [`REPAIR_DELAY_MS`] later so
//! that a burst of late samples makes one record. So the rings hold 13 buckets of 5 minutes and
//! two of the longer widths: all that a late sample can reach.

mod ring;

use schemas::{Rollup, SeriesId};

pub(crate) use ring::{Cell, Ring, Slot};

use crate::{MAX_SERIES_A_RECORD, Out, Output};

/// Width of the smallest bucket.
pub(crate) const FIVE_MS: i64 = 300_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A bucket stays open so long after its end: a poll that runs across the end still counts.
pub(crate) const GRACE_MS: i64 = 30_000;

/// How far behind the device's newest sample a sample may be.
pub(crate) const LATE_MS: i64 = 3_600_000;

/// How long repairs are gathered.
const REPAIR_DELAY_MS: i64 = 30_000;

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    InTime,
    Repairs,
    TooLate,
}

/// Gets the start of every 5-minute bucket that closes, with its cells.
pub(crate) type Closed<'a> = &'a mut dyn FnMut(i64, &[Cell], &mut dyn Out);

/// Names a record's device.
pub(crate) struct Address<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) device: schemas::DeviceId,
}

/// The open and lately closed buckets of one device's series.
#[derive(Debug)]
pub(crate) struct Rollups {
    pub(crate) five: Ring<13>,
    pub(crate) hour: Ring<2>,
    pub(crate) day: Ring<2>,
    /// Newest sample: lateness counts from here.
    pub(crate) newest: i64,
    /// Stream time: the newest sample or tick.
    pub(crate) clock: i64,
    /// When gathered repairs are sent.
    pub(crate) repair_at: Option<i64>,
}

impl Default for Rollups {
    fn default() -> Self {
        Self {
            five: Ring::new(FIVE_MS),
            hour: Ring::new(HOUR_MS),
            day: Ring::new(DAY_MS),
            newest: i64::MIN,
            clock: i64::MIN,
            repair_at: None,
        }
    }
}

impl Rollups {
    /// Whether [`Self::advance`] to this time sends anything or must run before samples are added.
    pub(crate) fn wake_at(&self) -> Option<i64> {
        let close = [self.five.closes_at(), self.hour.closes_at(), self.day.closes_at()];
        close.into_iter().flatten().chain(self.repair_at).min()
    }

    /// Adds a sample. Time must have been advanced to it before.
    pub(crate) fn add(&mut self, series: usize, count: usize, at: i64, value: f64) -> Added {
        if let Some(cell) = self.five.open_cell(series, count, at) {
            cell.add(offset(at, FIVE_MS), value);
            return Added::InTime;
        }
        self.add_slow(series, count, at, value)
    }

    #[cold]
    fn add_slow(&mut self, series: usize, count: usize, at: i64, value: f64) -> Added {
        if at < self.newest.saturating_sub(LATE_MS) || at < 0 {
            return Added::TooLate;
        }
        let clock = self.clock;
        let Some(slot) = self.five.slot_at(at, clock) else { return Added::TooLate };
        let closed = slot.closed;
        let cell = slot.cell(series, count);
        cell.add(offset(at, FIVE_MS), value);
        if !closed {
            return Added::InTime;
        }
        cell.mark();
        // An open hour passes it on to the day when it closes.
        if !repair_longer(&mut self.hour, clock, series, count, at, value) {
            repair_longer(&mut self.day, clock, series, count, at, value);
        }
        let due = clock.saturating_add(REPAIR_DELAY_MS);
        self.repair_at = Some(self.repair_at.map_or(due, |earlier| earlier.min(due)));
        Added::Repairs
    }

    /// Moves stream time on and sends what that closes. `closed` gets the start of every
    /// 5-minute bucket that closed, with its cells.
    pub(crate) fn advance(
        &mut self,
        sample: Option<i64>,
        clock: i64,
        ids: &dyn Fn(usize) -> SeriesId,
        address: &Address<'_>,
        out: &mut dyn Out,
        closed: Closed<'_>,
    ) {
        let newest = sample.map_or(self.newest, |at| self.newest.max(at));
        let moved_on = self.newest != i64::MIN
            && self.newest.div_euclid(FIVE_MS) != newest.div_euclid(FIVE_MS);
        self.clock = self.clock.max(clock).max(newest);
        // A slot about to be taken over must not hold unsent repairs.
        if self.repair_at.is_some_and(|at| moved_on || at <= self.clock) {
            self.repair(ids, address, out);
        }
        self.newest = newest;
        self.close(self.clock, ids, address, out, closed);
    }

    /// Closes and sends everything, whatever the time: the device is gone.
    pub(crate) fn finish(
        &mut self,
        ids: &dyn Fn(usize) -> SeriesId,
        address: &Address<'_>,
        out: &mut dyn Out,
    ) {
        if self.repair_at.is_some() {
            self.repair(ids, address, out);
        }
        self.close(i64::MAX, ids, address, out, &mut |_, _, _| ());
    }

    fn close(
        &mut self,
        clock: i64,
        ids: &dyn Fn(usize) -> SeriesId,
        address: &Address<'_>,
        out: &mut dyn Out,
        closed: Closed<'_>,
    ) {
        while let Some(place) = self.five.due(clock) {
            let Self { five, hour, .. } = self;
            let slot = five.close(place);
            let start = slot.number.saturating_mul(FIVE_MS);
            hour.take_in(slot, start);
            send(FIVE_MS, slot, false, ids, address, out);
            closed(start, &slot.cells, out);
        }
        while let Some(place) = self.hour.due(clock) {
            let Self { hour, day, .. } = self;
            let slot = hour.close(place);
            day.take_in(slot, slot.number.saturating_mul(HOUR_MS));
            send(HOUR_MS, slot, false, ids, address, out);
        }
        while let Some(place) = self.day.due(clock) {
            send(DAY_MS, self.day.close(place), false, ids, address, out);
        }
    }

    fn repair(
        &mut self,
        ids: &dyn Fn(usize) -> SeriesId,
        address: &Address<'_>,
        out: &mut dyn Out,
    ) {
        self.repair_at = None;
        repair_ring(&mut self.five, ids, address, out);
        repair_ring(&mut self.hour, ids, address, out);
        repair_ring(&mut self.day, ids, address, out);
    }
}

fn repair_ring<const N: usize>(
    ring: &mut Ring<N>,
    ids: &dyn Fn(usize) -> SeriesId,
    address: &Address<'_>,
    out: &mut dyn Out,
) {
    for place in ring.in_order() {
        let slot = &mut ring.slots[place];
        send(ring.width_ms, slot, true, ids, address, out);
        for cell in slot.cells.iter_mut().filter(|cell| cell.marked()) {
            cell.unmark();
            slot.changed = true;
        }
    }
}

/// Adds a late sample to a bucket of a longer width; true when it is still open.
fn repair_longer<const N: usize>(
    ring: &mut Ring<N>,
    clock: i64,
    series: usize,
    count: usize,
    at: i64,
    value: f64,
) -> bool {
    let offset = offset(at, ring.width_ms);
    let Some(slot) = ring.slot_at(at, clock) else { return false };
    let closed = slot.closed;
    let cell = slot.cell(series, count);
    cell.add(offset, value);
    if closed {
        cell.mark();
    }
    !closed
}

/// Sends a slot's cells: all that hold something, or the marked ones as a repair.
fn send(
    width_ms: i64,
    slot: &Slot,
    repair: bool,
    ids: &dyn Fn(usize) -> SeriesId,
    address: &Address<'_>,
    out: &mut dyn Out,
) {
    let wanted = |cell: &Cell| cell.count > 0 && (!repair || cell.marked());
    let mut left = slot.cells.iter().filter(|cell| wanted(cell)).count();
    let mut cells = slot.cells.iter().enumerate().filter(|(_, cell)| wanted(cell));
    while left > 0 {
        let take = left.min(MAX_SERIES_A_RECORD);
        left -= take;
        let mut rollup = Rollup {
            tenant: address.tenant.to_owned(),
            device: address.device,
            width_ms,
            bucket: slot.number.saturating_mul(width_ms),
            repair,
            series: Vec::with_capacity(take),
            counts: Vec::with_capacity(take),
            sums: Vec::with_capacity(take),
            mins: Vec::with_capacity(take),
            maxs: Vec::with_capacity(take),
            lasts: Vec::with_capacity(take),
        };
        for (series, cell) in cells.by_ref().take(take) {
            rollup.series.push(ids(series));
            rollup.counts.push(i32::try_from(cell.count).unwrap_or(i32::MAX));
            rollup.sums.push(cell.sum);
            rollup.mins.push(cell.min);
            rollup.maxs.push(cell.max);
            rollup.lasts.push(cell.last);
        }
        out.emit(Output::Rollup(rollup));
    }
}

/// Place of a time in its bucket, in ms.
pub(crate) fn offset(at: i64, width_ms: i64) -> u32 {
    u32::try_from(at.rem_euclid(width_ms)).unwrap_or(0)
}

#[cfg(test)]
mod tests;

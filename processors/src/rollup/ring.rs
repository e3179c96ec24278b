//! The last few buckets of one width, found by their number.

use super::GRACE_MS;

/// Top bit of [`Cell::last_offset`]: changed since it was sent.
const MARK: u32 = 1 << 31;

/// One series in one bucket. 40 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cell {
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) last: f64,
    pub(crate) count: u32,
    /// When `last` was, in ms from the bucket's start; the top bit marks.
    pub(crate) last_offset: u32,
}

impl Cell {
    pub(crate) fn add(&mut self, offset: u32, value: f64) {
        if self.count == 0 {
            *self = Self {
                sum: value,
                min: value,
                max: value,
                last: value,
                count: 1,
                last_offset: offset | (self.last_offset & MARK),
            };
            return;
        }
        self.sum += value;
        self.count = self.count.saturating_add(1);
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
        if offset >= self.last_offset & !MARK {
            self.last = value;
            self.last_offset = offset | (self.last_offset & MARK);
        }
    }

    /// Adds a whole cell of a shorter width that starts at `start` within this one.
    fn merge(&mut self, other: &Self, start: u32) {
        let offset = start + (other.last_offset & !MARK);
        if self.count == 0 {
            *self = Self { last_offset: offset | (self.last_offset & MARK), ..*other };
            return;
        }
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
        self.min = if other.min < self.min { other.min } else { self.min };
        self.max = if other.max > self.max { other.max } else { self.max };
        if offset >= self.last_offset & !MARK {
            self.last = other.last;
            self.last_offset = offset | (self.last_offset & MARK);
        }
    }

    /// When `last` was, in ms from the bucket's start.
    pub(crate) fn offset(&self) -> u32 {
        self.last_offset & !MARK
    }

    pub(crate) fn mark(&mut self) {
        self.last_offset |= MARK;
    }

    pub(crate) fn unmark(&mut self) {
        self.last_offset &= !MARK;
    }

    pub(crate) fn marked(&self) -> bool {
        self.last_offset & MARK != 0
    }
}

/// One bucket of all series of a device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    /// Start divided by width; -1 when unused.
    pub(crate) number: i64,
    /// Whether it was sent.
    pub(crate) closed: bool,
    /// Since it was last saved. Not kept up while it is open and takes samples.
    pub(crate) changed: bool,
    /// By series; shorter than the device's series when later ones hold nothing.
    pub(crate) cells: Vec<Cell>,
}

impl Slot {
    pub(crate) const UNUSED: Self =
        Self { number: -1, closed: true, changed: false, cells: Vec::new() };

    /// The cell of a series of a device that has `count` of them.
    pub(crate) fn cell(&mut self, series: usize, count: usize) -> &mut Cell {
        if self.cells.len() <= series {
            let count = count.max(series + 1);
            self.cells.reserve_exact(count - self.cells.len());
            self.cells.resize(count, Cell::default());
        }
        &mut self.cells[series]
    }

    fn merge(&mut self, cells: &[Cell], start: u32) {
        let Some(last) = cells.len().checked_sub(1) else { return };
        let _ = self.cell(last, cells.len());
        for (mine, other) in self.cells.iter_mut().zip(cells) {
            if other.count > 0 {
                mine.merge(other, start);
            }
        }
    }
}

/// The last `N` buckets of one width.
#[derive(Debug)]
pub(crate) struct Ring<const N: usize> {
    pub(crate) width_ms: i64,
    pub(crate) slots: [Slot; N],
    /// Start of the bucket that most samples go to, when it is open.
    open: Option<(i64, usize)>,
}

impl<const N: usize> Ring<N> {
    pub(crate) fn new(width_ms: i64) -> Self {
        Self { width_ms, slots: [const { Slot::UNUSED }; N], open: None }
    }

    /// The fast way: the cell of a series in the bucket used last, when it is open and is the
    /// one of this time.
    pub(crate) fn open_cell(&mut self, series: usize, count: usize, at: i64) -> Option<&mut Cell> {
        let (start, place) = self.open?;
        let inside = at.wrapping_sub(start);
        if !(0..self.width_ms).contains(&inside) {
            return None;
        }
        Some(self.slots[place].cell(series, count))
    }

    /// The slot of a time, taken over from an older bucket if need be; none when a newer bucket
    /// holds its place.
    pub(crate) fn slot_at(&mut self, at: i64, clock: i64) -> Option<&mut Slot> {
        let number = at.div_euclid(self.width_ms);
        let place = usize::try_from(number.rem_euclid(N as i64)).unwrap_or(0);
        let slot = &mut self.slots[place];
        if slot.number > number {
            return None;
        }
        if slot.number < number {
            slot.number = number;
            slot.closed = close_time(number, self.width_ms) <= clock;
            slot.cells.clear();
        }
        slot.changed = true;
        if !slot.closed {
            self.open = Some((number.saturating_mul(self.width_ms), place));
        }
        Some(slot)
    }

    /// The oldest open slot whose time has come.
    pub(crate) fn due(&mut self, clock: i64) -> Option<usize> {
        let place = self.oldest_open()?;
        if close_time(self.slots[place].number, self.width_ms) > clock {
            return None;
        }
        if self.open.is_some_and(|(_, open)| open == place) {
            self.open = None;
        }
        Some(place)
    }

    /// Closes a slot.
    pub(crate) fn close(&mut self, place: usize) -> &mut Slot {
        let slot = &mut self.slots[place];
        slot.closed = true;
        slot.changed = true;
        slot
    }

    /// Adds a whole closed bucket of a shorter width. The bucket it goes to is open, even when
    /// its time has come as well: it is sent after this.
    pub(crate) fn take_in(&mut self, shorter: &Slot, start: i64) {
        let offset = super::offset(start, self.width_ms);
        if let Some(slot) = self.slot_at(start, i64::MIN) {
            slot.merge(&shorter.cells, offset);
        }
    }

    /// When the next slot closes.
    pub(crate) fn closes_at(&self) -> Option<i64> {
        self.oldest_open().map(|place| close_time(self.slots[place].number, self.width_ms))
    }

    fn oldest_open(&self) -> Option<usize> {
        let open = self.slots.iter().enumerate().filter(|(_, slot)| !slot.closed);
        open.min_by_key(|(_, slot)| slot.number).map(|(place, _)| place)
    }

    /// The slots in use, oldest first.
    pub(crate) fn in_order(&self) -> Vec<usize> {
        let mut places: Vec<usize> =
            (0..N).filter(|place| self.slots[*place].number >= 0).collect();
        places.sort_by_key(|place| self.slots[*place].number);
        places
    }
}

fn close_time(number: i64, width_ms: i64) -> i64 {
    number.saturating_add(1).saturating_mul(width_ms).saturating_add(GRACE_MS)
}

//! The rows of a device, sorted and encoded once.
//!
//! A row is its name (arcs for the search, BER for the answer) and a cell that says where
//! the value comes from. Devices of one make share one program.

use crate::codec::{parse_oid, put_oid};

/// The scalar that carries the serial: 1.3.6.1.4.1.63999.1.1.0, Counter64.
pub const SERIAL_OID: &str = "1.3.6.1.4.1.63999.1.1.0";

/// Rows a device may have at most.
pub const MAX_ROWS: usize = 1 << 20;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The same TLV always, kept behind the name.
    Fixed,
    /// A fresh serial of the lab.
    Serial,
    /// A scalar of the device.
    Scalar(ScalarField),
    /// A column of the interface in a slot of the interface tables.
    Interface(InterfaceField, u16),
    /// A column of a transceiver.
    Optic(OpticField, u16),
    /// A counter of a walk that goes on from its recorded value: tag, place in the list of
    /// walk counters.
    Walk(u8, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarField {
    Descr,
    ObjectId,
    UpTime,
    Contact,
    Name,
    Location,
}

/// Columns of IF-MIB (RFC 2863).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InterfaceField {
    Index,
    Descr,
    Name,
    Alias,
    Type,
    Mtu,
    Speed,
    HighSpeed,
    PhysAddress,
    AdminStatus,
    OperStatus,
    LastChange,
    Discontinuity,
    Octets(Direction, Width),
    UnicastPackets(Direction, Width),
    MulticastPackets(Direction, Width),
    BroadcastPackets(Direction, Width),
    Discards(Direction),
    Errors(Direction),
    LinkTrap,
    Promiscuous,
    Connector,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Bits32,
    Bits64,
}

/// Columns of WWP-LEOS-PORT-XCVR-MIB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpticField {
    Id,
    OperState,
    Vendor,
    Part,
    SerialNumber,
    WaveLength,
    Temperature,
    Bias,
    RxPowerMicrowatt,
    TxPowerMicrowatt,
    LossOfSignal,
    RxDbm,
    TxDbm,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    arcs_at: u32,
    name_at: u32,
    value_at: u32,
    end: u32,
    arcs: u8,
    cell: Cell,
}

/// Sorted rows.
#[derive(Debug, Default)]
pub(crate) struct Program {
    rows: Vec<Row>,
    arcs: Vec<u32>,
    bytes: Vec<u8>,
}

/// A row to be sorted in: arcs, cell, TLV of a fixed value.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) arcs: Vec<u32>,
    pub(crate) cell: Cell,
    pub(crate) value: Vec<u8>,
}

impl Program {
    /// Sorts and encodes; of rows with one name the last given stays.
    pub(crate) fn new(mut drafts: Vec<Draft>) -> Self {
        drafts.truncate(MAX_ROWS);
        drafts.sort_by(|a, b| a.arcs.cmp(&b.arcs));
        let mut program = Self::default();
        for (place, draft) in drafts.iter().enumerate() {
            if drafts.get(place + 1).is_some_and(|next| next.arcs == draft.arcs) {
                continue;
            }
            let (arcs_at, name_at) = (program.arcs.len(), program.bytes.len());
            program.arcs.extend_from_slice(&draft.arcs);
            put_oid(&mut program.bytes, &draft.arcs);
            let value_at = program.bytes.len();
            program.bytes.extend_from_slice(&draft.value);
            program.rows.push(Row {
                arcs_at: arcs_at as u32,
                name_at: name_at as u32,
                value_at: value_at as u32,
                end: program.bytes.len() as u32,
                arcs: draft.arcs.len() as u8,
                cell: draft.cell,
            });
        }
        program
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn arcs(&self, row: &Row) -> &[u32] {
        let at = row.arcs_at as usize;
        &self.arcs[at..at + usize::from(row.arcs)]
    }

    /// The name of a row.
    pub(crate) fn name(&self, place: usize) -> Option<&[u32]> {
        self.rows.get(place).map(|row| self.arcs(row))
    }

    /// The first row whose name is not before `name`, and whether it is `name`.
    fn search(&self, name: &[u32]) -> (usize, bool) {
        let at = self.rows.partition_point(|row| self.arcs(row) < name);
        (at, self.rows.get(at).is_some_and(|row| self.arcs(row) == name))
    }

    /// The row called `name`.
    pub(crate) fn find(&self, name: &[u32]) -> Option<usize> {
        let (at, exact) = self.search(name);
        exact.then_some(at)
    }

    /// The place of the first row after `name`; [`Program::len`] past the end.
    pub(crate) fn after(&self, name: &[u32]) -> usize {
        let (at, exact) = self.search(name);
        at + usize::from(exact)
    }

    /// Whether an object that `name` lies under has instances. All but the last arc of a row
    /// count as its object: where an index has many arcs a strange index may look like a
    /// strange object.
    pub(crate) fn has_object(&self, name: &[u32]) -> bool {
        let (at, _) = self.search(name);
        [at.checked_sub(1), Some(at)].into_iter().flatten().any(|place| {
            self.rows.get(place).is_some_and(|row| {
                let arcs = self.arcs(row);
                name.starts_with(&arcs[..arcs.len() - 1])
            })
        })
    }

    /// The name's TLV, the fixed value's TLV (may be empty) and the cell.
    pub(crate) fn row(&self, place: usize) -> Option<(&[u8], &[u8], Cell)> {
        let row = self.rows.get(place)?;
        let name = &self.bytes[row.name_at as usize..row.value_at as usize];
        Some((name, &self.bytes[row.value_at as usize..row.end as usize], row.cell))
    }
}

/// A draft below a constant object identifier of this crate.
pub(crate) fn draft(object: &str, index: &[u32], cell: Cell, value: Vec<u8>) -> Draft {
    let mut arcs = parse_oid(object).unwrap_or_default();
    debug_assert!(!arcs.is_empty(), "{object}");
    arcs.extend_from_slice(index);
    Draft { arcs, cell, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        let drafts = ["1.3.6.1.2.1.2.2.1.1.10", "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.2.2.1.1.9"];
        let drafts = drafts.map(|name| draft(name, &[], Cell::Fixed, vec![5, 0]));
        Program::new(drafts.to_vec())
    }

    #[test]
    fn rows_are_sorted_by_arcs() {
        let program = program();
        assert_eq!(program.len(), 3);
        assert_eq!(program.find(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 9]), Some(1));
        assert_eq!(program.find(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1]), None);
        assert_eq!(program.after(&[1, 3]), 0);
        assert_eq!(program.after(&[1, 3, 6, 1, 2, 1, 1, 1, 0]), 1);
        assert_eq!(program.after(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 10]), 3);
    }

    #[test]
    fn an_unknown_index_is_distinguished_from_an_unknown_object() {
        let program = program();
        assert!(program.has_object(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 77]));
        assert!(program.has_object(&[1, 3, 6, 1, 2, 1, 1, 1]));
        assert!(!program.has_object(&[1, 3, 6, 1, 2, 1, 31, 1]));
        assert!(parse_oid(SERIAL_OID).is_ok());
    }
}

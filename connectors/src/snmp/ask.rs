//! What one request asks for.

use super::ber::{GET, GET_BULK};
use super::encode;
use super::oid::Oid;
use crate::profiles::{InstanceRule, Profile};

/// sysUpTime.0 and its column (RFC 3418).
pub(crate) const UPTIME: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 3, 0];
/// sysObjectID.0 (RFC 3418).
pub(crate) const OBJECT_ID: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 2, 0];

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask {
    Get(Vec<Scalar>),
    Walk(Walk),
}

/// A variable of a GET; numbers are positions in the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Uptime,
    ObjectId,
    Guard { table: u16, guard: u16 },
    Metric(u16),
    Fact(u16),
}

/// A GETBULK over columns side by side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Walk {
    /// Whether sysUpTime leads as the non-repeater.
    pub(crate) uptime: bool,
    pub(crate) cursors: Vec<Cursor>,
    pub(crate) repetitions: u16,
}

/// How far a column has been read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cursor {
    pub(crate) column: Column,
    /// Index after which to go on; empty: from the start.
    pub(crate) after: Vec<u8>,
    /// Where the next index is expected in the table's rows.
    pub(crate) row: usize,
    /// Rows read so far.
    pub(crate) seen: usize,
}

/// A column of a table; numbers are positions in the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) table: u16,
    pub(crate) what: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Name(u16),
    Value(u16),
    Fallback(u16),
    Fact(u16),
}

impl Ask {
    /// The table it reads; none for a GET.
    pub(crate) fn table(&self) -> Option<u16> {
        match self {
            Self::Get(_) => None,
            Self::Walk(walk) => walk.cursors.first().map(|cursor| cursor.column.table),
        }
    }
}

impl Cursor {
    pub(crate) const fn start(column: Column) -> Self {
        Self { column, after: Vec::new(), row: 0, seen: 0 }
    }
}

impl Column {
    /// Its OID. Positions come from the same profile, so that there is always one.
    pub(crate) fn oid<'p>(&self, profile: &'p Profile) -> &'p [u8] {
        let table = &profile.tables[usize::from(self.table)];
        let found: Option<&Oid> = match self.what {
            Part::Name(n) => match &table.instance {
                InstanceRule::Columns(columns) => columns.get(usize::from(n)),
                InstanceRule::Join { .. } | InstanceRule::Index { .. } => None,
            },
            Part::Value(n) => Some(&table.metrics[usize::from(n)].source.oid),
            Part::Fallback(n) => table.metrics[usize::from(n)].fallback.as_ref().map(|it| &it.oid),
            Part::Fact(n) => table.facts[usize::from(n)].oid.as_ref(),
        };
        found.map_or(&[], Oid::bytes)
    }

    /// How errors call it.
    pub(crate) fn name(&self, profile: &Profile) -> String {
        let table = &profile.tables[usize::from(self.table)];
        let column = match self.what {
            Part::Name(_) => "instance names",
            Part::Value(n) | Part::Fallback(n) => &table.metrics[usize::from(n)].name,
            Part::Fact(n) => &table.facts[usize::from(n)].name,
        };
        format!("{} {column}", table.name)
    }
}

impl Scalar {
    pub(crate) fn oid<'p>(&self, profile: Option<&'p Profile>) -> &'p [u8] {
        let found = match (*self, profile) {
            (Self::Uptime, _) => return UPTIME,
            (Self::ObjectId, _) => return OBJECT_ID,
            (_, None) => None,
            (Self::Guard { table, guard }, Some(profile)) => {
                profile.tables[usize::from(table)].guards.get(usize::from(guard))
            }
            (Self::Metric(n), Some(profile)) => Some(&profile.metrics[usize::from(n)].source.oid),
            (Self::Fact(n), Some(profile)) => profile.facts[usize::from(n)].oid.as_ref(),
        };
        found.map_or(&[], Oid::bytes)
    }

    pub(crate) fn name(&self, profile: Option<&Profile>) -> String {
        match (*self, profile) {
            (Self::Metric(n), Some(profile)) => profile.metrics[usize::from(n)].name.clone(),
            (Self::Fact(n), Some(profile)) => profile.facts[usize::from(n)].name.clone(),
            (Self::Metric(_) | Self::Fact(_), None)
            | (Self::Uptime | Self::ObjectId | Self::Guard { .. }, _) => "system group".into(),
        }
    }
}

impl Ask {
    /// Writes the message.
    pub(crate) fn encode(
        &self,
        out: &mut Vec<u8>,
        profile: Option<&Profile>,
        community: &[u8],
        id: i32,
    ) {
        match (self, profile) {
            (Self::Get(scalars), _) => {
                let oids = scalars.iter().map(|scalar| (scalar.oid(profile), &[][..]));
                encode::request(out, community, GET, id, (0, 0), oids);
            }
            (Self::Walk(walk), Some(profile)) => {
                let uptime = walk.uptime.then_some((&UPTIME[..UPTIME.len() - 1], &[][..]));
                let columns = walk.cursors.iter();
                let columns = columns.map(|it| (it.column.oid(profile), it.after.as_slice()));
                let numbers = (i32::from(walk.uptime), i32::from(walk.repetitions));
                let oids = uptime.into_iter().chain(columns);
                encode::request(out, community, GET_BULK, id, numbers, oids);
            }
            // Walks are planned from a profile only.
            (Self::Walk(_), None) => out.clear(),
        }
    }
}

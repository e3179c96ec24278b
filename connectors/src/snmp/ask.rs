//! What one request asks for.

use super::ber::{GET, GET_BULK, GET_NEXT};
use super::culprits::Item;
use super::encode;
use super::oid::Oid;
use crate::profiles::{InstanceRule, Profile};

/// sysUpTime.0 and its column (RFC 3418).
pub(crate) const UPTIME: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 3, 0];
/// The column of sysUpTime: what comes next is the value.
const UPTIME_COLUMN: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 3];
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
    /// GETNEXT in place of GETBULK, for an agent or a column that bears no other.
    pub(crate) next: bool,
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
    /// Cells passed over in a row because they alone were refused.
    pub(crate) skipped: u8,
    /// Cells passed over so far.
    pub(crate) holes: u16,
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

    /// What it asks for, one by one.
    pub(crate) fn items(&self) -> Vec<Item> {
        match self {
            Self::Get(scalars) => scalars.iter().map(|it| Item::Scalar(*it)).collect(),
            Self::Walk(walk) => walk.cursors.iter().map(|it| Item::Column(it.column)).collect(),
        }
    }

    /// What it asks for, if that is one thing.
    pub(crate) fn only(&self) -> Option<Item> {
        match self {
            Self::Get(scalars) => match scalars.as_slice() {
                [one] => Some(Item::Scalar(*one)),
                _ => None,
            },
            Self::Walk(walk) => match walk.cursors.as_slice() {
                [one] => Some(Item::Column(one.column)),
                _ => None,
            },
        }
    }
}

impl Cursor {
    pub(crate) const fn start(column: Column) -> Self {
        Self { column, after: Vec::new(), row: 0, seen: 0, skipped: 0, holes: 0 }
    }
}

impl Column {
    /// Its OID. Positions come from the same profile, so that there is always one.
    pub(crate) fn oid<'p>(&self, profile: &'p Profile) -> &'p [u8] {
        let Some(table) = profile.tables.get(usize::from(self.table)) else { return &[] };
        let metric = |n: u16| table.metrics.get(usize::from(n));
        let found: Option<&Oid> = match self.what {
            Part::Name(n) => match &table.instance {
                InstanceRule::Columns(columns) => columns.get(usize::from(n)),
                InstanceRule::Join { .. } | InstanceRule::Index { .. } => None,
            },
            Part::Value(n) => metric(n).map(|it| &it.source.oid),
            Part::Fallback(n) => metric(n).and_then(|it| it.fallback.as_ref()).map(|it| &it.oid),
            Part::Fact(n) => table.facts.get(usize::from(n)).and_then(|it| it.oid.as_ref()),
        };
        found.map_or(&[], Oid::bytes)
    }

    /// How errors call it.
    pub(crate) fn name(&self, profile: &Profile) -> String {
        let Some(table) = profile.tables.get(usize::from(self.table)) else {
            return String::new();
        };
        let column = match self.what {
            Part::Name(n) => {
                return format!("{} instance names, column {}", table.name, u32::from(n) + 1);
            }
            Part::Value(n) => table.metrics.get(usize::from(n)).map(|it| it.name.as_str()),
            Part::Fallback(n) => {
                let name = table.metrics.get(usize::from(n)).map_or("", |it| it.name.as_str());
                return format!("{} {name} (fallback)", table.name);
            }
            Part::Fact(n) => table.facts.get(usize::from(n)).map(|it| it.name.as_str()),
        };
        format!("{} {}", table.name, column.unwrap_or_default())
    }
}

impl Scalar {
    pub(crate) fn oid<'p>(&self, profile: Option<&'p Profile>) -> &'p [u8] {
        let found = match (*self, profile) {
            (Self::Uptime, _) => return UPTIME,
            (Self::ObjectId, _) => return OBJECT_ID,
            (_, None) => None,
            (Self::Guard { table, guard }, Some(profile)) => {
                let table = profile.tables.get(usize::from(table));
                table.and_then(|it| it.guards.get(usize::from(guard)))
            }
            (Self::Metric(n), Some(profile)) => {
                profile.metrics.get(usize::from(n)).map(|it| &it.source.oid)
            }
            (Self::Fact(n), Some(profile)) => {
                profile.facts.get(usize::from(n)).and_then(|it| it.oid.as_ref())
            }
        };
        found.map_or(&[], Oid::bytes)
    }

    pub(crate) fn name(&self, profile: Option<&Profile>) -> String {
        let named = match (*self, profile) {
            (Self::Metric(n), Some(profile)) => {
                profile.metrics.get(usize::from(n)).map(|it| it.name.clone())
            }
            (Self::Fact(n), Some(profile)) => {
                profile.facts.get(usize::from(n)).map(|it| it.name.clone())
            }
            (Self::Guard { table, .. }, Some(profile)) => {
                let table = profile.tables.get(usize::from(table));
                table.map(|it| format!("{} guard", it.name))
            }
            (Self::Uptime, _) => Some("sysUpTime".into()),
            (Self::ObjectId, _) => Some("sysObjectID".into()),
            (Self::Metric(_) | Self::Fact(_) | Self::Guard { .. }, None) => None,
        };
        named.unwrap_or_else(|| "system group".into())
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
                let uptime = walk.uptime.then_some((UPTIME_COLUMN, &[][..]));
                let columns = walk.cursors.iter();
                let columns = columns.map(|it| (it.column.oid(profile), it.after.as_slice()));
                let oids = uptime.into_iter().chain(columns);
                if walk.next {
                    encode::request(out, community, GET_NEXT, id, (0, 0), oids);
                } else {
                    let numbers = (i32::from(walk.uptime), i32::from(walk.repetitions));
                    encode::request(out, community, GET_BULK, id, numbers, oids);
                }
            }
            // Walks are planned from a profile only.
            (Self::Walk(_), None) => out.clear(),
        }
    }
}

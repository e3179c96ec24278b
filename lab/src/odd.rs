//! Agents that answer, and oddly: what devices in the field do with well-formed requests.

use serde::{Deserialize, Serialize};

use crate::codec::{ArcBuf, Message, parse_oid, tag};
use crate::fault::FaultError;
use crate::program::Program;
use crate::snmprec::parse_line;

/// Oddities a device may have at once.
pub const MAX_ODDITIES: usize = 256;
/// The longest wait before an answer, ms.
const MAX_DELAY_MS: u64 = 600_000;

/// One oddity. `under` is an object identifier: what starts so is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "oddity", rename_all = "snake_case", deny_unknown_fields)]
pub enum Oddity {
    /// At most so many variables in an answer to a GETBULK (RFC 3416, 4.2.3 allows it).
    ShortBulk {
        /// Variables.
        variables: usize,
    },
    /// A GETBULK is never answered, GET and GETNEXT are.
    NoBulk,
    /// What asks for this, or comes to it, is answered with an error.
    Refuse {
        /// What is refused.
        under: String,
        /// error-status (RFC 3416, 3).
        status: u8,
        /// Whether error-index names the culprit; else it is 0.
        named: bool,
        /// In a GETBULK alone.
        #[serde(default)]
        bulk_only: bool,
    },
    /// A restricted view: there is no such thing.
    Hide {
        /// What is hidden.
        under: String,
    },
    /// One request after the other is served, and what asks for this takes long.
    Slow {
        /// What takes long.
        under: String,
        /// How long, ms.
        delay_ms: u64,
    },
    /// Another value of a variable that there is: what a walk's line says, `OID|type|value`. In
    /// place of what was said of it before.
    Say {
        /// The line.
        line: String,
    },
    /// sysUpTime and all else that does not repeat is taken for one more column of a GETBULK.
    NoRepeaters,
}

/// An oddity with its object identifier read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ready {
    oddity: Oddity,
    under: Vec<u32>,
    /// The value that is said.
    value: Vec<u8>,
}

/// The oddities of a device.
#[derive(Debug, Default)]
pub(crate) struct Oddities {
    all: Vec<Ready>,
    /// Until when a device that serves one request after the other is busy.
    busy_until_ms: u64,
}

impl Oddity {
    fn under(&self) -> Option<&str> {
        match self {
            Self::Refuse { under, .. } | Self::Hide { under } | Self::Slow { under, .. } => {
                Some(under)
            }
            Self::ShortBulk { .. } | Self::NoBulk | Self::Say { .. } | Self::NoRepeaters => None,
        }
    }

    /// Checks numbers and object identifiers.
    pub(crate) fn check(&self) -> Result<(), FaultError> {
        let wrong = |field, value, range| Err(FaultError::Range { field, value, range });
        if self.under().is_some_and(|text| parse_oid(text).is_err()) {
            return wrong("under", 0.0, "an object identifier, as 1.3.6.1.2.1.2.2.1.13");
        }
        match self {
            Self::ShortBulk { variables: 0 } => wrong("variables", 0.0, "1 or more"),
            Self::Refuse { status: 0, .. } => wrong("status", 0.0, "1 to 255"),
            Self::Slow { delay_ms, .. } if *delay_ms > MAX_DELAY_MS => {
                wrong("delay_ms", *delay_ms as f64, "0 to 600000 milliseconds")
            }
            Self::Say { line } if parse_line(line.as_bytes()).is_err() => {
                wrong("line", 0.0, "a line of a walk, as 1.3.6.1.2.1.1.3.0|67|100")
            }
            Self::ShortBulk { .. }
            | Self::NoBulk
            | Self::Say { .. }
            | Self::Refuse { .. }
            | Self::Hide { .. }
            | Self::Slow { .. }
            | Self::NoRepeaters => Ok(()),
        }
    }
}

impl Oddities {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds one; of more than [`MAX_ODDITIES`] the oldest goes.
    pub(crate) fn add(&mut self, oddity: &Oddity) {
        let under = oddity.under().and_then(|text| parse_oid(text).ok()).unwrap_or_default();
        let (under, value) = match oddity {
            Oddity::Say { line } => parse_line(line.as_bytes()).unwrap_or_default(),
            Oddity::ShortBulk { .. }
            | Oddity::NoBulk
            | Oddity::Refuse { .. }
            | Oddity::Hide { .. }
            | Oddity::Slow { .. }
            | Oddity::NoRepeaters => (under, Vec::new()),
        };
        if !value.is_empty() {
            self.all.retain(|it| it.value.is_empty() || it.under != under);
        }
        if self.all.len() >= MAX_ODDITIES {
            self.all.remove(0);
        }
        self.all.push(Ready { oddity: oddity.clone(), under, value });
    }

    /// Whether a request is never answered.
    pub(crate) fn swallows(&self, message: &Message<'_>) -> bool {
        message.pdu == tag::GET_BULK && self.all.iter().any(|it| it.oddity == Oddity::NoBulk)
    }

    /// How long a request waits before it is looked at: its own time and that of those before.
    pub(crate) fn delay_ms(&mut self, message: &Message<'_>, now_ms: u64) -> Option<u64> {
        let mut serial = false;
        let mut own_ms = 0;
        let mut arcs = ArcBuf::default();
        for it in &self.all {
            let Oddity::Slow { delay_ms, .. } = it.oddity else { continue };
            serial = true;
            let asks = message
                .var_binds()
                .flatten()
                .any(|bind| arcs.read(bind.oid).is_ok_and(|name| name.starts_with(&it.under)));
            own_ms = own_ms.max(if asks { delay_ms } else { 0 });
        }
        if !serial {
            return None;
        }
        self.busy_until_ms = self.busy_until_ms.max(now_ms) + own_ms;
        Some(self.busy_until_ms - now_ms).filter(|wait| *wait > 0)
    }

    /// Variables that an answer to a GETBULK holds at most.
    pub(crate) fn most_variables(&self) -> usize {
        let most = self.all.iter().filter_map(|it| match it.oddity {
            Oddity::ShortBulk { variables } => Some(variables),
            Oddity::NoBulk
            | Oddity::Refuse { .. }
            | Oddity::Hide { .. }
            | Oddity::Slow { .. }
            | Oddity::Say { .. }
            | Oddity::NoRepeaters => None,
        });
        most.min().unwrap_or(usize::MAX)
    }

    /// What is said in place of a row's value.
    pub(crate) fn said(&self, program: &Program, row: usize) -> Option<&[u8]> {
        let said = self.all.iter().filter(|it| !it.value.is_empty());
        let name = program.name(row);
        said.filter(|it| Some(it.under.as_slice()) == name).map(|it| it.value.as_slice()).next()
    }

    pub(crate) fn no_repeaters(&self) -> bool {
        self.all.iter().any(|it| it.oddity == Oddity::NoRepeaters)
    }

    /// The first row from `row` on that can be seen.
    pub(crate) fn visible(&self, program: &Program, mut row: usize) -> usize {
        while self.is_hidden(program, row) {
            row += 1;
        }
        row
    }

    pub(crate) fn is_hidden(&self, program: &Program, row: usize) -> bool {
        self.all.iter().any(|it| {
            matches!(it.oddity, Oddity::Hide { .. })
                && program.name(row).is_some_and(|name| name.starts_with(&it.under))
        })
    }

    /// error-status and error-index of a variable, the `place`th from 1, that asks for `name` and
    /// came to `row`; none: it is answered.
    pub(crate) fn refusal(
        &self,
        program: &Program,
        (name, row): (&[u32], usize),
        (place, bulk): (u32, bool),
    ) -> Option<(u8, u32)> {
        self.all.iter().find_map(|it| {
            let Oddity::Refuse { status, named, bulk_only, .. } = it.oddity else { return None };
            let hit = name.starts_with(&it.under)
                || program.name(row).is_some_and(|found| found.starts_with(&it.under));
            let meant = hit && (bulk || !bulk_only);
            meant.then_some((status, if named { place } else { 0 }))
        })
    }
}

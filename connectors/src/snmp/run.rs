//! A poll under way: what it has gathered, what is outstanding, what is missing.

use std::collections::VecDeque;

use schemas::Outcome;

use super::ask::{Ask, Column};
use super::names::Collected;
use super::oid::Oid;
use super::values::Values;

/// Missing things listed in an error.
pub(crate) const MAX_LISTED: usize = 16;

/// Why a request or a poll has no result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) text: String,
}

/// What a poll has gathered of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableRun {
    pub(crate) names: Vec<Collected>,
    pub(crate) values: Vec<Values>,
    pub(crate) fallback: Vec<Values>,
    pub(crate) facts: Vec<Vec<(i32, String)>>,
    /// The table's values cannot be used.
    pub(crate) lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Head,
    Names,
    Data,
    Verify,
    Texts,
    /// The names once more, for the texts.
    Check,
    Done,
}

/// A poll under way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) phase: Phase,
    pub(crate) work: VecDeque<Ask>,
    pub(crate) in_flight: usize,
    /// The request in flight is to have the agent for itself.
    pub(crate) alone: bool,
    pub(crate) facts: bool,
    /// The texts were come to.
    pub(super) texts: bool,
    /// Rows moved while the texts were read.
    pub(super) texts_moved: bool,
    pub(crate) uptime: Option<u64>,
    pub(crate) tail_uptime: Option<u64>,
    pub(crate) object_id: Option<Oid>,
    pub(crate) guards: Collected,
    /// Values of the profile's scalars.
    pub(crate) scalars: Vec<Values>,
    pub(crate) scalar_facts: Vec<Option<String>>,
    pub(crate) tables: Vec<TableRun>,
    pub(crate) missing: Vec<String>,
    pub(crate) missing_count: usize,
    /// Columns of values that this poll lost; the next asks them as this one did.
    pub(super) unread: Vec<Column>,
    /// Texts that could not be read: they make no poll partial.
    pub(crate) remarks: Vec<String>,
    pub(crate) failure: Option<Failure>,
    /// Whether any request was answered.
    pub(crate) answered: bool,
    /// Time-outs are long and requests go one by one: a request was not answered in time.
    pub(crate) patient: bool,
    pub(super) timeouts_in_row: u32,
    pub(super) redone: bool,
    /// The names are read anew because those at the end were others.
    pub(super) reread: bool,
    pub(super) fallbacks_planned: bool,
    /// The scalars that a doubtful head leaves for later were asked.
    pub(super) rest_planned: bool,
    /// Rows are looked for in all columns, not among the names alone.
    pub(super) discovering: bool,
    /// Octets of an answer before this poll learned anything.
    pub(super) bytes_before: usize,
    /// No further data is asked for.
    pub(crate) hurried: bool,
}

impl Run {
    pub(super) fn new(facts: bool, patient: bool, bytes_before: usize) -> Self {
        Self {
            phase: Phase::Head,
            work: VecDeque::new(),
            in_flight: 0,
            alone: false,
            facts,
            texts: false,
            texts_moved: false,
            uptime: None,
            tail_uptime: None,
            object_id: None,
            guards: Collected::default(),
            scalars: Vec::new(),
            scalar_facts: Vec::new(),
            tables: Vec::new(),
            missing: Vec::new(),
            missing_count: 0,
            unread: Vec::new(),
            remarks: Vec::new(),
            failure: None,
            answered: false,
            patient,
            timeouts_in_row: 0,
            redone: false,
            reread: false,
            fallbacks_planned: false,
            rest_planned: false,
            discovering: false,
            bytes_before,
            hurried: false,
        }
    }

    /// An answer came: time-outs no longer follow each other.
    pub(super) fn answered(&mut self) {
        self.over();
        self.answered = true;
        self.timeouts_in_row = 0;
    }

    /// A request is no longer in flight.
    pub(super) fn over(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.alone &= self.in_flight > 0;
    }

    /// The texts have what they have; those of tables were not checked and go.
    pub(super) fn stop_texts(&mut self, why: &str) {
        self.remark(format!("texts: {why}"));
        self.work.clear();
        self.drop_table_texts();
        self.phase = Phase::Done;
    }

    pub(super) fn drop_table_texts(&mut self) {
        for texts in self.tables.iter_mut().flat_map(|table| &mut table.facts) {
            texts.clear();
        }
    }

    /// Adds to the list of what is missing; the list is short, the count is whole.
    pub(super) fn note(&mut self, text: String) {
        self.missing_count += 1;
        if self.missing.len() < MAX_LISTED {
            self.missing.push(text);
        }
    }

    /// Adds to what is said of a poll that misses no metric.
    pub(super) fn remark(&mut self, text: String) {
        if self.remarks.len() < MAX_LISTED && !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }
}

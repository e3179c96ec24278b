//! One device: what is known of it, and the poll that is under way.
//!
//! A poll goes through phases: *head* (one GET: sysUpTime, sysObjectID, guards, scalars),
//! *names* (only when they may have moved), *data* (columns in parallel), *verify* (names and
//! sysUpTime again). If they moved meanwhile, the data is thrown away and read once more; if
//! that fails too the table is left out of this cycle. Agents that renumber and come back to
//! the very same names, guards and a higher sysUpTime within one interval are not noticed.
//!
//! No sockets and no clock here: requests go out through [`Session::next_ask`], answers and
//! failures come in, stamped by the caller.

use std::collections::VecDeque;
use std::sync::Arc;

use schemas::Outcome;

use super::ask::{Ask, Column, Part, Scalar};
use super::names::{Collected, Instances, Row};
use super::oid::Oid;
use super::values::Values;
use crate::profiles::{InstanceRule, Profile, Profiles};

/// Rows of a table; a walk that goes on is taken for endless.
pub(crate) const MAX_TABLE_ROWS: usize = 16_384;
/// Octets an answer may have before it is known what the device and the path bear.
pub(crate) const START_BYTES: usize = 1_400;
/// The least an SNMP entity takes (RFC 3417, 3.2).
pub(crate) const LEAST_BYTES: usize = 484;
/// Below this nothing is halved any more: one variable an answer.
pub(crate) const FLOOR_BYTES: usize = 60;
/// How long the size of answers stays at what was learned.
const REGROW_MS: u64 = 3_600_000;
/// A second time-out in a row ends a poll.
const MAX_TIMEOUTS_IN_ROW: u32 = 2;
/// How often the texts of a device are read.
const FACTS_READ_MS: u64 = 300_000;
/// How often unchanged texts are sent.
pub(crate) const FACTS_SENT_MS: u64 = 3_600_000;
/// Missing things listed in an error.
pub(crate) const MAX_LISTED: usize = 16;

/// Why a request or a poll has no result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) text: String,
}

/// What is known of a table from earlier cycles.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableState {
    /// The name columns as last read.
    pub(crate) names: Vec<Collected>,
    /// How many of them must be read to see a change.
    pub(crate) needed: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) known: bool,
    /// A table without names of its own had no rows at the last reading.
    pub(crate) empty: bool,
    /// For each metric, whether its first source and its fallback are asked.
    pub(crate) asked: Vec<(bool, bool)>,
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
    Done,
}

/// A poll under way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) phase: Phase,
    pub(crate) work: VecDeque<Ask>,
    pub(crate) in_flight: usize,
    pub(crate) facts: bool,
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
    pub(crate) failure: Option<Failure>,
    timeouts_in_row: u32,
    pub(super) redone: bool,
    pub(super) fallbacks_planned: bool,
    /// No further data is asked for.
    pub(crate) hurried: bool,
}

/// A device as the engine sees it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) profiles: Arc<Profiles>,
    pub(crate) profile: Option<Arc<Profile>>,
    /// The profile was named, not chosen by sysObjectID.
    pub(super) pinned: bool,
    /// When the last poll began, and the last in which answers had to become smaller.
    pub(super) begun_at: u64,
    pub(super) shrunk_at: u64,
    /// Octets an answer may have, learned.
    pub(crate) answer_bytes: usize,
    /// Max-repetitions of the last GETBULK.
    pub(crate) last_repetitions: u16,
    pub(crate) tables: Vec<TableState>,
    pub(super) guards: Collected,
    pub(super) object_id: Option<Oid>,
    pub(super) uptime: Option<u64>,
    pub(crate) instances: Instances,
    pub(crate) facts_read_at: Option<u64>,
    pub(crate) facts_sent: Option<(u64, u64)>,
    pub(crate) run: Option<Run>,
}

impl Session {
    /// A session for a device whose profile is `name`, or chosen by sysObjectID if none of that
    /// name exists.
    pub(crate) fn new(profiles: Arc<Profiles>, name: &str) -> Self {
        let profile = profiles.get(name).cloned();
        let mut session = Self {
            pinned: profile.is_some(),
            profiles,
            profile: None,
            begun_at: 0,
            shrunk_at: 0,
            answer_bytes: START_BYTES,
            last_repetitions: 0,
            tables: Vec::new(),
            guards: Collected::default(),
            object_id: None,
            uptime: None,
            instances: Instances::default(),
            facts_read_at: None,
            facts_sent: None,
            run: None,
        };
        if let Some(profile) = profile {
            session.adopt(profile);
        }
        session
    }

    pub(super) fn adopt(&mut self, profile: Arc<Profile>) {
        let table = |table: &crate::profiles::Table| TableState {
            names: vec![Collected::default(); name_columns(&table.instance)],
            asked: vec![(true, false); table.metrics.len()],
            ..TableState::default()
        };
        self.tables = profile.tables.iter().map(table).collect();
        self.profile = Some(profile);
        self.guards.clear();
        self.instances = Instances::default();
        self.facts_read_at = None;
    }

    /// Starts a poll; `now` is a monotonic clock in ms.
    pub(crate) fn begin(&mut self, now: u64) {
        self.begun_at = now;
        if self.answer_bytes < START_BYTES && now.saturating_sub(self.shrunk_at) >= REGROW_MS {
            // What was lost may have been chance: try a larger one now and then.
            self.shrunk_at = now;
            self.answer_bytes = (self.answer_bytes * 2).min(START_BYTES);
        }
        let due = self.facts_read_at.is_none_or(|at| now.saturating_sub(at) >= FACTS_READ_MS);
        let mut run = Run {
            phase: Phase::Head,
            work: VecDeque::new(),
            in_flight: 0,
            facts: due,
            uptime: None,
            tail_uptime: None,
            object_id: None,
            guards: Collected::default(),
            scalars: Vec::new(),
            scalar_facts: Vec::new(),
            tables: Vec::new(),
            missing: Vec::new(),
            missing_count: 0,
            failure: None,
            timeouts_in_row: 0,
            redone: false,
            fallbacks_planned: false,
            hurried: false,
        };
        self.reset(&mut run);
        let mut scalars = vec![Scalar::Uptime, Scalar::ObjectId];
        scalars.extend(self.profile_scalars(run.facts));
        self.plan_gets(&mut run, scalars);
        self.run = Some(run);
    }

    /// Empties what a run gathered, sized for the profile.
    pub(super) fn reset(&self, run: &mut Run) {
        run.tail_uptime = None;
        run.fallbacks_planned = false;
        let Some(profile) = &self.profile else { return };
        run.scalars.resize(profile.metrics.len(), Values::default());
        run.scalar_facts.resize(profile.facts.len(), None);
        run.tables.clear();
        for (table, state) in profile.tables.iter().zip(&self.tables) {
            let rows = state.rows.len();
            let values = |kind| Values::with_rows(rows, kind);
            run.tables.push(TableRun {
                names: vec![Collected::default(); name_columns(&table.instance)],
                values: table.metrics.iter().map(|it| values(it.source.kind)).collect(),
                fallback: vec![Values::default(); table.metrics.len()],
                facts: vec![Vec::new(); table.facts.len()],
                lost: false,
            });
        }
    }

    pub(super) fn profile_scalars(&self, facts: bool) -> Vec<Scalar> {
        let Some(profile) = &self.profile else { return Vec::new() };
        let mut scalars = Vec::new();
        for (t, table) in profile.tables.iter().enumerate() {
            let guard = |g| Scalar::Guard { table: t as u16, guard: g as u16 };
            scalars.extend((0..table.guards.len()).map(guard));
        }
        scalars.extend((0..profile.metrics.len()).map(|n| Scalar::Metric(n as u16)));
        if facts {
            scalars.extend((0..profile.facts.len()).map(|n| Scalar::Fact(n as u16)));
        }
        scalars
    }

    /// The next request, if one may go out now.
    pub(crate) fn next_ask(&mut self) -> Option<Ask> {
        let run = self.run.as_mut()?;
        let ask = run.work.pop_front()?;
        run.in_flight += 1;
        if let Ask::Walk(walk) = &ask {
            self.last_repetitions = walk.repetitions;
        }
        Some(ask)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.run.as_ref().map_or(0, |run| run.in_flight)
    }

    pub(crate) fn has_work(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.work.is_empty())
    }

    pub(crate) fn is_done(&self) -> bool {
        self.run.as_ref().is_none_or(|run| run.phase == Phase::Done)
    }

    /// A request is given up.
    pub(crate) fn fail(&mut self, ask: &Ask, failure: Failure) {
        let Some(mut run) = self.run.take() else { return };
        run.in_flight -= 1;
        run.timeouts_in_row += 1;
        let ends = run.phase == Phase::Head
            || run.timeouts_in_row >= MAX_TIMEOUTS_IN_ROW
            || failure.outcome == Outcome::Unreachable;
        self.lose_ask(&mut run, ask, &failure.text);
        if run.failure.as_ref().is_none_or(|it| it.outcome != Outcome::Malformed) {
            run.failure = Some(failure.clone());
        }
        if ends {
            self.cut(&mut run, &failure.text);
        }
        self.advance(&mut run);
        self.run = Some(run);
    }

    /// Time is running out: data not asked for yet is left out, so that what is there can still
    /// be verified.
    pub(crate) fn hurry(&mut self, why: &str) {
        let Some(mut run) = self.run.take() else { return };
        run.hurried = true;
        if run.phase == Phase::Data {
            for ask in std::mem::take(&mut run.work) {
                self.lose_ask(&mut run, &ask, why);
            }
            run.fallbacks_planned = true;
            self.advance(&mut run);
        }
        self.run = Some(run);
    }

    /// The poll must end now: what is still outstanding is missing.
    pub(crate) fn cut_short(&mut self, failure: Failure) {
        let Some(mut run) = self.run.take() else { return };
        self.cut(&mut run, &failure.text);
        run.failure.get_or_insert(failure);
        run.phase = Phase::Done;
        self.run = Some(run);
    }

    /// Marks all that is not read as missing and leaves nothing to do.
    fn cut(&mut self, run: &mut Run, why: &str) {
        run.work.clear();
        if run.phase != Phase::Done {
            for table in 0..run.tables.len() {
                self.lose_table(run, table, why);
            }
        }
        run.phase = Phase::Done;
    }

    /// Notes that the columns of a request stay unread.
    pub(super) fn lose_ask(&mut self, run: &mut Run, ask: &Ask, why: &str) {
        match ask {
            Ask::Get(scalars) => {
                let profile = self.profile.as_deref();
                let facts_only = scalars.iter().all(|it| matches!(it, Scalar::Fact(_)));
                if let Some(first) = scalars.first().filter(|_| !facts_only) {
                    note(run, format!("{}: {why}", first.name(profile)));
                }
            }
            Ask::Walk(walk) => {
                for cursor in &walk.cursors {
                    self.lose_column(run, cursor.column, why);
                }
            }
        }
    }

    pub(super) fn lose_column(&mut self, run: &mut Run, column: Column, why: &str) {
        let Some(profile) = self.profile.clone() else { return };
        if let Part::Name(_) = column.what {
            self.lose_table(run, usize::from(column.table), why);
        } else if !run.tables[usize::from(column.table)].lost {
            note(run, format!("{}: {why}", column.name(&profile)));
        }
    }

    /// Marks a table, and those that take their names from it, as unusable in this cycle.
    pub(super) fn lose_table(&mut self, run: &mut Run, lost: usize, why: &str) {
        let Some(profile) = self.profile.clone() else { return };
        for (at, table) in profile.tables.iter().enumerate() {
            let hit = at == lost
                || matches!(table.instance, InstanceRule::Join { table, .. } if table == lost);
            if hit && !std::mem::replace(&mut run.tables[at].lost, true) {
                note(run, format!("table {}: {why}", table.name));
            }
        }
    }

    /// An answer came: time-outs no longer follow each other.
    pub(super) fn heard(run: &mut Run) {
        run.in_flight -= 1;
        run.timeouts_in_row = 0;
    }
}

/// Adds to the list of what is missing; the list is short, the count is whole.
pub(super) fn note(run: &mut Run, text: String) {
    run.missing_count += 1;
    if run.missing.len() < MAX_LISTED {
        run.missing.push(text);
    }
}

pub(super) fn name_columns(rule: &InstanceRule) -> usize {
    match rule {
        InstanceRule::Columns(columns) => columns.len(),
        InstanceRule::Join { .. } | InstanceRule::Index { .. } => 0,
    }
}

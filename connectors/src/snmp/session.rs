//! One device: what is known of it, and the poll that is under way.
//!
//! A poll goes through phases: *head* (one GET: sysUpTime, sysObjectID, guards, scalars),
//! *names* (only when they may have moved), *data* (columns in parallel), *verify* (names and
//! sysUpTime again), and now and then *texts* and *check* (the names once more, for the texts).
//! If rows moved meanwhile, the data is thrown away and read once more; if that fails too the
//! table is left out of this cycle. Agents that renumber and come back to the very same names,
//! guards and a higher sysUpTime within one interval are not noticed.
//!
//! What a device refuses, or answers slowly, is found by asking it alone and is remembered (see
//! [`super::culprits`]): it costs itself, nothing beside it.
//!
//! No sockets and no clock here: requests go out through [`Session::next_ask`], answers and
//! failures come in, stamped by the caller.

use std::sync::Arc;

use super::ask::{Ask, Column, Part, Scalar};
use super::culprits::{Culprits, Item};
use super::names::{Collected, Instances, Row};
use super::oid::Oid;
pub(crate) use super::run::{Failure, Phase, Run, TableRun};
use super::values::Values;
use crate::profiles::{InstanceRule, Profile, Profiles};

/// Rows of a table; what comes after them is left out, and the poll says so. Sixteen thousand
/// ports on a chassis exist, and tables of a row for each subscriber.
pub(crate) const MAX_TABLE_ROWS: usize = 100_000;
/// What is said then.
pub(super) const TOO_MANY: &str = "over 100000 rows (MAX_TABLE_ROWS): the rest is left out";
/// Instances kept beside twice as many as there are rows.
const SPARE_INSTANCES: usize = 1_000;
/// Octets an answer may have before it is known what the device and the path bear.
pub(crate) const START_BYTES: usize = 1_400;
/// The least an SNMP entity takes (RFC 3417, 3.2).
pub(crate) const LEAST_BYTES: usize = 484;
/// Below this nothing is halved any more: one variable an answer.
pub(crate) const FLOOR_BYTES: usize = 60;
/// How long the size of answers stays at what was learned.
const REGROW_MS: u64 = 3_600_000;
/// How often the texts of a device are read.
const FACTS_READ_MS: u64 = 300_000;
/// How often unchanged texts are sent.
pub(crate) const FACTS_SENT_MS: u64 = 3_600_000;
/// How long a device whose GETBULK is not answered is read by GETNEXT alone.
const BULK_RETRY_MS: u64 = 600_000;

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

/// What is known of a device's GETBULK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Bulk {
    #[default]
    Untried,
    Works,
    /// It was not answered, or refused for everything, at this time.
    Fails(u64),
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
    /// The device's interval.
    pub(crate) interval_ms: u64,
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
    pub(crate) culprits: Culprits,
    pub(super) bulk: Bulk,
    /// The last head was not answered: the next asks for no more than who is there.
    pub(super) doubted: bool,
    /// Answers come, but later than they are waited for.
    pub(super) late: bool,
    /// Rows without a name were looked for since the names changed.
    pub(super) discovered: bool,
    /// sysUpTime stands in no GETBULK: the agent mixes it up with the columns.
    pub(super) no_lead: bool,
    /// Facts about the polling itself that were sent last, so that they can be taken back.
    pub(super) said: [bool; 2],
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
            interval_ms: 60_000,
            answer_bytes: START_BYTES,
            last_repetitions: 0,
            tables: Vec::new(),
            guards: Collected::default(),
            object_id: None,
            uptime: None,
            instances: Instances::default(),
            facts_read_at: None,
            facts_sent: None,
            culprits: Culprits::default(),
            bulk: Bulk::Untried,
            doubted: false,
            late: false,
            discovered: false,
            no_lead: false,
            said: [false; 2],
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
            needed: name_columns(&table.instance),
            asked: vec![(true, false); table.metrics.len()],
            ..TableState::default()
        };
        self.tables = profile.tables.iter().map(table).collect();
        self.profile = Some(profile);
        self.guards.clear();
        self.instances = Instances::default();
        self.facts_read_at = None;
        self.discovered = false;
        self.culprits.clear();
    }

    /// Starts a poll; `now` is a monotonic clock in ms.
    pub(crate) fn begin(&mut self, now: u64) {
        self.begun_at = now;
        if self.answer_bytes < START_BYTES && now.saturating_sub(self.shrunk_at) >= REGROW_MS {
            // What was lost may have been chance: try a larger one now and then.
            self.shrunk_at = now;
            self.answer_bytes = (self.answer_bytes * 2).min(START_BYTES);
        }
        let rows: usize = self.tables.iter().map(|table| table.rows.len()).sum();
        if self.instances.names.len() > SPARE_INSTANCES + rows * 2 {
            self.forget_rows();
        }
        let due = self.facts_read_at.is_none_or(|at| now.saturating_sub(at) >= FACTS_READ_MS);
        let patient = std::mem::take(&mut self.late);
        let mut run = Run::new(due, patient, self.answer_bytes);
        self.reset(&mut run);
        self.plan_head(&mut run);
        self.run = Some(run);
    }

    pub(super) fn plan_head(&mut self, run: &mut Run) {
        let mut scalars = vec![Scalar::Uptime, Scalar::ObjectId];
        if self.doubted {
            // The rest follows one by one: one of them may be what was not answered.
            run.rest_planned = false;
        } else {
            scalars.extend(self.profile_scalars());
            run.rest_planned = true;
        }
        self.plan_gets(run, scalars);
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

    /// Guards and metrics outside of tables, but for those that are left alone.
    pub(super) fn profile_scalars(&self) -> Vec<Scalar> {
        let Some(profile) = &self.profile else { return Vec::new() };
        let mut scalars = Vec::new();
        for (t, table) in profile.tables.iter().enumerate() {
            let guard = |g| Scalar::Guard { table: t as u16, guard: g as u16 };
            scalars.extend((0..table.guards.len()).map(guard));
        }
        scalars.extend((0..profile.metrics.len()).map(|n| Scalar::Metric(n as u16)));
        scalars.retain(|it| self.may_ask(Item::Scalar(*it)));
        scalars
    }

    /// Whether an item is not among what is left alone for now.
    pub(super) fn may_ask(&self, item: Item) -> bool {
        self.culprits.is_empty() || self.culprits.may_ask(item, self.begun_at, self.interval_ms)
    }

    /// Whether everything is read by GETNEXT.
    pub(super) fn is_next_only(&self) -> bool {
        matches!(self.bulk, Bulk::Fails(at) if self.begun_at.saturating_sub(at) < BULK_RETRY_MS)
    }

    /// The next request, if one may go out now.
    pub(crate) fn next_ask(&mut self) -> Option<Ask> {
        let mut run = self.run.take()?;
        let ask = self.take_work(&mut run);
        self.run = Some(run);
        ask
    }

    fn take_work(&mut self, run: &mut Run) -> Option<Ask> {
        let alone = self.is_alone(run.work.front()?);
        let must_wait = run.alone || alone || run.patient;
        if must_wait && run.in_flight > 0 {
            return None;
        }
        let ask = run.work.pop_front()?;
        run.in_flight += 1;
        run.alone = alone;
        if let Ask::Walk(walk) = &ask {
            self.last_repetitions = walk.repetitions;
        }
        Some(ask)
    }

    /// Whether a request is for one of the culprits.
    pub(super) fn is_alone(&self, ask: &Ask) -> bool {
        !self.culprits.is_empty() && ask.only().is_some_and(|item| self.culprits.is_alone(item))
    }

    /// Whether the request in flight gets a long time and few retries: the agent is slow, or
    /// serves one request at a time.
    pub(crate) fn is_patient(&self) -> bool {
        self.run.as_ref().is_some_and(|run| {
            run.patient || run.alone || matches!(run.phase, Phase::Texts | Phase::Check)
        })
    }

    /// Whether the poll under way has not come further than who is there.
    pub(crate) fn is_head(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.phase == Phase::Head)
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

    /// Time is running out: data not asked for yet is left out, so that what is there can still
    /// be verified; texts are left out.
    pub(crate) fn hurry(&mut self, why: &str) {
        let Some(mut run) = self.run.take() else { return };
        run.hurried = true;
        match run.phase {
            Phase::Data => self.stop_data(&mut run, why),
            Phase::Texts | Phase::Check => run.stop_texts(why),
            Phase::Head | Phase::Names | Phase::Verify | Phase::Done => {}
        }
        self.advance(&mut run);
        self.run = Some(run);
    }

    /// Asks for no more data.
    pub(super) fn stop_data(&mut self, run: &mut Run, why: &str) {
        for ask in std::mem::take(&mut run.work) {
            self.lose_ask(run, &ask, why);
        }
        run.fallbacks_planned = true;
    }

    /// The poll must end now: what is still outstanding is missing.
    pub(crate) fn cut_short(&mut self, failure: Failure) {
        let Some(mut run) = self.run.take() else { return };
        if matches!(run.phase, Phase::Texts | Phase::Check) {
            run.stop_texts(&failure.text);
        } else if run.phase != Phase::Done {
            self.cut(&mut run, &failure.text);
            run.failure.get_or_insert(failure);
        }
        run.phase = Phase::Done;
        self.run = Some(run);
    }

    /// Marks all that is not read as missing and leaves nothing to do.
    pub(super) fn cut(&mut self, run: &mut Run, why: &str) {
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
                let quiet = |it: &&Scalar| matches!(it, Scalar::Fact(_) | Scalar::Guard { .. });
                if let Some(first) = scalars.iter().find(|it| !quiet(it)) {
                    run.note(format!("{}: {why}", first.name(profile)));
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
        let text = || format!("{}: {why}", column.name(&profile));
        match column.what {
            Part::Name(_) if run.phase == Phase::Check => run.drop_table_texts(),
            Part::Name(_) => self.lose_table(run, usize::from(column.table), why),
            Part::Fact(_) => run.remark(text()),
            Part::Value(_) | Part::Fallback(_) => {
                run.unread.push(column);
                if run.tables.get(usize::from(column.table)).is_some_and(|it| !it.lost) {
                    run.note(text());
                }
            }
        }
    }

    /// Marks a table, and those that take their names from it, as unusable in this cycle.
    pub(super) fn lose_table(&mut self, run: &mut Run, lost: usize, why: &str) {
        let Some(profile) = self.profile.clone() else { return };
        for (at, table) in profile.tables.iter().enumerate() {
            let hit = at == lost
                || matches!(table.instance, InstanceRule::Join { table, .. } if table == lost);
            let Some(gathered) = run.tables.get_mut(at).filter(|_| hit) else { continue };
            if !std::mem::replace(&mut gathered.lost, true) {
                run.note(format!("table {}: {why}", table.name));
            }
        }
    }
}

pub(super) fn name_columns(rule: &InstanceRule) -> usize {
    match rule {
        InstanceRule::Columns(columns) => columns.len(),
        InstanceRule::Join { .. } | InstanceRule::Index { .. } => 0,
    }
}

//! Which requests a phase needs, each as large as the device's answers may be.

use schemas::Kind;

use super::ask::{Ask, Column, Cursor, Part, Scalar, Walk};
use super::culprits::Item;
use super::encode::{MAX_REQUEST_BYTES, name_octets};
use super::session::{Run, Session, name_columns};
use crate::profiles::{InstanceRule, Profile};

/// Max-repetitions never exceed this.
pub(crate) const MAX_REPETITIONS: usize = 255;
/// Rows assumed of a table that has not been read yet.
const FIRST_ROWS: usize = 24;
/// Octets of a message around its variables, community apart.
const ENVELOPE: usize = 48;
/// Variables of a GET.
const MAX_GET: usize = 24;
/// Columns side by side in a GETBULK.
const MAX_COLUMNS: usize = 16;

/// Octets that a value of this column takes in an answer, about.
fn value_octets(profile: &Profile, column: Column, index: usize) -> usize {
    let kind_octets = |kind| match kind {
        Kind::Counter64 => 7,
        Kind::Counter32 | Kind::Gauge | Kind::Discontinuity => 5,
        Kind::State => 2,
    };
    let table = profile.tables.get(usize::from(column.table));
    let value = match column.what {
        Part::Name(_) => 12,
        Part::Value(n) => {
            let metric = table.and_then(|it| it.metrics.get(usize::from(n)));
            metric.map_or(5, |it| kind_octets(it.source.kind))
        }
        Part::Fallback(_) => 5,
        Part::Fact(_) => 16,
    };
    name_octets(column.oid(profile).len() + index) + value
}

impl Session {
    /// GETs for these scalars, in requests of a bounded size; culprits alone and last.
    pub(super) fn plan_gets(&self, run: &mut Run, scalars: Vec<Scalar>) {
        let profile = self.profile.as_deref();
        let (alone, scalars): (Vec<Scalar>, Vec<Scalar>) =
            scalars.into_iter().partition(|it| self.culprits.is_alone(Item::Scalar(*it)));
        let mut group = Vec::new();
        let mut octets = 0;
        for scalar in scalars {
            // A text may take many octets of the answer.
            let value = if matches!(scalar, Scalar::Fact(_)) { 64 } else { 10 };
            let more = name_octets(scalar.oid(profile).len()) + value;
            let full = octets + more > self.answer_bytes.min(MAX_REQUEST_BYTES) - ENVELOPE.min(40);
            if !group.is_empty() && (full || group.len() == MAX_GET) {
                run.work.push_back(Ask::Get(std::mem::take(&mut group)));
                octets = 0;
            }
            octets += more;
            group.push(scalar);
        }
        if !group.is_empty() {
            run.work.push_back(Ask::Get(group));
        }
        run.work.extend(alone.into_iter().map(|it| Ask::Get(vec![it])));
    }

    /// All name columns of the tables whose names are not known to be current.
    pub(super) fn plan_names(&self, run: &mut Run) {
        let Some(profile) = &self.profile else { return };
        let mut columns = Vec::new();
        let tables = profile.tables.iter().zip(&self.tables).zip(&run.tables);
        for (at, ((table, state), gathered)) in tables.enumerate() {
            if !state.known && !gathered.lost {
                let count = name_columns(&table.instance) as u16;
                columns.extend((0..count).map(|n| column(at, Part::Name(n))));
            }
        }
        self.group(run, profile, columns);
    }

    /// All columns with values.
    pub(super) fn plan_data(&self, run: &mut Run) {
        let Some(profile) = &self.profile else { return };
        // Once after each change, rows without a name are looked for too.
        run.discovering = !self.discovered;
        let mut slow = Vec::new();
        for (at, (table, state)) in profile.tables.iter().zip(&self.tables).enumerate() {
            let named = matches!(table.instance, InstanceRule::Columns(_));
            let lost = run.tables.get(at).is_none_or(|it| it.lost);
            if lost || (named && state.rows.is_empty() && !run.discovering) {
                continue;
            }
            let mut columns = Vec::new();
            for (n, (first, fallback)) in state.asked.iter().enumerate() {
                if *first {
                    columns.push(column(at, Part::Value(n as u16)));
                }
                if *fallback {
                    columns.push(column(at, Part::Fallback(n as u16)));
                }
            }
            // Columns of like size side by side waste the least of an answer.
            columns.sort_by_key(|it| value_octets(profile, *it, 2));
            slow.extend(self.split_off_alone(&mut columns));
            self.group(run, profile, columns);
        }
        self.group(run, profile, slow);
    }

    /// Fallback columns of those metrics that lack values, and what to ask in the next cycle.
    pub(super) fn plan_fallbacks(&mut self, run: &mut Run) {
        let Some(profile) = self.profile.clone() else { return };
        let mut columns = Vec::new();
        let tables = profile.tables.iter().zip(&mut self.tables).zip(&run.tables);
        for (at, ((table, state), gathered)) in tables.enumerate() {
            let rows = state.rows.len();
            let named = matches!(table.instance, InstanceRule::Columns(_));
            if gathered.lost || (named && rows == 0 && !run.discovering) {
                continue;
            }
            if named && rows == 0 {
                // Rows may stand in these alone.
                let with = table.metrics.iter().enumerate().filter(|(_, it)| it.fallback.is_some());
                columns.extend(with.map(|(n, _)| column(at, Part::Fallback(n as u16))));
                continue;
            }
            let metrics = table.metrics.iter().zip(&mut state.asked).zip(&gathered.values);
            for (n, ((metric, asked), values)) in metrics.enumerate() {
                let (first, fallback) = *asked;
                let first_column = column(at, Part::Value(n as u16));
                let left = self.culprits.manner(Item::Column(first_column)).is_some();
                let unread = run.unread.contains(&first_column);
                if metric.fallback.is_none() || !first || unread {
                    continue;
                }
                let zero = metric.fallback_on_zero && (0..values.len()).any(|p| values.is_zero(p));
                let above = |most| values.gauges.iter().any(|value| *value > most);
                let doubtful = metric.fallback_above.is_some_and(above);
                let lacking = values.len() < rows || zero || doubtful;
                if lacking && !fallback {
                    columns.push(column(at, Part::Fallback(n as u16)));
                }
                *asked = (values.len() > 0 || left, lacking);
            }
        }
        self.group(run, &profile, columns);
    }

    /// The names that show whether rows moved, and sysUpTime.
    pub(super) fn plan_verify(&self, run: &mut Run) {
        let before = run.work.len();
        self.plan_needed_names(run, |run, at| run.tables.get(at).is_some_and(|it| !it.lost));
        let values = || run.tables.iter().any(|table| table.values.iter().any(|it| it.len() > 0));
        let alone = run.redone || self.no_lead;
        if run.work.len() == before || alone {
            if run.uptime.is_some() && (alone || values()) {
                run.work.push_back(Ask::Get(vec![Scalar::Uptime]));
            }
            return;
        }
        if let Some(Ask::Walk(walk)) = run.work.front_mut() {
            walk.uptime = true;
        }
    }

    /// The names of the tables of which texts were read.
    pub(super) fn plan_check(&self, run: &mut Run) {
        self.plan_needed_names(run, |run, at| {
            run.tables.get(at).is_some_and(|it| it.facts.iter().any(|texts| !texts.is_empty()))
        });
    }

    fn plan_needed_names(&self, run: &mut Run, wanted: impl Fn(&Run, usize) -> bool) {
        let Some(profile) = &self.profile else { return };
        let mut columns = Vec::new();
        for (at, (table, state)) in profile.tables.iter().zip(&self.tables).enumerate() {
            if wanted(run, at) && !state.rows.is_empty() {
                let count = name_columns(&table.instance).min(state.needed) as u16;
                columns.extend((0..count).map(|n| column(at, Part::Name(n))));
            }
        }
        self.group(run, profile, columns);
    }

    /// All texts.
    pub(super) fn plan_texts(&self, run: &mut Run) {
        let Some(profile) = &self.profile else { return };
        let mut scalars: Vec<Scalar> =
            (0..profile.facts.len()).map(|n| Scalar::Fact(n as u16)).collect();
        scalars.retain(|it| self.may_ask(Item::Scalar(*it)));
        self.plan_gets(run, scalars);
        let mut slow = Vec::new();
        for (at, (table, state)) in profile.tables.iter().zip(&self.tables).enumerate() {
            if run.tables.get(at).is_none_or(|it| it.lost) || state.rows.is_empty() {
                continue;
            }
            let with_oid = table.facts.iter().enumerate().filter(|(_, it)| it.oid.is_some());
            let mut columns: Vec<Column> =
                with_oid.map(|(n, _)| column(at, Part::Fact(n as u16))).collect();
            slow.extend(self.split_off_alone(&mut columns));
            self.group(run, profile, columns);
        }
        self.group(run, profile, slow);
    }

    /// Takes out those that are asked alone.
    fn split_off_alone(&self, columns: &mut Vec<Column>) -> Vec<Column> {
        if self.culprits.is_empty() {
            return Vec::new();
        }
        columns.extract_if(.., |it| self.culprits.is_alone(Item::Column(*it))).collect()
    }

    /// Puts columns side by side as long as a whole reading of them fits into an answer; leaves
    /// out what is left alone for now.
    fn group(&self, run: &mut Run, profile: &Profile, columns: Vec<Column>) {
        let mut cursors: Vec<Cursor> = Vec::new();
        let mut single = Vec::new();
        for column in columns {
            if !self.may_ask(Item::Column(column)) {
                continue;
            }
            if self.culprits.is_alone(Item::Column(column)) {
                single.push(Cursor::start(column));
                continue;
            }
            let Some(first) = cursors.first() else {
                cursors.push(Cursor::start(column));
                continue;
            };
            let same = first.column.table == column.table;
            cursors.push(Cursor::start(column));
            let fits = same
                && cursors.len() <= MAX_COLUMNS
                && self.octets_a_row(profile, &cursors)
                    * self.rows_left(run.discovering, profile, &cursors)
                    <= self.room();
            if fits {
                continue;
            }
            let last = cursors.pop();
            let full = std::mem::replace(&mut cursors, last.into_iter().collect());
            run.work.push_back(Ask::Walk(self.walk(run.discovering, profile, full)));
        }
        if !cursors.is_empty() {
            run.work.push_back(Ask::Walk(self.walk(run.discovering, profile, cursors)));
        }
        for cursor in single {
            run.work.push_back(Ask::Walk(self.walk(run.discovering, profile, vec![cursor])));
        }
    }

    /// A request for the rest of these columns.
    pub(super) fn walk(&self, discovering: bool, profile: &Profile, cursors: Vec<Cursor>) -> Walk {
        let next = self.is_next_only()
            || matches!(cursors.as_slice(),
                [one] if self.culprits.is_next(Item::Column(one.column)));
        let fit = self.room() / self.octets_a_row(profile, &cursors).max(1);
        let rows = self.rows_left(discovering, profile, &cursors);
        let repetitions = fit.min(rows).clamp(1, MAX_REPETITIONS) as u16;
        Walk { uptime: false, cursors, repetitions: if next { 1 } else { repetitions }, next }
    }

    fn room(&self) -> usize {
        self.answer_bytes.saturating_sub(ENVELOPE)
    }

    fn octets_a_row(&self, profile: &Profile, cursors: &[Cursor]) -> usize {
        let table = cursors.first().map_or(0, |it| usize::from(it.column.table));
        let last = self.tables.get(table).and_then(|it| it.rows.last());
        let index = last.map_or(2, |row| row.index.len());
        cursors.iter().map(|it| value_octets(profile, it.column, index)).sum()
    }

    /// Rows still to come; one more where the end of the column must be seen.
    fn rows_left(&self, discovering: bool, profile: &Profile, cursors: &[Cursor]) -> usize {
        let Some(first) = cursors.first() else { return 0 };
        let Some(state) = self.tables.get(usize::from(first.column.table)) else { return 1 };
        let rows = state.rows.len();
        let to_the_end = discovering || Self::to_the_end(profile, first.column);
        let left = cursors.iter().map(|it| rows.saturating_sub(it.seen)).max().unwrap_or(0);
        if rows == 0 && state.empty {
            1
        } else if rows == 0 || (left == 0 && to_the_end) {
            FIRST_ROWS
        } else {
            left + usize::from(to_the_end)
        }
    }

    /// Whether a column is read until it ends, not only until the last known row.
    fn to_the_end(profile: &Profile, column: Column) -> bool {
        let table = profile.tables.get(usize::from(column.table));
        matches!(column.what, Part::Name(_))
            || table.is_some_and(|it| !matches!(it.instance, InstanceRule::Columns(_)))
    }

    /// Answers are too large for the device or the path.
    pub(super) fn halve(&mut self) -> bool {
        self.shrunk_at = self.begun_at;
        let less = (self.answer_bytes / 2).max(super::session::FLOOR_BYTES);
        std::mem::replace(&mut self.answer_bytes, less) > less
    }
}

const fn column(table: usize, what: Part) -> Column {
    Column { table: table as u16, what }
}

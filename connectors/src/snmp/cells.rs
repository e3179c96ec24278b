//! Takes single cells in: whose they are, and what they say.

use schemas::Kind;

use super::ask::{Cursor, Part};
use super::ber::{Value, VarBind};
use super::names::{Collected, Row, derived_name, find_row};
use super::session::{MAX_TABLE_ROWS, Run, Session, TOO_MANY};
use super::values::fact_text;
use crate::profiles::{InstanceRule, Profile, Table};

/// What a variable does to the column it stands in.
#[derive(PartialEq, Eq)]
pub(super) enum Step {
    On,
    Done,
}

impl Session {
    #[inline]
    pub(super) fn take_value(
        &mut self,
        run: &mut Run,
        profile: &Profile,
        cursor: &mut Cursor,
        index: &[u8],
        bind: &VarBind<'_>,
        at_ms: i32,
    ) -> Step {
        let at = usize::from(cursor.column.table);
        if let Part::Name(n) = cursor.column.what {
            let names = run.tables.get_mut(at).and_then(|it| it.names.get_mut(usize::from(n)));
            if let Some(names) = names {
                push_name(names, index, &bind.value);
            }
            return Step::On;
        }
        let (Some(table), Some(state)) = (profile.tables.get(at), self.tables.get(at)) else {
            return Step::Done;
        };
        let named = matches!(table.instance, InstanceRule::Columns(_));
        let row = match find_row(&state.rows, cursor.row, index) {
            Ok(row) => row,
            Err(place)
                if named && !(run.discovering && is_row(cursor.column.what, table, bind)) =>
            {
                // Not among the names: verifying them will show whether rows moved.
                cursor.row = place;
                return if place >= state.rows.len() && !run.discovering {
                    Step::Done
                } else {
                    Step::On
                };
            }
            Err(_) if state.rows.len() >= MAX_TABLE_ROWS => {
                run.remark(format!("table {}: {TOO_MANY}", table.name));
                return Step::On;
            }
            Err(place) => self.add_row(profile, at, index, place),
        };
        cursor.row = row + 1;
        let Some(state) = self.tables.get(at) else { return Step::Done };
        let Some(instance) = state.rows.get(row).map(|it| it.instance) else { return Step::On };
        let rows = state.rows.len();
        let Some(gathered) = run.tables.get_mut(at) else { return Step::Done };
        match cursor.column.what {
            Part::Name(_) => {}
            Part::Value(n) => {
                let n = usize::from(n);
                if let (Some(metric), Some(values)) =
                    (table.metrics.get(n), gathered.values.get_mut(n))
                {
                    values.push(&metric.source, instance, at_ms, &bind.value);
                }
            }
            Part::Fallback(n) => {
                let n = usize::from(n);
                let source = table.metrics.get(n).and_then(|it| it.fallback.as_ref());
                if let (Some(source), Some(values)) = (source, gathered.fallback.get_mut(n)) {
                    values.push(source, instance, at_ms, &bind.value);
                }
            }
            Part::Fact(n) => {
                let n = usize::from(n);
                let row = table.facts.get(n);
                if let (Some(row), Some(texts)) = (row, gathered.facts.get_mut(n))
                    && let Some(text) = fact_text(&bind.value, row.form, profile.code_page)
                {
                    texts.push((instance, text));
                }
            }
        }
        if named && cursor.row == rows && !run.discovering { Step::Done } else { Step::On }
    }

    /// A row without a name of its own is seen for the first time.
    fn add_row(&mut self, profile: &Profile, at: usize, index: &[u8], place: usize) -> usize {
        let Some(rule) = profile.tables.get(at).map(|it| &it.instance) else { return place };
        let joined = match rule {
            InstanceRule::Join { table, .. } => {
                self.tables.get(*table).map_or(&[][..], |it| it.rows.as_slice())
            }
            InstanceRule::Columns(_) | InstanceRule::Index { .. } => &[],
        };
        let mut name = derived_name(rule, index, joined, &self.instances);
        let named = matches!(rule, InstanceRule::Columns(_));
        let own = self.tables.get(at).map_or(&[][..], |it| it.rows.as_slice());
        // Another row is called so: of any table, or of this one where names are another's.
        let is_taken = |name: &str| match self.instances.find(name) {
            Some(other) => named || own.iter().any(|row| row.instance == other),
            None => false,
        };
        while is_taken(&name) {
            name.push('\'');
        }
        let instance = self.instances.position(&name);
        if let Some(state) = self.tables.get_mut(at) {
            state.rows.insert(place.min(state.rows.len()), Row { index: index.into(), instance });
        }
        place
    }
}

/// Whether a value says that there is none.
pub(super) const fn is_nothing(value: &Value<'_>) -> bool {
    matches!(value, Value::Null | Value::NoSuchObject | Value::NoSuchInstance)
}

/// A cell of a name: what is no text leaves the row to the next column.
fn push_name(names: &mut Collected, index: &[u8], value: &Value<'_>) {
    match *value {
        Value::Octets(name) => names.push(index, name),
        Value::Integer(number) => names.push(index, number.to_string().as_bytes()),
        Value::Counter32(_)
        | Value::Gauge(_)
        | Value::Ticks(_)
        | Value::Counter64(_)
        | Value::Oid(_)
        | Value::IpAddress(_)
        | Value::Opaque(_)
        | Value::Null
        | Value::NoSuchObject
        | Value::NoSuchInstance
        | Value::EndOfMibView => names.push(index, &[]),
    }
}

/// Whether a cell of this column makes a row of its own: a discontinuity alone is no port.
fn is_row(what: Part, table: &Table, bind: &VarBind<'_>) -> bool {
    match what {
        Part::Value(n) => {
            let metric = table.metrics.get(usize::from(n));
            metric.is_some_and(|it| it.source.kind != Kind::Discontinuity)
                && !is_nothing(&bind.value)
        }
        Part::Fallback(_) => !is_nothing(&bind.value),
        Part::Name(_) | Part::Fact(_) => false,
    }
}

//! Takes answers in.

use std::cmp::Ordering;

use schemas::Outcome;

use super::ask::{Ask, Column, Cursor, Part, Scalar, UPTIME, Walk};
use super::ber::{Response, Value, VarBind};
use super::cells::{Step, is_nothing};
use super::culprits::Item;
use super::oid::{MAX_ARCS, Oid, oid_text, order};
use super::session::{Bulk, Failure, LEAST_BYTES, MAX_TABLE_ROWS, Phase, Run, Session, TOO_MANY};
use super::values::fact_text;
use crate::profiles::Profile;

/// An answer that is not one to the question: what is wrong. The question stays open.
pub(crate) type Wrong = String;

impl Session {
    /// Takes an answer of `octets` that arrived `at_ms` after the poll's start. If it does not
    /// belong to the question, the question comes back with the reason; else how many variables
    /// it had.
    pub(crate) fn answer(
        &mut self,
        ask: Ask,
        response: &Response<'_>,
        octets: usize,
        at_ms: i32,
    ) -> Result<usize, (Ask, Wrong)> {
        let Some(mut run) = self.run.take() else { return Ok(0) };
        let binds: Result<Vec<VarBind<'_>>, _> = response.variables().collect();
        let count = binds.as_ref().map_or(0, Vec::len);
        let result = match binds {
            Err(error) => Err((ask, error.to_string())),
            Ok(_) if response.error_status != 0 => {
                self.refused(&mut run, ask, response);
                Ok(())
            }
            Ok(binds) => match ask {
                Ask::Get(scalars) => self.take_scalars(&mut run, scalars, &binds, at_ms),
                Ask::Walk(walk) => self.take_walk(&mut run, walk, &binds, octets, at_ms),
            },
        };
        if result.is_ok() {
            self.advance(&mut run);
        }
        self.run = Some(run);
        result.map(|()| count)
    }

    fn take_scalars(
        &mut self,
        run: &mut Run,
        scalars: Vec<Scalar>,
        binds: &[VarBind<'_>],
        at_ms: i32,
    ) -> Result<(), (Ask, Wrong)> {
        let profile = self.profile.clone();
        let profile = profile.as_deref();
        let mut taken = Vec::with_capacity(scalars.len());
        let mut rest = Vec::new();
        for (position, scalar) in scalars.iter().enumerate() {
            let oid = scalar.oid(profile);
            let expected = binds.get(position).filter(|bind| bind.oid == oid);
            match expected.or_else(|| binds.iter().find(|bind| bind.oid == oid)) {
                Some(bind) => taken.push((*scalar, bind)),
                None => rest.push(*scalar),
            }
        }
        if taken.is_empty() {
            let text = format!(
                "a GET of {} variables was answered with {} other ones",
                scalars.len(),
                binds.len()
            );
            return Err((Ask::Get(scalars), text));
        }
        run.answered();
        if !rest.is_empty() {
            // A short answer: what it leaves out is asked again.
            run.work.push_back(Ask::Get(rest));
        }
        for (scalar, bind) in taken {
            self.take_scalar(run, profile, scalar, bind, at_ms);
            if !self.culprits.is_empty() {
                self.acquit(Item::Scalar(scalar), false, true);
            }
        }
        Ok(())
    }

    fn take_scalar(
        &self,
        run: &mut Run,
        profile: Option<&Profile>,
        scalar: Scalar,
        bind: &VarBind<'_>,
        at_ms: i32,
    ) {
        match scalar {
            Scalar::Uptime if run.uptime.is_none() => run.uptime = bind.value.count(),
            Scalar::Uptime => run.tail_uptime = bind.value.count(),
            Scalar::ObjectId => {
                if let Value::Oid(oid) = bind.value {
                    run.object_id = Some(Oid::from_bytes(oid));
                }
            }
            Scalar::Guard { .. } => {
                let value = bind.value.count().unwrap_or(u64::MAX);
                run.guards.push(bind.oid, &value.to_be_bytes());
            }
            Scalar::Metric(n) => {
                let n = usize::from(n);
                let metric = profile.and_then(|it| it.metrics.get(n));
                if let (Some(metric), Some(values)) = (metric, run.scalars.get_mut(n)) {
                    values.push(&metric.source, 0, at_ms, &bind.value);
                }
            }
            Scalar::Fact(n) => {
                let n = usize::from(n);
                let Some(profile) = profile else { return };
                let row = profile.facts.get(n);
                if let (Some(row), Some(text)) = (row, run.scalar_facts.get_mut(n)) {
                    *text = fact_text(&bind.value, row.form, profile.code_page);
                }
            }
        }
    }

    fn take_walk(
        &mut self,
        run: &mut Run,
        mut walk: Walk,
        binds: &[VarBind<'_>],
        octets: usize,
        at_ms: i32,
    ) -> Result<(), (Ask, Wrong)> {
        let Some(profile) = self.profile.clone() else { return Ok(()) };
        run.answered();
        self.note_bulk(&walk);
        let lead = usize::from(walk.uptime);
        if let Some(first) = binds.first().filter(|it| walk.uptime && it.oid == UPTIME) {
            run.tail_uptime = first.value.count();
        }
        let Some(binds) = binds.get(lead..).filter(|it| !it.is_empty()) else {
            if binds.is_empty() {
                self.empty(run, walk);
            } else {
                run.work.push_front(Ask::Walk(Walk { uptime: false, ..walk }));
            }
            return Ok(());
        };
        let count = walk.cursors.len();
        let mut rest: Vec<Cursor> = Vec::new();
        for (position, cursor) in walk.cursors.drain(..).enumerate() {
            let (column, holes) = (cursor.column, cursor.holes);
            // A short answer has nothing for the last columns (RFC 3416, 4.2.3).
            let own = binds.get(position..).unwrap_or_default().iter().step_by(count.max(1));
            match self.take_column(run, &profile, cursor, own, at_ms) {
                Ok(None) => {
                    if !self.culprits.is_empty() {
                        let by_next = walk.next && !self.is_next_only();
                        self.acquit(Item::Column(column), by_next, holes == 0);
                    }
                }
                Ok(Some(cursor)) => rest.push(cursor),
                Err(why) => self.broken(run, column, &why),
            }
        }
        // A short answer shows what the agent can put into one.
        let asked = count * usize::from(walk.repetitions);
        let short = binds.len() < asked && octets < self.answer_bytes * 3 / 4;
        if !rest.is_empty() && short && !walk.next {
            self.shrunk_at = self.begun_at;
            self.answer_bytes =
                octets.max(self.answer_bytes / 2).max(LEAST_BYTES.min(self.answer_bytes));
        }
        if !rest.is_empty() && run.hurried && run.phase == Phase::Data {
            rest.iter().for_each(|it| self.lose_column(run, it.column, "no time left"));
        } else if !rest.is_empty() {
            let on = self.walk(run.discovering, &profile, rest);
            let next = on.next || (walk.next && count == 1 && holes_end(&on));
            let repetitions = if next { 1 } else { on.repetitions };
            run.work.push_front(Ask::Walk(Walk { next, repetitions, ..on }));
        }
        Ok(())
    }

    /// A walk was answered: so the agent knows GETBULK, or GETNEXT alone.
    fn note_bulk(&mut self, walk: &Walk) {
        if !walk.next {
            self.bulk = Bulk::Works;
        } else if self.bulk != Bulk::Works && !self.is_next_only() {
            self.bulk = Bulk::Fails(self.begun_at);
        }
    }

    /// A column cannot be read on: what was read of it stays.
    fn broken(&self, run: &mut Run, column: Column, why: &str) {
        let name = Item::Column(column).name(self.profile.as_deref());
        run.note(format!("{name}: {why}"));
        if let Part::Value(_) = column.what {
            run.unread.push(column);
        }
    }

    /// Takes one column's variables. Gives the cursor back if the column goes on.
    fn take_column<'a, 'b: 'a>(
        &mut self,
        run: &mut Run,
        profile: &Profile,
        mut cursor: Cursor,
        binds: impl Iterator<Item = &'a VarBind<'b>>,
        at_ms: i32,
    ) -> Result<Option<Cursor>, String> {
        let oid = cursor.column.oid(profile);
        let mut last: Option<&[u8]> = None;
        for bind in binds {
            let index = match bind.oid.strip_prefix(oid) {
                Some(index) if !index.is_empty() => index,
                Some(_) | None => return Ok(None),
            };
            if bind.value == Value::EndOfMibView {
                return Ok(None);
            }
            if index.len() > MAX_ARCS * 5 {
                return Err("an index of over 128 numbers".into());
            }
            let before = last.unwrap_or(&cursor.after);
            if !before.is_empty() && order(before, index) != Ordering::Less {
                if is_nothing(&bind.value) {
                    // The question as it came: some agents end so.
                    return Ok(None);
                }
                return Err(format!(
                    "the walk does not end: {} came after index {}",
                    oid_text(bind.oid),
                    super::oid::index_text(before)
                ));
            }
            if cursor.seen >= MAX_TABLE_ROWS {
                return Err(TOO_MANY.to_owned());
            }
            last = Some(index);
            cursor.seen += 1;
            if self.take_value(run, profile, &mut cursor, index, bind, at_ms) == Step::Done {
                return Ok(None);
            }
        }
        // Nothing for this column in a short answer: it is asked again from where it stands.
        if let Some(last) = last {
            cursor.after = last.to_vec();
            cursor.skipped = 0;
        }
        Ok(Some(cursor))
    }

    /// What to send in place of a request that was not answered for the `tries`th time: a
    /// smaller one from the second time on, in case large answers get lost.
    pub(crate) fn smaller(&mut self, ask: &Ask, tries: u32) -> Option<Ask> {
        let Ask::Walk(walk) = ask else { return None };
        if tries < 2 || walk.next || walk.repetitions == 1 || !self.halve() {
            return None;
        }
        let profile = self.profile.clone()?;
        let discovering = self.run.as_ref().is_some_and(|run| run.discovering);
        let smaller = self.walk(discovering, &profile, walk.cursors.clone());
        Some(Ask::Walk(Walk { uptime: walk.uptime, next: walk.next, ..smaller }))
    }

    /// Notes that the device sent something that is no answer.
    pub(crate) fn malformed(&mut self, text: &str) {
        if let Some(run) = &mut self.run {
            run.failure = Some(Failure {
                outcome: Outcome::Malformed,
                text: format!("malformed answer: {text}"),
            });
        }
    }
}

/// Whether GETNEXT goes on: nothing was passed over, so it is GETBULK that was refused.
fn holes_end(walk: &Walk) -> bool {
    walk.cursors.iter().all(|cursor| cursor.holes == 0)
}

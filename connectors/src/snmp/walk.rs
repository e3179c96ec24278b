//! Takes answers in.

use std::cmp::Ordering;

use schemas::Outcome;

use super::ask::{Ask, Cursor, Part, Scalar, Walk};
use super::ber::{Response, Value, VarBind};
use super::names::{Row, derived_name, find_row};
use super::oid::{MAX_ARCS, Oid, oid_text, order};
use super::session::{Failure, LEAST_BYTES, MAX_TABLE_ROWS, Phase, Run, Session, note};
use super::values::fact_text;
use crate::profiles::{InstanceRule, Profile};

/// Values of error-status (RFC 3416, 3).
const TOO_BIG: i64 = 1;
const NO_SUCH_NAME: i64 = 2;

/// An answer that is not one to the question: what is wrong. The question stays open.
pub(crate) type Wrong = String;

/// What a variable does to the column it stands in.
enum Step {
    On,
    Done,
    Broken(String),
}

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

    /// The agent answered with an error.
    fn refused(&mut self, run: &mut Run, ask: Ask, response: &Response<'_>) {
        Self::heard(run);
        let status = response.error_status;
        let index = usize::try_from(response.error_index).unwrap_or(0);
        let why = error_text(status);
        match ask {
            Ask::Get(mut scalars) => {
                if status == TOO_BIG && scalars.len() > 1 {
                    let rest = scalars.split_off(scalars.len() / 2);
                    run.work.extend([Ask::Get(scalars), Ask::Get(rest)]);
                } else if scalars.len() > 1 && (1..=scalars.len()).contains(&index) {
                    let bad = scalars.remove(index - 1);
                    note_scalar(self, run, bad, status, &why);
                    run.work.push_back(Ask::Get(scalars));
                } else if scalars.len() > 1 {
                    run.work.extend(scalars.into_iter().map(|it| Ask::Get(vec![it])));
                } else if let Some(bad) = scalars.pop() {
                    note_scalar(self, run, bad, status, &why);
                }
            }
            Ask::Walk(mut walk) => {
                let Some(profile) = self.profile.clone() else { return };
                if status == TOO_BIG {
                    if self.halve() || walk.repetitions > 1 {
                        run.work.push_back(Ask::Walk(Walk {
                            uptime: walk.uptime,
                            ..self.walk(&profile, walk.cursors)
                        }));
                    } else if walk.cursors.len() > 1 {
                        let rest = walk.cursors.split_off(walk.cursors.len() / 2);
                        run.work.push_back(Ask::Walk(self.walk(&profile, rest)));
                        run.work.push_back(Ask::Walk(walk));
                    } else {
                        self.lose_ask(run, &Ask::Walk(walk), &why);
                    }
                    return;
                }
                let index = index.saturating_sub(usize::from(walk.uptime));
                if (1..=walk.cursors.len()).contains(&index) && walk.cursors.len() > 1 {
                    let bad = walk.cursors.remove(index - 1);
                    if status != NO_SUCH_NAME {
                        self.lose_column(run, bad.column, &why);
                    }
                    run.work.push_back(Ask::Walk(walk));
                } else if status != NO_SUCH_NAME {
                    self.lose_ask(run, &Ask::Walk(walk), &why);
                }
            }
        }
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
        let same = |(scalar, bind): (&Scalar, &VarBind<'_>)| scalar.oid(profile) == bind.oid;
        if scalars.len() != binds.len() || !scalars.iter().zip(binds).all(same) {
            let text = format!(
                "a GET of {} variables was answered with {} or other ones",
                scalars.len(),
                binds.len()
            );
            return Err((Ask::Get(scalars), text));
        }
        Self::heard(run);
        for (scalar, bind) in scalars.iter().zip(binds) {
            match *scalar {
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
                    let Some(profile) = profile else { continue };
                    let source = &profile.metrics[usize::from(n)].source;
                    run.scalars[usize::from(n)].push(source, 0, at_ms, &bind.value);
                }
                Scalar::Fact(n) => {
                    let Some(profile) = profile else { continue };
                    let form = profile.facts[usize::from(n)].form;
                    run.scalar_facts[usize::from(n)] = fact_text(&bind.value, form);
                }
            }
        }
        Ok(())
    }

    fn take_walk(
        &mut self,
        run: &mut Run,
        mut walk: Walk,
        binds: &[VarBind<'_>],
        octets: usize,
        at_ms: i32,
    ) -> Result<(), (Ask, Wrong)> {
        let lead = usize::from(walk.uptime);
        if binds.len() <= lead {
            let text = format!("a GETBULK was answered with {} variables", binds.len());
            return Err((Ask::Walk(walk), text));
        }
        let Some(profile) = self.profile.clone() else { return Ok(()) };
        Self::heard(run);
        if walk.uptime {
            run.tail_uptime = binds[0].value.count();
        }
        let binds = &binds[lead..];
        let count = walk.cursors.len();
        let mut rest: Vec<Cursor> = Vec::new();
        for (position, cursor) in walk.cursors.drain(..).enumerate() {
            let column = cursor.column;
            match self.take_column(
                run,
                &profile,
                cursor,
                binds[position..].iter().step_by(count),
                at_ms,
            ) {
                Ok(None) => {}
                Ok(Some(cursor)) => rest.push(cursor),
                Err(why) => self.lose_column(run, column, &why),
            }
        }
        // A short answer tells what the agent can put into one.
        let asked = count * usize::from(walk.repetitions);
        if !rest.is_empty() && binds.len() < asked && octets < self.answer_bytes * 3 / 4 {
            self.shrunk_at = self.begun_at;
            self.answer_bytes =
                octets.max(self.answer_bytes / 2).max(LEAST_BYTES.min(self.answer_bytes));
        }
        if !rest.is_empty() && run.hurried && run.phase == Phase::Data {
            rest.iter().for_each(|it| self.lose_column(run, it.column, "no time left"));
        } else if !rest.is_empty() {
            run.work.push_front(Ask::Walk(self.walk(&profile, rest)));
        }
        Ok(())
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
                return Err(format!(
                    "the walk does not end: {} came after index {}",
                    oid_text(bind.oid),
                    super::oid::index_text(before)
                ));
            }
            last = Some(index);
            cursor.seen += 1;
            if cursor.seen > MAX_TABLE_ROWS {
                return Err(format!("over {MAX_TABLE_ROWS} rows; taken for endless"));
            }
            match self.take_value(run, profile, &mut cursor, index, bind, at_ms) {
                Step::On => {}
                Step::Done => return Ok(None),
                Step::Broken(why) => return Err(why),
            }
        }
        // Nothing for this column in a short answer: it is asked again from where it stands.
        if let Some(last) = last {
            cursor.after = last.to_vec();
        }
        Ok(Some(cursor))
    }

    #[inline]
    fn take_value(
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
            let Value::Octets(name) = bind.value else {
                return Step::Broken("a name that is no text".into());
            };
            run.tables[at].names[usize::from(n)].push(index, name);
            return Step::On;
        }
        let table = &profile.tables[at];
        let named = matches!(table.instance, InstanceRule::Columns(_));
        let row = match find_row(&self.tables[at].rows, cursor.row, index) {
            Ok(row) => row,
            Err(place) if named => {
                // Not among the names: verifying them will tell whether rows moved.
                cursor.row = place;
                return if place >= self.tables[at].rows.len() { Step::Done } else { Step::On };
            }
            Err(place) => self.add_row(profile, at, index, place),
        };
        cursor.row = row + 1;
        let instance = self.tables[at].rows[row].instance;
        let gathered = &mut run.tables[at];
        match cursor.column.what {
            Part::Name(_) => {}
            Part::Value(n) => {
                let n = usize::from(n);
                gathered.values[n].push(&table.metrics[n].source, instance, at_ms, &bind.value);
            }
            Part::Fallback(n) => {
                let n = usize::from(n);
                if let Some(source) = &table.metrics[n].fallback {
                    gathered.fallback[n].push(source, instance, at_ms, &bind.value);
                }
            }
            Part::Fact(n) => {
                let n = usize::from(n);
                if let Some(text) = fact_text(&bind.value, table.facts[n].form) {
                    gathered.facts[n].push((instance, text));
                }
            }
        }
        if named && cursor.row == self.tables[at].rows.len() { Step::Done } else { Step::On }
    }

    /// A row of a table without names of its own is seen for the first time.
    fn add_row(&mut self, profile: &Profile, at: usize, index: &[u8], place: usize) -> usize {
        let rule = &profile.tables[at].instance;
        let joined = match rule {
            InstanceRule::Join { table, .. } => self.tables[*table].rows.as_slice(),
            InstanceRule::Columns(_) | InstanceRule::Index { .. } => &[],
        };
        let name = derived_name(rule, index, joined, &self.instances);
        let instance = self.instances.position(&name);
        self.tables[at].rows.insert(place, Row { index: index.into(), instance });
        place
    }

    /// What to send in place of a request that was not answered for the `tries`th time: a
    /// smaller one from the second time on, in case large answers get lost.
    pub(crate) fn smaller(&mut self, ask: &Ask, tries: u32) -> Option<Ask> {
        let Ask::Walk(walk) = ask else { return None };
        if tries < 2 || walk.repetitions == 1 || !self.halve() {
            return None;
        }
        let profile = self.profile.clone()?;
        let smaller = self.walk(&profile, walk.cursors.clone());
        Some(Ask::Walk(Walk { uptime: walk.uptime, ..smaller }))
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

fn note_scalar(session: &Session, run: &mut Run, scalar: Scalar, status: i64, why: &str) {
    if status != NO_SUCH_NAME && !matches!(scalar, Scalar::Fact(_) | Scalar::Guard { .. }) {
        note(run, format!("{}: {why}", scalar.name(session.profile.as_deref())));
    }
}

/// error-status in words (RFC 3416, 3).
pub(crate) fn error_text(status: i64) -> String {
    let name = match status {
        1 => "tooBig",
        2 => "noSuchName",
        5 => "genErr",
        6 => "noAccess (allow the whole tree in the device's SNMP view)",
        13 => "resourceUnavailable",
        16 => "authorizationError (allow the community in the device's SNMP view)",
        _ => return format!("the agent answered with error-status {status}"),
    };
    format!("the agent answered with {name}")
}

//! Questions that are refused or not answered: split until the culprit is alone.

use super::ask::{Ask, Cursor, Part, Scalar, Walk};
use super::ber::Response;
use super::culprits::{Item, MAX_NEXT, Manner, RETRY_MS};
use super::oid::{Arcs, order, push_arc};
use super::session::{Bulk, Failure, LEAST_BYTES, Phase, Run, Session};

/// Values of error-status (RFC 3416, 3).
const TOO_BIG: i64 = 1;
const NO_SUCH_NAME: i64 = 2;
/// Cells in a row that are passed over before the column is left alone.
const MAX_SKIPPED: u8 = 4;
/// A second time-out in a row ends what a phase still wants.
const MAX_TIMEOUTS_IN_ROW: u32 = 2;
/// Said of an answer without any variable.
const NOTHING: &str = "the agent answered without a variable";

impl Session {
    /// The agent answered with an error.
    pub(super) fn refused(&mut self, run: &mut Run, ask: Ask, response: &Response<'_>) {
        run.answered();
        let status = response.error_status;
        let index = usize::try_from(response.error_index).unwrap_or(0);
        match ask {
            Ask::Get(scalars) => self.refused_get(run, scalars, status, index),
            Ask::Walk(walk) if status == TOO_BIG => self.too_big(run, walk),
            Ask::Walk(walk) => self.refused_walk(run, walk, &error_text(status), status, index),
        }
    }

    /// The agent answered a walk with no variable at all.
    pub(super) fn empty(&mut self, run: &mut Run, walk: Walk) {
        self.refused_walk(run, walk, NOTHING, 0, 0);
    }

    fn refused_get(&mut self, run: &mut Run, scalars: Vec<Scalar>, status: i64, index: usize) {
        let place = index.checked_sub(1).filter(|at| status != TOO_BIG && *at < scalars.len());
        match split(scalars, place) {
            Split::Parts(parts) => run.work.extend(parts.into_iter().rev().map(Ask::Get)),
            // Like noSuchObject, as version 1 says it.
            Split::Alone(_) if status == NO_SUCH_NAME => {}
            Split::Alone(scalar) => self.leave(run, Item::Scalar(scalar), &error_text(status)),
            Split::Nothing => {}
        }
    }

    fn refused_walk(
        &mut self,
        run: &mut Run,
        mut walk: Walk,
        why: &str,
        status: i64,
        index: usize,
    ) {
        let lead = usize::from(std::mem::take(&mut walk.uptime));
        if lead > 0 && (index <= 1 || walk.cursors.len() == 1) {
            // sysUpTime may be what it does not like; it is asked for itself then.
            run.work.push_back(Ask::Walk(walk));
            run.work.push_back(Ask::Get(vec![Scalar::Uptime]));
            return;
        }
        let index = index.saturating_sub(lead);
        let index = if self.drop_read(&mut walk) { 0 } else { index };
        if walk.cursors.len() > 1 {
            let place = index.checked_sub(1).filter(|at| *at < walk.cursors.len());
            let Walk { cursors, repetitions, next, .. } = walk;
            if let Split::Parts(parts) = split(cursors, place) {
                // Read on by themselves, so that the next poll need not split again.
                let parts = parts.into_iter().rev();
                run.work.extend(
                    parts.map(|cursors| {
                        Ask::Walk(Walk { uptime: false, cursors, repetitions, next })
                    }),
                );
            }
            return;
        }
        let Some(cursor) = walk.cursors.first() else { return };
        let item = Item::Column(cursor.column);
        if status == NO_SUCH_NAME
            && walk.repetitions == 1
            && (!cursor.after.is_empty() || walk.next)
        {
            // The end of what it holds, as version 1 says it.
            if cursor.after.is_empty() {
                self.leave(run, item, why);
            }
            return;
        }
        if !self.culprits.is_alone(item) {
            self.culprits.set(item, Manner::Alone, why, self.begun_at);
        }
        if walk.repetitions > 1 {
            walk.repetitions /= 2;
            run.work.push_front(Ask::Walk(walk));
        } else if !walk.next {
            walk.next = true;
            run.work.push_front(Ask::Walk(walk));
        } else {
            self.skip_cell(run, walk, why);
        }
    }

    /// One cell of a column is refused, however it is asked: the walk goes on behind it.
    fn skip_cell(&mut self, run: &mut Run, mut walk: Walk, why: &str) {
        let Some(cursor) = walk.cursors.first_mut() else { return };
        let column = cursor.column;
        let rows = self.tables.get(usize::from(column.table)).map_or(&[][..], |it| &it.rows);
        let at = rows.partition_point(|row| order(&row.index, &cursor.after).is_le());
        // Which cell that is, the rows known say; else it is taken for the next number.
        let bad = rows.get(at).map(|row| row.index.to_vec()).or_else(|| following(&cursor.after));
        match bad.filter(|_| cursor.skipped < MAX_SKIPPED) {
            Some(index) => {
                cursor.after = index;
                cursor.skipped += 1;
                cursor.holes = cursor.holes.saturating_add(1);
                run.work.push_front(Ask::Walk(walk));
            }
            None if cursor.seen > 0 => {
                let name = Item::Column(column).name(self.profile.as_deref());
                run.remark(format!("{name}: after {} rows {why}", cursor.seen));
            }
            None => self.leave(run, Item::Column(column), why),
        }
    }

    /// It is refused alone: not asked for a while, and said.
    pub(super) fn leave(&mut self, run: &mut Run, item: Item, why: &str) {
        self.culprits.set(item, Manner::Left, why, self.begun_at);
        let text = format!("{}: {why}", item.name(self.profile.as_deref()));
        match item {
            Item::Scalar(Scalar::Metric(_)) => run.note(text),
            Item::Column(column) if matches!(column.what, Part::Value(_)) => run.note(text),
            Item::Scalar(_) | Item::Column(_) => run.remark(text),
        }
    }

    fn too_big(&mut self, run: &mut Run, mut walk: Walk) {
        let Some(profile) = self.profile.clone() else { return };
        self.drop_read(&mut walk);
        if walk.cursors.is_empty() {
            return;
        }
        if self.halve() || walk.repetitions > 1 {
            let smaller = self.walk(run.discovering, &profile, walk.cursors);
            let (uptime, next) = (walk.uptime, walk.next);
            run.work.push_back(Ask::Walk(Walk { uptime, next, ..smaller }));
        } else if walk.cursors.len() > 1 {
            let rest = walk.cursors.split_off(walk.cursors.len() / 2);
            run.work.push_back(Ask::Walk(self.walk(run.discovering, &profile, rest)));
            run.work.push_back(Ask::Walk(walk));
        } else {
            // One value of it is too much, or it is no question of size: the others need not be
            // read in small pieces for it.
            self.answer_bytes = run.bytes_before.max(LEAST_BYTES.min(self.answer_bytes));
            self.refused_walk(run, walk, &error_text(TOO_BIG), TOO_BIG, 0);
        }
    }

    /// Drops the columns whose known rows were all read: what is refused is what comes after them.
    /// Whether there were any.
    fn drop_read(&self, walk: &mut Walk) -> bool {
        let before = walk.cursors.len();
        walk.cursors.retain(|cursor| {
            let state = self.tables.get(usize::from(cursor.column.table));
            let rows = state.map_or(0, |state| state.rows.len());
            let named = state.is_some_and(|state| !state.names.is_empty());
            let is_name = matches!(cursor.column.what, Part::Name(_));
            !named || is_name || rows == 0 || cursor.row < rows
        });
        walk.cursors.len() < before
    }

    /// A request is given up: nothing was answered, or the network said why.
    pub(crate) fn fail(&mut self, ask: Ask, failure: Failure) {
        let Some(mut run) = self.run.take() else { return };
        run.over();
        run.timeouts_in_row += 1;
        let ends = !run.answered || failure.outcome == schemas::Outcome::Unreachable;
        if run.failure.as_ref().is_none_or(|it| it.outcome != schemas::Outcome::Malformed) {
            run.failure = Some(failure.clone());
        }
        if ends {
            self.doubted = true;
            self.lose_ask(&mut run, &ask, &failure.text);
            self.cut(&mut run, &failure.text);
        } else {
            run.patient = true;
            self.ask_otherwise(&mut run, ask, &failure.text);
        }
        self.advance(&mut run);
        self.run = Some(run);
    }

    /// The device answers, but not this: is it the way of asking, or something in the question?
    fn ask_otherwise(&mut self, run: &mut Run, ask: Ask, why: &str) {
        let stop = run.timeouts_in_row >= MAX_TIMEOUTS_IN_ROW;
        let mut ask = ask;
        if let Ask::Walk(walk) = &mut ask {
            self.drop_read(walk);
        }
        if let Some(next) = self.as_getnext(&ask).filter(|_| !stop) {
            run.work.push_front(next);
        } else if ask.only().is_some() {
            self.suspect_one(run, &ask, why, stop);
        } else {
            self.suspect_all(run, ask, why, stop);
        }
        if stop {
            self.stop(run, why);
        } else {
            // What the agent has still to work off must not be taken for its next answer's time.
            run.work.push_front(Ask::Get(vec![Scalar::Uptime]));
        }
    }

    /// The same by GETNEXT, where GETBULK may be what is not answered.
    fn as_getnext(&self, ask: &Ask) -> Option<Ask> {
        match ask {
            Ask::Walk(walk)
                if !walk.next && (self.bulk != Bulk::Works || walk.cursors.len() == 1) =>
            {
                let walk = walk.clone();
                Some(Ask::Walk(Walk { next: true, repetitions: 1, ..walk }))
            }
            Ask::Walk(_) | Ask::Get(_) => None,
        }
    }

    /// A question of several things was not answered: one by one, it will show which it is.
    fn suspect_all(&mut self, run: &mut Run, ask: Ask, why: &str, stop: bool) {
        for item in ask.items().into_iter().filter(|it| it.can_be_blamed()) {
            if !self.culprits.is_alone(item) {
                self.culprits.set(item, Manner::Suspect, why, self.begun_at);
            }
        }
        if stop || run.hurried {
            self.lose_ask(run, &ask, why);
        } else {
            run.work.extend(one_by_one(ask));
        }
    }

    /// A question of one thing was not answered: in a second poll too, it is left alone.
    fn suspect_one(&mut self, run: &mut Run, ask: &Ask, why: &str, stop: bool) {
        let Some(item) = ask.only().filter(|it| it.can_be_blamed()) else { return };
        match self.culprits.since(item) {
            Some((Manner::Suspect | Manner::Left, at)) if !stop && at < self.begun_at => {
                return self.leave(run, item, why);
            }
            Some((Manner::Suspect, _)) => {}
            Some((
                Manner::Left | Manner::Alone | Manner::Part | Manner::Next | Manner::Slow(_),
                _,
            ))
            | None => {
                self.culprits.set(item, Manner::Suspect, why, self.begun_at);
            }
        }
        self.lose_ask(run, ask, why);
    }

    /// Two questions in a row were not answered: the phase has what it has.
    fn stop(&mut self, run: &mut Run, why: &str) {
        match run.phase {
            Phase::Head | Phase::Names | Phase::Verify => self.cut(run, why),
            Phase::Data => self.stop_data(run, why),
            Phase::Texts | Phase::Check => run.stop_texts(why),
            Phase::Done => {}
        }
    }

    /// An answer took longer than a time-out, `waited` ms.
    pub(crate) fn slow(&mut self, ask: &Ask, waited: u64) {
        let Some(mut run) = self.run.take() else { return };
        // With the agent for itself: it is this, and nothing that was before it in a queue.
        let fair = run.alone || run.patient || run.in_flight == 1;
        let probe = ask.only() == Some(Item::Scalar(Scalar::Uptime));
        if run.phase == Phase::Head {
            self.late = true;
        } else if !self.late && !probe {
            // What the agent has still to work off is waited for before the next is timed.
            run.patient = true;
            run.work.push_front(Ask::Get(vec![Scalar::Uptime]));
        }
        if !self.late
            && fair
            && let Some(item) = ask.only().filter(|it| it.can_be_blamed())
        {
            let why = format!("answered after {waited} ms");
            self.culprits.set(item, Manner::Slow(waited), &why, self.begun_at);
        }
        if !self.late && ask.only().is_none() && fair {
            for item in ask.items().into_iter().filter(|it| it.can_be_blamed()) {
                self.culprits.set(item, Manner::Suspect, "slow", self.begun_at);
            }
        }
        self.run = Some(run);
    }

    /// A culprit was answered to its end; `by_next`: by GETNEXT where GETBULK was tried.
    pub(super) fn acquit(&mut self, item: Item, by_next: bool, whole: bool) {
        match self.culprits.since(item) {
            Some(_) if !whole => {
                self.culprits.set(item, Manner::Part, "the agent refused it", self.begun_at);
            }
            Some((Manner::Alone | Manner::Left | Manner::Suspect, _)) if by_next => {
                let why = "GETBULK was refused or not answered";
                self.culprits.set(item, Manner::Next, why, self.begun_at);
                if self.culprits.next_count() >= MAX_NEXT {
                    self.culprits.forget_next();
                    self.bulk = Bulk::Fails(self.begun_at);
                }
            }
            Some((Manner::Suspect | Manner::Left | Manner::Part, _)) => self.culprits.forget(item),
            Some((Manner::Alone | Manner::Slow(_), at))
                if self.begun_at.saturating_sub(at) >= RETRY_MS =>
            {
                self.culprits.forget(item);
            }
            Some((Manner::Alone | Manner::Next | Manner::Slow(_), _)) | None => {}
        }
    }

    /// An answer came after its request was given up: the device is slower than it is waited for.
    pub(crate) fn late(&mut self) {
        self.late = true;
    }
}

enum Split<T> {
    /// Ask these apart.
    Parts(Vec<Vec<T>>),
    Alone(T),
    Nothing,
}

/// Splits what was refused: at the place that the agent names, else in halves. What it names is
/// asked alone too: some name the wrong one.
fn split<T>(mut all: Vec<T>, place: Option<usize>) -> Split<T> {
    match (all.len(), place) {
        (0, _) => Split::Nothing,
        (1, _) => all.pop().map_or(Split::Nothing, Split::Alone),
        (_, Some(at)) => {
            let culprit = all.remove(at);
            Split::Parts(vec![vec![culprit], all])
        }
        (count, None) => {
            let rest = all.split_off(count / 2);
            Split::Parts(vec![rest, all])
        }
    }
}

/// The index after which the next number's cell stands: an index of 7 gives 8.
fn following(index: &[u8]) -> Option<Vec<u8>> {
    let mut arcs: Vec<u32> = Arcs(index).collect();
    match arcs.last_mut() {
        Some(last) => *last = last.checked_add(1)?,
        None => arcs.push(1),
    }
    let mut bytes = Vec::new();
    arcs.into_iter().for_each(|arc| push_arc(&mut bytes, arc));
    Some(bytes)
}

fn one_by_one(ask: Ask) -> Vec<Ask> {
    match ask {
        Ask::Get(scalars) => scalars.into_iter().map(|it| Ask::Get(vec![it])).collect(),
        Ask::Walk(walk) => {
            let Walk { cursors, repetitions, next, .. } = walk;
            let one = |cursor: Cursor| {
                Ask::Walk(Walk { uptime: false, cursors: vec![cursor], repetitions, next })
            };
            cursors.into_iter().map(one).collect()
        }
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

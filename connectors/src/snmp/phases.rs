//! From phase to phase of a poll.

use schemas::Outcome;

use super::ask::Scalar;
use super::identity::note_rows;
use super::names::{Collected, Instances, Row, unique_names};
use super::oid::Oid;
use super::session::{Failure, Phase, Run, Session};
use super::values::Values;
use crate::profiles::InstanceRule;

impl Session {
    /// Goes on to the next phase once nothing is outstanding.
    pub(super) fn advance(&mut self, run: &mut Run) {
        while run.work.is_empty() && run.in_flight == 0 && run.phase != Phase::Done {
            match run.phase {
                Phase::Head => self.after_head(run),
                Phase::Names => self.after_names(run),
                Phase::Data => self.after_data(run),
                Phase::Verify => self.after_verify(run),
                Phase::Done => {}
            }
        }
    }

    fn after_head(&mut self, run: &mut Run) {
        let replaced = run.object_id != self.object_id;
        if !self.pinned && (replaced || self.profile.is_none()) {
            let object_id = run.object_id.as_ref().map_or(&[][..], Oid::bytes);
            let chosen = self.profiles.for_object_id(object_id).clone();
            self.object_id.clone_from(&run.object_id);
            if self.profile.as_ref().is_none_or(|profile| profile.name != chosen.name) {
                self.adopt(chosen);
                run.facts = true;
                run.guards.clear();
                self.reset(run);
                let scalars = self.profile_scalars(true);
                self.plan_gets(run, scalars);
                if !run.work.is_empty() {
                    return;
                }
            }
        }
        self.object_id.clone_from(&run.object_id);
        let booted = match (self.uptime, run.uptime) {
            (Some(before), Some(now)) => now < before,
            (None, _) | (_, None) => true,
        };
        for table in self.tables.iter_mut().filter(|_| booted || run.guards != self.guards) {
            table.known = false;
            table.empty = false;
            table.asked.fill((true, false));
        }
        std::mem::swap(&mut self.guards, &mut run.guards);
        self.uptime = run.uptime;
        run.phase = Phase::Names;
        self.plan_names(run);
    }

    fn after_names(&mut self, run: &mut Run) {
        let moved = (0..self.tables.len()).any(|table| !self.tables[table].known);
        if moved {
            self.adopt_names(run);
        }
        run.phase = Phase::Data;
        self.plan_data(run);
    }

    /// Takes over the names just read, and lets derived rows be found anew.
    fn adopt_names(&mut self, run: &mut Run) {
        let Some(profile) = self.profile.clone() else { return };
        let mut changed = false;
        for (at, table) in profile.tables.iter().enumerate() {
            let (state, gathered) = (&mut self.tables[at], &mut run.tables[at]);
            if !matches!(table.instance, InstanceRule::Columns(_)) || state.known || gathered.lost {
                continue;
            }
            state.known = true;
            if state.names != gathered.names {
                changed = true;
                std::mem::swap(&mut state.names, &mut gathered.names);
            }
        }
        let derived = |it: &InstanceRule| !matches!(it, InstanceRule::Columns(_));
        for (at, table) in profile.tables.iter().enumerate() {
            self.tables[at].known |= derived(&table.instance);
        }
        if !changed {
            return;
        }
        run.facts = true;
        self.instances = Instances::default();
        for (at, table) in profile.tables.iter().enumerate() {
            let state = &mut self.tables[at];
            state.asked.fill((true, false));
            state.rows.clear();
            if derived(&table.instance) {
                continue;
            }
            let (rows, needed) = unique_names(&state.names);
            state.needed = needed;
            for (index, name) in rows {
                state.rows.push(Row { index, instance: self.instances.position(&name) });
            }
            note_rows(&state.names, &state.rows, &mut self.instances);
        }
    }

    fn after_data(&mut self, run: &mut Run) {
        if !run.fallbacks_planned {
            run.fallbacks_planned = true;
            self.plan_fallbacks(run);
            if !run.work.is_empty() {
                return;
            }
        }
        run.phase = Phase::Verify;
        for (table, state) in run.tables.iter_mut().zip(&mut self.tables) {
            table.names.iter_mut().for_each(Collected::clear);
            state.empty = state.rows.is_empty();
        }
        self.plan_verify(run);
    }

    fn after_verify(&mut self, run: &mut Run) {
        let rebooted = match (run.uptime, run.tail_uptime) {
            (Some(head), Some(tail)) => tail < head,
            (None, _) | (_, None) => false,
        };
        let mut moved = Vec::new();
        for (at, table) in run.tables.iter().enumerate() {
            let state = &self.tables[at];
            let read = state.names.iter().zip(&table.names).take(state.needed);
            if !table.lost && !state.rows.is_empty() && read.into_iter().any(|(a, b)| a != b) {
                moved.push(at);
            }
        }
        if !rebooted && moved.is_empty() {
            run.phase = Phase::Done;
            return;
        }
        for &at in &moved {
            self.tables[at].known = false;
        }
        if rebooted {
            self.tables.iter_mut().for_each(|table| table.known = false);
        }
        if std::mem::replace(&mut run.redone, true) {
            let why = if rebooted { "the device restarted" } else { "its rows were renumbered" };
            let why = format!("{why} while it was read, twice; left out of this cycle");
            let lost = if rebooted { (0..run.tables.len()).collect() } else { moved };
            for at in lost {
                self.lose_table(run, at, &why);
            }
            run.failure.get_or_insert(Failure { outcome: Outcome::Partial, text: String::new() });
            run.phase = Phase::Done;
            return;
        }
        self.reset(run);
        if rebooted {
            run.scalars.iter_mut().for_each(|values| *values = Values::default());
            run.phase = Phase::Head;
            run.uptime = None;
            run.guards.clear();
            let mut scalars = vec![Scalar::Uptime, Scalar::ObjectId];
            scalars.extend(self.profile_scalars(run.facts));
            self.plan_gets(run, scalars);
        } else {
            run.phase = Phase::Names;
            self.plan_names(run);
        }
    }
}

//! From phase to phase of a poll.

use schemas::Outcome;

use super::ask::Ask;
use super::identity::note_rows;
use super::names::{Collected, Instances, Row, unique_names};
use super::oid::Oid;
use super::session::{Failure, Phase, Run, Session, TableRun, TableState};
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
                Phase::Texts => self.after_texts(run),
                Phase::Check => self.after_check(run),
                Phase::Done => {}
            }
        }
    }

    /// Reads rows and names anew: most that are kept are of rows that are gone.
    pub(super) fn forget_rows(&mut self) {
        self.instances = Instances::default();
        self.discovered = false;
        self.facts_read_at = None;
        for table in &mut self.tables {
            table.rows.clear();
            table.names.iter_mut().for_each(Collected::clear);
            table.asked.fill((true, false));
            (table.known, table.empty) = (false, false);
        }
    }

    fn after_head(&mut self, run: &mut Run) {
        if !std::mem::replace(&mut run.rest_planned, true) {
            self.doubted = false;
            run.work.extend(self.profile_scalars().into_iter().map(|it| Ask::Get(vec![it])));
            if !run.work.is_empty() {
                return;
            }
        }
        let restarted =
            matches!((self.uptime, run.uptime), (Some(before), Some(now)) if now < before);
        // A device that says nothing this once is the one that it was.
        let known = self.object_id.as_ref().filter(|_| !restarted);
        let object_id = run.object_id.as_ref().or(known).cloned();
        let replaced = object_id != self.object_id;
        if !self.pinned && (replaced || self.profile.is_none()) {
            let octets = object_id.as_ref().map_or(&[][..], Oid::bytes);
            let chosen = self.profiles.for_object_id(octets).clone();
            self.object_id.clone_from(&object_id);
            if self.profile.as_ref().is_none_or(|profile| profile.name != chosen.name) {
                self.adopt(chosen);
                run.facts = true;
                run.guards.clear();
                self.reset(run);
                let scalars = self.profile_scalars();
                self.plan_gets(run, scalars);
                if !run.work.is_empty() {
                    return;
                }
            }
        }
        self.object_id = object_id;
        let booted = restarted || self.uptime.is_none() || run.uptime.is_none();
        if restarted {
            // Perhaps with another software, that refuses other things.
            self.culprits.clear();
            self.discovered = false;
        }
        self.discovered &= run.guards == self.guards;
        for table in self.tables.iter_mut().filter(|_| booted || run.guards != self.guards) {
            table.known = false;
            table.empty = false;
            table.asked.fill((true, false));
        }
        for state in self.tables.iter_mut().filter(|_| run.facts) {
            // It was empty, or an odd answer made it look so.
            if !state.names.is_empty() && state.rows.is_empty() {
                state.known = false;
                self.discovered = false;
            }
        }
        std::mem::swap(&mut self.guards, &mut run.guards);
        self.uptime = run.uptime;
        run.phase = Phase::Names;
        self.plan_names(run);
    }

    fn after_names(&mut self, run: &mut Run) {
        if self.tables.iter().any(|table| !table.known) {
            let changed = self.adopt_names(run);
            // The same names twice, and others when sysUpTime was read with them: the agent
            // mixes them up.
            self.no_lead |= run.reread && !changed;
        }
        run.phase = Phase::Data;
        self.plan_data(run);
    }

    /// Takes over the names just read, and lets derived rows be found anew.
    /// Whether they are others than before.
    fn adopt_names(&mut self, run: &mut Run) -> bool {
        let Some(profile) = self.profile.clone() else { return false };
        let mut changed = false;
        let tables = profile.tables.iter().zip(&mut self.tables).zip(&mut run.tables);
        for ((table, state), gathered) in tables {
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
        for (table, state) in profile.tables.iter().zip(&mut self.tables) {
            state.known |= derived(&table.instance);
        }
        if !changed {
            return false;
        }
        run.facts = true;
        self.discovered = false;
        self.instances = Instances::default();
        for (table, state) in profile.tables.iter().zip(&mut self.tables) {
            state.asked.fill((true, false));
            state.rows.clear();
            if derived(&table.instance) {
                continue;
            }
            let (rows, needed) = unique_names(&state.names, profile.code_page);
            state.needed = needed;
            for (index, name) in rows {
                state.rows.push(Row { index, instance: self.instances.position(&name) });
            }
            note_rows(&state.names, &state.rows, &mut self.instances);
        }
        true
    }

    fn after_data(&mut self, run: &mut Run) {
        if !run.fallbacks_planned {
            run.fallbacks_planned = true;
            self.plan_fallbacks(run);
            if !run.work.is_empty() {
                return;
            }
        }
        self.discovered |= run.discovering && !run.hurried;
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
        let moved = self.moved(run);
        if !rebooted && moved.is_empty() {
            if run.facts && !run.hurried && run.timeouts_in_row == 0 {
                (run.phase, run.texts) = (Phase::Texts, true);
                self.plan_texts(run);
            } else {
                run.phase = Phase::Done;
            }
            return;
        }
        for (_, state) in self.tables.iter_mut().enumerate().filter(|(at, _)| moved.contains(at)) {
            state.known = false;
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
            self.plan_head(run);
        } else {
            run.reread = true;
            run.phase = Phase::Names;
            self.plan_names(run);
        }
    }

    /// The tables whose names are not those that the values were read under.
    fn moved(&self, run: &Run) -> Vec<usize> {
        let tables = run.tables.iter().zip(&self.tables).enumerate();
        let differs = |state: &TableState, table: &TableRun| {
            let mut read = state.names.iter().zip(&table.names).take(state.needed);
            !table.lost && !state.rows.is_empty() && read.any(|(a, b)| a != b)
        };
        tables.filter(|(_, (table, state))| differs(state, table)).map(|(at, _)| at).collect()
    }

    fn after_texts(&mut self, run: &mut Run) {
        run.tables.iter_mut().flat_map(|it| &mut it.names).for_each(Collected::clear);
        run.phase = Phase::Check;
        self.plan_check(run);
    }

    /// Texts of rows that moved meanwhile are no texts of theirs; the next poll reads them.
    fn after_check(&mut self, run: &mut Run) {
        let moved: Vec<usize> = self
            .moved(run)
            .into_iter()
            .filter(|at| {
                run.tables.get(*at).is_some_and(|it| it.facts.iter().any(|t| !t.is_empty()))
            })
            .collect();
        for at in moved {
            run.texts_moved = true;
            if let Some(state) = self.tables.get_mut(at) {
                state.known = false;
            }
        }
        if run.texts_moved {
            run.drop_table_texts();
        }
        run.phase = Phase::Done;
    }
}

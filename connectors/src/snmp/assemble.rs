//! Turns what a poll gathered into the fields of a poll record.

use std::collections::{HashMap, HashSet};

use schemas::{Column, Fact, Kind, Outcome};
use xxhash_rust::xxh3::Xxh3;

use super::identity::note_hardware;
use super::names::Row;
use super::oid::index_text;
use super::run::MAX_LISTED;
use super::session::{FACTS_SENT_MS, Failure, Phase, Run, Session, TableState};
use super::values::Values;
use crate::profiles::{InstanceRule, Metric, Profile, Source};

/// Facts about the polling itself: what the device refuses or is slow with, and what it has not.
const SAID: [&str; 2] = ["refused", "not_found"];
/// What such a fact says when nothing is the matter any more.
const NONE: &str = "none";
/// Characters of such a fact.
const MAX_SAID: usize = 1_000;

/// A poll's outcome and content.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<String>,
    pub(crate) uptime_cs: Option<i64>,
    pub(crate) instances: Vec<String>,
    pub(crate) columns: Vec<Column>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) identities: Vec<i64>,
}

impl Session {
    /// Ends the poll.
    pub(crate) fn finish(&mut self, now: u64) -> Gathered {
        let Some(mut run) = self.run.take() else {
            return Gathered {
                outcome: Outcome::Failed,
                error: None,
                uptime_cs: None,
                instances: Vec::new(),
                columns: Vec::new(),
                facts: Vec::new(),
                identities: Vec::new(),
            };
        };
        let mut columns = Vec::new();
        let mut facts = Vec::new();
        if let Some(profile) = self.profile.clone() {
            self.collect_columns(&profile, &mut run, &mut columns);
            facts = self.collect_facts(&profile, &mut run, now);
        }
        let any = run.uptime.is_some() || !columns.is_empty();
        let (outcome, error) = verdict(&run, any, self.known_limits());
        let (mut instances, mut identities) = (Vec::new(), Vec::new());
        if !columns.is_empty() {
            instances.clone_from(&self.instances.names);
            identities.extend(self.instances.identities.iter().map(|identity| identity.bits()));
        }
        let uptime_cs = run.uptime.and_then(|uptime| i64::try_from(uptime).ok());
        Gathered { outcome, error, uptime_cs, instances, columns, facts, identities }
    }

    fn collect_columns(&mut self, profile: &Profile, run: &mut Run, columns: &mut Vec<Column>) {
        for (metric, values) in profile.metrics.iter().zip(run.scalars.drain(..)) {
            add(columns, metric, &metric.source, values);
        }
        for (at, table) in profile.tables.iter().enumerate() {
            let Some(gathered) = run.tables.get_mut(at).filter(|it| !it.lost) else { continue };
            if run.phase == Phase::Done && !matches!(table.instance, InstanceRule::Columns(_)) {
                drop_unseen(self.tables.get_mut(at), &gathered.values, &gathered.fallback);
            }
            let values = gathered.values.drain(..).zip(gathered.fallback.drain(..));
            for (metric, (mut values, mut second)) in table.metrics.iter().zip(values) {
                if let Some(fallback) = &metric.fallback {
                    merge(metric, &mut values, &mut second);
                    add(columns, metric, fallback, second);
                }
                add(columns, metric, &metric.source, values);
            }
        }
    }

    /// The texts, if they were come to and are new, changed or an hour old. What could not be read
    /// is not among them: it stays as it was.
    fn collect_facts(&mut self, profile: &Profile, run: &mut Run, now: u64) -> Vec<Fact> {
        if !run.texts || run.phase != Phase::Done {
            return Vec::new();
        }
        if !run.texts_moved {
            self.facts_read_at = Some(now);
        }
        let mut facts = Vec::new();
        let mut add = |instance: &str, name: &str, value: String| {
            facts.push(Fact { instance: instance.to_owned(), name: name.to_owned(), value });
        };
        add("", "profile", profile.name.clone());
        for (row, text) in profile.facts.iter().zip(run.scalar_facts.drain(..)) {
            if let Some(text) = text {
                add("", &row.name, text);
            }
        }
        let names = &self.instances.names;
        let name = |instance: i32| names.get(instance as usize).map_or("", String::as_str);
        for ((table, state), gathered) in
            profile.tables.iter().zip(&self.tables).zip(&mut run.tables)
        {
            if gathered.lost {
                continue;
            }
            for (row, texts) in table.facts.iter().zip(gathered.facts.drain(..)) {
                if row.oid.is_none() {
                    for Row { index, instance } in &state.rows {
                        add(name(*instance), &row.name, index_text(index));
                    }
                }
                for (instance, text) in texts {
                    add(name(instance), &row.name, text);
                }
            }
        }
        let said = [self.limits_text(profile), self.not_found(profile, run)];
        for ((fact, text), before) in SAID.iter().zip(said).zip(&mut self.said) {
            let nothing = text.is_empty();
            if !nothing || *before {
                add("", fact, if nothing { NONE.to_owned() } else { text });
            }
            *before = !nothing;
        }
        facts.sort();
        facts.dedup_by(|a, b| a.instance == b.instance && a.name == b.name);
        note_hardware(&facts, &mut self.instances);
        let hash = hash_facts(&facts);
        let sent = self.facts_sent;
        if sent.is_some_and(|(at, old)| old == hash && now.saturating_sub(at) < FACTS_SENT_MS) {
            return Vec::new();
        }
        self.facts_sent = Some((now, hash));
        facts
    }

    /// What is asked otherwise than all else, or not at all.
    fn limits_text(&self, profile: &Profile) -> String {
        let mut texts: Vec<String> = self.culprits.texts(Some(profile)).collect();
        if self.is_next_only() {
            texts.insert(0, "GETBULK: not answered or refused; all is read by GETNEXT".to_owned());
        }
        texts.join("; ").chars().take(MAX_SAID).collect()
    }

    fn known_limits(&self) -> Option<String> {
        let profile = self.profile.as_deref()?;
        Some(self.limits_text(profile)).filter(|text| !text.is_empty())
    }

    /// What every device should have and this one has not.
    fn not_found(&self, profile: &Profile, run: &Run) -> String {
        let uptime = run.uptime.is_none().then(|| "sysUpTime".to_owned());
        let tables = profile.tables.iter().zip(&self.tables).filter(|(table, state)| {
            matches!(table.instance, InstanceRule::Columns(_)) && state.rows.is_empty()
        });
        let tables = tables.map(|(table, _)| format!("table {}", table.name));
        uptime.into_iter().chain(tables).collect::<Vec<_>>().join(", ")
    }
}

/// Drops rows that were not in this poll, of a table without names of its own: a row that comes
/// back is called the same, and indices that change with each poll do not pile up.
fn drop_unseen(table: Option<&mut TableState>, values: &[Values], fallback: &[Values]) {
    let Some(table) = table else { return };
    let all = || values.iter().chain(fallback);
    let most = all().map(Values::len).max().unwrap_or(0);
    if most == 0 || most >= table.rows.len() {
        return;
    }
    let seen: HashSet<i32> = all().flat_map(|it| it.instances.iter().copied()).collect();
    table.rows.retain(|row| seen.contains(&row.instance));
}

fn hash_facts(facts: &[Fact]) -> u64 {
    let mut hash = Xxh3::new();
    for fact in facts {
        for text in [&fact.instance, &fact.name, &fact.value] {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
    }
    hash.digest()
}

/// Leaves each instance in one of the two: the first source wins where it says something.
fn merge(metric: &Metric, first: &mut Values, second: &mut Values) {
    if second.len() == 0 {
        return;
    }
    let set = |values: &Values| values.instances.iter().copied().collect::<HashSet<i32>>();
    if metric.fallback_above.is_some() {
        let other: HashMap<i32, f64> =
            second.instances.iter().copied().zip(second.gauges.iter().copied()).collect();
        first.retain(|values, at| {
            let (at, value) = (values.instances.get(at), values.gauges.get(at));
            !value.is_some_and(|value| is_in_unit_of(*value, at.and_then(|at| other.get(at))))
        });
    }
    if metric.fallback_on_zero {
        let spare = set(second);
        let spared = |at: Option<&i32>| at.is_some_and(|it| spare.contains(it));
        first.retain(|values, at| !values.is_zero(at) || !spared(values.instances.get(at)));
    }
    if first.len() > 0 {
        let taken = set(first);
        let has = |at: Option<&i32>| at.is_some_and(|it| taken.contains(it));
        second.retain(|values, at| !has(values.instances.get(at)));
    }
}

/// Whether a number that should be in another unit is the other's own: itself, or its thousandth.
fn is_in_unit_of(value: f64, other: Option<&f64>) -> bool {
    value != 0.0 && other.is_some_and(|other| value == *other || value * 1_000.0 == *other)
}

fn add(columns: &mut Vec<Column>, metric: &Metric, source: &Source, mut values: Values) {
    add_as(columns, metric, source, Kind::Counter32, values.split_narrow());
    add_as(columns, metric, source, source.kind, values);
}

fn add_as(columns: &mut Vec<Column>, metric: &Metric, source: &Source, kind: Kind, values: Values) {
    if values.len() == 0 {
        return;
    }
    columns.push(Column {
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        kind,
        scale: source.scale,
        ceiling: metric.ceiling.clone(),
        detect: metric.detect,
        quantum: metric.quantum,
        instances: values.instances,
        at_ms: values.at_ms,
        counts: values.counts,
        gauges: values.gauges,
    });
}

/// The outcome and its text; `limits`: what is known to be left out. Something malformed counts
/// most: it is never fixed by waiting. A device that answered anything is not called silent.
fn verdict(run: &Run, any: bool, limits: Option<String>) -> (Outcome, Option<String>) {
    let mut missing = run.missing.join("; ");
    if run.missing_count > MAX_LISTED {
        let more = run.missing_count.saturating_sub(MAX_LISTED);
        missing.push_str(&format!("; and {more} more"));
    }
    let good = || {
        let mut texts: Vec<String> = Vec::new();
        if !any {
            texts.push(
                "the device answers, but has nothing of what is asked for: is its view \
                        restricted?"
                    .to_owned(),
            );
        }
        texts.extend(limits.as_ref().map(|text| format!("left out: {text}")));
        texts.extend(
            run.remarks
                .iter()
                .filter(|it| !texts.iter().any(|t| t.contains(*it)))
                .cloned()
                .collect::<Vec<_>>(),
        );
        (Outcome::Ok, Some(texts.join("; ")).filter(|text| !text.is_empty()))
    };
    let Some(Failure { outcome, text }) = &run.failure else {
        return match run.missing_count {
            0 => good(),
            _ => (Outcome::Partial, Some(format!("missing: {missing}"))),
        };
    };
    if run.missing_count == 0 && run.answered && run.phase == Phase::Done {
        // It was fixed by a retry.
        return good();
    }
    let outcome = match (outcome, any || run.answered) {
        (Outcome::Malformed, _) => Outcome::Malformed,
        (_, true) => Outcome::Partial,
        (
            Outcome::Ok
            | Outcome::Partial
            | Outcome::Timeout
            | Outcome::Unreachable
            | Outcome::NoCredential
            | Outcome::NotPermitted
            | Outcome::Skipped
            | Outcome::Failed,
            false,
        ) => *outcome,
    };
    let error = match (text.is_empty(), missing.is_empty() || !run.answered) {
        (true, _) => format!("missing: {missing}"),
        (false, true) => text.clone(),
        (false, false) => format!("{text}; missing: {missing}"),
    };
    (outcome, Some(error))
}

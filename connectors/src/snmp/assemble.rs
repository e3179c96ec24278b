//! Turns what a poll gathered into the fields of a poll record.

use std::collections::HashSet;

use schemas::{Column, Fact, Outcome};
use xxhash_rust::xxh3::Xxh3;

use super::identity::note_hardware;
use super::names::Row;
use super::oid::index_text;
use super::session::{FACTS_SENT_MS, Failure, MAX_LISTED, Phase, Run, Session, TableRun};
use super::values::Values;
use crate::profiles::{Metric, Profile, Source};

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
        let (outcome, error) = verdict(&run, any);
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
            let gathered = &mut run.tables[at];
            if gathered.lost {
                continue;
            }
            for (n, metric) in table.metrics.iter().enumerate() {
                let mut values = std::mem::take(&mut gathered.values[n]);
                if let Some(fallback) = &metric.fallback {
                    let mut second = std::mem::take(&mut gathered.fallback[n]);
                    merge(metric, &mut values, &mut second);
                    add(columns, metric, fallback, second);
                }
                add(columns, metric, &metric.source, values);
            }
        }
    }

    /// The texts, if they were read whole and are new, changed or an hour old.
    fn collect_facts(&mut self, profile: &Profile, run: &mut Run, now: u64) -> Vec<Fact> {
        if !run.facts || run.phase != Phase::Done || run.failure.is_some() || run.missing_count > 0
        {
            return Vec::new();
        }
        self.facts_read_at = Some(now);
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
        let name = |instance: i32| self.instances.names[instance as usize].as_str();
        for (at, table) in profile.tables.iter().enumerate() {
            for (n, row) in table.facts.iter().enumerate() {
                if row.oid.is_none() {
                    for Row { index, instance } in &self.tables[at].rows {
                        add(name(*instance), &row.name, index_text(index));
                    }
                }
                for (instance, text) in take_facts(&mut run.tables[at], n) {
                    add(name(instance), &row.name, text);
                }
            }
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
}

fn take_facts(gathered: &mut TableRun, n: usize) -> Vec<(i32, String)> {
    std::mem::take(&mut gathered.facts[n])
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
    if metric.fallback_on_zero {
        let spare = set(second);
        first.retain(|values, at| !values.is_zero(at) || !spare.contains(&values.instances[at]));
    }
    if first.len() > 0 {
        let taken = set(first);
        second.retain(|values, at| !taken.contains(&values.instances[at]));
    }
}

fn add(columns: &mut Vec<Column>, metric: &Metric, source: &Source, values: Values) {
    if values.len() == 0 {
        return;
    }
    columns.push(Column {
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        kind: values.kind(source),
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

/// The outcome and its text. Something malformed counts most: it is never mended by waiting.
fn verdict(run: &Run, any: bool) -> (Outcome, Option<String>) {
    let mut missing = run.missing.join("; ");
    if run.missing_count > MAX_LISTED {
        missing.push_str(&format!("; and {} more", run.missing_count - MAX_LISTED));
    }
    let Some(Failure { outcome, text }) = &run.failure else {
        return match (run.missing_count, any) {
            (0, true) => (Outcome::Ok, None),
            (0, false) => (Outcome::Failed, Some("the device answered without a value".into())),
            (_, true) => (Outcome::Partial, Some(format!("missing: {missing}"))),
            (_, false) => (Outcome::Failed, Some(missing)),
        };
    };
    if run.missing_count == 0 && any && run.phase == Phase::Done {
        // It was mended by a retry.
        return (Outcome::Ok, None);
    }
    let outcome = match (outcome, any) {
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
    let error = match (text.is_empty(), missing.is_empty() || !any) {
        (true, _) => format!("missing: {missing}"),
        (false, true) => text.clone(),
        (false, false) => format!("{text}; missing: {missing}"),
    };
    (outcome, Some(error))
}

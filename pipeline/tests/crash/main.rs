//! The deterministic crash test: the whole topology (routing step, device chain in two tasks,
//! sinks) on the log in memory, with time moved by hand, crashed or failed before and after every
//! commit, in many batch sizes and seeds. Whatever happens, what lies in the topics, the tables
//! and the final state is what the undisturbed run gave.
//!
//! Sources and workers have a smaller network of their own (`outside`), with an outside world that
//! records what was done to it.
//!
//! The test is itself tested: bugs seeded around the log's seam must each be caught.

// A test that cannot go on ends; its helpers are seen by it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::wildcard_enum_match_arm, unreachable_pub, missing_docs)]

mod bugs;
mod outside;
mod process;
mod scenario;
mod table;
mod upgrade;
mod world;

use std::collections::BTreeMap;

use bugs::Bug;
use pipeline::log::embedded::Fault;
use pipeline::topology::ANOMALY;
use scenario::Scenario;
use table::Hit;
use world::{Disturbance, Outcome, World};

/// At least so many disturbed runs.
const RUNS: usize = 10_000;

const FAULTS: [Fault; 4] =
    [Fault::CrashBefore, Fault::CrashAfter, Fault::FailBefore, Fault::FailAfter];

const HITS: [Hit; 3] = [Hit::DiesBefore, Hit::DiesAfter, Hit::Twin];

/// The first difference between two outcomes, in words.
fn difference(expected: &Outcome, got: &Outcome) -> Option<String> {
    fn first<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
        what: &str,
        expected: &BTreeMap<K, V>,
        got: &BTreeMap<K, V>,
    ) -> Option<String> {
        let keys = expected.keys().chain(got.keys());
        let key = keys.into_iter().find(|key| expected.get(key) != got.get(key))?;
        let (expected, got) = (format!("{:?}", expected.get(key)), format!("{:?}", got.get(key)));
        let same = expected.bytes().zip(got.bytes()).take_while(|(a, b)| a == b).count();
        let around =
            |text: &str| text.chars().skip(same.saturating_sub(40)).take(120).collect::<String>();
        let (expected, got) = (around(&expected), around(&got));
        Some(format!("{what} {key:?} differs at {same}: expected …{expected}…, got …{got}…"))
    }
    first("topic", &expected.topics, &got.topics)
        .or_else(|| first("table", &expected.rows, &got.rows))
        .or_else(|| first("state", &expected.state, &got.state))
}

/// Runs every disturbance of a seed; the first difference found.
fn disturb(seed: u64, bug: Option<Bug>, most: usize) -> (usize, Option<String>) {
    let scenario = Scenario::of(seed);
    let calm = World::new(&scenario, bug, None).run();
    let calm = match calm {
        Ok(outcome) => outcome,
        Err(error) => return (1, Some(format!("undisturbed: {error}"))),
    };
    if bug.is_some() {
        let sane = World::new(&scenario, None, None).run().expect("the sound program runs");
        if let Some(difference) = difference(&sane, &calm) {
            return (1, Some(format!("undisturbed: {difference}")));
        }
    }
    let mut runs = 1;
    let commits = (1..=calm.commits).flat_map(|n| FAULTS.map(|f| Disturbance::Commit(n, f)));
    let writes =
        (1..=calm.sink_writes).flat_map(|n| HITS.map(|hit| Disturbance::SinkWrite(n, hit)));
    let zombies = (1..=calm.commits).map(Disturbance::Zombie);
    for disturbance in commits.chain(writes).chain(zombies) {
        if runs >= most {
            break;
        }
        runs += 1;
        let found = match World::new(&scenario, bug, Some(disturbance)).run() {
            Ok(outcome) => difference(&calm, &outcome),
            Err(error) => Some(error),
        };
        if let Some(found) = found {
            return (runs, Some(format!("seed {seed}, {disturbance:?}: {found}")));
        }
    }
    (runs, None)
}

#[test]
fn output_is_the_same_whatever_dies() {
    let (mut runs, mut seed, mut transitions) = (0, 0, 0);
    while runs < RUNS {
        let scenario = Scenario::of(seed);
        let calm = World::new(&scenario, None, None).run().expect("it runs undisturbed");
        let anomalies = calm.topics.iter().filter(|((topic, _), _)| topic == ANOMALY.name);
        transitions += anomalies.map(|(_, values)| values.len()).sum::<usize>();
        let (done, found) = disturb(seed, None, usize::MAX);
        runs += done;
        seed += 1;
        if let Some(found) = found {
            panic!("{found}");
        }
    }
    println!("{runs} runs over {seed} seeds gave identical output");
    assert!(transitions > 10 * seed as usize, "{transitions} transitions over {seed} seeds");
}

/// A test that cannot fail proves nothing: each of these must be found.
#[test]
fn every_seeded_bug_is_caught() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let mut runs = 0;
        let found = (0..20).find_map(|seed| {
            let (done, found) = disturb(seed, Some(bug), usize::MAX);
            runs += done;
            found
        });
        match found {
            Some(found) => {
                let short: String = found.chars().take(160).collect();
                println!("{bug:?}: caught after {runs} runs: {short}");
            }
            None => missed.push(bug),
        }
    }
    assert!(Bug::ALL.len() >= 10);
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

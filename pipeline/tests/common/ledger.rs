//! The simulated network's own account of its answers, held against what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use pipeline::log::EventLog;
use pipeline::topology::{METRIC, SERIES};
use schemas::{SchemaStore, SeriesId};

use super::common::records;

/// A serial answered this long (ms) before a kill may be lost with the process: an answer waits
/// for the rest of its poll.
const IN_FLIGHT_MS: u64 = 2_500;
/// On a busy machine devices are polled for so long (ms) after the program was asked to end.
const ENDS_MS: u64 = 1_000;
/// Answers of one poll of a device come within this time (ms), well below its interval.
const WITHIN_A_POLL_MS: u64 = 900;

/// Serials by how often they stand in the metric topic.
pub fn in_log(log: &dyn EventLog) -> BTreeMap<u64, i64> {
    in_log_by(log, &SchemaStore::new())
}

/// The same, where records are of other schemas than ours too.
pub fn in_log_by(log: &dyn EventLog, store: &SchemaStore) -> BTreeMap<u64, i64> {
    let of_lab: BTreeSet<SeriesId> = records(log, SERIES.name)
        .iter()
        .filter_map(|record| SERIES.read(store, record).unwrap())
        .filter(|series| series.metric == "lab_serial")
        .map(|series| series.id)
        .collect();
    let mut found = BTreeMap::new();
    for record in records(log, METRIC.name) {
        let batch = METRIC.read(store, &record).unwrap().unwrap();
        for (series, value) in batch.series.iter().zip(&batch.values) {
            if of_lab.contains(series) {
                *found.entry(*value as u64).or_default() += 1;
            }
        }
    }
    found
}

/// What became of the answers that are not in the log.
#[derive(Default)]
pub struct Account {
    answers: usize,
    again: usize,
    in_flight: usize,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, again, in_flight } = self;
        write!(
            f,
            "{answers} answers, {again} read again in the same poll, {in_flight} in flight when \
             the program ended"
        )
    }
}

/// Every usable answer must be in the log, be one of a poll that asked twice, or have been in
/// flight when the program ended at one of these times (ms since the epoch).
pub fn account(state: &Path, log: &BTreeMap<u64, i64>, ends: &[u64]) -> Account {
    let ledger: Vec<_> = lab::ledger::read(&state.join("lab-ledger")).map(Result::unwrap).collect();
    let mut account = Account { answers: ledger.len(), ..Account::default() };
    for entry in ledger.iter().filter(|e| e.outcome.usable() && !log.contains_key(&e.serial)) {
        // A poll that asked twice keeps one of the two answers.
        let superseded = ledger.iter().any(|other| {
            other.device == entry.device
                && log.contains_key(&other.serial)
                && other.unix_ms.abs_diff(entry.unix_ms) < WITHIN_A_POLL_MS
        });
        let cut_off = ends
            .iter()
            .any(|end| (end.saturating_sub(IN_FLIGHT_MS)..=end + ENDS_MS).contains(&entry.unix_ms));
        account.again += usize::from(superseded);
        account.in_flight += usize::from(!superseded && cut_off);
        let near: Vec<_> = ledger
            .iter()
            .filter(|other| other.device == entry.device)
            .filter(|other| other.unix_ms.abs_diff(entry.unix_ms) < 3_000)
            .map(|other| (other.unix_ms, other.serial, log.contains_key(&other.serial)))
            .collect();
        assert!(superseded || cut_off, "{entry:?} is lost; ends {ends:?}, around it {near:?}");
    }
    account
}

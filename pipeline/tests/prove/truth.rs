//! The serials: what the lab sent, what the pollers put on the log, what the processors made of it
//! and what the database has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::path::Path;

use pipeline::log::EventLog;
use pipeline::topology::{METRIC, POLL, SERIES};
use schemas::{DeviceId, DeviceInput, Outcome, Poll, SchemaStore, SeriesId};
use xxhash_rust::xxh3::xxh3_64;

use super::common::records;
use super::tables::Sums;
use super::world::INTERVAL_MS;

const SERIAL: &str = "lab_serial";
/// An answer waits for the rest of its poll, and the poll for its batch: lost with a poller that
/// ends within this time (ms).
const IN_FLIGHT_MS: u64 = 2_500;
/// The network, which shares the machine with all that is killed, may answer so late (ms) that
/// the poller has given up, and has reported that it got no answer.
const GIVEN_UP_MS: i64 = 5_000;
/// The lab's clock and the poller's may differ so much (ms): each counts on from its own start.
const CLOCKS_MS: i64 = 20;
/// Polls around a lost answer that are shown (ms).
const AROUND_MS: i64 = 10_000;
/// Lost answers that are named one by one.
const NAMED: usize = 5;

/// A poll on the log.
#[derive(Debug)]
struct Polled {
    cycle: i64,
    from: i64,
    until: i64,
    serial: Option<u64>,
    outcome: Outcome,
}

/// All polls on the log.
#[derive(Default)]
pub(crate) struct Polls {
    by_device: BTreeMap<DeviceId, Vec<Polled>>,
    /// Serials of the first poll of each slot.
    pub(crate) accepted: BTreeSet<u64>,
    /// Serials of further polls of a slot, or of slots that are over: to be dropped.
    pub(crate) refused: BTreeSet<u64>,
}

fn serial(poll: &Poll) -> Option<u64> {
    let column = poll.columns.iter().find(|column| column.metric == SERIAL)?;
    column.gauges.first().map(|value| *value as u64)
}

impl Polls {
    pub(crate) fn read(log: &dyn EventLog) -> Self {
        let store = SchemaStore::new();
        let mut polls = Self::default();
        for record in records(log, POLL.name) {
            let value = record.value.as_deref().unwrap();
            let DeviceInput::Poll(poll) = DeviceInput::decode(&store, value, &mut None).unwrap()
            else {
                continue;
            };
            assert_eq!(poll.parts, 1, "these devices are small");
            let seen = polls.by_device.entry(poll.device).or_default();
            let taken = seen.iter().all(|earlier| earlier.cycle < poll.cycle);
            let serial = serial(&poll);
            let serials = if taken { &mut polls.accepted } else { &mut polls.refused };
            if let Some(serial) = serial {
                assert!(serials.insert(serial), "serial {serial} is on the log twice");
            }
            let until = poll.started_at + i64::from(poll.duration_ms);
            let (from, outcome) = (poll.started_at, poll.outcome);
            seen.push(Polled { cycle: poll.cycle, from, until, serial, outcome });
        }
        assert!(polls.accepted.is_disjoint(&polls.refused), "a serial is on the log twice");
        polls
    }

    fn holds(&self, serial: u64) -> bool {
        self.accepted.contains(&serial) || self.refused.contains(&serial)
    }

    /// The poll on the log that this answer belonged to, or another of its slot: with a serial
    /// rather than without.
    fn of_slot(&self, device: DeviceId, at: i64) -> Option<&Polled> {
        let phase = (xxh3_64(device.0.as_bytes()) % INTERVAL_MS as u64) as i64;
        let slot = |at: i64| (at - phase).div_euclid(INTERVAL_MS);
        let slots = slot(at - CLOCKS_MS)..=slot(at + CLOCKS_MS);
        let polls = self.by_device.get(&device)?;
        let mine = |poll: &&Polled| {
            let given_up = if poll.outcome == Outcome::Ok { CLOCKS_MS } else { GIVEN_UP_MS };
            let while_polled = poll.from - CLOCKS_MS..=poll.until + given_up;
            slots.contains(&poll.cycle) || while_polled.contains(&at)
        };
        polls.iter().filter(mine).max_by_key(|poll| poll.serial.is_some())
    }

    fn around(&self, device: DeviceId, at: i64) -> Vec<&Polled> {
        let polls = self.by_device.get(&device).into_iter().flatten();
        polls.filter(|poll| (poll.from - at).abs() < AROUND_MS).collect()
    }
}

/// Samples on the metric topic: the serials by how often they are there, and all.
pub(crate) fn metrics(log: &dyn EventLog) -> (BTreeMap<u64, usize>, Sums) {
    let store = SchemaStore::new();
    let of_lab: BTreeSet<SeriesId> = records(log, SERIES.name)
        .iter()
        .filter_map(|record| SERIES.read(&store, record).unwrap())
        .filter(|series| series.metric == SERIAL)
        .map(|series| series.id)
        .collect();
    let (mut serials, mut sums) = (BTreeMap::new(), Sums::new());
    for record in records(log, METRIC.name) {
        let batch = METRIC.read(&store, &record).unwrap().unwrap();
        for ((series, at_ms), value) in batch.series.iter().zip(&batch.at_ms).zip(&batch.values) {
            let (count, times) = sums.entry(series.0).or_default();
            *count += 1;
            *times += batch.at + i64::from(*at_ms);
            if of_lab.contains(series) {
                *serials.entry(*value as u64).or_default() += 1;
            }
        }
    }
    (serials, sums)
}

/// What became of the answers that are in no poll on the log.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) answers: usize,
    /// The same slot of the device is on the log with another answer: a walk ran on into the
    /// serial's row, or a request was sent again.
    pub(crate) again: usize,
    /// The slot is on the log as one that got no (or not every) answer in time.
    pub(crate) late: usize,
    /// On their way when a poller ended or froze, with that time.
    pub(crate) in_flight: Vec<(lab::ledger::Entry, u64)>,
}

/// Holds the lab's ledger against the log. `ends`: when pollers were killed, frozen or stopped.
pub(crate) fn account(
    ledger: &Path,
    polls: &Polls,
    devices: &BTreeMap<SocketAddrV4, (DeviceId, String)>,
    ends: &[u64],
) -> Account {
    let mut account = Account::default();
    let mut sent = BTreeSet::new();
    let mut lost: BTreeMap<(DeviceId, u64), BTreeSet<u64>> = BTreeMap::new();
    let mut unexplained: BTreeMap<DeviceId, Vec<lab::ledger::Entry>> = BTreeMap::new();
    for entry in lab::ledger::read(ledger).map(Result::unwrap).filter(|e| e.outcome.usable()) {
        account.answers += 1;
        sent.insert(entry.serial);
        if polls.holds(entry.serial) {
            continue;
        }
        let (device, _) = &devices[&entry.device];
        match polls.of_slot(*device, entry.unix_ms as i64) {
            Some(poll) if poll.serial.is_some() => {
                account.again += 1;
                continue;
            }
            Some(poll) if poll.outcome != Outcome::Ok => {
                account.late += 1;
                continue;
            }
            Some(_) | None => {}
        }
        let end = ends
            .iter()
            .find(|end| (end.saturating_sub(IN_FLIGHT_MS)..=*end + 100).contains(&entry.unix_ms));
        let Some(end) = end else {
            unexplained.entry(*device).or_default().push(entry);
            continue;
        };
        lost.entry((*device, *end)).or_default().insert(entry.unix_ms / INTERVAL_MS as u64);
        account.in_flight.push((entry, *end));
    }
    assert!(unexplained.is_empty(), "{}", describe(&unexplained, polls, ends));
    for ((device, end), slots) in lost {
        assert!(slots.len() <= 2, "{device} lost polls at {slots:?} with the end at {end}");
    }
    let strange: Vec<_> = polls.accepted.iter().filter(|serial| !sent.contains(serial)).collect();
    assert!(strange.is_empty(), "on the log, but not in the ledger: {strange:?}");
    account
}

fn describe(
    lost: &BTreeMap<DeviceId, Vec<lab::ledger::Entry>>,
    polls: &Polls,
    ends: &[u64],
) -> String {
    let mut text = format!("answers of {} devices are lost; pollers ended {ends:?}\n", lost.len());
    for (device, answers) in lost {
        let at: Vec<u64> = answers.iter().map(|answer| answer.unix_ms).collect();
        text += &format!("{device} at {at:?}\n");
    }
    for (device, answers) in lost.iter().take(NAMED) {
        let around = polls.around(*device, answers[0].unix_ms as i64);
        text += &format!("{device}: {:?}; around it: {around:#?}\n", answers[0]);
    }
    text
}

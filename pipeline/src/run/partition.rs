//! The keys of one partition: stepping them, waking them, and knowing which snapshots are due.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use processors::{Count, Next, Out, Output, Processor};
use schemas::{Anomaly, DeviceId, DeviceInput, Poll};

use super::dead_letter::Poison;
use super::lag::Place;
use super::schema_topic::SchemaTopic;
use super::snapshot::{self, Snapshot};
use crate::log::{Position, Record};

/// Samples may be this far ahead of the log's append time; more is a broken clock.
const MAX_AHEAD_MS: i64 = 60_000;

/// What stepping a record gave; reused from record to record.
#[derive(Default)]
pub(super) struct Stepped {
    pub outputs: Vec<(DeviceId, Output)>,
    /// Keys in the state topic that belong to nothing any more.
    pub forgotten: Vec<Bytes>,
    counts: Vec<Count>,
    /// The last poll, to read the next one into.
    spare: Option<Box<Poll>>,
}

impl Stepped {
    pub(super) fn clear(&mut self) {
        self.outputs.clear();
        self.forgotten.clear();
        self.counts.clear();
    }

    pub(super) fn report(&mut self, component: &str) {
        for count in self.counts.drain(..) {
            metrics::counter!(
                "opsc_processor_skipped_total",
                "component" => component.to_owned(), "what" => count.name()
            )
            .increment(1);
        }
    }
}

struct Collect<'a> {
    device: DeviceId,
    stepped: &'a mut Stepped,
}

impl Out for Collect<'_> {
    fn emit(&mut self, output: Output) {
        self.stepped.outputs.push((self.device, output));
    }

    fn count(&mut self, what: Count) {
        self.stepped.counts.push(what);
    }
}

struct Entry<S> {
    state: S,
    wake: Option<i64>,
    /// Records below this offset are in the state already (by its snapshot).
    covered: i64,
    /// First record not in the snapshot, and the stream time it came.
    dirty: Option<(i64, i64)>,
    /// Records in the state topic, by section.
    parts: BTreeMap<u16, u16>,
}

/// When which key must be stepped by a tick.
#[derive(Default)]
struct Wakes(BTreeSet<(i64, DeviceId)>);

impl Wakes {
    fn change(&mut self, device: DeviceId, known: &mut Option<i64>, now: Option<i64>) {
        if *known != now {
            if let Some(at) = *known {
                self.0.remove(&(at, device));
            }
            *known = now;
            self.0.extend(now.map(|at| (at, device)));
        }
    }
}

/// The state of one partition's keys.
pub(super) struct Partition<S> {
    keys: HashMap<DeviceId, Entry<S>>,
    wakes: Wakes,
    /// By first uncovered record: its first element is where replay must begin.
    dirty: BTreeSet<(i64, DeviceId)>,
    /// By the stream time at which the oldest change came.
    aged: BTreeSet<(i64, DeviceId)>,
    next: Option<i64>,
    stream_ms: i64,
    last_tick_ms: i64,
    /// Where reading begins; none: nothing was ever committed.
    pub first_read: Option<i64>,
    /// Up to where it is committed.
    done: Option<i64>,
    moved: bool,
    /// Whether the tail was another logic version's: everything is saved in the next commit.
    reconciled: bool,
}

impl<S: Default> Partition<S> {
    pub(super) fn new() -> Self {
        Self {
            keys: HashMap::new(),
            wakes: Wakes::default(),
            dirty: BTreeSet::new(),
            aged: BTreeSet::new(),
            next: None,
            stream_ms: i64::MIN,
            last_tick_ms: 0,
            first_read: None,
            done: None,
            moved: false,
            reconciled: false,
        }
    }

    /// Takes a key's snapshot.
    ///
    /// # Errors
    /// The processor's words when it cannot read what it (or an older version) wrote.
    pub(super) fn load<P: Processor<State = S>>(
        &mut self,
        processor: &P,
        device: DeviceId,
        snapshot: Snapshot,
    ) -> Result<(), String> {
        let Snapshot { version, next, parts, sections } = snapshot;
        let state = processor
            .load(version, &sections)
            .map_err(|error| format!("snapshot of {device}: {error}"))?;
        let wake = processor.wake_at(&state);
        self.wakes.0.extend(wake.map(|at| (at, device)));
        let entry = Entry { state, wake, covered: next, dirty: None, parts };
        self.keys.insert(device, entry);
        Ok(())
    }

    /// Steps one record; the position moves over it whether it was good or not.
    pub(super) fn apply<P: Processor<State = S>>(
        &mut self,
        processor: &P,
        record: &Record,
        schemas: &mut SchemaTopic,
        stepped: &mut Stepped,
    ) -> Result<(), Poison> {
        self.stream_ms = self.stream_ms.max(record.timestamp_ms);
        self.next = Some(record.offset + 1);
        self.moved = true;
        let value = record.value.as_deref().unwrap_or_default();
        let mut input =
            schemas.decode(|store| DeviceInput::decode(store, value, &mut stepped.spare))?;
        if let DeviceInput::Tick(tick) = &mut input {
            // The log's clock and not the writer's: one that was set forward would make every
            // device seem silent, one set back would let no silence show.
            tick.at = record.timestamp_ms;
        }
        let device = match &input {
            DeviceInput::Tick(tick) => {
                let due: Vec<DeviceId> = (self.wakes.0.iter())
                    .take_while(|(at, _)| *at <= tick.at)
                    .map(|(_, device)| *device)
                    .collect();
                for device in due {
                    self.step(processor, device, &input, record.offset, stepped);
                }
                return Ok(());
            }
            DeviceInput::Poll(poll) => {
                check_time(poll, record.timestamp_ms)?;
                poll.device
            }
            DeviceInput::Control(control) => control.device,
        };
        if record.key.as_deref() != Some(&device.key()[..]) {
            return Err(Poison {
                reason: "malformed",
                error: format!("the record's key is not its device {device}"),
            });
        }
        self.step(processor, device, &input, record.offset, stepped);
        if let DeviceInput::Poll(poll) = input {
            stepped.spare = Some(poll);
        }
        Ok(())
    }

    fn step<P: Processor<State = S>>(
        &mut self,
        processor: &P,
        device: DeviceId,
        input: &DeviceInput,
        offset: i64,
        stepped: &mut Stepped,
    ) {
        let entry = self.keys.entry(device).or_insert_with(|| Entry {
            state: S::default(),
            wake: None,
            covered: i64::MIN,
            dirty: None,
            parts: BTreeMap::new(),
        });
        if offset < entry.covered {
            return;
        }
        let next = processor.step(&mut entry.state, input, &mut Collect { device, stepped });
        if entry.dirty.is_none() {
            entry.dirty = Some((offset, self.stream_ms));
            self.dirty.insert((offset, device));
            self.aged.insert((self.stream_ms, device));
        }
        let wake = match next {
            Next::Keep => processor.wake_at(&entry.state),
            Next::Forget => None,
        };
        self.wakes.change(device, &mut entry.wake, wake);
        if matches!(next, Next::Forget) {
            for (section, parts) in std::mem::take(&mut entry.parts) {
                let keys = (0..parts).map(|part| snapshot::part_key(device, section, part));
                stepped.forgotten.extend(keys);
            }
            self.clean(device);
            self.keys.remove(&device);
        }
    }

    /// Keys whose snapshots do not cover all that was stepped.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.dirty.iter().map(|(_, device)| *device)
    }

    /// Lets what was told of a key hold; its state is saved in the next commit.
    pub(super) fn reconcile<P: Processor<State = S>>(
        &mut self,
        processor: &P,
        device: DeviceId,
        told: &[Anomaly],
        stepped: &mut Stepped,
    ) {
        self.reconciled = true;
        let Some(entry) = self.keys.get_mut(&device) else { return };
        processor.reconcile(&mut entry.state, told, &mut Collect { device, stepped });
        let wake = processor.wake_at(&entry.state);
        self.wakes.change(device, &mut entry.wake, wake);
    }

    /// Whether everything must be saved in the next commit.
    pub(super) fn is_reconciled(&self) -> bool {
        self.reconciled
    }

    /// Whether the next commit says anything of this partition.
    pub(super) fn moved(&self) -> bool {
        self.moved
    }

    /// Has the next commit say where it is.
    pub(super) fn touch(&mut self) {
        self.moved = true;
    }

    fn clean(&mut self, device: DeviceId) {
        let Some(entry) = self.keys.get_mut(&device) else { return };
        if let Some((offset, since)) = entry.dirty.take() {
            self.dirty.remove(&(offset, device));
            self.aged.remove(&(since, device));
        }
    }

    /// Keys whose oldest unsaved change is due, oldest first; all that changed without a pace.
    pub(super) fn due_snapshots(&self, pace_ms: Option<i64>, limit: usize) -> Vec<DeviceId> {
        let due = |(since, device): &&(i64, DeviceId)| match pace_ms {
            None => true,
            Some(pace) => self.stream_ms.saturating_sub(*since) >= spread(*device, pace),
        };
        // Half the pace is the earliest that any key is due.
        let young = |(since, _): &&(i64, DeviceId)| {
            pace_ms.is_none_or(|pace| self.stream_ms.saturating_sub(*since) >= pace / 2)
        };
        self.aged.iter().take_while(young).filter(due).take(limit).map(|(_, d)| *d).collect()
    }

    /// The records of a key's snapshot, which covers everything stepped so far.
    pub(super) fn snapshot<P: Processor<State = S>>(
        &mut self,
        processor: &P,
        device: DeviceId,
    ) -> Vec<(Bytes, Bytes)> {
        let Some(next) = self.next else { return Vec::new() };
        let Some(entry) = self.keys.get_mut(&device) else { return Vec::new() };
        let mut records = Vec::new();
        let Entry { state, parts, .. } = entry;
        processor.save(state, &mut |section, bytes| {
            let values = snapshot::split(P::LOGIC_VERSION, next, bytes);
            let known = parts.entry(section).or_default();
            *known = (*known).max(values.len() as u16);
            let keys = (0..).map(|part| snapshot::part_key(device, section, part));
            records.extend(keys.zip(values));
        });
        // Without a position in it, a commit of snapshots alone would be dropped.
        self.moved = true;
        self.clean(device);
        records
    }

    /// What the commit says of this partition; none when nothing moved since the last.
    pub(super) fn position(&self, partition: i32, logic: u32) -> Option<Position> {
        let next = self.next.filter(|_| self.moved)?;
        let replay_from = self.dirty.first().map_or(next, |(offset, _)| *offset);
        Some(Position { partition, next, replay_from, logic })
    }

    /// Up to where it is committed, and the time of the last record; whether more was stepped.
    pub(super) fn place(&self) -> (Option<Place>, bool) {
        let newest_ms = (self.stream_ms > i64::MIN).then_some(self.stream_ms);
        (self.done.map(|next| Place { next, newest_ms }), self.moved)
    }

    pub(super) fn committed(&mut self) {
        self.done = self.next;
        self.moved = false;
        self.reconciled = false;
    }

    /// True once per tick interval.
    pub(super) fn tick_due(&mut self, now_ms: i64, interval_ms: i64) -> bool {
        // A clock that was set back must not stop the ticks until it has caught up.
        let due = (now_ms - self.last_tick_ms).abs() >= interval_ms;
        if due {
            self.last_tick_ms = now_ms;
        }
        due
    }

    /// After a restore: reading goes on at the committed position, nothing is pending.
    pub(super) fn restored(&mut self, committed: Option<i64>, now_ms: i64) {
        self.next = committed;
        self.done = committed;
        self.first_read = committed;
        self.moved = self.reconciled;
        self.last_tick_ms = now_ms;
    }
}

/// Keys that changed together are not all saved together: between half the pace and the pace.
fn spread(device: DeviceId, pace_ms: i64) -> i64 {
    let half = pace_ms / 2;
    half + (device.0.as_u128() % (half.max(1) as u128)) as i64
}

fn check_time(poll: &Poll, appended_ms: i64) -> Result<(), Poison> {
    let offsets = poll.columns.iter().flat_map(|column| &column.at_ms);
    let last = offsets.max().copied().unwrap_or(0).max(0);
    let newest = poll.started_at.saturating_add(i64::from(last));
    if poll.started_at < 0 || newest > appended_ms.saturating_add(MAX_AHEAD_MS) {
        return Err(Poison {
            reason: "future",
            error: format!(
                "samples of {} are stamped {newest} ms, the log's clock says {appended_ms}: \
                 set the clock of poller {} (NTP)",
                poll.device, poll.poller
            ),
        });
    }
    Ok(())
}

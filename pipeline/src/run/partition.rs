//! The keys of one partition: stepping them, waking them, and knowing which snapshots are due.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use processors::{
    DropReason, Input, KeyOf, Next, Out, Processor, Raw, Refusal, StateKey, Unreadable,
};

use super::dead_letter::Poison;
use super::lag::Place;
use super::schema_topic::SchemaTopic;
use super::snapshot::{self, Snapshot};
use crate::families;
use crate::log::{Position, Record};

/// What stepping a record gave; reused from record to record.
pub(super) struct Stepped<P: Processor> {
    pub outputs: Vec<(KeyOf<P>, P::Output)>,
    /// Keys in the state topic that belong to nothing any more.
    pub forgotten: Vec<Bytes>,
    /// Keys whose state is gone.
    pub dropped: Vec<KeyOf<P>>,
    counts: Vec<DropReason>,
    spare: <P::Input as Input>::Spare,
}

impl<P: Processor> Default for Stepped<P> {
    fn default() -> Self {
        Self {
            outputs: Vec::new(),
            forgotten: Vec::new(),
            dropped: Vec::new(),
            counts: Vec::new(),
            spare: <P::Input as Input>::Spare::default(),
        }
    }
}

impl<P: Processor> Stepped<P> {
    pub(super) fn clear(&mut self) {
        self.outputs.clear();
        self.forgotten.clear();
        self.dropped.clear();
        self.counts.clear();
    }

    pub(super) fn report(&mut self, component: &str) {
        for count in self.counts.drain(..) {
            families::PROCESSOR_SKIPPED.add([component, count.name()], 1);
        }
    }
}

struct Collect<'a, P: Processor> {
    key: &'a KeyOf<P>,
    stepped: &'a mut Stepped<P>,
}

impl<P: Processor> Out<P::Output> for Collect<'_, P> {
    fn emit(&mut self, output: P::Output) {
        self.stepped.outputs.push((self.key.clone(), output));
    }

    fn dropped(&mut self, reason: DropReason) {
        self.stepped.counts.push(reason);
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
struct Wakes<K>(BTreeSet<(i64, K)>);

impl<K: StateKey> Wakes<K> {
    fn change(&mut self, key: &K, known: &mut Option<i64>, now: Option<i64>) {
        if *known != now {
            if let Some(at) = *known {
                self.0.remove(&(at, key.clone()));
            }
            *known = now;
            self.0.extend(now.map(|at| (at, key.clone())));
        }
    }
}

/// The state of one partition's keys.
pub(super) struct Partition<P: Processor> {
    keys: HashMap<KeyOf<P>, Entry<P::State>>,
    wakes: Wakes<KeyOf<P>>,
    /// By first uncovered record: its first element is where replay must begin.
    dirty: BTreeSet<(i64, KeyOf<P>)>,
    /// By the stream time at which the oldest change came.
    aged: BTreeSet<(i64, KeyOf<P>)>,
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

impl<P: Processor> Partition<P> {
    pub(super) fn new() -> Self {
        Self {
            keys: HashMap::new(),
            wakes: Wakes(BTreeSet::new()),
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
    pub(super) fn load(
        &mut self,
        processor: &P,
        key: KeyOf<P>,
        snapshot: Snapshot,
    ) -> Result<(), String> {
        let Snapshot { version, next, parts, sections } = snapshot;
        let state = processor
            .load(version, &sections)
            .map_err(|error| format!("snapshot of {key}: {error}"))?;
        let wake = processor.wake_at(&state);
        self.wakes.0.extend(wake.map(|at| (at, key.clone())));
        let entry = Entry { state, wake, covered: next, dirty: None, parts };
        self.keys.insert(key, entry);
        Ok(())
    }

    /// Steps one record; the position moves over it whether it was good or not.
    pub(super) fn apply(
        &mut self,
        processor: &P,
        record: &Record,
        schemas: &mut SchemaTopic,
        stepped: &mut Stepped<P>,
    ) -> Result<(), Poison> {
        self.stream_ms = self.stream_ms.max(record.timestamp_ms);
        self.next = Some(record.offset + 1);
        self.moved = true;
        let raw = Raw {
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            appended_ms: record.timestamp_ms,
        };
        let mut input =
            schemas.decode(|store| match P::Input::read(store, &raw, &mut stepped.spare) {
                Ok(input) => Ok(Ok(input)),
                Err(Unreadable::Refused(refusal)) => Ok(Err(refusal)),
                Err(Unreadable::Codec(error)) => Err(error),
            })??;
        if let Some(at) = input.tick_at() {
            // The log's clock and not the writer's: one that was set forward would make every
            // device seem silent, one set back would let no silence show.
            *at = record.timestamp_ms;
        }
        let Some(key) = input.key() else {
            let due: Vec<KeyOf<P>> = (self.wakes.0.iter())
                .take_while(|(at, _)| *at <= record.timestamp_ms)
                .map(|(_, key)| key.clone())
                .collect();
            for key in &due {
                self.step(processor, key, &input, record.offset, stepped);
            }
            return Ok(());
        };
        input.check(&raw)?;
        self.step(processor, &key, &input, record.offset, stepped);
        input.recycle(&mut stepped.spare);
        Ok(())
    }

    fn step(
        &mut self,
        processor: &P,
        key: &KeyOf<P>,
        input: &P::Input,
        offset: i64,
        stepped: &mut Stepped<P>,
    ) {
        if !self.keys.contains_key(key) {
            let entry = Entry {
                state: P::State::default(),
                wake: None,
                covered: i64::MIN,
                dirty: None,
                parts: BTreeMap::new(),
            };
            self.keys.insert(key.clone(), entry);
        }
        let Some(entry) = self.keys.get_mut(key) else { return };
        if offset < entry.covered {
            return;
        }
        let next = processor.step(&mut entry.state, input, &mut Collect { key, stepped });
        if entry.dirty.is_none() {
            entry.dirty = Some((offset, self.stream_ms));
            self.dirty.insert((offset, key.clone()));
            self.aged.insert((self.stream_ms, key.clone()));
        }
        let wake = match next {
            Next::Keep => processor.wake_at(&entry.state),
            Next::Forget => None,
        };
        self.wakes.change(key, &mut entry.wake, wake);
        if matches!(next, Next::Forget) {
            for (section, parts) in std::mem::take(&mut entry.parts) {
                let keys = (0..parts).map(|part| snapshot::part_key(key, section, part));
                stepped.forgotten.extend(keys);
            }
            self.clean(key);
            self.keys.remove(key);
            stepped.dropped.push(key.clone());
        }
    }

    /// Steps what is no record of the input: what came back from outside. It is part of whatever
    /// snapshot follows, which must be in the same commit. False when nothing is known of its key.
    pub(super) fn inject(
        &mut self,
        processor: &P,
        input: &P::Input,
        stepped: &mut Stepped<P>,
    ) -> bool {
        let (Some(key), Some(next)) = (input.key(), self.next) else { return false };
        if !self.keys.contains_key(&key) {
            return false;
        }
        self.moved = true;
        self.step(processor, &key, input, next, stepped);
        true
    }

    /// The state of a key.
    pub(super) fn state(&self, key: &KeyOf<P>) -> Option<&P::State> {
        self.keys.get(key).map(|entry| &entry.state)
    }

    /// All keys with their state, in order.
    pub(super) fn states(&self) -> Vec<(&KeyOf<P>, &P::State)> {
        let mut all: Vec<_> = self.keys.iter().map(|(key, it)| (key, &it.state)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Keys whose snapshots do not cover all that was stepped.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = KeyOf<P>> + '_ {
        self.dirty.iter().map(|(_, key)| key.clone())
    }

    /// Lets what was published of a key hold; its state is saved in the next commit.
    pub(super) fn reconcile(
        &mut self,
        processor: &P,
        key: &KeyOf<P>,
        published: &[P::Recall],
        stepped: &mut Stepped<P>,
    ) {
        self.reconciled = true;
        let Some(entry) = self.keys.get_mut(key) else { return };
        processor.reconcile(&mut entry.state, published, &mut Collect { key, stepped });
        let wake = processor.wake_at(&entry.state);
        self.wakes.change(key, &mut entry.wake, wake);
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

    fn clean(&mut self, key: &KeyOf<P>) {
        let Some(entry) = self.keys.get_mut(key) else { return };
        if let Some((offset, since)) = entry.dirty.take() {
            self.dirty.remove(&(offset, key.clone()));
            self.aged.remove(&(since, key.clone()));
        }
    }

    /// Keys whose oldest unsaved change is due, oldest first; all that changed without a pace.
    pub(super) fn due_snapshots(&self, pace_ms: Option<i64>, limit: usize) -> Vec<KeyOf<P>> {
        let due = |(since, key): &&(i64, KeyOf<P>)| match pace_ms {
            None => true,
            Some(pace) => self.stream_ms.saturating_sub(*since) >= spread(key, pace),
        };
        // Half the pace is the earliest that any key is due.
        let young = |(since, _): &&(i64, KeyOf<P>)| {
            pace_ms.is_none_or(|pace| self.stream_ms.saturating_sub(*since) >= pace / 2)
        };
        let aged = self.aged.iter().take_while(young).filter(due).take(limit);
        aged.map(|(_, key)| key.clone()).collect()
    }

    /// The records of a key's snapshot, which covers everything stepped so far.
    pub(super) fn snapshot(&mut self, processor: &P, key: &KeyOf<P>) -> Vec<(Bytes, Bytes)> {
        let Some(next) = self.next else { return Vec::new() };
        let Some(entry) = self.keys.get_mut(key) else { return Vec::new() };
        let mut records = Vec::new();
        let Entry { state, parts, .. } = entry;
        processor.save(state, &mut |section, bytes| {
            let values = snapshot::split(P::LOGIC_VERSION, next, bytes);
            let known = parts.entry(section).or_default();
            *known = (*known).max(values.len() as u16);
            let keys = (0..).map(|part| snapshot::part_key(key, section, part));
            records.extend(keys.zip(values));
        });
        // Without a position in it, a commit of snapshots alone would be dropped.
        self.moved = true;
        self.clean(key);
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
fn spread<K: StateKey>(key: &K, pace_ms: i64) -> i64 {
    let half = pace_ms / 2;
    half + (key.spread() % half.max(1).unsigned_abs()) as i64
}

impl From<Refusal> for Poison {
    fn from(Refusal { reason, error }: Refusal) -> Self {
        Self { reason, error }
    }
}

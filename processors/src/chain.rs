//! The chain: one record in, everything that follows from it out.

use schemas::{Anomaly, Baseline, Control, DeviceId, DeviceInput, DeviceStatus, Poll};

use crate::availability::Changed;
use crate::baseline::{Evidence, METHOD, Move, Range};
use crate::facts::Texts;
use crate::rates::{Connector, Slotted};
use crate::rollup::{Address, Cell, FIVE_MS};
use crate::state::{Owner, SeriesState, Tables};
use crate::{
    DeviceState, DropReason, LoadError, MAX_CONNECTORS, MAX_SERIES, MAX_SERIES_A_RECORD, Next, Out,
    Output, Processor, Sections, codec,
};

mod counters;
mod reconcile;
mod rows;
mod samples;

/// Later times are taken for nonsense: the year 2200.
const MOST_TIME_MS: i64 = 7_258_118_400_000;

/// The longest interval between polls: a week.
pub(crate) const MOST_INTERVAL_MS: i64 = 7 * 86_400_000;

/// Counts and clocks beyond are taken for nonsense; so sums cannot overflow.
const MOST_CLOCK: i64 = 1 << 52;

/// The oldest logic version whose snapshots are in today's form.
const OLDEST_STATE: u32 = 2;

/// Which of the stages run. All do in operation; benchmarks measure them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// Buckets of 5 minutes, 1 hour and 1 day.
    pub rollups: bool,
    /// Baselines and anomalies.
    pub detection: bool,
}

/// Rates, roll-ups, baselines with anomalies, availability and facts of a device, fused.
#[derive(Clone, Copy, Debug)]
pub struct DeviceChain {
    stages: Stages,
}

impl Default for DeviceChain {
    fn default() -> Self {
        Self::with(Stages { rollups: true, detection: true })
    }
}

impl DeviceChain {
    /// A chain of some stages.
    pub const fn with(stages: Stages) -> Self {
        Self { stages }
    }
}

impl Processor for DeviceChain {
    type Input = DeviceInput;
    type Output = Output;
    type Recall = Anomaly;
    type State = DeviceState;
    const NAME: &'static str = "device";
    const LOGIC_VERSION: u32 = 4;

    fn step(&self, state: &mut DeviceState, input: &DeviceInput, out: &mut dyn Out) -> Next {
        match input {
            DeviceInput::Poll(poll) => {
                self.poll(state, poll, out);
                Next::Keep
            }
            DeviceInput::Control(control) => self.control(state, control, out),
            DeviceInput::Tick(tick) => {
                let due = self.wake_at(state).is_some_and(|wake| wake <= tick.at);
                if due { self.tick(state, tick.at, out) } else { Next::Keep }
            }
        }
    }

    fn wake_at(&self, state: &DeviceState) -> Option<i64> {
        state.owner.as_ref()?;
        let watch = [state.watch.wake_at(), state.watch.forgotten_at()];
        watch.into_iter().flatten().chain(state.rollups.wake_at()).min()
    }

    fn save(&self, state: &mut DeviceState, write: &mut dyn FnMut(u16, &[u8])) {
        codec::save(state, write);
    }

    fn load(&self, version: u32, sections: &Sections) -> Result<DeviceState, LoadError> {
        if !(OLDEST_STATE..=Self::LOGIC_VERSION).contains(&version) {
            return Err(LoadError::Version { found: version, known: Self::LOGIC_VERSION });
        }
        codec::load(sections)
    }

    fn reconcile(&self, state: &mut DeviceState, published: &[Anomaly], out: &mut dyn Out) {
        reconcile::reconcile(state, published, out);
    }
}

impl DeviceChain {
    fn poll(&self, state: &mut DeviceState, poll: &Poll, out: &mut dyn Out) {
        let absurd = !(0..=MOST_TIME_MS).contains(&poll.started_at)
            || !(1..=MOST_INTERVAL_MS).contains(&poll.interval_ms)
            || poll.mono_ms.unsigned_abs() > MOST_CLOCK.unsigned_abs()
            || poll.cycle.unsigned_abs() > MOST_CLOCK.unsigned_abs();
        if absurd || !state.owned_by(&poll.tenant, poll.device) {
            out.dropped(DropReason::AbsurdRecord);
            return;
        }
        let Some((connector, slotted)) = accept(&mut state.connectors, poll, out) else { return };
        let last = poll.columns.iter().flat_map(|column| column.at_ms.iter()).max();
        let newest = last.map(|at_ms| poll.started_at + i64::from(*at_ms));
        advance(state, newest, poll.started_at, out);
        let now = state.rollups.clock;
        if let Some(changed) = state.watch.poll(poll, now, slotted == Slotted::Part) {
            publish_status(state, changed, poll.started_at, out);
        }
        let more = poll.part + 1 < poll.parts;
        if state.texts.observe(&poll.facts, poll.started_at, more, out)
            && let Some(owner) = &state.owner
        {
            facts(owner, &state.texts, state.series.len(), poll.started_at, out);
        }
        let before = state.series.len();
        samples::fold(self.stages, state, connector, poll, out);
        let full = before < MAX_SERIES && state.series.len() >= MAX_SERIES;
        if let Some(owner) = state.owner.as_ref().filter(|_| full) {
            facts(owner, &state.texts, state.series.len(), poll.started_at, out);
        }
    }

    fn control(&self, state: &mut DeviceState, control: &Control, out: &mut dyn Out) -> Next {
        if !(0..=MOST_TIME_MS).contains(&control.at)
            || !state.owned_by(&control.tenant, control.device)
        {
            out.dropped(DropReason::AbsurdRecord);
            return Next::Keep;
        }
        if let Some(owner) = &mut state.owner {
            owner.name.clone_from(&control.name);
        }
        if !control.present {
            let reason = "removed from the inventory".to_owned();
            leave(state, control.at, reason, out);
            return Next::Forget;
        }
        let now = state.rollups.clock.max(control.at);
        if let Some(changed) = state.watch.control(control, now) {
            publish_status(state, changed, control.at, out);
        }
        Next::Keep
    }

    fn tick(&self, state: &mut DeviceState, at: i64, out: &mut dyn Out) -> Next {
        advance(state, None, at, out);
        if state.watch.forgotten_at().is_some_and(|forgotten| forgotten <= at) {
            let reason = "not in the inventory and not polled for a day".to_owned();
            leave(state, at, reason, out);
            return Next::Forget;
        }
        if let Some(changed) = state.watch.tick(at) {
            publish_status(state, changed, at, out);
        }
        Next::Keep
    }
}

impl DeviceState {
    /// Whether a record is of this state's device; the first one says whose the state is.
    fn owned_by(&mut self, tenant: &str, device: DeviceId) -> bool {
        match &self.owner {
            Some(owner) => owner.device == device && owner.tenant == tenant,
            None => {
                let (tenant, name) = (tenant.to_owned(), String::new());
                self.owner = Some(Owner { tenant, device, name });
                true
            }
        }
    }
}

/// Finds the poll's connector and takes its slot; counts what is not taken.
fn accept(
    connectors: &mut Vec<Connector>,
    poll: &Poll,
    out: &mut dyn Out,
) -> Option<(usize, Slotted)> {
    let Some(place) = connectors.iter().position(|one| one.name == poll.connector) else {
        if connectors.len() >= MAX_CONNECTORS {
            out.dropped(DropReason::ConnectorLimit);
            return None;
        }
        connectors.push(Connector::first(poll));
        return Some((connectors.len() - 1, Slotted::New));
    };
    let slotted = connectors[place].accept(poll);
    match slotted {
        Slotted::New | Slotted::Part => Some((place, slotted)),
        Slotted::Duplicate => {
            out.dropped(DropReason::DuplicatePoll);
            None
        }
        Slotted::Old => {
            out.dropped(DropReason::OldCycle);
            None
        }
    }
}

/// Moves stream time on: buckets close, and with the 5-minute ones go their bands.
fn advance(state: &mut DeviceState, sample: Option<i64>, clock: i64, out: &mut dyn Out) {
    let DeviceState { owner: Some(owner), series, rollups, tables, .. } = state else { return };
    let (series, tables) = (&*series, &*tables);
    let address = Address { tenant: &owner.tenant, device: owner.device };
    rollups.advance(
        sample,
        clock,
        &|number| series[number].id,
        &address,
        out,
        &mut |start, cells, out| bands(owner, (series, tables), start, cells, out),
    );
}

/// Sends the bands of a bucket that closed, for the series that have one and had samples.
fn bands(
    owner: &Owner,
    (series, tables): (&[SeriesState], &Tables),
    start: i64,
    cells: &[Cell],
    out: &mut dyn Out,
) {
    let middle = start.saturating_add(FIVE_MS / 2);
    let forecast = |one: &SeriesState| {
        let metric = &tables.metrics[one.metric as usize];
        let range = Range::of(one.kind, &metric.name, &metric.unit);
        one.learned.forecast(middle, range).map(|band| (one.id, band))
    };
    let mut known = series
        .iter()
        .zip(cells)
        .filter(|(_, cell)| cell.count > 0)
        .filter_map(|(one, _)| forecast(one))
        .peekable();
    while known.peek().is_some() {
        let mut baseline = Baseline {
            tenant: owner.tenant.clone(),
            device: owner.device,
            bucket: start,
            width_ms: FIVE_MS,
            method: METHOD.to_owned(),
            series: Vec::new(),
            expected: Vec::new(),
            lower: Vec::new(),
            upper: Vec::new(),
        };
        for (id, band) in known.by_ref().take(MAX_SERIES_A_RECORD) {
            baseline.series.push(id);
            baseline.expected.push(band.expected);
            baseline.lower.push(band.lower);
            baseline.upper.push(band.upper);
        }
        out.emit(Output::Baseline(baseline));
    }
}

/// Sends all texts.
fn facts(owner: &Owner, texts: &Texts, series: usize, at: i64, out: &mut dyn Out) {
    for record in texts.records(owner, series, at) {
        out.emit(Output::Facts(record));
    }
}

/// Sends a status.
fn publish_status(state: &DeviceState, changed: Changed, at: i64, out: &mut dyn Out) {
    let Some(owner) = &state.owner else { return };
    out.emit(Output::Status(DeviceStatus {
        tenant: owner.tenant.clone(),
        device: owner.device,
        state: changed.state,
        since: changed.since,
        at,
        reason: changed.reason,
    }));
}

/// Ends what is open before the state goes: buckets, anomalies, status.
fn leave(state: &mut DeviceState, at: i64, reason: String, out: &mut dyn Out) {
    let DeviceState { owner: Some(owner), series, rollups, .. } = &mut *state else { return };
    let address = Address { tenant: &owner.tenant, device: owner.device };
    rollups.finish(&|number| series[number].id, &address, out);
    for number in 0..state.series.len() {
        let Some(episode) = state.series[number].alarm.episode.clone() else { continue };
        let last = episode.last;
        if let Some(made) = state.series[number].alarm.clear() {
            out.emit(Output::Anomaly(anomaly(state, number, at, last, made)));
        }
    }
    let unknown = schemas::Availability::Unknown;
    publish_status(state, Changed { state: unknown, since: at, reason }, at, out);
}

/// The record of a transition; `last` is value, expected, lower, upper.
fn anomaly(state: &DeviceState, number: usize, at: i64, last: Evidence, made: Move) -> Anomaly {
    let one = &state.series[number];
    let metric = &state.tables.metrics[one.metric as usize];
    let Move { made: transition, onset_at, score, first, peak_at, peak } = made;
    let (tenant, device, device_name) = state.owner.as_ref().map_or_else(
        || (String::new(), DeviceId::from_source("", ""), String::new()),
        |owner| (owner.tenant.clone(), owner.device, owner.name.clone()),
    );
    let (value, expected, lower, upper) = last;
    Anomaly {
        tenant,
        id: format!("{}-{onset_at}", one.id),
        transition,
        device,
        device_name,
        series: one.id,
        metric: metric.name.clone(),
        instance: state.tables.instances[one.instance as usize].name.clone(),
        unit: metric.unit.clone(),
        onset_at,
        at,
        value,
        expected,
        lower,
        upper,
        score,
        method: METHOD.to_owned(),
        version: DeviceChain::LOGIC_VERSION as i32,
        onset_value: Some(first.0),
        onset_expected: Some(first.1),
        onset_lower: Some(first.2),
        onset_upper: Some(first.3),
        peak_at: Some(peak_at),
        peak_value: Some(peak.0),
        peak_expected: Some(peak.1),
        peak_lower: Some(peak.2),
        peak_upper: Some(peak.3),
    }
}

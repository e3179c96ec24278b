//! All that is kept of a device: tables of metrics and instances, and its series in one array.

use std::collections::BTreeMap;

use schemas::{Column, DeviceId, Kind, Poll, RowIdentity, Series, SeriesId};

use crate::availability::Watch;
use crate::baseline::{Alarm, Learned};
use crate::facts::Texts;
use crate::rates::{Connector, Course, Reading};
use crate::rollup::Rollups;
use crate::{DropReason, MAX_SERIES, Out, Output};

/// No series, where the number of one is meant.
pub(crate) const NONE: u32 = u32::MAX;

/// The state of one device. Its inside is private: it is made by steps and by loading.
#[derive(Debug, Default)]
pub struct DeviceState {
    pub(crate) owner: Option<Owner>,
    pub(crate) tables: Tables,
    pub(crate) series: Vec<SeriesState>,
    pub(crate) connectors: Vec<Connector>,
    pub(crate) rollups: Rollups,
    pub(crate) watch: Watch,
    pub(crate) texts: Texts,
    /// How many metrics, instances and series there were when their names were last saved.
    pub(crate) names_saved: Option<[usize; 3]>,
}

impl DeviceState {
    /// How many series the device has.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// How many anomalies are open.
    pub fn open_anomalies(&self) -> usize {
        self.series.iter().filter(|series| series.alarm.is_open()).count()
    }
}

/// Whose state it is: from the first record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owner {
    pub(crate) tenant: String,
    pub(crate) device: DeviceId,
    /// Display name from the inventory.
    pub(crate) name: String,
}

/// One series.
#[derive(Clone, Debug)]
pub(crate) struct SeriesState {
    pub(crate) id: SeriesId,
    pub(crate) metric: u32,
    pub(crate) instance: u32,
    /// When the last sample or reading was, by the wall; `i64::MIN` when there is none.
    pub(crate) at: i64,
    /// When a state was last sent.
    pub(crate) sent_at: i64,
    /// A counter's last reading; of a gauge or state, `raw` holds the value's bits.
    pub(crate) reading: Reading,
    /// How a counter runs, beside its last reading.
    pub(crate) course: Course,
    /// Of the last value; a changed kind starts anew.
    pub(crate) kind: Kind,
    pub(crate) learned: Learned,
    pub(crate) alarm: Alarm,
}

impl SeriesState {
    pub(crate) fn new(id: SeriesId, metric: u32, instance: u32, kind: Kind) -> Self {
        Self {
            id,
            metric,
            instance,
            at: i64::MIN,
            sent_at: i64::MIN,
            reading: Reading { raw: 0, line_ms: 0, restarts: 0, breaks: 0 },
            course: Course::default(),
            kind,
            learned: Learned::default(),
            alarm: Alarm::default(),
        }
    }

    /// The last value of a gauge or state.
    pub(crate) fn value(&self) -> Option<f64> {
        match self.kind {
            Kind::Gauge | Kind::State if self.at != i64::MIN => {
                Some(f64::from_bits(self.reading.raw))
            }
            Kind::Gauge | Kind::State => None,
            Kind::Counter32 | Kind::Counter64 | Kind::Discontinuity => None,
        }
    }
}

/// A metric of the device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// Series by instance.
    row: Vec<u32>,
}

/// An instance of the device, a port for example.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Instance {
    pub(crate) name: String,
    /// Last value of the discontinuity marker.
    pub(crate) marker: Option<i64>,
    /// How often the marker changed, or the row behind the name.
    pub(crate) breaks: u32,
    /// Whether it was the row, the last time.
    pub(crate) moved: bool,
    /// What is known of its row beside the name.
    pub(crate) identity: RowIdentity,
    /// Whether its row is in the device's tables.
    pub(crate) presence: Presence,
}

/// Whether a port's row is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    /// 0: it is no port. 1: it was in the last whole cycle. One more for each cycle without it,
    /// up to [`Self::GONE`].
    pub(crate) missed: u8,
    /// Whether it was in the cycle at hand.
    pub(crate) seen: bool,
}

impl Presence {
    /// Not in two cycles in a row: it is not present.
    pub(crate) const GONE: u8 = 3;
}

/// Names to numbers. Numbers are given in order of appearance and never change.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) metrics: Vec<Metric>,
    pub(crate) instances: Vec<Instance>,
    /// Instances by name.
    sorted: Vec<u32>,
}

impl Tables {
    /// The numbers of a poll's columns. As with instances, the one after the last match is tried
    /// first.
    pub(crate) fn metrics(&mut self, columns: &[Column]) -> Vec<usize> {
        let mut next = 0;
        let mut numbers = Vec::with_capacity(columns.len());
        for column in columns {
            let number = match self.metrics.get(next) {
                Some(metric) if metric.name == column.metric => next,
                Some(_) | None => self.metric(&column.metric, &column.unit),
            };
            next = number + 1;
            numbers.push(number);
        }
        numbers
    }

    /// The number of a metric, new or known.
    fn metric(&mut self, name: &str, unit: &str) -> usize {
        if let Some(place) = self.find_metric(name) {
            return place;
        }
        let (name, unit) = (name.to_owned(), unit.to_owned());
        self.metrics.push(Metric { name, unit, row: Vec::new() });
        self.metrics.len() - 1
    }

    /// The number of a known metric. A device has few: a walk is fastest.
    pub(crate) fn find_metric(&self, name: &str) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.name == name)
    }

    /// The numbers of a poll's instances, [`NONE`] of those beyond as many as there may be series.
    /// Polls name them in the same order over and over, so the one after the last match is tried
    /// first.
    pub(crate) fn instances(&mut self, names: &[String]) -> Vec<u32> {
        let mut next = 0;
        let mut numbers = Vec::with_capacity(names.len());
        let mut fresh: BTreeMap<&str, u32> = BTreeMap::new();
        for name in names {
            let number = match self.instances.get(next) {
                Some(instance) if instance.name == *name => next as u32,
                Some(_) | None => match self.find(name).or_else(|| fresh.get(&**name).copied()) {
                    Some(number) => number,
                    None if self.instances.len() >= MAX_SERIES => NONE,
                    None => {
                        let number = self.instances.len() as u32;
                        fresh.insert(name, number);
                        let name = name.clone();
                        self.instances.push(Instance { name, ..Instance::default() });
                        number
                    }
                },
            };
            next = (number as usize).saturating_add(1);
            numbers.push(number);
        }
        if !fresh.is_empty() {
            self.sort();
        }
        numbers
    }

    /// The number of an instance that is known since the last sorting.
    fn find(&self, name: &str) -> Option<u32> {
        let named = |number: &u32| self.instances[*number as usize].name.as_str();
        let place = self.sorted.binary_search_by(|number| named(number).cmp(name));
        place.ok().map(|place| self.sorted[place])
    }

    fn sort(&mut self) {
        self.sorted = (0..self.instances.len() as u32).collect();
        let instances = &self.instances;
        self.sorted.sort_by_key(|number| instances[*number as usize].name.as_str());
    }

    /// The series of a metric and instance, or [`NONE`].
    pub(crate) fn series(&self, metric: usize, instance: u32) -> u32 {
        self.metrics[metric].row.get(instance as usize).copied().unwrap_or(NONE)
    }

    fn set_series(&mut self, metric: usize, instance: u32, number: u32) {
        let row = &mut self.metrics[metric].row;
        let place = instance as usize;
        if row.len() <= place {
            row.resize(self.instances.len().max(place + 1), NONE);
        }
        row[place] = number;
    }

    /// Fills the look-up tables from the lists that are saved.
    pub(crate) fn index(&mut self, series: &[SeriesState]) {
        self.sort();
        for (number, one) in series.iter().enumerate() {
            self.set_series(one.metric as usize, one.instance, number as u32);
        }
    }

    /// A metric as it is loaded.
    pub(crate) fn push_metric(&mut self, name: String, unit: String) {
        self.metrics.push(Metric { name, unit, row: Vec::new() });
    }
}

/// The record that says what a series is.
pub(crate) fn identity(owner: &Owner, tables: &Tables, one: &SeriesState) -> Series {
    let metric = &tables.metrics[one.metric as usize];
    Series {
        tenant: owner.tenant.clone(),
        id: one.id,
        device: owner.device,
        metric: metric.name.clone(),
        instance: tables.instances[one.instance as usize].name.clone(),
        unit: metric.unit.clone(),
        state: one.kind == Kind::State,
    }
}

impl DeviceState {
    /// The numbers of the series that a poll's columns name, column after column, [`NONE`] where
    /// there is none. Makes those that are not there yet, and says so.
    pub(crate) fn meet_series(
        &mut self,
        poll: &Poll,
        metrics: &[usize],
        instances: &[u32],
        out: &mut dyn Out,
    ) -> Vec<u32> {
        let samples = poll.columns.iter().map(|column| column.instances.len()).sum();
        let mut numbers = Vec::with_capacity(samples);
        let Some(owner) = &self.owner else { return numbers };
        let before = self.series.len();
        for (column, metric) in poll.columns.iter().zip(metrics) {
            let is_marker = column.kind == Kind::Discontinuity;
            for place in &column.instances {
                let instance = usize::try_from(*place).ok().and_then(|p| instances.get(p));
                let Some(instance) = instance.filter(|_| !is_marker) else {
                    numbers.push(NONE);
                    continue;
                };
                let known = self.tables.series(*metric, *instance);
                if known != NONE {
                    numbers.push(known);
                    continue;
                }
                if self.series.len() >= MAX_SERIES || *instance == NONE {
                    out.dropped(DropReason::SeriesLimit);
                    numbers.push(NONE);
                    continue;
                }
                let name = &self.tables.instances[*instance as usize].name;
                let id = SeriesId::of(&owner.tenant, owner.device, &column.metric, name);
                let number = self.series.len() as u32;
                self.tables.set_series(*metric, *instance, number);
                let one = SeriesState::new(id, *metric as u32, *instance, column.kind);
                out.emit(Output::Series(identity(owner, &self.tables, &one)));
                self.series.push(one);
                numbers.push(number);
            }
        }
        if self.series.len() != before {
            self.series.shrink_to_fit();
        }
        numbers
    }
}

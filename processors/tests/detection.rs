//! Detection on simulated series: what is found, how soon, and how often it cries wolf.
//!
//! Deterministic: the noise comes from a fixed generator.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::wildcard_enum_match_arm, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::{START, Sink, column, poll};
use processors::{DeviceChain, DeviceState, Output, Processor};
use schemas::{DeviceInput, Kind, Transition};

/// Sum of uniform numbers: near enough to normal, mean 0, deviation 1.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// How the quiet series look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// A day's swing of traffic with 5 % noise.
    Swing,
    /// The same, noise that remembers (0.8 from poll to poll).
    Memory,
    /// The same, with a burst to the double now and then, one poll long.
    Bursts,
    /// Rare errors.
    Errors,
    /// Optical power in steps of 0.1 dB.
    Optical,
    /// Round-trip times: skewed.
    Ping,
}

const SHAPES: [Shape; 6] =
    [Shape::Swing, Shape::Memory, Shape::Bursts, Shape::Errors, Shape::Optical, Shape::Ping];

impl Shape {
    fn counter(self) -> bool {
        match self {
            Self::Swing | Self::Memory | Self::Bursts | Self::Errors => true,
            Self::Optical | Self::Ping => false,
        }
    }
}

/// A change of a series for a while: factor for traffic, dB for optics.
#[derive(Clone, Copy, Debug)]
struct Fault {
    from: i64,
    until: i64,
    factor: f64,
}

struct One {
    shape: Shape,
    noise: Noise,
    memory: f64,
    count: f64,
    faults: Vec<Fault>,
}

impl One {
    fn value(&mut self, at: i64, day_ms: i64) -> f64 {
        let phase = (at % day_ms) as f64 / day_ms as f64 * std::f64::consts::TAU;
        let swing = 1.0 + 0.6 * phase.sin();
        let n = self.noise.normal();
        self.memory = 0.8 * self.memory + 0.6 * n;
        let fault = self.faults.iter().find(|fault| (fault.from..fault.until).contains(&at));
        let factor = fault.map_or(1.0, |fault| fault.factor);
        match self.shape {
            Shape::Swing => 1e8 * swing * (1.0 + 0.05 * n) * factor,
            Shape::Memory => 1e8 * swing * (1.0 + 0.05 * self.memory) * factor,
            Shape::Bursts => {
                let burst = if self.noise.uniform() < 0.01 { 2.0 } else { 1.0 };
                1e8 * swing * (1.0 + 0.05 * n) * burst * factor
            }
            Shape::Errors => {
                let rare = if self.noise.uniform() < 0.01 { 0.2 } else { 0.0 };
                // A drop of nothing is nothing: errors only ever rise.
                rare + if factor == 1.0 { 0.0 } else { 2.0 }
            }
            Shape::Optical => {
                let lost = if factor == 1.0 { 0.0 } else { 3.0 };
                ((-8.0 + 0.1 * n - lost) * 10.0).round() / 10.0
            }
            Shape::Ping => {
                let tail = self.noise.uniform();
                (2.0 + 0.2 * n.abs() + 0.3 * tail * tail * tail) * factor
            }
        }
    }
}

struct Found {
    onsets: BTreeMap<usize, Vec<i64>>,
    clears: BTreeMap<usize, Vec<i64>>,
}

/// Polls a device whose ports are the series, one shape each in turn.
fn simulate(series: &mut [One], interval_ms: i64, day_ms: i64, until: i64) -> Found {
    let chain = DeviceChain::default();
    let mut state = DeviceState::default();
    let mut found = Found { onsets: BTreeMap::new(), clears: BTreeMap::new() };
    for cycle in 0..until / interval_ms {
        let at = cycle * interval_ms;
        let mut counts = column("rate", Kind::Counter64, vec![], vec![]);
        let mut gauges = column("value", Kind::Gauge, vec![], vec![]);
        gauges.quantum = 0.01;
        for (place, one) in series.iter_mut().enumerate() {
            let value = one.value(at, day_ms);
            if one.shape.counter() {
                one.count += value * interval_ms as f64 / 1000.0;
                counts.instances.push(place as i32);
                counts.counts.push(one.count as i64);
                counts.at_ms.push(0);
            } else {
                gauges.instances.push(place as i32);
                gauges.gauges.push(value);
                gauges.at_ms.push(0);
            }
        }
        let mut record = poll("snmp", cycle, interval_ms);
        record.instances = (0..series.len()).map(|place| place.to_string()).collect();
        record.columns = vec![counts, gauges];
        let mut sink = Sink::default();
        chain.step(&mut state, &DeviceInput::Poll(Box::new(record)), &mut sink);
        for output in sink.outputs {
            if let Output::Anomaly(anomaly) = output {
                let place: usize = anomaly.instance.parse().unwrap();
                let list = match anomaly.transition {
                    Transition::Onset => &mut found.onsets,
                    Transition::Clear => &mut found.clears,
                    Transition::Change => continue,
                };
                list.entry(place).or_default().push(anomaly.at - START);
            }
        }
    }
    found
}

fn ports(count: usize, faults: impl Fn(usize) -> Vec<Fault>) -> Vec<One> {
    (0..count)
        .map(|place| One {
            shape: SHAPES[place % SHAPES.len()],
            noise: Noise(0x9e37_79b9_7f4a_7c15 ^ (place as u64 + 1) << 20),
            memory: 0.0,
            count: 0.0,
            faults: faults(place),
        })
        .collect()
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Onsets without a fault, by shape, per series and day.
fn false_alarms(title: &str, interval_ms: i64, day_ms: i64, until: i64) -> f64 {
    let mut series = ports(60, |_| Vec::new());
    let found = simulate(&mut series, interval_ms, day_ms, until);
    let mut by_shape: BTreeMap<Shape, usize> = BTreeMap::new();
    for (place, onsets) in &found.onsets {
        *by_shape.entry(series[*place].shape).or_default() += onsets.len();
    }
    let days = until as f64 / DAY as f64;
    let total: usize = by_shape.values().sum();
    let rate = total as f64 / days / series.len() as f64;
    println!("{title}: {rate:.4} false alarms per series and day; by shape {by_shape:?}");
    rate
}

#[test]
fn quiet_series_stay_quiet() {
    // The demo network's day lasts an hour.
    assert!(false_alarms("day of 1 h, polls of 10 s", 10_000, HOUR, DAY) < 0.1);
    assert!(false_alarms("day of 1 h, polls of 15 s", 15_000, HOUR, DAY) < 0.1);
    assert!(false_alarms("real day, polls of 60 s", MINUTE, DAY, 14 * DAY) < 0.02);
}

/// A fault an hour on every series: each must give one onset soon and one clear soon.
fn episodes(title: &str, interval_ms: i64, day_ms: i64, length: i64, factor: f64) -> (f64, f64) {
    let every = 97 * MINUTE;
    let until = DAY;
    let faults = |place: usize| {
        let first = 30 * MINUTE + place as i64 * 77_000;
        let starts = (0..).map(|n| first + n * every).take_while(|from| from + HOUR < until);
        starts.map(|from| Fault { from, until: from + length, factor }).collect()
    };
    let mut series = ports(60, faults);
    let found = simulate(&mut series, interval_ms, day_ms, until);
    let (mut faults, mut exact, mut missed, mut extra) = (0, 0, 0, 0);
    let mut delay = 0;
    let none = Vec::new();
    let mut wrong: BTreeMap<Shape, (usize, usize)> = BTreeMap::new();
    for (place, one) in series.iter().enumerate() {
        let onsets = found.onsets.get(&place).unwrap_or(&none);
        let clears = found.clears.get(&place).unwrap_or(&none);
        let mut owned = 0;
        for fault in &one.faults {
            faults += 1;
            // An episode belongs to the fault it begins in.
            let mine = onsets.iter().filter(|at| (fault.from..fault.until).contains(at));
            let mine: Vec<i64> = mine.copied().collect();
            let over = clears.iter().any(|at| (fault.from..fault.until + 10 * MINUTE).contains(at));
            owned += mine.len();
            match mine.len() {
                0 => missed += 1,
                1 if over => {
                    exact += 1;
                    delay += mine[0] - fault.from;
                }
                _ => {}
            }
            if mine.len() != 1 || !over {
                wrong.entry(one.shape).or_default().0 += 1;
            }
        }
        extra += onsets.len() - owned;
        if onsets.len() > owned {
            wrong.entry(one.shape).or_default().1 += onsets.len() - owned;
        }
    }
    let share = f64::from(exact) / f64::from(faults);
    println!(
        "{title}: {exact} of {faults} faults gave one onset and one clear, {missed} missed, \
         {extra} onsets outside of faults, onset after {} s on average; (wrong, extra) {wrong:?}",
        delay / i64::from(exact.max(1)) / 1000
    );
    (share, extra as f64 / series.len() as f64)
}

#[test]
fn a_step_gives_one_onset_and_one_clear() {
    let (share, extra) = episodes("×5 for 2 min, polls of 10 s", 10_000, HOUR, 2 * MINUTE, 5.0);
    assert!(share > 0.98 && extra < 0.1, "{share} {extra}");
    let (share, extra) = episodes("×5 for 2 min, polls of 15 s", 15_000, HOUR, 2 * MINUTE, 5.0);
    assert!(share > 0.98 && extra < 0.1, "{share} {extra}");
    let (share, extra) = episodes("drop to 0.05 for 5 min", 10_000, HOUR, 5 * MINUTE, 0.05);
    assert!(share > 0.75 && extra < 0.2, "{share} {extra}");
    let (share, extra) = episodes("×2 for 10 min, real day", 10_000, DAY, 10 * MINUTE, 2.0);
    assert!(share > 0.98 && extra < 0.1, "{share} {extra}");
}

/// Transitions with their times.
type Published = Vec<(Transition, i64)>;

/// Loss as the poller measures it with three echoes, a minute apart: what was published, and all
/// bands.
fn loss(values: impl Iterator<Item = f64>) -> (Published, Vec<(f64, f64)>) {
    let (chain, mut state) = (DeviceChain::default(), DeviceState::default());
    let (mut published, mut bands) = (Vec::new(), Vec::new());
    for (cycle, value) in values.enumerate() {
        let mut record = poll("icmp", cycle as i64, MINUTE);
        let mut ratio = column("icmp_loss_ratio", Kind::Gauge, vec![], vec![value]);
        ratio.quantum = 1.0 / 3.0;
        let mut trip = column("icmp_rtt_ms", Kind::Gauge, vec![], vec![0.3 + value]);
        trip.unit = "ms".to_owned();
        trip.quantum = 0.1;
        trip.detect = value == 0.0;
        record.instances = vec![String::new()];
        record.columns = vec![ratio, trip];
        let mut sink = Sink::default();
        chain.step(&mut state, &DeviceInput::Poll(Box::new(record)), &mut sink);
        for output in sink.outputs {
            match output {
                Output::Anomaly(anomaly) => {
                    bands.push((anomaly.lower, anomaly.upper));
                    published.push((anomaly.transition, (anomaly.at - START) / MINUTE));
                }
                Output::Baseline(band) => bands.extend(band.lower.into_iter().zip(band.upper)),
                _ => {}
            }
        }
    }
    (published, bands)
}

#[test]
fn lost_echoes_are_an_anomaly_and_no_band_is_beyond_what_can_be() {
    let check = |lost: fn(i64) -> f64, expected: &[(Transition, std::ops::RangeInclusive<i64>)]| {
        let (published, bands) = loss((0..300).map(lost));
        assert!(published.len() == expected.len(), "{published:?}");
        for ((transition, at), (of, when)) in published.iter().zip(expected) {
            assert!(transition == of && when.contains(at), "{published:?}");
        }
        assert!(bands.len() > 50);
        assert!(bands.iter().all(|(lower, upper)| *lower >= 0.0 && upper > lower), "{bands:?}");
    };
    use Transition::{Clear, Onset};
    let episode = [(Onset, 102..=103), (Clear, 163..=164)];
    check(|at| f64::from((100..160).contains(&at)), &episode);
    // A third for an hour is published, and not taken for normal meanwhile.
    check(|at| f64::from((100..160).contains(&at)) / 3.0, &episode);
    // One echo now and then is none.
    check(|at| f64::from(at % 25 == 24) / 3.0, &[]);
}

//! What a measurement says.

use std::fmt;

use serde::Serialize;

use super::machine::Machine;

/// A number with its unit.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what, e.g. `samples/cpu-s`.
    pub unit: &'static str,
}

/// A measurement: what was done, where, and what came out. The first figure is the one that the
/// measurement is named for.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    name: &'static str,
    /// What was measured, in a sentence.
    what: String,
    machine: Machine,
    figures: Vec<Figure>,
}

impl Report {
    pub(super) fn new(name: &'static str, what: String) -> Self {
        Self { name, what, machine: Machine::look(), figures: Vec::new() }
    }

    pub(super) fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit });
    }

    /// Median, 99th percentile (first, as it is what is promised) and maximum of times in ms.
    pub(super) fn add_ms(&mut self, name: &str, mut ms: Vec<f64>) {
        ms.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (ms.len() as f64 * share).ceil() as usize;
            ms.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        self.add(format!("{name}, p99"), at(0.99), "ms");
        self.add(format!("{name}, p50"), at(0.5), "ms");
        self.add(format!("{name}, at most"), at(1.0), "ms");
        self.add(format!("{name}, how many"), ms.len() as f64, "");
    }
}

/// The last line is `NAME VALUE UNIT`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        writeln!(f, "{}", self.machine)?;
        for figure in &self.figures {
            writeln!(f, "  {:<48} {:>12} {}", figure.name, short(figure.value), figure.unit)?;
        }
        match self.figures.first() {
            Some(first) => writeln!(f, "{} {} {}", self.name, short(first.value), first.unit),
            None => writeln!(f, "{} gave no figure", self.name),
        }
    }
}

/// Three digits are more than two runs agree on.
fn short(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let mut report = Report::new("x", String::new());
        report.add_ms("a", (1..=200).rev().map(f64::from).collect());
        report.add_ms("b", vec![7.0]);
        let values: Vec<f64> = report.figures.iter().map(|figure| figure.value).collect();
        assert_eq!(values, [198.0, 100.0, 200.0, 200.0, 7.0, 7.0, 7.0, 1.0]);
    }

    #[test]
    fn the_last_line_is_name_value_unit() {
        let mut report = Report::new("process", "Polls through the chain.".into());
        report.add("whole chain", 2_345_678.4, "samples/cpu-s");
        report.add("state", 3.456, "B/sample");
        let text = report.to_string();
        assert_eq!(text.lines().last(), Some("process 2345678 samples/cpu-s"));
        assert!(text.contains("3.46 B/sample"), "{text}");
        assert!(text.contains("cores"), "{text}");
    }
}

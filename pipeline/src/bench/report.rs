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

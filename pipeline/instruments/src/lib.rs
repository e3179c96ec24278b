//! Families of metrics. The promise: a family is declared once, with its name, type, unit, labels
//! and help; counting code, the exposition at `/metrics` and docs/METRICS.md take it from there.
//!
//! How: [`families!`] makes a static for each family and the list of all of them. A value is given
//! to the static, with exactly as many label values as the family has labels.
//!
//! Nothing here knows what is measured, or who collects it.

use metrics::Label;

/// What kind of numbers a family holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows, from the process's start.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How many were at most so large, for each of these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// What one of it is. Prometheus has base units only, and they end the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `_seconds`
    Seconds,
    /// `_bytes`
    Bytes,
    /// A number of what the name says.
    Number,
}

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// As it stands in `/metrics`.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says: [`Family::help`].
    pub doc: &'static str,
}

impl Unit {
    /// In words; nothing for a number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Number => "",
        }
    }
}

impl Family {
    /// What one of it is.
    pub fn unit(&self) -> Unit {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        if name.ends_with("_seconds") {
            Unit::Seconds
        } else if name.ends_with("_bytes") {
            Unit::Bytes
        } else {
            Unit::Number
        }
    }

    /// What it says, in one line and without the full stop.
    pub fn help(&self) -> String {
        let words: Vec<&str> = self.doc.split_whitespace().collect();
        let text = words.join(" ");
        text.strip_suffix('.').map(str::to_owned).unwrap_or(text)
    }

    /// What is wrong with the name, by Prometheus's rules.
    pub fn problem(&self, prefix: &str) -> Option<&'static str> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let counts = self.kind == Kind::Counter;
        if !self.name.starts_with(prefix) {
            Some("it lacks the prefix")
        } else if !self.name.bytes().all(legal) {
            Some("it has other characters than a-z, 0-9 and _")
        } else if counts != self.name.ends_with("_total") {
            Some("counters, and nothing else, end in _total")
        } else if ["_ms", "_ns", "_us", "_minutes", "_kb", "_mb"]
            .iter()
            .any(|unit| self.name.trim_end_matches("_total").ends_with(unit))
        {
            Some("its unit is no base unit")
        } else if self.help().is_empty() {
            Some("it has no help")
        } else {
            None
        }
    }

    fn values(&self, values: &[&str]) -> Vec<Label> {
        let pairs = self.labels.iter().zip(values);
        pairs.map(|(name, value)| Label::new(*name, (*value).to_owned())).collect()
    }
}

/// A family whose type and number of labels the compiler knows.
macro_rules! typed {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<const N: usize>(Family);

        impl<const N: usize> $name<N> {
            /// The family.
            pub const fn family(&self) -> &Family {
                &self.0
            }
        }
    };
}

typed! {
    /// A family of counters.
    Counter
}
typed! {
    /// A family of gauges.
    Gauge
}
typed! {
    /// A family of histograms.
    Histogram
}

impl<const N: usize> Counter<N> {
    /// For [`families!`].
    pub const fn new(
        name: &'static str,
        labels: &'static [&'static str; N],
        doc: &'static str,
    ) -> Self {
        Self(Family { name, kind: Kind::Counter, labels, doc })
    }

    /// Counts so many more.
    pub fn add(&self, values: [&str; N], more: u64) {
        metrics::counter!(self.0.name, self.0.values(&values)).increment(more);
    }
}

impl<const N: usize> Gauge<N> {
    /// For [`families!`].
    pub const fn new(
        name: &'static str,
        labels: &'static [&'static str; N],
        doc: &'static str,
    ) -> Self {
        Self(Family { name, kind: Kind::Gauge, labels, doc })
    }

    /// It is so much now.
    pub fn set(&self, values: [&str; N], value: f64) {
        metrics::gauge!(self.0.name, self.0.values(&values)).set(value);
    }
}

impl<const N: usize> Histogram<N> {
    /// For [`families!`].
    pub const fn new(
        name: &'static str,
        labels: &'static [&'static str; N],
        doc: &'static str,
        bounds: &'static [f64],
    ) -> Self {
        Self(Family { name, kind: Kind::Histogram(bounds), labels, doc })
    }

    /// One more of this size.
    pub fn record(&self, values: [&str; N], value: f64) {
        metrics::histogram!(self.0.name, self.0.values(&values)).record(value);
    }
}

/// Describes each family to the recorder. A counter without labels begins with 0, for a rate
/// over what is absent is no rate.
pub fn describe(families: &[&'static Family]) {
    for family in families {
        let help = family.help();
        match family.kind {
            Kind::Counter => {
                metrics::describe_counter!(family.name, help);
                if family.labels.is_empty() {
                    metrics::counter!(family.name).increment(0);
                }
            }
            Kind::Gauge => metrics::describe_gauge!(family.name, help),
            Kind::Histogram(_) => metrics::describe_histogram!(family.name, help),
        }
    }
}

/// Declares families, and a list of all of them. The comment on each is its help.
///
/// ```
/// instruments::families! {
///     /// Families of this crate.
///     pub FAMILIES;
///
///     /// Requests answered.
///     REQUESTS: Counter = "opsc_requests_total" ["route", "status"];
///     /// Duration of requests.
///     DURATION: Histogram = "opsc_request_seconds" ["route"] of &[0.1, 1.0];
/// }
/// REQUESTS.add(["/", "200"], 1);
/// assert_eq!(FAMILIES[1].help(), "Duration of requests");
/// ```
#[macro_export]
macro_rules! families {
    ($(#[doc = $about:literal])+ $visible:vis $list:ident;
     $($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $family:literal
        [$($label:literal),*] $(of $bounds:expr)?;)+) => {
        $($(#[doc = $doc])+
        $visible static $name: $crate::$kind<{ <[&str]>::len(&[$($label),*]) }> =
            $crate::$kind::new($family, &[$($label),*], concat!($($doc),+) $(, $bounds)?);)+

        $(#[doc = $about])+
        pub static $list: &[&$crate::Family] = &[$($name.family()),+];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &'static str, kind: Kind) -> Family {
        Family { name, kind, labels: &[], doc: " Of a\n test." }
    }

    #[test]
    fn a_name_says_type_and_unit() {
        let problem = |name, kind| family(name, kind).problem("opsc_");
        assert_eq!(problem("opsc_polls_total", Kind::Counter), None);
        assert_eq!(problem("opsc_lag_seconds", Kind::Gauge), None);
        assert!(problem("polls_total", Kind::Counter).is_some());
        assert!(problem("opsc_polls", Kind::Counter).is_some());
        assert!(problem("opsc_devices_total", Kind::Gauge).is_some());
        assert!(problem("opsc_lag_ms", Kind::Gauge).is_some());
        assert!(problem("opsc_cpu_ms_total", Kind::Counter).is_some());
        assert!(problem("opsc_Lag", Kind::Gauge).is_some());
        let none = Family { doc: " ", ..family("opsc_lag", Kind::Gauge) };
        assert!(none.problem("opsc_").is_some());
    }

    #[test]
    fn units_come_from_the_name() {
        let unit = |name| family(name, Kind::Gauge).unit();
        assert_eq!(unit("opsc_cpu_seconds_total"), Unit::Seconds);
        assert_eq!(unit("opsc_queue_bytes"), Unit::Bytes);
        assert_eq!(unit("opsc_polls_total"), Unit::Number);
    }

    #[test]
    fn help_is_one_line() {
        assert_eq!(family("a", Kind::Gauge).help(), "Of a test");
    }
}

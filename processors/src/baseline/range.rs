//! What values a metric can have at all, from its kind, name and unit.

use schemas::Kind;

/// A quantum wider than this share of all that a metric can be would hide everything: three
/// echoes show a loss of a third at best, and all of them lost is three quanta. With a sixteenth,
/// one echo of three lost lies beyond the band, and nothing that is less than a quarter does.
const GRAINS: f64 = 16.0;

/// Least and greatest value, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    least: f64,
    greatest: f64,
}

impl Range {
    const ANY: Self = Self { least: f64::NEG_INFINITY, greatest: f64::INFINITY };
    const POSITIVE: Self = Self { least: 0.0, greatest: f64::INFINITY };

    /// Units (UCUM) of which there is never less than nothing; levels and temperatures are not
    /// among them.
    const AMOUNTS: [&str; 8] = ["s", "ms", "bit/s", "packet/s", "By", "By/s", "1/s", "Hz"];

    pub(crate) fn of(kind: Kind, metric: &str, unit: &str) -> Self {
        let counted = match kind {
            Kind::Counter32 | Kind::Counter64 | Kind::Discontinuity => true,
            Kind::Gauge | Kind::State => false,
        };
        match unit {
            "1" if metric.ends_with("_ratio") => Self { least: 0.0, greatest: 1.0 },
            "%" => Self { least: 0.0, greatest: 100.0 },
            _ if counted || Self::AMOUNTS.contains(&unit) => Self::POSITIVE,
            _ => Self::ANY,
        }
    }

    pub(super) fn clamp(self, value: f64) -> f64 {
        value.clamp(self.least, self.greatest)
    }

    /// The quantum's part of the least scale that must not hide all there is; none where the
    /// metric has no two ends.
    pub(super) fn grain(self, quantum: f64) -> Option<f64> {
        let span = self.greatest - self.least;
        span.is_finite().then(|| quantum.min(span / GRAINS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_say_what_can_be() {
        let check = |kind, metric, unit, least, greatest| {
            assert_eq!(Range::of(kind, metric, unit), Range { least, greatest }, "{metric}");
        };
        let (none, all) = (f64::NEG_INFINITY, f64::INFINITY);
        check(Kind::Gauge, "icmp_loss_ratio", "1", 0.0, 1.0);
        check(Kind::Gauge, "icmp_rtt_ms", "ms", 0.0, all);
        check(Kind::Gauge, "cpu_load", "%", 0.0, 100.0);
        check(Kind::Counter64, "if_in_errors", "1", 0.0, all);
        check(Kind::Gauge, "rx_power_dbm", "dBm", none, all);
        check(Kind::Gauge, "temperature", "Cel", none, all);
        check(Kind::Gauge, "balance", "1", none, all);
    }
}

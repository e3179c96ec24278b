//! One file per endpoint or small family.

pub(crate) mod anomalies;
pub(crate) mod credentials;
pub(crate) mod device_groups;
pub(crate) mod devices;
pub(crate) mod docs;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod interfaces;
pub(crate) mod password;
pub(crate) mod pollers;
pub(crate) mod probe;
pub(crate) mod process_log;
pub(crate) mod registry;
pub(crate) mod samples;
pub(crate) mod series;
pub(crate) mod session;
pub(crate) mod summary;
pub(crate) mod system;

use chrono::{DateTime, Utc};

/// ms since the epoch.
pub(crate) fn ms(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// The present, ms since the epoch.
pub(crate) fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// From ms since the epoch; `read_time` has seen to the limits.
pub(crate) fn time(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default()
}

/// Latest time taken: the year 2200.
pub(crate) const MAX_TIME_MS: i64 = 7_258_118_400_000;

/// Takes a parameter that is a time.
pub(crate) fn read_time(fields: &mut crate::http::Fields, name: &str) -> Option<i64> {
    fields.integer(name, 0, MAX_TIME_MS)
}

/// Refuses a period that ends before it begins.
pub(crate) fn check_period(fields: &mut crate::http::Fields, from: Option<i64>, to: Option<i64>) {
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        fields.wrong("to", "must not be before from");
    }
}

/// A pattern that finds the text anywhere, taken literally.
pub(crate) fn like(text: &str) -> String {
    let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{literal}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_text_is_literal() {
        assert_eq!(like(r"50%_\"), r"%50\%\_\\%");
    }
}

//! What PostgreSQL would refuse, or keep although it is absurd, found before it is asked.

/// A record's time may be so far ahead of the time at which the log took it.
pub const FUTURE_TOLERANCE_MS: i64 = 60_000;

/// 2000-01-01: no measurement of ours is older.
const EARLIEST_MS: i64 = 946_684_800_000;
/// 9999-12-31, well inside what PostgreSQL holds.
const LATEST_MS: i64 = 253_402_214_400_000;
/// One day in ms.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Longest texts in bytes. What stands in an index must stay below a third of a page (2,700 bytes)
/// together with its neighbours.
pub(crate) const MAX_TENANT: usize = 128;
pub(crate) const MAX_NAME: usize = 256;
pub(crate) const MAX_INSTANCE: usize = 512;
/// What people call things: commands take 200 characters, of up to four bytes each.
pub(crate) const MAX_WORDS: usize = 1_024;
pub(crate) const MAX_TEXT: usize = 16_384;

/// Why one record is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word of the dead letters' closed list.
    pub reason: &'static str,
    /// What is wrong.
    pub error: String,
}

impl Refusal {
    pub(crate) fn malformed(error: String) -> Self {
        Self { reason: "malformed", error }
    }
}

/// Texts of a record: field name, text, most bytes.
pub(crate) fn texts(fields: &[(&str, &str, usize)]) -> Result<(), Refusal> {
    for (field, text, most) in fields {
        if text.len() > *most {
            return Err(Refusal::malformed(format!(
                "{field} has {} bytes, at most {most} are taken",
                text.len()
            )));
        }
        if text.contains('\0') {
            return Err(Refusal::malformed(format!("{field} contains a NUL character")));
        }
    }
    Ok(())
}

/// Numbers that are neither infinite nor NaN.
pub(crate) fn finite(field: &str, values: &[f64]) -> Result<(), Refusal> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => {
            Err(Refusal::malformed(format!("{field}[{place}] is {}, not a number", values[place])))
        }
    }
}

/// A time of measurement: not before 2000, at most `max_age_ms` older and
/// [`FUTURE_TOLERANCE_MS`] younger than `append_ms`.
pub(crate) fn instant(
    field: &str,
    at_ms: i64,
    append_ms: i64,
    max_age_ms: i64,
) -> Result<(), Refusal> {
    if at_ms > append_ms.saturating_add(FUTURE_TOLERANCE_MS) || at_ms > LATEST_MS {
        return Err(Refusal {
            reason: "future",
            error: format!(
                "{field} {at_ms} is {} ms ahead of the log's time {append_ms}, at most \
                 {FUTURE_TOLERANCE_MS} are taken; fix: set the clock of the host that measures",
                at_ms.saturating_sub(append_ms)
            ),
        });
    }
    if at_ms < EARLIEST_MS || at_ms < append_ms.saturating_sub(max_age_ms) {
        return Err(Refusal::malformed(format!(
            "{field} {at_ms} is older than 2000 or than {} days before the log's time {append_ms}",
            max_age_ms / DAY_MS
        )));
    }
    Ok(())
}

/// A time that is a mere label: anything from 1970 to 9999.
pub(crate) fn label(field: &str, at_ms: i64) -> Result<(), Refusal> {
    if (0..=LATEST_MS).contains(&at_ms) {
        Ok(())
    } else {
        Err(Refusal::malformed(format!("{field} {at_ms} is no time between 1970 and 9999")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn check(at_ms: i64, expected: Option<&str>) {
        let found = instant("at", at_ms, NOW, 30 * DAY_MS).err().map(|refusal| refusal.reason);
        assert_eq!(found, expected, "{at_ms}");
    }

    #[test]
    fn absurd_times_are_refused() {
        check(NOW, None);
        check(NOW + FUTURE_TOLERANCE_MS, None);
        check(NOW + FUTURE_TOLERANCE_MS + 1, Some("future"));
        check(NOW - 30 * DAY_MS, None);
        check(NOW - 30 * DAY_MS - 1, Some("malformed"));
        check(0, Some("malformed"));
        check(i64::MIN, Some("malformed"));
        check(i64::MAX, Some("future"));
        assert!(instant("at", i64::MIN, i64::MIN, i64::MAX).is_err());
        assert!(instant("at", i64::MAX, i64::MAX, i64::MAX).is_err());
    }

    #[test]
    fn texts_and_numbers() {
        assert!(texts(&[("a", "fine", 4)]).is_ok());
        assert!(texts(&[("a", "fine", 3)]).unwrap_err().error.contains("a has 4 bytes"));
        assert!(texts(&[("a", "x\0", 9)]).unwrap_err().error.contains("NUL"));
        assert!(finite("values", &[1.0, f64::NAN]).unwrap_err().error.contains("values[1]"));
        assert!(finite("values", &[f64::MAX]).is_ok());
        assert!(label("at", 0).is_ok() && label("at", -1).is_err());
    }
}

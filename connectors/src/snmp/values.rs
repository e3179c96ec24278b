//! Values of one metric as they come in, in the form that goes out.

use std::borrow::Cow;
use std::collections::HashSet;

use schemas::Kind;

use super::ber::Value;
use super::oid::oid_text;
use crate::profiles::{CodePage, Form, Source};

/// Characters kept of a name or fact.
pub(crate) const MAX_TEXT: usize = 255;

/// The values of a metric, instance by instance (the shape of `schemas::Column`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) instances: Vec<i32>,
    pub(crate) at_ms: Vec<i32>,
    pub(crate) counts: Vec<i64>,
    pub(crate) gauges: Vec<f64>,
    /// Instances of which the agent answers a 64-bit counter's name with a 32-bit counter.
    pub(crate) narrow: Vec<i32>,
}

impl Values {
    pub(crate) fn with_rows(rows: usize, kind: Kind) -> Self {
        let (counts, gauges) = if is_count(kind) { (rows, 0) } else { (0, rows) };
        Self {
            instances: Vec::with_capacity(rows),
            at_ms: Vec::with_capacity(rows),
            counts: Vec::with_capacity(counts),
            gauges: Vec::with_capacity(gauges),
            narrow: Vec::new(),
        }
    }

    /// Adds a value; false if it is no number.
    #[inline]
    pub(crate) fn push(
        &mut self,
        source: &Source,
        instance: i32,
        at: i32,
        value: &Value<'_>,
    ) -> bool {
        if is_count(source.kind) {
            // All ones is what agents say of a 64-bit counter that they do not have: no number, so
            // that the fallback is asked.
            let all_ones = matches!(value, Value::Counter64(u64::MAX));
            let Some(count) = value.count().filter(|_| !all_ones) else { return false };
            if source.kind == Kind::Counter64 && matches!(value, Value::Counter32(_)) {
                self.narrow.push(instance);
            }
            self.counts.push(count as i64);
        } else {
            let Some(gauge) = value.gauge() else { return false };
            if source.valid.is_some_and(|(least, most)| !(least..=most).contains(&gauge)) {
                return false;
            }
            self.gauges.push(source.transform.map_or(gauge, |transform| transform.apply(gauge)));
        }
        self.instances.push(instance);
        self.at_ms.push(at);
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.instances.len()
    }

    /// Takes out what the agent counts with 32 bits where it should with 64.
    pub(crate) fn split_narrow(&mut self) -> Self {
        if self.narrow.is_empty() {
            return Self::default();
        }
        let narrow: HashSet<i32> = std::mem::take(&mut self.narrow).into_iter().collect();
        if self.instances.iter().all(|it| narrow.contains(it)) {
            return std::mem::take(self);
        }
        let mut other = self.clone();
        let is_narrow = |at: Option<&i32>| at.is_some_and(|it| narrow.contains(it));
        self.retain(|values, at| !is_narrow(values.instances.get(at)));
        other.retain(|values, at| is_narrow(values.instances.get(at)));
        other
    }

    /// Whether the value at a position is zero.
    pub(crate) fn is_zero(&self, position: usize) -> bool {
        self.counts.get(position).is_some_and(|count| *count == 0)
            || self.gauges.get(position).is_some_and(|gauge| *gauge == 0.0)
    }

    /// Keeps the positions for which `keep` says so.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Self, usize) -> bool) {
        let kept: Vec<bool> = (0..self.len()).map(|position| keep(self, position)).collect();
        if kept.iter().all(|keep| *keep) {
            return;
        }
        fn filter<T>(values: &mut Vec<T>, kept: &[bool]) {
            let mut flags = kept.iter();
            values.retain(|_| flags.next().copied().unwrap_or(false));
        }
        filter(&mut self.instances, &kept);
        filter(&mut self.at_ms, &kept);
        filter(&mut self.counts, &kept);
        filter(&mut self.gauges, &kept);
    }
}

/// Whether values of a kind travel as counts.
pub(crate) const fn is_count(kind: Kind) -> bool {
    match kind {
        Kind::Counter32 | Kind::Counter64 | Kind::Discontinuity => true,
        Kind::Gauge | Kind::State => false,
    }
}

/// Octets as a text of one line, at most [`MAX_TEXT`] characters: UTF-8, else of the code page.
pub(crate) fn clean_text(octets: &[u8], page: CodePage) -> String {
    let text = decode(octets, page);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_TEXT).collect()
}

fn decode(octets: &[u8], page: CodePage) -> Cow<'_, str> {
    let error = match std::str::from_utf8(octets) {
        Ok(text) => return Cow::Borrowed(text),
        Err(error) => error,
    };
    let whole = octets.get(..error.valid_up_to()).and_then(|it| std::str::from_utf8(it).ok());
    if let Some(whole) = whole.filter(|it| error.error_len().is_none() && !it.is_ascii()) {
        // UTF-8 that the agent cut within a character.
        return Cow::Borrowed(whole);
    }
    Cow::Owned(octets.iter().map(|octet| page.character(*octet)).collect())
}

/// A fact's text; none where there is no value.
pub(crate) fn fact_text(value: &Value<'_>, form: Form, page: CodePage) -> Option<String> {
    match (*value, form) {
        (Value::Octets(octets), Form::Mac) => {
            let parts: Vec<String> =
                octets.iter().take(32).map(|octet| format!("{octet:02x}")).collect();
            Some(parts.join(":"))
        }
        (Value::Octets(octets), Form::Text) => Some(clean_text(octets, page)),
        (Value::Oid(oid), _) => Some(oid_text(oid)),
        (Value::IpAddress(octets), _) => {
            let parts: Vec<String> = octets.iter().take(16).map(u8::to_string).collect();
            Some(parts.join("."))
        }
        (Value::Integer(number), _) => Some(number.to_string()),
        (Value::Counter32(n) | Value::Gauge(n) | Value::Ticks(n) | Value::Counter64(n), _) => {
            Some(n.to_string())
        }
        (
            Value::Opaque(_)
            | Value::Null
            | Value::NoSuchObject
            | Value::NoSuchInstance
            | Value::EndOfMibView,
            _,
        ) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(octets: &[u8], page: CodePage, wanted: &str) {
        assert_eq!(clean_text(octets, page), wanted);
    }

    #[test]
    fn octets_are_utf_8_else_of_the_code_page() {
        use CodePage::{Latin1, Windows1252};
        check(b"Z\xfcrich", Latin1, "Zürich");
        check("Zürich".as_bytes(), Latin1, "Zürich");
        check(b"Caf\xe9", Latin1, "Café");
        check("Zürich-Süd".as_bytes().get(..9).unwrap(), Latin1, "Zürich-S");
        check(b"10 \x80 \x96 \xfc", Windows1252, "10 € – ü");
        check(b"10 \x80 \xfc", Latin1, "10   ü");
        check(b" a\0\0", Latin1, "a");
    }
}

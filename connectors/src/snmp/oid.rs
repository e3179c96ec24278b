//! Object identifiers, kept as the bytes that travel (X.690, 8.19): comparing a column's prefix
//! is then a comparison of bytes, and nothing is decoded that nobody reads.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Sub-identifiers an OID may have (RFC 2578, 3.5).
pub(crate) const MAX_ARCS: usize = 128;

/// An object identifier.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Oid(Box<[u8]>);

/// A text that is no object identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no object identifier: {problem}; write digits and dots, as 1.3.6.1.2.1.1.3.0")]
pub(crate) struct OidError {
    text: String,
    problem: &'static str,
}

impl Oid {
    /// The content octets.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl FromStr for Oid {
    type Err = OidError;

    fn from_str(text: &str) -> Result<Self, OidError> {
        let wrong = |problem| OidError { text: text.to_owned(), problem };
        let mut arcs = Vec::new();
        for part in text.strip_prefix('.').unwrap_or(text).split('.') {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong("a part between dots is not a number"));
            }
            arcs.push(part.parse::<u32>().map_err(|_| wrong("a number is over 32 bits"))?);
        }
        let [first, second, rest @ ..] = arcs.as_slice() else {
            return Err(wrong("it has fewer than two numbers"));
        };
        if arcs.len() > MAX_ARCS {
            return Err(wrong("it has more than 128 numbers"));
        }
        if *first > 2 || (*first < 2 && *second > 39) || *second > 175 {
            return Err(wrong("its first two numbers are out of range"));
        }
        let mut bytes = vec![(first * 40 + second) as u8];
        if first * 40 + second > 127 {
            bytes.clear();
            push_arc(&mut bytes, first * 40 + second);
        }
        for arc in rest {
            push_arc(&mut bytes, *arc);
        }
        Ok(Self(bytes.into()))
    }
}

pub(crate) fn push_arc(bytes: &mut Vec<u8>, arc: u32) {
    let groups = (32 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        bytes.push(((arc >> (group * 7)) & 0x7f) as u8 | more);
    }
}

/// The numbers of some content octets that do not start an OID (an index). A cut-off or
/// overlong number ends the iteration.
pub(crate) struct Arcs<'a>(pub(crate) &'a [u8]);

impl Iterator for Arcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let mut value = 0u64;
        for (position, byte) in self.0.iter().enumerate() {
            value = value << 7 | u64::from(byte & 0x7f);
            if value > u64::from(u32::MAX) {
                return None;
            }
            if byte & 0x80 == 0 {
                self.0 = self.0.get(position + 1..).unwrap_or_default();
                return Some(value as u32);
            }
        }
        None
    }
}

/// Order of two indexes, or of two OIDs with the same first octet.
pub(crate) fn order(a: &[u8], b: &[u8]) -> Ordering {
    Arcs(a).cmp(Arcs(b))
}

/// An index as people write it: `7`, `1.10.4`.
pub(crate) fn index_text(index: &[u8]) -> String {
    let parts: Vec<String> = Arcs(index).map(|arc| arc.to_string()).collect();
    parts.join(".")
}

/// The dotted text of content octets; of more numbers than an OID may have, the first.
pub(crate) fn oid_text(bytes: &[u8]) -> String {
    let mut arcs = Arcs(bytes);
    let Some(head) = arcs.next() else { return String::new() };
    let first = (head / 40).min(2);
    let mut text = format!("{first}.{}", head - first * 40);
    for arc in arcs.take(MAX_ARCS) {
        text.push('.');
        text.push_str(&arc.to_string());
    }
    text
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&oid_text(&self.0))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree() {
        for text in ["1.3.6.1.2.1.31.1.1.1.6", "2.100.3", "1.0.8802.1.1.2", "1.3.4294967295", "0.0"]
        {
            let oid: Oid = text.parse().unwrap();
            assert_eq!(oid.to_string(), text);
        }
        assert_eq!(
            "1.3.6.1.4.1.6141".parse::<Oid>().unwrap().bytes(),
            b"\x2b\x06\x01\x04\x01\xaf\x7d"
        );
        assert_eq!(".1.3.6".parse::<Oid>().unwrap().bytes(), b"\x2b\x06");
    }

    #[test]
    fn what_is_no_oid_is_refused() {
        for text in ["", "1", "1.3.x", "1..3", "3.1", "1.40", "1.3.4294967296", "1.3.-1"] {
            assert!(text.parse::<Oid>().is_err(), "{text}");
        }
    }

    #[test]
    fn indexes_are_ordered_by_number() {
        let bytes =
            |text: &str| format!("1.3.{text}").parse::<Oid>().unwrap().bytes()[1..].to_vec();
        assert_eq!(order(&bytes("9"), &bytes("10001")), Ordering::Less);
        assert_eq!(order(&bytes("127"), &bytes("128")), Ordering::Less);
        assert_eq!(order(&bytes("16383.1"), &bytes("16383")), Ordering::Greater);
        assert_eq!(order(&bytes("5.1"), &bytes("5.1")), Ordering::Equal);
        assert_eq!(index_text(&bytes("5.300.1")), "5.300.1");
    }
}

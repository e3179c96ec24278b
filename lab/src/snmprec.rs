//! Walk files: lines of `oid|type|value`.
//!
//! Types: 2 integer, 4 octets, 4x octets in hex, 5 null, 6 oid, 64 address, 64x address in
//! hex, 65 counter32, 66 gauge32, 67 timeticks, 68x opaque in hex, 70 counter64. Lines that
//! are empty or start with `#` are passed over. Recordings that people redacted (`xx` in an
//! address) can be loaded leniently: each line left out is reported.

use std::path::{Path, PathBuf};

use crate::codec::{OidError, parse_oid, put_integer, put_oid, put_tlv, put_unsigned, tag};
use crate::program::{Cell, Draft, MAX_ROWS};

/// A walk file larger than this is refused.
pub const MAX_WALK_BYTES: u64 = 64 << 20;

/// Why a walk could not be loaded: fix the file, then start again.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The file cannot be read.
    #[error("{path}: {source}; give a readable walk file (lines of `oid|type|value`)")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// More than [`MAX_WALK_BYTES`] or [`MAX_ROWS`].
    #[error("{path}: larger than 64 MiB or 1048576 rows; cut the walk into parts")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A line is wrong.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and how to fix it.
        problem: LineProblem,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Not three fields.
    #[error("expected `oid|type|value`, three fields with `|` between them")]
    Fields,
    /// Not an object identifier.
    #[error("object identifier: {0}; write it with digits and dots, as in 1.3.6.1.2.1.1.1.0")]
    Name(OidError),
    /// A type that is not in the list.
    #[error("unknown type `{0}`; use 2, 4, 4x, 5, 6, 64, 64x, 65, 66, 67, 68x or 70")]
    Type(String),
    /// The value does not fit the type.
    #[error("value `{value}` does not fit type {kind}: expected {expected}")]
    Value {
        /// The type.
        kind: String,
        /// The value, its first 40 characters.
        value: String,
        /// What the type takes.
        expected: &'static str,
    },
}

/// What a line says, before the place is known.
struct Line<'a> {
    arcs: Vec<u32>,
    kind: &'a str,
    value: &'a [u8],
}

/// A loaded walk.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) rows: Vec<Draft>,
    /// Recorded values of 32-bit and 64-bit counters, in the order of [`Cell::Walk`].
    pub(crate) counters: Vec<u64>,
    /// Lines left out.
    pub(crate) skipped: Vec<WalkError>,
}

/// Reads a file. With `lenient` wrong lines are left out and reported; with `animate`
/// counters go on from their recorded values.
pub(crate) fn load(path: &Path, lenient: bool, animate: bool) -> Result<Walk, WalkError> {
    let read = |source| WalkError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(read)?.len() > MAX_WALK_BYTES {
        return Err(WalkError::TooLarge { path: path.to_owned() });
    }
    parse(&std::fs::read(path).map_err(read)?, path, lenient, animate)
}

/// Reads the text of a walk; `path` is for errors.
pub(crate) fn parse(
    text: &[u8],
    path: &Path,
    lenient: bool,
    animate: bool,
) -> Result<Walk, WalkError> {
    let mut walk = Walk { rows: Vec::new(), counters: Vec::new(), skipped: Vec::new() };
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match fields(line).and_then(|line| row(line, animate, &mut walk.counters)) {
            Ok(draft) => walk.rows.push(draft),
            Err(problem) => {
                let error = WalkError::Line { path: path.to_owned(), line: at + 1, problem };
                if !lenient {
                    return Err(error);
                }
                walk.skipped.push(error);
            }
        }
        if walk.rows.len() > MAX_ROWS {
            return Err(WalkError::TooLarge { path: path.to_owned() });
        }
    }
    Ok(walk)
}

/// Name and TLV of one line.
pub(crate) fn parse_line(line: &[u8]) -> Result<(Vec<u32>, Vec<u8>), LineProblem> {
    let row = row(fields(line)?, false, &mut Vec::new())?;
    Ok((row.arcs, row.value))
}

fn fields(line: &[u8]) -> Result<Line<'_>, LineProblem> {
    let mut parts = line.splitn(3, |byte| *byte == b'|');
    let (Some(name), Some(kind), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(LineProblem::Fields);
    };
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| LineProblem::Fields);
    Ok(Line { arcs: parse_oid(text(name)?).map_err(LineProblem::Name)?, kind: text(kind)?, value })
}

fn row(line: Line<'_>, animate: bool, counters: &mut Vec<u64>) -> Result<Draft, LineProblem> {
    let (value, counter) = encode(line.kind, line.value)?;
    let cell = match counter {
        Some((tag, base)) if animate => {
            counters.push(base);
            Cell::Walk(tag, counters.len() as u32 - 1)
        }
        Some(_) | None => Cell::Fixed,
    };
    Ok(Draft { arcs: line.arcs, cell, value })
}

/// A value's TLV, and tag and number where it is a counter.
type Encoded = (Vec<u8>, Option<(u8, u64)>);

fn encode(kind: &str, raw: &[u8]) -> Result<Encoded, LineProblem> {
    let wrong = |expected| LineProblem::Value {
        kind: kind.to_owned(),
        value: String::from_utf8_lossy(raw).chars().take(40).collect(),
        expected,
    };
    let text = || std::str::from_utf8(raw).map(str::trim);
    let hex = || hex_octets(raw).ok_or_else(|| wrong("an even number of hex digits"));
    let unsigned = |tag, bits: u32, expected| {
        let number: u64 =
            text().ok().and_then(|t| t.parse().ok()).ok_or_else(|| wrong(expected))?;
        if bits == 32 && number > u64::from(u32::MAX) {
            return Err(wrong(expected));
        }
        let (bytes, length) = put_unsigned(tag, number);
        Ok((bytes[..length].to_vec(), number))
    };
    let tlv = |tag, content: &[u8]| {
        let mut out = Vec::with_capacity(content.len() + 4);
        put_tlv(&mut out, tag, content);
        out
    };
    const U32: &str = "a number from 0 to 4294967295";
    match kind {
        "2" => {
            let number: Option<i32> = text().ok().and_then(|text| text.parse().ok());
            let number = number.ok_or_else(|| wrong("a number from -2147483648 to 2147483647"))?;
            let (bytes, length) = put_integer(tag::INTEGER, i64::from(number));
            Ok((bytes[..length].to_vec(), None))
        }
        "4" => Ok((tlv(tag::OCTETS, raw), None)),
        "4x" => Ok((tlv(tag::OCTETS, &hex()?), None)),
        "5" => Ok((tlv(tag::NULL, &[]), None)),
        "6" => {
            let arcs = text().ok().and_then(|text| parse_oid(text).ok());
            let mut out = Vec::new();
            put_oid(&mut out, &arcs.ok_or_else(|| wrong("an object identifier"))?);
            Ok((out, None))
        }
        "64" => {
            let address: Option<std::net::Ipv4Addr> = text().ok().and_then(|t| t.parse().ok());
            let address = address.ok_or_else(|| wrong("an IPv4 address"))?;
            Ok((tlv(tag::ADDRESS, &address.octets()), None))
        }
        "64x" => match hex()?.as_slice() {
            octets @ [_, _, _, _] => Ok((tlv(tag::ADDRESS, octets), None)),
            _ => Err(wrong("eight hex digits")),
        },
        "65" => unsigned(tag::COUNTER32, 32, U32).map(|(v, n)| (v, Some((tag::COUNTER32, n)))),
        "66" => unsigned(tag::GAUGE32, 32, U32).map(|(v, _)| (v, None)),
        "67" => unsigned(tag::TIMETICKS, 32, U32).map(|(v, _)| (v, None)),
        "68x" => Ok((tlv(tag::OPAQUE, &hex()?), None)),
        "70" => unsigned(tag::COUNTER64, 64, "a number from 0 to 18446744073709551615")
            .map(|(v, n)| (v, Some((tag::COUNTER64, n)))),
        other => Err(LineProblem::Type(other.to_owned())),
    }
}

fn hex_octets(raw: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = raw.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let error = parse(line.as_bytes(), Path::new("x.snmprec"), false, false).unwrap_err();
        assert_eq!(error.to_string(), format!("x.snmprec:{expected}"));
    }

    #[test]
    fn wrong_lines_name_file_line_and_remedy() {
        check("1.3.6|2", "1: expected `oid|type|value`, three fields with `|` between them");
        check(
            "\n# note\n1.3.x.1|2|1",
            "3: object identifier: `x` is not a number from 0 to 4294967295; \
             write it with digits and dots, as in 1.3.6.1.2.1.1.1.0",
        );
        check(
            "1.3.6|4xx|00",
            "1: unknown type `4xx`; use 2, 4, 4x, 5, 6, 64, 64x, 65, 66, 67, 68x or 70",
        );
        check(
            "1.3.6|65|4294967296",
            "1: value `4294967296` does not fit type 65: expected a number from 0 to 4294967295",
        );
        check(
            "1.3.6|4x|0G",
            "1: value `0G` does not fit type 4x: expected an even number of hex digits",
        );
        check("1.3.6|64|1.2.3", "1: value `1.2.3` does not fit type 64: expected an IPv4 address");
    }

    proptest::proptest! {
        #![proptest_config(hostile::cases(3_000))]

        #[test]
        fn any_text_is_a_walk_or_names_its_line(
            text in hostile::Corpus::new([
                "1.3.6.1.2.1.1.1.0|4|Linux\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072\n# note\n\
                 1.3.6.1.2.1.2.2.1.10.1|65|4294967295\n1.3.6.1.2.1.31.1.1.1.6.1|70|7\r\n",
                "1.3.6.1.2.1.2.2.1.6.1|4x|00ff7f\n1.3.6.1.2.1.4.20.1.1|64|192.0.2.1\n\
                 1.3.6.1.2.1.4.20.1.2|64x|c0000201\n1.3.6.1.9.1|68x|9f780442280000\n\
                 1.3.6.1.9.2|2|-2147483648\n1.3.6.1.9.3|5|\n1.3.6.1.9.4|67|9\n1.3.6.1.9.5|66|9",
            ])
            .with_words(&["|", "||", ".", "4294967296", "|70|18446744073709551616", "é"])
            .bytes(),
            lenient: bool,
        ) {
            let most = (64 << 10) + 2_048 * text.len();
            let walk = hostile::within(most, || parse(&text, Path::new("w"), lenient, true));
            let lines = text.split(|byte| *byte == b'\n').count();
            let named = |error: &WalkError| match error {
                WalkError::Line { line, .. } => (1..=lines).contains(line),
                WalkError::Read { .. } | WalkError::TooLarge { .. } => false,
            };
            match walk {
                Ok(walk) => assert!(walk.skipped.iter().all(named) && walk.rows.len() <= lines),
                Err(error) => assert!(!lenient && named(&error), "{error}"),
            }
        }
    }

    #[test]
    fn a_lenient_load_reports_what_it_left_out() {
        let text = b"1.3.6.1|2|5\n1.3.6.2|9|5\n1.3.6.3|4|a|b\r\n1.3.6.4|70|18446744073709551615";
        let walk = parse(text, Path::new("x"), true, true).unwrap();
        assert_eq!(walk.rows.len(), 3);
        assert_eq!(walk.skipped.len(), 1);
        assert_eq!(walk.counters, [u64::MAX]);
        assert_eq!(walk.rows[1].value, [4, 3, b'a', b'|', b'b']);
    }
}

//! Object identifiers as arcs and as BER content.

use super::ber::{Malformed, put_length, tag};

/// Arcs that an OBJECT IDENTIFIER may have (RFC 2578, 3.5).
pub const MAX_OID_ARCS: usize = 128;

/// Why a written object identifier was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidError {
    /// An arc that is not a number from 0 to 4294967295.
    #[error("`{0}` is not a number from 0 to 4294967295")]
    Arc(String),
    /// Fewer than two or more than [`MAX_OID_ARCS`] arcs.
    #[error("{0} arcs where 2 to 128 are possible")]
    Count(usize),
    /// A first arc over 2, or a second over 39 below 0 and 1.
    #[error("no object identifier starts with {0}.{1}")]
    Start(u32, u32),
}

/// Reads `1.3.6.1…`, with or without a leading dot.
pub fn parse_oid(text: &str) -> Result<Vec<u32>, OidError> {
    let text = text.strip_prefix('.').unwrap_or(text);
    let arcs = text
        .split('.')
        .map(|arc| arc.parse::<u32>().map_err(|_| OidError::Arc(arc.to_owned())))
        .collect::<Result<Vec<u32>, OidError>>()?;
    match *arcs.as_slice() {
        [first, second, ..] if first > 2 || (first < 2 && second > 39) => {
            Err(OidError::Start(first, second))
        }
        // 2.x shares one encoded arc with 80: x must leave room for it.
        [2, second, ..] if second > u32::MAX - 80 => Err(OidError::Start(2, second)),
        [_, _, ..] if arcs.len() <= MAX_OID_ARCS => Ok(arcs),
        _ => Err(OidError::Count(arcs.len())),
    }
}

/// Appends the TLV of an object identifier. `arcs` must come from [`parse_oid`] or have
/// at least two arcs; fewer are written as 0.0.
pub fn put_oid(out: &mut Vec<u8>, arcs: &[u32]) {
    let mut content = Vec::with_capacity(arcs.len() + 8);
    let (first, tail) = match arcs {
        [first, second, tail @ ..] => (first * 40 + second, tail),
        _ => (0, [].as_slice()),
    };
    put_arc(&mut content, first);
    tail.iter().for_each(|arc| put_arc(&mut content, *arc));
    out.push(tag::OID);
    put_length(out, content.len());
    out.extend_from_slice(&content);
}

fn put_arc(out: &mut Vec<u8>, arc: u32) {
    let groups = (32 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (1..groups).rev() {
        out.push(0x80 | (arc >> (7 * group)) as u8 & 0x7f);
    }
    out.push(arc as u8 & 0x7f);
}

/// Arcs read from the wire, without allocation.
#[derive(Debug, Clone)]
pub struct ArcBuf {
    arcs: [u32; MAX_OID_ARCS],
    length: usize,
}

impl Default for ArcBuf {
    fn default() -> Self {
        Self { arcs: [0; MAX_OID_ARCS], length: 0 }
    }
}

impl ArcBuf {
    /// The arcs read last.
    pub fn as_slice(&self) -> &[u32] {
        &self.arcs[..self.length]
    }

    /// Replaces the arcs by those of BER content octets.
    pub fn read(&mut self, content: &[u8]) -> Result<&[u32], Malformed> {
        self.length = 0;
        let (mut arc, mut open) = (0u64, false);
        for octet in content {
            arc = arc << 7 | u64::from(octet & 0x7f);
            if arc > u64::from(u32::MAX) {
                return Err(Malformed::Oid);
            }
            open = octet & 0x80 != 0;
            if !open {
                self.push(arc as u32)?;
                arc = 0;
            }
        }
        if open || self.length == 0 { Err(Malformed::Oid) } else { Ok(self.as_slice()) }
    }

    fn push(&mut self, arc: u32) -> Result<(), Malformed> {
        if self.length == 0 {
            let first = (arc / 40).min(2);
            self.arcs[0] = first;
            self.arcs[1] = arc - first * 40;
            self.length = 2;
            return Ok(());
        }
        *self.arcs.get_mut(self.length).ok_or(Malformed::Oid)? = arc;
        self.length += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        let arcs = parse_oid(text).unwrap();
        let mut out = Vec::new();
        put_oid(&mut out, &arcs);
        let mut back = ArcBuf::default();
        let content = super::super::Reader::new(&out).expect(tag::OID).unwrap();
        assert_eq!(back.read(content).unwrap(), arcs.as_slice(), "{text}");
    }

    #[test]
    fn arcs_come_back() {
        check("1.3.6.1.2.1.1.1.0");
        check("0.0");
        check("1.0.8802.1.1.2");
        check("2.999.3");
        check("1.3.127.128.16383.16384.2097151.2097152.268435455.268435456.4294967295");
    }

    #[test]
    fn wrong_ones_are_named() {
        assert_eq!(parse_oid("1.3.x"), Err(OidError::Arc("x".into())));
        assert_eq!(parse_oid("1.3.4294967296"), Err(OidError::Arc("4294967296".into())));
        assert_eq!(parse_oid("1"), Err(OidError::Count(1)));
        assert_eq!(parse_oid("3.1"), Err(OidError::Start(3, 1)));
        assert_eq!(parse_oid("1.40"), Err(OidError::Start(1, 40)));
        let mut buf = ArcBuf::default();
        assert_eq!(buf.read(&[]), Err(Malformed::Oid));
        assert_eq!(buf.read(&[0x2b, 0x86]), Err(Malformed::Oid));
        assert_eq!(buf.read(&[0x2b, 0xff, 0xff, 0xff, 0xff, 0x7f]), Err(Malformed::Oid));
        assert_eq!(buf.read(&[1; 200]), Err(Malformed::Oid));
    }
}

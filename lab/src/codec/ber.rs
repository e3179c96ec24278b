//! The few BER forms that SNMP uses.

/// ASN.1 tags of SNMP (RFC 2578, RFC 3416).
pub mod tag {
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// OCTET STRING.
    pub const OCTETS: u8 = 0x04;
    /// NULL, the value in requests.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
    /// IpAddress, four octets.
    pub const ADDRESS: u8 = 0x40;
    /// Counter32.
    pub const COUNTER32: u8 = 0x41;
    /// Gauge32, Unsigned32.
    pub const GAUGE32: u8 = 0x42;
    /// TimeTicks, 1/100 s.
    pub const TIMETICKS: u8 = 0x43;
    /// Opaque.
    pub const OPAQUE: u8 = 0x44;
    /// Counter64.
    pub const COUNTER64: u8 = 0x46;
    /// noSuchObject.
    pub const NO_SUCH_OBJECT: u8 = 0x80;
    /// noSuchInstance.
    pub const NO_SUCH_INSTANCE: u8 = 0x81;
    /// endOfMibView.
    pub const END_OF_MIB_VIEW: u8 = 0x82;
    /// GetRequest-PDU.
    pub const GET: u8 = 0xa0;
    /// GetNextRequest-PDU.
    pub const GET_NEXT: u8 = 0xa1;
    /// Response-PDU.
    pub const RESPONSE: u8 = 0xa2;
    /// SetRequest-PDU.
    pub const SET: u8 = 0xa3;
    /// GetBulkRequest-PDU.
    pub const GET_BULK: u8 = 0xa5;
}

/// Why bytes are not an SNMP message. The receiver counts it and stays silent
/// (RFC 3417, 3.1): there is nothing to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end inside a value.
    #[error("the bytes end inside a value")]
    Truncated,
    /// Indefinite or more than four length octets.
    #[error("a length in a form SNMP does not use")]
    Length,
    /// Another tag than the grammar asks for.
    #[error("tag {found:#04x} where {expected:#04x} belongs")]
    Tag {
        /// The tag that the grammar asks for.
        expected: u8,
        /// The tag that was there.
        found: u8,
    },
    /// An integer that is empty or too wide for its place.
    #[error("an integer of {0} octets")]
    Integer(usize),
    /// An object identifier that is empty, cut, too long, or with an arc over 2³²-1.
    #[error("an object identifier out of range")]
    Oid,
    /// Neither v1 nor v2c.
    #[error("SNMP version field {0}")]
    Version(i64),
    /// A community longer than [`super::MAX_COMMUNITY_BYTES`].
    #[error("a community of {0} octets")]
    Community(usize),
    /// Octets behind the end of the message.
    #[error("{0} octets behind the message")]
    Trailing(usize),
    /// A PDU that is not of this exchange.
    #[error("a PDU with tag {0:#04x}")]
    Pdu(u8),
}

/// A cursor over borrowed BER.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is left.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next tag and its content.
    pub fn tlv(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let [tag, first, tail @ ..] = self.rest else { return Err(Malformed::Truncated) };
        let (length, tail) = match *first {
            short @ 0..=0x7f => (usize::from(short), tail),
            0x81..=0x84 => {
                let octets = usize::from(first & 0x7f);
                let (head, tail) = tail.split_at_checked(octets).ok_or(Malformed::Truncated)?;
                (head.iter().fold(0usize, |sum, octet| sum << 8 | usize::from(*octet)), tail)
            }
            0x80 | 0x85..=0xff => return Err(Malformed::Length),
        };
        let (content, rest) = tail.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok((*tag, content))
    }

    /// The content of the next value, which must carry `expected`.
    pub fn expect(&mut self, expected: u8) -> Result<&'a [u8], Malformed> {
        let (found, content) = self.tlv()?;
        if found == expected { Ok(content) } else { Err(Malformed::Tag { expected, found }) }
    }

    /// The next INTEGER, up to eight octets.
    pub fn integer(&mut self) -> Result<i64, Malformed> {
        signed(self.expect(tag::INTEGER)?)
    }

    /// The next INTEGER of at most 32 bits.
    pub fn integer32(&mut self) -> Result<i32, Malformed> {
        let content = self.expect(tag::INTEGER)?;
        i32::try_from(signed(content)?).map_err(|_| Malformed::Integer(content.len()))
    }
}

/// Two's complement content octets.
pub(super) fn signed(content: &[u8]) -> Result<i64, Malformed> {
    let (Some(first), 1..=8) = (content.first(), content.len()) else {
        return Err(Malformed::Integer(content.len()));
    };
    let start = if first & 0x80 == 0 { 0i64 } else { -1 };
    Ok(content.iter().fold(start, |sum, octet| sum << 8 | i64::from(*octet)))
}

/// Content octets of an unsigned value: up to 64 bits, with or without a leading zero.
pub(super) fn unsigned(content: &[u8]) -> Result<u64, Malformed> {
    let digits = match content {
        [0, tail @ ..] => tail,
        other => other,
    };
    if content.is_empty() || digits.len() > 8 {
        return Err(Malformed::Integer(content.len()));
    }
    Ok(digits.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet)))
}

/// Appends a definite length in its shortest form.
pub fn put_length(out: &mut Vec<u8>, length: usize) {
    let octets = length.to_be_bytes();
    match length {
        0..=0x7f => {}
        0x80..=0xff => out.push(0x81),
        0x100..=0xffff => out.push(0x82),
        _ => out.push(0x84),
    }
    let shown = match length {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    };
    out.extend_from_slice(&octets[octets.len() - shown..]);
}

/// Appends tag, length and content.
pub fn put_tlv(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    put_length(out, content.len());
    out.extend_from_slice(content);
}

/// Writes a signed value as TLV into a small array; returns it with its length.
pub fn put_integer(tag: u8, value: i64) -> ([u8; 11], usize) {
    // A leading octet is dropped while it only repeats the sign of the next one.
    let same = if value < 0 { (!value).leading_zeros() } else { value.leading_zeros() };
    let skip = (((same as usize).saturating_sub(1)) / 8).min(7);
    let count = 8 - skip;
    let mut out = [0; 11];
    (out[0], out[1]) = (tag, count as u8);
    // A copy of a fixed size is cheaper than one of `count` octets; the tail is not used.
    out[2..10].copy_from_slice(&((value as u64) << (8 * skip)).to_be_bytes());
    (out, 2 + count)
}

/// Writes an unsigned value as TLV into a small array; returns it with its length.
pub fn put_unsigned(tag: u8, value: u64) -> ([u8; 11], usize) {
    // Nine octets when the top bit is set, so that it does not read as negative.
    let count = (64 - value.leading_zeros() as usize) / 8 + 1;
    let mut out = [0; 11];
    (out[0], out[1]) = (tag, count as u8);
    if count == 9 {
        out[3..11].copy_from_slice(&value.to_be_bytes());
    } else {
        // A copy of a fixed size is cheaper than one of `count` octets; the tail is not used.
        out[2..10].copy_from_slice(&(value << (8 * (8 - count))).to_be_bytes());
    }
    (out, 2 + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_shortest_and_come_back() {
        let edges = [0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, -32768, -32769, 65535];
        let wide = [i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN];
        for value in edges.into_iter().chain(wide) {
            let (bytes, length) = put_integer(tag::INTEGER, value);
            assert_eq!(Reader::new(&bytes[..length]).integer(), Ok(value));
            if length > 3 {
                assert!(!matches!((bytes[2], bytes[3] >> 7), (0, 0) | (0xff, 1)), "{value}");
            }
        }
    }

    #[test]
    fn unsigned_values_come_back() {
        for value in [0, 127, 128, 255, 256, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let (bytes, length) = put_unsigned(tag::COUNTER64, value);
            let mut reader = Reader::new(&bytes[..length]);
            assert_eq!(unsigned(reader.expect(tag::COUNTER64).unwrap()), Ok(value));
            assert!(reader.rest().is_empty());
        }
        assert_eq!(put_unsigned(tag::COUNTER64, u64::MAX).1, 11);
    }

    #[test]
    fn lengths_of_every_form_come_back() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 70_000] {
            let mut out = Vec::new();
            put_tlv(&mut out, tag::OCTETS, &vec![7; length]);
            assert_eq!(Reader::new(&out).expect(tag::OCTETS).unwrap().len(), length);
        }
    }
}

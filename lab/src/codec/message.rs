//! Whole messages: reading either side's, writing requests.

use super::ber::{self, Malformed, Reader, put_integer, put_tlv, tag};
use super::oid::{ArcBuf, put_oid};

/// The longest community an agent here may have.
pub const MAX_COMMUNITY_BYTES: usize = 255;

/// The versions spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// SNMPv1 (RFC 1157).
    V1,
    /// Community-based SNMPv2 (RFC 1901).
    V2c,
}

impl Version {
    /// The number in the message's version field.
    pub const fn number(self) -> i64 {
        match self {
            Self::V1 => 0,
            Self::V2c => 1,
        }
    }
}

/// A message, borrowed from the datagram. The var-binds are checked to be well formed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The version.
    pub version: Version,
    /// The community.
    pub community: &'a [u8],
    /// The PDU's tag, one of [`tag::GET`] … [`tag::GET_BULK`].
    pub pdu: u8,
    /// The request id.
    pub request_id: i32,
    /// error-status; non-repeaters in a GetBulkRequest.
    pub status: i32,
    /// error-index; max-repetitions in a GetBulkRequest.
    pub index: i32,
    /// The content of the var-bind list.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads one datagram, the var-binds included.
    pub fn read(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Reader::new(datagram);
        let mut message = Reader::new(outer.expect(tag::SEQUENCE)?);
        if !outer.rest().is_empty() {
            return Err(Malformed::Trailing(outer.rest().len()));
        }
        let version = match message.integer()? {
            0 => Version::V1,
            1 => Version::V2c,
            other => return Err(Malformed::Version(other)),
        };
        let community = message.expect(tag::OCTETS)?;
        if community.len() > MAX_COMMUNITY_BYTES {
            return Err(Malformed::Community(community.len()));
        }
        let (pdu, content) = message.tlv()?;
        if !matches!(pdu, tag::GET | tag::GET_NEXT | tag::RESPONSE | tag::SET | tag::GET_BULK) {
            return Err(Malformed::Pdu(pdu));
        }
        let mut fields = Reader::new(content);
        let (request_id, status, index) =
            (fields.integer32()?, fields.integer32()?, fields.integer32()?);
        let body = fields.expect(tag::SEQUENCE)?;
        let behind = message.rest().len() + fields.rest().len();
        if behind != 0 {
            return Err(Malformed::Trailing(behind));
        }
        let read = Self { version, community, pdu, request_id, status, index, body };
        let mut arcs = ArcBuf::default();
        read.var_binds().try_for_each(|bind| arcs.read(bind?.oid).map(|_| ()))?;
        Ok(read)
    }

    /// The var-binds in order.
    pub const fn var_binds(&self) -> VarBinds<'a> {
        VarBinds { reader: Reader::new(self.body) }
    }
}

/// One name and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VarBind<'a> {
    /// Content octets of the name.
    pub oid: &'a [u8],
    /// Tag of the value.
    pub tag: u8,
    /// Content octets of the value.
    pub value: &'a [u8],
}

impl VarBind<'_> {
    /// The name's arcs.
    pub fn arcs(&self) -> Result<Vec<u32>, Malformed> {
        ArcBuf::default().read(self.oid).map(<[u32]>::to_vec)
    }

    /// The value as a signed integer.
    pub fn signed(&self) -> Result<i64, Malformed> {
        ber::signed(self.value)
    }

    /// The value as a counter, gauge or ticks.
    pub fn unsigned(&self) -> Result<u64, Malformed> {
        ber::unsigned(self.value)
    }
}

/// Iterates over a var-bind list; ends after the first malformed one.
#[derive(Debug, Clone, Copy)]
pub struct VarBinds<'a> {
    reader: Reader<'a>,
}

impl<'a> VarBinds<'a> {
    fn read(&mut self) -> Result<VarBind<'a>, Malformed> {
        let mut inner = Reader::new(self.reader.expect(tag::SEQUENCE)?);
        let oid = inner.expect(tag::OID)?;
        let (tag, value) = inner.tlv()?;
        match inner.rest().len() {
            0 => Ok(VarBind { oid, tag, value }),
            behind => Err(Malformed::Trailing(behind)),
        }
    }
}

impl<'a> Iterator for VarBinds<'a> {
    type Item = Result<VarBind<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.rest().is_empty() {
            return None;
        }
        let bind = self.read();
        if bind.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(bind)
    }
}

/// A request to be written, for tests and load.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The version.
    pub version: Version,
    /// The community.
    pub community: &'a [u8],
    /// [`tag::GET`], [`tag::GET_NEXT`], [`tag::SET`] or [`tag::GET_BULK`].
    pub pdu: u8,
    /// The request id.
    pub request_id: i32,
    /// non-repeaters of a GetBulkRequest, else 0.
    pub non_repeaters: i32,
    /// max-repetitions of a GetBulkRequest, else 0.
    pub max_repetitions: i32,
}

impl Request<'_> {
    /// The datagram that asks for `names`, each with a NULL.
    pub fn write(&self, names: &[Vec<u32>]) -> Vec<u8> {
        let (mut list, mut pdu, mut message, mut out) = (vec![], vec![], vec![], vec![]);
        for name in names {
            let mut bind = Vec::new();
            put_oid(&mut bind, name);
            put_tlv(&mut bind, tag::NULL, &[]);
            put_tlv(&mut list, tag::SEQUENCE, &bind);
        }
        for field in [self.request_id, self.non_repeaters, self.max_repetitions] {
            let (bytes, length) = put_integer(tag::INTEGER, i64::from(field));
            pdu.extend_from_slice(&bytes[..length]);
        }
        put_tlv(&mut pdu, tag::SEQUENCE, &list);
        let (bytes, length) = put_integer(tag::INTEGER, self.version.number());
        message.extend_from_slice(&bytes[..length]);
        put_tlv(&mut message, tag::OCTETS, self.community);
        put_tlv(&mut message, self.pdu, &pdu);
        put_tlv(&mut out, tag::SEQUENCE, &message);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::mix;

    fn sample() -> Vec<u8> {
        Request {
            version: Version::V2c,
            community: b"public",
            pdu: tag::GET_BULK,
            request_id: -70_000,
            non_repeaters: 1,
            max_repetitions: 25,
        }
        .write(&[vec![1, 3, 6, 1, 2, 1, 1, 3], vec![1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 100_000]])
    }

    #[test]
    fn a_request_comes_back() {
        let bytes = sample();
        let read = Message::read(&bytes).unwrap();
        assert_eq!(read.version, Version::V2c);
        assert_eq!(read.community, b"public");
        assert_eq!((read.pdu, read.request_id), (tag::GET_BULK, -70_000));
        assert_eq!((read.status, read.index), (1, 25));
        let names: Vec<_> = read.var_binds().map(|bind| bind.unwrap().arcs().unwrap()).collect();
        assert_eq!(names[1], [1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 100_000]);
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert!(Message::read(&bytes[..end]).is_err(), "{end}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Message::read(&longer).unwrap_err(), Malformed::Trailing(1));
    }

    proptest::proptest! {
        #![proptest_config(hostile::cases(8_000))]

        #[test]
        fn any_datagram_is_a_message_or_an_error(
            bytes in hostile::Corpus::new([sample()]).bytes(),
        ) {
            hostile::within(16 << 10, || match Message::read(&bytes) {
                Ok(read) => {
                    assert!(read.var_binds().all(|bind| bind.is_ok_and(|it| it.arcs().is_ok())));
                    for bind in read.var_binds().flatten() {
                        let _ = (bind.signed(), bind.unsigned());
                    }
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            });
        }
    }

    #[test]
    fn flipped_bits_never_panic() {
        let bytes = sample();
        let mut refused = 0;
        for round in 0..200_000u64 {
            let mut broken = bytes.clone();
            for flip in 0..=round % 4 {
                let pick = mix(round * 5 + flip);
                let at = pick as usize % broken.len();
                broken[at] ^= 1 << (pick >> 32 & 7);
            }
            if let Ok(read) = Message::read(&broken) {
                assert!(read.var_binds().all(|bind| bind.is_ok_and(|bind| bind.arcs().is_ok())));
            } else {
                refused += 1;
            }
        }
        assert!(refused > 50_000, "{refused}");
    }
}

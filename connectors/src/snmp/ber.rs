//! Decodes SNMPv2c responses (RFC 3416, RFC 1901; BER as in X.690) without copying.
//!
//! Why not a library: the fastest one (snmp2) ends silently at a value tag it does not know, so a
//! third of an answer can be taken for all of it. Here every byte of the list of variables is
//! accounted for or the message is an error that names the place. Never panics, whatever comes.

/// The PDU tags used here (RFC 3416, 3).
pub(crate) const GET: u8 = 0xa0;
pub(crate) const GET_NEXT: u8 = 0xa1;
pub(crate) const GET_BULK: u8 = 0xa5;
pub(crate) const RESPONSE: u8 = 0xa2;

pub(crate) const TAG_INTEGER: u8 = 0x02;
pub(crate) const TAG_OCTETS: u8 = 0x04;
pub(crate) const TAG_NULL: u8 = 0x05;
pub(crate) const TAG_OID: u8 = 0x06;
pub(crate) const TAG_SEQUENCE: u8 = 0x30;

/// Where and why bytes are not a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at octet {at}")]
pub(crate) struct DecodeError {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// One value. Octets, OIDs and addresses are borrowed from the datagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Integer(i64),
    Counter32(u64),
    /// Gauge32 and Unsigned32.
    Gauge(u64),
    Ticks(u64),
    Counter64(u64),
    Octets(&'a [u8]),
    Oid(&'a [u8]),
    IpAddress(&'a [u8]),
    Opaque(&'a [u8]),
    Null,
    NoSuchObject,
    NoSuchInstance,
    EndOfMibView,
}

/// A variable and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct VarBind<'a> {
    pub(crate) oid: &'a [u8],
    pub(crate) value: Value<'a>,
}

/// A response up to its list of variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response<'a> {
    pub(crate) request_id: i32,
    pub(crate) error_status: i64,
    pub(crate) error_index: i64,
    variables: Reader<'a>,
}

#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, what: &'static str) -> Result<T, DecodeError> {
        Err(DecodeError { at: self.at, what })
    }

    fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let found = self.bytes.get(self.at).filter(|_| self.at < self.end);
        let Some(byte) = found else { return self.fail("cut off") };
        self.at += 1;
        Ok(*byte)
    }

    #[inline]
    fn length(&mut self) -> Result<usize, DecodeError> {
        let first = self.byte()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let octets = first & 0x7f;
            if octets == 0 || octets > 4 {
                return self.fail("a length that is indefinite or over four octets");
            }
            length = 0;
            for _ in 0..octets {
                length = length << 8 | usize::from(self.byte()?);
            }
        }
        if length > self.end - self.at {
            return self.fail("a length past the end (cut off)");
        }
        Ok(length)
    }

    /// The next element: its tag and a reader of its content.
    #[inline]
    fn element(&mut self) -> Result<(u8, Reader<'a>), DecodeError> {
        let tag = self.byte()?;
        let length = self.length()?;
        let content = Reader { bytes: self.bytes, at: self.at, end: self.at + length };
        self.at += length;
        Ok((tag, content))
    }

    fn expect(&mut self, wanted: u8, what: &'static str) -> Result<Reader<'a>, DecodeError> {
        let start = self.at;
        let (tag, content) = self.element()?;
        if tag == wanted { Ok(content) } else { Err(DecodeError { at: start, what }) }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    #[inline]
    fn signed(&self) -> Result<i64, DecodeError> {
        let bytes = self.rest();
        let Some(first) = bytes.first().filter(|_| bytes.len() <= 8) else {
            return self.fail("an INTEGER without octets or over eight");
        };
        let start = if first & 0x80 == 0 { 0 } else { -1i64 };
        Ok(bytes.iter().fold(start, |value, byte| value << 8 | i64::from(*byte)))
    }

    /// Agents disagree on the leading zero of unsigned types, so the top bit is never a sign.
    #[inline]
    fn unsigned(&self) -> Result<u64, DecodeError> {
        let bytes = self.rest();
        let bytes = match bytes {
            [0, rest @ ..] if rest.len() == 8 => rest,
            _ => bytes,
        };
        if bytes.is_empty() || bytes.len() > 8 {
            return self.fail("an unsigned number without octets or over eight");
        }
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// A 32-bit type; some agents extend its sign to more octets.
    #[inline]
    fn unsigned32(&self) -> Result<u64, DecodeError> {
        Ok(self.unsigned()? & 0xffff_ffff)
    }
}

/// Reads a response up to its variables.
pub(crate) fn response(datagram: &[u8]) -> Result<Response<'_>, DecodeError> {
    let mut outer = Reader { bytes: datagram, at: 0, end: datagram.len() };
    let mut message = outer.expect(TAG_SEQUENCE, "no SNMP message")?;
    let version = message.expect(TAG_INTEGER, "no version")?.signed()?;
    if version != 1 {
        return message.fail("another version than SNMPv2c");
    }
    message.expect(TAG_OCTETS, "no community")?;
    let mut pdu = message.expect(RESPONSE, "another PDU than a response")?;
    let id = pdu.expect(TAG_INTEGER, "no request id")?;
    let Ok(request_id) = i32::try_from(id.signed()?) else {
        return id.fail("a request id over 32 bits");
    };
    let error_status = pdu.expect(TAG_INTEGER, "no error status")?.signed()?;
    let error_index = pdu.expect(TAG_INTEGER, "no error index")?.signed()?;
    let variables = pdu.expect(TAG_SEQUENCE, "no list of variables")?;
    if !pdu.is_empty() {
        return pdu.fail("octets after the list of variables");
    }
    Ok(Response { request_id, error_status, error_index, variables })
}

/// The request id of a message of ours that came back in an ICMP error, perhaps cut off.
pub(crate) fn request_id_of_own(datagram: &[u8]) -> Option<i32> {
    let mut reader = Reader { bytes: datagram, at: 0, end: datagram.len() };
    let skip_header = |reader: &mut Reader<'_>| {
        reader.byte().ok()?;
        let first = reader.byte().ok()?;
        for _ in 0..if first >= 0x80 { first & 0x7f } else { 0 } {
            reader.byte().ok()?;
        }
        Some(())
    };
    skip_header(&mut reader)?;
    reader.element().ok()?;
    reader.element().ok()?;
    skip_header(&mut reader)?;
    let (tag, id) = reader.element().ok()?;
    if tag != TAG_INTEGER {
        return None;
    }
    i32::try_from(id.signed().ok()?).ok()
}

impl<'a> Response<'a> {
    /// The variables in order; after an error nothing more.
    pub(crate) fn variables(&self) -> Variables<'a> {
        Variables(self.variables)
    }
}

pub(crate) struct Variables<'a>(Reader<'a>);

impl<'a> Iterator for Variables<'a> {
    type Item = Result<VarBind<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let bind = variable(&mut self.0);
        if bind.is_err() {
            self.0.at = self.0.end;
        }
        Some(bind)
    }
}

#[inline]
fn variable<'a>(list: &mut Reader<'a>) -> Result<VarBind<'a>, DecodeError> {
    let mut pair = list.expect(TAG_SEQUENCE, "a variable that is no pair")?;
    let oid = pair.expect(TAG_OID, "a variable without a name")?;
    if oid.rest().last().is_none_or(|last| last & 0x80 != 0) {
        return oid.fail("an OID that is empty or cut off");
    }
    let start = pair.at;
    let (tag, content) = pair.element()?;
    if !pair.is_empty() {
        return pair.fail("octets after a value");
    }
    let value = match tag {
        TAG_INTEGER => Value::Integer(content.signed()?),
        TAG_OCTETS => Value::Octets(content.rest()),
        TAG_OID => Value::Oid(content.rest()),
        0x40 => Value::IpAddress(content.rest()),
        0x41 => Value::Counter32(content.unsigned32()?),
        0x42 | 0x47 => Value::Gauge(content.unsigned32()?),
        0x43 => Value::Ticks(content.unsigned32()?),
        0x44 | 0x45 => Value::Opaque(content.rest()),
        0x46 => Value::Counter64(content.unsigned()?),
        TAG_NULL => Value::Null,
        0x80 => Value::NoSuchObject,
        0x81 => Value::NoSuchInstance,
        0x82 => Value::EndOfMibView,
        _ => return Err(DecodeError { at: start, what: "a value of an unknown type" }),
    };
    Ok(VarBind { oid: oid.rest(), value })
}

impl Value<'_> {
    /// The number as a counter, whatever its type.
    pub(crate) fn count(&self) -> Option<u64> {
        match *self {
            Value::Counter32(n) | Value::Gauge(n) | Value::Ticks(n) | Value::Counter64(n) => {
                Some(n)
            }
            Value::Integer(n) => u64::try_from(n).ok(),
            Value::Octets(_)
            | Value::Oid(_)
            | Value::IpAddress(_)
            | Value::Opaque(_)
            | Value::Null
            | Value::NoSuchObject
            | Value::NoSuchInstance
            | Value::EndOfMibView => None,
        }
    }

    /// The number as a gauge: integers, net-snmp's opaque floats, and numbers written as text.
    pub(crate) fn gauge(&self) -> Option<f64> {
        match *self {
            Value::Integer(n) => Some(n as f64),
            Value::Opaque([0x9f, 0x78, 4, a, b, c, d]) => {
                Some(f64::from(f32::from_be_bytes([*a, *b, *c, *d]))).filter(|n| n.is_finite())
            }
            Value::Octets(text) if text.len() <= 32 => {
                std::str::from_utf8(text).ok()?.trim().parse().ok().filter(|n: &f64| n.is_finite())
            }
            Value::Counter32(_)
            | Value::Gauge(_)
            | Value::Ticks(_)
            | Value::Counter64(_)
            | Value::Octets(_)
            | Value::Oid(_)
            | Value::IpAddress(_)
            | Value::Opaque(_)
            | Value::Null
            | Value::NoSuchObject
            | Value::NoSuchInstance
            | Value::EndOfMibView => self.count().map(|n| n as f64),
        }
    }
}

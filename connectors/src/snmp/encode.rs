//! Encodes SNMPv2c requests: GET and GETBULK (RFC 3416, 4.2).

use super::ber::{TAG_INTEGER, TAG_NULL, TAG_OCTETS, TAG_OID, TAG_SEQUENCE};

/// Octets of a request; more variables are never put into one.
pub(crate) const MAX_REQUEST_BYTES: usize = 1_400;

/// Writes a message. `oids` yields (first part, second part) of each name's content octets, so
/// that a column and an index need not be joined first. For a GETBULK `second` and `third` are
/// non-repeaters and max-repetitions, for a GET both are 0.
pub(crate) fn request<'a>(
    out: &mut Vec<u8>,
    community: &[u8],
    pdu: u8,
    request_id: i32,
    (second, third): (i32, i32),
    oids: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) {
    out.clear();
    let message = open(out, TAG_SEQUENCE);
    integer(out, 1);
    out.push(TAG_OCTETS);
    length(out, community.len());
    out.extend_from_slice(community);
    let body = open(out, pdu);
    integer(out, request_id);
    integer(out, second);
    integer(out, third);
    let list = open(out, TAG_SEQUENCE);
    for (head, tail) in oids {
        let octets = head.len() + tail.len();
        let inner = 1 + length_octets(octets) + octets + 2;
        out.push(TAG_SEQUENCE);
        length(out, inner);
        out.push(TAG_OID);
        length(out, octets);
        out.extend_from_slice(head);
        out.extend_from_slice(tail);
        out.extend_from_slice(&[TAG_NULL, 0]);
    }
    for start in [list, body, message] {
        close(out, start);
    }
}

/// Starts an element whose length is not yet known: three octets are kept for it (BER allows a
/// length longer than needed).
fn open(out: &mut Vec<u8>, tag: u8) -> usize {
    out.extend_from_slice(&[tag, 0x82, 0, 0]);
    out.len()
}

fn close(out: &mut [u8], start: usize) {
    let octets = (out.len() - start) as u16;
    if let Some(place) = out.get_mut(start - 2..start) {
        place.copy_from_slice(&octets.to_be_bytes());
    }
}

fn integer(out: &mut Vec<u8>, value: i32) {
    let bytes = value.to_be_bytes();
    let needless = |pair: &[u8; 2]| match *pair {
        [first, second] => (first == 0 && second < 0x80) || (first == 0xff && second >= 0x80),
    };
    let skip = bytes.array_windows().take_while(|pair| needless(pair)).count();
    out.push(TAG_INTEGER);
    out.push((4 - skip) as u8);
    out.extend(bytes.iter().skip(skip));
}

const fn length_octets(length: usize) -> usize {
    match length {
        0..0x80 => 1,
        0x80..0x100 => 2,
        _ => 3,
    }
}

fn length(out: &mut Vec<u8>, length: usize) {
    match length {
        0..0x80 => out.push(length as u8),
        0x80..0x100 => out.extend_from_slice(&[0x81, length as u8]),
        _ => out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
}

/// Octets that a name takes in a request.
pub(crate) const fn name_octets(oid: usize) -> usize {
    4 + 2 * (length_octets(oid) - 1) + oid + 2
}

//! Builds an answer in a buffer of the caller, var-binds first and the head before them,
//! so that no length is known too late and nothing is moved or allocated.

use super::ber::{put_integer, tag};
use super::message::{MAX_COMMUNITY_BYTES, Version};

/// Octets kept free before the var-binds for the message's head.
pub const HEADROOM_BYTES: usize = MAX_COMMUNITY_BYTES + 49;

/// Head octets apart from the community: three lengths of 4, version 3, community tag and
/// length 4, request id 6, status 3, index 6, three tags.
const HEAD_BYTES: usize = 40;

/// What the head of an answer says.
#[derive(Debug, Clone, Copy)]
pub struct AnswerHead<'a> {
    /// The version.
    pub version: Version,
    /// The community.
    pub community: &'a [u8],
    /// The request id.
    pub request_id: i32,
    /// error-status (RFC 3416, 3).
    pub status: u8,
    /// error-index, from 1; 0 for none.
    pub index: u32,
}

/// An answer under construction.
#[derive(Debug)]
pub struct AnswerWriter<'b> {
    buf: &'b mut [u8],
    end: usize,
    limit: usize,
}

impl<'b> AnswerWriter<'b> {
    /// Starts in `buf`, which needs [`HEADROOM_BYTES`] and `max_bytes`; the finished message
    /// stays within `max_bytes`.
    pub fn new(buf: &'b mut [u8], community: &[u8], max_bytes: usize) -> Self {
        let room = max_bytes.saturating_sub(HEAD_BYTES + community.len());
        let limit = (HEADROOM_BYTES + room).min(buf.len());
        Self { buf, end: HEADROOM_BYTES.min(limit), limit }
    }

    /// Forgets the var-binds.
    pub fn clear(&mut self) {
        self.end = HEADROOM_BYTES.min(self.limit);
    }

    /// Appends a var-bind from two whole TLVs; false, and nothing written, where it does
    /// not fit.
    #[inline]
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> bool {
        let content = name.len() + value.len();
        let mut head = [tag::SEQUENCE, content as u8, 0, 0];
        let used = match content {
            0..=0x7f => 2,
            0x80..=0xff => {
                head = [tag::SEQUENCE, 0x81, content as u8, 0];
                3
            }
            0x100..=0xffff => {
                head = [tag::SEQUENCE, 0x82, (content >> 8) as u8, content as u8];
                4
            }
            _ => return false,
        };
        let end = self.end + used + content;
        let Some(room) = (end <= self.limit).then(|| &mut self.buf[self.end..end]) else {
            return false;
        };
        let (head_room, tail) = room.split_at_mut(used);
        let (name_room, value_room) = tail.split_at_mut(name.len());
        head_room.copy_from_slice(&head[..used]);
        name_room.copy_from_slice(name);
        value_room.copy_from_slice(value);
        self.end = end;
        true
    }

    /// Appends the content of a whole var-bind list, as it came in a request.
    pub fn push_body(&mut self, body: &[u8]) -> bool {
        let end = self.end + body.len();
        if end > self.limit {
            return false;
        }
        self.buf[self.end..end].copy_from_slice(body);
        self.end = end;
        true
    }

    /// Puts the head before the var-binds; returns where the message starts and ends in
    /// the buffer.
    pub fn finish(self, head: &AnswerHead<'_>) -> (usize, usize) {
        let mut back = Backwards { buf: self.buf, start: HEADROOM_BYTES, end: self.end };
        back.wrap(tag::SEQUENCE);
        back.integer(i64::from(head.index));
        back.integer(i64::from(head.status));
        back.integer(i64::from(head.request_id));
        back.wrap(tag::RESPONSE);
        let pdu_start = back.start;
        back.bytes(head.community);
        back.head(tag::OCTETS, pdu_start - back.start);
        back.integer(head.version.number());
        back.wrap(tag::SEQUENCE);
        (back.start, back.end)
    }
}

/// Writes towards the front; HEADROOM_BYTES covers the longest head.
struct Backwards<'b> {
    buf: &'b mut [u8],
    start: usize,
    end: usize,
}

impl Backwards<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let start = self.start - bytes.len();
        self.buf[start..self.start].copy_from_slice(bytes);
        self.start = start;
    }

    fn integer(&mut self, value: i64) {
        let (bytes, length) = put_integer(tag::INTEGER, value);
        self.bytes(&bytes[..length]);
    }

    fn head(&mut self, tag: u8, length: usize) {
        let [high, low] = (length as u16).to_be_bytes();
        match length {
            0..=0x7f => self.bytes(&[tag, low]),
            0x80..=0xff => self.bytes(&[tag, 0x81, low]),
            _ => self.bytes(&[tag, 0x82, high, low]),
        }
    }

    fn wrap(&mut self, tag: u8) {
        self.head(tag, self.end - self.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Message, put_oid, put_tlv};

    fn check(community: &[u8], binds: usize, value_bytes: usize, max_bytes: usize) -> usize {
        let mut buf = vec![0; HEADROOM_BYTES + 65_507];
        let (mut name, mut value) = (vec![], vec![]);
        put_oid(&mut name, &[1, 3, 6, 1, 2, 1]);
        put_tlv(&mut value, tag::OCTETS, &vec![b'x'; value_bytes]);
        let mut writer = AnswerWriter::new(&mut buf, community, max_bytes);
        let fitted = (0..binds).take_while(|_| writer.push(&name, &value)).count();
        let request_id = i32::MIN;
        let head =
            AnswerHead { version: Version::V2c, community, request_id, status: 5, index: 70_000 };
        let (start, end) = writer.finish(&head);
        assert!(end - start <= max_bytes, "{} > {max_bytes}", end - start);
        let read = Message::read(&buf[start..end]).unwrap();
        assert_eq!((read.request_id, read.status, read.index), (request_id, 5, 70_000));
        assert_eq!(read.community, community);
        assert_eq!(
            read.var_binds().filter(|bind| bind.unwrap().value.len() == value_bytes).count(),
            fitted
        );
        fitted
    }

    #[test]
    fn answers_of_every_size_can_be_read() {
        assert_eq!(check(b"public", 0, 0, 484), 0);
        assert_eq!(check(b"", 10, 3, 65_507), 10);
        assert_eq!(check(&[b'c'; 255], 3, 200, 65_507), 3);
        assert_eq!(check(b"public", 9, 300, 65_507), 9);
        assert!((4_000..4_700).contains(&check(b"public", 10_000, 3, 65_507)));
        assert_eq!(check(b"public", 10_000, 700, 1_400), 1);
        assert_eq!(check(b"public", 10_000, 65_400, 1_400), 0);
    }
}

//! From a request to the bytes of its answer (RFC 1157, RFC 3416).

use crate::codec::{
    AnswerHead, AnswerWriter, ArcBuf, Malformed, Message, Version, put_unsigned, tag,
};
use crate::device::{Device, Tlv};
use crate::noise::Tick;
use crate::program::Cell;
use crate::state::State;

/// Var-binds that one request may name; more is answered with tooBig.
pub(crate) const MAX_REQUEST_BINDS: usize = 1_024;
/// Rounds of a GetBulkRequest; more is cut, as the size would anyway.
const MAX_REPETITIONS: usize = 16_384;

const NO_ERROR: u8 = 0;
const TOO_BIG: u8 = 1;
const NO_SUCH_NAME: u8 = 2;
const NOT_WRITABLE: u8 = 17;

/// An answer in the buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Built {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The serial, where the answer carries one.
    pub(crate) serial: Option<u64>,
    pub(crate) values: u32,
}

/// Room for decoding that a worker keeps.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    arcs: ArcBuf,
    places: Vec<usize>,
}

/// Builds an answer for one device at one moment.
pub(crate) struct Answerer<'a, 'b> {
    pub(crate) device: &'a Device,
    pub(crate) state: &'a State,
    pub(crate) tick: &'a Tick,
    pub(crate) writer: AnswerWriter<'b>,
    pub(crate) scratch: &'a mut Scratch,
    /// Gives a fresh serial.
    pub(crate) fresh: &'a dyn Fn() -> u64,
    serial: Option<u64>,
    values: u32,
}

enum Put {
    Done,
    Full,
}

impl<'a, 'b> Answerer<'a, 'b> {
    pub(crate) fn new(
        (device, state, tick): (&'a Device, &'a State, &'a Tick),
        writer: AnswerWriter<'b>,
        scratch: &'a mut Scratch,
        fresh: &'a dyn Fn() -> u64,
    ) -> Self {
        Self { device, state, tick, writer, scratch, fresh, serial: None, values: 0 }
    }

    /// Answers `message`, with another request id where a fault wants it. An error means
    /// that it is no request: silence.
    pub(crate) fn answer(
        mut self,
        message: &Message<'_>,
        request_id: i32,
    ) -> Result<Built, Malformed> {
        let too_many = message.var_binds().nth(MAX_REQUEST_BINDS).is_some();
        let outcome = match (message.pdu, message.version) {
            _ if too_many => Err((TOO_BIG, 0)),
            (tag::GET, _) => self.get(message)?,
            (tag::GET_NEXT, _) => self.get_next(message)?,
            (tag::GET_BULK, Version::V2c) => self.get_bulk(message)?,
            (tag::SET, Version::V2c) => Err((NOT_WRITABLE, 1)),
            // v1 has no notWritable; a read-only name looks absent (RFC 1157, 4.1.5).
            (tag::SET, Version::V1) => Err((NO_SUCH_NAME, 1)),
            (other, _) => return Err(Malformed::Pdu(other)),
        };
        let (status, index) = match outcome {
            Ok(()) => (NO_ERROR, 0),
            Err((status, index)) => {
                self.writer.clear();
                (self.serial, self.values) = (None, 0);
                // v2c's tooBig carries no var-binds, other errors those of the request.
                let empty = status == TOO_BIG && message.version == Version::V2c;
                if !empty && !self.writer.push_body(message.body) {
                    return Err(Malformed::Trailing(message.body.len()));
                }
                (status, index)
            }
        };
        let (serial, values) = (self.serial, self.values);
        let head = AnswerHead {
            version: message.version,
            community: message.community,
            request_id,
            status,
            index,
        };
        let (start, end) = self.writer.finish(&head);
        Ok(Built { start, end, serial, values })
    }

    /// Appends the row at `place`, or endOfMibView under `name` past the last row.
    #[inline]
    fn put_row(&mut self, place: usize) -> Put {
        let Some((name, fixed, cell)) = self.device.program.row(place) else { return Put::Full };
        let odd = &self.state.odd;
        let said = (!odd.is_empty()).then(|| odd.said(&self.device.program, place)).flatten();
        if let Some(value) = said {
            return self.push(name, value);
        }
        let value = if cell == Cell::Serial {
            let serial = *self.serial.get_or_insert_with(self.fresh);
            let (bytes, length) = put_unsigned(tag::COUNTER64, serial);
            Tlv::Small(bytes, length)
        } else {
            self.device.value(cell, fixed, self.state, self.tick)
        };
        self.push(name, value.bytes())
    }

    #[inline]
    fn push(&mut self, name: &[u8], value: &[u8]) -> Put {
        if !self.writer.push(name, value) {
            return Put::Full;
        }
        self.values += 1;
        Put::Done
    }

    /// An exception (noSuchObject …) under the name of the request.
    fn put_exception(&mut self, name: &[u8], exception: u8) -> Put {
        let mut tlv = [0u8; 4 + 5 * crate::codec::MAX_OID_ARCS];
        let head: &[u8] = match name.len() {
            short @ 0..=0x7f => &[tag::OID, short as u8],
            long @ 0x80..=0xff => &[tag::OID, 0x81, long as u8],
            long => &[tag::OID, 0x82, (long >> 8) as u8, long as u8],
        };
        let Some(room) = tlv.get_mut(..head.len() + name.len()) else { return Put::Full };
        room[..head.len()].copy_from_slice(head);
        room[head.len()..].copy_from_slice(name);
        let whole = head.len() + name.len();
        self.push(&tlv[..whole], &[exception, 0])
    }

    fn get(&mut self, message: &Message<'_>) -> Result<Result<(), (u8, u32)>, Malformed> {
        for (place, bind) in message.var_binds().enumerate() {
            let index = place as u32 + 1;
            let bind = bind?;
            let name = self.scratch.arcs.read(bind.oid)?;
            let program = &self.device.program;
            let odd = &self.state.odd;
            let mut row = program.find(name);
            let known = row.is_none() && program.has_object(name);
            if !odd.is_empty() {
                row = row.filter(|row| !odd.is_hidden(program, *row));
                let asked = (name, row.unwrap_or(usize::MAX));
                if let Some(refusal) = odd.refusal(program, asked, (index, false)) {
                    return Ok(Err(refusal));
                }
            }
            let put = match row {
                Some(row) if message.version == Version::V2c || !self.is_wide(row) => {
                    self.put_row(row)
                }
                _ if message.version == Version::V1 => return Ok(Err((NO_SUCH_NAME, index))),
                _ if known => self.put_exception(bind.oid, tag::NO_SUCH_INSTANCE),
                _ => self.put_exception(bind.oid, tag::NO_SUCH_OBJECT),
            };
            if matches!(put, Put::Full) {
                return Ok(Err((TOO_BIG, 0)));
            }
        }
        Ok(Ok(()))
    }

    /// v1 knows no Counter64 (RFC 3584, 4.2.2.1): such rows do not exist for it.
    fn is_wide(&self, place: usize) -> bool {
        let Some((_, fixed, cell)) = self.device.program.row(place) else { return false };
        if cell == Cell::Serial {
            return true;
        }
        let value = self.device.value(cell, fixed, self.state, self.tick);
        value.bytes().first() == Some(&tag::COUNTER64)
    }

    fn get_next(&mut self, message: &Message<'_>) -> Result<Result<(), (u8, u32)>, Malformed> {
        for (place, bind) in message.var_binds().enumerate() {
            let bind = bind?;
            let program = &self.device.program;
            let name = self.scratch.arcs.read(bind.oid)?;
            let mut row = program.after(name);
            let odd = &self.state.odd;
            if !odd.is_empty() {
                row = odd.visible(program, row);
                let place = (place as u32 + 1, false);
                if let Some(refusal) = odd.refusal(program, (name, row), place) {
                    return Ok(Err(refusal));
                }
            }
            while message.version == Version::V1 && self.is_wide(row) {
                row += 1;
            }
            let put = if row < self.device.program.len() {
                self.put_row(row)
            } else if message.version == Version::V1 {
                return Ok(Err((NO_SUCH_NAME, place as u32 + 1)));
            } else {
                self.put_exception(bind.oid, tag::END_OF_MIB_VIEW)
            };
            if matches!(put, Put::Full) {
                return Ok(Err((TOO_BIG, 0)));
            }
        }
        Ok(Ok(()))
    }

    fn get_bulk(&mut self, message: &Message<'_>) -> Result<Result<(), (u8, u32)>, Malformed> {
        let odd = &self.state.odd;
        let single = if odd.no_repeaters() { 0 } else { message.status.max(0) as usize };
        let rounds = (message.index.max(0) as usize).min(MAX_REPETITIONS);
        let mut places = std::mem::take(&mut self.scratch.places);
        places.clear();
        for bind in message.var_binds() {
            let name = self.scratch.arcs.read(bind?.oid)?;
            places.push(self.device.program.after(name));
        }
        if let Some(refusal) = self.bulk_refusal(message, &places, single, rounds)? {
            return Ok(Err(refusal));
        }
        let full = self.bulk_rounds(message, &mut places, single, rounds)?;
        self.scratch.places = places;
        // Cut short is fine (RFC 3416, 4.2.3), but not even one is tooBig.
        let nothing = full && self.values == 0;
        Ok(if nothing { Err((TOO_BIG, 0)) } else { Ok(()) })
    }

    /// What an oddity answers in place of the rows that would come.
    fn bulk_refusal(
        &mut self,
        message: &Message<'_>,
        places: &[usize],
        single: usize,
        rounds: usize,
    ) -> Result<Option<(u8, u32)>, Malformed> {
        let (program, odd) = (&self.device.program, &self.state.odd);
        if odd.is_empty() {
            return Ok(None);
        }
        for (at, (bind, place)) in message.var_binds().zip(places).enumerate() {
            let name = self.scratch.arcs.read(bind?.oid)?;
            let mut row = *place;
            for _ in 0..if at < single { 1 } else { rounds } {
                row = odd.visible(program, row);
                let found = odd.refusal(program, (name, row), (at as u32 + 1, true));
                if found.is_some() {
                    return Ok(found);
                }
                row += 1;
            }
        }
        Ok(None)
    }

    /// Returns whether the answer became full.
    fn bulk_rounds(
        &mut self,
        message: &Message<'_>,
        places: &mut [usize],
        single: usize,
        rounds: usize,
    ) -> Result<bool, Malformed> {
        let rows = self.device.program.len();
        let odd = &self.state.odd;
        let (odd, most) = ((!odd.is_empty()).then_some(odd), odd.most_variables());
        for round in 0..rounds.max(1) {
            let skip = if round == 0 { 0 } else { single };
            let (mut ended, mut asked) = (0, 0);
            for (at, place) in places.iter_mut().enumerate().skip(skip) {
                if round == 0 && at >= single && rounds == 0 {
                    break;
                }
                if self.values as usize >= most {
                    return Ok(false);
                }
                asked += 1;
                let row = odd.map_or(*place, |it| it.visible(&self.device.program, *place));
                *place = (row + 1).min(rows);
                let put = if row < rows {
                    self.put_row(row)
                } else {
                    ended += 1;
                    let Some(bind) = message.var_binds().nth(at) else { break };
                    self.put_end(bind?.oid, rows)?
                };
                if matches!(put, Put::Full) {
                    return Ok(true);
                }
            }
            // All columns at the end: more rounds would only repeat it.
            if asked == ended {
                break;
            }
        }
        Ok(false)
    }

    /// endOfMibView under the name before it: the last row's, or the request's own where it
    /// lay behind all rows from the start.
    fn put_end(&mut self, requested: &[u8], rows: usize) -> Result<Put, Malformed> {
        let passed = self.device.program.after(self.scratch.arcs.read(requested)?) < rows;
        Ok(match self.device.program.row(rows.wrapping_sub(1)) {
            Some((name, _, _)) if passed => self.push(name, &[tag::END_OF_MIB_VIEW, 0]),
            Some(_) | None => self.put_exception(requested, tag::END_OF_MIB_VIEW),
        })
    }
}

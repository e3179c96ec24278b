//! Polls and metric batches to Avro's binary form and back (Avro 1.12, "Binary Encoding"), in the
//! field order of this binary's own schemas.
//!
//! By far the most of what the log carries. The general codec goes field by field through serde
//! and costs several times as much; it reads what another version wrote, and the tests hold the
//! two against each other.

mod metric;
mod poll;
mod varint;

pub(crate) use poll::{empty as empty_poll, refill as refill_poll};
use varint::LONG;

/// What is wrong with the bytes of a datum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// They end before this field does.
    Cut(&'static str),
    /// This field cannot have such bytes.
    Bad(&'static str, &'static str),
}

/// A record with a way of its own into bytes and back.
pub(crate) trait Binary: Sized {
    /// Appends the datum.
    fn write(&self, out: &mut Vec<u8>);

    /// Bytes that the datum takes at most, but for its texts.
    fn room(&self) -> usize;

    /// Reads a datum.
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Flaw>;
}

/// Items that room is made for on a count's word alone.
const MOST_AHEAD: usize = 4_096;

/// Place in a datum; names the field that it fails at.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(datum: &'a [u8]) -> Self {
        Self { rest: datum }
    }

    fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], Flaw> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Flaw::Cut(field))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, Flaw> {
        let (byte, rest) = self.rest.split_first().ok_or(Flaw::Cut(field))?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline(always)]
    fn long(&mut self, field: &'static str) -> Result<i64, Flaw> {
        let (bits, length) = match self.rest {
            [byte, ..] if *byte < 0x80 => (u64::from(*byte), 1),
            rest => match rest.first_chunk().map(varint::read) {
                Some(Some(read)) => read,
                Some(None) | None => self.long_near_end(field)?,
            },
        };
        self.rest = self.rest.get(length..).unwrap_or_default();
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    /// A long with fewer bytes ahead than one may take, or bytes that are none.
    #[cold]
    #[inline(never)]
    fn long_near_end(&self, field: &'static str) -> Result<(u64, usize), Flaw> {
        match (varint::read_near_end(self.rest), self.rest.get(LONG - 1)) {
            (Some(read), _) => Ok(read),
            (None, None) => Err(Flaw::Cut(field)),
            (None, Some(0..0x80)) => Err(Flaw::Bad(field, "a long of more than 64 bits")),
            (None, Some(0x80..)) => Err(Flaw::Bad(field, "a long of more than ten bytes")),
        }
    }

    #[inline(always)]
    fn int(&mut self, field: &'static str) -> Result<i32, Flaw> {
        let long = self.long(field)?;
        i32::try_from(long).map_err(|_| Flaw::Bad(field, "an int of more than 32 bits"))
    }

    fn double(&mut self, field: &'static str) -> Result<f64, Flaw> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(field, 8)?);
        Ok(f64::from_le_bytes(bytes))
    }

    fn boolean(&mut self, field: &'static str) -> Result<bool, Flaw> {
        match self.byte(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Flaw::Bad(field, "a boolean that is neither 0 nor 1")),
        }
    }

    /// A text's bytes, whatever they are.
    fn text_bytes(&mut self, field: &'static str) -> Result<&'a [u8], Flaw> {
        let length = self.length(field)?;
        self.take(field, length)
    }

    fn text(&mut self, field: &'static str) -> Result<&'a str, Flaw> {
        as_text(field, self.text_bytes(field)?)
    }

    fn text_into(&mut self, field: &'static str, text: &mut String) -> Result<(), Flaw> {
        let bytes = self.text_bytes(field)?;
        // Polls say the same over and over: comparing is cheaper than checking and copying.
        if bytes != text.as_bytes() {
            text.clear();
            text.push_str(as_text(field, bytes)?);
        }
        Ok(())
    }

    /// One of an enum's symbols, by its place in the schema.
    fn symbol<T: Copy>(&mut self, field: &'static str, symbols: &[T]) -> Result<T, Flaw> {
        let place = usize::try_from(self.int(field)?).ok();
        let symbol = place.and_then(|place| symbols.get(place));
        symbol.copied().ok_or(Flaw::Bad(field, "an enum's symbol that the schema does not have"))
    }

    /// A field that may be null, as the second branch of its union.
    fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Flaw>,
    ) -> Result<Option<T>, Flaw> {
        match self.long(field)? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Flaw::Bad(field, "a branch that its union does not have")),
        }
    }

    /// The items of an array.
    fn array<T>(
        &mut self,
        field: &'static str,
        read: impl FnMut(&mut Self) -> Result<T, Flaw>,
    ) -> Result<Vec<T>, Flaw> {
        let mut items = Vec::new();
        self.array_into(field, &mut items, read)?;
        Ok(items)
    }

    /// The items of an array, into a list that may have room.
    fn array_into<T>(
        &mut self,
        field: &'static str,
        items: &mut Vec<T>,
        mut read: impl FnMut(&mut Self) -> Result<T, Flaw>,
    ) -> Result<(), Flaw> {
        items.clear();
        loop {
            let count = self.block(field)?;
            if count == 0 {
                return Ok(());
            }
            items.reserve_exact(count.min(MOST_AHEAD));
            for _ in 0..count {
                items.push(read(self)?);
            }
        }
    }

    /// The items of an array, each into one that was there before.
    fn refill<T>(
        &mut self,
        field: &'static str,
        items: &mut Vec<T>,
        mut empty: impl FnMut() -> T,
        mut read: impl FnMut(&mut Self, &mut T) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        let mut filled = 0;
        loop {
            let count = self.block(field)?;
            if count == 0 {
                items.truncate(filled);
                return Ok(());
            }
            for _ in 0..count {
                if items.len() == filled {
                    items.push(empty());
                }
                if let Some(item) = items.get_mut(filled) {
                    read(self, item)?;
                }
                filled += 1;
            }
        }
    }

    /// How many items of an array follow; none: it ends. No item takes less than a byte.
    fn block(&mut self, field: &'static str) -> Result<usize, Flaw> {
        let count = self.long(field)?;
        if count < 0 {
            // Then the block's size in bytes follows, for readers that skip it.
            self.length(field)?;
        }
        let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if count > self.rest.len() { Err(Flaw::Cut(field)) } else { Ok(count) }
    }

    fn length(&mut self, field: &'static str) -> Result<usize, Flaw> {
        let length = self.long(field)?;
        usize::try_from(length).map_err(|_| Flaw::Bad(field, "a negative length"))
    }
}

fn as_text<'a>(field: &'static str, bytes: &'a [u8]) -> Result<&'a str, Flaw> {
    std::str::from_utf8(bytes).map_err(|_| Flaw::Bad(field, "text that is not UTF-8"))
}

#[inline]
fn put_long(out: &mut Vec<u8>, value: i64) {
    let bits = ((value << 1) ^ (value >> 63)) as u64;
    if bits < 0x80 {
        out.push(bits as u8);
        return;
    }
    let (bytes, length) = varint::write(bits);
    // All of them and then fewer: a copy of a size that is known costs next to nothing.
    out.extend_from_slice(&bytes);
    out.truncate(out.len() - (LONG - length));
}

fn put_double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_long(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

fn put_symbol<T: PartialEq>(out: &mut Vec<u8>, symbols: &[T], symbol: &T) {
    // The tables below hold every variant.
    let place = symbols.iter().position(|one| one == symbol).unwrap_or_default();
    put_long(out, place as i64);
}

fn put_optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        None => out.push(0),
        Some(value) => {
            put_long(out, 1);
            write(out, value);
        }
    }
}

fn put_array<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    if !items.is_empty() {
        put_long(out, items.len() as i64);
        for item in items {
            write(out, item);
        }
    }
    out.push(0);
}

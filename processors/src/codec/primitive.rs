//! Varints, texts, columns with runs of zeros.

use crate::{LoadError, Sections};

/// Appends to bytes.
pub(super) struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Seven bits a byte, lowest first.
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.number(zigzag(value));
    }

    pub(super) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.raw(text.as_bytes());
    }

    pub(super) fn float(&mut self, value: f64) {
        self.raw(&value.to_bits().to_le_bytes());
    }

    pub(super) fn maybe(&mut self, value: Option<i64>) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            self.signed(value);
        }
    }

    /// A column: zeros in runs, the rest as varints.
    pub(super) fn column(&mut self, values: impl Iterator<Item = u64>) {
        let mut zeros = 0;
        for value in values {
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.zeros(&mut zeros);
            self.number(value);
        }
        self.zeros(&mut zeros);
    }

    fn zeros(&mut self, zeros: &mut u64) {
        if *zeros > 0 {
            self.byte(0);
            self.number(*zeros);
            *zeros = 0;
        }
    }

    /// A column of bit patterns that end in zeros: the zeros' nibbles are counted, not written.
    pub(super) fn bits(&mut self, values: impl Iterator<Item = u64>) {
        let mut zeros = 0;
        for value in values {
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.zeros(&mut zeros);
            let nibbles = value.trailing_zeros() / 4;
            let rest = value >> (4 * nibbles);
            // The first byte holds the count and three bits of the rest; never 0, since the
            // rest's lowest nibble is not.
            let head = (rest as u8 & 0x07) << 4 | nibbles as u8;
            let rest = rest >> 3;
            self.byte(if rest == 0 { head } else { head | 0x80 });
            if rest != 0 {
                self.number(rest);
            }
        }
        self.zeros(&mut zeros);
    }
}

/// Reads from bytes.
pub(super) struct Reader<'a> {
    section: u16,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Begins a section.
    pub(super) fn of(sections: &'a Sections, section: u16) -> Result<Self, LoadError> {
        let bytes = sections.get(&section).ok_or(LoadError::Missing { section })?;
        Ok(Self { section, bytes, at: 0 })
    }

    pub(super) fn malformed(&self, what: &'static str) -> LoadError {
        LoadError::Malformed { section: self.section, at: self.at, what }
    }

    fn truncated(&self) -> LoadError {
        LoadError::Truncated { section: self.section, at: self.at }
    }

    pub(super) fn end(&self) -> Result<(), LoadError> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(self.malformed("bytes after the end"))
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, LoadError> {
        let byte = self.bytes.get(self.at).ok_or_else(|| self.truncated())?;
        self.at += 1;
        Ok(*byte)
    }

    pub(super) fn flag(&mut self) -> Result<bool, LoadError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            2.. => Err(self.malformed("neither yes nor no")),
        }
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], LoadError> {
        let end = self.at.checked_add(length).ok_or_else(|| self.truncated())?;
        let slice = self.bytes.get(self.at..end).ok_or_else(|| self.truncated())?;
        self.at = end;
        Ok(slice)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let slice = self.slice(N)?;
        slice.try_into().map_err(|_| self.truncated())
    }

    pub(super) fn number(&mut self) -> Result<u64, LoadError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed("number too long"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, LoadError> {
        self.number().map(unzigzag)
    }

    /// A time or slot: so small that sums of a few cannot overflow.
    pub(super) fn clock(&mut self) -> Result<i64, LoadError> {
        let value = self.signed()?;
        if value.unsigned_abs() >> 60 == 0 { Ok(value) } else { Err(self.malformed("time")) }
    }

    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, LoadError> {
        let value = self.number()?;
        T::try_from(value).map_err(|_| self.malformed("number too large"))
    }

    /// A length of things that take a byte each at least.
    pub(super) fn length(&mut self) -> Result<usize, LoadError> {
        let length: usize = self.small()?;
        if length > self.bytes.len() { Err(self.malformed("length")) } else { Ok(length) }
    }

    pub(super) fn text(&mut self) -> Result<String, LoadError> {
        let length = self.length()?;
        let slice = self.slice(length)?;
        let text = std::str::from_utf8(slice).map_err(|_| self.malformed("text"))?;
        Ok(text.to_owned())
    }

    pub(super) fn float(&mut self) -> Result<f64, LoadError> {
        Ok(f64::from_bits(u64::from_le_bytes(self.array()?)))
    }

    pub(super) fn maybe(&mut self) -> Result<Option<i64>, LoadError> {
        if self.flag()? { self.clock().map(Some) } else { Ok(None) }
    }

    /// A column of this length.
    pub(super) fn column(&mut self, length: usize) -> Result<Vec<u64>, LoadError> {
        self.runs(length, Self::number_after)
    }

    pub(super) fn bits(&mut self, length: usize) -> Result<Vec<u64>, LoadError> {
        self.runs(length, Self::bits_after)
    }

    fn runs(
        &mut self,
        length: usize,
        read: fn(&mut Self) -> Result<u64, LoadError>,
    ) -> Result<Vec<u64>, LoadError> {
        let mut values = Vec::with_capacity(length);
        while values.len() < length {
            if self.bytes.get(self.at) == Some(&0) {
                self.at += 1;
                let zeros: usize = self.small()?;
                if zeros == 0 || zeros > length - values.len() {
                    return Err(self.malformed("run of zeros"));
                }
                values.resize(values.len() + zeros, 0);
            } else {
                values.push(read(self)?);
            }
        }
        Ok(values)
    }

    fn number_after(&mut self) -> Result<u64, LoadError> {
        self.number()
    }

    fn bits_after(&mut self) -> Result<u64, LoadError> {
        let head = self.byte()?;
        let mut rest = u64::from(head >> 4 & 0x07);
        if head & 0x80 != 0 {
            let more = self.number()?;
            if more >> 61 != 0 {
                return Err(self.malformed("bit pattern"));
            }
            rest |= more << 3;
        }
        Ok(rest << (4 * u32::from(head & 0x0f)))
    }
}

pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

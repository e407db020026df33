//! Reads the part of CBOR (RFC 8949) that operations are made of.
//!
//! ```text
//! initial byte    major type << 5 | n
//!                 n < 24: the argument itself
//!                 n = 24, 25, 26, 27: the argument follows in 1, 2, 4, 8 bytes, big endian
//! ```
//!
//! Every argument has its shortest head and every length is definite (EN1). What is borrowed from
//! the input costs nothing; whoever allocates for a claimed number of items asks
//! [`Reader::capacity`] first, so that a claim never reserves more than the input can fill.

use crate::decode::{DecodeOperationError, Problem};

pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// One data item; of arrays and maps, the head.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a> {
    Unsigned(u64),
    /// The number is -1 minus this.
    Negative(u64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(u64),
    Map(u64),
    Tag,
    Bool(bool),
    Simple,
    F16(u16),
    F32(u32),
    F64(u64),
}

impl Item<'_> {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unsigned(_) => "an unsigned integer",
            Self::Negative(_) => "a negative integer",
            Self::Bytes(_) => "bytes",
            Self::Text(_) => "text",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Tag => "a tag",
            Self::Bool(_) => "a truth value",
            Self::Simple => "a simple value",
            Self::F16(_) | Self::F32(_) | Self::F64(_) => "a float",
        }
    }
}

type Result<T> = core::result::Result<T, DecodeOperationError>;

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.offset)
    }

    /// How many of the claimed items can be there at most, when each takes this many bytes.
    pub(crate) fn capacity(&self, claimed: u64, item_length: usize) -> usize {
        let possible = self.remaining().checked_div(item_length).unwrap_or(0);
        usize::try_from(claimed).map_or(possible, |claimed| claimed.min(possible))
    }

    /// Reads an item, of which the caller says what it expects, for the error.
    #[inline]
    pub(crate) fn item(&mut self, expected: &'static str) -> Result<Item<'a>> {
        let start = self.offset;
        let [initial] = self.take_array()?;
        let (major, info) = (initial >> 5, initial & 0x1f);
        if major == 7 {
            return self.simple(start, info, expected);
        }
        let argument = self.argument(start, info, expected)?;
        Ok(match major {
            0 => Item::Unsigned(argument),
            1 => Item::Negative(argument),
            2 => Item::Bytes(self.take(argument)?),
            3 => Item::Text(self.text(argument)?),
            4 => Item::Array(argument),
            5 => Item::Map(argument),
            _ => Item::Tag,
        })
    }

    #[inline]
    fn argument(&mut self, start: usize, info: u8, expected: &'static str) -> Result<u64> {
        let (argument, needs) = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => (u64::from(u8::from_be_bytes(self.take_array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.take_array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.take_array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.take_array()?), 1 << 32),
            31 => return Err(Problem::Indefinite { expected }.at(start)),
            _ => return Err(Problem::Reserved { found: info }.at(start)),
        };
        if argument < needs {
            return Err(Problem::LongHead { argument }.at(start));
        }
        Ok(argument)
    }

    fn simple(&mut self, start: usize, info: u8, expected: &'static str) -> Result<Item<'a>> {
        Ok(match info {
            20 => Item::Bool(false),
            21 => Item::Bool(true),
            0..=19 | 22 | 23 => Item::Simple,
            24 => self.take_array::<1>().map(|_| Item::Simple)?,
            25 => Item::F16(u16::from_be_bytes(self.take_array()?)),
            26 => Item::F32(u32::from_be_bytes(self.take_array()?)),
            27 => Item::F64(u64::from_be_bytes(self.take_array()?)),
            31 => return Err(Problem::Item { expected, found: "a break" }.at(start)),
            _ => return Err(Problem::Reserved { found: info }.at(start)),
        })
    }

    fn text(&mut self, length: u64) -> Result<&'a str> {
        let start = self.offset;
        let bytes = self.take(length)?;
        core::str::from_utf8(bytes)
            .map_err(|error| Problem::Utf8.at(start.saturating_add(error.valid_up_to())))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let taken = taken.ok_or_else(|| self.end_of_input(length))?;
        self.offset = self.offset.saturating_add(taken.len());
        Ok(taken)
    }

    #[inline]
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let Some(&taken) = rest.first_chunk() else {
            return Err(self.end_of_input(u64::try_from(N).unwrap_or(u64::MAX)));
        };
        self.offset = self.offset.saturating_add(N);
        Ok(taken)
    }

    fn end_of_input(&self, expected: u64) -> DecodeOperationError {
        Problem::EndOfInput { expected, found: self.remaining() }.at(self.offset)
    }
}

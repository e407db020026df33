//! The part of CBOR (RFC 8949) that the messages are made of: unsigned integers, byte strings,
//! text, arrays, `false`, `true` and `null`; lengths definite, heads as short as they can be.
//!
//! ```text
//! initial byte    major type << 5 | n
//!                 n < 24: the argument itself
//!                 n = 24, 25, 26, 27: the argument follows in 1, 2, 4, 8 bytes, big endian
//! ```
//!
//! Only reading is here: the messages are written as operations are, by
//! [`Writer`](pandan_operations::cbor::Writer).

use super::decode::{DecodeMessageError, Problem};

/// What an item begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Unsigned(u64),
    /// So many bytes follow.
    Bytes(u64),
    /// So many bytes of text follow.
    Text(u64),
    /// So many items follow.
    Array(u64),
    Bool(bool),
    Null,
}

/// Bytes of the longest head.
pub(super) const HEAD_LENGTH_MAX: usize = 9;

impl Head {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unsigned(_) => "an unsigned integer",
            Self::Bytes(_) => "bytes",
            Self::Text(_) => "text",
            Self::Array(_) => "an array",
            Self::Bool(_) => "a truth value",
            Self::Null => "null",
        }
    }

    /// How long a head with this first byte is.
    pub(super) const fn length(initial: u8) -> usize {
        match initial & 0x1f {
            24 => 2,
            25 => 3,
            26 => 5,
            27 => HEAD_LENGTH_MAX,
            _ => 1,
        }
    }

    /// Reads a head at the beginning of `bytes`, which hold all of it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let Some((&initial, rest)) = bytes.split_first() else {
            return Err(Problem::EndOfInput { expected: 1, found: 0 });
        };
        let (major, info) = (initial >> 5, initial & 0x1f);
        if major == 7 {
            return Self::simple(info);
        }
        let argument = argument(info, rest)?;
        Ok(match major {
            0 => Self::Unsigned(argument),
            2 => Self::Bytes(argument),
            3 => Self::Text(argument),
            4 => Self::Array(argument),
            1 => return Err(Problem::Foreign { found: "a negative integer" }),
            5 => return Err(Problem::Foreign { found: "a map" }),
            _ => return Err(Problem::Foreign { found: "a tag" }),
        })
    }

    const fn simple(info: u8) -> Result<Self, Problem> {
        match info {
            20 => Ok(Self::Bool(false)),
            21 => Ok(Self::Bool(true)),
            22 => Ok(Self::Null),
            25..=27 => Err(Problem::Foreign { found: "a float" }),
            28..=30 => Err(Problem::Reserved { found: info }),
            31 => Err(Problem::Foreign { found: "a break" }),
            _ => Err(Problem::Foreign { found: "a simple value" }),
        }
    }
}

fn argument(info: u8, rest: &[u8]) -> Result<u64, Problem> {
    let (width, least) = match info {
        0..=23 => return Ok(u64::from(info)),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        31 => return Err(Problem::Indefinite),
        _ => return Err(Problem::Reserved { found: info }),
    };
    let Some(bytes) = rest.get(..width) else {
        let expected = u64::try_from(width).unwrap_or(u64::MAX);
        return Err(Problem::EndOfInput { expected, found: rest.len() });
    };
    let argument = bytes.iter().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
    if argument < least { Err(Problem::LongHead { argument }) } else { Ok(argument) }
}

/// Reads item by item.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

type Result<T, E = DecodeMessageError> = core::result::Result<T, E>;

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// How many of the claimed items can be there at most, when each takes this many bytes.
    pub(super) fn capacity(&self, claimed: u64, item_length: usize) -> usize {
        let possible = self.rest().len().checked_div(item_length).unwrap_or(0);
        usize::try_from(claimed).map_or(possible, |claimed| claimed.min(possible))
    }

    pub(super) fn head(&mut self) -> Result<Head> {
        let rest = self.rest();
        let head = Head::read(rest).map_err(|problem| problem.at(self.offset))?;
        let length = rest.first().map_or(0, |&initial| Head::length(initial));
        self.offset = self.offset.saturating_add(length);
        Ok(head)
    }

    pub(super) fn unsigned(&mut self, expected: &'static str) -> Result<u64> {
        let start = self.offset;
        match self.head()? {
            Head::Unsigned(number) => Ok(number),
            other => Err(other.unexpected(expected, start)),
        }
    }

    pub(super) fn array(&mut self, expected: &'static str) -> Result<u64> {
        let start = self.offset;
        match self.head()? {
            Head::Array(items) => Ok(items),
            other => Err(other.unexpected(expected, start)),
        }
    }

    /// An array with this many items.
    pub(super) fn array_of(&mut self, items: u64, expected: &'static str) -> Result<()> {
        let start = self.offset;
        let found = self.array(expected)?;
        if found == items {
            Ok(())
        } else {
            Err(Problem::Items { expected: items, found }.at(start))
        }
    }

    pub(super) fn bool(&mut self, expected: &'static str) -> Result<bool> {
        let start = self.offset;
        match self.head()? {
            Head::Bool(value) => Ok(value),
            other => Err(other.unexpected(expected, start)),
        }
    }

    pub(super) fn bytes(&mut self, expected: &'static str) -> Result<&'a [u8]> {
        self.bytes_or_null(expected)?.ok_or_else(|| {
            let start = self.offset.saturating_sub(1);
            Head::Null.unexpected(expected, start)
        })
    }

    pub(super) fn bytes_or_null(&mut self, expected: &'static str) -> Result<Option<&'a [u8]>> {
        let start = self.offset;
        match self.head()? {
            Head::Bytes(length) => self.take(length).map(Some),
            Head::Null => Ok(None),
            other => Err(other.unexpected(expected, start)),
        }
    }

    pub(super) fn text(&mut self, expected: &'static str) -> Result<&'a str> {
        let start = self.offset;
        let bytes = match self.head()? {
            Head::Text(length) => self.take(length)?,
            other => return Err(other.unexpected(expected, start)),
        };
        let start = self.offset.saturating_sub(bytes.len());
        core::str::from_utf8(bytes)
            .map_err(|error| Problem::Utf8.at(start.saturating_add(error.valid_up_to())))
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.rest().len() {
            0 => Ok(()),
            found => Err(Problem::Trailing { found }.at(self.offset)),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let rest = self.rest();
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let end = Problem::EndOfInput { expected: length, found: rest.len() };
        let taken = taken.ok_or_else(|| end.at(self.offset))?;
        self.offset = self.offset.saturating_add(taken.len());
        Ok(taken)
    }
}

impl Head {
    const fn unexpected(self, expected: &'static str, start: usize) -> DecodeMessageError {
        Problem::Item { expected, found: self.name() }.at(start)
    }
}

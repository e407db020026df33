//! Writing canonical CBOR (RFC 8949): lengths definite, heads as short as they can be (EN1).
//!
//! What it is used for is written here and in the messages of replication. Reading is another
//! matter: each reader knows what it expects and says so in its errors.

use alloc::vec::Vec;

/// Major types, where they stand in the initial byte.
const UNSIGNED: u8 = 0 << 5;
const NEGATIVE: u8 = 1 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const ARRAY: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const SIMPLE: u8 = 7 << 5;

/// Writes item by item; that items make up a whole is up to the caller.
///
/// ```
/// use pandan_operations::cbor::Writer;
///
/// let mut writer = Writer::with_capacity(8);
/// writer.array(2);
/// writer.int(-500);
/// writer.text("hi");
/// assert_eq!(writer.into_bytes(), [0x82, 0x39, 0x01, 0xf3, 0x62, b'h', b'i']);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Keeps room for this many bytes; more find theirs.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes a number that is not negative.
    pub fn unsigned(&mut self, number: u64) {
        self.head(UNSIGNED, number);
    }

    /// Writes a number.
    pub fn int(&mut self, number: i64) {
        if number < 0 {
            // The distance of a negative number to -1 is its bits turned over.
            self.head(NEGATIVE, (!number).cast_unsigned());
        } else {
            self.head(UNSIGNED, number.cast_unsigned());
        }
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.length(BYTES, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.length(TEXT, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Begins an array of this many items.
    pub fn array(&mut self, items: usize) {
        self.length(ARRAY, items);
    }

    /// Begins a map of this many pairs.
    pub fn map(&mut self, pairs: usize) {
        self.length(MAP, pairs);
    }

    /// Writes a truth value.
    pub fn bool(&mut self, value: bool) {
        self.head(SIMPLE, if value { 21 } else { 20 });
    }

    /// Writes null.
    pub fn null(&mut self) {
        self.head(SIMPLE, 22);
    }

    /// Writes the bits of a float of 16 bits.
    pub fn half(&mut self, bits: u16) {
        self.0.push(SIMPLE | 25);
        self.0.extend(bits.to_be_bytes());
    }

    /// Writes the bits of a float of 32 bits.
    pub fn single(&mut self, bits: u32) {
        self.0.push(SIMPLE | 26);
        self.0.extend(bits.to_be_bytes());
    }

    /// Writes the bits of a float of 64 bits.
    pub fn double(&mut self, bits: u64) {
        self.0.push(SIMPLE | 27);
        self.0.extend(bits.to_be_bytes());
    }

    fn length(&mut self, major: u8, length: usize) {
        self.head(major, u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// The shortest head for the argument.
    fn head(&mut self, major: u8, argument: u64) {
        let bytes = argument.to_be_bytes();
        let [.., d3, d2, d1, d0] = bytes;
        match argument {
            0..24 => self.0.push(major | d0),
            24..=0xff => self.0.extend([major | 24, d0]),
            0x100..=0xffff => self.0.extend([major | 25, d1, d0]),
            0x1_0000..=0xffff_ffff => self.0.extend([major | 26, d3, d2, d1, d0]),
            _ => {
                self.0.push(major | 27);
                self.0.extend(bytes);
            }
        }
    }
}

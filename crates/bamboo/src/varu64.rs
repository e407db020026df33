//! VarU64: numbers in one to nine bytes, each in its shortest form only (PN4).
//!
//! ```text
//! 00 … f7       the number itself
//! f8 … ff       the number follows in 1 … 8 bytes, big endian
//! ```

use thiserror::Error;

use crate::limits::VARU64_LENGTH_MAX;

/// Numbers up to this one are their own encoding.
const ONE_BYTE_MAX: u8 = 0xf7;

/// An encoded number.
///
/// ```
/// use pandan_bamboo::varu64;
///
/// assert_eq!(varu64::encode(300).as_bytes(), [0xf9, 0x01, 0x2c]);
/// assert_eq!(varu64::decode(&[0xf9, 0x01, 0x2c, 0xaa]), Ok((300, &[0xaa][..])));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedVarU64 {
    bytes: [u8; VARU64_LENGTH_MAX],
    length: usize,
}

impl EncodedVarU64 {
    /// The encoded number.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

impl AsRef<[u8]> for EncodedVarU64 {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Encodes a number to its shortest form.
#[must_use]
pub fn encode(number: u64) -> EncodedVarU64 {
    let mut bytes = [0; VARU64_LENGTH_MAX];
    let length = encoded_length(number);
    let big_endian = number.to_be_bytes();
    let (head, tail) = bytes.split_at_mut(1);
    if let ([head], 1) = (&mut *head, length) {
        *head = number.to_le_bytes()[0];
    } else {
        let following = length.saturating_sub(1);
        head.fill(ONE_BYTE_MAX.saturating_add(u8::try_from(following).unwrap_or(u8::MAX)));
        let digits = big_endian.iter().skip(big_endian.len().saturating_sub(following));
        tail.iter_mut().zip(digits).for_each(|(to, from)| *to = *from);
    }
    EncodedVarU64 { bytes, length }
}

/// Number of bytes to which a number is encoded.
#[must_use]
pub const fn encoded_length(number: u64) -> usize {
    if number <= ONE_BYTE_MAX as u64 {
        return 1;
    }
    let bits = u64::BITS.saturating_sub(number.leading_zeros());
    (bits.div_ceil(u8::BITS) as usize).saturating_add(1)
}

/// Decodes the number at the start of some bytes; gives what follows it as well.
pub fn decode(bytes: &[u8]) -> Result<(u64, &[u8]), VarU64Error> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Err(VarU64Error::Truncated { expected: 1, found: 0 });
    };
    let following = usize::from(first.saturating_sub(ONE_BYTE_MAX));
    if following == 0 {
        return Ok((u64::from(first), rest));
    }
    let found = bytes.len();
    let expected = following.saturating_add(1);
    let (digits, rest) =
        rest.split_at_checked(following).ok_or(VarU64Error::Truncated { expected, found })?;
    let number = digits.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    if encoded_length(number) != expected {
        return Err(VarU64Error::NotShortest {
            number,
            expected: encoded_length(number),
            found: expected,
        });
    }
    Ok((number, rest))
}

/// Bytes that do not begin with a number in its shortest form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VarU64Error {
    /// The bytes end before the number does.
    #[error("expected a number of {expected} bytes, found {found} bytes")]
    Truncated {
        /// Bytes that the number needs.
        expected: usize,
        /// Bytes that are left.
        found: usize,
    },
    /// The number has a shorter form.
    #[error("expected the number {number} in {expected} bytes, found it in {found}")]
    NotShortest {
        /// The number.
        number: u64,
        /// Size of its shortest form.
        expected: usize,
        /// Size of the form found.
        found: usize,
    },
}

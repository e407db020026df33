//! Hexadecimal text of fixed length, the form in which people see keys and hashes.

use core::fmt;

use thiserror::Error;

/// Text that is not the hexadecimal form of a value with a fixed number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HexError {
    /// The text has another length.
    #[error("expected {expected} hex digits, found {found} bytes of text")]
    Length {
        /// Number of digits that the value needs.
        expected: usize,
        /// Number of bytes in the given text.
        found: usize,
    },
    /// Something in the text is not one of `0-9`, `a-f`, `A-F`.
    #[error("expected a hex digit at offset {offset}, found byte 0x{found:02x}")]
    Digit {
        /// Offset into the text, in bytes.
        offset: usize,
        /// The byte which stands there.
        found: u8,
    },
}

/// Reads exactly `2 * N` hex digits of either case.
pub fn decode<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let expected = N.saturating_mul(2);
    if text.len() != expected {
        return Err(HexError::Length { expected, found: text.len() });
    }
    let mut bytes = [0; N];
    let (pairs, _) = text.as_bytes().as_chunks();
    for ((index, byte), &[high, low]) in bytes.iter_mut().enumerate().zip(pairs) {
        let offset = index.saturating_mul(2);
        let high = digit(high, offset)?;
        *byte = high << 4 | digit(low, offset.saturating_add(1))?;
    }
    Ok(bytes)
}

fn digit(byte: u8, offset: usize) -> Result<u8, HexError> {
    char::from(byte)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
        .ok_or(HexError::Digit { offset, found: byte })
}

/// Writes bytes as lower case hex digits.
pub fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

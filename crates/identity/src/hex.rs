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
    match byte {
        b'0'..=b'9' => Ok(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Ok(byte.wrapping_sub(b'a' - 10)),
        b'A'..=b'F' => Ok(byte.wrapping_sub(b'A' - 10)),
        _ => Err(HexError::Digit { offset, found: byte }),
    }
}

/// Writes bytes as lower case hex digits.
pub fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    // A whole chunk at a time: handing over digits one by one costs more than making them.
    let mut buffer = [0; CHUNK_LENGTH * 2];
    for chunk in bytes.chunks(CHUNK_LENGTH) {
        let (pairs, _) = buffer.as_chunks_mut();
        for ([high, low], byte) in pairs.iter_mut().zip(chunk) {
            (*high, *low) = (digit_of(byte >> 4), digit_of(byte & 0xf));
        }
        let digits = buffer.get(..chunk.len().saturating_mul(2)).unwrap_or(&buffer);
        f.write_str(str::from_utf8(digits).expect("digits are ASCII"))?;
    }
    Ok(())
}

/// Bytes written at once; a key or a digest is one chunk.
const CHUNK_LENGTH: usize = 32;

const fn digit_of(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0'.saturating_add(nibble),
        _ => (b'a' - 10).saturating_add(nibble),
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    struct Text<'a>(&'a [u8]);

    impl fmt::Display for Text<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(f, self.0)
        }
    }

    #[test]
    fn every_byte_is_written_as_formatting_does() {
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let mut expected = String::new();
        for (length, byte) in bytes.iter().enumerate() {
            let start = bytes.get(..length).unwrap();
            assert_eq!(Text(start).to_string(), expected);
            expected.push_str(&std::format!("{byte:02x}"));
        }
    }

    #[test]
    fn digits_are_those_of_either_case() {
        for byte in 0..=u8::MAX {
            let value = char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
            assert_eq!(digit(byte, 7), value.ok_or(HexError::Digit { offset: 7, found: byte }));
        }
    }
}

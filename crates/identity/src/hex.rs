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
///
/// # Errors
///
/// If the text has another length, or something in it is no hex digit.
pub fn decode<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let mut bytes = [0; N];
    decode_into(text, &mut bytes)?;
    Ok(bytes)
}

/// Reads hex digits of either case, two for each byte.
///
/// # Errors
///
/// If the number of digits is odd, or something in the text is no hex digit.
#[cfg(feature = "std")]
pub fn decode_vec(text: &str) -> Result<std::vec::Vec<u8>, HexError> {
    let mut bytes = std::vec![0; text.len().div_ceil(2)];
    decode_into(text, &mut bytes)?;
    Ok(bytes)
}

/// The time depends on the length alone, as long as all are digits: seeds are read here, too, and a
/// branch for each digit costs four times as much as reading it, since nobody can predict a hash.
fn decode_into(text: &str, bytes: &mut [u8]) -> Result<(), HexError> {
    let expected = bytes.len().saturating_mul(2);
    if text.len() != expected {
        return Err(HexError::Length { expected, found: text.len() });
    }
    let (pairs, _) = text.as_bytes().as_chunks();
    let mut valid = u8::MAX;
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (nibble(high), nibble(low));
        *byte = high.value << 4 | low.value;
        valid &= high.valid & low.valid;
    }
    if valid == u8::MAX {
        return Ok(());
    }
    let is_wrong = |(_, digit): &(usize, u8)| nibble(*digit).valid == 0;
    let wrong = text.bytes().enumerate().find(is_wrong);
    wrong.map_or(Ok(()), |(offset, found)| Err(HexError::Digit { offset, found }))
}

/// What a digit stands for, and all bits set if it is one, or none.
struct Nibble {
    value: u8,
    valid: u8,
}

const fn nibble(digit: u8) -> Nibble {
    let decimal = digit.wrapping_sub(b'0');
    // In ASCII, the letters of both cases differ in one bit.
    let letter = (digit | 0x20).wrapping_sub(b'a');
    let is_decimal = mask(decimal < 10);
    let is_letter = mask(letter < 6);
    Nibble {
        value: decimal & is_decimal | letter.wrapping_add(10) & is_letter,
        valid: is_decimal | is_letter,
    }
}

const fn mask(is_set: bool) -> u8 {
    (is_set as u8).wrapping_neg()
}

/// Bytes as lower case hex digits.
#[cfg(feature = "std")]
pub fn encode(bytes: &[u8]) -> std::string::String {
    let mut text = std::vec![0; bytes.len().saturating_mul(2)];
    digits_into(bytes, &mut text);
    std::string::String::from_utf8(text).expect("digits are ASCII")
}

/// Writes bytes as lower case hex digits.
pub fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    // A whole chunk at a time: handing over digits one by one costs more than making them.
    let mut buffer = [0; CHUNK_LENGTH * 2];
    for chunk in bytes.chunks(CHUNK_LENGTH) {
        digits_into(chunk, &mut buffer);
        let digits = buffer.get(..chunk.len().saturating_mul(2)).unwrap_or(&buffer);
        f.write_str(str::from_utf8(digits).expect("digits are ASCII"))?;
    }
    Ok(())
}

fn digits_into(bytes: &[u8], digits: &mut [u8]) {
    let (pairs, _) = digits.as_chunks_mut();
    for ([high, low], byte) in pairs.iter_mut().zip(bytes) {
        (*high, *low) = (digit_of(byte >> 4), digit_of(byte & 0xf));
    }
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
    fn texts_are_those_of_formatting() {
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(encode(&bytes), Text(&bytes).to_string());
        assert_eq!(decode_vec(&encode(&bytes)), Ok(bytes));
        assert_eq!(decode_vec(""), Ok(Vec::new()));
    }

    #[test]
    fn digits_are_those_of_either_case() {
        for digit in 0..=u8::MAX {
            let text = [b'7', digit];
            let Ok(text) = str::from_utf8(&text) else { continue };
            let value = char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            let expected = value
                .map(|value| [0x70 | value])
                .ok_or(HexError::Digit { offset: 1, found: digit });
            assert_eq!(decode::<1>(text), expected);
        }
    }

    #[test]
    fn bytes_above_ascii_are_no_digits() {
        for digit in 0x80..=u8::MAX {
            assert_eq!(nibble(digit).valid, 0, "{digit:#x}");
        }
    }

    #[test]
    fn the_first_of_several_mistakes_is_told() {
        let found = HexError::Digit { offset: 2, found: b'x' };
        assert_eq!(decode::<3>("00x0g0"), Err(found));
        assert_eq!(decode_vec("00x0g0"), Err(found));
        assert_eq!(decode_vec("000"), Err(HexError::Length { expected: 4, found: 3 }));
        assert_eq!(decode::<1>("000"), Err(HexError::Length { expected: 2, found: 3 }));
    }
}

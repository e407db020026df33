//! Entries from their text, into a buffer of fixed size.

use pandan_bamboo::limits::MAX_ENTRY_LENGTH;

/// Decodes pairs of hex digits; gives the part of the buffer that was filled.
pub(crate) fn decode<'b>(text: &str, buffer: &'b mut [u8; MAX_ENTRY_LENGTH]) -> Option<&'b [u8]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let filled = buffer.get_mut(..pairs.len())?;
    for (byte, &[high, low]) in filled.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(filled)
}

fn digit(char: u8) -> Option<u8> {
    char::from(char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

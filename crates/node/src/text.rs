//! Text forms of bytes and numbers, at the edge of the node.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes bytes in the URL-safe alphabet of RFC 4648, without padding.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..=chunk.len() {
            let sextet = group >> (18 - 6 * index) & 63;
            text.push(char::from(BASE64[sextet as usize]));
        }
    }
    text
}

/// Reads what [`encode_base64`] writes.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut group = 0_u32;
        for index in 0..4 {
            let sextet = match chunk.get(index) {
                Some(char) => BASE64.iter().position(|other| other == char)?,
                None => 0,
            };
            group = group << 6 | u32::try_from(sextet).ok()?;
        }
        let length = chunk.len().checked_sub(1).filter(|length| *length > 0)?;
        bytes.extend_from_slice(&group.to_be_bytes()[1..=length]);
    }
    (encode_base64(&bytes) == text).then_some(bytes)
}

/// Reads a number as it is written here: digits only, no zero in front.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

/// The beginning of a text, for messages.
pub(crate) fn shorten(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_it_was_written() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(decode_base64(&encode_base64(&bytes)), Some(bytes));
        }
        for text in ["A", "AB=", "A B", "AB", "0OIl+", "é"] {
            let read = decode_base64(text);
            assert!(read.is_none() || encode_base64(&read.unwrap_or_default()) == text, "{text}");
        }
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(parse_decimal("18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "01", "-1", "1.0", "18446744073709551616"] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
    }
}

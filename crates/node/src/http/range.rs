//! Which part of a blob is asked for (RFC 9110, chapter 14).

use std::ops::Range;

/// What a `range` header asks of something with a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: there is no header, or one that is to be ignored.
    Whole,
    /// This part.
    Part(Range<u64>),
    /// Nothing that is there.
    Outside,
}

/// Reads a `range` header. Several ranges at once are answered with the whole.
pub(super) fn asked(header: Option<&str>, length: u64) -> Asked {
    let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else { return Asked::Whole };
    let (first, last) = (first.trim(), last.trim());
    match (number(first), number(last)) {
        (Some(first), _) if first >= length && is_number_or_empty(last) => Asked::Outside,
        (Some(first), Some(last)) if first <= last => {
            Asked::Part(first..length.min(last.saturating_add(1)))
        }
        (Some(first), None) if last.is_empty() => Asked::Part(first..length),
        (None, Some(0)) if first.is_empty() => Asked::Outside,
        (None, Some(_)) if first.is_empty() && length == 0 => Asked::Outside,
        (None, Some(suffix)) if first.is_empty() => {
            Asked::Part(length.saturating_sub(suffix)..length)
        }
        _ => Asked::Whole,
    }
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Some(text.parse().unwrap_or(u64::MAX)) } else { None }
}

fn is_number_or_empty(text: &str) -> bool {
    text.is_empty() || number(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        let cases = [
            (None, Asked::Whole),
            (Some("bytes=0-0"), Asked::Part(0..1)),
            (Some("bytes=0-9"), Asked::Part(0..10)),
            (Some("bytes=3-"), Asked::Part(3..10)),
            (Some("bytes=3-99"), Asked::Part(3..10)),
            (Some("bytes=-3"), Asked::Part(7..10)),
            (Some("bytes=-99"), Asked::Part(0..10)),
            (Some("bytes=9-"), Asked::Part(9..10)),
            (Some("bytes=10-"), Asked::Outside),
            (Some("bytes=10-12"), Asked::Outside),
            (Some("bytes=99999999999999999999-"), Asked::Outside),
            (Some("bytes=-0"), Asked::Outside),
            (Some("bytes=5-4"), Asked::Whole),
            (Some("bytes=0-1,3-4"), Asked::Whole),
            (Some("bytes=a-b"), Asked::Whole),
            (Some("bytes=-"), Asked::Whole),
            (Some("lines=0-1"), Asked::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(asked(header, 10), expected, "{header:?}");
        }
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Outside);
        assert_eq!(asked(Some("bytes=-1"), 0), Asked::Outside);
    }
}

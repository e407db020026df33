//! JSON of requests, looked at before it is read.

use serde_json::Value;
use thiserror::Error;

/// How much the values of a request may weigh.
///
/// Enough for lists of more values than a request may hold. A unit stands for up to about 40 bytes
/// of memory.
pub(super) const WEIGHT_MAX: usize = 250_000;

/// A list takes room for several values as soon as it holds one.
const LIST_WEIGHT: usize = 4;

/// And an object for a dozen with their names.
const OBJECT_WEIGHT: usize = 20;

/// A text that does not become a value.
#[derive(Debug, Error)]
pub(super) enum JsonError {
    #[error("the body is not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    #[error("the body holds too many values: they weigh {0}, at most {WEIGHT_MAX} is allowed")]
    Heavy(usize),
}

/// Reads JSON unless that would take much memory.
pub(super) fn parse(text: &[u8]) -> Result<Value, JsonError> {
    match weight(text) {
        weight if weight > WEIGHT_MAX => Err(JsonError::Heavy(weight)),
        _ => Ok(serde_json::from_slice(text)?),
    }
}

/// What the values of a text weigh: each comma is followed by one, lists and objects weigh more.
///
/// Nothing else counts, strings in particular take no more memory than their text.
fn weight(text: &[u8]) -> usize {
    let mut weight = 1;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' => weight += 1,
            b'[' => weight += LIST_WEIGHT,
            b'{' => weight += OBJECT_WEIGHT,
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    weight
}

fn skip_string<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_weigh_and_strings_do_not() {
        for (text, expected) in [
            ("", 1),
            ("7", 1),
            ("[1,2,3]", 7),
            ("[[],[]]", 14),
            (r#"{"a":1,"b":[]}"#, 26),
            (r#""[,{\",[{""#, 1),
            (r#"["\\",1]"#, 6),
            (r#""never ends,,,"#, 1),
        ] {
            assert_eq!(weight(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn heavy_texts_are_refused_and_lighter_ones_read() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert!(parse(list(WEIGHT_MAX - 5).as_bytes()).is_ok());
        let error = parse(list(WEIGHT_MAX - 4).as_bytes()).unwrap_err();
        assert!(matches!(error, JsonError::Heavy(weight) if weight == WEIGHT_MAX + 1));
        let objects = format!("[{}0]", r#"{"":0},"#.repeat(WEIGHT_MAX / 21 + 1));
        assert!(matches!(parse(objects.as_bytes()), Err(JsonError::Heavy(_))));
    }
}

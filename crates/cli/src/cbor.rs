//! Explains encoded operations byte by byte.
//!
//! Operations are a small part of CBOR (RFC 8949): definite lengths, shortest heads. What is not
//! of that part is shown as it is, up to the first byte that makes no sense.

use pandan_identity::hex;

use crate::fields::short;

/// Some bytes and what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) depth: usize,
    pub(crate) meaning: String,
}

/// Explains an operation as far as its bytes make sense.
pub(crate) fn explain(bytes: &[u8]) -> Vec<Piece> {
    let mut walk = Walk { bytes, at: 0, pieces: Vec::new() };
    let finished = walk.operation();
    // What was begun and made no sense is not among the pieces.
    let start = walk.pieces.last().map_or(0, |piece| piece.end);
    if start < bytes.len() {
        let what = if finished.is_some() {
            "nothing belongs behind the operation"
        } else {
            "makes no sense here"
        };
        walk.pieces.push(Piece { start, end: bytes.len(), depth: 0, meaning: what.to_owned() });
    }
    walk.pieces
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    pieces: Vec<Piece>,
}

/// The first bytes of an item.
struct Head {
    start: usize,
    major: u8,
    info: u8,
    argument: u64,
}

impl Walk<'_> {
    fn operation(&mut self) -> Option<()> {
        let items = self.opening(ARRAY, 0, "operation of", "items")?;
        let version = self.unsigned(1, "version")?;
        let action = self.unsigned(1, "action")?;
        if version != 1 {
            self.rename("an unknown version");
        }
        self.rename(&format!(
            "action {action}: {}",
            match action {
                0 => "create",
                1 => "update",
                2 => "delete",
                _ => "unknown",
            }
        ));
        self.item(1, "schema id ")?;
        if matches!(action, 1 | 2) {
            let ids = self.opening(ARRAY, 1, "previous, a view of", "operations")?;
            (0..ids).try_for_each(|_| self.item(2, ""))?;
        }
        if matches!(action, 0 | 1) && items > 3 {
            let fields = self.opening(MAP, 1, "fields:", "of them")?;
            (0..fields).try_for_each(|_| self.field())?;
        }
        Some(())
    }

    fn field(&mut self) -> Option<()> {
        self.item(2, "field ")?;
        self.item(3, "")
    }

    fn opening(&mut self, major: u8, depth: usize, what: &str, of: &str) -> Option<u64> {
        let head = self.head().filter(|head| head.major == major)?;
        self.push(&head, depth, format!("{what} {} {of}", head.argument));
        Some(head.argument)
    }

    fn unsigned(&mut self, depth: usize, what: &str) -> Option<u64> {
        let head = self.head().filter(|head| head.major == UNSIGNED)?;
        self.push(&head, depth, format!("{what} {}", head.argument));
        Some(head.argument)
    }

    fn item(&mut self, depth: usize, label: &str) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let head = self.head()?;
        match head.major {
            UNSIGNED => self.push(&head, depth, format!("{label}int {}", head.argument)),
            NEGATIVE => {
                let value = -1 - i128::from(head.argument);
                self.push(&head, depth, format!("{label}int {value}"));
            }
            BYTES => {
                let content = self.take(head.argument)?;
                let meaning = bytes_meaning(content);
                self.push(&head, depth, format!("{label}{meaning}"));
            }
            TEXT => {
                let content = self.take(head.argument)?;
                let text = format!("{label}{:?}", String::from_utf8_lossy(content));
                self.push(&head, depth, text);
            }
            ARRAY => {
                self.push(&head, depth, format!("{label}list of {}", head.argument));
                (0..head.argument).try_for_each(|_| self.item(depth + 1, ""))?;
            }
            SIMPLE => {
                let meaning = simple_meaning(&head)?;
                self.push(&head, depth, format!("{label}{meaning}"));
            }
            _ => {
                return None;
            }
        }
        Some(())
    }

    fn head(&mut self) -> Option<Head> {
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let (major, info) = (first >> 5, first & 0x1f);
        let length = match info {
            0..=23 => 0,
            24..=27 => 1_usize << (info - 24),
            _ => return None,
        };
        let argument = self.bytes.get(start + 1..start + 1 + length)?;
        let argument = match length {
            0 => u64::from(info),
            _ => argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        };
        self.at = start + 1 + length;
        Some(Head { start, major, info, argument })
    }

    fn take(&mut self, length: u64) -> Option<&[u8]> {
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        let content = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(content)
    }

    fn push(&mut self, head: &Head, depth: usize, meaning: String) {
        self.pieces.push(Piece { start: head.start, end: self.at, depth, meaning });
    }

    fn rename(&mut self, meaning: &str) {
        if let Some(last) = self.pieces.last_mut() {
            last.meaning = meaning.to_owned();
        }
    }
}

fn bytes_meaning(content: &[u8]) -> String {
    match content {
        [0, 32, ..] if content.len() == 34 => format!("hash {}", short(&hex::encode(content))),
        _ => format!("{} bytes", content.len()),
    }
}

fn simple_meaning(head: &Head) -> Option<String> {
    Some(match (head.info, head.argument) {
        (20, _) => "bool false".to_owned(),
        (21, _) => "bool true".to_owned(),
        (25, bits) => format!("float {} in 16 bits", half(u16::try_from(bits).ok()?)),
        (26, bits) => format!("float {} in 32 bits", f32::from_bits(u32::try_from(bits).ok()?)),
        (27, bits) => format!("float {} in 64 bits", f64::from_bits(bits)),
        _ => return None,
    })
}

/// A number of IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;

/// Lists in operations are nested two deep, as values three deep.
const DEEPEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::{explain, half};

    #[test]
    fn every_byte_is_explained_once() {
        let id = [&[0x58, 0x22, 0x00, 0x20][..], &[7; 32]].concat();
        let operation = [
            &[0x85, 1, 1, 0x67][..],
            b"blob_v1",
            &[0x81],
            &id,
            &[0xa3, 0x61, b'a', 0x39, 0x01, 0x2b, 0x61, b'b', 0xf9, 0x3e, 0x00, 0x61, b'c', 0x80],
        ]
        .concat();
        let pieces = explain(&operation);
        let mut at = 0;
        for piece in &pieces {
            assert_eq!(piece.start, at, "{piece:?}");
            at = piece.end;
        }
        assert_eq!(at, operation.len());
        let meanings: Vec<_> = pieces.iter().map(|piece| piece.meaning.as_str()).collect();
        assert!(meanings.contains(&"action 1: update"));
        assert!(meanings.contains(&"int -300"));
        assert!(meanings.contains(&"float 1.5 in 16 bits"));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for first in 0..=255 {
            for second in 0..=255 {
                let bytes = [first, second, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
                assert!(explain(&bytes).last().is_some_and(|piece| piece.end <= bytes.len()));
            }
        }
        // Damage at every place of something good.
        let good = [0x84, 1, 0, 0x61, b'a', 0xa1, 0x61, b'b', 0x81, 0x82, 0x41, 0, 0x18, 0x20];
        for place in 0..good.len() {
            for byte in 0..=255 {
                let mut bytes = good;
                bytes[place] = byte;
                let pieces = explain(&bytes);
                assert!(pieces.windows(2).all(|pair| pair[0].end <= pair[1].start));
                assert_eq!(pieces.last().map(|piece| piece.end), Some(good.len()));
            }
        }
        assert_eq!(explain(&[]), []);
        assert_eq!(half(0xc000), -2.0);
        assert_eq!(half(1), 2_f64.powi(-24));
    }
}

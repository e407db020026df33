//! Encoding operations in their only form.

use alloc::vec::Vec;

use pandan_bamboo::{HASH_LENGTH, Hash};

use crate::{DocumentViewId, Fields, Float, Operation, RawValue, float};

impl Operation {
    /// Encodes to bytes, the payload of an entry.
    ///
    /// [`Operation::decode`] gives back the same operation, provided that it keeps to
    /// [`crate::limits`] and holds nothing that has no form of its own: a list of lists with an
    /// empty one in it, or no list at all (which is written, and read, as an empty list of hashes).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(Vec::with_capacity(self.length_hint()));
        let parts = [self.previous().is_some(), self.fields().is_some()];
        let optional: u64 = parts.into_iter().map(u64::from).sum();
        writer.head(ARRAY, optional.saturating_add(3));
        writer.head(UNSIGNED, 1);
        writer.head(UNSIGNED, self.action().number());
        writer.text(self.schema().as_str());
        if let Some(previous) = self.previous() {
            writer.view_id(previous);
        }
        if let Some(fields) = self.fields() {
            writer.fields(fields);
        }
        writer.0
    }

    /// About how long the encoding is, rather a little more.
    fn length_hint(&self) -> usize {
        let previous =
            self.previous().map_or(0, DocumentViewId::len).saturating_mul(HASH_LENGTH + 2);
        let fields = self.fields().map_or(0, |fields| {
            let field = |(name, value): (&str, &RawValue)| {
                name.len().saturating_add(value_length_hint(value)).saturating_add(4)
            };
            fields.iter().map(field).fold(8, usize::saturating_add)
        });
        let frame = self.schema().as_str().len().saturating_add(16);
        frame.saturating_add(previous).saturating_add(fields)
    }
}

fn value_length_hint(value: &RawValue) -> usize {
    let hash = HASH_LENGTH + 2;
    match value {
        RawValue::Bool(_) | RawValue::Int(_) | RawValue::Float(_) => 9,
        RawValue::Str(text) => text.len().saturating_add(5),
        RawValue::Bytes(bytes) => bytes.len().saturating_add(5),
        RawValue::HashList(hashes) => hashes.len().saturating_mul(hash).saturating_add(5),
        RawValue::NestedHashList(lists) => lists
            .iter()
            .map(|list| list.len().saturating_mul(hash).saturating_add(5))
            .fold(5, usize::saturating_add),
    }
}

struct Writer(Vec<u8>);

/// Major types, where they stand in the initial byte.
const UNSIGNED: u8 = 0 << 5;
const NEGATIVE: u8 = 1 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const ARRAY: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const SIMPLE: u8 = 7 << 5;

impl Writer {
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

    fn length(&mut self, major: u8, length: usize) {
        self.head(major, u64::try_from(length).unwrap_or(u64::MAX));
    }

    fn text(&mut self, text: &str) {
        self.length(TEXT, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(BYTES, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn hashes(&mut self, hashes: &[Hash]) {
        self.length(ARRAY, hashes.len());
        for hash in hashes {
            self.bytes(&hash.encode());
        }
    }

    fn view_id(&mut self, view: &DocumentViewId) {
        self.length(ARRAY, view.len());
        for id in view {
            self.bytes(&id.encode());
        }
    }

    fn fields(&mut self, fields: &Fields) {
        self.length(MAP, fields.len());
        for (name, value) in fields.iter() {
            self.text(name);
            self.value(value);
        }
    }

    fn value(&mut self, value: &RawValue) {
        match value {
            RawValue::Bool(value) => self.head(SIMPLE, if *value { 21 } else { 20 }),
            // The distance of a negative number to -1 is its bits turned over.
            RawValue::Int(number) if *number < 0 => self.head(NEGATIVE, (!*number).cast_unsigned()),
            RawValue::Int(number) => self.head(UNSIGNED, number.cast_unsigned()),
            RawValue::Float(float) => self.float(*float),
            RawValue::Str(text) => self.text(text),
            RawValue::Bytes(bytes) => self.bytes(bytes),
            RawValue::HashList(hashes) => self.hashes(hashes),
            RawValue::NestedHashList(lists) => {
                self.length(ARRAY, lists.len());
                lists.iter().for_each(|hashes| self.hashes(hashes));
            }
        }
    }

    fn float(&mut self, float: Float) {
        if let Some(bits) = float::to_f16(float) {
            self.0.push(SIMPLE | 25);
            self.0.extend(bits.to_be_bytes());
        } else if let Some(bits) = float::to_f32(float) {
            self.0.push(SIMPLE | 26);
            self.0.extend(bits.to_be_bytes());
        } else {
            self.0.push(SIMPLE | 27);
            self.0.extend(float.to_bits().to_be_bytes());
        }
    }
}

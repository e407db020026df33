//! Encoding operations in their only form.

use alloc::vec::Vec;

use pandan_bamboo::{HASH_LENGTH, Hash};

use crate::cbor::Writer;
use crate::{DocumentViewId, Fields, Float, Operation, RawValue, float};

impl Operation {
    /// Encodes to bytes, the payload of an entry.
    ///
    /// [`Operation::decode`] gives back the same operation, provided that it keeps to
    /// [`crate::limits`] and holds nothing that has no form of its own: a list of lists with an
    /// empty one in it, or no list at all (which is written, and read, as an empty list of hashes).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.length_hint());
        let parts = [self.previous().is_some(), self.fields().is_some()];
        let optional: usize = parts.into_iter().map(usize::from).sum();
        writer.array(optional.saturating_add(3));
        writer.unsigned(1);
        writer.unsigned(self.action().number());
        writer.text(self.schema().as_str());
        if let Some(previous) = self.previous() {
            write_view_id(&mut writer, previous);
        }
        if let Some(fields) = self.fields() {
            write_fields(&mut writer, fields);
        }
        writer.into_bytes()
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

fn write_hashes(writer: &mut Writer, hashes: &[Hash]) {
    writer.array(hashes.len());
    for hash in hashes {
        writer.bytes(&hash.encode());
    }
}

fn write_view_id(writer: &mut Writer, view: &DocumentViewId) {
    writer.array(view.len());
    for id in view {
        writer.bytes(&id.encode());
    }
}

fn write_fields(writer: &mut Writer, fields: &Fields) {
    writer.map(fields.len());
    for (name, value) in fields.iter() {
        writer.text(name);
        write_value(writer, value);
    }
}

fn write_value(writer: &mut Writer, value: &RawValue) {
    match value {
        RawValue::Bool(value) => writer.bool(*value),
        RawValue::Int(number) => writer.int(*number),
        RawValue::Float(float) => write_float(writer, *float),
        RawValue::Str(text) => writer.text(text),
        RawValue::Bytes(bytes) => writer.bytes(bytes),
        RawValue::HashList(hashes) => write_hashes(writer, hashes),
        RawValue::NestedHashList(lists) => {
            writer.array(lists.len());
            lists.iter().for_each(|hashes| write_hashes(writer, hashes));
        }
    }
}

fn write_float(writer: &mut Writer, float: Float) {
    if let Some(bits) = float::to_f16(float) {
        writer.half(bits);
    } else if let Some(bits) = float::to_f32(float) {
        writer.single(bits);
    } else {
        writer.double(float.to_bits());
    }
}

//! Decoding field values, as far as their bytes tell what they are (OP7).

use alloc::vec::Vec;

use pandan_bamboo::{HASH_LENGTH, Hash};

use crate::decode::{DecodeOperationError, Problem, item, unexpected};
use crate::reader::{Item, Reader};
use crate::{Float, RawValue, float};

type Result<T> = core::result::Result<T, DecodeOperationError>;

pub(crate) fn value(reader: &mut Reader<'_>) -> Result<RawValue> {
    let (start, item) = item(reader, "a field value")?;
    Ok(match item {
        Item::Bool(value) => RawValue::Bool(value),
        Item::Unsigned(number) => RawValue::Int(int(start, number, false)?),
        Item::Negative(number) => RawValue::Int(int(start, number, true)?),
        Item::F16(bits) => RawValue::Float(float(start, float::from_f16(bits), 2)?),
        Item::F32(bits) => RawValue::Float(float(start, f64::from(f32::from_bits(bits)), 4)?),
        Item::F64(bits) => RawValue::Float(float(start, f64::from_bits(bits), 8)?),
        Item::Text(text) => RawValue::Str(text.into()),
        Item::Bytes(bytes) => RawValue::Bytes(bytes.into()),
        Item::Array(count) => list(reader, count)?,
        Item::Map(_) | Item::Tag | Item::Simple => {
            return Err(unexpected(start, "a field value", item));
        }
    })
}

/// Numbers have 64 bits with a sign (PN13). Of a negative number, `number` is its distance to -1;
/// all its bits are those of the result turned over.
fn int(start: usize, number: u64, is_negative: bool) -> Result<i64> {
    match i64::try_from(number) {
        Ok(number) => Ok(if is_negative { !number } else { number }),
        Err(_) => Err(Problem::IntRange.at(start)),
    }
}

/// A float comes in the smallest width that holds it, and NaN in one form only.
fn float(start: usize, number: f64, width: u8) -> Result<Float> {
    let float = Float::new(number);
    if float.to_bits() != number.to_bits() {
        return Err(Problem::Nan.at(start));
    }
    match float::width(float) {
        expected if expected == width => Ok(float),
        expected => Err(Problem::FloatWidth { expected, found: width }.at(start)),
    }
}

/// Either all items are hashes, or all are lists of hashes.
fn list(reader: &mut Reader<'_>, count: u64) -> Result<RawValue> {
    const EXPECTED: &str = "a hash or a list of hashes";
    if count == 0 {
        return Ok(RawValue::HashList(Vec::new()));
    }
    match item(reader, EXPECTED)? {
        (start, Item::Bytes(first)) => {
            let first = decode_hash(start, first)?;
            hashes(reader, first, count).map(RawValue::HashList)
        }
        (_, Item::Array(first)) => nested(reader, first, count).map(RawValue::NestedHashList),
        (start, other) => Err(unexpected(start, EXPECTED, other)),
    }
}

fn hashes(reader: &mut Reader<'_>, first: Hash, count: u64) -> Result<Vec<Hash>> {
    let others = count.saturating_sub(1);
    let capacity = reader.capacity(others, ENCODED_HASH_LENGTH).saturating_add(1);
    let mut hashes = Vec::with_capacity(capacity);
    hashes.push(first);
    for _ in 0..others {
        hashes.push(hash(reader)?);
    }
    Ok(hashes)
}

fn nested(reader: &mut Reader<'_>, first: u64, count: u64) -> Result<Vec<Vec<Hash>>> {
    const EXPECTED: &str = "a list of hashes";
    // The shortest inner list is its head and a hash.
    let capacity = reader.capacity(count, ENCODED_HASH_LENGTH.saturating_add(1));
    let mut lists = Vec::with_capacity(capacity);
    lists.push(inner(reader, first)?);
    for _ in 1..count {
        match item(reader, EXPECTED)? {
            (_, Item::Array(count)) => lists.push(inner(reader, count)?),
            (start, other) => return Err(unexpected(start, EXPECTED, other)),
        }
    }
    Ok(lists)
}

fn inner(reader: &mut Reader<'_>, count: u64) -> Result<Vec<Hash>> {
    if count == 0 {
        return Err(Problem::EmptyInnerList.at(reader.offset()));
    }
    let first = hash(reader)?;
    hashes(reader, first, count)
}

pub(crate) fn hash(reader: &mut Reader<'_>) -> Result<Hash> {
    match item(reader, "a hash")? {
        (start, Item::Bytes(bytes)) => decode_hash(start, bytes),
        (start, other) => Err(unexpected(start, "a hash", other)),
    }
}

fn decode_hash(start: usize, bytes: &[u8]) -> Result<Hash> {
    Hash::decode(bytes).map_err(|source| Problem::Hash(source).at(start))
}

/// The head of a byte string of this length takes two bytes.
pub(crate) const ENCODED_HASH_LENGTH: usize = HASH_LENGTH + 2;

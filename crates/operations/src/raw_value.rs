//! What an operation says of each field, as far as its bytes tell.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pandan_bamboo::Hash;
use thiserror::Error;

use crate::Float;

/// A field value as its encoding tells it. Which relation it is, if any, only a schema knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawValue {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating point number.
    Float(Float),
    /// Text.
    Str(String),
    /// Bytes, or a relation.
    Bytes(Vec<u8>),
    /// A list of relations, or a pinned relation; empty, it may be either list of relations.
    HashList(Vec<Hash>),
    /// A list of pinned relations.
    NestedHashList(Vec<Vec<Hash>>),
}

/// The kinds of [`RawValue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A floating point number.
    Float,
    /// Text.
    Str,
    /// Bytes, or a relation.
    Bytes,
    /// A list of hashes.
    HashList,
    /// A list of lists of hashes.
    NestedHashList,
}

impl RawValue {
    /// What kind of value it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Str(_) => Kind::Str,
            Self::Bytes(_) => Kind::Bytes,
            Self::HashList(_) => Kind::HashList,
            Self::NestedHashList(_) => Kind::NestedHashList,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a truth value",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Str => "text",
            Self::Bytes => "bytes",
            Self::HashList => "a list of hashes",
            Self::NestedHashList => "a list of lists of hashes",
        })
    }
}

/// The fields of an operation, in ascending order of the bytes of their names.
///
/// Any text can be a name here; which ones are fields, only a schema knows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// All names, one after the other: one allocation for all of them.
    names: String,
    /// Each value with the end of its name in `names`. Names are strictly ascending.
    values: Vec<(usize, RawValue)>,
}

impl Fields {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { names: String::new(), values: Vec::new() }
    }

    /// Puts fields in order; none may come twice.
    pub fn from_pairs<N: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, RawValue)>,
    ) -> Result<Self, DuplicateField> {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        let mut fields = Self::with_capacity(pairs.len());
        for (name, value) in pairs {
            let name = name.as_ref();
            if fields.last_name() == Some(name) {
                return Err(DuplicateField { name: name.into() });
            }
            fields.push(name, value);
        }
        Ok(fields)
    }

    /// Goes through the fields in ascending order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &RawValue)> {
        let mut start = 0;
        self.values.iter().map(move |(end, value)| {
            let name = self.names.get(start..*end).unwrap_or_default();
            start = *end;
            (name, value)
        })
    }

    /// Hands each field, in ascending order of the names, to `visit`, moving the value; stops at
    /// the first error.
    pub fn try_for_each<E>(
        self,
        mut visit: impl FnMut(&str, RawValue) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut start = 0;
        for (end, value) in self.values {
            visit(self.names.get(start..end).unwrap_or_default(), value)?;
            start = end;
        }
        Ok(())
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.iter().find_map(|(other, value)| (other == name).then_some(value))
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn with_capacity(count: usize) -> Self {
        let names = String::with_capacity(count.saturating_mul(USUAL_NAME_LENGTH));
        Self { names, values: Vec::with_capacity(count) }
    }

    /// The greatest name so far.
    pub(crate) fn last_name(&self) -> Option<&str> {
        let (last, others) = self.values.split_last()?;
        let start = others.last().map_or(0, |(end, _)| *end);
        self.names.get(start..last.0)
    }

    /// Adds a field whose name is greater than all others.
    pub(crate) fn push(&mut self, name: &str, value: RawValue) {
        debug_assert!(self.last_name().is_none_or(|last| last < name), "names are ascending");
        self.names.push_str(name);
        self.values.push((self.names.len(), value));
    }
}

/// Only a guess at the room that names need.
const USUAL_NAME_LENGTH: usize = 12;

/// Puts fields in order; of those with the same name, the last is kept.
impl<N: AsRef<str>> FromIterator<(N, RawValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, RawValue)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        // Sorting is stable, so the last of several stands last.
        pairs.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        let mut fields = Self::with_capacity(pairs.len());
        for (name, value) in pairs {
            let is_repeated = fields.last_name() == Some(name.as_ref());
            match fields.values.last_mut() {
                Some((_, last)) if is_repeated => *last = value,
                _ => fields.push(name.as_ref(), value),
            }
        }
        fields
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A field was given twice.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected every field once, found \"{name}\" twice")]
pub struct DuplicateField {
    /// Its name.
    pub name: String,
}

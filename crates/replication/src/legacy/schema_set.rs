//! Sorted sets of schemas, which announcements and sessions name.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pandan_operations::SchemaId;
use thiserror::Error;

use super::limits::{MAX_SCHEMAS, MAX_SCHEMAS_LENGTH};

/// A set of schemas: system schemas first, in their order, then application schemas by their text.
///
/// It always fits into a message. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SchemaSet(Arc<[SchemaId]>);

impl SchemaSet {
    /// The set of these schemas, in whatever order and however often they come.
    pub fn new(schemas: impl IntoIterator<Item = SchemaId>) -> Result<Self, SchemaSetError> {
        let mut sorted: Vec<_> = schemas.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self::of_sorted(sorted)
    }

    /// The set of the first of these schemas, in its order, as many as fit into a message.
    #[must_use]
    pub fn fitting(schemas: impl IntoIterator<Item = SchemaId>) -> Self {
        let mut sorted: Vec<_> = schemas.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.truncate(MAX_SCHEMAS);
        let mut length = 0_usize;
        let fits = |schema: &&SchemaId| {
            length = length.saturating_add(schema.as_str().len());
            length <= MAX_SCHEMAS_LENGTH
        };
        Self(sorted.iter().take_while(fits).cloned().collect())
    }

    /// The set of schemas that stand in their order already.
    pub(super) fn of_sorted(sorted: Vec<SchemaId>) -> Result<Self, SchemaSetError> {
        if sorted.len() > MAX_SCHEMAS {
            let found = u64::try_from(sorted.len()).unwrap_or(u64::MAX);
            return Err(SchemaSetError::TooMany { max: MAX_SCHEMAS, found });
        }
        let lengths = sorted.iter().map(|schema| schema.as_str().len());
        let found = lengths.fold(0, usize::saturating_add);
        if found > MAX_SCHEMAS_LENGTH {
            return Err(SchemaSetError::TooLong { max: MAX_SCHEMAS_LENGTH, found });
        }
        Ok(Self(sorted.into()))
    }

    /// The schemas, in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[SchemaId] {
        &self.0
    }

    /// Whether it has no schema.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has this schema.
    #[must_use]
    pub fn contains(&self, schema: &SchemaId) -> bool {
        self.0.binary_search(schema).is_ok()
    }

    /// Whether `other` has all of its schemas.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|schema| other.contains(schema))
    }

    /// The schemas that both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.part(|schema| other.contains(schema))
    }

    /// The schemas for which this holds.
    pub(super) fn part(&self, mut holds: impl FnMut(&SchemaId) -> bool) -> Self {
        // A part keeps the order and the limits of the whole.
        Self(self.0.iter().filter(|schema| holds(schema)).cloned().collect())
    }
}

impl fmt::Debug for SchemaSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter()).finish()
    }
}

/// More schemas than a set can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaSetError {
    /// Too many of them.
    #[error("expected at most {max} schemas, found {found}")]
    TooMany {
        /// The limit.
        max: usize,
        /// How many there are.
        found: u64,
    },
    /// Their texts are too long together.
    #[error("expected at most {max} bytes of schema ids, found {found}")]
    TooLong {
        /// The limit.
        max: usize,
        /// How many bytes there are.
        found: usize,
    },
}

//! The name of a state of a document: the operations at its tips.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use pandan_bamboo::{HASH_LENGTH, Hash, HashError};
use thiserror::Error;

use crate::{DocumentId, OperationId, limits};

/// Names a state of a document: the ids of the operations at the tips of its graph (DV1).
///
/// Invariant: at least one id, at most [`limits::MAX_PREVIOUS`], each greater than the one before.
/// A view id of one operation, which is the usual one, does not allocate.
#[derive(Clone)]
pub struct DocumentViewId(Ids);

#[derive(Clone)]
enum Ids {
    One([OperationId; 1]),
    Many(Box<[OperationId]>),
}

impl DocumentViewId {
    /// The view with these tips, in whatever order and however often they are named; none when
    /// there are no tips or more than [`limits::MAX_PREVIOUS`].
    pub fn from_tips(tips: impl IntoIterator<Item = OperationId>) -> Option<Self> {
        let mut tips: Vec<_> = tips.into_iter().collect();
        tips.sort_unstable();
        tips.dedup();
        Self::from_sorted(tips).ok()
    }

    /// The view with these tips, which must be strictly ascending.
    pub fn from_sorted(tips: Vec<OperationId>) -> Result<Self, ViewIdError> {
        check(&tips)?;
        Ok(match tips.as_slice() {
            &[tip] => tip.into(),
            _ => Self(Ids::Many(tips.into_boxed_slice())),
        })
    }

    /// The ids in ascending order.
    #[must_use]
    pub fn as_slice(&self) -> &[OperationId] {
        match &self.0 {
            Ids::One(id) => id,
            Ids::Many(ids) => ids,
        }
    }

    /// Goes through the ids in ascending order.
    pub fn iter(&self) -> core::slice::Iter<'_, OperationId> {
        self.as_slice().iter()
    }

    /// The number of tips, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a view id is never empty")]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether this operation is one of the tips.
    #[must_use]
    pub fn contains(&self, id: &OperationId) -> bool {
        self.as_slice().binary_search(id).is_ok()
    }

    /// A name of fixed length for the same state: the hash over the encoded ids in ascending order.
    #[must_use]
    pub fn hash_id(&self) -> Hash {
        let mut bytes = Vec::with_capacity(self.len().saturating_mul(HASH_LENGTH));
        for id in self {
            bytes.extend_from_slice(&id.encode());
        }
        Hash::of(&bytes)
    }

    /// Reads the text as it stands in signed data, with lower case digits only.
    ///
    /// [`FromStr`] takes upper case as well and is meant for input from people.
    pub fn parse_canonical(text: &str) -> Result<Self, ViewIdError> {
        parse(text, Hash::parse_canonical)
    }
}

fn check(tips: &[OperationId]) -> Result<(), ViewIdError> {
    if tips.is_empty() {
        return Err(ViewIdError::Empty);
    }
    if tips.len() > limits::MAX_PREVIOUS {
        return Err(ViewIdError::TooMany { max: limits::MAX_PREVIOUS, found: tips.len() });
    }
    match tips.windows(2).position(|pair| matches!(pair, [a, b] if a >= b)) {
        Some(index) => Err(ViewIdError::Order { index: index.saturating_add(1) }),
        None => Ok(()),
    }
}

fn parse(
    text: &str,
    parse_hash: fn(&str) -> Result<Hash, HashError>,
) -> Result<DocumentViewId, ViewIdError> {
    if !text.contains('_') {
        return Ok(OperationId::from_hash(parse_hash(text)?).into());
    }
    let mut tips = Vec::new();
    for part in text.split('_') {
        if tips.len() == limits::MAX_PREVIOUS {
            let found = text.split('_').count();
            return Err(ViewIdError::TooMany { max: limits::MAX_PREVIOUS, found });
        }
        tips.push(OperationId::from_hash(parse_hash(part)?));
    }
    DocumentViewId::from_sorted(tips)
}

impl From<OperationId> for DocumentViewId {
    fn from(id: OperationId) -> Self {
        Self(Ids::One([id]))
    }
}

/// The state of a document right after its CREATE.
impl From<DocumentId> for DocumentViewId {
    fn from(id: DocumentId) -> Self {
        OperationId::from(id).into()
    }
}

impl<'a> IntoIterator for &'a DocumentViewId {
    type Item = &'a OperationId;
    type IntoIter = core::slice::Iter<'a, OperationId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for DocumentViewId {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for DocumentViewId {}

impl PartialOrd for DocumentViewId {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of the texts.
impl Ord for DocumentViewId {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl core::hash::Hash for DocumentViewId {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl fmt::Debug for DocumentViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentViewId")?;
        f.debug_list().entries(self).finish()
    }
}

/// The texts of the ids, joined by `_`.
impl fmt::Display for DocumentViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("_")?;
            }
            id.fmt(f)?;
        }
        Ok(())
    }
}

/// Texts of ids with digits of either case, joined by `_`.
impl FromStr for DocumentViewId {
    type Err = ViewIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, str::parse)
    }
}

/// Ids or text that are no document view id (DV1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ViewIdError {
    /// There is no state without operations.
    #[error("expected at least one operation id in a document view id, found none")]
    Empty,
    /// More ids than we keep.
    #[error("expected at most {max} operation ids in a document view id, found {found}")]
    TooMany {
        /// The limit.
        max: usize,
        /// The number of ids found.
        found: usize,
    },
    /// Ids are in ascending order and none comes twice.
    #[error("expected strictly ascending operation ids, found a smaller or equal one at {index}")]
    Order {
        /// Which id is not greater than the one before it, counted from 0.
        index: usize,
    },
    /// One of the ids is not a hash.
    #[error("document view id contains something that is no hash")]
    Hash(#[from] HashError),
}

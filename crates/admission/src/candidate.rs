//! An entry and its operation, as far as they can be judged on their own.

use alloc::vec::Vec;

use pandan_bamboo::{EncodedEntry, Entry, Header};
use pandan_operations::{Operation, OperationId};

use crate::{Questions, Refusal};

/// A signed entry together with the operation it carries, both well formed and belonging together.
///
/// Whether they may enter depends on what is stored: [`Candidate::questions`] says on what of it,
/// [`decide`](crate::decide) gives the verdict.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub(crate) entry: EncodedEntry,
    pub(crate) payload: Vec<u8>,
    pub(crate) operation: Operation,
}

impl Candidate {
    /// Decodes the operation and the entry, checks the signature, and that the entry commits to
    /// just this operation; in this order. There is no other way in (NO1, NO2).
    pub fn examine(entry: &[u8], operation: &[u8]) -> Result<Self, Refusal> {
        let decoded = Operation::decode(operation)?;
        let entry = Entry::decode(entry)?.authenticate()?.bind(operation)?;
        let entry = entry.entry().to_encoded();
        Ok(Self { entry, payload: operation.to_vec(), operation: decoded })
    }

    /// What the entry says of itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.entry.header()
    }

    /// The name of the operation: the hash of its entry.
    #[must_use]
    pub const fn id(&self) -> OperationId {
        OperationId::from_hash(*self.header().hash().as_hash())
    }

    /// The entry.
    pub const fn entry(&self) -> &EncodedEntry {
        &self.entry
    }

    /// The encoded entry.
    #[must_use]
    pub fn entry_bytes(&self) -> &[u8] {
        self.entry.as_bytes()
    }

    /// The operation.
    #[must_use]
    pub const fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The encoded operation.
    #[must_use]
    pub fn operation_bytes(&self) -> &[u8] {
        &self.payload
    }

    /// What must be known of the store to judge it.
    #[must_use]
    pub fn questions(&self) -> Questions {
        Questions::of(self)
    }

    /// Bytes of entry and operation together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.entry_bytes().len().saturating_add(self.payload.len())
    }
}

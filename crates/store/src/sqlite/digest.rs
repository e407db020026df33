//! Ids as they stand in tables: digests of 32 bytes, one after the other for states.

use pandan_bamboo::{DIGEST_LENGTH, Hash};
use pandan_operations::{DocumentId, DocumentViewId, OperationId};
use rusqlite::types::Value as Sql;

use super::fault::{Fault, Result};

pub(super) type Digest = [u8; DIGEST_LENGTH];

pub(super) fn of_document(id: &DocumentId) -> &Digest {
    id.as_hash().digest()
}

pub(super) fn of_operation(id: &OperationId) -> &Digest {
    id.as_hash().digest()
}

pub(super) fn document(digest: Digest) -> DocumentId {
    DocumentId::from_hash(Hash::from_digest(digest))
}

pub(super) fn operation(digest: Digest) -> OperationId {
    OperationId::from_hash(Hash::from_digest(digest))
}

/// The digests of all operations of a state.
pub(super) fn of_view(view: &DocumentViewId) -> Vec<u8> {
    view.iter().flat_map(|id| *of_operation(id)).collect()
}

/// Reads what [`of_view`] made.
pub(super) fn view(bytes: &[u8]) -> Result<DocumentViewId> {
    let (digests, rest) = bytes.as_chunks::<DIGEST_LENGTH>();
    if !rest.is_empty() {
        return Err(Fault::inconsistent("a view id is not a row of digests"));
    }
    let ids = digests.iter().map(|digest| operation(*digest)).collect();
    DocumentViewId::from_sorted(ids).map_err(Fault::inconsistent)
}

pub(super) fn blob(bytes: &[u8]) -> Sql {
    Sql::Blob(bytes.to_vec())
}

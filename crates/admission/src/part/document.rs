//! A document at its latest view: the operations that it shows, and what binds them to it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pandan_bamboo::{SeqNum, certificate_pool};
use pandan_operations::{Action, DocumentId, Operation, OperationId};

use super::{ClaimedState, PartError, Piece, Role, find, need_path, raise};

/// Says of each entry what it is there for.
pub(super) fn assign(
    pieces: &mut [Piece],
    document: DocumentId,
    state: &ClaimedState,
) -> Result<(), PartError> {
    let by_id: BTreeMap<_, _> = pieces.iter().map(Piece::id).zip(0..).collect();
    let index_of =
        |id: &OperationId| by_id.get(id).copied().ok_or(PartError::NoOperation { id: *id });
    let mut queue = Vec::new();
    for id in state.view.iter().chain(state.fields.iter().map(|(_, id)| id)) {
        let index = index_of(id)?;
        raise(pieces, index, Role::Asked);
        queue.push(index);
    }
    let (mut seen, mut bound) = (BTreeSet::new(), BTreeSet::new());
    while let Some(index) = queue.pop() {
        let Some((author, log_id, seq_num)) = pieces.get(index).map(Piece::place) else { continue };
        if !seen.insert(index) {
            continue;
        }
        let log = (author, log_id);
        need_path(pieces, log, seq_num)?;
        // The upper path reaches as far as the log does.
        for seq_num in certificate_pool(seq_num) {
            if let Some(index) = find(pieces, log, seq_num) {
                raise(pieces, index, Role::Path);
            }
        }
        if bound.insert(log) {
            let first = SeqNum::FIRST;
            let first = find(pieces, log, first).ok_or(PartError::NoEntry { seq_num: first })?;
            raise(pieces, first, Role::First);
            queue.extend(binding(pieces, first, document, &by_id)?);
        }
    }
    Ok(())
}

/// What the first operation of a log leads to: nothing more if it begins the document, else one of
/// those that it was made on top of.
fn binding(
    pieces: &[Piece],
    first: usize,
    document: DocumentId,
    by_id: &BTreeMap<OperationId, usize>,
) -> Result<Option<usize>, PartError> {
    let Some(piece) = pieces.get(first) else { return Ok(None) };
    let operation = piece.operation.as_ref().ok_or(PartError::NoPayload { id: piece.id() })?;
    let Some(previous) = operation.previous() else {
        let found = DocumentId::from(piece.id());
        if found != document {
            return Err(PartError::OtherDocument { expected: document, found });
        }
        return Ok(None);
    };
    let known = previous.iter().find_map(|id| by_id.get(id));
    match (known, previous.iter().next()) {
        (Some(index), _) => Ok(Some(*index)),
        (None, Some(id)) => Err(PartError::NoOperation { id: *id }),
        (None, None) => Ok(None),
    }
}

/// The state is one that a document with these operations can have, as far as they are there.
pub(super) fn check_state(pieces: &[Piece], state: &ClaimedState) -> Result<(), PartError> {
    let operations: BTreeMap<_, _> =
        pieces.iter().filter_map(|piece| Some((piece.id(), piece.operation.as_ref()?))).collect();
    let create = operations.values().find(|operation| operation.action() == Action::Create);
    let Some(Operation::Create { schema, fields }) = create else { return Err(PartError::NoState) };
    if let Some((id, _)) = operations.iter().find(|(_, operation)| operation.schema() != schema) {
        return Err(PartError::OtherSchema { id: *id });
    }
    let tips = state.view.iter().filter_map(|id| Some((id, operations.get(id)?)));
    let is_deleted = state.fields.is_empty();
    if is_deleted && state.view.len() != 1 {
        return Err(PartError::NoDelete);
    }
    for (id, operation) in tips {
        if (operation.action() == Action::Delete) != is_deleted {
            return Err(PartError::Deleted { id: *id });
        }
    }
    if is_deleted {
        return Ok(());
    }
    let names = state.fields.iter().map(|(name, _)| name.as_str());
    if !names.eq(fields.iter().map(|(name, _)| name)) {
        return Err(PartError::Fields);
    }
    for (name, id) in &state.fields {
        let fields = operations.get(id).map(|operation| operation.fields());
        let writes = |fields: Option<&pandan_operations::Fields>| {
            fields.is_some_and(|fields| fields.get(name.as_str()).is_some())
        };
        if fields.is_some_and(|fields| !writes(fields)) {
            return Err(PartError::NotWritten { field: name.clone(), id: *id });
        }
    }
    Ok(())
}

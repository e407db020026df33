//! Reading from a store, page by page.

use std::collections::BTreeMap;

use pandan_bamboo::{EncodedEntry, EntryHash, ForkProof, HeadState, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, Operation, OperationId, SchemaId};
use pandan_store::heads::{Head, HeadRange, LogPlace};
use pandan_store::{Fork, ForkQuery, Snapshot, StoreError, StoredEntry};

use crate::limits::{MAX_ITEMS_READ, MAX_OPERATIONS_READ};

type Result<T> = std::result::Result<T, StoreError>;

/// The operation of a stored entry, unless it was deleted.
pub(crate) fn operation_of(stored: &StoredEntry) -> Result<Option<Operation>> {
    let decode = |bytes: &Vec<u8>| {
        Operation::decode(bytes).map_err(|error| StoreError::Inconsistent {
            detail: format!("operation {}: {error}", stored.entry.hash()),
        })
    };
    stored.operation.as_ref().map(decode).transpose()
}

/// Where the log of an entry stands.
pub(crate) fn place_of(entry: &EncodedEntry) -> LogPlace {
    LogPlace::of(&entry.header().public_key(), entry.header().log_id())
}

/// The document of an operation, if all that leads to its CREATE is there.
pub(crate) fn document_of(
    snapshot: &dyn Snapshot,
    mut operation: OperationId,
) -> Result<Option<DocumentId>> {
    while let Some(stored) = snapshot.entry(&EntryHash::from(operation))? {
        let Some(decoded) = operation_of(&stored)? else { return Ok(None) };
        match decoded.previous().and_then(|previous| previous.as_slice().first()) {
            None => return Ok(Some(operation.into())),
            Some(previous) => operation = *previous,
        }
    }
    Ok(None)
}

/// Hands over all entries of a document, in the order in which they were stored.
pub(crate) fn entries_of<E: From<StoreError>>(
    snapshot: &dyn Snapshot,
    document: &DocumentId,
    mut take: impl FnMut(StoredEntry) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut done = 0;
    loop {
        let page = snapshot.document_entries(document, done, MAX_OPERATIONS_READ)?;
        let is_last = page.len() < MAX_OPERATIONS_READ;
        done += page.len();
        page.into_iter().try_for_each(&mut take)?;
        if is_last {
            return Ok(());
        }
    }
}

/// Hands over the heads of all logs of a schema, in their order, but not those of logs that fork at
/// their first entry: these are of no schema, and are found among the forks.
pub(crate) fn heads<E: From<StoreError>>(
    snapshot: &dyn Snapshot,
    schema: &SchemaId,
    mut take: impl FnMut(Head) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut range = HeadRange::all(schema.clone());
    loop {
        let page = snapshot.heads(std::slice::from_ref(&range), MAX_ITEMS_READ)?;
        let next = page.last().and_then(|found| behind(found.head.place()));
        let is_last = page.len() < MAX_ITEMS_READ;
        let mut heads = page.into_iter().map(|found| found.head);
        heads.by_ref().filter(|head| head.latest.is_some()).try_for_each(&mut take)?;
        if is_last || next.is_none() {
            return Ok(());
        }
        range.from = next;
    }
}

/// The first place behind another one.
fn behind(place: LogPlace) -> Option<LogPlace> {
    let LogPlace { mut author, log_id } = place;
    if let Some(log_id) = log_id.next() {
        return Some(LogPlace { author, log_id });
    }
    for byte in author.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(LogPlace { author, log_id: LogId::new(0) });
        }
    }
    None
}

/// A fork of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFork {
    /// From where on the log is frozen.
    pub(crate) seq_num: SeqNum,
    /// The entries of its proof.
    hashes: [EntryHash; 2],
}

impl KnownFork {
    /// The state of a log with this latest entry below the fork.
    pub(crate) fn state(&self, latest: Option<EntryHash>) -> HeadState {
        HeadState::of_frozen(latest, self.seq_num, self.hashes)
    }
}

/// All forks, by log.
pub(crate) type Forks = BTreeMap<LogPlace, KnownFork>;

/// Reads all forks. They are few, and of each there is little to keep.
pub(crate) fn forks(snapshot: &dyn Snapshot) -> Result<Forks> {
    let mut forks = Forks::new();
    each_fork(snapshot, |fork| {
        let Fork { proof, .. } = fork;
        let place = LogPlace::of(&proof.public_key(), proof.log_id());
        let hashes = proof.entries().map(EncodedEntry::hash);
        forks.insert(place, KnownFork { seq_num: proof.seq_num(), hashes });
        Ok(())
    })?;
    Ok(forks)
}

/// Hands over all forks, by author and log id.
pub(crate) fn each_fork(
    snapshot: &dyn Snapshot,
    mut take: impl FnMut(Fork) -> Result<()>,
) -> Result<()> {
    let mut query = ForkQuery { author: None, document: None, after: None, first: MAX_ITEMS_READ };
    loop {
        let page = snapshot.forks(&query)?;
        let last = page.forks.last().map(|fork| (fork.proof.public_key(), fork.proof.log_id()));
        page.forks.into_iter().try_for_each(&mut take)?;
        if !page.has_next || last.is_none() {
            return Ok(());
        }
        query.after = last;
    }
}

/// The proof of the fork of a log.
pub(crate) fn proof_of(snapshot: &dyn Snapshot, place: &LogPlace) -> Result<Option<ForkProof>> {
    let Ok(author) = PublicKey::from_bytes(&place.author) else { return Ok(None) };
    let before = place.log_id.number().checked_sub(1).map(|number| (author, LogId::new(number)));
    let query = ForkQuery { author: Some(author), document: None, after: before, first: 1 };
    let found = snapshot.forks(&query)?.forks.pop().map(|fork| fork.proof);
    Ok(found.filter(|proof| proof.log_id() == place.log_id))
}

//! The newest part of a log: contiguous up to its head, with the path of the lowest entry.

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PublicKey;

use super::{PartError, Piece, Role, find, need_path, raise};
use crate::limits::MAX_NEWEST;

/// Says of each entry what it is there for.
pub(super) fn assign(
    pieces: &mut [Piece],
    author: PublicKey,
    log_id: LogId,
    count: u64,
) -> Result<(), PartError> {
    if !(1..=MAX_NEWEST).contains(&count) {
        return Err(PartError::Count { max: MAX_NEWEST, found: count });
    }
    let log = (author, log_id);
    if let Some(other) = pieces.iter().find(|piece| piece.log() != log) {
        let (author, log_id) = other.log();
        return Err(PartError::OtherLog { author, log_id });
    }
    let Some(top) = pieces.last().map(|piece| piece.header().seq_num()) else {
        return Err(PartError::Empty);
    };
    let lowest = SeqNum::new(top.number().saturating_sub(count).saturating_add(1));
    let lowest = lowest.unwrap_or(SeqNum::FIRST);
    for number in lowest.number()..=top.number() {
        let Some(seq_num) = SeqNum::new(number) else { continue };
        let index = find(pieces, log, seq_num).ok_or(PartError::NoEntry { seq_num })?;
        raise(pieces, index, Role::Asked);
    }
    need_path(pieces, log, lowest)
}

//! What a session keeps because of its other side, which is bounded whatever that does.

use pandan_replication::Usage;
use pandan_replication::limits::{
    INGEST_BYTES_LOW, MAX_FRAME_LENGTH, MAX_GRAFTS, MAX_HUNTS, MAX_INGESTS, MAX_PENDING_WANTS,
    MAX_PROOFS, MAX_QUEUE_BYTES, MAX_READS, MAX_REFUSED, MAX_REMEMBERED,
};

/// Questions of a session that nobody has asked for: to compare, for the next page, for a hunt, and
/// for news.
const OWN_READS: usize = 4;

/// Gives what is too much.
pub(super) fn check(usage: Usage) -> Result<(), String> {
    let Usage { queued_bytes, reads, proofs, asked, hunts, refused, .. } = usage;
    is_within("bytes to be sent", queued_bytes, 2 * MAX_QUEUE_BYTES + MAX_FRAME_LENGTH)?;
    is_within("questions to the store", reads, MAX_READS + OWN_READS)?;
    is_within("batches under way", usage.ingests, MAX_INGESTS)?;
    let ingest_bytes_max = INGEST_BYTES_LOW + MAX_FRAME_LENGTH;
    is_within("bytes of entries under way", usage.ingest_bytes, ingest_bytes_max)?;
    is_within("proofs under way", proofs, MAX_PROOFS + MAX_HUNTS)?;
    is_within("logs that were asked for", asked, MAX_PENDING_WANTS)?;
    is_within("hunts", hunts, MAX_HUNTS)?;
    is_within("logs that are skipped", refused, MAX_REFUSED + 1)?;
    is_within("logs that are remembered", usage.remembered, MAX_REMEMBERED)?;
    is_within("news that are expected", usage.grafts, MAX_GRAFTS)?;
    is_within("news that are told later", usage.late, MAX_PENDING_WANTS)
}

pub(super) fn is_within(what: &str, found: usize, limit: usize) -> Result<(), String> {
    if found <= limit { Ok(()) } else { Err(format!("{found} {what}, more than {limit}")) }
}

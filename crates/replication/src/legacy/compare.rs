//! What each side has and the other lacks.

use alloc::vec::Vec;

use pandan_bamboo::SeqNum;

use super::limits::MAX_LOGS;
use super::message::AuthorLogs;
use super::query::{LogHeight, LogName, Need};

/// How far the logs of the peer go, to look things up.
#[derive(Debug)]
pub(super) struct Theirs(Vec<AuthorLogs>);

impl Theirs {
    /// Takes over what the peer told, in whatever order. If a log comes several times, the greatest
    /// height counts.
    pub(super) fn new(mut authors: Vec<AuthorLogs>) -> Self {
        authors.sort_unstable_by_key(|author| author.author);
        // One author in several pieces would make looking up slow.
        authors.dedup_by(|next, kept| {
            let is_same = next.author == kept.author;
            if is_same {
                kept.logs.append(&mut next.logs);
            }
            is_same
        });
        for author in &mut authors {
            author.logs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            author.logs.dedup_by_key(|(log_id, _)| *log_id);
        }
        Self(authors)
    }

    /// The last entry that the peer has of this log.
    pub(super) fn height(&self, name: &LogName) -> Option<SeqNum> {
        let found = self.0.binary_search_by_key(&name.author, |author| author.author).ok()?;
        let logs = &self.0.get(found)?.logs;
        let found = logs.binary_search_by_key(&name.log_id, |(log_id, _)| *log_id).ok()?;
        logs.get(found).map(|(_, seq_num)| *seq_num)
    }

    /// The parts of our logs that the peer lacks, in the order of `ours`.
    pub(super) fn needs(&self, ours: &[LogHeight]) -> Vec<Need> {
        ours.iter().filter_map(|height| self.need(height)).collect()
    }

    fn need(&self, ours: &LogHeight) -> Option<Need> {
        let LogHeight { document, author, log_id, seq_num: to } = *ours;
        let from = match self.height(&LogName::new(&author, log_id)) {
            None => SeqNum::FIRST,
            Some(height) => height.next()?,
        };
        (from <= to).then_some(Need { document, author, log_id, from, to })
    }
}

/// What we tell the peer: our logs, and those of which we want no more (`claims`), as if we had
/// that much of them.
pub(super) fn have(
    ours: &[LogHeight],
    claims: impl Iterator<Item = (LogName, SeqNum)>,
) -> Vec<AuthorLogs> {
    let ours = ours.iter().map(|it| (LogName::new(&it.author, it.log_id), it.seq_num));
    let mut logs: Vec<_> = ours.chain(claims).collect();
    // Of a log that comes twice, the greater height stands first and is kept.
    logs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    logs.dedup_by_key(|(name, _)| *name);
    logs.truncate(MAX_LOGS);
    let authors = logs.chunk_by(|(a, _), (b, _)| a.author == b.author);
    let author_logs = |logs: &[(LogName, SeqNum)]| {
        let author = logs.first()?.0.author;
        let logs = logs.iter().map(|(name, seq_num)| (name.log_id, *seq_num)).collect();
        Some(AuthorLogs { author, logs })
    };
    authors.filter_map(author_logs).collect()
}

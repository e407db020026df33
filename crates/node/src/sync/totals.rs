//! What went over the wire, added up.

use pandan_replication::Status;

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Sessions that have ended.
    pub sessions: u64,
    /// Of these, those that failed.
    pub failed: u64,
    /// Entries that came.
    pub received: u64,
    /// Of these, those that are stored now.
    pub stored: u64,
    /// Of these, those that were stored before.
    pub known: u64,
    /// Of these, those that came before something that they need.
    pub waiting: u64,
    /// Of these, those that broke a rule.
    pub refused: u64,
    /// Entries that were sent.
    pub sent: u64,
    /// Bytes of frames that came.
    pub bytes_in: u64,
    /// Bytes of frames that went.
    pub bytes_out: u64,
}

impl Totals {
    /// What the session under way has counted.
    pub(super) const fn of(status: &Status) -> Self {
        Self {
            sessions: 0,
            failed: 0,
            received: status.received,
            stored: status.stored,
            known: status.known,
            waiting: status.waiting,
            refused: status.refused,
            sent: status.sent,
            bytes_in: status.bytes_in,
            bytes_out: status.bytes_out,
        }
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.sessions, other.sessions),
            (&mut self.failed, other.failed),
            (&mut self.received, other.received),
            (&mut self.stored, other.stored),
            (&mut self.known, other.known),
            (&mut self.waiting, other.waiting),
            (&mut self.refused, other.refused),
            (&mut self.sent, other.sent),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
        ];
        pairs.into_iter().for_each(|(count, more)| *count = count.saturating_add(more));
    }
}

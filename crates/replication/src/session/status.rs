//! How a session gets on, for people and for the next session.

/// What a session does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nothing was said yet.
    #[default]
    Opening,
    /// What differs is being found; entries may come and go already.
    Comparing,
    /// All that differs is known.
    Transferring,
    /// Both sides have what the other had; news follow.
    Live,
    /// It has ended.
    Over,
}

/// Counts of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What it does.
    pub phase: Phase,
    /// Logs of which entries or the proof of a fork were asked for.
    pub wanted_logs: u64,
    /// Entries that the other side has announced, as far as they have not come; its claim.
    pub expected_entries: u64,
    /// Entries that came.
    pub received: u64,
    /// Of these, those that were stored.
    pub stored: u64,
    /// Of these, those that were known.
    pub known: u64,
    /// Of these, those that wait for something.
    pub waiting: u64,
    /// Of these, those that were refused, or came in a log after one that was.
    pub refused: u64,
    /// Entries that were sent.
    pub sent: u64,
    /// Bytes of frames that came.
    pub bytes_in: u64,
    /// Bytes of frames that were sent or wait to be.
    pub bytes_out: u64,
    /// Messages with ranges that were sent or came, the request among them.
    pub rounds: u32,
    /// Bytes of these messages.
    pub bytes_compared: u64,
    /// Forks that were found here.
    pub forks: u64,
    /// Points of the other side for misbehaviour.
    pub points: u32,
}

/// What a session keeps and has under way because of the other side. All of it is bounded, by what
/// is in [`limits`](crate::limits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of frames that wait to be sent.
    pub queued_bytes: usize,
    /// Questions to the store that are not answered.
    pub reads: usize,
    /// Batches of entries under way to the store.
    pub ingests: usize,
    /// Bytes of these.
    pub ingest_bytes: usize,
    /// Proofs of forks under way to the store.
    pub proofs: usize,
    /// Logs that wait to be sent because the other side asked.
    pub asked: usize,
    /// Logs in which a fork was looked for, or is to be.
    pub hunts: usize,
    /// Logs of which entries were refused.
    pub refused: usize,
    /// Logs of which it is remembered what the other side has.
    pub remembered: usize,
    /// Logs of whose news it is waited whether they come from somebody else.
    pub grafts: usize,
    /// Logs with news that are told when the session is live.
    pub late: usize,
}

impl Status {
    /// How much of what is coming has come, in percent, as the other side claims.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let all = self.received.saturating_add(self.expected_entries);
        let percent = self.received.saturating_mul(100).checked_div(all).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }
}

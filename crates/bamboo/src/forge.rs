//! Writing the next entry of one's log.

use pandan_identity::KeyPair;
use thiserror::Error;

use crate::decode_entry::{TAG_END_OF_LOG, TAG_ENTRY};
use crate::encoded_entry::Buffer;
use crate::entry::{Claims, Header};
use crate::{EncodedEntry, EntryHash, Hash, Links, LinksError, LogId, SeqNum, varu64};

/// Signs an entry over a payload.
///
/// ```
/// use pandan_bamboo::{Links, LogId, SeqNum, forge};
/// use pandan_identity::KeyPair;
///
/// let key_pair = KeyPair::from_seed(&[7; 32]);
/// let entry = forge(&key_pair, LogId::new(0), SeqNum::FIRST, Links::First, b"hello")?;
/// assert!(entry.as_authentic().bind(b"hello").is_ok());
/// # Ok::<_, pandan_bamboo::LinksError>(())
/// ```
pub fn forge(
    key_pair: &KeyPair,
    log_id: LogId,
    seq_num: SeqNum,
    links: Links,
    payload: &[u8],
) -> Result<EncodedEntry, LinksError> {
    Ok(NextArgs::new(log_id, seq_num, links)?.forge(key_pair, payload))
}

/// What an author must know to write the next entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NextArgs {
    log_id: LogId,
    seq_num: SeqNum,
    links: Links,
}

impl NextArgs {
    /// For the first entry of a log.
    #[must_use]
    pub const fn first(log_id: LogId) -> Self {
        Self { log_id, seq_num: SeqNum::FIRST, links: Links::First }
    }

    /// For the entry after `tip`, the verified last entry of a log.
    ///
    /// `skiplink` is the hash of the entry at `tip.seq_num().next().skiplink()`; it is only looked
    /// at where the next entry has such a link.
    pub fn after(tip: &Header, skiplink: Option<EntryHash>) -> Result<Self, NextArgsError> {
        if tip.is_end_of_log() {
            return Err(NextArgsError::EndOfLog { seq_num: tip.seq_num() });
        }
        let seq_num = tip.seq_num().next().ok_or(NextArgsError::LogFull)?;
        let skiplink = match seq_num.skiplink() {
            None => None,
            Some(target) => {
                Some(skiplink.ok_or(NextArgsError::MissingSkiplink { seq_num, target })?)
            }
        };
        let links = Links::new(seq_num, Some(tip.hash()), skiplink)?;
        Ok(Self { log_id: tip.log_id(), seq_num, links })
    }

    /// From parts, as a node hands them out to its clients.
    pub fn new(log_id: LogId, seq_num: SeqNum, links: Links) -> Result<Self, LinksError> {
        links.check_shape(seq_num)?;
        Ok(Self { log_id, seq_num, links })
    }

    /// The log.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        self.log_id
    }

    /// The place of the next entry.
    #[must_use]
    pub const fn seq_num(&self) -> SeqNum {
        self.seq_num
    }

    /// The links of the next entry.
    #[must_use]
    pub const fn links(&self) -> Links {
        self.links
    }

    /// Signs the next entry over a payload.
    pub fn forge(&self, key_pair: &KeyPair, payload: &[u8]) -> EncodedEntry {
        self.sign(key_pair, payload, false)
    }

    /// Signs the next entry and marks it as the last one of its log.
    pub fn forge_end_of_log(&self, key_pair: &KeyPair, payload: &[u8]) -> EncodedEntry {
        self.sign(key_pair, payload, true)
    }

    fn sign(&self, key_pair: &KeyPair, payload: &[u8], is_end_of_log: bool) -> EncodedEntry {
        let public_key = *key_pair.public_key().as_bytes();
        let payload_size =
            u64::try_from(payload.len()).expect("sizes in memory have at most 64 bits");
        let payload_hash = Hash::of(payload);

        let mut buffer = Buffer::new();
        buffer.push(&[if is_end_of_log { TAG_END_OF_LOG } else { TAG_ENTRY }]);
        buffer.push(&public_key);
        buffer.push(varu64::encode(self.log_id.number()).as_bytes());
        buffer.push(varu64::encode(self.seq_num.number()).as_bytes());
        for link in [self.links.skiplink(), self.links.backlink()].into_iter().flatten() {
            buffer.push(&link.encode());
        }
        buffer.push(varu64::encode(payload_size).as_bytes());
        buffer.push(&payload_hash.encode());
        let signature = key_pair.sign(buffer.as_bytes());
        buffer.push(signature.as_bytes());

        let claims = Claims {
            is_end_of_log,
            public_key,
            log_id: self.log_id,
            seq_num: self.seq_num,
            links: self.links,
            payload_size,
            payload_hash,
            signature,
        };
        let hash = EntryHash::from_hash(Hash::of(buffer.as_bytes()));
        EncodedEntry::of_forged(buffer, Header::of_forged(hash, claims))
    }
}

/// No entry can follow, or not enough is known to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NextArgsError {
    /// The log was ended.
    #[error("entry {seq_num} ended the log")]
    EndOfLog {
        /// The place of the last entry.
        seq_num: SeqNum,
    },
    /// All sequence numbers are used up.
    #[error("the log has used up all sequence numbers")]
    LogFull,
    /// The next entry needs a skiplink.
    #[error("expected the hash of entry {target} as skiplink of entry {seq_num}, found none")]
    MissingSkiplink {
        /// The place of the next entry.
        seq_num: SeqNum,
        /// Where its skiplink leads.
        target: SeqNum,
    },
    /// The given skiplink is the backlink.
    #[error(transparent)]
    Links(#[from] LinksError),
}

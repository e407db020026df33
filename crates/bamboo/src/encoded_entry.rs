//! The bytes of an authentic entry, held inline.

use core::fmt;

use pandan_identity::hex;

use crate::EntryHash;
use crate::entry::{AuthenticEntry, Header};
use crate::limits::MAX_ENTRY_LENGTH;

/// An authentic entry that owns its bytes, without allocation.
///
/// Forging and [`AuthenticEntry::to_encoded`] are the only makers, so that going back with
/// [`EncodedEntry::as_authentic`] costs nothing.
#[derive(Clone, Copy)]
#[must_use]
pub struct EncodedEntry {
    buffer: Buffer,
    header: Header,
}

impl EncodedEntry {
    /// The caller has just signed what is in the buffer.
    pub(crate) const fn of_forged(buffer: Buffer, header: Header) -> Self {
        Self { buffer, header }
    }

    pub(crate) fn of_authentic(entry: &AuthenticEntry<'_>) -> Self {
        let mut buffer = Buffer::new();
        buffer.push(entry.as_bytes());
        Self { buffer, header: *entry.header() }
    }

    /// The encoded entry.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.as_bytes()
    }

    /// The hash of the entry.
    #[must_use]
    pub const fn hash(&self) -> EntryHash {
        self.header.hash()
    }

    /// The facts of the entry.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The entry as the stage of trust that it has.
    pub fn as_authentic(&self) -> AuthenticEntry<'_> {
        AuthenticEntry::of_encoded(self.as_bytes(), self.header)
    }
}

impl AsRef<[u8]> for EncodedEntry {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for EncodedEntry {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for EncodedEntry {}

/// Lower case hex digits, the form of entries in the client API (BA3).
impl fmt::Display for EncodedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, self.as_bytes())
    }
}

impl fmt::Debug for EncodedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedEntry").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Room for one entry.
#[derive(Clone, Copy)]
pub(crate) struct Buffer {
    bytes: [u8; MAX_ENTRY_LENGTH],
    length: usize,
}

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX_ENTRY_LENGTH], length: 0 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        self.bytes
            .get_mut(self.length..end)
            .expect("the fields of an entry, each at its longest, take up all of the room")
            .copy_from_slice(bytes);
        self.length = end;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

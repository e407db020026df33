//! Cuts the stream into messages.
//!
//! A stream is CBOR items one after the other without anything between them, so that the only way
//! to find the end of one is to walk through it. [`Frames`] does it byte by byte as they come, looks
//! at none twice, and refuses what is too long or too deep as soon as it is claimed.

use alloc::vec::Vec;
use core::mem;

use super::cbor::Head;
use super::decode::{DecodeMessageError, Problem};
use super::limits::{MAX_HAVE_LENGTH, MAX_MESSAGE_LENGTH, MAX_NESTING};
use super::message::HAVE;

/// Takes the messages off a stream.
///
/// What has come of a message is kept, and no more: [`Frames::take`] takes bytes up to the end of
/// a message and leaves the rest to the caller.
#[derive(Debug, Default)]
pub struct Frames {
    /// What came of the message that is being read.
    buffer: Vec<u8>,
    /// Where in it the head that is being read begins.
    head: usize,
    /// Bytes of a string that are still to come.
    string: usize,
    /// Items still to come in each array that is open, the outermost first.
    open: [u64; MAX_NESTING],
    depth: usize,
}

impl Frames {
    /// A stream of which nothing was read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes kept of a message whose end has not come.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes bytes off the front of `input` until a message ends, and gives that message, or until
    /// nothing is left.
    ///
    /// After an error the place of the next message is not known: the stream cannot be used any
    /// more.
    pub fn take(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, DecodeMessageError> {
        while let Some((&byte, rest)) = input.split_first() {
            if self.string > 0 {
                self.take_string(input);
            } else {
                self.buffer.push(byte);
                *input = rest;
            }
            if self.string == 0 && self.step()? {
                self.head = 0;
                return Ok(Some(mem::take(&mut self.buffer)));
            }
        }
        Ok(None)
    }

    fn take_string(&mut self, input: &mut &[u8]) {
        let (taken, rest) = input.split_at(self.string.min(input.len()));
        self.buffer.extend_from_slice(taken);
        self.string = self.string.saturating_sub(taken.len());
        *input = rest;
        if self.string == 0 {
            self.head = self.buffer.len();
        }
    }

    /// Looks at what was taken; whether it is the end of the message.
    fn step(&mut self) -> Result<bool, DecodeMessageError> {
        let head = self.buffer.get(self.head..).unwrap_or_default();
        let Some(&initial) = head.first() else { return Ok(self.close()) };
        if head.len() < Head::length(initial) {
            return Ok(false);
        }
        let start = self.head;
        let head = Head::read(head).map_err(|problem| problem.at(start))?;
        self.head = self.buffer.len();
        self.enter(head).map_err(|problem| problem.at(start))
    }

    fn enter(&mut self, head: Head) -> Result<bool, Problem> {
        match head {
            // A string or an array cannot be longer than what the message may still take.
            Head::Bytes(length) | Head::Text(length) => {
                self.string = self.check_room(length)?;
                if self.string > 0 {
                    return Ok(false);
                }
            }
            Head::Array(items) => {
                self.check_room(items)?;
                if items > 0 {
                    return self.open(items).map(|()| false);
                }
            }
            Head::Unsigned(_) | Head::Bool(_) | Head::Null => {
                self.check_room(0)?;
            }
        }
        Ok(self.close())
    }

    fn open(&mut self, items: u64) -> Result<(), Problem> {
        let place = self.open.get_mut(self.depth);
        *place.ok_or(Problem::TooDeep { max: MAX_NESTING })? = items;
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    /// An item has ended, and perhaps arrays with it; whether the message did.
    fn close(&mut self) -> bool {
        while let Some(index) = self.depth.checked_sub(1) {
            let Some(left) = self.open.get_mut(index) else { break };
            *left = left.saturating_sub(1);
            if *left > 0 {
                return false;
            }
            self.depth = index;
        }
        true
    }

    /// Checks that the message stays within its limit with so many more bytes.
    fn check_room(&self, more: u64) -> Result<usize, Problem> {
        // The type stands right behind the head of the message, which has one byte.
        let max = match self.buffer.get(1) {
            Some(&HAVE) => MAX_HAVE_LENGTH,
            _ => MAX_MESSAGE_LENGTH,
        };
        let more = usize::try_from(more).unwrap_or(usize::MAX);
        let found = self.buffer.len().saturating_add(more);
        if found > max { Err(Problem::TooLong { max, found }) } else { Ok(more) }
    }
}

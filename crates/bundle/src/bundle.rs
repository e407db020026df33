//! Bundles: entries with their operations, and proofs of forks, from somewhere to somewhere else.
//!
//! ```text
//! bundle      header block · blocks with items · end block
//! items       one or more: 01 · proof as byte string
//!                          02 · entry as byte string · 00, or 01 · operation as byte string
//! ```

use std::io::{self, Read, Write};

use pandan_bamboo::limits::{MAX_ENTRY_LENGTH, MAX_FORK_PROOF_LENGTH, MIN_ENTRY_LENGTH};
use pandan_operations::limits::MAX_OPERATION_LENGTH;
use thiserror::Error;

use crate::block::{
    BlockKind, BlockReader, BlockWriter, CHECKSUM_LENGTH, FileKind, ReadError, Written,
};
use crate::content::{Content, Part, Result as ContentResult, put_bytes};
use crate::header::BundleHeader;
use crate::limits::BLOCK_LENGTH;

/// Something in a bundle, as far as lengths tell. Whether it is what it claims, shows when it is
/// examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The encoded proof of a fork.
    Proof(Vec<u8>),
    /// An entry.
    Entry {
        /// The encoded entry.
        entry: Vec<u8>,
        /// The encoded operation, unless it was deleted.
        operation: Option<Vec<u8>>,
    },
}

const PROOF: u8 = 1;
const ENTRY: u8 = 2;

impl Item {
    fn decode(content: &mut Content<'_>) -> ContentResult<Self> {
        match content.byte(Part::Item, ENTRY)? {
            ENTRY => {
                let entry = content.bytes(Part::Entry, MIN_ENTRY_LENGTH, MAX_ENTRY_LENGTH)?;
                let operation = match content.byte(Part::Operation, 1)? {
                    0 => None,
                    _ => Some(content.bytes(Part::Operation, 1, MAX_OPERATION_LENGTH)?.to_vec()),
                };
                Ok(Self::Entry { entry: entry.to_vec(), operation })
            }
            PROOF => {
                let least = 2 * (1 + MIN_ENTRY_LENGTH);
                let proof = content.bytes(Part::Proof, least, MAX_FORK_PROOF_LENGTH)?;
                Ok(Self::Proof(proof.to_vec()))
            }
            found => {
                let problem = crate::ContentProblem::Limit {
                    min: u64::from(PROOF),
                    max: u64::from(ENTRY),
                    found: u64::from(found),
                };
                Err(content.wrong(Part::Item, 1, problem))
            }
        }
    }
}

/// Reads a bundle, a block at a time.
#[derive(Debug)]
pub struct BundleReader<R> {
    blocks: BlockReader<R>,
    header: BundleHeader,
    proofs: u64,
    entries: u64,
    is_complete: bool,
}

impl<R: Read> BundleReader<R> {
    /// Reads up to the end of the header.
    pub fn open(input: R) -> Result<Self, ReadError> {
        let mut blocks = BlockReader::open(input, FileKind::Bundle)?;
        let block = blocks.next(&[BlockKind::Header])?;
        let header = BundleHeader::decode(&block.content).map_err(|error| block.wrong(error))?;
        Ok(Self { blocks, header, proofs: 0, entries: 0, is_complete: false })
    }

    /// What the bundle says of itself.
    pub const fn header(&self) -> &BundleHeader {
        &self.header
    }

    /// The items of the next block, in order; none when the bundle was read to its end and is
    /// whole.
    ///
    /// An error ends the bundle. What was read before it is good to use: of a file that was cut
    /// off, all blocks that are whole can be (BU4).
    pub fn next_items(&mut self) -> Result<Option<Vec<Item>>, ReadError> {
        if self.is_complete {
            return Ok(None);
        }
        let block = self.blocks.next(&[BlockKind::Items, BlockKind::End])?;
        let checked = match block.kind {
            BlockKind::End => self.check_counts(block.offset, true).map(|()| None),
            _ => items(&block.content)
                .map_err(|error| block.wrong(error))
                .and_then(|items| self.count(block.offset, &items).map(|()| Some(items))),
        };
        match &checked {
            Ok(items) => self.is_complete = items.is_none(),
            Err(_) => self.blocks.break_off(),
        }
        checked
    }

    /// Whether the bundle was read to its end and is whole.
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many proofs were read.
    pub const fn proofs(&self) -> u64 {
        self.proofs
    }

    /// How many entries were read.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// How many bytes were read.
    pub const fn offset(&self) -> u64 {
        self.blocks.offset()
    }

    /// The checksum of what was read; of a complete bundle it is that of the whole.
    pub const fn checksum(&self) -> [u8; CHECKSUM_LENGTH] {
        self.blocks.checksum()
    }

    fn count(&mut self, offset: u64, items: &[Item]) -> Result<(), ReadError> {
        let proofs = items.iter().filter(|item| matches!(item, Item::Proof(_))).count();
        self.proofs += proofs as u64;
        self.entries += (items.len() - proofs) as u64;
        self.check_counts(offset, false)
    }

    /// Compares what was counted with what the header says: never more, and in the end as many.
    fn check_counts(&self, offset: u64, at_end: bool) -> Result<(), ReadError> {
        let BundleHeader { proofs, entries, .. } = self.header;
        let counts = [("proofs", proofs, self.proofs), ("entries", entries, self.entries)];
        for (what, expected, found) in counts {
            if found > expected || (at_end && found < expected) {
                return Err(ReadError::Count { offset, what, expected, found });
            }
        }
        Ok(())
    }
}

fn items(content: &[u8]) -> ContentResult<Vec<Item>> {
    let mut content = Content::new(content);
    let mut items = Vec::new();
    while !content.is_empty() {
        items.push(Item::decode(&mut content)?);
    }
    Ok(items)
}

/// Why a file cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The system does not take the bytes.
    #[error("cannot write")]
    Io(#[from] io::Error),
    /// Something is longer or shorter than such things are.
    #[error("{what}: expected {min} to {max} bytes, found {found}")]
    Length {
        /// What it is.
        what: &'static str,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
        /// Its length.
        found: usize,
    },
    /// The header said that there would be another number.
    #[error("expected {expected} {what}, as the header says, found {found}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// What the header says.
        expected: u64,
        /// How many there were, or would be with one more.
        found: u64,
    },
    /// Things come in another order than that of the format.
    #[error("expected logs in strictly ascending order")]
    Order,
}

/// Writes a bundle. What is handed over comes in an order in which it can be stored: what an
/// operation needs comes before it (BU7).
#[derive(Debug)]
pub struct BundleWriter<W> {
    blocks: BlockWriter<W>,
    content: Vec<u8>,
    // How many more there are to come.
    proofs: u64,
    entries: u64,
}

impl<W: Write> BundleWriter<W> {
    /// Begins a bundle with what the header says.
    pub fn begin(out: W, header: &BundleHeader) -> Result<Self, WriteError> {
        let mut blocks = BlockWriter::begin(out, FileKind::Bundle)?;
        blocks.write(BlockKind::Header, &header.encode())?;
        let BundleHeader { proofs, entries, .. } = *header;
        Ok(Self { blocks, content: Vec::new(), proofs, entries })
    }

    /// Adds the encoded proof of a fork.
    pub fn proof(&mut self, proof: &[u8]) -> Result<(), WriteError> {
        check_length("fork proof", proof, 2 * (1 + MIN_ENTRY_LENGTH), MAX_FORK_PROOF_LENGTH)?;
        count_down("proofs", &mut self.proofs)?;
        self.add(|content| {
            content.push(PROOF);
            put_bytes(content, proof);
        })
    }

    /// Adds an encoded entry, and its encoded operation unless it was deleted.
    pub fn entry(&mut self, entry: &[u8], operation: Option<&[u8]>) -> Result<(), WriteError> {
        check_length("entry", entry, MIN_ENTRY_LENGTH, MAX_ENTRY_LENGTH)?;
        if let Some(operation) = operation {
            check_length("operation", operation, 1, MAX_OPERATION_LENGTH)?;
        }
        count_down("entries", &mut self.entries)?;
        self.add(|content| {
            content.push(ENTRY);
            put_bytes(content, entry);
            content.push(u8::from(operation.is_some()));
            if let Some(operation) = operation {
                put_bytes(content, operation);
            }
        })
    }

    /// Ends the bundle, which has to have what its header says.
    pub fn finish(mut self) -> Result<Written<W>, WriteError> {
        for (what, left) in [("more proofs", self.proofs), ("more entries", self.entries)] {
            if left > 0 {
                return Err(WriteError::Count { what, expected: left, found: 0 });
            }
        }
        self.write_block()?;
        Ok(self.blocks.finish()?)
    }

    /// Adds an item to the block, or to the next one when this one would become too long.
    fn add(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> Result<(), WriteError> {
        let begin = self.content.len();
        put(&mut self.content);
        if begin > 0 && self.content.len() > BLOCK_LENGTH {
            let next = self.content.split_off(begin);
            self.write_block()?;
            self.content = next;
        }
        Ok(())
    }

    fn write_block(&mut self) -> Result<(), WriteError> {
        if !self.content.is_empty() {
            self.blocks.write(BlockKind::Items, &self.content)?;
            self.content.clear();
        }
        Ok(())
    }
}

fn check_length(
    what: &'static str,
    bytes: &[u8],
    min: usize,
    max: usize,
) -> Result<(), WriteError> {
    match bytes.len() {
        found if (min..=max).contains(&found) => Ok(()),
        found => Err(WriteError::Length { what, min, max, found }),
    }
}

pub(crate) fn count_down(what: &'static str, left: &mut u64) -> Result<(), WriteError> {
    let fewer = left.checked_sub(1);
    *left = fewer.ok_or(WriteError::Count { what, expected: 0, found: 1 })?;
    Ok(())
}

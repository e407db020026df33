//! The blocks that a file consists of, whatever is in them.
//!
//! ```text
//! file    magic (8) · version (1) · kind of the file (1) · blocks, the last one an end block
//! block   kind (1) · method (1) · length (4) · stored length (4) · checksum (32) · stored bytes
//! ```
//!
//! Lengths are big endian; `length` is that of the content before compression. The checksum is
//! BLAKE3 over the checksum of the block before, the ten bytes before the checksum, and the stored
//! bytes; in the place of a block before the first one stands BLAKE3 over the ten bytes with which
//! the file begins. So each checksum covers the file up to its block, and the last one all of it
//! (BU3).

use std::io::{self, Read, Write};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use thiserror::Error;

use crate::content::ContentError;
use crate::limits::MAX_BLOCK_LENGTH;

/// What every file begins with. Programs that take it for text, or change the ends of its lines,
/// are found out by it.
pub const MAGIC: [u8; 8] = *b"\x89PNDN\r\n\x1a";

/// The version of the format (BU1).
pub const VERSION: u8 = 1;

/// Bytes of the beginning of a file.
const PREAMBLE: usize = MAGIC.len() + 2;

/// Bytes of a block before its checksum.
const HEAD: usize = 10;

/// Bytes of a checksum.
pub const CHECKSUM_LENGTH: usize = 32;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Entries, and proofs of forks.
    Bundle = 1,
    /// How far a node has which logs.
    State = 2,
}

impl FileKind {
    const fn name(number: u8) -> &'static str {
        match number {
            1 => "a bundle",
            2 => "the state of a node",
            _ => "something unknown",
        }
    }
}

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// The first one: what is in the file.
    Header = 1,
    /// Entries and proofs.
    Items = 2,
    /// Heads of logs.
    Heads = 3,
    /// The last one, without content.
    End = 4,
}

impl BlockKind {
    fn of(number: u8) -> Option<Self> {
        [Self::Header, Self::Items, Self::Heads, Self::End]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// How a content is stored.
const PLAIN: u8 = 0;
/// As a stream of DEFLATE (RFC 1951), shorter than the content.
const DEFLATED: u8 = 1;

/// Why a file cannot be read on. What was read before holds.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system does not give the next bytes.
    #[error("cannot read on at byte {offset}")]
    Io {
        /// Bytes that were read.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// It is no such file (BU1).
    #[error("expected a file that begins with {MAGIC:02x?}, found {found:02x?}")]
    Magic {
        /// The bytes in this place.
        found: [u8; MAGIC.len()],
    },
    /// The file is of another version (BU1).
    #[error("expected version {VERSION} of the format, found {found}; update the program")]
    Version {
        /// Its version.
        found: u8,
    },
    /// The file is of another kind (BU1).
    #[error("expected {}, found {}", FileKind::name(*expected as u8), FileKind::name(*found))]
    Kind {
        /// What was asked for.
        expected: FileKind,
        /// The byte in this place.
        found: u8,
    },
    /// The file ends before its end block does (BU4).
    #[error("the file ends at byte {offset}: expected {expected} more bytes there, found {found}")]
    Truncated {
        /// Where something begins of which not all is there.
        offset: u64,
        /// Its length.
        expected: usize,
        /// What is there of it.
        found: usize,
    },
    /// A block of another kind should stand here.
    #[error("block at byte {offset}: expected {expected:?}, found kind {found}")]
    Block {
        /// Where the block begins.
        offset: u64,
        /// Kinds that may stand here.
        expected: &'static [BlockKind],
        /// Its kind.
        found: u8,
    },
    /// The content is stored in an unknown way.
    #[error("block at byte {offset}: expected method 0 or 1, found {found}")]
    Method {
        /// Where the block begins.
        offset: u64,
        /// Its method.
        found: u8,
    },
    /// The lengths of a block are not those of any (BU2).
    #[error("block at byte {offset}: expected a length of {min} to {max}, found {found}")]
    Length {
        /// Where the block begins.
        offset: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// What it claims.
        found: u64,
    },
    /// Bytes were changed (BU3).
    #[error("block at byte {offset} is damaged: it does not have the checksum that it claims")]
    Checksum {
        /// Where the block begins.
        offset: u64,
        /// What it claims.
        expected: [u8; CHECKSUM_LENGTH],
        /// What it has.
        found: [u8; CHECKSUM_LENGTH],
    },
    /// The content is another one than the block claims (BU2).
    #[error("block at byte {offset}: expected it to unpack to {expected} bytes, found other ones")]
    Unpack {
        /// Where the block begins.
        offset: u64,
        /// What it claims.
        expected: usize,
    },
    /// The content makes no sense (BU6).
    #[error("block at byte {offset}")]
    Content {
        /// Where the block begins.
        offset: u64,
        /// What is wrong.
        source: ContentError,
    },
    /// There is another number of things in the file than its header says (BU5).
    #[error("block at byte {offset}: expected {expected} {what} in the file, found {found}")]
    Count {
        /// Where the block begins with which this shows.
        offset: u64,
        /// What was counted.
        what: &'static str,
        /// What the header says.
        expected: u64,
        /// What was found, perhaps not all.
        found: u64,
    },
    /// Something follows the end block (BU4).
    #[error("expected the end of the file at byte {offset}, found more")]
    Trailing {
        /// Where the file should end.
        offset: u64,
    },
    /// An error came before.
    #[error("cannot read on behind an error")]
    Broken,
}

/// A block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    pub(crate) offset: u64,
    pub(crate) content: Vec<u8>,
}

impl Block {
    /// Says where the content is that makes no sense.
    pub(crate) fn wrong(&self, source: ContentError) -> ReadError {
        ReadError::Content { offset: self.offset, source }
    }
}

/// Reads block after block; holds one at a time.
#[derive(Debug)]
pub(crate) struct BlockReader<R> {
    input: R,
    offset: u64,
    checksum: [u8; CHECKSUM_LENGTH],
    is_broken: bool,
}

impl<R: Read> BlockReader<R> {
    /// Reads the beginning of a file.
    pub(crate) fn open(input: R, expected: FileKind) -> Result<Self, ReadError> {
        let mut reader = Self { input, offset: 0, checksum: [0; 32], is_broken: false };
        let preamble: [u8; PREAMBLE] = reader.array()?;
        let [magic @ .., version, kind] = preamble;
        if magic != MAGIC {
            return Err(ReadError::Magic { found: magic });
        }
        if version != VERSION {
            return Err(ReadError::Version { found: version });
        }
        if kind != expected as u8 {
            return Err(ReadError::Kind { expected, found: kind });
        }
        reader.checksum = *blake3::hash(&preamble).as_bytes();
        Ok(reader)
    }

    /// The checksum of the last block that was read.
    pub(crate) const fn checksum(&self) -> [u8; CHECKSUM_LENGTH] {
        self.checksum
    }

    /// How many bytes were read.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next block, which has to be of one of these kinds. After an error there is no
    /// next one.
    pub(crate) fn next(&mut self, expected: &'static [BlockKind]) -> Result<Block, ReadError> {
        if self.is_broken {
            return Err(ReadError::Broken);
        }
        self.is_broken = true;
        let block = self.read(expected)?;
        self.is_broken = false;
        Ok(block)
    }

    /// Says that what was read makes no sense: nothing can be read on.
    pub(crate) const fn break_off(&mut self) {
        self.is_broken = true;
    }

    fn read(&mut self, expected: &'static [BlockKind]) -> Result<Block, ReadError> {
        let offset = self.offset;
        let bytes: [u8; HEAD + CHECKSUM_LENGTH] = self.array()?;
        let (head, claimed) = bytes.split_first_chunk::<HEAD>().expect("it is longer");
        let Head { kind, length, stored } = Head::read(offset, head, expected)?;
        let mut stored = vec![0; stored];
        self.fill(&mut stored)?;
        let found = chain(&self.checksum, head, &stored);
        if found != *claimed {
            let expected = claimed.try_into().expect("the rest is the checksum");
            return Err(ReadError::Checksum { offset, expected, found });
        }
        self.checksum = found;
        let content = match stored.len() == length {
            true => stored,
            false => {
                inflate(&stored, length).ok_or(ReadError::Unpack { offset, expected: length })?
            }
        };
        if kind == BlockKind::End {
            self.check_end()?;
        }
        Ok(Block { kind, offset, content })
    }

    fn check_end(&mut self) -> Result<(), ReadError> {
        let offset = self.offset;
        match self.read_up_to(&mut [0])? {
            0 => Ok(()),
            _ => Err(ReadError::Trailing { offset }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        let (offset, expected) = (self.offset, bytes.len());
        match self.read_up_to(bytes)? {
            found if found == expected => Ok(()),
            found => Err(ReadError::Truncated { offset, expected, found }),
        }
    }

    /// Reads until there is nothing more to read or no more room.
    fn read_up_to(&mut self, mut room: &mut [u8]) -> Result<usize, ReadError> {
        let begin = self.offset;
        while !room.is_empty() {
            match self.input.read(room) {
                Ok(0) => break,
                Ok(count) => {
                    self.offset += count as u64;
                    room = room.get_mut(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ReadError::Io { offset: self.offset, source }),
            }
        }
        Ok(usize::try_from(self.offset - begin).expect("no more than there was room for"))
    }
}

/// What stands before the checksum of a block, within limits.
struct Head {
    kind: BlockKind,
    length: usize,
    stored: usize,
}

impl Head {
    fn read(
        offset: u64,
        head: &[u8; HEAD],
        expected: &'static [BlockKind],
    ) -> Result<Self, ReadError> {
        let [kind, method, lengths @ ..] = *head;
        let other = ReadError::Block { offset, expected, found: kind };
        let kind = BlockKind::of(kind).filter(|kind| expected.contains(kind)).ok_or(other)?;
        let [length, stored] = [0, 4].map(|at| {
            lengths[at..].first_chunk().map_or(0, |bytes| u64::from(u32::from_be_bytes(*bytes)))
        });
        let within = |found, min, max| match (min..=max).contains(&found) {
            true => Ok(usize::try_from(found).unwrap_or(usize::MAX)),
            false => Err(ReadError::Length { offset, min, max, found }),
        };
        let [least, most] = match kind {
            BlockKind::End => [0, 0],
            _ => [1, MAX_BLOCK_LENGTH as u64],
        };
        let content = within(length, least, most)?;
        let stored = match method {
            PLAIN => within(stored, length, length)?,
            DEFLATED => within(stored, 1, length.saturating_sub(1))?,
            found => return Err(ReadError::Method { offset, found }),
        };
        Ok(Self { kind, length: content, stored })
    }
}

fn chain(before: &[u8; CHECKSUM_LENGTH], head: &[u8], stored: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    *blake3::Hasher::new().update(before).update(head).update(stored).finalize().as_bytes()
}

/// The content, if it has just this length and nothing follows it.
fn inflate(stored: &[u8], length: usize) -> Option<Vec<u8>> {
    // Room for one byte too many, so that there is room when the end is reached.
    let mut content = vec![0; length + 1];
    let mut stream = Decompress::new(false);
    let status = stream.decompress(stored, &mut content, FlushDecompress::Finish).ok()?;
    let is_whole = status == Status::StreamEnd
        && stream.total_in() == stored.len() as u64
        && stream.total_out() == length as u64;
    content.truncate(length);
    is_whole.then_some(content)
}

/// The stream of DEFLATE, if it is shorter than the content.
fn deflate(content: &[u8]) -> Option<Vec<u8>> {
    let mut stored = vec![0; content.len().saturating_sub(1)];
    let mut stream = Compress::new(Compression::default(), false);
    let status = stream.compress(content, &mut stored, FlushCompress::Finish).ok()?;
    stored.truncate(usize::try_from(stream.total_out()).ok()?);
    (status == Status::StreamEnd).then_some(stored)
}

/// Writes block after block.
#[derive(Debug)]
pub(crate) struct BlockWriter<W> {
    out: W,
    bytes: u64,
    checksum: [u8; CHECKSUM_LENGTH],
}

impl<W: Write> BlockWriter<W> {
    /// Writes the beginning of a file.
    pub(crate) fn begin(mut out: W, kind: FileKind) -> io::Result<Self> {
        let preamble = [&MAGIC[..], &[VERSION, kind as u8]].concat();
        out.write_all(&preamble)?;
        let checksum = *blake3::hash(&preamble).as_bytes();
        Ok(Self { out, bytes: preamble.len() as u64, checksum })
    }

    /// Writes a block; the content is within limits.
    pub(crate) fn write(&mut self, kind: BlockKind, content: &[u8]) -> io::Result<()> {
        debug_assert!(content.len() <= MAX_BLOCK_LENGTH, "contents are within limits");
        let deflated = deflate(content);
        let (method, stored) = match &deflated {
            Some(stored) => (DEFLATED, stored.as_slice()),
            None => (PLAIN, content),
        };
        let [length, stored_length] = [content, stored]
            .map(|bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        let head = [&[kind as u8, method][..], &length, &stored_length].concat();
        self.checksum = chain(&self.checksum, &head, stored);
        self.out.write_all(&head)?;
        self.out.write_all(&self.checksum)?;
        self.out.write_all(stored)?;
        self.bytes += (head.len() + self.checksum.len() + stored.len()) as u64;
        Ok(())
    }

    /// Writes the end of the file.
    pub(crate) fn finish(mut self) -> io::Result<Written<W>> {
        self.write(BlockKind::End, &[])?;
        self.out.flush()?;
        Ok(Written { out: self.out, bytes: self.bytes, checksum: self.checksum })
    }
}

/// A file that is complete.
#[derive(Debug)]
pub struct Written<W> {
    /// Where it was written to.
    pub out: W,
    /// How long it is.
    pub bytes: u64,
    /// The checksum of all of it.
    pub checksum: [u8; CHECKSUM_LENGTH],
}

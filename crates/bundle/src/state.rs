//! The state of a node: how far it has which logs, so that others can tell what it lacks (BU10).
//!
//! ```text
//! state       header block · blocks with heads · end block
//! heads       schema as text behind its length · one or more heads
//! head        author (32) · log id · latest · fork · state (32)
//! ```
//!
//! `latest` is the sequence number of the latest entry, below the fork if there is one; `fork` that
//! of the fork, or 0. Logs of one schema follow each other, by author and log id; schemas are in
//! their order. Logs of which nothing but a fork is known come first, with an empty text in the
//! place of the schema and 0 in that of the latest entry.

use std::io::{Read, Write};

use pandan_bamboo::{HeadState, LogId, SeqNum};
use pandan_operations::SchemaId;
use pandan_store::heads::{Head, LogPlace};

use crate::block::{BlockKind, BlockReader, BlockWriter, FileKind, ReadError, Written};
use crate::bundle::{WriteError, count_down};
use crate::content::{Content, ContentProblem, Part, Result as ContentResult};
use crate::content::{put_bytes, put_number};
use crate::header::StateHeader;
use crate::limits::{BLOCK_LENGTH, MAX_BLOCK_LENGTH};

/// How far somebody has a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// The log.
    pub place: LogPlace,
    /// Its latest entry, below the fork if there is one.
    pub latest: Option<SeqNum>,
    /// Where it is forked.
    pub fork: Option<SeqNum>,
    /// Stands for the whole log and its fork.
    pub state: HeadState,
}

impl From<&Head> for LogState {
    fn from(head: &Head) -> Self {
        Self { place: head.place(), latest: head.latest, fork: head.fork, state: head.state }
    }
}

impl LogState {
    fn encode(&self, to: &mut Vec<u8>) {
        let number = |place: Option<SeqNum>| place.map_or(0, SeqNum::number);
        to.extend_from_slice(&self.place.author);
        put_number(to, self.place.log_id.number());
        put_number(to, number(self.latest));
        put_number(to, number(self.fork));
        to.extend_from_slice(self.state.as_bytes());
    }

    fn decode(content: &mut Content<'_>, has_schema: bool) -> ContentResult<Self> {
        let author = content.array(Part::Author)?;
        let log_id = LogId::new(content.number(Part::LogId)?);
        let [least, most] = if has_schema { [1, u64::MAX] } else { [0, 0] };
        let latest = SeqNum::new(content.number_within(Part::SeqNum, least, most)?);
        let fork = content.place(Part::Fork)?;
        if fork.map_or(!has_schema, |fork| Some(fork) <= latest) {
            let least = latest.map_or(1, |latest| latest.number().saturating_add(1));
            let found = fork.map_or(0, SeqNum::number);
            let problem = ContentProblem::Limit { min: least, max: u64::MAX, found };
            return Err(content.wrong(Part::Fork, 0, problem));
        }
        let state = HeadState::from_bytes(content.array(Part::State)?);
        Ok(Self { place: LogPlace { author, log_id }, latest, fork, state })
    }
}

/// Some logs of one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// The schema; none for logs of which nothing but a fork is known.
    pub schema: Option<SchemaId>,
    /// The logs.
    pub logs: Vec<LogState>,
}

/// Where a log stands among all of a state.
type Order = (Option<SchemaId>, LogPlace);

/// Reads the state of a node, a block at a time.
#[derive(Debug)]
pub struct StateReader<R> {
    blocks: BlockReader<R>,
    header: StateHeader,
    logs: u64,
    last: Option<Order>,
    is_complete: bool,
}

impl<R: Read> StateReader<R> {
    /// Reads up to the end of the header.
    pub fn open(input: R) -> Result<Self, ReadError> {
        let mut blocks = BlockReader::open(input, FileKind::State)?;
        let block = blocks.next(&[BlockKind::Header])?;
        let header = StateHeader::decode(&block.content).map_err(|error| block.wrong(error))?;
        Ok(Self { blocks, header, logs: 0, last: None, is_complete: false })
    }

    /// What the file says of itself.
    pub const fn header(&self) -> &StateHeader {
        &self.header
    }

    /// The logs of the next block; none when the file was read to its end and is whole.
    pub fn next_logs(&mut self) -> Result<Option<Logs>, ReadError> {
        if self.is_complete {
            return Ok(None);
        }
        let read = self.read();
        match &read {
            Ok(logs) => self.is_complete = logs.is_none(),
            Err(_) => self.blocks.break_off(),
        }
        read
    }

    /// How many logs were read.
    pub const fn logs(&self) -> u64 {
        self.logs
    }

    /// How many bytes were read.
    pub const fn offset(&self) -> u64 {
        self.blocks.offset()
    }

    fn read(&mut self) -> Result<Option<Logs>, ReadError> {
        let block = self.blocks.next(&[BlockKind::Heads, BlockKind::End])?;
        let (offset, expected) = (block.offset, self.header.logs);
        let wrong = |found| ReadError::Count { offset, what: "logs", expected, found };
        if block.kind == BlockKind::End {
            return if self.logs < expected { Err(wrong(self.logs)) } else { Ok(None) };
        }
        let logs = self.decode(&block.content).map_err(|error| block.wrong(error))?;
        self.logs += logs.logs.len() as u64;
        if self.logs > expected { Err(wrong(self.logs)) } else { Ok(Some(logs)) }
    }

    fn decode(&mut self, bytes: &[u8]) -> ContentResult<Logs> {
        let mut content = Content::new(bytes);
        let schema = content.schema_or_none()?;
        let mut logs = Vec::new();
        while logs.is_empty() || !content.is_empty() {
            let log = LogState::decode(&mut content, schema.is_some())?;
            let order = Some((schema.clone(), log.place));
            if self.last >= order {
                return Err(content.wrong(Part::Author, 0, ContentProblem::Order));
            }
            self.last = order;
            logs.push(log);
        }
        Ok(Logs { schema, logs })
    }
}

/// Writes the state of a node.
#[derive(Debug)]
pub struct StateWriter<W> {
    blocks: BlockWriter<W>,
    content: Vec<u8>,
    /// How many more logs are to come.
    logs: u64,
    last: Option<Order>,
}

impl<W: Write> StateWriter<W> {
    /// Begins a file with what the header says.
    pub fn begin(out: W, header: &StateHeader) -> Result<Self, WriteError> {
        let mut blocks = BlockWriter::begin(out, FileKind::State)?;
        blocks.write(BlockKind::Header, &header.encode())?;
        Ok(Self { blocks, content: Vec::new(), logs: header.logs, last: None })
    }

    /// Adds a log, in the order of the format.
    pub fn log(&mut self, schema: Option<&SchemaId>, log: &LogState) -> Result<(), WriteError> {
        let order = Some((schema.cloned(), log.place));
        if self.last >= order {
            return Err(WriteError::Order);
        }
        count_down("logs", &mut self.logs)?;
        let is_same = self.last.as_ref().is_some_and(|(last, _)| last.as_ref() == schema);
        if !is_same || self.content.len() >= BLOCK_LENGTH {
            self.write_block()?;
        }
        if self.content.is_empty() {
            let name = schema.map(SchemaId::as_str).unwrap_or_default();
            put_bytes(&mut self.content, name.as_bytes());
        }
        log.encode(&mut self.content);
        self.last = order;
        Ok(())
    }

    /// Ends the file, which has to have what its header says.
    pub fn finish(mut self) -> Result<Written<W>, WriteError> {
        if self.logs > 0 {
            return Err(WriteError::Count { what: "more logs", expected: self.logs, found: 0 });
        }
        self.write_block()?;
        Ok(self.blocks.finish()?)
    }

    fn write_block(&mut self) -> Result<(), WriteError> {
        debug_assert!(self.content.len() <= MAX_BLOCK_LENGTH, "a head is short");
        if !self.content.is_empty() {
            self.blocks.write(BlockKind::Heads, &self.content)?;
            self.content.clear();
        }
        Ok(())
    }
}

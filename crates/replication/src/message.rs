//! The messages of protocol version 2, one in each frame (RE3).
//!
//! ```text
//! 01 Request        version · salt (16) · flags · schemas · ranges
//! 02 Ranges         ranges
//! 03 Want           list of: author (32) · log id · sequence number
//! 04 Entries        list of: length, entry · 0, or 1, length, payload
//! 05 Offer          number of entries · bytes
//! 06 Probe          author (32) · log id · sequence number
//! 07 Probed         0, or 1 and the entry up to the end
//! 08 Proof          a fork proof up to the end
//! 09 Done
//! 0a Have           list of heads
//! 0b Prune
//! 0c Refuse         code · text
//! 0d WantDocuments  list of operation ids (34) · 0, or 1, author (32), log id
//! 0e DocumentHeads  0, or 1 for more · list of heads
//! 0f Changed        list of operation ids (34)
//! 10 Announce       versions · flags · schemas
//! 11 Ask            flags · list of items
//! 12 Part           item · kind, what is told
//! ```
//!
//! Numbers are varu64, lists begin with their count and texts with their length, and nothing
//! follows a message. Decoding and encoding again gives the same bytes.

mod asking;
mod documents;
mod ranges;
mod start;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use pandan_bamboo::limits::{MAX_ENTRY_LENGTH, MAX_FORK_PROOF_LENGTH, MIN_ENTRY_LENGTH};
use pandan_bamboo::{ForkProof, LogId, SeqNum};
use pandan_operations::OperationId;
use pandan_operations::limits::MAX_OPERATION_LENGTH;

pub use asking::{Ask, AskItem, PartContent, PartMessage};
pub use documents::{DocumentHeads, WantDocuments};
pub use ranges::{Content, OutOfOrder, RangeItem, Ranges};
pub use start::{Announcement, Interest, Request};

use crate::limits::{MAX_ENTRIES, MAX_FRAME_LENGTH, MAX_HEADS, MAX_REFUSAL_TEXT, MAX_WANTS};
use crate::reader::{DecodeMessageError, Field, MessageProblem, Reader, Result, Writer};
use crate::{Amount, Author, LogName, Received, TheirHead};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Begins a session.
    Request(Request),
    /// Compares; an empty list ends comparing.
    Ranges(Ranges),
    /// Entries that the sender lacks: all of logs from a place on.
    Want(Vec<(LogName, SeqNum)>),
    /// Entries, with or without their payloads.
    Entries(Vec<Received>),
    /// About how much the sender will send yet. A claim, for showing progress.
    Offer(Amount),
    /// Asks for the entry at a place.
    Probe(LogName, SeqNum),
    /// The encoded entry that was asked for, if the sender has one.
    Probed(Option<Vec<u8>>),
    /// A fork.
    Proof(Box<ForkProof>),
    /// Comparing is over, and all that was to be sent is sent.
    Done,
    /// News, instead of the entries.
    Have(Vec<TheirHead>),
    /// Asks for news instead of entries from now on.
    Prune,
    /// The sender ends the session.
    Refuse(Refusal),
    /// Asks for the heads of documents, of whatever schema.
    WantDocuments(WantDocuments),
    /// The answer.
    DocumentHeads(DocumentHeads),
    /// Documents that were asked for and have changed since, by the ids that they were asked by.
    Changed(Vec<OperationId>),
    /// What a node speaks and is interested in.
    Announce(Announcement),
    /// Asks for parts of logs.
    Ask(Ask),
    /// A piece of the answer.
    Part(PartMessage),
}

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason for programs.
    pub code: RefusalCode,
    /// The reason for people, at most [`MAX_REFUSAL_TEXT`] bytes.
    pub text: String,
}

/// The reason of a refusal, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefusalCode(pub u64);

impl RefusalCode {
    /// No version in common.
    pub const VERSION: Self = Self(1);
    /// Schemas that are not replicated here.
    pub const SCHEMAS: Self = Self(2);
    /// Too many sessions; come later.
    pub const BUSY: Self = Self(3);
    /// The other side broke the rules.
    pub const BROKEN: Self = Self(4);
    /// The other side was silent for too long.
    pub const IDLE: Self = Self(5);
    /// Nothing is wrong; it is time for a session that compares anew.
    pub const COMPARE_AGAIN: Self = Self(6);
    /// The store of the sender cannot be read.
    pub const UNAVAILABLE: Self = Self(7);
}

impl Refusal {
    /// A refusal; a text that is too long is cut.
    #[must_use]
    pub fn new(code: RefusalCode, text: &str) -> Self {
        let mut end = text.len().min(MAX_REFUSAL_TEXT);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        Self { code, text: text.get(..end).unwrap_or_default().into() }
    }
}

const REQUEST: u8 = 0x01;
const RANGES: u8 = 0x02;
const WANT: u8 = 0x03;
const ENTRIES: u8 = 0x04;
const OFFER: u8 = 0x05;
const PROBE: u8 = 0x06;
const PROBED: u8 = 0x07;
const PROOF: u8 = 0x08;
const DONE: u8 = 0x09;
const HAVE: u8 = 0x0a;
const PRUNE: u8 = 0x0b;
const REFUSE: u8 = 0x0c;
const WANT_DOCUMENTS: u8 = 0x0d;
const DOCUMENT_HEADS: u8 = 0x0e;
const CHANGED: u8 = 0x0f;
const ANNOUNCE: u8 = 0x10;
const ASK: u8 = 0x11;
const PART: u8 = 0x12;

impl Message {
    /// Whether a frame is meant to be an announcement; the others belong to sessions.
    #[must_use]
    pub const fn is_announcement(frame: &[u8]) -> bool {
        matches!(frame, [ANNOUNCE, ..])
    }

    /// Whether a frame is meant to ask for parts, on a stream of its own.
    #[must_use]
    pub const fn is_ask(frame: &[u8]) -> bool {
        matches!(frame, [ASK, ..])
    }

    /// Whether a frame is meant to carry entries.
    pub(crate) const fn is_entries(frame: &[u8]) -> bool {
        matches!(frame, [ENTRIES, ..])
    }

    /// Decodes the message that takes up a whole frame.
    pub fn decode(frame: &[u8]) -> Result<Self> {
        check_length(frame)?;
        let mut reader = Reader::new(frame);
        let type_ = reader.byte(Field::Message)?;
        let message = Self::decode_body(type_, &mut reader)?;
        reader.finish()?;
        Ok(message)
    }

    fn decode_body(type_: u8, reader: &mut Reader<'_>) -> Result<Self> {
        Ok(match type_ {
            REQUEST => Self::Request(Request::decode(reader)?),
            RANGES => Self::Ranges(Ranges::decode(reader)?),
            WANT => Self::Want(reader.list(1, MAX_WANTS, want)?),
            ENTRIES => Self::Entries(reader.list(1, MAX_ENTRIES, |reader, _| received(reader))?),
            OFFER => Self::Offer(Amount {
                entries: reader.number(Field::Length)?,
                bytes: reader.number(Field::Length)?,
            }),
            PROBE => Self::Probe(log_name(reader)?, reader.seq_num()?),
            PROBED => Self::Probed(probed(reader)?),
            PROOF => Self::Proof(Box::new(proof(reader)?)),
            DONE => Self::Done,
            HAVE => Self::Have(ranges::decode_heads(reader, 1, MAX_HEADS)?),
            PRUNE => Self::Prune,
            REFUSE => Self::Refuse(refusal(reader)?),
            WANT_DOCUMENTS => Self::WantDocuments(WantDocuments::decode(reader)?),
            DOCUMENT_HEADS => Self::DocumentHeads(DocumentHeads::decode(reader)?),
            CHANGED => Self::Changed(documents::operations(reader)?),
            ANNOUNCE => Self::Announce(Announcement::decode(reader)?),
            ASK => Self::Ask(Ask::decode(reader)?),
            PART => Self::Part(PartMessage::decode(reader)?),
            found => return Err(unknown(Field::Message, found, 0)),
        })
    }

    /// Encodes the message to a frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(&[self.type_()]);
        match self {
            Self::Request(request) => request.encode(&mut writer),
            Self::Ranges(ranges) => ranges.encode(&mut writer),
            Self::Want(wants) => writer.list(wants, |writer, (log, from)| {
                write_place(writer, log, *from);
            }),
            Self::Entries(entries) => writer.list(entries, write_received),
            Self::Offer(amount) => {
                writer.number(amount.entries);
                writer.number(amount.bytes);
            }
            Self::Probe(log, seq_num) => write_place(&mut writer, log, *seq_num),
            Self::Probed(None) => writer.raw(&[0]),
            Self::Probed(Some(entry)) => {
                writer.raw(&[1]);
                writer.raw(entry);
            }
            Self::Proof(proof) => write_proof(&mut writer, proof),
            Self::Done | Self::Prune => {}
            Self::Have(heads) => ranges::encode_heads(heads, &mut writer),
            Self::Refuse(Refusal { code, text }) => {
                writer.number(code.0);
                writer.bytes(text.as_bytes());
            }
            Self::WantDocuments(wanted) => wanted.encode(&mut writer),
            Self::DocumentHeads(found) => found.encode(&mut writer),
            Self::Changed(ids) => documents::write_operations(ids, &mut writer),
            Self::Announce(announcement) => announcement.encode(&mut writer),
            Self::Ask(ask) => ask.encode(&mut writer),
            Self::Part(part) => part.encode(&mut writer),
        }
        writer.0
    }

    const fn type_(&self) -> u8 {
        match self {
            Self::Request(_) => REQUEST,
            Self::Ranges(_) => RANGES,
            Self::Want(_) => WANT,
            Self::Entries(_) => ENTRIES,
            Self::Offer(_) => OFFER,
            Self::Probe(..) => PROBE,
            Self::Probed(_) => PROBED,
            Self::Proof(_) => PROOF,
            Self::Done => DONE,
            Self::Have(_) => HAVE,
            Self::Prune => PRUNE,
            Self::Refuse(_) => REFUSE,
            Self::WantDocuments(_) => WANT_DOCUMENTS,
            Self::DocumentHeads(_) => DOCUMENT_HEADS,
            Self::Changed(_) => CHANGED,
            Self::Announce(_) => ANNOUNCE,
            Self::Ask(_) => ASK,
            Self::Part(_) => PART,
        }
    }
}

fn check_length(frame: &[u8]) -> Result<()> {
    if frame.len() <= MAX_FRAME_LENGTH {
        return Ok(());
    }
    let [max, found] =
        [MAX_FRAME_LENGTH, frame.len()].map(|length| u64::try_from(length).unwrap_or(u64::MAX));
    Err(MessageProblem::Limit { min: 1, max, found }.at(Field::Message, 0))
}

fn unknown(field: Field, found: u8, offset: usize) -> DecodeMessageError {
    MessageProblem::Unknown { found: found.into() }.at(field, offset)
}

fn author(reader: &mut Reader<'_>) -> Result<Author> {
    reader.array(Field::Author).map(Author::from_bytes)
}

fn log_name(reader: &mut Reader<'_>) -> Result<LogName> {
    let author = author(reader)?;
    Ok(LogName { author, log_id: LogId::new(reader.number(Field::LogId)?) })
}

fn write_place(writer: &mut Writer, log: &LogName, seq_num: SeqNum) {
    writer.raw(log.author.as_bytes());
    writer.number(log.log_id.number());
    writer.number(seq_num.number());
}

/// Each log once, in order.
fn want(reader: &mut Reader<'_>, before: &[(LogName, SeqNum)]) -> Result<(LogName, SeqNum)> {
    let offset = reader.offset();
    let log = log_name(reader)?;
    if before.last().is_some_and(|(last, _)| *last >= log) {
        return Err(MessageProblem::Order.at(Field::Author, offset));
    }
    Ok((log, reader.seq_num()?))
}

fn received(reader: &mut Reader<'_>) -> Result<Received> {
    let entry = reader.bytes(Field::Entry, MIN_ENTRY_LENGTH, MAX_ENTRY_LENGTH)?.to_vec();
    let payload = match optional(reader)? {
        false => None,
        true => Some(reader.bytes(Field::Payload, 0, MAX_OPERATION_LENGTH)?.to_vec()),
    };
    Ok(Received { entry, payload })
}

fn write_received(writer: &mut Writer, received: &Received) {
    writer.bytes(&received.entry);
    match &received.payload {
        None => writer.raw(&[0]),
        Some(payload) => {
            writer.raw(&[1]);
            writer.bytes(payload);
        }
    }
}

/// Whether something that may be missing is there.
fn optional(reader: &mut Reader<'_>) -> Result<bool> {
    let offset = reader.offset();
    match reader.byte(Field::Tag)? {
        0 => Ok(false),
        1 => Ok(true),
        found => Err(unknown(Field::Tag, found, offset)),
    }
}

fn probed(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>> {
    if !optional(reader)? {
        return Ok(None);
    }
    let offset = reader.offset();
    let entry = reader.take_rest();
    if (MIN_ENTRY_LENGTH..=MAX_ENTRY_LENGTH).contains(&entry.len()) {
        return Ok(Some(entry.to_vec()));
    }
    let [min, max, found] = [MIN_ENTRY_LENGTH, MAX_ENTRY_LENGTH, entry.len()]
        .map(|length| u64::try_from(length).unwrap_or(u64::MAX));
    Err(MessageProblem::Limit { min, max, found }.at(Field::Entry, offset))
}

fn proof(reader: &mut Reader<'_>) -> Result<ForkProof> {
    let offset = reader.offset();
    ForkProof::decode(reader.take_rest())
        .map_err(|_| MessageProblem::Content.at(Field::Proof, offset))
}

fn write_proof(writer: &mut Writer, proof: &ForkProof) {
    writer.raw(proof.encode(&mut [0; MAX_FORK_PROOF_LENGTH]));
}

fn refusal(reader: &mut Reader<'_>) -> Result<Refusal> {
    let code = RefusalCode(reader.number(Field::Code)?);
    let offset = reader.offset();
    let text = reader.bytes(Field::Text, 0, MAX_REFUSAL_TEXT)?;
    let text =
        core::str::from_utf8(text).map_err(|_| MessageProblem::Content.at(Field::Text, offset))?;
    Ok(Refusal { code, text: text.into() })
}

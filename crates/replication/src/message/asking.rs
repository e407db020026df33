//! Asking for parts of logs, and the answers (RE11).
//!
//! ```text
//! item 00 document at its latest view   document id (34)
//!      01 newest part of a log          author (32) · log id · count
//!      02 payloads                      author (32) · log id · list of sequence numbers
//!      03 all of a document             document id (34)
//!      04 the same, by one of its logs  author (32) · log id
//! part 00 nothing
//!      01 entries                       list, as in Entries
//!      02 state                         list of tips (34) · list of: name, operation id (34)
//!      03 proof                         a fork proof up to the end
//!      04 too much
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;

use pandan_bamboo::{ForkProof, HASH_LENGTH, SeqNum};
use pandan_operations::limits::{MAX_FIELD_NAME_LENGTH, MAX_FIELDS, MAX_PREVIOUS};
use pandan_operations::{DocumentId, DocumentViewId, FieldName, OperationId};

use super::{log_name, proof, received, unknown, write_proof, write_received};
use crate::limits::{MAX_ASK_ITEMS, MAX_ASK_PLACES, MAX_ENTRIES, MAX_NEWEST};
use crate::message::start::flags;
use crate::reader::{Field, MessageProblem, Reader, Result, Writer};
use crate::{LogName, Received};

const PAYLOADS_OPTIONAL: u8 = 1;

/// Asks for parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whether payloads of what is asked for may be left out.
    pub payloads_optional: bool,
    /// What is asked for, one after the other; 1 to [`MAX_ASK_ITEMS`].
    pub items: Vec<AskItem>,
}

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskItem {
    /// A document at its latest view, with what verifies it.
    Document(DocumentId),
    /// The newest entries of a log, with what verifies them.
    Newest {
        /// The log.
        log: LogName,
        /// How many, 1 to [`MAX_NEWEST`].
        count: u64,
    },
    /// Entries of a log with their payloads, for who has them without.
    Payloads {
        /// The log.
        log: LogName,
        /// The places, ascending; 1 to [`MAX_ASK_PLACES`].
        places: Vec<SeqNum>,
    },
    /// All entries of a document, and those that define its schema.
    Whole(DocumentId),
    /// The same of the document that a log belongs to.
    WholeOf(LogName),
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartMessage {
    /// Which of the items, counted from 0. They are answered in order, each at least once.
    pub item: usize,
    /// What is told.
    pub content: PartContent,
}

/// What is told of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartContent {
    /// There is nothing of it here.
    Nothing,
    /// Entries.
    Entries(Vec<Received>),
    /// The latest state of the document.
    State {
        /// Its tips, or the DELETE that counts.
        view: DocumentViewId,
        /// The operation that set each field last, by name; none when the document is deleted.
        fields: Vec<(FieldName, OperationId)>,
    },
    /// A fork of a log.
    Proof(Box<ForkProof>),
    /// More than is told in part: ask for less, or for all of it.
    TooMuch,
}

impl Ask {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let payloads_optional = flags(reader, PAYLOADS_OPTIONAL)? != 0;
        Ok(Self {
            payloads_optional,
            items: reader.list(1, MAX_ASK_ITEMS, |reader, _| item(reader))?,
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.raw(&[if self.payloads_optional { PAYLOADS_OPTIONAL } else { 0 }]);
        writer.list(&self.items, write_item);
    }
}

fn item(reader: &mut Reader<'_>) -> Result<AskItem> {
    let offset = reader.offset();
    Ok(match reader.byte(Field::Tag)? {
        0 => AskItem::Document(document(reader)?),
        1 => AskItem::Newest {
            log: log_name(reader)?,
            count: reader.number_within(Field::Count, 1, MAX_NEWEST)?,
        },
        2 => AskItem::Payloads {
            log: log_name(reader)?,
            places: reader.list(1, MAX_ASK_PLACES, place)?,
        },
        3 => AskItem::Whole(document(reader)?),
        4 => AskItem::WholeOf(log_name(reader)?),
        found => return Err(unknown(Field::Tag, found, offset)),
    })
}

fn write_item(writer: &mut Writer, item: &AskItem) {
    let write_log = |writer: &mut Writer, log: &LogName| {
        writer.raw(log.author.as_bytes());
        writer.number(log.log_id.number());
    };
    match item {
        AskItem::Document(id) => {
            writer.raw(&[0]);
            writer.raw(&id.encode());
        }
        AskItem::Newest { log, count } => {
            writer.raw(&[1]);
            write_log(writer, log);
            writer.number(*count);
        }
        AskItem::Payloads { log, places } => {
            writer.raw(&[2]);
            write_log(writer, log);
            writer.list(places, |writer, place| writer.number(place.number()));
        }
        AskItem::Whole(id) => {
            writer.raw(&[3]);
            writer.raw(&id.encode());
        }
        AskItem::WholeOf(log) => {
            writer.raw(&[4]);
            write_log(writer, log);
        }
    }
}

impl PartMessage {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let last = u64::try_from(MAX_ASK_ITEMS.saturating_sub(1)).unwrap_or(u64::MAX);
        let item = reader.number_within(Field::Count, 0, last)?;
        let item = usize::try_from(item).unwrap_or(usize::MAX);
        let offset = reader.offset();
        let content = match reader.byte(Field::Tag)? {
            0 => PartContent::Nothing,
            1 => PartContent::Entries(reader.list(1, MAX_ENTRIES, |reader, _| received(reader))?),
            2 => PartContent::State { view: view(reader)?, fields: fields(reader)? },
            3 => PartContent::Proof(Box::new(proof(reader)?)),
            4 => PartContent::TooMuch,
            found => return Err(unknown(Field::Tag, found, offset)),
        };
        Ok(Self { item, content })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.count(self.item);
        match &self.content {
            PartContent::Nothing => writer.raw(&[0]),
            PartContent::Entries(entries) => {
                writer.raw(&[1]);
                writer.list(entries, write_received);
            }
            PartContent::State { view, fields } => {
                writer.raw(&[2]);
                writer.list(view.as_slice(), |writer, id| writer.raw(&id.encode()));
                writer.list(fields, |writer, (name, id)| {
                    writer.bytes(name.as_str().as_bytes());
                    writer.raw(&id.encode());
                });
            }
            PartContent::Proof(proof) => {
                writer.raw(&[3]);
                write_proof(writer, proof);
            }
            PartContent::TooMuch => writer.raw(&[4]),
        }
    }
}

fn place(reader: &mut Reader<'_>, before: &[SeqNum]) -> Result<SeqNum> {
    let offset = reader.offset();
    let place = reader.seq_num()?;
    match before.last() {
        Some(last) if *last >= place => Err(MessageProblem::Order.at(Field::SeqNum, offset)),
        _ => Ok(place),
    }
}

fn document(reader: &mut Reader<'_>) -> Result<DocumentId> {
    let offset = reader.offset();
    let bytes = reader.array::<HASH_LENGTH>(Field::Document)?;
    DocumentId::decode(&bytes).map_err(|_| MessageProblem::Content.at(Field::Document, offset))
}

fn operation(reader: &mut Reader<'_>) -> Result<OperationId> {
    let offset = reader.offset();
    let bytes = reader.array::<HASH_LENGTH>(Field::Operation)?;
    OperationId::decode(&bytes).map_err(|_| MessageProblem::Content.at(Field::Operation, offset))
}

fn view(reader: &mut Reader<'_>) -> Result<DocumentViewId> {
    let offset = reader.offset();
    let tips = reader.list(1, MAX_PREVIOUS, |reader, _| operation(reader))?;
    DocumentViewId::from_sorted(tips)
        .map_err(|_| MessageProblem::Order.at(Field::Operation, offset))
}

fn fields(reader: &mut Reader<'_>) -> Result<Vec<(FieldName, OperationId)>> {
    reader.list(0, MAX_FIELDS, |reader, before: &[(FieldName, OperationId)]| {
        let offset = reader.offset();
        let name = reader.bytes(Field::Name, 1, MAX_FIELD_NAME_LENGTH)?;
        let name = core::str::from_utf8(name).ok().and_then(|name| FieldName::parse(name).ok());
        let name = name.ok_or(MessageProblem::Content.at(Field::Name, offset))?;
        if before.last().is_some_and(|(last, _)| last.as_str() >= name.as_str()) {
            return Err(MessageProblem::Order.at(Field::Name, offset));
        }
        Ok((name, operation(reader)?))
    })
}

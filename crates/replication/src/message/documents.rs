//! Asking for documents of whatever schema, and the answers (RE15).

use alloc::vec::Vec;

use pandan_bamboo::HASH_LENGTH;
use pandan_operations::OperationId;

use super::ranges::{decode_heads, encode_heads};
use super::{log_name, optional};
use crate::limits::{MAX_DOCUMENTS, MAX_HEADS};
use crate::reader::{Field, MessageProblem, Reader, Result, Writer};
use crate::{LogName, TheirHead};

/// Asks for the heads of all logs of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantDocuments {
    /// The documents, each named by one of its operations: best by its first, whose id is that of
    /// the document. In order.
    pub ids: Vec<OperationId>,
    /// The last log of the answer before, when this is to go on where that was cut off.
    pub after: Option<LogName>,
}

/// The answer: logs of the documents that the sender has and hands out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentHeads {
    /// The heads, in order.
    pub heads: Vec<TheirHead>,
    /// Whether there are more.
    pub more: bool,
}

impl WantDocuments {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let ids = operations(reader)?;
        let after = if optional(reader)? { Some(log_name(reader)?) } else { None };
        Ok(Self { ids, after })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        write_operations(&self.ids, writer);
        match &self.after {
            None => writer.raw(&[0]),
            Some(log) => {
                writer.raw(&[1]);
                writer.raw(log.author.as_bytes());
                writer.number(log.log_id.number());
            }
        }
    }
}

impl DocumentHeads {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let more = optional(reader)?;
        // One that is cut off says where.
        let heads = decode_heads(reader, usize::from(more), MAX_HEADS)?;
        Ok(Self { heads, more })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.raw(&[u8::from(self.more)]);
        encode_heads(&self.heads, writer);
    }
}

/// A list of operations, each once and in order.
pub(super) fn operations(reader: &mut Reader<'_>) -> Result<Vec<OperationId>> {
    reader.list(1, MAX_DOCUMENTS, |reader, before| {
        let offset = reader.offset();
        let bytes = reader.array::<HASH_LENGTH>(Field::Document)?;
        let id = OperationId::decode(&bytes)
            .map_err(|_| MessageProblem::Content.at(Field::Document, offset))?;
        if before.last().is_some_and(|last| *last >= id) {
            return Err(MessageProblem::Order.at(Field::Document, offset));
        }
        Ok(id)
    })
}

pub(super) fn write_operations(ids: &[OperationId], writer: &mut Writer) {
    writer.list(ids, |writer, id| writer.raw(&id.encode()));
}

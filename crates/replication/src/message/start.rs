//! What streams begin with: requests and announcements.

use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::Salt;
use pandan_operations::SchemaId;

use crate::limits::{MAX_FRAME_LENGTH, MAX_SCHEMAS, MAX_VERSIONS};
use crate::message::{Ranges, unknown};
use crate::reader::{Field, MessageProblem, Reader, Result, Writer};

/// The version of the protocol.
const VERSION: u64 = 2;

const LIVE: u8 = 1;
const PAYLOADS_OPTIONAL: u8 = 2;
const WILDCARD: u8 = 1;

/// Begins a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Makes the fingerprints of this session.
    pub salt: Salt,
    /// Whether the session goes on with news when both sides are done.
    pub live: bool,
    /// Whether entries may come without their payloads.
    pub payloads_optional: bool,
    /// What the session is about: at least one schema, in order.
    pub schemas: Arc<[SchemaId]>,
    /// All that the sender has, split.
    pub ranges: Ranges,
}

impl Request {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        reader.number_within(Field::Version, VERSION, VERSION)?;
        let salt = Salt::from_bytes(reader.array(Field::Salt)?);
        let flags = flags(reader, LIVE | PAYLOADS_OPTIONAL)?;
        Ok(Self {
            salt,
            live: flags & LIVE != 0,
            payloads_optional: flags & PAYLOADS_OPTIONAL != 0,
            schemas: reader.list(1, MAX_SCHEMAS, schema)?.into(),
            ranges: Ranges::decode(reader)?,
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.number(VERSION);
        writer.raw(self.salt.as_bytes());
        let live = if self.live { LIVE } else { 0 };
        let payloads_optional = if self.payloads_optional { PAYLOADS_OPTIONAL } else { 0 };
        writer.raw(&[live | payloads_optional]);
        write_schemas(&self.schemas, writer);
        self.ranges.encode(writer);
    }
}

/// What a node is interested in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Every schema.
    All,
    /// These, in order.
    Schemas(Vec<SchemaId>),
}

impl Interest {
    /// The schemas of a session of two nodes; none when both want all and know nothing to ask for.
    #[must_use]
    pub fn common(&self, other: &Self) -> Vec<SchemaId> {
        match (self, other) {
            (Self::Schemas(one), Self::Schemas(other)) => {
                one.iter().filter(|schema| other.binary_search(schema).is_ok()).cloned().collect()
            }
            (Self::Schemas(schemas), Self::All) | (Self::All, Self::Schemas(schemas)) => {
                schemas.clone()
            }
            (Self::All, Self::All) => Vec::new(),
        }
    }

    /// Whether a schema is of interest.
    #[must_use]
    pub fn includes(&self, schema: &SchemaId) -> bool {
        self.covers(core::slice::from_ref(schema))
    }

    /// Whether all of these are of interest.
    pub(crate) fn covers(&self, schemas: &[SchemaId]) -> bool {
        match self {
            Self::All => true,
            Self::Schemas(own) => schemas.iter().all(|schema| own.binary_search(schema).is_ok()),
        }
    }
}

/// What a node speaks and is interested in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Versions of the protocol, in order.
    pub versions: Vec<u64>,
    /// What the node replicates.
    pub interest: Interest,
    /// With an interest in everything: schemas that it knows and the receiver may not, in order.
    pub hints: Vec<SchemaId>,
}

impl Announcement {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let versions = reader.list(1, MAX_VERSIONS, |reader, before| {
            let offset = reader.offset();
            let version = reader.number(Field::Version)?;
            match before.last() {
                Some(last) if *last >= version => {
                    Err(MessageProblem::Order.at(Field::Version, offset))
                }
                _ => Ok(version),
            }
        })?;
        let is_all = flags(reader, WILDCARD)? == WILDCARD;
        let schemas = reader.list(0, MAX_SCHEMAS, schema)?;
        let (interest, hints) = match is_all {
            true => (Interest::All, schemas),
            false => (Interest::Schemas(schemas), Vec::new()),
        };
        Ok(Self { versions, interest, hints })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.list(&self.versions, |writer, version| writer.number(*version));
        match &self.interest {
            Interest::All => {
                writer.raw(&[WILDCARD]);
                write_schemas(&self.hints, writer);
            }
            Interest::Schemas(schemas) => {
                writer.raw(&[0]);
                write_schemas(schemas, writer);
            }
        }
    }
}

pub(super) fn flags(reader: &mut Reader<'_>, known: u8) -> Result<u8> {
    let offset = reader.offset();
    let flags = reader.byte(Field::Flags)?;
    if flags & !known == 0 { Ok(flags) } else { Err(unknown(Field::Flags, flags, offset)) }
}

fn schema(reader: &mut Reader<'_>, before: &[SchemaId]) -> Result<SchemaId> {
    let offset = reader.offset();
    let text = reader.bytes(Field::Schema, 1, MAX_FRAME_LENGTH)?;
    let schema = core::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    let schema: SchemaId = schema.ok_or(MessageProblem::Content.at(Field::Schema, offset))?;
    if before.last().is_some_and(|last| *last >= schema) {
        return Err(MessageProblem::Order.at(Field::Schema, offset));
    }
    Ok(schema)
}

fn write_schemas(schemas: &[SchemaId], writer: &mut Writer) {
    writer.list(schemas, |writer, schema| writer.bytes(schema.as_str().as_bytes()));
}

//! The first block of a file: what is in it, for those who want to know before they read on (BU5).

use std::collections::BTreeMap;

use pandan_operations::SchemaId;

use crate::content::{Content, ContentProblem, Part, Result, put_bytes, put_number};
use crate::limits::{MAX_SCHEMAS_LENGTH, MAX_SCHEMAS_LISTED, MAX_SOFTWARE_LENGTH};

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    software: String,
    created: Option<u64>,
}

impl Origin {
    /// A file by a program of this name and version: up to
    /// [`MAX_SOFTWARE_LENGTH`] characters of printable ASCII; what is more or something else is
    /// left out.
    #[must_use]
    pub fn new(software: &str) -> Self {
        let printable = software.chars().filter(|char| matches!(char, ' '..='~'));
        Self { software: printable.take(MAX_SOFTWARE_LENGTH).collect(), created: None }
    }

    /// Also tells when it was written, in seconds since 1970. Without it, equal contents make
    /// equal files.
    #[must_use]
    pub const fn created_at(mut self, seconds: u64) -> Self {
        self.created = Some(seconds);
        self
    }

    /// The program that wrote it, and its version, as it says.
    #[must_use]
    pub fn software(&self) -> &str {
        &self.software
    }

    /// When it was written, in seconds since 1970, if it says so.
    #[must_use]
    pub const fn created(&self) -> Option<u64> {
        self.created
    }

    fn encode(&self, to: &mut Vec<u8>) {
        put_bytes(to, self.software.as_bytes());
        match self.created {
            None => to.push(0),
            Some(seconds) => {
                to.push(1);
                put_number(to, seconds);
            }
        }
    }

    fn decode(content: &mut Content<'_>) -> Result<Self> {
        let bytes = content.bytes(Part::Software, 0, MAX_SOFTWARE_LENGTH)?;
        if let Some(&found) = bytes.iter().find(|byte| !matches!(byte, b' '..=b'~')) {
            let problem = ContentProblem::Text { found };
            return Err(content.wrong(Part::Software, bytes.len(), problem));
        }
        let software = bytes.iter().map(|&byte| char::from(byte)).collect();
        let created = match content.byte(Part::Created, 1)? {
            0 => None,
            _ => Some(content.number(Part::Created)?),
        };
        Ok(Self { software, created })
    }
}

/// The schemas in a file, each with a number; if there are very many, the first of them and how
/// many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaList {
    // Strictly ascending, within limits, and not more than `total`.
    listed: Vec<(SchemaId, u64)>,
    total: u64,
}

impl SchemaList {
    /// Lists schemas as far as the limits allow.
    #[must_use]
    pub fn new(schemas: &BTreeMap<SchemaId, u64>) -> Self {
        let mut length = 0;
        let fit = schemas.iter().take(MAX_SCHEMAS_LISTED).take_while(|(schema, _)| {
            length += schema.as_str().len();
            length <= MAX_SCHEMAS_LENGTH
        });
        let listed = fit.map(|(schema, count)| (schema.clone(), *count)).collect();
        Self { listed, total: schemas.len() as u64 }
    }

    /// The schemas that are listed, in their order, each with its number of entries or logs.
    #[must_use]
    pub fn listed(&self) -> &[(SchemaId, u64)] {
        &self.listed
    }

    /// How many schemas there are.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    fn encode(&self, to: &mut Vec<u8>) {
        put_number(to, self.total);
        put_number(to, self.listed.len() as u64);
        for (schema, count) in &self.listed {
            put_bytes(to, schema.as_str().as_bytes());
            put_number(to, *count);
        }
    }

    fn decode(content: &mut Content<'_>) -> Result<Self> {
        let total = content.number(Part::Count)?;
        let most = total.min(MAX_SCHEMAS_LISTED as u64);
        let count = content.number_within(Part::Count, 0, most)?;
        let (mut listed, mut length): (Vec<(SchemaId, u64)>, usize) = (Vec::new(), 0);
        for _ in 0..count {
            let schema = content.schema()?;
            let text = schema.as_str().len();
            length += text;
            if listed.last().is_some_and(|(last, _)| *last >= schema) {
                return Err(content.wrong(Part::Schema, text, ContentProblem::Order));
            }
            if length > MAX_SCHEMAS_LENGTH {
                let (max, found) = (MAX_SCHEMAS_LENGTH as u64, length as u64);
                let problem = ContentProblem::Limit { min: 0, max, found };
                return Err(content.wrong(Part::Schema, text, problem));
            }
            listed.push((schema, content.number(Part::Count)?));
        }
        Ok(Self { listed, total })
    }
}

/// How the entries of a bundle were chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// These are some schemas or documents, not everything that its writer has.
    pub is_selection: bool,
    /// Documents to which relations lead are here as well.
    pub with_dependencies: bool,
    /// What somebody had already is left out.
    pub is_difference: bool,
}

impl Scope {
    const BITS: u8 = 0b111;

    fn encode(self) -> u8 {
        let Self { is_selection, with_dependencies, is_difference } = self;
        u8::from(is_selection) | u8::from(with_dependencies) << 1 | u8::from(is_difference) << 2
    }

    const fn decode(byte: u8) -> Self {
        Self {
            is_selection: byte & 1 != 0,
            with_dependencies: byte & 2 != 0,
            is_difference: byte & 4 != 0,
        }
    }
}

/// What is in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleHeader {
    /// Where it comes from.
    pub origin: Origin,
    /// How the entries were chosen.
    pub scope: Scope,
    /// How many proofs of forks there are.
    pub proofs: u64,
    /// How many entries there are.
    pub entries: u64,
    /// The schemas, each with how many entries there are of it.
    pub schemas: SchemaList,
}

impl BundleHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut content = Vec::new();
        self.origin.encode(&mut content);
        content.push(self.scope.encode());
        put_number(&mut content, self.proofs);
        put_number(&mut content, self.entries);
        self.schemas.encode(&mut content);
        content
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut content = Content::new(bytes);
        let header = Self {
            origin: Origin::decode(&mut content)?,
            scope: Scope::decode(content.byte(Part::Scope, Scope::BITS)?),
            proofs: content.number(Part::Count)?,
            entries: content.number(Part::Count)?,
            schemas: SchemaList::decode(&mut content)?,
        };
        content.finish()?;
        Ok(header)
    }
}

/// What is in the state of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateHeader {
    /// Where it comes from.
    pub origin: Origin,
    /// How many logs there are.
    pub logs: u64,
    /// The schemas, each with how many logs there are of it.
    pub schemas: SchemaList,
}

impl StateHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut content = Vec::new();
        self.origin.encode(&mut content);
        put_number(&mut content, self.logs);
        self.schemas.encode(&mut content);
        content
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut content = Content::new(bytes);
        let header = Self {
            origin: Origin::decode(&mut content)?,
            logs: content.number(Part::Count)?,
            schemas: SchemaList::decode(&mut content)?,
        };
        content.finish()?;
        Ok(header)
    }
}

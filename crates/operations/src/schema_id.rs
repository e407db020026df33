//! Names of schemas: those built in and those that people define in documents.
//!
//! ```text
//! blob_piece_v1                   a system schema: name, `_v`, version
//! venue_0020…_0020…               an application schema: name, then the ids of the view of the
//!                                 document which defines it, all joined by `_`
//! ```

use alloc::string::String;
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt::{self, Write};
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use pandan_bamboo::HASH_TEXT_LENGTH;
use thiserror::Error;

use crate::{DocumentViewId, NameError, SchemaName, ViewIdError};

/// The schemas that every node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemSchema {
    /// `schema_definition_v1`: a document that defines a schema.
    SchemaDefinition,
    /// `schema_field_definition_v1`: a document that defines a field of a schema.
    SchemaFieldDefinition,
    /// `blob_v1`: a file, made of pieces.
    Blob,
    /// `blob_piece_v1`: some bytes of a file.
    BlobPiece,
}

impl SystemSchema {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::SchemaDefinition, Self::SchemaFieldDefinition, Self::Blob, Self::BlobPiece];

    /// The version of each of them.
    pub const VERSION: u8 = 1;

    /// Its name, without the version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SchemaDefinition => "schema_definition",
            Self::SchemaFieldDefinition => "schema_field_definition",
            Self::Blob => "blob",
            Self::BlobPiece => "blob_piece",
        }
    }

    /// Its id as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SchemaDefinition => "schema_definition_v1",
            Self::SchemaFieldDefinition => "schema_field_definition_v1",
            Self::Blob => "blob_v1",
            Self::BlobPiece => "blob_piece_v1",
        }
    }
}

/// Names a schema.
///
/// System schemas sort first, in the order of [`SystemSchema`], then application schemas by their
/// text. Cloning is cheap.
///
/// ```
/// use pandan_operations::{SchemaId, SystemSchema};
///
/// assert_eq!("blob_v1".parse(), Ok(SchemaId::System(SystemSchema::Blob)));
/// assert!("blob_v01".parse::<SchemaId>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaId {
    /// A schema that every node knows.
    System(SystemSchema),
    /// A schema that is defined in documents.
    Application(ApplicationSchemaId),
}

/// Names a schema that is defined in documents. Cloning is cheap.
#[derive(Clone)]
pub struct ApplicationSchemaId(Arc<Parts>);

struct Parts {
    /// The name, then every id of the view with a `_` before it.
    text: String,
    name_length: usize,
    view: DocumentViewId,
}

impl SchemaId {
    /// The schema that this view of its definition document defines.
    #[must_use]
    pub fn application(name: SchemaName, view: DocumentViewId) -> Self {
        Self::Application(ApplicationSchemaId::new(&name, view))
    }

    /// Its name, without version or ids.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::System(system) => system.name(),
            Self::Application(application) => application.name(),
        }
    }

    /// The view of the document which defines it; none for a system schema.
    #[must_use]
    pub fn view_id(&self) -> Option<&DocumentViewId> {
        match self {
            Self::System(_) => None,
            Self::Application(application) => Some(application.view_id()),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::System(system) => system.as_str(),
            Self::Application(application) => application.as_str(),
        }
    }

    /// A name of limited length for the same schema: its name, two underscores and the hash id of
    /// the view that defines it, or the version of a system schema.
    #[must_use]
    pub fn hash_id(&self) -> String {
        let mut text = String::from(self.name());
        text.push_str("__");
        let written = match self.view_id() {
            Some(view) => write!(text, "{}", view.hash_id()),
            None => write!(text, "{}", SystemSchema::VERSION),
        };
        written.expect("writing to a string does not fail");
        text
    }
}

impl ApplicationSchemaId {
    /// The schema that this view of its definition document defines.
    #[must_use]
    pub fn new(name: &SchemaName, view: DocumentViewId) -> Self {
        let name_length = name.len();
        let ids = view.len().saturating_mul(HASH_TEXT_LENGTH.saturating_add(1));
        let mut text = String::with_capacity(name_length.saturating_add(ids));
        write!(text, "{name}_{view}").expect("writing to a string does not fail");
        Self(Arc::new(Parts { text, name_length, view }))
    }

    /// Its name, without the ids.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.text.get(..self.0.name_length).unwrap_or_default()
    }

    /// The view of the document which defines it.
    #[must_use]
    pub fn view_id(&self) -> &DocumentViewId {
        &self.0.view
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

impl From<SystemSchema> for SchemaId {
    fn from(system: SystemSchema) -> Self {
        Self::System(system)
    }
}

impl PartialEq for ApplicationSchemaId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for ApplicationSchemaId {}

impl PartialOrd for ApplicationSchemaId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ApplicationSchemaId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for ApplicationSchemaId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for ApplicationSchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{:?}", self.name(), self.view_id())
    }
}

impl fmt::Debug for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(system) => f.write_str(system.as_str()),
            Self::Application(application) => fmt::Debug::fmt(application, f),
        }
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ApplicationSchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SystemSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One spelling for every schema: lower case digits, known system schemas only (PN14).
impl FromStr for SchemaId {
    type Err = SchemaIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (_, last) = text.rsplit_once('_').ok_or(SchemaIdError::NoVersion)?;
        if last.len() < HASH_TEXT_LENGTH && last.starts_with('v') {
            let is_named = |system: &SystemSchema| system.as_str() == text;
            let system = SystemSchema::ALL.into_iter().find(is_named);
            return system.map(Self::System).ok_or(SchemaIdError::UnknownSystemSchema);
        }
        application(text).map(Self::Application)
    }
}

fn application(text: &str) -> Result<ApplicationSchemaId, SchemaIdError> {
    let name_length = name_length(text).ok_or(SchemaIdError::NoName)?;
    let (name, ids) = text.split_at_checked(name_length).ok_or(SchemaIdError::NoName)?;
    let view = DocumentViewId::parse_canonical(ids.strip_prefix('_').unwrap_or(ids))?;
    SchemaName::check(name)?;
    Ok(ApplicationSchemaId(Arc::new(Parts { text: text.into(), name_length, view })))
}

/// Where the name ends and the ids begin. A name may hold underscores and is shorter than the
/// text of an id, so the ids are cut off from the end until so little is left.
fn name_length(text: &str) -> Option<usize> {
    let mut rest = text;
    while let Some((before, _)) = rest.rsplit_once('_') {
        rest = before;
        if rest.len() < HASH_TEXT_LENGTH {
            break;
        }
    }
    (!rest.is_empty()).then_some(rest.len())
}

/// A text that is no schema id (OP4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaIdError {
    /// No `_` divides a name from a version.
    #[error("expected a name, an underscore and a version or ids in a schema id")]
    NoVersion,
    /// Nothing stands before the ids.
    #[error("expected a name at the beginning of a schema id, found none")]
    NoName,
    /// It looks like a system schema, but there is none with this name and version.
    #[error("expected the id of a known system schema, found another name or version")]
    UnknownSystemSchema,
    /// The name is not allowed.
    #[error("schema id has no good name")]
    Name(#[from] NameError),
    /// What follows the name is not a document view id.
    #[error("schema id has no good document view id")]
    ViewId(#[from] ViewIdError),
}

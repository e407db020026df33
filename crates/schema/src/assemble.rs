//! Putting schemas together from the documents which define them.
//!
//! ```text
//! schema_definition_v1            name, description, fields ──┬─▶ schema_field_definition_v1
//!   view 0020…                                               └─▶ schema_field_definition_v1
//!        │                                                          name, type
//!        └──▶ schema `name_0020…`
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use pandan_operations::{DocumentViewId, FieldName, NameError, SchemaId, SchemaName};
use thiserror::Error;

use crate::{FieldType, FieldTypeError, Schema, SchemaError, Value};

/// What a view of a `schema_definition_v1` document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionView {
    /// The id of the view, which becomes the version of the schema.
    pub id: DocumentViewId,
    /// The name of the schema.
    pub name: String,
    /// What the schema is for.
    pub description: String,
    /// The views that define its fields.
    pub fields: Vec<DocumentViewId>,
}

/// What a view of a `schema_field_definition_v1` document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDefinitionView {
    /// The id of the view.
    pub id: DocumentViewId,
    /// The name of the field.
    pub name: String,
    /// The text of its type.
    pub field_type: String,
}

impl DefinitionView {
    /// Reads the fields of a document view; none when they are not exactly those of a schema
    /// definition.
    pub fn from_fields<'a>(
        id: DocumentViewId,
        fields: impl IntoIterator<Item = (&'a str, &'a Value)>,
    ) -> Option<Self> {
        let (mut name, mut description, mut list) = (None, None, None);
        for field in fields {
            match field {
                ("name", Value::Str(value)) => name = Some(value.clone()),
                ("description", Value::Str(value)) => description = Some(value.clone()),
                ("fields", Value::PinnedRelationList(value)) => list = Some(value.clone()),
                _ => return None,
            }
        }
        Some(Self { id, name: name?, description: description?, fields: list? })
    }
}

impl FieldDefinitionView {
    /// Reads the fields of a document view; none when they are not exactly those of a field
    /// definition.
    pub fn from_fields<'a>(
        id: DocumentViewId,
        fields: impl IntoIterator<Item = (&'a str, &'a Value)>,
    ) -> Option<Self> {
        let (mut name, mut field_type) = (None, None);
        for field in fields {
            match field {
                ("name", Value::Str(value)) => name = Some(value.clone()),
                ("type", Value::Str(value)) => field_type = Some(value.clone()),
                _ => return None,
            }
        }
        Some(Self { id, name: name?, field_type: field_type? })
    }
}

impl Schema {
    /// Puts a schema together from the view that defines it and the views which that one pins.
    ///
    /// The views of fields may come in any order, but exactly those which the definition pins.
    pub fn assemble(
        definition: &DefinitionView,
        fields: &[FieldDefinitionView],
    ) -> Result<Self, AssembleError> {
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        let mut parts = Vec::with_capacity(definition.fields.len());
        for id in &definition.fields {
            let index = sorted.binary_search_by(|view| view.id.cmp(id));
            let view = index.ok().and_then(|index| sorted.get(index));
            let view = view.ok_or_else(|| AssembleError::MissingView { view: id.clone() })?;
            parts.push(parse_field(view)?);
        }
        let mut pinned: Vec<_> = definition.fields.iter().collect();
        pinned.sort();
        if let Some(view) = fields.iter().find(|view| pinned.binary_search(&&view.id).is_err()) {
            return Err(AssembleError::UnpinnedView { view: view.id.clone() });
        }
        let name = SchemaName::parse(&definition.name).map_err(AssembleError::Name)?;
        let id = SchemaId::application(name, definition.id.clone());
        Ok(Self::new(id, &definition.description, parts)?)
    }
}

fn parse_field(view: &FieldDefinitionView) -> Result<(FieldName, FieldType), AssembleError> {
    let name = FieldName::parse(&view.name)
        .map_err(|source| AssembleError::FieldName { view: view.id.clone(), source })?;
    let field_type = view
        .field_type
        .parse()
        .map_err(|source| AssembleError::FieldType { view: view.id.clone(), source })?;
    Ok((name, field_type))
}

/// Views that make no schema, at least not yet (PN17).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// A field is not known yet.
    #[error("expected the view {view} of a field definition, found none")]
    MissingView {
        /// The id of the view.
        view: DocumentViewId,
    },
    /// A view of a field was handed in that the definition does not pin.
    #[error("expected the field definitions that the schema pins, found view {view} as well")]
    UnpinnedView {
        /// The id of the view.
        view: DocumentViewId,
    },
    /// The name of the schema is not allowed.
    #[error("schema has no good name")]
    Name(#[source] NameError),
    /// The name of a field is not allowed.
    #[error("field definition {view} has no good name")]
    FieldName {
        /// The id of the view of the field.
        view: DocumentViewId,
        /// What is wrong.
        source: NameError,
    },
    /// The type of a field is not known.
    #[error("field definition {view} has no good type")]
    FieldType {
        /// The id of the view of the field.
        view: DocumentViewId,
        /// What is wrong.
        source: FieldTypeError,
    },
    /// The parts are good, but they make no schema.
    #[error("definition makes no schema")]
    Schema(#[from] SchemaError),
}

//! `schema.toml`: what people write to define schemas.
//!
//! ```toml
//! [venue]
//! description = "Where events take place"
//!
//! [venue.fields]
//! name = { type = "str" }
//!
//! [event]
//! description = "What happens there"
//!
//! [event.fields]
//! title = { type = "str" }
//! venue = { type = "relation", schema = { name = "venue" } }
//! ```
//!
//! One table for each schema. A relation names a schema of the same file, or any other one by its
//! id (`schema = { id = "…" }`).

use std::collections::{BTreeMap, BTreeSet};

use pandan_operations::{FieldName, SchemaId, SchemaName};
use pandan_schema::FieldType;
use serde::Deserialize;
use thiserror::Error;

/// The schemas of a file, by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// In an order in which every schema comes after those to which it relates.
    pub(crate) definitions: Vec<Definition>,
}

/// One schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: SchemaName,
    pub(crate) description: String,
    /// In ascending order of the names.
    pub(crate) fields: Vec<(FieldName, FieldSpec)>,
}

/// The type of a field, as far as the file tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldSpec {
    /// A type that is settled.
    Settled(FieldType),
    /// A relation to a schema of the same file, whose id is not known yet.
    Local { kind: RelationKind, target: SchemaName },
}

/// The four kinds of relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelationKind {
    One,
    List,
    Pinned,
    PinnedList,
}

impl RelationKind {
    /// The field type of this kind for a schema.
    pub(crate) const fn with(self, schema: SchemaId) -> FieldType {
        match self {
            Self::One => FieldType::Relation(schema),
            Self::List => FieldType::RelationList(schema),
            Self::Pinned => FieldType::PinnedRelation(schema),
            Self::PinnedList => FieldType::PinnedRelationList(schema),
        }
    }
}

/// A file that defines no schemas, or not in the way it should.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ManifestError {
    #[error("it is not what a schema file holds: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("it defines no schema; add a table such as [venue] with a description and fields")]
    Empty,
    #[error("schema \"{name}\" has a name that no schema can have: {reason}")]
    SchemaName { name: String, reason: String },
    #[error("field \"{field}\" of schema \"{schema}\" has a name that no field can have: {reason}")]
    FieldName { schema: String, field: String, reason: String },
    #[error("description of schema \"{schema}\" has {found} characters, at most 256 are allowed")]
    Description { schema: String, found: usize },
    #[error("schema \"{schema}\" has {found} fields, from 1 to 1024 are allowed")]
    FieldCount { schema: String, found: usize },
    #[error(
        "field \"{field}\" of schema \"{schema}\" has type \"{found}\"; known are str, int, float, \
         bool, bytes, relation, relation_list, pinned_relation and pinned_relation_list"
    )]
    Type { schema: String, field: String, found: String },
    #[error(
        "field \"{field}\" of schema \"{schema}\" relates to no schema; add \
         `schema = {{ name = \"…\" }}` for one of this file or `schema = {{ id = \"…\" }}`"
    )]
    NoTarget { schema: String, field: String },
    #[error("field \"{field}\" of schema \"{schema}\" is no relation, take `schema` out")]
    UselessTarget { schema: String, field: String },
    #[error(
        "field \"{field}\" of schema \"{schema}\" relates to \"{target}\", which this file does \
         not define; define it or use its id"
    )]
    UnknownTarget { schema: String, field: String, target: String },
    #[error("field \"{field}\" of schema \"{schema}\" has no good schema id: {reason}")]
    TargetId { schema: String, field: String, reason: String },
    #[error("schemas relate to each other in a circle: {}; take one relation out", .0.join(" → "))]
    Cycle(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchema {
    description: String,
    fields: BTreeMap<String, RawField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    r#type: String,
    schema: Option<RawTarget>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTarget {
    name: Option<String>,
    id: Option<String>,
    // Where a foreign schema was found; a note for people.
    #[serde(rename = "git")]
    _git: Option<String>,
    #[serde(rename = "path")]
    _path: Option<String>,
}

impl Manifest {
    /// Reads the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, ManifestError> {
        let raw: BTreeMap<String, RawSchema> = toml::from_str(text)?;
        if raw.is_empty() {
            return Err(ManifestError::Empty);
        }
        let names: BTreeSet<&str> = raw.keys().map(String::as_str).collect();
        let definitions = raw.iter().map(|(name, schema)| definition(name, schema, &names));
        let definitions = definitions.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { definitions: in_dependency_order(definitions)? })
    }
}

fn definition(
    name: &str,
    raw: &RawSchema,
    names: &BTreeSet<&str>,
) -> Result<Definition, ManifestError> {
    let parsed = SchemaName::parse(name).map_err(|error| ManifestError::SchemaName {
        name: name.to_owned(),
        reason: error.to_string(),
    })?;
    let found = raw.description.chars().count();
    if found > MAX_DESCRIPTION_CHARS {
        return Err(ManifestError::Description { schema: name.to_owned(), found });
    }
    if !(1..=MAX_FIELDS).contains(&raw.fields.len()) {
        let found = raw.fields.len();
        return Err(ManifestError::FieldCount { schema: name.to_owned(), found });
    }
    let fields = raw.fields.iter().map(|(field, raw)| {
        let spec = field_spec(name, field, raw, names)?;
        let parsed = FieldName::parse(field).map_err(|error| ManifestError::FieldName {
            schema: name.to_owned(),
            field: field.clone(),
            reason: error.to_string(),
        })?;
        Ok((parsed, spec))
    });
    let fields = fields.collect::<Result<_, ManifestError>>()?;
    Ok(Definition { name: parsed, description: raw.description.clone(), fields })
}

fn field_spec(
    schema: &str,
    field: &str,
    raw: &RawField,
    names: &BTreeSet<&str>,
) -> Result<FieldSpec, ManifestError> {
    let (schema, field) = (schema.to_owned(), field.to_owned());
    let kind = match raw.r#type.as_str() {
        "relation" => RelationKind::One,
        "relation_list" => RelationKind::List,
        "pinned_relation" => RelationKind::Pinned,
        "pinned_relation_list" => RelationKind::PinnedList,
        plain => {
            let settled = match plain {
                "bool" => FieldType::Bool,
                "int" => FieldType::Int,
                "float" => FieldType::Float,
                "str" => FieldType::Str,
                "bytes" => FieldType::Bytes,
                _ => return Err(ManifestError::Type { schema, field, found: plain.to_owned() }),
            };
            if raw.schema.is_some() {
                return Err(ManifestError::UselessTarget { schema, field });
            }
            return Ok(FieldSpec::Settled(settled));
        }
    };
    match raw.schema.as_ref().map(|target| (&target.name, &target.id)) {
        Some((Some(target), None)) => match SchemaName::parse(target) {
            Ok(name) if names.contains(target.as_str()) => {
                Ok(FieldSpec::Local { kind, target: name })
            }
            _ => Err(ManifestError::UnknownTarget { schema, field, target: target.clone() }),
        },
        Some((None, Some(id))) => match id.parse::<SchemaId>() {
            Ok(id) => Ok(FieldSpec::Settled(kind.with(id))),
            Err(error) => Err(ManifestError::TargetId { schema, field, reason: error.to_string() }),
        },
        _ => Err(ManifestError::NoTarget { schema, field }),
    }
}

/// Puts every schema behind those to which it relates; otherwise they stay in the order of their
/// names.
fn in_dependency_order(mut rest: Vec<Definition>) -> Result<Vec<Definition>, ManifestError> {
    let mut ordered: Vec<Definition> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let is_ready = |definition: &Definition| {
            targets(definition).all(|target| ordered.iter().any(|done| done.name == *target))
        };
        match rest.iter().position(is_ready) {
            Some(position) => ordered.push(rest.remove(position)),
            None => return Err(ManifestError::Cycle(find_cycle(&rest))),
        }
    }
    Ok(ordered)
}

fn targets(definition: &Definition) -> impl Iterator<Item = &SchemaName> {
    definition.fields.iter().filter_map(|(_, spec)| match spec {
        FieldSpec::Local { target, .. } => Some(target),
        FieldSpec::Settled(_) => None,
    })
}

/// Each of these schemas relates to another of them: following that ends in a circle.
fn find_cycle(rest: &[Definition]) -> Vec<String> {
    let mut path: Vec<&SchemaName> = Vec::new();
    let mut here = rest.first();
    while let Some(definition) = here {
        if let Some(start) = path.iter().position(|name| **name == definition.name) {
            let circle = path.iter().skip(start).copied().chain([&definition.name]);
            return circle.map(ToString::to_string).collect();
        }
        path.push(&definition.name);
        here = targets(definition)
            .find_map(|target| rest.iter().find(|definition| definition.name == *target));
    }
    path.into_iter().map(ToString::to_string).collect()
}

/// Longest description, in characters (SC9).
const MAX_DESCRIPTION_CHARS: usize = 256;
/// Most fields (SC9).
const MAX_FIELDS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::{FieldSpec, Manifest, RelationKind};

    fn check_refused(text: &str, expected: &str) {
        let error = Manifest::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn schemas_come_after_those_to_which_they_relate() {
        let manifest = Manifest::parse(
            r#"
            [aa]
            description = ""
            [aa.fields]
            to = { type = "pinned_relation_list", schema = { name = "bb", git = "somewhere" } }
            any = { type = "relation", schema = { id = "blob_v1" } }
            [bb]
            description = "b"
            fields = { x = { type = "int" } }
            "#,
        );
        let definitions = manifest.expect("it is good").definitions;
        let names: Vec<_> = definitions.iter().map(|definition| definition.name.as_str()).collect();
        assert_eq!(names, ["bb", "aa"]);
        let (name, spec) = &definitions[1].fields[1];
        assert_eq!(name.as_str(), "to");
        assert!(matches!(spec, FieldSpec::Local { kind: RelationKind::PinnedList, .. }));
    }

    #[test]
    fn what_is_wrong_is_named() {
        check_refused("", "defines no schema");
        check_refused("[aa]\ndescription = \"\"", "missing field `fields`");
        check_refused("[aa]\ndescription = \"\"\nfields = {}\nmore = 1", "unknown field `more`");
        check_refused("[aa]\ndescription = \"\"\nfields = {}", "0 fields");
        check_refused("[a]\ndescription = \"\"\nfields = { x = { type = \"int\" } }", "\"a\"");
        let with = |field: &str| format!("[aa]\ndescription = \"\"\nfields = {{ {field} }}");
        check_refused(&with("x = { type = \"text\" }"), "type \"text\"");
        check_refused(&with("x = { type = \"relation\" }"), "relates to no schema");
        check_refused(&with("x = { type = \"int\", schema = { name = \"aa\" } }"), "no relation");
        check_refused(
            &with("x = { type = \"relation\", schema = { name = \"bb\" } }"),
            "\"bb\", which this file does not define",
        );
        check_refused(&with("x = { type = \"relation\", schema = { id = \"bb\" } }"), "schema id");
        check_refused(&with("_x = { type = \"int\" }"), "\"_x\"");
        check_refused(&with("x = { typ = \"int\" }"), "unknown field `typ`");
    }

    #[test]
    fn circles_are_refused() {
        check_refused(
            r#"
            [aa]
            description = ""
            fields = { x = { type = "relation", schema = { name = "bb" } } }
            [bb]
            description = ""
            fields = { x = { type = "relation", schema = { name = "aa" } } }
            "#,
            "aa → bb → aa",
        );
    }
}

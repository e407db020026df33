//! From `schema.toml` and what is locked already to new commits.
//!
//! Schemas are taken in an order in which each comes after those to which it relates; of each
//! schema first its fields, by name, then the schema itself. Fields and schemas are matched by
//! name with those that are locked: what is new is created, what changed is updated, the rest is
//! left alone. A schema that relates to a changed one changes with it, since its id did.

use std::collections::BTreeMap;

use pandan_operations::{DocumentViewId, SchemaId, SchemaName, SystemSchema};
use pandan_schema::{FieldType, Value};

use super::manifest::{Definition, FieldSpec, Manifest};
use super::workshop::{Defined, Workshop};
use crate::failure::unverified;

/// What building did with a schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Built {
    pub(crate) id: SchemaId,
    pub(crate) change: Change,
}

/// Whether there is something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Created,
    Updated,
    Unchanged,
}

impl Change {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Commits what the manifest asks for and is not locked yet.
pub(crate) fn build(
    workshop: &mut Workshop<'_>,
    manifest: &Manifest,
) -> anyhow::Result<Vec<Built>> {
    let locked = workshop.defined().map_err(|error| {
        unverified(format!("what the lock file defines does not hold: {error:#}"))
    })?;
    let mut ids: BTreeMap<&SchemaName, SchemaId> = BTreeMap::new();
    let mut all = Vec::new();
    for definition in &manifest.definitions {
        let known = locked.iter().find(|known| known.view.name == definition.name.as_str());
        let fields = build_fields(workshop, definition, known, &ids)?;
        let (view, change) = build_definition(workshop, definition, known, fields)?;
        let id = SchemaId::application(definition.name.clone(), view);
        ids.insert(&definition.name, id.clone());
        all.push(Built { id, change });
    }
    Ok(all)
}

/// The views that define the fields, in the order of their names.
fn build_fields(
    workshop: &mut Workshop<'_>,
    definition: &Definition,
    known: Option<&Defined>,
    ids: &BTreeMap<&SchemaName, SchemaId>,
) -> anyhow::Result<Vec<DocumentViewId>> {
    let mut views = Vec::with_capacity(definition.fields.len());
    for (name, spec) in &definition.fields {
        let text = field_type(spec, ids).to_string();
        let known = known.into_iter().flat_map(|known| &known.fields);
        let known = known.into_iter().find(|field| field.view.name == name.as_str());
        let view = match known {
            None => {
                let name = Value::Str(name.as_str().to_owned());
                let fields = vec![("name", name), ("type", Value::Str(text))];
                workshop.create(SystemSchema::SchemaFieldDefinition, fields)?.into()
            }
            Some(field) if field.view.field_type == text => field.view.id.clone(),
            Some(field) => workshop.update(
                field.document,
                field.view.id.clone(),
                SystemSchema::SchemaFieldDefinition,
                vec![("type", Value::Str(text))],
            )?,
        };
        views.push(view);
    }
    Ok(views)
}

fn build_definition(
    workshop: &mut Workshop<'_>,
    definition: &Definition,
    known: Option<&Defined>,
    views: Vec<DocumentViewId>,
) -> anyhow::Result<(DocumentViewId, Change)> {
    let description = || Value::Str(definition.description.clone());
    let Some(known) = known else {
        let fields = vec![
            ("description", description()),
            ("fields", Value::PinnedRelationList(views)),
            ("name", Value::Str(definition.name.as_str().to_owned())),
        ];
        let id = workshop.create(SystemSchema::SchemaDefinition, fields)?;
        return Ok((id.into(), Change::Created));
    };
    let mut changes = Vec::new();
    if known.view.description != definition.description {
        changes.push(("description", description()));
    }
    if known.view.fields != views {
        changes.push(("fields", Value::PinnedRelationList(views)));
    }
    if changes.is_empty() {
        return Ok((known.view.id.clone(), Change::Unchanged));
    }
    let (document, previous) = (known.document, known.view.id.clone());
    let view = workshop.update(document, previous, SystemSchema::SchemaDefinition, changes)?;
    Ok((view, Change::Updated))
}

fn field_type(spec: &FieldSpec, ids: &BTreeMap<&SchemaName, SchemaId>) -> FieldType {
    match spec {
        FieldSpec::Settled(field_type) => field_type.clone(),
        FieldSpec::Local { kind, target } => {
            let id =
                ids.get(target).expect("a manifest puts targets before those who relate to them");
            kind.with(id.clone())
        }
    }
}

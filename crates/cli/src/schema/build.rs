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

#[cfg(test)]
mod tests {
    use pandan_identity::KeyPair;

    use super::{Built, Change, build};
    use crate::schema::lock::Lock;
    use crate::schema::manifest::Manifest;
    use crate::schema::workshop::Workshop;

    const FIRST: &str = r#"
        [aa]
        description = "a"
        fields = { x = { type = "int" } }
        [bb]
        description = "b"
        fields = { to = { type = "relation", schema = { name = "aa" } } }
    "#;

    /// Builds on top of the text of a lock file, as another key if asked for.
    fn play(manifest: &str, lock: &str, seed: u8) -> (Vec<Built>, String) {
        let key_pair = KeyPair::from_seed(&[seed; 32]);
        let lock = Lock::parse(lock).expect("it is good");
        let mut workshop = Workshop::new(&key_pair, lock).expect("it holds");
        let manifest = Manifest::parse(manifest).expect("it is good");
        let built = build(&mut workshop, &manifest).expect("it builds");
        (built, workshop.into_lock().to_text())
    }

    fn changes(built: &[Built]) -> Vec<Change> {
        built.iter().map(|built| built.change).collect()
    }

    #[test]
    fn lock_files_round_trip_and_nothing_is_built_twice() {
        let (built, lock) = play(FIRST, "version = 1", 1);
        assert_eq!(changes(&built), [Change::Created, Change::Created]);
        assert_eq!(Lock::parse(&lock).expect("it is good").to_text(), lock);
        let (again, same) = play(FIRST, &lock, 1);
        assert_eq!(changes(&again), [Change::Unchanged, Change::Unchanged]);
        assert_eq!(same, lock);
        assert_eq!(again[1].id, built[1].id);
    }

    #[test]
    fn a_changed_schema_changes_those_that_relate_to_it() {
        let (before, lock) = play(FIRST, "version = 1", 1);
        for seed in [1, 2] {
            let (built, after) = play(&FIRST.replace("\"int\"", "\"str\""), &lock, seed);
            assert_eq!(changes(&built), [Change::Updated, Change::Updated]);
            assert_ne!(built[1].id, before[1].id);
            // Both fields and both schemas.
            assert_eq!(after.matches("[[commits]]").count(), 4 + 4);
            assert!(after.starts_with(&lock));
        }
        let (built, after) = play(&FIRST.replace("\"b\"", "\"c\""), &lock, 1);
        assert_eq!(changes(&built), [Change::Unchanged, Change::Updated]);
        assert_eq!(after.matches("[[commits]]").count(), 4 + 1);
    }
}

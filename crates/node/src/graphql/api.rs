//! The API of a moment: a function of the schemas known then.
//!
//! Nothing is generated ahead: a type is a name that refers to a schema, and its fields are told
//! when somebody asks. So a new schema costs one entry in a map, however many there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use pandan_operations::SchemaId;
use pandan_schema::{FieldName, FieldType, Schema};
use pandan_store::KnownSchema;

use super::types::{EnumType, Input, Named, Object, Scalar};

/// All known schemas, by the text of their ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Api {
    schemas: BTreeMap<String, KnownSchema>,
}

impl Api {
    pub(crate) fn new(schemas: impl IntoIterator<Item = KnownSchema>) -> Self {
        let mut api = Self::default();
        api.add(schemas);
        api
    }

    /// Takes schemas in, over what is known of them.
    pub(crate) fn add(&mut self, schemas: impl IntoIterator<Item = KnownSchema>) {
        let keyed = schemas.into_iter().map(|known| (known.schema.id().to_string(), known));
        self.schemas.extend(keyed);
    }

    pub(crate) fn len(&self) -> usize {
        self.schemas.len()
    }

    pub(crate) fn schemas(&self) -> impl Iterator<Item = &KnownSchema> {
        self.schemas.values()
    }

    pub(crate) fn schema(&self, id: &str) -> Option<&Arc<Schema>> {
        self.schemas.get(id).map(|known| &known.schema)
    }

    pub(crate) fn target(&self, id: &SchemaId) -> Option<&Arc<Schema>> {
        self.schema(id.as_str())
    }

    /// A field of a schema, unless it relates to a schema that is not known yet.
    pub(crate) fn field<'a>(
        &self,
        schema: &'a Schema,
        name: &str,
    ) -> Option<(&'a FieldName, &'a FieldType)> {
        let (index, _) = schema.field(name)?;
        schema.fields().nth(index).filter(|(_, kind)| self.is_usable(kind))
    }

    pub(crate) fn fields<'a>(
        &self,
        schema: &'a Schema,
    ) -> impl Iterator<Item = (&'a FieldName, &'a FieldType)> {
        schema.fields().filter(|(_, kind)| self.is_usable(kind))
    }

    /// Whether any field of a schema can be shown; none can while all of them relate to schemas
    /// that are not known.
    pub(crate) fn has_fields(&self, schema: &Schema) -> bool {
        self.fields(schema).next().is_some()
    }

    fn is_usable(&self, kind: &FieldType) -> bool {
        kind.target().is_none_or(|target| self.target(target).is_some())
    }

    /// The type with a name.
    pub(crate) fn named(&self, name: &str) -> Option<Named> {
        let fixed = STATIC.iter().find(|named| named.name() == name);
        fixed.cloned().or_else(|| self.named_after_schema(name))
    }

    fn named_after_schema(&self, name: &str) -> Option<Named> {
        let of = |suffix| self.schema(name.strip_suffix(suffix)?).cloned();
        None.or_else(|| of("").map(|schema| Named::Object(Object::Document(schema))))
            .or_else(|| of("Item").map(|schema| Named::Object(Object::Item(schema))))
            .or_else(|| of("Collection").map(|schema| Named::Object(Object::Collection(schema))))
            .or_else(|| of("Fields").map(|schema| Named::Object(Object::Fields(schema))))
            .or_else(|| of("Filter").map(|schema| Named::Input(Input::Filter(schema))))
            .or_else(|| of("OrderBy").map(|schema| Named::Enum(EnumType::OrderBy(schema))))
    }

    /// All types, those of the schemas behind the others.
    pub(crate) fn types(&self) -> impl Iterator<Item = Named> {
        let of_schemas = self.schemas.values().flat_map(|known| {
            let has_fields = self.has_fields(&known.schema);
            let schema = || Arc::clone(&known.schema);
            [
                Named::Object(Object::Document(schema())),
                Named::Object(Object::Collection(schema())),
                Named::Object(Object::Fields(schema())),
                Named::Input(Input::Filter(schema())),
                Named::Object(Object::Item(schema())),
                Named::Enum(EnumType::OrderBy(schema())),
            ]
            .into_iter()
            .filter(move |named| {
                let is_of_fields = matches!(
                    named,
                    Named::Object(Object::Fields(_)) | Named::Input(Input::Filter(_))
                );
                has_fields || !is_of_fields
            })
        });
        STATIC.iter().cloned().chain(of_schemas)
    }
}

/// The types that every API has.
static STATIC: &[Named] = &[
    Named::Object(Object::Query),
    Named::Object(Object::Mutation),
    Named::Object(Object::DocumentMeta),
    Named::Object(Object::NextArguments),
    Named::Object(Object::SignedEntry),
    Named::Object(Object::Fork),
    Named::Object(Object::ForkCollection),
    Named::Object(Object::Part),
    Named::Enum(EnumType::OrderDirection),
    Named::Input(Input::Meta),
    Named::Input(Input::Boolean),
    Named::Input(Input::DocumentId),
    Named::Input(Input::DocumentViewId),
    Named::Input(Input::Float),
    Named::Input(Input::HexBytes),
    Named::Input(Input::Integer),
    Named::Input(Input::Owner),
    Named::Input(Input::PinnedRelation),
    Named::Input(Input::PinnedRelationList),
    Named::Input(Input::Relation),
    Named::Input(Input::RelationList),
    Named::Input(Input::String),
    Named::Scalar(Scalar::Boolean),
    Named::Scalar(Scalar::Float),
    Named::Scalar(Scalar::Int),
    Named::Scalar(Scalar::String),
    Named::Scalar(Scalar::Id),
    Named::Scalar(Scalar::Cursor),
    Named::Scalar(Scalar::DocumentId),
    Named::Scalar(Scalar::DocumentViewId),
    Named::Scalar(Scalar::EncodedEntry),
    Named::Scalar(Scalar::EncodedOperation),
    Named::Scalar(Scalar::EntryHash),
    Named::Scalar(Scalar::HexBytes),
    Named::Scalar(Scalar::LogId),
    Named::Scalar(Scalar::PublicKey),
    Named::Scalar(Scalar::SeqNum),
    Named::Object(Object::IntroSchema),
    Named::Object(Object::IntroType),
    Named::Object(Object::IntroField),
    Named::Object(Object::IntroInput),
    Named::Object(Object::IntroEnumValue),
    Named::Object(Object::IntroDirective),
    Named::Enum(EnumType::TypeKind),
    Named::Enum(EnumType::DirectiveLocation),
];

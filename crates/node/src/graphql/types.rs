//! The types of the API: what they are called and what they hold.
//!
//! | item | name | shape |
//! |---|---|---|
//! | root field | `S` | `(id: DocumentId, viewId: DocumentViewId): S` |
//! | root field | `all_S` | `(after, filter, first, meta, orderBy, orderDirection): SCollection!` |
//! | object | `S` | `fields: SFields`, `meta: DocumentMeta` |
//! | object | `SItem` | the same and `cursor: String` |
//! | object | `SCollection` | `documents`, `endCursor`, `hasNextPage`, `totalCount` |
//! | object | `SFields` | a field for each field of the schema |
//! | input | `SFilter` | a field for each field of the schema |
//! | enum | `SOrderBy` | `DOCUMENT_ID`, `DOCUMENT_VIEW_ID`, a value for each field of the schema |

use std::borrow::Cow;
use std::sync::Arc;

use pandan_schema::Schema;

use super::api::Api;

/// A type with a name.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    Scalar(Scalar),
    Object(Object),
    Input(Input),
    Enum(EnumType),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Boolean,
    Float,
    Int,
    String,
    /// Known so that variables can be declared with it; nothing has this type.
    Id,
    Cursor,
    DocumentId,
    DocumentViewId,
    EncodedEntry,
    EncodedOperation,
    EntryHash,
    HexBytes,
    LogId,
    PublicKey,
    SeqNum,
}

#[derive(Clone, Debug)]
pub(crate) enum Object {
    Query,
    Mutation,
    DocumentMeta,
    NextArguments,
    SignedEntry,
    Fork,
    ForkCollection,
    Part,
    Document(Arc<Schema>),
    Item(Arc<Schema>),
    Collection(Arc<Schema>),
    Fields(Arc<Schema>),
    IntroSchema,
    IntroType,
    IntroField,
    IntroInput,
    IntroEnumValue,
    IntroDirective,
}

#[derive(Clone, Debug)]
pub(crate) enum Input {
    Boolean,
    DocumentId,
    DocumentViewId,
    Float,
    HexBytes,
    Integer,
    Meta,
    Owner,
    PinnedRelation,
    PinnedRelationList,
    Relation,
    RelationList,
    String,
    Filter(Arc<Schema>),
}

#[derive(Clone, Debug)]
pub(crate) enum EnumType {
    OrderDirection,
    OrderBy(Arc<Schema>),
    TypeKind,
    DirectiveLocation,
}

/// A type as a field or argument has it.
#[derive(Clone, Debug)]
pub(crate) struct TypeRef {
    pub(crate) named: Named,
    pub(crate) shape: Shape,
}

/// What is wrapped around a named type; the API has no other forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `T`
    Nullable,
    /// `T!`
    NonNull,
    /// `[T!]`
    List,
    /// `[T!]!`
    NonNullList,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub(crate) struct FieldDef {
    pub(crate) name: Cow<'static, str>,
    pub(crate) about: Cow<'static, str>,
    pub(crate) arguments: Vec<InputDef>,
    pub(crate) ty: TypeRef,
}

/// An argument, or a field of an input object.
#[derive(Clone, Debug)]
pub(crate) struct InputDef {
    pub(crate) name: Cow<'static, str>,
    pub(crate) ty: TypeRef,
    /// As GraphQL writes it.
    pub(crate) default: Option<&'static str>,
    /// Whether null is the same as leaving it out; elsewhere null is an error.
    pub(crate) accepts_null: bool,
}

impl TypeRef {
    pub(crate) const fn is_required(&self) -> bool {
        matches!(self.shape, Shape::NonNull | Shape::NonNullList)
    }

    pub(crate) const fn is_list(&self) -> bool {
        matches!(self.shape, Shape::List | Shape::NonNullList)
    }
}

impl Named {
    pub(crate) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Scalar(scalar) => Cow::Borrowed(scalar.name()),
            Self::Object(object) => object.name(),
            Self::Input(input) => input.name(),
            Self::Enum(EnumType::OrderDirection) => Cow::Borrowed("OrderDirection"),
            Self::Enum(EnumType::TypeKind) => Cow::Borrowed("__TypeKind"),
            Self::Enum(EnumType::DirectiveLocation) => Cow::Borrowed("__DirectiveLocation"),
            Self::Enum(EnumType::OrderBy(schema)) => suffixed(schema, "OrderBy"),
        }
    }

    pub(crate) const fn is_input(&self) -> bool {
        matches!(self, Self::Scalar(_) | Self::Input(_) | Self::Enum(_))
    }

    pub(crate) const fn with(self, shape: Shape) -> TypeRef {
        TypeRef { named: self, shape }
    }
}

impl Scalar {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "Boolean",
            Self::Float => "Float",
            Self::Int => "Int",
            Self::String => "String",
            Self::Id => "ID",
            Self::Cursor => "Cursor",
            Self::DocumentId => "DocumentId",
            Self::DocumentViewId => "DocumentViewId",
            Self::EncodedEntry => "EncodedEntry",
            Self::EncodedOperation => "EncodedOperation",
            Self::EntryHash => "EntryHash",
            Self::HexBytes => "HexBytes",
            Self::LogId => "LogId",
            Self::PublicKey => "PublicKey",
            Self::SeqNum => "SeqNum",
        }
    }

    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Boolean => "True or false",
            Self::Float => "A number of 64 bits with a fraction",
            Self::Int => "A whole number of 64 bits with a sign",
            Self::String => "A text",
            Self::Id => "Not used",
            Self::Cursor => "A place in a result; opaque",
            Self::DocumentId => "A document: 68 hex digits, the hash of its CREATE",
            Self::DocumentViewId => {
                "A state of a document: ids of operations, ascending, joined by `_`"
            }
            Self::EncodedEntry => "A signed entry, in hex",
            Self::EncodedOperation => "An operation, in hex",
            Self::EntryHash => "An entry: 68 hex digits",
            Self::HexBytes => "Bytes, in hex",
            Self::LogId => "A log: a decimal number of 64 bits, as text",
            Self::PublicKey => "An Ed25519 public key: 64 hex digits",
            Self::SeqNum => "A position in a log: a decimal number of 64 bits from 1, as text",
        }
    }

    pub(crate) const fn nullable(self) -> TypeRef {
        Named::Scalar(self).with(Shape::Nullable)
    }

    pub(crate) const fn required(self) -> TypeRef {
        Named::Scalar(self).with(Shape::NonNull)
    }

    pub(crate) const fn list(self) -> TypeRef {
        Named::Scalar(self).with(Shape::List)
    }

    pub(crate) const fn required_list(self) -> TypeRef {
        Named::Scalar(self).with(Shape::NonNullList)
    }
}

impl Object {
    pub(crate) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Query => "Query",
            Self::Mutation => "MutationRoot",
            Self::DocumentMeta => "DocumentMeta",
            Self::NextArguments => "NextArguments",
            Self::SignedEntry => "SignedEntry",
            Self::Fork => "Fork",
            Self::ForkCollection => "ForkCollection",
            Self::Part => "Part",
            Self::IntroSchema => "__Schema",
            Self::IntroType => "__Type",
            Self::IntroField => "__Field",
            Self::IntroInput => "__InputValue",
            Self::IntroEnumValue => "__EnumValue",
            Self::IntroDirective => "__Directive",
            Self::Document(schema) => return suffixed(schema, ""),
            Self::Item(schema) => return suffixed(schema, "Item"),
            Self::Collection(schema) => return suffixed(schema, "Collection"),
            Self::Fields(schema) => return suffixed(schema, "Fields"),
        })
    }

    pub(crate) fn about(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Query => "What can be asked",
            Self::Mutation => "What can be done",
            Self::DocumentMeta => "A document apart from its fields",
            Self::NextArguments => "What the next entry of a log has to be made with",
            Self::SignedEntry => "An entry as its author signed it, and its operation",
            Self::Fork => "A log with two entries for one place, and frozen from there on",
            Self::ForkCollection => "A page of forks",
            Self::Part => "A document, or the newest of a log, of which not all is here",
            Self::Document(schema) => return Cow::Owned(String::from(schema.description())),
            _ => "",
        })
    }
}

impl Input {
    pub(crate) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Boolean => "BooleanFilter",
            Self::DocumentId => "DocumentIdFilter",
            Self::DocumentViewId => "DocumentViewIdFilter",
            Self::Float => "FloatFilter",
            Self::HexBytes => "HexBytesFilter",
            Self::Integer => "IntegerFilter",
            Self::Meta => "MetaFilterInputObject",
            Self::Owner => "OwnerFilter",
            Self::PinnedRelation => "PinnedRelationFilter",
            Self::PinnedRelationList => "PinnedRelationListFilter",
            Self::Relation => "RelationFilter",
            Self::RelationList => "RelationListFilter",
            Self::String => "StringFilter",
            Self::Filter(schema) => return suffixed(schema, "Filter"),
        })
    }
}

impl EnumType {
    pub(crate) fn values(&self, api: &Api) -> Vec<Cow<'static, str>> {
        let fixed: &[&'static str] = match self {
            Self::OrderDirection => &["ASC", "DESC"],
            Self::TypeKind => &[
                "SCALAR",
                "OBJECT",
                "INTERFACE",
                "UNION",
                "ENUM",
                "INPUT_OBJECT",
                "LIST",
                "NON_NULL",
            ],
            Self::DirectiveLocation => super::introspection::DIRECTIVE_LOCATIONS,
            Self::OrderBy(_) => &ORDER_BY_META,
        };
        let mut values: Vec<_> = fixed.iter().map(|name| Cow::Borrowed(*name)).collect();
        if let Self::OrderBy(schema) = self {
            let names = api.fields(schema).map(|(name, _)| name.as_str());
            let fresh = names.filter(|name| !ORDER_BY_META.contains(name));
            values.extend(fresh.map(|name| Cow::Owned(String::from(name))));
        }
        values
    }
}

/// What documents can be ordered by besides their fields.
pub(crate) const ORDER_BY_META: [&str; 2] = ["DOCUMENT_ID", "DOCUMENT_VIEW_ID"];

/// What a collection is called before the id of its schema.
pub(crate) const COLLECTION_PREFIX: &str = "all_";

/// The name of a type of a schema.
pub(crate) fn suffixed(schema: &Schema, suffix: &str) -> Cow<'static, str> {
    Cow::Owned(format!("{}{suffix}", schema.id()))
}

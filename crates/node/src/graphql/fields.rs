//! The fields of objects and input objects, and what they take.

use std::borrow::Cow;
use std::sync::Arc;

use pandan_schema::{FieldType, Schema};

use super::api::Api;
use super::introspection;
use super::types::{
    COLLECTION_PREFIX, EnumType, FieldDef, Input, InputDef, Named, Object, Scalar, Shape, TypeRef,
    suffixed,
};

impl Object {
    /// A field by name, those of introspection included.
    pub(crate) fn field(&self, api: &Api, name: &str) -> Option<FieldDef> {
        match (self, name) {
            (_, "__typename") => return Some(plain("__typename", Scalar::String.required())),
            (Self::Query, "__schema") => {
                return Some(plain("__schema", object(Self::IntroSchema, Shape::NonNull)));
            }
            (Self::Query, "__type") => {
                let arguments = vec![argument("name", Scalar::String.required())];
                let ty = object(Self::IntroType, Shape::Nullable);
                return Some(FieldDef { arguments, ..plain("__type", ty) });
            }
            _ => {}
        }
        match self {
            Self::Query => query_field(api, name),
            Self::Fields(schema) => api
                .field(schema, name)
                .and_then(|(name, kind)| value_field(api, name.as_str(), kind)),
            _ => self.fields(api).into_iter().find(|field| field.name == name),
        }
    }

    /// All fields.
    pub(crate) fn fields(&self, api: &Api) -> Vec<FieldDef> {
        use Scalar::{
            Boolean, DocumentId, DocumentViewId, EncodedEntry, EncodedOperation, EntryHash,
            HexBytes, Int, LogId, PublicKey, SeqNum, String,
        };
        match self {
            Self::Query => query_fields(api),
            Self::Mutation => vec![publish_field()],
            Self::DocumentMeta => vec![
                plain("documentId", DocumentId.required()),
                plain("viewId", DocumentViewId.required()),
                plain("owner", PublicKey.required()),
                FieldDef {
                    about: Cow::Borrowed(
                        "Whether operations of it are void, since their authors forked their logs",
                    ),
                    ..plain("forked", Boolean.required())
                },
            ],
            Self::NextArguments => vec![
                plain("logId", LogId.required()),
                plain("seqNum", SeqNum.required()),
                plain("backlink", EntryHash.nullable()),
                plain("skiplink", EntryHash.nullable()),
            ],
            Self::SignedEntry => vec![
                plain("entry", EncodedEntry.required()),
                plain("operation", EncodedOperation.nullable()),
            ],
            Self::Fork => vec![
                plain("publicKey", PublicKey.required()),
                plain("logId", LogId.required()),
                plain("seqNum", SeqNum.required()),
                plain("entries", EntryHash.required_list()),
                plain("proof", HexBytes.required()),
                plain("documents", DocumentId.required_list()),
                plain("totalDocuments", Int.required()),
            ],
            Self::ForkCollection => vec![
                plain("forks", object(Self::Fork, Shape::NonNullList)),
                plain("endCursor", String.nullable()),
                plain("hasNextPage", Boolean.required()),
                plain("totalCount", Int.required()),
            ],
            Self::Part => part_fields(),
            Self::Document(schema) => document_fields(api, schema),
            Self::Item(schema) => {
                let cursor = plain("cursor", String.nullable());
                std::iter::once(cursor).chain(document_fields(api, schema)).collect()
            }
            Self::Collection(schema) => vec![
                plain("documents", object(Self::Item(Arc::clone(schema)), Shape::NonNullList)),
                plain("endCursor", String.required()),
                plain("hasNextPage", Boolean.required()),
                plain("totalCount", Int.required()),
            ],
            Self::Fields(schema) => api
                .fields(schema)
                .filter_map(|(name, kind)| value_field(api, name.as_str(), kind))
                .collect(),
            _ => introspection::fields(self),
        }
    }
}

impl Input {
    pub(crate) fn fields(&self, api: &Api) -> Vec<InputDef> {
        const EQUALITY: &[&str] = &["eq", "notEq"];
        const SET: &[&str] = &["in", "notIn"];
        const ORDER: &[&str] = &["gt", "gte", "lt", "lte"];
        const TEXT: &[&str] = &["contains", "notContains"];
        let operators = |scalar: Scalar, groups: &[&'static [&'static str]]| {
            let names = groups.iter().flat_map(|group| group.iter().copied());
            names.map(|name| operator(name, scalar)).collect()
        };
        match self {
            Self::Boolean => operators(Scalar::Boolean, &[EQUALITY]),
            Self::HexBytes => operators(Scalar::HexBytes, &[EQUALITY]),
            Self::DocumentId | Self::Relation => operators(Scalar::DocumentId, &[EQUALITY, SET]),
            Self::DocumentViewId | Self::PinnedRelation => {
                operators(Scalar::DocumentViewId, &[EQUALITY, SET])
            }
            Self::Owner => operators(Scalar::PublicKey, &[EQUALITY, SET]),
            Self::Float => operators(Scalar::Float, &[EQUALITY, SET, ORDER]),
            Self::Integer => operators(Scalar::Int, &[EQUALITY, SET, ORDER]),
            Self::String => operators(Scalar::String, &[EQUALITY, SET, ORDER, TEXT]),
            Self::RelationList => operators(Scalar::DocumentId, &[SET]),
            Self::PinnedRelationList => operators(Scalar::DocumentViewId, &[SET]),
            Self::Meta => vec![
                input("documentId", Named::Input(Self::DocumentId)),
                input("viewId", Named::Input(Self::DocumentViewId)),
                input("owner", Named::Input(Self::Owner)),
                input("edited", Named::Input(Self::Boolean)),
                input("deleted", Named::Input(Self::Boolean)),
            ],
            Self::Filter(schema) => api
                .fields(schema)
                .map(|(name, kind)| InputDef {
                    name: Cow::Owned(name.to_string()),
                    ty: Named::Input(filter_of(kind)).with(Shape::Nullable),
                    default: None,
                    accepts_null: false,
                })
                .collect(),
        }
    }
}

const fn filter_of(kind: &FieldType) -> Input {
    match kind {
        FieldType::Bool => Input::Boolean,
        FieldType::Int => Input::Integer,
        FieldType::Float => Input::Float,
        FieldType::Str => Input::String,
        FieldType::Bytes => Input::HexBytes,
        FieldType::Relation(_) => Input::Relation,
        FieldType::PinnedRelation(_) => Input::PinnedRelation,
        FieldType::RelationList(_) => Input::RelationList,
        FieldType::PinnedRelationList(_) => Input::PinnedRelationList,
    }
}

fn query_field(api: &Api, name: &str) -> Option<FieldDef> {
    if let Some(schema) = api.schema(name) {
        return Some(single_field(schema));
    }
    let listed = name.strip_prefix(COLLECTION_PREFIX).and_then(|id| api.schema(id));
    listed
        .map(|schema| collection_field(api, schema))
        .or_else(|| static_query_fields().into_iter().find(|field| field.name == name))
}

fn query_fields(api: &Api) -> Vec<FieldDef> {
    let of_schemas = api
        .schemas()
        .flat_map(|known| [single_field(&known.schema), collection_field(api, &known.schema)]);
    static_query_fields().into_iter().chain(of_schemas).collect()
}

fn static_query_fields() -> [FieldDef; 5] {
    let entries = || object(Object::SignedEntry, Shape::NonNullList);
    let defaulted = |name, scalar: Scalar, default| InputDef {
        default: Some(default),
        ..argument(name, scalar.nullable())
    };
    let first = || defaulted("first", Scalar::Int, "100");
    [
        FieldDef {
            about: Cow::Borrowed("Tells what the next entry of an author has to be made with"),
            arguments: vec![
                argument("publicKey", Scalar::PublicKey.required()),
                InputDef {
                    accepts_null: true,
                    ..argument("viewId", Scalar::DocumentViewId.nullable())
                },
            ],
            ..plain("nextArgs", object(Object::NextArguments, Shape::Nullable))
        },
        FieldDef {
            about: Cow::Borrowed("The entries of a document, in the order in which they arrived"),
            arguments: vec![
                argument("id", Scalar::DocumentId.required()),
                first(),
                defaulted("skip", Scalar::Int, "0"),
            ],
            ..plain("documentEntries", entries())
        },
        FieldDef {
            about: Cow::Borrowed("The entries of a log, in order"),
            arguments: vec![
                argument("publicKey", Scalar::PublicKey.required()),
                argument("logId", Scalar::LogId.required()),
                defaulted("from", Scalar::SeqNum, "\"1\""),
                first(),
            ],
            ..plain("logEntries", entries())
        },
        FieldDef {
            about: Cow::Borrowed("Logs that were forked, by author and log, with their proofs"),
            arguments: vec![
                first(),
                InputDef { accepts_null: true, ..argument("after", Scalar::String.nullable()) },
                InputDef { accepts_null: true, ..argument("author", Scalar::PublicKey.nullable()) },
                InputDef {
                    accepts_null: true,
                    ..argument("documentId", Scalar::DocumentId.nullable())
                },
            ],
            ..plain("forks", object(Object::ForkCollection, Shape::NonNull))
        },
        FieldDef {
            about: Cow::Borrowed("What is held in part only, and shows in no other answer"),
            arguments: vec![InputDef {
                accepts_null: true,
                ..argument("documentId", Scalar::DocumentId.nullable())
            }],
            ..plain("parts", object(Object::Part, Shape::NonNullList))
        },
    ]
}

/// Those of a document, or of the newest part of a log.
fn part_fields() -> Vec<FieldDef> {
    let told = |about, field| FieldDef { about: Cow::Borrowed(about), ..field };
    vec![
        plain("documentId", Scalar::DocumentId.nullable()),
        plain("publicKey", Scalar::PublicKey.nullable()),
        plain("logId", Scalar::LogId.nullable()),
        told(
            "The latest state of the document, as somebody claims",
            plain("viewId", Scalar::DocumentViewId.nullable()),
        ),
        plain("deleted", Scalar::Boolean.nullable()),
        told("How many entries are held", plain("entries", Scalar::Int.required())),
        told(
            "How many of those that were asked for lack their operations",
            plain("withoutOperation", Scalar::Int.required()),
        ),
    ]
}

fn publish_field() -> FieldDef {
    FieldDef {
        about: Cow::Borrowed("Stores an entry; answers when its effects can be seen"),
        arguments: vec![
            argument("entry", Scalar::EncodedEntry.required()),
            argument("operation", Scalar::EncodedOperation.required()),
        ],
        ..plain("publish", object(Object::NextArguments, Shape::NonNull))
    }
}

fn single_field(schema: &Arc<Schema>) -> FieldDef {
    FieldDef {
        name: suffixed(schema, ""),
        about: Cow::Borrowed("One document, by its id or in the state of a view id"),
        arguments: vec![
            argument("id", Scalar::DocumentId.nullable()),
            argument("viewId", Scalar::DocumentViewId.nullable()),
        ],
        ty: object(Object::Document(Arc::clone(schema)), Shape::Nullable),
    }
}

fn collection_field(api: &Api, schema: &Arc<Schema>) -> FieldDef {
    FieldDef {
        name: Cow::Owned(format!("{COLLECTION_PREFIX}{}", schema.id())),
        about: Cow::Borrowed("Documents of a schema in their latest state"),
        arguments: collection_arguments(api, schema, Some(("DOCUMENT_ID", "ASC"))),
        ty: object(Object::Collection(Arc::clone(schema)), Shape::NonNull),
    }
}

fn collection_arguments(
    api: &Api,
    schema: &Arc<Schema>,
    order: Option<(&'static str, &'static str)>,
) -> Vec<InputDef> {
    let order_by = Named::Enum(EnumType::OrderBy(Arc::clone(schema)));
    let mut arguments = vec![
        argument("after", Scalar::Cursor.nullable()),
        input("filter", Named::Input(Input::Filter(Arc::clone(schema)))),
        InputDef { default: Some("25"), ..argument("first", Scalar::Int.nullable()) },
        input("meta", Named::Input(Input::Meta)),
        InputDef { default: order.map(|(by, _)| by), ..input("orderBy", order_by) },
        InputDef {
            default: order.map(|(_, direction)| direction),
            ..input("orderDirection", Named::Enum(EnumType::OrderDirection))
        },
    ];
    arguments.retain(|argument| argument.name != "filter" || api.has_fields(schema));
    arguments
}

/// While no field of a schema can be shown there is no type for its fields: GraphQL has no types
/// without any.
fn document_fields(api: &Api, schema: &Arc<Schema>) -> Vec<FieldDef> {
    let fields = Object::Fields(Arc::clone(schema));
    let fields = api.has_fields(schema).then(|| plain("fields", object(fields, Shape::Nullable)));
    let meta = plain("meta", object(Object::DocumentMeta, Shape::Nullable));
    fields.into_iter().chain([meta]).collect()
}

fn value_field(api: &Api, name: &str, kind: &FieldType) -> Option<FieldDef> {
    let mut arguments = Vec::new();
    let ty = match kind {
        FieldType::Bool => Scalar::Boolean.nullable(),
        FieldType::Int => Scalar::Int.nullable(),
        FieldType::Float => Scalar::Float.nullable(),
        FieldType::Str => Scalar::String.nullable(),
        FieldType::Bytes => Scalar::HexBytes.nullable(),
        FieldType::Relation(target) | FieldType::PinnedRelation(target) => {
            object(Object::Document(Arc::clone(api.target(target)?)), Shape::Nullable)
        }
        FieldType::RelationList(target) | FieldType::PinnedRelationList(target) => {
            let target = api.target(target)?;
            arguments = collection_arguments(api, target, None);
            object(Object::Collection(Arc::clone(target)), Shape::Nullable)
        }
    };
    Some(FieldDef { name: Cow::Owned(String::from(name)), about: Cow::Borrowed(""), arguments, ty })
}

pub(crate) const fn object(object: Object, shape: Shape) -> TypeRef {
    Named::Object(object).with(shape)
}

pub(crate) const fn enumeration(kind: EnumType, shape: Shape) -> TypeRef {
    Named::Enum(kind).with(shape)
}

pub(crate) const fn plain(name: &'static str, ty: TypeRef) -> FieldDef {
    FieldDef { name: Cow::Borrowed(name), about: Cow::Borrowed(""), arguments: Vec::new(), ty }
}

pub(crate) const fn argument(name: &'static str, ty: TypeRef) -> InputDef {
    InputDef { name: Cow::Borrowed(name), ty, default: None, accepts_null: false }
}

const fn input(name: &'static str, named: Named) -> InputDef {
    argument(name, named.with(Shape::Nullable))
}

fn operator(name: &'static str, scalar: Scalar) -> InputDef {
    let is_set = matches!(name, "in" | "notIn");
    argument(name, if is_set { scalar.list() } else { scalar.nullable() })
}

//! The API about itself: `__schema`, `__type` and what they lead to.

use std::borrow::Cow;

use super::answer::{Answer, Key};
use super::api::Api;
use super::budget::{Budget, Exceeded};
use super::fields::{argument, enumeration, object, plain};
use super::types::{EnumType, FieldDef, InputDef, Named, Object, Scalar, Shape, TypeRef};

/// What is selected of an introspection object.
#[derive(Debug)]
pub(crate) struct IntroPlan {
    pub(crate) type_name: Cow<'static, str>,
    pub(crate) fields: Vec<IntroField>,
}

#[derive(Debug)]
pub(crate) struct IntroField {
    pub(crate) key: Key,
    pub(crate) name: Key,
    /// For fields that lead to further objects.
    pub(crate) plan: Option<IntroPlan>,
}

/// Where directives may stand.
pub(crate) const DIRECTIVE_LOCATIONS: &[&str] = &[
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
];

/// The directives, and what they do.
pub(crate) const DIRECTIVES: [(&str, &str); 2] = [
    ("include", "Takes a part of the request in only if the argument is true"),
    ("skip", "Leaves a part of the request out if the argument is true"),
];

/// The fields of the introspection objects.
pub(crate) fn fields(of: &Object) -> Vec<FieldDef> {
    let text = |name| plain(name, Scalar::String.nullable());
    let name = || plain("name", Scalar::String.required());
    let ty = |name, shape| plain(name, object(Object::IntroType, shape));
    let inputs = |name, shape| deprecating(plain(name, object(Object::IntroInput, shape)));
    let is_deprecated = || plain("isDeprecated", Scalar::Boolean.required());
    match of {
        Object::IntroSchema => vec![
            text("description"),
            ty("types", Shape::NonNullList),
            ty("queryType", Shape::NonNull),
            ty("mutationType", Shape::Nullable),
            ty("subscriptionType", Shape::Nullable),
            plain("directives", object(Object::IntroDirective, Shape::NonNullList)),
        ],
        Object::IntroType => vec![
            plain("kind", enumeration(EnumType::TypeKind, Shape::NonNull)),
            text("name"),
            text("description"),
            text("specifiedByURL"),
            deprecating(plain("fields", object(Object::IntroField, Shape::List))),
            ty("interfaces", Shape::List),
            ty("possibleTypes", Shape::List),
            deprecating(plain("enumValues", object(Object::IntroEnumValue, Shape::List))),
            inputs("inputFields", Shape::List),
            ty("ofType", Shape::Nullable),
            plain("isOneOf", Scalar::Boolean.nullable()),
        ],
        Object::IntroField => vec![
            name(),
            text("description"),
            inputs("args", Shape::NonNullList),
            ty("type", Shape::NonNull),
            is_deprecated(),
            text("deprecationReason"),
        ],
        Object::IntroInput => vec![
            name(),
            text("description"),
            ty("type", Shape::NonNull),
            text("defaultValue"),
            is_deprecated(),
            text("deprecationReason"),
        ],
        Object::IntroEnumValue => {
            vec![name(), text("description"), is_deprecated(), text("deprecationReason")]
        }
        Object::IntroDirective => vec![
            name(),
            text("description"),
            plain("isRepeatable", Scalar::Boolean.required()),
            plain("locations", enumeration(EnumType::DirectiveLocation, Shape::NonNullList)),
            inputs("args", Shape::NonNullList),
        ],
        _ => Vec::new(),
    }
}

fn deprecating(field: FieldDef) -> FieldDef {
    let include = argument("includeDeprecated", Scalar::Boolean.nullable());
    FieldDef { arguments: vec![InputDef { default: Some("false"), ..include }], ..field }
}

/// Something that introspection tells of.
#[derive(Debug)]
pub(crate) enum Subject {
    Schema,
    Type(TypeRef),
    Field(FieldDef),
    Input(InputDef),
    EnumValue(Cow<'static, str>),
    Directive(&'static str, &'static str),
}

impl Subject {
    pub(crate) const fn named(named: Named) -> Self {
        Self::Type(TypeRef { named, shape: Shape::Nullable })
    }
}

/// What a field of a subject leads to.
enum Found {
    Leaf(Answer),
    One(Subject),
    Many(Vec<Subject>),
}

/// Answers what is selected of a subject.
pub(crate) fn answer(
    api: &Api,
    subject: &Subject,
    plan: &IntroPlan,
    budget: &mut Budget,
) -> Result<Answer, Exceeded> {
    budget.take_values(plan.fields.len())?;
    budget.take_bytes(plan.fields.iter().map(|field| field.key.len()).sum())?;
    let mut fields = Vec::with_capacity(plan.fields.len());
    for field in &plan.fields {
        let value = match (&*field.name, &field.plan) {
            ("__typename", _) => Answer::text(&plan.type_name),
            (name, None) => match find(api, subject, name) {
                Found::Leaf(answer) => answer,
                Found::One(_) | Found::Many(_) => Answer::Null,
            },
            (name, Some(inner)) => match find(api, subject, name) {
                Found::Leaf(answer) => answer,
                Found::One(subject) => answer(api, &subject, inner, budget)?,
                Found::Many(subjects) => {
                    let each = subjects.iter().map(|subject| answer(api, subject, inner, budget));
                    Answer::List(each.collect::<Result<_, _>>()?)
                }
            },
        };
        budget.take_text(&value)?;
        fields.push((Key::clone(&field.key), value));
    }
    Ok(Answer::Object(fields))
}

fn find(api: &Api, subject: &Subject, field: &str) -> Found {
    match (field, subject) {
        ("isDeprecated" | "isRepeatable" | "isOneOf", _) => Found::Leaf(Answer::Bool(false)),
        (_, Subject::Schema) => find_in_schema(api, field),
        (_, Subject::Type(ty)) => find_in_type(api, ty, field),
        ("name", Subject::Field(def)) => text(&def.name),
        ("description", Subject::Field(def)) => optional(&def.about),
        ("args", Subject::Field(def)) => inputs(def.arguments.clone()),
        ("type", Subject::Field(def)) => Found::One(Subject::Type(def.ty.clone())),
        ("name", Subject::Input(def)) => text(&def.name),
        ("type", Subject::Input(def)) => Found::One(Subject::Type(def.ty.clone())),
        ("defaultValue", Subject::Input(def)) => Found::Leaf(Answer::optional(def.default)),
        ("name", Subject::EnumValue(name)) => text(name),
        ("name", Subject::Directive(name, _)) => text(name),
        ("description", Subject::Directive(_, about)) => text(about),
        ("locations", Subject::Directive(..)) => {
            let places = ["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"];
            Found::Leaf(Answer::List(places.map(Answer::text).to_vec()))
        }
        ("args", Subject::Directive(..)) => {
            inputs(vec![argument("if", Scalar::Boolean.required())])
        }
        _ => Found::Leaf(Answer::Null),
    }
}

fn find_in_schema(api: &Api, field: &str) -> Found {
    match field {
        "types" => Found::Many(api.types().map(Subject::named).collect()),
        "queryType" => Found::One(Subject::named(Named::Object(Object::Query))),
        "mutationType" => Found::One(Subject::named(Named::Object(Object::Mutation))),
        "directives" => {
            Found::Many(DIRECTIVES.map(|(name, about)| Subject::Directive(name, about)).into())
        }
        _ => Found::Leaf(Answer::Null),
    }
}

fn find_in_type(api: &Api, ty: &TypeRef, field: &str) -> Found {
    let inner = |shape| Found::One(Subject::Type(TypeRef { named: ty.named.clone(), shape }));
    match (field, ty.shape) {
        ("kind", Shape::NonNull | Shape::NonNullList) => text("NON_NULL"),
        ("kind", Shape::List) => text("LIST"),
        ("ofType", Shape::NonNull) => inner(Shape::Nullable),
        ("ofType", Shape::NonNullList) => inner(Shape::List),
        ("ofType", Shape::List) => inner(Shape::NonNull),
        (_, Shape::Nullable) => find_in_named(api, &ty.named, field),
        _ => Found::Leaf(Answer::Null),
    }
}

fn find_in_named(api: &Api, named: &Named, field: &str) -> Found {
    match (field, named) {
        ("kind", Named::Scalar(_)) => text("SCALAR"),
        ("kind", Named::Object(_)) => text("OBJECT"),
        ("kind", Named::Input(_)) => text("INPUT_OBJECT"),
        ("kind", Named::Enum(_)) => text("ENUM"),
        ("name", _) => text(&named.name()),
        ("description", Named::Scalar(scalar)) => text(scalar.about()),
        ("description", Named::Object(object)) => optional(&object.about()),
        ("fields", Named::Object(object)) => {
            Found::Many(object.fields(api).into_iter().map(Subject::Field).collect())
        }
        ("interfaces", Named::Object(_)) => Found::Many(Vec::new()),
        ("inputFields", Named::Input(input)) => inputs(input.fields(api)),
        ("enumValues", Named::Enum(kind)) => Found::Many(
            kind.values(api)
                .into_iter()
                .filter(|name| is_enum_name(name))
                .map(Subject::EnumValue)
                .collect(),
        ),
        _ => Found::Leaf(Answer::Null),
    }
}

/// GraphQL has no way to write these as the value of an enum; they can still be given as strings.
fn is_enum_name(name: &str) -> bool {
    !matches!(name, "true" | "false" | "null")
}

fn inputs(definitions: Vec<InputDef>) -> Found {
    Found::Many(definitions.into_iter().map(Subject::Input).collect())
}

fn text(text: &str) -> Found {
    Found::Leaf(Answer::text(text))
}

fn optional(about: &str) -> Found {
    Found::Leaf(Answer::optional((!about.is_empty()).then_some(about)))
}

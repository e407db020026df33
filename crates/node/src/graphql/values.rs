//! Values given to arguments, in the query or through variables, and what they have to be.
//!
//! The type that a variable is declared with is not compared with the type of the argument: clients
//! declare `String!` for ids, keys and entries. What counts is whether the value itself fits.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::{PublicKey, hex};
use pandan_operations::{DocumentId, DocumentViewId};
use pandan_store::cursor::Cursor;

use super::api::Api;
use super::syntax::{Argument, Value, ValueKind};
use super::types::{EnumType, InputDef, Named, Scalar, TypeRef};
use crate::text;

/// A value as it was given.
#[derive(Debug)]
pub(crate) enum Given<'v> {
    Null,
    Bool(bool),
    /// A whole number, if it has 64 bits, and its text.
    Int(Option<i64>, f64),
    Float(f64),
    Str(Cow<'v, str>),
    Enum(&'v str),
    List(Vec<Self>),
    Object(Vec<(&'v str, Self)>),
    /// The value of a variable.
    Variable(&'v Self),
    /// A variable whose value is not looked at now.
    Unknown,
}

/// A value that fits its type.
#[derive(Debug)]
pub(crate) enum Fitting {
    Null,
    Unknown,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Name(String),
    DocumentId(DocumentId),
    ViewId(DocumentViewId),
    PublicKey(PublicKey),
    Bytes(Vec<u8>),
    LogId(LogId),
    SeqNum(SeqNum),
    Cursor(Box<Cursor>),
    List(Vec<Self>),
    Object(Vec<(Cow<'static, str>, Self)>),
}

/// A value that does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfitting {
    /// From the argument to the place inside of it.
    pub(crate) place: String,
    pub(crate) expected: Cow<'static, str>,
    pub(crate) reason: String,
}

impl std::fmt::Display for Unfitting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { place, expected, reason } = self;
        write!(f, "Invalid value for argument \"{place}\", expected type \"{expected}\": {reason}")
    }
}

/// The variables of a request; those without a value are not in it.
pub(crate) type Variables<'v> = HashMap<&'v str, Given<'v>>;

impl<'v> Given<'v> {
    pub(crate) fn from_json(json: &'v serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                let float = number.as_f64().unwrap_or(f64::NAN);
                if number.is_f64() { Self::Float(float) } else { Self::Int(number.as_i64(), float) }
            }
            serde_json::Value::String(text) => Self::Str(Cow::Borrowed(text)),
            serde_json::Value::Array(items) => {
                Self::List(items.iter().map(Self::from_json).collect())
            }
            serde_json::Value::Object(fields) => Self::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), Self::from_json(value)))
                    .collect(),
            ),
        }
    }

    /// Takes a value of the query; none for a variable that has no value.
    ///
    /// Without variables, those in the value are unknown.
    pub(crate) fn from_query(
        value: &'v Value<'v>,
        variables: Option<&'v Variables<'v>>,
    ) -> Option<Self> {
        Some(match &value.kind {
            ValueKind::Variable(name) => match variables {
                None => Self::Unknown,
                Some(variables) => Self::Variable(variables.get(name)?),
            },
            ValueKind::Null => Self::Null,
            ValueKind::Bool(value) => Self::Bool(*value),
            ValueKind::Int(digits) => {
                Self::Int(digits.parse().ok(), digits.parse().unwrap_or(f64::NAN))
            }
            ValueKind::Float(digits) => Self::Float(digits.parse().unwrap_or(f64::NAN)),
            ValueKind::Str(text) => Self::Str(Cow::Borrowed(text)),
            ValueKind::Enum(name) => Self::Enum(name),
            ValueKind::List(items) => Self::List(
                items
                    .iter()
                    .map(|item| Self::from_query(item, variables).unwrap_or(Self::Null))
                    .collect(),
            ),
            ValueKind::Object(fields) => Self::Object(
                fields
                    .iter()
                    .filter_map(|field| {
                        Some((field.name, Self::from_query(&field.value, variables)?))
                    })
                    .collect(),
            ),
        })
    }

    fn followed(&self) -> &Self {
        if let Self::Variable(inner) = self { inner.followed() } else { self }
    }

    fn describe(&self) -> String {
        match self {
            Self::Null => String::from("found null"),
            Self::Bool(value) => format!("found {value}"),
            Self::Int(Some(number), _) => format!("found the number {number}"),
            Self::Int(None, _) => String::from("found a number beyond 64 bits"),
            Self::Float(number) => format!("found the number {number:?}"),
            Self::Str(_) => String::from("found a string"),
            Self::Enum(name) => format!("found {}", text::shorten(name)),
            Self::List(_) => String::from("found a list"),
            Self::Object(_) => String::from("found an object"),
            Self::Variable(inner) => inner.describe(),
            Self::Unknown => String::from("found a variable"),
        }
    }
}

/// Checks values against types, up to a number of them.
#[derive(Debug)]
pub(crate) struct Fitter<'a> {
    api: &'a Api,
    left: Cell<usize>,
}

/// How many values the arguments of a request may hold together; a variable that is used again
/// counts again.
pub(crate) const GIVEN_VALUES_MAX: usize = 100_000;

impl<'a> Fitter<'a> {
    pub(crate) const fn new(api: &'a Api) -> Self {
        Self { api, left: Cell::new(GIVEN_VALUES_MAX) }
    }

    /// Checks all arguments of a field or directive against their definitions.
    pub(crate) fn arguments<'v>(
        &self,
        definitions: &[InputDef],
        arguments: &'v [Argument<'v>],
        variables: Option<&'v Variables<'v>>,
    ) -> Result<Vec<(Cow<'static, str>, Fitting)>, Unfitting> {
        let given = arguments
            .iter()
            .filter_map(|argument| {
                Some((argument.name, Given::from_query(&argument.value, variables)?))
            })
            .collect::<Vec<_>>();
        self.fields("", definitions, &given)
    }

    fn fields(
        &self,
        place: &str,
        definitions: &[InputDef],
        given: &[(&str, Given<'_>)],
    ) -> Result<Vec<(Cow<'static, str>, Fitting)>, Unfitting> {
        let mut fitting = Vec::with_capacity(given.len());
        for (name, value) in given {
            let inner = join(place, name);
            let Some(definition) = definitions.iter().find(|definition| definition.name == *name)
            else {
                return Err(unfitting(
                    &inner,
                    "",
                    String::from("there is no such argument or field"),
                ));
            };
            if fitting.iter().any(|(other, _)| *other == definition.name) {
                return Err(unfitting(&inner, "", String::from("it is given more than once")));
            }
            let value = match value.followed() {
                Given::Null if definition.accepts_null => Fitting::Null,
                value => self.value(&inner, &definition.ty, value)?,
            };
            fitting.push((definition.name.clone(), value));
        }
        let missing = definitions.iter().find(|definition| {
            let is_given = given.iter().any(|(name, _)| definition.name == *name);
            definition.ty.is_required() && definition.default.is_none() && !is_given
        });
        match missing {
            None => Ok(fitting),
            Some(definition) => {
                let place = join(place, &definition.name);
                Err(unfitting(&place, &definition.ty.named.name(), String::from("it is missing")))
            }
        }
    }

    fn value(&self, place: &str, ty: &TypeRef, given: &Given<'_>) -> Result<Fitting, Unfitting> {
        let expected = || ty.named.name();
        self.left.set(self.left.get().checked_sub(1).ok_or_else(|| {
            let reason = format!("the request holds more than {GIVEN_VALUES_MAX} values");
            unfitting(place, &expected(), reason)
        })?);
        match given {
            Given::Variable(inner) => self.value(place, ty, inner),
            Given::Unknown => Ok(Fitting::Unknown),
            Given::List(items) if ty.is_list() => {
                let inner =
                    TypeRef { named: ty.named.clone(), shape: super::types::Shape::NonNull };
                let fit =
                    |(index, item)| self.value(&join(place, &format!("{index}")), &inner, item);
                Ok(Fitting::List(items.iter().enumerate().map(fit).collect::<Result<_, _>>()?))
            }
            other if ty.is_list() => {
                let reason = format!("expected a list, {}", other.describe());
                Err(unfitting(place, &expected(), reason))
            }
            other => self.named(place, &ty.named, other),
        }
    }

    fn named(&self, place: &str, named: &Named, given: &Given<'_>) -> Result<Fitting, Unfitting> {
        match (named, given) {
            (Named::Scalar(scalar), _) => {
                fit_scalar(*scalar, given).map_err(|reason| unfitting(place, scalar.name(), reason))
            }
            (Named::Enum(kind), Given::Enum(name)) => self.enum_value(place, kind, name),
            (Named::Enum(kind), Given::Str(name)) => self.enum_value(place, kind, name),
            (Named::Input(input), Given::Object(fields)) => {
                Ok(Fitting::Object(self.fields(place, &input.fields(self.api), fields)?))
            }
            _ => Err(unfitting(place, &named.name(), given.describe())),
        }
    }

    /// Enum values may be given as strings too, as deployed clients do.
    fn enum_value(&self, place: &str, kind: &EnumType, name: &str) -> Result<Fitting, Unfitting> {
        if kind.values(self.api).iter().any(|value| value == name) {
            return Ok(Fitting::Name(String::from(name)));
        }
        let expected = Named::Enum(kind.clone()).name();
        Err(unfitting(place, &expected, format!("it has no value {:?}", text::shorten(name))))
    }
}

fn fit_scalar(scalar: Scalar, given: &Given<'_>) -> Result<Fitting, String> {
    match (scalar, given) {
        (Scalar::Boolean, Given::Bool(value)) => Ok(Fitting::Bool(*value)),
        (Scalar::Int, Given::Int(Some(number), _)) => Ok(Fitting::Int(*number)),
        (Scalar::Float, Given::Float(number) | Given::Int(_, number)) if number.is_finite() => {
            Ok(Fitting::Float(*number))
        }
        (Scalar::Boolean | Scalar::Int | Scalar::Float, _) => Err(given.describe()),
        (_, Given::Str(text)) => fit_text(scalar, text),
        _ => Err(given.describe()),
    }
}

fn fit_text(scalar: Scalar, text: &str) -> Result<Fitting, String> {
    let reason = |error: &dyn std::fmt::Display| error.to_string();
    match scalar {
        Scalar::DocumentId => text.parse().map(Fitting::DocumentId).map_err(|error| reason(&error)),
        Scalar::DocumentViewId => text.parse().map(Fitting::ViewId).map_err(|error| reason(&error)),
        Scalar::PublicKey => text.parse().map(Fitting::PublicKey).map_err(|error| reason(&error)),
        Scalar::EntryHash => Ok(Fitting::Str(String::from(text))),
        Scalar::LogId => match text::parse_decimal(text) {
            Some(number) => Ok(Fitting::LogId(LogId::new(number))),
            None => Err(String::from("expected a decimal number of 64 bits")),
        },
        Scalar::SeqNum => match text::parse_decimal(text).and_then(SeqNum::new) {
            Some(number) => Ok(Fitting::SeqNum(number)),
            None => Err(String::from("expected a decimal number of 64 bits from 1")),
        },
        Scalar::EncodedEntry | Scalar::EncodedOperation | Scalar::HexBytes => hex::decode_vec(text)
            .map(Fitting::Bytes)
            .map_err(|_| String::from("expected hex digits")),
        Scalar::Cursor => {
            let short = Some(text).filter(|text| text.len() <= CURSOR_TEXT_MAX);
            let cursor =
                short.and_then(text::decode_base64).and_then(|bytes| Cursor::decode(&bytes).ok());
            let cursor = cursor.ok_or_else(|| String::from("it was not given out by this API"))?;
            Ok(Fitting::Cursor(Box::new(cursor)))
        }
        _ => Ok(Fitting::Str(String::from(text))),
    }
}

/// Longer than any cursor: an order key of 256 characters in base64 and the ids around it.
const CURSOR_TEXT_MAX: usize = 64 * 1024;

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { String::from(name) } else { format!("{place}.{name}") }
}

fn unfitting(place: &str, expected: &str, reason: String) -> Unfitting {
    Unfitting { place: String::from(place), expected: Cow::Owned(String::from(expected)), reason }
}

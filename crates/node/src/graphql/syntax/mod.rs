//! The GraphQL query language, as the specification of September 2025 writes it.
//!
//! Only executable documents are read: operations and fragments. Names and numbers stay slices of
//! the text, so that reading costs little more than the walk over it, and nothing recurses deeper
//! than [`NESTING_MAX`] whatever the text holds.

mod lexer;
mod parser;

use std::borrow::Cow;

pub(crate) use parser::parse;
use thiserror::Error;

/// How deep selections, lists and objects may be nested in the text.
///
/// Far above what queries may nest ([`Limits::depth`](crate::Limits)); it bounds the stack.
pub(crate) const NESTING_MAX: usize = 128;

/// How many tokens a document may hold.
///
/// The introspection query of GraphiQL holds about 300.
pub(crate) const TOKENS_MAX: usize = 50_000;

/// How many operations and fragments a document may hold.
///
/// Each operation is checked together with all fragments that it reaches.
pub(crate) const DEFINITIONS_MAX: usize = 1_000;

/// A place in the text, in bytes from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At(pub(crate) usize);

/// A place in the text for people, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl At {
    pub(crate) fn locate(self, text: &str) -> Location {
        let before = text.get(..self.0).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        Location { line, column: before[line_start..].chars().count() + 1 }
    }
}

/// A text that is not a GraphQL document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("syntax error: expected {expected}, found {found}")]
pub(crate) struct SyntaxError {
    pub(crate) at: At,
    pub(crate) expected: Cow<'static, str>,
    pub(crate) found: String,
}

#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    pub(crate) operations: Vec<Operation<'a>>,
    pub(crate) fragments: Vec<Fragment<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationKind {
    Query,
    Mutation,
    Subscription,
}

#[derive(Debug)]
pub(crate) struct Operation<'a> {
    pub(crate) at: At,
    pub(crate) kind: OperationKind,
    pub(crate) name: Option<&'a str>,
    pub(crate) variables: Vec<VariableDefinition<'a>>,
    pub(crate) directives: Vec<Directive<'a>>,
    pub(crate) selections: Vec<Selection<'a>>,
}

#[derive(Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) at: At,
    pub(crate) name: &'a str,
    pub(crate) condition: &'a str,
    pub(crate) directives: Vec<Directive<'a>>,
    pub(crate) selections: Vec<Selection<'a>>,
}

#[derive(Debug)]
pub(crate) struct VariableDefinition<'a> {
    pub(crate) at: At,
    pub(crate) name: &'a str,
    pub(crate) ty: Type<'a>,
    pub(crate) default: Option<Value<'a>>,
    pub(crate) directives: Vec<Directive<'a>>,
}

/// A type as written for a variable.
#[derive(Debug)]
pub(crate) enum Type<'a> {
    Named(&'a str),
    List(Box<Self>),
    NonNull(Box<Self>),
}

impl Type<'_> {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::List(inner) | Self::NonNull(inner) => inner.name(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Directive<'a> {
    pub(crate) at: At,
    pub(crate) name: &'a str,
    pub(crate) arguments: Vec<Argument<'a>>,
}

#[derive(Debug)]
pub(crate) enum Selection<'a> {
    Field(Field<'a>),
    Spread {
        at: At,
        fragment: &'a str,
        directives: Vec<Directive<'a>>,
    },
    Inline {
        at: At,
        condition: Option<&'a str>,
        directives: Vec<Directive<'a>>,
        selections: Vec<Self>,
    },
}

#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) at: At,
    pub(crate) alias: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) arguments: Vec<Argument<'a>>,
    pub(crate) directives: Vec<Directive<'a>>,
    /// Empty when the field has no selection; a written one is never empty.
    pub(crate) selections: Vec<Selection<'a>>,
}

impl<'a> Field<'a> {
    /// The key of the field in the answer.
    pub(crate) fn key(&self) -> &'a str {
        self.alias.unwrap_or(self.name)
    }
}

#[derive(Debug)]
pub(crate) struct Argument<'a> {
    pub(crate) at: At,
    pub(crate) name: &'a str,
    pub(crate) value: Value<'a>,
}

#[derive(Debug)]
pub(crate) struct Value<'a> {
    pub(crate) at: At,
    pub(crate) kind: ValueKind<'a>,
}

#[derive(Debug)]
pub(crate) enum ValueKind<'a> {
    Variable(&'a str),
    Null,
    Bool(bool),
    /// The digits as written; any length.
    Int(&'a str),
    /// The number as written.
    Float(&'a str),
    Str(Cow<'a, str>),
    Enum(&'a str),
    List(Vec<Value<'a>>),
    Object(Vec<Argument<'a>>),
}

impl Value<'_> {
    /// Whether two values are written alike, places aside.
    pub(crate) fn same(&self, other: &Self) -> bool {
        use ValueKind::{Bool, Enum, Float, Int, List, Null, Object, Str, Variable};
        match (&self.kind, &other.kind) {
            (Null, Null) => true,
            (Variable(a), Variable(b)) | (Enum(a), Enum(b)) => a == b,
            (Int(a), Int(b)) | (Float(a), Float(b)) => a == b,
            (Bool(a), Bool(b)) => a == b,
            (Str(a), Str(b)) => a == b,
            (List(a), List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Object(a), Object(b)) => same_arguments(a, b),
            _ => false,
        }
    }
}

/// Whether two fields are asked for in the same way, whatever the order of the arguments.
pub(crate) fn same_arguments(a: &[Argument<'_>], b: &[Argument<'_>]) -> bool {
    a.len() == b.len()
        && a.iter().all(|left| {
            b.iter().any(|right| left.name == right.name && left.value.same(&right.value))
        })
}

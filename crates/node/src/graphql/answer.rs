//! What a request is answered with, on its way to JSON.

use std::fmt::Write as _;
use std::sync::Arc;

use super::error::{Error, PathPart};

/// A name in an answer, shared by all rows that carry it.
pub(crate) type Key = Arc<str>;

/// A value of an answer. Fields keep the order in which they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    List(Vec<Self>),
    Object(Vec<(Key, Self)>),
}

impl Answer {
    pub(crate) fn text(text: impl std::fmt::Display) -> Self {
        Self::Str(text.to_string().into())
    }

    pub(crate) fn optional(text: Option<impl std::fmt::Display>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    pub(crate) fn number(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// The answer to a GraphQL request.
#[derive(Clone, Debug)]
pub struct Response {
    data: Answer,
    errors: Vec<Error>,
}

impl Response {
    pub(crate) const fn new(data: Answer, errors: Vec<Error>) -> Self {
        Self { data, errors }
    }

    pub(crate) fn refused(errors: Vec<Error>) -> Self {
        Self { data: Answer::Null, errors }
    }

    /// What went wrong; the rest of the request may have been answered all the same.
    #[must_use]
    pub fn errors(&self) -> &[Error] {
        &self.errors
    }

    /// The answer as JSON text: `data`, and `errors` when there are any.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"data\":");
        write(&mut out, &self.data);
        if !self.errors.is_empty() {
            out.push_str(",\"errors\":[");
            separated(&mut out, &self.errors, write_error);
            out.push(']');
        }
        out.push('}');
        out
    }
}

fn write(out: &mut String, answer: &Answer) {
    match answer {
        Answer::Null => out.push_str("null"),
        Answer::Bool(true) => out.push_str("true"),
        Answer::Bool(false) => out.push_str("false"),
        Answer::Int(number) => write_display(out, number),
        Answer::Float(number) => write_float(out, *number),
        Answer::Str(text) => write_text(out, text),
        Answer::List(items) => {
            out.push('[');
            separated(out, items, write);
            out.push(']');
        }
        Answer::Object(fields) => {
            out.push('{');
            separated(out, fields, |out, (key, value)| {
                write_text(out, key);
                out.push(':');
                write(out, value);
            });
            out.push('}');
        }
    }
}

fn separated<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

/// Numbers always carry a fraction or an exponent; JSON has no infinities and no NaN.
fn write_float(out: &mut String, number: f64) {
    if number.is_finite() {
        write_display(out, &format_args!("{number:?}"));
    } else {
        out.push_str("null");
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(end) = rest.find(|char: char| char < ' ' || char == '"' || char == '\\') {
        out.push_str(&rest[..end]);
        match rest.as_bytes()[end] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => write_display(out, &format_args!("\\u{control:04x}")),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// How many bytes a text takes in JSON, at most, quotes aside.
pub(crate) fn written_length(text: &str) -> usize {
    let length = |byte: u8| match byte {
        0..b' ' => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

fn write_display(out: &mut String, value: &impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

fn write_error(out: &mut String, error: &Error) {
    out.push_str("{\"message\":");
    write_text(out, error.message());
    if !error.locations().is_empty() {
        out.push_str(",\"locations\":[");
        separated(out, error.locations(), |out, at| {
            write_display(out, &format_args!("{{\"line\":{},\"column\":{}}}", at.line, at.column));
        });
        out.push(']');
    }
    if !error.path().is_empty() {
        out.push_str(",\"path\":[");
        separated(out, error.path(), |out, part| match part {
            PathPart::Field(name) => write_text(out, name),
            PathPart::Index(index) => write_display(out, index),
        });
        out.push(']');
    }
    out.push_str(",\"extensions\":{\"code\":");
    write_text(out, error.code());
    if let Some(requirement) = error.requirement() {
        out.push_str(",\"requirement\":");
        write_text(out, requirement);
    }
    out.push_str("}}");
}

//! Arguments of fields, from values that fit their types to what the store is asked.

use std::borrow::Cow;

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, Float};
use pandan_schema::{FieldName, Schema, Value};
use pandan_store::query::{Condition, Direction, Operand, Order, OrderBy, Subject, Test};

use super::error::{Error, code};
use super::plan::CollectionArguments;
use super::planner::Stop;
use super::types::ORDER_BY_META;
use super::values::Fitting;

/// The size of a page of documents when none is asked for.
const PAGE_DEFAULT: usize = 25;

/// The number of entries when none is asked for.
pub(crate) const ENTRIES_DEFAULT: usize = 100;

/// Between the author and the log id.
pub(crate) const FORK_CURSOR_SEPARATOR: char = '_';

/// The arguments of one field.
pub(crate) struct Arguments(Vec<(Cow<'static, str>, Fitting)>);

impl Arguments {
    pub(crate) const fn new(given: Vec<(Cow<'static, str>, Fitting)>) -> Self {
        Self(given)
    }

    fn take(&mut self, name: &str) -> Option<Fitting> {
        let index = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.swap_remove(index).1)
    }

    pub(crate) fn string(&mut self, name: &str) -> Result<String, Error> {
        if let Some(Fitting::Str(text)) = self.take(name) { Ok(text) } else { Err(missing(name)) }
    }

    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        if let Some(Fitting::Bytes(bytes)) = self.take(name) {
            Ok(bytes)
        } else {
            Err(missing(name))
        }
    }

    pub(crate) fn public_key(&mut self, name: &str) -> Result<PublicKey, Error> {
        if let Some(Fitting::PublicKey(key)) = self.take(name) {
            Ok(key)
        } else {
            Err(missing(name))
        }
    }

    pub(crate) fn optional_public_key(&mut self, name: &str) -> Option<PublicKey> {
        if let Some(Fitting::PublicKey(key)) = self.take(name) { Some(key) } else { None }
    }

    /// Behind which fork a page begins.
    pub(crate) fn after_fork(&mut self) -> Result<Option<(PublicKey, LogId)>, Stop> {
        let Some(Fitting::Str(text)) = self.take("after") else { return Ok(None) };
        let place = text.split_once(FORK_CURSOR_SEPARATOR).and_then(|(author, log_id)| {
            Some((author.parse().ok()?, LogId::new(log_id.parse().ok()?)))
        });
        match place {
            Some(place) => Ok(Some(place)),
            None => Err(refused("\"after\" is not the cursor of a page of forks")),
        }
    }

    pub(crate) fn log_id(&mut self, name: &str) -> Result<LogId, Error> {
        if let Some(Fitting::LogId(id)) = self.take(name) { Ok(id) } else { Err(missing(name)) }
    }

    pub(crate) fn seq_num(&mut self, name: &str) -> SeqNum {
        if let Some(Fitting::SeqNum(number)) = self.take(name) { number } else { SeqNum::FIRST }
    }

    pub(crate) fn document(&mut self, name: &str) -> Result<DocumentId, Error> {
        self.optional_document(name).ok_or_else(|| missing(name))
    }

    pub(crate) fn optional_document(&mut self, name: &str) -> Option<DocumentId> {
        if let Some(Fitting::DocumentId(id)) = self.take(name) { Some(id) } else { None }
    }

    pub(crate) fn optional_view(&mut self, name: &str) -> Option<DocumentViewId> {
        if let Some(Fitting::ViewId(id)) = self.take(name) { Some(id) } else { None }
    }

    /// How many entries to leave out.
    pub(crate) fn skip(&mut self) -> Result<usize, Stop> {
        match self.take("skip") {
            Some(Fitting::Int(number)) => usize::try_from(number)
                .map_err(|_| refused(&format!("\"skip\" has to be at least 0, found {number}"))),
            _ => Ok(0),
        }
    }

    /// How many items a page may have.
    pub(crate) fn first(&mut self, default: usize, max: usize) -> Result<usize, Stop> {
        let Some(Fitting::Int(number)) = self.take("first") else { return Ok(default.min(max)) };
        match usize::try_from(number) {
            Ok(first) if first > max => {
                let message = format!("\"first\" has to be at most {max}, found {number}");
                Err(Stop::Field(Error::new(code::LIMIT, message)))
            }
            Ok(first) if first > 0 => Ok(first),
            _ => Err(refused(&format!("\"first\" has to be at least 1, found {number}"))),
        }
    }

    /// The arguments of a collection or a relation list.
    pub(crate) fn collection(
        &mut self,
        schema: &Schema,
        is_list: bool,
        page_max: usize,
    ) -> Result<CollectionArguments, Stop> {
        let first = self.first(PAGE_DEFAULT, page_max)?;
        let after = match self.take("after") {
            Some(Fitting::Cursor(cursor)) => Some(*cursor),
            _ => None,
        };
        let mut conditions = Vec::new();
        if let Some(Fitting::Object(fields)) = self.take("filter") {
            for (name, tests) in fields {
                if let Some(name) = field_name(schema, &name) {
                    add_tests(&mut conditions, &Subject::Field(name), tests);
                }
            }
        }
        if let Some(Fitting::Object(subjects)) = self.take("meta") {
            for (name, tests) in subjects {
                add_tests(&mut conditions, &meta_subject(&name), tests);
            }
        }
        Ok(CollectionArguments { conditions, order: self.order(schema, is_list), first, after })
    }

    /// Lists have an order of their own unless they are asked to be ordered by something.
    fn order(&mut self, schema: &Schema, is_list: bool) -> Option<Order> {
        let by = match self.take("orderBy") {
            Some(Fitting::Name(name)) => Some(order_by(schema, &name)),
            _ if is_list => None,
            _ => Some(OrderBy::DocumentId),
        };
        let direction = match self.take("orderDirection") {
            Some(Fitting::Name(name)) if name == "DESC" => Direction::Descending,
            _ => Direction::Ascending,
        };
        by.map(|by| Order { by, direction })
    }
}

fn order_by(schema: &Schema, name: &str) -> OrderBy {
    let [document, view] = ORDER_BY_META;
    match field_name(schema, name) {
        _ if name == document => OrderBy::DocumentId,
        _ if name == view => OrderBy::ViewId,
        Some(field) => OrderBy::Field(field),
        None => OrderBy::DocumentId,
    }
}

fn field_name(schema: &Schema, name: &str) -> Option<FieldName> {
    let (index, _) = schema.field(name)?;
    schema.fields().nth(index).map(|(name, _)| name.clone())
}

fn meta_subject(name: &str) -> Subject {
    match name {
        "documentId" => Subject::DocumentId,
        "viewId" => Subject::ViewId,
        "owner" => Subject::Owner,
        "edited" => Subject::Edited,
        _ => Subject::Deleted,
    }
}

fn add_tests(conditions: &mut Vec<Condition>, subject: &Subject, tests: Fitting) {
    let Fitting::Object(tests) = tests else { return };
    let conditions_of = tests.into_iter().filter_map(|(operator, value)| {
        Some(Condition { subject: subject.clone(), test: test(&operator, value)? })
    });
    conditions.extend(conditions_of);
}

fn test(operator: &str, value: Fitting) -> Option<Test> {
    Some(match (operator, value) {
        ("in", Fitting::List(items)) => Test::In(items.into_iter().filter_map(operand).collect()),
        ("notIn", Fitting::List(items)) => {
            Test::NotIn(items.into_iter().filter_map(operand).collect())
        }
        ("contains", Fitting::Str(text)) => Test::Contains(text),
        ("notContains", Fitting::Str(text)) => Test::NotContains(text),
        ("eq", value) => Test::Equal(operand(value)?),
        ("notEq", value) => Test::NotEqual(operand(value)?),
        ("gt", value) => Test::Greater(operand(value)?),
        ("gte", value) => Test::GreaterOrEqual(operand(value)?),
        ("lt", value) => Test::Less(operand(value)?),
        ("lte", value) => Test::LessOrEqual(operand(value)?),
        _ => return None,
    })
}

fn operand(value: Fitting) -> Option<Operand> {
    Some(Operand::Value(match value {
        Fitting::Bool(value) => Value::Bool(value),
        Fitting::Int(value) => Value::Int(value),
        Fitting::Float(value) => Value::Float(Float::new(value)),
        Fitting::Str(value) => Value::Str(value),
        Fitting::Bytes(value) => Value::Bytes(value),
        Fitting::DocumentId(id) => Value::Relation(id),
        Fitting::ViewId(id) => Value::PinnedRelation(id),
        Fitting::PublicKey(key) => return Some(Operand::Owner(key)),
        _ => return None,
    }))
}

/// Required arguments were looked for before, so this is never seen.
fn missing(name: &str) -> Error {
    Error::new(code::BAD_INPUT, format!("Argument \"{name}\" is missing"))
}

fn refused(message: &str) -> Stop {
    Stop::Field(Error::new(code::BAD_INPUT, message))
}

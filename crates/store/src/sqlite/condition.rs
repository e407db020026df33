//! Conditions as SQL with bound values.
//!
//! What SQL cannot tell apart is settled here: comparing things of different kinds is neither
//! equal nor before nor after, as in [`evaluate`](crate::evaluate).

use pandan_schema::{FieldType, Schema, Value};
use rusqlite::types::Value as Sql;

use super::param::Param;
use super::{digest, table, value};
use crate::cursor::OrderKey;
use crate::limits::MAX_INDEXED_FIELDS;
use crate::query::{Condition, Operand, Subject, Test};

/// Conditions that a row has to meet, all of them; each begins with `AND`.
#[derive(Clone, Debug, Default)]
pub(super) struct Where {
    pub(super) sql: String,
    pub(super) params: Vec<Param>,
    /// Whether rows can be found by one of the conditions, without a look at all of them.
    pub(super) is_indexed: bool,
}

/// Which rows are asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows<'a> {
    /// The table of a schema: its documents that are not deleted.
    Live { schema: &'a Schema, row: i64, part: Part },
    /// Its deleted documents.
    Deleted { row: i64 },
}

/// Which documents of a schema: those that were changed are ordered by their states in an index,
/// all others in the table itself. Where nearly all were changed, a walk among the others passes
/// over the rows of the table: that is the price of an index which new documents do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Unchanged,
    Changed,
}

impl Rows<'_> {
    pub(super) fn table(&self) -> String {
        match self {
            Self::Live { row, .. } => table::name(*row),
            Self::Deleted { .. } => String::from("deleted"),
        }
    }

    pub(super) const fn view(&self) -> &'static str {
        match self {
            Self::Live { part: Part::All, .. } => table::VIEW,
            Self::Live { part: Part::Unchanged, .. } => "doc",
            Self::Live { part: Part::Changed, .. } | Self::Deleted { .. } => "view",
        }
    }

    /// What selects these rows under the given conditions.
    pub(super) fn matching(&self, conditions: &[Condition]) -> Where {
        let mut result = Where::default();
        match self {
            Self::Deleted { row } => result.and("schema = ?", [Param::One(Sql::Integer(*row))]),
            Self::Live { part: Part::All, .. } => {}
            Self::Live { part: Part::Unchanged, .. } => result.and("view IS NULL", []),
            Self::Live { part: Part::Changed, .. } => result.and("view IS NOT NULL", []),
        }
        for condition in conditions {
            self.add(&mut result, condition);
        }
        result
    }

    fn add(&self, result: &mut Where, condition: &Condition) {
        let Some(subject) = self.subject(&condition.subject) else { return result.never() };
        match subject {
            Looked::List(list) => list_test(result, list, &condition.test),
            Looked::Owner => owner_test(result, &condition.test),
            Looked::Column(column) => column.test(result, &condition.test),
        }
    }

    /// None when the rows do not have what is looked at.
    fn subject(&self, subject: &Subject) -> Option<Looked> {
        let is_deleted = matches!(self, Self::Deleted { .. });
        let indexed = |kind, sql: &str| Looked::Column(Column::new(kind, sql).indexed());
        let column = |kind, sql: &str| Looked::Column(Column::new(kind, sql));
        Some(match subject {
            Subject::Field(name) => return self.field(name.as_str()),
            Subject::DocumentId => indexed(Kind::Relation, "doc"),
            Subject::ViewId => indexed(Kind::PinnedRelation, self.view()),
            Subject::Owner => Looked::Owner,
            Subject::Edited if is_deleted => column(Kind::Bool, "1"),
            Subject::Edited => column(Kind::Bool, "edited"),
            Subject::Deleted => column(Kind::Bool, if is_deleted { "1" } else { "0" }),
        })
    }

    fn field(&self, name: &str) -> Option<Looked> {
        let Self::Live { schema, row, .. } = self else { return None };
        let (position, field_type) = schema.field(name)?;
        let kind = match field_type {
            FieldType::Bool => Kind::Bool,
            FieldType::Int => Kind::Int,
            FieldType::Float => Kind::Float,
            FieldType::Str => Kind::Str,
            FieldType::Bytes => Kind::Bytes,
            FieldType::Relation(_) => Kind::Relation,
            FieldType::PinnedRelation(_) => Kind::PinnedRelation,
            FieldType::RelationList(_) => {
                let id = table::list_id(*row, position);
                return Some(Looked::List(List { id, kind: Kind::Relation }));
            }
            FieldType::PinnedRelationList(_) => {
                let id = table::list_id(*row, position);
                return Some(Looked::List(List { id, kind: Kind::PinnedRelation }));
            }
        };
        let mut column = Column::new(kind, &table::column(position));
        column.is_indexed = position < MAX_INDEXED_FIELDS;
        if matches!(kind, Kind::Str | Kind::Bytes) {
            column.beginning = Some(table::beginning(position, field_type));
        }
        Some(Looked::Column(column))
    }
}

impl Where {
    pub(super) fn and(&mut self, sql: &str, params: impl IntoIterator<Item = Param>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.params.extend(params);
    }

    fn never(&mut self) {
        self.is_indexed = true;
        self.and("0", []);
    }

    /// Like [`and`](Self::and), with a condition by which rows can be found.
    fn and_indexed(&mut self, sql: &str, params: impl IntoIterator<Item = Param>) {
        self.is_indexed = true;
        self.and(sql, params);
    }

    /// The same conditions and more.
    pub(super) fn with(&self, sql: &str, params: impl IntoIterator<Item = Param>) -> Self {
        let mut result = self.clone();
        result.and(sql, params);
        result
    }
}

enum Looked {
    Column(Column),
    List(List),
    Owner,
}

/// Kinds of operands that can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    Relation,
    PinnedRelation,
}

impl Kind {
    /// The operand as it stands in tables; none when it is of another kind.
    fn operand(self, operand: &Operand) -> Option<Sql> {
        let Operand::Value(operand) = operand else { return None };
        let kind = match operand {
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::Str(_) => Self::Str,
            Value::Bytes(_) => Self::Bytes,
            Value::Relation(_) => Self::Relation,
            Value::PinnedRelation(_) => Self::PinnedRelation,
            Value::RelationList(_) | Value::PinnedRelationList(_) => return None,
        };
        (kind == self).then(|| value::to_sql(operand))
    }

    fn operands(self, operands: &[Operand]) -> Vec<Sql> {
        operands.iter().filter_map(|operand| self.operand(operand)).collect()
    }
}

struct Column {
    kind: Kind,
    sql: String,
    is_indexed: bool,
    /// An indexed beginning of the value, which long values are found by.
    beginning: Option<String>,
}

impl Column {
    fn new(kind: Kind, sql: &str) -> Self {
        Self { kind, sql: String::from(sql), is_indexed: false, beginning: None }
    }

    fn indexed(self) -> Self {
        Self { is_indexed: true, ..self }
    }

    fn test(&self, result: &mut Where, test: &Test) {
        match test {
            Test::Equal(operand) => self.compare(result, "=", "=", operand),
            Test::Greater(operand) => self.compare(result, ">", ">=", operand),
            Test::GreaterOrEqual(operand) => self.compare(result, ">=", ">=", operand),
            Test::Less(operand) => self.compare(result, "<", "<=", operand),
            Test::LessOrEqual(operand) => self.compare(result, "<=", "<=", operand),
            Test::NotEqual(operand) => {
                if let Some(operand) = self.kind.operand(operand) {
                    result.and(&format!("{} <> ?", self.sql), [Param::One(operand)]);
                }
            }
            Test::In(operands) => self.is_in(result, self.kind.operands(operands)),
            Test::NotIn(operands) => {
                let operands = Param::set(self.kind.operands(operands));
                result.and(&format!("{} NOT IN rarray(?)", self.sql), [operands]);
            }
            Test::Contains(needle) if self.kind == Kind::Str => {
                self.contains(result, "> 0", needle);
            }
            Test::Contains(_) => result.never(),
            Test::NotContains(needle) if self.kind == Kind::Str => {
                self.contains(result, "= 0", needle);
            }
            Test::NotContains(_) => {}
        }
    }

    /// Where there is an indexed beginning, it is compared as well, so that the index is used:
    /// whatever comes after another value does not begin with something that comes before the
    /// beginning of that.
    fn compare(&self, result: &mut Where, sign: &str, beginnings: &str, operand: &Operand) {
        let Some(operand) = self.kind.operand(operand) else { return result.never() };
        if let Some(beginning) = &self.beginning {
            let value = Param::One(beginning_of(&operand));
            result.and(&format!("{beginning} {beginnings} ?"), [value]);
        }
        self.find(result, &format!("{sign} ?"), Param::One(operand));
    }

    /// Adds a condition by which rows are found if the column has an index.
    fn find(&self, result: &mut Where, test: &str, operand: Param) {
        result.is_indexed |= self.is_indexed;
        if self.sql == table::VIEW {
            // Two conditions with an index for each instead of one without.
            let sql = format!("(view {test} OR (view IS NULL AND doc {test}))");
            result.and(&sql, [operand.clone(), operand]);
        } else {
            result.and(&format!("{} {test}", self.sql), [operand]);
        }
    }

    fn is_in(&self, result: &mut Where, operands: Vec<Sql>) {
        if let Some(beginning) = &self.beginning {
            let beginnings = operands.iter().map(beginning_of);
            result.and(&format!("{beginning} IN rarray(?)"), [Param::set(beginnings)]);
        }
        self.find(result, "IN rarray(?)", Param::set(operands));
    }

    fn contains(&self, result: &mut Where, sign: &str, needle: &str) {
        let needle = Param::One(Sql::Text(String::from(needle)));
        result.and(&format!("instr(lower({}), lower(?)) {sign}", self.sql), [needle]);
    }
}

fn beginning_of(operand: &Sql) -> Sql {
    let key = match operand {
        Sql::Text(text) => OrderKey::of(&Value::Str(text.clone())),
        Sql::Blob(bytes) => OrderKey::of(&Value::Bytes(bytes.clone())),
        other => return other.clone(),
    };
    match key {
        OrderKey::Text(text) => Sql::Text(text),
        OrderKey::Bytes(bytes) => Sql::Blob(bytes),
        _ => Sql::Null,
    }
}

#[derive(Clone, Copy, Debug)]
struct List {
    id: i64,
    kind: Kind,
}

/// Of lists one can only ask what is in them.
fn list_test(result: &mut Where, list: List, test: &Test) {
    let (sign, operands) = match test {
        Test::In(operands) => ("IN", operands),
        Test::NotIn(operands) => ("NOT IN", operands),
        _ => return result.never(),
    };
    let params = [Param::One(Sql::Integer(list.id)), Param::set(list.kind.operands(operands))];
    let found = "(SELECT doc FROM items WHERE list = ? AND target IN rarray(?))";
    result.is_indexed |= sign == "IN";
    result.and(&format!("doc {sign} {found}"), params);
}

fn owner_test(result: &mut Where, test: &Test) {
    let key = |operand: &Operand| match operand {
        Operand::Owner(key) => Some(digest::blob(key.as_bytes())),
        Operand::Value(_) => None,
    };
    let keys = |operands: &[Operand]| Param::set(operands.iter().filter_map(key));
    let found = |test: &str| format!("(SELECT id FROM authors WHERE key {test})");
    let mut compare = |sign: &str, operand: &Operand| match key(operand) {
        Some(key) => {
            let found = found(&format!("{sign} ?"));
            result.and_indexed(&format!("owner IN {found}"), [Param::One(key)]);
        }
        None => result.never(),
    };
    match test {
        Test::Greater(operand) => compare(">", operand),
        Test::GreaterOrEqual(operand) => compare(">=", operand),
        Test::Less(operand) => compare("<", operand),
        Test::LessOrEqual(operand) => compare("<=", operand),
        Test::Equal(operand) => match key(operand) {
            Some(key) => {
                result.and_indexed(&format!("owner = {}", found("= ?")), [Param::One(key)]);
            }
            None => result.never(),
        },
        Test::NotEqual(operand) => {
            let set = keys(std::slice::from_ref(operand));
            result.and(&format!("owner NOT IN {}", found("IN rarray(?)")), [set]);
        }
        Test::In(operands) => {
            result.and_indexed(&format!("owner IN {}", found("IN rarray(?)")), [keys(operands)]);
        }
        Test::NotIn(operands) => {
            result.and(&format!("owner NOT IN {}", found("IN rarray(?)")), [keys(operands)]);
        }
        Test::Contains(_) => result.never(),
        Test::NotContains(_) => {}
    }
}

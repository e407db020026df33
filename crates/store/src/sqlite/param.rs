//! Values bound to statements.

use std::rc::Rc;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as Sql};
use rusqlite::vtab::array::Array;

/// One value, or a set of values for `rarray(?)`.
#[derive(Clone, Debug)]
pub(super) enum Param {
    One(Sql),
    Set(Array),
}

impl Param {
    pub(super) fn set(values: impl IntoIterator<Item = Sql>) -> Self {
        Self::Set(set(values))
    }

    pub(super) fn limit(number: usize) -> Self {
        Self::One(Sql::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

/// A set of values for `rarray(?)`.
pub(super) fn set(values: impl IntoIterator<Item = Sql>) -> Array {
    Rc::new(values.into_iter().collect())
}

/// A set of byte strings for `rarray(?)`.
pub(super) fn blobs<B: AsRef<[u8]>>(values: impl IntoIterator<Item = B>) -> Array {
    set(values.into_iter().map(|bytes| Sql::Blob(bytes.as_ref().to_vec())))
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::One(value) => value.to_sql(),
            Self::Set(values) => values.to_sql(),
        }
    }
}

//! Documents, built anew from all their operations and compared with their rows.

use rusqlite::Row;

use super::Check;
use super::items::Items;
use crate::StoreError;
use crate::check::{About, Problem, Stage};
use crate::contract::DocumentRecord;
use crate::query::Selection;
use crate::sqlite::digest;
use crate::sqlite::fault::{Fault, Result};
use crate::sqlite::history;
use crate::sqlite::rows::Table;

/// Goes through all documents in the order in which they were stored.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let total = check.count("documents")?;
    let mut statement = check.connection.prepare(
        "SELECT d.id, d.schema, d.deleted, e.hash, d.void \
         FROM documents d LEFT JOIN entries e ON e.id = d.id ORDER BY d.id",
    )?;
    let mut rows = statement.query([])?;
    let mut items = Items::default();
    while let Some(row) = rows.next()? {
        let about = match row.get(3) {
            Ok(digest) => About::Document(digest::document(digest)),
            Err(_) => {
                let row = row.get::<_, i64>(0)?.to_string();
                About::Row { table: String::from("documents"), row }
            }
        };
        let result = document(check, row, &mut items);
        check.absorb(about, result)?;
        check.report.documents += 1;
        check.tell(Stage::Documents, check.report.documents, total);
    }
    items.check_others(check)
}

fn document(check: &mut Check<'_>, row: &Row<'_>, items: &mut Items) -> Result<()> {
    let (number, schema_row, is_deleted) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let id = digest::document(row.get(3)?);
    let Some(schema) = check.schema(schema_row) else {
        check.note(About::Document(id), Problem::NoSchema);
        return Ok(());
    };
    let built = history::of(check.connection, &schema, number).and_then(|history| {
        Ok((history.document().map_err(Fault::inconsistent)?, history.graph().has_void()))
    });
    let (built, has_void) = match built.map_err(StoreError::from) {
        Ok((document, has_void)) => (DocumentRecord::from(&document), has_void),
        Err(StoreError::Inconsistent { detail }) => {
            check.note(About::Document(id), Problem::Unbuildable { detail });
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if built.id != id {
        let detail = format!("they begin with {}", built.id);
        check.note(About::Document(id), Problem::Unbuildable { detail });
        return Ok(());
    }
    if built.is_deleted() != is_deleted {
        let problem = Problem::Deleted { expected: built.is_deleted(), found: is_deleted };
        check.note(About::Document(id), problem);
    }
    let is_marked = row.get(4)?;
    if has_void != is_marked {
        let problem = Problem::Void { expected: has_void, found: is_marked };
        check.note(About::Document(id), problem);
    }
    let table = Table { row: schema_row, schema };
    items.check(check, &table, &built)?;
    check_rows(check, &table, &built)
}

/// A document is in the table of its schema, or in that of deleted ones. Documents in tables where
/// they do not belong are looked for in another part.
fn check_rows(check: &mut Check<'_>, table: &Table, built: &DocumentRecord) -> Result<()> {
    let digests = [*digest::of_document(&built.id)];
    let (found, name) = if built.is_deleted() {
        (table.load_deleted(check.connection, &digests)?, "deleted documents")
    } else {
        (table.load(check.connection, &digests, &Selection::All)?, "its schema")
    };
    match found.get(&built.id) {
        None => check.note(About::Document(built.id), Problem::NoRow { table: name }),
        Some(found) => compare(check, built, found),
    }
    Ok(())
}

fn compare(check: &mut Check<'_>, built: &DocumentRecord, found: &DocumentRecord) {
    let mut problems = Vec::new();
    if built.view_id != found.view_id {
        let (expected, found) = (built.view_id.clone(), found.view_id.clone());
        problems.push(Problem::View { expected, found });
    }
    if built.owner != found.owner {
        problems.push(Problem::Owner { expected: built.owner, found: found.owner });
    }
    if built.is_edited != found.is_edited {
        problems.push(Problem::Edited { expected: built.is_edited, found: found.is_edited });
    }
    for (name, value) in built.fields.iter().flatten() {
        if found.field(name.as_str()) != Some(value) {
            problems.push(Problem::Field { field: name.clone() });
        }
    }
    for problem in problems {
        check.note(About::Document(built.id), problem);
    }
}

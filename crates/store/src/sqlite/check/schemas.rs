//! Schemas: their tables, and what the documents that define them come to.

use std::collections::BTreeSet;

use pandan_operations::{DocumentId, DocumentViewId, SchemaId, SystemSchema};
use pandan_schema::Schema;
use rusqlite::{Row, params};

use super::Check;
use crate::check::{About, Problem, Stage};
use crate::sqlite::assemble::Assembly;
use crate::sqlite::batch::Batch;
use crate::sqlite::catalog::{self, Catalog};
use crate::sqlite::facts::SchemaAt;
use crate::sqlite::fault::Result;
use crate::sqlite::{digest, history, table};

/// Whether all schemas can be read and have their tables.
pub(super) fn check_tables(check: &mut Check<'_>) -> Result<()> {
    let total = check.count("schemas")?;
    let mut statement = check.connection.prepare("SELECT id, name FROM schemas ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut done = 0;
    while let Some(row) = rows.next()? {
        let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
        match check.catalog.schema(check.connection, id) {
            Ok(schema) => check_table(check, id, &schema)?,
            Err(fault) => {
                check.unusable.insert(id);
                check.absorb(About::Schema(name), Err(fault))?;
            }
        }
        done += 1;
        check.tell(Stage::Tables, done, total);
    }
    for system in SystemSchema::ALL {
        if catalog::find(check.connection, &system.into())?.is_none() {
            check.note(About::Schema(system.name().to_owned()), Problem::NoSchema);
        }
    }
    Ok(())
}

fn check_table(check: &mut Check<'_>, row: i64, schema: &Schema) -> Result<()> {
    let mut statement = check.connection.prepare("SELECT 1 FROM sqlite_schema WHERE sql = ?")?;
    // SQLite keeps statements as they were written.
    for expected in table::create(row, schema).split(";\n").filter(|sql| !sql.is_empty()) {
        if statement.exists([expected])? {
            continue;
        }
        if expected.starts_with("CREATE TABLE") {
            check.unusable.insert(row);
        }
        let expected = expected.split(" (").next().unwrap_or_default().to_owned();
        check.note(About::Schema(schema.id().to_string()), Problem::NoTable { expected });
    }
    Ok(())
}

/// Whether exactly those schemas are stored that definitions make.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let total = check.count("schemas")?;
    let connection = check.connection;
    let catalog = Catalog::default();
    let batch = Batch::begin(connection, &catalog)?;
    let mut statement =
        connection.prepare("SELECT id, name, retired, definition FROM schemas ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let about = About::Schema(row.get(1)?);
        let result = stored(check, &batch, row);
        check.absorb(about, result)?;
        check.report.schemas += 1;
        check.tell(Stage::Schemas, check.report.schemas, total);
    }
    definitions(check, &batch)
}

/// Whether a stored schema is the one that its definition makes.
fn stored(check: &mut Check<'_>, batch: &Batch<'_>, row: &Row<'_>) -> Result<()> {
    let (id, is_retired, definition): (i64, bool, Option<i64>) =
        (row.get(0)?, row.get(2)?, row.get(3)?);
    let Ok(schema) = check.catalog.schema(check.connection, id) else {
        // This was found with the tables.
        return Ok(());
    };
    let about = About::Schema(schema.id().to_string());
    let (expected, retired, at) = match schema.id() {
        SchemaId::System(system) => (Schema::system(*system), false, None),
        SchemaId::Application(_) => match batch.assemble_claimed(schema.id())? {
            None => {
                check.note(about, Problem::Undefined);
                return Ok(());
            }
            Some(place) => {
                let at = match place.at {
                    SchemaAt::Row(_) => None,
                    SchemaAt::Definition(definition) => Some(definition),
                };
                ((*place.schema).clone(), place.retired, at)
            }
        },
    };
    if *schema != expected || definition != at {
        check.note(about.clone(), Problem::OtherSchema);
    }
    if is_retired != retired {
        check.note(about.clone(), Problem::Retired { expected: retired, found: is_retired });
    }
    check_count(check, id, about)
}

/// Whether as many documents are counted as there are rows in the table; whether these are the
/// right ones is checked with the documents.
fn check_count(check: &mut Check<'_>, row: i64, about: About) -> Result<()> {
    if check.schema(row).is_none() {
        return Ok(());
    }
    let expected = check.count(&table::name(row))?;
    let sql = "SELECT documents FROM schemas WHERE id = ?";
    let mut statement = check.connection.prepare_cached(sql)?;
    let found: i64 = statement.query_row([row], |row| row.get(0))?;
    if u64::try_from(found) != Ok(expected) {
        check.note(about, Problem::Count { expected, found });
    }
    Ok(())
}

/// Whether what definitions make is stored, and what they wait for is remembered.
fn definitions(check: &mut Check<'_>, batch: &Batch<'_>) -> Result<()> {
    let connection = check.connection;
    let system = SchemaId::from(SystemSchema::SchemaDefinition);
    let Some(found) = catalog::find(connection, &system)? else { return Ok(()) };
    let Some(schema) = check.schema(found.id) else { return Ok(()) };
    let mut statement = connection.prepare(
        "SELECT d.id, e.hash FROM documents d JOIN entries e ON e.id = d.id WHERE d.schema = ?",
    )?;
    let mut rows = statement.query([found.id])?;
    while let Some(row) = rows.next()? {
        let id = digest::document(row.get(1)?);
        let Ok(history) = history::of(connection, &schema, row.get(0)?) else {
            // This was found with the documents.
            continue;
        };
        let graph = history.graph();
        let views = graph.order().map(DocumentViewId::from).chain([history.view_id()]);
        for view in views.collect::<BTreeSet<_>>() {
            let result = defined(check, batch, id, &view);
            check.absorb(About::Document(id), result)?;
        }
    }
    Ok(())
}

fn defined(
    check: &mut Check<'_>,
    batch: &Batch<'_>,
    id: DocumentId,
    view: &DocumentViewId,
) -> Result<()> {
    let connection = check.connection;
    let problem = match batch.assemble(view)? {
        Assembly::Impossible => None,
        Assembly::Missing(operation) => {
            let sql = "SELECT 1 FROM pending WHERE missing = ? AND view = ?";
            let mut statement = connection.prepare_cached(sql)?;
            let is_listed = statement.exists(params![operation, digest::of_view(view)])?;
            (!is_listed).then_some(Problem::Forgotten)
        }
        Assembly::Made { schema, .. } => {
            let found = catalog::find(connection, schema.id())?;
            let schema = schema.id().to_string();
            found.is_none().then_some(Problem::Unstored { schema })
        }
    };
    if let Some(problem) = problem {
        check.note(About::Document(id), problem);
    }
    Ok(())
}

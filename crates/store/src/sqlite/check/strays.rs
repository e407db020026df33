//! Rows that belong to nothing.

use super::Check;
use crate::check::{About, Problem, Stage};
use crate::sqlite::fault::Result;
use crate::sqlite::{digest, table};

/// A kind of row that should not be there.
struct Stray {
    table: &'static str,
    reason: &'static str,
    /// Yields a number for each.
    sql: &'static str,
}

const STRAYS: [Stray; 17] = [
    Stray {
        table: "authors",
        reason: "no log is by this author",
        sql: "SELECT id FROM authors WHERE id NOT IN (SELECT author FROM logs)",
    },
    Stray {
        table: "logs",
        reason: "its author is not there",
        sql: "SELECT id FROM logs WHERE author NOT IN (SELECT id FROM authors)",
    },
    Stray {
        table: "logs",
        reason: "its document is not there",
        sql: "SELECT id FROM logs WHERE document NOT IN (SELECT id FROM documents)",
    },
    Stray {
        table: "logs",
        reason: "it has no entries",
        sql: "SELECT id FROM logs l WHERE (branch > 0 OR fork IS NULL) \
              AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.log = l.id)",
    },
    Stray {
        table: "logs",
        reason: "it has no document",
        sql: "SELECT id FROM logs WHERE document IS NULL AND (branch > 0 OR fork IS NULL)",
    },
    Stray {
        table: "logs",
        reason: "it is frozen, and there is no proof of a fork",
        sql: "SELECT id FROM logs \
              WHERE branch = 0 AND fork IS NOT NULL AND id NOT IN (SELECT log FROM forks)",
    },
    Stray {
        table: "logs",
        reason: "it is a branch whose entries do not count as void",
        sql: "SELECT id FROM logs WHERE branch > 0 AND fork IS NOT -9223372036854775808",
    },
    Stray {
        table: "entries",
        reason: "it stands beside a log which is not frozen there",
        sql: "SELECT e.id FROM logs l JOIN entries e ON e.log = l.id LEFT JOIN logs line \
              ON line.author = l.author AND line.log_id = l.log_id AND line.branch = 0 \
              WHERE l.branch > 0 \
              AND (line.fork IS NULL OR e.seq_num BETWEEN 0 AND line.fork - 1)",
    },
    Stray {
        table: "forks",
        reason: "its log is not there",
        sql: "SELECT log FROM forks WHERE log NOT IN (SELECT id FROM logs WHERE branch = 0)",
    },
    Stray {
        table: "heads",
        reason: "a log is among the heads more than once, or is not there",
        sql: "SELECT log FROM heads GROUP BY log \
              HAVING count(*) > 1 OR log NOT IN (SELECT id FROM logs)",
    },
    Stray {
        table: "head_sums",
        reason: "its schema has no logs",
        sql: "SELECT id FROM head_sums WHERE heads <> 0 AND schema NOT IN (SELECT schema FROM heads)",
    },
    Stray {
        table: "documents",
        reason: "its first entry is not the first of a log of the document",
        sql: "SELECT d.id FROM documents d JOIN entries e ON e.id = d.id \
              LEFT JOIN logs l ON l.id = e.log WHERE l.document IS NOT d.id OR e.seq_num <> 1",
    },
    Stray {
        table: "fields",
        reason: "its schema is not there",
        sql: "SELECT DISTINCT schema FROM fields WHERE schema NOT IN (SELECT id FROM schemas)",
    },
    Stray {
        table: "items",
        reason: "the schema of this list is not there",
        sql: "SELECT DISTINCT list FROM items WHERE list / 1024 NOT IN (SELECT id FROM schemas)",
    },
    Stray {
        table: "part_entries",
        reason: "its part is not there",
        sql: "SELECT DISTINCT part FROM part_entries WHERE part NOT IN (SELECT id FROM parts)",
    },
    Stray {
        table: "part_fields",
        reason: "its part is not there",
        sql: "SELECT DISTINCT part FROM part_fields WHERE part NOT IN (SELECT id FROM parts)",
    },
    Stray {
        table: "schemas",
        reason: "its definition is not there",
        // Nothing is not in an empty set.
        sql: "SELECT id FROM schemas WHERE definition IS NOT NULL \
              AND definition NOT IN (SELECT id FROM documents)",
    },
];

/// Looks for rows that nothing refers to, or that refer to nothing.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let connection = check.connection;
    let schemas = connection
        .prepare("SELECT id FROM schemas")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    let total = (STRAYS.len() + schemas.len() + 1) as u64;
    let mut done = 0;
    for Stray { table, reason, sql } in STRAYS {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let row = row.get::<_, i64>(0)?.to_string();
            check.note(About::Row { table: table.to_owned(), row }, Problem::Stray { reason });
        }
        done += 1;
        check.tell(Stage::Rows, done, total);
    }
    for schema in schemas {
        if check.schema(schema).is_some() {
            let table = table::name(schema);
            documents(check, "its schema", &other_documents(&table, &schema.to_string(), "0"))?;
        }
        done += 1;
        check.tell(Stage::Rows, done, total);
    }
    documents(check, "deleted documents", &other_documents("deleted", "r.schema", "1"))?;
    check.tell(Stage::Rows, total, total);
    Ok(())
}

/// The documents in a table that do not belong there.
fn other_documents(table: &str, schema: &str, deleted: &str) -> String {
    format!(
        "SELECT r.doc FROM {table} r WHERE NOT EXISTS (\
         SELECT 1 FROM entries e JOIN documents d ON d.id = e.id \
         WHERE e.hash = r.doc AND d.schema = {schema} AND d.deleted = {deleted})"
    )
}

fn documents(check: &mut Check<'_>, table: &'static str, sql: &str) -> Result<()> {
    let connection = check.connection;
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = digest::document(row.get(0)?);
        check.note(About::Document(id), Problem::ExtraRow { table });
    }
    Ok(())
}

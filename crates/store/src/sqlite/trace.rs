//! Statements that were run, for tests of how much they do.

use std::sync::mpsc::{self, Receiver};

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus, params_from_iter};

/// A statement that was run.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) steps: i32,
}

impl Statement {
    /// How SQLite goes about it.
    pub(super) fn plan(&self, connection: &Connection) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", self.sql);
        let mut plan = connection.prepare(&sql).expect("it was run before");
        let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
        let lines = plan.query_map(params_from_iter(nothing), |row| row.get(3));
        lines.expect("it was run before").collect::<Result<_, _>>().expect("plans are texts")
    }
}

/// Tells of all statements from now on.
pub(super) fn statements(connection: &mut Connection) -> Receiver<Statement> {
    let (sender, statements) = mpsc::channel();
    let record = move |event: TraceEvent<'_>| {
        if let TraceEvent::Profile(statement, _) = event {
            let steps = statement.get_status(StatementStatus::VmStep);
            let sql = statement.sql().into_owned();
            sender.send(Statement { sql, steps }).expect("the test listens");
        }
    };
    connection
        .trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(record))
        .expect("statements can be traced");
    statements
}

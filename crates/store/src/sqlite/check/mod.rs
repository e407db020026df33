//! A check of everything that is stored, without trust in anything that was derived from it.
//!
//! Each part goes through its table row by row. What cannot be read is a finding, and the check
//! goes on behind it; only a failing disk or a lock ends it.

mod documents;
mod entries;
mod file;
mod forks;
mod heads;
mod items;
mod parts;
mod schemas;
mod strays;

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use pandan_schema::Schema;
use rusqlite::Connection;

use super::catalog::Catalog;
use super::fault::{Fault, Result};
use crate::StoreError;
use crate::check::{About, Problem, Progress, Report, Stage};

/// Checks all that a connection sees.
pub(super) fn run(connection: &Connection, progress: &mut dyn FnMut(Progress)) -> Result<Report> {
    let mut check = Check {
        connection,
        catalog: Catalog::default(),
        unusable: HashSet::new(),
        report: Report::default(),
        progress,
    };
    let stages = [
        file::check,
        schemas::check_tables,
        entries::check,
        forks::check,
        documents::check,
        schemas::check,
        heads::check,
        parts::check,
        strays::check,
    ];
    for stage in stages {
        let result = stage(&mut check);
        check.absorb(About::File, result)?;
    }
    Ok(check.report)
}

/// A check under way.
struct Check<'c> {
    connection: &'c Connection,
    /// Not that of the store, which could know schemas from before they were damaged.
    catalog: Catalog,
    /// Rows of schemas that cannot be read or lack their tables.
    unusable: HashSet<i64>,
    report: Report,
    progress: &'c mut dyn FnMut(Progress),
}

impl Check<'_> {
    fn note(&mut self, about: About, problem: Problem) {
        self.report.note(about, problem);
    }

    /// Makes a finding of data that cannot be read; other failures are passed on.
    fn absorb(&mut self, about: About, result: Result<()>) -> Result<()> {
        let Err(fault) = result else { return Ok(()) };
        let problem = match StoreError::from(fault) {
            StoreError::Inconsistent { detail } => Problem::Unreadable { detail },
            StoreError::Corrupt { detail } => Problem::Damaged { detail },
            error => return Err(Fault::from(error)),
        };
        self.note(about, problem);
        Ok(())
    }

    fn tell(&mut self, stage: Stage, done: u64, total: u64) {
        (self.progress)(Progress { stage, done, total });
    }

    fn count(&self, table: &str) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {table}");
        Ok(self.connection.query_row(&sql, [], |row| row.get(0))?)
    }

    /// The schema in a row, if it can be used.
    fn schema(&self, row: i64) -> Option<Arc<Schema>> {
        if self.unusable.contains(&row) {
            return None;
        }
        self.catalog.schema(self.connection, row).ok()
    }
}

/// An error and all that it comes from, as one sentence.
fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

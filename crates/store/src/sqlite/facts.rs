//! Answers to the questions of admission, and the rows behind them.

use std::sync::Arc;

use pandan_admission::{
    Candidate, DocumentFact, Door, Facts, LogFact, PreviousFact, PreviousFound, Questions,
    SchemaFact,
};
use pandan_bamboo::{ForkProof, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{OperationId, SchemaId};
use pandan_schema::Schema;
use rusqlite::{Connection, OptionalExtension, params};

use super::batch::Batch;
use super::digest::{self, Digest};
use super::fault::Result;
use super::{catalog, entries, forks, pieces};

/// Where a candidate belongs, as far as there is something already.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) author: Option<i64>,
    pub(super) line: Option<Line>,
    /// The fork of that log, if it is frozen.
    pub(super) fork: Option<ForkProof>,
    /// Of the first of the previous operations.
    pub(super) document: Option<i64>,
    pub(super) schema: Option<SchemaPlace>,
}

/// The line of a log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) row: i64,
    /// Without one there are no entries, and only the fork is known.
    pub(super) has_document: bool,
}

/// A schema that is stored, or can be put together from what is stored.
#[derive(Clone, Debug)]
pub(super) struct SchemaPlace {
    pub(super) schema: Arc<Schema>,
    pub(super) retired: bool,
    pub(super) at: SchemaAt,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum SchemaAt {
    Row(i64),
    /// Not stored so far; the document that defines it.
    Definition(i64),
}

impl Batch<'_> {
    /// Reads everything that the verdict on a candidate depends on.
    pub(super) fn facts(&mut self, candidate: &Candidate, door: Door) -> Result<(Facts, Place)> {
        let questions = candidate.questions();
        let connection = self.connection;
        let author = self.author(&questions.author)?;
        let log = match author {
            Some(author) => log(connection, author, &questions)?,
            None => None,
        };
        let fork = match &log {
            Some(Log { fork: Some(_), .. }) => forks::fact(connection, &questions)?,
            _ => None,
        };
        let is_void = fork.as_ref().is_some_and(|fork| fork.proof.seq_num() <= questions.seq_num);
        // Beside the line there are no links and no places.
        let row = log.as_ref().map(|log| log.line.row).filter(|_| !is_void);
        let in_log = LogReader { connection, row };
        // Behind the latest entry there is nothing: lines have no gaps.
        let latest = log.as_ref().and_then(|log| log.fact.as_ref()).map(|log| log.latest.seq_num());
        let place =
            Some(questions.seq_num).filter(|seq_num| latest.is_none_or(|it| *seq_num <= it));
        let schema = self.resolve(&questions.schema)?;
        let (previous, document_row) = self.previous(&questions)?;
        let first = previous.first().and_then(|fact| fact.found.as_ref());
        let document = match (first, document_row) {
            (Some(first), Some(document)) => Some(DocumentFact {
                id: first.document,
                deleted: entries::is_deleted(connection, document)?,
                log: match author {
                    Some(author) => entries::open_log_of(connection, document, author)?,
                    None => None,
                }
                .map(|log| log.log_id),
            }),
            _ => None,
        };
        let sizes = match door {
            Door::Client if !questions.pieces.is_empty() => {
                self.write_rows()?;
                pieces::sizes(connection, &questions.pieces)?
            }
            Door::Client | Door::Peer => Vec::new(),
        };
        let facts = Facts {
            log: log.as_ref().and_then(|log| log.fact),
            fork,
            same_place: in_log.entry(place)?,
            skiplink: in_log.entry(questions.skiplink)?.map(|entry| *entry.header()),
            next_skiplink: match (row, questions.next_skiplink) {
                (Some(row), Some(seq_num)) => entries::hash_at(connection, row, seq_num)?,
                _ => None,
            },
            schema: fact(schema.as_ref()),
            previous,
            document,
            pieces: sizes,
        };
        let (line, fork) = (log.map(|log| log.line), facts.fork.as_ref().map(|fork| fork.proof));
        Ok((facts, Place { author, line, fork, document: document_row, schema }))
    }

    /// Where the previous operations belong, and the row of the document of the first.
    fn previous(&self, questions: &Questions) -> Result<(Vec<PreviousFact>, Option<i64>)> {
        let Some(view) = &questions.previous else { return Ok((Vec::new(), None)) };
        let mut facts = Vec::with_capacity(view.len());
        let mut first = None;
        for (index, &operation) in view.iter().enumerate() {
            let found = self.previous_operation(operation)?;
            if index == 0 {
                first = found.as_ref().map(|(row, _)| *row);
            }
            facts.push(PreviousFact { operation, found: found.map(|(_, found)| found) });
        }
        Ok((facts, first))
    }

    fn previous_operation(&self, operation: OperationId) -> Result<Option<(i64, PreviousFound)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT d.id, c.hash, d.schema FROM entries e JOIN logs l ON l.id = e.log \
             JOIN documents d ON d.id = l.document JOIN entries c ON c.id = d.id \
             WHERE e.hash = ?",
        )?;
        let found = statement
            .query_row([digest::of_operation(&operation)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((row, document, schema)) = found else { return Ok(None) };
        let schema = self.schema(schema)?.id().clone();
        Ok(Some((row, PreviousFound { document: digest::document(document), schema })))
    }

    /// The row of an author who has published before.
    pub(super) fn author(&mut self, key: &PublicKey) -> Result<Option<i64>> {
        if let Some(&row) = self.authors.get(key) {
            return Ok(Some(row));
        }
        let row = entries::author_row(self.connection, key)?;
        self.authors.extend(row.map(|row| (*key, row)));
        Ok(row)
    }

    /// A schema by its id, if it is known or can be put together.
    fn resolve(&mut self, id: &SchemaId) -> Result<Option<SchemaPlace>> {
        if let Some(place) = self.claimed.get(id) {
            return Ok(Some(place.clone()));
        }
        if let Some(found) = catalog::find(self.connection, id)? {
            let schema = self.schema(found.id)?;
            let place = SchemaPlace { schema, retired: found.retired, at: SchemaAt::Row(found.id) };
            self.claimed.insert(id.clone(), place.clone());
            return Ok(Some(place));
        }
        self.assemble_claimed(id)
    }
}

fn fact(schema: Option<&SchemaPlace>) -> SchemaFact {
    match schema {
        None => SchemaFact::Unknown,
        Some(place) if place.retired => SchemaFact::Retired(Arc::clone(&place.schema)),
        Some(place) => SchemaFact::Active(Arc::clone(&place.schema)),
    }
}

struct Log {
    line: Line,
    fork: Option<i64>,
    fact: Option<LogFact>,
}

fn log(connection: &Connection, author: i64, questions: &Questions) -> Result<Option<Log>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.id, l.fork, c.hash FROM logs l LEFT JOIN entries c ON c.id = l.document \
         WHERE l.author = ? AND l.log_id = ? AND l.branch = 0",
    )?;
    let log_id = entries::log_id_to_sql(questions.log_id);
    let found = statement.query_row(params![author, log_id], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<Digest>>(2)?))
    });
    let Some((row, fork, document)) = found.optional()? else { return Ok(None) };
    let line = Line { row, has_document: document.is_some() };
    let latest = match document {
        Some(_) => entries::latest_entry(connection, row, fork)?,
        None => None,
    };
    let fact = document.zip(latest).map(|(document, latest)| LogFact {
        document: digest::document(document),
        latest: *latest.header(),
    });
    Ok(Some(Log { line, fork, fact }))
}

struct LogReader<'c> {
    connection: &'c Connection,
    row: Option<i64>,
}

impl LogReader<'_> {
    fn entry(&self, seq_num: Option<SeqNum>) -> Result<Option<pandan_bamboo::EncodedEntry>> {
        match (self.row, seq_num) {
            (Some(row), Some(seq_num)) => entries::entry_at(self.connection, row, seq_num),
            _ => Ok(None),
        }
    }
}

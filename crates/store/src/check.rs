//! What a check of a whole store looks at, and what it finds.

use std::fmt;

use pandan_bamboo::{EntryHash, Link, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, FieldName};
use thiserror::Error;

use crate::limits::MAX_FINDINGS;

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being looked at.
    pub stage: Stage,
    /// How many of them are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// The parts of a check, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The file as the database engine sees it: pages, indexes, types of values.
    File,
    /// The tables of schemas.
    Tables,
    /// Signatures, payloads, links and places of entries; operations and their schemas.
    Entries,
    /// Proofs of forks, and the logs that they freeze.
    Forks,
    /// Documents built anew from all their operations, and their rows.
    Documents,
    /// Schemas put together anew from the documents that define them.
    Schemas,
    /// Parts of documents and logs that are kept beside the logs.
    Parts,
    /// Rows that belong to nothing.
    Rows,
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Entries that were looked at.
    pub entries: u64,
    /// Proofs of forks that were looked at.
    pub forks: u64,
    /// Documents that were built anew.
    pub documents: u64,
    /// Schemas that were put together anew, or are those of the system.
    pub schemas: u64,
    /// Parts that were verified.
    pub parts: u64,
    /// What does not hold; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many more findings there were.
    pub omitted: u64,
}

impl Report {
    /// Whether everything holds.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub(crate) fn note(&mut self, about: About, problem: Problem) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { about, problem });
        } else {
            self.omitted += 1;
        }
    }
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub about: About,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.problem)
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum About {
    /// The file as a whole.
    File,
    /// An entry, by the name under which it is stored.
    Entry(EntryHash),
    /// A frozen log.
    Log(PublicKey, LogId),
    /// A document.
    Document(DocumentId),
    /// A schema.
    Schema(String),
    /// A row of a table that can not be named better.
    Row {
        /// The table.
        table: String,
        /// What tells the row apart.
        row: String,
    },
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Entry(hash) => write!(f, "entry {hash}"),
            Self::Log(author, log_id) => write!(f, "log {log_id} of {author}"),
            Self::Document(id) => write!(f, "document {id}"),
            Self::Schema(id) => write!(f, "schema {id}"),
            Self::Row { table, row } => write!(f, "row {row} of table {table}"),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// Pages, indexes or types of values are not as the database engine left them.
    #[error("it is damaged: {detail}")]
    Damaged {
        /// What the database engine says.
        detail: String,
    },
    /// What is stored cannot be read as what it should be.
    #[error("it cannot be read: {detail}")]
    Unreadable {
        /// What does not fit.
        detail: String,
    },
    /// A table or an index is not there.
    #[error("its tables are not complete: `{expected}` is missing")]
    NoTable {
        /// The beginning of the statement that makes it.
        expected: String,
    },

    /// The bytes are not an entry.
    #[error("its bytes are not an entry: {detail}")]
    NotAnEntry {
        /// Why.
        detail: String,
    },
    /// It is stored under the hash of other bytes.
    #[error("the hash of its bytes is {found}")]
    OtherHash {
        /// The hash of its bytes.
        found: EntryHash,
    },
    /// The signature does not hold.
    #[error("its signature does not hold: {detail}")]
    Signature {
        /// Why.
        detail: String,
    },
    /// It stands in another place than it says of itself.
    #[error("it says of itself to be entry {seq_num} in log {log_id} of {author}")]
    OtherPlace {
        /// The author that it names.
        author: PublicKey,
        /// The log that it names.
        log_id: LogId,
        /// The place that it names.
        seq_num: SeqNum,
    },
    /// The entry before it is not there.
    #[error("expected entry {expected} of its log, found {found}")]
    Gap {
        /// The place after the entry before.
        expected: i64,
        /// The place where it stands.
        found: i64,
    },
    /// It follows the end of its log.
    #[error("it follows the end of its log")]
    AfterEnd,
    /// A link leads to another entry than the one at its place.
    #[error("its {link} does not lead to the entry that is stored as number {seq_num}")]
    Link {
        /// Which link.
        link: Link,
        /// Where it should lead.
        seq_num: SeqNum,
    },
    /// A link leads to an entry that is not there.
    #[error("its {link} leads to entry {seq_num}, which is not stored")]
    NoTarget {
        /// Which link.
        link: Link,
        /// Where it leads.
        seq_num: SeqNum,
    },
    /// The payload is not the one that was signed.
    #[error("its payload is not the one that was signed: {detail}")]
    Payload {
        /// What differs.
        detail: String,
    },
    /// The payload is not there.
    #[error("its payload is not there")]
    NoPayload,
    /// The payload is not an operation.
    #[error("its payload is not an operation: {detail}")]
    NotAnOperation {
        /// Why.
        detail: String,
    },
    /// The operation does not fit its schema.
    #[error("its operation does not fit the schema of the document: {detail}")]
    Unfitting {
        /// Why.
        detail: String,
    },
    /// Its log or the document of its log is not there.
    #[error("its log, or the document of its log, is not there")]
    NoLog,

    /// The proof of a fork proves nothing.
    #[error("the proof of its fork does not hold: {detail}")]
    NotAProof {
        /// Why.
        detail: String,
    },
    /// The proof is about another log.
    #[error("the proof of its fork is about log {log_id} of {author}")]
    OtherLog {
        /// The author that the proof names.
        author: PublicKey,
        /// The log that it names.
        log_id: LogId,
    },
    /// The log is frozen from another place on.
    #[error("it is frozen from entry {found} on, its fork is at {expected}")]
    Frozen {
        /// The place of the proof.
        expected: SeqNum,
        /// What is stored.
        found: i64,
    },
    /// An entry with a lower hash is stored at the place of the fork.
    #[error("entry {hash} belongs into the proof of its fork")]
    LowerEntry {
        /// The entry.
        hash: EntryHash,
    },

    /// The operations do not make up a document.
    #[error("its operations do not make up a document: {detail}")]
    Unbuildable {
        /// Why.
        detail: String,
    },
    /// The schema of a document is not there.
    #[error("its schema is not there, or can not be read")]
    NoSchema,
    /// It is not in the table where it belongs.
    #[error("it is missing in the table of {table}")]
    NoRow {
        /// The table.
        table: &'static str,
    },
    /// It is in a table where it does not belong.
    #[error("it stands in the table of {table}, where it does not belong")]
    ExtraRow {
        /// The table.
        table: &'static str,
    },
    /// The mark for deleted documents is wrong.
    #[error("it is marked as deleted: {found}, its operations say: {expected}")]
    Deleted {
        /// What its operations come to.
        expected: bool,
        /// What is stored.
        found: bool,
    },
    /// The mark for documents with void operations is wrong.
    #[error("it is marked as having void operations: {found}, its operations say: {expected}")]
    Void {
        /// Whether it has some.
        expected: bool,
        /// What is stored.
        found: bool,
    },
    /// The state is another one.
    #[error("its view is stored as {found}, its operations come to {expected}")]
    View {
        /// What its operations come to.
        expected: DocumentViewId,
        /// What is stored.
        found: DocumentViewId,
    },
    /// The owner is another one.
    #[error("its owner is stored as {found}, its first operation is by {expected}")]
    Owner {
        /// Who signed the CREATE.
        expected: PublicKey,
        /// What is stored.
        found: PublicKey,
    },
    /// The mark for edited documents is wrong.
    #[error("it is marked as edited: {found}, its operations say: {expected}")]
    Edited {
        /// What its operations come to.
        expected: bool,
        /// What is stored.
        found: bool,
    },
    /// A field has another value.
    #[error("field `{field}` is stored with another value than its operations come to")]
    Field {
        /// The field.
        field: FieldName,
    },
    /// An item of a list can not be found by.
    #[error("an item of list `{field}` is missing in the table of items")]
    NoItem {
        /// The field.
        field: FieldName,
    },

    /// No definition makes this schema.
    #[error("no stored definition makes it")]
    Undefined,
    /// The definition makes another schema.
    #[error("it is not the one that its definition makes")]
    OtherSchema,
    /// The mark for retired schemas is wrong.
    #[error("it is marked as retired: {found}, its definition says: {expected}")]
    Retired {
        /// Whether its definition is deleted.
        expected: bool,
        /// What is stored.
        found: bool,
    },
    /// The number of documents of a schema is wrong.
    #[error("its table holds {expected} documents, counted are {found}")]
    Count {
        /// How many there are.
        expected: u64,
        /// What is stored.
        found: i64,
    },
    /// A definition makes a schema which is not stored.
    #[error("it defines schema {schema}, which is not stored")]
    Unstored {
        /// The schema.
        schema: String,
    },
    /// A definition waits for an operation, and nothing will tell it.
    #[error("it waits for an operation, but is not listed among what waits")]
    Forgotten,

    /// A log is not among the heads by which nodes compare what they have.
    #[error("it is missing among the heads by which nodes compare their logs")]
    NoHead,
    /// A sum over heads is not what the heads come to.
    #[error("it holds another sum than the heads of its logs come to")]
    HeadsSum,

    /// What is kept of it in part does not verify.
    #[error("what is kept of it in part does not hold: {detail}")]
    Part {
        /// Why.
        detail: String,
    },

    /// A row which nothing refers to, or which refers to nothing.
    #[error("{reason}")]
    Stray {
        /// Why it should not be there.
        reason: &'static str,
    },
}

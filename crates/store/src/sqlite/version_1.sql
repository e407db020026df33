-- Ids inside are row ids; what has a hash for a name keeps its digest of 32 bytes.

CREATE TABLE authors (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE
) STRICT;

-- Row ids follow the order in which entries were stored. The operation of an entry goes by the
-- hash of the entry.
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    log INTEGER NOT NULL,
    seq_num INTEGER NOT NULL,
    entry BLOB NOT NULL,
    payload BLOB,
    UNIQUE (log, seq_num)
) STRICT;

-- A log belongs to one document. `log_id` holds the 64 bits of an unsigned number: the upper half
-- is negative.
--
-- Branch 0 is the line of the log. In a frozen log `fork` is its place of the fork, at and above
-- which entries are void; one of which only the fork is known has no document. Others than 0 hold
-- void entries beside the line, by document, and their `fork` is the lowest number there is.
CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    author INTEGER NOT NULL,
    log_id INTEGER NOT NULL,
    branch INTEGER NOT NULL,
    document INTEGER,
    fork INTEGER,
    UNIQUE (author, log_id, branch)
) STRICT;
CREATE INDEX logs_by_document ON logs (document, author, fork, log_id);

-- Logs with entries in the order in which nodes compare them: by schema, author and log id. `place`
-- is the key of the author, followed by the log id as VarU64, which is ordered as the numbers are.
CREATE TABLE heads (
    schema INTEGER NOT NULL,
    place BLOB NOT NULL,
    log INTEGER NOT NULL,
    PRIMARY KEY (schema, place)
) STRICT, WITHOUT ROWID;

-- Sums over parts of `heads`, each from its place to that of the next part. The first part of a
-- schema begins at the empty place.
CREATE TABLE head_sums (
    id INTEGER PRIMARY KEY,
    schema INTEGER NOT NULL,
    place BLOB NOT NULL,
    heads INTEGER NOT NULL,
    sum BLOB NOT NULL,
    UNIQUE (schema, place)
) STRICT;

-- Proofs of forks: both entries. The author is a key and the log id eight bytes, the great ones
-- first, so that forks are in the order in which they are told.
CREATE TABLE forks (
    author BLOB NOT NULL,
    log_id BLOB NOT NULL,
    log INTEGER NOT NULL UNIQUE,
    first BLOB NOT NULL,
    second BLOB NOT NULL,
    PRIMARY KEY (author, log_id)
) STRICT, WITHOUT ROWID;

-- The row id is that of the entry with the CREATE. `void` says whether some operations are void.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    schema INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    void INTEGER NOT NULL
) STRICT;

-- Deleted documents have no row in the table of their schema, but this one.
CREATE TABLE deleted (
    schema INTEGER NOT NULL,
    doc BLOB NOT NULL,
    view BLOB NOT NULL,
    owner INTEGER NOT NULL,
    PRIMARY KEY (schema, doc)
) STRICT, WITHOUT ROWID;
CREATE INDEX deleted_by_view ON deleted (schema, view, doc);

-- The items of list fields, to find documents by them. The list is the row id of the schema times
-- 1024 plus the position of the field.
CREATE TABLE items (
    list INTEGER NOT NULL,
    target BLOB NOT NULL,
    doc BLOB NOT NULL,
    PRIMARY KEY (list, target, doc)
) STRICT, WITHOUT ROWID;

-- `view` is the state of the definition, empty for system schemas; `definition` its document;
-- `documents` says how many are in the table of the schema: those that are not deleted.
CREATE TABLE schemas (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    view BLOB NOT NULL,
    description TEXT NOT NULL,
    definition INTEGER,
    retired INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    UNIQUE (name, view)
) STRICT;
CREATE INDEX schemas_by_definition ON schemas (definition);

CREATE TABLE fields (
    schema INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,
    target_name TEXT,
    target_view BLOB,
    PRIMARY KEY (schema, position)
) STRICT, WITHOUT ROWID;

-- States of schema definitions that wait for an operation of one of their fields.
CREATE TABLE pending (
    missing BLOB NOT NULL,
    view BLOB NOT NULL,
    PRIMARY KEY (missing, view)
) STRICT, WITHOUT ROWID;

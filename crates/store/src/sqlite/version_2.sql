-- Parts of documents and logs, beside the logs. One is of a document, or of the newest entries of a
-- log. `view` is the state of the document as `peer` claimed it at `told`, in seconds since 1970.
-- Log ids and sequence numbers are eight bytes, the great ones first.
CREATE TABLE parts (
    id INTEGER PRIMARY KEY,
    document BLOB UNIQUE,
    author BLOB,
    log_id BLOB,
    newest INTEGER,
    view BLOB,
    peer BLOB NOT NULL,
    told INTEGER NOT NULL,
    UNIQUE (author, log_id)
) STRICT;

-- `asked` says whether an entry is there for itself, not only to prove others.
CREATE TABLE part_entries (
    part INTEGER NOT NULL,
    author BLOB NOT NULL,
    log_id BLOB NOT NULL,
    seq_num BLOB NOT NULL,
    hash BLOB NOT NULL,
    entry BLOB NOT NULL,
    payload BLOB,
    asked INTEGER NOT NULL,
    PRIMARY KEY (part, author, log_id, seq_num)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_entries_by_place ON part_entries (author, log_id, seq_num);
CREATE INDEX part_entries_by_hash ON part_entries (hash);

-- Which operation set each field of the document last, as it was claimed.
CREATE TABLE part_fields (
    part INTEGER NOT NULL,
    name TEXT NOT NULL,
    operation BLOB NOT NULL,
    PRIMARY KEY (part, name)
) STRICT, WITHOUT ROWID;

//! How much others can make us read and keep (PN16).

/// Greatest size of an encoded operation, in bytes.
///
/// The greatest useful operation is a blob piece ([`MAX_BLOB_PIECE_LENGTH`] and some bytes around
/// it); the rest is room for long texts and lists. A string may fill an operation.
pub const MAX_OPERATION_LENGTH: usize = 512 * 1024;

/// Greatest number of operation ids in a document view id, be it the `previous` of an operation,
/// the version of a schema or a pinned relation.
pub const MAX_PREVIOUS: usize = 1024;

/// Greatest number of items in a list of relations, pinned or not. An operation has room for
/// fewer, so that only values made in memory can reach it.
pub const MAX_LIST_ITEMS: usize = 16_384;

/// Greatest number of fields in an operation, which is that of fields in a schema (SC3).
pub const MAX_FIELDS: usize = 1024;

/// Greatest number of bytes in the `data` of a blob piece.
pub const MAX_BLOB_PIECE_LENGTH: usize = 256_000;

/// Greatest number of characters in the name of a schema (SC1).
pub const MAX_SCHEMA_NAME_LENGTH: usize = 64;

/// Greatest number of characters in the name of a field (SC4).
pub const MAX_FIELD_NAME_LENGTH: usize = 64;

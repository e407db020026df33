//! Decoding operations: exactly what [`Operation::encode`] makes is taken, nothing else (OP1, EN1).
//!
//! One value has one encoding, so decoding and encoding again gives the same bytes, and nobody can
//! say the same thing under two hashes.
//!
//! ```text
//! [ version 1, action 0 | 1 | 2, schema id, previous?, fields? ]
//!
//! schema id   text
//! previous    array of 1 to 1,024 byte strings of 34 bytes, strictly ascending
//! fields      map of at most 1,024 pairs, keys strictly ascending by their bytes
//! ```

use alloc::vec::Vec;

use pandan_bamboo::HashError;
use thiserror::Error;

use crate::decode_value::{ENCODED_HASH_LENGTH, hash, value};
use crate::reader::{Item, Reader};
use crate::{
    Action, DocumentViewId, Fields, Operation, OperationId, SchemaId, SchemaIdError, ViewIdError,
    limits,
};

type Result<T> = core::result::Result<T, DecodeOperationError>;

impl Operation {
    /// Decodes an operation that takes up all of the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > limits::MAX_OPERATION_LENGTH {
            let max = limits::MAX_OPERATION_LENGTH;
            return Err(Problem::TooLong { max, found: bytes.len() }.at(max));
        }
        let mut reader = Reader::new(bytes);
        let operation = operation(&mut reader)?;
        match reader.remaining() {
            0 => Ok(operation),
            found => Err(Problem::Trailing { found }.at(reader.offset())),
        }
    }

    /// The text of the schema id of an encoded operation, without a look at what follows it; it
    /// need not be a schema id. None if the bytes do not begin as an operation does.
    #[must_use]
    pub fn schema_text(bytes: &[u8]) -> Option<&str> {
        let mut reader = Reader::new(bytes);
        let Ok((_, Item::Array(4..=5))) = item(&mut reader, "an array of 4 or 5 items") else {
            return None;
        };
        version(&mut reader).ok()?;
        action(&mut reader).ok()?;
        match item(&mut reader, "the text of a schema id") {
            Ok((_, Item::Text(text))) => Some(text),
            _ => None,
        }
    }
}

fn operation(reader: &mut Reader<'_>) -> Result<Operation> {
    let items = match item(reader, "an array of 4 or 5 items")? {
        (_, Item::Array(items)) => items,
        (start, other) => return Err(unexpected(start, "an array of 4 or 5 items", other)),
    };
    if !(4..=5).contains(&items) {
        return Err(Problem::Items { expected: "4 or 5", found: items }.at(0));
    }
    version(reader)?;
    let action = action(reader)?;
    let (expected, expected_text) = match action {
        Action::Create | Action::Delete => (4, "4"),
        Action::Update => (5, "5"),
    };
    if items != expected {
        return Err(Problem::Items { expected: expected_text, found: items }.at(0));
    }
    let schema = schema_id(reader)?;
    Ok(match action {
        Action::Create => Operation::Create { schema, fields: fields(reader)? },
        Action::Update => {
            let previous = previous(reader)?;
            Operation::Update { schema, previous, fields: fields(reader)? }
        }
        Action::Delete => Operation::Delete { schema, previous: previous(reader)? },
    })
}

fn version(reader: &mut Reader<'_>) -> Result<()> {
    match item(reader, "the version")? {
        (_, Item::Unsigned(1)) => Ok(()),
        (start, Item::Unsigned(found)) => Err(Problem::Version { found }.at(start)),
        (start, other) => Err(unexpected(start, "the version", other)),
    }
}

fn action(reader: &mut Reader<'_>) -> Result<Action> {
    match item(reader, "an action")? {
        (_, Item::Unsigned(0)) => Ok(Action::Create),
        (_, Item::Unsigned(1)) => Ok(Action::Update),
        (_, Item::Unsigned(2)) => Ok(Action::Delete),
        (start, Item::Unsigned(found)) => Err(Problem::Action { found }.at(start)),
        (start, other) => Err(unexpected(start, "an action", other)),
    }
}

fn schema_id(reader: &mut Reader<'_>) -> Result<SchemaId> {
    match item(reader, "the text of a schema id")? {
        (start, Item::Text(text)) => {
            text.parse().map_err(|source| Problem::SchemaId(source).at(start))
        }
        (start, other) => Err(unexpected(start, "the text of a schema id", other)),
    }
}

fn previous(reader: &mut Reader<'_>) -> Result<DocumentViewId> {
    const EXPECTED: &str = "an array of previous operations";
    let (start, count) = match item(reader, EXPECTED)? {
        (start, Item::Array(count)) => (start, count),
        (start, other) => return Err(unexpected(start, EXPECTED, other)),
    };
    let view = |ids| DocumentViewId::from_sorted(ids);
    let previous = match count {
        1 => return hash(reader).map(|hash| OperationId::from_hash(hash).into()),
        _ if count > to_u64(limits::MAX_PREVIOUS) => {
            let found = usize::try_from(count).unwrap_or(usize::MAX);
            Err(ViewIdError::TooMany { max: limits::MAX_PREVIOUS, found })
        }
        _ => {
            let mut ids = Vec::with_capacity(reader.capacity(count, ENCODED_HASH_LENGTH));
            for _ in 0..count {
                ids.push(OperationId::from_hash(hash(reader)?));
            }
            view(ids)
        }
    };
    previous.map_err(|source| Problem::Previous(source).at(start))
}

fn fields(reader: &mut Reader<'_>) -> Result<Fields> {
    let (start, count) = match item(reader, "a map of fields")? {
        (start, Item::Map(count)) => (start, count),
        (start, other) => return Err(unexpected(start, "a map of fields", other)),
    };
    if count > to_u64(limits::MAX_FIELDS) {
        return Err(Problem::TooManyFields { max: limits::MAX_FIELDS, found: count }.at(start));
    }
    // The shortest field is an empty name and a truth value, a byte each.
    let mut fields = Fields::with_capacity(reader.capacity(count, 2));
    for _ in 0..count {
        let (start, name) = field_name(reader)?;
        // The name is judged before the value is looked at.
        match fields.last_name() {
            Some(last) if last == name => return Err(Problem::DuplicateField.at(start)),
            Some(last) if last > name => return Err(Problem::FieldOrder.at(start)),
            _ => fields.push(name, value(reader)?),
        }
    }
    Ok(fields)
}

fn field_name<'a>(reader: &mut Reader<'a>) -> Result<(usize, &'a str)> {
    match item(reader, "the name of a field")? {
        (start, Item::Text(name)) => Ok((start, name)),
        (start, other) => Err(unexpected(start, "the name of a field", other)),
    }
}

#[inline]
pub(crate) fn item<'a>(
    reader: &mut Reader<'a>,
    expected: &'static str,
) -> Result<(usize, Item<'a>)> {
    let start = reader.offset();
    reader.item(expected).map(|item| (start, item))
}

pub(crate) fn unexpected(
    start: usize,
    expected: &'static str,
    found: Item<'_>,
) -> DecodeOperationError {
    Problem::Item { expected, found: found.name() }.at(start)
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Bytes that are not an operation as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("operation is malformed at offset {offset}")]
pub struct DecodeOperationError {
    /// Where in the bytes the trouble begins.
    pub offset: usize,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

impl DecodeOperationError {
    /// The requirement of the specification that the bytes break; none when it is a limit of ours.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static str> {
        self.problem.requirement()
    }
}

/// What is wrong with the bytes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// More bytes than an operation may have.
    #[error("expected at most {max} bytes, found {found}")]
    TooLong {
        /// The limit.
        max: usize,
        /// The number of bytes.
        found: usize,
    },
    /// The bytes end too early.
    #[error("expected {expected} more bytes, found {found}")]
    EndOfInput {
        /// How many bytes should follow.
        expected: u64,
        /// How many follow.
        found: usize,
    },
    /// Something follows the operation.
    #[error("expected the end of the operation, found {found} more bytes")]
    Trailing {
        /// How many bytes follow.
        found: usize,
    },
    /// Another data item than belongs here.
    #[error("expected {expected}, found {found}")]
    Item {
        /// What belongs here.
        expected: &'static str,
        /// What is here.
        found: &'static str,
    },
    /// A number or length takes more bytes than it needs.
    #[error("expected the shortest head for {argument}, found a longer one")]
    LongHead {
        /// The number or length.
        argument: u64,
    },
    /// A length is not told beforehand.
    #[error("expected {expected} of definite length, found an indefinite one")]
    Indefinite {
        /// What belongs here.
        expected: &'static str,
    },
    /// A head with additional information that CBOR does not define.
    #[error("expected defined additional information, found {found}")]
    Reserved {
        /// The additional information.
        found: u8,
    },
    /// Text that is not UTF-8 (SC6).
    #[error("expected text in UTF-8, found other bytes")]
    Utf8,
    /// Too many or too few items for the action.
    #[error("expected an operation of {expected} items, found {found}")]
    Items {
        /// How many there should be.
        expected: &'static str,
        /// How many there are.
        found: u64,
    },
    /// A version of operations that we do not know.
    #[error("expected operation version 1, found {found}")]
    Version {
        /// The version.
        found: u64,
    },
    /// An action that we do not know.
    #[error("expected action 0, 1 or 2, found {found}")]
    Action {
        /// The action.
        found: u64,
    },
    /// The schema id is not one.
    #[error("operation has no good schema id")]
    SchemaId(#[source] SchemaIdError),
    /// The previous operations are none, too many, or not in order.
    #[error("operation has no good list of previous operations")]
    Previous(#[source] ViewIdError),
    /// A byte string that is not a hash where one belongs.
    #[error("expected a hash, found other bytes")]
    Hash(#[source] HashError),
    /// More fields than a schema can have.
    #[error("expected at most {max} fields, found {found}")]
    TooManyFields {
        /// The limit.
        max: usize,
        /// The number of fields.
        found: u64,
    },
    /// The name of a field is smaller than the one before it.
    #[error("expected field names in ascending order, found a smaller one")]
    FieldOrder,
    /// A field comes twice.
    #[error("expected every field once, found one twice")]
    DuplicateField,
    /// A number beyond 64 bits with a sign.
    #[error("expected an integer of 64 bits with a sign, found one beyond")]
    IntRange,
    /// A float takes more bytes than it needs.
    #[error("expected a float in {expected} bytes, found it in {found}")]
    FloatWidth {
        /// The number of bytes that the float needs.
        expected: u8,
        /// The number of bytes that it takes.
        found: u8,
    },
    /// A NaN other than `f97e00`.
    #[error("expected NaN as 0x7e00 in 2 bytes, found another form")]
    Nan,
    /// A list in a list that holds nothing.
    #[error("expected at least one hash in an inner list, found none")]
    EmptyInnerList,
}

impl Problem {
    pub(crate) const fn at(self, offset: usize) -> DecodeOperationError {
        DecodeOperationError { offset, problem: self }
    }

    const fn requirement(self) -> Option<&'static str> {
        Some(match self {
            Self::TooLong { .. } => return None,
            Self::Previous(ViewIdError::TooMany { .. }) => return None,
            Self::EndOfInput { .. } | Self::Trailing { .. } => "OP1",
            Self::Item { .. } | Self::Items { .. } | Self::Reserved { .. } => "OP1",
            Self::LongHead { .. } | Self::Indefinite { .. } | Self::Utf8 => "EN1",
            Self::FloatWidth { .. } | Self::Nan => "EN1",
            Self::Version { .. } => "OP2",
            Self::Action { .. } => "OP3",
            Self::SchemaId(_) => "OP4",
            Self::Previous(ViewIdError::Order { .. }) => "EN2",
            Self::Previous(_) => "OP5",
            Self::Hash(_) | Self::IntRange | Self::EmptyInnerList => "OP7",
            Self::TooManyFields { .. } => "SC3",
            Self::FieldOrder | Self::DuplicateField => "EN2",
        })
    }
}

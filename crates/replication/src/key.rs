//! Where a log stands in the order in which two nodes compare what they have (RE1).
//!
//! ```text
//! schema (index in the list of the session) · author (32 bytes) · log id
//! ```

use core::fmt;

use pandan_bamboo::LogId;
use pandan_identity::{PUBLIC_KEY_LENGTH, PublicKey, hex};

/// The 32 bytes in the place of an author's key; whether they are one shows with its entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author([u8; PUBLIC_KEY_LENGTH]);

impl Author {
    /// The author before all others.
    pub const MIN: Self = Self([0; PUBLIC_KEY_LENGTH]);

    /// Takes over bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; PUBLIC_KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LENGTH] {
        &self.0
    }
}

impl From<PublicKey> for Author {
    fn from(key: PublicKey) -> Self {
        Self(*key.as_bytes())
    }
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Author(")?;
        hex::write(f, self.0.first_chunk::<4>().map_or(&[], |head| head.as_slice()))?;
        f.write_str("…)")
    }
}

/// Names a log: its author and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName {
    /// Who writes it.
    pub author: Author,
    /// Which of the author's logs it is.
    pub log_id: LogId,
}

/// The place of a log in the order of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// The index of its schema in the session's list of schemas.
    pub schema: u16,
    /// The log.
    pub log: LogName,
}

impl LogKey {
    /// The place before all others.
    pub const MIN: Self = Self::of_schema(0);

    /// The place before all others of a schema.
    #[must_use]
    pub const fn of_schema(schema: u16) -> Self {
        Self { schema, log: LogName { author: Author::MIN, log_id: LogId::new(0) } }
    }

    /// The place right behind this one, unless it is the last.
    #[must_use]
    pub fn next(self) -> Bound {
        let Self { schema, log: LogName { author, log_id } } = self;
        let of =
            |schema, author, log_id| Bound::Key(Self { schema, log: LogName { author, log_id } });
        if let Some(log_id) = log_id.next() {
            return of(schema, author, log_id);
        }
        if let Some(author) = next_author(author) {
            return of(schema, author, LogId::new(0));
        }
        schema.checked_add(1).map_or(Bound::End, |schema| Bound::Key(Self::of_schema(schema)))
    }
}

fn next_author(Author(mut bytes): Author) -> Option<Author> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(Author(bytes));
        }
    }
    None
}

/// Where a range ends; what is there is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    /// Before this place.
    Key(LogKey),
    /// Behind everything.
    End,
}

impl Bound {
    /// The shortest bound that is above `below` and not above `from`; `below` is less than `from`.
    #[must_use]
    pub fn between(below: LogKey, from: LogKey) -> Self {
        if below.schema != from.schema {
            return Self::Key(LogKey::of_schema(from.schema));
        }
        if below.log.author == from.log.author {
            return Self::Key(from);
        }
        let pairs = below.log.author.0.iter().zip(&from.log.author.0);
        let common = pairs.take_while(|(one, other)| one == other).count();
        let mut author = Author::MIN;
        let prefix = from.log.author.0.iter().take(common.saturating_add(1));
        author.0.iter_mut().zip(prefix).for_each(|(to, byte)| *to = *byte);
        let log = LogName { author, log_id: LogId::new(0) };
        Self::Key(LogKey { schema: from.schema, log })
    }
}

/// Consecutive places, from one on to the place before another. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyRange {
    start: LogKey,
    end: Bound,
}

impl KeyRange {
    /// All places.
    pub const ALL: Self = Self { start: LogKey::MIN, end: Bound::End };

    /// The places from `start` to before `end`, unless there are none.
    #[must_use]
    pub fn new(start: LogKey, end: Bound) -> Option<Self> {
        (Bound::Key(start) < end).then_some(Self { start, end })
    }

    /// The first place.
    #[must_use]
    pub const fn start(&self) -> LogKey {
        self.start
    }

    /// Where the range ends.
    #[must_use]
    pub const fn end(&self) -> Bound {
        self.end
    }

    /// Whether a place is part of the range.
    #[must_use]
    pub fn contains(&self, key: &LogKey) -> bool {
        self.start <= *key && Bound::Key(*key) < self.end
    }
}

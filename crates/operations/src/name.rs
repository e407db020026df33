//! Names of schemas and fields.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

use thiserror::Error;

use crate::limits::{MAX_FIELD_NAME_LENGTH, MAX_SCHEMA_NAME_LENGTH};

/// The name of a schema: 2 to 64 of `A-Z a-z 0-9 _`, of which the first is a letter and the last
/// not `_` (SC1; the same goes for the name in a schema id, SC9).
///
/// Names are ordered by their bytes. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaName(Arc<str>);

/// The name of a field: 1 to 64 of `A-Z a-z 0-9 _`, of which the first is a letter (SC4).
///
/// Names are ordered by their bytes. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(Arc<str>);

impl SchemaName {
    /// Checks and takes over a text.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks a text without keeping it.
    pub fn check(text: &str) -> Result<(), NameError> {
        check(text, 2, MAX_SCHEMA_NAME_LENGTH)?;
        if text.ends_with('_') {
            return Err(NameError::LastCharacter);
        }
        Ok(())
    }
}

impl FieldName {
    /// Checks and takes over a text.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// Checks a text without keeping it.
    pub fn check(text: &str) -> Result<(), NameError> {
        check(text, 1, MAX_FIELD_NAME_LENGTH)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str, min: usize, max: usize) -> Result<(), NameError> {
    if !(min..=max).contains(&text.len()) {
        return Err(NameError::Length { min, max, found: text.len() });
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match text.bytes().position(|byte| !is_allowed(byte)) {
        Some(offset) => Err(NameError::Character { offset }),
        None if !text.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            Err(NameError::FirstCharacter)
        }
        None => Ok(()),
    }
}

/// A text that is no name for a schema or a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// Too short or too long.
    #[error("expected a name of {min} to {max} bytes, found {found}")]
    Length {
        /// The shortest.
        min: usize,
        /// The longest.
        max: usize,
        /// The length of the text, in bytes.
        found: usize,
    },
    /// Something that is not `A-Z a-z 0-9 _`.
    #[error("expected letters, digits and underscores in a name, found something else at {offset}")]
    Character {
        /// Offset into the text, in bytes.
        offset: usize,
    },
    /// The first character is not a letter.
    #[error("expected a letter at the beginning of a name")]
    FirstCharacter,
    /// The last character of a schema name is an underscore.
    #[error("expected a letter or digit at the end of a schema name, found an underscore")]
    LastCharacter,
}

macro_rules! text_traits {
    ($name:ident) => {
        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&*self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }
    };
}

text_traits!(SchemaName);
text_traits!(FieldName);

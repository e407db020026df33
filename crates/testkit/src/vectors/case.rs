//! Reading the parts of a case.

use std::fmt::Debug;
use std::str::FromStr;

use pandan_bamboo::Hash;
use pandan_operations::{DocumentViewId, OperationId};
use serde_json::Value as Json;

use super::Checked;

/// One case of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a>(pub(crate) &'a Json);

impl<'a> Case<'a> {
    /// A few words to find the case by.
    pub(crate) fn about(&self) -> String {
        let words = ["what", "name", "class", "kind", "reason"];
        let found = words.iter().find_map(|key| self.0.get(key).and_then(Json::as_str));
        found.map(|text| format!(" ({text})")).unwrap_or_default()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn sub(&self, key: &str) -> Result<Self, String> {
        self.0.get(key).map(Case).ok_or_else(|| format!("expected `{key}`, found nothing"))
    }

    pub(crate) fn list(&self, key: &str) -> Result<Vec<Self>, String> {
        let list = self.0.get(key).and_then(Json::as_array);
        let list = list.ok_or_else(|| format!("expected a list `{key}`"))?;
        Ok(list.iter().map(Case).collect())
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'a str, String> {
        self.sub(key)?.as_text().map_err(|problem| format!("`{key}`: {problem}"))
    }

    pub(crate) fn as_text(&self) -> Result<&'a str, String> {
        self.0.as_str().ok_or_else(|| format!("expected a text, found {}", self.0))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool, String> {
        self.sub(key)?.0.as_bool().ok_or_else(|| format!("expected true or false in `{key}`"))
    }

    pub(crate) fn number(&self, key: &str) -> Result<u64, String> {
        let value = self.sub(key)?.0;
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.ok_or_else(|| format!("expected a number in `{key}`, found {value}"))
    }

    pub(crate) fn bytes(&self, key: &str) -> Result<Vec<u8>, String> {
        self.sub(key)?.as_bytes()
    }

    pub(crate) fn as_bytes(&self) -> Result<Vec<u8>, String> {
        decode_hex(self.as_text()?)
    }

    pub(crate) fn optional_bytes(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        if self.has(key) { self.bytes(key).map(Some) } else { Ok(None) }
    }

    /// Parses a text.
    pub(crate) fn parse<T: FromStr<Err: Debug>>(&self, key: &str) -> Result<T, String> {
        self.sub(key)?.as_parsed()
    }

    pub(crate) fn as_parsed<T: FromStr<Err: Debug>>(&self) -> Result<T, String> {
        let text = self.as_text()?;
        text.parse().map_err(|error| format!("cannot parse {text:?}: {error:?}"))
    }

    /// Parses a text which may be missing or null.
    pub(crate) fn optional<T: FromStr<Err: Debug>>(&self, key: &str) -> Result<Option<T>, String> {
        if self.has(key) { self.parse(key).map(Some) } else { Ok(None) }
    }

    /// A list of hashes.
    pub(crate) fn as_hashes(&self) -> Result<Vec<Hash>, String> {
        let list = self.0.as_array().ok_or_else(|| format!("expected a list, found {}", self.0))?;
        list.iter().map(|item| Case(item).as_parsed()).collect()
    }

    /// A list of operation ids.
    pub(crate) fn ids(&self, key: &str) -> Result<Vec<OperationId>, String> {
        let hashes = self.sub(key)?.as_hashes()?;
        Ok(hashes.into_iter().map(OperationId::from_hash).collect())
    }

    /// A view id, written as a list.
    pub(crate) fn view_id(&self, key: &str) -> Result<DocumentViewId, String> {
        DocumentViewId::from_sorted(self.ids(key)?).map_err(|error| format!("`{key}`: {error}"))
    }
}

/// Says what was expected where something else was found.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Checked {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, found {found:?}"))
    }
}

/// Turns any error into words.
pub(crate) fn words(error: impl Debug) -> String {
    format!("{error:?}")
}

pub(crate) fn decode_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes();
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(format!("expected an even number of hex digits, found {}", digits.len()));
    }
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    pairs.map(|pair| byte(pair).ok_or_else(|| String::from("expected hex digits"))).collect()
}

pub(crate) fn encode_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! How much one request may cost.

use std::time::Instant;

use thiserror::Error;

use super::answer::{Answer, Key, written_length};

/// What is left to spend on an answer.
#[derive(Debug)]
pub(crate) struct Budget {
    values: usize,
    values_max: usize,
    bytes: usize,
    bytes_max: usize,
    loaded: usize,
    deadline: Option<Instant>,
}

/// A request that went beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Exceeded {
    #[error("the answer would hold more than {0} values; ask for fewer documents or fields")]
    Values(usize),
    #[error("the answer would be larger than {0} bytes; ask for fewer documents or fields")]
    Bytes(usize),
    #[error("the answer took too long; ask for less at once")]
    Time,
}

impl Budget {
    pub(crate) const fn new(values: usize, bytes: usize, deadline: Option<Instant>) -> Self {
        Self { values, values_max: values, bytes, bytes_max: bytes, loaded: bytes, deadline }
    }

    /// Takes fields of the answer.
    pub(crate) fn take_values(&mut self, count: usize) -> Result<(), Exceeded> {
        self.values = self.values.checked_sub(count).ok_or(Exceeded::Values(self.values_max))?;
        Ok(())
    }

    /// Takes objects with these fields; their names are written out for each.
    pub(crate) fn take_objects<F>(
        &mut self,
        count: usize,
        fields: &[(Key, F)],
    ) -> Result<(), Exceeded> {
        self.take_values(count.saturating_mul(fields.len()))?;
        let names: usize = fields.iter().map(|(key, _)| key.len()).sum();
        self.take_bytes(count.saturating_mul(names))
    }

    /// Takes a text of the answer, if it is one.
    pub(crate) fn take_text(&mut self, answer: &Answer) -> Result<(), Exceeded> {
        if let Answer::Str(text) = answer { self.take_bytes(written_length(text)) } else { Ok(()) }
    }

    /// Takes a part of the answer's size.
    pub(crate) fn take_bytes(&mut self, count: usize) -> Result<(), Exceeded> {
        self.bytes = self.bytes.checked_sub(count).ok_or(Exceeded::Bytes(self.bytes_max))?;
        Ok(())
    }

    /// Takes memory for what was loaded to make the answer.
    pub(crate) fn take_loaded(&mut self, count: usize) -> Result<(), Exceeded> {
        self.loaded = self.loaded.checked_sub(count).ok_or(Exceeded::Bytes(self.bytes_max))?;
        Ok(())
    }

    /// Asked before every read of the store.
    pub(crate) fn check_time(&self) -> Result<(), Exceeded> {
        let is_over = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_over { Err(Exceeded::Time) } else { Ok(()) }
    }
}

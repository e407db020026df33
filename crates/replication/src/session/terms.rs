//! What a session is about.

use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_operations::SchemaId;
use thiserror::Error;

use crate::Interest;
use crate::limits::{MAX_FRAME_LENGTH, MAX_SCHEMAS};

/// What the initiator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub(super) schemas: Arc<[SchemaId]>,
    pub(super) is_live: bool,
    pub(super) payloads_optional: bool,
    pub(super) resync_jitter_ms: u64,
}

impl Terms {
    /// A session about these schemas, which ends when both sides have the same.
    pub fn new(mut schemas: Vec<SchemaId>) -> Result<Self, TermsError> {
        schemas.sort_unstable();
        schemas.dedup();
        let (found, max) = (schemas.len(), MAX_SCHEMAS);
        if found == 0 || found > max {
            return Err(TermsError::Schemas { max, found });
        }
        // Half of a frame, so that there is room for the ranges.
        let (found, max) = (schemas.iter().map(|id| id.as_str().len()).sum(), MAX_FRAME_LENGTH / 2);
        if found > max {
            return Err(TermsError::Bytes { max, found });
        }
        let schemas = schemas.into();
        Ok(Self { schemas, is_live: false, payloads_optional: false, resync_jitter_ms: 0 })
    }

    /// The session goes on with news.
    #[must_use]
    pub fn live(self) -> Self {
        Self { is_live: true, ..self }
    }

    /// Entries may come without their payloads, from either side.
    #[must_use]
    pub fn payloads_optional(self) -> Self {
        Self { payloads_optional: true, ..self }
    }

    /// A live session lasts so much longer than the usual interval, up to
    /// [`RESYNC_JITTER_MS`](crate::limits::RESYNC_JITTER_MS): so that many sessions do not
    /// compare anew at the same time.
    #[must_use]
    pub fn resync_jitter_ms(self, ms: u64) -> Self {
        let resync_jitter_ms = ms.min(crate::limits::RESYNC_JITTER_MS);
        Self { resync_jitter_ms, ..self }
    }
}

impl Interest {
    /// Interest in these schemas only.
    pub fn in_schemas(schemas: Vec<SchemaId>) -> Result<Self, TermsError> {
        Terms::new(schemas).map(|terms| Self::Schemas(terms.schemas.to_vec()))
    }
}

/// Schemas that cannot be those of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TermsError {
    /// None, or too many.
    #[error("expected 1 to {max} schemas, found {found}")]
    Schemas {
        /// The most.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// Their ids do not fit into a request.
    #[error("expected schema ids of {max} bytes together, found {found}")]
    Bytes {
        /// The most.
        max: usize,
        /// How many there are.
        found: usize,
    },
}

/// What the responder agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Sessions about these schemas are accepted.
    pub interest: Interest,
    /// Whether sessions may go on with news.
    pub is_live: bool,
}

/// Who began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Initiator,
    Responder,
}

//! Schemas as files: definitions, signed commits, and the way from one to the other.

pub(crate) mod build;
pub(crate) mod lock;
pub(crate) mod manifest;
pub(crate) mod workshop;

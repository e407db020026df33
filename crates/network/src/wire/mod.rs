//! What travels on streams before the embedder's bytes do, and around them.

pub(crate) mod hello;
pub(crate) mod multistream;
pub(crate) mod stream;

//! Which documents a node replicates beside those of its schemas.

use clap::ValueEnum;
use pandan_node::Follow;

/// Which documents come beside those of the schemas that are replicated
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Related {
    /// None
    None,
    /// Blobs to which they relate, and their pieces
    Blobs,
    /// All to which they relate, and those to which these relate
    All,
}

impl From<Related> for Follow {
    fn from(related: Related) -> Self {
        match related {
            Related::None => Self::None,
            Related::Blobs => Self::Blobs,
            Related::All => Self::All,
        }
    }
}

//! The protocols that streams carry, and how their bytes are cut.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::{FRAME_LENGTH_MAX, PROTOCOL_NAME_LENGTH_MAX};

/// A protocol that the embedder speaks: the name that multistream-select agrees on, and how bytes
/// are delivered.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Protocol {
    name: Arc<str>,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    Frames { length_max: u32 },
    Chunks,
}

impl Protocol {
    /// The name of the protocol between Pandan nodes.
    pub const PANDAN: &str = "/pandan/2";

    /// The name of the protocol that nodes of the first p2panda release line speak. It carries one
    /// CBOR item after the other without anything in between, so it is one of chunks. Each side
    /// opens a stream when it has something to send, and reads from the one that the other opened.
    pub const P2PANDA: &str = "/p2p/p2panda/1.0.0";

    /// A protocol of frames: what one side sends at once, the other receives at once. On the wire a
    /// frame is its length (four bytes, the highest first) and its bytes.
    ///
    /// Longer frames than `length_max` bytes are refused on both sides.
    pub fn frames(name: &str, length_max: u32) -> Result<Self, ProtocolError> {
        if length_max > FRAME_LENGTH_MAX {
            return Err(ProtocolError::FrameLength { limit: FRAME_LENGTH_MAX, found: length_max });
        }
        Self::new(name, Framing::Frames { length_max })
    }

    /// A protocol of bytes: they arrive as chunks, cut anywhere. For protocols that find the end of
    /// their messages themselves.
    pub fn chunks(name: &str) -> Result<Self, ProtocolError> {
        Self::new(name, Framing::Chunks)
    }

    fn new(name: &str, framing: Framing) -> Result<Self, ProtocolError> {
        if name.len() > PROTOCOL_NAME_LENGTH_MAX {
            let (limit, found) = (PROTOCOL_NAME_LENGTH_MAX, name.len());
            return Err(ProtocolError::NameLength { limit, found });
        }
        if !name.starts_with('/') || name.contains('\n') {
            return Err(ProtocolError::Name { found: name.into() });
        }
        Ok(Self { name: name.into(), framing })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn framing(&self) -> Framing {
        self.framing
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Protocol({}, {:?})", self.name, self.framing)
    }
}

/// A protocol that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The name is too long.
    #[error("name of a protocol has {found} bytes, at most {limit} are allowed")]
    NameLength {
        /// Bytes of the longest name.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// The name does not begin with a slash, or has a newline in it.
    #[error("name of a protocol {found:?} is not one line that begins with a slash")]
    Name {
        /// The name.
        found: Box<str>,
    },
    /// Frames may not be so long.
    #[error("frames of {found} bytes, at most {limit} are allowed")]
    FrameLength {
        /// Bytes of the longest frame of any protocol.
        limit: u32,
        /// Bytes wanted.
        found: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lengths_are_bounded() {
        let name = format!("/{}", "x".repeat(PROTOCOL_NAME_LENGTH_MAX - 1));
        assert!(Protocol::chunks(&name).is_ok());
        let error = ProtocolError::NameLength { limit: 256, found: 257 };
        assert_eq!(Protocol::chunks(&format!("{name}x")), Err(error));
        for name in ["", "pandan", "/pandan\n"] {
            assert_eq!(Protocol::chunks(name), Err(ProtocolError::Name { found: name.into() }));
        }
        assert!(Protocol::frames("/a", FRAME_LENGTH_MAX).is_ok());
        let found = FRAME_LENGTH_MAX + 1;
        let error = ProtocolError::FrameLength { limit: FRAME_LENGTH_MAX, found };
        assert_eq!(Protocol::frames("/a", found), Err(error));
    }
}

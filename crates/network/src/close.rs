//! Why connections end, on the wire and in events.

use std::fmt;

use quinn::{ConnectionError, VarInt};
use thiserror::Error;

/// What one side tells the other when it closes a connection: the application error code of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// No error: the embedder does not need the connection any more, or the node stops. libp2p
    /// closes with this code always.
    Done,
    /// Both sides dialled, and the other connection stays.
    Duplicate,
    /// The peer did not prove that it has the key of the private network.
    WrongNetwork,
    /// The peer is blocked, or not on the list of those who are allowed.
    NotAllowed,
    /// The peer broke the rules of the hello.
    Misbehaved,
    /// The peer took too long to greet.
    TimedOut,
    /// A newer connection of the same peer takes its place.
    Replaced,
    /// A code of somebody else.
    Other(u64),
}

const CODES: [(u32, CloseCode); 7] = [
    (0, CloseCode::Done),
    (0x7001, CloseCode::Duplicate),
    (0x7002, CloseCode::WrongNetwork),
    (0x7003, CloseCode::NotAllowed),
    (0x7004, CloseCode::Misbehaved),
    (0x7005, CloseCode::TimedOut),
    (0x7006, CloseCode::Replaced),
];

impl CloseCode {
    pub(crate) fn to_varint(self) -> VarInt {
        match CODES.iter().find(|(_, code)| *code == self) {
            Some((number, _)) => VarInt::from_u32(*number),
            None => VarInt::from_u32(0),
        }
    }

    fn from_varint(number: VarInt) -> Self {
        let number = number.into_inner();
        let known = CODES.iter().find(|(known, _)| u64::from(*known) == number);
        known.map_or(Self::Other(number), |(_, code)| *code)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Done => "the connection is not needed any more",
            Self::Duplicate => "another connection between both nodes stays",
            Self::WrongNetwork => "the key of the private network was not proven",
            Self::NotAllowed => "the peer is not allowed",
            Self::Misbehaved => "the peer broke the rules",
            Self::TimedOut => "the peer took too long",
            Self::Replaced => "a newer connection takes its place",
            Self::Other(code) => return write!(f, "code {code:#x}"),
        };
        f.write_str(text)
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// This side closed it.
    #[error("closed: {0}")]
    Closed(CloseCode),
    /// The peer closed it.
    #[error("closed by the peer: {0}")]
    ClosedByPeer(CloseCode),
    /// Nothing was heard of the peer for the idle time.
    #[error("nothing was heard of the peer any more")]
    TimedOut,
    /// The peer has no memory of the connection, because it was started anew.
    #[error("the peer was started anew")]
    Reset,
    /// QUIC or TLS failed, on either side.
    #[error("transport error {code:#x}")]
    Transport {
        /// The error code of RFC 9000, section 20.1; 0x1xx is TLS alert xx.
        code: u64,
    },
    /// The peer speaks no version of QUIC that this node speaks.
    #[error("no common version of QUIC")]
    Version,
}

impl Disconnect {
    /// What happened, given the code with which this side closed, if it did.
    pub(crate) fn new(error: &ConnectionError, own: Option<CloseCode>) -> Self {
        match error {
            ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
                Self::Closed(own.unwrap_or(CloseCode::Done))
            }
            ConnectionError::ApplicationClosed(close) => {
                Self::ClosedByPeer(CloseCode::from_varint(close.error_code))
            }
            ConnectionError::ConnectionClosed(close) => {
                Self::Transport { code: close.error_code.into() }
            }
            ConnectionError::TransportError(error) => Self::Transport { code: error.code.into() },
            ConnectionError::TimedOut => Self::TimedOut,
            ConnectionError::Reset => Self::Reset,
            ConnectionError::VersionMismatch => Self::Version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_wire() {
        for (_, code) in CODES {
            assert_eq!(CloseCode::from_varint(code.to_varint()), code);
        }
        assert_eq!(CloseCode::from_varint(VarInt::from_u32(9)), CloseCode::Other(9));
    }
}

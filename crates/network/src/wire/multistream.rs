//! multistream-select 1.0: which protocol a stream carries
//! (<https://github.com/multiformats/multistream-select>).
//!
//! Every message is a length (varint, of what follows), a text and a newline.
//!
//! 1. both: `/multistream/1.0.0`
//! 2. opener: the name of a protocol, and again after each `na`
//! 3. other: the same name (the stream is theirs from here) or `na`
//!
//! The opener may send the first name and its own bytes without waiting; so nothing is read beyond
//! the end of a message.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::limits::{PROPOSALS_MAX, PROTOCOL_NAME_LENGTH_MAX};

const HEADER: &str = "/multistream/1.0.0";
const NOT_AVAILABLE: &str = "na";

/// A message as bytes.
fn encode(text: &str, into: &mut Vec<u8>) {
    let mut length = text.len().saturating_add(1);
    loop {
        let [low, ..] = length.to_le_bytes();
        length >>= 7;
        if length == 0 {
            into.push(low);
            break;
        }
        into.push(low | 0x80);
    }
    into.extend_from_slice(text.as_bytes());
    into.push(b'\n');
}

/// The header and a proposal, with which the opener of a stream begins.
pub(crate) fn opening(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(HEADER, &mut bytes);
    encode(name, &mut bytes);
    bytes
}

/// Opens a stream for one protocol and waits for the answer.
pub(crate) async fn propose(
    name: &str,
    write: &mut (impl AsyncWrite + Unpin),
    read: &mut (impl AsyncRead + Unpin),
) -> Result<(), NegotiationError> {
    write.write_all(&opening(name)).await?;
    confirm(name, read).await
}

/// Waits for the answer to an opening.
pub(crate) async fn confirm(
    name: &str,
    read: &mut (impl AsyncRead + Unpin),
) -> Result<(), NegotiationError> {
    expect_header(read).await?;
    match decode(read).await?.as_str() {
        NOT_AVAILABLE => Err(NegotiationError::NotAvailable),
        found if found == name => Ok(()),
        found => Err(NegotiationError::Unexpected { found: found.into() }),
    }
}

/// Answers whoever opened the stream until they ask for a protocol that `find` knows.
pub(crate) async fn answer<T>(
    find: impl Fn(&str) -> Option<T>,
    write: &mut (impl AsyncWrite + Unpin),
    read: &mut (impl AsyncRead + Unpin),
) -> Result<T, NegotiationError> {
    let mut reply = Vec::new();
    encode(HEADER, &mut reply);
    expect_header(read).await?;
    for _ in 0..PROPOSALS_MAX {
        let name = decode(read).await?;
        let found = find(&name);
        encode(if found.is_some() { &name } else { NOT_AVAILABLE }, &mut reply);
        write.write_all(&reply).await?;
        if let Some(found) = found {
            return Ok(found);
        }
        reply.clear();
    }
    Err(NegotiationError::TooManyProposals { limit: PROPOSALS_MAX })
}

async fn expect_header(read: &mut (impl AsyncRead + Unpin)) -> Result<(), NegotiationError> {
    let found = decode(read).await?;
    if found == HEADER { Ok(()) } else { Err(NegotiationError::Unexpected { found: found.into() }) }
}

async fn decode(read: &mut (impl AsyncRead + Unpin)) -> Result<String, NegotiationError> {
    let length = decode_length(read).await?;
    let mut bytes = vec![0; length];
    read.read_exact(&mut bytes).await?;
    if bytes.pop() != Some(b'\n') {
        return Err(NegotiationError::NoNewline);
    }
    String::from_utf8(bytes).map_err(|_| NegotiationError::NotText)
}

/// The length of what follows, newline included; two bytes hold every length that is allowed.
async fn decode_length(read: &mut (impl AsyncRead + Unpin)) -> Result<usize, NegotiationError> {
    let limit = PROTOCOL_NAME_LENGTH_MAX.saturating_add(1);
    let low = usize::from(read.read_u8().await?);
    let length = if low < 0x80 {
        low
    } else {
        let high = usize::from(read.read_u8().await?);
        if high == 0 {
            return Err(NegotiationError::LengthNotMinimal);
        }
        if high >= 0x80 {
            return Err(NegotiationError::TooLong { limit });
        }
        (high << 7) | (low & 0x7f)
    };
    if length > limit { Err(NegotiationError::TooLong { limit }) } else { Ok(length) }
}

/// Both sides did not find a protocol for a stream.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The peer does not speak the protocol.
    #[error("the peer does not speak this protocol")]
    NotAvailable,
    /// The peer answered with something else than it was asked for.
    #[error("the peer answered with {found:?}")]
    Unexpected {
        /// The text of the answer.
        found: Box<str>,
    },
    /// A name of a protocol is too long.
    #[error("message is longer than {limit} bytes")]
    TooLong {
        /// Bytes of the longest message, newline included.
        limit: usize,
    },
    /// A length has a zero byte that says nothing.
    #[error("length of a message is not in its shortest form")]
    LengthNotMinimal,
    /// A message ends without a newline.
    #[error("message ends without a newline")]
    NoNewline,
    /// A message is not UTF-8.
    #[error("message is not text")]
    NotText,
    /// The peer goes on and on asking for protocols.
    #[error("more than {limit} protocols were asked for")]
    TooManyProposals {
        /// Protocols that may be asked for on one stream.
        limit: usize,
    },
    /// The stream ended or the connection was lost.
    #[error("stream ended during the choice of a protocol")]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use tokio::io::{duplex, split};

    use super::*;

    fn known(name: &str) -> Option<u32> {
        ["/a", "/b"].iter().zip(1..).find(|(own, _)| **own == name).map(|(_, number)| number)
    }

    #[tokio::test]
    async fn both_sides_agree() {
        let (near, far) = duplex(1024);
        let (mut near_read, mut near_write) = split(near);
        let (mut far_read, mut far_write) = split(far);
        let (asked, answered) = tokio::join!(
            propose("/b", &mut near_write, &mut near_read),
            answer(known, &mut far_write, &mut far_read),
        );
        asked.unwrap();
        assert_eq!(answered.unwrap(), 2);
    }

    /// Answers these bytes; gives the result, and what was written.
    async fn check(bytes: &[u8]) -> (Result<u32, NegotiationError>, Vec<u8>) {
        let mut written = Vec::new();
        let mut read = bytes;
        let result = answer(known, &mut written, &mut read).await;
        (result, written)
    }

    fn messages(texts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        texts.iter().for_each(|text| encode(text, &mut bytes));
        bytes
    }

    #[tokio::test]
    async fn unknown_protocols_are_answered_na() {
        let (result, written) = check(&messages(&[HEADER, "/x", "ls", "/a"])).await;
        assert_eq!(result.unwrap(), 1);
        assert_eq!(written, messages(&[HEADER, "na", "na", "/a"]));
    }

    #[tokio::test]
    async fn nothing_is_read_beyond_the_choice() {
        let bytes = [messages(&[HEADER, "/a"]), b"rest".to_vec()].concat();
        let mut read = bytes.as_slice();
        answer(known, &mut Vec::new(), &mut read).await.unwrap();
        assert_eq!(read, b"rest");
    }

    #[tokio::test]
    async fn names_are_bounded() {
        let at_limit = "x".repeat(PROTOCOL_NAME_LENGTH_MAX);
        let (result, written) = check(&messages(&[HEADER, &at_limit, "/b"])).await;
        assert_eq!(result.unwrap(), 2);
        assert_eq!(written, messages(&[HEADER, "na", "/b"]));
        let past = "x".repeat(PROTOCOL_NAME_LENGTH_MAX + 1);
        let (result, _) = check(&messages(&[HEADER, &past])).await;
        assert!(matches!(result, Err(NegotiationError::TooLong { limit: 257 })));
    }

    #[tokio::test]
    async fn proposals_are_bounded() {
        let mut texts = vec![HEADER];
        texts.extend(["/x"; PROPOSALS_MAX - 1]);
        texts.push("/a");
        assert_eq!(check(&messages(&texts)).await.0.unwrap(), 1);
        texts.insert(1, "/x");
        let (result, _) = check(&messages(&texts)).await;
        assert!(matches!(result, Err(NegotiationError::TooManyProposals { limit: 16 })));
    }

    #[tokio::test]
    async fn garbage_is_refused() {
        use NegotiationError as E;
        type Test = fn(&NegotiationError) -> bool;
        let cases: [(&[u8], Test); 6] = [
            (b"", |e| matches!(e, E::Io(_))),
            (b"\x00", |e| matches!(e, E::NoNewline)),
            (b"\x03abc", |e| matches!(e, E::NoNewline)),
            (b"\x02\xff\n", |e| matches!(e, E::NotText)),
            (b"\x82\x00a\n", |e| matches!(e, E::LengthNotMinimal)),
            (b"\xff\xff\xff\xff\x0f", |e| matches!(e, E::TooLong { .. })),
        ];
        for (bytes, test) in cases {
            let error = check(bytes).await.0.unwrap_err();
            assert!(test(&error), "{bytes:?}: {error:?}");
        }
    }
}

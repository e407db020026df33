//! Streams in the hands of the embedder: one half to send, one to receive.
//!
//! Nothing is queued here beyond the frame that is being sent or received. A reader that does not
//! read leaves bytes in the window of the stream; when that is full the sender's QUIC stops, and
//! with it [`Sender::send`]. So a slow reader slows its sender down, and the memory for a peer is
//! bounded by the windows and one frame for each stream.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};
use thiserror::Error;

use crate::{Disconnect, Protocol, access::Throttle, limits::CHUNK_LENGTH_MAX, protocol::Framing};

/// Bytes of the length in front of a frame.
const HEADER_LENGTH: usize = 4;

/// Told to the peer when this side gives a stream up.
const GIVEN_UP: VarInt = VarInt::from_u32(0x7010);

/// A stream between two peers, for one protocol.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stream {
    /// What both sides agreed to speak.
    pub protocol: Protocol,
    /// The half that sends.
    pub sender: Sender,
    /// The half that receives. When it is dropped the peer is told to send no more.
    pub receiver: Receiver,
}

impl Stream {
    pub(crate) fn new(
        protocol: Protocol,
        send: SendStream,
        receive: RecvStream,
        throttle: Arc<Throttle>,
    ) -> Self {
        let framing = protocol.framing();
        let sender = Sender { stream: send, framing, unsent: VecDeque::new() };
        let receiver =
            Receiver { stream: receive, framing, throttle, partial: BytesMut::new(), failed: None };
        Self { protocol, sender, receiver }
    }
}

/// Sends frames (or bytes, if the protocol knows no frames).
#[derive(Debug)]
pub struct Sender {
    stream: SendStream,
    framing: Framing,
    /// The rest of what was handed over: a header and a frame at most.
    unsent: VecDeque<Bytes>,
}

impl Sender {
    /// Sends a frame: waits while the peer's window is full, until QUIC has taken all of it.
    ///
    /// May be cancelled: the frame is sent whole with the next call, or was not taken at all.
    pub async fn send(&mut self, frame: impl Into<Bytes>) -> Result<(), SendError> {
        let frame = frame.into();
        let header = match self.framing {
            Framing::Frames { length_max } => Some(header_of(&frame, length_max)?),
            Framing::Chunks => None,
        };
        self.flush().await?;
        self.unsent.extend(header);
        if !frame.is_empty() {
            self.unsent.push_back(frame);
        }
        self.flush().await
    }

    /// Says that nothing more will come, after what was sent. The peer receives `None`.
    pub async fn finish(mut self) -> Result<(), SendError> {
        self.flush().await?;
        self.stream.finish().map_err(|_| SendError::Ended)
    }

    async fn flush(&mut self) -> Result<(), SendError> {
        while !self.unsent.is_empty() {
            let written = self.stream.write_chunks(self.unsent.make_contiguous()).await?;
            self.unsent.drain(..written.chunks.min(self.unsent.len()));
        }
        Ok(())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if !self.unsent.is_empty() {
            // Dropping ends the stream in good order, which half a frame is not. An error says that
            // it has ended already.
            let _ = self.stream.reset(GIVEN_UP);
        }
    }
}

fn header_of(frame: &Bytes, length_max: u32) -> Result<Bytes, SendError> {
    match u32::try_from(frame.len()) {
        Ok(length) if length <= length_max => Ok(Bytes::copy_from_slice(&length.to_be_bytes())),
        _ => Err(SendError::FrameTooLong { limit: length_max, found: frame.len() }),
    }
}

/// Receives frames (or chunks of bytes, if the protocol knows no frames).
#[derive(Debug)]
pub struct Receiver {
    stream: RecvStream,
    framing: Framing,
    throttle: Arc<Throttle>,
    /// What has come of the next frame, its header included.
    partial: BytesMut,
    /// A stream that is out of step stays so.
    failed: Option<ReceiveError>,
}

impl Receiver {
    /// The next frame, or chunk; `None` when the peer has finished. May be cancelled without loss.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, ReceiveError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let received = match self.framing {
            Framing::Frames { length_max } => self.frame(length_max).await,
            Framing::Chunks => self.read(CHUNK_LENGTH_MAX).await,
        };
        if let Err(error) = &received {
            self.failed = Some(*error);
            // Nothing to stop if the stream has ended already.
            let _ = self.stream.stop(GIVEN_UP);
        }
        received
    }

    async fn frame(&mut self, length_max: u32) -> Result<Option<Bytes>, ReceiveError> {
        loop {
            let length = frame_length(&self.partial, length_max)?;
            let missing = length.unwrap_or(HEADER_LENGTH).saturating_sub(self.partial.len());
            if length.is_some() && missing == 0 {
                let mut frame = std::mem::take(&mut self.partial).freeze();
                frame.advance(HEADER_LENGTH);
                return Ok(Some(frame));
            }
            match self.read(missing).await? {
                Some(chunk) => self.partial.extend_from_slice(&chunk),
                None if self.partial.is_empty() => return Ok(None),
                None => return Err(ReceiveError::Truncated { found: self.partial.len() }),
            }
        }
    }

    /// Some bytes, at most so many; memory grows with what has come, not with what was announced.
    async fn read(&mut self, most: usize) -> Result<Option<Bytes>, ReceiveError> {
        self.throttle.ready().await;
        let chunk = self.stream.read_chunk(most, true).await?;
        Ok(chunk.map(|chunk| {
            self.throttle.spend(chunk.bytes.len());
            chunk.bytes
        }))
    }
}

/// Bytes of the frame with its header, once the header is there.
fn frame_length(partial: &[u8], length_max: u32) -> Result<Option<usize>, ReceiveError> {
    let Some(header) = partial.first_chunk::<HEADER_LENGTH>() else { return Ok(None) };
    let found = u32::from_be_bytes(*header);
    if found > length_max {
        return Err(ReceiveError::FrameTooLong { limit: length_max, found });
    }
    Ok(usize::try_from(found).ok().and_then(|length| length.checked_add(HEADER_LENGTH)))
}

/// A frame that was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The protocol carries no frames of this length. The stream can go on.
    #[error("frame has {found} bytes, the protocol carries at most {limit}")]
    FrameTooLong {
        /// Bytes of the longest frame.
        limit: u32,
        /// Bytes of this frame.
        found: usize,
    },
    /// The peer does not want to receive more on this stream.
    #[error("the peer stopped the stream with code {code:#x}")]
    Stopped {
        /// The peer's reason.
        code: u64,
    },
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
    /// The connection is lost.
    #[error("the connection is lost")]
    Lost(#[source] Disconnect),
}

impl From<WriteError> for SendError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped(code) => Self::Stopped { code: code.into_inner() },
            WriteError::ConnectionLost(error) => Self::Lost(Disconnect::new(&error, None)),
            WriteError::ClosedStream | WriteError::ZeroRttRejected => Self::Ended,
        }
    }
}

/// A stream on which nothing more can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The peer announces a frame that the protocol does not carry. The stream is given up.
    #[error("frame of {found} bytes is announced, the protocol carries at most {limit}")]
    FrameTooLong {
        /// Bytes of the longest frame.
        limit: u32,
        /// Bytes announced.
        found: u32,
    },
    /// The peer finished in the middle of a frame.
    #[error("the stream ends {found} bytes into a frame")]
    Truncated {
        /// Bytes that came, header included.
        found: usize,
    },
    /// The peer gave the stream up.
    #[error("the peer gave the stream up with code {code:#x}")]
    Reset {
        /// The peer's reason.
        code: u64,
    },
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
    /// The connection is lost.
    #[error("the connection is lost")]
    Lost(#[source] Disconnect),
}

impl From<ReadError> for ReceiveError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Reset(code) => Self::Reset { code: code.into_inner() },
            ReadError::ConnectionLost(error) => Self::Lost(Disconnect::new(&error, None)),
            ReadError::ClosedStream
            | ReadError::IllegalOrderedRead
            | ReadError::ZeroRttRejected => Self::Ended,
        }
    }
}

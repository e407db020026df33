//! Bodies: of requests in the room that there is for them, of answers compressed or piece by piece.

use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};

use crate::node::kib;

/// Bodies up to this size always find room.
pub(super) const SMALL_BODY: usize = 64 * 1024;

/// Shorter bodies gain nothing from compression.
const COMPRESSED_FROM: usize = 1_024;

/// Whether a client takes bodies in gzip form.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip =
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let is_refused = parts.any(|part| {
            part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
        });
        is_gzip && !is_refused
    })
}

/// Compresses a text unless that gains nothing; tells whether it did.
pub(super) fn compressed(text: String, takes_gzip: bool) -> (Vec<u8>, bool) {
    if !takes_gzip || text.len() < COMPRESSED_FROM {
        return (text.into_bytes(), false);
    }
    match gzip(text.as_bytes()) {
        Ok(bytes) => (bytes, true),
        Err(_) => (text.into_bytes(), false),
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Bytes with the room that is kept for them.
#[derive(Debug)]
pub(super) struct Held<B> {
    pub(super) bytes: B,
    /// Given back when the bytes are gone.
    #[expect(dead_code, reason = "it only has to live")]
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Held<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// Takes room for a body if it needs any, and fails when there is none left.
pub(super) fn take_room(
    room: &Arc<Semaphore>,
    length: usize,
) -> Result<Option<OwnedSemaphorePermit>, TryAcquireError> {
    let taken = units(length).map(|units| Arc::clone(room).try_acquire_many_owned(units));
    taken.transpose()
}

/// Reads a body of up to `length` bytes as it was announced. Room is waited for only when the body
/// has shown that it is not small, so that announcing much takes nothing from others.
///
/// Gives none when the body is larger than `max` or breaks off.
pub(super) async fn read(
    mut body: axum::body::Body,
    length: usize,
    max: usize,
    room: &Arc<Semaphore>,
) -> Option<Held<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut taken = None;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if bytes.len() + data.len() > max {
            return None;
        }
        bytes.extend_from_slice(&data);
        if bytes.len() > SMALL_BODY && taken.is_none() {
            taken = Some(wait_for_room(room, length.max(bytes.len())).await.ok()?);
        }
    }
    Some(Held { bytes, room: taken.flatten() })
}

async fn wait_for_room(
    room: &Arc<Semaphore>,
    length: usize,
) -> Result<Option<OwnedSemaphorePermit>, AcquireError> {
    match units(length) {
        Some(units) => Ok(Some(Arc::clone(room).acquire_many_owned(units).await?)),
        None => Ok(None),
    }
}

/// Room is counted in KiB; small bodies need none.
fn units(length: usize) -> Option<u32> {
    (length > SMALL_BODY).then(|| u32::try_from(kib(length)).unwrap_or(u32::MAX))
}

/// A body of known length that arrives in pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) pieces: mpsc::Receiver<io::Result<Bytes>>,
    pub(super) left: u64,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match ready!(self.pieces.poll_recv(context)) {
            Some(Ok(piece)) => {
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(length);
                Some(Ok(Frame::data(piece)))
            }
            Some(Err(error)) => Some(Err(error)),
            None if self.left > 0 => {
                self.left = 0;
                Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof)))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

//! Blobs: their bytes, joined from the pieces in the store while they are sent.

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::io;
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use pandan_operations::{DocumentId, DocumentViewId, SchemaId, SystemSchema};
use pandan_schema::Value;
use pandan_store::query::Selection;
use pandan_store::{DocumentRecord, Snapshot, StoreError};
use thiserror::Error;
use tokio::sync::mpsc;

use super::body::Pieces;
use super::range::{Asked, asked};
use crate::node::Core;
use crate::publish::chain;

/// How many pieces are read at once to learn their sizes.
const PIECES_MEASURED: usize = 8;

/// How many pieces wait to be sent; for a slow client no more than these are kept in memory.
const PIECES_AHEAD: usize = 1;

/// Of how many states of blobs the sizes of pieces are remembered.
const REMEMBERED_MAX: usize = 256;

/// Pages in blobs can be looked at, but cannot do anything in the name of the node.
const SANDBOX: &str = "sandbox";

/// A state never changes; a document may.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATED: &str = "no-cache";

/// Why there are no bytes to send.
#[derive(Debug, Error)]
enum BlobError {
    #[error("Could not parse identifier: {0}")]
    Identifier(String),
    #[error("Could not find document")]
    NotFound,
    #[error("{}", chain(.0))]
    Store(#[from] StoreError),
}

/// A state of a blob.
#[derive(Debug)]
struct Blob {
    view_id: DocumentViewId,
    mime_type: String,
    length: u64,
    pieces: Vec<DocumentViewId>,
}

/// The blob in its latest state.
pub(super) async fn latest(
    State(core): State<Arc<Core>>,
    Path(document): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let found = find(&core, &document, None).await;
    respond(core, found, &method, &headers, REVALIDATED).await
}

/// The blob in one state.
pub(super) async fn state(
    State(core): State<Arc<Core>>,
    Path((document, view)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let found = find(&core, &document, Some(&view)).await;
    respond(core, found, &method, &headers, IMMUTABLE).await
}

async fn respond(
    core: Arc<Core>,
    found: Result<Blob, BlobError>,
    method: &Method,
    headers: &HeaderMap,
    caching: &'static str,
) -> Response {
    let blob = match found {
        Ok(blob) => blob,
        Err(error) => return error.into_response(),
    };
    let etag = format!("\"{}\"", blob.view_id);
    let common = [(ETAG, etag.clone()), (CACHE_CONTROL, String::from(caching))];
    if matches(headers, &IF_NONE_MATCH, &etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let sizes = match measure(&core, &blob).await {
        Ok(sizes) => sizes,
        Err(error) => return error.into_response(),
    };
    let is_current = !headers.contains_key(IF_RANGE) || matches(headers, &IF_RANGE, &etag);
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok()).filter(|_| is_current);
    let length = blob.length;
    let (status, part) = match asked(range, length) {
        Asked::Whole => (StatusCode::OK, 0..length),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Outside => {
            let whole = [(CONTENT_RANGE, format!("bytes */{length}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, common, whole).into_response();
        }
    };
    let mime_type = HeaderValue::from_str(&blob.mime_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let content_range = format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1));
    let content_length = part.end - part.start;
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => Body::new(stream(core, blob.pieces, &sizes, part)),
    };
    let mut response = (status, common, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, mime_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(content_length));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    if let (StatusCode::PARTIAL_CONTENT, Ok(value)) =
        (status, HeaderValue::from_str(&content_range))
    {
        headers.insert(CONTENT_RANGE, value);
    }
    response
}

/// Whether a header names this state: alone, in a list, weakly, or by `*`.
fn matches(headers: &HeaderMap, name: &HeaderName, etag: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == etag)
}

async fn find(core: &Core, document: &str, view: Option<&str>) -> Result<Blob, BlobError> {
    let document: DocumentId = parse(document)?;
    let view: Option<DocumentViewId> = view.map(parse).transpose()?;
    let found = core.read(move |snapshot| read_blob(snapshot, &document, view.as_ref())).await?;
    found.ok_or(BlobError::NotFound)
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, BlobError> {
    text.parse().map_err(|error: T::Err| BlobError::Identifier(error.to_string()))
}

fn read_blob(
    snapshot: &dyn Snapshot,
    document: &DocumentId,
    view: Option<&DocumentViewId>,
) -> Result<Option<Blob>, StoreError> {
    let found = match view {
        None => snapshot.documents(std::slice::from_ref(document), &Selection::All)?,
        Some(view) => snapshot.views(std::slice::from_ref(view))?,
    };
    let record = found.into_iter().flatten().find(|record| {
        record.id == *document && record.schema == SchemaId::from(SystemSchema::Blob)
    });
    Ok(record.and_then(|record| blob(&record)))
}

fn blob(record: &DocumentRecord) -> Option<Blob> {
    let (Value::Int(length), Value::Str(mime_type), Value::PinnedRelationList(pieces)) =
        (record.field("length")?, record.field("mime_type")?, record.field("pieces")?)
    else {
        return None;
    };
    Some(Blob {
        view_id: record.view_id.clone(),
        mime_type: mime_type.clone(),
        length: u64::try_from(*length).ok()?,
        pieces: pieces.clone(),
    })
}

/// Sizes of the pieces of states that were asked for lately; a state and its pieces never change.
#[derive(Debug, Default)]
pub(crate) struct Sizes(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    sizes: HashMap<DocumentViewId, Arc<[u64]>>,
    order: VecDeque<DocumentViewId>,
}

impl Sizes {
    fn find(&self, view: &DocumentViewId) -> Option<Arc<[u64]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sizes.get(view).cloned()
    }

    fn remember(&self, view: &DocumentViewId, sizes: &Arc<[u64]>) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.sizes.insert(view.clone(), Arc::clone(sizes)).is_none() {
            remembered.order.push_back(view.clone());
        }
        if remembered.order.len() > REMEMBERED_MAX
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.sizes.remove(&oldest);
        }
    }
}

/// The sizes of all pieces; a blob whose pieces are not there or do not add up is not complete.
async fn measure(core: &Core, blob: &Blob) -> Result<Arc<[u64]>, BlobError> {
    if let Some(sizes) = core.sizes.find(&blob.view_id) {
        return Ok(sizes);
    }
    // A piece may stand in many places; it is read once.
    let mut distinct: Vec<DocumentViewId> = blob.pieces.clone();
    distinct.sort();
    distinct.dedup();
    let mut known = HashMap::with_capacity(distinct.len());
    for pieces in distinct.chunks(PIECES_MEASURED) {
        let asked = pieces.to_vec();
        let records = core.read(move |snapshot| snapshot.views(&asked)).await?;
        for (piece, record) in pieces.iter().zip(records) {
            let data = record.as_ref().and_then(data).ok_or(BlobError::NotFound)?;
            known.insert(piece, u64::try_from(data.len()).unwrap_or(u64::MAX));
        }
    }
    let sizes =
        blob.pieces.iter().map(|piece| known.get(piece).copied().ok_or(BlobError::NotFound));
    let sizes = sizes.collect::<Result<Vec<u64>, _>>()?;
    let total = sizes.iter().fold(0_u64, |total, size| total.saturating_add(*size));
    if total != blob.length {
        return Err(BlobError::NotFound);
    }
    let sizes = Arc::from(sizes);
    core.sizes.remember(&blob.view_id, &sizes);
    Ok(sizes)
}

fn data(record: &DocumentRecord) -> Option<&Vec<u8>> {
    if record.schema != SchemaId::from(SystemSchema::BlobPiece) {
        return None;
    }
    if let Some(Value::Bytes(data)) = record.field("data") { Some(data) } else { None }
}

/// Sends a part of a blob, reading each piece when there is room for it.
fn stream(core: Arc<Core>, pieces: Vec<DocumentViewId>, sizes: &[u64], part: Range<u64>) -> Pieces {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let left = part.end - part.start;
    let needed = needed(pieces, sizes, &part);
    tokio::spawn(async move {
        for (piece, inside) in needed {
            let bytes = read_piece(&core, piece, inside).await;
            let is_last = bytes.is_err();
            if sender.send(bytes).await.is_err() || is_last {
                return;
            }
        }
    });
    Pieces { pieces: receiver, left }
}

/// The pieces that a part of the whole touches, and which part of each.
fn needed(
    pieces: Vec<DocumentViewId>,
    sizes: &[u64],
    part: &Range<u64>,
) -> Vec<(DocumentViewId, Range<u64>)> {
    let mut start = 0_u64;
    let mut needed = Vec::new();
    for (piece, size) in pieces.into_iter().zip(sizes) {
        let end = start.saturating_add(*size);
        let from = part.start.clamp(start, end);
        let to = part.end.clamp(start, end);
        if from < to {
            needed.push((piece, from - start..to - start));
        }
        start = end;
    }
    needed
}

async fn read_piece(core: &Core, piece: DocumentViewId, inside: Range<u64>) -> io::Result<Bytes> {
    let records =
        core.read(move |snapshot| snapshot.views(&[piece])).await.map_err(io::Error::other)?;
    let gone = || io::Error::other("a piece of the blob is gone");
    let record = records.into_iter().next().flatten().ok_or_else(gone)?;
    let data = data(&record).ok_or_else(gone)?;
    let index = |place: u64| usize::try_from(place).map_err(io::Error::other);
    let bytes = data.get(index(inside.start)?..index(inside.end)?).ok_or_else(gone)?;
    Ok(Bytes::copy_from_slice(bytes))
}

impl IntoResponse for BlobError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Identifier(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, self.to_string()).into_response()
    }
}

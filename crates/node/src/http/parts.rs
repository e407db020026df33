//! What a node holds in part, for the tools of those who run it.
//!
//! Nothing here may be read or done by pages from elsewhere: what changes something has to come as
//! JSON, of which browsers ask first whether they may send it, and they are told nothing of that.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use pandan_admission::limits::MAX_NEWEST;
use pandan_admission::{PartAsk, PartSubject};
use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::{PublicKey, hex};
use pandan_network::PeerId;
use pandan_store::{KeptEntry, KeptPart, PartSummary, StoreError};
use serde_json::{Map, Value, json};
use thiserror::Error as ThisError;

use super::body::{SMALL_BODY, read};
use crate::graphql::{self, Error};
use crate::node::Core;
use crate::publish::{chain, store_code};
use crate::sync::{AskError, AskOptions, Asked, Completed};

/// Why there is no answer.
#[derive(Debug, ThisError)]
enum Refused {
    #[error("the content type has to be application/json")]
    ContentType,
    #[error("expected a JSON object of at most {SMALL_BODY} bytes")]
    Body,
    #[error("\"{name}\" has to be {expected}")]
    Member { name: &'static str, expected: &'static str },
    #[error("\"newest\" has to be a number from 1 to {MAX_NEWEST}")]
    Newest,
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Answer = Result<Response, Refused>;

/// `GET /parts`: all that is held in part.
pub(super) async fn list(State(core): State<Arc<Core>>) -> Result<Response, impl IntoResponse> {
    let parts = core.read(|snapshot| snapshot.parts()).await.map_err(Refused::from)?;
    let parts: Vec<_> = parts.iter().map(summary).collect();
    Ok::<_, Refused>(answer(json!({ "parts": parts })))
}

/// `GET /parts/<document>`: a document with its entries.
pub(super) async fn document(
    State(core): State<Arc<Core>>,
    Path(document): Path<String>,
) -> Result<Response, impl IntoResponse> {
    let document = document.parse().map_err(|_| member("document", DOCUMENT))?;
    kept(&core, PartSubject::Document(document)).await
}

/// `GET /parts/<author>/<log id>`: the newest part of a log with its entries.
pub(super) async fn log(
    State(core): State<Arc<Core>>,
    Path((author, log_id)): Path<(String, String)>,
) -> Result<Response, impl IntoResponse> {
    let author = author.parse().map_err(|_| member("author", AUTHOR))?;
    let log_id = log_id.parse().map_err(|_| member("log_id", LOG_ID))?;
    kept(&core, PartSubject::Log { author, log_id }).await
}

/// `POST /parts`: asks for a part.
pub(super) async fn ask(
    State(core): State<Arc<Core>>,
    request: Request,
) -> Result<Response, impl IntoResponse> {
    let members = members(&core, request).await?;
    let ask = match subject(&members)? {
        PartSubject::Document(id) => PartAsk::Document(id),
        PartSubject::Log { author, log_id } => {
            PartAsk::Newest { author, log_id, count: newest(&members)? }
        }
    };
    let mut options = AskOptions { peer: peer(&members)?, ..AskOptions::default() };
    options.without_payloads = match members.get("without_payloads") {
        None => false,
        Some(Value::Bool(without)) => *without,
        Some(_) => return Err(member("without_payloads", "true or false")),
    };
    Ok(asked(&core.ask(ask, options).await?))
}

/// `POST /parts/payloads`: asks for what was left out of a part.
pub(super) async fn payloads(
    State(core): State<Arc<Core>>,
    request: Request,
) -> Result<Response, impl IntoResponse> {
    let members = members(&core, request).await?;
    let (subject, peer) = (subject(&members)?, peer(&members)?);
    Ok::<_, Refused>(asked(&core.fetch_payloads(subject, peer).await?))
}

/// `POST /parts/complete`: asks for all of a document.
pub(super) async fn complete(
    State(core): State<Arc<Core>>,
    request: Request,
) -> Result<Response, impl IntoResponse> {
    let members = members(&core, request).await?;
    let (subject, peer) = (subject(&members)?, peer(&members)?);
    let completed = core.complete(subject, peer).await?;
    let is_held = core.read(move |snapshot| snapshot.part(&subject)).await?.is_some();
    let completed = completed.map(|Completed { peer, stored, known, waiting, refused }| {
        json!({
            "peer": peer.to_string(),
            "stored": stored,
            "known": known,
            "waiting": waiting,
            "refused": refused,
        })
    });
    Ok::<_, Refused>(answer(json!({ "completed": completed, "held_in_part": is_held })))
}

/// `POST /parts/forget`: lets a part go.
pub(super) async fn forget(
    State(core): State<Arc<Core>>,
    request: Request,
) -> Result<Response, impl IntoResponse> {
    let members = members(&core, request).await?;
    let was_held = core.forget_part(subject(&members)?).await?;
    Ok::<_, Refused>(answer(json!({ "forgotten": was_held })))
}

const DOCUMENT: &str = "the id of a document";
const AUTHOR: &str = "the public key of an author";
const LOG_ID: &str = "the number of a log, as text";

const fn member(name: &'static str, expected: &'static str) -> Refused {
    Refused::Member { name, expected }
}

/// The object that was sent.
async fn members(core: &Core, request: Request) -> Result<Map<String, Value>, Refused> {
    let is_json = is_json(request.headers());
    let reading = read(request.into_body(), SMALL_BODY, SMALL_BODY, &core.bodies);
    let reading = tokio::time::timeout(core.limits.request_time, reading).await;
    // Read in any case: a connection with a body that nobody read is of no use for what comes next.
    let body = reading.ok().flatten();
    if !is_json {
        return Err(Refused::ContentType);
    }
    let body = body.ok_or(Refused::Body)?;
    match super::json::parse(&body.bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Refused::Body),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name).and_then(Value::as_str)
}

fn subject(members: &Map<String, Value>) -> Result<PartSubject, Refused> {
    if members.contains_key("document") {
        let id = text(members, "document").and_then(|text| text.parse().ok());
        return id.map(PartSubject::Document).ok_or(member("document", DOCUMENT));
    }
    let author: Option<PublicKey> = text(members, "author").and_then(|text| text.parse().ok());
    let log_id: Option<LogId> = text(members, "log_id").and_then(|text| text.parse().ok());
    Ok(PartSubject::Log {
        author: author.ok_or(member("author", AUTHOR))?,
        log_id: log_id.ok_or(member("log_id", LOG_ID))?,
    })
}

fn newest(members: &Map<String, Value>) -> Result<u64, Refused> {
    let count = members.get("newest").and_then(Value::as_u64);
    count.filter(|count| (1..=MAX_NEWEST).contains(count)).ok_or(Refused::Newest)
}

fn peer(members: &Map<String, Value>) -> Result<Option<PeerId>, Refused> {
    match members.get("peer") {
        None | Some(Value::Null) => Ok(None),
        Some(peer) => {
            let peer = peer.as_str().and_then(|peer| peer.parse().ok());
            peer.map(Some).ok_or(member("peer", "the id of a node"))
        }
    }
}

async fn kept(core: &Core, subject: PartSubject) -> Answer {
    let kept = core.read(move |snapshot| snapshot.part(&subject)).await?;
    let kept: KeptPart = kept.ok_or(AskError::NoPart)?;
    let entries = kept.entries.iter().map(|KeptEntry { entry, payload, is_asked }| {
        json!({
            "entry": hex::encode(entry.as_bytes()),
            "operation": payload.as_deref().map(hex::encode),
            "asked": is_asked,
        })
    });
    let entries: Vec<_> = entries.collect();
    Ok(answer(json!({ "part": summary(&kept.summary()), "entries": entries })))
}

fn asked(asked: &Asked) -> Response {
    answer(match asked {
        Asked::Kept(part) => json!({ "outcome": "kept", "part": summary(part) }),
        Asked::Stored { peer } => json!({ "outcome": "stored", "peer": peer.to_string() }),
        Asked::Nothing => json!({ "outcome": "nothing" }),
        Asked::TooMuch { peer } => json!({ "outcome": "too_much", "peer": peer.to_string() }),
        Asked::Forked(proofs) => {
            let forks = proofs.iter().map(|proof| {
                json!({
                    "author": proof.public_key().to_string(),
                    "log_id": proof.log_id().to_string(),
                    "seq_num": proof.seq_num().to_string(),
                })
            });
            json!({ "outcome": "forked", "forks": forks.collect::<Vec<_>>() })
        }
    })
}

fn summary(part: &PartSummary) -> Value {
    let mut members = match part.ask {
        PartAsk::Document(id) => json!({ "document": id.to_string() }),
        PartAsk::Newest { author, log_id, count } => json!({
            "author": author.to_string(),
            "log_id": log_id.to_string(),
            "newest": count,
            "latest": part.latest.map(SeqNum::number).map(|number| number.to_string()),
        }),
    };
    let peer = PublicKey::from_bytes(&part.teller.peer).ok().map(PeerId::from);
    members["told_by"] = json!(peer.map(|peer| peer.to_string()));
    members["told_unix_seconds"] = json!(part.teller.unix_seconds);
    if let Some(state) = &part.state {
        members["view"] = json!(state.view.to_string());
        members["deleted"] = json!(state.fields.is_empty());
        let fields = state.fields.iter().map(|(name, operation)| {
            json!({ "name": name.as_str(), "operation": operation.to_string() })
        });
        members["fields"] = fields.collect();
    }
    members["entries"] = json!(part.entries);
    members["asked"] = json!(part.asked);
    members["without_payload"] = json!(part.lacking);
    members["bytes"] = json!(part.bytes);
    members
}

fn answer(body: Value) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

impl Refused {
    const fn status(&self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body | Self::Member { .. } | Self::Newest => StatusCode::BAD_REQUEST,
            Self::Ask(AskError::Offline | AskError::NotConnected) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Ask(AskError::NoPart) => StatusCode::NOT_FOUND,
            Self::Ask(AskError::Full { .. }) => StatusCode::CONFLICT,
            Self::Ask(AskError::Store(_) | AskError::Internal) | Self::Store(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Ask(_) => StatusCode::BAD_GATEWAY,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ContentType | Self::Body | Self::Member { .. } | Self::Newest => "BAD_REQUEST",
            Self::Ask(error) => error.code(),
            Self::Store(error) => store_code(error),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = Error::new(self.code(), chain(&self));
        let body = graphql::Response::refused(vec![error]).to_json();
        (self.status(), [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

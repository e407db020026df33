//! GraphQL over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, Request as HttpRequest, State};
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response as HttpResponse};
use hyper::body::Body;
use serde_json::Value;
use thiserror::Error as ThisError;

use super::body::{Held, compressed, take_room, takes_gzip};
use super::json::{self, JsonError};
use crate::graphql::{Error, Request, Response, code};
use crate::node::Core;

/// The page to write queries on.
const PAGE: &str = include_str!("page.html");

/// Everything the page needs is in it; nothing may be loaded from elsewhere.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                           connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

/// A request over HTTP that does not get as far as GraphQL.
#[derive(Debug, ThisError)]
enum BadRequest {
    #[error("the body is larger than {0} bytes, or was broken off")]
    Body(usize),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("several requests at once (a JSON array) are not supported")]
    Batch,
    #[error(
        "expected a JSON object with \"query\", and \"variables\" and \"operationName\" if needed"
    )]
    Shape,
    #[error("\"{name}\" has to be {expected}")]
    Member { name: &'static str, expected: &'static str },
    #[error("no query was given; send one as \"query\"")]
    NoQuery,
    #[error("the request took too long to arrive")]
    Slow,
    #[error("too many large answers are on their way to clients; try again later")]
    Busy,
    #[error("only queries can be asked with GET; use POST for mutations")]
    MutationByGet,
}

/// `POST /graphql`. The content type is not looked at: deployed clients send several.
pub(super) async fn post(State(core): State<Arc<Core>>, request: HttpRequest) -> HttpResponse {
    let gzip = takes_gzip(request.headers());
    let reading = tokio::time::timeout(core.limits.request_time, read(&core, request));
    match reading.await.unwrap_or(Err(BadRequest::Slow)) {
        Ok(body) => answer(&core, body.bytes.len(), move || parse(&body.bytes), gzip).await,
        Err(refused) => refused.into_response(),
    }
}

/// `GET /graphql`, also from a browser that only wants the page.
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    Query(mut parameters): Query<HashMap<String, String>>,
) -> HttpResponse {
    let gzip = takes_gzip(&headers);
    let Some(query) = parameters.remove("query") else {
        return if wants_page(&headers) { page(gzip) } else { BadRequest::NoQuery.into_response() };
    };
    let request = match from_parameters(query, &mut parameters) {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    if request.is_mutation() {
        return BadRequest::MutationByGet.into_response();
    }
    answer(&core, request.weight(), move || Ok(request), gzip).await
}

/// Programs that ask for JSON only are told what is missing instead.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    accepted.contains("text/html") || accepted.contains("*/*")
}

fn page(gzip: bool) -> HttpResponse {
    let (body, is_gzip) = compressed(String::from(PAGE), gzip);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (axum::http::header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (axum::http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (axum::http::header::REFERRER_POLICY, "no-referrer"),
    ];
    encoded((headers, body).into_response(), is_gzip)
}

async fn answer(
    core: &Arc<Core>,
    weight: usize,
    read: impl FnOnce() -> Result<Request, BadRequest> + Send + 'static,
    gzip: bool,
) -> HttpResponse {
    let finish = move |response: Response| compressed(response.to_json(), gzip);
    let sent = match core.answer(weight, read, finish).await {
        Ok((text, is_gzip)) => hold(core, text).map(|body| (body, is_gzip)),
        Err(refused) => Err(refused),
    };
    match sent {
        Ok((body, is_gzip)) => {
            let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
            encoded((headers, body).into_response(), is_gzip)
        }
        Err(refused) => refused.into_response(),
    }
}

/// Takes room for an answer until it is sent; clients may read slowly, or not at all.
fn hold(core: &Core, text: Vec<u8>) -> Result<Bytes, BadRequest> {
    let room = take_room(&core.answers, text.len()).map_err(|_| BadRequest::Busy)?;
    Ok(Bytes::from_owner(Held { bytes: text, room }))
}

fn encoded(mut response: HttpResponse, is_gzip: bool) -> HttpResponse {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Reads the body of a request, and keeps room for it as long as it lives.
async fn read(core: &Core, request: HttpRequest) -> Result<Held<Vec<u8>>, BadRequest> {
    let max = core.limits.body_bytes;
    let length = request.body().size_hint().upper().and_then(|length| usize::try_from(length).ok());
    let length = length.unwrap_or(max);
    if length > max {
        return Err(BadRequest::Body(max));
    }
    super::body::read(request.into_body(), length, max, &core.bodies)
        .await
        .ok_or(BadRequest::Body(max))
}

fn parse(body: &[u8]) -> Result<Request, BadRequest> {
    let mut members = match json::parse(body)? {
        Value::Object(members) => members,
        Value::Array(_) => return Err(BadRequest::Batch),
        _ => return Err(BadRequest::Shape),
    };
    let query = match members.remove("query") {
        Some(Value::String(query)) => query,
        None | Some(Value::Null) => String::new(),
        Some(_) => return Err(BadRequest::Member { name: "query", expected: "a string" }),
    };
    let request = named(Request::new(query), members.remove("operationName"))?;
    with_variables(request, members.remove("variables"))
}

fn from_parameters(
    query: String,
    parameters: &mut HashMap<String, String>,
) -> Result<Request, BadRequest> {
    let name = parameters.remove("operationName").filter(|name| !name.is_empty());
    let request = named(Request::new(query), name.map(Value::String))?;
    let variables = parameters.remove("variables").filter(|text| !text.is_empty());
    let variables = variables.map(|text| json::parse(text.as_bytes())).transpose();
    with_variables(request, variables?)
}

fn named(request: Request, name: Option<Value>) -> Result<Request, BadRequest> {
    match name {
        None | Some(Value::Null) => Ok(request),
        Some(Value::String(name)) => Ok(request.operation(name)),
        Some(_) => Err(BadRequest::Member { name: "operationName", expected: "a string" }),
    }
}

fn with_variables(request: Request, variables: Option<Value>) -> Result<Request, BadRequest> {
    match variables {
        None | Some(Value::Null) => Ok(request),
        Some(Value::Object(variables)) => Ok(request.variables(variables)),
        Some(_) => Err(BadRequest::Member { name: "variables", expected: "an object" }),
    }
}

impl BadRequest {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Body(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Json(JsonError::Heavy(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MutationByGet => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::Body(_) => "BODY_TOO_LARGE",
            Self::Slow => code::TIMEOUT,
            Self::Busy => "OVERLOADED",
            Self::Json(JsonError::Heavy(_)) => code::LIMIT,
            Self::Batch => "BATCH_NOT_SUPPORTED",
            Self::MutationByGet => "MUTATION_NOT_ALLOWED",
            _ => "BAD_REQUEST",
        }
    }
}

impl IntoResponse for BadRequest {
    fn into_response(self) -> HttpResponse {
        let body = Response::refused(vec![Error::new(self.code(), &self)]).to_json();
        let headers = [(CONTENT_TYPE, "application/json")];
        let mut response = (self.status(), headers, body).into_response();
        if let Self::MutationByGet = self {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

//! Lets pages of every origin use the node.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// How long a browser may remember what it is allowed to do.
const REMEMBERED_SECONDS: HeaderValue = HeaderValue::from_static("86400");

/// Asked by browsers before a page from elsewhere reaches a node on this machine.
const PRIVATE_NETWORK_ASKED: HeaderName =
    HeaderName::from_static("access-control-request-private-network");

const PRIVATE_NETWORK_ALLOWED: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

/// Answers preflights, and marks every other answer as readable.
pub(super) async fn cors(request: Request, next: Next) -> Response {
    let asks_private = request.headers().contains_key(PRIVATE_NETWORK_ASKED);
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = if is_preflight { ().into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.append(
        VARY,
        HeaderValue::from_static(
            "origin, access-control-request-method, access-control-request-headers",
        ),
    );
    if is_preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST,OPTIONS"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED_SECONDS);
        if asks_private {
            headers.insert(PRIVATE_NETWORK_ALLOWED, HeaderValue::from_static("true"));
        }
    } else {
        let readable = HeaderValue::from_static("accept-ranges,content-length,content-range,etag");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
    response
}

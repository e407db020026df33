//! Whether the node works.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::node::Core;

/// A node that cannot count in this time is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads from the store, and looks whether the writer is there.
pub(super) async fn health(State(core): State<Arc<Core>>) -> Response {
    let counts = tokio::time::timeout(PATIENCE, core.read(|snapshot| snapshot.counts())).await;
    let is_writing = core.is_writing();
    let about = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": core.started.elapsed().as_secs(),
        "schemas": core.catalog.api().len(),
    });
    let (status, mut body) = match counts {
        Ok(Ok(counts)) if is_writing => (
            StatusCode::OK,
            json!({
                "status": "ok",
                "entries": counts.entries,
                "documents": counts.documents,
                "deleted_documents": counts.deleted,
                "logs": counts.logs,
                "authors": counts.authors,
            }),
        ),
        Ok(Ok(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "the writer has stopped" }))
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "reading takes too long" })),
        Ok(Err(error)) => {
            (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": crate::publish::chain(&error) }))
        }
    };
    if let (Some(body), Some(about)) = (body.as_object_mut(), about.as_object()) {
        body.extend(about.clone());
    }
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

//! The node over HTTP.
//!
//! | method, path | answer |
//! |---|---|
//! | `POST /graphql` | the answer to a GraphQL request |
//! | `GET /graphql?query=…` | the same, for queries |
//! | `GET /graphql` | a page to write queries on, which needs nothing from elsewhere |
//! | `GET /blobs/<document>` | the bytes of a blob in its latest state (`/blob/…` too) |
//! | `GET /blobs/<document>/<view>` | the bytes of a blob in one state |
//! | `GET /health` | whether the node works, and how much it stores |
//! | `GET /peers` | the nodes that this one replicates with, and how that gets on |
//! | `GET /parts` | what is held in part |
//! | `GET /parts/<document>`, `GET /parts/<author>/<log id>` | one of them, with its entries |
//! | `POST /parts` | asks peers for a document at its latest view, or the newest part of a log |
//! | `POST /parts/payloads` | asks for the payloads that were left out |
//! | `POST /parts/complete` | asks for all of a document |
//! | `POST /parts/forget` | lets a part go |
//! | `GET /metrics` | counts for Prometheus |
//!
//! Answers may be read by pages of any origin: nothing in them depends on who asks. Not so those
//! about peers and parts, where it stands who is in touch with whom; and what asks peers for
//! something takes JSON only, which pages from elsewhere may not send.

mod blobs;
mod body;
mod cors;
mod graphql;
mod health;
mod json;
mod metrics;
mod parts;
mod patient;
mod peers;
mod range;
mod server;
mod slots;
mod watched;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
pub(crate) use blobs::Sizes;
pub(crate) use server::Server;

use crate::node::Core;

fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/blobs/{document}", get(blobs::latest))
        .route("/blobs/{document}/{view}", get(blobs::state))
        .route("/blob/{document}", get(blobs::latest))
        .route("/blob/{document}/{view}", get(blobs::state))
        .route("/health", get(health::health))
        .layer(middleware::from_fn(cors::cors))
        .route("/peers", get(peers::peers))
        .route("/parts", get(parts::list).post(parts::ask))
        .route("/parts/{document}", get(parts::document))
        .route("/parts/{author}/{log_id}", get(parts::log))
        .route("/parts/payloads", post(parts::payloads))
        .route("/parts/complete", post(parts::complete))
        .route("/parts/forget", post(parts::forget))
        .route("/metrics", get(metrics::metrics))
        .with_state(core)
}

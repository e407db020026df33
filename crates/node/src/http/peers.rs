//! How replication gets on, for the tools of those who run the node.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use pandan_operations::SchemaId;
use pandan_replication::Phase;
use serde_json::{Value, json};

use crate::node::Core;
use crate::sync::{ForksStatus, PeerStatus, SchemaStatus, SessionStatus, SyncStatus, Totals};

/// All peers with their sessions; `replicates` is false, and nobody there, when the node is
/// offline.
pub(super) async fn peers(State(core): State<Arc<Core>>) -> Response {
    let status = core.sync_status();
    let replicates = status.is_some();
    let SyncStatus { peers, totals, forks, .. } = status.unwrap_or_default();
    let peers: Vec<_> = peers.iter().map(peer).collect();
    let body = json!({
        "replicates": replicates,
        "peers": peers,
        "totals": totals_of(&totals),
        "forks": forks_of(&forks),
    });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn peer(status: &PeerStatus) -> Value {
    json!({
        "peer": status.peer.to_string(),
        "address": status.address.to_string(),
        "incoming": status.is_incoming,
        "connected": status.is_connected,
        "version": status.version,
        "agreed_unix_seconds": status.agreed.and_then(unix_seconds),
        "left_unix_seconds": status.left.and_then(unix_seconds),
        "failure": status.failure,
        "session": status.session.as_ref().map(session),
        "totals": totals_of(&status.totals),
        "schemas": status.schemas.iter().map(schema).collect::<Vec<_>>(),
    })
}

fn schema((id, status): (&SchemaId, &SchemaStatus)) -> Value {
    json!({
        "schema": id.to_string(),
        "wanted": status.wanted,
        "missing": status.missing,
        "percent": status.percent(),
        "received": status.received,
        "bytes_in": status.bytes_in,
        "sent": status.sent,
        "bytes_out": status.bytes_out,
        "agreed_unix_seconds": status.agreed.and_then(unix_seconds),
    })
}

fn forks_of(forks: &ForksStatus) -> Value {
    let latest = forks.latest.iter().map(|fork| {
        json!({
            "author": fork.author.to_string(),
            "log_id": fork.log_id.number().to_string(),
            "seq_num": fork.seq_num.number().to_string(),
            "document": fork.document.map(|document| document.to_string()),
            "at_unix_seconds": unix_seconds(fork.at),
        })
    });
    json!({ "known": forks.known, "latest": latest.collect::<Vec<_>>() })
}

fn session(status: &SessionStatus) -> Value {
    json!({
        "phase": phase(status.phase),
        "schemas": status.schemas,
        "expected": status.expected,
        "percent": status.percent,
        "totals": totals_of(&status.totals),
    })
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Opening => "opening",
        Phase::Comparing => "comparing",
        Phase::Transferring => "transferring",
        Phase::Live => "live",
        Phase::Over => "over",
    }
}

fn totals_of(totals: &Totals) -> Value {
    json!({
        "sessions": totals.sessions,
        "failed": totals.failed,
        "received": totals.received,
        "stored": totals.stored,
        "known": totals.known,
        "waiting": totals.waiting,
        "refused": totals.refused,
        "sent": totals.sent,
        "bytes_in": totals.bytes_in,
        "bytes_out": totals.bytes_out,
    })
}

fn unix_seconds(time: SystemTime) -> Option<u64> {
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

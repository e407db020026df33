//! Counts in the text format of Prometheus (version 0.0.4).

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use pandan_replication::legacy;
use pandan_store::{Counts, StoreError};

use crate::node::Core;
use crate::sync::{PeerStatus, SyncStatus, Totals};

/// Everything that is counted. Peers are named by their ids, those that are gone included, as far
/// as the node remembers them.
pub(super) async fn metrics(State(core): State<Arc<Core>>) -> Response {
    match core.read(|snapshot| snapshot.counts()).await {
        Ok(counts) => {
            let text = text(&core, &counts);
            let kind = (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
            ([kind, (CACHE_CONTROL, "no-store")], text).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

fn unavailable(error: &StoreError) -> Response {
    let text = crate::publish::chain(error);
    (StatusCode::SERVICE_UNAVAILABLE, [(CACHE_CONTROL, "no-store")], text).into_response()
}

fn text(core: &Core, counts: &Counts) -> String {
    let mut page = Page::default();
    page.gauge("pandan_uptime_seconds", "Time since the start.", core.started.elapsed().as_secs());
    page.gauge("pandan_entries", "Stored entries.", counts.entries);
    page.gauge("pandan_documents", "Documents, deleted ones included.", counts.documents);
    page.gauge("pandan_documents_deleted", "Deleted documents.", counts.deleted);
    page.gauge("pandan_logs", "Logs.", counts.logs);
    page.gauge("pandan_authors", "Authors.", counts.authors);
    page.gauge("pandan_schemas", "Schemas.", counts.schemas);
    page.gauge("pandan_forks", "Frozen logs.", counts.forks);
    page.gauge("pandan_writer_queue", "Jobs that wait for the writer.", core.queued());
    let waiting = core.counters.waiting();
    page.gauge("pandan_waiting_entries", "Entries that came before what they need.", waiting);
    page.family("pandan_refused_total", "counter", "Entries that were refused, by reason.");
    for (door, code, count) in core.counters.all_refused() {
        let labels = format!("door=\"{door}\",reason=\"{code}\"");
        page.sample("pandan_refused_total", &labels, count);
    }
    if let Some(status) = core.sync_status() {
        page.replication(&status);
    }
    page.0
}

#[derive(Debug, Default)]
struct Page(String);

/// A count of replication: its name, what it says, and how it is found.
type Count = (&'static str, &'static str, fn(&Totals) -> u64);

const COUNTS: [Count; 8] = [
    ("pandan_sync_sessions_total", "Sessions that have ended.", |totals| totals.sessions),
    ("pandan_sync_sessions_failed_total", "Sessions that have failed.", |totals| totals.failed),
    ("pandan_sync_entries_received_total", "Entries that came.", |totals| totals.received),
    ("pandan_sync_entries_stored_total", "Of these, those stored.", |totals| totals.stored),
    ("pandan_sync_entries_refused_total", "Of these, those refused.", |totals| totals.refused),
    ("pandan_sync_entries_sent_total", "Entries that were sent.", |totals| totals.sent),
    ("pandan_sync_received_bytes_total", "Bytes of frames that came.", |totals| totals.bytes_in),
    ("pandan_sync_sent_bytes_total", "Bytes of frames that went.", |totals| totals.bytes_out),
];

impl Page {
    fn replication(&mut self, status: &SyncStatus) {
        let connected = status.peers.iter().filter(|peer| peer.is_connected).count();
        self.gauge("pandan_peers_connected", "Peers that are connected.", connected);
        let is_old = |peer: &&PeerStatus| peer.is_connected && peer.version == legacy::VERSION;
        let old = status.peers.iter().filter(is_old).count();
        self.gauge("pandan_peers_legacy", "Of these, those that speak version 1.", old);
        let expected = |peer: &PeerStatus| peer.session.map_or(0, |session| session.expected);
        let expected: u64 = status.peers.iter().map(expected).sum();
        self.gauge("pandan_sync_entries_expected", "Entries that peers announced.", expected);
        let label = |peer: &PeerStatus| format!("peer=\"{}\"", peer.peer);
        let peers: Vec<_> =
            status.peers.iter().map(|peer| (label(peer), peer.totals_so_far())).collect();
        for (name, what, count) in COUNTS {
            self.family(name, "counter", what);
            for (label, totals) in &peers {
                self.sample(name, label, count(totals));
            }
        }
    }

    fn gauge(&mut self, name: &str, what: &str, value: impl Display) {
        self.family(name, "gauge", what);
        // Writing to a `String` does not fail.
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn family(&mut self, name: &str, kind: &str, what: &str) {
        let _ = writeln!(self.0, "# HELP {name} {what}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }
}

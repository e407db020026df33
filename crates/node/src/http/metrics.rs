//! Counts in the text format of Prometheus (version 0.0.4).

use std::collections::BTreeMap;
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
/// as the node remembers them: there are never more names than it can have connections and
/// remembers peers.
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
    page.stored(counts);
    page.queues(core);
    page.family("pandan_refused_total", "counter", "Entries that were refused, by reason.");
    for (door, code, count) in core.counters.all_refused() {
        page.sample("pandan_refused_total", &[("door", door), ("reason", code)], count);
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

/// In the place of the ids of peers that are not remembered any more, so that sums never shrink.
const FORGOTTEN: &str = "forgotten";

impl Page {
    fn stored(&mut self, counts: &Counts) {
        self.gauge("pandan_entries", "Stored entries.", counts.entries);
        self.gauge("pandan_documents", "Documents, deleted ones included.", counts.documents);
        self.gauge("pandan_documents_deleted", "Deleted documents.", counts.deleted);
        self.gauge("pandan_logs", "Logs.", counts.logs);
        self.gauge("pandan_authors", "Authors.", counts.authors);
        self.gauge("pandan_schemas", "Schemas.", counts.schemas);
        self.gauge("pandan_forks", "Frozen logs.", counts.forks);
    }

    fn queues(&mut self, core: &Core) {
        self.gauge("pandan_writer_queue", "Jobs that wait for the writer.", core.queued());
        let (waiting, bytes) = core.counters.waiting();
        let what = "Entries that came before what they need.";
        self.gauge("pandan_waiting_entries", what, waiting);
        self.gauge("pandan_waiting_bytes", "Bytes of these entries.", bytes);
        let what = "Reads of the store under way for clients and peers.";
        self.gauge("pandan_reads_running", what, core.reading());
        let Some(sync) = core.sync() else { return };
        let what = "Reports of tasks that wait for the driver of sessions.";
        self.gauge("pandan_sync_queue", what, sync.queued());
        let what = "Batches of news that wait for the driver of sessions.";
        self.gauge("pandan_news_queue", what, core.news_queued());
    }

    fn replication(&mut self, status: &SyncStatus) {
        let count =
            |which: fn(&PeerStatus) -> bool| status.peers.iter().filter(|peer| which(peer)).count();
        let connected = count(|peer| peer.is_connected);
        self.gauge("pandan_peers_connected", "Peers that are connected.", connected);
        let old = count(|peer| peer.is_connected && peer.version == legacy::VERSION);
        self.gauge("pandan_peers_legacy", "Of these, those that speak version 1.", old);
        let sessions = count(|peer| peer.session.is_some());
        self.gauge("pandan_sync_sessions", "Sessions of version 2 under way.", sessions);
        let expected = |peer: &PeerStatus| peer.session.map_or(0, |session| session.expected);
        let expected: u64 = status.peers.iter().map(expected).sum();
        self.gauge("pandan_sync_entries_expected", "Entries that peers announced.", expected);
        self.totals(status);
        let name = "pandan_sync_failures_total";
        self.family(name, "counter", "Sessions that have failed, by reason.");
        for ((version, reason), count) in &status.failures {
            let version = version.to_string();
            self.sample(name, &[("protocol", &version), ("reason", reason)], count);
        }
        let name = "pandan_connections_refused_total";
        self.family(name, "counter", "Connections that were not let in, by reason.");
        for (reason, count) in &status.turned_away {
            self.sample(name, &[("reason", reason)], count);
        }
    }

    /// What went over the wire, by peer and version of the protocol.
    fn totals(&mut self, status: &SyncStatus) {
        let rows = |name: String, versions: BTreeMap<u64, Totals>| {
            let row =
                move |(version, totals): (u64, Totals)| (name.clone(), version.to_string(), totals);
            versions.into_iter().map(row)
        };
        let peers = status.peers.iter();
        let peers = peers.flat_map(|peer| rows(peer.peer.to_string(), peer.totals_so_far()));
        let forgotten = rows(String::from(FORGOTTEN), status.forgotten.clone());
        let rows: Vec<_> = peers.chain(forgotten).collect();
        for (name, what, count) in COUNTS {
            self.family(name, "counter", what);
            for (peer, version, totals) in &rows {
                self.sample(name, &[("peer", peer), ("protocol", version)], count(totals));
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

    /// Values of labels are ids, numbers and codes: nothing in them has to be escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> =
            labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let _ = writeln!(self.0, "{name}{{{}}} {value}", labels.join(","));
    }
}

//! How replication gets on, for people and programs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use pandan_network::{Direction, PeerId};
use pandan_operations::SchemaId;
use pandan_replication::{End, Phase, SchemaCounts, Status};
use pandan_store::Frozen;
use tokio::sync::watch;

use super::forks::ForksStatus;
use super::schemas::{self, SchemaStatus};

/// How a node replicates at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncStatus {
    /// The peers that are connected, and those that were since the start, by id.
    pub peers: Vec<PeerStatus>,
    /// What went over the wire with all of them, also with those that are forgotten.
    pub totals: Totals,
    /// Logs that have forked.
    pub forks: ForksStatus,
}

/// How a node replicates with a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStatus {
    /// Who.
    pub peer: PeerId,
    /// Where it is, or was.
    pub address: SocketAddr,
    /// Whether the peer has dialled.
    pub is_incoming: bool,
    /// Whether it is connected.
    pub is_connected: bool,
    /// The version of the protocol that is spoken with it.
    pub version: u64,
    /// The session under way; none with version 1, whose sessions are short.
    pub session: Option<SessionStatus>,
    /// All sessions since the start.
    pub totals: Totals,
    /// The same by schema, as far as entries tell theirs; only with version 2.
    pub schemas: BTreeMap<SchemaId, SchemaStatus>,
    /// When both had the same for the last time.
    pub agreed: Option<SystemTime>,
    /// Why the last session failed, unless a later one did not.
    pub failure: Option<String>,
}

/// How a session gets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStatus {
    /// What it does.
    pub phase: Phase,
    /// How many schemas it is about.
    pub schemas: usize,
    /// Entries that the peer has announced and that have not come; its claim.
    pub expected: u64,
    /// Entries that came, of those that come.
    pub percent: u8,
    /// What went over the wire.
    pub totals: Totals,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Sessions that have ended.
    pub sessions: u64,
    /// Of these, those that failed.
    pub failed: u64,
    /// Entries that came.
    pub received: u64,
    /// Of these, those that are stored now.
    pub stored: u64,
    /// Of these, those that were stored before.
    pub known: u64,
    /// Of these, those that came before something that they need.
    pub waiting: u64,
    /// Of these, those that broke a rule.
    pub refused: u64,
    /// Entries that were sent.
    pub sent: u64,
    /// Bytes of frames that came.
    pub bytes_in: u64,
    /// Bytes of frames that went.
    pub bytes_out: u64,
}

/// How many peers that are gone are remembered.
const GONE_MAX: usize = 256;

/// Where the driver writes and everybody reads.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    peers: BTreeMap<PeerId, PeerStatus>,
    totals: Totals,
    forks: ForksStatus,
}

impl Default for Board {
    fn default() -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Board {
    pub(super) fn status(&self) -> SyncStatus {
        let state = self.lock();
        let mut totals = state.totals;
        let running = state.peers.values().filter_map(|peer| peer.session);
        running.for_each(|session| totals.add(&session.totals));
        let peers = state.peers.values().cloned().collect();
        SyncStatus { peers, totals, forks: state.forks.clone() }
    }

    /// So many logs have forked.
    pub(super) fn know_forks(&self, known: u64) {
        self.change(|state| state.forks.known = known);
    }

    /// A fork was found.
    pub(super) fn fork(&self, frozen: &Frozen) {
        self.change(|state| state.forks.found(frozen));
    }

    /// Counts changes, for those who wait for one.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn connected(
        &self,
        peer: PeerId,
        address: SocketAddr,
        direction: Direction,
        version: u64,
    ) {
        self.change(|state| {
            let new = || PeerStatus {
                peer,
                address,
                is_incoming: false,
                is_connected: false,
                version,
                session: None,
                totals: Totals::default(),
                schemas: BTreeMap::new(),
                agreed: None,
                failure: None,
            };
            let status = state.peers.entry(peer).or_insert_with(new);
            status.address = address;
            status.version = version;
            status.is_incoming = direction == Direction::Incoming;
            status.is_connected = true;
        });
    }

    /// The peer turned out to speak another version.
    pub(super) fn speaks(&self, peer: &PeerId, version: u64) {
        self.change(|state| {
            if let Some(status) = state.peers.get_mut(peer) {
                status.version = version;
            }
        });
    }

    pub(super) fn disconnected(&self, peer: &PeerId) {
        self.change(|state| {
            let State { peers, totals, .. } = state;
            if let Some(status) = peers.get_mut(peer) {
                status.is_connected = false;
                status.end(totals, &[], None);
            }
            let gone = || peers.values().filter(|status| !status.is_connected);
            if gone().count() > GONE_MAX
                && let Some(first) = gone().next().map(|status| status.peer)
            {
                peers.remove(&first);
            }
        });
    }

    /// How the session with a peer gets on, and what was counted of schemas since that was told.
    pub(super) fn progress(
        &self,
        peer: &PeerId,
        schemas: &[SchemaId],
        status: &Status,
        counts: Vec<(SchemaId, SchemaCounts)>,
    ) {
        let session = SessionStatus::of(schemas.len(), status);
        let is_same = self.lock().peers.get(peer).is_none_or(|peer| peer.session == Some(session));
        if is_same && counts.is_empty() {
            return;
        }
        self.change(|state| {
            if let Some(peer) = state.peers.get_mut(peer) {
                let was_live = peer.session.is_some_and(|session| session.phase == Phase::Live);
                peer.count(session, counts);
                if session.phase == Phase::Live && !was_live {
                    peer.agree(schemas);
                }
            }
        });
    }

    /// The session with a peer has ended.
    pub(super) fn ended(
        &self,
        peer: &PeerId,
        schemas: &[SchemaId],
        (status, end): (&Status, &End),
        counts: Vec<(SchemaId, SchemaCounts)>,
    ) {
        let session = SessionStatus::of(schemas.len(), status);
        self.change(|state| {
            let State { peers, totals, .. } = state;
            if let Some(peer) = peers.get_mut(peer) {
                peer.count(session, counts);
                peer.end(totals, schemas, Some(end));
            }
        });
    }

    /// A session of version 1 has ended, well unless it has a failure.
    pub(super) fn ended_link(&self, peer: &PeerId, ended: &Totals, failure: Option<String>) {
        self.change(|state| {
            let State { peers, totals, .. } = state;
            let Some(status) = peers.get_mut(peer) else { return };
            match failure {
                None => status.agree(&[]),
                failure => status.failure = failure,
            }
            status.totals.add(ended);
            totals.add(ended);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PeerStatus {
    /// All sessions since the start, with the one under way.
    #[must_use]
    pub fn totals_so_far(&self) -> Totals {
        let mut totals = self.totals;
        if let Some(session) = &self.session {
            totals.add(&session.totals);
        }
        totals
    }

    fn count(&mut self, session: SessionStatus, counts: Vec<(SchemaId, SchemaCounts)>) {
        if self.session.is_none() {
            schemas::begin(&mut self.schemas);
        }
        schemas::add(&mut self.schemas, counts);
        self.session = Some(session);
    }

    fn agree(&mut self, schemas: &[SchemaId]) {
        let now = SystemTime::now();
        schemas::agree(&mut self.schemas, schemas, now);
        self.agreed = Some(now);
        self.failure = None;
    }

    /// Adds the session under way to the sums; without an end it was cut off.
    fn end(&mut self, all: &mut Totals, schemas: &[SchemaId], end: Option<&End>) {
        let Some(session) = self.session.take() else { return };
        let mut totals = Totals { sessions: 1, ..session.totals };
        match end {
            Some(End::Complete) => self.agree(schemas),
            Some(End::Refused(refusal)) => self.failure = Some(refusal.text.clone()),
            Some(End::Failed(fault)) => self.failure = Some(fault.to_string()),
            _ => {}
        }
        totals.failed = matches!(end, Some(End::Refused(_) | End::Failed(_))).into();
        self.totals.add(&totals);
        all.add(&totals);
    }
}

impl SessionStatus {
    fn of(schemas: usize, status: &Status) -> Self {
        let totals = Totals {
            sessions: 0,
            failed: 0,
            received: status.received,
            stored: status.stored,
            known: status.known,
            waiting: status.waiting,
            refused: status.refused,
            sent: status.sent,
            bytes_in: status.bytes_in,
            bytes_out: status.bytes_out,
        };
        let expected = status.expected_entries;
        Self { phase: status.phase, schemas, expected, percent: status.percent(), totals }
    }
}

impl Totals {
    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.sessions, other.sessions),
            (&mut self.failed, other.failed),
            (&mut self.received, other.received),
            (&mut self.stored, other.stored),
            (&mut self.known, other.known),
            (&mut self.waiting, other.waiting),
            (&mut self.refused, other.refused),
            (&mut self.sent, other.sent),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
        ];
        pairs.into_iter().for_each(|(count, more)| *count = count.saturating_add(more));
    }
}

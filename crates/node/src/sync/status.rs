//! How replication gets on, for people and programs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use pandan_network::{Direction, PeerId, RefusalReason};
use pandan_operations::SchemaId;
use pandan_replication::{End, Phase, SchemaCounts, Status, VERSION, legacy};
use pandan_store::Frozen;
use tokio::sync::watch;

use super::forks::ForksStatus;
use super::reasons;
use super::schemas::{self, SchemaStatus};
use super::totals::Totals;

/// How a node replicates at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncStatus {
    /// The peers that are connected, and those that were since the start, by id.
    pub peers: Vec<PeerStatus>,
    /// What went over the wire with all of them, also with those that are forgotten.
    pub totals: Totals,
    /// What went over the wire with those that are forgotten, by version of the protocol.
    pub forgotten: BTreeMap<u64, Totals>,
    /// How many connections were not let in, by the reason. Of very many at once not all are
    /// counted.
    pub turned_away: BTreeMap<&'static str, u64>,
    /// How many sessions failed, by version of the protocol and the reason.
    pub failures: BTreeMap<(u64, &'static str), u64>,
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
    /// The same by version of the protocol, as far as it was spoken.
    pub versions: BTreeMap<u64, Totals>,
    /// The same by schema, as far as entries tell theirs; only with version 2.
    pub schemas: BTreeMap<SchemaId, SchemaStatus>,
    /// When both had the same for the last time.
    pub agreed: Option<SystemTime>,
    /// Why the last session failed, unless a later one did not.
    pub failure: Option<String>,
    /// When its connection ended, if it is gone.
    pub left: Option<SystemTime>,
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

/// How many peers that are gone are remembered. Those that have been gone for the longest are
/// forgotten.
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
    forgotten: BTreeMap<u64, Totals>,
    turned_away: BTreeMap<&'static str, u64>,
    failures: BTreeMap<(u64, &'static str), u64>,
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
        SyncStatus {
            peers: state.peers.values().cloned().collect(),
            totals,
            forgotten: state.forgotten.clone(),
            turned_away: state.turned_away.clone(),
            failures: state.failures.clone(),
            forks: state.forks.clone(),
        }
    }

    /// So many connections were not let in.
    pub(super) fn turned_away(&self, reason: &RefusalReason, count: u64) {
        self.change(|state| add(&mut state.turned_away, reasons::of_refusal(reason), count));
    }

    /// So many logs have forked.
    pub(super) fn know_forks(&self, known: u64) {
        self.change(|state| state.forks.counted(known));
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
                versions: BTreeMap::new(),
                schemas: BTreeMap::new(),
                agreed: None,
                failure: None,
                left: None,
            };
            let status = state.peers.entry(peer).or_insert_with(new);
            status.address = address;
            status.speaks(version);
            status.is_incoming = direction == Direction::Incoming;
            status.is_connected = true;
            status.left = None;
        });
    }

    /// The peer turned out to speak another version.
    pub(super) fn speaks(&self, peer: &PeerId, version: u64) {
        self.change(|state| {
            if let Some(status) = state.peers.get_mut(peer) {
                status.speaks(version);
            }
        });
    }

    pub(super) fn disconnected(&self, peer: &PeerId) {
        self.change(|state| {
            if let Some(status) = state.peers.get_mut(peer) {
                status.is_connected = false;
                status.left = Some(SystemTime::now());
            }
            state.forget_one();
        });
    }

    /// Something went over the wire beside sessions.
    pub(super) fn moved(&self, peer: &PeerId, version: u64, moved: &Totals) {
        if *moved != Totals::default() {
            self.change(|state| state.add(peer, version, moved));
        }
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
                peer.count(session, counts);
                // What was sent may still be on its way into the store when news begin.
                if session.phase == Phase::Live {
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
            let State { peers, totals, failures, .. } = state;
            if let Some(peer) = peers.get_mut(peer) {
                peer.count(session, counts);
                peer.end(totals, schemas, end);
            }
            if let Some(reason) = reasons::of_end(end) {
                add(failures, (VERSION, reason), 1);
            }
        });
    }

    /// A session of version 1 has ended, well unless it has a failure: the reason, and a sentence.
    pub(super) fn ended_link(
        &self,
        peer: &PeerId,
        ended: &Totals,
        failure: Option<(&'static str, String)>,
    ) {
        self.change(|state| {
            let Some(status) = state.peers.get_mut(peer) else { return };
            match failure {
                None => status.agree(&[]),
                Some((reason, sentence)) => {
                    status.failure = Some(sentence);
                    add(&mut state.failures, (legacy::VERSION, reason), 1);
                }
            }
            state.add(peer, legacy::VERSION, ended);
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

impl State {
    /// Adds to what went over the wire with a peer.
    fn add(&mut self, peer: &PeerId, version: u64, moved: &Totals) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.add(version, moved);
            self.totals.add(moved);
        }
    }

    /// Makes room for those who come and go.
    fn forget_one(&mut self) {
        let gone = || self.peers.values().filter(|status| !status.is_connected);
        if gone().count() <= GONE_MAX {
            return;
        }
        let longest = gone().min_by_key(|status| status.left).map(|status| status.peer);
        let Some(forgotten) = longest.and_then(|peer| self.peers.remove(&peer)) else { return };
        for (version, totals) in &forgotten.versions {
            self.forgotten.entry(*version).or_default().add(totals);
        }
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, more: u64) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(more);
}

impl PeerStatus {
    /// All sessions since the start, with the one under way, by version of the protocol.
    #[must_use]
    pub fn totals_so_far(&self) -> BTreeMap<u64, Totals> {
        let mut versions = self.versions.clone();
        if let Some(session) = &self.session {
            versions.entry(VERSION).or_default().add(&session.totals);
        }
        versions
    }

    /// From now on this version is spoken.
    fn speaks(&mut self, version: u64) {
        self.version = version;
        self.versions.entry(version).or_default();
    }

    fn add(&mut self, version: u64, moved: &Totals) {
        self.totals.add(moved);
        self.versions.entry(version).or_default().add(moved);
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
        if schemas::agree(&mut self.schemas, schemas, now) {
            self.agreed = Some(now);
        }
        self.failure = None;
    }

    /// Adds the session under way to the sums.
    fn end(&mut self, all: &mut Totals, schemas: &[SchemaId], end: &End) {
        let Some(session) = self.session.take() else { return };
        let mut totals = Totals { sessions: 1, ..session.totals };
        match end {
            End::Complete => self.agree(schemas),
            End::Refused(refusal) => self.failure = Some(refusal.text.clone()),
            End::Failed(fault) => self.failure = Some(fault.to_string()),
            _ => {}
        }
        totals.failed = matches!(end, End::Refused(_) | End::Failed(_)).into();
        self.add(VERSION, &totals);
        all.add(&totals);
    }
}

impl SessionStatus {
    fn of(schemas: usize, status: &Status) -> Self {
        let totals = Totals::of(status);
        let expected = status.expected_entries;
        Self { phase: status.phase, schemas, expected, percent: status.percent(), totals }
    }
}

#[cfg(test)]
mod tests {
    use pandan_identity::KeyPair;

    use super::*;

    fn peer(number: usize) -> PeerId {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        KeyPair::from_seed(&seed).public_key().into()
    }

    /// Who comes with ever new names takes the place of others of its kind, and no count is lost.
    #[test]
    fn who_is_gone_for_the_longest_is_forgotten_first() {
        let board = Board::default();
        let address = "127.0.0.1:1".parse().unwrap();
        let sent = Totals { sessions: 1, sent: 2, ..Totals::default() };
        for number in 0..GONE_MAX + 2 {
            let peer = peer(number);
            board.connected(peer, address, Direction::Incoming, legacy::VERSION);
            board.ended_link(&peer, &sent, None);
            board.disconnected(&peer);
        }
        // One that comes back is not the one that was gone the longest.
        board.connected(peer(2), address, Direction::Incoming, VERSION);
        board.moved(&peer(2), VERSION, &sent);
        board.disconnected(&peer(2));
        board.connected(peer(GONE_MAX + 2), address, Direction::Incoming, VERSION);
        board.disconnected(&peer(GONE_MAX + 2));
        let SyncStatus { peers, totals, forgotten, .. } = board.status();
        assert_eq!(peers.len(), GONE_MAX);
        let names: Vec<_> = peers.iter().map(|status| status.peer).collect();
        for (number, is_known) in [(0, false), (1, false), (2, true), (3, false), (4, true)] {
            assert_eq!(names.contains(&peer(number)), is_known, "{number}");
        }
        assert_eq!(forgotten, [(legacy::VERSION, three(&sent))].into());
        assert_eq!(totals.sent, 2 * (GONE_MAX as u64 + 3));
        let back = peers.iter().find(|status| status.peer == peer(2)).unwrap();
        assert_eq!(back.totals_so_far(), [(legacy::VERSION, sent), (VERSION, sent)].into());
    }

    fn three(totals: &Totals) -> Totals {
        let mut sum = *totals;
        sum.add(totals);
        sum.add(totals);
        sum
    }

    #[test]
    fn failures_are_counted_by_version_and_reason() {
        let board = Board::default();
        board.connected(peer(1), "127.0.0.1:1".parse().unwrap(), Direction::Incoming, 1);
        let failure = Some((
            reasons::of_outcome(legacy::Outcome::TimedOut).unwrap(),
            String::from("the peer fell silent"),
        ));
        board.ended_link(&peer(1), &Totals { failed: 1, ..Totals::default() }, failure);
        board.turned_away(&RefusalReason::WrongNetwork, 1);
        board.turned_away(&RefusalReason::WrongNetwork, 1);
        let status = board.status();
        assert_eq!(status.failures, [((legacy::VERSION, "IDLE"), 1)].into());
        assert_eq!(status.turned_away, [("WRONG_NETWORK", 2)].into());
        assert_eq!(status.peers[0].failure.as_deref(), Some("the peer fell silent"));
    }
}

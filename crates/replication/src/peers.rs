//! Many peers: who is asked for what, and when (RE10).
//!
//! ```text
//! connected ─▶ Announce, both ways ─▶ schemas in common ─▶ the lower id opens a session
//!                                                        ▲            │ ends
//!                         back-off, or at once to compare anew ◀──────┘
//! ```

mod account;
mod pace;
mod peer;
mod room;
mod schemas;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::fmt;

use pandan_bamboo::{ForkProof, Salt};
use pandan_identity::hex;
use pandan_operations::{OperationId, SchemaId};

use crate::limits::{
    BACK_OFF_MIN_MS, MAX_ENDING, MAX_PEERS, MAX_SCHEMAS, MAX_SESSIONS, RESYNC_JITTER_MS,
    SESSIONS_TAKEN_AT_ONCE,
};
use crate::session::{
    Acceptance, Busy, Commit, Effect, End, IngestId, Phase, SchemaCounts, Session, Terms, Verdict,
};
use crate::{Announcement, Answer, Interest, Message, ReadId, Refusal, RefusalCode};
use account::Account;
use pace::Pace;
use peer::{Link, Peer, Running};

/// The version of the protocol that [`Peers`] speak.
pub const VERSION: u64 = 2;

/// Points for an announcement that is none.
const MALFORMED_POINTS: u32 = 25;

/// Points for a session that comes too soon after those before.
const HASTY_POINTS: u32 = 5;

/// Names a node: the public key with which it authenticates itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub [u8; 32]);

/// Names a stream; the embedder counts, and never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// Something to be done for all peers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeersEffect {
    /// Send the frame on the control stream of the peer.
    Announce(PeerId, Vec<u8>),
    /// Open a stream to the peer, and tell [`Peers::opened`] or [`Peers::not_opened`].
    Open(PeerId),
    /// Do something for the session of a stream.
    Session(StreamId, Effect),
    /// Disconnect the peer, and keep it out until then.
    Block(PeerId, u64),
}

/// What a node wants of its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeersConfig {
    /// Its own id.
    pub own: PeerId,
    /// What it replicates.
    pub interest: Interest,
    /// Whether sessions go on with news.
    pub is_live: bool,
}

/// Where chance comes from: 32 random bytes, which stay secret.
pub struct Seed(pub [u8; 32]);

/// All peers and their sessions.
#[derive(Debug)]
pub struct Peers {
    config: PeersConfig,
    seed: Seed,
    /// The schemas known here: what to ask somebody for who wants everything, too.
    known: Vec<SchemaId>,
    peers: BTreeMap<PeerId, Peer>,
    sessions: BTreeMap<StreamId, Running>,
    /// Sessions whose streams are gone, of which the end was told.
    gone: Vec<StreamId>,
    effects: VecDeque<PeersEffect>,
    draws: u64,
}

impl Peers {
    /// No peers yet.
    #[must_use]
    pub const fn new(config: PeersConfig, seed: Seed) -> Self {
        Self {
            config,
            seed,
            known: Vec::new(),
            peers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            gone: Vec::new(),
            effects: VecDeque::new(),
            draws: 0,
        }
    }

    /// A connection is there. Gives `false` when the peer is to be turned away.
    #[must_use]
    pub fn connected(&mut self, id: PeerId, now: u64) -> bool {
        if !self.peers.contains_key(&id) {
            self.forget_one(now);
            if self.peers.len() >= MAX_PEERS {
                return false;
            }
        }
        let new = || Peer {
            is_connected: false,
            interest: None,
            link: Link::Idle { until: 0 },
            account: Account::default(),
            opened: Pace::default(),
            taken: Pace::default(),
            part: 0,
            hints: Vec::new(),
        };
        let peer = self.peers.entry(id).or_insert_with(new);
        if peer.account.is_blocked(now) {
            return false;
        }
        peer.is_connected = true;
        // Much may have happened while it was away; only failures make it wait.
        if matches!(peer.link, Link::Idle { .. }) && !peer.account.has_failed() {
            peer.link = Link::Idle { until: now };
        }
        self.announce(id, Vec::new());
        true
    }

    /// A frame has come on the control stream.
    pub fn announced(&mut self, id: PeerId, frame: &[u8], now: u64) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_connected) else { return };
        match Message::decode(frame) {
            Ok(Message::Announce(Announcement { versions, interest, hints })) => {
                let speaks = versions.binary_search(&VERSION).is_ok();
                peer.interest = speaks.then_some(interest);
                peer.add_hints(hints);
                let link = peer.link;
                if let Link::Running(stream) = link {
                    self.renew(stream);
                }
                self.open(id, now);
            }
            _ => self.blame(id, MALFORMED_POINTS, now),
        }
    }

    /// The peer broke a rule of another protocol, which costs it so many points.
    pub fn misbehaved(&mut self, id: PeerId, points: u32, now: u64) {
        self.blame(id, points, now);
    }

    /// The connection is gone, and its streams with it.
    pub fn disconnected(&mut self, id: PeerId, now: u64) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.is_connected = false;
        peer.interest = None;
        let until = match peer.link {
            Link::Idle { until } => until,
            Link::Opening | Link::Running(_) => now,
        };
        peer.link = Link::Idle { until };
        self.sessions.retain(|_, running| running.peer != id || running.over_since.is_none());
        let of_peer = self.sessions.values_mut().filter(|running| running.peer == id);
        of_peer.for_each(|running| running.session.gone());
    }

    /// The stream that was asked for is open.
    pub fn opened(&mut self, id: PeerId, stream: StreamId, now: u64) {
        let schemas = self.common(id);
        let (salt, jitter) = (self.salt(), self.draw());
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.link == Link::Opening) else {
            return;
        };
        let about = schemas.clone();
        let parts = schemas.len().div_ceil(MAX_SCHEMAS).max(1);
        let part = peer.part.checked_rem(parts).unwrap_or(0);
        let has_more = part.saturating_add(1) < parts;
        let schemas = schemas.into_iter().skip(part.saturating_mul(MAX_SCHEMAS)).take(MAX_SCHEMAS);
        let Ok(terms) = Terms::new(schemas.collect()) else {
            // Nothing in common any more; tried again when that changes.
            peer.link = Link::Idle { until: now.saturating_add(BACK_OFF_MIN_MS) };
            return;
        };
        peer.part = part.saturating_add(1);
        let jitter = jitter.checked_rem(RESYNC_JITTER_MS).unwrap_or(0);
        let terms = terms.resync_jitter_ms(jitter);
        // The last part stays for news; those of the others are found with the next round.
        let terms = if self.config.is_live && !has_more { terms.live() } else { terms };
        peer.link = Link::Running(stream);
        peer.opened.count(now);
        let session = Session::initiate(terms, salt, now);
        let running =
            Running { peer: id, session, about, has_more, was_live: false, over_since: None };
        self.sessions.insert(stream, running);
    }

    /// The stream that was asked for could not be opened.
    pub fn not_opened(&mut self, id: PeerId, now: u64) {
        let chance = self.draw();
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.link == Link::Opening) {
            let until = now.saturating_add(peer.account.failed(chance));
            peer.link = Link::Idle { until };
        }
    }

    /// The peer has opened a stream, not for announcements. An older session with it is dropped;
    /// end its stream. Gives `false` when the new stream is to be reset at once.
    #[must_use]
    pub fn incoming(&mut self, id: PeerId, stream: StreamId, now: u64) -> bool {
        // A session that has ended stays until it has said why, but not beside another one.
        self.sessions.retain(|_, running| running.peer != id || running.over_since.is_none());
        let is_ending = |running: &&Running| running.peer == id && !running.is_going();
        let ending = self.sessions.values().filter(is_ending).count();
        if ending >= MAX_ENDING || self.sessions.len() >= MAX_SESSIONS.saturating_mul(2) {
            return false;
        }
        let is_full = !self.has_room();
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_connected) else {
            return false;
        };
        let is_hasty = peer.taken.next(SESSIONS_TAKEN_AT_ONCE) > now;
        if !is_hasty {
            peer.taken.count(now);
        }
        let (interest, is_live) = (self.config.interest.clone(), self.config.is_live);
        let mut session = Session::accept(Acceptance { interest, is_live }, now);
        let older = match peer.link {
            Link::Running(older) => Some(older),
            Link::Idle { .. } | Link::Opening => None,
        };
        if is_hasty || is_full && older.is_none() {
            session.refuse(Refusal::new(RefusalCode::BUSY, "too many sessions; come later"));
        } else {
            peer.link = Link::Running(stream);
            if let Some(older) = older.and_then(|older| self.sessions.get_mut(&older)) {
                older.session.gone();
            }
        }
        let about = Vec::new();
        let running = Running {
            peer: id,
            session,
            about,
            has_more: false,
            was_live: false,
            over_since: None,
        };
        self.sessions.insert(stream, running);
        if is_hasty {
            self.blame(id, HASTY_POINTS, now);
        }
        true
    }

    /// The session of a stream, to look at it.
    #[must_use]
    pub fn session(&self, stream: StreamId) -> Option<&Session> {
        self.sessions.get(&stream).map(|running| &running.session)
    }

    /// Whether the session of a stream is over; frames may be left to be sent, and it may not be
    /// known yet what became of the last entries.
    #[must_use]
    pub fn is_over(&self, stream: StreamId) -> bool {
        self.sessions.get(&stream).is_none_or(|running| !running.is_going())
    }

    /// See [`Session::take_schema_counts`].
    #[must_use]
    pub fn take_schema_counts(&mut self, stream: StreamId) -> Vec<(SchemaId, SchemaCounts)> {
        let running = self.sessions.get_mut(&stream);
        running.map(|running| running.session.take_schema_counts()).unwrap_or_default()
    }

    /// The peer of a stream that has a session.
    #[must_use]
    pub fn peer_of(&self, stream: StreamId) -> Option<PeerId> {
        self.sessions.get(&stream).map(|running| running.peer)
    }

    /// The points of a peer.
    #[must_use]
    pub fn points(&mut self, id: PeerId, now: u64) -> u32 {
        self.peers.get_mut(&id).map_or(0, |peer| peer.account.points(now))
    }

    /// A frame has come on a stream; see [`Session::handle`].
    pub fn handle(&mut self, stream: StreamId, frame: &[u8], now: u64) -> Result<(), Busy> {
        let running = self.sessions.get_mut(&stream).ok_or(Busy)?;
        let was_open = !running.session.schemas().is_empty();
        running.session.handle(frame, now)?;
        if !was_open {
            self.hint(stream);
        }
        Ok(())
    }

    /// See [`Session::answer`].
    pub fn answer(&mut self, stream: StreamId, id: ReadId, answer: Answer, now: u64) {
        if let Some(running) = self.sessions.get_mut(&stream) {
            running.session.answer(id, answer, now);
        }
    }

    /// See [`Session::ingested`].
    pub fn ingested(&mut self, stream: StreamId, id: IngestId, verdicts: &[Verdict], now: u64) {
        if let Some(running) = self.sessions.get_mut(&stream) {
            running.session.ingested(id, verdicts, now);
        }
    }

    /// See [`Session::kept`].
    pub fn kept(&mut self, stream: StreamId, now: u64) {
        if let Some(running) = self.sessions.get_mut(&stream) {
            running.session.kept(now);
        }
    }

    /// See [`Session::unavailable`].
    pub fn unavailable(&mut self, stream: StreamId) {
        if let Some(running) = self.sessions.get_mut(&stream) {
            running.session.unavailable();
        }
    }

    /// See [`Session::want_documents`].
    pub fn want_documents(
        &mut self,
        stream: StreamId,
        ids: Vec<OperationId>,
        schemas: &Interest,
    ) -> bool {
        let running = self.sessions.get_mut(&stream);
        running.is_some_and(|running| running.session.want_documents(ids, schemas))
    }

    /// News were left out: all sessions end, and those after them compare anew.
    pub fn compare_again(&mut self) {
        self.sessions.values_mut().for_each(|running| running.session.compare_again());
    }

    /// The other side has ended its half of a stream, or it broke.
    pub fn closed(&mut self, stream: StreamId) {
        if let Some(running) = self.sessions.get_mut(&stream) {
            running.was_live |= running.session.status().phase == Phase::Live;
            running.session.closed();
        }
    }

    /// An entry was stored: it goes to all live sessions but those that have it.
    pub fn commit(&mut self, commit: &Commit) {
        self.sessions.values_mut().for_each(|running| running.session.commit(commit));
    }

    /// A fork became known: it goes to all live sessions, but that on which it came.
    pub fn fork(&mut self, proof: &ForkProof, from: Option<StreamId>) {
        let others = self.sessions.iter_mut().filter(|(stream, _)| Some(**stream) != from);
        others.for_each(|(_, running)| running.session.fork(proof));
    }

    /// When to call [`Peers::timeout`], unless something else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let sessions = self.sessions.values().filter_map(Running::due);
        let has_room = self.has_room();
        let openable = self.peers.iter().filter(|(id, peer)| has_room && self.may_open(**id, peer));
        sessions.chain(openable.filter_map(|(_, peer)| peer.due())).min()
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: u64) {
        // Who does not take the last frames of a session gets none.
        self.sessions.retain(|_, running| {
            running.over_since.is_none() || running.due().is_some_and(|due| due > now)
        });
        self.sessions.values_mut().for_each(|running| running.session.timeout(now));
        let ids: Vec<_> = self.peers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.open(id, now));
    }

    /// What is to be done next, apart from sending frames of sessions.
    pub fn poll(&mut self, now: u64) -> Option<PeersEffect> {
        for stream in self.gone.drain(..) {
            self.sessions.remove(&stream);
        }
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        let next = self.sessions.iter_mut().find_map(|(stream, running)| {
            running.session.poll().map(|effect| (*stream, running.peer, effect))
        });
        let (stream, peer, effect) = next?;
        if let Effect::Finished(end) = &effect {
            self.finished(stream, peer, end, now);
        }
        Some(PeersEffect::Session(stream, effect))
    }

    /// The next frame to send on a stream. A session that has ended is forgotten with its last
    /// frame; then end the stream.
    pub fn poll_frame(&mut self, stream: StreamId, now: u64) -> Option<Vec<u8>> {
        let running = self.sessions.get_mut(&stream)?;
        let frame = running.session.poll_frame(now);
        if frame.is_none() && running.over_since.is_some() {
            self.sessions.remove(&stream);
        }
        frame
    }

    fn finished(&mut self, stream: StreamId, id: PeerId, end: &End, now: u64) {
        let chance = self.draw();
        let Some(running) = self.sessions.get_mut(&stream) else { return };
        running.over_since = Some(now);
        if *end == End::Gone {
            self.gone.push(stream);
        }
        let (has_more, was_live) = (running.has_more, running.was_live);
        let points = running.session.status().points;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let until = now.saturating_add(peer.account.ended(end, has_more, was_live, chance));
        if peer.link == Link::Running(stream) {
            peer.link = Link::Idle { until };
        }
        self.blame(id, points, now);
        self.open(id, now);
    }

    fn blame(&mut self, id: PeerId, points: u32, now: u64) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if let Some(until) = peer.account.add(points, now) {
            self.effects.push_back(PeersEffect::Block(id, until));
        }
    }

    /// Opens a session when it is time for one.
    fn open(&mut self, id: PeerId, now: u64) {
        let Some(peer) = self.peers.get(&id) else { return };
        let is_due = peer.due().is_some_and(|due| due <= now) && self.has_room();
        if !is_due || !self.may_open(id, peer) || peer.account.is_blocked(now) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.link = Link::Opening;
            self.effects.push_back(PeersEffect::Open(id));
        }
    }

    /// Of two nodes the one with the lower id opens sessions.
    fn may_open(&self, id: PeerId, peer: &Peer) -> bool {
        self.config.own < id && peer.is_connected && self.has_common(peer)
    }

    fn salt(&mut self) -> Salt {
        let [low, high] = [self.draw(), self.draw()].map(u64::to_le_bytes);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(low.into_iter().chain(high)).for_each(|(to, byte)| *to = byte);
        Salt::from_bytes(bytes)
    }

    /// A number that nobody can foresee who does not know the seed.
    fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(1);
        let state = pandan_bamboo::HeadState::from_bytes(self.seed.0);
        let mut salt = [0; 16];
        salt.iter_mut().zip(self.draws.to_le_bytes()).for_each(|(to, byte)| *to = byte);
        u64::from_le_bytes(*state.salted(&Salt::from_bytes(salt)).as_bytes())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerId(")?;
        hex::write(f, self.0.first_chunk::<4>().map_or(&[], |head| head.as_slice()))?;
        f.write_str("…)")
    }
}
